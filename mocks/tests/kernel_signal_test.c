/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: who may send them, what they do, when they wait. */
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "mocks/tests/tasks.h"

static int sleep_long(void *arg)
{
    (void)arg;
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static sigset_t set_of(int sig)
{
    sigset_t set;

    sigemptyset(&set);
    if (sig > 0)
        sigaddset(&set, sig);
    return set;
}

/* ---- kill ---- */

static const struct {
    const char *label;
    int pid, sig, result;
} kills[] = {
    {"nobody", 4711, 0, -ESRCH},
    {"nobody, unknown signal", 4711, 999, -ESRCH},
    {"the smallest number", -2147483647 - 1, 0, -ESRCH},
    {"no such group", -4711, 0, -ESRCH},
    {"self, nothing", 2, 0, 0},
    {"self, unknown signal", 2, 65, -EINVAL},
    {"self, negative signal", 2, -1, -EINVAL},
    {"init, nothing", 1, 0, 0},
    {"init does not take SIGKILL from inside", 1, SIGKILL, 0},
    {"init does not take SIGTERM", 1, SIGTERM, 0},
    {"init does not stop", 1, SIGSTOP, 0},
    {"own group, nothing", 0, 0, 0},
    {"everybody else, nothing: nobody there", -1, 0, -ESRCH},
};

CONFORM_CASE(kill_answers)
{
    FOR_CASES(row, kills)
    expect(sys_kill(row->pid, row->sig), row->result);
}

CONFORM_CASE(a_default_action)
{
    static const struct {
        const char *label;
        int sig;
        bool deadly;
    } rows[] = {
        {"SIGCHLD", SIGCHLD, false}, {"SIGURG", SIGURG, false},  {"SIGWINCH", SIGWINCH, false},
        {"SIGCONT", SIGCONT, false}, {"SIGTERM", SIGTERM, true}, {"SIGUSR1", SIGUSR1, true},
        {"SIGPIPE", SIGPIPE, true},  {"SIGPWR", SIGPWR, true},   {"40", 40, true},
    };

    FOR_CASES(row, rows)
    {
        int pid = spawn(sleep_long, NULL);
        expect(sys_kill(pid, row->sig), 0);
        if (!row->deadly)
            sys_kill(pid, SIGKILL);
        expect(collect(pid), row->deadly ? -row->sig : -SIGKILL);
    }
}

static int kill_self(void *arg)
{
    sys_kill(sys_getpid(), *(int *)arg);
    return 77; /* not reached for a deadly signal */
}

CONFORM_CASE(a_deadly_signal_to_itself_is_taken_before_kill_returns)
{
    static const struct {
        const char *label;
        int sig, status;
    } rows[] = {
        {"SIGKILL", SIGKILL, -SIGKILL}, {"SIGTERM", SIGTERM, -SIGTERM}, {"SIGCHLD", SIGCHLD, 77}, {"0", 0, 77}, {"64", 64, -64},
    };

    FOR_CASES(row, rows)
    {
        int sig = row->sig;
        expect(in_child(kill_self, &sig), row->status);
    }
}

/* ---- masks ---- */

struct masked {
    int sig;
    int how; /* second change, -1: none */
};

static int block_and_kill_self(void *arg)
{
    const struct masked *masked = arg;
    sigset_t set = set_of(masked->sig);

    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), masked->sig);
    if (masked->how >= 0) {
        sigset_t none = set_of(0);
        sys_sigprocmask(masked->how, masked->how == SIG_SETMASK ? &none : &set, NULL);
    }
    return 55;
}

CONFORM_CASE(a_blocked_signal_waits_until_it_is_unblocked)
{
    static const struct {
        const char *label;
        struct masked masked;
        int status;
    } rows[] = {
        {"blocked", {SIGTERM, -1}, 55},
        {"unblocked", {SIGTERM, SIG_UNBLOCK}, -SIGTERM},
        {"mask emptied", {SIGUSR1, SIG_SETMASK}, -SIGUSR1},
        {"blocked again", {SIGUSR1, SIG_BLOCK}, 55},
        {"SIGKILL cannot be blocked", {SIGKILL, -1}, -SIGKILL},
        {"ignored by default, unblocked", {SIGCHLD, SIG_UNBLOCK}, 55},
    };

    FOR_CASES(row, rows)
    expect(in_child(block_and_kill_self, (void *)&row->masked), row->status);
}

