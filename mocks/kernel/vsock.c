/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets between machines (vsock(7)): what programs see. The host has context id 2, every guest its own; a stream is all there
 * is. */
#include "mocks/kernel/vsock.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "mocks/kernel/cred.h"
#include "mocks/kernel/world.h"

#define RESERVED_PORT_LAST 1023
#define CONNECT_TIMEOUT_MAX_S (INT64_MAX / 1000)
#define RECEIVE_FLAGS (MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL)

static const struct socket_ops vsock_ops;

static struct vsock *vsock_of(const struct socket *socket)
{
    return CONTAINER_OF(socket, struct vsock, base);
}

int vsock_new(int type, int protocol, struct socket **ret_socket)
{
    if (protocol != 0 && protocol != PF_VSOCK)
        return -EPROTONOSUPPORT;
    if (type == SOCK_DGRAM || type == SOCK_SEQPACKET)
        unsupported("socket: AF_VSOCK, type %d", type);
    if (type != SOCK_STREAM)
        return -ESOCKTNOSUPPORT;
    struct vsock *sk = vsock_alloc(current()->world);
    sk->base =
        (struct socket){.ops = &vsock_ops, .type = type, .sndbuf = SOCKET_BUFFER_DEFAULT, .rcvbuf = SOCKET_BUFFER_DEFAULT};
    *ret_socket = &sk->base;
    return 0;
}

/* ---- waiting: for what another task does, and for what is on the line ---- */

/* Brings the socket to the present. */
static void progress(struct vsock *sk)
{
    struct sim *sim = world_sim(sk->world);

    line_run(sim);
    if (sk->state == VSOCK_CONNECTING && sim_now_ns(sim) >= sk->connect_until) {
        sk->state = VSOCK_UNCONNECTED;
        sk->base.error = ETIMEDOUT;
    }
}

struct wait {
    struct vsock *sk;
    bool (*ready)(const struct vsock *sk);
    uint64_t until;
};

static uint64_t next_change(const struct vsock *sk)
{
    uint64_t due = line_due(world_sim(sk->world));

    return sk->state == VSOCK_CONNECTING && sk->connect_until < due ? sk->connect_until : due;
}

static bool wakes(void *arg)
{
    const struct wait *wait = arg;

    progress(wait->sk);
    return wait->ready(wait->sk) || next_change(wait->sk) < wait->until;
}

/* 0 when ready holds, -EAGAIN, or -EINTR. */
static int wait_until(struct vsock *sk, bool (*ready)(const struct vsock *sk), bool nonblock)
{
    for (;;) {
        progress(sk);
        if (ready(sk))
            return 0;
        if (nonblock)
            return -EAGAIN;
        struct wait wait = {sk, ready, next_change(sk)};
        if (task_block(wakes, &wait, wait.until) == -EINTR)
            return -EINTR;
    }
}

/* ---- addresses ---- */

static int read_address(const struct address *address, struct vsock_end *ret_end)
{
    struct sockaddr_vm vm;

    if (address->len < sizeof(vm))
        return -EINVAL;
    memcpy(&vm, &address->storage, sizeof(vm));
    if (vm.svm_family != AF_VSOCK || (vm.svm_flags & ~VMADDR_FLAG_TO_HOST))
        return -EINVAL;
    *ret_end = (struct vsock_end){vm.svm_cid, vm.svm_port};
    return 0;
}

static void show(const struct vsock_end *end, struct address *out)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = end->cid, .svm_port = end->port};

    *out = (struct address){.len = sizeof(vm)};
    memcpy(&out->storage, &vm, sizeof(vm));
}

static void enter(struct vsock *sk, const struct vsock_end *local)
{
    sk->local = *local;
    list_append(&vsock_machine(sk->world)->sockets, &sk->link);
}

static bool is_bound(const struct vsock *sk)
{
    return sk->local.port != VMADDR_PORT_ANY;
}

static int bind_any_port(struct vsock *sk, unsigned int cid)
{
    struct vsock_machine *machine = vsock_machine(sk->world);
    struct vsock_end local = {.cid = cid};

    do
        local.port = machine->next_port++;
    while (vsock_find_bound(sk->world, &local));
    enter(sk, &local);
    return 0;
}

