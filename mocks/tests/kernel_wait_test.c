/* SPDX-License-Identifier: Apache-2.0 */
/* waitid(2): whom it finds, what it tells, when it refuses. */
#include "mocks/tests/conform.h"

static int quit(void *arg)
{
    return *(const int *)arg;
}

static int sleep_long(void *arg)
{
    (void)arg;
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static const struct {
    const char *label;
    int idtype, id, options, result;
} refusals[] = {
    {"no kind of news", P_ALL, 0, 0, -EINVAL},
    {"only WNOHANG", P_ALL, 0, WNOHANG, -EINVAL},
    {"only WNOWAIT", P_ALL, 0, WNOWAIT, -EINVAL},
    {"unknown option", P_ALL, 0, WEXITED | 0x100, -EINVAL},
    {"unknown kind of id", 17, 0, WEXITED, -EINVAL},
    {"number 0", P_PID, 0, WEXITED, -EINVAL},
    {"negative number", P_PID, -3, WEXITED, -EINVAL},
    {"no child", P_ALL, 0, WEXITED, -ECHILD},
    {"no child, WNOHANG", P_ALL, 0, WEXITED | WNOHANG, -ECHILD},
    {"no such child", P_PID, 4711, WEXITED, -ECHILD},
    {"init is not a child", P_PID, 1, WEXITED, -ECHILD},
    {"itself is not a child", P_PID, 2, WEXITED, -ECHILD},
    {"only __WALL", P_ALL, 0, __WALL, -EINVAL},
    {"no child, __WALL", P_ALL, 0, WEXITED | __WALL, -ECHILD},
    {"negative pidfd", P_PIDFD, -1, WEXITED, -EINVAL},
    {"negative group", P_PGID, -1, WEXITED, -EINVAL},
    {"no such group", P_PGID, 4711, WEXITED, -ECHILD},
    {"own group without children", P_PGID, 0, WEXITED, -ECHILD},
    {"closed pidfd", P_PIDFD, 777, WEXITED, -EBADF},
};

CONFORM_CASE(waitid_refuses)
{
    siginfo_t info;

    FOR_CASES(row, refusals)
    expect(sys_waitid(row->idtype, row->id, &info, row->options), row->result);
}

CONFORM_CASE(waitid_refuses_a_descriptor_that_is_no_pidfd)
{
    siginfo_t info;
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    expect(sys_waitid(P_PIDFD, pipe[0], &info, WEXITED), -EBADF);
}

CONFORM_CASE(the_status_tells_how_a_child_ended)
{
    static const struct {
        const char *label;
        int sig; /* 0: exits with 3 */
        int code, status;
    } rows[] = {
        {"exit", 0, CLD_EXITED, 3},
        {"SIGKILL", SIGKILL, CLD_KILLED, SIGKILL},
        {"SIGTERM", SIGTERM, CLD_KILLED, SIGTERM},
        {"SIGHUP", SIGHUP, CLD_KILLED, SIGHUP},
        {"SIGINT", SIGINT, CLD_KILLED, SIGINT},
        {"SIGPIPE", SIGPIPE, CLD_KILLED, SIGPIPE},
        {"SIGALRM", SIGALRM, CLD_KILLED, SIGALRM},
        {"SIGUSR1", SIGUSR1, CLD_KILLED, SIGUSR1},
        {"SIGUSR2", SIGUSR2, CLD_KILLED, SIGUSR2},
        {"SIGIO", SIGIO, CLD_KILLED, SIGIO},
        {"SIGPROF", SIGPROF, CLD_KILLED, SIGPROF},
        {"SIGVTALRM", SIGVTALRM, CLD_KILLED, SIGVTALRM},
        {"SIGSTKFLT", SIGSTKFLT, CLD_KILLED, SIGSTKFLT},
        {"SIGPWR", SIGPWR, CLD_KILLED, SIGPWR},
        {"first real-time signal", 34, CLD_KILLED, 34},
        {"last real-time signal", 64, CLD_KILLED, 64},
    };
    siginfo_t info;
    int three = 3;

    FOR_CASES(row, rows)
    {
        int pid = row->sig ? spawn(sleep_long, NULL) : spawn(quit, &three);
        if (row->sig)
            expect(sys_kill(pid, row->sig), 0);
        memset(&info, 0x55, sizeof(info));
        expect(sys_waitid(P_PID, pid, &info, WEXITED), 0);
        expect(info.si_signo, SIGCHLD);
        expect(info.si_pid, pid);
        expect(info.si_uid, 0);
        expect(info.si_code, row->code);
        expect(info.si_status, row->status);
    }
}

CONFORM_CASE(signals_that_dump_core_kill_without_a_core_when_the_limit_is_0)
{
    static const struct {
        const char *label;
        int sig;
    } rows[] = {
        {"SIGQUIT", SIGQUIT}, {"SIGILL", SIGILL},   {"SIGTRAP", SIGTRAP}, {"SIGABRT", SIGABRT}, {"SIGBUS", SIGBUS},
        {"SIGFPE", SIGFPE},   {"SIGSEGV", SIGSEGV}, {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ}, {"SIGSYS", SIGSYS},
    };
    siginfo_t info;

    sys_prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
    FOR_CASES(row, rows)
    {
        int pid = spawn(sleep_long, NULL);
        expect(sys_kill(pid, row->sig), 0);
        expect(sys_waitid(P_PID, pid, &info, WEXITED), 0);
        expect(info.si_code, CLD_KILLED);
        expect(info.si_status, row->sig);
    }
}

CONFORM_CASE(nothing_ready_is_told_by_number_0)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);

    memset(&info, 0x55, sizeof(info));
    expect(sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, 0);
    expect(info.si_signo, 0);
    sys_kill(pid, SIGKILL);
    expect(collect(pid), -SIGKILL);
}

