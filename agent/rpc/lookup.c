/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"
#include "agent/container/container.h"
#include "agent/rpc/rpc.h"

static void unknown_container(enum rpc_lookup wording, struct error *err)
{
    if (wording == RPC_LOOKUP_INTERNAL || wording == RPC_LOOKUP_REMOVAL)
        error_status(err, STATUS_INTERNAL, "Invalid container id");
    else if (wording == RPC_LOOKUP_QUOTED)
        error_status(err, STATUS_INVALID_ARGUMENT, "\"invalid container id\"");
    else
        error_status(err, STATUS_INVALID_ARGUMENT, "InvalidContainerId");
}

struct container *rpc_container(struct ttrpc_call *call, const char *id, enum rpc_lookup wording, struct error *err)
{
    const struct agent *agent = call->context;

    struct container *container = sandbox_find(&agent->sandbox, id);
    if (!container) {
        unknown_container(wording, err);
        return NULL;
    }
    /* Of a container that could not be removed completely, anything may be missing. */
    if (container->leftover.errnum != 0 && wording != RPC_LOOKUP_REMOVAL) {
        error_status(err, STATUS_FAILED_PRECONDITION, "container %s was not removed completely: %s", id,
                     container->leftover.text);
        return NULL;
    }
    return container_ref(container);
}

struct process *rpc_process(struct ttrpc_call *call, const char *container_id, const char *exec_id, struct error *err)
{
    const struct agent *agent = call->context;

    const struct container *container = sandbox_find(&agent->sandbox, container_id);
    if (!container) {
        unknown_container(RPC_LOOKUP_VARIANT, err);
        return NULL;
    }
    struct process *process = container_process(container, exec_id, err);
    return process ? process_ref(process) : NULL;
}
