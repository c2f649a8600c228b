/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting: epoll, poll, eventfd. */
#include "mocks/tests/conform.h"

#include <sys/eventfd.h>

static struct epoll_event events[8];

static int add(int epfd, int fd, uint32_t mask, uint64_t data)
{
    struct epoll_event event = {.events = mask, .data.u64 = data};

    return sys_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
}

static int modify(int epfd, int fd, uint32_t mask, uint64_t data)
{
    struct epoll_event event = {.events = mask, .data.u64 = data};

    return sys_epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event);
}

static int drop(int epfd, int fd)
{
    return sys_epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
}

static int look(int epfd)
{
    memset(events, 0, sizeof(events));
    return sys_epoll_wait(epfd, events, 8, 0);
}

static void count_up(int fd, uint64_t n)
{
    expect(sys_write(fd, &n, sizeof(n)), 8);
}

/* ---- epoll_ctl ---- */

CONFORM_CASE(epoll_control_errors)
{
    int pipe[2];

    sys_pipe2(pipe, 0);
    int epfd = sys_epoll_create1(0), other = sys_eventfd(0, 0);
    int file = sys_openat(AT_FDCWD, "/tmp/file", O_RDWR | O_CREAT, 0600);
    int place = sys_openat(AT_FDCWD, "/tmp", O_PATH, 0), directory = sys_openat(AT_FDCWD, "/tmp", O_RDONLY, 0);
    const struct {
        const char *label;
        int epfd, op, fd, result;
    } rows[] = {
        {"modify before add", epfd, EPOLL_CTL_MOD, pipe[0], -ENOENT},
        {"delete before add", epfd, EPOLL_CTL_DEL, pipe[0], -ENOENT},
        {"add", epfd, EPOLL_CTL_ADD, pipe[0], 0},
        {"add twice", epfd, EPOLL_CTL_ADD, pipe[0], -EEXIST},
        {"add the other end", epfd, EPOLL_CTL_ADD, pipe[1], 0},
        {"modify", epfd, EPOLL_CTL_MOD, pipe[0], 0},
        {"delete", epfd, EPOLL_CTL_DEL, pipe[0], 0},
        {"delete twice", epfd, EPOLL_CTL_DEL, pipe[0], -ENOENT},
        {"unknown operation", epfd, 9, pipe[1], -EINVAL},
        {"no such descriptor", epfd, EPOLL_CTL_ADD, 99, -EBADF},
        {"no epoll at all", 99, EPOLL_CTL_ADD, pipe[0], -EBADF},
        {"not an epoll", other, EPOLL_CTL_ADD, pipe[0], -EINVAL},
        {"regular file", epfd, EPOLL_CTL_ADD, file, -EPERM},
        {"directory", epfd, EPOLL_CTL_ADD, directory, -EPERM},
        {"regular file and not an epoll", other, EPOLL_CTL_ADD, file, -EPERM},
        {"delete of a regular file", epfd, EPOLL_CTL_DEL, file, -EPERM},
        {"place", epfd, EPOLL_CTL_ADD, place, -EBADF},
        {"itself", epfd, EPOLL_CTL_ADD, epfd, -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        struct epoll_event event = {.events = EPOLLIN};
        expect(sys_epoll_ctl(row->epfd, row->op, row->fd, &event), row->result);
    }
    expect(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, pipe[0], NULL), -EFAULT);
    expect(sys_epoll_ctl(99, EPOLL_CTL_ADD, 99, NULL), -EFAULT);
}

