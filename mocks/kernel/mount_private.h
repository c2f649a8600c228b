/* SPDX-License-Identifier: Apache-2.0 */
/* What the modules about mounts share among themselves. */
#pragma once
#include "mocks/kernel/mount.h"
#include "mocks/kernel/vfs_private.h"

/* What a user namespace cannot clear on a mount that it got from a more privileged one; the atime rule cannot change at all. */
#define LOCKABLE (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define LOCKED_ATIME 0x80000000u
#define ATIME_FLAGS (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME)
#define SUPER_FLAGS (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_LAZYTIME)

/* Newer than the headers. */
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif

/* ---- mount.c ---- */

/* Depth first, root before children; NULL after the last one below root. */
struct mount *mount_next(struct mount *mount, const struct mount *root);
/* A mount that hangs nowhere and belongs to no namespace: one reference, the caller's. */
struct mount *mount_new(struct super *super, struct dentry *root, unsigned int flags);
/* As the current task mounts it: with the part of it that the file system shows to the task. */
struct mount *mount_of_super(struct super *super, unsigned int flags);
void mount_hang(struct mount *mount, struct mount *parent, struct dentry *mountpoint);
void mount_unhang(struct mount *mount);
/* The tree belongs to the namespace from now on. */
void mount_tree_join(struct mount *tree, struct mount_namespace *namespace);
void mount_tree_leave(struct mount *tree);
/* Same super block, flags and groups as from; never unbindable. */
struct mount *mount_clone(struct mount *from, struct dentry *root);

#define COPY_UNBINDABLE 0x1
/* Copies the mount with what hangs below root (a dentry of it). -EINVAL: unbindable; -EPERM: cannot be left out. */
int mount_copy_tree(struct mount *from, struct dentry *root, unsigned int how, struct mount **ret_copy);
void mount_tree_free(struct mount *tree);
bool mount_has_locked_children(const struct mount *mount, const struct dentry *below);
void mount_tree_lock(struct mount *tree);
bool mount_is_mine(const struct mount *mount);
/* CAP_SYS_ADMIN over the current mount namespace. */
bool may_mount(void);

static inline bool path_is_mount_root(const struct path *path)
{
    return path->dentry == path->mount->root;
}

/* ---- propagate.c ---- */

void propagation_set(struct mount *mount, unsigned long type);
unsigned int peer_group_new(const struct mount *mount);
/* Calls visit for every mount that gets what happens in mount, itself not included. */
void propagation_visit(struct mount *mount, void (*visit)(void *arg, struct mount *receiver), void *arg);
/* Puts copies of the tree, which hangs on its parent already, wherever the parent propagates to. moves: it was mounted before,
 * and what is in it receives copies, too. */
void propagate_mount(struct mount *tree, bool moves);
/* The mount that fits all others on top of root covers it. */
struct mount *mount_topmost(struct mount *mount);

/* ---- attach.c ---- */

/* Hangs a tree where the path is; whatever that propagates to gets copies. The tree may hang elsewhere, or be new. */
int mount_graft(struct mount *tree, const struct path *at);
/* Where something can be mounted: the top, and not a removed name. */
int mount_find_point(struct path *path);
int mount_move(const struct path *from, const struct path *to);

/* ---- umount.c ---- */

void umount_tree(struct mount *tree, bool propagate, bool keep_connected);

/* ---- sys_mount.c ---- */

bool mount_may_set_flags(const struct mount *mount, unsigned int flags);
/* -EBUSY while files are open for writing. */
int mount_set_flags(struct mount *mount, unsigned int flags);
int super_reconfigure(struct super *super, unsigned long flags, const char *options);
/* May the current task mount this type at all? */
bool filesystem_may_mount(const struct filesystem *type);
/* Would a new mount show what locked mounts hide in the namespace? */
bool mount_reveals(const struct super *super, unsigned int flags);
/* mount(2) of a new super block. */
int super_make(const struct filesystem *type, const char *source, unsigned long flags, const char *data,
               struct super **ret_super);
int mount_bind_copy(const struct path *from, bool recursive, struct mount **ret_copy);

/* ---- mount_api.c ---- */

/* A descriptor of a detached tree, which it keeps. */
int mount_open_detached(struct mount *tree, const struct mount_namespace *from, bool cloexec);

/* ---- mount_namespace.c ---- */

/* from: where the tree was copied; NULL: a new mount. */
struct mount_namespace *mount_namespace_anonymous(struct mount *tree, const struct mount_namespace *from);
/* Is it a detached tree that the tasks of the current namespace may copy and add to? */
bool mount_is_detached_here(const struct mount *mount);
