/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong between machines: a plan for the packets of one direction between a world and everybody else.
 *
 * Streams over vsock lose nothing while both machines live, so there is no loss of single packets; what there is: requests that
 * nobody answers, a side that is gone without a word, a transport that is reset, and time. Bytes are counted per connection. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

struct vsock_plan {
    uint64_t delay_ns;          /* that a packet travels */
    uint64_t jitter_ns;         /* up to this longer, by the seed; packets do not overtake each other */
    uint64_t ns_per_kib;        /* a slow reader or a narrow line: the next packet waits so long for the one before */
    unsigned int lost_requests; /* the first so many connection requests vanish: ETIMEDOUT */
    uint64_t reset_after;       /* when so many bytes were sent, both sides have ECONNRESET; 0: never */
    uint64_t silent_after;      /* when so many bytes were sent, nothing arrives any more, not even the end; 0: never */
    bool silent;                /* from the start */
    size_t piece;               /* longest packet; 0: 64 KiB. 1: every byte comes alone */
    size_t window;              /* what the receiver takes without reading; 0: 256 KiB */
};

enum vsock_direction {
    VSOCK_TO_WORLD,
    VSOCK_FROM_WORLD,
};

/* For the packets from now on; window counts for new connections. NULL: nothing goes wrong. */
void vsock_set_plan(struct world *world, enum vsock_direction direction, const struct vsock_plan *plan);
/* All connections of the world are reset (ECONNRESET on both sides), as when the device is taken away. */
void vsock_reset_all(struct world *world);
/* Connections of the world, each end counted once; packets on their way. */
size_t vsock_connections(const struct world *world);
