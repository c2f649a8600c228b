/* SPDX-License-Identifier: Apache-2.0 */
/* Signals (signal(7)): sending marks them pending; the task takes the action when it runs the next time. A standard signal is
 * pending once, however often it is sent; real-time signals queue. */
#include <errno.h>
#include <stdlib.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define REAL_TIME 32
#define UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define STOPS (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define DEFAULT_IGNORED (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

struct queued {
    struct list link;
    siginfo_t info;
};

/* ---- dispositions ---- */

static bool is_default(const struct task *task, int sig)
{
    return !((task->signals_ignored | task->signals_caught) & SIGNAL_BIT(sig));
}

/* Init of a pid namespace: only its ancestors' SIGKILL and SIGSTOP reach it without a handler (pid_namespaces(7)). */
static bool is_protected(const struct task *task)
{
    return task->pid_namespace && task->pid_namespace->init == task;
}

static bool is_forced(const struct task *task, const siginfo_t *info)
{
    const struct task *sender = current();

    return info->si_code == SI_KERNEL || !sender || task_pid_in(sender, task->pid_namespace) == 0;
}

/* Without effect whoever sends it, if it is not blocked. */
static bool is_ignored(const struct task *task, int sig, bool forced)
{
    if (task->signals_ignored & SIGNAL_BIT(sig))
        return true;
    if (!is_default(task, sig))
        return false;
    if (DEFAULT_IGNORED & SIGNAL_BIT(sig))
        return true;
    return is_protected(task) && !((UNBLOCKABLE & SIGNAL_BIT(sig)) && forced);
}

/* ---- pending ---- */

static void forget(struct task *task, uint64_t mask)
{
    struct queued *queued;

    if (!(task->signals_pending & mask))
        return;
    task->signals_pending &= ~mask;
    LIST_FOREACH (queued, &task->signal_queue, link) {
        if (!(mask & SIGNAL_BIT(queued->info.si_signo)))
            continue;
        list_remove(&queued->link);
        free(queued);
    }
}

/* The sender is told in the receiver's numbers, those of the time when it was sent. */
static void translate(const struct task *task, siginfo_t *info)
{
    if (info->si_code > SI_USER && info->si_signo != SIGCHLD)
        return;
    const struct task *sender = pid_find(task->world, task->world->pid, info->si_pid);
    info->si_pid = sender ? task_pid_in(sender, task->pid_namespace) : 0;
    info->si_uid = id_from_world(task->cred.user, false, info->si_uid);
}

static void enqueue(struct task *task, const siginfo_t *info)
{
    uint64_t bit = SIGNAL_BIT(info->si_signo);
    struct queued *queued;

    if ((task->signals_pending & bit) && info->si_signo < REAL_TIME)
        return;
    queued = malloc(sizeof(*queued));
    if (!queued)
        abort();
    queued->info = *info;
    translate(task, &queued->info);
    list_append(&task->signal_queue, &queued->link);
    task->signals_pending |= bit;
}

/* Lowest number first, as the kernel does it; SIGKILL before all others. */
static bool dequeue(struct task *task, uint64_t mask, siginfo_t *ret_info)
{
    uint64_t wanted = task->signals_pending & mask;
    struct queued *queued;
    bool found = false, more = false;

    if (!wanted)
        return false;
    int sig = wanted & SIGNAL_BIT(SIGKILL) ? SIGKILL : __builtin_ctzll(wanted) + 1;
    LIST_FOREACH (queued, &task->signal_queue, link) {
        if (queued->info.si_signo != sig)
            continue;
        more = found;
        if (found)
            break;
        found = true;
        *ret_info = queued->info;
        list_remove(&queued->link);
        free(queued);
    }
    if (!more)
        task->signals_pending &= ~SIGNAL_BIT(sig);
    return found;
}

void signals_done(struct task *task)
{
    forget(task, ~0ULL);
}

/* ---- sending ---- */

