/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts by descriptor: open_tree(2), move_mount(2). A detached tree lives in an anonymous namespace until its descriptor is
 * closed or it is attached somewhere. */
#include <errno.h>

#include "mocks/kernel/mount_private.h"

#define RECURSIVE 0x8000 /* AT_RECURSIVE */

static void detached_release(struct file *file)
{
    mount_namespace_unref(file->data);
}

static const struct file_ops detached_file_ops = {.release = detached_release};

int mount_open_detached(struct mount *tree, const struct mount_namespace *from, bool cloexec)
{
    struct mount_namespace *namespace = mount_namespace_anonymous(tree, from);
    struct path root = {tree, tree->root};
    struct file *file = file_alloc(&root, tree->root->inode, O_PATH);
    file->ops = &detached_file_ops;
    file->data = namespace;
    return fd_publish(file, cloexec);
}

static unsigned int walk_flags(unsigned int flags)
{
    return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

static int open_copy(const struct path *place, unsigned int flags)
{
    struct mount *copy;
    int r = mount_bind_copy(place, flags & RECURSIVE, &copy);
    return r < 0 ? r : mount_open_detached(copy, place->mount->namespace, flags & OPEN_TREE_CLOEXEC);
}

static int open_place(const struct path *place, unsigned int flags)
{
    struct file *file;
    int r = file_open(place, O_PATH, &file);
    return r < 0 ? r : fd_publish(file, flags & OPEN_TREE_CLOEXEC);
}

static int open_tree(int dirfd, const char *path, unsigned int flags)
{
    const unsigned int known =
        AT_EMPTY_PATH | AT_NO_AUTOMOUNT | RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if ((flags & ~known) || (flags & (RECURSIVE | OPEN_TREE_CLONE)) == RECURSIVE)
        return -EINVAL;
    if ((flags & OPEN_TREE_CLONE) && !may_mount())
        return -EPERM;
    _path_ struct path place = {0};
    int r = path_walk(dirfd, path, walk_flags(flags), 0, &place, NULL);
    if (r < 0)
        return r;
    return flags & OPEN_TREE_CLONE ? open_copy(&place, flags) : open_place(&place, flags);
}

int sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
    CALL_ENTER(open_tree, "%d, \"%s\", 0x%x", dirfd, shown(path), flags);
    return (int)call_leave(open_tree(dirfd, path, flags));
}

static unsigned int end_flags(unsigned int flags, unsigned int follow, unsigned int empty)
{
    return (flags & follow ? WALK_FOLLOW : 0) | (flags & empty ? WALK_EMPTY : 0);
}

static int move_tree(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags)
{
    if (flags & (MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_BENEATH))
        unsupported("move_mount: flags 0x%x", flags);
    if (!may_mount())
        return -EPERM;
    if (flags & ~(unsigned int)MOVE_MOUNT__MASK)
        return -EINVAL;
    _path_ struct path source = {0}, target = {0};
    unsigned int walk = end_flags(flags, MOVE_MOUNT_T_SYMLINKS, MOVE_MOUNT_T_EMPTY_PATH);
    int r = path_walk(to_dirfd, to, walk, 0, &target, NULL);
    walk = end_flags(flags, MOVE_MOUNT_F_SYMLINKS, MOVE_MOUNT_F_EMPTY_PATH);
    if (r == 0)
        r = path_walk(from_dirfd, from, walk, 0, &source, NULL);
    return r < 0 ? r : mount_move(&source, &target);
}

int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags)
{
    CALL_ENTER(move_mount, "%d, \"%s\", %d, \"%s\", 0x%x", from_dirfd, shown(from), to_dirfd, shown(to), flags);
    return (int)call_leave(move_tree(from_dirfd, from, to_dirfd, to, flags));
}
