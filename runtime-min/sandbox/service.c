/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's service (lib/proto/monitor.proto). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime-min/sandbox/agent_link.h"
#include "runtime-min/sandbox/monitor.h"
#include "runtime-min/sandbox/rundir.h"
#include "sys/fd.h"

#define SERVICE "tatami.monitor.v1.Monitor"

/* Who stands for a process of the guest. Lives in its call's arena. */
struct hold {
    struct list node;
    const char *container;
    bool released; /* the container is gone */
};

static int release(struct ttrpc_call *call, const ProtobufCMessage *message, ProtobufCMessage *reply, struct error *err)
{
    const Tatami__Monitor__V1__ReleaseRequest *request = (const void *)message;
    struct monitor *monitor = call->context;
    struct hold *hold;

    (void)reply, (void)err;
    LIST_FOREACH (hold, &monitor->holds, node)
        hold->released = hold->released || strcmp(hold->container, request->container_id) == 0;
    return 0;
}

/* ---- hold ---- */

struct kill {
    struct monitor *monitor;
    char *container;
    char *exec;
};

static void kill_fiber(void *arg)
{
    struct kill *kill = arg;

    if (kill->monitor->agent)
        (void)agent_link_kill(kill->monitor->agent, kill->container, kill->exec, NULL);
    free(kill->container);
    free(kill->exec);
    free(kill);
}

/* In a fiber of its own: that of the call was cancelled. */
static void start_kill(struct monitor *monitor, const char *container, const char *exec)
{
    struct kill *kill = calloc(1, sizeof(*kill));
    if (!kill)
        abort();
    *kill = (struct kill){.monitor = monitor, .container = strdup(container), .exec = strdup(exec)};
    if (!kill->container || !kill->exec)
        abort();
    if (fiber_start(monitor->loop, "kill", kill_fiber, kill, NULL) < 0)
        abort();
}

static int hold(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    struct monitor *monitor = call->context;
    const Tatami__Monitor__V1__HoldReply held = TATAMI__MONITOR__V1__HOLD_REPLY__INIT;
    struct waitq never;
    ProtobufCMessage *message;

    (void)reply;
    int r = ttrpc_stream_recv(call, call->arena, &message, err);
    if (r <= 0)
        return r < 0 ? r : error_status(err, STATUS_INVALID_ARGUMENT, "Hold needs a request");
    const Tatami__Monitor__V1__HoldRequest *request = (const void *)message;
    struct hold self = {.container = request->container_id};
    list_append(&monitor->holds, &self.node);
    r = ttrpc_stream_send(call, &held.base, err);
    waitq_init(&never);
    while (r == 0)
        r = waitq_wait(call->loop, &never, NO_DEADLINE);
    list_remove(&self.node);
    if (!self.released && !monitor->stopping)
        start_kill(monitor, request->container_id, request->exec_id);
    return error_text(err, r, "the holder is gone");
}

/* ---- status, stop ---- */

static void add_part(struct ttrpc_call *call, Tatami__Monitor__V1__StatusReply *reply, const struct program *program)
{
    Tatami__Monitor__V1__Part *part = arena_alloc(call->arena, sizeof(*part));

    if (!part || !program->child)
        return;
    tatami__monitor__v1__part__init(part);
    part->name = arena_strdup(call->arena, program->name);
    part->pid = program->child->pid;
    reply->parts[reply->n_parts++] = part;
}

static int status(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *message, struct error *err)
{
    Tatami__Monitor__V1__StatusReply *reply = (void *)message;
    struct monitor *monitor = call->context;

    (void)request;
    if (monitor->stopping || !monitor->vmm)
        return error_status(err, STATUS_UNAVAILABLE, "sandbox %s ends", monitor->start->id);
    reply->vm_pid = vmm_pid(monitor->vmm);
    reply->monitor_pid = sys_getpid();
    reply->uptime_ns = sys_monotonic_ns() - monitor->started_ns;
    reply->accel = arena_strdup(call->arena, monitor->uses_kvm ? "kvm" : "tcg");
    reply->guest_cid = monitor->guest.cid;
    reply->parts = arena_calloc(call->arena, 2, sizeof(reply->parts[0]));
    if (!reply->parts)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory for the answer");
    add_part(call, reply, &monitor->virtiofsd);
    add_part(call, reply, &monitor->vsock);
    return 0;
}

static int stop(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    struct monitor *monitor = call->context;

    (void)request, (void)reply;
    monitor_stop(monitor);
    while (!monitor->ended) {
        int r = waitq_wait(call->loop, &monitor->changed, NO_DEADLINE);
        if (r < 0)
            return error_text(err, r, "the caller is gone");
    }
    return 0;
}

/* ---- table ---- */

#define MESSAGE(name) &tatami__monitor__v1__##name##__descriptor

static const struct ttrpc_method methods[] = {
    {SERVICE, "Release", MESSAGE(release_request), &google__protobuf__empty__descriptor, release},
    {SERVICE, "Status", MESSAGE(status_request), MESSAGE(status_reply), status},
    {SERVICE, "Stop", MESSAGE(stop_request), &google__protobuf__empty__descriptor, stop},
};

static const struct ttrpc_stream_method streams[] = {
    {{SERVICE, "Hold", MESSAGE(hold_request), MESSAGE(hold_reply), NULL}, hold, .server_streams = true},
    {{SERVICE, "ListenOom", MESSAGE(listen_oom_request), MESSAGE(oom_event), NULL}, oom_listen, .server_streams = true},
};

struct ttrpc_server_options service_options(struct monitor *monitor)
{
    return (struct ttrpc_server_options){
        .profile = TTRPC_PROFILE_AGENT,
        .methods = methods,
        .n_methods = ARRAY_SIZE(methods),
        .stream_methods = streams,
        .n_stream_methods = ARRAY_SIZE(streams),
        .context = monitor,
        .call_arena_bytes = 1024 * 1024,
        .max_connections = 4096, /* one for each process that is held */
    };
}

int service_open(struct monitor *monitor, struct error *err)
{
    /* For those who may override its mode: the vsock device, which sees this directory, is root without any right. */
    monitor->listen_fd = parts_listen(RUNDIR_NEWBORN, 0, err);
    return monitor->listen_fd < 0 ? monitor->listen_fd : 0;
}

int service_start(struct monitor *monitor, struct error *err)
{
    const struct ttrpc_server_options options = service_options(monitor);

    int r = ttrpc_server_new(monitor->loop, &options, &monitor->server, err);
    return r < 0 ? r : ttrpc_server_listen(monitor->server, fd_take(&monitor->listen_fd), NULL, err);
}
