/* SPDX-License-Identifier: Apache-2.0 */
/* A vhost-user vsock device for one guest: QEMU (or another frontend) on one socket, host programs on another.
 *
 * Host programs connect to the hybrid socket (hybrid.h); what the guest connects to at port N of the host goes to the unix
 * socket PATH_N. The device lives in the caller's loop and keeps no thread. Memory that a frontend takes away is a SIGBUS
 * (memory.h): give each guest a process of its own, as tatami-vsock is. */
#pragma once
#include "base/error.h"
#include "loop/loop.h"
#include "runtime-min/vsock/anomaly.h"

struct vsock_device;

struct vsock_device_options {
    uint64_t guest_cid; /* 3 to 0xfffffffe */
    const char *path;   /* PATH; copied */
    int frontend_fd;    /* listening or connected socket of the frontend; owned by the device, also after a failure */
    int hybrid_fd;      /* listening socket at PATH; the same */
    /* The frontend came. May be NULL. */
    void (*on_connected)(void *context);
    /* It is gone: r == 0 orderly, otherwise what it did. All connections are closed. The device may be freed later, not here.
     */
    void (*on_lost)(void *context, int r, const char *text);
    /* Misbehaviour of the guest (anomaly.h). May be NULL. */
    void (*on_anomaly)(void *context, enum anomaly kind, uint64_t count);
    void *context;
};

/* 0, or -errno: -EINVAL for a bad address or path. */
int vsock_device_new(struct loop *loop, const struct vsock_device_options *options, struct vsock_device **ret_device,
                     struct error *err);
/* Accepts NULL. */
void vsock_device_free(struct vsock_device *device);