CONFORM_CASE(with_wnowait_a_child_stays)
{
    siginfo_t info;
    int nine = 9;
    int pid = spawn(quit, &nine);

    for (int i = 0; i < 3; i++) {
        expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
        expect(info.si_status, 9);
    }
    expect(sys_kill(pid, 0), 0);
    expect(sys_kill(pid, SIGKILL), 0);
    expect(collect(pid), 9);
    expect(sys_kill(pid, 0), -ESRCH);
    expect(sys_waitid(P_PID, pid, &info, WEXITED), -ECHILD);
}

CONFORM_CASE(children_that_end_with_sigchld_are_no_clones)
{
    siginfo_t info;
    int nine = 9;
    int pid = spawn(quit, &nine);

    expect(sys_waitid(P_PID, pid, &info, WEXITED | __WCLONE), -ECHILD);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | __WALL | WNOWAIT), 0);
    expect(info.si_pid, pid);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | __WALL | __WCLONE), 0);
    expect(info.si_status, 9);
    pid = spawn(quit, &nine);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | __WNOTHREAD), 0);
}

CONFORM_CASE(of_several_ended_children_the_oldest_comes_first)
{
    siginfo_t info;
    int zero = 0, pids[3];

    for (int i = 0; i < 3; i++)
        pids[i] = spawn(quit, &zero);
    for (int i = 2; i >= 0; i--)
        sys_waitid(P_PID, pids[i], &info, WEXITED | WNOWAIT);
    for (int i = 0; i < 3; i++) {
        expect(sys_waitid(P_ALL, 0, &info, WEXITED), 0);
        expect(info.si_pid, pids[i]);
    }
}

/* ---- stop and continue ---- */

CONFORM_CASE(a_stopped_and_a_continued_child_are_news)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);

    sys_kill(pid, SIGSTOP);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
    expect(info.si_code, CLD_STOPPED);
    expect(info.si_status, SIGSTOP);
    expect(info.si_pid, pid);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED | WNOHANG), 0);
    expect(info.si_pid, 0);

    sys_kill(pid, SIGCONT);
    expect(sys_waitid(P_PID, pid, &info, WCONTINUED), 0);
    expect(info.si_code, CLD_CONTINUED);
    expect(info.si_status, SIGCONT);
    expect(sys_waitid(P_PID, pid, &info, WCONTINUED | WNOHANG), 0);
    expect(info.si_pid, 0);

    sys_kill(pid, SIGKILL);
    expect(collect(pid), -SIGKILL);
}

CONFORM_CASE(news_that_nobody_asked_for_are_kept)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);

    sys_kill(pid, SIGSTOP);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, 0);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
    expect(info.si_code, CLD_STOPPED);
    sys_kill(pid, SIGKILL);
    expect(collect(pid), -SIGKILL);
}

CONFORM_CASE(a_continuation_takes_the_stop_back)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);

    sys_kill(pid, SIGSTOP);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
    sys_kill(pid, SIGCONT);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED | WNOHANG), 0);
    expect(info.si_pid, 0);
    expect(sys_waitid(P_PID, pid, &info, WCONTINUED), 0);
    sys_kill(pid, SIGKILL);
    expect(collect(pid), -SIGKILL);
}

CONFORM_CASE(a_stopped_child_is_killed_without_being_continued)
{
    siginfo_t info;
    int pid = spawn(sleep_long, NULL);

    sys_kill(pid, SIGSTOP);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
    sys_kill(pid, SIGTERM);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, 0);
    sys_kill(pid, SIGKILL);
    expect(sys_waitid(P_PID, pid, &info, WEXITED), 0);
    expect(info.si_status, SIGKILL);
}

