/* SPDX-License-Identifier: Apache-2.0 */
/* open(2), openat2(2): from a name to a descriptor. */
#include <errno.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "mocks/kernel/vfs_private.h"

#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define CREATE_FLAGS (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define KNOWN_FLAGS                                                                                                            \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | LARGEFILE |     \
     O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)
#define KNOWN_RESOLVE                                                                                                          \
    (RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED)
/* The kernel sets it for every open of a 64-bit program; libc says it is 0. */
#define LARGEFILE 0100000
/* These are not kept in the open file. */
#define OPEN_ONLY (O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC)

static int access_mask(int flags)
{
    static const int masks[] = {R_OK, W_OK, R_OK | W_OK, R_OK | W_OK};
    return masks[flags & O_ACCMODE] | (flags & O_TRUNC ? W_OK : 0);
}

/* Is somebody allowed to open a file of this type in this way? */
static int may_open(const struct path *path, int flags)
{
    struct inode *inode = path->dentry->inode;
    switch (inode->mode & S_IFMT) {
    case S_IFLNK:
        return -ELOOP;
    case S_IFDIR:
        if (access_mask(flags) & W_OK)
            return -EISDIR;
        break;
    case S_IFCHR:
    case S_IFBLK:
        if ((path->mount->flags & MOUNT_ATTR_NODEV) || (path->mount->super->traits & SUPER_NODEV))
            return -EACCES;
        flags &= ~O_TRUNC;
        break;
    case S_IFIFO:
    case S_IFSOCK:
        flags &= ~O_TRUNC;
        break;
    default:
        break;
    }
    int r = inode_permission(inode, access_mask(flags));
    if (r < 0)
        return r;
    return (flags & O_NOATIME) && !owner_or_capable(inode) ? -EPERM : 0;
}

static const struct file_ops path_file_ops;

static const struct file_ops computed_file_ops = {.read = file_read_computed, .write = file_write_computed};

/* Finds who serves the file. */
static int bind_file(struct inode *inode, struct file *file)
{
    if (inode->ops->open)
        return inode->ops->open(inode, file);
    switch (inode->mode & S_IFMT) {
    case S_IFDIR:
        file->ops = &directory_file_ops;
        return 0;
    case S_IFIFO:
        return pipe_open_fifo(inode, file);
    case S_IFCHR:
    case S_IFBLK:
        return device_open(inode, file);
    case S_IFSOCK:
    case 0: /* descriptors of events and the like */
        return -ENXIO;
    default:
        file->ops = inode->ops->show || inode->ops->store ? &computed_file_ops : &regular_file_ops;
        return 0;
    }
}

static int open_checked(const struct path *path, int flags, struct file **ret_file)
{
    struct inode *inode = path->dentry->inode;
    bool writes = (flags & O_ACCMODE) != O_RDONLY && S_ISREG(inode->mode) && !(flags & O_PATH);
    if (writes && path_writable(path) < 0)
        return -EROFS;
    int kept = flags & O_PATH ? flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW) : (flags & ~OPEN_ONLY) | LARGEFILE;
    struct file *file = file_alloc(path, inode, kept);
    file->ops = &path_file_ops;
    if (writes)
        path->mount->writers++;
    int r = flags & O_PATH ? 0 : bind_file(inode, file);
    file->flags &= ~O_NOCTTY; /* means something only while a terminal is opened */
    if (r < 0) {
        file->ops = NULL;
        file_unref(file);
        return r;
    }
    *ret_file = file;
    return 0;
}

static int truncate_opened(struct inode *inode)
{
    int r = memfd_may_resize(inode, 0);
    if (r < 0)
        return r;
    if (!capable_over(inode, CAP_FSETID))
        inode_drop_privileges(inode);
    inode_truncate(inode, 0);
    inode_changed(inode, IN_MODIFY, NULL);
    return 0;
}

int file_open(const struct path *path, int flags, struct file **ret_file)
{
    if (flags & O_PATH)
        return open_checked(path, flags, ret_file);
    struct inode *inode = path->dentry->inode;
    bool truncates = (flags & O_TRUNC) && S_ISREG(inode->mode);
    if (truncates && path_writable(path) < 0)
        return -EROFS;
    int r = may_open(path, flags);
    if (r == 0)
        r = open_checked(path, flags, ret_file);
    if (r < 0 || !truncates || inode->ops->store)
        return r;
    r = truncate_opened(inode);
    if (r < 0)
        file_unref(*ret_file);
    return r;
}

/* ---- O_CREAT ---- */

static int create_file(struct walk *walk, mode_t mode)
{
    struct dentry *dir = walk->path.dentry;
    if (dir->unlinked)
        return -ENOENT;
    int r = path_writable(&walk->path);
    if (r == 0)
        r = may_create(dir);
    if (r < 0)
        return r;
    struct path made;
    r = node_make(&walk->path, walk->last, S_IFREG | (mode & 07777 & ~current()->umask), 0, &made);
    if (r < 0)
        return r;
    path_unref(&walk->path);
    walk->path = made;
    return 0;
}

