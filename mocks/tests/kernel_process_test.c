/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: creation, numbers, sessions, the end, descriptors of processes. */
#include <linux/sched.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>

#include "mocks/tests/capabilities.h"

static int return_value(void *arg)
{
    return *(const int *)arg;
}

static const struct exit_row {
    const char *label;
    int value, status;
} exits[] = {
    {"zero", 0, 0}, {"one", 1, 1}, {"255", 255, 255}, {"256 is cut to its low byte", 256, 0}, {"negative", -1, 255},
};

CONFORM_CASE(a_child_exits_with_what_its_function_returns)
{
    FOR_CASES(row, exits)
    expect(in_child(return_value, (void *)&row->value), row->status);
}

static int call_exit(void *arg)
{
    sys_exit(*(int *)arg);
}

CONFORM_CASE(a_child_exits_with_what_it_says)
{
    FOR_CASES(row, exits)
    expect(in_child(call_exit, (void *)&row->value), row->status);
}

/* ---- numbers ---- */

CONFORM_CASE(numbers_grow_by_one)
{
    int zero = 0;
    int first = spawn(return_value, &zero);
    int second = spawn(return_value, &zero);

    expect(second, first + 1);
    expect(collect(first), 0);
    expect(collect(second), 0);
    expect(sys_getpid(), 2);
    expect(sys_getppid(), 1);
}

static int tell_parent_number(void *arg)
{
    return sys_getppid() == *(int *)arg ? 0 : 1;
}

CONFORM_CASE(a_child_knows_its_parent)
{
    int self = sys_getpid();

    expect(in_child(tell_parent_number, &self), 0);
}

static int is_first(void *arg)
{
    (void)arg;
    return sys_getpid() == 1 && sys_getppid() == 0 ? 0 : sys_getpid();
}

static int spawn_with(uint64_t flags, int (*fn)(void *arg), void *arg)
{
    return sys_spawn(&(struct sys_spawn){.flags = flags, .cgroup_fd = -1}, fn, arg);
}

CONFORM_CASE(the_first_process_of_a_pid_namespace_has_number_1_and_no_visible_parent)
{
    expect(collect(spawn_with(CLONE_NEWPID, is_first, NULL)), 0);
}

