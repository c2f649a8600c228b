/* SPDX-License-Identifier: Apache-2.0 */
/* Help for the cases of unix sockets: short forms of the calls. */
#pragma once
#include <sys/un.h>

#include "mocks/tests/conform.h"

#define PATH "/tmp/socket"

static inline socklen_t unix_address(struct sockaddr_un *sun, const char *name)
{
    size_t len = strlen(name);

    *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(sun->sun_path, name, len);
    if (name[0] != '@')
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    sun->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static inline int bind_to(int fd, const char *name)
{
    struct sockaddr_un sun;
    socklen_t len = unix_address(&sun, name);

    return sys_bind(fd, (const struct sockaddr *)&sun, len);
}

static inline int connect_to(int fd, const char *name)
{
    struct sockaddr_un sun;
    socklen_t len = unix_address(&sun, name);

    return sys_connect(fd, (const struct sockaddr *)&sun, len);
}

static inline int make(int type)
{
    return sys_socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
}

static inline int listener(int type, const char *name, int backlog)
{
    int fd = make(type);

    expect(bind_to(fd, name), 0);
    expect(sys_listen(fd, backlog), 0);
    return fd;
}

static inline int connected(int type, const char *name)
{
    int fd = make(type);

    expect(connect_to(fd, name), 0);
    return fd;
}

static inline void pair(int type, int fds[2])
{
    expect(sys_socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
}

static inline short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

static inline long option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    int r = sys_getsockopt(fd, SOL_SOCKET, name, &value, &len);
    return r < 0 ? r : value;
}

static inline ssize_t send_flags(int fd, const void *p, size_t len, int flags)
{
    struct iovec iov = {(void *)p, len};

    return sys_sendmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, flags);
}

static inline ssize_t receive_flags(int fd, void *p, size_t len, int flags, int *ret_flags)
{
    struct iovec iov = {p, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = sys_recvmsg(fd, &msg, flags);
    *ret_flags = msg.msg_flags;
    return n;
}
