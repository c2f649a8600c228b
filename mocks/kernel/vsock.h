/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets between machines (vsock(7)): shared by vsock.c (calls), vsock_transport.c (what arrives) and mocks/vsock/ (the line).
 */
#pragma once
#include <linux/vm_sockets.h>

#include "mocks/kernel/socket.h"

#define VSOCK_PACKET_MAX 65536u
#define VSOCK_BUFFER 262144u
#define VSOCK_BUFFER_MIN 128u
#define VSOCK_CONNECT_TIMEOUT_NS 2000000000ULL

enum vsock_op {
    VSOCK_REQUEST,
    VSOCK_RESPONSE,
    VSOCK_RST,
    VSOCK_SHUTDOWN,
    VSOCK_DATA,
    VSOCK_CREDIT,
    VSOCK_BROKEN, /* not a packet of the protocol: the transport itself was reset */
};

struct vsock_end {
    unsigned int cid, port;
};

struct vsock_packet {
    struct list link;
    struct vsock_end from, to;
    enum vsock_op op;
    unsigned int shut;      /* VSOCK_SHUTDOWN: RECEIVE_SHUT, SEND_SHUT of the sender */
    uint32_t window, taken; /* credit: size of the sender's buffer, and bytes that left it */
    uint64_t due_ns;
    struct world *receiver;
    size_t start, len;
    char bytes[];
};

enum vsock_state {
    VSOCK_UNCONNECTED,
    VSOCK_LISTENING,
    VSOCK_CONNECTING,
    VSOCK_CONNECTED,
    VSOCK_CLOSING, /* the other side is gone and everything was read */
};

struct vsock {
    struct socket base;
    struct list link; /* in machine->sockets while bound */
    struct world *world;
    enum vsock_state state;
    struct vsock_end local, remote;
    unsigned int shut, peer_shut;
    bool disconnecting; /* shutdown() was called */
    bool done;          /* the other side ended the connection: no error to read */
    uint64_t connect_until, connect_timeout_ns;
    uint64_t buffer, buffer_min, buffer_max; /* options; of a listener: of what it accepts */
    bool accepted;                           /* came from a listener, whose address it shares */
    struct list pending, pending_link;
    unsigned int n_pending, backlog;

    struct list received; /* packets with data */
    size_t received_bytes;
    uint32_t window, taken, taken_told;     /* own buffer */
    uint32_t peer_window, peer_taken, sent; /* credit of the other side */
    uint64_t sent_total;
};

/* What a machine keeps. */
struct vsock_machine {
    struct list sockets;
    struct list vhosts;       /* open devices of vhost_vsock.c */
    struct line_plans *plans; /* of the line; NULL: nothing goes wrong */
    unsigned int next_port;
};

/* ---- vsock_transport.c ---- */

struct vsock_machine *vsock_machine(struct world *world);
void vsock_machine_free(struct world *world); /* by world_free() */
struct vsock *vsock_alloc(struct world *world);
/* The machine with that context id as seen from own, or NULL. */
struct world *vsock_world(struct world *own, unsigned int cid);
/* Who is bound to a port, whatever its state. */
struct vsock *vsock_find_bound(struct world *world, const struct vsock_end *local);
/* A packet without data. */
void vsock_send(struct vsock *sk, enum vsock_op op, unsigned int shut);
/* len bytes of iov from offset on, in packets that fit the line. */
void vsock_send_data(struct vsock *sk, const struct iovec *iov, size_t offset, size_t len);
/* How many bytes the other side takes now. */
size_t vsock_space(const struct vsock *sk);
/* Bytes that were received; tells the other side when its credit runs low. */
size_t vsock_take(struct vsock *sk, const struct iovec *iov, size_t len);
void vsock_set_window(struct vsock *sk);
/* A packet arrives at its machine; takes it over. */
void vsock_deliver(struct vsock_packet *packet);
/* Leaves all lists and frees it with what it received. */
void vsock_free(struct vsock *sk);

/* ---- vhost_vsock.c ---- */

/* Whether a guest of this machine has the context id: a device has it, be the guest there or not. */
bool vhost_has_cid(struct world *world, unsigned int cid);

/* ---- mocks/vsock/line.c ---- */

/* Puts a packet on the line, or loses it. sent: bytes of the connection before it. */
void line_send(struct world *from, struct world *to, struct vsock_packet *packet, uint64_t sent);
size_t line_piece(struct world *from, struct world *to);
/* What the plans leave of a window. */
size_t line_window(struct world *receiver, struct world *sender, size_t window);
/* Delivers what has arrived. */
void line_run(struct sim *sim);
/* When the next packet arrives; UINT64_MAX: none is on its way. */
uint64_t line_due(const struct sim *sim);
/* A world goes: so does what was on its way there. */
void line_forget(struct world *world);
