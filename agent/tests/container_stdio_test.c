/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "ttrpc/frame.h"

struct fixture {
    struct loop *loop;
    struct arena *arena;
    struct stdio stdio;
    int child[3]; /* the process's ends */
};

static void open_fixture(struct fixture *fixture, bool terminal, int pipe_size)
{
    struct error err;

    assert_int_equal(loop_new(&fixture->loop, &err), 0);
    fixture->arena = arena_new(64 * 1024 * 1024);
    stdio_init(&fixture->stdio);
    if (stdio_open(&fixture->stdio, terminal, pipe_size, fixture->child, &err) < 0)
        fail_msg("%s", err.text);
}

static void close_child(struct fixture *fixture)
{
    for (int i = 0; i < 3; i++) {
        if (fixture->child[i] >= 0)
            close(fixture->child[i]);
        fixture->child[i] = -1;
    }
}

static void close_fixture(struct fixture *fixture)
{
    close_child(fixture);
    stdio_close(&fixture->stdio);
    loop_free(fixture->loop);
    arena_free(fixture->arena);
}

/* One call in a fiber. */
struct call {
    struct fixture *fixture;
    const uint8_t *data; /* NULL: a read */
    size_t len;
    bool want_stderr;
    int result;
    uint8_t *read;
    size_t n;
    struct error err;
};

static uint8_t *from_arena(void *a, size_t len)
{
    return arena_alloc(a, len);
}

static void run_call(void *arg)
{
    struct call *call = arg;
    struct fixture *fixture = call->fixture;

    const struct stdio_memory memory = {from_arena, fixture->arena};
    call->result = call->data ? stdio_write(fixture->loop, &fixture->stdio, call->data, call->len, &call->err)
                              : stdio_read(fixture->loop, &fixture->stdio, call->want_stderr, call->len, &memory, &call->read,
                                           &call->n, &call->err);
}

static struct fiber *start(struct call *call)
{
    struct fiber *fiber;

    assert_int_equal(fiber_start(call->fixture->loop, "call", run_call, call, &fiber), 0);
    return fiber;
}

static void run(struct fixture *fixture)
{
    struct error err;

    assert_int_equal(loop_run(fixture->loop, &err), 0);
}

static void close_streams(void *arg)
{
    stdio_close(arg);
}

static void process_exits(void *arg)
{
    stdio_exited(arg);
}

static void act(struct fixture *fixture, void (*fn)(void *arg), void *arg)
{
    assert_int_equal(fiber_start(fixture->loop, "act", fn, arg, NULL), 0);
}

static void write_child(struct fixture *fixture, int fd, const char *text)
{
    assert_int_equal(write(fixture->child[fd], text, strlen(text)), strlen(text));
}

static void reads_return_what_is_there_and_then_the_end(void **state)
{
    struct fixture fixture;
    struct call out = {.fixture = &fixture, .len = 3}, errors = {.fixture = &fixture, .len = 100, .want_stderr = true};
    (void)state;

    open_fixture(&fixture, false, 0);
    write_child(&fixture, 1, "abcdef");
    write_child(&fixture, 2, "E");
    start(&out);
    start(&errors);
    run(&fixture);
    assert_int_equal(out.n, 3);
    assert_memory_equal(out.read, "abc", 3);
    assert_int_equal(errors.n, 1);
    assert_memory_equal(errors.read, "E", 1);
    close_child(&fixture);
    out.len = 100;
    start(&out);
    run(&fixture);
    assert_int_equal(out.n, 3);
    start(&out);
    run(&fixture);
    assert_int_equal(out.result, 0);
    assert_int_equal(out.n, 0);
    close_fixture(&fixture);
}

static void read_of_nothing_returns_at_once(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = 0, .n = 9};
    (void)state;

    open_fixture(&fixture, false, 0);
    start(&call);
    run(&fixture);
    assert_int_equal(call.result, 0);
    assert_int_equal(call.n, 0);
    close_fixture(&fixture);
}

static void readers_of_one_stream_take_turns(void **state)
{
    struct fixture fixture;
    struct call first = {.fixture = &fixture, .len = 1}, second = first;
    (void)state;

    open_fixture(&fixture, false, 0);
    start(&first);
    start(&second);
    write_child(&fixture, 1, "12");
    run(&fixture);
    assert_memory_equal(first.read, "1", 1);
    assert_memory_equal(second.read, "2", 1);
    close_fixture(&fixture);
}

static void waiting_reader_ends_when_the_streams_close(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = 10}, late = call;
    (void)state;

    open_fixture(&fixture, false, 0);
    start(&call);
    act(&fixture, close_streams, &fixture.stdio);
    run(&fixture);
    assert_int_equal(call.result, 0);
    assert_int_equal(call.n, 0);
    start(&late);
    run(&fixture);
    assert_int_equal(late.result, -EBADF);
    assert_string_equal(late.err.text, "cannot get stream reader");
    close_fixture(&fixture);
}

