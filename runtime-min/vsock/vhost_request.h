/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a vhost-user frontend: one table of what each may carry and who does it. */
#pragma once
#include "runtime-min/vsock/vhost_user.h"

#define VHOST_VERSION 1u
#define VHOST_FLAG_VERSION 3u
#define VHOST_FLAG_REPLY 4u
#define VHOST_FLAG_NEED_REPLY 8u

enum {
    VHOST_USER_PROTOCOL_MQ = 0,
    VHOST_USER_PROTOCOL_REPLY_ACK = 3,
    VHOST_USER_PROTOCOL_CONFIG = 9,
    VHOST_USER_PROTOCOL_MEM_SLOTS = 15,
};

/* Everything is in the machine's byte order. */
struct vhost_header {
    uint32_t request, flags, size;
};

struct vhost_ring_state {
    uint32_t index, num;
};

struct vhost_ring_addresses {
    uint32_t index, flags;
    uint64_t desc, used, avail, log;
};

struct vhost_config {
    uint32_t offset, size, flags;
    uint8_t data[256];
};

struct vhost_region {
    uint64_t guest, size, user, offset;
};

union vhost_payload {
    uint64_t number;
    struct vhost_ring_state state;
    struct vhost_ring_addresses addresses;
    struct vhost_config config;
    struct {
        uint32_t n, padding;
        struct vhost_region regions[VHOST_USER_FDS_MAX];
    } table;
    struct {
        uint64_t padding;
        struct vhost_region region;
    } slot;
    uint8_t bytes[VHOST_USER_PAYLOAD_MAX];
};

struct vhost_message {
    struct vhost_header header;
    union vhost_payload payload;
};

/* Before the payload is read: 0, or -EPROTO when the header is that of no message or the size is wrong for its request. */
int vhost_request_check(const struct vhost_header *header, struct error *err);
/* Does what is asked. Descriptors that are kept are taken out of session->fds. Returns 1 with an answer of its own in
 * ret_answer, 0, or -errno: refused. */
int vhost_request(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                  struct error *err);

/* vhost_ring.c: a ring runs while it has a size, addresses that translate, a kick and, with protocol features, was enabled. */
void vhost_rings_init(struct vhost_user *session);
/* Stops all and forgets what was set up. */
void vhost_rings_stop(struct vhost_user *session);
/* Starts the ring if it has all it needs. 0, or -errno: the addresses are none. */
int vhost_ring_start(struct vhost_user *session, struct vhost_ring *ring, struct error *err);
/* Stops it; the next start goes on where it was. */
void vhost_ring_halt(struct vhost_ring *ring);
/* Starts it anew with what it has now. */
int vhost_ring_restart(struct vhost_user *session, struct vhost_ring *ring, struct error *err);
/* The memory has moved: all rings are started anew. */
int vhost_rings_move(struct vhost_user *session, struct error *err);
