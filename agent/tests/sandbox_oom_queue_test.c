/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/oom_queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct reader {
    struct loop *loop;
    struct oom_queue *queue;
    int result;
    char *id;
};

static void read_one(void *arg)
{
    struct reader *reader = arg;

    reader->result = oom_queue_pop(reader->loop, reader->queue, NO_DEADLINE, &reader->id);
}

static struct loop *make_loop(void)
{
    struct loop *loop;
    struct error err;

    assert_int_equal(loop_new(&loop, &err), 0);
    return loop;
}

static void run(struct loop *loop)
{
    struct error err;

    assert_int_equal(loop_run(loop, &err), 0);
}

static void events_come_out_in_order(void **state)
{
    struct loop *loop = make_loop();
    struct oom_queue queue;
    struct reader first = {.loop = loop, .queue = &queue}, second = first;
    (void)state;

    oom_queue_init(&queue);
    assert_true(oom_queue_push(&queue, "a"));
    assert_true(oom_queue_push(&queue, "b"));
    fiber_start(loop, "first", read_one, &first, NULL);
    fiber_start(loop, "second", read_one, &second, NULL);
    run(loop);
    assert_int_equal(first.result, 0);
    assert_string_equal(first.id, "a");
    assert_string_equal(second.id, "b");
    free(first.id);
    free(second.id);
    oom_queue_done(&queue);
    loop_free(loop);
}

static void full_queue_refuses_and_keeps_the_oldest(void **state)
{
    struct loop *loop = make_loop();
    struct oom_queue queue;
    struct reader reader = {.loop = loop, .queue = &queue};
    char id[16];
    (void)state;

    oom_queue_init(&queue);
    for (int i = 0; i < OOM_QUEUE_MAX; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        assert_true(oom_queue_push(&queue, id));
    }
    assert_false(oom_queue_push(&queue, "one too many"));
    fiber_start(loop, "reader", read_one, &reader, NULL);
    run(loop);
    assert_string_equal(reader.id, "c0");
    assert_true(oom_queue_push(&queue, "room again"));
    free(reader.id);
    oom_queue_done(&queue);
    loop_free(loop);
}

struct story {
    struct loop *loop;
    struct oom_queue *queue;
    struct reader *cancelled;
    struct fiber *fiber;
};

static void cancel_then_push(void *arg)
{
    struct story *story = arg;

    /* The event wakes the first reader, which is cancelled before it can take it. */
    assert_true(oom_queue_push(story->queue, "kept"));
    fiber_cancel(story->fiber);
}

static void cancelled_reader_loses_no_event(void **state)
{
    struct loop *loop = make_loop();
    struct oom_queue queue;
    struct reader first = {.loop = loop, .queue = &queue}, second = first;
    struct story story = {.loop = loop, .queue = &queue, .cancelled = &first};
    (void)state;

    oom_queue_init(&queue);
    fiber_start(loop, "first", read_one, &first, &story.fiber);
    fiber_start(loop, "second", read_one, &second, NULL);
    fiber_start(loop, "story", cancel_then_push, &story, NULL);
    run(loop);
    const char *id = first.result == 0 ? first.id : second.id;
    assert_string_equal(id, "kept");
    free(first.id);
    if (first.result == 0) {
        oom_queue_close(&queue);
        run(loop);
        assert_int_equal(second.result, -ESHUTDOWN);
    } else {
        assert_int_equal(first.result, -ECANCELED);
        free(second.id);
    }
    oom_queue_done(&queue);
    loop_free(loop);
}

static void close_queue(void *arg)
{
    oom_queue_close(arg);
}

static void closing_ends_waiting_and_later_readers(void **state)
{
    struct loop *loop = make_loop();
    struct oom_queue queue;
    struct reader waiting = {.loop = loop, .queue = &queue}, other = waiting, late = waiting;
    (void)state;

    oom_queue_init(&queue);
    fiber_start(loop, "waiting", read_one, &waiting, NULL);
    fiber_start(loop, "other", read_one, &other, NULL);
    fiber_start(loop, "closer", close_queue, &queue, NULL);
    run(loop);
    assert_int_equal(waiting.result, -ESHUTDOWN);
    assert_int_equal(other.result, -ESHUTDOWN);
    fiber_start(loop, "late", read_one, &late, NULL);
    run(loop);
    assert_int_equal(late.result, -ESHUTDOWN);
    assert_false(oom_queue_push(&queue, "x"));
    oom_queue_done(&queue);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_in_order),
        cmocka_unit_test(full_queue_refuses_and_keeps_the_oldest),
        cmocka_unit_test(cancelled_reader_loses_no_event),
        cmocka_unit_test(closing_ends_waiting_and_later_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
