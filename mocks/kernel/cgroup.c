/* SPDX-License-Identifier: Apache-2.0 */
/* Hierarchies, groups and the tasks in them (cgroups(7)). */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mocks/kernel/world.h"

const struct controller_info cgroup_controller_info[CG_CONTROLLERS] = {
    [CG_CPUSET] = {"cpuset", "cpuset"},
    [CG_CPU] = {"cpu", "cpu"},
    [CG_CPUACCT] = {"cpuacct", NULL},
    [CG_IO] = {"blkio", "io"},
    [CG_MEMORY] = {"memory", "memory"},
    [CG_DEVICES] = {"devices", NULL},
    [CG_FREEZER] = {"freezer", NULL},
    [CG_NET_CLS] = {"net_cls", NULL},
    [CG_PERF_EVENT] = {"perf_event", "perf_event"},
    [CG_NET_PRIO] = {"net_prio", NULL},
    [CG_HUGETLB] = {"hugetlb", "hugetlb"},
    [CG_PIDS] = {"pids", "pids"},
};

struct cgroups *world_cgroups(const struct world *world)
{
    return world->cgroups;
}

/* ---- groups ---- */

struct group *group_ref(struct group *group)
{
    group->refs++;
    return group;
}

void group_unref(struct group *group)
{
    while (group && --group->refs == 0) {
        struct group *parent = group->parent;
        values_free(group);
        group_detach_programs(group);
        free(group->devices);
        free(group->name);
        free(group);
        group = parent;
    }
}

struct group *group_new(struct hierarchy *hierarchy, struct group *parent, const char *name)
{
    struct group *group = zalloc(sizeof(*group));

    group->hierarchy = hierarchy;
    group->name = strdup(name);
    group->max_descendants = group->max_depth = UINT64_MAX;
    group->refs = 1;
    list_init(&group->children);
    list_init(&group->sibling);
    list_init(&group->controls);
    list_init(&group->values);
    list_init(&group->device_programs);
    list_init(&group->oom_listeners);
    if (parent) {
        group->parent = group_ref(parent);
        list_append(&parent->children, &group->sibling);
        hierarchy->n_groups++;
        for (struct group *above = parent; above; above = above->parent)
            above->n_descendants++;
    }
    memory_reset(group);
    pids_reset(group);
    v1_group_made(group);
    cpuset_group_made(group);
    devices_group_made(group);
    group->frozen = group_is_freezing(group);
    return group;
}

bool group_is_below(const struct group *group, const struct group *ancestor)
{
    while (group && group != ancestor)
        group = group->parent;
    return group;
}

struct group *group_next(const struct group *top, struct group *group)
{
    if (!list_is_empty(&group->children))
        return CONTAINER_OF(group->children.next, struct group, sibling);
    while (group != top && group->sibling.next == &group->parent->children)
        group = group->parent;
    return group == top ? NULL : CONTAINER_OF(group->sibling.next, struct group, sibling);
}

bool group_is_populated(const struct group *group)
{
    return group->n_tasks > 0 || group->n_populated > 0;
}

uint32_t group_controllers(const struct group *group)
{
    uint32_t controllers = group->hierarchy->controllers;

    if (group->hierarchy->version == 1)
        return controllers;
    controllers &= ~CG_IMPLICIT;
    return group->parent ? group->parent->subtree_control & controllers : controllers;
}

/* A change of n_tasks between none and some shows in cgroup.events up to the root. */
static void change_tasks(struct group *group, int by)
{
    bool before = group_is_populated(group);

    group->n_tasks = (unsigned int)((int)group->n_tasks + by);
    for (; group->parent && group_is_populated(group) != before; group = group->parent) {
        bool parent_before = group_is_populated(group->parent);
        int step = before ? -1 : 1;
        control_notify_name(group, "cgroup.events");
        group->parent->n_populated = (unsigned int)((int)group->parent->n_populated + step);
        if (!group->threaded)
            group->parent->n_populated_domains = (unsigned int)((int)group->parent->n_populated_domains + step);
        if (group_is_populated(group->parent) == parent_before)
            return;
    }
}

int group_may_have_child(const struct group *parent)
{
    uint64_t depth = 1;

    for (const struct group *at = parent; at; at = at->parent, depth++) {
        if (at->n_descendants >= at->max_descendants || depth > at->max_depth)
            return -EAGAIN;
    }
    return 0;
}

