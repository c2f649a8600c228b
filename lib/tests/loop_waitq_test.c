/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <errno.h>

static struct waitq waitq;

struct waiter {
    const char *name;
    uint64_t deadline;
    struct fiber *fiber;
    int result;
};

static int waitq_setup(void **state)
{
    waitq_init(&waitq);
    return loop_setup(state);
}

static void wait_once(void *arg)
{
    struct waiter *waiter = arg;

    waiter->result = waitq_wait(loop, &waitq, waiter->deadline);
    note(waiter->name);
}

/* Starts three fibers that wait; they do so once the loop has run. */
static void start_waiters(struct waiter waiters[3])
{
    for (int i = 0; i < 3; i++) {
        waiters[i].name = &"a\0b\0c"[2 * i];
        if (waiters[i].deadline == 0)
            waiters[i].deadline = NO_DEADLINE;
        fiber_start(loop, waiters[i].name, wait_once, &waiters[i], &waiters[i].fiber);
    }
}

static void wake_one_wakes_in_order_of_arrival(void **state)
{
    struct waiter waiters[3] = {0};

    (void)state;
    start_waiters(waiters);
    run_loop();
    waitq_wake_one(&waitq);
    assert_string_equal(trace, "");
    run_loop();
    assert_string_equal(trace, "a ");
    waitq_wake_one(&waitq);
    waitq_wake_one(&waitq);
    waitq_wake_one(&waitq);
    run_loop();
    assert_string_equal(trace, "a b c ");
    assert_int_equal(waiters[0].result, 0);
}

static void wake_all_wakes_everybody_in_order(void **state)
{
    struct waiter waiters[3] = {0};

    (void)state;
    waitq_wake_all(&waitq);
    start_waiters(waiters);
    run_loop();
    waitq_wake_all(&waitq);
    assert_true(list_is_empty(&waitq.waiters));
    run_loop();
    assert_string_equal(trace, "a b c ");
}

static void wait_again(void *arg)
{
    wait_once(arg);
    wait_once(arg);
}

static void wake_all_does_not_wake_those_who_come_later(void **state)
{
    struct waiter waiter = {.name = "a", .deadline = NO_DEADLINE};

    (void)state;
    fiber_start(loop, "a", wait_again, &waiter, NULL);
    run_loop();
    waitq_wake_all(&waitq);
    run_loop();
    assert_string_equal(trace, "a ");
    waitq_wake_all(&waitq);
    run_loop();
    assert_string_equal(trace, "a a ");
}

static void a_wake_without_waiters_is_not_remembered(void **state)
{
    struct waiter waiter = {.name = "a", .deadline = loop_now(loop) + MSEC};

    (void)state;
    waitq_wake_one(&waitq);
    fiber_start(loop, "a", wait_once, &waiter, NULL);
    run_loop();
    assert_int_equal(waiter.result, -ETIMEDOUT);
}

static void who_timed_out_is_off_the_queue(void **state)
{
    struct waiter waiters[3] = {{.deadline = 1}, {0}, {.deadline = loop_now(loop) + MSEC}};

    (void)state;
    start_waiters(waiters);
    run_loop();
    assert_string_equal(trace, "a c ");
    waitq_wake_one(&waitq);
    run_loop();
    assert_string_equal(trace, "a c b ");
    assert_int_equal(waiters[0].result, -ETIMEDOUT);
    assert_int_equal(waiters[1].result, 0);
    assert_int_equal(waiters[2].result, -ETIMEDOUT);
}

static void who_was_cancelled_is_off_the_queue(void **state)
{
    struct waiter waiters[3] = {0};

    (void)state;
    start_waiters(waiters);
    run_loop();
    fiber_cancel(waiters[0].fiber);
    waitq_wake_one(&waitq);
    run_loop();
    assert_string_equal(trace, "a b ");
    assert_int_equal(waiters[0].result, -ECANCELED);
    assert_int_equal(waiters[1].result, 0);
    fiber_cancel(waiters[2].fiber);
    run_loop();
    assert_int_equal(waiters[2].result, -ECANCELED);
}

/* Otherwise the wake would be lost: the cancelled fiber leaves, and nobody else was woken. */
static void a_wake_before_the_cancellation_counts(void **state)
{
    struct waiter waiters[3] = {0};

    (void)state;
    start_waiters(waiters);
    run_loop();
    waitq_wake_one(&waitq);
    fiber_cancel(waiters[0].fiber);
    run_loop();
    assert_string_equal(trace, "a ");
    assert_int_equal(waiters[0].result, 0);
    waitq_wake_all(&waitq);
    run_loop();
    assert_string_equal(trace, "a b c ");
}

static void wait_past(void *arg)
{
    wait_once(arg);
    waitq_wake_all(&waitq);
}

static void a_passed_deadline_gives_others_a_turn(void **state)
{
    struct waiter waiters[] = {{.name = "a", .deadline = 0}, {.name = "b", .deadline = 0}};

    (void)state;
    fiber_start(loop, "a", wait_past, &waiters[0], NULL);
    fiber_start(loop, "b", wait_past, &waiters[1], NULL);
    run_loop();
    assert_int_equal(waiters[0].result, -ETIMEDOUT);
    assert_int_equal(waiters[1].result, -ETIMEDOUT);
    assert_string_equal(trace, "a b ");
}

static void wait_and_destroy(void *arg)
{
    struct waitq *queue = arg;

    waitq_wait(loop, queue, NO_DEADLINE);
    free(queue);
    note("freed");
}

static void a_queue_may_go_once_its_waiters_are_woken(void **state)
{
    struct waitq *queue = malloc(sizeof(*queue));

    (void)state;
    waitq_init(queue);
    fiber_start(loop, "a", wait_and_destroy, queue, NULL);
    run_loop();
    waitq_wake_all(queue);
    run_loop();
    assert_string_equal(trace, "freed ");
}

#define waitq_test(name) cmocka_unit_test_setup_teardown(name, waitq_setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        waitq_test(wake_one_wakes_in_order_of_arrival),
        waitq_test(wake_all_wakes_everybody_in_order),
        waitq_test(wake_all_does_not_wake_those_who_come_later),
        waitq_test(a_wake_without_waiters_is_not_remembered),
        waitq_test(who_timed_out_is_off_the_queue),
        waitq_test(who_was_cancelled_is_off_the_queue),
        waitq_test(a_wake_before_the_cancellation_counts),
        waitq_test(a_passed_deadline_gives_others_a_turn),
        waitq_test(a_queue_may_go_once_its_waiters_are_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
