/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and ends of processes as something to wait for: signalfd, pidfd. */
#include "mocks/tests/conform.h"

#include <sys/signalfd.h>

static struct signalfd_siginfo infos[4];

static sigset_t set_of(int one, int other)
{
    sigset_t set;

    sigemptyset(&set);
    if (one)
        sigaddset(&set, one);
    if (other)
        sigaddset(&set, other);
    return set;
}

static int block_and_open(int one, int other)
{
    sigset_t set = set_of(one, other);

    expect(sys_sigprocmask(SIG_BLOCK, &set, NULL), 0);
    return sys_signalfd(-1, &set, SFD_NONBLOCK);
}

static short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

CONFORM_CASE(signalfd_arguments)
{
    sigset_t set = set_of(SIGUSR1, 0);
    int other = sys_eventfd(0, 0), good = sys_signalfd(-1, &set, 0);
    const struct {
        const char *label;
        int fd, flags, result;
    } rows[] = {
        {"none", -1, 0, 0},
        {"close-on-exec", -1, SFD_CLOEXEC, 0},
        {"non-blocking", -1, SFD_NONBLOCK, 0},
        {"unknown flag", -1, 1, -EINVAL},
        {"change of another kind", other, 0, -EINVAL},
        {"change of nothing", 99, 0, -EBADF},
        {"-2", -2, 0, -EBADF},
        {"change", good, 0, 0},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_signalfd(row->fd, &set, row->flags);
        expect(fd < 0 ? fd : 0, row->result);
        if (fd >= 0 && row->fd == -1)
            expect(sys_fcntl(fd, F_GETFL, 0), O_RDWR | (row->flags & SFD_NONBLOCK));
        if (row->fd == good)
            expect(fd, good);
    }
}

CONFORM_CASE(pending_signals_are_read_in_order_of_number)
{
    int fd = block_and_open(SIGUSR1, SIGTERM);

    expect(poll_now(fd), 0);
    expect(sys_read(fd, infos, sizeof(infos)), -EAGAIN);
    expect(sys_kill(sys_getpid(), SIGTERM), 0);
    expect(sys_kill(sys_getpid(), SIGUSR1), 0);
    expect(sys_kill(sys_getpid(), SIGUSR1), 0);
    expect(poll_now(fd), POLLIN);
    expect(sys_read(fd, infos, sizeof(infos)), 2 * (long)sizeof(infos[0]));
    expect(infos[0].ssi_signo, SIGUSR1);
    expect(infos[0].ssi_code, SI_USER);
    expect(infos[0].ssi_pid, sys_getpid());
    expect(infos[0].ssi_uid, 0);
    expect(infos[1].ssi_signo, SIGTERM);
    expect(poll_now(fd), 0);
    expect(sys_read(fd, infos, sizeof(infos)), -EAGAIN);
}

CONFORM_CASE(signalfd_buffers)
{
    static const struct {
        const char *label;
        size_t len;
        long result;
    } rows[] = {
        {"nothing", 0, -EINVAL}, {"almost one", 127, -EINVAL}, {"one", 128, 128}, {"almost two", 255, 128}, {"two", 256, 256},
    };

    FOR_CASES(row, rows)
    {
        int fd = block_and_open(SIGUSR1, SIGUSR2);
        sys_kill(sys_getpid(), SIGUSR1);
        sys_kill(sys_getpid(), SIGUSR2);
        expect(sys_read(fd, infos, row->len), row->result);
        sys_read(fd, infos, sizeof(infos));
        sys_close(fd);
    }
}

CONFORM_CASE(only_the_signals_of_the_mask)
{
    int fd = block_and_open(SIGUSR1, 0);
    int other = block_and_open(SIGUSR2, 0);

    sys_kill(sys_getpid(), SIGUSR2);
    expect(poll_now(fd), 0);
    expect(poll_now(other), POLLIN);
    sigset_t both = set_of(SIGUSR1, SIGUSR2);
    expect(sys_signalfd(fd, &both, 0), fd);
    expect(poll_now(fd), POLLIN);
    expect(sys_read(fd, infos, 128), 128);
    expect(poll_now(other), 0);
}

CONFORM_CASE(kill_and_stop_cannot_be_asked_for)
{
    sigset_t set = set_of(SIGKILL, SIGSTOP);

    int fd = sys_signalfd(-1, &set, SFD_NONBLOCK);
    expect_true(fd >= 0);
    expect(sys_read(fd, infos, 128), -EAGAIN);
    expect(sys_write(fd, infos, 128), -EINVAL);
}

