/* SPDX-License-Identifier: Apache-2.0 */
/* OOM kills in the guest. The agent gives each event to one caller alone, so the monitor takes them all and counts, for each
 * listener, those of its container: nothing is lost to it however slowly it reads, and nothing grows. */
#include <string.h>

#include "runtime-min/sandbox/agent_link.h"
#include "runtime-min/sandbox/monitor.h"

#define EVENT_BYTES 65536
#define PAUSE_NS (10 * NSEC_PER_MSEC) /* after an event: an agent that makes them up costs the host little */

struct listener {
    struct list node;
    const char *container;
    uint64_t pending;
    struct waitq changed;
};

static void tell(struct monitor *monitor, const char *container)
{
    struct listener *listener;

    LIST_FOREACH (listener, &monitor->listeners, node) {
        if (strcmp(listener->container, container) != 0)
            continue;
        listener->pending++;
        waitq_wake_all(&listener->changed);
    }
}

/* Any failure is the end: of the machine, or of an agent that has no such events. */
static void oom_fiber(void *arg)
{
    struct monitor *monitor = arg;
    struct arena *a = arena_new(EVENT_BYTES);
    const char *container;

    while (agent_link_await_oom(monitor->agent, a, &container, NULL) == 0) {
        tell(monitor, container);
        arena_reset(a);
        if (fiber_sleep_until(monitor->loop, loop_deadline(monitor->loop, PAUSE_NS)) < 0)
            break;
    }
    arena_free(a);
    monitor->oom = NULL;
    waitq_wake_all(&monitor->changed);
}

int oom_start(struct monitor *monitor, struct error *err)
{
    int r = fiber_start(monitor->loop, "oom", oom_fiber, monitor, &monitor->oom);

    return r < 0 ? error_set(err, r, "listen for OOM events") : 0;
}

/* One message says that it listens, then one comes for each event. */
int oom_listen(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    const Tatami__Monitor__V1__OomEvent event = TATAMI__MONITOR__V1__OOM_EVENT__INIT;
    struct monitor *monitor = call->context;
    ProtobufCMessage *message;

    (void)reply;
    int r = ttrpc_stream_recv(call, call->arena, &message, err);
    if (r <= 0)
        return r < 0 ? r : error_status(err, STATUS_INVALID_ARGUMENT, "ListenOom needs a request");
    struct listener self = {.container = ((const Tatami__Monitor__V1__ListenOomRequest *)(const void *)message)->container_id};
    waitq_init(&self.changed);
    list_append(&monitor->listeners, &self.node);
    r = ttrpc_stream_send(call, &event.base, err);
    while (r == 0) {
        r = self.pending > 0 ? 0 : waitq_wait(call->loop, &self.changed, NO_DEADLINE);
        if (r == 0 && self.pending > 0) {
            self.pending--;
            r = ttrpc_stream_send(call, &event.base, err);
        }
    }
    list_remove(&self.node);
    return error_text(err, r, "the listener is gone");
}
