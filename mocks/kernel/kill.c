/* SPDX-License-Identifier: Apache-2.0 */
/* Sending signals from one process to others (kill(2), pidfd_send_signal(2)). */
#include <errno.h>
#include <limits.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

/* The sender's real or effective user is the target's real or saved one, or the sender may kill in the target's user namespace.
 */
int signal_allowed(const struct task *target, int sig)
{
    const struct task *self = current();
    const struct cred *from = &self->cred, *to = &target->cred;

    if (sig < 0 || sig > SIGNALS)
        return -EINVAL;
    if (from->euid == to->suid || from->euid == to->ruid || from->ruid == to->suid || from->ruid == to->ruid)
        return 0;
    if (capable_in(self, to->user, CAP_KILL))
        return 0;
    return sig == SIGCONT && self->sid == target->sid ? 0 : -EPERM;
}

static int send_one(struct task *target, int sig)
{
    int r = signal_allowed(target, sig);
    if (r == 0 && sig > 0)
        task_signal(target, sig);
    return r;
}

/* Everybody in sight but init and the sender. */
static bool is_everybody(const struct task *task, int group)
{
    (void)group;
    return task != current() && task_pid_in(task, current()->pid_namespace) > 1;
}

/* One success is a success. With kill(-1) the last other error than EPERM counts, else nothing but having found somebody. */
static int send_to(bool (*wanted)(const struct task *task, int group), int group, int sig)
{
    struct task *task;
    int result = -ESRCH;

    LIST_FOREACH (task, &current()->world->tasks, link) {
        if (!task->pid_namespace || !wanted(task, group))
            continue;
        int r = send_one(task, sig);
        if (result < 0)
            result = r == -EPERM && wanted == is_everybody ? 0 : r;
    }
    return result;
}

static int kill_process(int pid, int sig)
{
    if (pid > 0) {
        struct task *target = task_find(pid);
        return target ? send_one(target, sig) : -ESRCH;
    }
    if (pid == INT_MIN)
        return -ESRCH;
    if (pid == -1)
        return send_to(is_everybody, 0, sig);
    return send_to(is_in_group, -pid, sig);
}

int sys_kill(int pid, int sig)
{
    CALL_ENTER(kill, "%d, %d", pid, sig);
    return (int)call_leave(kill_process(pid, sig));
}

/* A process may be signalled through a pidfd from its own pid namespace and those above. */
static int send_through(int pidfd, int sig)
{
    struct task *target = pidfd_task(pidfd, NULL);

    if (!target)
        return -EBADF;
    if (target->state != TASK_DEAD && task_pid_in(target, current()->pid_namespace) == 0)
        return -EINVAL;
    return target->state == TASK_DEAD ? -ESRCH : send_one(target, sig);
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
    CALL_ENTER(pidfd_send_signal, "%d, %d, NULL, 0", pidfd, sig);
    return (int)call_leave(send_through(pidfd, sig));
}
