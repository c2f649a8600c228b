/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet of the guest, a timer or the end of a side does to a connection. Bytes to and from the host: conn_host.c. */
#include "runtime-min/vsock/conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime-min/vsock/conn_host.h"
#include "sys/fd.h"

#define SHUTDOWN_BOTH (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* However much room the guest claims, bytes under way are counted in 31 bits. */
#define GUEST_WINDOW_MAX (16 * 1024 * 1024)

static void conn_expired(struct timer *timer);

struct conn *conn_new(struct mux *mux, uint32_t guest_port, uint32_t host_port, int fd, enum conn_state state)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        abort();

    conn->mux = mux;
    conn->guest_port = guest_port;
    conn->host_port = host_port;
    conn->fd = fd;
    conn->state = state;
    conn->window = CONN_WINDOW_MIN;
    conn->watch.ready = conn_host_ready;
    conn->timer.expired = conn_expired;
    list_init(&conn->ready);
    list_append(mux_bucket(mux, guest_port, host_port), &conn->node);
    mux->n_connections++;
    if (state == CONN_CONNECTING)
        timer_start(mux->loop, &conn->timer, loop_deadline(mux->loop, CONN_CONNECT_NS));
    conn_send(conn, state == CONN_CONNECTING ? PENDING_REQUEST : PENDING_RESPONSE);
    conn_update_watch(conn);
    return conn;
}

static void close_host(struct conn *conn)
{
    watch_stop(&conn->watch);
    fd_close(&conn->fd);
    fifo_done(&conn->to_host);
    conn->readable = false;
    conn->host_eof = conn->host_deaf = true;
}

void conn_free(struct conn *conn)
{
    close_host(conn);
    timer_stop(&conn->timer);
    list_remove(&conn->ready);
    list_remove(&conn->node);
    conn->mux->spare_credit += conn->window - CONN_WINDOW_MIN;
    conn->mux->n_connections--;
    free(conn);
}

void conn_make_ready(struct conn *conn)
{
    if (!list_is_empty(&conn->ready))
        return;
    list_append(&conn->mux->ready, &conn->ready);
    conn->mux->options.wake(conn->mux->options.context);
}

void conn_send(struct conn *conn, enum conn_pending what)
{
    conn->pending |= what;
    conn_make_ready(conn);
}

void conn_reset(struct conn *conn)
{
    close_host(conn);
    timer_stop(&conn->timer);
    conn->state = CONN_RESETTING;
    conn->pending = 0;
    conn_send(conn, PENDING_RST);
}

static void reset_for(struct conn *conn, enum anomaly kind)
{
    anomaly_note(conn->mux->options.anomalies, kind);
    conn_reset(conn);
}

/* A guest that never saw the REQUEST needs no word. */
void conn_give_up(struct conn *conn)
{
    if (conn->pending & PENDING_REQUEST)
        conn_free(conn);
    else
        conn_reset(conn);
}

void conn_host_closed(struct conn *conn)
{
    close_host(conn);
    conn->state = CONN_CLOSING;
    conn->host_shutdown = SHUTDOWN_BOTH;
    timer_start(conn->mux->loop, &conn->timer, loop_deadline(conn->mux->loop, CONN_CLOSE_NS));
    conn_send(conn, PENDING_SHUTDOWN);
}

static void conn_expired(struct timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);

    if (conn->state == CONN_CONNECTING)
        conn_give_up(conn);
    else
        conn_reset(conn);
}

/* ---- credit ---- */

/* False: the guest took bytes that it was not sent. An older count than the last one is only late. */
static bool take_credit(struct conn *conn, const struct packet *packet)
{
    if ((int32_t)(packet->fwd_cnt - conn->sent) > 0)
        return false;
    if ((int32_t)(packet->fwd_cnt - conn->guest_taken) > 0)
        conn->guest_taken = packet->fwd_cnt;
    conn->guest_window = packet->buf_alloc < GUEST_WINDOW_MAX ? packet->buf_alloc : GUEST_WINDOW_MAX;
    if (conn->no_credit && conn_may_send(conn) > 0) {
        conn->no_credit = false;
        conn_make_ready(conn);
    }
    return true;
}

/* The guest may lower its window below what is under way. */
uint32_t conn_may_send(struct conn *conn)
{
    int64_t room = (int64_t)conn->guest_window - (uint32_t)(conn->sent - conn->guest_taken);

    return conn->readable && room > 0 ? (uint32_t)room : 0;
}

void conn_note_taken(struct conn *conn, size_t len)
{
    conn->taken += (uint32_t)len;
    if (conn->state != CONN_ESTABLISHED)
        return;
    /* Linux has no more under way than its own buffer would hold. */
    uint32_t window = conn->window < conn->guest_window ? conn->window : conn->guest_window;
    uint32_t untold = conn->taken - conn->told_taken, under_way = conn->received - conn->told_taken;
    if (untold > 0 && (untold >= window / 2 || under_way > window - window / 16))
        conn_send(conn, PENDING_CREDIT_UPDATE);
}

/* ---- packets of the guest ---- */

static void establish(struct conn *conn)
{
    char line[32];
    int len = snprintf(line, sizeof(line), "OK %" PRIu32 "\n", conn->host_port);

    timer_stop(&conn->timer);
    conn->state = CONN_ESTABLISHED;
    if (!conn_tell_host(conn, line, (size_t)len)) {
        conn_reset(conn);
        return;
    }
    conn_update_watch(conn);
}

