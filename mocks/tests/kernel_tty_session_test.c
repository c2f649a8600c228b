/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals and sessions: sizes, controlling terminals, signals to who is in front. */
#include "mocks/tests/terminals.h"

/* ---- sizes ---- */

static int take_terminal(struct pty *pty, bool close_master)
{
    if (close_master)
        sys_close(pty->master);
    if (sys_setsid() < 0)
        return -1;
    return sys_ioctl(pty->slave, TIOCSCTTY, NULL);
}

static int watch(int one, int other)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, one);
    if (other)
        sigaddset(&set, other);
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    return sys_signalfd(-1, &set, 0);
}

/* The next signal that was asked for. */
static int next_signal(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    uint32_t info[32];

    if (sys_poll(&pollfd, 1, 2000) != 1)
        return 0;
    return sys_read(fd, info, sizeof(info)) == sizeof(info) ? (int)info[0] : -1;
}

static int wait_for_new_size(void *arg)
{
    struct pty *pty = arg;
    struct size size = {0};
    int fd = watch(SIGWINCH, 0);

    if (take_terminal(pty, false) < 0)
        return 1;
    sys_write(pty->slave, "r\n", 2);
    if (next_signal(fd) != SIGWINCH)
        return 2;
    sys_ioctl(pty->slave, TIOCGWINSZ, &size);
    return size.rows == 30 && size.columns == 100 ? 3 : 4;
}

CONFORM_CASE(a_new_size_is_a_signal_for_who_is_in_front)
{
    struct pty pty = open_pty();
    struct size size = {30, 100, 0, 0}, now = {9, 9, 9, 9};

    expect(sys_ioctl(pty.master, TIOCGWINSZ, &now), 0);
    expect(now.rows, 0);
    int pid = spawn(wait_for_new_size, &pty);
    struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};
    expect(sys_poll(&pollfd, 1, 2000), 1);
    expect(sys_ioctl(pty.master, TIOCSWINSZ, &size), 0);
    expect(collect(pid), 3);
    expect(sys_ioctl(pty.slave, TIOCGWINSZ, &now), 0);
    expect(now.columns, 100);
}

/* ---- sessions ---- */

static int session_rules(void *arg)
{
    struct pty *pty = arg;
    int number;

    expect(sys_ioctl(pty->slave, TIOCGPGRP, &number), -ENOTTY);
    expect(sys_ioctl(pty->slave, TIOCNOTTY, NULL), -ENOTTY);
    expect(sys_ioctl(pty->slave, TIOCGSID, &number), -ENOTTY);
    expect(sys_ioctl(pty->slave, TIOCSCTTY, NULL), -EPERM);
    expect_true(sys_setsid() > 0);
    expect(sys_ioctl(pty->slave, TIOCSCTTY, NULL), 0);
    expect(sys_ioctl(pty->slave, TIOCSCTTY, NULL), 0);
    expect(sys_ioctl(pty->slave, TIOCGPGRP, &number), 0);
    expect(number, sys_getpid());
    expect(sys_ioctl(pty->master, TIOCGPGRP, &number), 0);
    expect(number, sys_getpid());
    expect(sys_ioctl(pty->slave, TIOCGSID, &number), 0);
    expect(number, sys_getpid());
    number = sys_getpid();
    expect(sys_ioctl(pty->slave, TIOCSPGRP, &number), 0);
    number = 4711;
    expect(sys_ioctl(pty->slave, TIOCSPGRP, &number), -ESRCH);
    number = -1;
    expect(sys_ioctl(pty->slave, TIOCSPGRP, &number), -EINVAL);
    int own = sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0);
    expect_true(own >= 0);
    expect(sys_write(own, "x", 1), 1);
    return 7;
}

CONFORM_CASE(rules_of_controlling_terminals)
{
    struct pty pty = open_pty();

    expect(in_child(session_rules, &pty), 7);
    settle();
    expect_text(read_text(pty.master), "x");
}

static int open_as_own(void *arg)
{
    const bool *no_ctty = arg;
    int number;

    if (sys_setsid() < 0)
        return 1;
    int fd = sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | (*no_ctty ? O_NOCTTY : 0), 0);
    return sys_ioctl(fd, TIOCGPGRP, &number) == 0 ? 2 : 3;
}

