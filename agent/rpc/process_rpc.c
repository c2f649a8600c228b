/* SPDX-License-Identifier: Apache-2.0 */
/* Processes in containers: exec, signal, wait. */
#include <errno.h>
#include <signal.h>

#include "agent/agent.h"
#include "agent/container/check.h"
#include "agent/container/container.h"
#include "agent/rpc/rpc.h"
#include "oci/signal.h"
#include "oci/wire.h"

#define PROCESS_ARENA_BYTES (8 * 1024 * 1024)

RPC_HANDLER(rpc_exec_process)
{
    const Grpc__ExecProcessRequest *exec = (const void *)request;
    struct oci_process *spec = NULL;
    (void)reply;

    if (!exec->process)
        return error_status(err, STATUS_INTERNAL, "Unable to parse process from ExecProcessRequest");
    if (*exec->exec_id == '\0')
        return error_status(err, STATUS_INVALID_ARGUMENT,
                            "ExecProcessRequest.exec_id is empty: no call could address the process");
    _container_ struct container *container = rpc_container(call, exec->container_id, RPC_LOOKUP_INTERNAL, err);
    if (!container)
        return -err->errnum;

    struct arena *a = arena_new(PROCESS_ARENA_BYTES);
    int r = oci_process_from_wire(a, exec->process, &spec, err);
    if (r == 0) {
        spec->user.umask = container->spec->process->user.umask;
        r = check_process(spec, err);
    }
    if (r < 0) {
        arena_free(a);
        return r;
    }
    return container_exec(container, a, exec->exec_id, spec, err);
}

static int signal_all(struct ttrpc_call *call, const char *id, struct error *err)
{
    _container_ struct container *container = rpc_container(call, id, RPC_LOOKUP_INTERNAL, err);
    if (!container)
        return error_status(err, STATUS_INTERNAL, "Invalid container id %s", id);
    return container_kill_all(container, err);
}

RPC_HANDLER(rpc_signal_process)
{
    const Grpc__SignalProcessRequest *signal = (const void *)request;
    (void)reply;

    if (*signal->exec_id == '\0' && (signal->signal & ~OCI_SIGNAL_EXACT) == SIGKILL)
        return signal_all(call, signal->container_id, err);
    _process_ struct process *process = rpc_process(call, signal->container_id, signal->exec_id, err);
    if (!process)
        return -err->errnum;
    if (signal->signal > INT32_MAX)
        return error_set(err, -EINVAL, "signal %u", signal->signal);
    return process_signal(process, (int)signal->signal, err);
}

RPC_HANDLER(rpc_wait_process)
{
    const Grpc__WaitProcessRequest *wait = (const void *)request;
    Grpc__WaitProcessResponse *response = (void *)reply;
    _process_ struct process *process = rpc_process(call, wait->container_id, wait->exec_id, err);

    if (!process)
        return -err->errnum;
    int r = process_wait(call->loop, process, &response->status, err);
    if (r == 0)
        process_detach(process);
    return r;
}
