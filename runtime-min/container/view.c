/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/view.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "sys/fd.h"

/* Nothing in it may act with the rights of the caller that looks at it. */
#define VIEW_FLAGS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define MOVE_TO_FD (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

static int copy_tree(const char *source)
{
    return sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int restrict_tree(int tree, bool readonly)
{
    const struct mount_attr attr = {
        .propagation = MS_SLAVE,
        .attr_set = VIEW_FLAGS | (readonly ? MOUNT_ATTR_RDONLY : 0),
    };

    return sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr);
}

/* The guest may change the root file system at any time: only the kernel's own resolution stays in it. */
static int open_place(int root, const char *destination)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

    return sys_openat2(root, destination, &how);
}

static int add_mount(int root, const struct view_mount *mount)
{
    _close_ int place = open_place(root, mount->destination);
    if (place < 0)
        return 0;
    _close_ int tree = copy_tree(mount->source);
    if (tree < 0)
        return tree;
    int r = restrict_tree(tree, mount->readonly);
    if (r == 0)
        r = sys_move_mount(tree, "", place, "", MOVE_TO_FD);
    return r == -EINVAL ? 0 : r; /* a file where a directory belongs, or the other way round (move_mount) */
}

int view_enter(const struct view *view, struct error *err)
{
    const struct view_mount *root = &view->mounts[0];

    int r = sys_unshare(CLONE_NEWNS);
    if (r == 0)
        r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    if (r < 0)
        return error_set(err, r, "make a mount namespace (the runtime needs root)");
    _close_ int tree = copy_tree(root->source);
    r = tree < 0 ? tree : sys_move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    for (size_t i = 1; i < view->n && r == 0; i++) {
        r = add_mount(tree, &view->mounts[i]);
        if (r < 0)
            return error_set(err, r, "show %s at %s", view->mounts[i].source, view->mounts[i].destination);
    }
    if (r == 0) {
        const struct mount_attr attr = {.attr_set = VIEW_FLAGS | (root->readonly ? MOUNT_ATTR_RDONLY : 0)};
        r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr);
    }
    return r < 0 ? error_set(err, r, "show %s", root->source) : 0;
}
