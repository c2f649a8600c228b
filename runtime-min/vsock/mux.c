/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections, and what the guest sends. What is sent to it: mux_send.c. */
#include "runtime-min/vsock/mux.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "runtime-min/vsock/conn.h"
#include "runtime-min/vsock/iov.h"
#include "sys/fd.h"

/* Ports of the host's end: where other devices of this kind have them. */
#define HOST_PORT_FIRST 0x40000000u
#define HOST_PORT_END 0x80000000u

/* A guest may connect in bursts, and this often in the long run. */
#define CONNECT_BURST 4096
#define CONNECT_INTERVAL_NS (NSEC_PER_SEC / 2048)

struct mux *mux_new(struct loop *loop, const struct mux_options *options)
{
    struct mux *mux = calloc(1, sizeof(*mux));
    if (!mux)
        abort();

    mux->loop = loop;
    mux->options = *options;
    strncat(mux->path, options->path, HYBRID_PATH_MAX);
    mux->options.path = mux->path;
    for (unsigned int i = 0; i < MUX_BUCKETS; i++)
        list_init(&mux->connections[i]);
    list_init(&mux->draining);
    list_init(&mux->ready);
    mux->next_host_port = HOST_PORT_FIRST;
    mux->spare_credit = CONN_WINDOWS_TOTAL - MUX_CONNECTIONS_MAX * CONN_WINDOW_MIN;
    mux->connects = CONNECT_BURST;
    mux->connects_at = loop_now(loop);
    return mux;
}

static void free_connections(struct list *head)
{
    while (!list_is_empty(head))
        conn_free(CONTAINER_OF(head->next, struct conn, node));
}

void mux_drop_all(struct mux *mux)
{
    for (unsigned int i = 0; i < MUX_BUCKETS; i++)
        free_connections(&mux->connections[i]);
    mux->n_replies = 0;
    mux->paused = false;
}

void mux_free(struct mux *mux)
{
    if (!mux)
        return;
    mux_drop_all(mux);
    free_connections(&mux->draining);
    free(mux);
}

static struct conn *find(struct mux *mux, uint32_t guest_port, uint32_t host_port)
{
    struct conn *conn;

    LIST_FOREACH (conn, mux_bucket(mux, guest_port, host_port), node)
        if (conn->guest_port == guest_port && conn->host_port == host_port)
            return conn;
    return NULL;
}

int mux_connect(struct mux *mux, uint32_t guest_port, int accepted)
{
    _close_ int fd = accepted;

    if (mux->n_connections == MUX_CONNECTIONS_MAX) {
        anomaly_note(mux->options.anomalies, ANOMALY_CONNECTIONS);
        return -EMFILE;
    }
    /* Ends, since there are more ports than connections. */
    do {
        if (++mux->next_host_port == HOST_PORT_END)
            mux->next_host_port = HOST_PORT_FIRST;
    } while (find(mux, guest_port, mux->next_host_port));
    conn_new(mux, guest_port, mux->next_host_port, fd_take(&fd), CONN_CONNECTING);
    return 0;
}

/* ---- from the guest ---- */

/* There is room: nothing is taken from the guest otherwise. An RST is never answered. */
static void reply_rst(struct mux *mux, const struct packet *packet)
{
    if (packet->op == VIRTIO_VSOCK_OP_RST)
        return;
    mux->replies[(mux->first_reply + mux->n_replies++) % MUX_REPLIES_MAX] = (struct mux_reply){
        .guest_port = packet->src_port,
        .host_port = packet->dst_port,
        .host_cid = packet->dst_cid,
        .type = packet->type,
    };
}

static bool may_connect(struct mux *mux)
{
    uint64_t earned = (loop_now(mux->loop) - mux->connects_at) / CONNECT_INTERVAL_NS;

    if (mux->n_connections >= MUX_CONNECTIONS_MAX - MUX_FOR_THE_HOST) {
        anomaly_note(mux->options.anomalies, ANOMALY_CONNECTIONS);
        return false;
    }
    mux->connects_at += earned * CONNECT_INTERVAL_NS;
    mux->connects = earned < CONNECT_BURST - mux->connects ? mux->connects + (uint32_t)earned : CONNECT_BURST;
    if (mux->connects == 0) {
        anomaly_note(mux->options.anomalies, ANOMALY_CONNECT_RATE);
        return false;
    }
    mux->connects--;
    return true;
}

