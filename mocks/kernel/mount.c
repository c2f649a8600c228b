/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts: a part of a super block (root) that hangs on a directory of another mount (mountpoint).
 *
 * A tree of mounts belongs to one namespace. Each namespace keeps its mounts, each mount keeps the one it hangs on. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/mount_private.h"

struct mount *mount_ref(struct mount *mount)
{
    mount->refs++;
    return mount;
}

struct mount *mount_new(struct super *super, struct dentry *root, unsigned int flags)
{
    struct vfs *vfs = world_vfs(super->world);
    struct mount *mount = zalloc(sizeof(*mount));
    list_init(&mount->link);
    list_init(&mount->world_link);
    list_init(&mount->child_link);
    list_init(&mount->children);
    mount->super = super_ref(super);
    mount->root = dentry_ref(root);
    mount->flags = flags;
    mount->id = ++vfs->next_mount_id;
    mount->refs = 1;
    return mount;
}

struct mount *mount_of_super(struct super *super, unsigned int flags)
{
    struct dentry *root = super->type->mount_root ? super->type->mount_root(super) : dentry_ref(super->root);
    struct mount *mount = mount_new(super, root, flags);
    dentry_unref(root);
    return mount;
}

struct mount *mount_internal(struct super *super)
{
    return mount_new(super, super->root, 0);
}

void mount_hang(struct mount *mount, struct mount *parent, struct dentry *mountpoint)
{
    mount->parent = mount_ref(parent);
    mount->mountpoint = dentry_ref(mountpoint);
    mountpoint->mounted++;
    list_append(&parent->children, &mount->child_link);
}

void mount_unhang(struct mount *mount)
{
    struct mount *parent = mount->adrift ? NULL : mount->parent;
    if (!mount->parent)
        return;
    list_remove(&mount->child_link);
    mount->mountpoint->mounted--;
    dentry_unref(mount->mountpoint);
    mount->mountpoint = NULL;
    mount->parent = NULL;
    mount_unref(parent);
}

void mount_unref(struct mount *mount)
{
    if (!mount || --mount->refs > 0)
        return;
    while (!list_is_empty(&mount->children)) {
        struct mount *child = CONTAINER_OF(mount->children.next, struct mount, child_link);
        mount_unhang(child);
        mount_unref(child);
    }
    mount_unhang(mount);
    struct super *super = mount->super;
    dentry_unref(mount->root);
    free(mount->source);
    free(mount);
    super_unref(super);
}

struct mount *mount_on(const struct path *path)
{
    struct mount *child;
    if (path->dentry->mounted == 0)
        return NULL;
    LIST_FOREACH (child, &path->mount->children, child_link)
        if (child->mountpoint == path->dentry)
            return child;
    return NULL;
}

struct mount *mount_next(struct mount *mount, const struct mount *root)
{
    if (!list_is_empty(&mount->children))
        return CONTAINER_OF(mount->children.next, struct mount, child_link);
    for (; mount != root; mount = mount->parent)
        if (mount->child_link.next != &mount->parent->children)
            return CONTAINER_OF(mount->child_link.next, struct mount, child_link);
    return NULL;
}

void mount_tree_join(struct mount *tree, struct mount_namespace *namespace)
{
    struct vfs *vfs = world_vfs(namespace->world);
    for (struct mount *mount = tree; mount; mount = mount_next(mount, tree)) {
        mount->namespace = namespace;
        list_append(&namespace->mounts, &mount->link);
        list_append(&vfs->mounts, &mount->world_link);
    }
}

void mount_tree_leave(struct mount *tree)
{
    for (struct mount *mount = tree; mount; mount = mount_next(mount, tree)) {
        mount->namespace = NULL;
        list_remove(&mount->link);
        list_remove(&mount->world_link);
    }
}

/* ---- copies ---- */

struct mount *mount_clone(struct mount *from, struct dentry *root)
{
    struct mount *mount = mount_new(from->super, root, from->flags);
    mount->locked_flags = from->locked_flags;
    mount->locked = from->locked;
    mount->peer_group = from->peer_group;
    mount->master = from->master;
    mount->original = from;
    mount->source = from->source ? strdup(from->source) : NULL;
    return mount;
}

/* Copies of the children, except those that are unbindable. */
static int copy_children(struct mount *from, struct dentry *root, unsigned int how, struct mount *to)
{
    struct mount *child;
    LIST_FOREACH (child, &from->children, child_link) {
        if (!dentry_is_below(child->mountpoint, root))
            continue;
        if (!(how & COPY_UNBINDABLE) && child->unbindable) {
            if (child->locked)
                return -EPERM;
            continue;
        }
        struct mount *copy = mount_clone(child, child->root);
        mount_hang(copy, to, child->mountpoint);
        int r = copy_children(child, child->root, how, copy);
        if (r < 0)
            return r;
    }
    return 0;
}

int mount_copy_tree(struct mount *from, struct dentry *root, unsigned int how, struct mount **ret_copy)
{
    if (!(how & COPY_UNBINDABLE) && from->unbindable)
        return -EINVAL;
    struct mount *copy = mount_clone(from, root);
    int r = copy_children(from, root, how, copy);
    if (r < 0)
        mount_tree_free(copy);
    else
        *ret_copy = copy;
    return r;
}

void mount_tree_free(struct mount *tree)
{
    while (!list_is_empty(&tree->children))
        mount_tree_free(CONTAINER_OF(tree->children.next, struct mount, child_link));
    mount_unhang(tree);
    mount_unref(tree);
}

/* ---- rules for less privileged namespaces ---- */

void mount_tree_lock(struct mount *tree)
{
    for (struct mount *mount = tree; mount; mount = mount_next(mount, tree)) {
        mount->locked_flags |= (mount->flags & LOCKABLE) | LOCKED_ATIME;
        if (mount != tree)
            mount->locked = true;
    }
}

bool mount_has_locked_children(const struct mount *mount, const struct dentry *below)
{
    struct mount *child;
    LIST_FOREACH (child, &mount->children, child_link)
        if (child->locked && dentry_is_below(child->mountpoint, below))
            return true;
    return false;
}

bool mount_is_mine(const struct mount *mount)
{
    return mount->namespace && mount->namespace == current()->namespaces.mount;
}

bool may_mount(void)
{
    return capable_in(current(), current()->namespaces.mount->owner, CAP_SYS_ADMIN);
}

/* ---- for names that are removed ---- */

bool mount_is_local_mountpoint(const struct dentry *dentry)
{
    struct mount *mount;
    if (dentry->mounted == 0)
        return false;
    LIST_FOREACH (mount, &current()->namespaces.mount->mounts, link)
        if (mount->mountpoint == dentry)
            return true;
    return false;
}

void mount_detach_from(struct dentry *dentry)
{
    struct mount *mount, *found;
    while (dentry->mounted > 0) {
        found = NULL;
        LIST_FOREACH (mount, &world_vfs(dentry->inode->super->world)->mounts, world_link)
            if (mount->mountpoint == dentry)
                found = mount;
        if (!found)
            return;
        umount_tree(found, false, true);
    }
}
