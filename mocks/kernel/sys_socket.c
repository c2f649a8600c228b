/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on sockets (socket(2), bind(2), recvmsg(2), socket(7), ...): what is the same for every family. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "mocks/kernel/socket.h"
#include "sys/sys.h"

#define PARTS_MAX 1024

int socket_broken(int flags)
{
    if (!(flags & MSG_NOSIGNAL))
        task_signal(current(), SIGPIPE);
    return -EPIPE;
}

/* ---- sockets as files ---- */

ssize_t socket_read(struct file *file, const struct iovec *iov, size_t n)
{
    struct socket *socket = file->data;
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};

    return iov_total(iov, n) > 0 ? socket->ops->receive(socket, &msg, 0) : 0;
}

ssize_t socket_write(struct file *file, const struct iovec *iov, size_t n)
{
    struct socket *socket = file->data;
    const struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};

    return socket->ops->send(socket, &msg, 0);
}

static ssize_t socket_file_read(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)pos;
    return socket_read(file, &(struct iovec){p, len}, 1);
}

static ssize_t socket_file_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    (void)pos;
    return socket_write(file, &(struct iovec){(void *)p, len}, 1);
}

static int socket_ioctl(struct file *file, unsigned long request, void *arg)
{
    const struct socket *socket = file->data;

    if (request == FIONREAD) {
        if (socket->ops->listening(socket))
            return -EINVAL;
        *(int *)arg = (int)socket->ops->available(socket);
        return 0;
    }
    if (request == SIOCGIFFLAGS || request == SIOCSIFFLAGS)
        return netdev_ioctl(request, arg);
    if ((request & ~0xfful) == (TCGETS & ~0xfful)) /* requests of terminals */
        return -ENOTTY;
    unsupported("ioctl: request 0x%lx of a socket", request);
}

static uint32_t socket_poll(struct file *file)
{
    const struct socket *socket = file->data;

    return socket->ops->poll(socket);
}

static uint64_t socket_due(struct file *file)
{
    const struct socket *socket = file->data;

    return socket->ops->due ? socket->ops->due(socket) : UINT64_MAX;
}

static void socket_release(struct file *file)
{
    struct socket *socket = file->data;

    socket->file = NULL;
    socket->ops->release(socket);
}

static const struct file_ops socket_file_ops = {
    .read = socket_file_read,
    .write = socket_file_write,
    .ioctl = socket_ioctl,
    .poll = socket_poll,
    .due = socket_due,
    .release = socket_release,
    .stream = true,
};

static struct file *socket_file(struct socket *socket, int flags)
{
    socket->file = file_new(&socket_file_ops, S_IFSOCK | 0777, O_RDWR | (flags & SOCK_NONBLOCK), socket);
    return socket->file;
}

static int socket_of(int fd, struct socket **ret_socket)
{
    struct file *file = fd_usable(fd);

    if (!file)
        return -EBADF;
    if (file->ops != &socket_file_ops)
        return -ENOTSOCK;
    *ret_socket = file->data;
    return 0;
}

/* ---- addresses ---- */

static int address_from(const struct sockaddr *from, socklen_t len, struct address *ret_address)
{
    *ret_address = (struct address){.len = len};
    if (len > sizeof(ret_address->storage))
        return -EINVAL;
    if (len > 0)
        memcpy(&ret_address->storage, from, len);
    return 0;
}

/* As much as there is room for; *len becomes the whole length. */
static int address_to(const struct address *address, struct sockaddr *to, socklen_t *len)
{
    if ((int)*len < 0)
        return -EINVAL;
    memcpy(to, &address->storage, address->len < *len ? address->len : *len);
    *len = address->len;
    return 0;
}

/* ---- making sockets ---- */

