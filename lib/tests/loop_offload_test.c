/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/offload.h"

static struct reaper *reaper;
static int *shared; /* memory that a child shares with the test */

static int offload_setup(void **state)
{
    int r = loop_setup(state);

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return r < 0 ? r : reaper_new(loop, &reaper, NULL);
}

static int offload_teardown(void **state)
{
    reaper_free(reaper);
    run_loop();                      /* would not return with a watch left behind */
    while (waitpid(-1, NULL, 0) > 0) /* a child that was killed last may still be there */
        ;
    munmap(shared, 4096);
    return loop_teardown(state);
}

#define offload_test(name) cmocka_unit_test_setup_teardown(name, offload_setup, offload_teardown)

static uint64_t in_ms(uint64_t ms)
{
    return loop_deadline(loop, ms * MSEC);
}

/* ---- results ---- */

static int work(void *arg, struct buf *out, struct error *err)
{
    *(int *)arg += 1; /* its own copy */
    shared[0] = getpid();
    (void)err;
    return buf_append_str(out, "done") < 0 ? -EMSGSIZE : 42;
}

static void success(void)
{
    _buf_ struct buf out = BUF_INIT(100);
    struct error err = {0};
    int local = 5;

    assert_int_equal(offload(reaper, work, &local, NO_DEADLINE, &out, &err), 42);
    assert_string_equal(out.data, "done");
    assert_int_equal(err.errnum, 0);
    assert_int_equal(local, 5);
    assert_int_not_equal(shared[0], getpid());
    assert_int_equal(kill(shared[0], 0), -1); /* collected */

    assert_int_equal(offload(reaper, work, &local, in_ms(10000), &out, NULL), 42);
    assert_string_equal(out.data, "donedone");
    assert_int_equal(offload(reaper, work, &local, NO_DEADLINE, NULL, &err), 42);
}

static void result_and_output_travel_back(void **state)
{
    (void)state;
    run_scenario(success);
}

static int fail_with_words(void *arg, struct buf *out, struct error *err)
{
    (void)arg;
    buf_append_str(out, "half");
    error_status(err, STATUS_NOT_FOUND, "no '%s'", "x");
    return error_wrap(err, "outer");
}

static int fail_silently(void *arg, struct buf *out, struct error *err)
{
    (void)arg;
    (void)out;
    (void)err;
    return -EPERM;
}

static int fail_at_length(void *arg, struct buf *out, struct error *err)
{
    char text[2 * ERROR_TEXT_MAX];

    (void)arg;
    (void)out;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    return error_text(err, -EIO, "%s", text);
}

static void failure(void)
{
    _buf_ struct buf out = BUF_INIT(100);
    struct error err = {0};

    assert_int_equal(offload(reaper, fail_at_length, NULL, NO_DEADLINE, NULL, &err), -EIO);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    assert_int_equal(offload(reaper, fail_with_words, NULL, NO_DEADLINE, &out, &err), -ENOENT);
    assert_int_equal(err.errnum, ENOENT);
    assert_int_equal(err.status, STATUS_NOT_FOUND);
    assert_string_equal(err.text, "outer: no 'x'");
    assert_string_equal(out.data, "half");
    assert_int_equal(offload(reaper, fail_with_words, NULL, NO_DEADLINE, NULL, NULL), -ENOENT);

    struct error untouched = {0};
    assert_int_equal(offload(reaper, fail_silently, NULL, NO_DEADLINE, NULL, &untouched), -EPERM);
    assert_int_equal(untouched.errnum, 0);
}

static void the_error_travels_back(void **state)
{
    (void)state;
    run_scenario(failure);
}

/* ---- output ---- */

static int print_much(void *arg, struct buf *out, struct error *err)
{
    int n = *(int *)arg;

    for (int i = 0; i < n; i++) {
        int r = buf_append(out, &(char){(char)('a' + i % 26)}, 1);
        if (r < 0)
            return error_set(err, r, "byte %d", i);
    }
    return n;
}

