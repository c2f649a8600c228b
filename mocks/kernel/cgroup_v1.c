/* SPDX-License-Identifier: Apache-2.0 */
/* Version 1: the files that every group has, and its own controllers for networks (cgroup-v1/cgroups.rst). */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

/* ---- members ---- */

/* The opener must be root, or the user of the process. */
static int check_owner(void *arg)
{
    const struct task *task = arg;
    uid_t euid = current() ? current()->cred.euid : 0;

    return euid == 0 || euid == task->cred.ruid || euid == task->cred.suid ? 0 : -EACCES;
}

static int store_member(struct control *control, char *text)
{
    struct group *group = control->group;
    struct task *task;

    int r = member_parse(control, text, &task);
    if (r == 0)
        r = control_as_opener(control, check_owner, task);
    bool moves = r == 0 && task->state < TASK_ZOMBIE && task_group(task, group->hierarchy) != group;
    if (moves && (group->hierarchy->controllers & CG_BIT(CG_CPUSET)))
        r = cpuset_may_attach(group);
    if (r == 0)
        group_move_task(group, task);
    return r;
}

/* ---- flags ---- */

static int store_flag(struct control *control, char *text)
{
    uint64_t value;

    int r = parse_u64(text, &value);
    if (r == 0)
        value_set(control, value ? "1" : "0");
    return r;
}

static int store_release_agent(struct control *control, char *text)
{
    if (current() && (current()->cred.user != control->group->hierarchy->world->user || !capable(CAP_SYS_ADMIN)))
        return -EPERM;
    value_set(control, text);
    return 0;
}

/* A new group begins with the flags of its parent. */
void v1_group_made(struct group *group)
{
    static const char *const flags[] = {"notify_on_release", "cgroup.clone_children"};

    if (group->hierarchy->version == 2 || !group->parent)
        return;
    FOR_ROWS (flag, flags)
        value_inherit(group, *flag);
}

static const struct control_file core_files[] = {
    {"cgroup.procs", CONTROL_V1, show_members, store_member, NULL, 0, 0, 0},
    {"tasks", CONTROL_V1, show_members, store_member, NULL, 0, 0, 0},
    {"cgroup.clone_children", CONTROL_V1, show_value, store_flag, "0", 0, 0, 0},
    {"notify_on_release", CONTROL_V1, show_value, store_flag, "0", 0, 0, 0},
    {"cgroup.sane_behavior", CONTROL_V1 | CONTROL_ONLY_ROOT, show_zero, NULL, NULL, 0, 0, 0},
    {"release_agent", CONTROL_V1 | CONTROL_ONLY_ROOT, show_value, store_release_agent, "", 0, 0, 0},
};
const struct control_table cgroup_v1_table = {CG_CORE, "", core_files, ARRAY_SIZE(core_files)};

/* ---- networks ---- */

static int store_classid(struct control *control, char *text)
{
    uint64_t value;
    char canonical[32];

    int r = parse_u64(text, &value);
    if (r < 0)
        return r;
    snprintf(canonical, sizeof(canonical), "%u", (unsigned int)value);
    value_set(control, canonical);
    return 0;
}

static const struct control_file net_cls_files[] = {
    {"net_cls.classid", CONTROL_V1, show_value, store_classid, "0", 0, 0, 0},
};
const struct control_table cgroup_net_cls_table = {CG_NET_CLS, "net_cls.", net_cls_files, ARRAY_SIZE(net_cls_files)};

/* "INTERFACE PRIORITY": the mock's only interface is lo. */
static int store_priority(struct control *control, char *text)
{
    unsigned int priority;
    char name[17];

    if (sscanf(text, "%16s %u", name, &priority) != 2)
        return -EINVAL;
    if (strcmp(name, "lo") != 0)
        return -ENODEV;
    snprintf(text, strlen(text) + 1, "lo %u", priority);
    value_set(control, text);
    return 0;
}

static int show_index(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "1\n");
}

static const struct control_file net_prio_files[] = {
    {"net_prio.prioidx", CONTROL_V1, show_index, NULL, NULL, 0, 0, 0},
    {"net_prio.ifpriomap", CONTROL_V1, show_value, store_priority, "lo 0", 0, 0, 0},
};
const struct control_table cgroup_net_prio_table = {CG_NET_PRIO, "net_prio.", net_prio_files, ARRAY_SIZE(net_prio_files)};
