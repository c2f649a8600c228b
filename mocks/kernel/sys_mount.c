/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2): one call for a new mount, a bind mount, a move, a remount and a change of propagation; its flags say which. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>

#include "mocks/kernel/mount_private.h"

#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define MAGIC_MASK 0xffff0000u
#define MAGIC 0xc0ed0000u
#define NO_USER (1ul << 31)

/* ---- flags ---- */

static unsigned int mount_flags_from(unsigned long flags, const struct mount *remounted)
{
    static const struct {
        unsigned long from;
        unsigned int to;
    } rows[] = {
        {MS_RDONLY, MOUNT_ATTR_RDONLY}, {MS_NOSUID, MOUNT_ATTR_NOSUID},         {MS_NODEV, MOUNT_ATTR_NODEV},
        {MS_NOEXEC, MOUNT_ATTR_NOEXEC}, {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME}, {MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
    };
    unsigned int result = 0;
    FOR_ROWS (row, rows)
        if (flags & row->from)
            result |= row->to;
    if (flags & MS_STRICTATIME)
        result |= MOUNT_ATTR_STRICTATIME;
    else if (flags & MS_NOATIME)
        result |= MOUNT_ATTR_NOATIME;
    /* A remount that says nothing about access times leaves them. */
    if (remounted && !(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
        result = (result & ~ATIME_FLAGS) | (remounted->flags & ATIME_FLAGS);
    return result;
}

bool mount_may_set_flags(const struct mount *mount, unsigned int flags)
{
    unsigned int locked = mount->locked_flags;
    if ((locked & LOCKABLE) & ~flags)
        return false;
    return !(locked & LOCKED_ATIME) || ((flags ^ mount->flags) & ATIME_FLAGS) == 0;
}

int mount_set_flags(struct mount *mount, unsigned int flags)
{
    bool becomes_readonly = (flags & ~mount->flags) & MOUNT_ATTR_RDONLY;
    if (becomes_readonly && mount->writers > 0)
        return -EBUSY;
    mount->flags = flags;
    return 0;
}

/* ---- super blocks ---- */

int super_reconfigure(struct super *super, unsigned long flags, const char *options)
{
    struct mount *mount;
    bool becomes_readonly = (flags & MS_RDONLY) && !(super->flags & MS_RDONLY);
    /* Files without a name are removed when they are closed, which is a change. */
    if (becomes_readonly && super->removed_inodes > 0)
        return -EBUSY;
    if (becomes_readonly)
        LIST_FOREACH (mount, &world_vfs(super->world)->mounts, world_link)
            if (mount->super == super && mount->writers > 0)
                return -EBUSY;
    if (super->type->reconfigure) {
        int r = super->type->reconfigure(super, flags, options);
        if (r < 0)
            return r;
    }
    super->flags = (super->flags & ~(unsigned long)SUPER_FLAGS) | (flags & SUPER_FLAGS);
    return 0;
}

bool filesystem_may_mount(const struct filesystem *type)
{
    if (!type->userns_mount)
        return capable(CAP_SYS_ADMIN);
    return capable_in(current(), current()->cred.user, CAP_SYS_ADMIN);
}

static bool hides_something(const struct mount *mount)
{
    struct mount *child;
    LIST_FOREACH (child, &mount->children, child_link)
        if (child->locked && (!dentry_is_empty(child->mountpoint) || child->mountpoint->inode->ops->list))
            return true;
    return false;
}

bool mount_reveals(const struct super *super, unsigned int flags)
{
    const struct mount_namespace *namespace = current()->namespaces.mount;
    struct mount *mount;
    if (!(super->traits & SUPER_VISIBLE) || namespace->owner == world_vfs(super->world)->owner)
        return false;
    LIST_FOREACH (mount, &namespace->mounts, link) {
        if (mount->super->type != super->type || mount->root != mount->super->root)
            continue;
        bool loosens = (mount->locked_flags & MOUNT_ATTR_RDONLY) & ~flags;
        if (!loosens && !hides_something(mount))
            return false;
    }
    return true;
}

int super_make(const struct filesystem *type, const char *source, unsigned long flags, const char *data,
               struct super **ret_super)
{
    if (!filesystem_may_mount(type))
        return -EPERM;
    struct super *super;
    int r = type->mount(current()->world, source, data, &super);
    if (r < 0)
        return r;
    if (super->refs == 1)
        super->flags = flags & SUPER_FLAGS;
    *ret_super = super;
    return 0;
}

/* ---- the kinds of mount(2) ---- */

struct request {
    const char *source, *type, *data;
    unsigned long flags;
    struct path at;
};

static int bind_remount(struct request *request)
{
    struct mount *mount = request->at.mount;
    unsigned int flags = mount_flags_from(request->flags, mount);
    if (!mount_is_mine(mount) || !path_is_mount_root(&request->at))
        return -EINVAL;
    return mount_may_set_flags(mount, flags) ? mount_set_flags(mount, flags) : -EPERM;
}

static int remount(struct request *request)
{
    struct mount *mount = request->at.mount;
    unsigned int flags = mount_flags_from(request->flags, mount);
    if (!mount_is_mine(mount) || !path_is_mount_root(&request->at))
        return -EINVAL;
    if (!mount_may_set_flags(mount, flags))
        return -EPERM;
    if (!capable_in(current(), mount->super->owner, CAP_SYS_ADMIN))
        return -EPERM;
    int r = super_reconfigure(mount->super, request->flags, request->data);
    if (r == 0)
        mount->flags = flags;
    return r;
}

int mount_bind_copy(const struct path *from, bool recursive, struct mount **ret_copy)
{
    struct mount *mount = from->mount;
    bool is_namespace = strcmp(mount->super->type->name, "nsfs") == 0;
    if (mount->unbindable || (!mount_is_mine(mount) && !is_namespace && !mount_is_detached_here(mount)))
        return -EINVAL;
    if (!recursive && mount_has_locked_children(mount, from->dentry))
        return -EINVAL;
    int r = 0;
    if (recursive)
        r = mount_copy_tree(mount, from->dentry, 0, ret_copy);
    else
        *ret_copy = mount_clone(mount, from->dentry);
    if (r == 0)
        (*ret_copy)->locked = false;
    return r;
}

static int bind_mount(struct request *request)
{
    _path_ struct path from = {0};
    struct mount *copy;
    if (!request->source || !*request->source)
        return -EINVAL;
    int r = path_walk(AT_FDCWD, request->source, WALK_FOLLOW, 0, &from, NULL);
    if (r == 0)
        r = mount_find_point(&request->at);
    if (r == 0 && !mount_is_mine(request->at.mount))
        r = -EINVAL;
    if (r == 0)
        r = mount_bind_copy(&from, request->flags & MS_REC, &copy);
    if (r < 0)
        return r;
    r = mount_graft(copy, &request->at);
    if (r < 0)
        mount_tree_free(copy);
    return r;
}

static int change_propagation(struct request *request)
{
    struct mount *tree = request->at.mount;
    unsigned long type = request->flags & ~(unsigned long)(MS_REC | MS_SILENT);
    if (!path_is_mount_root(&request->at))
        return -EINVAL;
    if ((type & ~(unsigned long)PROPAGATION) || (type & (type - 1)) || !tree->namespace)
        return -EINVAL;
    /* Any namespace will do, also a detached tree. */
    if (!capable_in(current(), tree->namespace->owner, CAP_SYS_ADMIN))
        return -EPERM;
    for (struct mount *mount = tree; mount; mount = request->flags & MS_REC ? mount_next(mount, tree) : NULL)
        propagation_set(mount, type);
    return 0;
}

static int move(struct request *request)
{
    _path_ struct path from = {0};
    if (!request->source || !*request->source)
        return -EINVAL;
    int r = path_walk(AT_FDCWD, request->source, WALK_FOLLOW, 0, &from, NULL);
    return r < 0 ? r : mount_move(&from, &request->at);
}

static int add_mount(struct request *request, struct super *super)
{
    unsigned int flags = mount_flags_from(request->flags, NULL);
    struct path *at = &request->at;
    if (mount_reveals(super, flags))
        return -EPERM;
    int r = mount_find_point(at);
    if (r < 0)
        return r;
    if (!mount_is_mine(at->mount))
        return -EINVAL;
    if (at->mount->super == super && path_is_mount_root(at))
        return -EBUSY;
    struct mount *mount = mount_of_super(super, flags);
    mount->source = request->source ? strdup(request->source) : NULL;
    r = mount_graft(mount, at);
    if (r < 0)
        mount_unref(mount);
    return r;
}

static int new_mount(struct request *request)
{
    struct super *super;
    if (!request->type)
        return -EINVAL;
    const struct filesystem *type = filesystem_find(request->type);
    if (!type)
        return -ENODEV;
    int r = super_make(type, request->source, request->flags, request->data, &super);
    if (r < 0)
        return r;
    r = add_mount(request, super);
    super_unref(super);
    return r;
}

static int mount_by_flags(struct request *request)
{
    unsigned long flags = request->flags;
    if (!may_mount())
        return -EPERM;
    if ((flags & (MS_REMOUNT | MS_BIND)) == (MS_REMOUNT | MS_BIND))
        return bind_remount(request);
    if (flags & MS_REMOUNT)
        return remount(request);
    if (flags & MS_BIND)
        return bind_mount(request);
    if (flags & PROPAGATION)
        return change_propagation(request);
    return flags & MS_MOVE ? move(request) : new_mount(request);
}

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags, const char *data)
{
    CALL_ENTER(mount, "\"%s\", \"%s\", \"%s\", 0x%lx, \"%s\"", shown(source), shown(target), shown(fstype), flags, shown(data));
    if ((flags & MAGIC_MASK) == MAGIC)
        flags &= ~(unsigned long)MAGIC_MASK;
    struct request request = {.source = source, .type = fstype, .data = data, .flags = flags};
    int r = path_walk(AT_FDCWD, target, WALK_FOLLOW, 0, &request.at, NULL);
    if (r < 0)
        return (int)call_leave(r);
    r = flags & NO_USER ? -EINVAL : mount_by_flags(&request);
    path_unref(&request.at);
    return (int)call_leave(r);
}