static void much_output(void)
{
    _buf_ struct buf out = BUF_INIT(1000 * 1000);
    int n = 1000 * 1000;

    /* More than a pipe holds. */
    assert_int_equal(offload(reaper, print_much, &n, in_ms(20000), &out, NULL), n);
    assert_int_equal(out.len, n);
    for (int i = 0; i < n; i++) {
        if (out.data[i] != 'a' + i % 26)
            fail_msg("byte %d is wrong", i);
    }
}

static void output_larger_than_a_pipe_travels_back(void **state)
{
    (void)state;
    run_scenario(much_output);
}

static void capped_output(void)
{
    _buf_ struct buf out = BUF_INIT(10);
    struct error err = {0};
    int n = 7;

    assert_int_equal(offload(reaper, print_much, &n, NO_DEADLINE, &out, &err), 7);
    assert_int_equal(offload(reaper, print_much, &n, NO_DEADLINE, &out, &err), -EMSGSIZE); /* only 3 bytes are left */
    assert_string_equal(err.text, "byte 3: EMSGSIZE: Message too long");
    assert_string_equal(out.data, "abcdefgabc");

    n = 64 * 1024;
    assert_int_equal(offload(reaper, print_much, &n, NO_DEADLINE, NULL, &err), n);
    n++;
    assert_int_equal(offload(reaper, print_much, &n, NO_DEADLINE, NULL, &err), -EMSGSIZE);

    _buf_ struct buf unbounded = BUF_INIT(SIZE_MAX);
    n = 5000;
    assert_int_equal(offload(reaper, print_much, &n, NO_DEADLINE, &unbounded, &err), n);
    assert_int_equal(unbounded.len, n);
}

static void output_is_capped(void **state)
{
    (void)state;
    run_scenario(capped_output);
}

/* ---- ends without a result ---- */

static int hang(void *arg, struct buf *out, struct error *err)
{
    (void)arg;
    (void)out;
    (void)err;
    shared[0] = getpid();
    sleep(1000);
    return 0;
}

static void await_gone(void)
{
    int pid = shared[0];

    assert_true(pid > 0);
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++)
        fiber_sleep_until(loop, in_ms(1));
    assert_int_equal(kill(pid, 0), -1);
}

static void too_slow(void)
{
    struct error err = {0};

    assert_int_equal(offload(reaper, hang, NULL, in_ms(30), NULL, &err), -ETIMEDOUT);
    assert_int_equal(err.errnum, ETIMEDOUT);
    assert_int_equal(err.status, STATUS_DEADLINE_EXCEEDED);
    assert_non_null(strstr(err.text, "did not finish in time"));
    await_gone();
}

static void a_slow_child_is_killed_at_the_deadline(void **state)
{
    (void)state;
    run_scenario(too_slow);
}

static struct fiber *worker;

static void work_until_cancelled(void *arg)
{
    struct error err = {0};

    (void)arg;
    assert_int_equal(offload(reaper, hang, NULL, NO_DEADLINE, NULL, &err), -ECANCELED);
    assert_int_equal(err.status, STATUS_CANCELLED);
    note("cancelled");
    shared[1] = 0;
    assert_int_equal(offload(reaper, hang, NULL, NO_DEADLINE, NULL, &err), -ECANCELED);
    assert_int_equal(err.status, STATUS_CANCELLED);
}

static void cancelled(void)
{
    fiber_start(loop, "works", work_until_cancelled, NULL, &worker);
    while (!shared[0]) /* the loop goes on meanwhile */
        fiber_sleep_until(loop, in_ms(1));
    fiber_cancel(worker);
    await_gone();
    assert_string_equal(trace, "cancelled ");
}

static void cancelling_the_fiber_kills_the_child(void **state)
{
    (void)state;
    run_scenario(cancelled);
}

static int die(void *arg, struct buf *out, struct error *err)
{
    (void)out;
    (void)err;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    raise(*(int *)arg);
    return 0;
}

