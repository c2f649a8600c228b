/* SPDX-License-Identifier: Apache-2.0 */
/* Which news of which child waitid(2) tells, and what becomes of signals that are held back. */
#include <sched.h>
#include <sys/signalfd.h>

#include "mocks/tests/cgroups.h"
#include "mocks/tests/tasks.h"

#define SHORT_NS 20000000

/* The status itself is the argument: a child may run after the caller's block has ended. */
static int ends_with(void *status)
{
    return (int)(uintptr_t)status;
}

static int spawn_in(uint64_t flags, int (*fn)(void *arg), void *arg)
{
    return sys_spawn(&(struct sys_spawn){.flags = flags, .cgroup_fd = -1}, fn, arg);
}

/* ---- which child ---- */

static void await_zombie(int pid)
{
    siginfo_t info;
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
}

CONFORM_CASE(a_descriptor_chooses_among_the_dead)
{
    int pids[3], pidfd;
    siginfo_t info = {0};

    for (int i = 0; i < 3; i++)
        pids[i] = spawn(ends_with, (void *)(uintptr_t)(i + 5));
    for (int i = 0; i < 3; i++)
        await_zombie(pids[i]);
    pidfd = sys_pidfd_open(pids[1], 0);
    expect(sys_waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, pids[1]);
    expect(info.si_signo, SIGCHLD);
    expect(info.si_code, CLD_EXITED);
    expect(sys_waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG), -ECHILD);
    expect(sys_waitid(P_PID, pids[1], &info, WEXITED | WNOHANG), -ECHILD);
    expect(sys_waitid(P_PID, pids[2], &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, pids[2]);
    expect(sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, pids[0]);
}

CONFORM_CASE(descriptor_0_is_one_like_others)
{
    siginfo_t info = {0};
    int pid = spawn(ends_with, (void *)(uintptr_t)7), pidfd = sys_pidfd_open(pid, 0);

    expect(sys_dup3(pidfd, 0, O_CLOEXEC), 0);
    expect(sys_waitid(P_PIDFD, 0, &info, WEXITED), 0);
    expect(info.si_pid, pid);
    expect(sys_waitid(P_PIDFD, -1, &info, WEXITED), -EINVAL);
}

static int start_stopped(void)
{
    int pid = spawn(sleep_for_ever, NULL);

    settles(pid, 'S');
    expect(sys_kill(pid, SIGSTOP), 0);
    expect(settles(pid, 'T'), 'T');
    return pid;
}

CONFORM_CASE(a_descriptor_that_does_not_wait)
{
    siginfo_t info = {0};
    int pid = spawn(sleep_for_ever, NULL);
    int pidfd = sys_pidfd_open(pid, O_NONBLOCK);

    expect(sys_waitid(P_PIDFD, pidfd, &info, WEXITED), -EAGAIN);
    expect(sys_waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG), 0);
    expect(sys_kill(pid, SIGKILL), 0);
    await_zombie(pid);
    expect(sys_waitid(P_PIDFD, pidfd, &info, WEXITED), 0);
    expect(info.si_status, SIGKILL);
    expect(info.si_code, CLD_KILLED);
}

/* ---- which news ---- */

enum deed { STOPS, CONTINUES, DIES };