static int exit_with(void *arg)
{
    return *(int *)arg;
}

static int wait_for_kill(void *arg)
{
    (void)arg;
    sys_nanosleep(UINT64_C(3600000000000));
    return 0;
}

CONFORM_CASE(the_end_of_a_child_is_a_signal)
{
    int fd = block_and_open(SIGCHLD, 0), status = 9;

    int pid = spawn(exit_with, &status);
    expect(collect(pid), 9);
    expect(sys_read(fd, infos, sizeof(infos)), 128);
    expect(infos[0].ssi_signo, SIGCHLD);
    expect(infos[0].ssi_code, CLD_EXITED);
    expect(infos[0].ssi_pid, pid);
    expect(infos[0].ssi_status, 9);
    pid = spawn(wait_for_kill, NULL);
    sys_kill(pid, SIGKILL);
    expect(collect(pid), -SIGKILL);
    expect(sys_read(fd, infos, sizeof(infos)), 128);
    expect(infos[0].ssi_code, CLD_KILLED);
    expect(infos[0].ssi_status, SIGKILL);
}

CONFORM_CASE(a_reader_waits_for_a_signal)
{
    sigset_t set = set_of(SIGCHLD, 0);
    int status = 4;

    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = sys_signalfd(-1, &set, 0);
    int pid = spawn(exit_with, &status);
    expect(sys_read(fd, infos, sizeof(infos)), 128);
    expect(infos[0].ssi_pid, pid);
    expect(collect(pid), 4);
}

static int read_own(void *arg)
{
    int fd = *(int *)arg;

    if (poll_now(fd) != 0 || sys_read(fd, infos, 128) != -EAGAIN)
        return 1;
    sys_kill(sys_getpid(), SIGUSR1);
    return poll_now(fd) == POLLIN && sys_read(fd, infos, 128) == 128 ? 2 : 3;
}

CONFORM_CASE(a_signalfd_shows_the_signals_of_its_reader)
{
    int fd = block_and_open(SIGUSR1, 0);

    sys_kill(sys_getpid(), SIGUSR1);
    expect(in_child(read_own, &fd), 2);
    expect(poll_now(fd), POLLIN);
}

/* ---- pidfd ---- */

CONFORM_CASE(pidfd_arguments)
{
    const struct {
        const char *label;
        int pid;
        unsigned int flags;
        int result;
    } rows[] = {
        {"itself", sys_getpid(), 0, 0}, {"non-blocking", sys_getpid(), O_NONBLOCK, 0},
        {"nobody", 4711, 0, -ESRCH},    {"zero", 0, 0, -EINVAL},
        {"negative", -1, 0, -EINVAL},   {"unknown flag", 1, 1 << 20, -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_pidfd_open(row->pid, row->flags);
        expect(fd < 0 ? fd : 0, row->result);
        if (fd >= 0)
            expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    }
}

CONFORM_CASE(a_pidfd_is_readable_when_the_process_ended)
{
    int pidfd = -1, status = 3;
    siginfo_t info;

    int pid = spawn(wait_for_kill, NULL);
    pidfd = sys_pidfd_open(pid, 0);
    expect(poll_now(pidfd), 0);
    sys_pidfd_send_signal(pidfd, SIGKILL);
    struct pollfd pollfd = {.fd = pidfd, .events = POLLIN};
    expect(sys_poll(&pollfd, 1, -1), 1);
    expect(pollfd.revents, POLLIN);
    expect(sys_waitid(P_PIDFD, pidfd, &info, WEXITED), 0);
    expect(info.si_pid, pid);
    expect(poll_now(pidfd), POLLIN | POLLHUP);
    expect(sys_pidfd_send_signal(pidfd, 0), -ESRCH);
    expect(sys_read(pidfd, &info, sizeof(info)), -EINVAL);
    pid = sys_spawn(&(struct sys_spawn){.cgroup_fd = -1, .ret_pidfd = &pidfd}, exit_with, &status);
    expect(collect(pid), 3);
}

CONFORM_CASE(a_pidfd_in_epoll)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epfd = sys_epoll_create1(0), status = 0;

    int pid = spawn(exit_with, &status);
    int pidfd = sys_pidfd_open(pid, 0);
    expect(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, pidfd, &event), 0);
    expect(sys_epoll_wait(epfd, &event, 1, -1), 1);
    expect(event.events, EPOLLIN);
    expect(collect(pid), 0);
    expect(sys_epoll_wait(epfd, &event, 1, -1), 1);
    expect(event.events, EPOLLIN | EPOLLHUP);
}
