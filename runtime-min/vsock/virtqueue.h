/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of a split virtqueue in guest memory (virtio 1.2, section 2.7).
 *
 * The guest may change the ring at any moment, so each word of it is read once, and what was read is checked before it is used.
 * A ring that breaks a rule is broken until it is started again: nothing is taken from it any more. Indirect descriptors are
 * not offered. Chains are looked at first and used later, in order; what is only looked at stays available. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runtime-min/vsock/memory.h"

/* More segments than one readv(2) takes are no chain. */
#define CHAIN_SEGMENTS_MAX 1024
#define VIRTQUEUE_SIZE_MAX 32768

struct virtqueue {
    const struct guest_memory *memory;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t size;       /* entries, a power of two; 0 while not started */
    uint16_t last_avail; /* next chain to take */
    uint16_t seen_avail; /* the guest's index as last read */
    uint16_t next_used;  /* next entry to write */
    uint16_t published;  /* the index as the guest sees it */
    bool event_idx;      /* VIRTIO_RING_F_EVENT_IDX */
    bool must_signal;    /* the guest may have missed one: after a start */
    bool broken;
};

struct virtqueue_addresses {
    uint64_t desc, avail, used; /* of the frontend's process */
};

enum chain_direction {
    CHAIN_READ,  /* the device reads */
    CHAIN_WRITE, /* the device writes */
};

struct chain {
    uint16_t head;
    unsigned int n; /* segments, without empty ones */
    size_t bytes;
};

/* Starts at index base of both rings. 0, or -EINVAL for a size, alignment or address that is none. */
int virtqueue_start(struct virtqueue *queue, const struct guest_memory *memory, const struct virtqueue_addresses *addresses,
                    unsigned int size, uint16_t base, bool event_idx, struct error *err);
/* Returns last_avail, where the next start goes on. */
uint16_t virtqueue_stop(struct virtqueue *queue);

/* Looks at the chain that is ahead places behind the next one: its segments go to iov (room for max). Returns 1, 0 when there
 * is none, -ENOBUFS when it has more than max segments, or -EPROTO: the ring is broken. */
int virtqueue_peek(struct virtqueue *queue, unsigned int ahead, enum chain_direction direction, struct iovec *iov,
                   unsigned int max, struct chain *ret_chain);
/* Gives the next chain back with len bytes written. */
void virtqueue_use(struct virtqueue *queue, const struct chain *chain, uint32_t len);
/* Shows the guest what was used since. True: it wants to be interrupted. */
bool virtqueue_publish(struct virtqueue *queue);

/* Asks the guest not to kick. Advice only. */
void virtqueue_disable_kick(struct virtqueue *queue);
/* Asks for a kick with the next chain that is made available. True: there is one already. */
bool virtqueue_enable_kick(struct virtqueue *queue);
