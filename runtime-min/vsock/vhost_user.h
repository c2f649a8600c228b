/* SPDX-License-Identifier: Apache-2.0 */
/* The backend's side of one vhost-user session: messages, features, guest memory and the life of the rings.
 *
 * Every message is checked against a table before anything is done: its size, its descriptors, its ring. Descriptors that do
 * not belong to it are closed. A refused request is answered if the frontend asked for that, and ends the session if not: its
 * idea of the state would be wrong. Message layout: QEMU's vhost-user.rst. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"
#include "runtime-min/vsock/memory.h"
#include "runtime-min/vsock/virtqueue.h"

#define VHOST_USER_RINGS 2 /* QEMU keeps the event queue to itself */
#define VHOST_USER_FDS_MAX 8
#define VHOST_USER_PAYLOAD_MAX 512

struct vhost_ring {
    struct vhost_user *session;
    struct virtqueue queue; /* size 0 while stopped */
    struct virtqueue_addresses addresses;
    struct watch kick; /* watching while the ring runs */
    int kick_fd, call_fd;
    unsigned int size;
    bool has_addresses, enabled;
};

struct vhost_user_handler {
    void (*kicked)(void *context);                        /* there may be buffers: the guest said so, or a ring came to life */
    void (*forgotten)(void *context);                     /* the guest started anew: what was said before is void */
    void (*lost)(void *context, int r, const char *text); /* the session is over: r == 0 orderly. Called once; may not free */
    void *context;
};

struct vhost_user {
    struct loop *loop;
    struct vhost_user_handler handler;
    uint64_t guest_cid;
    struct watch watch;
    int fd;
    uint64_t features, protocol_features;
    struct guest_memory memory;
    struct vhost_ring rings[VHOST_USER_RINGS];

    /* The message that is being read. */
    char message[12 + VHOST_USER_PAYLOAD_MAX];
    size_t have;
    int fds[VHOST_USER_FDS_MAX];
    unsigned int n_fds;
};

/* Serves the frontend on fd (connected, owned from here on, also after a failure). 0 or -errno. */
int vhost_user_new(struct loop *loop, uint64_t guest_cid, int fd, const struct vhost_user_handler *handler,
                   struct vhost_user **ret_session, struct error *err);
/* Accepts NULL. */
void vhost_user_free(struct vhost_user *session);
/* Interrupts the guest if it wants to know what was used of the ring. */
void vhost_ring_signal(struct vhost_ring *ring);
