/* SPDX-License-Identifier: Apache-2.0 */
/* The pids controller: how many processes a group and those below may have (cgroup-v2.rst, "PID"). Forks fail beyond it; moving
 * in does not. A zombie counts until it is collected. */
#include <errno.h>
#include <string.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

static uint64_t count(const struct group *group)
{
    const struct task *task = NULL;
    uint64_t n = 0;

    while ((task = task_next(group->hierarchy->world, task)))
        n += task->cgroups && group_is_below(task_group(task, group->hierarchy), group);
    return n;
}

void pids_reset(struct group *group)
{
    group->pids = (struct group_pids){.max = UINT64_MAX};
}

static void note_peak(struct group *group, uint64_t n)
{
    if (n > group->pids.peak)
        group->pids.peak = n;
}

/* A task that moves is counted in its new group before the old one forgets it: those above both see one more. */
void pids_task_comes(struct group *from, struct group *to)
{
    if (!(to->hierarchy->controllers & CG_BIT(CG_PIDS)))
        return;
    from = group_with(from, CG_PIDS);
    to = group_with(to, CG_PIDS);
    for (struct group *at = to; from != to && at->parent; at = at->parent)
        note_peak(at, count(at) + 1);
}

/* Version 1 counts the failure where the fork was tried, version 2 where the limit is, and above. */
static void note_failure(struct group *forking, struct group *over)
{
    if (forking->hierarchy->version == 1) {
        forking->pids.failed_forks++;
        control_notify_name(forking, "pids.events");
        return;
    }
    over->pids.over++;
    control_notify_name(over, "pids.events.local");
    for (; over->parent; over = over->parent) {
        over->pids.over_below++;
        control_notify_name(over, "pids.events");
    }
}

/* Those below the limit that is reached have counted the child for a moment. */
int pids_fork(struct group *group)
{
    struct group *forking = group_with(group, CG_PIDS);

    for (struct group *at = forking; at->parent; at = at->parent) {
        uint64_t n = count(at);
        if (at->pids.max != UINT64_MAX && n > at->pids.max) {
            note_failure(forking, at);
            return -EAGAIN;
        }
        note_peak(at, n);
    }
    return 0;
}

static int show_current(struct control *control, struct buf *out)
{
    return buf_printf(out, "%llu\n", (unsigned long long)count(control->group));
}

static int show_max(struct control *control, struct buf *out)
{
    uint64_t max = control->group->pids.max;
    return max == UINT64_MAX ? buf_append_str(out, "max\n") : buf_printf(out, "%llu\n", (unsigned long long)max);
}

#define PIDS_MAX (4 * 1024 * 1024 + 1)

static int store_max(struct control *control, char *text)
{
    int64_t value;

    if (strcmp(text, "max") == 0) {
        control->group->pids.max = UINT64_MAX;
        return 0;
    }
    int r = parse_s64(text, &value);
    if (r < 0)
        return r;
    if (value < 0 || value >= PIDS_MAX)
        return -EINVAL;
    control->group->pids.max = (uint64_t)value;
    return 0;
}

static int show_events(struct control *control, struct buf *out)
{
    const struct group *group = control->group;
    uint64_t n = group->hierarchy->version == 1 ? group->pids.failed_forks : group->pids.over_below;
    return buf_printf(out, "max %llu\n", (unsigned long long)n);
}

static int show_local_events(struct control *control, struct buf *out)
{
    return buf_printf(out, "max %llu\n", (unsigned long long)control->group->pids.over);
}

static const struct control_file files[] = {
    {"pids.max", CONTROL_V12 | CONTROL_NO_ROOT, show_max, store_max, NULL, 0, 0, 0},
    {"pids.current", CONTROL_V12 | CONTROL_NO_ROOT, show_current, NULL, NULL, 0, 0, 0},
    {"pids.peak", CONTROL_V12 | CONTROL_NO_ROOT, show_u64, NULL, NULL, 0, 0, offsetof(struct group, pids.peak)},
    {"pids.events", CONTROL_V12 | CONTROL_NO_ROOT, show_events, NULL, NULL, 0, 0, 0},
    {"pids.events.local", CONTROL_V2 | CONTROL_NO_ROOT, show_local_events, NULL, NULL, 0, 0, 0},
};
const struct control_table cgroup_pids_table = {CG_PIDS, "pids.", files, ARRAY_SIZE(files)};
