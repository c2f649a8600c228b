/* SPDX-License-Identifier: Apache-2.0 */
/* Version 2: the files that every group has, and the rules of the tree: where processes may be, who hands controllers down, and
 * who may move whom (cgroup-v2.rst, "Core Interface Files", "Threads", "Delegation"). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

/* ---- domains and threads ---- */

/* Domains and threads can be side by side only below the root. */
static bool is_mixable(const struct group *group)
{
    return !group->parent;
}

struct group *group_domain(struct group *group)
{
    while (group->threaded)
        group = group->parent;
    return group;
}

static bool has_threaded_child(const struct group *group)
{
    struct group *child;

    LIST_FOREACH (child, &group->children, sibling) {
        if (child->threaded)
            return true;
    }
    return false;
}

bool group_is_thread_root(const struct group *group)
{
    if (group->threaded)
        return false;
    return has_threaded_child(group) || (group->n_tasks > 0 && (group->subtree_control & CG_THREADED));
}

static bool can_be_thread_root(const struct group *group)
{
    if (is_mixable(group))
        return true;
    return !group->threaded && group->n_populated_domains == 0 && !(group->subtree_control & ~CG_THREADED);
}

/* Not below a thread root or a threaded group. */
bool group_is_valid_domain(const struct group *group)
{
    if (group->threaded)
        return false;
    for (group = group->parent; group; group = group->parent) {
        if (!is_mixable(group) && group_is_thread_root(group))
            return false;
        if (group->threaded)
            return false;
    }
    return true;
}

static int show_type(struct control *control, struct buf *out)
{
    const struct group *group = control->group;
    const char *type = "domain";

    if (group->threaded)
        type = "threaded";
    else if (!group_is_valid_domain(group))
        type = "domain invalid";
    else if (group_is_thread_root(group))
        type = "domain threaded";
    return buf_printf(out, "%s\n", type);
}

static int store_type(struct control *control, char *text)
{
    struct group *group = control->group;
    const struct group *domain = group_domain(group->parent);

    if (strcmp(text, "threaded") != 0)
        return -EINVAL;
    if (group->threaded)
        return 0;
    if (group_is_populated(group) || (group->subtree_control & ~CG_THREADED))
        return -EOPNOTSUPP;
    if (!group_is_valid_domain(domain) || !can_be_thread_root(domain))
        return -EOPNOTSUPP;
    group->threaded = true;
    return 0;
}

/* ---- members ---- */

static const struct task *viewer_of(const struct group *group)
{
    return current() ? current() : group->hierarchy->world->init;
}

int show_members(struct control *control, struct buf *out)
{
    const struct group *group = control->group;
    const struct task *viewer = viewer_of(group), *task = NULL;

    while ((task = task_next(group->hierarchy->world, task))) {
        if (task->state < TASK_ZOMBIE && task_group(task, group->hierarchy) == group)
            buf_printf(out, "%d\n", viewer ? task_pid_in(task, viewer->pid_namespace) : task->pids[0]);
    }
    return 0;
}

static int show_procs(struct control *control, struct buf *out)
{
    return control->group->threaded ? -EOPNOTSUPP : show_members(control, out);
}

int member_parse(const struct control *control, const char *text, struct task **ret_task)
{
    int64_t pid;
    struct task *task = current();

    int r = parse_s64(text, &pid);
    if (r < 0 || pid < 0 || pid > INT32_MAX)
        return -EINVAL;
    if (pid != 0 || !task)
        task = task ? task_find((int)pid) : NULL;
    for (struct task *at = NULL; !current() && (at = task_next(control->group->hierarchy->world, at));)
        task = at->pids[0] == pid ? at : task;
    if (!task || task->state == TASK_DEAD)
        return -ESRCH;
    *ret_task = task;
    return 0;
}

int group_v2_may_enter(struct group *from, struct group *to, bool whole_process)
{
    if (!group_is_valid_domain(group_domain(to)))
        return -EOPNOTSUPP;
    if (!can_be_thread_root(to) && !to->threaded && to->subtree_control)
        return -EBUSY;
    return !whole_process && group_domain(from) != group_domain(to) ? -EOPNOTSUPP : 0;
}

int group_v2_may_write(struct group *from, struct group *to, const struct simple_namespace *viewer)
{
    struct group *common = from;

    while (!group_is_below(to, common))
        common = common->parent;
    int r = current() ? inode_permission(group_procs_inode(common), W_OK) : 0;
    if (r < 0)
        return r;
    const struct group *top = namespace_group(viewer, to->hierarchy);
    if (to->hierarchy->nsdelegate && (!group_is_below(from, top) || !group_is_below(to, top)))
        return -ENOENT;
    return 0;
}

struct move {
    struct control *control;
    struct group *from;
};

static int check_write(void *arg)
{
    const struct move *move = arg;
    return group_v2_may_write(move->from, move->control->group, control_namespace(move->control));
}

