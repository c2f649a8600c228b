/* SPDX-License-Identifier: Apache-2.0 */
/* Process numbers and the namespaces that give them (pid_namespaces(7)). A task has one number in the namespace it was born in
 * and one in every namespace above. */
#include <errno.h>
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"

#define PID_LIMIT 32768  /* /proc/sys/kernel/pid_max */
#define PID_RESERVED 300 /* numbers below are not given out a second time */
#define LEVELS (sizeof(((struct task *)NULL)->pids) / sizeof(int))

struct pid_namespace *pid_namespace_new(struct world *world, struct pid_namespace *parent, struct user_namespace *owner)
{
    struct pid_namespace *namespace = zalloc(sizeof(*namespace));

    namespace->parent = parent ? pid_namespace_ref(parent) : NULL;
    namespace->owner = user_namespace_ref(owner);
    namespace->level = parent ? parent->level + 1 : 0;
    namespace->inum = world->next_inum++;
    namespace->refs = 1;
    if (namespace->level >= LEVELS)
        unsupported("pid namespaces nested deeper than %zu", LEVELS - 1);
    return namespace;
}

struct pid_namespace *pid_namespace_ref(struct pid_namespace *namespace)
{
    namespace->refs++;
    return namespace;
}

void pid_namespace_unref(struct pid_namespace *namespace)
{
    if (!namespace || --namespace->refs > 0)
        return;
    pid_namespace_unref(namespace->parent);
    user_namespace_unref(namespace->owner);
    free(namespace);
}

/* ---- numbers ---- */

int task_pid_in(const struct task *task, const struct pid_namespace *namespace)
{
    const struct pid_namespace *of_task = task->pid_namespace;

    while (of_task && of_task->level > namespace->level)
        of_task = of_task->parent;
    return of_task == namespace ? task->pids[namespace->level] : 0;
}

struct task *pid_find(const struct world *world, const struct pid_namespace *namespace, int pid)
{
    struct task *task;

    LIST_FOREACH (task, &world->tasks, link) {
        if (pid > 0 && task->pid_namespace && task_pid_in(task, namespace) == pid)
            return task;
    }
    return NULL;
}

struct task *task_find(int pid)
{
    struct task *self = current();

    return pid_find(self->world, self->pid_namespace, pid);
}

bool is_in_group(const struct task *task, int group)
{
    const struct pid_namespace *namespace = current()->pid_namespace;

    if (!task->pid_namespace || task_pid_in(task, namespace) == 0)
        return false;
    return group == 0 ? task->pgid == current()->pgid : task->group_pids[namespace->level] == group;
}

static int next_number(const struct world *world, struct pid_namespace *namespace)
{
    int pid = namespace->last_pid;

    for (int tries = 0; tries < PID_LIMIT; tries++) {
        if (++pid >= PID_LIMIT) {
            pid = PID_RESERVED;
            namespace->wrapped = true;
        }
        if (!namespace->wrapped || !pid_find(world, namespace, pid)) {
            namespace->last_pid = pid;
            return pid;
        }
    }
    return -EAGAIN;
}

int pid_allocate(struct task *task, struct pid_namespace *namespace)
{
    if (namespace->dead)
        return -ENOMEM;

    for (struct pid_namespace *at = namespace; at; at = at->parent) {
        int pid = next_number(task->world, at);
        if (pid < 0)
            return pid;
        task->pids[at->level] = pid;
    }
    for (struct pid_namespace *at = namespace; at; at = at->parent)
        at->n_tasks++;
    task->pid_namespace = pid_namespace_ref(namespace);
    if (!namespace->init)
    namespace->init = task;
    return 0;
}

void pid_release(struct task *task)
{
    for (struct pid_namespace *at = task->pid_namespace; at; at = at->parent)
        at->n_tasks--;
    if (task->pid_namespace && task->pid_namespace->init == task) {
        task->pid_namespace->init = NULL;
        task->pid_namespace->dead = true;
    }
}

void pid_namespace_kill(struct pid_namespace *namespace, struct task *init)
{
    struct task *task;

    namespace->dead = true;
    LIST_FOREACH (task, &init->world->tasks, link) {
        if (task != init && task->pid_namespace && task_pid_in(task, namespace) > 0 && task->state < TASK_ZOMBIE)
            task_signal_info(task, &(siginfo_t){.si_signo = SIGKILL, .si_code = SI_KERNEL});
    }
}
