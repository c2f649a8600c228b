/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the calling process (prctl(2)). */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "mocks/kernel/capability.h"
#include "mocks/kernel/process.h"
#include "sys/sys.h"

struct operands {
    unsigned long a, b, c, d;
};

static bool is_capability(unsigned long number)
{
    return number <= CAP_LAST_CAP;
}

static int set_death_signal(struct task *task, const struct operands *op)
{
    if (op->a > SIGNALS)
        return -EINVAL;
    task->death_signal = (int)op->a;
    return 0;
}

static int get_death_signal(struct task *task, const struct operands *op)
{
    *(int *)op->a = task->death_signal;
    return 0;
}

static int set_dumpable(struct task *task, const struct operands *op)
{
    if (op->a > 1)
        return -EINVAL;
    task->dumpable = op->a;
    return 0;
}

static int get_dumpable(struct task *task, const struct operands *op)
{
    (void)op;
    return task->dumpable;
}

static int set_keep_caps(struct task *task, const struct operands *op)
{
    if (op->a > 1)
        return -EINVAL;
    task->cred.keep_caps = op->a;
    return 0;
}

static int get_keep_caps(struct task *task, const struct operands *op)
{
    (void)op;
    return task->cred.keep_caps;
}

static int set_name(struct task *task, const struct operands *op)
{
    task_set_name(task, (const char *)op->a);
    return 0;
}

static int get_name(struct task *task, const struct operands *op)
{
    memcpy((char *)op->a, task->name, TASK_NAME_MAX);
    return 0;
}

static int set_subreaper(struct task *task, const struct operands *op)
{
    task->subreaper = op->a;
    return 0;
}

static int get_subreaper(struct task *task, const struct operands *op)
{
    *(int *)op->a = task->subreaper;
    return 0;
}

static int set_no_new_privs(struct task *task, const struct operands *op)
{
    if (op->a != 1 || op->b || op->c || op->d)
        return -EINVAL;
    task->no_new_privs = true;
    return 0;
}

static int get_no_new_privs(struct task *task, const struct operands *op)
{
    if (op->a || op->b || op->c || op->d)
        return -EINVAL;
    return task->no_new_privs;
}

static int read_bounding(struct task *task, const struct operands *op)
{
    if (!is_capability(op->a))
        return -EINVAL;
    return task->cred.caps_bounding & CAP_BIT(op->a) ? 1 : 0;
}

static int drop_bounding(struct task *task, const struct operands *op)
{
    if (!capable_in(task, task->cred.user, CAP_SETPCAP))
        return -EPERM;
    if (!is_capability(op->a))
        return -EINVAL;
    task->cred.caps_bounding &= ~CAP_BIT(op->a);
    return 0;
}

/* Ambient capabilities are a part of those that are both permitted and inheritable. */
static int change_ambient(struct task *task, const struct operands *op)
{
    struct cred *cred = &task->cred;

    if (op->a == PR_CAP_AMBIENT_CLEAR_ALL) {
        if (op->b || op->c || op->d)
            return -EINVAL;
        cred->caps_ambient = 0;
        return 0;
    }
    if (!is_capability(op->b) || op->c || op->d)
        return -EINVAL;
    switch (op->a) {
    case PR_CAP_AMBIENT_IS_SET:
        return cred->caps_ambient & CAP_BIT(op->b) ? 1 : 0;
    case PR_CAP_AMBIENT_RAISE:
        if (!(cred->caps_permitted & cred->caps_inheritable & CAP_BIT(op->b)))
            return -EPERM;
        cred->caps_ambient |= CAP_BIT(op->b);
        return 0;
    case PR_CAP_AMBIENT_LOWER:
        cred->caps_ambient &= ~CAP_BIT(op->b);
        return 0;
    default:
        return -EINVAL;
    }
}

static const struct option {
    int number;
    const char *name;
    int (*run)(struct task *task, const struct operands *op);
} options[] = {
    {PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG", set_death_signal},
    {PR_GET_PDEATHSIG, "PR_GET_PDEATHSIG", get_death_signal},
    {PR_SET_DUMPABLE, "PR_SET_DUMPABLE", set_dumpable},
    {PR_GET_DUMPABLE, "PR_GET_DUMPABLE", get_dumpable},
    {PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS", set_keep_caps},
    {PR_GET_KEEPCAPS, "PR_GET_KEEPCAPS", get_keep_caps},
    {PR_SET_NAME, "PR_SET_NAME", set_name},
    {PR_GET_NAME, "PR_GET_NAME", get_name},
    {PR_SET_CHILD_SUBREAPER, "PR_SET_CHILD_SUBREAPER", set_subreaper},
    {PR_GET_CHILD_SUBREAPER, "PR_GET_CHILD_SUBREAPER", get_subreaper},
    {PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS", set_no_new_privs},
    {PR_GET_NO_NEW_PRIVS, "PR_GET_NO_NEW_PRIVS", get_no_new_privs},
    {PR_CAPBSET_READ, "PR_CAPBSET_READ", read_bounding},
    {PR_CAPBSET_DROP, "PR_CAPBSET_DROP", drop_bounding},
    {PR_CAP_AMBIENT, "PR_CAP_AMBIENT", change_ambient},
};

static const struct option *find(int number)
{
    FOR_ROWS (option, options) {
        if (option->number == number)
            return option;
    }
    unsupported("prctl: option %d", number);
}

static bool takes_pointer(int number)
{
    return number == PR_SET_NAME || number == PR_GET_NAME || number == PR_GET_PDEATHSIG || number == PR_GET_CHILD_SUBREAPER;
}

int sys_prctl(int number, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    const struct option *option = find(number);
    const struct operands op = {a, b, c, d};

    call_cannot_fail(number == PR_SET_NAME);
    if (takes_pointer(number))
        CALL_ENTER(prctl, "%d, %p, %ld, %ld, %ld", number, (const void *)a, b, c, d);
    else
        CALL_ENTER(prctl, "%d, %ld, %ld, %ld, %ld", number, a, b, c, d);
    return (int)call_leave(option->run(current(), &op));
}