static int sleep_long(void *arg)
{
    (void)arg;
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static int sees_only_itself(void *arg)
{
    int outer = *(int *)arg;

    if (sys_kill(outer, 0) != -ESRCH)
        return 1;
    int child = spawn(sleep_long, NULL);
    if (child != 2)
        return 2;
    return sys_kill(2, 0) == 0 ? 0 : 3;
}

CONFORM_CASE(inside_a_pid_namespace_outer_processes_have_no_numbers)
{
    int self = 77;

    expect(collect(spawn_with(CLONE_NEWPID, sees_only_itself, &self)), 0);
}

/* ---- the end of a pid namespace ---- */

static int leave_children(void *arg)
{
    int *write_end = arg;

    for (int i = 0; i < 3; i++)
        spawn(sleep_long, NULL);
    (void)write_end;
    return 5;
}

CONFORM_CASE(the_end_of_init_ends_its_namespace)
{
    int pipe[2];

    expect(sys_pipe2(pipe, O_CLOEXEC), 0);
    int init = spawn_with(CLONE_NEWPID, leave_children, &pipe[1]);
    expect(collect(init), 5);
    sys_close(pipe[1]);
    char byte;
    expect(sys_read(pipe[0], &byte, 1), 0); /* nobody holds the other end any more */
}

static int unshare_pid_twice(void *arg)
{
    int zero = 0;

    (void)arg;
    if (sys_unshare(CLONE_NEWPID) != 0)
        return 1;
    if (sys_unshare(CLONE_NEWPID) != -EINVAL)
        return 2;
    if (spawn_with(CLONE_NEWPID, return_value, &zero) != -EINVAL)
        return 3;
    int first = spawn(return_value, &zero);
    if (first < 0 || collect(first) != 0)
        return 4;
    return spawn(return_value, &zero) == -ENOMEM ? 0 : 5;
}

CONFORM_CASE(after_the_end_of_its_init_nobody_is_born_in_a_namespace)
{
    expect(in_child(unshare_pid_twice, NULL), 0);
}

/* ---- orphans ---- */

struct orphan {
    int fd;
    int parent;
};

/* Tells the number of its parent when that has changed. */
static int tell_new_parent(void *arg)
{
    const struct orphan *orphan = arg;
    int now;

    while ((now = sys_getppid()) == orphan->parent)
        sys_nanosleep(1000000);
    sys_write(orphan->fd, &now, sizeof(now));
    return 0;
}

static int leave_orphan(void *arg)
{
    struct orphan *orphan = arg;

    orphan->parent = sys_getpid();
    spawn(tell_new_parent, orphan);
    return 0;
}

CONFORM_CASE(an_orphan_gets_init_as_its_parent)
{
    int pipe[2], parent = 0;

    sys_pipe2(pipe, O_CLOEXEC);
    struct orphan orphan = {.fd = pipe[1]};
    expect(in_child(leave_orphan, &orphan), 0);
    expect(sys_read(pipe[0], &parent, sizeof(parent)), sizeof(parent));
    expect(parent, 1);
}

CONFORM_CASE(an_orphan_gets_a_subreaper_as_its_parent)
{
    int pipe[2], parent = 0;
    siginfo_t info;

    sys_pipe2(pipe, O_CLOEXEC);
    expect(sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    struct orphan orphan = {.fd = pipe[1]};
    expect(in_child(leave_orphan, &orphan), 0);
    expect(sys_read(pipe[0], &parent, sizeof(parent)), sizeof(parent));
    expect(parent, sys_getpid());
    expect(sys_waitid(P_ALL, 0, &info, WEXITED), 0);
    expect(sys_waitid(P_ALL, 0, &info, WEXITED), -ECHILD);
}

static int die_with_parent(void *arg)
{
    sys_prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    sys_write(*(int *)arg, "x", 1);
    return sleep_long(NULL);
}

static int leave_dependent(void *arg)
{
    int *ends = arg;
    char byte;

    spawn(die_with_parent, &ends[1]);
    sys_read(ends[0], &byte, 1);
    return 0;
}

CONFORM_CASE(a_death_signal_comes_when_the_parent_ends)
{
    int ready[2];
    siginfo_t info;

    sys_pipe2(ready, O_CLOEXEC);
    sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    expect(in_child(leave_dependent, ready), 0);
    expect(sys_waitid(P_ALL, 0, &info, WEXITED), 0);
    expect(info.si_code, CLD_KILLED);
    expect(info.si_status, SIGTERM);
}

/* ---- sessions ---- */

static int new_session(void *arg)
{
    (void)arg;
    if (sys_setsid() != sys_getpid())
        return 1;
    return sys_setsid() == -EPERM ? 0 : 2;
}

CONFORM_CASE(a_session_is_made_once)
{
    expect(in_child(new_session, NULL), 0);
}

static int child_of_leader(void *arg)
{
    (void)arg;
    return sys_setsid() == sys_getpid() ? 0 : 1;
}

static int leader(void *arg)
{
    sys_setsid();
    return in_child(child_of_leader, arg);
}

CONFORM_CASE(a_child_of_a_leader_can_make_its_own_session)
{
    expect(in_child(leader, NULL), 0);
}

/* ---- pidfd ---- */

static const struct {
    const char *label;
    int pid;
    unsigned int flags;
    int result;
} opens[] = {
    {"nobody", 4711, 0, -ESRCH},
    {"zero", 0, 0, -EINVAL},
    {"negative", -1, 0, -EINVAL},
    {"unknown flag", 1, 1u << 30, -EINVAL},
    {"unknown flag, nobody", 4711, 1u << 30, -EINVAL},
    {"negative, unknown flag", -1, 1, -EINVAL},
};

CONFORM_CASE(pidfd_open_refuses)
{
    FOR_CASES(row, opens)
    expect(sys_pidfd_open(row->pid, row->flags), row->result);
}

static uint32_t events_of(int fd)
{
    struct pollfd poll = {.fd = fd, .events = POLLIN};

    sys_poll(&poll, 1, 0);
    return (uint32_t)poll.revents;
}

CONFORM_CASE(a_pidfd_is_readable_from_the_end_on)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);
    int fd = sys_pidfd_open(pid, 0);

    expect_true(fd >= 0);
    expect(events_of(fd), 0);
    expect(sys_pidfd_send_signal(fd, SIGKILL), 0);
    expect(sys_waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT), 0);
    expect(info.si_pid, pid);
    expect(events_of(fd), POLLIN);
    expect(sys_pidfd_send_signal(fd, 0), 0); /* a zombie */
    expect(sys_waitid(P_PIDFD, fd, &info, WEXITED), 0);
    expect(events_of(fd), POLLIN | POLLHUP);
    expect(sys_pidfd_send_signal(fd, 0), -ESRCH);
    expect(sys_pidfd_open(pid, 0), -ESRCH);
    expect(sys_waitid(P_PIDFD, fd, &info, WEXITED), -ECHILD);
}

