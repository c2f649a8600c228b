/* SPDX-License-Identifier: Apache-2.0 */
/* What a container in a user namespace cannot do itself: the namespaces that it shares with others, as those of the sandbox,
 * belong to the guest's user namespace, and so do their message queues and kernel parameters. A short-lived process with the
 * guest's rights, which has joined the same namespaces, does it before the container is made. */
#pragma once
#include "agent/container/namespaces.h"
#include "base/error.h"
#include "loop/reaper.h"
#include "oci/spec.h"

/* Sets the kernel parameters of shared namespaces and makes a detached mount of the message queues of a shared ipc namespace
 * (from a fiber). proc_fd: a verified procfs. *ret_mqueue is owned by the caller; -1 when the container needs no such mount.
 * Does nothing for a container without a user namespace. */
int deputy_act(struct reaper *reaper, const struct oci_spec *spec, const struct namespace_plan *plan, int proc_fd,
               int *ret_mqueue, struct error *err);
