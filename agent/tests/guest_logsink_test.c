/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink on real pipes, terminals and sockets: it never waits, never tears a line, and tells what it dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "agent/guest/logsink.h"
#include "base/macros.h"

#define FLOOD 1000 /* records, more than pipe and sink hold together */

struct fixture {
    struct loop *loop;
    struct logsink sink;
    int fds[2];
    struct buf got; /* what the reader has seen */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    alarm(20); /* a sink that waits would hang the test */
    assert_int_equal(loop_new(&f->loop, NULL), 0);
    f->fds[0] = f->fds[1] = -1;
    f->got = BUF_INIT(4 * 1024 * 1024);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    logsink_done(&f->sink);
    loop_free(f->loop);
    for (int i = 0; i < 2; i++) {
        if (f->fds[i] >= 0)
            close(f->fds[i]);
    }
    buf_done(&f->got);
    free(f);
    return 0;
}

static void start(struct fixture *f, int fd)
{
    logsink_init(&f->sink, f->loop, fd, LOG_JSON, "1.0");
}

static void start_on_pipe(struct fixture *f)
{
    assert_int_equal(pipe2(f->fds, O_CLOEXEC), 0);
    fcntl(f->fds[0], F_SETFL, O_NONBLOCK);
    start(f, f->fds[1]);
}

static void stop_loop(struct timer *timer)
{
    loop_stop(timer->loop);
}

static void turn(struct fixture *f)
{
    struct timer timer = {.expired = stop_loop};

    timer_start(f->loop, &timer, loop_deadline(f->loop, NSEC_PER_MSEC));
    assert_int_equal(loop_run(f->loop, NULL), 0);
    timer_stop(&timer);
}

static bool read_some(struct fixture *f, int fd)
{
    char chunk[8192];
    ssize_t n = read(fd, chunk, sizeof(chunk));

    if (n > 0)
        buf_append(&f->got, chunk, (size_t)n);
    return n > 0;
}

static bool came(const struct fixture *f, const char *text)
{
    return f->got.len > 0 && strstr(f->got.data, text) && f->got.data[f->got.len - 1] == '\n';
}

/* Reads until a whole line with text came. */
static void read_until(struct fixture *f, int fd, const char *text)
{
    for (int i = 0; i < 5000 && !came(f, text); i++) {
        if (!read_some(f, fd))
            turn(f);
    }
    if (!came(f, text))
        fail_msg("never came: %s (got %.300s)", text, f->got.data);
}

static void flood(struct fixture *f)
{
    static const char filling[] = "................................................................................";

    for (int i = 0; i < FLOOD; i++)
        log_info(&f->sink.logger, "test", "number %04d %s%s", i, filling, filling);
}

/* Every line is whole, numbers only grow; returns how many numbers came, *ret_reported: how many were reported dropped. */
static int check_lines(const struct fixture *f, uint64_t *ret_reported)
{
    int n = 0, last = -1;

    *ret_reported = 0;
    assert_true(f->got.len > 0 && f->got.data[f->got.len - 1] == '\n');
    for (char *p = f->got.data; *p; p = strchr(p, '\n') + 1) {
        int number;
        unsigned long long dropped;
        assert_int_equal(strncmp(p, "{\"msg\":\"", 8), 0);
        assert_int_equal(strchr(p, '\n')[-1], '}');
        if (sscanf(p, "{\"msg\":\"number %d", &number) == 1) {
            assert_true(number > last);
            last = number;
            n++;
        } else if (sscanf(p, "{\"msg\":\"%llu log records dropped", &dropped) == 1) {
            assert_non_null(strstr(p, "\"level\":\"WARN\""));
            *ret_reported += dropped;
        }
    }
    return n;
}

/* ---- plain writing ---- */

static void records_have_the_keys_of_the_agent(void **state)
{
    struct fixture *f = *state;
    char pid[64];

    start_on_pipe(f);
    log_error(&f->sink.logger, "rpc", "hello");
    log_debug(&f->sink.logger, "rpc", "not at this level");
    assert_true(read_some(f, f->fds[0]));
    snprintf(pid, sizeof(pid), "\"pid\":\"%d\"", getpid());
    assert_non_null(strstr(f->got.data, "{\"msg\":\"hello\",\"level\":\"ERRO\",\"ts\":\"20"));
    assert_non_null(strstr(f->got.data, "\"version\":\"1.0\""));
    assert_non_null(strstr(f->got.data, pid));
    assert_non_null(strstr(f->got.data, "\"name\":\"kata-agent\",\"source\":\"agent\",\"subsystem\":\"rpc\""));
    assert_null(strstr(f->got.data, "not at this level"));
}

