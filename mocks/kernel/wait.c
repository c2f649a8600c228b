/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for children (waitid(2)). */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define OPTIONS (WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)

struct wait {
    struct task *parent;
    int idtype;
    int id;
    struct task *target; /* P_PIDFD */
    int options;
    siginfo_t *info;
    bool eligible; /* some child fits */
    bool found;
};

void wait_status_info(int wait_status, siginfo_t *info)
{
    if (WIFEXITED(wait_status)) {
        info->si_code = CLD_EXITED;
        info->si_status = WEXITSTATUS(wait_status);
    } else {
        info->si_code = WCOREDUMP(wait_status) ? CLD_DUMPED : CLD_KILLED;
        info->si_status = WTERMSIG(wait_status);
    }
}

static bool fits(const struct wait *wait, const struct task *child)
{
    bool is_clone = child->exit_signal != SIGCHLD;

    if (!(wait->options & __WALL) && is_clone != !!(wait->options & __WCLONE))
        return false;
    switch (wait->idtype) {
    case P_PIDFD:
        return child == wait->target;
    case P_PID:
        return task_pid_in(child, wait->parent->pid_namespace) == wait->id;
    case P_PGID:
        return is_in_group(child, wait->id);
    default:
        return true;
    }
}

/* Fills info when child has news of a kind that is waited for, and takes the news unless WNOWAIT. */
static bool take_news(const struct wait *wait, struct task *child)
{
    bool keep = wait->options & WNOWAIT;
    siginfo_t info = {.si_signo = SIGCHLD};

    if (child->state == TASK_ZOMBIE) {
        wait_status_info(child->exit_code, &info);
    } else if (child->stop_news && (wait->options & WSTOPPED)) {
        info.si_code = CLD_STOPPED;
        info.si_status = child->stop_signal;
        child->stop_news = keep;
    } else if (child->continue_news && (wait->options & WCONTINUED)) {
        info.si_code = CLD_CONTINUED;
        info.si_status = SIGCONT;
        child->continue_news = keep;
    } else {
        return false;
    }
    info.si_pid = task_pid_in(child, wait->parent->pid_namespace);
    info.si_uid = id_from_world(wait->parent->cred.user, false, child->cred.ruid);
    if (wait->info)
        *wait->info = info;
    if (info.si_code != CLD_STOPPED && info.si_code != CLD_CONTINUED && !keep)
        task_collect(child);
    return true;
}

static bool look(void *arg)
{
    struct wait *wait = arg;
    struct task *child;

    wait->eligible = false;
    LIST_FOREACH (child, &wait->parent->children, sibling) {
        /* Whoever does not ask for ends sees no zombies: they do not even count as children. */
        if (!fits(wait, child) || (child->state == TASK_ZOMBIE && !(wait->options & WEXITED)))
            continue;
        wait->eligible = true;
        wait->found = take_news(wait, child);
        if (wait->found)
            return true;
    }
    return !wait->eligible;
}

static int check(struct wait *wait)
{
    int flags = 0;

    if ((wait->options & ~OPTIONS) || !(wait->options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    switch (wait->idtype) {
    case P_ALL:
        return 0;
    case P_PID:
        return wait->id > 0 ? 0 : -EINVAL;
    case P_PGID:
        return wait->id >= 0 ? 0 : -EINVAL;
    case P_PIDFD:
        if (wait->id < 0)
            return -EINVAL;
        wait->target = pidfd_task(wait->id, &flags);
        return wait->target ? flags : -EBADF;
    default:
        return -EINVAL;
    }
}

/* Waiting must not collect while the scheduler asks, so the question is asked with WNOWAIT. */
static bool has_news(void *arg)
{
    struct wait probe = *(const struct wait *)arg;

    probe.options |= WNOWAIT;
    probe.info = NULL;
    return look(&probe);
}

static int wait_for(struct wait *wait)
{
    int flags = check(wait);
    if (flags < 0)
        return flags;
    bool again = flags & O_NONBLOCK;

    for (;;) {
        wait->found = false;
        look(wait);
        if (wait->found)
            return 0;
        if (!wait->eligible)
            return -ECHILD;
        if (wait->options & WNOHANG) {
            memset(wait->info, 0, sizeof(*wait->info));
            return 0;
        }
        if (again)
            return -EAGAIN;
        (void)task_block(has_news, wait, UINT64_MAX);
    }
}

int sys_waitid(int idtype, int id, siginfo_t *info, int options)
{
    struct wait wait = {.parent = current(), .idtype = idtype, .id = id, .options = options, .info = info};

    info->si_pid = 0;
    CALL_ENTER(waitid, "%d, %d, %p, 0x%x", idtype, id, (void *)info, (unsigned int)options);
    return (int)call_leave(wait_for(&wait));
}
