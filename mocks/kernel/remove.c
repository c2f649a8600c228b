/* SPDX-License-Identifier: Apache-2.0 */
/* Removing names: unlink(2), rmdir(2). */
#include <errno.h>

#include "mocks/kernel/vfs_private.h"

/* The end of every removal, also of the target of a rename. Mounts that other namespaces have on it go with it. */
void node_remove(struct dentry *dentry)
{
    struct dentry *dir = dentry_ref(dentry->parent);
    struct inode *inode = inode_ref(dentry->inode);
    uint32_t is_dir = S_ISDIR(inode->mode) ? IN_ISDIR : 0;
    char name[NAME_MAX + 1];
    memcpy(name, dentry->name, strlen(dentry->name) + 1);

    mount_detach_from(dentry);
    dentry_remove(dentry);
    inode_changed(dir->inode, IN_DELETE | is_dir, name);
    inotify_event(inode, IN_DELETE_SELF, NULL);
    inode_unref(inode);
    dentry_unref(dir);
}

/* Errors for names that no file can have. */
static int check_last(enum last_type type, bool is_dir)
{
    static const int dir_errors[] = {[LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_ROOT] = -EBUSY};
    if (type == LAST_NAME)
        return 0;
    return is_dir ? dir_errors[type] : -EISDIR;
}

static int remove_entry(struct walk *walk, struct dentry *victim, bool is_dir)
{
    struct dentry *dir = walk->path.dentry;
    struct inode *parent = dir->inode;
    if (walk->slash && !is_dir)
        return S_ISDIR(victim->inode->mode) ? -EISDIR : -ENOTDIR;
    int r = may_delete(dir, victim, is_dir);
    if (r < 0)
        return r;
    if (!parent->ops->remove)
        return -EPERM;
    if (mount_is_local_mountpoint(victim))
        return -EBUSY;
    if (is_dir && parent->ops->create && !dentry_is_empty(victim) && !victim->inode->ops->list)
        return -ENOTEMPTY;
    r = parent->ops->remove(parent, victim->name, victim->inode);
    if (r == 0)
        node_remove(victim);
    return r;
}

static int remove_at(int dirfd, const char *path, bool is_dir)
{
    if (!path)
        return -EFAULT;
    if (*path == '\0')
        return -ENOENT;
    _walk_ struct walk walk = {0};
    int r = walk_parent(&walk, dirfd, path, 0);
    if (r == 0)
        r = check_last(walk.last_type, is_dir);
    if (r == 0)
        r = path_writable(&walk.path);
    if (r < 0)
        return r;
    struct dentry *victim = dentry_lookup(walk.path.dentry, walk.last);
    if (!victim)
        return -ENOENT;
    r = remove_entry(&walk, victim, is_dir);
    dentry_unref(victim);
    return r;
}

int sys_unlinkat(int dirfd, const char *path, int flags)
{
    CALL_ENTER(unlinkat, "%d, \"%s\", 0x%x", dirfd, shown(path), (unsigned int)flags);
    if (flags & ~AT_REMOVEDIR)
        return (int)call_leave(-EINVAL);
    return (int)call_leave(remove_at(dirfd, path, flags & AT_REMOVEDIR));
}