int group_may_remove(const struct group *group)
{
    return group_is_populated(group) || !list_is_empty(&group->children) ? -EBUSY : 0;
}

void group_remove(struct group *group)
{
    struct hierarchy *hierarchy = group->hierarchy;

    group->dead = true;
    group->inode = NULL;
    oom_listeners_drop(group);
    controls_drop(group);
    list_remove(&group->sibling);
    for (struct group *above = group->parent; above; above = above->parent)
        above->n_descendants--;
    freezer_task_left(group->parent);
    hierarchy->n_groups--;
    group_unref(group);
}

/* ---- paths ---- */

static void append_path(const struct group *group, const struct group *root, struct buf *out)
{
    if (group == root)
        return;
    append_path(group->parent, root, out);
    buf_printf(out, "/%s", group->name);
}

void group_path(const struct group *group, const struct group *root, struct buf *out)
{
    const struct group *common = root;
    size_t before = out->len;

    for (; !group_is_below(group, common); common = common->parent)
        buf_append_str(out, "/..");
    append_path(group, common, out);
    if (out->len == before)
        buf_append_str(out, "/");
}

/* ---- sets ---- */

struct cgroup_set *cgroup_set_ref(struct cgroup_set *set)
{
    if (set)
        set->refs++;
    return set;
}

void cgroup_set_unref(struct cgroup_set *set)
{
    if (!set || --set->refs > 0)
        return;
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
        group_unref(set->groups[i]);
    free(set);
}

static struct cgroup_set *set_copy(const struct cgroup_set *from)
{
    struct cgroup_set *set = zalloc(sizeof(*set));

    for (size_t i = 0; from && i < CGROUP_HIERARCHIES; i++)
        set->groups[i] = from->groups[i] ? group_ref(from->groups[i]) : NULL;
    set->refs = 1;
    return set;
}

static struct group *set_group(const struct cgroup_set *set, const struct hierarchy *hierarchy)
{
    return set && set->groups[hierarchy->slot] ? set->groups[hierarchy->slot] : hierarchy->root;
}

struct group *task_group(const struct task *task, const struct hierarchy *hierarchy)
{
    return set_group(task->cgroups, hierarchy);
}

struct group *namespace_group(const struct simple_namespace *namespace, struct hierarchy *hierarchy)
{
    return set_group(namespace ? namespace->data : NULL, hierarchy);
}

struct hierarchy *controller_hierarchy(const struct cgroups *cgroups, enum cgroup_controller controller)
{
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        if (cgroups->hierarchies[i] && (cgroups->hierarchies[i]->controllers & CG_BIT(controller)))
            return cgroups->hierarchies[i];
    }
    return NULL;
}

struct group *group_with(struct group *group, enum cgroup_controller controller)
{
    while (group->parent && !(group_controllers(group) & CG_BIT(controller)))
        group = group->parent;
    return group;
}

struct group *task_controller_group(const struct task *task, enum cgroup_controller controller)
{
    struct hierarchy *hierarchy = controller_hierarchy(world_cgroups(task->world), controller);
    return hierarchy ? group_with(task_group(task, hierarchy), controller) : NULL;
}

/* ---- tasks ---- */

static bool is_alive(const struct task *task)
{
    return task->state < TASK_ZOMBIE;
}

void group_count_tasks(struct group *root)
{
    const struct task *task = NULL;

    while ((task = task_next(root->hierarchy->world, task)))
        root->n_tasks += is_alive(task);
}

void group_move_task(struct group *to, struct task *task)
{
    struct group *from = group_ref(task_group(task, to->hierarchy));
    struct cgroup_set *set;

    /* A zombie is nobody's member: its move changes nothing. */
    if (from != to && is_alive(task)) {
        pids_task_comes(from, to);
        set = set_copy(task->cgroups);
        group_unref(set->groups[to->hierarchy->slot]);
        set->groups[to->hierarchy->slot] = to->parent ? group_ref(to) : NULL;
        cgroup_set_unref(task->cgroups);
        task->cgroups = set;
        change_tasks(to, 1);
        freezer_task_came(to, task);
        change_tasks(from, -1);
        freezer_task_left(from);
    }
    group_unref(from);
}

