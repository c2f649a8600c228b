/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/fd.h"

#include <errno.h>

#define READ_CHUNK 4096

void fd_close(int *fd)
{
    if (*fd >= 0)
        sys_close(*fd);
    *fd = -1;
}

void fd_replace(int *fd, int newfd)
{
    fd_close(fd);
    *fd = newfd;
}

int fd_write_all(int fd, const void *p, size_t len)
{
    const char *from = p;

    while (len > 0) {
        ssize_t n = sys_write(fd, from, len);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -EIO;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_read_all(int fd, struct buf *b)
{
    for (;;) {
        size_t room = b->max - b->len;
        char probe;
        if (room == 0) {
            ssize_t more = sys_read(fd, &probe, 1);
            return more > 0 ? -EMSGSIZE : (int)more;
        }
        if (room > READ_CHUNK)
            room = READ_CHUNK;

        int r = buf_reserve(b, room);
        if (r < 0)
            return r;
        ssize_t n = sys_read(fd, b->data + b->len, room);
        if (n <= 0)
            return (int)n;
        b->len += (size_t)n;
        b->data[b->len] = '\0';
    }
}

int file_read_at(int dirfd, const char *path, struct buf *b)
{
    _close_ int fd = sys_openat(dirfd, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    return fd_read_all(fd, b);
}

int file_write_at(int dirfd, const char *path, const char *text, size_t len)
{
    _close_ int fd = sys_openat(dirfd, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;

    ssize_t n = sys_write(fd, text, len);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -EIO;
}
