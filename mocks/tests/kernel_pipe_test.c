/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes, fifos and the calls on descriptors. */
#include "mocks/tests/conform.h"

#include <limits.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>

static char bytes[300000];

/* A pipe whose ends do not block. */
static bool make_pipe(int fds[2], int flags)
{
    return expect(sys_pipe2(fds, flags), 0);
}

static short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

/* ---- making them ---- */

CONFORM_CASE(pipe2_takes_the_lowest_numbers)
{
    int fds[2];

    if (!make_pipe(fds, 0))
        return;
    expect(fds[1], fds[0] + 1);
    expect(sys_fcntl(fds[0], F_GETFL, 0), O_RDONLY);
    expect(sys_fcntl(fds[1], F_GETFL, 0), O_WRONLY);
    expect(sys_fcntl(fds[0], F_GETFD, 0), 0);
}

CONFORM_CASE(pipe2_flags)
{
    static const struct {
        const char *label;
        int flags, result, fd_flags, fl;
    } rows[] = {
        {"none", 0, 0, 0, 0},
        {"close-on-exec", O_CLOEXEC, 0, FD_CLOEXEC, 0},
        {"non-blocking", O_NONBLOCK, 0, 0, O_NONBLOCK},
        {"both", O_NONBLOCK | O_CLOEXEC, 0, FD_CLOEXEC, O_NONBLOCK},
        {"O_APPEND", O_APPEND, -EINVAL, 0, 0},
        {"O_RDWR", O_RDWR, -EINVAL, 0, 0},
        {"O_TRUNC", O_TRUNC, -EINVAL, 0, 0},
        {"unknown bit", 1 << 30, -EINVAL, 0, 0},
    };

    FOR_CASES(row, rows)
    {
        int fds[2];
        if (!expect(sys_pipe2(fds, row->flags), row->result) || row->result < 0)
            continue;
        expect(sys_fcntl(fds[0], F_GETFD, 0), row->fd_flags);
        expect(sys_fcntl(fds[1], F_GETFD, 0), row->fd_flags);
        expect(sys_fcntl(fds[1], F_GETFL, 0), row->fl | O_WRONLY);
    }
}

CONFORM_CASE(a_pipe_looks_like_a_fifo_with_one_inode)
{
    struct stat one, other;
    int fds[2];

    make_pipe(fds, 0);
    expect(sys_fstat(fds[0], &one), 0);
    expect(sys_fstat(fds[1], &other), 0);
    expect(one.st_mode, S_IFIFO | 0600);
    expect_true(one.st_ino == other.st_ino);
    expect(one.st_size, 0);
}