CONFORM_CASE(sigprocmask_answers)
{
    sigset_t set = set_of(SIGTERM), old, now;

    expect(sys_sigprocmask(SIG_BLOCK, NULL, &old), 0);
    expect(sys_sigprocmask(77, NULL, &old), 0);
    expect(sys_sigprocmask(77, &set, NULL), -EINVAL);
    expect(sys_sigprocmask(-1, &set, NULL), -EINVAL);
    expect(sys_sigprocmask(SIG_BLOCK, &set, &old), 0);
    expect(sigismember(&old, SIGTERM), 0);
    sigaddset(&set, SIGKILL);
    sigaddset(&set, SIGSTOP);
    expect(sys_sigprocmask(SIG_SETMASK, &set, &old), 0);
    expect(sigismember(&old, SIGTERM), 1);
    expect(sys_sigprocmask(SIG_BLOCK, NULL, &now), 0);
    expect(sigismember(&now, SIGTERM), 1);
    expect(sigismember(&now, SIGKILL), 0);
    expect(sigismember(&now, SIGSTOP), 0);
}

static int mask_is_inherited(void *arg)
{
    sigset_t now;

    (void)arg;
    sys_sigprocmask(SIG_BLOCK, NULL, &now);
    if (!sigismember(&now, SIGUSR2))
        return 1;
    /* what was pending for the parent is not */
    sigset_t set = set_of(SIGUSR2);
    sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 0;
}

CONFORM_CASE(a_child_inherits_the_mask_but_no_pending_signal)
{
    sigset_t set = set_of(SIGUSR2);

    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), SIGUSR2);
    expect(in_child(mask_is_inherited, NULL), 0);
}

/* ---- dispositions ---- */

CONFORM_CASE(signal_answers)
{
    static const struct {
        const char *label;
        int sig, result;
    } rows[] = {
        {"0", 0, -EINVAL},
        {"negative", -1, -EINVAL},
        {"65", 65, -EINVAL},
        {"SIGKILL", SIGKILL, -EINVAL},
        {"SIGSTOP", SIGSTOP, -EINVAL},
        {"SIGTERM", SIGTERM, 0},
        {"SIGCHLD", SIGCHLD, 0},
        {"64", 64, 0},
    };

    FOR_CASES(row, rows)
    {
        expect(sys_signal(row->sig, SIG_IGN), row->result);
        expect(sys_signal(row->sig, SIG_DFL), row->result);
    }
}

static int ignore_and_kill_self(void *arg)
{
    int sig = *(int *)arg;

    sys_signal(sig, SIG_IGN);
    sys_kill(sys_getpid(), sig);
    return 33;
}

static int inherits_ignored(void *arg)
{
    sys_kill(sys_getpid(), SIGTERM);
    (void)arg;
    return 44;
}

CONFORM_CASE(an_ignored_signal_does_nothing)
{
    int sig = SIGTERM;

    expect(in_child(ignore_and_kill_self, &sig), 33);
    sys_signal(SIGTERM, SIG_IGN);
    expect(in_child(inherits_ignored, NULL), 44);
}

static int ignoring_drops_pending(void *arg)
{
    sigset_t set = set_of(SIGTERM);

    (void)arg;
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), SIGTERM);
    sys_signal(SIGTERM, SIG_IGN);
    sys_signal(SIGTERM, SIG_DFL);
    sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 22;
}

CONFORM_CASE(ignoring_a_signal_drops_the_pending_one)
{
    expect(in_child(ignoring_drops_pending, NULL), 22);
}

static int blocked_and_ignored_waits(void *arg)
{
    sigset_t set = set_of(SIGTERM);
    struct signalfd_siginfo info;

    (void)arg;
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_signal(SIGTERM, SIG_IGN);
    sys_kill(sys_getpid(), SIGTERM);
    int fd = sys_signalfd(-1, &set, SFD_NONBLOCK);
    return sys_read(fd, &info, sizeof(info)) == sizeof(info) ? 0 : 1;
}

CONFORM_CASE(a_blocked_signal_is_kept_though_it_is_ignored)
{
    expect(in_child(blocked_and_ignored_waits, NULL), 0);
}

/* ---- permission ---- */

struct sender {
    uid_t ruid, euid, suid; /* of the sender */
    int target;
    int sig;
};

