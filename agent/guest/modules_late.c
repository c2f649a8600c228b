/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/modules_late.h"

#include "agent/guest/modules.h"
#include "loop/offload.h"
#include "sys/sys.h"

#define LOWEST_PRIORITY 19
/* A module that registers itself keeps the only processor of a small guest from everybody, whatever its priority: not in the
 * moment in which the first container starts. */
#define DELAY_NS NSEC_PER_SEC

/* In the background: what clients ask for goes first. */
static int load_in_child(void *arg UNUSED, struct buf *out, struct error *err UNUSED)
{
    (void)sys_setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY);
    modules_load_list(MODULES_LATER, out);
    return 0;
}

static void load(void *arg)
{
    _buf_ struct buf problems = BUF_INIT(MODULES_PROBLEMS_MAX);
    struct modules_late *late = arg;
    struct error err = {.errnum = 0};

    int r = fiber_sleep_until(reaper_loop(late->reaper), sys_monotonic_ns() + DELAY_NS);
    if (r == 0)
        r = offload(late->reaper, load_in_child, NULL, NO_DEADLINE, &problems, &err);
    if (r < 0 && r != -ECANCELED)
        log_warning(late->log, "modules", "load '%s': %s", MODULES_LATER, err.text);
    if (problems.data)
        modules_log_problems(problems.data, late->log);
    late->fiber = NULL;
    waitq_wake_all(&late->done);
}

int modules_late_start(struct modules_late *late, struct reaper *reaper, const struct logger *log)
{
    *late = (struct modules_late){.reaper = reaper, .log = log};
    waitq_init(&late->done);
    return fiber_start(reaper_loop(reaper), "modules", load, late, &late->fiber);
}

void modules_late_stop(struct modules_late *late)
{
    if (late->fiber)
        fiber_cancel(late->fiber);
    while (late->fiber)
        (void)waitq_wait(reaper_loop(late->reaper), &late->done, NO_DEADLINE);
}