CONFORM_CASE(pipe2_without_room_for_two_leaves_none)
{
    struct rlimit limit = {.rlim_cur = 4, .rlim_max = 4096};
    int fds[2];

    expect(sys_close_range(3, UINT_MAX, 0), 0);
    expect(sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
    expect(sys_pipe2(fds, 0), -EMFILE);
    expect(sys_fcntl(3, F_GETFD, 0), -EBADF);
    limit.rlim_cur = 5;
    expect(sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
    expect(sys_pipe2(fds, 0), 0);
    expect(sys_fcntl(3, F_DUPFD_CLOEXEC, 0), -EMFILE);
    expect(sys_fcntl(3, F_DUPFD_CLOEXEC, 5), -EINVAL);
}

/* ---- bytes ---- */

CONFORM_CASE(what_is_written_is_read)
{
    char text[16] = "";
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    expect(sys_write(fds[1], "hello", 5), 5);
    expect(sys_write(fds[1], " world", 6), 6);
    expect(sys_read(fds[0], text, 3), 3);
    expect(sys_read(fds[0], text + 3, 13), 8);
    expect_text(text, "hello world");
    expect(sys_read(fds[0], text, 1), -EAGAIN);
}

CONFORM_CASE(wrong_ends_and_wrong_calls)
{
    struct iovec iov = {bytes, 1};
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    expect(sys_write(fds[0], "x", 1), -EBADF);
    expect(sys_read(fds[1], bytes, 1), -EBADF);
    expect(sys_writev(fds[0], &iov, 1), -EBADF);
    expect(sys_readv(fds[1], &iov, 1), -EBADF);
    expect(sys_pread(fds[0], bytes, 1, 0), -ESPIPE);
    expect(sys_pwrite(fds[1], bytes, 1, 0), -ESPIPE);
    expect(sys_pread(fds[0], bytes, 1, -1), -EINVAL);
    expect(sys_read(fds[0], bytes, 0), 0);
    expect(sys_write(fds[1], bytes, 0), 0);
    expect(sys_ftruncate(fds[1], 0), -EINVAL);
    expect(sys_ioctl(fds[0], TCGETS, bytes), -ENOTTY);
}

CONFORM_CASE(vectors_are_one_stretch_of_bytes)
{
    char one[4] = "", two[8] = "";
    struct iovec from[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    struct iovec to[2] = {{one, 3}, {two, 7}};
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    expect(sys_writev(fds[1], from, 3), 6);
    expect(sys_readv(fds[0], to, 2), 6);
    expect_text(one, "abc");
    expect_text(two, "def");
    expect(sys_readv(fds[0], to, 2), -EAGAIN);
    expect(sys_readv(fds[0], to, 0), 0);
    expect(sys_readv(fds[0], to, -1), -EINVAL);
    expect(sys_readv(fds[0], to, 1025), -EINVAL);
    expect(sys_readv(-1, to, -1), -EBADF);
}

/* ---- capacity ---- */

CONFORM_CASE(capacity_is_counted_in_pages)
{
    static const struct {
        const char *label;
        size_t len; /* of each write */
        long writes, bytes;
    } rows[] = {
        {"single bytes", 1, 65536, 65536},   {"whole pages", 4096, 16, 65536},   {"just over half", 2049, 16, 32784},
        {"half pages", 2048, 32, 65536},     {"thirds", 1365, 48, 65520},        {"page and a byte", 4097, 11, 45066},
        {"odd hundreds", 100, 640, 64000},   {"five thousand", 5000, 11, 54096}, {"all at once", 65536, 1, 65536},
        {"more than fits", 70000, 1, 65536},
    };

    FOR_CASES(row, rows)
    {
        long n = 0, sum = 0;
        ssize_t r;
        int fds[2];
        make_pipe(fds, O_NONBLOCK);
        while ((r = sys_write(fds[1], bytes, row->len)) > 0) {
            n++;
            sum += r;
        }
        int available = 0;
        expect(r, -EAGAIN);
        expect(sys_ioctl(fds[0], FIONREAD, &available), 0);
        expect(available, sum);
        expect(n, row->writes);
        expect(sum, row->bytes);
        sys_close(fds[0]);
        sys_close(fds[1]);
    }
}

CONFORM_CASE(a_write_up_to_a_page_is_atomic)
{
    static const struct {
        const char *label;
        size_t len;
        ssize_t result;
    } rows[] = {
        {"fits the rest", 96, 96},
        {"one more", 97, -EAGAIN},
        {"a page", 4096, -EAGAIN},
        {"a page and what fits", 4096 + 96, 96},
        {"a page and more", 4096 + 97, -EAGAIN},
    };

    FOR_CASES(row, rows)
    {
        int fds[2];
        make_pipe(fds, O_NONBLOCK);
        expect(sys_write(fds[1], bytes, 61440), 61440);
        expect(sys_write(fds[1], bytes, 4000), 4000);
        expect(sys_write(fds[1], bytes, row->len), row->result);
        sys_close(fds[0]);
        sys_close(fds[1]);
    }
}

CONFORM_CASE(room_comes_back_by_pages)
{
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    expect(sys_write(fds[1], bytes, 65536), 65536);
    expect(poll_now(fds[1]), 0);
    expect(sys_read(fds[0], bytes, 4095), 4095);
    expect(poll_now(fds[1]), 0);
    expect(sys_write(fds[1], bytes, 1), -EAGAIN);
    expect(sys_read(fds[0], bytes, 1), 1);
    expect(poll_now(fds[1]), POLLOUT);
    expect(sys_write(fds[1], bytes, 5000), 4096);
}

CONFORM_CASE(setting_the_size)
{
    static const struct {
        const char *label;
        long arg, result;
    } rows[] = {
        {"zero is a page", 0, 4096}, {"one byte is a page", 1, 4096},  {"a page", 4096, 4096},
        {"rounds up", 4097, 8192},   {"not a power", 3 * 4096, 16384}, {"default", 65536, 65536},

    };
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    expect(sys_fcntl(fds[0], F_GETPIPE_SZ, 0), 65536);
    FOR_CASES(row, rows)
    {
        long before = sys_fcntl(fds[1], F_GETPIPE_SZ, 0);
        expect(sys_fcntl(fds[1], F_SETPIPE_SZ, row->arg), row->result);
        expect(sys_fcntl(fds[0], F_GETPIPE_SZ, 0), row->result < 0 ? before : row->result);
    }
}

CONFORM_CASE(a_pipe_does_not_shrink_below_its_content)
{
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    expect(sys_write(fds[1], bytes, 8193), 8193);
    expect(sys_fcntl(fds[1], F_SETPIPE_SZ, 8192), -EBUSY);
    expect(sys_fcntl(fds[1], F_SETPIPE_SZ, 16384), 16384);
    expect(sys_write(fds[1], bytes, 65536), 4096);
    expect(sys_fcntl(fds[1], F_SETPIPE_SZ, 131072), 131072);
    memset(bytes, 'x', 100);
    expect(sys_read(fds[0], bytes, sizeof(bytes)), 8193 + 4096);
    expect(bytes[99], 0);
    expect(sys_fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
}

CONFORM_CASE(without_the_right_a_pipe_stays_small)
{
    int fds[2];

    make_pipe(fds, 0);
    expect(sys_setresuid(1000, 1000, 1000), 0);
    expect(sys_fcntl(fds[0], F_SETPIPE_SZ, 1 << 20), 1 << 20);
    expect(sys_fcntl(fds[0], F_SETPIPE_SZ, 1 << 21), -EPERM);
    expect(sys_fcntl(fds[0], F_SETPIPE_SZ, (1 << 20) + 1), -EPERM);
}

CONFORM_CASE(with_the_right_a_pipe_grows_beyond)
{
    int fds[2];

    make_pipe(fds, 0);
    long r = sys_fcntl(fds[0], F_SETPIPE_SZ, 1 << 21);
    if (r == -EPERM && !conform_is_mock())
        conform_not_runnable("root without CAP_SYS_RESOURCE");
    expect(r, 1 << 21);
}

CONFORM_CASE(only_pipes_have_a_size)
{
    int fd = sys_eventfd(0, 0);

    expect(sys_fcntl(fd, F_GETPIPE_SZ, 0), -EBADF);
    expect(sys_fcntl(fd, F_SETPIPE_SZ, 4096), -EBADF);
    expect(sys_fcntl(99, F_GETPIPE_SZ, 0), -EBADF);
}

/* ---- the end ---- */

CONFORM_CASE(end_of_file_comes_after_the_bytes)
{
    int fds[2];

    make_pipe(fds, 0);
    expect(poll_now(fds[0]), 0);
    expect(sys_write(fds[1], "abc", 3), 3);
    expect(poll_now(fds[0]), POLLIN);
    sys_close(fds[1]);
    expect(poll_now(fds[0]), POLLIN | POLLHUP);
    expect(sys_read(fds[0], bytes, 10), 3);
    expect(poll_now(fds[0]), POLLHUP);
    expect(sys_read(fds[0], bytes, 10), 0);
}

CONFORM_CASE(a_duplicate_keeps_the_end_open)
{
    int fds[2];

    sys_close_range(3, UINT_MAX, 0);
    make_pipe(fds, O_NONBLOCK);
    int copy = sys_fcntl(fds[1], F_DUPFD_CLOEXEC, 10);
    expect(copy, 10);
    sys_close(fds[1]);
    expect(sys_read(fds[0], bytes, 1), -EAGAIN);
    sys_close(copy);
    expect(sys_read(fds[0], bytes, 1), 0);
}

static int write_to(void *arg)
{
    sys_close(((int *)arg)[0]);
    return sys_write(((int *)arg)[1], "x", 1) == -EPIPE ? 7 : 8;
}

static int write_to_ignoring(void *arg)
{
    sys_signal(SIGPIPE, SIG_IGN);
    return write_to(arg);
}

CONFORM_CASE(writing_without_a_reader_is_a_signal)
{
    int fds[2];

    make_pipe(fds, 0);
    sys_close(fds[0]);
    expect(poll_now(fds[1]), POLLOUT | POLLERR);
    expect(sys_write(fds[1], "", 0), 0);
    expect(in_child(write_to, fds), -SIGPIPE);
    expect(in_child(write_to_ignoring, fds), 7);
}

CONFORM_CASE(a_full_pipe_without_a_reader)
{
    int fds[2];

    make_pipe(fds, O_NONBLOCK);
    sys_write(fds[1], bytes, 65536);
    sys_close(fds[0]);
    expect(poll_now(fds[1]), POLLERR);
}

/* ---- waiting ---- */

static int read_one(void *arg)
{
    char byte = 0;

    sys_close(((int *)arg)[1]);
    return sys_read(((int *)arg)[0], &byte, 1) == 1 ? byte : 0;
}

CONFORM_CASE(a_reader_waits_for_bytes)
{
    int fds[2];

    make_pipe(fds, 0);
    int pid = spawn(read_one, fds);
    sys_nanosleep(10000000);
    expect(sys_write(fds[1], "A", 1), 1);
    expect(collect(pid), 'A');
}

CONFORM_CASE(a_reader_waits_for_the_end)
{
    int fds[2];

    make_pipe(fds, 0);
    int pid = spawn(read_one, fds);
    sys_nanosleep(10000000);
    sys_close(fds[1]);
    expect(collect(pid), 0);
}

static int write_much(void *arg)
{
    sys_close(((int *)arg)[0]);
    return sys_write(((int *)arg)[1], bytes, 200000) == 200000 ? 3 : 4;
}

CONFORM_CASE(a_writer_waits_for_room)
{
    size_t sum = 0;
    ssize_t n;
    int fds[2];

    make_pipe(fds, 0);
    int pid = spawn(write_much, fds);
    sys_close(fds[1]);
    while ((n = sys_read(fds[0], bytes, 3000)) > 0)
        sum += (size_t)n;
    expect(sum, 200000);
    expect(collect(pid), 3);
}

CONFORM_CASE(a_waiting_writer_loses_its_reader)
{
    int fds[2];

    make_pipe(fds, 0);
    sys_fcntl(fds[1], F_SETPIPE_SZ, 4096);
    int pid = spawn(write_much, fds);
    sys_nanosleep(10000000);
    sys_close(fds[0]);
    expect(collect(pid), -SIGPIPE);
}

/* ---- fifos ---- */

#define FIFO "/tmp/fifo"

CONFORM_CASE(opening_a_fifo_without_waiting)
{
    expect(sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0), 0);
    expect(sys_openat(AT_FDCWD, FIFO, O_WRONLY | O_NONBLOCK, 0), -ENXIO);
    int reader = sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NONBLOCK, 0);
    expect_true(reader >= 0);
    expect(poll_now(reader), 0);
    expect(sys_read(reader, bytes, 1), 0);
    int writer = sys_openat(AT_FDCWD, FIFO, O_WRONLY | O_NONBLOCK, 0);
    expect_true(writer >= 0);
    expect(sys_read(reader, bytes, 1), -EAGAIN);
    expect(sys_write(writer, "ab", 2), 2);
    expect(poll_now(reader), POLLIN);
    sys_close(writer);
    expect(poll_now(reader), POLLIN | POLLHUP);
    expect(sys_read(reader, bytes, 5), 2);
    expect(poll_now(reader), POLLHUP);
    expect(sys_read(reader, bytes, 5), 0);
    int again = sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NONBLOCK, 0);
    expect(poll_now(again), 0);
    expect(poll_now(reader), POLLHUP);
}

CONFORM_CASE(a_fifo_opened_both_ways_never_waits)
{
    sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0);
    int both = sys_openat(AT_FDCWD, FIFO, O_RDWR, 0);
    expect_true(both >= 0);
    expect(sys_write(both, "xyz", 3), 3);
    expect(poll_now(both), POLLIN | POLLOUT);
    expect(sys_read(both, bytes, 2), 2);
    int writer = sys_openat(AT_FDCWD, FIFO, O_WRONLY | O_NONBLOCK, 0);
    expect_true(writer >= 0);
    sys_close(both);
    expect(sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NONBLOCK, 0), both);
    expect(sys_read(both, bytes, 2), 1);
}

