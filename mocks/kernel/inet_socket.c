/* SPDX-License-Identifier: Apache-2.0 */
/* What there is of the network: the loopback device of each namespace, and a socket that it is switched on through
 * (netdevice(7)). */
#include <linux/capability.h>
#include <linux/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cred.h"
#include "mocks/kernel/socket.h"

int netdev_ioctl(unsigned long request, void *arg)
{
    struct simple_namespace *net = current()->namespaces.net;
    struct ifreq *ifreq = arg;

    if (request == SIOCSIFFLAGS && !capable_in(current(), net->owner, CAP_NET_ADMIN))
        return -EPERM;
    if (strcmp(ifreq->ifr_name, "lo") != 0)
        return -ENODEV;
    if (request == SIOCSIFFLAGS) {
        net->loopback_up = ifreq->ifr_flags & IFF_UP;
        return 0;
    }
    ifreq->ifr_flags = IFF_LOOPBACK | (net->loopback_up ? IFF_UP | IFF_RUNNING : 0);
    return 0;
}

static uint32_t inet_poll(const struct socket *socket)
{
    (void)socket;
    return EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
}

static bool inet_listening(const struct socket *socket)
{
    (void)socket;
    return false;
}

static void inet_release(struct socket *socket)
{
    free(socket);
}

#define NETWORK(verb) unsupported(verb ": AF_INET")

static int inet_bind(struct socket *socket, const struct address *address)
{
    (void)socket, (void)address;
    NETWORK("bind");
}

static int inet_connect(struct socket *socket, const struct address *address, bool nonblock)
{
    (void)socket, (void)address, (void)nonblock;
    NETWORK("connect");
}

static int inet_listen(struct socket *socket, int backlog)
{
    (void)socket, (void)backlog;
    return -EOPNOTSUPP;
}

static int inet_accept(struct socket *socket, bool nonblock, struct socket **ret_socket)
{
    (void)socket, (void)nonblock, (void)ret_socket;
    return -EOPNOTSUPP;
}

static ssize_t inet_send(struct socket *socket, const struct msghdr *msg, int flags)
{
    (void)socket, (void)msg, (void)flags;
    NETWORK("sendmsg");
}

static ssize_t inet_receive(struct socket *socket, struct msghdr *msg, int flags)
{
    (void)socket, (void)msg, (void)flags;
    NETWORK("recvmsg");
}

static int inet_shutdown(struct socket *socket, int how)
{
    (void)socket, (void)how;
    return -ENOTCONN;
}

static void inet_name(const struct socket *socket, struct address *out)
{
    (void)socket, (void)out;
    NETWORK("getsockname");
}

static int inet_peer(const struct socket *socket, struct address *out)
{
    (void)socket, (void)out;
    return -ENOTCONN;
}

static size_t inet_available(const struct socket *socket)
{
    (void)socket;
    return 0;
}

static const struct socket_ops inet_ops = {
    .domain = AF_INET,
    .bind = inet_bind,
    .listen = inet_listen,
    .accept = inet_accept,
    .connect = inet_connect,
    .send = inet_send,
    .receive = inet_receive,
    .shutdown = inet_shutdown,
    .name = inet_name,
    .peer = inet_peer,
    .listening = inet_listening,
    .available = inet_available,
    .poll = inet_poll,
    .release = inet_release,
};

int inet_socket_new(int type, int protocol, struct socket **ret_socket)
{
    if (type != SOCK_DGRAM || protocol != 0)
        unsupported("socket: AF_INET, type %d, protocol %d", type, protocol);
    struct socket *socket = zalloc(sizeof(*socket));
    *socket = (struct socket){.ops = &inet_ops, .type = type, .sndbuf = SOCKET_BUFFER_DEFAULT, .rcvbuf = SOCKET_BUFFER_DEFAULT};
    *ret_socket = socket;
    return 0;
}
