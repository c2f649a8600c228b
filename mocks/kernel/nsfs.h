/* SPDX-License-Identifier: Apache-2.0 */
/* nsfs: the file system of namespaces (namespaces(7), ioctl_nsfs(2)). An inode stands for one namespace and keeps it alive
 * while it is open or bind mounted; /proc/PID/ns/NAME are magic links to such inodes. */
#pragma once
#include "mocks/kernel/task.h"
#include "mocks/kernel/vfs.h"

struct world;

/* A namespace of any kind; object is a struct mount_namespace, pid_namespace, user_namespace or simple_namespace by type. */
struct namespace_id {
    int type; /* CLONE_NEW* */
    void *object;
};

/* The super block of nsfs and its kernel-internal mount: world->nsfs, world->nsfs_mount. */
void nsfs_new(struct world *world);
void nsfs_free(struct world *world);

/* The place of a namespace, which it keeps alive; *ret_path is referenced. */
void nsfs_path(struct world *world, struct namespace_id id, struct path *ret_path);
/* Which namespace an open file stands for (borrowed); false: it is no nsfs file. For setns(2). */
bool nsfs_of_file(const struct file *file, struct namespace_id *ret_id);
/* The user namespace that owns it (of a user namespace: its parent, NULL for the first). */
struct user_namespace *namespace_owner(struct namespace_id id);
uint64_t namespace_inum(struct namespace_id id);
/* "uts" */
const char *namespace_type_name(int type);