CONFORM_CASE(bytes_of_a_fifo_go_with_its_last_user)
{
    sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0);
    int both = sys_openat(AT_FDCWD, FIFO, O_RDWR | O_NONBLOCK, 0);
    sys_write(both, "x", 1);
    sys_close(both);
    both = sys_openat(AT_FDCWD, FIFO, O_RDWR | O_NONBLOCK, 0);
    expect(sys_read(both, bytes, 1), -EAGAIN);
}

static int open_and_write(void *arg)
{
    (void)arg;
    int fd = sys_openat(AT_FDCWD, FIFO, O_WRONLY, 0);
    return fd >= 0 && sys_write(fd, "q", 1) == 1 ? 1 : 2;
}

CONFORM_CASE(an_open_waits_for_the_other_end)
{
    sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0);
    int pid = spawn(open_and_write, NULL);
    sys_nanosleep(10000000);
    int fd = sys_openat(AT_FDCWD, FIFO, O_RDONLY, 0);
    expect_true(fd >= 0);
    expect(sys_read(fd, bytes, 2), 1);
    expect(sys_read(fd, bytes, 2), 0);
    expect(collect(pid), 1);
}

CONFORM_CASE(a_waiting_open_can_be_killed)
{
    sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0);
    int pid = spawn(open_and_write, NULL);
    sys_nanosleep(10000000);
    expect(sys_kill(pid, SIGKILL), 0);
    expect(collect(pid), -SIGKILL);
    int fd = sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NONBLOCK, 0);
    expect(sys_read(fd, bytes, 1), 0);
}

