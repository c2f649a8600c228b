/* SPDX-License-Identifier: Apache-2.0 */
/* The task object: what a process is made of, what fork copies and what a zombie has lost. */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/task.h"

#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"

struct task *task_new(struct world *world, struct task *parent)
{
    struct task *task = zalloc(sizeof(*task));

    task->refs = 1;
    task->world = world;
    task->parent = parent;
    task->exit_signal = SIGCHLD;
    list_init(&task->children);
    list_init(&task->sibling);
    list_init(&task->signal_queue);
    list_append(&world->tasks, &task->link);
    if (parent)
        list_append(&parent->children, &task->sibling);
    return task;
}

struct task *task_ref(struct task *task)
{
    task->refs++;
    return task;
}

void task_unref(struct task *task)
{
    if (--task->refs > 0)
        return;
    cred_done(&task->cred);
    pid_namespace_unref(task->pid_namespace);
    free(task);
}

void task_collect(struct task *task)
{
    task->state = TASK_DEAD;
    list_remove(&task->link);
    list_remove(&task->sibling);
    pid_release(task);
    cgroup_task_done(task);
    task->parent = NULL;
    task_unref(task);
}

/* ---- resources ---- */

void strings_free(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++)
        free(strings[i]);
    free(strings);
}

char **strings_copy(char *const *strings)
{
    size_t n = 0;
    while (strings && strings[n])
        n++;

    char **copy = calloc(n + 1, sizeof(*copy));
    if (!copy)
        abort();
    for (size_t i = 0; i < n; i++)
        copy[i] = strdup(strings[i]);
    return copy;
}

void task_set_name(struct task *task, const char *name)
{
    size_t len = strnlen(name, TASK_NAME_MAX - 1);

    memcpy(task->name, name, len);
    memset(task->name + len, 0, TASK_NAME_MAX - len);
}

/* Not inherited: pending signals, the death signal, the rest of a stop. */
void task_copy(struct task *child, const struct task *parent)
{
    memcpy(child->name, parent->name, sizeof(child->name));
    child->observed = parent->observed;
    child->pgid = parent->pgid;
    child->sid = parent->sid;
    memcpy(child->group_pids, parent->group_pids, sizeof(child->group_pids));
    namespaces_copy(&child->namespaces, &parent->namespaces);
    cred_copy(&child->cred, &parent->cred);
    descriptors_copy(&child->descriptors, &parent->descriptors);
    child->root = parent->root;
    child->cwd = parent->cwd;
    path_ref(&child->root);
    path_ref(&child->cwd);
    child->exe = parent->exe ? inode_ref(parent->exe) : NULL;
    child->exe_path = parent->exe_path;
    path_ref(&child->exe_path);
    child->argv = strings_copy(parent->argv);
    child->envp = strings_copy(parent->envp);
    child->umask = parent->umask;
    child->nice = parent->nice;
    memcpy(child->rlimits, parent->rlimits, sizeof(child->rlimits));
    child->oom_score_adj = parent->oom_score_adj;
    child->oom_score_adj_min = parent->oom_score_adj_min;
    child->dumpable = parent->dumpable;
    child->memory_user = user_namespace_ref(parent->memory_user);
    child->no_new_privs = parent->no_new_privs;
    child->seccomp = seccomp_filter_ref(parent->seccomp);
    child->tty = parent->tty ? file_ref(parent->tty) : NULL;
    child->signals_blocked = parent->signals_blocked;
    child->signals_ignored = parent->signals_ignored;
    child->signals_caught = parent->signals_caught;
    memcpy(child->handlers, parent->handlers, sizeof(child->handlers));
}

void task_drop_resources(struct task *task)
{
    descriptors_done(task);
    path_unref(&task->root);
    path_unref(&task->cwd);
    task->root = task->cwd = (struct path){.mount = NULL};
    namespaces_done(&task->namespaces);
    if (task->exe)
        inode_unref(task->exe);
    task->exe = NULL;
    path_unref(&task->exe_path);
    if (task->tty)
        file_unref(task->tty);
    task->tty = NULL;
    strings_free(task->argv);
    strings_free(task->envp);
    task->argv = task->envp = NULL;
    user_namespace_unref(task->memory_user);
    task->memory_user = NULL;
    seccomp_filter_unref(task->seccomp);
    task->seccomp = NULL;
    signals_done(task);
}

struct task *task_next(const struct world *world, const struct task *after)
{
    const struct list *link = after ? after->link.next : world->tasks.next;

    return link == &world->tasks ? NULL : CONTAINER_OF(link, struct task, link);
}