CONFORM_CASE(epoll_create_flags)
{
    static const struct {
        const char *label;
        int flags, result;
    } rows[] = {
        {"none", 0, 0},
        {"close-on-exec", EPOLL_CLOEXEC, 0},
        {"non-blocking", O_NONBLOCK, -EINVAL},
        {"one", 1, -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_epoll_create1(row->flags);
        expect(fd < 0 ? fd : 0, row->result);
        if (fd >= 0)
            expect(sys_fcntl(fd, F_GETFD, 0), row->flags ? FD_CLOEXEC : 0);
    }
}

CONFORM_CASE(epoll_wait_errors)
{
    int epfd = sys_epoll_create1(0), other = sys_eventfd(0, 0);
    const struct {
        const char *label;
        int epfd, max, result;
    } rows[] = {
        {"no room", epfd, 0, -EINVAL},        {"negative room", epfd, -1, -EINVAL}, {"too much room", epfd, 1 << 30, -EINVAL},
        {"no epoll", 99, 1, -EBADF},          {"not an epoll", other, 1, -EINVAL},  {"nothing watched", epfd, 8, 0},
        {"no epoll, no room", 99, 0, -EBADF},
    };

    FOR_CASES(row, rows)
    expect(sys_epoll_wait(row->epfd, events, row->max, 0), row->result);
    expect(sys_read(epfd, events, 8), -EINVAL);
    expect(sys_write(epfd, events, 8), -EINVAL);
}

CONFORM_CASE(epoll_watches_epoll)
{
    int one = sys_epoll_create1(0), two = sys_epoll_create1(0), fd = sys_eventfd(0, 0);

    expect(add(one, two, EPOLLIN, 2), 0);
    expect(add(two, one, EPOLLIN, 1), -ELOOP);
    expect(add(two, fd, EPOLLIN, 3), 0);
    expect(look(one), 0);
    count_up(fd, 1);
    expect(look(one), 1);
    expect(events[0].data.u64, 2);
    expect(events[0].events, EPOLLIN);
    expect(drop(two, fd), 0);
    expect(look(one), 0);
}

CONFORM_CASE(chains_of_epolls_are_short)
{
    int chain[8];

    for (int i = 0; i < 8; i++)
        chain[i] = sys_epoll_create1(0);
    expect(add(chain[0], chain[1], EPOLLIN, 0), 0);
    expect(add(chain[1], chain[2], EPOLLIN, 0), 0);
    expect(add(chain[2], chain[3], EPOLLIN, 0), 0);
    expect(add(chain[3], chain[4], EPOLLIN, 0), 0);
    expect(add(chain[4], chain[5], EPOLLIN, 0), -ELOOP);
    expect(add(chain[5], chain[0], EPOLLIN, 0), -ELOOP);
    expect(add(chain[4], chain[0], EPOLLIN, 0), -ELOOP);
    expect(add(chain[6], chain[4], EPOLLIN, 0), 0);
}

/* ---- what is reported ---- */

CONFORM_CASE(epoll_is_level_triggered)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(0, EFD_NONBLOCK);
    uint64_t value;

    expect(add(epfd, fd, EPOLLIN, 42), 0);
    expect(look(epfd), 0);
    count_up(fd, 2);
    expect(look(epfd), 1);
    expect(look(epfd), 1);
    expect(events[0].events, EPOLLIN);
    expect(events[0].data.u64, 42);
    expect(sys_read(fd, &value, 8), 8);
    expect(look(epfd), 0);
    expect(modify(epfd, fd, EPOLLOUT, 43), 0);
    expect(look(epfd), 1);
    expect(events[0].events, EPOLLOUT);
    expect(events[0].data.u64, 43);
    expect(modify(epfd, fd, 0, 44), 0);
    expect(look(epfd), 0);
}

CONFORM_CASE(hangup_and_error_are_always_reported)
{
    int epfd = sys_epoll_create1(0), one[2], two[2];

    sys_pipe2(one, 0);
    sys_pipe2(two, 0);
    expect(add(epfd, one[0], 0, 1), 0);
    expect(add(epfd, two[1], 0, 2), 0);
    expect(look(epfd), 0);
    sys_close(one[1]);
    expect(look(epfd), 1);
    expect(events[0].events, EPOLLHUP);
    expect(drop(epfd, one[0]), 0);
    sys_close(two[0]);
    expect(look(epfd), 1);
    expect(events[0].events, EPOLLERR);
}

CONFORM_CASE(one_shot_fires_once)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(1, 0);

    expect(add(epfd, fd, EPOLLIN | EPOLLONESHOT, 1), 0);
    expect(look(epfd), 1);
    expect(look(epfd), 0);
    expect(modify(epfd, fd, EPOLLIN | EPOLLONESHOT, 1), 0);
    expect(look(epfd), 1);
    expect(look(epfd), 0);
}