static int leave(void *arg, struct buf *out, struct error *err)
{
    (void)out;
    (void)err;
    _exit(*(int *)arg);
}

static void dead_children(void)
{
    static const struct {
        const char *label; /* end of the error text */
        int (*fn)(void *arg, struct buf *out, struct error *err);
        int value;
    } rows[] = {
        {"ended with status 137 and no result", die, SIGKILL},
        {"ended with status 139 and no result", die, SIGSEGV},
        {"ended with status 3 and no result", leave, 3},
        {"ended with status 0 and no result", leave, 0},
    };

    FOR_ROWS (row, rows) {
        _buf_ struct buf out = BUF_INIT(100);
        struct error err = {0};
        int value = row->value;
        check_int(row->label, offload(reaper, row->fn, &value, in_ms(10000), &out, &err), -EIO);
        check_int(row->label, strstr(err.text, row->label) != NULL, true);
        check_int(row->label, out.len, 0);
        check_int(row->label, err.errnum, EIO);
    }
}

static void a_child_that_dies_is_reported_with_its_status(void **state)
{
    (void)state;
    run_scenario(dead_children);
}

/* Finds the child's end of the result pipe: the newest pipe that can be written to. */
static int result_pipe(void)
{
    for (int fd = 200; fd > 2; fd--) {
        int flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) == O_WRONLY)
            return fd;
    }
    return -1;
}

static int send_garbage(void *arg, struct buf *out, struct error *err)
{
    const char *kind = arg;
    uint32_t frame[6] = {0};
    char filler[4096] = {0};
    size_t len = sizeof(frame), more = 0;

    (void)out;
    (void)err;
    if (strcmp(kind, "long text") == 0)
        frame[3] = more = ERROR_TEXT_MAX;
    else if (strcmp(kind, "unknown status") == 0)
        frame[2] = STATUS_MAX;
    else if (strcmp(kind, "much output") == 0)
        frame[4] = more = 101;
    else if (strcmp(kind, "huge output") == 0)
        frame[5] = 1;
    else if (strcmp(kind, "missing output") == 0)
        frame[4] = 1;
    else if (strcmp(kind, "half a frame") == 0)
        len /= 2;
    else if (strcmp(kind, "trailing byte") == 0)
        more = 1;
    else if (strcmp(kind, "many trailing bytes") == 0)
        more = sizeof(filler);
    int n = (int)write(result_pipe(), frame, len);
    if (n > 0 && more)
        n = (int)write(result_pipe(), filler, more);
    _exit(n < 0);
}

static void garbage(void)
{
    static const char *const kinds[] = {"long text",      "unknown status", "much output",   "huge output",
                                        "missing output", "half a frame",   "trailing byte", "many trailing bytes"};

    FOR_ROWS (kind, kinds) {
        _buf_ struct buf out = BUF_INIT(100);
        struct error err = {0};
        check_int(*kind, offload(reaper, send_garbage, (void *)*kind, in_ms(10000), &out, &err), -EIO);
        check_int(*kind, strstr(err.text, "status 0 and no result") != NULL, true);
        check_int(*kind, out.len, 0);
    }
}

static void a_broken_frame_is_no_result(void **state)
{
    (void)state;
    run_scenario(garbage);
}

/* ---- a result that cannot be sent ---- */

static int close_and_return(void *arg, struct buf *out, struct error *err)
{
    (void)out;
    (void)err;
    close_range(3, ~0U, 0);
    return *(int *)arg;
}

static void results_unsent(void)
{
    _buf_ struct buf out = BUF_INIT(100);
    int done = 0, failed = -ENOENT;

    check_int("done", offload(reaper, close_and_return, &done, in_ms(10000), NULL, NULL), 0);
    check_int("done, and its output is lost", offload(reaper, close_and_return, &done, in_ms(10000), &out, NULL), -EIO);
    check_int("failed", offload(reaper, close_and_return, &failed, in_ms(10000), NULL, NULL), -EIO);
}

