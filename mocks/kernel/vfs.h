/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories: inodes, names, open files, and the walk along a path.
 *
 * A super block is one file system instance: a tree of dentries, each a name for an inode. Mounts (mount.h) hang super blocks
 * into a namespace's tree; a place in it is a struct path. Objects are counted; who keeps one takes a reference. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"

struct epoll_item;
struct file;
struct inotify_watch;
struct path;
struct pipe;
struct unix_socket;
struct dentry;
struct inode;
struct mount;
struct super;
struct task;
struct world;

/* ---- inodes ---- */

/* What differs between file systems. NULL members mean what the kernel does without them (-EPERM, -ENOTDIR, ...). */
struct inode_ops {
    /* Directory whose entries are computed (procfs): a new inode for name, or NULL. Entries in dentries are found first. A
     * computed entry keeps its dentry as long as somebody refers to it: what is mounted on it stays found. */
    struct inode *(*lookup)(struct inode *dir, const char *name);
    /* Adds the computed names of such a directory. */
    void (*list)(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg);
    /* Symbolic link whose text is computed; -errno or the length. */
    ssize_t (*readlink)(struct inode *inode, char *p, size_t len);
    /* Magic link: leads to a place instead of a text (/proc/PID/fd/N, ns/..., exe, root, cwd). */
    int (*follow)(struct inode *inode, struct path *ret_path);
    /* Text file that is computed when it is opened for reading, and one whose whole text arrives by one write. */
    int (*show)(struct inode *inode, struct buf *out);
    int (*store)(struct inode *inode, const char *text, size_t len);
    /* Replaces the open of a regular or special file: sets file->ops and file->data. */
    int (*open)(struct inode *inode, struct file *file);
    /* Directory operations; NULL: the file system refuses them (-EPERM, -EROFS as the kernel has it). */
    int (*create)(struct inode *dir, const char *name, struct inode *child);
    int (*remove)(struct inode *dir, const char *name, struct inode *child);
    /* What is special about renaming; NULL: nothing. replaces: the new name is taken. */
    int (*rename)(struct inode *child, const struct inode *dir, const struct inode *new_dir, const char *name, bool replaces);
    int (*permission)(struct inode *inode, int mask); /* on top of the mode bits */
    bool (*hides)(const struct inode *inode);         /* from the current task: fstat(2) finds nothing. NULL: never */
    /* Computed entry that is still in use: does it lead to the same object? false: it is looked up again. NULL: always. */
    bool (*valid)(struct inode *inode);
    /* Changes what fstat(2) reports (sizes of computed files, ...). */
    void (*stat)(struct inode *inode, struct stat *st);
    void (*release)(struct inode *inode);
};

struct inode {
    struct super *super;
    const struct inode_ops *ops;
    uint64_t ino;
    mode_t mode; /* type and permissions */
    uid_t uid;   /* of the world's first user namespace */
    gid_t gid;
    dev_t rdev;
    unsigned int nlink;
    uint64_t mtime_ns;
    uint64_t ctime_ns;
    struct buf content;    /* regular file: bytes; symbolic link: target */
    uint64_t size;         /* regular file: beyond content there are zeros up to here; inode_size() */
    struct dentry *dentry; /* directory: its only name */
    int (*program)(int argc, char **argv, char **envp); /* executable: what runs */
    void *data;                                         /* the file system's */
    unsigned int seals;                                 /* memfd */
    struct pipe *pipe;                                  /* fifo: while it is open somewhere */
    struct unix_socket *socket;                         /* socket: who is bound to the name */
    struct inotify_watch *watches;                      /* each keeps the inode */
    unsigned int refs;
};

struct inode *inode_new(struct super *super, mode_t mode, const struct inode_ops *ops);
struct inode *inode_ref(struct inode *inode);
void inode_unref(struct inode *inode);

/* ---- names ---- */

struct dentry {
    struct list link; /* in parent->children, in creation order */
    struct list children;
    struct dentry *parent; /* referenced; itself at the root of the super block */
    struct inode *inode;
    char *name;
    uint32_t hash;        /* of name */
    uint64_t position;    /* among the entries of the directory: grows with each new one */
    unsigned int mounted; /* mounts of all namespaces that hang here */
    bool unlinked;
    bool computed; /* by lookup(): exists while it is in use */
    unsigned int refs;
};

struct dentry *dentry_ref(struct dentry *dentry);
void dentry_unref(struct dentry *dentry);
/* Existing or computed entry, or NULL. Referenced. */
struct dentry *dentry_lookup(struct dentry *dir, const char *name);
/* Adds a name for inode (takes its own reference). Borrowed. */
struct dentry *dentry_add(struct dentry *dir, const char *name, struct inode *inode);
void dentry_remove(struct dentry *dentry);

/* ---- super blocks ---- */

