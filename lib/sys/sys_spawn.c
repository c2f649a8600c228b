/* SPDX-License-Identifier: Apache-2.0 */
/* Process creation, execution and end on a real Linux kernel; and the end of the machine. */
#include "sys/sys.h"

#include <errno.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/fd.h"
#include "sys/raw.h"

#define JOINS_MAX 8

/* The coverage build links coverage/dump.c, which saves the counters of a process that will not reach exit(), and hands out
 * those of a machine that goes off. */
__attribute__((weak)) void coverage_process_ends(void);
__attribute__((weak)) void coverage_machine_ends(void);

static void process_ends(void)
{
    if (coverage_process_ends)
        coverage_process_ends();
}

static const char *namespace_file(int type)
{
    switch (type) {
    case CLONE_NEWPID:
        return "/proc/thread-self/ns/pid_for_children";
    case CLONE_NEWNET:
        return "/proc/thread-self/ns/net";
    case CLONE_NEWIPC:
        return "/proc/thread-self/ns/ipc";
    case CLONE_NEWUTS:
        return "/proc/thread-self/ns/uts";
    case CLONE_NEWCGROUP:
        return "/proc/thread-self/ns/cgroup";
    default:
        return NULL;
    }
}

/* A thread that cannot get back to its own namespaces must not go on: it would serve requests from inside a container. */
static void leave_joins(const struct sys_join *joins, int *own, size_t n)
{
    while (n-- > 0) {
        if (sys_setns(own[n], joins[n].type) < 0)
            abort();
        fd_close(&own[n]);
    }
}

static int enter_joins(const struct sys_join *joins, int *own, size_t n)
{
    if (n > JOINS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < n; i++) {
        const char *file = namespace_file(joins[i].type);
        own[i] = file ? sys_openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0) : -EINVAL;
        int r = own[i] < 0 ? own[i] : sys_setns(joins[i].fd, joins[i].type);
        if (r < 0) {
            fd_close(&own[i]);
            leave_joins(joins, own, i);
            return r;
        }
    }
    return 0;
}

/* ---- born in a user namespace ---- */

struct birth {
    int pid; /* or -errno */
    int pidfd;
};

/* The middle process: it enters the user namespace, which has no way back, and has a child there for its own parent. Returns 0
 * in the child and nowhere else. */
static int have_child(struct clone_args *clone, int user_fd, int report_fd)
{
    struct birth birth;

    birth.pid = sys_setns(user_fd, CLONE_NEWUSER);
    if (birth.pid == 0) {
        clone->flags |= CLONE_PARENT;
        clone->exit_signal = 0; /* it is that of the middle process */
        birth.pid = (int)SYSCALL(SYS_clone3, clone, sizeof(*clone));
        if (birth.pid == 0)
            return 0;
    }
    birth.pidfd = *(int *)(uintptr_t)clone->pidfd;
    SYSCALL(SYS_write, report_fd, &birth, sizeof(birth));
    SYSCALL(SYS_exit_group, 0);
    __builtin_unreachable();
}

/* Like clone3(2). The table of descriptors is shared with the middle process, so that the pidfd arrives in it. */
static int clone_in_user(struct clone_args *clone, int user_fd)
{
    struct clone_args middle = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
    struct birth birth = {.pid = -ECHILD, .pidfd = -1};
    int report[2];

    int r = sys_pipe2(report, O_CLOEXEC | O_NONBLOCK);
    if (r < 0)
        return r;
    int pid = (int)SYSCALL(SYS_clone3, &middle, sizeof(middle));
    if (pid == 0) {
        r = have_child(clone, user_fd, report[1]);
    } else if (pid > 0) {
        RESTART(SYSCALL(SYS_wait4, pid, NULL, 0, NULL));
        SYSCALL(SYS_read, report[0], &birth, sizeof(birth));
        *(int *)(uintptr_t)clone->pidfd = birth.pidfd;
        r = birth.pid;
    } else {
        r = pid;
    }
    sys_close(report[0]);
    sys_close(report[1]);
    return r;
}

/* ---- spawn ---- */

/* A filter of a container may know clone(2) alone: it cannot look into the arguments of the other, and so answers that there is
 * none. What only clone3(2) can do fails with that answer. */
static int clone_plain(struct clone_args *clone)
{
    int pid = (int)SYSCALL(SYS_clone3, clone, sizeof(*clone));

    if (pid != -ENOSYS || clone->flags > UINT32_MAX)
        return pid;
    return (int)SYSCALL(SYS_clone, clone->flags | clone->exit_signal, NULL, clone->pidfd, NULL, NULL);
}

int sys_spawn(const struct sys_spawn *args, int (*fn)(void *arg), void *arg)
{
    size_t n = args->n_joins;
    const struct sys_join *user = n > 0 && args->joins[n - 1].type == CLONE_NEWUSER ? &args->joins[--n] : NULL;
    int own[JOINS_MAX];
    int pidfd = -1;
    struct clone_args clone = {
        .flags = args->flags | (args->ret_pidfd ? CLONE_PIDFD : 0) | (args->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
        .exit_signal = SIGCHLD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .cgroup = args->cgroup_fd >= 0 ? (uint64_t)args->cgroup_fd : 0,
    };

    int r = enter_joins(args->joins, own, n);
    if (r < 0)
        return r;
    int pid = user ? clone_in_user(&clone, user->fd) : clone_plain(&clone);
    if (pid == 0) {
        for (size_t i = 0; i < n; i++)
            fd_close(&own[i]);
        sys_exit(fn(arg));
    }
    leave_joins(args->joins, own, n);
    if (pid > 0 && args->ret_pidfd)
        *args->ret_pidfd = pidfd;
    return pid;
}

void sys_exit(int status)
{
    process_ends();
    SYSCALL(SYS_exit_group, status);
    __builtin_unreachable();
}

int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    process_ends();
    return (int)SYSCALL(SYS_execveat, dirfd, path, argv, envp, flags);
}

int sys_reboot(unsigned int cmd)
{
    if (cmd == LINUX_REBOOT_CMD_POWER_OFF && coverage_machine_ends)
        coverage_machine_ends();
    return (int)SYSCALL(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, cmd, NULL);
}
