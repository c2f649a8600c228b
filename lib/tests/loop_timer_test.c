/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/heap.h"
#include "loop_fixture.h"

#include "sys/sys.h"

struct alarm {
    const char *name;
    struct timer timer;
    uint64_t at; /* when it went off */
    struct alarm *other;
    void (*action)(struct alarm *alarm);
};

static void goes_off(struct timer *timer)
{
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);

    alarm->at = sys_monotonic_ns();
    assert_int_equal(timer->slot, 0);
    note(alarm->name);
    if (alarm->action)
        alarm->action(alarm);
}

static void alarm_start(struct alarm *alarm, const char *name, uint64_t deadline)
{
    *alarm = (struct alarm){.name = name, .timer.expired = goes_off};
    timer_start(loop, &alarm->timer, deadline);
}

static void timers_expire_in_order_of_deadline_then_start(void **state)
{
    const uint64_t now = loop_now(loop);
    struct alarm a, b, c, d, e;

    (void)state;
    alarm_start(&a, "late", now + 3);
    alarm_start(&b, "early", now);
    alarm_start(&c, "middle", now + 2);
    alarm_start(&d, "early2", now);
    alarm_start(&e, "early3", now);
    run_loop();
    assert_string_equal(trace, "early early2 early3 middle late ");
}

static void a_timer_never_fires_early(void **state)
{
    struct alarm alarm;

    (void)state;
    for (uint64_t ns = 1; ns < 3 * MSEC; ns = ns * 3 + 17) {
        uint64_t deadline = sys_monotonic_ns() + ns;
        alarm_start(&alarm, "", deadline);
        run_loop();
        assert_true(alarm.at >= deadline);
        assert_true(alarm.at < deadline + NSEC_PER_SEC);
    }
}

static void a_restart_moves_the_deadline_and_the_order(void **state)
{
    const uint64_t now = loop_now(loop);
    struct alarm a, b;

    (void)state;
    alarm_start(&a, "a", now);
    alarm_start(&b, "b", now);
    timer_start(loop, &a.timer, now);
    run_loop();
    assert_string_equal(trace, "b a ");

    timer_start(loop, &a.timer, now + MSEC);
    timer_start(loop, &b.timer, now + 2 * MSEC);
    timer_start(loop, &a.timer, now + 3 * MSEC);
    run_loop();
    assert_string_equal(trace, "b a b a ");
}

static void a_stopped_timer_does_not_expire(void **state)
{
    struct alarm a, b;

    (void)state;
    alarm_start(&a, "a", 0);
    alarm_start(&b, "b", 0);
    timer_stop(&a.timer);
    timer_stop(&a.timer);
    run_loop();
    assert_string_equal(trace, "b ");
}

static void stop_other(struct alarm *alarm)
{
    timer_stop(&alarm->other->timer);
}

static void a_callback_may_stop_another_due_timer(void **state)
{
    struct alarm a, b;

    (void)state;
    alarm_start(&a, "a", 0);
    alarm_start(&b, "b", 0);
    a.other = &b;
    a.action = stop_other;
    run_loop();
    assert_string_equal(trace, "a ");
}

static void start_again(struct alarm *alarm)
{
    if (strlen(trace) < 10)
        timer_start(loop, &alarm->timer, 0);
}

static void a_timer_restarted_by_its_callback_does_not_starve_others(void **state)
{
    struct alarm a, b;

    (void)state;
    alarm_start(&a, "a", 0);
    alarm_start(&b, "b", 0);
    a.action = start_again;
    run_loop();
    assert_string_equal(trace, "a b a a a ");
}

static void stop_the_run(struct alarm *alarm)
{
    (void)alarm;
    loop_stop(loop);
}

static void a_timer_started_by_a_callback_waits_for_the_next_turn(void **state)
{
    struct alarm a, b;

    (void)state;
    alarm_start(&a, "a", 0);
    alarm_start(&b, "b", 0);
    a.action = start_again;
    b.action = stop_the_run;
    run_loop();
    assert_string_equal(trace, "a b ");
    timer_stop(&a.timer);
}

