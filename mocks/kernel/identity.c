/* SPDX-License-Identifier: Apache-2.0 */
/* What a process asks about itself: numbers, parent, session (getpid(2), getppid(2), setsid(2)). */
#include <errno.h>
#include <string.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

int sys_getpid(void)
{
    CALL_ENTER(getpid, " ");
    return (int)call_leave(task_pid_in(current(), current()->pid_namespace));
}

/* 0 when the parent is in another namespace. */
int sys_getppid(void)
{
    CALL_ENTER(getppid, " ");
    const struct task *self = current();
    return (int)call_leave(self->parent ? task_pid_in(self->parent, self->pid_namespace) : 0);
}

static int new_session(struct task *self)
{
    const struct task *other;

    LIST_FOREACH (other, &self->world->tasks, link) {
        if (other->pgid == self->pids[0])
            return -EPERM;
    }
    self->sid = self->pgid = self->pids[0];
    memcpy(self->group_pids, self->pids, sizeof(self->pids));
    if (self->tty)
        file_unref(self->tty);
    self->tty = NULL;
    return task_pid_in(self, self->pid_namespace);
}

int sys_setsid(void)
{
    CALL_ENTER(setsid, " ");
    return (int)call_leave(new_session(current()));
}
