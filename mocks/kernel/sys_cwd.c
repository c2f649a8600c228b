/* SPDX-License-Identifier: Apache-2.0 */
/* Where a task is: chdir(2), chroot(2), getcwd(2); and umask(2), sync(2), fsync(2), flock(2). */
#include <errno.h>
#include <linux/capability.h>
#include <unistd.h>

#include "mocks/kernel/vfs_private.h"

static void replace(struct path *place, const struct path *by)
{
    path_ref(by);
    path_unref(place);
    *place = *by;
}

static int find_directory(const char *path, struct path *ret_path)
{
    int r = path_walk(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, 0, ret_path, NULL);
    if (r < 0)
        return r;
    r = inode_permission(ret_path->dentry->inode, X_OK);
    if (r < 0)
        path_unref(ret_path);
    return r;
}

int sys_chdir(const char *path)
{
    CALL_ENTER(chdir, "\"%s\"", shown(path));
    _path_ struct path place = {0};
    int r = find_directory(path, &place);
    if (r == 0)
        replace(&current()->cwd, &place);
    return (int)call_leave(r);
}

int sys_fchdir(int fd)
{
    CALL_ENTER(fchdir, "%d", fd);
    struct file *file = fd_get(current(), fd);
    int r = !file ? -EBADF : !S_ISDIR(file->inode->mode) ? -ENOTDIR : inode_permission(file->inode, X_OK);
    if (r == 0)
        replace(&current()->cwd, &file->path);
    return (int)call_leave(r);
}

int sys_chroot(const char *path)
{
    CALL_ENTER(chroot, "\"%s\"", shown(path));
    _path_ struct path place = {0};
    int r = find_directory(path, &place);
    if (r == 0 && !capable_in(current(), current()->cred.user, CAP_SYS_CHROOT))
        r = -EPERM;
    if (r == 0)
        replace(&current()->root, &place);
    return (int)call_leave(r);
}

/* The terminating NUL counts. */
static ssize_t name_cwd(char *p, size_t len)
{
    struct task *task = current();
    char name[PATH_MAX + 16] = "(unreachable)";
    if (task->cwd.dentry->unlinked)
        return -ENOENT;
    size_t prefix = path_reachable(&task->cwd, &task->root) ? 0 : strlen(name);
    ssize_t n = path_name(task, &task->cwd, name + prefix, PATH_MAX - 1 - prefix);
    if (n < 0)
        return -ENAMETOOLONG;
    size_t total = prefix + (size_t)n + 1;
    name[total - 1] = '\0';
    if (total > len)
        return -ERANGE;
    if (!p)
        return -EFAULT;
    memcpy(p, name, total);
    return (ssize_t)total;
}

ssize_t sys_getcwd(char *p, size_t len)
{
    CALL_ENTER(getcwd, ", %zu", len);
    return call_leave(name_cwd(p, len));
}

mode_t sys_umask(mode_t mask)
{
    CALL_ENTER(umask, "0%o", mask);
    mode_t old = current()->umask;
    current()->umask = mask & 0777;
    return (mode_t)call_leave((long)old);
}

void sys_sync(void)
{
    (void)call_enter(CALL_SITE, CALL_sync, "%s", "");
    (void)call_leave(0);
}

int sys_fsync(int fd)
{
    CALL_ENTER(fsync, "%d", fd);
    struct file *file;
    int r = file_of(fd, &file);
    if (r < 0)
        return (int)call_leave(r);
    bool is_stored = file->inode && (S_ISREG(file->inode->mode) || S_ISDIR(file->inode->mode));
    return (int)call_leave(is_stored ? 0 : -EINVAL);
}

int sys_flock(int fd, int operation)
{
    CALL_ENTER(flock, "%d, %d", fd, operation);
    unsupported("flock");
}
