/* SPDX-License-Identifier: Apache-2.0 */
/* Hanging trees of mounts somewhere: new ones, copies, and those that move. */
#include <errno.h>

#include "mocks/kernel/mount_private.h"

int mount_find_point(struct path *path)
{
    path_to_top(path);
    return path->dentry->unlinked || !path->mount->namespace ? -ENOENT : 0;
}

static void attach(struct mount *tree, struct mount *parent, struct dentry *mountpoint)
{
    struct mount_namespace *from = tree->namespace;
    bool moves = from && !from->anonymous;
    mount_unhang(tree);
    if (from != parent->namespace) {
        if (from) {
            mount_tree_leave(tree);
            from->root = NULL;
        }
        mount_tree_join(tree, parent->namespace);
    }
    mount_hang(tree, parent, mountpoint);
    propagate_mount(tree, moves);
}

int mount_graft(struct mount *tree, const struct path *at)
{
    if (S_ISDIR(at->dentry->inode->mode) != S_ISDIR(tree->root->inode->mode))
        return -ENOTDIR;
    /* Its root becomes a mount point as well, should something lie there already; a deleted directory cannot. */
    if (tree->root->unlinked)
        return -ENOENT;
    attach(tree, at->mount, at->dentry);
    return 0;
}

struct mount *mount_attach(struct super *super, const struct path *at, unsigned int flags)
{
    struct mount *mount = mount_new(super, super->root, flags);
    mount->source = super->source ? strdup(super->source) : NULL;
    attach(mount, at->mount, at->dentry);
    return mount;
}

static bool contains_unbindable(struct mount *tree)
{
    for (struct mount *mount = tree; mount; mount = mount_next(mount, tree))
        if (mount->unbindable)
            return true;
    return false;
}

/* What moves is a whole mount of this namespace, or a detached tree; nobody else may notice that it leaves its place. */
static int check_source(const struct path *from)
{
    const struct mount *mount = from->mount;
    bool detached = mount->namespace && mount->namespace->anonymous && !mount->parent;
    if (!mount->namespace || (!detached && !mount_is_mine(mount)))
        return -EINVAL;
    if (mount->locked || (!detached && !mount->parent))
        return -EINVAL;
    return mount->parent && mount->parent->peer_group != 0 ? -EINVAL : 0;
}

/* A mount of this namespace takes anything; into a detached tree comes only another one. */
static bool may_receive(const struct mount *target, const struct mount *mount)
{
    if (mount_is_mine(target))
        return true;
    return mount_is_detached_here(target) && mount->namespace && mount->namespace->anonymous &&
           target->namespace != mount->namespace;
}

int mount_move(const struct path *from, const struct path *to)
{
    struct path at = *to;
    if (!path_is_mount_root(from) || S_ISDIR(to->dentry->inode->mode) != S_ISDIR(from->dentry->inode->mode))
        return -EINVAL;
    path_ref(&at);
    int r = mount_find_point(&at);
    if (r == 0 && !may_receive(at.mount, from->mount))
        r = -EINVAL;
    if (r == 0)
        r = check_source(from);
    if (r == 0 && at.mount->peer_group != 0 && contains_unbindable(from->mount))
        r = -EINVAL;
    for (const struct mount *mount = at.mount; r == 0 && mount; mount = mount->parent)
        if (mount == from->mount)
            r = -ELOOP;
    if (r == 0)
        r = mount_graft(from->mount, &at);
    path_unref(&at);
    return r;
}
