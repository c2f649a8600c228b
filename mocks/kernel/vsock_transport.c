/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of vsock as virtio carries them: requests, data under credit, shutdown and reset; and what a socket makes of those
 * that arrive.
 *
 * Credit: each side tells the size of its buffer and how many bytes have left it; the other side has at most that much on its
 * way. */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/vsock.h"

#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/run.h"
#include "mocks/kernel/world.h"

struct vsock_machine *vsock_machine(struct world *world)
{
    if (!world->vsock) {
        world->vsock = zalloc(sizeof(*world->vsock));
        list_init(&world->vsock->sockets);
        list_init(&world->vsock->vhosts);
        world->vsock->next_port = 1024;
    }
    return world->vsock;
}

void vsock_machine_free(struct world *world)
{
    line_forget(world);
    free(world->vsock);
    world->vsock = NULL;
}

struct world *vsock_world(struct world *own, unsigned int cid)
{
    struct world *world;

    if (cid == VMADDR_CID_LOCAL || cid == own->options.cid)
        return own;
    LIST_FOREACH (world, &own->sim->worlds, link) {
        if (world->options.cid == cid)
            return world;
    }
    return NULL;
}

/* ---- sockets of a machine ---- */

struct vsock *vsock_alloc(struct world *world)
{
    struct vsock *sk = zalloc(sizeof(*sk));

    sk->world = world;
    sk->local = sk->remote = (struct vsock_end){VMADDR_CID_ANY, VMADDR_PORT_ANY};
    sk->connect_until = UINT64_MAX;
    sk->connect_timeout_ns = VSOCK_CONNECT_TIMEOUT_NS;
    sk->buffer = sk->buffer_max = sk->window = VSOCK_BUFFER;
    sk->buffer_min = VSOCK_BUFFER_MIN;
    list_init(&sk->link);
    list_init(&sk->pending);
    list_init(&sk->pending_link);
    list_init(&sk->received);
    return sk;
}

void vsock_free(struct vsock *sk)
{
    struct list *node;

    list_remove(&sk->link);
    list_remove(&sk->pending_link);
    while ((node = list_pop(&sk->received)))
        free(CONTAINER_OF(node, struct vsock_packet, link));
    free(sk);
}

static bool same_cid(const struct vsock *sk, unsigned int cid)
{
    return sk->local.cid == cid || sk->local.cid == VMADDR_CID_ANY || cid == VMADDR_CID_ANY;
}

struct vsock *vsock_find_bound(struct world *world, const struct vsock_end *local)
{
    struct vsock *sk;

    LIST_FOREACH (sk, &vsock_machine(world)->sockets, link) {
        if (sk->local.port == local->port && same_cid(sk, local->cid) && !sk->accepted)
            return sk;
    }
    return NULL;
}

static bool same_end(const struct vsock_end *one, const struct vsock_end *other)
{
    return one->cid == other->cid && one->port == other->port;
}

static struct vsock *find_connected(struct world *world, const struct vsock_packet *packet)
{
    struct vsock *sk;

    if (packet->op == VSOCK_REQUEST)
        return NULL;
    LIST_FOREACH (sk, &vsock_machine(world)->sockets, link) {
        if (sk->state >= VSOCK_CONNECTING && sk->local.port == packet->to.port && same_cid(sk, packet->to.cid) &&
            same_end(&sk->remote, &packet->from))
            return sk;
    }
    return NULL;
}

void vsock_set_window(struct vsock *sk)
{
    struct world *other = vsock_world(sk->world, sk->remote.cid);

    sk->window = (uint32_t)(other ? line_window(sk->world, other, sk->buffer) : sk->buffer);
}

/* ---- sending ---- */

static struct vsock_packet *packet_new(enum vsock_op op, const struct vsock_end *from, const struct vsock_end *to, size_t len)
{
    struct vsock_packet *packet = zalloc(sizeof(*packet) + len);

    packet->op = op;
    packet->from = *from;
    packet->to = *to;
    packet->len = len;
    return packet;
}

/* Own number, as the other side knows it. */
static struct vsock_end own_end(const struct vsock *sk)
{
    struct vsock_end end = sk->local;

    if (end.cid == VMADDR_CID_ANY)
        end.cid = sk->remote.cid == VMADDR_CID_LOCAL ? VMADDR_CID_LOCAL : sk->world->options.cid;
    return end;
}

static void send_packet(struct vsock *sk, struct vsock_packet *packet)
{
    packet->window = sk->window;
    packet->taken = sk->taken_told = sk->taken;
    line_send(sk->world, vsock_world(sk->world, sk->remote.cid), packet, sk->sent_total);
}

void vsock_send(struct vsock *sk, enum vsock_op op, unsigned int shut)
{
    struct vsock_end from = own_end(sk);
    struct vsock_packet *packet = packet_new(op, &from, &sk->remote, 0);

    packet->shut = shut;
    send_packet(sk, packet);
}

