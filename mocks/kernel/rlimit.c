/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits (prlimit(2)). What they limit is enforced where it is used: descriptors in fd_install(), processes here; and
 * the nice value (setpriority(2)), which orders nothing in virtual time. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define NR_OPEN 1048576 /* /proc/sys/fs/nr_open */

rlim_t task_processes(const struct task *task)
{
    const struct task *other;
    rlim_t n = 0;

    LIST_FOREACH (other, &task->world->tasks, link)
        n += other->cred.ruid == task->cred.ruid && other->cred.user == task->cred.user;
    return n;
}

/* Another process: all its ids are the caller's real ones, or the caller may manage resources of its namespace. */
static bool may_limit(const struct task *self, const struct task *target)
{
    const struct cred *from = &self->cred, *to = &target->cred;

    if (self == target)
        return true;
    if (from->ruid == to->euid && from->ruid == to->suid && from->ruid == to->ruid && from->rgid == to->egid &&
        from->rgid == to->sgid && from->rgid == to->rgid)
        return true;
    return capable_in(self, to->user, CAP_SYS_RESOURCE);
}

static int change(int pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit)
{
    struct task *task = pid ? task_find(pid) : current();

    if (!task)
        return -ESRCH;
    if (!may_limit(current(), task))
        return -EPERM;
    if (resource < 0 || resource >= TASK_RLIMITS)
        return -EINVAL;
    struct rlimit before = task->rlimits[resource];
    if (new_limit) {
        if (new_limit->rlim_cur > new_limit->rlim_max)
            return -EINVAL;
        if (resource == RLIMIT_NOFILE && new_limit->rlim_max > NR_OPEN)
            return -EPERM;
        if (new_limit->rlim_max > before.rlim_max && !capable(CAP_SYS_RESOURCE))
            return -EPERM;
        task->rlimits[resource] = *new_limit;
    }
    if (old_limit)
        *old_limit = before;
    return 0;
}

int sys_prlimit(int pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit)
{
    CALL_ENTER(prlimit, "%d, %d, %p, %p", pid, resource, (const void *)new_limit, (void *)old_limit);
    return (int)call_leave(change(pid, resource, new_limit, old_limit));
}

/* ---- nice value ---- */

static int set_nice(int which, int who, int nice)
{
    struct task *task = current();

    if (which != PRIO_PROCESS && which != PRIO_PGRP && which != PRIO_USER)
        return -EINVAL;
    if (which != PRIO_PROCESS || who != 0)
        unsupported("setpriority: of others");
    nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
    if (nice < task->nice && (rlim_t)(20 - nice) > task->rlimits[RLIMIT_NICE].rlim_cur && !capable(CAP_SYS_NICE))
        return -EACCES;
    task->nice = nice;
    return 0;
}

int sys_setpriority(int which, int who, int priority)
{
    CALL_ENTER(setpriority, "%d, %d, %d", which, who, priority);
    return (int)call_leave(set_nice(which, who, priority));
}