static void a_job_that_is_done_is_no_failure_though_it_cannot_say_so(void **state)
{
    (void)state;
    run_scenario(results_unsent);
}

/* ---- what the child leaves behind ---- */

static int leave_a_process(void *arg, struct buf *out, struct error *err)
{
    (void)arg;
    (void)err;
    pid_t pid = fork();
    if (pid == 0) {
        sleep(1000);
        _exit(0);
    }
    shared[0] = pid;
    buf_append_str(out, "left");
    return 0;
}

static void process_left(void)
{
    _buf_ struct buf out = BUF_INIT(100);

    assert_int_equal(offload(reaper, leave_a_process, NULL, in_ms(10000), &out, NULL), 0);
    assert_string_equal(out.data, "left");
    kill(shared[0], SIGKILL);
}

static void a_process_left_behind_does_not_delay_the_result(void **state)
{
    (void)state;
    run_scenario(process_left);
}

static void tick(void *arg)
{
    int *ticks = arg;

    while (fiber_sleep_until(loop, in_ms(1)) == 0)
        ++*ticks;
}

static int nap(void *arg, struct buf *out, struct error *err)
{
    (void)arg;
    (void)out;
    (void)err;
    usleep(20 * 1000);
    return 0;
}

static void loop_goes_on(void)
{
    struct fiber *ticker;
    int ticks = 0;

    fiber_start(loop, "ticks", tick, &ticks, &ticker);
    assert_int_equal(offload(reaper, nap, NULL, NO_DEADLINE, NULL, NULL), 0);
    assert_true(ticks > 2);
    fiber_cancel(ticker);
    fiber_yield(loop);
}

static void the_loop_goes_on_meanwhile(void **state)
{
    (void)state;
    run_scenario(loop_goes_on);
}

/* ---- resources ---- */

static void no_descriptors(void)
{
    struct rlimit old, limit;
    struct error err = {0};
    int fd = dup(0);

    close(fd);
    getrlimit(RLIMIT_NOFILE, &old);
    for (int spare = 0; spare < 3; spare++) {
        limit = (struct rlimit){(rlim_t)(fd + spare), old.rlim_max};
        setrlimit(RLIMIT_NOFILE, &limit);
        int r = offload(reaper, work, &(int){0}, NO_DEADLINE, NULL, &err);
        setrlimit(RLIMIT_NOFILE, &old);
        assert_int_equal(r, -EMFILE);
        assert_string_equal(err.text, spare < 2 ? "create a pipe: EMFILE: Too many open files"
                                                : "start a process: EMFILE: Too many open files");
    }
}

static void without_descriptors_it_fails_and_leaks_nothing(void **state)
{
    (void)state;
    run_scenario(no_descriptors);
}

static void no_epoll(void)
{
    struct error err = {0};
    int saved = break_loop();
    int r = offload(reaper, hang, NULL, NO_DEADLINE, NULL, &err);

    mend_loop(saved);
    assert_int_equal(r, -EINVAL);
    assert_non_null(strstr(err.text, ": EINVAL: Invalid argument"));
}

static void without_a_watch_it_fails_and_leaks_nothing(void **state)
{
    (void)state;
    run_scenario(no_epoll);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        offload_test(result_and_output_travel_back),
        offload_test(the_error_travels_back),
        offload_test(output_larger_than_a_pipe_travels_back),
        offload_test(output_is_capped),
        offload_test(a_slow_child_is_killed_at_the_deadline),
        offload_test(cancelling_the_fiber_kills_the_child),
        offload_test(a_child_that_dies_is_reported_with_its_status),
        offload_test(a_broken_frame_is_no_result),
        offload_test(a_job_that_is_done_is_no_failure_though_it_cannot_say_so),
        offload_test(a_process_left_behind_does_not_delay_the_result),
        offload_test(the_loop_goes_on_meanwhile),
        offload_test(without_descriptors_it_fails_and_leaks_nothing),
        offload_test(without_a_watch_it_fails_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
