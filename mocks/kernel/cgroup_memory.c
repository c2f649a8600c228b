/* SPDX-License-Identifier: Apache-2.0 */
/* The memory controller: what programs say they use (task_charge) is counted in their group and all above; who would pass a
 * limit has somebody killed first (cgroup-v2.rst, "Memory"; cgroup-v1/memory.rst). There is nothing to reclaim and no swap.
 *
 * Memory stays charged to the group where it was first used: moving a process does not move it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

void memory_reset(struct group *group)
{
    group->memory = (struct group_memory){
        .max = BYTES_UNLIMITED,
        .swap_max = BYTES_UNLIMITED,
        .memsw_max = BYTES_UNLIMITED,
        .soft = BYTES_UNLIMITED,
        .tcp_max = BYTES_UNLIMITED,
        .high = BYTES_UNLIMITED,
        .swappiness = group->parent ? group->parent->memory.swappiness : 60,
        .oom_kill_disabled = group->parent && group->parent->parent && group->parent->memory.oom_kill_disabled,
    };
}

/* Version 2 counts an event in the group and all above; version 1 only where it was. */
void memory_event(struct group *group, enum memory_event event)
{
    group->memory.local_events[event]++;
    control_notify_name(group, "memory.events.local");
    for (; group && (group->parent || group->hierarchy->version == 1); group = group->parent) {
        group->memory.events[event]++;
        control_notify_name(group, "memory.events");
        if (group->hierarchy->version == 1)
            return;
    }
}

/* ---- charging ---- */

struct charge {
    struct list link;
    struct group *group; /* referenced */
    uint64_t bytes;
};

static struct list *task_charges(struct task *task)
{
    if (!task->memory_charges) {
        task->memory_charges = zalloc(sizeof(struct list));
        list_init(task->memory_charges);
    }
    return task->memory_charges;
}

static void add_usage(struct group *group, uint64_t bytes)
{
    for (; group; group = group->parent) {
        group->memory.usage += bytes;
        if (group->memory.usage > group->memory.peak)
            group->memory.peak = group->memory.usage;
    }
}

static void drop_usage(struct group *group, uint64_t bytes)
{
    for (; group; group = group->parent)
        group->memory.usage -= bytes < group->memory.usage ? bytes : group->memory.usage;
}

static void charge_free(struct charge *charge)
{
    list_remove(&charge->link);
    group_unref(charge->group);
    free(charge);
}

static void task_add(struct task *task, struct group *group, uint64_t bytes)
{
    struct charge *charge;

    task->memory_bytes += bytes;
    if (!group)
        return;
    add_usage(group, bytes);
    LIST_FOREACH (charge, task_charges(task), link) {
        if (charge->group == group) {
            charge->bytes += bytes;
            return;
        }
    }
    charge = zalloc(sizeof(*charge));
    charge->group = group_ref(group);
    charge->bytes = bytes;
    list_append(task_charges(task), &charge->link);
}

static void task_drop(struct task *task, uint64_t bytes)
{
    struct charge *charge;

    task->memory_bytes -= bytes < task->memory_bytes ? bytes : task->memory_bytes;
    LIST_FOREACH (charge, task_charges(task), link) {
        uint64_t part = bytes < charge->bytes ? bytes : charge->bytes;
        drop_usage(charge->group, part);
        charge->bytes -= part;
        bytes -= part;
        if (charge->bytes == 0)
            charge_free(charge);
    }
}

void memory_task_done(struct task *task)
{
    task->memory_bytes = 0;
    if (!task->memory_charges)
        return;
    task_drop(task, UINT64_MAX);
    free(task->memory_charges);
    task->memory_charges = NULL;
}

/* ---- limits ---- */

struct request {
    struct group *group;
    uint64_t bytes;
};

/* The lowest group whose limit at that offset the request would pass; NULL: it fits. */
static struct group *over_one(const struct request *request, size_t limit)
{
    for (struct group *at = request->group; at; at = at->parent) {
        if (at->memory.usage + request->bytes > *group_u64(at, limit))
            return at;
    }
    return NULL;
}

/* Memory and swap together are asked first. */
static struct group *over_limit(const struct request *request)
{
    struct group *over = over_one(request, offsetof(struct group, memory.memsw_max));
    return over ? over : over_one(request, offsetof(struct group, memory.max));
}

static bool fits_or_changed(void *arg)
{
    const struct request *request = arg;
    const struct group *over = over_limit(request);

    return !over || !over->memory.oom_kill_disabled || (current()->signals_pending & SIGNAL_BIT(SIGKILL));
}