static int send_as(void *arg)
{
    const struct sender *sender = arg;

    sys_setresuid(sender->ruid, sender->euid, sender->suid);
    return -sys_kill(sender->target, sender->sig);
}

struct receiver {
    const uid_t *ids;
    int ready;
};

static int sleep_as(void *arg)
{
    const struct receiver *receiver = arg;

    sys_setresuid(receiver->ids[0], receiver->ids[1], receiver->ids[2]);
    sys_write(receiver->ready, "x", 1);
    return sleep_long(NULL);
}

CONFORM_CASE(users_signal_their_own_processes)
{
    static const struct {
        const char *label;
        uid_t from[3], to[3]; /* real, effective, saved */
        int sig, result;
    } rows[] = {
        {"same user", {10, 10, 10}, {10, 10, 10}, SIGTERM, 0},
        {"other user", {10, 10, 10}, {11, 11, 11}, SIGTERM, EPERM},
        {"other user, nothing", {10, 10, 10}, {11, 11, 11}, 0, EPERM},
        {"other user, SIGCONT in the same session", {10, 10, 10}, {11, 11, 11}, SIGCONT, 0},
        {"real user is the target's saved one", {10, 12, 12}, {11, 11, 10}, SIGTERM, 0},
        {"effective user is the target's real one", {12, 10, 12}, {10, 11, 11}, SIGTERM, 0},
        {"only the target's effective user fits", {10, 10, 10}, {11, 10, 11}, SIGTERM, EPERM},
        {"only the own saved user fits", {12, 12, 10}, {10, 10, 10}, SIGTERM, EPERM},
        {"root's process", {10, 10, 10}, {0, 0, 0}, SIGTERM, EPERM},
        {"root sends", {0, 0, 0}, {11, 11, 11}, SIGTERM, 0},
    };
    int ready[2];
    char byte;

    sys_pipe2(ready, O_CLOEXEC);
    FOR_CASES(row, rows)
    {
        struct receiver receiver = {row->to, ready[1]};
        int target = spawn(sleep_as, &receiver);
        sys_read(ready[0], &byte, 1);
        struct sender sender = {row->from[0], row->from[1], row->from[2], target, row->sig};
        expect(in_child(send_as, &sender), row->result);
        sys_kill(target, SIGKILL);
        collect(target);
    }
}

/* ---- groups ---- */

static int session_of_three(void *arg)
{
    int *fd = arg;
    int pids[2];

    sys_setsid();
    for (int i = 0; i < 2; i++)
        pids[i] = spawn(sleep_long, NULL);
    sys_signal(SIGTERM, SIG_IGN);
    sys_write(fd[1], "x", 1);
    for (int i = 0; i < 2; i++) {
        if (collect(pids[i]) != -SIGTERM)
            return 1;
    }
    return 0;
}

CONFORM_CASE(a_group_is_signalled_as_a_whole)
{
    int fds[2];
    char byte;

    sys_pipe2(fds, O_CLOEXEC);
    int leader = spawn(session_of_three, fds);
    sys_read(fds[0], &byte, 1);
    expect(sys_kill(-leader, SIGTERM), 0);
    expect(collect(leader), 0);
    expect(sys_kill(-leader, SIGTERM), -ESRCH);
}

static int leave_member(void *arg)
{
    sys_setsid();
    spawn(sleep_long, NULL);
    (void)arg;
    return 0;
}

CONFORM_CASE(a_group_outlives_its_leader)
{
    int leader = spawn(leave_member, NULL);

    expect(collect(leader), 0);
    expect(sys_kill(-leader, 0), 0);
    expect(sys_kill(leader, 0), -ESRCH);
    expect(sys_kill(-leader, SIGKILL), 0);
    int r = 0;
    for (int i = 0; i < 1000 && r == 0; i++) { /* until init has collected it */
        sys_nanosleep(1000000);
        r = sys_kill(-leader, 0);
    }
    expect(r, -ESRCH);
}

static int kill_everybody(void *arg)
{
    (void)arg;
    int a = spawn(sleep_long, NULL), b = spawn(sleep_long, NULL);
    if (sys_kill(-1, SIGKILL) != 0)
        return 1;
    return collect(a) == -SIGKILL && collect(b) == -SIGKILL ? 0 : 2;
}