CONFORM_CASE(a_spawn_gives_a_pidfd)
{
    siginfo_t info;
    int seven = 7, fd = -1;

    int pid = sys_spawn(&(struct sys_spawn){.cgroup_fd = -1, .ret_pidfd = &fd}, return_value, &seven);
    expect_true(pid > 0 && fd >= 0);
    expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    expect(sys_fcntl(fd, F_GETFL, 0) & O_ACCMODE, O_RDWR);
    expect(sys_waitid(P_PIDFD, fd, &info, WEXITED), 0);
    expect(info.si_pid, pid);
    expect(info.si_status, 7);
}

CONFORM_CASE(signals_through_something_else_than_a_pidfd_fail)
{
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    expect(sys_pidfd_send_signal(pipe[0], 0), -EBADF);
    expect(sys_pidfd_send_signal(-1, 0), -EBADF);
    expect(sys_pidfd_send_signal(999, 0), -EBADF);
    int self = sys_pidfd_open(sys_getpid(), 0);
    expect(sys_pidfd_send_signal(self, -1), -EINVAL);
    expect(sys_pidfd_send_signal(self, 65), -EINVAL);
    expect(sys_pidfd_send_signal(self, 0), 0);
}

static int signal_outside(void *arg)
{
    return -sys_pidfd_send_signal(*(int *)arg, 0);
}

CONFORM_CASE(a_pidfd_of_an_outer_process_cannot_be_signalled)
{
    int self = sys_pidfd_open(sys_getpid(), 0);

    expect(collect(spawn_with(CLONE_NEWPID, signal_outside, &self)), EINVAL);
}

CONFORM_CASE(a_pidfd_without_blocking_does_not_wait)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);
    int fd = sys_pidfd_open(pid, PIDFD_NONBLOCK);

    expect(sys_waitid(P_PIDFD, fd, &info, WEXITED), -EAGAIN);
    expect(sys_waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, 0);
    sys_kill(pid, SIGKILL);
    expect(collect(pid), -SIGKILL);
}

/* ---- what a child inherits ---- */

static int inherits(void *arg)
{
    int *pipe = arg;

    if (sys_fcntl(pipe[0], F_GETFD, 0) != FD_CLOEXEC)
        return 1;
    return sys_umask(0) == 027 ? 0 : 2;
}

CONFORM_CASE(a_child_has_copies_of_descriptors_and_the_mask_of_modes)
{
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    sys_umask(027);
    expect(in_child(inherits, pipe), 0);
    expect(sys_umask(0), 027);
}

static int close_all(void *arg)
{
    (void)arg;
    return -sys_close_range(0, ~0U, 0);
}

CONFORM_CASE(closing_in_a_child_leaves_the_parent_alone)
{
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    expect(in_child(close_all, NULL), 0);
    expect(sys_write(pipe[1], "x", 1), 1);
}

/* ---- limits ---- */

static int too_many(void *arg)
{
    int zero = 0;

    (void)arg;
    sys_prlimit(0, RLIMIT_NPROC, &(struct rlimit){2, 2}, NULL);
    sys_setresuid(4242, 4242, 4242);
    int first = spawn(sleep_long, NULL);
    if (first < 0)
        return 1;
    int r = spawn(return_value, &zero);
    sys_kill(first, SIGKILL);
    collect(first);
    int again = spawn(return_value, &zero);
    return r == -EAGAIN && again > 0 && collect(again) == 0 ? 0 : 2;
}

CONFORM_CASE(a_user_has_no_more_processes_than_the_limit)
{
    expect(in_child(too_many, NULL), 0);
}

static int root_above_limit(void *arg)
{
    int zero = 0;

    (void)arg;
    sys_prlimit(0, RLIMIT_NPROC, &(struct rlimit){0, 0}, NULL);
    int pid = spawn(return_value, &zero);
    return pid > 0 ? collect(pid) : 1;
}

CONFORM_CASE(root_may_pass_the_limit_of_processes)
{
    expect(in_child(root_above_limit, NULL), 0);
}

/* ---- reboot ---- */

