/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/stack.h"
#include "sys/sys.h"

static struct fiber *fiber;

/* ---- start, order, end ---- */

static void note_name(void *arg)
{
    note(arg);
}

static void start_others(void *arg)
{
    note(arg);
    fiber_start(loop, "x", note_name, "c", NULL);
    fiber_start(loop, "y", note_name, "d", NULL);
    note("end");
}

static void fibers_run_from_the_next_turn_on_in_start_order(void **state)
{
    (void)state;
    fiber_start(loop, "a", start_others, "a", NULL);
    fiber_start(loop, "b", note_name, "b", NULL);
    assert_string_equal(trace, "");
    run_loop();
    assert_string_equal(trace, "a end b c d ");
}

static void check_current(void *arg)
{
    struct fiber **self = arg;

    assert_ptr_equal(fiber_current(loop), *self);
    assert_false(fiber_is_cancelled(*self));
    assert_int_equal(fiber_yield(loop), 0);
    assert_ptr_equal(fiber_current(loop), *self);
    note("seen");
}

static void only_a_running_fiber_is_current(void **state)
{
    (void)state;
    assert_null(fiber_current(loop));
    fiber_start(loop, "self", check_current, &fiber, &fiber);
    assert_null(fiber_current(loop));
    run_loop();
    assert_null(fiber_current(loop));
    assert_string_equal(trace, "seen ");
}

static void yield_twice(void *arg)
{
    for (int i = 0; i < 2; i++) {
        note(arg);
        assert_int_equal(fiber_yield(loop), 0);
    }
    note(arg);
}

static void yield_lets_all_others_run_once(void **state)
{
    (void)state;
    fiber_start(loop, "a", yield_twice, "a", NULL);
    fiber_start(loop, "b", yield_twice, "b", NULL);
    fiber_start(loop, "c", yield_twice, "c", NULL);
    run_loop();
    assert_string_equal(trace, "a b c a b c a b c ");
}

static void ring(struct watch *watch, uint32_t events)
{
    (void)events;
    note("event");
    watch_stop(watch);
}

static void yielding_fibers_do_not_starve_events(void **state)
{
    int fd = eventfd(1, EFD_CLOEXEC);
    struct watch watch = {.ready = ring};

    (void)state;
    assert_int_equal(watch_start(loop, &watch, fd, EPOLLIN), 0);
    run_fiber(yield_twice, "a");
    assert_string_equal(trace, "a event a a ");
    close(fd);
}

/* ---- what a switch keeps ---- */

/* Many live values of both kinds: some are in callee-saved registers across the switch. */
static void compute(void *arg)
{
    const long seed = *(const long *)arg;
    volatile double sum = 0;
    double a = (double)seed, b = a + 1, c = a * 3;
    long d = seed, e = seed * 7, f = seed ^ 0x55, g = seed + 11, h = seed - 5;

    for (int i = 0; i < 50; i++) {
        fiber_yield(loop);
        a += b;
        b += c;
        c += 1;
        d += e;
        e += f;
        f += g;
        g += h;
        h += 1;
    }
    sum = a + b + c;
    double wa = (double)seed, wb = wa + 1, wc = wa * 3;
    long wd = seed, we = seed * 7, wf = seed ^ 0x55, wg = seed + 11, wh = seed - 5;
    for (int i = 0; i < 50; i++) {
        wa += wb;
        wb += wc;
        wc += 1;
        wd += we;
        we += wf;
        wf += wg;
        wg += wh;
        wh += 1;
    }
    assert_true(sum == wa + wb + wc);
    assert_int_equal(d + e + f + g + h, wd + we + wf + wg + wh);
    note("ok");
}

static void a_switch_keeps_every_live_value(void **state)
{
    long seeds[] = {1, 1000, -77, 123456789};

    (void)state;
    FOR_ROWS (seed, seeds)
        fiber_start(loop, "compute", compute, seed, NULL);
    run_loop();
    assert_string_equal(trace, "ok ok ok ok ");
}