CONFORM_CASE(everybody_is_all_in_sight_but_init_and_the_sender)
{
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWPID, .cgroup_fd = -1}, kill_everybody, NULL);

    expect(collect(pid), 0);
}

/* ---- init ---- */

CONFORM_CASE(init_takes_only_sigkill_and_sigstop_and_only_from_outside)
{
    static const struct {
        const char *label;
        int sig, status;
    } rows[] = {
        {"SIGKILL", SIGKILL, -SIGKILL},
        {"SIGTERM", SIGTERM, 0},
        {"SIGSEGV", SIGSEGV, 0},
        {"40", 40, 0},
    };
    siginfo_t info;

    FOR_CASES(row, rows)
    {
        int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWPID, .cgroup_fd = -1}, sleep_long, NULL);
        expect(sys_kill(pid, row->sig), 0);
        sys_nanosleep(10000000);
        expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT | (row->status == 0 ? WNOHANG : 0)), 0);
        expect(info.si_pid != 0, row->status != 0);
        sys_kill(pid, SIGKILL);
        expect(collect(pid), -SIGKILL);
    }
}

static int kill_init(void *arg)
{
    int sig = *(int *)arg;
    if (sys_getpid() != 1)
        return 1;
    sys_kill(1, sig);
    return 66;
}

CONFORM_CASE(init_survives_its_own_signals)
{
    static const struct {
        const char *label;
        int sig;
    } rows[] = {{"SIGKILL", SIGKILL}, {"SIGTERM", SIGTERM}, {"SIGSTOP", SIGSTOP}, {"SIGUSR1", SIGUSR1}};

    FOR_CASES(row, rows)
    {
        int sig = row->sig;
        int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWPID, .cgroup_fd = -1}, kill_init, &sig);
        expect(collect(pid), 66);
    }
}

/* ---- signalfd ---- */

static int signalfd_of(int sig)
{
    sigset_t set = set_of(sig);

    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    return sys_signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

CONFORM_CASE(signalfd_tells_who_sent)
{
    static const struct {
        const char *label;
        int sig;
    } rows[] = {{"SIGTERM", SIGTERM}, {"SIGUSR1", SIGUSR1}, {"SIGCHLD", SIGCHLD}, {"35", 35}};
    struct signalfd_siginfo info;

    FOR_CASES(row, rows)
    {
        int fd = signalfd_of(row->sig);
        expect(sys_read(fd, &info, sizeof(info)), -EAGAIN);
        sys_kill(sys_getpid(), row->sig);
        expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
        expect(info.ssi_signo, row->sig);
        expect(info.ssi_code, SI_USER);
        expect(info.ssi_pid, sys_getpid());
        expect(info.ssi_uid, 0);
        expect(sys_read(fd, &info, sizeof(info)), -EAGAIN);
        sys_close(fd);
    }
}

static int quit(void *arg)
{
    return *(int *)arg;
}

CONFORM_CASE(signalfd_tells_of_the_end_of_a_child)
{
    struct signalfd_siginfo info;
    siginfo_t end;
    int five = 5;
    int fd = signalfd_of(SIGCHLD);

    int pid = spawn(quit, &five);
    sys_waitid(P_PID, pid, &end, WEXITED | WNOWAIT);
    expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
    expect(info.ssi_signo, SIGCHLD);
    expect(info.ssi_code, CLD_EXITED);
    expect(info.ssi_pid, pid);
    expect(info.ssi_status, 5);
    collect(pid);
}

CONFORM_CASE(several_ends_are_one_signal)
{
    struct signalfd_siginfo info;
    siginfo_t end;
    int zero = 0, pids[4];
    int fd = signalfd_of(SIGCHLD);

    for (int i = 0; i < 4; i++)
        pids[i] = spawn(quit, &zero);
    for (int i = 0; i < 4; i++)
        sys_waitid(P_PID, pids[i], &end, WEXITED | WNOWAIT);
    expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
    expect(sys_read(fd, &info, sizeof(info)), -EAGAIN);
    for (int i = 0; i < 4; i++)
        expect(collect(pids[i]), 0);
    expect(sys_read(fd, &info, sizeof(info)), -EAGAIN);
}

CONFORM_CASE(signals_come_lowest_first_and_real_time_ones_queue)
{
    sigset_t set = set_of(SIGTERM);
    struct signalfd_siginfo info;
    static const int sent[] = {40, SIGTERM, 40, SIGHUP, SIGTERM, 40, 35};
    static const int got[] = {SIGHUP, SIGTERM, 35, 40, 40, 40};

    sigaddset(&set, 40);
    sigaddset(&set, 35);
    sigaddset(&set, SIGHUP);
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = sys_signalfd(-1, &set, SFD_NONBLOCK);
    for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
        sys_kill(sys_getpid(), sent[i]);
    for (size_t i = 0; i < ARRAY_SIZE(got); i++) {
        expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
        expect(info.ssi_signo, got[i]);
    }
    expect(sys_read(fd, &info, sizeof(info)), -EAGAIN);
}

CONFORM_CASE(a_stop_and_a_continuation_are_told_to_the_parent)
{
    struct signalfd_siginfo info;
    siginfo_t news;
    int fd = signalfd_of(SIGCHLD);
    int pid = spawn(sleep_long, NULL);

    sys_kill(pid, SIGSTOP);
    sys_waitid(P_PID, pid, &news, WSTOPPED);
    expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
    expect(info.ssi_code, CLD_STOPPED);
    expect(info.ssi_status, SIGSTOP);
    sys_kill(pid, SIGCONT);
    sys_waitid(P_PID, pid, &news, WCONTINUED);
    sys_nanosleep(5000000);
    expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
    expect(info.ssi_code, CLD_CONTINUED);
    expect(info.ssi_status, SIGCONT);
    sys_kill(pid, SIGKILL);
    collect(pid);
}

/* ---- stop and continue ---- */

static int stop_and_continue(void *arg)
{
    sigset_t set = set_of(SIGCONT);

    (void)arg;
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), SIGSTOP);
    return 12;
}

