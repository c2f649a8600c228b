/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on descriptors: close(2), close_range(2), dup(2), fcntl(2), read(2), write(2), pread(2), readv(2), ioctl(2). */
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>

#include "mocks/kernel/run.h"
#include "mocks/kernel/socket.h"
#include "sys/sys.h"

#define IOV_PARTS_MAX 1024
/* What F_SETFL can change (setfl(2) ignores the rest). */
#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

struct file *fd_usable(int fd)
{
    struct file *file = fd_get(current(), fd);

    return file && !(file->flags & O_PATH) ? file : NULL;
}

int fd_publish(struct file *file, bool cloexec)
{
    int fd = fd_install(current(), file, 0, cloexec);

    if (fd < 0)
        file_unref(file);
    return fd;
}

/* ---- close, dup ---- */

int sys_close(int fd)
{
    /* An error that a fault plan makes up comes after the descriptor is gone, as those of real files do; a filter keeps it. */
    int fault = call_enter(CALL_SITE, CALL_close, "%d", fd);
    if (task_run(current())->refused)
        return (int)call_leave(fault);
    int r = fd_uninstall(current(), fd);
    return (int)call_leave(fault < 0 && r == 0 ? fault : r);
}

static int close_all(unsigned int first, unsigned int last, unsigned int flags)
{
    struct task *task = current();

    if (flags & ~(unsigned int)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
        return -EINVAL;
    for (size_t fd = first; fd < task->descriptors.n && fd <= last; fd++) {
        if (!(flags & CLOSE_RANGE_CLOEXEC))
            fd_uninstall(task, (int)fd);
        else if (task->descriptors.items[fd].file)
            task->descriptors.items[fd].cloexec = true;
    }
    return 0;
}

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    CALL_ENTER(close_range, "%u, %u, 0x%x", first, last, flags);
    return (int)call_leave(close_all(first, last, flags));
}

static int dup3_to(int fd, int newfd, int flags)
{
    struct task *task = current();

    if (flags & ~O_CLOEXEC || fd == newfd)
        return -EINVAL;
    if (newfd < 0 || (rlim_t)newfd >= task->rlimits[RLIMIT_NOFILE].rlim_cur)
        return -EBADF;
    struct file *file = fd_get(task, fd);
    return file ? fd_replace_at(task, file_ref(file), newfd, flags & O_CLOEXEC) : -EBADF;
}

int sys_dup3(int fd, int newfd, int flags)
{
    CALL_ENTER(dup3, "%d, %d, 0x%x", fd, newfd, flags);
    return (int)call_leave(dup3_to(fd, newfd, flags));
}

/* ---- fcntl ---- */

static int dup_from(struct file *file, long min, bool cloexec)
{
    struct task *task = current();

    if (min < 0 || (rlim_t)min >= task->rlimits[RLIMIT_NOFILE].rlim_cur)
        return -EINVAL;
    int fd = fd_install(task, file_ref(file), (int)min, cloexec);
    if (fd < 0)
        file_unref(file);
    return fd;
}

static int set_flags(struct file *file, int flags)
{
    if ((flags & O_DIRECT) && !(file->flags & O_DIRECT))
        unsupported("fcntl: F_SETFL with O_DIRECT");
    file->flags = (file->flags & ~SETTABLE) | (flags & SETTABLE);
    return 0;
}

static int fcntl_of(int fd, int cmd, long arg)
{
    struct descriptor *entry = fd_entry(current(), fd);

    if (!entry)
        return -EBADF;
    struct file *file = entry->file;
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return dup_from(file, arg, cmd == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return entry->cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        entry->cloexec = arg & FD_CLOEXEC;
        return 0;
    case F_GETFL:
        return file->flags;
    }
    if (file->flags & O_PATH)
        return -EBADF;
    switch (cmd) {
    case F_SETFL:
        return set_flags(file, (int)arg);
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        return pipe_fcntl(file, cmd, arg);
    case F_ADD_SEALS:
    case F_GET_SEALS:
        return memfd_fcntl(file, cmd, (unsigned int)arg);
    }
    unsupported("fcntl: command %d", cmd);
}

int sys_fcntl(int fd, int cmd, long arg)
{
    call_cannot_fail(cmd == F_GETFD || cmd == F_SETFD || cmd == F_GETFL || cmd == F_SETFL || cmd == F_GETPIPE_SZ ||
                     cmd == F_GET_SEALS);
    CALL_ENTER(fcntl, "%d, %d, %ld", fd, cmd, arg);
    return (int)call_leave(fcntl_of(fd, cmd, arg));
}

/* ---- read, write ---- */