CONFORM_CASE(news_are_told_to_who_asks_for_them)
{
    static const struct {
        const char *label;
        int n;
        enum deed deeds[3];
        int options, code, status; /* code 0: nothing is told */
    } rows[] = {
        {"stopped, asked for ends", 1, {STOPS}, WEXITED, 0, 0},
        {"stopped, asked for stops", 1, {STOPS}, WSTOPPED, CLD_STOPPED, SIGSTOP},
        {"stopped, asked for continuations", 1, {STOPS}, WCONTINUED, 0, 0},
        {"stopped, asked for ends and continuations", 1, {STOPS}, WEXITED | WCONTINUED, 0, 0},
        {"stopped, asked for all", 1, {STOPS}, WEXITED | WSTOPPED | WCONTINUED, CLD_STOPPED, SIGSTOP},
        {"continued, asked for ends", 2, {STOPS, CONTINUES}, WEXITED, 0, 0},
        {"continued, asked for stops", 2, {STOPS, CONTINUES}, WSTOPPED, 0, 0},
        {"continued, asked for continuations", 2, {STOPS, CONTINUES}, WCONTINUED, CLD_CONTINUED, SIGCONT},
        {"continued without a stop", 1, {CONTINUES}, WCONTINUED, 0, 0},
        {"stopped again, asked for continuations", 3, {STOPS, CONTINUES, STOPS}, WCONTINUED, 0, 0},
        {"stopped again, asked for stops", 3, {STOPS, CONTINUES, STOPS}, WSTOPPED, CLD_STOPPED, SIGSTOP},
        {"dead, asked for stops", 2, {STOPS, DIES}, WSTOPPED, 0, 0},
        {"dead, asked for ends", 2, {STOPS, DIES}, WEXITED, CLD_KILLED, SIGKILL},
        {"dead, asked for continuations", 3, {STOPS, CONTINUES, DIES}, WCONTINUED, 0, 0},
    };
    static const int signals[] = {SIGSTOP, SIGCONT, SIGKILL};
    static const char letters[] = {'T', 'S', 'Z'};

    FOR_CASES(row, rows)
    {
        siginfo_t info = {0};
        int pid = spawn(sleep_for_ever, NULL);
        settles(pid, 'S');
        for (int i = 0; i < row->n; i++) {
            expect(sys_kill(pid, signals[row->deeds[i]]), 0);
            expect(settles(pid, letters[row->deeds[i]]), letters[row->deeds[i]]);
        }
        /* Of a dead child only its end is left to wait for. */
        bool hopeless = row->deeds[row->n - 1] == DIES && !(row->options & WEXITED);
        expect(sys_waitid(P_PID, pid, &info, row->options | WNOHANG), hopeless ? -ECHILD : 0);
        expect(info.si_code, row->code);
        expect(info.si_status, row->status);
        expect(info.si_pid, row->code ? pid : 0);
        sys_kill(pid, SIGKILL);
        sys_waitid(P_PID, pid, &info, WEXITED);
    }
}

/* ---- stopped processes ---- */

CONFORM_CASE(a_stopped_process_takes_only_what_kills_or_continues)
{
    static const struct {
        const char *label;
        int sig;
        char letter; /* that it comes to */
    } rows[] = {
        {"SIGTERM", SIGTERM, 'T'}, {"SIGHUP", SIGHUP, 'T'},   {"SIGUSR1", SIGUSR1, 'T'}, {"SIGSTOP", SIGSTOP, 'T'},
        {"SIGCHLD", SIGCHLD, 'T'}, {"SIGCONT", SIGCONT, 'S'}, {"SIGKILL", SIGKILL, 'Z'}, {"SIGABRT", SIGABRT, 'T'},
    };

    FOR_CASES(row, rows)
    {
        int pid = start_stopped();
        expect(sys_kill(pid, row->sig), 0);
        if (row->letter == 'T')
            sys_nanosleep(SHORT_NS);
        expect(settles(pid, row->letter), row->letter);
        sys_kill(pid, SIGKILL);
        expect(collect(pid), -SIGKILL);
    }
}

CONFORM_CASE(what_a_stopped_process_was_sent_waits_for_it)
{
    static const struct {
        const char *label;
        int sig, status;
    } rows[] = {{"SIGTERM", SIGTERM, -SIGTERM}, {"SIGHUP", SIGHUP, -SIGHUP}, {"SIGUSR2", SIGUSR2, -SIGUSR2}};

    FOR_CASES(row, rows)
    {
        int pid = start_stopped();
        expect(sys_kill(pid, row->sig), 0);
        expect(sys_kill(pid, SIGCONT), 0);
        expect(collect(pid), row->status);
    }
}

CONFORM_CASE(stops_and_continuations_undo_each_other)
{
    int pid = spawn(sleep_for_ever, NULL);
    char path[32];
    uint64_t pending;

    settles(pid, 'S');
    expect(sys_kill(pid, SIGSTOP), 0);
    expect(settles(pid, 'T'), 'T');
    expect(sys_kill(pid, SIGTSTP), 0);
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    pending = strtoull(strstr(text_of(AT_FDCWD, path), "ShdPnd:\t") + 8, NULL, 16);
    expect(pending >> (SIGTSTP - 1) & 1, 1);
    expect(sys_kill(pid, SIGCONT), 0);
    expect(settles(pid, 'S'), 'S');
    pending = strtoull(strstr(text_of(AT_FDCWD, path), "ShdPnd:\t") + 8, NULL, 16);
    expect(pending, 0);
    kill_and_collect(pid);
}

/* ---- held back ---- */

