/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent to the guest: answers first, then the connections in turn, each a bounded share. */
#include <errno.h>

#include "runtime-min/vsock/conn.h"
#include "runtime-min/vsock/iov.h"
#include "runtime-min/vsock/mux.h"

/* Bytes of one connection before the next one has its turn; no packet is longer. */
#define SHARE PACKET_PAYLOAD_MAX

/* Looks at chains until they have room for want bytes of payload, at least one each, or max are in hand. Headers and payload
 * are taken apart, so that one read fills the payload of all. Returns their number, or -EPROTO; *ret_n: segments of payload. */
static int collect(struct mux *mux, struct virtqueue *rx, unsigned int max, size_t want, unsigned int *ret_n)
{
    unsigned int n = 0, used = 0, headers = 0;
    const size_t least = PACKET_HEADER_BYTES + (want > 0);
    size_t room = 0;

    while (n < max && (n == 0 || room < want) && headers + PACKET_HEADER_BYTES <= MUX_HEADER_SEGMENTS) {
        struct mux_slot *slot = &mux->slots[n];
        struct iovec *iov = mux->segments + used;
        int r = virtqueue_peek(rx, n, CHAIN_WRITE, iov, CHAIN_SEGMENTS_MAX - used, &slot->chain);
        if (r < 0 && n == 0)
            return r;
        if (r <= 0 || (slot->chain.bytes < least && n > 0))
            break;
        if (slot->chain.bytes < least) {
            anomaly_note(mux->options.anomalies, ANOMALY_CHAIN_SHORT);
            virtqueue_use(rx, &slot->chain, 0);
            continue;
        }
        unsigned int segments = slot->chain.n;
        slot->header = headers;
        slot->room = slot->chain.bytes - PACKET_HEADER_BYTES;
        headers += iov_split(iov, &segments, PACKET_HEADER_BYTES, mux->headers + headers);
        used += segments;
        room += slot->room;
        n++;
    }
    *ret_n = used;
    return (int)n;
}

static void finish(struct mux *mux, struct virtqueue *rx, const struct mux_slot *slot, const struct packet *packet)
{
    const struct virtio_vsock_hdr header = packet_encode(packet);

    iov_write(mux->headers + slot->header, &header, sizeof(header));
    virtqueue_use(rx, &slot->chain, (uint32_t)sizeof(header) + packet->len);
}

static int send_packet(struct mux *mux, struct virtqueue *rx, const struct packet *packet)
{
    finish(mux, rx, &mux->slots[0], packet);
    return 1;
}

static int send_reply(struct mux *mux, struct virtqueue *rx)
{
    const struct mux_reply *reply = &mux->replies[mux->first_reply];

    mux->first_reply = (mux->first_reply + 1) % MUX_REPLIES_MAX;
    mux->n_replies--;
    return send_packet(mux, rx,
                       &(struct packet){
                           .src_cid = reply->host_cid,
                           .dst_cid = mux->options.guest_cid,
                           .src_port = reply->host_port,
                           .dst_port = reply->guest_port,
                           .type = reply->type,
                           .op = VIRTIO_VSOCK_OP_RST,
                       });
}

/* Its turn is over: back to the end of the line, or out of it. */
static void next_turn(struct conn *conn)
{
    list_remove(&conn->ready);
    if (conn_has_more(conn))
        list_append(&conn->mux->ready, &conn->ready);
    else
        conn_update_watch(conn);
}

/* Returns how many chains were used. */
static int send_data(struct conn *conn, struct virtqueue *rx, int n, unsigned int segments)
{
    struct mux *mux = conn->mux;
    size_t len = conn_may_send(conn), room = iov_bytes(mux->segments, segments);
    int used = 0;

    len = len < room ? len : room;
    len = len < SHARE ? len : SHARE;
    size_t left = conn_read_host(conn, mux->segments, iov_limit(mux->segments, segments, len), len);
    for (; used < n && left > 0; used++) {
        size_t part = mux->slots[used].room < left ? mux->slots[used].room : left;
        struct packet packet = conn_packet(conn, VIRTIO_VSOCK_OP_RW, (uint32_t)part);
        finish(mux, rx, &mux->slots[used], &packet);
        left -= part;
    }
    next_turn(conn);
    return used;
}

static int send_control(struct conn *conn, struct virtqueue *rx)
{
    uint16_t op = conn_next_control(conn);
    struct packet packet = conn_packet(conn, op, 0);

    send_packet(conn->mux, rx, &packet);
    if (op == VIRTIO_VSOCK_OP_RST)
        conn_free(conn);
    else
        next_turn(conn);
    return 1;
}

static struct conn *first_ready(struct mux *mux)
{
    while (!list_is_empty(&mux->ready)) {
        struct conn *conn = CONTAINER_OF(mux->ready.next, struct conn, ready);
        if (conn_has_more(conn))
            return conn;
        next_turn(conn);
    }
    return NULL;
}

/* One packet, or a share of one connection. Returns how many chains were used, -ENOENT with nothing to send, or -EAGAIN: the
 * guest has no room. */
static int send_one(struct mux *mux, struct virtqueue *rx, unsigned int max)
{
    struct conn *conn = mux->n_replies ? NULL : first_ready(mux);
    const bool control = mux->n_replies > 0 || (conn && conn->pending);
    unsigned int segments;

    if (mux->n_replies == 0 && !conn)
        return -ENOENT;
    int n = collect(mux, rx, control ? 1 : max, control ? 0 : conn_may_send(conn), &segments);
    if (n <= 0)
        return n < 0 ? n : -EAGAIN;
    if (mux->n_replies > 0)
        return send_reply(mux, rx);
    return control ? send_control(conn, rx) : send_data(conn, rx, n, segments);
}

/* The guest has no room: nobody looks at what the host sends meanwhile. True: it has just made some. */
static bool starve(struct mux *mux, struct virtqueue *rx, bool was_broken)
{
    struct conn *conn;

    if (rx->broken && !was_broken)
        anomaly_note(mux->options.anomalies, ANOMALY_RING_BROKEN);
    if (virtqueue_enable_kick(rx))
        return true;
    LIST_FOREACH (conn, &mux->ready, ready)
        conn_update_watch(conn);
    return false;
}

bool mux_send(struct mux *mux, struct virtqueue *rx, unsigned int budget)
{
    const bool was_broken = rx->broken;
    int r = 0;

    virtqueue_disable_kick(rx);
    while (budget > 0 && r >= 0) {
        r = send_one(mux, rx, budget < MUX_SLOTS ? budget : MUX_SLOTS);
        budget -= r > 0 ? (unsigned int)r : 0;
    }
    bool more = r >= 0 || (r != -ENOENT && starve(mux, rx, was_broken));
    return more || (mux->paused && mux->n_replies < MUX_REPLIES_MAX);
}