static void exit_gives_a_waiting_reader_half_a_second(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = 10};
    (void)state;

    open_fixture(&fixture, false, 0);
    start(&call);
    act(&fixture, process_exits, &fixture.stdio);
    uint64_t before = loop_now(fixture.loop);
    run(&fixture); /* the child's end stays open: somebody inherited it */
    assert_int_equal(call.result, 0);
    assert_int_equal(call.n, 0);
    assert_true(loop_now(fixture.loop) - before >= 490 * NSEC_PER_MSEC);
    close_fixture(&fixture);
}

static void write_kept(void *arg)
{
    write_child(arg, 1, "kept");
}

static void cancel(void *arg)
{
    fiber_cancel(arg);
}

static void speak_late(void *arg)
{
    struct fixture *fixture = arg;

    assert_int_equal(fiber_sleep_until(fixture->loop, loop_deadline(fixture->loop, 550 * NSEC_PER_MSEC)), 0);
    write_child(fixture, 1, "late");
}

static void a_reader_of_a_living_process_waits_longer_than_that(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = 10};
    (void)state;

    open_fixture(&fixture, false, 0);
    start(&call);
    act(&fixture, speak_late, &fixture);
    run(&fixture);
    assert_int_equal(call.result, 0);
    assert_int_equal(call.n, 4);
    close_fixture(&fixture);
}

static void cancelled_reader_loses_nothing(void **state)
{
    struct fixture fixture;
    struct call cancelled = {.fixture = &fixture, .len = 10}, next = cancelled;
    (void)state;

    open_fixture(&fixture, false, 0);
    struct fiber *fiber = start(&cancelled);
    start(&next);
    act(&fixture, cancel, fiber);
    act(&fixture, write_kept, &fixture);
    run(&fixture);
    assert_int_equal(cancelled.err.status, STATUS_CANCELLED);
    assert_int_equal(next.result, 0);
    assert_int_equal(next.n, 4);
    assert_memory_equal(next.read, "kept", 4);
    close_fixture(&fixture);
}

static void long_write_arrives_whole_and_unmixed(void **state)
{
    struct fixture fixture;
    struct call first = {.fixture = &fixture, .len = 300000}, second = first;
    uint8_t *a = malloc(first.len), *b = malloc(first.len);
    size_t got = 0;
    char block[4096];
    (void)state;

    memset(a, 'a', first.len);
    memset(b, 'b', first.len);
    first.data = a;
    second.data = b;
    open_fixture(&fixture, false, 0);
    int pid = fork();
    if (pid == 0) { /* a slow reader that checks the order */
        stdio_close(&fixture.stdio);
        for (ssize_t n; got < 600000 && (n = read(fixture.child[0], block, sizeof(block))) > 0;) {
            for (ssize_t i = 0; i < n; i++, got++) {
                if (block[i] != (got < 300000 ? 'a' : 'b'))
                    _exit(1);
            }
        }
        _exit(got == 600000 ? 0 : 2);
    }
    start(&first);
    start(&second);
    run(&fixture);
    assert_int_equal(first.result, 0);
    assert_int_equal(second.result, 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free(a);
    free(b);
    close_fixture(&fixture);
}

static void writer_learns_that_nobody_reads(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .data = (const uint8_t *)"x", .len = 1};
    (void)state;

    signal(SIGPIPE, SIG_IGN);
    open_fixture(&fixture, false, 0);
    close_child(&fixture);
    start(&call);
    run(&fixture);
    assert_int_equal(call.result, -EPIPE);
    assert_string_equal(call.err.text, "Broken pipe (os error 32)");
    stdio_close_stdin(&fixture.stdio);
    stdio_close_stdin(&fixture.stdio);
    start(&call);
    run(&fixture);
    assert_string_equal(call.err.text, "Cannot get writer");
    close_fixture(&fixture);
}

static void closing_stdin_is_the_end_for_the_process_only(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = 10};
    char byte;
    (void)state;

    open_fixture(&fixture, false, 0);
    stdio_close_stdin(&fixture.stdio);
    assert_int_equal(read(fixture.child[0], &byte, 1), 0);
    write_child(&fixture, 1, "still");
    start(&call);
    run(&fixture);
    assert_int_equal(call.n, 5);
    close_fixture(&fixture);
}

static void pipe_size_applies_to_both_outputs(void **state)
{
    struct fixture fixture;
    (void)state;

    open_fixture(&fixture, false, 8192);
    assert_int_equal(fcntl(fixture.child[1], F_GETPIPE_SZ), 8192);
    assert_int_equal(fcntl(fixture.child[2], F_GETPIPE_SZ), 8192);
    assert_int_equal(fcntl(fixture.child[0], F_GETPIPE_SZ), 65536);
    close_fixture(&fixture);
}