CONFORM_CASE(a_fifo_needs_its_permission)
{
    sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0);
    expect(sys_setresuid(1000, 1000, 1000), 0);
    expect(sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NONBLOCK, 0), -EACCES);
    expect(sys_openat(AT_FDCWD, FIFO, O_RDWR, 0), -EACCES);
}

/* ---- descriptors ---- */

CONFORM_CASE(dup3_results)
{
    static const struct {
        const char *label;
        int from, to, flags, result;
    } rows[] = {
        {"free number", 3, 20, 0, 20},
        {"close-on-exec", 3, 21, O_CLOEXEC, 21},
        {"over another", 3, 4, 0, 4},
        {"onto itself", 3, 3, 0, -EINVAL},
        {"bad source", 50, 20, 0, -EBADF},
        {"bad source onto itself", 50, 50, 0, -EINVAL},
        {"negative target", 3, -1, 0, -EBADF},
        {"beyond the limit", 3, 1 << 24, 0, -EBADF},
        {"unknown flag", 3, 20, O_NONBLOCK, -EINVAL},
    };
    int fds[2];

    sys_close_range(3, UINT_MAX, 0);
    make_pipe(fds, O_NONBLOCK);
    FOR_CASES(row, rows)
    {
        int r = sys_dup3(row->from, row->to, row->flags);
        if (expect(r, row->result) && r >= 0)
            expect(sys_fcntl(r, F_GETFD, 0), row->flags ? FD_CLOEXEC : 0);
    }
    expect(sys_read(3, bytes, 1), 0); /* the only writer was number 4 */
}