/* Never waits: a listener with a full queue refuses. */
static int connect_host(const struct mux *mux, uint32_t port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s_%" PRIu32, mux->path, port);
    _close_ int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int r = sys_connect(fd, (const struct sockaddr *)&address, sizeof(address));
    return r < 0 ? r : fd_take(&fd);
}

static void accept_guest(struct mux *mux, const struct packet *packet)
{
    int fd = may_connect(mux) ? connect_host(mux, packet->dst_port) : -EMFILE;

    if (fd < 0)
        reply_rst(mux, packet);
    else
        conn_receive(conn_new(mux, packet->src_port, packet->dst_port, fd, CONN_ESTABLISHED),
                     &(struct packet){.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = packet->buf_alloc}, NULL, 0);
}

static void refuse(struct mux *mux, const struct packet *packet, enum anomaly kind)
{
    anomaly_note(mux->options.anomalies, kind);
    reply_rst(mux, packet);
}

static void receive_packet(struct mux *mux, const struct packet *packet, struct iovec *payload, unsigned int n)
{
    if (packet->src_cid != mux->options.guest_cid) {
        anomaly_note(mux->options.anomalies, ANOMALY_SOURCE_CID);
        return;
    }
    if (packet->dst_cid != CID_HOST || packet->type != VIRTIO_VSOCK_TYPE_STREAM) {
        refuse(mux, packet, packet->dst_cid != CID_HOST ? ANOMALY_TARGET_CID : ANOMALY_TYPE);
        return;
    }
    struct conn *conn = find(mux, packet->src_port, packet->dst_port);
    if (conn)
        conn_receive(conn, packet, payload, n);
    else if (packet->op == VIRTIO_VSOCK_OP_REQUEST)
        accept_guest(mux, packet);
    else
        reply_rst(mux, packet);
}

static void receive_chain(struct mux *mux, const struct chain *chain)
{
    struct iovec *payload = mux->segments;
    struct virtio_vsock_hdr header;
    unsigned int n = chain->n;

    if (chain->bytes < sizeof(header)) {
        anomaly_note(mux->options.anomalies, ANOMALY_CHAIN_SHORT);
        return;
    }
    /* Read once: the guest may change it at any time. */
    iov_read(payload, &header, sizeof(header));
    struct packet packet = packet_decode(&header);
    iov_split(payload, &n, sizeof(header), NULL);
    if (packet.op != VIRTIO_VSOCK_OP_RW)
        packet.len = 0;
    if (packet.len > chain->bytes - sizeof(header) || packet.len > PACKET_PAYLOAD_MAX) {
        anomaly_note(mux->options.anomalies, ANOMALY_LENGTH);
        packet.op = VIRTIO_VSOCK_OP_INVALID; /* resets what it belongs to */
        packet.len = 0;
    }
    receive_packet(mux, &packet, payload, iov_limit(payload, n, packet.len));
}

bool mux_receive(struct mux *mux, struct virtqueue *tx, unsigned int budget)
{
    struct chain chain;

    if (tx->broken)
        return false;
    virtqueue_disable_kick(tx);
    while (budget > 0) {
        mux->paused = mux->n_replies == MUX_REPLIES_MAX;
        if (mux->paused)
            return false;
        int r = virtqueue_peek(tx, 0, CHAIN_READ, mux->segments, CHAIN_SEGMENTS_MAX, &chain);
        if (r < 0) {
            anomaly_note(mux->options.anomalies, ANOMALY_RING_BROKEN);
            return false;
        }
        if (r == 0 && !virtqueue_enable_kick(tx))
            return false;
        if (r == 0)
            continue;
        receive_chain(mux, &chain);
        virtqueue_use(tx, &chain, 0);
        budget--;
    }
    return true;
}