struct filesystem {
    const char *name; /* "tmpfs" */
    unsigned long magic;
    bool nodev_dev;    /* no block device behind it */
    bool userns_mount; /* mountable by root of a user namespace that owns the matching namespaces */
    /* Makes a super block for the mount options in data ("size=64k,mode=755"); an unknown option is -EINVAL. */
    int (*mount)(struct world *world, const char *source, const char *data, struct super **ret_super);
    /* Takes over changed options; flags: MS_RDONLY, ... of the super block, which the caller sets. NULL: nothing can be
     * changed. */
    int (*reconfigure)(struct super *super, unsigned long flags, const char *data);
    /* Is this a mount option (fsconfig(2) asks one by one)? value NULL: a flag. 0 or -EINVAL. NULL: no option exists. */
    int (*check)(const char *key, const char *value);
    /* What a new mount by the current task shows of it, referenced (cgroup namespaces); NULL: its root. */
    struct dentry *(*mount_root)(struct super *super);
    /* The root of a mount as mountinfo names it to a reader; NULL: its path in the super block. */
    void (*show_root)(const struct task *viewer, const struct dentry *root, struct buf *out);
};

#define SUPER_NODEV 0x1      /* device nodes do not open */
#define SUPER_NOEXEC 0x2     /* nothing is executed */
#define SUPER_NO_NEW 0x8     /* a name that is not there is -ENOENT for who would make it, too (proc) */
#define SUPER_IMMUTABLE 0x10 /* its files are written and changed by nobody (nsfs) */
#define SUPER_VISIBLE 0x4    /* a user namespace may mount it only where a full view of it exists already (proc, sysfs) */

struct super {
    struct world *world;
    const struct filesystem *type;
    struct dentry *root;
    dev_t dev;
    unsigned long flags; /* SB_RDONLY, ... (MS_* values) */
    char *source;
    char *options;                    /* as mountinfo shows them behind "rw": ",size=64k"; NULL: none */
    struct user_namespace *owner;     /* whose root has power over it; that of the task that made it */
    unsigned int traits;              /* SUPER_* */
    uint64_t max_blocks, used_blocks; /* of 4096 bytes; max 0: no limit */
    uint64_t max_inodes, used_inodes;
    uint64_t removed_inodes; /* without a name, but in use */
    uint64_t next_ino;
    void *data; /* the file system's; freed by release */
    void (*release)(struct super *super);
    unsigned int refs;
};

struct super *super_new(struct world *world, const struct filesystem *type, mode_t root_mode, const struct inode_ops *root_ops);
struct super *super_ref(struct super *super);
void super_unref(struct super *super);
const struct filesystem *filesystem_find(const char *name);

/* The registered types; each is defined in its fs_*.c. */
extern const struct filesystem tmpfs_filesystem, ramfs_filesystem, rootfs_filesystem, devtmpfs_filesystem, mqueue_filesystem;
extern const struct filesystem proc_filesystem, sysfs_filesystem, devpts_filesystem, cgroup_filesystem, cgroup2_filesystem;
extern const struct filesystem virtiofs_filesystem;

/* ---- what a world keeps ---- */

struct vfs {
    struct world *world;
    struct user_namespace *owner; /* the world's first user namespace */
    uint64_t memory_bytes;        /* tmpfs takes half of it by default */
    struct super *anon;           /* inodes of pipes, sockets, event descriptors */
    struct super *devtmpfs;       /* one for all mounts of it */
    struct super *share;          /* what the host offers over virtio-fs; NULL: nothing */
    struct mount *memfd;          /* where memfd_create(2) puts its files */
    struct list mounts;           /* struct mount by world_link: all that are mounted somewhere */
    unsigned int next_dev, next_mount_id, next_peer_group;
};

void vfs_init(struct vfs *vfs, struct world *world, struct user_namespace *owner, uint64_t memory_bytes);
void vfs_done(struct vfs *vfs);
struct vfs *world_vfs(const struct world *world);

/* ---- places ---- */

struct path {
    struct mount *mount;
    struct dentry *dentry;
};

void path_ref(const struct path *path);
void path_unref(struct path *path);

#define WALK_FOLLOW 0x1    /* the last component too */
#define WALK_DIRECTORY 0x2 /* the last component must be one */
#define WALK_PARENT 0x4    /* stop before the last component and give its name */
#define WALK_EMPTY 0x8     /* "" is dirfd itself */
#define WALK_CREATE 0x10   /* with WALK_PARENT: the last component may be missing */

/* Resolves name from dirfd for the current task, with openat2's RESOLVE_* bits; permission to search is checked on the way.
 * With WALK_PARENT, *ret_last (NAME_MAX + 1 bytes) receives the last component. *ret_path is referenced. */