static void check_stack(void *arg)
{
    char on_stack[16 * 1024];

    (void)arg;
    assert_int_equal((uintptr_t)__builtin_frame_address(0) % 16, 0);
    memset(on_stack, 0x5a, sizeof(on_stack));
    fiber_yield(loop);
    for (size_t i = 0; i < sizeof(on_stack); i++)
        assert_int_equal(on_stack[i], 0x5a);
    note("ok");
}

static void each_fiber_has_its_own_aligned_stack(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        fiber_start(loop, "stack", check_stack, NULL, NULL);
    run_loop();
    assert_string_equal(trace, "ok ok ok ");
}

/* The depth is bounded so that a missing guard is a failed test, not a hanging one. */
static size_t overflow(size_t depth)
{
    volatile char frame[4096];

    frame[0] = (char)depth;
    return depth == 0 ? 0 : overflow(depth - 1) + (size_t)frame[0];
}

static void run_overflow(void *arg)
{
    (void)arg;
    _exit(overflow((STACK_SIZE + 32 * 1024) / 4096) == 1 ? 1 : 0);
}

static void a_stack_overflow_hits_the_guard(void **state)
{
    int status;

    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGSEGV, SIG_DFL);
        /* The second fiber's stack lies right below or above the first one's. */
        fiber_start(loop, "other", yield_twice, "a", NULL);
        fiber_start(loop, "deep", run_overflow, NULL, NULL);
        loop_run(loop, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

/* ---- sleep ---- */

static void sleep_a_while(void *arg)
{
    uint64_t *ns = arg;
    uint64_t deadline = loop_deadline(loop, *ns);

    assert_int_equal(fiber_sleep_until(loop, deadline), 0);
    assert_true(sys_monotonic_ns() >= deadline);
    note("awake");
}

static void sleep_ends_at_its_time_and_not_before(void **state)
{
    uint64_t times[] = {0, 1, 2 * MSEC};

    (void)state;
    FOR_ROWS (ns, times)
        run_fiber(sleep_a_while, ns);
    assert_string_equal(trace, "awake awake awake ");
}

/* ---- descriptors ---- */

static int pipe_fds[2];

static int pipe_setup(void **state)
{
    int r = loop_setup(state);

    return pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -1 : r;
}

static int pipe_teardown(void **state)
{
    close(pipe_fds[0]);
    if (pipe_fds[1] >= 0)
        close(pipe_fds[1]);
    return loop_teardown(state);
}

#define pipe_test(name) cmocka_unit_test_setup_teardown(name, pipe_setup, pipe_teardown)

static void wait_for_input(void *arg)
{
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[0], EPOLLIN, NO_DEADLINE), EPOLLIN);
    note(arg);
}

static void write_one(void *arg)
{
    note(arg);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
}

static void a_wait_for_input_ends_when_there_is_some(void **state)
{
    (void)state;
    fiber_start(loop, "reader", wait_for_input, "read", NULL);
    fiber_start(loop, "writer", write_one, "write", NULL);
    run_loop();
    assert_string_equal(trace, "write read ");
}

static void wait_for_hangup(void *arg)
{
    (void)arg;
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[1], EPOLLIN | EPOLLOUT, NO_DEADLINE), EPOLLOUT);
    close(pipe_fds[1]);
    pipe_fds[1] = -1;
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[0], EPOLLIN, NO_DEADLINE), EPOLLHUP);
    note("hup");
}

static void a_wait_reports_the_other_end_too(void **state)
{
    (void)state;
    run_fiber(wait_for_hangup, NULL);
    assert_string_equal(trace, "hup ");
}

static void wait_in_vain(void *arg)
{
    uint64_t *in_ns = arg;
    uint64_t deadline = *in_ns ? loop_deadline(loop, *in_ns) : 0;

    assert_int_equal(fiber_wait_fd(loop, pipe_fds[0], EPOLLIN, deadline), -ETIMEDOUT);
    assert_true(sys_monotonic_ns() >= deadline);
    note("late");
}

