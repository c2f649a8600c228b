/* SPDX-License-Identifier: Apache-2.0 */
/* The host's end of a connection. */
#include "runtime-min/vsock/conn_host.h"

#include <errno.h>

#include "runtime-min/vsock/iov.h"
#include "sys/fd.h"

static ssize_t send_segments(int fd, struct iovec *iov, unsigned int n)
{
    const struct msghdr message = {.msg_iov = iov, .msg_iovlen = n};

    return sys_sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool conn_tell_host(struct conn *conn, const char *line, size_t len)
{
    return send_segments(conn->fd, &(struct iovec){(void *)line, len}, 1) == (ssize_t)len;
}

/* The host will read no more. What it has sent before it closed still goes to the guest. */
static void host_is_deaf(struct conn *conn)
{
    conn_note_taken(conn, conn->to_host.len);
    fifo_done(&conn->to_host);
    conn->host_deaf = true;
    if (conn->state == CONN_DRAINING)
        return;
    if (conn->host_eof) {
        conn_host_closed(conn);
        return;
    }
    conn->host_shutdown |= VIRTIO_VSOCK_SHUTDOWN_RCV;
    conn_send(conn, PENDING_SHUTDOWN);
}

void conn_write_host(struct conn *conn, struct iovec *iov, unsigned int n)
{
    size_t len = iov_bytes(iov, n), written = 0;

    conn->received += (uint32_t)len;
    if (conn->to_host.len == 0 && !conn->host_deaf) {
        ssize_t r = send_segments(conn->fd, iov, n);
        if (r < 0 && r != -EAGAIN)
            host_is_deaf(conn);
        written = r > 0 ? (size_t)r : 0;
    }
    if (conn->host_deaf) {
        conn_note_taken(conn, len);
        return;
    }
    conn_note_taken(conn, written);
    if (written == len)
        return;
    iov_split(iov, &n, written, NULL);
    fifo_append(&conn->to_host, iov, n);
}

/* Ends a connection that was only there for these bytes. */
static void flush(struct conn *conn)
{
    struct iovec iov[2];
    unsigned int n = fifo_segments(&conn->to_host, iov);

    ssize_t r = send_segments(conn->fd, iov, n);
    if (r == -EAGAIN)
        return;
    if (r < 0)
        host_is_deaf(conn);
    else {
        fifo_consume(&conn->to_host, (size_t)r);
        conn_note_taken(conn, (size_t)r);
    }
    if (conn->to_host.len > 0 || conn->state == CONN_CLOSING)
        return;
    if (conn->state == CONN_DRAINING)
        conn_free(conn);
    else
        conn_all_written(conn);
}

void conn_stop_reading(struct conn *conn)
{
    if (conn->host_eof)
        return;
    conn->host_eof = true;
    conn->readable = false;
    (void)sys_shutdown(conn->fd, SHUT_RD);
}

/* End of file says that the host sends no more, not whether it still reads: a socket that is closed hangs up, too. */
static void host_ended(struct conn *conn)
{
    struct pollfd poll = {.fd = conn->fd};

    conn->host_eof = true;
    if (sys_poll(&poll, 1, 0) > 0 && (poll.revents & POLLHUP)) {
        conn_host_closed(conn);
        return;
    }
    conn->host_shutdown |= VIRTIO_VSOCK_SHUTDOWN_SEND;
    conn_send(conn, PENDING_SHUTDOWN);
}

size_t conn_read_host(struct conn *conn, struct iovec *iov, unsigned int n, size_t len)
{
    ssize_t r = sys_readv(conn->fd, iov, (int)n);

    /* Less than there is room for: the socket is empty. */
    if (r < (ssize_t)len)
        conn->readable = false;
    if (r == 0)
        host_ended(conn);
    else if (r < 0 && r != -EAGAIN)
        conn_reset(conn);
    return r > 0 ? (size_t)r : 0;
}

void conn_update_watch(struct conn *conn)
{
    uint32_t events = conn->to_host.len > 0 ? EPOLLOUT : 0;

    if (conn->fd < 0)
        return;
    if (conn->state == CONN_ESTABLISHED && !conn->host_eof && !conn->readable)
        events |= EPOLLIN;
    /* One that hung up would be reported again and again while its bytes wait for the guest. */
    bool hangup_matters = conn->state == CONN_CONNECTING || conn->host_eof;
    if (!events && !hangup_matters)
        watch_stop(&conn->watch);
    else if (conn->watch.loop)
        (void)watch_modify(&conn->watch, events);
    else if (watch_start(conn->mux->loop, &conn->watch, conn->fd, events) < 0)
        conn_reset(conn);
}

void conn_host_ready(struct watch *watch, uint32_t events)
{
    struct conn *conn = CONTAINER_OF(watch, struct conn, watch);
    const bool ended = events & (EPOLLHUP | EPOLLERR);

    if (conn->state == CONN_CONNECTING) {
        conn_give_up(conn);
        return;
    }
    if (conn->state == CONN_DRAINING) {
        flush(conn);
        return;
    }
    if (conn->to_host.len > 0)
        flush(conn);
    if (conn->state != CONN_ESTABLISHED)
        return;
    if (!conn->host_eof && ((events & EPOLLIN) || ended)) {
        conn->readable = true;
        conn_make_ready(conn);
    } else if (ended) {
        conn_host_closed(conn);
    }
    if (!conn->readable)
        conn_update_watch(conn);
}