CONFORM_CASE(duplicates_share_flags_and_not_close_on_exec)
{
    int fds[2];

    sys_close_range(3, UINT_MAX, 0);
    make_pipe(fds, 0);
    int copy = sys_fcntl(fds[0], F_DUPFD, 30);
    expect(copy, 30);
    expect(sys_fcntl(copy, F_SETFL, O_NONBLOCK), 0);
    expect(sys_fcntl(fds[0], F_GETFL, 0), O_RDONLY | O_NONBLOCK);
    expect(sys_fcntl(copy, F_SETFD, FD_CLOEXEC), 0);
    expect(sys_fcntl(fds[0], F_GETFD, 0), 0);
    expect(sys_fcntl(copy, F_GETFD, 0), FD_CLOEXEC);
    expect(sys_fcntl(fds[0], F_SETFL, O_WRONLY | O_CREAT), 0);
    expect(sys_fcntl(fds[0], F_GETFL, 0), O_RDONLY);
    expect(sys_fcntl(fds[0], F_DUPFD, -1), -EINVAL);
    expect(sys_fcntl(77, F_DUPFD, 0), -EBADF);
    expect(sys_fcntl(77, F_GETFL, 0), -EBADF);
}

CONFORM_CASE(closing_ranges)
{
    sys_close_range(3, UINT_MAX, 0);
    for (int fd = 3; fd < 10; fd++)
        expect(sys_fcntl(0, F_DUPFD, 3), fd);
    expect(sys_close_range(4, 5, 0), 0);
    expect(sys_fcntl(3, F_GETFD, 0), 0);
    expect(sys_fcntl(4, F_GETFD, 0), -EBADF);
    expect(sys_fcntl(5, F_GETFD, 0), -EBADF);
    expect(sys_fcntl(6, F_GETFD, 0), 0);
    expect(sys_close_range(6, 7, CLOSE_RANGE_CLOEXEC), 0);
    expect(sys_fcntl(6, F_GETFD, 0), FD_CLOEXEC);
    expect(sys_fcntl(8, F_GETFD, 0), 0);
    expect(sys_close_range(9, 8, 0), -EINVAL);
    expect(sys_close_range(9, 9, 8), -EINVAL);
    expect(sys_close_range(100, 200, 0), 0);
    expect(sys_close(4), -EBADF);
    expect(sys_close(-1), -EBADF);
    expect(sys_close(8), 0);
    expect(sys_close(8), -EBADF);
}

CONFORM_CASE(places_are_no_files_to_work_with)
{
    int fd = sys_openat(AT_FDCWD, "/tmp", O_PATH | O_DIRECTORY, 0);

    expect(sys_read(fd, bytes, 1), -EBADF);
    expect(sys_write(fd, bytes, 1), -EBADF);
    expect(sys_ioctl(fd, FIONREAD, bytes), -EBADF);
    expect(sys_fcntl(fd, F_SETFL, 0), -EBADF);
    expect(sys_fcntl(fd, F_GETPIPE_SZ, 0), -EBADF);
    expect(sys_fcntl(fd, F_GETFD, 0), 0);
    expect(sys_fcntl(fd, F_GETFL, 0) & O_PATH, O_PATH);
    int directory = sys_openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY, 0);
    expect(sys_read(directory, bytes, 1), -EISDIR);
    expect(sys_write(directory, bytes, 1), -EBADF);
}