static int store_member(struct control *control, const char *text, bool whole_process)
{
    struct task *task;

    int r = member_parse(control, text, &task);
    if (r < 0)
        return r;
    struct move move = {control, task_group(task, control->group->hierarchy)};
    r = control_as_opener(control, check_write, &move);
    if (r == 0)
        r = group_v2_may_enter(move.from, control->group, whole_process);
    if (r == 0)
        group_move_task(control->group, task);
    return r;
}

static int store_procs(struct control *control, char *text)
{
    return store_member(control, text, true);
}

static int store_threads(struct control *control, char *text)
{
    return store_member(control, text, false);
}

/* ---- controllers ---- */

static int show_mask(uint32_t controllers, struct buf *out)
{
    const char *separator = "";

    for (size_t i = 0; i < CG_CONTROLLERS; i++) {
        const char *name = cgroup_controller_info[i].v2;
        if (!(controllers & CG_BIT(i)) || !name)
            continue;
        buf_printf(out, "%s%s", separator, name);
        separator = " ";
    }
    return *separator ? buf_append_str(out, "\n") : 0;
}

static int show_controllers(struct control *control, struct buf *out)
{
    return show_mask(group_controllers(control->group), out);
}

static int show_subtree_control(struct control *control, struct buf *out)
{
    return show_mask(control->group->subtree_control, out);
}

struct change {
    uint32_t enable, disable;
};

static int parse_word(const char *word, struct change *change)
{
    if (*word != '+' && *word != '-')
        return -EINVAL;
    for (size_t i = 0; i < CG_CONTROLLERS; i++) {
        const char *name = cgroup_controller_info[i].v2;
        if (!name || strcmp(name, word + 1) != 0)
            continue;
        uint32_t *set = *word == '+' ? &change->enable : &change->disable;
        uint32_t *other = *word == '+' ? &change->disable : &change->enable;
        *set |= CG_BIT(i);
        *other &= ~CG_BIT(i);
        return 0;
    }
    return -EINVAL;
}

static bool child_hands_down(const struct group *group, uint32_t controller)
{
    struct group *child;

    LIST_FOREACH (child, &group->children, sibling) {
        if (child->subtree_control & controller)
            return true;
    }
    return false;
}

/* Leaves what is a change: -ENOENT for a controller that the group does not have, -EBUSY for one that a child hands down. */
static int reduce_change(const struct group *group, struct change *change)
{
    for (size_t i = 0; i < CG_CONTROLLERS; i++) {
        uint32_t bit = CG_BIT(i);
        if (change->enable & bit) {
            if (group->subtree_control & bit)
                change->enable &= ~bit;
            else if (!(group_controllers(group) & bit))
                return -ENOENT;
        }
        if (change->disable & bit) {
            if (!(group->subtree_control & bit))
                change->disable &= ~bit;
            else if (child_hands_down(group, bit))
                return -EBUSY;
        }
    }
    return 0;
}

static int may_enable(struct group *group, uint32_t enable)
{
    if (enable == 0)
        return 0;
    if (!group_is_valid_domain(group_domain(group)))
        return -EOPNOTSUPP;
    if (is_mixable(group))
        return 0;
    if (enable & ~CG_THREADED) {
        if (group_is_thread_root(group) || group->threaded)
            return -EOPNOTSUPP;
    } else if (can_be_thread_root(group) || group->threaded) {
        return 0;
    }
    return group->n_tasks > 0 ? -EBUSY : 0;
}

static void reset_children(struct group *group, uint32_t controllers)
{
    struct group *child;

    LIST_FOREACH (child, &group->children, sibling) {
        for (size_t i = 0; i < CG_CONTROLLERS; i++) {
            if (controllers & CG_BIT(i))
                controls_reset(child, (enum cgroup_controller)i);
        }
        if (controllers & CG_BIT(CG_MEMORY))
            memory_reset(child);
        if (controllers & CG_BIT(CG_PIDS))
            pids_reset(child);
    }
}

static int store_subtree_control(struct control *control, char *text)
{
    struct group *group = control->group;
    struct change change = {0};
    char *word;
    int r = 0;

    while (r == 0 && (word = strsep(&text, " "))) {
        if (*word)
            r = parse_word(word, &change);
    }
    if (r == 0)
        r = reduce_change(group, &change);
    if (r == 0)
        r = may_enable(group, change.enable);
    if (r < 0)
        return r;
    group->subtree_control = (group->subtree_control | change.enable) & ~change.disable;
    reset_children(group, change.enable | change.disable);
    return 0;
}

/* ---- state ---- */

static int show_events(struct control *control, struct buf *out)
{
    struct group *group = control->group;

    int r = buf_printf(out, "populated %d\nfrozen %d\n", group_is_populated(group), group->frozen);
    freezer_looked_at(group);
    return r;
}

