/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals and sessions (credentials(7), tty_ioctl(2)): whose terminal it is, which group is in front, who is told of its end.
 *
 * A task refers to its terminal by a file without operations, which its children share. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>

#include "mocks/kernel/cred.h"
#include "mocks/kernel/sys_fd.h"
#include "mocks/kernel/tty.h"
#include "mocks/kernel/tty_session.h"
#include "mocks/kernel/world.h"

static void handle_release(struct file *file)
{
    tty_unref(file->data);
}

static const struct file_ops handle_ops = {.release = handle_release};

static struct tty *tty_of(const struct task *task)
{
    return task->tty ? task->tty->data : NULL;
}

struct tty *tty_current(void)
{
    return tty_of(current());
}

static bool is_leader(const struct task *task)
{
    return task->sid == task->pids[0];
}

static void drop(struct task *task)
{
    if (task->tty)
        file_unref(task->tty);
    task->tty = NULL;
}

static void signal_group(const struct world *world, int pgrp, int sig)
{
    struct task *task;

    LIST_FOREACH (task, &world->tasks, link) {
        if (pgrp > 0 && task->pgid == pgrp && task->state < TASK_ZOMBIE)
            task_signal(task, sig);
    }
}

void tty_signal_group(const struct tty *tty, int sig)
{
    signal_group(tty->world, tty->pgrp, sig);
}

/* Every task of the session forgets its terminal. */
static void clear_session(const struct world *world, int sid)
{
    struct task *task;

    LIST_FOREACH (task, &world->tasks, link) {
        if (task->sid == sid)
            drop(task);
    }
}

/* ---- getting one ---- */

static void take(struct tty *tty)
{
    struct task *task = current();

    drop(task);
    task->tty = file_new(&handle_ops, S_IFCHR, 0, tty_ref(tty));
    tty->sid = task->sid;
    tty->pgrp = task->pgid;
}

void tty_adopt(struct tty *tty)
{
    const struct task *task = current();

    if (is_leader(task) && !task->tty && tty->sid == 0)
        take(tty);
}

int tty_set_controlling(struct tty *tty, int steal)
{
    struct task *task = current();

    if (is_leader(task) && tty->sid == task->sid)
        return 0;
    if (!is_leader(task) || task->tty)
        return -EPERM;
    if (tty->sid != 0) {
        if (steal != 1 || !capable(CAP_SYS_ADMIN))
            return -EPERM;
        clear_session(task->world, tty->sid);
    }
    take(tty);
    return 0;
}

/* ---- losing it ---- */

static void disown(struct tty *tty)
{
    clear_session(tty->world, tty->sid);
    tty->sid = tty->pgrp = 0;
}

int tty_give_up(struct tty *tty)
{
    struct task *task = current();

    if (tty_of(task) != tty)
        return -ENOTTY;
    if (!is_leader(task)) {
        drop(task);
        return 0;
    }
    tty_ref(tty);
    tty_signal_group(tty, SIGHUP);
    tty_signal_group(tty, SIGCONT);
    disown(tty);
    tty_unref(tty);
    return 0;
}

/* A pseudo terminal itself lives on when its session ends. */
void tty_session_ends(struct task *leader)
{
    struct tty *tty = tty_of(leader);

    if (!tty || !is_leader(leader))
        return;
    tty_ref(tty);
    tty_signal_group(tty, SIGHUP);
    disown(tty);
    tty_unref(tty);
}

void tty_hang_up(struct tty *tty)
{
    struct task *task;

    tty->hangups++;
    LIST_FOREACH (task, &tty->world->tasks, link) {
        if (tty->sid == 0 || task->sid != tty->sid || !is_leader(task) || task->state >= TASK_ZOMBIE)
            continue;
        task_signal(task, SIGHUP);
        task_signal(task, SIGCONT);
    }
    if (tty->sid != 0)
        disown(tty);
}

/* ---- groups ---- */

/* The number of a group or session as the current task sees it: that of any member. */
static int number_seen(const struct world *world, int number)
{
    const struct task *task;

    LIST_FOREACH (task, &world->tasks, link) {
        if (task->pids[0] == number)
            return task_pid_in(task, current()->pid_namespace);
    }
    return 0;
}

int tty_get_group(const struct tty *tty, bool by_slave)
{
    if (by_slave && tty_current() != tty)
        return -ENOTTY;
    return number_seen(tty->world, tty->pgrp);
}

int tty_get_session(const struct tty *tty, bool by_slave)
{
    if ((by_slave && tty_current() != tty) || tty->sid == 0)
        return -ENOTTY;
    return number_seen(tty->world, tty->sid);
}

int tty_set_group(struct tty *tty, int pgrp)
{
    const struct task *self = current(), *task;

    if (tty_current() != tty || tty->sid != self->sid)
        return -ENOTTY;
    if (pgrp < 0)
        return -EINVAL;
    const struct task *leader = task_find(pgrp);
    LIST_FOREACH (task, &tty->world->tasks, link) {
        if (!leader || task->pgid != leader->pids[0])
            continue;
        if (task->sid != self->sid)
            return -EPERM;
        tty->pgrp = task->pgid;
        return 0;
    }
    return -ESRCH;
}

int tty_may_read(const struct tty *tty)
{
    const struct task *task = current();

    if (tty_of(task) != tty || tty->pgrp == 0 || task->pgid == tty->pgrp)
        return 0;
    if ((task->signals_ignored | task->signals_blocked) & SIGNAL_BIT(SIGTTIN))
        return -EIO;
    unsupported("a process in the background that reads its terminal");
}
