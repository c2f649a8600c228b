/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest and the agent are, and that they live. */
#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/rpc/rpc.h"
#include "sys/fd.h"

#define MEMORY_DIR "/sys/devices/system/memory/"

/* Hexadecimal text of the file; 0 when this kernel has no memory blocks. */
static int memory_block_size(uint64_t *ret_bytes, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(64);
    char *end;

    int r = file_read_at(AT_FDCWD, MEMORY_DIR "block_size_bytes", &text);
    if (r == -ENOENT) {
        *ret_bytes = 0;
        return 0;
    }
    if (r < 0)
        return error_set(err, r, "read " MEMORY_DIR "block_size_bytes");
    errno = 0;
    uint64_t bytes = text.len ? strtoull(text.data, &end, 16) : 0;
    if (text.len == 0 || end == text.data || (*end != '\n' && *end != '\0') || errno)
        return error_status(err, STATUS_INTERNAL, "Invalid block size");
    *ret_bytes = bytes;
    return 0;
}

static int fill_agent_details(struct ttrpc_call *call, Grpc__GuestDetailsResponse *response, struct error *err)
{
    static char *const features[] = {"seccomp"};
    const struct agent *agent = call->context;

    Grpc__AgentDetails *details = arena_alloc(call->arena, sizeof(*details));
    if (!details)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "GetGuestDetails");
    grpc__agent_details__init(details);
    details->version = (char *)(uintptr_t)AGENT_VERSION;
    details->init_daemon = agent->is_init;
    details->supports_seccomp = true;
    details->extra_features = (char **)(uintptr_t)features;
    details->n_extra_features = ARRAY_SIZE(features);
    details->storage_handlers = (char **)(uintptr_t)storage_drivers(&details->n_storage_handlers);
    response->agent_details = details;
    return 0;
}

RPC_HANDLER(rpc_get_guest_details)
{
    const Grpc__GuestDetailsRequest *details = (const void *)request;
    Grpc__GuestDetailsResponse *response = (void *)reply;

    if (details->mem_block_size) {
        int r = memory_block_size(&response->mem_block_size_bytes, err);
        if (r < 0)
            return r;
    }
    if (details->mem_hotplug_probe) {
        int r = sys_faccessat(AT_FDCWD, MEMORY_DIR "probe", 0, 0);
        if (r < 0 && r != -ENOENT)
            return error_set(err, r, "look for " MEMORY_DIR "probe");
        response->support_mem_hotplug_probe = r == 0;
    }
    return fill_agent_details(call, response, err);
}

RPC_HANDLER(rpc_check)
{
    Grpc__HealthCheckResponse *response = (void *)reply;
    (void)call;
    (void)request;
    (void)err;

    response->status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return 0;
}

RPC_HANDLER(rpc_version)
{
    Grpc__VersionCheckResponse *response = (void *)reply;
    (void)call;
    (void)request;
    (void)err;

    response->grpc_version = (char *)(uintptr_t)AGENT_API_VERSION;
    response->agent_version = (char *)(uintptr_t)AGENT_VERSION;
    return 0;
}