static int signal_reader(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    expect(sys_sigprocmask(SIG_BLOCK, &set, NULL), 0);
    return sys_signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

CONFORM_CASE(a_disposition_forgets_what_it_ignores)
{
    static const struct {
        const char *label;
        int sig;
        void (*before)(int);
        void (*after)(int);
        bool forgotten;
    } rows[] = {
        {"SIGUSR1, to be ignored", SIGUSR1, SIG_DFL, SIG_IGN, true},
        {"SIGUSR1, to be as before", SIGUSR1, SIG_DFL, SIG_DFL, false},
        {"SIGTERM, to be ignored", SIGTERM, SIG_DFL, SIG_IGN, true},
        {"SIGCHLD, to be as before", SIGCHLD, SIG_DFL, SIG_DFL, true},
        {"SIGCHLD, to be ignored", SIGCHLD, SIG_DFL, SIG_IGN, true},
        {"SIGWINCH, to be as before", SIGWINCH, SIG_DFL, SIG_DFL, true},
        {"SIGUSR1, ignored, but blocked", SIGUSR1, SIG_IGN, SIG_IGN, true},
    };

    FOR_CASES(row, rows)
    {
        struct signalfd_siginfo info;
        int fd = signal_reader(row->sig);
        expect(sys_signal(row->sig, row->before), 0);
        expect(sys_kill(sys_getpid(), row->sig), 0);
        expect(sys_signal(row->sig, row->after), 0);
        expect(sys_read(fd, &info, sizeof(info)), row->forgotten ? -EAGAIN : (long)sizeof(info));
        sys_close(fd);
        sys_signal(row->sig, SIG_DFL);
    }
}

/* The pid of the sender as the receiver knows it. */
static int tells_sender(void *arg)
{
    const int *pipe = arg;
    struct signalfd_siginfo info = {0};
    int fd = signal_reader(SIGUSR1);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    sys_write(pipe[1], "x", 1);
    expect(sys_poll(&wait, 1, -1), 1);
    expect(sys_read(fd, &info, sizeof(info)), sizeof(info));
    return (int)info.ssi_pid;
}

CONFORM_CASE(a_sender_from_outside_has_no_number)
{
    static const struct {
        const char *label;
        uint64_t flags;
        bool known;
    } rows[] = {{"the same namespace", 0, true}, {"a namespace below", CLONE_NEWPID, false}};

    FOR_CASES(row, rows)
    {
        int ready[2];
        char byte;
        expect(sys_pipe2(ready, O_CLOEXEC), 0);
        int pid = spawn_in(row->flags, tells_sender, ready);
        expect(sys_read(ready[0], &byte, 1), 1);
        expect(sys_kill(pid, SIGUSR1), 0);
        expect(collect(pid), row->known ? sys_getpid() : 0);
    }
}

/* ---- fifos ---- */

CONFORM_CASE(a_reader_hears_of_the_end_only_after_a_beginning)
{
    struct pollfd poll = {.events = POLLIN};
    char byte;

    expect(sys_mknodat(AT_FDCWD, "/tmp/fifo", S_IFIFO | 0600, 0), 0);
    poll.fd = sys_openat(AT_FDCWD, "/tmp/fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    expect(sys_poll(&poll, 1, 0), 0);
    expect(sys_read(poll.fd, &byte, 1), 0);
    int writer = sys_openat(AT_FDCWD, "/tmp/fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
    expect(sys_poll(&poll, 1, 0), 0);
    expect(sys_read(poll.fd, &byte, 1), -EAGAIN);
    sys_close(writer);
    expect(sys_poll(&poll, 1, 0), 1);
    expect(poll.revents, POLLHUP);
    expect(sys_read(poll.fd, &byte, 1), 0);
    writer = sys_openat(AT_FDCWD, "/tmp/fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
    expect(sys_write(writer, "x", 1), 1);
    sys_close(writer);
    expect(sys_poll(&poll, 1, 0), 1);
    expect(poll.revents, POLLIN | POLLHUP);
}

CONFORM_CASE(a_fifo_opened_both_ways_never_ends)
{
    struct pollfd poll = {.events = POLLIN | POLLOUT};
    char byte;

    expect(sys_mknodat(AT_FDCWD, "/tmp/fifo", S_IFIFO | 0600, 0), 0);
    poll.fd = sys_openat(AT_FDCWD, "/tmp/fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
    expect(sys_poll(&poll, 1, 0), 1);
    expect(poll.revents, POLLOUT);
    expect(sys_read(poll.fd, &byte, 1), -EAGAIN);
    int writer = sys_openat(AT_FDCWD, "/tmp/fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
    sys_close(writer);
    expect(sys_poll(&poll, 1, 0), 1);
    expect(poll.revents, POLLOUT);
    expect(sys_write(poll.fd, "x", 1), 1);
    expect(sys_read(poll.fd, &byte, 1), 1);
}
