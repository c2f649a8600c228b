/* SPDX-License-Identifier: Apache-2.0 */
/* The multiplexer: all connections of one guest, what the guest sends to them and what waits to be sent to the guest.
 *
 * It knows packets and host sockets, and no vhost-user: whoever owns the rings calls mux_receive() and mux_send(), and is asked
 * to by wake(). Host sockets are read straight into the guest's buffers and written straight from them.
 * virtio 1.2, section 5.10. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"
#include "runtime-min/vsock/anomaly.h"
#include "runtime-min/vsock/packet.h"
#include "runtime-min/vsock/virtqueue.h"

#define MUX_CONNECTIONS_MAX 1024
#define MUX_FOR_THE_HOST 64 /* of these the guest cannot take: whoever runs the machine still reaches it */
#define MUX_BUCKETS 1024
#define MUX_REPLIES_MAX 256
#define MUX_SLOTS 32            /* chains filled by one read */
#define MUX_HEADER_SEGMENTS 256 /* of their headers */
#define HYBRID_PATH_MAX 96      /* with an underscore and ten digits it still is a socket's name */

struct mux_options {
    uint64_t guest_cid;
    const char *path; /* guest connections to port N end at the socket PATH_N; copied; at most HYBRID_PATH_MAX bytes */
    void (*wake)(void *context); /* there is something for mux_send() */
    void *context;
    struct anomalies *anomalies;
};

/* A reset that answers a packet of no connection. */
struct mux_reply {
    uint32_t guest_port, host_port;
    uint64_t host_cid;
    uint16_t type;
};

/* A chain of the guest that is about to be filled. */
struct mux_slot {
    struct chain chain;
    unsigned int header; /* its first segment in mux->headers */
    size_t room;         /* for payload */
};

struct mux {
    struct loop *loop;
    struct mux_options options;
    char path[HYBRID_PATH_MAX + 1];
    struct list connections[MUX_BUCKETS]; /* by ports */
    struct list draining;                 /* the guest has forgotten them */
    struct list ready;                    /* have something for the guest */
    unsigned int n_connections;           /* draining ones included */
    uint32_t next_host_port;
    uint32_t spare_credit; /* bytes that connections may still promise beyond their minimum */
    uint32_t connects;     /* tokens */
    uint64_t connects_at;  /* when they were counted */
    struct mux_reply replies[MUX_REPLIES_MAX];
    unsigned int first_reply, n_replies;
    bool paused; /* takes nothing from the guest until it took some replies */

    /* The chains in hand. */
    struct iovec segments[CHAIN_SEGMENTS_MAX];
    struct iovec headers[MUX_HEADER_SEGMENTS];
    struct mux_slot slots[MUX_SLOTS];
};

/* Where a connection between these ports is listed. */
static inline struct list *mux_bucket(struct mux *mux, uint32_t guest_port, uint32_t host_port)
{
    uint32_t hash = guest_port * 0x9e3779b1u ^ host_port * 0x85ebca6bu;

    return &mux->connections[hash >> 22];
}

struct mux *mux_new(struct loop *loop, const struct mux_options *options);
/* Closes everything without a word to the guest. Accepts NULL. */
void mux_free(struct mux *mux);
/* The guest has lost its state: so do the connections. */
void mux_drop_all(struct mux *mux);

/* A host program on fd (connected, non-blocking; owned from here on, also after a failure) wants to talk to a port of the
 * guest. 0, or -EMFILE: no more connections. */
int mux_connect(struct mux *mux, uint32_t guest_port, int fd);

/* Takes up to budget packets from the guest. True: there may be more; false: the guest will kick. */
bool mux_receive(struct mux *mux, struct virtqueue *tx, unsigned int budget);
/* Fills up to budget of the guest's buffers. True: there is more to do at once; false: the guest kicks when it has buffers, or
 * wake() is called. */
bool mux_send(struct mux *mux, struct virtqueue *rx, unsigned int budget);
