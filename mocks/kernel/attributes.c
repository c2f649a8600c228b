/* SPDX-License-Identifier: Apache-2.0 */
/* chmod(2), chown(2). */
#include <errno.h>
#include <linux/capability.h>

#include "mocks/kernel/vfs_private.h"

static int change_mode(const struct path *path, struct inode *inode, mode_t mode)
{
    int r = path ? path_writable(path) : 0;
    if (r < 0)
        return r;
    if ((inode->super->traits & SUPER_IMMUTABLE) || !owner_or_capable(inode))
        return -EPERM;
    r = memfd_may_change_mode(inode, mode);
    if (r < 0)
        return r;
    mode &= 07777;
    if ((mode & S_ISGID) && !in_group(&current()->cred, inode->gid) && !capable_over(inode, CAP_FSETID))
        mode &= ~(mode_t)S_ISGID;
    inode->mode = (inode->mode & S_IFMT) | mode;
    inode_changed(inode, IN_ATTRIB, NULL);
    return 0;
}

static const struct path *place_of(const struct file *file)
{
    return file->path.mount ? &file->path : NULL;
}

int sys_fchmod(int fd, mode_t mode)
{
    CALL_ENTER(fchmod, "%d, 0%o", fd, mode);
    struct file *file;
    int r = file_of(fd, &file);
    return (int)call_leave(r < 0 ? r : change_mode(place_of(file), file->inode, mode));
}

int sys_fchmodat(int dirfd, const char *path, mode_t mode)
{
    CALL_ENTER(fchmodat, "%d, \"%s\", 0%o", dirfd, shown(path), mode);
    _path_ struct path place = {0};
    int r = path_walk(dirfd, path, WALK_FOLLOW, 0, &place, NULL);
    return (int)call_leave(r < 0 ? r : change_mode(&place, place.dentry->inode, mode));
}

/* -1 leaves an id as it is; an owner may give a file to a group he is in, nothing else. */
static int change_owner(const struct path *path, struct inode *inode, uid_t uid, gid_t gid)
{
    int r = path ? path_writable(path) : 0;
    if (r < 0)
        return r;
    if (inode->super->traits & SUPER_IMMUTABLE)
        return -EPERM;
    const struct cred *cred = &current()->cred;
    uint32_t new_uid = uid == (uid_t)-1 ? inode->uid : id_to_world(cred->user, false, uid);
    uint32_t new_gid = gid == (gid_t)-1 ? inode->gid : id_to_world(cred->user, true, gid);
    if (new_uid == UINT32_MAX || new_gid == UINT32_MAX)
        return -EINVAL;
    const struct user_namespace *owner = inode->super->owner;
    if (id_from_world(owner, false, new_uid) == UINT32_MAX || id_from_world(owner, true, new_gid) == UINT32_MAX)
        return -EOVERFLOW;
    bool is_owner = cred->fsuid == inode->uid, may = capable_over(inode, CAP_CHOWN);
    if (uid != (uid_t)-1 && !may && !(is_owner && new_uid == inode->uid))
        return -EPERM;
    if (gid != (gid_t)-1 && !may && !(is_owner && in_group(cred, new_gid)))
        return -EPERM;
    /* That the set-id bits fall is a change of the mode, which is the owner's. */
    mode_t mode = inode_mode_without_privileges(inode);
    if (mode != inode->mode && !owner_or_capable(inode))
        return -EPERM;
    inode->mode = mode;
    inode->uid = new_uid;
    inode->gid = new_gid;
    inode_changed(inode, IN_ATTRIB, NULL);
    return 0;
}

int sys_fchown(int fd, uid_t uid, gid_t gid)
{
    CALL_ENTER(fchown, "%d, %d, %d", fd, (int)uid, (int)gid);
    struct file *file;
    int r = file_of(fd, &file);
    return (int)call_leave(r < 0 ? r : change_owner(place_of(file), file->inode, uid, gid));
}

int sys_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags)
{
    CALL_ENTER(fchownat, "%d, \"%s\", %d, %d, 0x%x", dirfd, shown(path), (int)uid, (int)gid, (unsigned int)flags);
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return (int)call_leave(-EINVAL);
    struct file *file = path && *path == '\0' && (flags & AT_EMPTY_PATH) && dirfd >= 0 ? fd_get(current(), dirfd) : NULL;
    if (file)
        return (int)call_leave(change_owner(place_of(file), file->inode, uid, gid));
    _path_ struct path place = {0};
    unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
    int r = path_walk(dirfd, path, walk, 0, &place, NULL);
    return (int)call_leave(r < 0 ? r : change_owner(&place, place.dentry->inode, uid, gid));
}
