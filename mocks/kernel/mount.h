/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts and mount namespaces: who hangs where, with which flags, and how changes propagate (mount_namespaces(7)). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mocks/kernel/vfs.h"

struct mount_namespace;
struct user_namespace;

struct mount {
    struct list link;       /* in namespace->mounts, in mount order */
    struct list world_link; /* in vfs->mounts */
    struct list child_link; /* in parent->children */
    struct list children;
    struct mount_namespace *namespace; /* NULL: unmounted, only still in use */
    struct mount *parent;              /* NULL at the root of a namespace */
    struct dentry *mountpoint;
    struct dentry *root; /* what of the super block is visible */
    struct super *super;
    unsigned int id;
    unsigned int flags;        /* MOUNT_ATTR_* */
    bool locked;               /* came with a less privileged namespace: cannot be taken away alone */
    unsigned int locked_flags; /* MOUNT_ATTR_* that cannot be cleared there */
    unsigned int peer_group;   /* shared:N, 0: not shared */
    unsigned int master;       /* master:N, 0: no slave */
    bool unbindable;
    char *source;           /* as mountinfo shows it; NULL: "none" */
    bool adrift;            /* unmounted, but still on its parent, which keeps it instead of the other way round */
    bool marked;            /* scratch of one operation on trees */
    struct mount *original; /* scratch: what a copy was made from */
    unsigned int writers;   /* files open for writing: it cannot become read-only */
    unsigned int refs;      /* one of the namespace, one per place in use */
};

/* A namespace of tasks, or the anonymous one of a detached tree (open_tree, fsmount), which lives as long as its descriptor. */
struct mount_namespace {
    struct world *world;
    struct mount *root; /* the absolute root; that of tasks usually hangs on it */
    bool anonymous;
    uint64_t origin; /* anonymous: inode number of the namespace that a tree was copied from; 0: a new mount */
    struct list mounts;
    struct user_namespace *owner;
    uint64_t inum;
    unsigned int refs;
};

struct mount *mount_ref(struct mount *mount);
void mount_unref(struct mount *mount);

/* A namespace with one visible mount. It hangs on a hidden rootfs, unless root is of that type itself: as after booting from a
 * disk, or staying in an initramfs. */
struct mount_namespace *mount_namespace_new(struct super *root, struct user_namespace *owner);
/* Copy for CLONE_NEWNS; root and cwd of the task (referenced paths) move to their counterparts. */
struct mount_namespace *mount_namespace_copy(const struct mount_namespace *from, struct user_namespace *owner,
                                             struct path *root, struct path *cwd);
struct mount_namespace *mount_namespace_ref(struct mount_namespace *namespace);
void mount_namespace_unref(struct mount_namespace *namespace);
/* Where a task that enters the namespace has its root and working directory. Referenced. */
void mount_namespace_root(const struct mount_namespace *namespace, struct path *ret_root);

/* The mount on top of a place, or NULL: for the walk. */
struct mount *mount_on(const struct path *path);
/* A mount outside of every tree, for the kernel's own file systems (memfd, nsfs). Takes its own reference of super. */
struct mount *mount_internal(struct super *super);
/* Mounts a super block at a place without checks or propagation: for world set-up. */
struct mount *mount_attach(struct super *super, const struct path *at, unsigned int flags);

/* Lines of /proc/PID/mountinfo and mounts as the task sees them (proc(5)). */
void mount_show_mountinfo(const struct task *task, struct buf *out);
void mount_show_mounts(const struct task *task, struct buf *out);
void mount_show_mountstats(const struct task *task, struct buf *out);
/* All mounts of a namespace with their flags and propagation, independent of the viewer and of numbers. */
void mount_snapshot(const struct mount_namespace *namespace, struct buf *out);
