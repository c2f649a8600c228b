/* SPDX-License-Identifier: Apache-2.0 */
/* mount_setattr(2): changes attributes of one mount or of a whole tree: of all, or of none when one refuses. */
#include <errno.h>

#include "mocks/kernel/mount_private.h"

#define RECURSIVE 0x8000 /* AT_RECURSIVE */
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define ATTRIBUTES                                                                                                             \
    (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME |                        \
     MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_IDMAP)

/* Access times are one value, not bits: who sets one says that he clears all, and relatime is 0. */
static int check_atime(const struct mount_attr *attr)
{
    uint64_t set = attr->attr_set & MOUNT_ATTR__ATIME, clear = attr->attr_clr & MOUNT_ATTR__ATIME;
    if (clear == 0)
        return set ? -EINVAL : 0;
    bool known = set == MOUNT_ATTR_RELATIME || set == MOUNT_ATTR_NOATIME || set == MOUNT_ATTR_STRICTATIME;
    return clear == MOUNT_ATTR__ATIME && known ? 0 : -EINVAL;
}

static int check_attr(const struct mount_attr *attr)
{
    if ((attr->propagation & ~(uint64_t)PROPAGATION) || (attr->propagation & (attr->propagation - 1)))
        return -EINVAL;
    if ((attr->attr_set | attr->attr_clr) & ~(uint64_t)ATTRIBUTES)
        return -EINVAL;
    if ((attr->attr_set | attr->attr_clr) & MOUNT_ATTR_IDMAP)
        unsupported("mount_setattr: MOUNT_ATTR_IDMAP");
    return check_atime(attr);
}

static unsigned int new_flags(const struct mount *mount, const struct mount_attr *attr)
{
    return (mount->flags & ~(unsigned int)attr->attr_clr) | (unsigned int)attr->attr_set;
}

static int check_mount(const struct mount *mount, const struct mount_attr *attr)
{
    unsigned int flags = new_flags(mount, attr);
    if (!mount_may_set_flags(mount, flags))
        return -EPERM;
    return (flags & MOUNT_ATTR_RDONLY) && !(mount->flags & MOUNT_ATTR_RDONLY) && mount->writers > 0 ? -EBUSY : 0;
}

static struct mount *next(struct mount *mount, struct mount *tree, unsigned int flags)
{
    return flags & RECURSIVE ? mount_next(mount, tree) : NULL;
}

static int change(const struct path *place, unsigned int flags, const struct mount_attr *attr)
{
    struct mount *tree = place->mount;
    bool detached_root = tree->namespace && tree->namespace->anonymous && !tree->parent;
    if (!path_is_mount_root(place) || (!mount_is_mine(tree) && !detached_root))
        return -EINVAL;
    for (struct mount *mount = tree; mount; mount = next(mount, tree, flags)) {
        int r = check_mount(mount, attr);
        if (r < 0)
            return r;
    }
    for (struct mount *mount = tree; mount; mount = next(mount, tree, flags)) {
        mount->flags = new_flags(mount, attr);
        if (attr->propagation)
            propagation_set(mount, (unsigned long)attr->propagation);
    }
    return 0;
}

static int set_attributes(int dirfd, const char *path, unsigned int flags, const struct mount_attr *attr)
{
    if (flags & ~(unsigned int)(AT_EMPTY_PATH | RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
        return -EINVAL;
    if (!may_mount())
        return -EPERM;
    if ((attr->attr_set | attr->attr_clr | attr->propagation) == 0)
        return 0;
    int r = check_attr(attr);
    if (r < 0)
        return r;
    _path_ struct path place = {0};
    unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
    r = path_walk(dirfd, path, walk, 0, &place, NULL);
    return r < 0 ? r : change(&place, flags, attr);
}

int sys_mount_setattr(int dirfd, const char *path, unsigned int flags, const struct mount_attr *attr)
{
    CALL_ENTER(mount_setattr, "%d, \"%s\", 0x%x, {0x%llx, 0x%llx, 0x%llx}", dirfd, shown(path), flags,
               (unsigned long long)attr->attr_set, (unsigned long long)attr->attr_clr, (unsigned long long)attr->propagation);
    return (int)call_leave(set_attributes(dirfd, path, flags, attr));
}