CONFORM_CASE(sigcont_continues_though_it_is_blocked)
{
    siginfo_t info;
    int pid = spawn(stop_and_continue, NULL);

    expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
    expect(info.si_status, SIGSTOP);
    sys_kill(pid, SIGCONT);
    expect(collect(pid), 12);
}

static int cancel_stop(void *arg)
{
    sigset_t set = set_of(SIGTSTP);

    (void)arg;
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), SIGTSTP);
    sys_kill(sys_getpid(), SIGCONT);
    sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 13;
}

CONFORM_CASE(sigcont_drops_a_pending_stop)
{
    expect(in_child(cancel_stop, NULL), 13);
}

static int poll_for_ever(void *arg)
{
    struct epoll_event event;
    int epoll = sys_epoll_create1(0);

    sys_write(*(int *)arg, "x", 1);
    return sys_epoll_wait(epoll, &event, 1, -1) == 0 ? 21 : 22;
}

CONFORM_CASE(a_stop_interrupts_epoll_wait)
{
    siginfo_t info;
    int ready[2];
    char byte;

    sys_pipe2(ready, O_CLOEXEC);
    int pid = spawn(poll_for_ever, &ready[1]);
    sys_read(ready[0], &byte, 1);
    expect(settles(pid, 'S'), 'S');
    sys_kill(pid, SIGSTOP);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
    sys_kill(pid, SIGCONT);
    expect(collect(pid), 21);
}

static int sleep_measured(void *arg)
{
    uint64_t before = sys_monotonic_ns();

    (void)arg;
    sys_nanosleep(60000000);
    return sys_monotonic_ns() - before >= 60000000 ? 0 : 1;
}

CONFORM_CASE(a_stop_does_not_shorten_a_sleep)
{
    siginfo_t info;
    int pid = spawn(sleep_measured, NULL);

    sys_nanosleep(10000000);
    sys_kill(pid, SIGSTOP);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
    sys_kill(pid, SIGCONT);
    expect(collect(pid), 0);
}

static int wait_for_zombie_signal(void *arg)
{
    (void)arg;
    return 0;
}

CONFORM_CASE(zombies_can_be_signalled)
{
    siginfo_t info;
    int pid = spawn(wait_for_zombie_signal, NULL);

    sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    expect(sys_kill(pid, 0), 0);
    expect(sys_kill(pid, SIGTERM), 0);
    expect(sys_kill(pid, 65), -EINVAL);
    expect(collect(pid), 0);
    expect(sys_kill(pid, 65), -ESRCH);
}
