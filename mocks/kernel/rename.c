/* SPDX-License-Identifier: Apache-2.0 */
/* rename(2), with RENAME_NOREPLACE and RENAME_EXCHANGE. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "mocks/kernel/vfs_private.h"

struct renaming {
    struct walk from, to;
    struct dentry *source, *target; /* referenced; target NULL: free name */
    unsigned int flags;
};

static bool is_dir(const struct dentry *dentry)
{
    return S_ISDIR(dentry->inode->mode);
}

static int find_entries(struct renaming *r)
{
    r->source = dentry_lookup(r->from.path.dentry, r->from.last);
    if (!r->source || r->to.path.dentry->unlinked)
        return -ENOENT;
    r->target = dentry_lookup(r->to.path.dentry, r->to.last);
    if ((r->flags & RENAME_NOREPLACE) && r->target)
        return -EEXIST;
    return (r->flags & RENAME_EXCHANGE) && !r->target ? -ENOENT : 0;
}

/* Names that end in a slash are directories; no directory moves below itself. */
static int check_shape(const struct renaming *r)
{
    bool exchange = r->flags & RENAME_EXCHANGE;
    if (exchange && !is_dir(r->target) && r->to.slash)
        return -ENOTDIR;
    if (!is_dir(r->source) && (r->from.slash || (!exchange && r->to.slash)))
        return -ENOTDIR;
    if (dentry_is_below(r->to.path.dentry, r->source))
        return -EINVAL;
    if (r->target && dentry_is_below(r->from.path.dentry, r->target))
        return exchange ? -EINVAL : -ENOTEMPTY;
    return 0;
}

static int check_permission(const struct renaming *r)
{
    struct dentry *old_dir = r->from.path.dentry, *new_dir = r->to.path.dentry;
    bool exchange = r->flags & RENAME_EXCHANGE;
    int e = may_delete(old_dir, r->source, is_dir(r->source));
    if (e < 0)
        return e;
    e = r->target ? may_delete(new_dir, r->target, is_dir(exchange ? r->target : r->source)) : may_create(new_dir);
    if (e < 0)
        return e;
    if (!old_dir->inode->ops->create || !old_dir->inode->ops->remove)
        return -EPERM;
    /* Its ".." changes. */
    if (old_dir != new_dir && is_dir(r->source))
        e = inode_permission(r->source->inode, W_OK);
    if (e == 0 && old_dir != new_dir && exchange && is_dir(r->target))
        e = inode_permission(r->target->inode, W_OK);
    return e;
}

static void notify(const struct renaming *r, const char *old_name)
{
    uint32_t dir = is_dir(r->source) ? IN_ISDIR : 0;
    inode_changed(r->from.path.dentry->inode, IN_MOVED_FROM | dir, old_name);
    inode_changed(r->to.path.dentry->inode, IN_MOVED_TO | dir, r->to.last);
    inotify_event(r->source->inode, IN_MOVE_SELF, NULL);
}

static int do_rename(struct renaming *r)
{
    if (r->target && r->target->inode == r->source->inode)
        return 0;
    int e = check_permission(r);
    if (e < 0)
        return e;
    if (mount_is_local_mountpoint(r->source) || (r->target && mount_is_local_mountpoint(r->target)))
        return -EBUSY;
    struct inode *old_dir = r->from.path.dentry->inode;
    if (old_dir->ops->rename)
        e = r->flags ? -EINVAL
                     : old_dir->ops->rename(r->source->inode, old_dir, r->to.path.dentry->inode, r->to.last, r->target != NULL);
    if (e < 0)
        return e;
    if (r->flags & RENAME_EXCHANGE) {
        dentry_exchange(r->source, r->target);
    } else {
        if (r->target && is_dir(r->target) && !dentry_is_empty(r->target))
            return -ENOTEMPTY;
        e = r->target ? old_dir->ops->remove(r->to.path.dentry->inode, r->target->name, r->target->inode) : 0;
        if (e < 0)
            return e;
        if (r->target)
            node_remove(r->target);
        dentry_move(r->source, r->to.path.dentry, r->to.last);
    }
    notify(r, r->from.last);
    return 0;
}

static int find_directory(struct walk *walk, int dirfd, const char *path)
{
    if (!path)
        return -EFAULT;
    return *path ? walk_parent(walk, dirfd, path, 0) : -ENOENT;
}

static int find_directories(struct renaming *r, int olddirfd, const char *oldpath, int newdirfd, const char *newpath)
{
    int e = find_directory(&r->from, olddirfd, oldpath);
    if (e == 0)
        e = find_directory(&r->to, newdirfd, newpath);
    if (e < 0)
        return e;
    if (r->from.path.mount != r->to.path.mount)
        return -EXDEV;
    if (r->from.last_type != LAST_NAME)
        return -EBUSY;
    if (r->to.last_type != LAST_NAME)
        return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    return path_writable(&r->from.path);
}

static int rename_entry(struct renaming *r)
{
    int e = find_entries(r);
    if (e == 0)
        e = check_shape(r);
    return e < 0 ? e : do_rename(r);
}

int sys_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags)
{
    CALL_ENTER(renameat2, "%d, \"%s\", %d, \"%s\", 0x%x", olddirfd, shown(oldpath), newdirfd, shown(newpath), flags);
    if (flags & RENAME_WHITEOUT)
        unsupported("renameat2: RENAME_WHITEOUT");
    if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE)) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return (int)call_leave(-EINVAL);
    struct renaming renaming = {.flags = flags};
    int r = find_directories(&renaming, olddirfd, oldpath, newdirfd, newpath);
    if (r == 0)
        r = rename_entry(&renaming);
    dentry_unref(renaming.source);
    dentry_unref(renaming.target);
    walk_done(&renaming.from);
    walk_done(&renaming.to);
    return (int)call_leave(r);
}