CONFORM_CASE(many_ready_ones_take_turns)
{
    int epfd = sys_epoll_create1(0);
    unsigned int seen = 0;

    for (uint64_t i = 0; i < 6; i++)
        expect(add(epfd, sys_eventfd(1, 0), EPOLLIN, i), 0);
    for (int round = 0; round < 3; round++) {
        expect(sys_epoll_wait(epfd, events, 2, 0), 2);
        seen |= 1u << events[0].data.u64 | 1u << events[1].data.u64;
    }
    expect(seen, 0x3f);
    expect(look(epfd), 6);
}

/* ---- descriptors come and go ---- */

CONFORM_CASE(close_of_the_last_reference_ends_the_watch)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(1, 0);

    expect(add(epfd, fd, EPOLLIN, 1), 0);
    int copy = sys_fcntl(fd, F_DUPFD, 20);
    sys_close(fd);
    expect(look(epfd), 1);
    expect(drop(epfd, fd), -EBADF);
    expect(drop(epfd, copy), -ENOENT);
    sys_close(copy);
    expect(look(epfd), 0);
}

CONFORM_CASE(a_file_can_be_watched_by_each_of_its_numbers)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(1, 0);

    int copy = sys_fcntl(fd, F_DUPFD, 20);
    expect(add(epfd, fd, EPOLLIN, 1), 0);
    expect(add(epfd, copy, EPOLLIN, 2), 0);
    expect(look(epfd), 2);
    expect(drop(epfd, fd), 0);
    expect(look(epfd), 1);
    expect(events[0].data.u64, 2);
}

CONFORM_CASE(a_reused_number_is_another_file)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(1, 0);

    expect(add(epfd, fd, EPOLLIN, 1), 0);
    sys_close(fd);
    expect(sys_eventfd(1, 0), fd);
    expect(look(epfd), 0);
    expect(modify(epfd, fd, EPOLLIN, 2), -ENOENT);
    expect(add(epfd, fd, EPOLLIN, 2), 0);
    expect(look(epfd), 1);
}

CONFORM_CASE(a_closed_epoll_lets_go)
{
    int epfd = sys_epoll_create1(0), again = sys_epoll_create1(0), fd = sys_eventfd(1, 0);

    expect(add(epfd, fd, EPOLLIN, 1), 0);
    expect(add(again, fd, EPOLLIN, 2), 0);
    sys_close(epfd);
    expect(look(again), 1);
    expect(events[0].data.u64, 2);
}

static int watch_by_inheritance(void *arg)
{
    return look(*(int *)arg);
}

CONFORM_CASE(a_child_shares_the_set)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(1, 0);

    expect(add(epfd, fd, EPOLLIN, 1), 0);
    expect(in_child(watch_by_inheritance, &epfd), 1);
}

/* ---- time ---- */

CONFORM_CASE(waiting_takes_the_time_that_was_asked_for)
{
    static const struct {
        const char *label;
        int64_t timeout_ns;
        bool by_poll;
    } rows[] = {
        {"epoll, 5 ms", 5000000, false},
        {"epoll, less than a millisecond", 300000, false},
        {"poll, 5 ms", 5000000, true},
    };
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(0, 0);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    add(epfd, fd, EPOLLIN, 1);
    FOR_CASES(row, rows)
    {
        uint64_t before = sys_monotonic_ns();
        if (row->by_poll)
            expect(sys_poll(&pollfd, 1, (int)(row->timeout_ns / 1000000)), 0);
        else
            expect(sys_epoll_wait(epfd, events, 8, row->timeout_ns), 0);
        uint64_t took = sys_monotonic_ns() - before;
        expect_true(took >= (uint64_t)row->timeout_ns && took < (uint64_t)row->timeout_ns + 1000000000);
    }
}

static int count_later(void *arg)
{
    uint64_t one = 1;

    sys_nanosleep(5000000);
    return sys_write(*(int *)arg, &one, 8) == 8 ? 0 : 1;
}

