/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's RPC methods: one handler each, grouped by what they are about, and the table that names them all.
 *
 * Behaviour, codes and texts are those of Kata's agent; where its defects are fixed, docs/architecture.md says so. */
#pragma once
#include <stddef.h>

#include "proto/agent.pb-c.h"
#include "ttrpc/server.h"

struct agent;
struct container;
struct process;

/* All methods of grpc.AgentService and grpc.Health, sorted by service, then name. */
const struct ttrpc_method *rpc_methods(size_t *ret_n);

#define RPC_HANDLER(name)                                                                                                      \
    int name(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)

/* container_rpc.c */
RPC_HANDLER(rpc_create_container);
RPC_HANDLER(rpc_start_container);
RPC_HANDLER(rpc_remove_container);
RPC_HANDLER(rpc_update_container);
RPC_HANDLER(rpc_stats_container);
RPC_HANDLER(rpc_pause_container);
RPC_HANDLER(rpc_resume_container);
/* process_rpc.c */
RPC_HANDLER(rpc_exec_process);
RPC_HANDLER(rpc_signal_process);
RPC_HANDLER(rpc_wait_process);
/* stdio_rpc.c */
RPC_HANDLER(rpc_write_stdin);
RPC_HANDLER(rpc_read_stdout);
RPC_HANDLER(rpc_read_stderr);
RPC_HANDLER(rpc_close_stdin);
RPC_HANDLER(rpc_tty_win_resize);
/* sandbox_rpc.c */
RPC_HANDLER(rpc_create_sandbox);
RPC_HANDLER(rpc_destroy_sandbox);
RPC_HANDLER(rpc_get_oom_event);
RPC_HANDLER(rpc_remove_stale_shares);
/* guest_rpc.c */
RPC_HANDLER(rpc_get_guest_details);
RPC_HANDLER(rpc_check);
RPC_HANDLER(rpc_version);

/* What a failed look-up of a container answers: the reference has several wordings. */
enum rpc_lookup {
    RPC_LOOKUP_INTERNAL, /* 13 "Invalid container id" */
    RPC_LOOKUP_QUOTED,   /* 3 "\"invalid container id\"" */
    RPC_LOOKUP_VARIANT,  /* 3 "InvalidContainerId" */
    RPC_LOOKUP_REMOVAL,  /* as INTERNAL, and a container of which a removal left something is found, too */
};

/* A reference to the container, or NULL with err filled. */
struct container *rpc_container(struct ttrpc_call *call, const char *id, enum rpc_lookup wording, struct error *err);
/* A reference to the process (VARIANT wording), or NULL with err filled. */
struct process *rpc_process(struct ttrpc_call *call, const char *container_id, const char *exec_id, struct error *err);