static void a_wait_ends_at_its_deadline(void **state)
{
    uint64_t times[] = {0, 1, MSEC};

    (void)state;
    FOR_ROWS (ns, times)
        run_fiber(wait_in_vain, ns);
    assert_string_equal(trace, "late late late ");
}

static void wait_with_a_past_deadline(void *arg)
{
    (void)arg;
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[1], EPOLLOUT, 0), EPOLLOUT);
    note("ready");
}

static void readiness_wins_over_a_passed_deadline(void **state)
{
    (void)state;
    run_fiber(wait_with_a_past_deadline, NULL);
    assert_string_equal(trace, "ready ");
}

static void wait_for_strange_things(void *arg)
{
    struct watch watch = {.ready = ring};
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)arg;
    assert_int_equal(fiber_wait_fd(loop, file, EPOLLIN, NO_DEADLINE), EPOLLIN);
    close(file);
    assert_int_equal(fiber_wait_fd(loop, -1, EPOLLIN, NO_DEADLINE), -EBADF);
    assert_int_equal(watch_start(loop, &watch, pipe_fds[0], EPOLLIN), 0);
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[0], EPOLLIN, NO_DEADLINE), -EEXIST);
    watch_stop(&watch);
    note("ok");
}

static void what_cannot_be_waited_for_returns_at_once(void **state)
{
    (void)state;
    run_fiber(wait_for_strange_things, NULL);
    assert_string_equal(trace, "ok ");
}

static void read_twice(void *arg)
{
    char c;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(fiber_wait_fd(loop, pipe_fds[0], EPOLLIN, NO_DEADLINE), EPOLLIN);
        assert_int_equal(read(pipe_fds[0], &c, 1), 1);
        note(arg);
    }
}

static void write_twice(void *arg)
{
    write_one(arg);
    fiber_yield(loop);
    fiber_yield(loop);
    write_one(arg);
}

static void one_descriptor_can_be_waited_for_again(void **state)
{
    (void)state;
    fiber_start(loop, "reader", read_twice, "r", NULL);
    fiber_start(loop, "writer", write_twice, "w", NULL);
    run_loop();
    assert_string_equal(trace, "w r w r ");
}

/* ---- cancellation ---- */

static void wait_for_everything_cancelled(void *arg)
{
    struct waitq waitq;

    waitq_init(&waitq);
    if (arg)
        assert_int_equal(fiber_sleep_until(loop, NO_DEADLINE), -ECANCELED);
    assert_true(fiber_is_cancelled(fiber_current(loop)));
    assert_int_equal(fiber_sleep_until(loop, 0), -ECANCELED);
    assert_int_equal(fiber_yield(loop), -ECANCELED);
    assert_int_equal(waitq_wait(loop, &waitq, NO_DEADLINE), -ECANCELED);
    assert_true(list_is_empty(&waitq.waiters));
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[1], EPOLLOUT, NO_DEADLINE), -ECANCELED);
    note("cancelled");
}

static void cancel_it(void *arg)
{
    struct fiber **other = arg;

    fiber_cancel(*other);
    note("cancel");
}

static void a_cancelled_wait_and_all_later_ones_fail(void **state)
{
    (void)state;
    fiber_start(loop, "waits", wait_for_everything_cancelled, "first sleeps", &fiber);
    fiber_start(loop, "cancels", cancel_it, &fiber, NULL);
    run_loop();
    assert_string_equal(trace, "cancel cancelled ");
}

static void a_fiber_cancelled_before_its_start_still_runs(void **state)
{
    (void)state;
    fiber_start(loop, "waits", wait_for_everything_cancelled, NULL, &fiber);
    fiber_cancel(fiber);
    fiber_cancel(fiber);
    run_loop();
    assert_string_equal(trace, "cancelled ");
}