static int vsock_bind(struct socket *socket, const struct address *address)
{
    struct vsock *sk = vsock_of(socket);
    struct vsock_end local;

    int r = read_address(address, &local);
    if (r < 0)
        return r;
    if (is_bound(sk))
        return -EINVAL;
    if (local.cid != VMADDR_CID_ANY && local.cid != VMADDR_CID_LOCAL && local.cid != sk->world->options.cid)
        return -EADDRNOTAVAIL;
    if (local.port == VMADDR_PORT_ANY)
        return bind_any_port(sk, local.cid);
    if (local.port <= RESERVED_PORT_LAST && !capable(CAP_NET_BIND_SERVICE))
        return -EACCES;
    if (vsock_find_bound(sk->world, &local))
        return -EADDRINUSE;
    enter(sk, &local);
    return 0;
}

static void vsock_name(const struct socket *socket, struct address *out)
{
    show(&vsock_of(socket)->local, out);
}

static bool is_connected(const struct vsock *sk)
{
    return sk->state >= VSOCK_CONNECTED && !sk->disconnecting;
}

static int vsock_peer(const struct socket *socket, struct address *out)
{
    const struct vsock *sk = vsock_of(socket);

    if (!is_connected(sk))
        return -ENOTCONN;
    show(&sk->remote, out);
    return 0;
}

/* ---- connections ---- */

static int vsock_listen(struct socket *socket, int backlog)
{
    struct vsock *sk = vsock_of(socket);

    if ((sk->state != VSOCK_UNCONNECTED && sk->state != VSOCK_LISTENING) || !is_bound(sk))
        return -EINVAL;
    sk->state = VSOCK_LISTENING;
    sk->backlog = (unsigned int)backlog > SOCKET_BACKLOG_MAX ? SOCKET_BACKLOG_MAX : (unsigned int)backlog;
    return 0;
}

static bool may_accept(const struct vsock *sk)
{
    return !list_is_empty(&sk->pending);
}

static int vsock_accept(struct socket *socket, bool nonblock, struct socket **ret_socket)
{
    struct vsock *sk = vsock_of(socket);
    int r;

    if (sk->state != VSOCK_LISTENING)
        return -EINVAL;
    do
        r = wait_until(sk, may_accept, nonblock);
    while (r == -EINTR);
    if (r < 0)
        return r;
    sk->n_pending--;
    *ret_socket = &CONTAINER_OF(list_pop(&sk->pending), struct vsock, pending_link)->base;
    return 0;
}

static bool is_decided(const struct vsock *sk)
{
    return sk->state != VSOCK_CONNECTING;
}

static int start_connecting(struct vsock *sk, const struct address *address)
{
    struct vsock_end remote;

    int r = read_address(address, &remote);
    if (r < 0)
        return r;
    struct world *world = vsock_world(sk->world, remote.cid);
    bool to_own_host = sk->world->options.cid > VMADDR_CID_HOST;
    bool exists = world || to_own_host || vhost_has_cid(sk->world, remote.cid);
    if (sk->world->options.cid == 0 || remote.cid == VMADDR_CID_ANY || !exists)
        return -ENODEV;
    sk->remote = remote;
    if (!is_bound(sk))
        bind_any_port(sk, VMADDR_CID_ANY);
    sk->base.error = 0;
    sk->shut = sk->peer_shut = 0;
    sk->state = VSOCK_CONNECTING;
    sk->connect_until = sim_now_ns(world_sim(sk->world)) + sk->connect_timeout_ns;
    vsock_set_window(sk);
    vsock_send(sk, VSOCK_REQUEST, 0);
    return 0;
}

static int vsock_connect(struct socket *socket, const struct address *address, bool nonblock)
{
    struct vsock *sk = vsock_of(socket);
    bool again = false;
    int r;

    progress(sk);
    if (is_connected(sk))
        return -EISCONN;
    if (sk->state == VSOCK_LISTENING || sk->disconnecting)
        return -EINVAL;
    again = sk->state == VSOCK_CONNECTING;
    if (again && nonblock)
        return -EALREADY;
    r = again ? 0 : start_connecting(sk, address);
    if (r == 0)
        r = wait_until(sk, is_decided, nonblock);
    if (r == -EINTR)
        sk->state = VSOCK_UNCONNECTED;
    if (r < 0)
        return r == -EAGAIN ? -EINPROGRESS : r;
    return -socket->error;
}

static int vsock_shutdown(struct socket *socket, int how)
{
    struct vsock *sk = vsock_of(socket);

    progress(sk);
    if (sk->state <= VSOCK_LISTENING)
        return -ENOTCONN;
    sk->disconnecting = true;
    sk->shut |= socket_shut_bits(how);
    if (sk->state == VSOCK_CONNECTED)
        vsock_send(sk, VSOCK_SHUTDOWN, sk->shut);
    return 0;
}