static void receive_connecting(struct conn *conn, const struct packet *packet)
{
    const bool told = !(conn->pending & PENDING_REQUEST);

    if (packet->op == VIRTIO_VSOCK_OP_INVALID)
        return;
    if (packet->op == VIRTIO_VSOCK_OP_RESPONSE && told)
        establish(conn);
    else
        reset_for(conn, ANOMALY_OPERATION);
}

static void receive_data(struct conn *conn, const struct packet *packet, struct iovec *payload, unsigned int n)
{
    if (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) {
        reset_for(conn, ANOMALY_AFTER_SHUTDOWN);
        return;
    }
    if (packet->len > conn->window - (conn->received - conn->taken)) {
        reset_for(conn, ANOMALY_CREDIT);
        return;
    }
    if (packet->len > 0)
        conn_write_host(conn, payload, n);
}

static void receive_shutdown(struct conn *conn, const struct packet *packet)
{
    conn->guest_shutdown |= packet->flags & SHUTDOWN_BOTH;
    if (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
        conn_stop_reading(conn);
    if (conn->to_host.len == 0)
        conn_all_written(conn);
}

void conn_all_written(struct conn *conn)
{
    if (conn->guest_shutdown == SHUTDOWN_BOTH)
        conn_reset(conn);
    else if (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND)
        (void)sys_shutdown(conn->fd, SHUT_WR);
}

static void receive_established(struct conn *conn, const struct packet *packet, struct iovec *payload, unsigned int n)
{
    switch (packet->op) {
    case VIRTIO_VSOCK_OP_RW:
        receive_data(conn, packet, payload, n);
        break;
    case VIRTIO_VSOCK_OP_SHUTDOWN:
        receive_shutdown(conn, packet);
        break;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        conn_send(conn, PENDING_CREDIT_UPDATE);
        break;
    case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
    case VIRTIO_VSOCK_OP_RESPONSE:
        break;
    default:
        reset_for(conn, ANOMALY_OPERATION);
    }
    if (conn->state == CONN_ESTABLISHED)
        conn_update_watch(conn);
}

/* The guest has forgotten the connection. What it sent before an orderly end still reaches the host. */
static void receive_rst(struct conn *conn)
{
    const bool orderly = conn->state == CONN_ESTABLISHED && (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND);

    if (!orderly || conn->to_host.len == 0) {
        conn_free(conn);
        return;
    }
    conn_stop_reading(conn);
    conn->state = CONN_DRAINING;
    conn->pending = 0;
    list_remove(&conn->ready);
    list_remove(&conn->node);
    list_append(&conn->mux->draining, &conn->node);
    conn_update_watch(conn);
}

void conn_receive(struct conn *conn, const struct packet *packet, struct iovec *payload, unsigned int n)
{
    if (packet->op == VIRTIO_VSOCK_OP_RST)
        receive_rst(conn);
    else if (conn->state == CONN_RESETTING)
        return;
    else if (!take_credit(conn, packet))
        reset_for(conn, ANOMALY_CREDIT);
    else if (conn->state == CONN_CONNECTING)
        receive_connecting(conn, packet);
    else if (conn->state == CONN_ESTABLISHED)
        receive_established(conn, packet, payload, n);
    else if (packet->op == VIRTIO_VSOCK_OP_REQUEST)
        reset_for(conn, ANOMALY_OPERATION);
}

/* ---- packets for the guest ---- */

uint16_t conn_next_control(struct conn *conn)
{
    static const struct {
        enum conn_pending pending;
        uint16_t op;
    } order[] = {
        {PENDING_REQUEST, VIRTIO_VSOCK_OP_REQUEST},
        {PENDING_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE},
        {PENDING_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_UPDATE},
        {PENDING_CREDIT_REQUEST, VIRTIO_VSOCK_OP_CREDIT_REQUEST},
        {PENDING_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN},
        {PENDING_RST, VIRTIO_VSOCK_OP_RST},
    };

    FOR_ROWS (row, order) {
        if (conn->pending & row->pending) {
            conn->pending &= ~(unsigned int)row->pending;
            return row->op;
        }
    }
    return VIRTIO_VSOCK_OP_INVALID;
}

/* A share of what is left, so that the last connections still get something. */
static void widen_window(struct conn *conn)
{
    uint32_t more = conn->mux->spare_credit / 8;

    if (more > CONN_WINDOW_MAX - conn->window)
        more = CONN_WINDOW_MAX - conn->window;
    conn->window += more;
    conn->mux->spare_credit -= more;
}

struct packet conn_packet(struct conn *conn, uint16_t op, uint32_t len)
{
    if (op != VIRTIO_VSOCK_OP_RST)
        widen_window(conn);
    conn->told_taken = conn->taken;
    conn->sent += len;
    return (struct packet){
        .src_cid = CID_HOST,
        .dst_cid = conn->mux->options.guest_cid,
        .src_port = conn->host_port,
        .dst_port = conn->guest_port,
        .len = len,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
        .flags = op == VIRTIO_VSOCK_OP_SHUTDOWN ? conn->host_shutdown : 0,
        .buf_alloc = conn->window,
        .fwd_cnt = conn->taken,
    };
}

bool conn_has_more(struct conn *conn)
{
    if (conn->pending || conn_may_send(conn) > 0)
        return true;
    if (conn->readable && !conn->no_credit) {
        conn->no_credit = true;
        conn->pending |= PENDING_CREDIT_REQUEST;
        return true;
    }
    return false;
}
