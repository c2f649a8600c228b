/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "sys/sys.h"

/* A watch on an eventfd that notes its name and does what the test wants. */
struct bell {
    const char *name;
    struct watch watch;
    uint32_t events;
    int left; /* calls until it stops itself */
    struct bell *other;
    void (*action)(struct bell *bell);
};

static void bell_rings(struct watch *watch, uint32_t events)
{
    struct bell *bell = CONTAINER_OF(watch, struct bell, watch);

    note(bell->name);
    bell->events = events;
    if (--bell->left == 0)
        watch_stop(watch);
    if (bell->action)
        bell->action(bell);
}

static void bell_start(struct bell *bell, const char *name, unsigned int value, uint32_t events)
{
    *bell = (struct bell){.name = name, .left = 1, .watch.ready = bell_rings};
    assert_int_equal(watch_start(loop, &bell->watch, eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK), events), 0);
}

/* Two that know each other. */
static void bells_start(struct bell *a, const char *a_name, struct bell *b, const char *b_name,
                        void (*action)(struct bell *bell))
{
    bell_start(a, a_name, 1, EPOLLIN);
    bell_start(b, b_name, 1, EPOLLIN);
    a->other = b;
    b->other = a;
    a->action = b->action = action;
}

static void bell_done(struct bell *bell)
{
    watch_stop(&bell->watch);
    close(bell->watch.fd);
}

static void an_empty_loop_returns_at_once(void **state)
{
    (void)state;
    run_loop();
    run_loop();
}

static void a_watch_reports_what_is_ready(void **state)
{
    struct bell in, out;

    (void)state;
    bell_start(&in, "in", 1, EPOLLIN);
    bell_start(&out, "out", 0, EPOLLIN | EPOLLOUT);
    run_loop();
    assert_int_equal(in.events, EPOLLIN);
    assert_int_equal(out.events, EPOLLOUT);
    assert_null(in.watch.loop);
    bell_done(&in);
    bell_done(&out);
}

static void a_watch_is_level_triggered(void **state)
{
    struct bell bell;

    (void)state;
    bell_start(&bell, "ding", 1, EPOLLIN);
    bell.left = 3;
    run_loop();
    assert_string_equal(trace, "ding ding ding ");
    bell_done(&bell);
}

static void stop_other(struct bell *bell)
{
    watch_stop(&bell->other->watch);
    loop_stop(loop);
}

static void no_callback_after_stop_even_for_collected_events(void **state)
{
    struct bell a, b;

    (void)state;
    bells_start(&a, "one", &b, "one", stop_other);
    a.left = b.left = 2; /* none stops itself */
    run_loop();
    assert_string_equal(trace, "one ");
    bell_done(&a);
    bell_done(&b);
}

static void restart_other(struct bell *bell)
{
    watch_stop(&bell->other->watch);
    assert_int_equal(watch_start(loop, &bell->other->watch, bell->other->watch.fd, EPOLLIN), 0);
    bell->other->other = bell;
    bell->other->action = NULL;
}

static void a_restarted_watch_is_called_in_the_next_turn(void **state)
{
    struct bell a, b;

    (void)state;
    bells_start(&a, "a", &b, "b", restart_other);
    run_loop();
    assert_true(strcmp(trace, "a b ") == 0 || strcmp(trace, "b a ") == 0);
    bell_done(&a);
    bell_done(&b);
}

static void mute_other(struct bell *bell)
{
    struct bell *other = bell->other;

    other->action = NULL;
    assert_int_equal(watch_modify(&other->watch, 0), 0);
    loop_stop(loop);
}

static void events_that_are_no_longer_wanted_are_not_reported(void **state)
{
    struct bell a, b;

    (void)state;
    bells_start(&a, "one", &b, "one", mute_other);
    run_loop();
    assert_string_equal(trace, "one ");
    bell_done(&a);
    bell_done(&b);
}

static void modified_events_count_from_now_on(void **state)
{
    struct bell bell;

    (void)state;
    bell_start(&bell, "ding", 0, EPOLLIN);
    assert_int_equal(watch_modify(&bell.watch, EPOLLOUT), 0);
    assert_int_equal(watch_modify(&bell.watch, EPOLLOUT), 0);
    run_loop();
    assert_int_equal(bell.events, EPOLLOUT);
    assert_int_equal(watch_modify(&bell.watch, EPOLLIN), -ENOENT);
    bell_done(&bell);
}

static void hangup_is_always_reported(void **state)
{
    struct bell bell = {.name = "hup", .left = 1, .watch.ready = bell_rings};
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(watch_start(loop, &bell.watch, fds[0], EPOLLIN), 0);
    assert_int_equal(watch_modify(&bell.watch, 0), 0);
    close(fds[1]);
    run_loop();
    assert_int_equal(bell.events, EPOLLHUP);
    bell_done(&bell);
}