static void one_read_of_the_largest_pipe_fits_into_a_frame(void **state)
{
    static const uint8_t block[1024 * 1024];
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = UINT32_MAX};
    (void)state;

    open_fixture(&fixture, false, 0);
    if (fcntl(fixture.child[1], F_SETPIPE_SZ, 8 * (int)sizeof(block)) < 0) {
        close_fixture(&fixture);
        print_message("a pipe of 8 MiB takes CAP_SYS_RESOURCE\n");
        skip();
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(write(fixture.child[1], block, sizeof(block)), sizeof(block));
    start(&call);
    run(&fixture);
    assert_int_equal(call.result, 0);
    assert_in_range(call.n, sizeof(block), FRAME_PAYLOAD_MAX - 64);
    close_fixture(&fixture);
}

static void impossible_pipe_size_opens_nothing(void **state)
{
    struct stdio stdio;
    struct error err;
    int child[3] = {-7, -7, -7};
    int before = dup(0);
    (void)state;

    stdio_init(&stdio);
    assert_true(stdio_open(&stdio, false, INT32_MAX, child, &err) < 0);
    assert_non_null(strstr(err.text, "2147483647"));
    assert_int_equal(child[0], -7);
    int after = dup(0);
    assert_int_equal(after, before + 1); /* every descriptor was given back */
    assert_int_equal(stdio.in.fd, -1);
    assert_int_equal(stdio.out.fd, -1);
    assert_int_equal(stdio.err.fd, -1);
    close(before);
    close(after);
}

static void terminal_carries_both_ways_and_its_size(void **state)
{
    struct fixture fixture;
    struct call in = {.fixture = &fixture, .data = (const uint8_t *)"hi\n", .len = 3};
    struct call out = {.fixture = &fixture, .len = 100, .want_stderr = true}; /* stderr of a terminal is the terminal */
    struct winsize size;
    struct error err;
    char line[16];
    (void)state;

    open_fixture(&fixture, true, 0);
    assert_int_equal(fixture.child[1], -1);
    assert_true(isatty(fixture.child[0]));
    assert_int_equal(stdio_resize(&fixture.stdio, 65536 + 24, 80, &err), 0);
    assert_int_equal(ioctl(fixture.child[0], TIOCGWINSZ, &size), 0);
    assert_int_equal(size.ws_row, 24);
    assert_int_equal(size.ws_col, 80);
    start(&in);
    start(&out);
    run(&fixture);
    assert_int_equal(read(fixture.child[0], line, sizeof(line)), 3);
    assert_memory_equal(line, "hi\n", 3);
    assert_memory_equal(out.read, "hi\r\n", 4); /* the echo */
    close_fixture(&fixture);
}

static void terminal_without_process_is_an_input_output_error(void **state)
{
    struct fixture fixture;
    struct call call = {.fixture = &fixture, .len = 100};
    (void)state;

    open_fixture(&fixture, true, 0);
    close_child(&fixture);
    start(&call);
    run(&fixture);
    assert_int_equal(call.result, -EIO);
    assert_int_equal(call.err.status, STATUS_INTERNAL);
    assert_string_equal(call.err.text, "Input/output error (os error 5)");
    stdio_close_stdin(&fixture.stdio);
    start(&call);
    run(&fixture);
    assert_string_equal(call.err.text, "cannot get stream reader");
    close_fixture(&fixture);
}

static void resize_needs_a_terminal(void **state)
{
    struct fixture fixture;
    struct error err;
    (void)state;

    open_fixture(&fixture, false, 0);
    assert_true(stdio_resize(&fixture.stdio, 1, 1, &err) < 0);
    assert_int_equal(err.status, STATUS_UNAVAILABLE);
    assert_string_equal(err.text, "\"no tty\"");
    close_fixture(&fixture);
    open_fixture(&fixture, true, 0);
    stdio_close(&fixture.stdio);
    assert_true(stdio_resize(&fixture.stdio, 1, 1, &err) < 0);
    assert_int_equal(err.status, STATUS_UNAVAILABLE);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_return_what_is_there_and_then_the_end),
        cmocka_unit_test(read_of_nothing_returns_at_once),
        cmocka_unit_test(readers_of_one_stream_take_turns),
        cmocka_unit_test(waiting_reader_ends_when_the_streams_close),
        cmocka_unit_test(exit_gives_a_waiting_reader_half_a_second),
        cmocka_unit_test(a_reader_of_a_living_process_waits_longer_than_that),
        cmocka_unit_test(cancelled_reader_loses_nothing),
        cmocka_unit_test(long_write_arrives_whole_and_unmixed),
        cmocka_unit_test(writer_learns_that_nobody_reads),
        cmocka_unit_test(closing_stdin_is_the_end_for_the_process_only),
        cmocka_unit_test(pipe_size_applies_to_both_outputs),
        cmocka_unit_test(one_read_of_the_largest_pipe_fits_into_a_frame),
        cmocka_unit_test(impossible_pipe_size_opens_nothing),
        cmocka_unit_test(terminal_carries_both_ways_and_its_size),
        cmocka_unit_test(terminal_without_process_is_an_input_output_error),
        cmocka_unit_test(resize_needs_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