static void die_if_killed(void)
{
    if (current()->signals_pending & SIGNAL_BIT(SIGKILL))
        task_exit(current(), SIGKILL);
}

/* Version 1 with oom_kill_disable: whoever needs memory sleeps until there is some. */
static void wait_for_memory(struct request *request, struct group *over)
{
    struct group *at = over;

    for (; at; at = group_next(over, at))
        at->memory.under_oom = true;
    oom_notify(over);
    task_block(fits_or_changed, request, UINT64_MAX);
    for (at = over; at; at = group_next(over, at))
        at->memory.under_oom = false;
}

static bool victim_gone(void *arg)
{
    const struct request *request = arg;
    const struct group *over = over_limit(request);

    return !over || !oom_victim_is_dying(over) || (current()->signals_pending & SIGNAL_BIT(SIGKILL));
}

static void make_room(struct request *request, struct group *over)
{
    if (over->memory.oom_kill_disabled) {
        wait_for_memory(request, over);
        return;
    }
    if (!oom_victim_is_dying(over)) {
        memory_event(over, MEMORY_OOM);
        oom_notify(over);
        if (!oom_kill_in(over))
            unsupported("a cgroup is out of memory and nobody in it can be killed");
    }
    die_if_killed();
    task_block(victim_gone, request, UINT64_MAX);
}

void task_charge(int64_t bytes)
{
    struct task *task = current();
    struct request request = {task_controller_group(task, CG_MEMORY), (uint64_t)(bytes > 0 ? bytes : 0)};
    struct group *over;

    if (bytes < 0) {
        task_drop(task, (uint64_t)-bytes);
        return;
    }
    while ((over = over_limit(&request))) {
        memory_event(over, MEMORY_MAX);
        make_room(&request, over);
        die_if_killed();
    }
    task_add(task, request.group, request.bytes);
}

/* ---- files of version 2 ---- */

/* Kills until the group is below its new limit. */
static int shrink(struct group *group)
{
    struct request request = {group, 0};

    while (over_limit(&request)) {
        if (!oom_victim_is_dying(group)) {
            memory_event(group, MEMORY_OOM);
            if (!oom_kill_in(group))
                return 0;
        }
        if (!current() || (current()->signals_pending & SIGNAL_BIT(SIGKILL)))
            return 0;
        task_block(victim_gone, &request, UINT64_MAX);
    }
    return 0;
}

static int store_limit(struct control *control, char *text)
{
    return parse_bytes(text, "max", group_u64(control->group, control->file->offset));
}

static int store_max(struct control *control, char *text)
{
    int r = store_limit(control, text);
    return r < 0 ? r : shrink(control->group);
}

static int show_event_list(const uint64_t *events, struct buf *out)
{
    static const char *const names[MEMORY_EVENTS] = {"low", "high", "max", "oom", "oom_kill", "oom_group_kill"};

    for (size_t i = 0; i < MEMORY_EVENTS; i++)
        buf_printf(out, "%s %llu\n", names[i], (unsigned long long)events[i]);
    return 0;
}

static int show_events(struct control *control, struct buf *out)
{
    return show_event_list(control->group->memory.events, out);
}

static int show_local_events(struct control *control, struct buf *out)
{
    return show_event_list(control->group->memory.local_events, out);
}

static int show_oom_group(struct control *control, struct buf *out)
{
    return buf_printf(out, "%d\n", control->group->memory.oom_group);
}

static int store_oom_group(struct control *control, char *text)
{
    int64_t value;

    int r = parse_s64(text, &value);
    if (r < 0)
        return r;
    if (value < 0 || value > 1)
        return -EINVAL;
    control->group->memory.oom_group = value;
    return 0;
}

static int show_stat(struct control *control, struct buf *out)
{
    static const char *const zero[] = {"file",  "kernel",      "kernel_stack", "pagetables",     "percpu",       "sock",
                                       "shmem", "file_mapped", "file_dirty",   "file_writeback", "inactive_anon"};

    buf_printf(out, "anon %llu\n", (unsigned long long)control->group->memory.usage);
    FOR_ROWS (name, zero)
        buf_printf(out, "%s 0\n", *name);
    buf_printf(out, "active_anon %llu\n", (unsigned long long)control->group->memory.usage);
    return buf_append_str(out, "inactive_file 0\nactive_file 0\nunevictable 0\nslab 0\npgfault 0\npgmajfault 0\n");
}