static void what_cannot_be_watched_is_said(void **state)
{
    struct watch watch = {.ready = bell_rings};
    struct bell bell;

    (void)state;
    assert_int_equal(watch_start(loop, &watch, -1, EPOLLIN), -EBADF);
    int fd = open("/proc/self/exe", O_RDONLY);
    assert_int_equal(watch_start(loop, &watch, fd, EPOLLIN), -EPERM);
    close(fd);
    bell_start(&bell, "ding", 0, EPOLLIN);
    assert_int_equal(watch_start(loop, &watch, bell.watch.fd, EPOLLIN), -EEXIST);
    assert_null(watch.loop);
    watch_stop(&watch);
    close(bell.watch.fd);
    assert_int_equal(watch_modify(&bell.watch, EPOLLOUT), -EBADF);
    assert_int_equal(bell.watch.events, EPOLLIN);
    watch_stop(&bell.watch);
    run_loop();
}

static void many_ready_watches_are_all_called_once(void **state)
{
    static struct bell bells[200];

    (void)state;
    FOR_ROWS (bell, bells)
        bell_start(bell, "", 1, EPOLLIN);
    run_loop();
    assert_int_equal(strlen(trace), ARRAY_SIZE(bells));
    FOR_ROWS (bell, bells) {
        assert_int_equal(bell->left, 0);
        bell_done(bell);
    }
}

static void stop_the_loop(struct timer *timer)
{
    (void)timer;
    note("stop");
    loop_stop(loop);
}

static void stop_ends_the_run_and_a_new_run_goes_on(void **state)
{
    struct timer stop = {.expired = stop_the_loop};
    struct bell bell;

    (void)state;
    bell_start(&bell, "ding", 0, EPOLLIN);
    timer_start(loop, &stop, 0);
    run_loop();
    assert_string_equal(trace, "stop ");
    assert_int_equal(write(bell.watch.fd, &(uint64_t){1}, 8), 8);
    run_loop();
    assert_string_equal(trace, "stop ding ");
    bell_done(&bell);
}

static void a_stop_before_the_run_ends_it_before_anything_runs(void **state)
{
    struct bell bell;

    (void)state;
    bell_start(&bell, "ding", 1, EPOLLIN);
    loop_stop(loop);
    run_loop();
    assert_string_equal(trace, "");
    run_loop();
    assert_string_equal(trace, "ding ");
    bell_done(&bell);
}

static void spend_time(struct timer *timer)
{
    uint64_t before = loop_now(loop);

    (void)timer;
    sys_nanosleep(2 * MSEC);
    assert_true(loop_now(loop) == before);
    assert_true(sys_monotonic_ns() >= before + 2 * MSEC);
    assert_true(loop_deadline(loop, MSEC) >= before + 3 * MSEC);
}

static void now_is_the_time_of_the_turn_and_deadlines_are_exact(void **state)
{
    struct timer timer = {.expired = spend_time};

    (void)state;
    uint64_t before = sys_monotonic_ns();
    assert_true(loop_now(loop) <= before);
    timer_start(loop, &timer, before);
    run_loop();
    assert_true(loop_now(loop) >= before);
}

static void deadlines_saturate(void **state)
{
    (void)state;
    uint64_t now = sys_monotonic_ns();
    assert_true(loop_deadline(loop, NO_DEADLINE) == NO_DEADLINE);
    assert_true(loop_deadline(loop, NO_DEADLINE - 1) == NO_DEADLINE);
    assert_true(loop_deadline(loop, NO_DEADLINE - now) == NO_DEADLINE);
    assert_true(loop_deadline(loop, 0) >= now);
    assert_true(loop_deadline(loop, 5 * NSEC_PER_SEC) - now < 6 * NSEC_PER_SEC);
}

static void a_loop_without_descriptors_is_refused(void **state)
{
    struct rlimit none, old;
    struct error err = {0};
    struct loop *other = NULL;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &old);
    none = (struct rlimit){0, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    int r = loop_new(&other, &err);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(r, -EMFILE);
    assert_null(other);
    assert_string_equal(err.text, "create epoll instance: EMFILE: Too many open files");
    loop_free(NULL);
}

static void a_broken_epoll_ends_the_run(void **state)
{
    struct error err = {0};
    struct bell bell;

    (void)state;
    bell_start(&bell, "ding", 1, EPOLLIN);
    int saved = break_loop();
    int r = loop_run(loop, &err);
    mend_loop(saved);
    assert_int_equal(r, -EINVAL);
    assert_string_equal(err.text, "wait for events: EINVAL: Invalid argument");
    assert_string_equal(trace, "");
    run_loop(); /* and then it works again */
    assert_string_equal(trace, "ding ");
    bell_done(&bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(an_empty_loop_returns_at_once),
        loop_test(a_watch_reports_what_is_ready),
        loop_test(a_watch_is_level_triggered),
        loop_test(no_callback_after_stop_even_for_collected_events),
        loop_test(a_restarted_watch_is_called_in_the_next_turn),
        loop_test(events_that_are_no_longer_wanted_are_not_reported),
        loop_test(modified_events_count_from_now_on),
        loop_test(hangup_is_always_reported),
        loop_test(what_cannot_be_watched_is_said),
        loop_test(many_ready_watches_are_all_called_once),
        loop_test(stop_ends_the_run_and_a_new_run_goes_on),
        loop_test(a_stop_before_the_run_ends_it_before_anything_runs),
        loop_test(now_is_the_time_of_the_turn_and_deadlines_are_exact),
        loop_test(deadlines_saturate),
        loop_test(a_loop_without_descriptors_is_refused),
        loop_test(a_broken_epoll_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
