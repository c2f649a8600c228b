/* SPDX-License-Identifier: Apache-2.0 */
/* The life of unix sockets (unix(7)): listen, connect, accept, shutdown, and what the other side notices of the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cred.h"
#include "mocks/kernel/unix.h"

static const struct socket_ops stream_ops, packet_ops;

struct unix_socket *unix_of(const struct socket *socket)
{
    return CONTAINER_OF(socket, struct unix_socket, base);
}

struct unix_socket *unix_ref(struct unix_socket *sk)
{
    sk->refs++;
    return sk;
}

static void forget_credentials(struct unix_credentials *credentials)
{
    if (credentials->task)
        task_unref(credentials->task);
    credentials->task = NULL;
}

void unix_unref(struct unix_socket *sk)
{
    if (--sk->refs > 0)
        return;
    unix_name_unref(sk->name);
    forget_credentials(&sk->peer_credentials);
    free(sk);
}

static struct unix_socket *unix_new(int type)
{
    struct unix_socket *sk = zalloc(sizeof(*sk));

    sk->base = (struct socket){
        .ops = type == SOCK_STREAM ? &stream_ops : &packet_ops,
        .type = type,
        .sndbuf = SOCKET_BUFFER_DEFAULT,
        .rcvbuf = SOCKET_BUFFER_DEFAULT,
    };
    sk->world = current()->world;
    list_init(&sk->packets);
    list_init(&sk->pending);
    list_init(&sk->pending_link);
    sk->refs = 1;
    return sk;
}

int unix_socket_new(int type, int protocol, struct socket **ret_socket)
{
    if (protocol != 0 && protocol != PF_UNIX)
        return -EPROTONOSUPPORT;
    if (type == SOCK_DGRAM || type == SOCK_RAW)
        unsupported("socket: datagrams in AF_UNIX");
    if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
        return -ESOCKTNOSUPPORT;
    *ret_socket = &unix_new(type)->base;
    return 0;
}

/* ---- who is there ---- */

static void set_credentials(struct unix_socket *sk)
{
    struct task *task = current();

    forget_credentials(&sk->peer_credentials);
    sk->peer_credentials = (struct unix_credentials){task_ref(task), task->cred.euid, task->cred.egid};
}

static void show_credentials(const struct socket *socket, struct ucred *out)
{
    const struct unix_credentials *peer = &unix_of(socket)->peer_credentials;
    const struct task *viewer = current();

    *out = (struct ucred){.uid = (uid_t)-1, .gid = (gid_t)-1};
    if (!peer->task)
        return;
    uint32_t uid = id_from_world(viewer->cred.user, false, peer->uid);
    uint32_t gid = id_from_world(viewer->cred.user, true, peer->gid);
    out->pid = task_pid_in(peer->task, viewer->pid_namespace);
    out->uid = uid == UINT32_MAX ? 65534 : uid;
    out->gid = gid == UINT32_MAX ? 65534 : gid;
}

static void join(struct unix_socket *one, struct unix_socket *other)
{
    one->peer = unix_ref(other);
    other->peer = unix_ref(one);
    one->state = other->state = UNIX_CONNECTED;
}

void unix_socket_pair(struct socket *one, struct socket *other)
{
    set_credentials(unix_of(one));
    set_credentials(unix_of(other));
    join(unix_of(one), unix_of(other));
}

/* ---- listen, connect, accept ---- */

static int unix_listen(struct socket *socket, int backlog)
{
    struct unix_socket *sk = unix_of(socket);

    if (!sk->name || sk->state == UNIX_CONNECTED)
        return -EINVAL;
    sk->state = UNIX_LISTENING;
    sk->backlog = (unsigned int)backlog > SOCKET_BACKLOG_MAX ? SOCKET_BACKLOG_MAX : (unsigned int)backlog;
    set_credentials(sk);
    return 0;
}

static bool queue_full(const struct unix_socket *listener)
{
    return listener->n_pending > listener->backlog;
}

static bool may_connect(void *arg)
{
    const struct unix_socket *listener = arg;

    return listener->state != UNIX_LISTENING || (listener->shut & RECEIVE_SHUT) || !queue_full(listener);
}

static int check_listener(const struct unix_socket *sk, const struct unix_socket *listener, bool nonblock)
{
    if (listener->state != UNIX_LISTENING || (listener->shut & RECEIVE_SHUT))
        return -ECONNREFUSED;
    if (queue_full(listener))
        return nonblock ? -EAGAIN : 1;
    if (sk->state == UNIX_CONNECTED)
        return -EISCONN;
    return sk->state == UNIX_LISTENING ? -EINVAL : 0;
}

/* The socket that accept() will give out exists from now on. */
static void enqueue(struct unix_socket *sk, struct unix_socket *listener)
{
    struct unix_socket *server = unix_new(sk->base.type);

    set_credentials(server);
    sk->peer_credentials = listener->peer_credentials;
    task_ref(sk->peer_credentials.task);
    server->world = listener->world;
    server->name = listener->name;
    server->name->refs++;
    join(sk, server);
    list_append(&listener->pending, &server->pending_link);
    listener->n_pending++;
}