void vsock_send_data(struct vsock *sk, const struct iovec *iov, size_t offset, size_t len)
{
    struct world *other = vsock_world(sk->world, sk->remote.cid);
    size_t piece = other ? line_piece(sk->world, other) : VSOCK_PACKET_MAX;
    struct vsock_end from = own_end(sk);

    while (len > 0) {
        size_t part = len < piece ? len : piece;
        struct vsock_packet *packet = packet_new(VSOCK_DATA, &from, &sk->remote, part);
        iov_read(iov, offset, packet->bytes, part);
        sk->sent += (uint32_t)part;
        send_packet(sk, packet);
        sk->sent_total += part;
        offset += part;
        len -= part;
    }
}

size_t vsock_space(const struct vsock *sk)
{
    uint32_t on_the_way = sk->sent - sk->peer_taken;

    return sk->peer_window > on_the_way ? sk->peer_window - on_the_way : 0;
}

size_t vsock_take(struct vsock *sk, const struct iovec *iov, size_t len)
{
    size_t done = 0;

    while (done < len && !list_is_empty(&sk->received)) {
        struct vsock_packet *packet = CONTAINER_OF(sk->received.next, struct vsock_packet, link);
        size_t part = packet->len < len - done ? packet->len : len - done;
        iov_write(iov, done, packet->bytes + packet->start, part);
        packet->start += part;
        packet->len -= part;
        done += part;
        if (packet->len > 0)
            break;
        list_remove(&packet->link);
        free(packet);
    }
    sk->received_bytes -= done;
    sk->taken += (uint32_t)done;
    if (sk->window - (sk->taken - sk->taken_told) < VSOCK_PACKET_MAX)
        vsock_send(sk, VSOCK_CREDIT, 0);
    return done;
}

/* ---- what arrives ---- */

static void refuse(struct world *world, const struct vsock_packet *packet)
{
    struct world *back = vsock_world(world, packet->from.cid);

    if (packet->op != VSOCK_RST && packet->op != VSOCK_BROKEN && back)
        line_send(world, back, packet_new(VSOCK_RST, &packet->to, &packet->from, 0), 0);
}

static void credit(struct vsock *sk, const struct vsock_packet *packet)
{
    sk->peer_window = packet->window;
    sk->peer_taken = packet->taken;
}

/* The socket that accept() gives out. */
static void incoming(struct world *world, const struct vsock_packet *packet)
{
    struct vsock *listener = vsock_find_bound(world, &packet->to);

    if (!listener || listener->state != VSOCK_LISTENING || listener->n_pending > listener->backlog) {
        refuse(world, packet);
        return;
    }
    struct vsock *sk = vsock_alloc(world);
    sk->base = listener->base;
    sk->base.file = NULL;
    sk->state = VSOCK_CONNECTED;
    sk->accepted = true;
    sk->local = packet->to;
    sk->remote = packet->from;
    sk->buffer = listener->buffer;
    sk->buffer_min = listener->buffer_min;
    sk->buffer_max = listener->buffer_max;
    vsock_set_window(sk);
    credit(sk, packet);
    list_append(&vsock_machine(world)->sockets, &sk->link);
    list_append(&listener->pending, &sk->pending_link);
    listener->n_pending++;
    vsock_send(sk, VSOCK_RESPONSE, 0);
}

/* The other side is gone; what it sent before can still be read. */
static void ended(struct vsock *sk)
{
    sk->done = true;
    sk->peer_shut = ALL_SHUT;
    if (sk->received_bytes == 0)
        sk->state = VSOCK_CLOSING;
}

static void broken(struct vsock *sk)
{
    sk->base.error = ECONNRESET;
    sk->peer_shut = ALL_SHUT;
    sk->state = VSOCK_UNCONNECTED;
}

static void arrive_connecting(struct vsock *sk, const struct vsock_packet *packet)
{
    if (packet->op == VSOCK_RESPONSE) {
        sk->state = VSOCK_CONNECTED;
        return;
    }
    sk->state = VSOCK_UNCONNECTED;
    sk->base.error = ECONNRESET;
    if (packet->op != VSOCK_RST)
        vsock_send(sk, VSOCK_RST, 0);
}

/* Returns whether the packet was kept. */
static bool arrive_connected(struct vsock *sk, struct vsock_packet *packet)
{
    switch (packet->op) {
    case VSOCK_DATA:
        list_append(&sk->received, &packet->link);
        sk->received_bytes += packet->len;
        return true;
    case VSOCK_SHUTDOWN:
        sk->peer_shut |= packet->shut;
        if (sk->peer_shut == ALL_SHUT && sk->received_bytes == 0 && !sk->done) {
            vsock_send(sk, VSOCK_RST, 0);
            ended(sk);
        }
        return false;
    case VSOCK_RST:
        ended(sk);
        return false;
    default:
        return false;
    }
}

void vsock_deliver(struct vsock_packet *packet)
{
    struct world *world = packet->receiver;
    bool kept = false;

    struct vsock *sk = find_connected(world, packet);
    if (sk)
        credit(sk, packet);
    if (packet->op == VSOCK_REQUEST)
        incoming(world, packet);
    else if (!sk)
        refuse(world, packet);
    else if (packet->op == VSOCK_BROKEN)
        broken(sk);
    else if (sk->state == VSOCK_CONNECTING)
        arrive_connecting(sk, packet);
    else if (sk->state == VSOCK_CONNECTED)
        kept = arrive_connected(sk, packet);
    if (!kept)
        free(packet);
}
