/* SPDX-License-Identifier: Apache-2.0 */
/* New processes (clone(2), clone3). The child is a copy of the parent, except for what flags make anew; it runs fn(arg) on its
 * own stack in the same memory, so what it changes there the parent sees: the code under test must not rely on a copy. */
#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define JOINS_MAX 8
#define KNOWN_FLAGS                                                                                                            \
    (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME)

/* The child counts already. Those with the right to change limits may pass it (setrlimit(2), RLIMIT_NPROC). */
static int check_process_limit(const struct task *task)
{
    bool exceeds = task_processes(task) > task->rlimits[RLIMIT_NPROC].rlim_cur;

    return exceeds && task->cred.ruid != 0 && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN) ? -EAGAIN : 0;
}

static const struct sys_join *joined_user(const struct sys_spawn *args)
{
    return args->n_joins > 0 && args->joins[args->n_joins - 1].type == CLONE_NEWUSER ? &args->joins[args->n_joins - 1] : NULL;
}

/* A user namespace comes last: what the child gets anew belongs to it. */
static int join_all(struct task *child, const struct sys_spawn *args)
{
    const struct sys_join *user = joined_user(args);
    size_t n = args->n_joins - (user != NULL);

    if (n > JOINS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < n; i++) {
        int type = args->joins[i].type;
        if (type == CLONE_NEWUSER || type == CLONE_NEWNS || type == CLONE_NEWTIME)
            return -EINVAL;
        int r = namespace_join(child, args->joins[i].fd, type);
        if (r < 0)
            return r;
    }
    return user ? namespace_join(child, user->fd, CLONE_NEWUSER) : 0;
}

/* A new user namespace first: it owns the other new ones. */
static int make_namespaces(struct task *child, const struct sys_spawn *args)
{
    if (args->flags & CLONE_NEWUSER) {
        int r = cred_new_user_namespace(child);
        if (r < 0)
            return r;
    }
    return namespaces_create(child, args->flags);
}

/* Gives back a child that was never born. */
static void give_up(struct task *child)
{
    task_drop_resources(child);
    task_collect(child);
}

static int make_child(struct task *child, const struct sys_spawn *args)
{
    struct task *parent = current();

    int r = join_all(child, args);
    if (r == 0)
        r = check_process_limit(parent);
    if (r == 0)
        r = make_namespaces(child, args);
    if (r == 0)
        r = pid_allocate(child, child->namespaces.pid_for_children);
    return r;
}

/* The cgroup namespace in which the parent makes the child: it visits those that the child joins. */
static const struct simple_namespace *cgroup_namespace(const struct task *child, const struct sys_spawn *args)
{
    for (size_t i = 0; i < args->n_joins; i++) {
        if (args->joins[i].type == CLONE_NEWCGROUP)
            return child->namespaces.cgroup;
    }
    return current()->namespaces.cgroup;
}

/* The last steps, both visible to others. */
static int publish(struct task *child, const struct sys_spawn *args, int *ret_pidfd)
{
    struct task *parent = current();

    *ret_pidfd = args->ret_pidfd ? pidfd_install(child, 0) : -1;
    if (args->ret_pidfd && *ret_pidfd < 0)
        return *ret_pidfd;
    int r = cgroup_task_fork(child, parent, args->cgroup_fd, cgroup_namespace(child, args));
    if (r < 0 && args->ret_pidfd)
        fd_uninstall(parent, *ret_pidfd);
    return r;
}

static int spawn(const struct sys_spawn *args, int (*fn)(void *arg), void *arg)
{
    struct task *parent = current();

    if (args->flags & ~(uint64_t)KNOWN_FLAGS)
        unsupported("spawn: flags 0x%lx", (unsigned long)args->flags);
    int r = joined_user(args) ? 0 : namespaces_allowed(parent, args->flags);
    if (r < 0)
        return r;

    struct task *child = task_new(parent->world, parent);
    task_copy(child, parent);
    int pidfd = -1;
    r = make_child(child, args);
    if (r == 0)
        r = publish(child, args, &pidfd);
    if (r < 0) {
        give_up(child);
        return r;
    }
    if (args->ret_pidfd)
        *args->ret_pidfd = pidfd;
    run_new(child, &(struct entry){.fn = fn, .arg = arg});
    cgroup_task_born(child, parent);
    return task_pid_in(child, parent->pid_namespace);
}

int sys_spawn(const struct sys_spawn *args, int (*fn)(void *arg), void *arg)
{
    CALL_ENTER(spawn, "0x%lx, joins=%zu, cgroup=%d", (unsigned long)args->flags, args->n_joins, args->cgroup_fd);
    return (int)call_leave(spawn(args, fn, arg));
}
