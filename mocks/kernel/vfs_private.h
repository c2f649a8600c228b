/* SPDX-License-Identifier: Apache-2.0 */
/* What the modules of the file side share among themselves. */
#pragma once
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/statfs.h>

#include "mocks/kernel/cred.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/sim.h"
#include "mocks/kernel/sys_fd.h"
#include "mocks/kernel/task.h"
#include "mocks/kernel/vfs.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

/* <sys/mount.h> cannot be had together with <linux/mount.h>. */
#define UMOUNT_FORCE 1
#define UMOUNT_DETACH 2
#define UMOUNT_EXPIRE 4
#define UMOUNT_NO_LINKS 8

#define BLOCK_BYTES 4096
/* Files keep their bytes in memory of the test. */
#define CONTENT_MAX (64u << 20)

static inline uint64_t blocks_of(uint64_t bytes)
{
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

/* Text of a call's argument in the trace. */
static inline const char *shown(const char *text)
{
    return text ? text : "";
}

static inline bool path_equal(const struct path *one, const struct path *other)
{
    return one->mount == other->mount && one->dentry == other->dentry;
}

/* ---- inode.c ---- */

uint64_t vfs_now(const struct world *world);
void super_inode_gone(struct super *super);
/* Marks a change and tells those who watch. */
void inode_changed(struct inode *inode, uint32_t event, const char *name);
void inode_init_owner(struct inode *inode, const struct inode *dir, const struct cred *cred);
ssize_t inode_read(const struct inode *inode, void *p, size_t len, off_t offset);
ssize_t inode_write(struct inode *inode, const void *p, size_t len, off_t offset);
void inode_truncate(struct inode *inode, uint64_t size);
void inode_stat(struct inode *inode, const struct user_namespace *viewer, struct stat *st);

/* ---- dentry.c ---- */

/* The root of a super block; takes over the reference of inode. */
struct dentry *dentry_root(struct inode *inode);
/* Drops the names of a whole tree; what is still in use stays behind as unlinked. */
void dentry_drop_tree(struct dentry *dentry);
/* Gives a dentry another place in the tree. */
void dentry_move(struct dentry *dentry, struct dentry *dir, const char *name);
void dentry_exchange(struct dentry *one, struct dentry *other);
bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor);
bool dentry_is_empty(const struct dentry *dir);
/* Names from the root of the super block on; "/" there. */
void dentry_name(const struct dentry *dentry, const struct dentry *root, struct buf *out);

/* ---- permission.c ---- */

/* 65534 for what the namespace does not know. */
uint32_t id_shown(const struct user_namespace *viewer, bool group, uint32_t id);
/* Has the current task the capability over the inode: does its user namespace know the owner? */
bool capable_over(const struct inode *inode, int capability);
bool owner_or_capable(const struct inode *inode);
bool in_group(const struct cred *cred, gid_t gid);
/* May the current task remove or rename the entry (unlink(2), sticky bit)? */
int may_delete(const struct dentry *dir, const struct dentry *victim, bool is_dir);
int may_create(const struct dentry *dir);
/* The set-id bits of a file fall when it changes. */
mode_t inode_mode_without_privileges(const struct inode *inode);
void inode_drop_privileges(struct inode *inode);

/* ---- path.c ---- */

/* Goes to the top of what is mounted there: true if there was something. */
bool path_to_top(struct path *path);
/* path_name() that does not say whether the name was removed. */
ssize_t path_plain_name(const struct task *task, const struct path *path, char *p, size_t len);

/* ---- path_walk.c: the walk in steps, for calls that treat the last component themselves ---- */

enum last_type {
    LAST_NAME,
    LAST_DOT,
    LAST_DOTDOT,
    LAST_ROOT, /* "/" alone */
};

struct walk {
    struct path path; /* where it stands; referenced */
    struct path root; /* above which ".." does not lead; referenced */
    bool root_used;   /* by an absolute name or ".." */
    uint64_t resolve;
    unsigned int links; /* followed so far */
    enum last_type last_type;
    bool slash; /* the last component ends in one: it is a directory */
    char last[NAME_MAX + 1];
};

/* Stands before the last component then. walk_done() in any case. */
int walk_parent(struct walk *walk, int dirfd, const char *name, uint64_t resolve);
/* Goes to the last component and on along links. */
int walk_last(struct walk *walk, bool follow);
/* The last component is a link with this text: continue before the last component of that. */
int walk_link(struct walk *walk, const struct path *link);
void walk_done(struct walk *walk);
#define _walk_ CLEANUP(walk_done)
#define _path_ CLEANUP(path_unref)

/* ---- open.c, file.c ---- */

extern const struct file_ops regular_file_ops, directory_file_ops;

struct file *file_alloc(const struct path *path, struct inode *inode, int flags);
/* descriptor that may be read or written: -EBADF also for O_PATH */
int file_of(int fd, struct file **ret_file);
/* Whether any task of the world could write to it through a descriptor: then it is no program and no module. */
extern const struct inode_ops tmpfs_ops;
bool is_open_for_writing(const struct world *world, const struct inode *inode);

/* ---- node.c ---- */

/* Makes a file without checks: -ENOSPC, or what the file system says. */
int node_make(const struct path *dir, const char *name, mode_t mode, dev_t rdev, struct path *ret_path);

/* ---- remove.c ---- */

void node_remove(struct dentry *dentry);

/* ---- device.c ---- */

int device_open(struct inode *inode, struct file *file);

/* ---- memfd.c ---- */

int memfd_init(struct vfs *vfs);

/* May the bytes from offset on be changed, and the file grow or shrink to size? */
int memfd_may_write(const struct inode *inode, uint64_t end);
int memfd_may_resize(const struct inode *inode, uint64_t size);
int memfd_may_change_mode(const struct inode *inode, mode_t mode);

/* ---- mount.c ---- */

/* Is something mounted there in the current task's namespace? */
bool mount_is_local_mountpoint(const struct dentry *dentry);
/* Takes away what other namespaces have mounted on a name that vanishes. */
void mount_detach_from(struct dentry *dentry);