static int store_kill(struct control *control, char *text)
{
    struct group *group = control->group;
    struct world *world = group->hierarchy->world;
    struct task *task = NULL;
    int64_t value;

    int r = parse_s64(text, &value);
    if (r < 0)
        return r;
    if (value != 1)
        return -ERANGE;
    if (group->threaded)
        return -EOPNOTSUPP;
    for (struct group *at = group; at; at = group_next(group, at))
        at->kills++;
    while ((task = task_next(world, task))) {
        if (task->state < TASK_ZOMBIE && group_is_below(task_group(task, group->hierarchy), group))
            task_signal(task, SIGKILL);
    }
    return 0;
}

static int show_limit(struct control *control, struct buf *out)
{
    uint64_t value = *group_u64(control->group, control->file->offset);
    return value == UINT64_MAX ? buf_append_str(out, "max\n") : buf_printf(out, "%llu\n", (unsigned long long)value);
}

static int store_limit(struct control *control, char *text)
{
    int64_t value;

    if (strcmp(text, "max") == 0) {
        *group_u64(control->group, control->file->offset) = UINT64_MAX;
        return 0;
    }
    int r = parse_s64(text, &value);
    if (r < 0)
        return r;
    if (value < 0 || value > INT32_MAX)
        return -ERANGE;
    *group_u64(control->group, control->file->offset) = value == INT32_MAX ? UINT64_MAX : (uint64_t)value;
    return 0;
}

static void show_subsystems(const struct group *group, const char *prefix, unsigned int n, struct buf *out)
{
    for (size_t i = 0; i < CG_CONTROLLERS; i++) {
        const char *name = cgroup_controller_info[i].v2;
        if (name && (group->hierarchy->controllers & CG_BIT(i)))
            buf_printf(out, "%s_subsys_%s %u\n", prefix, name, n);
    }
}

static int show_stat(struct control *control, struct buf *out)
{
    const struct group *group = control->group;

    buf_printf(out, "nr_descendants %u\n", group->n_descendants);
    show_subsystems(group, "nr", group->n_descendants + 1, out);
    buf_append_str(out, "nr_dying_descendants 0\n");
    show_subsystems(group, "nr_dying", 0, out);
    return 0;
}

/* Time is not accounted to tasks: they take none. */
static int show_cpu_stat(struct control *control, struct buf *out)
{
    buf_append_str(out, "usage_usec 0\nuser_usec 0\nsystem_usec 0\nnice_usec 0\n");
    if (control->group->parent && (group_controllers(control->group) & CG_BIT(CG_CPU)))
        buf_append_str(out, "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n");
    return 0;
}

static int show_pressure(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out,
                          "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
}

static const struct control_file files[] = {
    {"cgroup.type", CONTROL_V2 | CONTROL_NO_ROOT, show_type, store_type, NULL, 0, 0, 0},
    {"cgroup.procs", CONTROL_V2 | CONTROL_DELEGATED, show_procs, store_procs, NULL, 0, 0, 0},
    {"cgroup.threads", CONTROL_V2 | CONTROL_DELEGATED, show_members, store_threads, NULL, 0, 0, 0},
    {"cgroup.controllers", CONTROL_V2, show_controllers, NULL, NULL, 0, 0, 0},
    {"cgroup.subtree_control", CONTROL_V2 | CONTROL_DELEGATED, show_subtree_control, store_subtree_control, NULL, 0, 0, 0},
    {"cgroup.events", CONTROL_V2 | CONTROL_NO_ROOT, show_events, NULL, NULL, 0, 0, 0},
    {"cgroup.max.descendants", CONTROL_V2, show_limit, store_limit, NULL, 0, 0, offsetof(struct group, max_descendants)},
    {"cgroup.max.depth", CONTROL_V2, show_limit, store_limit, NULL, 0, 0, offsetof(struct group, max_depth)},
    {"cgroup.stat", CONTROL_V2, show_stat, NULL, NULL, 0, 0, 0},
    {"cgroup.kill", CONTROL_V2 | CONTROL_NO_ROOT, NULL, store_kill, NULL, 0, 0, 0},
    {"cpu.stat", CONTROL_V2, show_cpu_stat, NULL, NULL, 0, 0, 0},
    {"cpu.stat.local", CONTROL_V2, show_nothing, NULL, NULL, 0, 0, 0},
    {"cpu.pressure", CONTROL_V2, show_pressure, store_ignored, NULL, 0, 0, 0},
    {"io.pressure", CONTROL_V2, show_pressure, store_ignored, NULL, 0, 0, 0},
    {"memory.pressure", CONTROL_V2, show_pressure, store_ignored, NULL, 0, 0, 0},
    {"cgroup.pressure", CONTROL_V2, show_value, store_number, "1", 0, 1, 0},
};

const struct control_table cgroup_v2_table = {CG_CORE, "", files, ARRAY_SIZE(files)};
