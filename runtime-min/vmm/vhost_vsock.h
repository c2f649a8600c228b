/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's vsock device for guests, module vhost_vsock: where it is there, a machine needs no device of the runtime. */
#pragma once
#include "base/error.h"

/* Opens the device and takes a context id (vsock(7)) at random that no other machine of the host has. The descriptor is meant
 * for QEMU: the id stays taken as long as a copy of it is open. Error: what this host lacks, and the remedy. */
int vhost_vsock_open(unsigned int *ret_cid, struct error *err);