static void cancel_oneself(void *arg)
{
    fiber_cancel(fiber_current(loop));
    wait_for_everything_cancelled(arg);
}

static void a_fiber_can_cancel_itself(void **state)
{
    (void)state;
    run_fiber(cancel_oneself, NULL);
    assert_string_equal(trace, "cancelled ");
}

static void wait_with_deadline(void *arg)
{
    (void)arg;
    assert_int_equal(fiber_wait_fd(loop, pipe_fds[0], EPOLLIN, loop_deadline(loop, 3600 * NSEC_PER_SEC)), -ECANCELED);
    note("cancelled");
}

static void a_cancelled_wait_leaves_no_timer_and_no_watch(void **state)
{
    (void)state;
    fiber_start(loop, "waits", wait_with_deadline, NULL, &fiber);
    fiber_start(loop, "cancels", cancel_it, &fiber, NULL);
    run_loop(); /* would not return if something were left */
    assert_string_equal(trace, "cancel cancelled ");
}

static void yield_then_check(void *arg)
{
    (void)arg;
    assert_int_equal(fiber_yield(loop), 0);
    assert_int_equal(fiber_yield(loop), -ECANCELED);
    note("cancelled");
}

static void a_wait_that_ended_before_the_cancellation_keeps_its_result(void **state)
{
    (void)state;
    fiber_start(loop, "yields", yield_then_check, NULL, &fiber);
    fiber_start(loop, "cancels", cancel_it, &fiber, NULL);
    run_loop();
    assert_string_equal(trace, "cancel cancelled ");
}

/* ---- limits and memory ---- */

static void do_nothing(void *arg)
{
    (*(int *)arg)++;
}

static void there_is_a_limit_to_fibers(void **state)
{
    int started = 0, ran = 0;

    (void)state;
    while (fiber_start(loop, "one of many", do_nothing, &ran, NULL) == 0)
        started++;
    assert_int_equal(fiber_start(loop, "too many", do_nothing, &ran, NULL), -EAGAIN);
    run_loop();
    assert_int_equal(started, 16384);
    assert_int_equal(ran, started);
    assert_int_equal(fiber_start(loop, "again", do_nothing, &ran, NULL), 0);
    run_loop();
    assert_int_equal(ran, started + 1);
}

static size_t rss_kib(void)
{
    char line[128];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "re");

    while (fgets(line, sizeof(line), file))
        sscanf(line, "VmRSS: %zu", &kib);
    fclose(file);
    return kib;
}