/* The directory that clone3(2) with CLONE_INTO_CGROUP names. */
static int fork_target(const struct task *parent, int cgroup_fd, const struct simple_namespace *viewer,
                       struct group **ret_group)
{
    struct world *world = parent->world;
    struct group *from = task_group(parent, world_cgroups(world)->hierarchies[0]);

    *ret_group = from;
    if (cgroup_fd == -1)
        return 0;
    const struct file *file = fd_get(current(), cgroup_fd);
    struct group *to = file ? inode_group(file->inode) : NULL;
    if (!to)
        return -EBADF;
    if (to->dead)
        return -ENOENT;
    if (to->hierarchy->version != 2)
        return -EBADF;
    int r = inode_permission(group_procs_inode(to), W_OK);
    if (r == 0)
        r = group_v2_may_write(from, to, viewer);
    if (r == 0)
        r = group_v2_may_enter(from, to, true);
    *ret_group = to;
    return r;
}

static void enter_all(struct task *child)
{
    const struct cgroups *cgroups = world_cgroups(child->world);

    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        if (!cgroups->hierarchies[i])
            continue;
        struct group *group = task_group(child, cgroups->hierarchies[i]);
        change_tasks(group, 1);
        freezer_task_came(group, child);
    }
}

int cgroup_task_fork(struct task *child, const struct task *parent, int cgroup_fd, const struct simple_namespace *viewer)
{
    struct cgroups *cgroups = world_cgroups(child->world);
    struct group *into = cgroups->hierarchies[0]->root;

    int r = parent ? fork_target(parent, cgroup_fd, viewer, &into) : 0;
    if (r < 0)
        return r;
    struct cgroup_set *set = set_copy(parent ? parent->cgroups : NULL);
    group_unref(set->groups[0]);
    set->groups[0] = into->parent ? group_ref(into) : NULL;
    child->cgroups = set;

    struct hierarchy *pids = controller_hierarchy(cgroups, CG_PIDS);
    r = pids ? pids_fork(task_group(child, pids)) : 0;
    if (r < 0) {
        cgroup_set_unref(set);
        child->cgroups = NULL;
        return r;
    }
    child->frozen = child->frozen_hard = false;
    enter_all(child);
    return 0;
}

void cgroup_task_born(struct task *child, const struct task *parent)
{
    const struct hierarchy *v2 = world_cgroups(child->world)->hierarchies[0];

    if (task_group(child, v2)->kills != task_group(parent, v2)->kills)
        task_signal(child, SIGKILL);
}

void cgroup_task_exit(struct task *task)
{
    const struct cgroups *cgroups = world_cgroups(task->world);

    memory_task_done(task);
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        if (!cgroups->hierarchies[i])
            continue;
        struct group *group = task_group(task, cgroups->hierarchies[i]);
        change_tasks(group, -1);
        freezer_task_left(group);
    }
    task->frozen = task->frozen_hard = false;
}

void cgroup_task_done(struct task *task)
{
    cgroup_set_unref(task->cgroups);
    task->cgroups = NULL;
}

/* ---- /proc ---- */

static void show_controllers(const struct hierarchy *hierarchy, struct buf *out)
{
    const char *separator = "";

    for (size_t i = 0; hierarchy->version == 1 && i < CG_CONTROLLERS; i++) {
        if (!(hierarchy->controllers & CG_BIT(i)))
            continue;
        buf_printf(out, "%s%s", separator, cgroup_controller_info[i].v1);
        separator = ",";
    }
    if (hierarchy->name[0])
        buf_printf(out, "%sname=%s", separator, hierarchy->name);
}

static void show_membership(const struct task *viewer, const struct task *task, struct hierarchy *hierarchy, struct buf *out)
{
    struct group *group = task_group(task, hierarchy);

    buf_printf(out, "%d:", hierarchy->id);
    show_controllers(hierarchy, out);
    buf_append_str(out, ":");
    if (hierarchy->version == 1 && !is_alive(task))
        buf_append_str(out, "/");
    else
        group_path(group, namespace_group(viewer ? viewer->namespaces.cgroup : NULL, hierarchy), out);
    if (hierarchy->version == 2 && group->dead)
        buf_append_str(out, " (deleted)");
    buf_append_str(out, "\n");
}