static int make_socket(int domain, int type, int protocol, struct socket **ret_socket)
{
    if (type & ~(0xf | SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    type &= 0xf;
    if (domain >= 0 && domain < AF_MAX && type > SOCK_PACKET)
        return -EINVAL;
    switch (domain) {
    case AF_UNIX:
        return unix_socket_new(type, protocol, ret_socket);
    case AF_VSOCK:
        return vsock_new(type, protocol, ret_socket);
    case AF_INET:
        return inet_socket_new(type, protocol, ret_socket);
    }
    if (domain >= 0 && domain < AF_MAX)
        unsupported("socket: family %d", domain);
    return -EAFNOSUPPORT;
}

static int new_socket(int domain, int type, int protocol)
{
    struct socket *socket;

    int r = make_socket(domain, type, protocol, &socket);
    return r < 0 ? r : fd_publish(socket_file(socket, type), type & SOCK_CLOEXEC);
}

int sys_socket(int domain, int type, int protocol)
{
    CALL_ENTER(socket, "%d, 0x%x, %d", domain, (unsigned int)type, protocol);
    return (int)call_leave(new_socket(domain, type, protocol));
}

static int new_pair(int domain, int type, int protocol, int fds[2])
{
    struct socket *one, *other;

    int r = make_socket(domain, type, protocol, &one);
    if (r < 0)
        return r;
    struct file *first = socket_file(one, type);
    if (domain != AF_UNIX) {
        file_unref(first);
        return -EOPNOTSUPP;
    }
    make_socket(domain, type, protocol, &other);
    struct file *second = socket_file(other, type);
    unix_socket_pair(one, other);

    int first_fd = fd_publish(first, type & SOCK_CLOEXEC);
    if (first_fd < 0) {
        file_unref(second);
        return first_fd;
    }
    int second_fd = fd_publish(second, type & SOCK_CLOEXEC);
    if (second_fd < 0) {
        fd_uninstall(current(), first_fd);
        return second_fd;
    }
    fds[0] = first_fd;
    fds[1] = second_fd;
    return 0;
}

int sys_socketpair(int domain, int type, int protocol, int fds[2])
{
    CALL_ENTER(socketpair, "%d, 0x%x, %d, %p", domain, (unsigned int)type, protocol, (void *)fds);
    return (int)call_leave(new_pair(domain, type, protocol, fds));
}

/* ---- names and connections ---- */

static int bind_to(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct address address;
    struct socket *socket;

    int r = socket_of(fd, &socket);
    if (r == 0)
        r = address_from(addr, len, &address);
    return r < 0 ? r : socket->ops->bind(socket, &address);
}

int sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    CALL_ENTER(bind, "%d, %p, %u", fd, (const void *)addr, len);
    return (int)call_leave(bind_to(fd, addr, len));
}

static int listen_on(int fd, int backlog)
{
    struct socket *socket;

    int r = socket_of(fd, &socket);
    return r < 0 ? r : socket->ops->listen(socket, backlog);
}

int sys_listen(int fd, int backlog)
{
    CALL_ENTER(listen, "%d, %d", fd, backlog);
    return (int)call_leave(listen_on(fd, backlog));
}

static int accept_from(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct socket *socket, *accepted;
    struct address peer;

    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    int r = socket_of(fd, &socket);
    if (r == 0)
        r = socket->ops->accept(socket, socket->file->flags & O_NONBLOCK, &accepted);
    if (r < 0)
        return r;
    struct file *file = socket_file(accepted, flags);
    r = accepted->ops->peer(accepted, &peer);
    if (addr && r < 0) {
        file_unref(file);
        return -ECONNABORTED;
    }
    r = addr ? address_to(&peer, addr, len) : 0;
    if (r < 0) {
        file_unref(file);
        return r;
    }
    return fd_publish(file, flags & SOCK_CLOEXEC);
}

int sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    CALL_ENTER(accept4, "%d, %p, %p, 0x%x", fd, (void *)addr, (void *)len, (unsigned int)flags);
    return (int)call_leave(accept_from(fd, addr, len, flags));
}

static int connect_to(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct address address;
    struct socket *socket;

    int r = socket_of(fd, &socket);
    if (r == 0)
        r = address_from(addr, len, &address);
    return r < 0 ? r : socket->ops->connect(socket, &address, socket->file->flags & O_NONBLOCK);
}

int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    CALL_ENTER(connect, "%d, %p, %u", fd, (const void *)addr, len);
    return (int)call_leave(connect_to(fd, addr, len));
}

static int shut_down(int fd, int how)
{
    struct socket *socket;

    int r = socket_of(fd, &socket);
    if (r < 0)
        return r;
    return how < SHUT_RD || how > SHUT_RDWR ? -EINVAL : socket->ops->shutdown(socket, how);
}

int sys_shutdown(int fd, int how)
{
    CALL_ENTER(shutdown, "%d, %d", fd, how);
    return (int)call_leave(shut_down(fd, how));
}

static int show_address(int fd, struct sockaddr *addr, socklen_t *len, bool peer)
{
    struct address address;
    struct socket *socket;

    int r = socket_of(fd, &socket);
    if (r < 0)
        return r;
    if (peer)
        r = socket->ops->peer(socket, &address);
    else
        socket->ops->name(socket, &address);
    return r < 0 ? r : address_to(&address, addr, len);
}

int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    CALL_ENTER(getsockname, "%d, %p, %p", fd, (void *)addr, (void *)len);
    return (int)call_leave(show_address(fd, addr, len, false));
}

int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    CALL_ENTER(getpeername, "%d, %p, %p", fd, (void *)addr, (void *)len);
    return (int)call_leave(show_address(fd, addr, len, true));
}

/* ---- messages ---- */