static int show_swap_events(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "high 0\nmax 0\nfail 0\n");
}

#define MEMORY(member) offsetof(struct group, memory.member)
#define V2 (CONTROL_V2 | CONTROL_NO_ROOT)

static const struct control_file v2_files[] = {
    {"memory.current", V2, show_u64, NULL, NULL, 0, 0, MEMORY(usage)},
    {"memory.peak", V2, show_u64, store_ignored, NULL, 0, 0, MEMORY(peak)},
    {"memory.min", V2, show_bytes_or_max, store_limit, NULL, 0, 0, MEMORY(min)},
    {"memory.low", V2, show_bytes_or_max, store_limit, NULL, 0, 0, MEMORY(low)},
    {"memory.high", V2, show_bytes_or_max, store_limit, NULL, 0, 0, MEMORY(high)},
    {"memory.max", V2, show_bytes_or_max, store_max, NULL, 0, 0, MEMORY(max)},
    {"memory.events", V2, show_events, NULL, NULL, 0, 0, 0},
    {"memory.events.local", V2, show_local_events, NULL, NULL, 0, 0, 0},
    {"memory.stat", CONTROL_V2, show_stat, NULL, NULL, 0, 0, 0},
    {"memory.oom.group", V2 | CONTROL_DELEGATED, show_oom_group, store_oom_group, NULL, 0, 0, 0},
    {"memory.swap.current", V2, show_zero, NULL, NULL, 0, 0, 0},
    {"memory.swap.peak", V2, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.swap.high", V2, show_value, store_ignored, "max", 0, 0, 0},
    {"memory.swap.max", V2, show_bytes_or_max, store_limit, NULL, 0, 0, MEMORY(swap_max)},
    {"memory.swap.events", V2, show_swap_events, NULL, NULL, 0, 0, 0},
};
const struct control_table cgroup_memory_v2_table = {CG_MEMORY, "memory.", v2_files, ARRAY_SIZE(v2_files)};

/* ---- files of version 1 ---- */

/* What is in use cannot be taken away: -EBUSY. The limit may not pass that of memory and swap together. */
static int store_v1_limit(struct control *control, char *text)
{
    struct group_memory *memory = &control->group->memory;
    uint64_t *limit = group_u64(control->group, control->file->offset);
    bool is_sum = limit == &memory->memsw_max;
    uint64_t value;

    int r = parse_bytes(text, "-1", &value);
    if (r < 0)
        return r;
    if (!control->group->parent)
        return -EINVAL;
    if (is_sum ? value < memory->max : value > memory->memsw_max)
        return -EINVAL;
    if (value < memory->usage)
        return -EBUSY;
    *limit = value;
    return 0;
}

static int store_soft_limit(struct control *control, char *text)
{
    return parse_bytes(text, "-1", &control->group->memory.soft);
}

/* Deprecated: any number, and no effect. */
static int store_kernel_limit(struct control *control, char *text)
{
    uint64_t value;
    (void)control;
    return parse_bytes(text, "-1", &value);
}

static int store_tcp_limit(struct control *control, char *text)
{
    return control->group->parent ? parse_bytes(text, "-1", &control->group->memory.tcp_max) : -EINVAL;
}

static int show_unlimited(struct control *control, struct buf *out)
{
    (void)control;
    return buf_printf(out, "%llu\n", BYTES_UNLIMITED);
}

static int store_swappiness(struct control *control, char *text)
{
    uint64_t value;

    int r = parse_u64(text, &value);
    if (r < 0)
        return r;
    if (value > 200)
        return -EINVAL;
    control->group->memory.swappiness = value;
    return 0;
}

static int store_hierarchy(struct control *control, char *text)
{
    uint64_t value;
    (void)control;

    int r = parse_u64(text, &value);
    if (r < 0)
        return r;
    return value == 1 ? 0 : -EINVAL;
}

static int show_one(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "1\n");
}

/* Sets the watermark back. Failures are not counted by this kernel any more. */
static int store_reset(struct control *control, char *text)
{
    (void)text;
    control->group->memory.peak = control->group->memory.usage;
    return 0;
}

static int show_oom_control(struct control *control, struct buf *out)
{
    const struct group_memory *memory = &control->group->memory;

    return buf_printf(out, "oom_kill_disable %d\nunder_oom %d\noom_kill %llu\n", memory->oom_kill_disabled, memory->under_oom,
                      (unsigned long long)memory->events[MEMORY_OOM_KILL]);
}