static void wake_stopped(struct task *task)
{
    struct run *run = task_run(task);

    if (task->state != TASK_STOPPED)
        return;
    task->state = TASK_RUNNABLE;
    task->stop_signal = 0;
    task->stop_news = false;
    run->interrupted = true;
}

/* SIGCONT continues at once, even when it is blocked or ignored; it and the stop signals cancel each other. */
static void prepare(struct task *task, int sig)
{
    if (STOPS & SIGNAL_BIT(sig)) {
        forget(task, SIGNAL_BIT(SIGCONT));
    } else if (sig == SIGCONT) {
        forget(task, STOPS);
        if (task->state == TASK_STOPPED) {
            wake_stopped(task);
            task->continue_news = true;
            notify_stop(task, CLD_CONTINUED, SIGCONT);
        }
    }
}

void task_signal_info(struct task *task, const siginfo_t *info)
{
    int sig = info->si_signo;

    if (sig < 1 || task->state >= TASK_ZOMBIE || !task->run || (task_run(task)->leaving))
        return;
    prepare(task, sig);
    if (is_ignored(task, sig, is_forced(task, info)) && !(task->signals_blocked & SIGNAL_BIT(sig) & ~UNBLOCKABLE))
        return;
    enqueue(task, info);
    if (sig == SIGKILL)
        wake_stopped(task);
}

void task_signal(struct task *task, int sig)
{
    const struct task *self = current();
    siginfo_t info = {.si_signo = sig, .si_code = self ? SI_USER : SI_KERNEL};

    if (self) {
        info.si_pid = self->pids[0];
        info.si_uid = self->cred.ruid;
    }
    task_signal_info(task, &info);
}

void notify_stop(struct task *task, int code, int status)
{
    struct task *parent = task->parent;
    siginfo_t info = {.si_signo = SIGCHLD, .si_code = code};

    if (!parent)
        return;
    info.si_pid = task->pids[0];
    info.si_uid = task->cred.ruid;
    info.si_status = status;
    task_signal_info(parent, &info);
}

bool task_signal_take(struct task *task, uint64_t mask, siginfo_t *ret_info)
{
    return dequeue(task, mask & ~UNBLOCKABLE, ret_info);
}

/* ---- taking ---- */

static uint64_t deliverable(const struct task *task)
{
    return task->signals_pending & ~(task->signals_blocked & ~UNBLOCKABLE);
}

bool signals_wait(const struct task *task)
{
    uint64_t pending = deliverable(task);

    if (task->state == TASK_STOPPED)
        pending &= SIGNAL_BIT(SIGKILL);
    return pending && task->state < TASK_ZOMBIE;
}

/* A group whose members have no parent outside of it within the session: nobody could continue it. */
static bool is_orphaned_group(const struct task *task)
{
    const struct task *member;

    LIST_FOREACH (member, &task->world->tasks, link) {
        const struct task *parent = member->parent;
        if (member->pgid == task->pgid && member->state < TASK_ZOMBIE && parent && parent != task->pid_namespace->init &&
            parent->pgid != task->pgid && parent->sid == task->sid)
            return false;
    }
    return true;
}

static void stop(struct task *task, int sig)
{
    if (sig != SIGSTOP && is_orphaned_group(task))
        return;
    task->state = TASK_STOPPED;
    task->stop_signal = sig;
    task->stop_news = true;
    task->continue_news = false;
    notify_stop(task, CLD_STOPPED, sig);
}

/* Signals that end a process without a core dump take effect when they are sent, even on one that version 2 has frozen. */
bool signals_kill(const struct task *task)
{
    static const uint64_t dumps = SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGABRT) | SIGNAL_BIT(SIGFPE) |
                                  SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGSYS) | SIGNAL_BIT(SIGTRAP) |
                                  SIGNAL_BIT(SIGXCPU) | SIGNAL_BIT(SIGXFSZ);
    uint64_t harmless = task->signals_ignored | task->signals_caught | DEFAULT_IGNORED | STOPS | dumps;

    if (task->signals_pending & SIGNAL_BIT(SIGKILL))
        return true;
    return !is_protected(task) && (task->signals_pending & ~task->signals_blocked & ~harmless);
}

