/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what with a file: owner, group, mode bits, and the capabilities that set them aside (inode(7), capabilities(7),
 * user_namespaces(7)). */
#include <errno.h>
#include <unistd.h>

#include <linux/capability.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/vfs_private.h"

uint32_t id_shown(const struct user_namespace *viewer, bool group, uint32_t id)
{
    uint32_t inside = id_from_world(viewer, group, id);
    return inside == UINT32_MAX ? 65534 : inside;
}

bool in_group(const struct cred *cred, gid_t gid)
{
    if (cred->fsgid == gid)
        return true;
    for (size_t i = 0; i < cred->n_groups; i++)
        if (cred->groups[i] == gid)
            return true;
    return false;
}

bool capable_over(const struct inode *inode, int capability)
{
    const struct task *task = current();
    const struct user_namespace *user = task->cred.user;
    return id_from_world(user, false, inode->uid) != UINT32_MAX && id_from_world(user, true, inode->gid) != UINT32_MAX &&
           capable_in(task, user, capability);
}

bool owner_or_capable(const struct inode *inode)
{
    const struct cred *cred = &current()->cred;
    if (cred->fsuid == inode->uid)
        return true;
    return id_from_world(cred->user, false, inode->uid) != UINT32_MAX && capable_in(current(), cred->user, CAP_FOWNER);
}

static bool mode_allows(const struct inode *inode, int mask)
{
    const struct cred *cred = &current()->cred;
    mode_t bits = inode->mode;
    if (cred->fsuid == inode->uid)
        bits >>= 6;
    else if (in_group(cred, inode->gid))
        bits >>= 3;
    return (mask & ~(int)(bits & 7)) == 0;
}

/* CAP_DAC_OVERRIDE does not make a file executable that has no x at all; CAP_DAC_READ_SEARCH only reads and searches. */
static bool capability_allows(const struct inode *inode, int mask)
{
    if (S_ISDIR(inode->mode)) {
        if (!(mask & W_OK) && capable_over(inode, CAP_DAC_READ_SEARCH))
            return true;
        return capable_over(inode, CAP_DAC_OVERRIDE);
    }
    if (mask == R_OK && capable_over(inode, CAP_DAC_READ_SEARCH))
        return true;
    return (!(mask & X_OK) || (inode->mode & 0111)) && capable_over(inode, CAP_DAC_OVERRIDE);
}

int inode_permission(struct inode *inode, int mask)
{
    const struct user_namespace *owner = inode->super->owner;
    if (mask & W_OK) {
        if ((inode->super->flags & MS_RDONLY) && (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode)))
            return -EROFS;
        if (inode->super->traits & SUPER_IMMUTABLE)
            return -EPERM;
        if (id_from_world(owner, false, inode->uid) == UINT32_MAX || id_from_world(owner, true, inode->gid) == UINT32_MAX)
            return -EACCES;
    }
    if (!mode_allows(inode, mask) && !capability_allows(inode, mask))
        return -EACCES;
    int r = inode->ops->permission ? inode->ops->permission(inode, mask) : 0;
    return r < 0 ? r : cgroup_may_use_device(inode, mask);
}

int path_writable(const struct path *path)
{
    if ((path->mount->flags & MOUNT_ATTR_RDONLY) || (path->mount->super->flags & MS_RDONLY))
        return -EROFS;
    return 0;
}

bool path_noexec(const struct path *path)
{
    return (path->mount->flags & MOUNT_ATTR_NOEXEC) || (path->mount->super->traits & SUPER_NOEXEC);
}

/* Set-id bits also count only where the super block's user namespace is the task's or above it. */
bool path_nosuid(const struct path *path)
{
    if (path->mount->flags & MOUNT_ATTR_NOSUID)
        return true;
    const struct user_namespace *user = current()->cred.user;
    while (user && user != path->mount->super->owner)
        user = user->parent;
    return !user;
}

int may_create(const struct dentry *dir)
{
    const struct cred *cred = &current()->cred;
    const struct user_namespace *owner = dir->inode->super->owner;
    if (dir->unlinked || (dir->inode->super->traits & SUPER_NO_NEW))
        return -ENOENT;
    if (id_from_world(owner, false, cred->fsuid) == UINT32_MAX || id_from_world(owner, true, cred->fsgid) == UINT32_MAX)
        return -EOVERFLOW;
    return inode_permission(dir->inode, W_OK | X_OK);
}

/* In a sticky directory only the owners of the file and of the directory remove a name. */
static bool sticky_forbids(const struct inode *dir, const struct inode *inode)
{
    uid_t fsuid = current()->cred.fsuid;
    return (dir->mode & S_ISVTX) && inode->uid != fsuid && dir->uid != fsuid && !capable_over(inode, CAP_FOWNER);
}

int may_delete(const struct dentry *dir, const struct dentry *victim, bool is_dir)
{
    const struct user_namespace *owner = victim->inode->super->owner;
    if (id_from_world(owner, false, victim->inode->uid) == UINT32_MAX ||
        id_from_world(owner, true, victim->inode->gid) == UINT32_MAX)
        return -EOVERFLOW;
    int r = inode_permission(dir->inode, W_OK | X_OK);
    if (r < 0)
        return r;
    if (sticky_forbids(dir->inode, victim->inode))
        return -EPERM;
    if (is_dir && !S_ISDIR(victim->inode->mode))
        return -ENOTDIR;
    if (is_dir && victim->parent == victim)
        return -EBUSY;
    if (!is_dir && S_ISDIR(victim->inode->mode))
        return -EISDIR;
    return dir->unlinked ? -ENOENT : 0;
}

mode_t inode_mode_without_privileges(const struct inode *inode)
{
    if (S_ISDIR(inode->mode))
        return inode->mode;
    mode_t mode = inode->mode & ~(mode_t)S_ISUID;
    bool group_runs = mode & S_IXGRP;
    if (group_runs || (!in_group(&current()->cred, inode->gid) && !capable_over(inode, CAP_FSETID)))
        mode &= ~(mode_t)S_ISGID;
    return mode;
}

void inode_drop_privileges(struct inode *inode)
{
    inode->mode = inode_mode_without_privileges(inode);
}
