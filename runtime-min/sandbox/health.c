/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the guest still answers. All parts of a machine may live while its guest hangs, or one of them is stuck: nobody would
 * notice but the callers, each after its own limit.
 *
 * One check at a time: a guest that answers is asked again after PERIOD_NS, as Kata's runtime does. It is given up after MISSES
 * checks in a row that took a share of the limit each. A guest that is merely slow answers one of them; and a monitor that did
 * not run for a while, on a busy host or because it was stopped, misses one at most. */
#include "runtime-min/sandbox/agent_link.h"
#include "runtime-min/sandbox/monitor.h"

#define PERIOD_NS (5 * NSEC_PER_SEC)
#define MISSES 3

static void give_up(struct monitor *monitor)
{
    (void)error_text(&monitor->death, -ETIMEDOUT, "the guest has not answered for %u ms", monitor->start->health_timeout_ms);
    monitor->died = true;
    monitor_stop(monitor);
}

static void health_fiber(void *arg)
{
    struct monitor *monitor = arg;
    uint64_t limit = monitor->start->health_timeout_ms * NSEC_PER_MSEC / MISSES;
    uint64_t next = limit < PERIOD_NS ? limit : PERIOD_NS;
    int misses = 0;

    while (misses < MISSES && fiber_sleep_until(monitor->loop, loop_deadline(monitor->loop, next)) == 0) {
        uint64_t began = sys_monotonic_ns();
        bool answered = agent_link_check(monitor->agent, limit, NULL) == 0;
        uint64_t took = sys_monotonic_ns() - began;
        misses = answered ? 0 : misses + 1;
        /* A check can fail at once as well. */
        next = answered ? (limit < PERIOD_NS ? limit : PERIOD_NS) : took < limit ? limit - took : 0;
    }
    if (misses == MISSES && !monitor->stopping)
        give_up(monitor);
    monitor->health = NULL;
    waitq_wake_all(&monitor->changed);
}

int health_start(struct monitor *monitor, struct error *err)
{
    if (monitor->start->health_timeout_ms == 0)
        return 0;
    int r = fiber_start(monitor->loop, "health", health_fiber, monitor, &monitor->health);
    return r < 0 ? error_set(err, r, "watch the guest's health") : 0;
}