bool signals_act(struct task *task)
{
    siginfo_t info;

    while (signals_wait(task)) {
        uint64_t plain = deliverable(task) & ~task->signals_caught;
        if (!plain)
            return true;
        if (!dequeue(task, plain, &info))
            return false;
        int sig = info.si_signo;
        if ((task->signals_ignored | (is_default(task, sig) ? DEFAULT_IGNORED : 0)) & SIGNAL_BIT(sig))
            continue;
        if (STOPS & SIGNAL_BIT(sig)) {
            stop(task, sig);
            continue;
        }
        if (sig != SIGKILL && is_protected(task))
            continue;
        exit_process(task, sig);
        return false;
    }
    return false;
}

void signals_handle(void)
{
    struct task *task = current();
    struct run *run = task_run(task);
    siginfo_t info;

    bool in_call = run->in_call;
    enum sys_call call = run->call;
    struct buf line = run->line;
    run->in_call = false;
    run->line = BUF_INIT(line.max);
    while (dequeue(task, deliverable(task) & task->signals_caught, &info)) {
        uint64_t blocked = task->signals_blocked;
        task->signals_blocked |= SIGNAL_BIT(info.si_signo);
        task->handlers[info.si_signo](info.si_signo);
        task->signals_blocked = blocked;
    }
    buf_done(&run->line);
    run->line = line;
    run->call = call;
    run->in_call = in_call;
}

/* ---- calls ---- */

/* execve: handlers are gone with the program; what is ignored, blocked and pending stays. */
void signals_exec(struct task *task)
{
    task->signals_caught = 0;
}

static uint64_t from_set(const sigset_t *set)
{
    return *(const uint64_t *)(const void *)set;
}

static int change_mask(struct task *task, int how, uint64_t set)
{
    switch (how) {
    case SIG_BLOCK:
        set |= task->signals_blocked;
        break;
    case SIG_UNBLOCK:
        set = task->signals_blocked & ~set;
        break;
    case SIG_SETMASK:
        break;
    default:
        return -EINVAL;
    }
    task->signals_blocked = set & ~UNBLOCKABLE;
    return 0;
}

int sys_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    struct task *task = current();
    uint64_t before = task->signals_blocked;
    uint64_t mask = set ? from_set(set) : 0;

    CALL_ENTER(sigprocmask, "%d, %p, %p, 8", how, (const void *)set, (void *)old);
    int r = set ? change_mask(task, how, mask) : 0;
    if (r == 0 && old)
        *(uint64_t *)(void *)old = before;
    return (int)call_leave(r);
}

static int set_disposition(struct task *task, int sig, void (*disposition)(int))
{
    if (sig < 1 || sig > SIGNALS || (UNBLOCKABLE & SIGNAL_BIT(sig)))
        return -EINVAL;

    task->signals_ignored &= ~SIGNAL_BIT(sig);
    task->signals_caught &= ~SIGNAL_BIT(sig);
    if (disposition == SIG_IGN) {
        task->signals_ignored |= SIGNAL_BIT(sig);
    } else if (disposition != SIG_DFL) {
        task->signals_caught |= SIGNAL_BIT(sig);
        task->handlers[sig] = disposition;
    }
    if (disposition == SIG_IGN || (disposition == SIG_DFL && (DEFAULT_IGNORED & SIGNAL_BIT(sig))))
        forget(task, SIGNAL_BIT(sig));
    return 0;
}

int sys_signal(int sig, void (*disposition)(int))
{
    const char *name = disposition == SIG_DFL ? "SIG_DFL" : disposition == SIG_IGN ? "SIG_IGN" : "handler";

    CALL_ENTER(signal, "%d, %s", sig, name);
    return (int)call_leave(set_disposition(current(), sig, disposition));
}