static size_t mapped_kib(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static struct waitq gate;

static void use_stack_and_wait(void *arg)
{
    volatile char pages[32 * 1024];

    for (size_t i = 0; i < sizeof(pages); i += 1024)
        pages[i] = 1;
    waitq_wait(loop, &gate, NO_DEADLINE);
    (*(int *)arg)++;
}

static void idle_for_a_while(void *arg)
{
    size_t *rss = arg;

    fiber_sleep_until(loop, loop_deadline(loop, 10 * MSEC)); /* too short to count as idle */
    rss[0] = rss_kib();
    fiber_sleep_until(loop, loop_deadline(loop, 150 * MSEC));
    rss[1] = rss_kib();
}

static bool is_checked(void)
{
#if defined(SANITIZE_ADDRESS)
    return true;
#elif defined(RUNNING_ON_VALGRIND)
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

static void an_idle_loop_gives_the_memory_of_its_stacks_back(void **state)
{
    const size_t count = 4 * STACKS_KEPT;
    size_t rss[2], mapped;
    int ended = 0;

    (void)state;
    if (is_checked()) {
        print_message("a memory checker keeps memory of its own\n");
        skip();
    }
    waitq_init(&gate);
    mapped = mapped_kib();
    for (size_t i = 0; i < count; i++)
        fiber_start(loop, "waits", use_stack_and_wait, &ended, NULL);
    run_loop();
    assert_int_equal(ended, 0);
    waitq_wake_all(&gate);
    run_loop();
    assert_int_equal(ended, count);
    assert_true(mapped_kib() < mapped + (STACKS_KEPT + 8) * 2 * 64);

    run_fiber(idle_for_a_while, rss);
    assert_true(rss[0] > rss[1] + (STACKS_KEPT - STACKS_WARM - 2) * 32);

    ended = 0;
    for (int i = 0; i < 10; i++) /* and the stacks can be used again */
        fiber_start(loop, "waits", use_stack_and_wait, &ended, NULL);
    run_loop();
    waitq_wake_all(&gate);
    run_loop();
    assert_int_equal(ended, 10);
}

static void a_fiber_that_waits_for_ever_does_not_keep_the_loop_running(void **state)
{
    int ended = 0;

    (void)state;
    waitq_init(&gate);
    run_fiber(use_stack_and_wait, &ended);
    assert_int_equal(ended, 0);
    waitq_wake_all(&gate);
    run_loop();
    assert_int_equal(ended, 1);
}

static void stop_and_yield(void *arg)
{
    note(arg);
    loop_stop(loop);
    fiber_yield(loop);
    note(arg);
}

static void a_stop_from_a_fiber_ends_the_turn(void **state)
{
    (void)state;
    fiber_start(loop, "a", stop_and_yield, "a", NULL);
    fiber_start(loop, "b", yield_twice, "b", NULL);
    run_loop();
    assert_string_equal(trace, "a b ");
    run_loop();
    assert_string_equal(trace, "a b a b b ");
}

static int count_mappings(void)
{
    char chunk[4096];
    int n = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    for (ssize_t len; (len = read(fd, chunk, sizeof(chunk))) > 0;)
        for (ssize_t at = 0; at < len; at++)
            n += chunk[at] == '\n';
    close(fd);
    return n;
}

static void note_word(void *word)
{
    note(word);
}

static void a_loop_that_is_freed_gives_its_stacks_back(void **state)
{
    const int before = count_mappings();

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct loop *other;
        assert_int_equal(loop_new(&other, NULL), 0);
        for (int i = 0; i < 10; i++)
            fiber_start(other, "a", note_word, "a", NULL);
        assert_int_equal(loop_run(other, NULL), 0);
        loop_free(other);
        trace[0] = '\0';
    }
    assert_true(count_mappings() < before + 10); /* each stack is two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(fibers_run_from_the_next_turn_on_in_start_order),
        loop_test(only_a_running_fiber_is_current),
        loop_test(yield_lets_all_others_run_once),
        loop_test(yielding_fibers_do_not_starve_events),
        loop_test(a_switch_keeps_every_live_value),
        loop_test(each_fiber_has_its_own_aligned_stack),
        loop_test(a_stack_overflow_hits_the_guard),
        loop_test(sleep_ends_at_its_time_and_not_before),
        pipe_test(a_wait_for_input_ends_when_there_is_some),
        pipe_test(a_wait_reports_the_other_end_too),
        pipe_test(a_wait_ends_at_its_deadline),
        pipe_test(readiness_wins_over_a_passed_deadline),
        pipe_test(what_cannot_be_waited_for_returns_at_once),
        pipe_test(one_descriptor_can_be_waited_for_again),
        pipe_test(a_cancelled_wait_and_all_later_ones_fail),
        pipe_test(a_fiber_cancelled_before_its_start_still_runs),
        pipe_test(a_fiber_can_cancel_itself),
        pipe_test(a_cancelled_wait_leaves_no_timer_and_no_watch),
        loop_test(a_wait_that_ended_before_the_cancellation_keeps_its_result),
        loop_test(there_is_a_limit_to_fibers),
        loop_test(an_idle_loop_gives_the_memory_of_its_stacks_back),
        loop_test(a_fiber_that_waits_for_ever_does_not_keep_the_loop_running),
        loop_test(a_stop_from_a_fiber_ends_the_turn),
        loop_test(a_loop_that_is_freed_gives_its_stacks_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