CONFORM_CASE(opening_a_terminal_makes_it_the_session_s_own)
{
    static const struct {
        const char *label;
        bool no_ctty;
        int result;
    } rows[] = {{"plain", false, 2}, {"with O_NOCTTY", true, 3}};

    open_pty();
    FOR_CASES(row, rows)
    expect(in_child(open_as_own, (void *)&row->no_ctty), row->result);
}

static int steal(void *arg)
{
    struct pty *pty = arg;

    sys_setsid();
    if (sys_ioctl(pty->slave, TIOCSCTTY, (void *)0) != -EPERM)
        return 1;
    return sys_ioctl(pty->slave, TIOCSCTTY, (void *)1) == 0 ? 2 : 3;
}

static int hold_and_lose(void *arg)
{
    struct pty *pty = arg;
    int number;

    if (take_terminal(pty, false) < 0)
        return 1;
    if (in_child(steal, pty) != 2)
        return 2;
    if (sys_ioctl(pty->slave, TIOCGPGRP, &number) != -ENOTTY)
        return 3;
    return sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0) == -ENXIO ? 4 : 5;
}

CONFORM_CASE(a_terminal_can_be_stolen_by_root)
{
    struct pty pty = open_pty();

    expect(in_child(hold_and_lose, &pty), 4);
}

static int wait_for_hangup(void *arg)
{
    struct pty *pty = arg;
    int fd = watch(SIGHUP, SIGCONT);

    if (take_terminal(pty, true) < 0)
        return 1;
    sys_write(pty->slave, "r\n", 2);
    int one = next_signal(fd), two = next_signal(fd);
    if (one != SIGHUP || two != SIGCONT)
        return 2;
    return sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0) == -ENXIO ? 3 : 4;
}

CONFORM_CASE(the_end_of_the_master_is_a_hangup)
{
    struct pty pty = open_pty();

    int pid = spawn(wait_for_hangup, &pty);
    struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};
    expect(sys_poll(&pollfd, 1, 2000), 1);
    sys_close(pty.master);
    expect(collect(pid), 3);
}

static int wait_for_interrupt(void *arg)
{
    struct pty *pty = arg;

    if (take_terminal(pty, true) < 0)
        return 1;
    sys_write(pty->slave, "r\n", 2);
    sys_nanosleep(UINT64_C(5000000000));
    return 2;
}

CONFORM_CASE(typed_signals)
{
    static const struct {
        const char *label;
        const char *typed;
        int result;
    } rows[] = {{"interrupt", "\003", -SIGINT}, {"quit", "\034", -SIGQUIT}};
    struct pty pty = open_pty();
    struct rlimit none = {0, 0};

    sys_prlimit(0, RLIMIT_CORE, &none, NULL);
    FOR_CASES(row, rows)
    {
        struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};
        int pid = spawn(wait_for_interrupt, &pty);
        expect(sys_poll(&pollfd, 1, 2000), 1);
        type(pty.master, row->typed);
        expect(collect(pid), row->result);
        read_text(pty.master);
    }
}

static int stay(void *arg)
{
    int *ready = arg, fd = watch(SIGHUP, SIGCONT);
    char byte = 1;

    sys_write(ready[1], &byte, 1);
    sys_close(ready[1]);
    int sig = next_signal(fd);
    return sig == SIGHUP ? 0 : 1;
}

static int lead(void *arg)
{
    struct pty *pty = arg;
    int ready[2];
    char byte;

    if (take_terminal(pty, true) < 0)
        return 1;
    sys_pipe2(ready, 0);
    spawn(stay, ready);
    return sys_read(ready[0], &byte, 1) == 1 ? 6 : 2;
}

CONFORM_CASE(the_end_of_the_leader_tells_who_is_in_front)
{
    struct pty pty = open_pty();
    siginfo_t info;

    sys_prctl(36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0);
    int leader = spawn(lead, &pty);
    sys_close(pty.slave);
    expect(collect(leader), 6);
    expect(sys_waitid(P_ALL, 0, &info, WEXITED), 0);
    expect(info.si_status, 0);
    expect_text(read_text(pty.master), "-EIO");
}