static void stop_connecting(struct unix_socket *sk)
{
    if (sk->connecting)
        unix_unref(sk->connecting);
    sk->connecting = NULL;
}

static int unix_connect(struct socket *socket, const struct address *address, bool nonblock)
{
    struct unix_socket *sk = unix_of(socket);

    int r = unix_check_address(address);
    while (r >= 0) {
        r = unix_find(address, socket->type, &sk->connecting);
        if (r < 0)
            break;
        r = check_listener(sk, sk->connecting, nonblock);
        if (r == 0)
            enqueue(sk, sk->connecting);
        else if (r > 0)
            task_block(may_connect, sk->connecting, UINT64_MAX);
        stop_connecting(sk);
        if (r == 0)
            break;
    }
    return r;
}

static bool may_accept(void *arg)
{
    const struct unix_socket *sk = arg;

    return !list_is_empty(&sk->pending) || (sk->shut & RECEIVE_SHUT);
}

static int unix_accept(struct socket *socket, bool nonblock, struct socket **ret_socket)
{
    struct unix_socket *sk = unix_of(socket);

    if (sk->state != UNIX_LISTENING)
        return -EINVAL;
    while (list_is_empty(&sk->pending)) {
        if (nonblock)
            return -EAGAIN;
        if (sk->shut & RECEIVE_SHUT)
            return -EINVAL;
        task_block(may_accept, sk, UINT64_MAX);
    }
    sk->n_pending--;
    *ret_socket = &CONTAINER_OF(list_pop(&sk->pending), struct unix_socket, pending_link)->base;
    return 0;
}

/* ---- the end ---- */

static int unix_shutdown(struct socket *socket, int how)
{
    struct unix_socket *sk = unix_of(socket);
    unsigned int shut = socket_shut_bits(how);

    sk->shut |= shut;
    if (!sk->peer)
        return 0;
    sk->peer->shut |= shut & RECEIVE_SHUT ? SEND_SHUT : 0;
    sk->peer->shut |= shut & SEND_SHUT ? RECEIVE_SHUT : 0;
    return 0;
}

/* What was never received, or never accepted, is a reset for the other side. */
static void close_socket(struct unix_socket *sk, bool never_accepted)
{
    struct unix_socket *pending;

    sk->dead = true;
    sk->shut = ALL_SHUT;
    sk->state = UNIX_CLOSED;
    unix_name_release(sk);
    stop_connecting(sk);
    if (sk->peer) {
        sk->peer->shut = ALL_SHUT;
        if (never_accepted || !list_is_empty(&sk->packets))
            sk->peer->base.error = ECONNRESET;
        unix_unref(sk->peer);
        sk->peer = NULL;
    }
    unix_drop_packets(sk);
    LIST_FOREACH (pending, &sk->pending, pending_link) {
        list_remove(&pending->pending_link);
        close_socket(pending, true);
    }
    unix_unref(sk);
}

static void unix_release(struct socket *socket)
{
    close_socket(unix_of(socket), false);
}

/* ---- state ---- */

static void show_name(const struct socket *socket, struct address *out)
{
    unix_show_name(unix_of(socket)->name, out);
}

static int show_peer(const struct socket *socket, struct address *out)
{
    const struct unix_socket *peer = unix_of(socket)->peer;

    if (!peer)
        return -ENOTCONN;
    unix_show_name(peer->name, out);
    return 0;
}

static bool is_listening(const struct socket *socket)
{
    return unix_of(socket)->state == UNIX_LISTENING;
}

static uint32_t unix_poll(const struct socket *socket)
{
    const struct unix_socket *sk = unix_of(socket);
    uint32_t events = 0;

    if (socket->error)
        events |= EPOLLERR;
    if (sk->shut == ALL_SHUT)
        events |= EPOLLHUP;
    if (sk->shut & RECEIVE_SHUT)
        events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (!list_is_empty(&sk->packets) || !list_is_empty(&sk->pending))
        events |= EPOLLIN | EPOLLRDNORM;
    if (sk->state == UNIX_CLOSED)
        events |= EPOLLHUP;
    if (unix_writable(sk))
        events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    return events;
}

#define COMMON_OPS                                                                                                             \
    .domain = AF_UNIX, .bind = unix_bind, .listen = unix_listen, .accept = unix_accept, .connect = unix_connect,               \
    .shutdown = unix_shutdown, .name = show_name, .peer = show_peer, .listening = is_listening,                                \
    .credentials = show_credentials, .available = unix_available, .poll = unix_poll, .release = unix_release

static const struct socket_ops stream_ops = {COMMON_OPS, .send = unix_send_stream, .receive = unix_receive_stream};
static const struct socket_ops packet_ops = {COMMON_OPS, .send = unix_send_packet, .receive = unix_receive_packet};