/* The last component for O_CREAT: 1 if the file was made, 0 if it was there, -errno. */
static int find_or_create(struct walk *walk, int flags, mode_t mode)
{
    for (;;) {
        if (walk->slash && walk->last_type == LAST_NAME)
            return -EISDIR;
        if (walk->last_type != LAST_NAME)
            return walk_last(walk, false);

        struct dentry *child = dentry_lookup(walk->path.dentry, walk->last);
        if (!child) {
            int r = create_file(walk, mode);
            return r < 0 ? r : 1;
        }
        _path_ struct path place = {mount_ref(walk->path.mount), child};
        if (path_to_top(&place) && (walk->resolve & RESOLVE_NO_XDEV))
            return -EXDEV;
        if (!S_ISLNK(child->inode->mode) || (flags & (O_NOFOLLOW | O_EXCL))) {
            path_unref(&walk->path);
            walk->path = place;
            place = (struct path){0};
            return 0;
        }
        int r = walk_link(walk, &place);
        if (r < 0)
            return r;
    }
}

static int open_create(struct walk *walk, int flags, mode_t mode, struct file **ret_file)
{
    int r = find_or_create(walk, flags, mode);
    if (r < 0)
        return r;
    if (r == 1)
        return open_checked(&walk->path, flags & ~O_TRUNC, ret_file);
    if (flags & O_EXCL)
        return -EEXIST;
    if (S_ISDIR(walk->path.dentry->inode->mode))
        return -EISDIR;
    return file_open(&walk->path, flags, ret_file);
}

static int open_existing(struct walk *walk, int flags, struct file **ret_file)
{
    int r = walk_last(walk, !(flags & O_NOFOLLOW));
    if (r < 0)
        return r;
    if ((flags & O_DIRECTORY) && !S_ISDIR(walk->path.dentry->inode->mode))
        return -ENOTDIR;
    return file_open(&walk->path, flags, ret_file);
}

/* ---- the calls ---- */

static int check_how(const struct open_how *how)
{
    if ((how->flags & ~(uint64_t)KNOWN_FLAGS) || (how->resolve & ~(uint64_t)KNOWN_RESOLVE))
        return -EINVAL;
    if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
        return -EINVAL;
    if (how->mode & ~(how->flags & CREATE_FLAGS ? 07777ull : 0ull))
        return -EINVAL;
    if ((how->flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
        return -EINVAL;
    if ((how->flags & O_PATH) && (how->flags & ~(uint64_t)PATH_FLAGS))
        return -EINVAL;
    if ((how->flags & O_TMPFILE) == O_TMPFILE)
        unsupported("open: O_TMPFILE");
    return (how->resolve & RESOLVE_CACHED) && (how->flags & (O_TRUNC | O_CREAT)) ? -EAGAIN : 0;
}

/* Is there a number for another descriptor? */
static int descriptor_room(const struct task *task)
{
    size_t limit = task->rlimits[RLIMIT_NOFILE].rlim_cur;
    for (size_t i = 0; i < task->descriptors.n; i++)
        if (!task->descriptors.items[i].file)
            return i < limit ? 0 : -EMFILE;
    return task->descriptors.n < limit ? 0 : -EMFILE;
}

static int open_number(int dirfd, const char *path, const struct open_how *how)
{
    int r = check_how(how);
    if (r == 0 && !path)
        r = -EFAULT;
    if (r == 0 && !*path)
        r = -ENOENT;
    if (r == 0)
        r = descriptor_room(current());
    if (r < 0)
        return r;

    _walk_ struct walk walk = {0};
    int flags = (int)how->flags;
    struct file *file;
    r = walk_parent(&walk, dirfd, path, how->resolve);
    if (r == 0)
        r = flags & O_CREAT ? open_create(&walk, flags, (mode_t)how->mode, &file) : open_existing(&walk, flags, &file);
    if (r < 0)
        return r;
    return fd_publish(file, flags & O_CLOEXEC);
}

/* The other end of a fifo is waited for when nothing is held any more but the descriptor: a task may be killed there. */
static int open_how(int dirfd, const char *path, const struct open_how *how)
{
    int fd = open_number(dirfd, path, how);
    struct file *file = fd < 0 ? NULL : fd_get(current(), fd);

    if (file && S_ISFIFO(file->inode->mode) && !(file->flags & O_PATH))
        pipe_await_partner(file);
    return fd;
}

int sys_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    CALL_ENTER(openat, "%d, \"%s\", 0x%x, 0%o", dirfd, shown(path), (unsigned int)flags, mode);
    /* openat(2) ignores what it does not know. */
    struct open_how how = {.flags = (uint64_t)(flags & (int)KNOWN_FLAGS)};
    if (how.flags & O_PATH)
        how.flags &= PATH_FLAGS;
    if (how.flags & CREATE_FLAGS)
        how.mode = mode & 07777;
    return (int)call_leave(open_how(dirfd, path, &how));
}

int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
    CALL_ENTER(openat2, "%d, \"%s\", {0x%llx, 0%llo, 0x%llx}", dirfd, shown(path), (unsigned long long)how->flags,
               (unsigned long long)how->mode, (unsigned long long)how->resolve);
    return (int)call_leave(open_how(dirfd, path, how));
}