static int may_read(int fd, struct file **ret_file)
{
    struct file *file = fd_usable(fd);

    if (!file || (file->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (S_ISDIR(file->inode->mode))
        return -EISDIR;
    if (!file->ops->read)
        return -EINVAL;
    *ret_file = file;
    return 0;
}

static int may_write(int fd, struct file **ret_file)
{
    struct file *file = fd_usable(fd);

    if (!file || (file->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (!file->ops->write)
        return -EINVAL;
    *ret_file = file;
    return 0;
}

static bool is_stream(const struct file *file)
{
    return file->ops->stream || S_ISFIFO(file->inode->mode) || S_ISSOCK(file->inode->mode);
}

static ssize_t read_at(int fd, void *p, size_t len, off_t *offset)
{
    struct file *file;

    if (offset && *offset < 0)
        return -EINVAL;
    if (offset && (file = fd_usable(fd)) && is_stream(file))
        return -ESPIPE;
    int r = may_read(fd, &file);
    if (r < 0)
        return r;
    return file->ops->read(file, p, len, offset ? offset : &file->pos);
}

static ssize_t write_at(int fd, const void *p, size_t len, off_t *offset)
{
    struct file *file;

    if (offset && *offset < 0)
        return -EINVAL;
    if (offset && (file = fd_usable(fd)) && (is_stream(file) || file->ops->no_pwrite))
        return -ESPIPE;
    int r = may_write(fd, &file);
    if (r < 0)
        return r;
    return file->ops->write(file, p, len, offset ? offset : &file->pos);
}

/* An eventfd, signalfd and the like, on which a read succeeds whenever it is ready. */
static bool is_event(int fd)
{
    const struct file *file = fd_get(current(), fd);

    return file && (file->inode->mode & S_IFMT) == 0;
}

ssize_t sys_read(int fd, void *p, size_t len)
{
    call_cannot_fail(is_event(fd));
    CALL_ENTER(read, "%d, %p, %zu", fd, p, len);
    return call_leave(read_at(fd, p, len, NULL));
}

ssize_t sys_write(int fd, const void *p, size_t len)
{
    CALL_ENTER(write, "%d, %p, %zu", fd, p, len);
    return call_leave(write_at(fd, p, len, NULL));
}

ssize_t sys_pread(int fd, void *p, size_t len, off_t offset)
{
    CALL_ENTER(pread, "%d, %p, %zu, %lld", fd, p, len, (long long)offset);
    return call_leave(read_at(fd, p, len, &offset));
}

ssize_t sys_pwrite(int fd, const void *p, size_t len, off_t offset)
{
    CALL_ENTER(pwrite, "%d, %p, %zu, %lld", fd, p, len, (long long)offset);
    return call_leave(write_at(fd, p, len, &offset));
}

/* ---- vectors ---- */

static int check_vector(const struct iovec *iov, int n)
{
    size_t total = 0;

    if (n < 0 || n > IOV_PARTS_MAX)
        return -EINVAL;
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > SSIZE_MAX - total)
            return -EINVAL;
        total += iov[i].iov_len;
    }
    return 0;
}

/* A part that is taken whole is followed by the next one, when reading while that does not block. */
static ssize_t each_part(struct file *file, const struct iovec *iov, int n, bool writes)
{
    size_t done = 0;
    ssize_t part = 0;

    for (int i = 0; i < n; i++) {
        if (!writes && done > 0 && file->ops->poll && !(file->ops->poll(file) & EPOLLIN))
            break;
        if (iov[i].iov_len == 0)
            part = 0;
        else if (writes)
            part = file->ops->write(file, iov[i].iov_base, iov[i].iov_len, &file->pos);
        else
            part = file->ops->read(file, iov[i].iov_base, iov[i].iov_len, &file->pos);
        done += part > 0 ? (size_t)part : 0;
        if (part < (ssize_t)iov[i].iov_len)
            break;
    }
    return done > 0 ? (ssize_t)done : part;
}

static ssize_t read_parts(int fd, const struct iovec *iov, int n)
{
    struct file *file;

    if (!fd_usable(fd))
        return -EBADF;
    int r = check_vector(iov, n);
    if (r == 0)
        r = may_read(fd, &file);
    if (r < 0)
        return r;
    return S_ISSOCK(file->inode->mode) ? socket_read(file, iov, (size_t)n) : each_part(file, iov, n, false);
}

static ssize_t write_parts(int fd, const struct iovec *iov, int n)
{
    struct file *file;

    if (!fd_usable(fd))
        return -EBADF;
    int r = check_vector(iov, n);
    if (r == 0)
        r = may_write(fd, &file);
    if (r < 0)
        return r;
    return S_ISSOCK(file->inode->mode) ? socket_write(file, iov, (size_t)n) : each_part(file, iov, n, true);
}

ssize_t sys_readv(int fd, const struct iovec *iov, int n)
{
    CALL_ENTER(readv, "%d, %p, %d", fd, (const void *)iov, n);
    return call_leave(read_parts(fd, iov, n));
}

ssize_t sys_writev(int fd, const struct iovec *iov, int n)
{
    CALL_ENTER(writev, "%d, %p, %d", fd, (const void *)iov, n);
    return call_leave(write_parts(fd, iov, n));
}

/* ---- ioctl ---- */

static int ioctl_of(int fd, unsigned long request, void *arg)
{
    struct file *file = fd_usable(fd);

    if (!file)
        return -EBADF;
    return file->ops->ioctl ? file->ops->ioctl(file, request, arg) : -ENOTTY;
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
    CALL_ENTER(ioctl, "%d, 0x%lx, %p", fd, request, arg);
    return (int)call_leave(ioctl_of(fd, request, arg));
}
