/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory: whom the kernel kills in a group, and who is told (proc(5), oom_score_adj; cgroup-v1/memory.rst, "OOM
 * Control"). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/eventfd.h"
#include "mocks/kernel/world.h"

/* ---- the victim ---- */

#define OOM_SCORE_NEVER (-1000)

static struct group *memory_group(const struct task *task)
{
    return task_controller_group(task, CG_MEMORY);
}

static bool is_killed(const struct task *task)
{
    return task->state < TASK_ZOMBIE && (task->signals_pending & SIGNAL_BIT(SIGKILL));
}

bool oom_victim_is_dying(const struct group *group)
{
    const struct task *task = NULL;

    while ((task = task_next(group->hierarchy->world, task))) {
        if (is_killed(task) && group_is_below(memory_group(task), group))
            return true;
    }
    return false;
}

/* Pages in use, moved by oom_score_adj thousandths of what there is. */
static int64_t badness(const struct task *task, uint64_t total_bytes)
{
    int64_t points = (int64_t)(task->memory_bytes / PAGE_BYTES);
    return points + task->oom_score_adj * (int64_t)(total_bytes / PAGE_BYTES) / 1000;
}

static struct task *choose_victim(const struct group *group)
{
    struct world *world = group->hierarchy->world;
    uint64_t machine = world->options.memory_bytes ? world->options.memory_bytes : 1ULL << 30;
    uint64_t total = group->memory.max < machine ? group->memory.max : machine;
    struct task *task = NULL, *chosen = NULL;
    int64_t worst = INT64_MIN;

    while ((task = task_next(world, task))) {
        if (task->state >= TASK_ZOMBIE || task->oom_score_adj == OOM_SCORE_NEVER || task == world->init)
            continue;
        if (!group_is_below(memory_group(task), group) || badness(task, total) < worst)
            continue;
        worst = badness(task, total);
        chosen = task;
    }
    return chosen;
}

/* The kernel's own SIGKILL reaches even the init of a pid namespace, and what a freezer holds. */
static void kill_victim(struct task *victim)
{
    memory_event(memory_group(victim), MEMORY_OOM_KILL);
    victim->frozen_hard = false;
    task_signal_info(victim, &(const siginfo_t){.si_signo = SIGKILL, .si_code = SI_KERNEL});
}

/* The highest group up to the one that is out of memory that wants to die as a whole. */
static struct group *doomed_group(struct group *group, const struct group *top)
{
    struct group *doomed = NULL;

    for (; group; group = group->parent) {
        if (group->memory.oom_group)
            doomed = group;
        if (group == top)
            break;
    }
    return doomed;
}

bool oom_kill_in(struct group *group)
{
    struct task *victim = choose_victim(group), *task = NULL;

    if (!victim)
        return false;
    struct group *doomed = doomed_group(memory_group(victim), group);
    kill_victim(victim);
    if (!doomed)
        return true;
    memory_event(doomed, MEMORY_OOM_GROUP_KILL);
    while ((task = task_next(group->hierarchy->world, task))) {
        bool spared = task == victim || task->state >= TASK_ZOMBIE || task->oom_score_adj == OOM_SCORE_NEVER;
        if (!spared && group_is_below(memory_group(task), doomed))
            kill_victim(task);
    }
    return true;
}

/* ---- cgroup.event_control ---- */

struct listener {
    struct list link;
    struct file *event; /* eventfd, referenced */
    bool oom;           /* of memory.oom_control; the other files of memory have events that never happen here */
};

/* Memory files that have events; others are refused. */
static int event_file(const char *name, bool *ret_oom)
{
    static const char *const silent[] = {"memory.usage_in_bytes", "memory.memsw.usage_in_bytes", "memory.pressure_level"};

    *ret_oom = strcmp(name, "memory.oom_control") == 0;
    if (*ret_oom)
        return 0;
    FOR_ROWS (known, silent) {
        if (strcmp(name, *known) == 0)
            return 0;
    }
    return -EINVAL;
}

static int parse_descriptors(const char *text, int *ret_event, int *ret_control)
{
    char *end;

    *ret_event = (int)strtoul(text, &end, 10);
    if (*end != ' ')
        return -EINVAL;
    *ret_control = (int)strtoul(end + 1, &end, 10);
    return *end == ' ' || *end == '\0' ? 0 : -EINVAL;
}

static struct file *usable(int fd)
{
    struct file *file = fd_get(current(), fd);
    return file && !(file->flags & O_PATH) ? file : NULL;
}

int oom_listener_add(struct control *control, char *text)
{
    struct group *group = control->group;
    int event_fd, control_fd;
    bool oom;

    int r = parse_descriptors(text, &event_fd, &control_fd);
    if (r < 0)
        return r;
    struct file *event = usable(event_fd);
    if (!event)
        return -EBADF;
    if (!eventfd_is(event))
        return -EINVAL;
    struct file *file = usable(control_fd);
    if (!file)
        return -EBADF;
    r = inode_permission(file->inode, R_OK);
    if (r < 0)
        return r;
    const struct control *source = control_of(file->inode);
    if (!source || source->group->hierarchy->version != 1)
        return -EINVAL;
    r = event_file(source->file->name, &oom);
    if (r < 0 || source->group != group)
        return -EINVAL;

    struct listener *listener = zalloc(sizeof(*listener));
    listener->event = file_ref(event);
    listener->oom = oom;
    list_append(&group->oom_listeners, &listener->link);
    if (oom && group->memory.under_oom)
        eventfd_signal(event);
    return 0;
}

static void listener_free(struct listener *listener)
{
    list_remove(&listener->link);
    file_unref(listener->event);
    free(listener);
}

void oom_notify(struct group *group)
{
    struct listener *listener;

    for (struct group *at = group; at; at = group_next(group, at)) {
        LIST_FOREACH (listener, &at->oom_listeners, link) {
            if (listener->event->refs == 1) /* nobody else has it open any more */
                listener_free(listener);
            else if (listener->oom)
                eventfd_signal(listener->event);
        }
    }
}

void oom_listeners_drop(struct group *group)
{
    struct listener *listener;

    LIST_FOREACH (listener, &group->oom_listeners, link) {
        eventfd_signal(listener->event);
        listener_free(listener);
    }
}
