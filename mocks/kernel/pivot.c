/* SPDX-License-Identifier: Apache-2.0 */
/* pivot_root(2): another mount becomes the root of the tasks whose root was the old one, which moves below it. */
#include <errno.h>

#include "mocks/kernel/mount_private.h"

static bool is_shared(const struct mount *mount)
{
    return mount && mount->peer_group != 0;
}

/* old: the top of where the old root shall go. */
static int check(const struct path *root, const struct path *new, const struct path *old)
{
    if (is_shared(old->mount) || is_shared(new->mount->parent) || is_shared(root->mount->parent))
        return -EINVAL;
    if (!mount_is_mine(root->mount) || !mount_is_mine(new->mount) || new->mount->locked)
        return -EINVAL;
    if (new->dentry->unlinked)
        return -ENOENT;
    if (new->mount == root->mount || old->mount == root->mount)
        return -EBUSY;
    if (!path_is_mount_root(root) || !root->mount->parent || !path_is_mount_root(new) || !new->mount->parent)
        return -EINVAL;
    return path_reachable(old, new) && path_reachable(new, root) ? 0 : -EINVAL;
}

static void exchange(const struct path *root, const struct path *new, const struct path *old)
{
    struct mount *parent = mount_ref(root->mount->parent);
    struct dentry *mountpoint = dentry_ref(root->mount->mountpoint);
    mount_unhang(new->mount);
    mount_unhang(root->mount);
    if (root->mount->locked) {
        new->mount->locked = true;
        root->mount->locked = false;
    }
    mount_hang(root->mount, old->mount, old->dentry);
    mount_hang(new->mount, parent, mountpoint);
    dentry_unref(mountpoint);
    mount_unref(parent);
}

static void move_place(struct path *place, const struct path *from, const struct path *to)
{
    if (!path_equal(place, from))
        return;
    path_ref(to);
    path_unref(place);
    *place = *to;
}

static void move_tasks(const struct path *root, const struct path *new)
{
    const struct world *world = current()->world;
    for (struct task *task = task_next(world, NULL); task; task = task_next(world, task)) {
        if (!task->root.dentry)
            continue;
        move_place(&task->root, root, new);
        move_place(&task->cwd, root, new);
    }
}

static int pivot(const char *new_root, const char *put_old)
{
    _path_ struct path new = {0}, old = {0}, root = {0};
    if (!may_mount())
        return -EPERM;
    int r = path_walk(AT_FDCWD, new_root, WALK_FOLLOW | WALK_DIRECTORY, 0, &new, NULL);
    if (r == 0)
        r = path_walk(AT_FDCWD, put_old, WALK_FOLLOW | WALK_DIRECTORY, 0, &old, NULL);
    if (r == 0)
        r = mount_find_point(&old);
    if (r < 0)
        return r;
    root = current()->root;
    path_ref(&root);
    r = check(&root, &new, &old);
    if (r < 0)
        return r;
    exchange(&root, &new, &old);
    move_tasks(&root, &new);
    return 0;
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
    CALL_ENTER(pivot_root, "\"%s\", \"%s\"", shown(new_root), shown(put_old));
    return (int)call_leave(pivot(new_root, put_old));
}