static int reboot_with(void *arg)
{
    return -sys_reboot(*(unsigned int *)arg);
}

CONFORM_CASE(reboot_inside_a_pid_namespace_ends_it)
{
    static const struct {
        const char *label;
        unsigned int cmd;
        int status;
    } rows[] = {
        {"restart", 0x01234567, -SIGHUP}, {"power off", 0x4321fedc, -SIGINT},      {"halt", 0xcdef0123, -SIGINT},
        {"ctrl-alt-del off", 0, EINVAL},  {"ctrl-alt-del on", 0x89abcdef, EINVAL}, {"unknown", 4711, EINVAL},
    };

    FOR_CASES(row, rows)
    {
        unsigned int cmd = row->cmd;
        expect(collect(spawn_with(CLONE_NEWPID, reboot_with, &cmd)), row->status);
    }
}

static int reboot_from_child(void *arg)
{
    int zero = 0;
    unsigned int cmd = *(unsigned int *)arg;

    spawn(return_value, &zero);
    spawn(reboot_with, &cmd);
    return sleep_long(NULL);
}

CONFORM_CASE(any_process_of_the_namespace_can_reboot_it)
{
    unsigned int restart = 0x01234567;

    expect(collect(spawn_with(CLONE_NEWPID, reboot_from_child, &restart)), -SIGHUP);
}

static int reboot_as_user(void *arg)
{
    sys_setresuid(1000, 1000, 1000);
    return -sys_reboot(*(unsigned int *)arg);
}

CONFORM_CASE(a_user_cannot_reboot)
{
    unsigned int restart = 0x01234567;

    expect(collect(spawn_with(CLONE_NEWPID, reboot_as_user, &restart)), EPERM);
}

/* ---- time and randomness ---- */

CONFORM_CASE(time_passes_while_one_sleeps)
{
    uint64_t before = sys_monotonic_ns(), real = sys_realtime_ns();

    sys_nanosleep(3000000);
    expect_true(sys_monotonic_ns() - before >= 3000000);
    expect_true(sys_realtime_ns() - real >= 3000000);
}

CONFORM_CASE(random_bytes_come_in_full)
{
    static const struct {
        const char *label;
        size_t len;
        unsigned int flags;
        long result;
    } rows[] = {
        {"none", 0, 0, 0},
        {"one", 1, 0, 1},
        {"odd", 13, 0, 13},
        {"many", 4096, 0, 4096},
        {"not blocking", 8, 1, 8},
        {"from /dev/random", 8, 2, 8},
        {"insecure", 8, 4, 8},
        {"both sources", 8, 6, -EINVAL},
        {"unknown flag", 8, 8, -EINVAL},
    };
    unsigned char a[4096], b[4096];

    FOR_CASES(row, rows)
    expect(sys_getrandom(a, row->len, row->flags), row->result);
    memset(b, 0, sizeof(b));
    sys_getrandom(b, 64, 0);
    expect_true(memcmp(a, b, 64) != 0);
}

/* ---- nice value ---- */

static int nice_value(void)
{
    char text[512];
    int nice = 99;
    int fd = sys_openat(AT_FDCWD, "/proc/self/stat", O_RDONLY, 0);
    ssize_t n = sys_read(fd, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    const char *rest = strrchr(text, ')');
    if (rest)
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %d", &nice);
    sys_close(fd);
    return nice;
}

static int answer_nice(void *arg UNUSED)
{
    return nice_value();
}

static int without_capabilities(void *arg UNUSED)
{
    expect(caps_drop_to(0), 0);
    expect(sys_setpriority(PRIO_PROCESS, 0, 8), 0);
    expect(sys_setpriority(PRIO_PROCESS, 0, 7), -EACCES);
    expect(sys_setpriority(PRIO_PROCESS, 0, 8), 0);
    return nice_value();
}

CONFORM_CASE(nice_values)
{
    expect(nice_value(), 0);
    expect(sys_setpriority(PRIO_PROCESS, 0, 5), 0);
    expect(nice_value(), 5);
    expect(in_child(answer_nice, NULL), 5);
    expect(in_child(without_capabilities, NULL), 8);
    expect(sys_setpriority(PRIO_PROCESS, 0, 100), 0);
    expect(nice_value(), 19);
    expect(sys_setpriority(PRIO_PROCESS, 0, -3), 0);
    expect(nice_value(), -3);
    expect(sys_setpriority(17, 0, 0), -EINVAL);
}
