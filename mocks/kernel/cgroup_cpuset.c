/* SPDX-License-Identifier: Apache-2.0 */
/* The cpuset controller: which CPUs and memory nodes a group may use (cpuset(7), cgroup-v2.rst "Cpuset"). Version 1 groups
 * begin empty and take no process before they have both; version 2 groups without a list use what their parent has. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

/* ---- lists: "0-3,5" ---- */

#define LIST_MAX 1024 /* memory nodes that the kernel can number */

/* As many bits as a test needs: numbers beyond 63 parse, but no machine here has them. */
static int list_parse(const char *text, unsigned int limit, uint64_t *ret_mask)
{
    uint64_t mask = 0;
    bool beyond = false;

    while (*text) {
        char *end;
        if (strspn(text, "0123456789") == 0)
            return -EINVAL;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (*end == '-') {
            if (strspn(end + 1, "0123456789") == 0)
                return -EINVAL;
            last = strtoul(end + 1, &end, 10);
        }
        if (last < first)
            return -EINVAL;
        if (last >= limit)
            return -ERANGE;
        for (unsigned long i = first; i <= last; i++) {
            beyond |= i > 63;
            mask |= i > 63 ? 0 : 1ULL << i;
        }
        if (*end && *end != ',')
            return -EINVAL;
        text = end + (*end == ',');
    }
    *ret_mask = mask;
    return beyond ? -EINVAL : 0;
}

static void list_format(uint64_t mask, char text[256])
{
    char *p = text;

    *p = '\0';
    for (unsigned int i = 0; i < 64; i++) {
        unsigned int last = i;
        if (!(mask >> i & 1))
            continue;
        while (last < 63 && (mask >> (last + 1) & 1))
            last++;
        p += sprintf(p, last > i ? "%s%u-%u" : "%s%u", p > text ? "," : "", i, last);
        i = last;
    }
}

/* ---- what a group has ---- */

static const char *const names[] = {"cpuset.cpus", "cpuset.mems"};

/* 0: CPUs, 1: memory nodes */
static unsigned int kind_of(const struct control *control)
{
    return strncmp(control->file->name, "cpuset.mems", strlen("cpuset.mems")) == 0 ||
           strcmp(control->file->name, "cpuset.effective_mems") == 0;
}

static uint64_t machine_mask(const struct group *group, unsigned int kind)
{
    unsigned int cpus = group->hierarchy->world->options.cpus ? group->hierarchy->world->options.cpus : 2;
    return kind == 1 ? 1 : cpus > 63 ? UINT64_MAX : (1ULL << cpus) - 1;
}

static uint64_t own_mask(const struct group *group, unsigned int kind)
{
    uint64_t mask = 0;

    if (!group->parent)
        return machine_mask(group, kind);
    (void)list_parse(value_get(group, names[kind]), LIST_MAX, &mask);
    return mask;
}

/* Version 2: what is left of the parent's, or all of that. */
static uint64_t effective_mask(const struct group *group, unsigned int kind)
{
    if (!group->parent || group->hierarchy->version == 1)
        return own_mask(group, kind);
    uint64_t above = effective_mask(group->parent, kind);
    uint64_t mask = own_mask(group, kind) & above;
    return mask ? mask : above;
}

int cpuset_may_attach(struct group *group)
{
    return own_mask(group, 0) && own_mask(group, 1) ? 0 : -ENOSPC;
}

/* cgroup.clone_children: a new version 1 group begins with what its parent has. */
void cpuset_group_made(struct group *group)
{
    if (group->hierarchy->version == 2 || !group->parent || !(group->hierarchy->controllers & CG_BIT(CG_CPUSET)))
        return;
    if (strcmp(value_get(group->parent, "cgroup.clone_children"), "1") != 0)
        return;
    value_inherit(group, names[0]);
    value_inherit(group, names[1]);
}

/* ---- files ---- */

/* Version 1: a subset of the parent's (-EACCES) and a superset of each child's (-EBUSY); with processes not empty (-ENOSPC). */
static int check_v1(const struct group *group, unsigned int kind, uint64_t mask)
{
    struct group *child;

    LIST_FOREACH (child, &group->children, sibling) {
        if (own_mask(child, kind) & ~mask)
            return -EBUSY;
    }
    if (mask & ~own_mask(group->parent, kind))
        return -EACCES;
    return group->n_tasks > 0 && mask == 0 && own_mask(group, kind) ? -ENOSPC : 0;
}

