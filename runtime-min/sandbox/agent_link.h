/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own connection to the agent: the first words after the boot, and the kill of what nobody holds any more. */
#pragma once
#include "base/error.h"
#include "runtime-min/container/guest_dial.h"
#include "ttrpc/client.h"

/* From a fiber: tries until the agent's port answers or the deadline passes. */
int agent_link_open(struct loop *loop, const struct guest_address *guest, uint64_t deadline, struct ttrpc_client **ret_client,
                    struct error *err);
/* Check, then CreateSandbox with the shared directory. */
int agent_link_begin(struct ttrpc_client *client, const char *id, const char *hostname, uint64_t deadline, struct error *err);
/* Whether the agent answers. */
int agent_link_check(struct ttrpc_client *client, uint64_t timeout_ns, struct error *err);
/* Waits for the next OOM kill in the guest; *ret_container is in a. */
int agent_link_await_oom(struct ttrpc_client *client, struct arena *a, const char **ret_container, struct error *err);
/* The guest's own end: it syncs and switches off. */
int agent_link_destroy(struct ttrpc_client *client, uint64_t timeout_ns, struct error *err);
/* SIGKILL for one process; that it has ended is no failure. */
int agent_link_kill(struct ttrpc_client *client, const char *container, const char *exec, struct error *err);
