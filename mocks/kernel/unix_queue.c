/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between unix sockets (unix(7)): they lie in the receiver's queue and are charged to the sender's buffer until they
 * are received.
 *
 * A message costs what the kernel's packet takes: a header of 256 bytes, a block whose size is a power of two, and pages for
 * the rest of long messages. A socket may send while the sum is below SO_SNDBUF, so that the last message may go far beyond it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/unix.h"

#define PAGE 4096u
#define HEADER 256u
#define TRAILER 320u /* in the same block as the first bytes */
#define BLOCK_MIN 512u
#define STREAM_HEAD_MAX (PAGE - TRAILER) /* bytes beyond it lie in pages */
#define STREAM_PAGES_MAX 32768u
#define PACKET_HEAD_MAX (4 * PAGE - TRAILER)

/* ---- packets ---- */

static size_t cost_of(size_t len, size_t head_max)
{
    size_t in_pages = len > head_max ? (len - head_max + PAGE - 1) / PAGE * PAGE : 0;
    size_t head = len > in_pages ? len - in_pages : 0;
    size_t block = BLOCK_MIN;

    while (block < head + TRAILER)
        block *= 2;
    return HEADER + block + in_pages;
}

static struct unix_packet *packet_new(struct unix_socket *sender, const struct msghdr *msg, size_t offset, size_t len)
{
    struct unix_packet *packet = malloc(sizeof(*packet) + len);

    if (!packet)
        abort();
    *packet = (struct unix_packet){.sender = unix_ref(sender), .len = len};
    if (len > 0)
        iov_read(msg->msg_iov, offset, packet->bytes, len);
    return packet;
}

static void packet_free(struct unix_packet *packet)
{
    list_remove(&packet->link);
    scm_drop(&packet->files);
    packet->sender->charged -= packet->cost;
    unix_unref(packet->sender);
    free(packet);
}

static struct unix_packet *first_packet(const struct unix_socket *sk)
{
    return list_is_empty(&sk->packets) ? NULL : CONTAINER_OF(sk->packets.next, struct unix_packet, link);
}

void unix_drop_packets(struct unix_socket *sk)
{
    struct unix_packet *packet;

    while ((packet = first_packet(sk)))
        packet_free(packet);
}

size_t unix_available(const struct socket *socket)
{
    const struct unix_socket *sk = unix_of(socket);
    struct unix_packet *packet;
    size_t n = 0;

    LIST_FOREACH (packet, &sk->packets, link)
        n += packet->len;
    return n;
}

/* ---- sending ---- */

static bool has_room(void *arg)
{
    const struct unix_socket *sk = arg;

    return sk->charged < (size_t)sk->base.sndbuf || sk->base.error || (sk->shut & SEND_SHUT);
}

bool unix_writable(const struct unix_socket *sk)
{
    return sk->state != UNIX_LISTENING && sk->charged * 4 <= (size_t)sk->base.sndbuf;
}

/* Waits until the buffer takes another packet. */
static int wait_for_room(struct unix_socket *sk, int flags)
{
    for (;;) {
        if (sk->base.error)
            return socket_error(&sk->base);
        if (sk->shut & SEND_SHUT)
            return -EPIPE;
        if (sk->charged < (size_t)sk->base.sndbuf)
            return 0;
        if (!socket_may_wait(&sk->base, flags))
            return -EAGAIN;
        int r = task_block(has_room, sk, UINT64_MAX);
        if (r == -EINTR)
            return r;
    }
}

static void deliver(struct unix_socket *sk, struct unix_packet *packet, size_t cost)
{
    packet->cost = cost;
    sk->charged += cost;
    list_append(&sk->peer->packets, &packet->link);
}

static int check_destination(const struct unix_socket *sk, const struct msghdr *msg, int flags)
{
    int r = scm_check(msg);

    if (r < 0)
        return r;
    if (flags & MSG_OOB)
        unsupported("sendmsg: MSG_OOB");
    if (msg->msg_namelen > 0 && sk->base.type == SOCK_STREAM)
        return sk->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    return sk->peer ? 0 : -ENOTCONN;
}

static size_t stream_part(const struct unix_socket *sk, size_t left)
{
    size_t half = (size_t)sk->base.sndbuf / 2 - 64;
    size_t max = STREAM_HEAD_MAX + STREAM_PAGES_MAX < half ? STREAM_HEAD_MAX + STREAM_PAGES_MAX : half;

    return left < max ? left : max;
}

/* -EINTR before anything was sent: the call starts again. */
static int send_part(struct unix_socket *sk, const struct msghdr *msg, size_t done, size_t len, int flags)
{
    int r;

    do
        r = wait_for_room(sk, flags);
    while (r == -EINTR && done == 0);
    if (r < 0)
        return r;
    if (sk->peer->dead || (sk->peer->shut & RECEIVE_SHUT))
        return -EPIPE;
    struct unix_packet *packet = packet_new(sk, msg, done, len);
    if (done == 0)
        scm_take(msg, &packet->files);
    deliver(sk, packet, cost_of(len, STREAM_HEAD_MAX));
    return 0;
}

ssize_t unix_send_stream(struct socket *socket, const struct msghdr *msg, int flags)
{
    struct unix_socket *sk = unix_of(socket);
    size_t total = iov_total(msg->msg_iov, msg->msg_iovlen);
    size_t done = 0;

    int r = check_destination(sk, msg, flags);
    if (r < 0)
        return r;
    if (sk->shut & SEND_SHUT)
        return socket_broken(flags);
    while (done < total) {
        size_t len = stream_part(sk, total - done);
        r = send_part(sk, msg, done, len, flags);
        if (r < 0)
            break;
        done += len;
    }
    if (done > 0 || r == 0)
        return (ssize_t)done;
    return r == -EPIPE ? socket_broken(flags) : r;
}

