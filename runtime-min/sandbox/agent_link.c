/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/agent_link.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "proto/agent.pb-c.h"
#include "runtime-min/sandbox/share.h"
#include "sys/fd.h"

#define ANSWER_NS NSEC_PER_SEC
#define PAUSE_NS (10 * NSEC_PER_MSEC)
#define CALL_BYTES (1024 * 1024)
#define CALL_NS (30 * NSEC_PER_SEC)
#define KILL_NS (10 * NSEC_PER_SEC)
#define HOSTNAME_LEN_MAX 64

int agent_link_open(struct loop *loop, const struct guest_address *guest, uint64_t deadline, struct ttrpc_client **ret_client,
                    struct error *err)
{
    for (;;) {
        uint64_t attempt = sys_monotonic_ns() + ANSWER_NS;
        int fd = guest_dial(guest, GUEST_RPC_PORT, loop, attempt < deadline ? attempt : deadline, NULL);
        if (fd >= 0)
            return ttrpc_client_new(loop, fd, ret_client, err);
        int r = fd == -ECANCELED ? fd : fiber_sleep_until(loop, sys_monotonic_ns() + PAUSE_NS);
        if (r < 0)
            return error_set(err, r, "connect to the agent");
        if (sys_monotonic_ns() >= deadline)
            return error_text(err, -ETIMEDOUT, "the agent did not answer in time");
    }
}

/* ---- calls ---- */

static int call(struct ttrpc_client *client, const char *service, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *reply_type, uint64_t timeout_ns, struct error *err)
{
    _arena_ struct arena *a = arena_new(CALL_BYTES);
    ProtobufCMessage *reply;

    int r = ttrpc_client_call(client, service, method, request, reply_type, a, timeout_ns, &reply, err);
    return r < 0 ? error_wrap(err, "%s", method) : 0;
}

#define agent_call(client, method, request, timeout_ns, err)                                                                   \
    call(client, "grpc.AgentService", method, request, &google__protobuf__empty__descriptor, timeout_ns, err)

static int create_sandbox(struct ttrpc_client *client, const char *id, const char *hostname, struct error *err)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    Grpc__Storage storage = GRPC__STORAGE__INIT;
    Grpc__Storage *storages[] = {&storage};
    char name[HOSTNAME_LEN_MAX + 1] = "";

    strncat(name, hostname, HOSTNAME_LEN_MAX);
    storage.driver = (char[]){"virtio-fs"};
    storage.source = (char[]){"kataShared"};
    storage.fstype = (char[]){"virtiofs"};
    storage.mount_point = (char[]){SHARE_GUEST "/"};
    request.hostname = name;
    request.sandbox_id = (char *)(uintptr_t)id;
    request.n_storages = 1;
    request.storages = storages;
    return agent_call(client, "CreateSandbox", &request.base, CALL_NS, err);
}

int agent_link_check(struct ttrpc_client *client, uint64_t timeout_ns, struct error *err)
{
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;

    return call(client, "grpc.Health", "Check", &request.base, &grpc__health_check_response__descriptor, timeout_ns, err);
}

int agent_link_begin(struct ttrpc_client *client, const char *id, const char *hostname, uint64_t deadline, struct error *err)
{
    uint64_t now = sys_monotonic_ns();

    if (now >= deadline)
        return error_text(err, -ETIMEDOUT, "the agent did not answer in time");
    int r = agent_link_check(client, deadline - now, err);
    return r < 0 ? r : create_sandbox(client, id, hostname, err);
}

int agent_link_await_oom(struct ttrpc_client *client, struct arena *a, const char **ret_container, struct error *err)
{
    Grpc__GetOOMEventRequest request = GRPC__GET_OOMEVENT_REQUEST__INIT;
    ProtobufCMessage *reply;

    int r = ttrpc_client_call(client, "grpc.AgentService", "GetOOMEvent", &request.base, &grpc__oomevent__descriptor, a, 0,
                              &reply, err);
    if (r == 0)
        *ret_container = ((const Grpc__OOMEvent *)(const void *)reply)->container_id;
    return r;
}

int agent_link_destroy(struct ttrpc_client *client, uint64_t timeout_ns, struct error *err)
{
    Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

    return agent_call(client, "DestroySandbox", &request.base, timeout_ns, err);
}

int agent_link_kill(struct ttrpc_client *client, const char *container, const char *exec, struct error *err)
{
    Grpc__SignalProcessRequest request = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

    request.container_id = (char *)(uintptr_t)container;
    request.exec_id = (char *)(uintptr_t)exec;
    request.signal = SIGKILL;
    int r = agent_call(client, "SignalProcess", &request.base, KILL_NS, err);
    return r == -ENOENT ? 0 : r;
}
