/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing groups: cgroup.freeze of version 2, freezer.state of version 1 (cgroup-v2.rst, cgroup-v1/freezer-subsystem.rst).
 *
 * A process is stopped on its way back from the kernel, which takes a moment: whoever asks right after the request may find the
 * group still freezing. Here chance decides that; who has looked once finds it frozen the next time, and watchers of
 * cgroup.events are told then. A version 2 group lets SIGKILL through, a version 1 group holds even that back until it is
 * thawed. */
#include <errno.h>
#include <string.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

bool group_is_freezing(const struct group *group)
{
    for (; group; group = group->parent) {
        if (group->freeze)
            return true;
    }
    return false;
}

/* Frozen by any of its groups. */
static void task_update(struct task *task)
{
    const struct cgroups *cgroups = world_cgroups(task->world);

    task->frozen = task->frozen_hard = false;
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        const struct hierarchy *hierarchy = cgroups->hierarchies[i];
        if (!hierarchy || !group_is_freezing(task_group(task, hierarchy)))
            continue;
        task->frozen = true;
        task->frozen_hard |= hierarchy->version == 1;
    }
}

/* Has every process in the group and below arrived? */
static bool is_reached(const struct group *group)
{
    struct group *child;

    if (!group_is_freezing(group) || (group->lagging && group->n_tasks > 0))
        return false;
    LIST_FOREACH (child, &group->children, sibling) {
        if (!is_reached(child))
            return false;
    }
    return true;
}

/* Brings the state of a group and those above up to date, and tells. */
static void update_state(struct group *group)
{
    for (; group && group->parent; group = group->parent) {
        bool frozen = is_reached(group);
        if (frozen == group->frozen)
            continue;
        group->frozen = frozen;
        control_notify_name(group, "cgroup.events");
    }
}

void freezer_task_came(struct group *group, struct task *task)
{
    task_update(task);
    update_state(group);
}

void freezer_task_left(struct group *group)
{
    if (group_is_freezing(group))
        update_state(group);
}

void freezer_looked_at(struct group *group)
{
    struct group *at = group;

    for (; at; at = group_next(group, at)) {
        at->lagging = false;
        if (list_is_empty(&at->children))
            update_state(at);
    }
}

static void apply(struct group *group, bool freeze)
{
    struct world *world = group->hierarchy->world;
    struct task *task = NULL;
    struct group *at = group;
    bool was_freezing = group_is_freezing(group);

    group->freeze = freeze;
    if (was_freezing == group_is_freezing(group))
        return;
    for (; at; at = group_next(group, at))
        at->lagging = group_is_freezing(at) && at->n_tasks > 0 && (sim_random(world->sim) & 1);
    while ((task = task_next(world, task))) {
        if (task->state < TASK_ZOMBIE && group_is_below(task_group(task, group->hierarchy), group))
            task_update(task);
    }
    for (at = group; at; at = group_next(group, at)) {
        if (list_is_empty(&at->children))
            update_state(at);
    }
}

/* ---- version 2 ---- */

static int show_freeze(struct control *control, struct buf *out)
{
    return buf_printf(out, "%d\n", control->group->freeze);
}

static int store_freeze(struct control *control, char *text)
{
    int64_t value;

    int r = parse_s64(text, &value);
    if (r < 0)
        return r;
    if (value < 0 || value > 1)
        return -ERANGE;
    apply(control->group, value);
    return 0;
}

static const struct control_file v2_files[] = {
    {"cgroup.freeze", CONTROL_V2 | CONTROL_NO_ROOT, show_freeze, store_freeze, NULL, 0, 0, 0},
};
const struct control_table cgroup_freezer_table = {CG_CORE, "cgroup.freeze", v2_files, ARRAY_SIZE(v2_files)};

/* ---- version 1 ---- */

static int show_state(struct control *control, struct buf *out)
{
    struct group *group = control->group;
    const char *state = "THAWED";

    if (group_is_freezing(group))
        state = is_reached(group) ? "FROZEN" : "FREEZING";
    freezer_looked_at(group);
    return buf_printf(out, "%s\n", state);
}

static int store_state(struct control *control, char *text)
{
    bool freeze = strcmp(text, "FROZEN") == 0;

    if (!freeze && strcmp(text, "THAWED") != 0)
        return -EINVAL;
    apply(control->group, freeze);
    return 0;
}

static int show_self_freezing(struct control *control, struct buf *out)
{
    return buf_printf(out, "%d\n", control->group->freeze);
}

static int show_parent_freezing(struct control *control, struct buf *out)
{
    return buf_printf(out, "%d\n", group_is_freezing(control->group->parent));
}

static const struct control_file v1_files[] = {
    {"freezer.state", CONTROL_V1 | CONTROL_NO_ROOT, show_state, store_state, NULL, 0, 0, 0},
    {"freezer.self_freezing", CONTROL_V1 | CONTROL_NO_ROOT, show_self_freezing, NULL, NULL, 0, 0, 0},
    {"freezer.parent_freezing", CONTROL_V1 | CONTROL_NO_ROOT, show_parent_freezing, NULL, NULL, 0, 0, 0},
};
const struct control_table cgroup_freezer_v1_table = {CG_FREEZER, "freezer.", v1_files, ARRAY_SIZE(v1_files)};