static int store_oom_control(struct control *control, char *text)
{
    uint64_t value;

    int r = parse_u64(text, &value);
    if (r < 0)
        return r;
    if (!control->group->parent || value > 1)
        return -EINVAL;
    control->group->memory.oom_kill_disabled = value;
    return 0;
}

static int show_v1_stat(struct control *control, struct buf *out)
{
    const struct group_memory *memory = &control->group->memory;
    unsigned long long usage = memory->usage;

    buf_printf(out, "cache 0\nrss %llu\nrss_huge 0\nshmem 0\nmapped_file 0\ndirty 0\nwriteback 0\n", usage);
    buf_printf(out, "pgpgin 0\npgpgout 0\npgfault 0\npgmajfault 0\ninactive_anon 0\nactive_anon %llu\n", usage);
    buf_printf(out, "inactive_file 0\nactive_file 0\nunevictable 0\nhierarchical_memory_limit %llu\n",
               (unsigned long long)memory->max);
    buf_printf(out, "hierarchical_memsw_limit %llu\ntotal_cache 0\ntotal_rss %llu\n", (unsigned long long)memory->memsw_max,
               usage);
    return 0;
}

/* Memory does not move any more. */
static int store_zero(struct control *control, char *text)
{
    (void)control;
    return strcmp(text, "0") == 0 ? 0 : -EINVAL;
}

static int refuse_read(struct control *control, struct buf *out)
{
    (void)control;
    (void)out;
    return -EINVAL;
}

static const struct control_file v1_files[] = {
    {"memory.usage_in_bytes", CONTROL_V1, show_u64, NULL, NULL, 0, 0, MEMORY(usage)},
    {"memory.max_usage_in_bytes", CONTROL_V1, show_u64, store_reset, NULL, 0, 0, MEMORY(peak)},
    {"memory.limit_in_bytes", CONTROL_V1, show_u64, store_v1_limit, NULL, 0, 0, MEMORY(max)},
    {"memory.soft_limit_in_bytes", CONTROL_V1, show_u64, store_soft_limit, NULL, 0, 0, MEMORY(soft)},
    {"memory.failcnt", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.memsw.usage_in_bytes", CONTROL_V1, show_u64, NULL, NULL, 0, 0, MEMORY(usage)},
    {"memory.memsw.max_usage_in_bytes", CONTROL_V1, show_u64, store_reset, NULL, 0, 0, MEMORY(peak)},
    {"memory.memsw.limit_in_bytes", CONTROL_V1, show_u64, store_v1_limit, NULL, 0, 0, MEMORY(memsw_max)},
    {"memory.memsw.failcnt", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.kmem.usage_in_bytes", CONTROL_V1, show_zero, NULL, NULL, 0, 0, 0},
    {"memory.kmem.max_usage_in_bytes", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.kmem.limit_in_bytes", CONTROL_V1, show_unlimited, store_kernel_limit, NULL, 0, 0, 0},
    {"memory.kmem.failcnt", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.kmem.tcp.usage_in_bytes", CONTROL_V1, show_zero, NULL, NULL, 0, 0, 0},
    {"memory.kmem.tcp.max_usage_in_bytes", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.kmem.tcp.limit_in_bytes", CONTROL_V1, show_u64, store_tcp_limit, NULL, 0, 0, MEMORY(tcp_max)},
    {"memory.kmem.tcp.failcnt", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},
    {"memory.stat", CONTROL_V1, show_v1_stat, NULL, NULL, 0, 0, 0},
    {"memory.swappiness", CONTROL_V1, show_u64, store_swappiness, NULL, 0, 0, MEMORY(swappiness)},
    {"memory.use_hierarchy", CONTROL_V1, show_one, store_hierarchy, NULL, 0, 0, 0},
    {"memory.oom_control", CONTROL_V1, show_oom_control, store_oom_control, NULL, 0, 0, 0},
    {"cgroup.event_control", CONTROL_V1, NULL, oom_listener_add, NULL, 0, 0, 0},
    {"memory.pressure_level", CONTROL_V1, refuse_read, NULL, NULL, 0, 0, 0},
    {"memory.force_empty", CONTROL_V1, NULL, store_ignored, NULL, 0, 0, 0},
    {"memory.move_charge_at_immigrate", CONTROL_V1, show_zero, store_zero, NULL, 0, 0, 0},
};
const struct control_table cgroup_memory_v1_table = {CG_MEMORY, "", v1_files, ARRAY_SIZE(v1_files)};
