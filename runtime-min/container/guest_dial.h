/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the ports of a virtual machine: the one place that makes a connection of a guest's address. */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"

#define GUEST_RPC_PORT 1024

/* Where a guest is reached. */
struct guest_address {
    const char *socket_path; /* hybrid vsock, a unix socket of the runtime's own device: "CONNECT PORT" leads to a port */
    unsigned int cid;        /* context id at the kernel's vsock device (vsock(7)); 0: the hybrid socket it is */
};

/* Connected stream socket to a port of the guest, non-blocking, close-on-exec; -ETIMEDOUT at the deadline (sys_monotonic_ns()).
 * loop: waits as a fiber of it; NULL: blocks. */
int guest_dial(const struct guest_address *guest, unsigned int port, struct loop *loop, uint64_t deadline, struct error *err);