static void vsock_release(struct socket *socket)
{
    struct vsock *sk = vsock_of(socket);
    struct list *node;

    while ((node = list_pop(&sk->pending)))
        vsock_release(&CONTAINER_OF(node, struct vsock, pending_link)->base);
    if (sk->state == VSOCK_CONNECTING)
        vsock_send(sk, VSOCK_RST, 0);
    else if (sk->state == VSOCK_CONNECTED && sk->peer_shut != ALL_SHUT)
        vsock_send(sk, VSOCK_SHUTDOWN, ALL_SHUT);
    else if (sk->state == VSOCK_CONNECTED && !sk->done)
        vsock_send(sk, VSOCK_RST, 0);
    vsock_free(sk);
}

/* ---- data ---- */

static bool may_send(const struct vsock *sk)
{
    return vsock_space(sk) > 0 || sk->base.error || (sk->shut & SEND_SHUT) || (sk->peer_shut & RECEIVE_SHUT) ||
           sk->state != VSOCK_CONNECTED;
}

static int check_send(const struct vsock *sk)
{
    if (sk->base.error && sk->state != VSOCK_CONNECTED)
        return -sk->base.error;
    if ((sk->shut & SEND_SHUT) || (sk->peer_shut & RECEIVE_SHUT))
        return -EPIPE;
    return sk->state == VSOCK_CONNECTED ? 0 : -ENOTCONN;
}

static ssize_t vsock_send_message(struct socket *socket, const struct msghdr *msg, int flags)
{
    struct vsock *sk = vsock_of(socket);
    size_t total = iov_total(msg->msg_iov, msg->msg_iovlen), done = 0;

    progress(sk);
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (msg->msg_namelen > 0)
        return sk->state == VSOCK_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    int r = check_send(sk);
    while (r == 0 && done < total) {
        r = wait_until(sk, may_send, !socket_may_wait(socket, flags));
        if (r == -EINTR && done == 0)
            r = 0;
        else if (r == 0)
            r = check_send(sk);
        size_t space = r == 0 ? vsock_space(sk) : 0;
        size_t len = space < total - done ? space : total - done;
        vsock_send_data(sk, msg->msg_iov, done, len);
        done += len;
    }
    if (done > 0 || r == 0)
        return (ssize_t)done;
    return r == -EPIPE ? socket_broken(flags) : r;
}

static bool at_end(const struct vsock *sk)
{
    return (sk->shut & RECEIVE_SHUT) || (sk->peer_shut & SEND_SHUT);
}

static bool may_receive(const struct vsock *sk)
{
    return sk->received_bytes > 0 || sk->base.error || at_end(sk);
}

static ssize_t vsock_receive(struct socket *socket, struct msghdr *msg, int flags)
{
    struct vsock *sk = vsock_of(socket);
    size_t total = iov_total(msg->msg_iov, msg->msg_iovlen);
    int r;

    progress(sk);
    if (flags & ~RECEIVE_FLAGS)
        unsupported("recvmsg: flags 0x%x", (unsigned int)flags);
    msg->msg_controllen = 0;
    if (sk->state != VSOCK_CONNECTED)
        return sk->done ? 0 : sk->base.error ? -sk->base.error : -ENOTCONN;
    if ((sk->shut & RECEIVE_SHUT) || total == 0)
        return 0;
    do
        r = wait_until(sk, may_receive, !socket_may_wait(socket, flags));
    while (r == -EINTR);
    if (r < 0)
        return r;
    if (sk->received_bytes == 0)
        return -sk->base.error;
    ssize_t n = (ssize_t)vsock_take(sk, msg->msg_iov, total);
    if (sk->done && sk->received_bytes == 0)
        sk->state = VSOCK_CLOSING;
    return n;
}

/* ---- options and state ---- */

static int set_connect_timeout(struct vsock *sk, const void *value, socklen_t len)
{
    struct timeval tv;

    if (len < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, value, sizeof(tv));
    if (tv.tv_sec < 0 || tv.tv_usec >= 1000000 || tv.tv_sec >= CONNECT_TIMEOUT_MAX_S)
        return -ERANGE;
    uint64_t ns = (uint64_t)tv.tv_sec * 1000000000 + (uint64_t)tv.tv_usec * 1000;
    sk->connect_timeout_ns = ns ?: VSOCK_CONNECT_TIMEOUT_NS;
    return 0;
}