ssize_t unix_send_packet(struct socket *socket, const struct msghdr *msg, int flags)
{
    struct unix_socket *sk = unix_of(socket);
    size_t len = iov_total(msg->msg_iov, msg->msg_iovlen);
    int r = socket_error(socket);

    if (r == 0)
        r = sk->state == UNIX_CONNECTED ? check_destination(sk, msg, flags) : -ENOTCONN;
    if (r < 0)
        return r;
    if (len > (size_t)socket->sndbuf - 32)
        return -EMSGSIZE;
    do
        r = wait_for_room(sk, flags);
    while (r == -EINTR);
    if (r < 0)
        return r;
    if (sk->peer->dead || (sk->peer->shut & RECEIVE_SHUT))
        return -EPIPE;
    struct unix_packet *packet = packet_new(sk, msg, 0, len);
    scm_take(msg, &packet->files);
    deliver(sk, packet, cost_of(len, PACKET_HEAD_MAX));
    return (ssize_t)len;
}

/* ---- receiving ---- */

static bool has_news(void *arg)
{
    const struct unix_socket *sk = arg;

    return !list_is_empty(&sk->packets) || sk->base.error || (sk->shut & RECEIVE_SHUT);
}

static void show_sender(struct msghdr *msg, const struct unix_packet *packet)
{
    struct address address;

    if (!msg->msg_name)
        return;
    unix_show_name(packet->sender->name, &address);
    if (!packet->sender->name) {
        msg->msg_namelen = 0;
        return;
    }
    memcpy(msg->msg_name, &address.storage, address.len < msg->msg_namelen ? address.len : msg->msg_namelen);
    msg->msg_namelen = address.len;
}

/* Files of a packet go with its first byte that is read, and only once. */
static void take_files(struct unix_packet *packet, struct scm_files *files, bool peek)
{
    if (peek) {
        scm_copy(&packet->files, files);
        return;
    }
    *files = packet->files;
    packet->files = (struct scm_files){.files = NULL};
}

/* Bytes of as many packets as there are, but none beyond one with files. */
static size_t gather(struct unix_socket *sk, struct msghdr *msg, size_t total, bool peek, struct scm_files *files)
{
    struct unix_packet *packet;
    size_t done = 0;

    LIST_FOREACH (packet, &sk->packets, link) {
        bool last = packet->files.n > 0;
        size_t len = packet->len < total - done ? packet->len : total - done;
        if (done == 0)
            show_sender(msg, packet);
        iov_write(msg->msg_iov, done, packet->bytes + packet->start, len);
        done += len;
        if (last)
            take_files(packet, files, peek);
        if (!peek) {
            packet->start += len;
            packet->len -= len;
            if (packet->len == 0)
                packet_free(packet);
        }
        if (last || done == total)
            break;
    }
    return done;
}

ssize_t unix_receive_stream(struct socket *socket, struct msghdr *msg, int flags)
{
    struct unix_socket *sk = unix_of(socket);
    struct scm_files files = {.files = NULL};
    size_t total = iov_total(msg->msg_iov, msg->msg_iovlen);

    if (sk->state != UNIX_CONNECTED)
        return -EINVAL;
    if (flags & ~(MSG_DONTWAIT | MSG_PEEK | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL))
        unsupported("recvmsg: flags 0x%x", (unsigned int)flags);
    while (list_is_empty(&sk->packets)) {
        int r = socket_error(socket);
        if (r < 0 || (sk->shut & RECEIVE_SHUT)) {
            msg->msg_controllen = 0;
            return r;
        }
        if (!socket_may_wait(socket, flags))
            return -EAGAIN;
        task_block(has_news, sk, UINT64_MAX);
    }
    size_t done = gather(sk, msg, total, flags & MSG_PEEK, &files);
    scm_deliver(msg, &files, flags);
    return (ssize_t)done;
}

/* 0: there is a packet; 1: there will be none any more. */
static int wait_for_packet(struct unix_socket *sk, int flags)
{
    for (;;) {
        int r = socket_error(&sk->base);
        if (r < 0 || !list_is_empty(&sk->packets))
            return r;
        if (sk->shut & RECEIVE_SHUT)
            return 1;
        if (!socket_may_wait(&sk->base, flags))
            return -EAGAIN;
        task_block(has_news, sk, UINT64_MAX);
    }
}

ssize_t unix_receive_packet(struct socket *socket, struct msghdr *msg, int flags)
{
    struct unix_socket *sk = unix_of(socket);
    struct scm_files files = {.files = NULL};
    size_t total = iov_total(msg->msg_iov, msg->msg_iovlen);

    if (sk->state != UNIX_CONNECTED)
        return -ENOTCONN;
    if (flags & ~(MSG_DONTWAIT | MSG_PEEK | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL | MSG_TRUNC))
        unsupported("recvmsg: flags 0x%x", (unsigned int)flags);
    int r = wait_for_packet(sk, flags);
    if (r != 0) {
        if (r > 0)
            msg->msg_controllen = 0;
        return r > 0 ? 0 : r;
    }
    struct unix_packet *packet = first_packet(sk);
    size_t whole = packet->len, len = whole < total ? whole : total;
    show_sender(msg, packet);
    if (len > 0)
        iov_write(msg->msg_iov, 0, packet->bytes, len);
    if (len < whole)
        msg->msg_flags |= MSG_TRUNC;
    take_files(packet, &files, flags & MSG_PEEK);
    if (!(flags & MSG_PEEK))
        packet_free(packet);
    scm_deliver(msg, &files, flags);
    return (ssize_t)(flags & MSG_TRUNC ? whole : len);
}
