/* SPDX-License-Identifier: Apache-2.0 */
/* Making files: mkdir(2), mknod(2), symlink(2). */
#include <errno.h>
#include <linux/capability.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/vfs_private.h"

int node_make(const struct path *dir, const char *name, mode_t mode, dev_t rdev, struct path *ret_path)
{
    struct inode *parent = dir->dentry->inode;
    struct super *super = parent->super;
    if (super->max_inodes > 0 && super->used_inodes >= super->max_inodes)
        return -ENOSPC;
    struct inode *inode = inode_new(super, mode, NULL);
    inode->rdev = rdev;
    inode_init_owner(inode, parent, &current()->cred);
    int r = parent->ops->create ? parent->ops->create(parent, name, inode) : S_ISREG(mode) ? -EACCES : -EPERM;
    if (r == 0) {
        *ret_path = (struct path){dir->mount, dentry_add(dir->dentry, name, inode)};
        path_ref(ret_path);
        inode_changed(parent, IN_CREATE | (S_ISDIR(mode) ? (uint32_t)IN_ISDIR : 0), name);
    }
    inode_unref(inode);
    return r;
}

/* Stands in the directory where the name shall appear. What is wrong with the name counts before a read-only file system does.
 */
static int find_place(struct walk *walk, int dirfd, const char *name, bool is_dir)
{
    if (!name)
        return -EFAULT;
    if (*name == '\0')
        return -ENOENT;
    int r = walk_parent(walk, dirfd, name, 0);
    if (r < 0)
        return r;
    if (walk->last_type != LAST_NAME)
        return -EEXIST;
    struct dentry *existing = dentry_lookup(walk->path.dentry, walk->last);
    dentry_unref(existing);
    if (existing)
        return -EEXIST;
    if (walk->path.dentry->unlinked || (walk->slash && !is_dir))
        return -ENOENT;
    r = path_writable(&walk->path);
    return r < 0 ? r : may_create(walk->path.dentry);
}

int path_create(int dirfd, const char *name, mode_t mode, struct path *ret_path)
{
    _walk_ struct walk walk = {0};
    int r = find_place(&walk, dirfd, name, false);
    return r < 0 ? r : node_make(&walk.path, walk.last, mode & ~current()->umask, 0, ret_path);
}

/* A device needs the capability over the world; 0/0 is only a marker of overlay file systems (whiteout). */
static int may_make_device(mode_t mode, dev_t rdev)
{
    bool whiteout = S_ISCHR(mode) && rdev == 0;
    if ((S_ISCHR(mode) || S_ISBLK(mode)) && !whiteout && !capable(CAP_MKNOD))
        return -EPERM;
    return cgroup_may_make_device(mode, rdev);
}

static int make(int dirfd, const char *name, mode_t mode, dev_t rdev)
{
    _walk_ struct walk walk = {0};
    _path_ struct path made = {0};
    int r = find_place(&walk, dirfd, name, S_ISDIR(mode));
    if (r == 0)
        r = may_make_device(mode, rdev);
    if (r == 0)
        r = node_make(&walk.path, walk.last, mode & ~current()->umask, rdev, &made);
    return r;
}

int sys_mkdirat(int dirfd, const char *path, mode_t mode)
{
    CALL_ENTER(mkdirat, "%d, \"%s\", 0%o", dirfd, shown(path), mode);
    return (int)call_leave(make(dirfd, path, S_IFDIR | (mode & 01777), 0));
}

/* 32 bits as the system call takes them. */
static dev_t decode_device(unsigned int dev)
{
    return makedev((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

int sys_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev)
{
    CALL_ENTER(mknodat, "%d, \"%s\", 0%o, 0x%llx", dirfd, shown(path), mode, (unsigned long long)dev);
    if ((mode & S_IFMT) == 0)
        mode |= S_IFREG;
    if (S_ISDIR(mode))
        return (int)call_leave(-EPERM);
    if (!S_ISREG(mode) && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
        return (int)call_leave(-EINVAL);
    dev_t rdev = S_ISCHR(mode) || S_ISBLK(mode) ? decode_device((unsigned int)dev) : 0;
    return (int)call_leave(make(dirfd, path, mode & (S_IFMT | 07777), rdev));
}

static int make_link(const char *target, int dirfd, const char *path)
{
    if (!target)
        return -EFAULT;
    if (*target == '\0')
        return -ENOENT;
    if (strlen(target) >= PATH_MAX)
        return -ENAMETOOLONG;
    _walk_ struct walk walk = {0};
    _path_ struct path made = {0};
    int r = find_place(&walk, dirfd, path, false);
    if (r == 0)
        r = node_make(&walk.path, walk.last, S_IFLNK | 0777, 0, &made);
    if (r < 0)
        return r;
    struct inode *inode = made.dentry->inode;
    ssize_t n = inode_write(inode, target, strlen(target), 0);
    return n < 0 ? (int)n : 0;
}

int sys_symlinkat(const char *target, int dirfd, const char *path)
{
    CALL_ENTER(symlinkat, "\"%s\", %d, \"%s\"", shown(target), dirfd, shown(path));
    return (int)call_leave(make_link(target, dirfd, path));
}