static int store_list(struct control *control, char *text)
{
    struct group *group = control->group;
    unsigned int kind = kind_of(control);
    uint64_t machine = machine_mask(group, kind), mask;
    char canonical[256];

    if (!group->parent)
        return -EACCES;
    unsigned int limit = kind == 1                               ? LIST_MAX
                         : group->hierarchy->world->options.cpus ? group->hierarchy->world->options.cpus
                                                                 : 2;
    int r = list_parse(text, limit, &mask);
    if (r < 0)
        return r;
    if (mask & ~machine)
        return -EINVAL;
    r = group->hierarchy->version == 1 ? check_v1(group, kind, mask) : 0;
    if (r < 0)
        return r;
    list_format(mask, canonical);
    value_set(control, canonical);
    return 0;
}

static int show_list(struct control *control, struct buf *out)
{
    char text[256];

    list_format(own_mask(control->group, kind_of(control)), text);
    return buf_printf(out, "%s\n", text);
}

static int show_effective(struct control *control, struct buf *out)
{
    char text[256];

    list_format(effective_mask(control->group, kind_of(control)), text);
    return buf_printf(out, "%s\n", text);
}

static int store_switch(struct control *control, char *text)
{
    uint64_t value;

    int r = parse_u64(text, &value);
    if (r == 0)
        value_set(control, value ? "1" : "0");
    return r;
}

static int store_partition(struct control *control, char *text)
{
    if (strcmp(text, "member") == 0)
        return 0;
    if (strcmp(text, "root") != 0 && strcmp(text, "isolated") != 0)
        return -EINVAL;
    unsupported("write '%s' to %s", text, control->file->name);
}

#define V1 CONTROL_V1
#define V2 (CONTROL_V2 | CONTROL_NO_ROOT)

static const struct control_file files[] = {
    {"cpuset.cpus", V1 | V2, show_list, store_list, "", 0, 0, 0},
    {"cpuset.mems", V1 | V2, show_list, store_list, "", 0, 0, 0},
    {"cpuset.cpus", V1 | CONTROL_ONLY_ROOT, show_list, store_list, "", 0, 0, 0},
    {"cpuset.mems", V1 | CONTROL_ONLY_ROOT, show_list, store_list, "", 0, 0, 0},
    {"cpuset.cpus.effective", CONTROL_V2, show_effective, NULL, NULL, 0, 0, 0},
    {"cpuset.mems.effective", CONTROL_V2, show_effective, NULL, NULL, 0, 0, 0},
    {"cpuset.cpus.partition", V2, show_value, store_partition, "member", 0, 0, 0},
    {"cpuset.effective_cpus", V1, show_effective, NULL, NULL, 0, 0, 0},
    {"cpuset.effective_mems", V1, show_effective, NULL, NULL, 0, 0, 0},
    {"cpuset.cpu_exclusive", V1, show_value, store_switch, "0", 0, 0, 0},
    {"cpuset.mem_exclusive", V1, show_value, store_switch, "0", 0, 0, 0},
    {"cpuset.mem_hardwall", V1, show_value, store_switch, "0", 0, 0, 0},
    {"cpuset.memory_migrate", V1, show_value, store_switch, "0", 0, 0, 0},
    {"cpuset.memory_pressure", V1, show_zero, NULL, NULL, 0, 0, 0},
    {"cpuset.memory_spread_page", V1, show_value, store_switch, "0", 0, 0, 0},
    {"cpuset.memory_spread_slab", V1, show_value, store_switch, "0", 0, 0, 0},
    {"cpuset.sched_load_balance", V1, show_value, store_switch, "1", 0, 0, 0},
    {"cpuset.sched_relax_domain_level", V1, show_value, store_number, "-1", (uint64_t)-1, 5, 0},
};
const struct control_table cgroup_cpuset_table = {CG_CPUSET, "cpuset.", files, ARRAY_SIZE(files)};