static ssize_t send_message(int fd, const struct msghdr *msg, int flags)
{
    struct socket *socket;

    int r = socket_of(fd, &socket);
    if (r < 0)
        return r;
    return msg->msg_iovlen > PARTS_MAX ? -EMSGSIZE : socket->ops->send(socket, msg, flags);
}

ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    CALL_ENTER(sendmsg, "%d, %p, 0x%x", fd, (const void *)msg, (unsigned int)flags);
    return call_leave(send_message(fd, msg, flags));
}

static ssize_t receive_message(int fd, struct msghdr *msg, int flags)
{
    struct msghdr received = *msg;
    struct socket *socket;

    int r = socket_of(fd, &socket);
    if (r < 0)
        return r;
    if (msg->msg_iovlen > PARTS_MAX)
        return -EMSGSIZE;
    if (!msg->msg_control)
        received.msg_controllen = 0;
    received.msg_flags = flags & MSG_CMSG_CLOEXEC;
    ssize_t n = socket->ops->receive(socket, &received, flags);
    if (n < 0)
        return n;
    msg->msg_flags = received.msg_flags;
    msg->msg_controllen = received.msg_controllen;
    if (msg->msg_name)
        msg->msg_namelen = received.msg_namelen;
    return n;
}

ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    CALL_ENTER(recvmsg, "%d, %p, 0x%x", fd, (void *)msg, (unsigned int)flags);
    return call_leave(receive_message(fd, msg, flags));
}

/* ---- options ---- */

/* Value of an option that is a number. */
static int number_option(struct socket *socket, int name)
{
    switch (name) {
    case SO_TYPE:
        return socket->type;
    case SO_DOMAIN:
        return socket->ops->domain;
    case SO_PROTOCOL:
    case SO_PASSCRED:
        return 0;
    case SO_ACCEPTCONN:
        return socket->ops->listening(socket);
    case SO_ERROR:
        return -socket_error(socket);
    case SO_SNDBUF:
        return socket->sndbuf;
    case SO_RCVBUF:
        return socket->rcvbuf;
    }
    unsupported("getsockopt: SOL_SOCKET option %d", name);
}

static int get_option(int fd, int level, int name, void *value, socklen_t *len)
{
    struct ucred credentials = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    struct socket *socket;
    int number;

    int r = socket_of(fd, &socket);
    if (r < 0)
        return r;
    if (level == socket->ops->domain && socket->ops->get_option)
        return socket->ops->get_option(socket, name, value, len);
    if (level != SOL_SOCKET)
        unsupported("getsockopt: level %d", level);
    if ((int)*len < 0)
        return -EINVAL;
    if (name == SO_PEERCRED) {
        if (socket->ops->credentials)
            socket->ops->credentials(socket, &credentials);
        *len = *len < sizeof(credentials) ? *len : (socklen_t)sizeof(credentials);
        memcpy(value, &credentials, *len);
        return 0;
    }
    number = number_option(socket, name);
    *len = *len < sizeof(number) ? *len : (socklen_t)sizeof(number);
    memcpy(value, &number, *len);
    return 0;
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    CALL_ENTER(getsockopt, "%d, %d, %d, %p, %p", fd, level, name, value, (void *)len);
    return (int)call_leave(get_option(fd, level, name, value, len));
}

/* The kernel doubles what is asked for, for its own book-keeping. */
static int buffer_size(int wanted, int min)
{
    unsigned int bytes = (unsigned int)wanted < SOCKET_BUFFER_MAX ? (unsigned int)wanted : SOCKET_BUFFER_MAX;

    return (int)(bytes * 2) > min ? (int)(bytes * 2) : min;
}

static int set_option(int fd, int level, int name, const void *value, socklen_t len)
{
    struct socket *socket;
    int number;

    int r = socket_of(fd, &socket);
    if (r < 0)
        return r;
    if (level == socket->ops->domain && socket->ops->set_option)
        return socket->ops->set_option(socket, name, value, len);
    if (level != SOL_SOCKET)
        unsupported("setsockopt: level %d", level);
    if (len < sizeof(number))
        return -EINVAL;
    memcpy(&number, value, sizeof(number));
    switch (name) {
    case SO_SNDBUF:
        socket->sndbuf = buffer_size(number, SOCKET_SEND_MIN);
        return 0;
    case SO_RCVBUF:
        socket->rcvbuf = buffer_size(number, SOCKET_RECEIVE_MIN);
        return 0;
    case SO_TYPE:
    case SO_DOMAIN:
    case SO_PROTOCOL:
    case SO_ERROR:
    case SO_ACCEPTCONN:
        return -ENOPROTOOPT;
    }
    unsupported("setsockopt: SOL_SOCKET option %d", name);
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    CALL_ENTER(setsockopt, "%d, %d, %d, %p, %u", fd, level, name, value, len);
    return (int)call_leave(set_option(fd, level, name, value, len));
}