CONFORM_CASE(waiting_ends_when_something_happens)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(0, 0);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    uint64_t value;

    add(epfd, fd, EPOLLIN, 1);
    int pid = spawn(count_later, &fd);
    expect(sys_epoll_wait(epfd, events, 8, -1), 1);
    expect(collect(pid), 0);
    expect(sys_read(fd, &value, 8), 8);
    pid = spawn(count_later, &fd);
    expect(sys_poll(&pollfd, 1, -1), 1);
    expect(collect(pid), 0);
    expect(sys_read(fd, &value, 8), 8);
    pid = spawn(count_later, &fd);
    expect(sys_read(fd, &value, 8), 8);
    expect(value, 1);
    expect(collect(pid), 0);
}

CONFORM_CASE(an_epoll_can_be_polled)
{
    int epfd = sys_epoll_create1(0), fd = sys_eventfd(0, 0);
    struct pollfd pollfd = {.fd = epfd, .events = POLLIN | POLLOUT};

    add(epfd, fd, EPOLLIN, 1);
    expect(sys_poll(&pollfd, 1, 0), 0);
    count_up(fd, 1);
    expect(sys_poll(&pollfd, 1, 0), 1);
    expect(pollfd.revents, POLLIN);
}

/* ---- poll ---- */

CONFORM_CASE(poll_results)
{
    int empty[2], full[2], ended[2], broken[2];
    char byte = 1;

    sys_pipe2(empty, 0);
    sys_pipe2(full, 0);
    sys_pipe2(ended, 0);
    sys_pipe2(broken, 0);
    sys_write(full[1], &byte, 1);
    sys_close(ended[1]);
    sys_close(broken[0]);
    int file = sys_openat(AT_FDCWD, "/tmp/file", O_RDWR | O_CREAT, 0600);
    int place = sys_openat(AT_FDCWD, "/tmp", O_PATH, 0), null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    const struct {
        const char *label;
        int fd;
        short events, revents;
    } rows[] = {
        {"empty pipe", empty[0], POLLIN, 0},
        {"empty pipe, nothing asked", empty[0], 0, 0},
        {"pipe with room", empty[1], POLLOUT | POLLIN, POLLOUT},
        {"pipe with bytes", full[0], POLLIN | POLLRDNORM, POLLIN | POLLRDNORM},
        {"bytes that nobody asks for", full[0], POLLPRI, 0},
        {"ended pipe", ended[0], 0, POLLHUP},
        {"pipe without reader", broken[1], 0, POLLERR},
        {"regular file", file, POLLIN | POLLOUT | POLLPRI, POLLIN | POLLOUT},
        {"regular file, nothing asked", file, 0, 0},
        {"/dev/null", null, POLLIN | POLLOUT, POLLIN | POLLOUT},
        {"place", place, POLLIN, POLLNVAL},
        {"no such descriptor", 99, POLLIN, POLLNVAL},
        {"no such descriptor, nothing asked", 99, 0, POLLNVAL},
        {"negative", -1, POLLIN, 0},
        {"very negative", -99, POLLIN, 0},
    };

    FOR_CASES(row, rows)
    {
        struct pollfd pollfd = {.fd = row->fd, .events = row->events, .revents = 0x7f};
        expect(sys_poll(&pollfd, 1, 0), row->revents != 0);
        expect(pollfd.revents, row->revents);
    }
    expect(sys_poll(NULL, 0, 0), 0);
}

CONFORM_CASE(poll_counts_descriptors)
{
    int fd = sys_eventfd(1, 0);
    struct pollfd all[4] = {{fd, POLLIN, 0}, {-1, POLLIN, 0}, {fd, POLLIN | POLLOUT, 0}, {99, 0, 0}};

    expect(sys_poll(all, 4, -1), 3);
    expect(all[0].revents, POLLIN);
    expect(all[1].revents, 0);
    expect(all[2].revents, POLLIN | POLLOUT);
    expect(all[3].revents, POLLNVAL);
}