int path_walk(int dirfd, const char *name, unsigned int walk_flags, uint64_t resolve, struct path *ret_path, char *ret_last);
/* Name of a place as the task sees it from its root ("/a/b", with " (deleted)"), without a NUL; -ERANGE when p is too
 * small. */
ssize_t path_name(const struct task *task, const struct path *path, char *p, size_t len);
/* Can the place be reached from the task's root? Otherwise path_name() starts at the root of its mount. */
bool path_reachable(const struct path *path, const struct path *root);
/* Owner, mode bits and capabilities of the current task against mask (R_OK, W_OK, X_OK). */
int inode_permission(struct inode *inode, int mask);
/* Read-only mounts and super blocks: -EROFS. */
int path_writable(const struct path *path);
/* Does the mount or its super block forbid to execute files, or to gain privileges by them? */
bool path_noexec(const struct path *path);
bool path_nosuid(const struct path *path);
/* Makes a file of any type but directory at a name, as mknodat(2) without its capability (unix sockets). ret_path is
 * referenced. */
int path_create(int dirfd, const char *name, mode_t mode, struct path *ret_path);

/* ---- open files ---- */

struct file_ops {
    ssize_t (*read)(struct file *file, void *p, size_t len, off_t *pos);
    ssize_t (*write)(struct file *file, const void *p, size_t len, off_t *pos);
    int (*ioctl)(struct file *file, unsigned long request, void *arg); /* NULL: -ENOTTY */
    uint32_t (*poll)(struct file *file); /* EPOLLIN, ... that hold now; NULL: epoll refuses the file (-EPERM) */
    uint64_t (*due)(struct file *file);  /* when that changes by itself; UINT64_MAX or NULL: never */
    void (*release)(struct file *file);
    const char *name; /* what /proc/PID/fd calls a file without a place: "[eventfd]" */
    bool no_pwrite;   /* written only from where it stands: pwrite fails with -ESPIPE (seq_file) */
    bool stream;      /* no positions: pread and pwrite fail with -ESPIPE. Always so for pipes and sockets. */
};

struct file {
    const struct file_ops *ops;
    struct path path;    /* NULL members for files without a place (pipes, sockets, ...) */
    struct inode *inode; /* never NULL */
    int flags;           /* O_ACCMODE, O_NONBLOCK, O_APPEND, O_PATH, ... */
    off_t pos;
    void *data;
    struct buf text;             /* computed text or directory listing that is being read */
    struct epoll_item *watchers; /* epoll descriptors that watch it; file_unref() calls epoll_forget() before the end */
    unsigned int refs;
};

/* A file without a place, on an inode of the world's anonymous file system (mode: S_IFIFO, S_IFSOCK, S_IFREG, ...). */
struct file *file_new(const struct file_ops *ops, mode_t mode, int flags, void *data);
struct file *file_ref(struct file *file);
void file_unref(struct file *file);
/* Opens a place as openat(2) does: permission, O_TRUNC, O_PATH, the inode's own open. */
int file_open(const struct path *path, int flags, struct file **ret_file);

/* Reading a computed text: what show() tells when reading starts at 0. Writing: one call of store(). For file systems whose
 * open() has its own file_ops but wants these. */
ssize_t file_read_computed(struct file *file, void *p, size_t len, off_t *pos);
ssize_t file_write_computed(struct file *file, const void *p, size_t len, off_t *pos);

/* Bytes of a regular file or link. */
uint64_t inode_size(const struct inode *inode);

/* ---- what other modules of the mock provide ---- */

/* pipe.c: opens a fifo: sets ops and data; pipe_await_partner() then blocks for the other end. F_GETPIPE_SZ and F_SETPIPE_SZ.
 */
int pipe_open_fifo(struct inode *inode, struct file *file);
void pipe_await_partner(struct file *file);
int pipe_fcntl(struct file *file, int cmd, long arg);
/* memfd.c: F_ADD_SEALS and F_GET_SEALS. */
int memfd_fcntl(struct file *file, int cmd, unsigned int arg);
/* pty.c: opens a terminal device (majors 4, 5, 136 to 143). */
int tty_open(struct inode *inode, struct file *file);
/* vhost_vsock.c: opens the device; -ENODEV on a machine that is no host of others. */
#define VHOST_VSOCK_MINOR 241
int vhost_vsock_device_open(struct file *file);
/* epoll.c: the last reference of a watched file goes. */
void epoll_forget(struct file *file);
/* inotify.c: something happened to inode (IN_MODIFY, ...), or to name in the directory inode (IN_CREATE, ...). */
void inotify_event(struct inode *inode, uint32_t mask, const char *name);

/* ---- snapshots ---- */

/* The tree below a place, one line per file: path, type and mode, owner, size. Mounts are not entered. */
void vfs_snapshot(const struct path *path, struct buf *out);