CONFORM_CASE(the_kinds_of_stop)
{
    static const struct {
        const char *label;
        int sig;
        bool stops; /* a group without a parent that could continue it ignores all but SIGSTOP */
    } rows[] = {
        {"SIGSTOP", SIGSTOP, true},
        {"SIGTSTP", SIGTSTP, false},
        {"SIGTTIN", SIGTTIN, false},
        {"SIGTTOU", SIGTTOU, false},
    };
    siginfo_t info;

    FOR_CASES(row, rows)
    {
        int pid = spawn(sleep_long, NULL);
        expect(sys_kill(pid, row->sig), 0);
        if (!row->stops)
            sys_nanosleep(10000000);
        expect(sys_waitid(P_PID, pid, &info, WSTOPPED | (row->stops ? 0 : WNOHANG)), 0);
        expect(info.si_pid == pid, row->stops);
        sys_kill(pid, SIGKILL);
        expect(collect(pid), -SIGKILL);
    }
}

/* ---- nobody wants to know ---- */

static int ignore_children(void *arg)
{
    siginfo_t info;
    int zero = 0;

    (void)arg;
    sys_signal(SIGCHLD, SIG_IGN);
    spawn(quit, &zero);
    spawn(quit, &zero);
    return sys_waitid(P_ALL, 0, &info, WEXITED) == -ECHILD ? 0 : 1;
}

CONFORM_CASE(who_ignores_sigchld_has_no_zombies_and_waits_for_all)
{
    expect(in_child(ignore_children, NULL), 0);
}

static int ignored_stays_zombie(void *arg)
{
    siginfo_t info;
    int zero = 0;

    (void)arg;
    int pid = spawn(quit, &zero);
    sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    sys_signal(SIGCHLD, SIG_IGN);
    return sys_waitid(P_PID, pid, &info, WEXITED) == 0 ? 0 : 1;
}

CONFORM_CASE(a_zombie_from_before_can_still_be_collected)
{
    expect(in_child(ignored_stays_zombie, NULL), 0);
}

/* ---- grandchildren ---- */

static int leave_child(void *arg)
{
    spawn(sleep_long, arg);
    return 0;
}

CONFORM_CASE(grandchildren_are_nobodys_children)
{
    siginfo_t info;

    expect(in_child(leave_child, NULL), 0);
    expect(sys_waitid(P_ALL, 0, &info, WEXITED), -ECHILD);
}

static int wait_blocking(void *arg)
{
    siginfo_t info;

    (void)arg;
    int pid = spawn(sleep_long, NULL);
    sys_kill(pid, SIGKILL);
    return sys_waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == pid ? 0 : 1;
}

CONFORM_CASE(a_wait_for_all_blocks_until_one_ends)
{
    expect(in_child(wait_blocking, NULL), 0);
}

static int become_user(void *arg)
{
    (void)arg;
    sys_setresuid(1234, 1234, 1234);
    return 4;
}

CONFORM_CASE(the_user_is_told_that_the_child_had)
{
    siginfo_t info;
    int pid = spawn(become_user, NULL);

    expect(sys_waitid(P_PID, pid, &info, WEXITED), 0);
    expect(info.si_uid, 1234);
}

static int lead(void *arg)
{
    sys_setsid();
    sys_write(*(int *)arg, "x", 1);
    return 6;
}

CONFORM_CASE(children_are_found_by_their_group)
{
    siginfo_t info;
    int ready[2], two = 2;
    char byte;

    sys_pipe2(ready, O_CLOEXEC);
    int leader = spawn(lead, &ready[1]);
    int mate = spawn(quit, &two);
    sys_read(ready[0], &byte, 1);
    expect(sys_waitid(P_PGID, leader, &info, WEXITED), 0);
    expect(info.si_pid, leader);
    expect(sys_waitid(P_PGID, leader, &info, WEXITED), -ECHILD);
    expect(sys_waitid(P_PGID, 0, &info, WEXITED), 0);
    expect(info.si_pid, mate);
}

CONFORM_CASE(who_does_not_ask_for_ends_has_no_zombies_as_children)
{
    siginfo_t info;
    int zero = 0;

    int pid = spawn(quit, &zero);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    expect(sys_waitid(P_PID, pid, &info, WSTOPPED | WNOHANG), -ECHILD);
    expect(sys_waitid(P_ALL, 0, &info, WCONTINUED), -ECHILD);
    expect(sys_waitid(P_ALL, 0, &info, WSTOPPED | WEXITED), 0);
}
