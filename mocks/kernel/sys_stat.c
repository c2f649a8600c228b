/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at files: stat(2), statfs(2), readlink(2), access(2). */
#include <errno.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "mocks/kernel/vfs_private.h"

/* The kernel's own mark that f_flags is filled in. */
#define FLAGS_VALID 0x20

static struct file *empty_path_file(int fd, const char *path, int flags)
{
    return (flags & AT_EMPTY_PATH) && *path == '\0' && fd != AT_FDCWD ? fd_get(current(), fd) : NULL;
}

static int stat_inode(struct inode *inode, struct stat *st)
{
    if (inode->ops->hides && inode->ops->hides(inode))
        return -ENOENT;
    inode_stat(inode, current()->cred.user, st);
    return 0;
}

static int stat_at(int dirfd, const char *path, struct stat *st, int flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | 0x6000 /* AT_STATX_SYNC_TYPE */))
        return -EINVAL;
    if (!path)
        return flags & AT_EMPTY_PATH ? stat_at(dirfd, "", st, flags) : -EFAULT;
    struct file *file = empty_path_file(dirfd, path, flags);
    if (file)
        return stat_inode(file->inode, st);
    _path_ struct path place = {0};
    unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
    int r = path_walk(dirfd, path, walk, 0, &place, NULL);
    return r < 0 ? r : stat_inode(place.dentry->inode, st);
}

int sys_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
    CALL_ENTER(fstatat, "%d, \"%s\", , 0x%x", dirfd, shown(path), (unsigned int)flags);
    return (int)call_leave(stat_at(dirfd, path, st, flags));
}

int sys_fstat(int fd, struct stat *st)
{
    CALL_ENTER(fstat, "%d", fd);
    struct file *file = fd_get(current(), fd);
    return (int)call_leave(file ? stat_inode(file->inode, st) : -EBADF);
}

static long mount_flags(const struct mount *mount)
{
    static const struct {
        unsigned int attribute;
        long flag;
    } rows[] = {
        {MOUNT_ATTR_RDONLY, ST_RDONLY},
        {MOUNT_ATTR_NOSUID, ST_NOSUID},
        {MOUNT_ATTR_NODEV, ST_NODEV},
        {MOUNT_ATTR_NOEXEC, ST_NOEXEC},
        {MOUNT_ATTR_NOATIME, ST_NOATIME},
        {MOUNT_ATTR_NODIRATIME, ST_NODIRATIME},
        {MOUNT_ATTR_NOSYMFOLLOW, 0x2000 /* ST_NOSYMFOLLOW */},
    };
    long flags = FLAGS_VALID | (mount->super->flags & (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK));
    FOR_ROWS (row, rows)
        if (mount->flags & row->attribute)
            flags |= row->flag;
    return flags | ((mount->flags & MOUNT_ATTR__ATIME) == MOUNT_ATTR_RELATIME ? ST_RELATIME : 0);
}

/* Pipes and sockets share one super block here, but not their types. */
static unsigned long magic_of(const struct inode *inode)
{
    const struct super *super = inode->super;
    if (super != super->world->anonymous)
        return super->type->magic;
    return S_ISFIFO(inode->mode) ? PIPEFS_MAGIC : S_ISSOCK(inode->mode) ? SOCKFS_MAGIC : super->type->magic;
}

int sys_fstatfs(int fd, struct statfs *st)
{
    CALL_ENTER(fstatfs, "%d", fd);
    struct file *file = fd_get(current(), fd);
    if (!file)
        return (int)call_leave(-EBADF);
    const struct super *super = file->inode->super;
    *st = (struct statfs){
        .f_type = (__fsword_t)magic_of(file->inode),
        .f_bsize = BLOCK_BYTES,
        .f_frsize = BLOCK_BYTES,
        .f_namelen = NAME_MAX,
        .f_blocks = super->max_blocks,
        .f_bfree = super->max_blocks ? super->max_blocks - super->used_blocks : 0,
        .f_files = super->max_inodes,
        .f_ffree = super->max_inodes ? super->max_inodes - super->used_inodes : 0,
        .f_flags = file->path.mount ? mount_flags(file->path.mount) : FLAGS_VALID,
    };
    st->f_bavail = st->f_bfree;
    return (int)call_leave(0);
}

static ssize_t read_link(int dirfd, const char *path, char *p, size_t len)
{
    if (len == 0 || len > INT_MAX)
        return -EINVAL;
    _path_ struct path place = {0};
    int r = path_walk(dirfd, path, WALK_EMPTY, 0, &place, NULL);
    if (r < 0)
        return r;
    struct inode *inode = place.dentry->inode;
    if (!S_ISLNK(inode->mode))
        return *path ? -EINVAL : -ENOENT;
    if (inode->ops->readlink)
        return inode->ops->readlink(inode, p, len);
    if (len > inode->content.len)
        len = inode->content.len;
    memcpy(p, inode->content.data, len);
    return (ssize_t)len;
}

ssize_t sys_readlinkat(int dirfd, const char *path, char *p, size_t len)
{
    CALL_ENTER(readlinkat, "%d, \"%s\", , %zu", dirfd, shown(path), len);
    return call_leave(read_link(dirfd, path, p, len));
}

static int access_path(const struct path *place, int mode)
{
    struct inode *inode = place->dentry->inode;
    if ((mode & X_OK) && S_ISREG(inode->mode) && path_noexec(place))
        return -EACCES;
    int r = inode_permission(inode, mode);
    bool special = S_ISCHR(inode->mode) || S_ISBLK(inode->mode) || S_ISFIFO(inode->mode) || S_ISSOCK(inode->mode);
    if (r < 0 || !(mode & W_OK) || special)
        return r;
    return path_writable(place);
}

/* access(2) asks for the real ids; a real root has the permitted capabilities then, others none. */
static void become_real(struct cred *cred)
{
    cred->fsuid = cred->ruid;
    cred->fsgid = cred->rgid;
    cred->caps_effective = id_from_world(cred->user, false, cred->ruid) == 0 ? cred->caps_permitted : 0;
}

static int access_at(int dirfd, const char *path, int mode, int flags)
{
    if ((mode & ~(R_OK | W_OK | X_OK)) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    struct cred *cred = &current()->cred, saved = *cred;
    if (!(flags & AT_EACCESS))
        become_real(cred);
    _path_ struct path place = {0};
    unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
    int r = path_walk(dirfd, path, walk, 0, &place, NULL);
    if (r == 0)
        r = access_path(&place, mode);
    *cred = saved;
    return r;
}

int sys_faccessat(int dirfd, const char *path, int mode, int flags)
{
    CALL_ENTER(faccessat, "%d, \"%s\", 0%o, 0x%x", dirfd, shown(path), (unsigned int)mode, (unsigned int)flags);
    return (int)call_leave(access_at(dirfd, path, mode, flags));
}
