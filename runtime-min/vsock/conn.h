/* SPDX-License-Identifier: Apache-2.0 */
/* One connection between a port of the guest and a unix socket of the host: its states, credit and both directions of data. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"
#include "runtime-min/vsock/fifo.h"
#include "runtime-min/vsock/mux.h"

/* What the guest may send before the host has read it. A connection is promised the minimum at least; more as long as all
 * together stay below the total. The maximum takes an answer of the agent to a read. */
#define CONN_WINDOW_MAX (1024 * 1024)
#define CONN_WINDOW_MIN (4 * 1024)
#define CONN_WINDOWS_TOTAL (32 * 1024 * 1024)

#define CONN_CONNECT_NS (2 * NSEC_PER_SEC)
#define CONN_CLOSE_NS (8 * NSEC_PER_SEC)

enum conn_state {
    CONN_CONNECTING, /* the guest has not answered a REQUEST */
    CONN_ESTABLISHED,
    CONN_CLOSING,   /* the host's end is gone, the guest was told and has not answered */
    CONN_RESETTING, /* an RST waits to be sent; both ends are gone */
    CONN_DRAINING,  /* the guest is done and has forgotten it; the host has not read everything */
};

/* Packets that wait to be sent. */
enum conn_pending {
    PENDING_REQUEST = 1,
    PENDING_RESPONSE = 2,
    PENDING_CREDIT_UPDATE = 4,
    PENDING_CREDIT_REQUEST = 8,
    PENDING_SHUTDOWN = 16,
    PENDING_RST = 32,
};

struct conn {
    struct mux *mux;
    struct list node;  /* in a bucket, or draining */
    struct list ready; /* in mux->ready, or empty */
    struct watch watch;
    struct timer timer;
    struct fifo to_host;
    uint32_t guest_port, host_port;
    int fd; /* -1 once the host's end is closed */
    enum conn_state state;
    unsigned int pending;
    unsigned int guest_shutdown, host_shutdown; /* VIRTIO_VSOCK_SHUTDOWN_*: what each side said so far */
    bool readable;                              /* the host socket may have something */
    bool no_credit;                             /* and the guest no room for it */
    bool host_eof, host_deaf;                   /* the host will not send, will not read any more */

    uint32_t sent, guest_window, guest_taken;     /* to the guest: bytes sent, its buf_alloc and fwd_cnt */
    uint32_t received, window, taken, told_taken; /* to the host: bytes received, our buf_alloc, our fwd_cnt and as last sent */
};

/* fd is owned from here on. The caller has made sure that there is room for one more. */
struct conn *conn_new(struct mux *mux, uint32_t guest_port, uint32_t host_port, int fd, enum conn_state state);
/* Closes the host's end. */
void conn_free(struct conn *conn);

/* A packet of the guest for this connection, with its payload. May free it. */
void conn_receive(struct conn *conn, const struct packet *packet, struct iovec *payload, unsigned int n);

/* ---- for the sending side ---- */

/* The next packet without data, or 0 (INVALID) when there is none; it is not pending any more. */
uint16_t conn_next_control(struct conn *conn);
/* How many bytes of the host the guest has room for; 0 also when the host has none. */
uint32_t conn_may_send(struct conn *conn);
/* Reads up to len bytes of the host into iov. Returns their number; 0: nothing now, or the end. */
size_t conn_read_host(struct conn *conn, struct iovec *iov, unsigned int n, size_t len);
/* Fills in what every packet of a connection says, and notes that it was said. */
struct packet conn_packet(struct conn *conn, uint16_t op, uint32_t len);
/* Whether it has something for the guest. One that waits for credit asks for it, once. */
bool conn_has_more(struct conn *conn);
/* Watches the host socket for what the connection waits for. */
void conn_update_watch(struct conn *conn);
