/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a process (_exit(2), pid_namespaces(7)): resources go at once, children find a new parent, the parent is told, and
 * a zombie keeps the status until somebody collects it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/tty_session.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

/* ---- orphans ---- */

/* The nearest living ancestor that calls itself a subreaper, within the same pid namespace, or that namespace's init. */
static struct task *new_parent(const struct task *dying, const struct task *child)
{
    struct task *init = child->pid_namespace->init;

    for (struct task *at = dying->parent; at && at->pid_namespace == child->pid_namespace; at = at->parent) {
        if (at->subreaper && at->state < TASK_ZOMBIE && !task_run(at)->leaving)
            return at;
        if (at == init)
            break;
    }
    return init;
}

static void tell_parent(struct task *task);

static void reparent(struct task *dying)
{
    struct task *child;

    LIST_FOREACH (child, &dying->children, sibling) {
        struct task *parent = new_parent(dying, child);
        if (!parent || parent == child)
            parent = dying->world->init;
        if (parent == dying) /* the init itself: it collects them while it ends */
            continue;
        list_remove(&child->sibling);
        child->parent = parent;
        if (parent)
            list_append(&parent->children, &child->sibling);
        child->exit_signal = SIGCHLD;
        if (child->death_signal)
            task_signal(child, child->death_signal);
        if (child->state == TASK_ZOMBIE)
            tell_parent(child);
    }
}

/* ---- the parent ---- */

/* Sends SIGCHLD; a parent that ignores it never collects, so the zombie goes at once. */
static void tell_parent(struct task *task)
{
    struct task *parent = task->parent;
    siginfo_t info = {.si_signo = task->exit_signal};

    if (!parent || parent->state >= TASK_ZOMBIE) {
        task_collect(task);
        return;
    }
    wait_status_info(task->exit_code, &info);
    info.si_pid = task->pids[0];
    info.si_uid = task->cred.ruid;
    bool unwanted = parent->signals_ignored & SIGNAL_BIT(SIGCHLD);
    if (!unwanted)
        task_signal_info(parent, &info);
    if (unwanted)
        task_collect(task);
}

static void become_zombie(struct task *task)
{
    struct world *world = task->world;

    task->state = TASK_ZOMBIE;
    if (task == world->init)
        world->init = NULL;
    tell_parent(task);
}

/* ---- end of a pid namespace ---- */

static bool is_namespace_init(const struct task *task)
{
    return task->pid_namespace->init == task;
}

/* Only its own number is left: those that came in by setns(2) are collected by their parents outside first. */
bool exit_may_finish(const struct task *task)
{
    return task->pid_namespace->n_tasks <= 1;
}

void exit_finish(struct task *task)
{
    task_run(task)->leaving = false;
    become_zombie(task);
}

static void collect_children(struct task *init)
{
    struct task *child;

    LIST_FOREACH (child, &init->children, sibling) {
        if (child->state == TASK_ZOMBIE)
            task_collect(child);
    }
}

static void end_namespace(struct task *init)
{
    struct run *run = task_run(init);

    if (init->pid_namespace->reboot_signal)
        init->exit_code = init->pid_namespace->reboot_signal;
    init->signals_ignored |= SIGNAL_BIT(SIGCHLD);
    pid_namespace_kill(init->pid_namespace, init);
    collect_children(init);
    if (exit_may_finish(init)) {
        become_zombie(init);
        return;
    }
    init->state = TASK_BLOCKED;
    run->leaving = true;
}

/* ---- exit ---- */

void exit_process(struct task *task, int wait_status)
{
    task->exit_code = wait_status;
    task->stop_signal = 0;
    trace_end(task_run(task), "?");
    tty_session_ends(task);
    task_drop_resources(task);
    cgroup_task_exit(task);
    reparent(task);
    if (is_namespace_init(task))
        end_namespace(task);
    else
        become_zombie(task);
}

void task_exit(struct task *task, int wait_status)
{
    if (task != current()) {
        struct task *before = set_current(task);
        exit_process(task, wait_status);
        set_current(before);
        if (task->state >= TASK_ZOMBIE)
            run_free(task);
        return;
    }
    task_ref(task); /* for the way out: resume() holds another one */
    struct run *run = task_run(task);
    exit_process(task, wait_status);
    task_unref(task);
    schedule_never_back(run);
}

void task_abandon(struct task *task)
{
    task_drop_resources(task);
    cgroup_task_exit(task);
    task->state = TASK_ZOMBIE;
    run_free(task);
}

void sys_exit(int status)
{
    (void)call_enter(CALL_SITE, CALL_exit, "%d", status);
    task_exit(current(), (status & 0xff) << 8);
    abort();
}