/* Newest hierarchy first, version 2 last. */
void cgroup_show_task(const struct task *viewer, const struct task *task, struct buf *out)
{
    const struct cgroups *cgroups = world_cgroups(task->world);

    for (unsigned int made = cgroups->made; made > 0; made--) {
        for (size_t i = 1; i < CGROUP_HIERARCHIES; i++) {
            if (cgroups->hierarchies[i] && cgroups->hierarchies[i]->made == made)
                show_membership(viewer, task, cgroups->hierarchies[i], out);
        }
    }
    if (cgroups->hierarchies[0]->visible)
        show_membership(viewer, task, cgroups->hierarchies[0], out);
}

void cgroup_show_controllers(const struct world *world, struct buf *out)
{
    buf_append_str(out, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
    for (size_t i = 0; i < CG_CONTROLLERS; i++) {
        const struct hierarchy *hierarchy = controller_hierarchy(world_cgroups(world), (enum cgroup_controller)i);
        if (!hierarchy) /* version 2 knows it without having it: freezer, devices, ... */
            hierarchy = world_cgroups(world)->hierarchies[0];
        buf_printf(out, "%s\t%d\t%u\t1\n", cgroup_controller_info[i].v1, hierarchy->id, hierarchy->n_groups + 1);
    }
}

/* ---- the world ---- */

void cgroups_new(struct world *world)
{
    struct cgroups *cgroups = zalloc(sizeof(*cgroups));
    struct hierarchy *unified = zalloc(sizeof(*unified));

    cgroups->world = world;
    cgroups->next_id = 1;
    world->cgroups = cgroups;
    *unified = (struct hierarchy){.world = world, .version = 2, .controllers = CG_ALL, .visible = false};
    cgroups->hierarchies[0] = unified;
    unified->root = group_new(unified, NULL, "");
}

static void drop_groups(struct group *root)
{
    while (!list_is_empty(&root->children)) {
        struct group *leaf = CONTAINER_OF(root->children.next, struct group, sibling);
        while (!list_is_empty(&leaf->children))
            leaf = CONTAINER_OF(leaf->children.next, struct group, sibling);
        group_remove(leaf);
    }
    oom_listeners_drop(root);
    controls_drop(root);
}

/* Tasks and mounts are gone already. */
void cgroups_free(struct world *world)
{
    struct cgroups *cgroups = world_cgroups(world);

    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        struct hierarchy *hierarchy = cgroups->hierarchies[i];
        if (!hierarchy)
            continue;
        drop_groups(hierarchy->root);
        if (hierarchy->super && (hierarchy->version == 2 || hierarchy->super_held)) {
            hierarchy->super->release = NULL;
            super_unref(hierarchy->super);
        }
        group_unref(hierarchy->root);
        free(hierarchy);
    }
    free(cgroups);
    world->cgroups = NULL;
}

static void snapshot_tasks(const struct world *world, const struct group *group, struct buf *out)
{
    const struct task *task = NULL;

    while ((task = task_next(world, task))) {
        if (is_alive(task) && task_group(task, group->hierarchy) == group)
            buf_printf(out, " %d", task->pids[0]);
    }
}

/* What differs from a fresh group. */
static void snapshot_state(const struct group *group, struct buf *out)
{
    if (group->freeze)
        buf_append_str(out, " freeze");
    if (group->threaded)
        buf_append_str(out, " threaded");
    if (group->subtree_control)
        buf_printf(out, " subtree_control=%x", group->subtree_control);
    if (group->memory.max != BYTES_UNLIMITED)
        buf_printf(out, " memory=%" PRIu64, group->memory.max);
    if (group->pids.max != UINT64_MAX)
        buf_printf(out, " pids=%" PRIu64, group->pids.max);
    values_snapshot(group, out);
}

static void snapshot_hierarchy(const struct hierarchy *hierarchy, struct buf *out)
{
    for (struct group *group = group_next(hierarchy->root, hierarchy->root); group;
         group = group_next(hierarchy->root, group)) {
        buf_append_str(out, "cgroup ");
        show_controllers(hierarchy, out);
        buf_append_str(out, ":");
        group_path(group, hierarchy->root, out);
        snapshot_tasks(hierarchy->world, group, out);
        snapshot_state(group, out);
        buf_append_str(out, "\n");
    }
}

void cgroups_snapshot(const struct world *world, struct buf *out)
{
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        if (world_cgroups(world)->hierarchies[i])
            snapshot_hierarchy(world_cgroups(world)->hierarchies[i], out);
    }
}
