/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycle and resources of containers. */
#include <errno.h>

#include "agent/agent.h"
#include "agent/container/check.h"
#include "agent/container/container.h"
#include "agent/container/hook.h"
#include "agent/container/rootfs.h"
#include "agent/rpc/rpc.h"
#include "agent/sandbox/guest_hooks.h"
#include "oci/extension.h"
#include "oci/wire.h"

#define SPEC_ARENA_BYTES (16 * 1024 * 1024)

/* ---- CreateContainer ---- */

/* Devices and storages have no handlers yet: the answer is the one of an agent that does not know the driver. */
static int refuse_attachments(const Grpc__CreateContainerRequest *request, struct error *err)
{
    for (size_t i = 0; i < request->n_devices; i++) {
        const Grpc__Device *device = request->devices[i];
        if (*device->type == '\0')
            return error_status(err, STATUS_INTERNAL, "invalid type for device %s", device->container_path);
        if (*device->id == '\0' && *device->vm_path == '\0')
            return error_status(err, STATUS_INTERNAL, "invalid ID and VM path for device %s", device->container_path);
        if (*device->container_path == '\0')
            return error_status(err, STATUS_INTERNAL, "invalid container path for device %s", device->id);
        return error_status(err, STATUS_INTERNAL, "Failed to find the device handler %s", device->type);
    }
    if (request->n_storages > 0)
        return error_status(err, STATUS_INTERNAL, "Failed to find the storage handler %s", request->storages[0]->driver);
    if (request->n_shared_mounts > 0)
        return error_status(err, STATUS_UNIMPLEMENTED, "CreateContainerRequest.shared_mounts: '%s' is not supported yet",
                            request->shared_mounts[0]->name);
    return 0;
}

static int read_request(const struct agent *agent, const Grpc__CreateContainerRequest *request, struct arena *a,
                        struct oci_spec **ret_spec, struct error *err)
{
    struct oci_spec *spec = NULL;

    int r = check_container_id(request->container_id, err);
    if (r < 0)
        return r;
    if (!request->oci)
        return error_set(err, -EINVAL, "CreateContainerRequest.OCI is missing");
    r = oci_spec_from_wire(a, request->oci, &spec, err);
    if (r == 0)
        r = oci_extension_read(spec, err);
    if (r == 0)
        r = refuse_attachments(request, err);
    if (r < 0)
        return r;
    if (!spec->linux_)
        return error_status(err, STATUS_INTERNAL, "Spec didn't contain linux field");
    r = sandbox_share_namespaces(&agent->sandbox, a, spec->linux_, request->sandbox_pidns, err);
    if (r == 0)
        r = check_spec(spec, err);
    if (r == 0)
        r = rootfs_check(spec, err);
    if (r == 0)
        r = guest_hooks_add(a, &agent->sandbox.hooks, spec, err);
    if (r == 0 && hook_is_wanted(spec, "createRuntime"))
        log_info(agent->log, "container", "container %s: hooks.createRuntime are left to the host", request->container_id);
    if (r == 0)
        *ret_spec = spec;
    return r;
}

RPC_HANDLER(rpc_create_container)
{
    const Grpc__CreateContainerRequest *create = (const void *)request;
    struct agent *agent = call->context;
    struct arena *a = arena_new(SPEC_ARENA_BYTES);
    struct oci_spec *spec = NULL;
    (void)reply;

    int r = read_request(agent, create, a, &spec, err);
    if (r < 0) {
        arena_free(a);
        return r;
    }
    return container_create(agent, a, arena_strdup(a, create->container_id), spec, err);
}

/* ---- the other verbs ---- */

RPC_HANDLER(rpc_start_container)
{
    const Grpc__StartContainerRequest *start = (const void *)request;
    _container_ struct container *container = rpc_container(call, start->container_id, RPC_LOOKUP_INTERNAL, err);
    (void)reply;

    return container ? container_start(container, err) : -err->errnum;
}

RPC_HANDLER(rpc_remove_container)
{
    const Grpc__RemoveContainerRequest *remove = (const void *)request;
    _container_ struct container *container = rpc_container(call, remove->container_id, RPC_LOOKUP_REMOVAL, err);
    (void)reply;

    if (!container)
        return -err->errnum;
    uint64_t deadline = remove->timeout ? loop_deadline(call->loop, remove->timeout * NSEC_PER_SEC) : NO_DEADLINE;
    return container_remove(container, deadline, err);
}

RPC_HANDLER(rpc_pause_container)
{
    const Grpc__PauseContainerRequest *pause = (const void *)request;
    _container_ struct container *container = rpc_container(call, pause->container_id, RPC_LOOKUP_QUOTED, err);
    (void)reply;

    return container ? container_pause(container, err) : -err->errnum;
}

RPC_HANDLER(rpc_resume_container)
{
    const Grpc__ResumeContainerRequest *resume = (const void *)request;
    _container_ struct container *container = rpc_container(call, resume->container_id, RPC_LOOKUP_QUOTED, err);
    (void)reply;

    return container ? container_resume(container, err) : -err->errnum;
}

RPC_HANDLER(rpc_update_container)
{
    const Grpc__UpdateContainerRequest *update = (const void *)request;
    _container_ struct container *container = rpc_container(call, update->container_id, RPC_LOOKUP_QUOTED, err);
    struct oci_resources *resources = NULL;
    (void)reply;

    if (!container)
        return -err->errnum;
    if (!update->resources)
        return 0;
    struct arena *a = arena_new(SPEC_ARENA_BYTES);
    int r = oci_resources_from_wire(a, update->resources, &resources, err);
    if (r < 0) {
        arena_free(a);
        return r;
    }
    return container_update(container, a, resources, err);
}

RPC_HANDLER(rpc_stats_container)
{
    const Grpc__StatsContainerRequest *stats = (const void *)request;
    Grpc__StatsContainerResponse *response = (void *)reply;
    _container_ struct container *container = rpc_container(call, stats->container_id, RPC_LOOKUP_QUOTED, err);

    return container ? cgroup_stats(container->cgroup, call->arena, &response->cgroup_stats, err) : -err->errnum;
}
