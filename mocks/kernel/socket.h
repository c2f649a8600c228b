/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of every family: what sys_socket.c asks of unix_socket.c and vsock.c. */
#pragma once
#include <fcntl.h>
#include <sys/socket.h>

#include "mocks/kernel/sys_fd.h"

#define SOCKET_BUFFER_DEFAULT 212992 /* net.core.wmem_default and rmem_default */
#define SOCKET_BUFFER_MAX 4194304    /* net.core.wmem_max and rmem_max */
#define SOCKET_SEND_MIN 4608
#define SOCKET_RECEIVE_MIN 2304
#define SOCKET_BACKLOG_MAX 4096 /* net.core.somaxconn */

/* Directions that are shut down. */
#define RECEIVE_SHUT 1u
#define SEND_SHUT 2u
#define ALL_SHUT 3u

/* An address as the caller gave it, or as it gets it. */
struct address {
    union {
        struct sockaddr sa;
        struct sockaddr_storage storage;
    };
    socklen_t len;
};

struct socket {
    const struct socket_ops *ops;
    struct file *file; /* borrowed; NULL before accept and after the last close */
    int type;
    int sndbuf, rcvbuf;
    int error; /* positive; told once: SO_ERROR or the next call */
};

/* File of a socket: nonblock tells whether calls on it may wait. Results as the calls have them. */
struct socket_ops {
    int domain;
    int (*bind)(struct socket *socket, const struct address *address);
    int (*listen)(struct socket *socket, int backlog);
    /* ret_socket: a new socket, that has no file yet. */
    int (*accept)(struct socket *socket, bool nonblock, struct socket **ret_socket);
    int (*connect)(struct socket *socket, const struct address *address, bool nonblock);
    ssize_t (*send)(struct socket *socket, const struct msghdr *msg, int flags);
    ssize_t (*receive)(struct socket *socket, struct msghdr *msg, int flags);
    int (*shutdown)(struct socket *socket, int how);
    void (*name)(const struct socket *socket, struct address *out);
    int (*peer)(const struct socket *socket, struct address *out);
    /* Of the family's own level; NULL: none is modelled. */
    int (*set_option)(struct socket *socket, int name, const void *value, socklen_t len);
    int (*get_option)(const struct socket *socket, int name, void *value, socklen_t *len);
    bool (*listening)(const struct socket *socket);
    /* SO_PEERCRED; NULL: nobody. */
    void (*credentials)(const struct socket *socket, struct ucred *out);
    size_t (*available)(const struct socket *socket); /* FIONREAD */
    uint32_t (*poll)(const struct socket *socket);
    uint64_t (*due)(const struct socket *socket);
    void (*release)(struct socket *socket);
};

/* unix_socket.c, vsock.c, inet_socket.c: protocol and type are checked there. */
int unix_socket_new(int type, int protocol, struct socket **ret_socket);
int vsock_new(int type, int protocol, struct socket **ret_socket);
int inet_socket_new(int type, int protocol, struct socket **ret_socket);
void unix_socket_pair(struct socket *one, struct socket *other);

/* inet_socket.c: requests about network devices, on a socket of any family. */
int netdev_ioctl(unsigned long request, void *arg);

/* May a call with these flags wait? */
static inline bool socket_may_wait(const struct socket *socket, int flags)
{
    return !(flags & MSG_DONTWAIT) && !(socket->file->flags & O_NONBLOCK);
}

/* The pending error as a result, which is told once; 0: none. */
static inline int socket_error(struct socket *socket)
{
    int error = socket->error;

    socket->error = 0;
    return -error;
}

/* SHUT_RD, SHUT_WR or SHUT_RDWR in bits. */
static inline unsigned int socket_shut_bits(int how)
{
    return how == SHUT_RD ? RECEIVE_SHUT : how == SHUT_WR ? SEND_SHUT : ALL_SHUT;
}

/* -EPIPE, with SIGPIPE unless flags say MSG_NOSIGNAL. */
int socket_broken(int flags);

/* read(2) and write(2) on the file of a socket. */
ssize_t socket_read(struct file *file, const struct iovec *iov, size_t n);
ssize_t socket_write(struct file *file, const struct iovec *iov, size_t n);

/* ---- iov.c: bytes that lie in several parts ---- */

size_t iov_total(const struct iovec *iov, size_t n);
/* len bytes from offset on, between the parts and p. */
void iov_read(const struct iovec *iov, size_t offset, void *p, size_t len);
void iov_write(const struct iovec *iov, size_t offset, const void *p, size_t len);
