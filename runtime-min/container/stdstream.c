/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/stdstream.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <asm/ioctls.h>

#include "sys/fd.h"

#define PIPE_ROOM (1024 * 1024) /* /proc/sys/fs/pipe-max-size, unless it was changed */

void stdstream_open(struct stdstream *stream, int fd, int flags)
{
    char path[32];
    struct stat st;
    unsigned short window_size[4];

    *stream = (struct stdstream){.fd = fd};
    if (sys_fstat(fd, &st) < 0)
        return;
    stream->is_socket = S_ISSOCK(st.st_mode);
    stream->is_terminal = S_ISCHR(st.st_mode) && sys_ioctl(fd, TIOCGWINSZ, window_size) >= 0;
    if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = sys_openat(AT_FDCWD, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    stream->may_block = own < 0;
    stream->is_owned = own >= 0;
    if (own >= 0)
        stream->fd = own;
}

void stdstream_close(struct stdstream *stream)
{
    if (stream->is_owned)
        fd_close(&stream->fd);
    stream->is_owned = false;
    stream->fd = -1;
}

void stdstream_end(struct stdstream *stream, int fd)
{
    stdstream_close(stream);
    /* The number stays taken, by something that can be neither read nor written. */
    _close_ int nothing = sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    if (nothing >= 0)
        (void)sys_dup3(nothing, fd, 0);
}

ssize_t stdstream_read(struct loop *loop, const struct stdstream *stream, void *p, size_t len)
{
    for (;;) {
        int r = fiber_wait_fd(loop, stream->fd, EPOLLIN, NO_DEADLINE);
        if (r < 0)
            return r;
        ssize_t n = sys_read(stream->fd, p, len);
        if (n != -EAGAIN)
            return n;
    }
}

bool stdstream_is_hung_up(const struct stdstream *stream)
{
    struct pollfd poll = {.fd = stream->fd};

    return sys_poll(&poll, 1, 0) != 0;
}

bool stdstream_grow(const struct stdstream *stream)
{
    int size = sys_fcntl(stream->fd, F_GETPIPE_SZ, 0);

    return size >= 0 && size < PIPE_ROOM && sys_fcntl(stream->fd, F_SETPIPE_SZ, PIPE_ROOM) >= PIPE_ROOM;
}

static ssize_t send_some(int fd, const void *p, size_t len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    return sys_sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t stdstream_try_write(const struct stdstream *stream, const void *p, size_t len)
{
    if (stream->is_socket)
        return send_some(stream->fd, p, len);
    if (!stream->may_block)
        return sys_write(stream->fd, p, len);
    struct pollfd poll = {.fd = stream->fd, .events = POLLOUT};
    int r = sys_poll(&poll, 1, 0);
    return r <= 0 ? (r < 0 ? r : -EAGAIN) : sys_write(stream->fd, p, len < PIPE_BUF ? len : PIPE_BUF);
}