static void a_timer_without_deadline_keeps_nothing_waiting(void **state)
{
    struct alarm alarm;

    (void)state;
    alarm_start(&alarm, "never", NO_DEADLINE);
    assert_int_equal(alarm.timer.slot, 0);
    run_loop();
    timer_start(loop, &alarm.timer, 0);
    timer_start(loop, &alarm.timer, NO_DEADLINE);
    run_loop();
    assert_string_equal(trace, "");
    assert_true(alarm.timer.deadline == NO_DEADLINE);
}

static void a_deadline_beyond_any_timeout_is_waited_for(void **state)
{
    struct alarm far, stop;

    (void)state;
    alarm_start(&far, "far", NO_DEADLINE - 1);
    alarm_start(&stop, "soon", sys_monotonic_ns() + MSEC);
    stop.other = &far;
    stop.action = stop_other;
    run_loop();
    assert_string_equal(trace, "soon ");
}

/* ---- against a simple model ---- */

#define MODEL 200

static struct alarm alarms[MODEL];
static uint64_t order[MODEL]; /* of the start; 0 while stopped */
static int expired[MODEL];
static int n_expired;

static void record(struct timer *timer)
{
    expired[n_expired++] = (int)(CONTAINER_OF(timer, struct alarm, timer) - alarms);
}

static int model_next(void)
{
    int best = -1;

    for (int i = 0; i < MODEL; i++) {
        const uint64_t deadline = alarms[i].timer.deadline;
        if (order[i] && (best < 0 || deadline < alarms[best].timer.deadline ||
                         (deadline == alarms[best].timer.deadline && order[i] < order[best])))
            best = i;
    }
    return best;
}

static void random_starts_and_stops_expire_in_order(void **state)
{
    unsigned int seed = 1;
    uint64_t starts = 0;

    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int step = 0; step < 1000; step++) {
            int i = rand_r(&seed) % MODEL;
            alarms[i].timer.expired = record;
            if (rand_r(&seed) % 3 == 0) {
                timer_stop(&alarms[i].timer);
                order[i] = 0;
            } else {
                timer_start(loop, &alarms[i].timer, (uint64_t)(rand_r(&seed) % 50));
                order[i] = ++starts;
            }
        }
        n_expired = 0;
        run_loop();
        for (int n = 0; n < n_expired; n++) {
            assert_int_equal(expired[n], model_next());
            order[expired[n]] = 0;
        }
        assert_int_equal(model_next(), -1);
    }
}

static void many_timers_grow_and_shrink_the_heap(void **state)
{
    static struct alarm many[5000];
    const size_t before = heap_in_use();

    (void)state;
    for (int round = 0; round < 3; round++) {
        FOR_ROWS (alarm, many)
            alarm_start(alarm, "x", NO_DEADLINE - 1 - (uint64_t)(alarm - many) % 97);
        for (size_t i = 0; i < ARRAY_SIZE(many); i += 2)
            timer_stop(&many[i].timer);
        for (size_t i = 1; i < ARRAY_SIZE(many); i += 2)
            timer_stop(&many[i].timer);
        assert_true(heap_in_use() < before + 8192);
    }
    run_loop();
    assert_string_equal(trace, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(timers_expire_in_order_of_deadline_then_start),
        loop_test(a_timer_never_fires_early),
        loop_test(a_restart_moves_the_deadline_and_the_order),
        loop_test(a_stopped_timer_does_not_expire),
        loop_test(a_callback_may_stop_another_due_timer),
        loop_test(a_timer_restarted_by_its_callback_does_not_starve_others),
        loop_test(a_timer_started_by_a_callback_waits_for_the_next_turn),
        loop_test(a_timer_without_deadline_keeps_nothing_waiting),
        loop_test(a_deadline_beyond_any_timeout_is_waited_for),
        loop_test(random_starts_and_stops_expire_in_order),
        loop_test(many_timers_grow_and_shrink_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
