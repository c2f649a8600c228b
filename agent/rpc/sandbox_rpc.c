/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox: creation, end, OOM events. */
#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/container/container.h"
#include "agent/guest/dirtree.h"
#include "agent/guest/modules.h"
#include "agent/rpc/rpc.h"
#include "agent/sandbox/dns.h"
#include "loop/offload.h"

struct module_request {
    const char *name, *params;
};

static int load_module(void *arg, struct buf *out UNUSED, struct error *err)
{
    const struct module_request *wanted = arg;
    return modules_load(wanted->name, wanted->params, err);
}

static int load_modules(struct agent *agent, struct arena *a, const Grpc__CreateSandboxRequest *create, struct error *err)
{
    for (size_t i = 0; i < create->n_kernel_modules; i++) {
        const Grpc__KernelModule *module = create->kernel_modules[i];
        if (!*module->name)
            return error_status(err, STATUS_INTERNAL, "Kernel module name is empty");
        struct module_request wanted = {module->name, ""};
        struct strlist params = {0};
        int r = strlist_copy(a, &params, module->parameters, module->n_parameters);
        if (r == 0)
            wanted.params = strlist_join(a, &params, " ");
        if (r < 0 || !wanted.params)
            return error_status(err, STATUS_RESOURCE_EXHAUSTED, "kernel module '%s': parameters are too large", module->name);
        r = offload(agent->reaper, load_module, &wanted, NO_DEADLINE, NULL, err);
        if (r < 0)
            return r;
    }
    return 0;
}

RPC_HANDLER(rpc_create_sandbox)
{
    const Grpc__CreateSandboxRequest *create = (const void *)request;
    struct agent *agent = call->context;
    (void)reply;

    int r = load_modules(agent, call->arena, create, err);
    if (r == 0)
        r = storages_add(&agent->storages, agent->reaper, call->arena, create->storages, create->n_storages, err);
    if (r == 0)
        r = sandbox_create(&agent->sandbox, agent->reaper, create->sandbox_id, create->hostname, err);
    if (r == 0 && *create->guest_hook_path)
        sandbox_find_hooks(&agent->sandbox, create->guest_hook_path, agent->log);
    if (r == 0)
        r = dns_configure(agent->base_fd, agent->options->base_dir, create->dns, create->n_dns, err);
    return r;
}

RPC_HANDLER(rpc_destroy_sandbox)
{
    struct agent *agent = call->context;
    struct sandbox *sandbox = &agent->sandbox;
    (void)request;
    (void)reply;

    while (!list_is_empty(&sandbox->containers)) {
        struct container *container = CONTAINER_OF(sandbox->containers.next, struct container, link);
        int r = container_remove(container, NO_DEADLINE, err);
        if (r < 0)
            return r;
    }
    oom_queue_close(&sandbox->oom);
    sandbox->running = false;
    agent_stop(agent);
    return 0;
}

RPC_HANDLER(rpc_remove_stale_shares)
{
    struct agent *agent = call->context;
    (void)request;
    (void)reply;

    return storages_look_at_shares(agent->reaper, err);
}

RPC_HANDLER(rpc_get_oom_event)
{
    Grpc__OOMEvent *event = (void *)reply;
    struct agent *agent = call->context;
    char *id;
    (void)request;

    int r = oom_queue_pop(call->loop, &agent->sandbox.oom, NO_DEADLINE, &id);
    if (r == -ESHUTDOWN)
        return error_status(err, STATUS_INTERNAL, "\"\"");
    if (r < 0)
        return error_status(err, STATUS_CANCELLED, "cancelled");
    event->container_id = arena_strdup(call->arena, id);
    free(id);
    return 0;
}