/* The buffer is kept between its limits. Kernels do not agree on which one counts when they cross. */
static int set_buffer(struct vsock *sk, int name, const void *value, socklen_t len)
{
    uint64_t bytes;

    if (sk->state != VSOCK_UNCONNECTED && sk->state != VSOCK_LISTENING)
        unsupported("setsockopt: AF_VSOCK option %d of a connection", name);
    if (len < sizeof(bytes))
        return -EINVAL;
    memcpy(&bytes, value, sizeof(bytes));
    if (name == SO_VM_SOCKETS_BUFFER_MAX_SIZE)
        sk->buffer_max = bytes;
    else if (name == SO_VM_SOCKETS_BUFFER_MIN_SIZE)
        sk->buffer_min = bytes;
    else
        sk->buffer = bytes;
    if (sk->buffer_min > sk->buffer_max)
        unsupported("setsockopt: AF_VSOCK option %d, limits that cross", name);
    if (sk->buffer > sk->buffer_max)
        sk->buffer = sk->buffer_max;
    if (sk->buffer < sk->buffer_min)
        sk->buffer = sk->buffer_min;
    return 0;
}

static int vsock_set_option(struct socket *socket, int name, const void *value, socklen_t len)
{
    if (name == SO_VM_SOCKETS_CONNECT_TIMEOUT)
        return set_connect_timeout(vsock_of(socket), value, len);
    if (name >= SO_VM_SOCKETS_BUFFER_SIZE && name <= SO_VM_SOCKETS_BUFFER_MAX_SIZE)
        return set_buffer(vsock_of(socket), name, value, len);
    if (name > SO_VM_SOCKETS_BUFFER_MAX_SIZE && name <= SO_VM_SOCKETS_NONBLOCK_TXRX)
        unsupported("setsockopt: AF_VSOCK option %d", name);
    return -ENOPROTOOPT;
}

static int vsock_get_option(const struct socket *socket, int name, void *value, socklen_t *len)
{
    const struct vsock *sk = vsock_of(socket);
    const uint64_t sizes[] = {
        [SO_VM_SOCKETS_BUFFER_SIZE] = sk->buffer,
        [SO_VM_SOCKETS_BUFFER_MIN_SIZE] = sk->buffer_min,
        [SO_VM_SOCKETS_BUFFER_MAX_SIZE] = sk->buffer_max,
    };

    if (name < 0 || (size_t)name >= ARRAY_SIZE(sizes))
        unsupported("getsockopt: AF_VSOCK option %d", name);
    if (*len < sizeof(sizes[0]))
        return -EINVAL;
    *len = sizeof(sizes[0]);
    memcpy(value, &sizes[name], sizeof(sizes[0]));
    return 0;
}

static bool vsock_listening(const struct socket *socket)
{
    return vsock_of(socket)->state == VSOCK_LISTENING;
}

static size_t vsock_available(const struct socket *socket)
{
    return vsock_of(socket)->received_bytes;
}

static uint32_t vsock_poll(const struct socket *socket)
{
    struct vsock *sk = vsock_of(socket);
    uint32_t events = 0;

    progress(sk);
    if (socket->error)
        events |= EPOLLERR;
    if (sk->shut == ALL_SHUT || (sk->shut & sk->peer_shut & SEND_SHUT))
        events |= EPOLLHUP;
    if (at_end(sk))
        events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (sk->received_bytes > 0 || !list_is_empty(&sk->pending))
        events |= EPOLLIN | EPOLLRDNORM;
    if (sk->shut & SEND_SHUT)
        return events;
    bool closed = sk->state == VSOCK_UNCONNECTED || sk->state == VSOCK_CLOSING;
    if (closed || (sk->state == VSOCK_CONNECTED && vsock_space(sk) > 0))
        events |= EPOLLOUT | EPOLLWRNORM;
    return events;
}

static uint64_t vsock_due(const struct socket *socket)
{
    return next_change(vsock_of(socket));
}

static const struct socket_ops vsock_ops = {
    .domain = AF_VSOCK,
    .bind = vsock_bind,
    .listen = vsock_listen,
    .accept = vsock_accept,
    .connect = vsock_connect,
    .send = vsock_send_message,
    .receive = vsock_receive,
    .shutdown = vsock_shutdown,
    .name = vsock_name,
    .peer = vsock_peer,
    .set_option = vsock_set_option,
    .get_option = vsock_get_option,
    .listening = vsock_listening,
    .available = vsock_available,
    .poll = vsock_poll,
    .due = vsock_due,
    .release = vsock_release,
};
