/* SPDX-License-Identifier: Apache-2.0 */
/* What a container finds in /dev: default nodes, those of the spec, links, ptmx. */
#pragma once
#include "agent/container/rootfs.h"

/* Pure: path and type of the spec's devices. -EINVAL; texts: container-jail sheet 2.6. */
int devices_check(const struct oci_linux *linux_, struct error *err);
/* Makes everything below a descriptor of the container's /dev. What exists already is accepted when it is the same thing. The
 * umask must be 0. In a new user namespace the guest's nodes are bound, since the kernel lets nobody make any. */
int devices_make(const struct rootfs *rootfs, struct error *err);