static void the_flags_of_the_descriptor_stay(void **state)
{
    struct fixture *f = *state;

    start_on_pipe(f);
    assert_int_equal(fcntl(f->fds[1], F_GETFL) & O_NONBLOCK, 0);
    logsink_done(&f->sink);
    assert_true(fcntl(f->fds[1], F_GETFD) >= 0);
}

static void a_file_takes_everything(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/tatami-XXXXXX";
    uint64_t reported;

    f->fds[0] = mkstemp(path);
    f->fds[1] = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    unlink(path);
    assert_int_equal(write(f->fds[1], "{\"msg\":\"\"}\n", 11), 11);
    start(f, f->fds[1]);
    flood(f);
    while (read_some(f, f->fds[0]))
        ;
    assert_int_equal(check_lines(f, &reported), FLOOD);
    assert_int_equal(reported, 0);
}

static void a_terminal_gets_text_and_other_files_json(void **state)
{
    struct fixture *f = *state;

    f->fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (f->fds[0] < 0 || grantpt(f->fds[0]) || unlockpt(f->fds[0])) {
        print_message("no pseudo terminals here\n");
        start(f, -1);
        skip();
    }
    f->fds[1] = open(ptsname(f->fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(logsink_format(f->fds[1]), LOG_TEXT);
    assert_int_equal(logsink_format(-1), LOG_JSON);
    start(f, f->fds[1]);
    flood(f); /* nobody reads: the terminal fills up */
    assert_true(f->sink.dropped > 0);
    assert_int_equal(logsink_format(f->sink.fd), LOG_TEXT);
    close(f->fds[0]);
    f->fds[0] = -1;
    log_info(&f->sink.logger, "test", "nobody");
    assert_int_equal(f->sink.fd, -1);
}

/* ---- slow readers ---- */

static void expect_flood_with_report(struct fixture *f, int fd)
{
    uint64_t reported, reported_before;

    flood(f);
    assert_true(f->sink.pending.len <= LOGSINK_PENDING_MAX);
    assert_true(f->sink.dropped > 0);
    read_until(f, fd, " log records dropped");
    int n = check_lines(f, &reported_before);
    log_info(&f->sink.logger, "test", "number %d again", FLOOD);
    read_until(f, fd, "again");
    assert_int_equal(check_lines(f, &reported), n + 1);
    assert_int_equal(n + (int)reported, FLOOD);
    assert_int_equal(f->sink.dropped, 0);
    assert_null(f->sink.writable.loop);
}

static void a_slow_pipe_loses_whole_lines_and_hears_of_it(void **state)
{
    struct fixture *f = *state;

    start_on_pipe(f);
    fcntl(f->fds[1], F_SETPIPE_SZ, 4096);
    f->sink.logger.level = LOG_INFO;
    expect_flood_with_report(f, f->fds[0]);
}

static void a_slow_socket_loses_whole_lines_and_hears_of_it(void **state)
{
    struct fixture *f = *state;
    int size = 4096;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->fds), 0);
    fcntl(f->fds[0], F_SETFL, O_NONBLOCK);
    setsockopt(f->fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    start(f, f->fds[1]);
    expect_flood_with_report(f, f->fds[0]);
}

static void the_report_comes_whatever_the_level_is(void **state)
{
    struct fixture *f = *state;

    start_on_pipe(f);
    fcntl(f->fds[1], F_SETPIPE_SZ, 4096);
    flood(f);
    f->sink.logger.level = LOG_CRITICAL;
    read_until(f, f->fds[0], " log records dropped");
}

/* Without a loop the kept lines go out with the next record. */
static void the_next_record_brings_the_kept_ones_along(void **state)
{
    struct fixture *f = *state;
    uint64_t reported;

    assert_int_equal(pipe2(f->fds, O_CLOEXEC | O_NONBLOCK), 0);
    logsink_init(&f->sink, NULL, f->fds[1], LOG_JSON, "1.0");
    fcntl(f->fds[1], F_SETPIPE_SZ, 4096);
    flood(f);
    for (int i = 0; i < 100; i++) {
        while (read_some(f, f->fds[0]))
            ;
        log_info(&f->sink.logger, "test", "number %d", 2000 + i);
    }
    while (read_some(f, f->fds[0]))
        ;
    logsink_done(&f->sink);
    while (read_some(f, f->fds[0]))
        ;
    assert_int_equal(check_lines(f, &reported) + (int)reported, FLOOD + 100);
    assert_true(reported > 0);
}

/* Without /proc the descriptor itself is used: a blocking pipe that must not be made to wait. */
static void a_blocking_pipe_is_never_waited_for(void **state)
{
    struct fixture *f = *state;
    int status;

    start(f, -1);
    if (geteuid() != 0) {
        print_message("needs root: it hides /proc\n");
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("tmpfs", "/proc", "tmpfs", 0, NULL) || pipe2(f->fds, O_CLOEXEC))
            _exit(2);
        start(f, f->fds[1]);
        flood(f);
        int r = f->sink.fd != f->fds[1] || f->sink.dropped == 0 || f->sink.pending.len == 0;
        read_some(f, f->fds[0]);
        size_t before = f->sink.pending.len;
        turn(f);
        _exit(r || f->sink.pending.len >= before);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- readers that go away ---- */

static void a_closed_pipe_is_given_up_without_a_signal(void **state)
{
    struct fixture *f = *state;

    start_on_pipe(f);
    close(f->fds[0]);
    f->fds[0] = -1;
    log_info(&f->sink.logger, "test", "nobody hears this");
    assert_int_equal(f->sink.fd, -1);
    assert_int_equal(f->sink.dropped, 1);
    log_info(&f->sink.logger, "test", "nor this");
    assert_int_equal(f->sink.dropped, 2);
    assert_int_equal(f->sink.pending.len, 0);
}

static void a_reader_that_goes_while_lines_are_kept_ends_the_watch(void **state)
{
    struct fixture *f = *state;

    start_on_pipe(f);
    flood(f);
    assert_non_null(f->sink.writable.loop);
    close(f->fds[0]);
    f->fds[0] = -1;
    assert_int_equal(loop_run(f->loop, NULL), 0); /* ends because nothing is left to do */
    assert_int_equal(f->sink.fd, -1);
    assert_true(f->sink.dropped > 0 && f->sink.dropped <= FLOOD);
    assert_null(f->sink.pending.data);
}

static void a_closed_socket_is_given_up_without_a_signal(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->fds), 0);
    start(f, f->fds[1]);
    close(f->fds[0]);
    f->fds[0] = -1;
    log_info(&f->sink.logger, "test", "nobody");
    assert_int_equal(f->sink.fd, -1);
    assert_true(fcntl(f->fds[1], F_GETFD) >= 0); /* the caller's descriptor is not closed */
}