CONFORM_CASE(poll_of_more_than_can_be_open)
{
    static struct pollfd all[20];
    struct rlimit limit = {.rlim_cur = 19, .rlim_max = 4096};

    for (int i = 0; i < 20; i++)
        all[i].fd = -1;
    expect(sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
    expect(sys_poll(all, 20, 0), -EINVAL);
    expect(sys_poll(all, 19, 0), 0);
}

/* ---- eventfd ---- */

CONFORM_CASE(eventfd_flags)
{
    static const struct {
        const char *label;
        int flags, result;
    } rows[] = {
        {"none", 0, 0},
        {"close-on-exec", EFD_CLOEXEC, 0},
        {"non-blocking", EFD_NONBLOCK, 0},
        {"semaphore", EFD_SEMAPHORE, 0},
        {"all", EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE, 0},
        {"unknown", 2, -EINVAL},
        {"append", O_APPEND, -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_eventfd(0, row->flags);
        if (!expect(fd < 0 ? fd : 0, row->result) || fd < 0)
            continue;
        expect(sys_fcntl(fd, F_GETFD, 0), row->flags & EFD_CLOEXEC ? FD_CLOEXEC : 0);
        expect(sys_fcntl(fd, F_GETFL, 0), O_RDWR | (row->flags & EFD_NONBLOCK));
    }
}

CONFORM_CASE(eventfd_writes)
{
    static const struct {
        const char *label;
        uint64_t before, add;
        size_t len;
        long result;
        short events; /* afterwards */
    } rows[] = {
        {"one", 0, 1, 8, 8, POLLIN | POLLOUT},
        {"nothing", 0, 0, 8, 8, POLLOUT},
        {"longer buffer", 0, 1, 16, -EINVAL, POLLOUT},
        {"short buffer", 0, 1, 7, -EINVAL, POLLOUT},
        {"the highest value", 0, UINT64_MAX - 1, 8, 8, POLLIN},
        {"too high", 0, UINT64_MAX, 8, -EINVAL, POLLOUT},
        {"would overflow", UINT64_MAX - 2, 2, 8, -EAGAIN, POLLIN | POLLOUT},
        {"just fits", UINT64_MAX - 2, 1, 8, 8, POLLIN},
        {"nothing on the highest", UINT64_MAX - 1, 0, 8, 8, POLLIN},
    };

    FOR_CASES(row, rows)
    {
        uint64_t add_value[2] = {row->add, 0};
        int fd = sys_eventfd(0, EFD_NONBLOCK);
        struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};
        if (row->before)
            count_up(fd, row->before);
        expect(sys_write(fd, add_value, row->len), row->result);
        sys_poll(&pollfd, 1, 0);
        expect(pollfd.revents, row->events);
        sys_close(fd);
    }
}

CONFORM_CASE(eventfd_reads)
{
    static const struct {
        const char *label;
        unsigned int before;
        int flags;
        size_t len;
        long result;
        uint64_t value, left;
    } rows[] = {
        {"takes all", 5, 0, 8, 8, 5, 0},           {"semaphore takes one", 5, EFD_SEMAPHORE, 8, 8, 1, 4},
        {"nothing there", 0, 0, 8, -EAGAIN, 0, 0}, {"empty semaphore", 0, EFD_SEMAPHORE, 8, -EAGAIN, 0, 0},
        {"short buffer", 5, 0, 7, -EINVAL, 0, 5},  {"no buffer", 5, 0, 0, -EINVAL, 0, 5},
        {"long buffer", 5, 0, 20, 8, 5, 0},
    };

    FOR_CASES(row, rows)
    {
        uint64_t value[3] = {0}, left = 0;
        int fd = sys_eventfd(row->before, row->flags | EFD_NONBLOCK);
        expect(sys_read(fd, value, row->len), row->result);
        expect(value[0], row->value);
        for (uint64_t one; sys_read(fd, &one, 8) == 8; left += one)
            ;
        expect(left, row->left);
        sys_close(fd);
    }
}

static int add_two(void *arg)
{
    uint64_t two = 2;

    return sys_write(*(int *)arg, &two, 8) == 8 ? 5 : 6;
}

CONFORM_CASE(a_writer_of_a_full_eventfd_waits)
{
    int fd = sys_eventfd(0, 0);
    uint64_t value;

    count_up(fd, UINT64_MAX - 2);
    int pid = spawn(add_two, &fd);
    sys_nanosleep(5000000);
    expect(sys_read(fd, &value, 8), 8);
    expect_true(value == UINT64_MAX - 2);
    expect(collect(pid), 5);
    expect(sys_read(fd, &value, 8), 8);
    expect(value, 2);
}
