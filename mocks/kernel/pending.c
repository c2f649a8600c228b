/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for modules that are not there yet: one mount without more, no cgroups, empty file systems. Every function is weak,
 * so the real one wins as soon as it exists; this file goes when all do. */
#include <stdlib.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/nsfs.h"
#include "mocks/kernel/world.h"

#define WEAK __attribute__((weak))

static int mount_empty(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)data;
    return tmpfs_filesystem.mount(world, source, NULL, ret_super);
}

WEAK const struct filesystem cgroup_filesystem = {.name = "cgroup", .mount = mount_empty};
WEAK const struct filesystem cgroup2_filesystem = {.name = "cgroup2", .mount = mount_empty};
WEAK const struct filesystem devpts_filesystem = {.name = "devpts", .mount = mount_empty};
WEAK const struct filesystem proc_filesystem = {.name = "proc", .mount = mount_empty};
WEAK const struct filesystem sysfs_filesystem = {.name = "sysfs", .mount = mount_empty};

WEAK struct cgroup_set *cgroup_set_ref(struct cgroup_set *set)
{
    return set;
}

WEAK void cgroup_set_unref(struct cgroup_set *set)
{
    (void)set;
}

WEAK int cgroup_task_fork(struct task *child, const struct task *parent, int cgroup_fd)
{
    (void)child;
    (void)parent;
    (void)cgroup_fd;
    return 0;
}

WEAK void cgroup_task_exit(struct task *task)
{
    (void)task;
}

WEAK void cgroup_task_done(struct task *task)
{
    (void)task;
}

WEAK void cgroups_new(struct world *world)
{
    (void)world;
}

WEAK void cgroups_free(struct world *world)
{
    (void)world;
}

WEAK void cgroups_snapshot(const struct world *world, struct buf *out)
{
    (void)world;
    (void)out;
}

WEAK void inotify_event(struct inode *inode, uint32_t mask, const char *name)
{
    (void)inode;
    (void)mask;
    (void)name;
}

WEAK int tty_open(struct inode *inode, struct file *file)
{
    (void)inode;
    (void)file;
    unsupported("terminals");
}

WEAK void nsfs_new(struct world *world)
{
    (void)world;
}

WEAK void nsfs_free(struct world *world)
{
    (void)world;
}

WEAK bool nsfs_of_file(const struct file *file, struct namespace_id *ret_id)
{
    (void)file;
    (void)ret_id;
    return false;
}

/* ---- one mount ---- */

WEAK struct mount *mount_ref(struct mount *mount)
{
    if (mount)
        mount->refs++;
    return mount;
}

WEAK void mount_unref(struct mount *mount)
{
    if (!mount || --mount->refs > 0)
        return;
    dentry_unref(mount->root);
    super_unref(mount->super);
    free(mount);
}

WEAK struct mount *mount_internal(struct super *super)
{
    struct mount *mount = calloc(1, sizeof(*mount));

    if (!mount)
        abort();
    mount->super = super_ref(super);
    mount->root = dentry_ref(super->root);
    mount->refs = 1;
    return mount;
}

WEAK void mount_detach_from(struct dentry *dentry)
{
    (void)dentry;
}

WEAK bool mount_is_local_mountpoint(const struct dentry *dentry)
{
    (void)dentry;
    return false;
}

WEAK struct mount *mount_on(const struct path *path)
{
    (void)path;
    return NULL;
}

WEAK struct mount *mount_attach(struct super *super, const struct path *at, unsigned int flags)
{
    (void)super;
    (void)at;
    (void)flags;
    return NULL;
}

WEAK struct mount_namespace *mount_namespace_new(struct super *root, struct user_namespace *owner)
{
    struct mount_namespace *namespace = calloc(1, sizeof(*namespace));

    if (!namespace)
        abort();
    namespace->root = mount_internal(root);
    namespace->owner = owner;
    namespace->refs = 1;
    return namespace;
}

WEAK struct mount_namespace *mount_namespace_ref(struct mount_namespace *namespace)
{
    namespace->refs++;
    return namespace;
}

WEAK void mount_namespace_unref(struct mount_namespace *namespace)
{
    if (!namespace || --namespace->refs > 0)
        return;
    mount_unref(namespace->root);
    free(namespace);
}

WEAK struct mount_namespace *mount_namespace_copy(const struct mount_namespace *from, struct user_namespace *owner,
                                                  struct path *root, struct path *cwd)
{
    (void)owner;
    (void)root;
    (void)cwd;
    return mount_namespace_ref((struct mount_namespace *)from);
}

WEAK void mount_namespace_root(const struct mount_namespace *namespace, struct path *ret_root)
{
    *ret_root = (struct path){.mount = namespace->root, .dentry = namespace->root->root};
    path_ref(ret_root);
}

WEAK void mount_snapshot(const struct mount_namespace *namespace, struct buf *out)
{
    (void)namespace;
    (void)out;
}

WEAK void vfs_snapshot(const struct path *path, struct buf *out)
{
    (void)path;
    (void)out;
}

WEAK int sys_inotify_init1(int flags)
{
    unsupported("inotify_init1: %d", flags);
}

WEAK int sys_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    unsupported("inotify_add_watch: %d %s %x", fd, path, mask);
}