static void a_full_disk_costs_lines_and_not_the_log(void **state)
{
    struct fixture *f = *state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(full >= 0);
    start(f, full);
    log_info(&f->sink.logger, "test", "lost");
    assert_int_equal(f->sink.dropped, 1);
    assert_true(f->sink.fd >= 0);
    close(full);
}

static void a_descriptor_that_is_none_is_given_up(void **state)
{
    struct fixture *f = *state;

    start(f, 12345);
    log_info(&f->sink.logger, "test", "nobody");
    assert_int_equal(f->sink.fd, -1);
    assert_int_equal(f->sink.dropped, 1);
}

static void done_sends_what_goes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pipe2(f->fds, O_CLOEXEC | O_NONBLOCK), 0);
    logsink_init(&f->sink, NULL, f->fds[1], LOG_JSON, "1.0");
    flood(f);
    while (read_some(f, f->fds[0]))
        ;
    size_t before = f->got.len;
    logsink_done(&f->sink);
    assert_true(read_some(f, f->fds[0]));
    assert_true(f->got.len > before);
    logsink_done(&f->sink);
}

/* ---- the log port ---- */

static struct sockaddr_un listen_address(socklen_t *len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "tatami-logsink-%d", getpid());
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    return address;
}

static int listener_new(void)
{
    socklen_t len;
    struct sockaddr_un address = listen_address(&len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static int connect_reader(void)
{
    socklen_t len;
    struct sockaddr_un address = listen_address(&len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&address, len) != 0) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void the_first_connection_gets_the_lines(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    start(f, -1);
    assert_int_equal(logsink_listen(&f->sink, listener_new(), &err), 0);
    log_info(&f->sink.logger, "test", "number 1: before anybody is there");
    assert_int_equal(f->sink.dropped, 0);
    f->fds[0] = connect_reader();
    read_until(f, f->fds[0], "number 1:");
    log_info(&f->sink.logger, "test", "number 2");
    read_until(f, f->fds[0], "number 2");
    assert_int_equal(connect_reader(), -1); /* exactly one is served */
    assert_int_equal(errno, ECONNREFUSED);

    close(f->fds[0]);
    f->fds[0] = -1;
    log_info(&f->sink.logger, "test", "number 3");
    assert_int_equal(f->sink.fd, -1);
    assert_int_equal(loop_run(f->loop, NULL), 0);
}

static void lines_beyond_the_bound_are_reported_to_the_first_connection(void **state)
{
    struct fixture *f = *state;
    uint64_t reported;

    start(f, -1);
    assert_int_equal(logsink_listen(&f->sink, listener_new(), NULL), 0);
    flood(f);
    f->fds[0] = connect_reader();
    read_until(f, f->fds[0], " log records dropped");
    assert_int_equal(check_lines(f, &reported) + (int)reported, FLOOD);
}

static void a_line_begun_elsewhere_does_not_reach_the_port(void **state)
{
    struct fixture *f = *state;
    uint64_t reported;
    int pipe_fds[2];

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
    start(f, pipe_fds[1]);
    flood(f);
    read_some(f, pipe_fds[0]);
    turn(f); /* what there is room for now does not end with a line */
    assert_true(f->sink.mid_line);
    assert_int_equal(logsink_listen(&f->sink, listener_new(), NULL), 0);
    f->got.len = 0;
    f->fds[0] = connect_reader();
    read_until(f, f->fds[0], " log records dropped");
    assert_true(check_lines(f, &reported) > 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void a_port_without_loop_is_tried_by_each_record(void **state)
{
    struct fixture *f = *state;

    logsink_init(&f->sink, NULL, -1, LOG_JSON, "1.0");
    assert_int_equal(logsink_listen(&f->sink, listener_new(), NULL), 0);
    log_info(&f->sink.logger, "test", "number 1");
    f->fds[0] = connect_reader();
    log_info(&f->sink.logger, "test", "number 2");
    assert_true(read_some(f, f->fds[0]));
    assert_non_null(strstr(f->got.data, "number 1"));
    assert_non_null(strstr(f->got.data, "number 2"));
}

static void a_port_that_cannot_accept_does_not_spin_the_loop(void **state)
{
    struct fixture *f = *state;

    start(f, -1);
    assert_int_equal(logsink_listen(&f->sink, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), NULL), 0);
    assert_int_equal(loop_run(f->loop, NULL), 0);
    log_info(&f->sink.logger, "test", "kept");
    assert_true(f->sink.pending.len > 0);
}

static void a_port_that_cannot_be_watched_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    start(f, -1);
    assert_int_equal(logsink_listen(&f->sink, open("/tmp", O_RDONLY | O_CLOEXEC), &err), -EPERM);
    assert_string_equal(err.text, "watch the log port: EPERM: Operation not permitted");
    assert_int_equal(f->sink.listen_fd, -1);
}

static void the_vsock_port_listens(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    const uint32_t port = 0x7a000000u + (uint32_t)getpid();

    start(f, -1);
    int fd = logsink_listen_vsock(port, &err);
    if (fd == -EAFNOSUPPORT) {
        assert_string_equal(err.text,
                            "create a vsock socket for the log port: EAFNOSUPPORT: Address family not supported by protocol");
        print_message("this kernel has no vsock\n");
        skip();
    }
    assert_true(fd >= 0);
    assert_int_equal(logsink_listen_vsock(port, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, "bind the log port 20"));
    assert_int_equal(logsink_listen(&f->sink, fd, NULL), 0);

    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = port};
    struct timeval patience = {.tv_usec = 50000};
    f->fds[0] = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(f->fds[0], AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience));
    if (connect(f->fds[0], (struct sockaddr *)&address, sizeof(address)) != 0) {
        print_message("this kernel has no local vsock: whether others than the host are refused was not tried\n");
        return;
    }
    for (int i = 0; i < 10; i++)
        turn(f);
    assert_int_equal(f->sink.fd, -1); /* only the host is served */
    assert_true(f->sink.listen_fd >= 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_have_the_keys_of_the_agent),
        TEST(the_flags_of_the_descriptor_stay),
        TEST(a_file_takes_everything),
        TEST(a_terminal_gets_text_and_other_files_json),
        TEST(a_slow_pipe_loses_whole_lines_and_hears_of_it),
        TEST(a_slow_socket_loses_whole_lines_and_hears_of_it),
        TEST(the_report_comes_whatever_the_level_is),
        TEST(the_next_record_brings_the_kept_ones_along),
        TEST(a_blocking_pipe_is_never_waited_for),
        TEST(a_closed_pipe_is_given_up_without_a_signal),
        TEST(a_reader_that_goes_while_lines_are_kept_ends_the_watch),
        TEST(a_closed_socket_is_given_up_without_a_signal),
        TEST(a_full_disk_costs_lines_and_not_the_log),
        TEST(a_descriptor_that_is_none_is_given_up),
        TEST(done_sends_what_goes),
        TEST(the_first_connection_gets_the_lines),
        TEST(lines_beyond_the_bound_are_reported_to_the_first_connection),
        TEST(a_line_begun_elsewhere_does_not_reach_the_port),
        TEST(a_port_without_loop_is_tried_by_each_record),
        TEST(a_port_that_cannot_accept_does_not_spin_the_loop),
        TEST(a_port_that_cannot_be_watched_is_an_error),
        TEST(the_vsock_port_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
