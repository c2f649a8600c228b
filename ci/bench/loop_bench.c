/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop costs: one line "name<TAB>value<TAB>unit" for each number, the best of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "loop/offload.h"
#include "sys/fd.h"

#define ROUNDS 5

struct bench {
    struct loop *loop;
    struct reaper *reaper;
    int count;
    uint64_t elapsed_ns;
    int fd;
};

static void check(int r, const char *what)
{
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", what, errno_name(-r));
        exit(1);
    }
}

/* ---- fiber switch ---- */

static void yield_often(void *arg)
{
    struct bench *bench = arg;
    uint64_t start = sys_monotonic_ns();

    for (int i = 0; i < bench->count; i++)
        fiber_yield(bench->loop);
    bench->elapsed_ns = sys_monotonic_ns() - start;
}

/* Enough fibers that the turn itself does not count: what is left is loop -> fiber -> loop. */
static void run_switches(struct bench *bench)
{
    struct bench fibers[100];

    for (int i = 0; i < 100; i++) {
        fibers[i] = *bench;
        fibers[i].count = bench->count / 100;
        check(fiber_start(bench->loop, "yields", yield_often, &fibers[i], NULL), "start a fiber");
    }
    uint64_t start = sys_monotonic_ns();
    check(loop_run(bench->loop, NULL), "run");
    bench->elapsed_ns = sys_monotonic_ns() - start;
}

/* ---- fiber start and end ---- */

static void do_nothing(void *arg)
{
    (void)arg;
}

static void run_starts(struct bench *bench)
{
    uint64_t start = sys_monotonic_ns();

    for (int i = 0; i < bench->count; i += 64) {
        for (int n = 0; n < 64; n++)
            check(fiber_start(bench->loop, "nothing", do_nothing, NULL, NULL), "start a fiber");
        check(loop_run(bench->loop, NULL), "run");
    }
    bench->elapsed_ns = sys_monotonic_ns() - start;
}

/* ---- events ---- */

struct bell {
    struct watch watch;
    int left;
};

static void ring_again(struct watch *watch, uint32_t events)
{
    struct bell *bell = CONTAINER_OF(watch, struct bell, watch);
    uint64_t value;

    (void)events;
    sys_read(watch->fd, &value, sizeof(value));
    if (--bell->left == 0)
        watch_stop(watch);
    else
        sys_write(watch->fd, &(uint64_t){1}, sizeof(uint64_t));
}

static void run_watch(struct bench *bench)
{
    struct bell bell = {.watch.ready = ring_again, .left = bench->count};
    _close_ int fd = sys_eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    uint64_t start = sys_monotonic_ns();

    check(watch_start(bench->loop, &bell.watch, fd, EPOLLIN), "watch");
    check(loop_run(bench->loop, NULL), "run");
    bench->elapsed_ns = sys_monotonic_ns() - start;
}

static void answer(void *arg)
{
    const struct bench *bench = arg;
    uint64_t value;

    for (int i = 0; i < bench->count; i++) {
        check(fiber_wait_fd(bench->loop, bench->fd, EPOLLIN, NO_DEADLINE), "wait");
        sys_read(bench->fd, &value, sizeof(value));
    }
}

static void ask(void *arg)
{
    const struct bench *bench = arg;

    for (int i = 0; i < bench->count; i++) {
        sys_write(bench->fd, &(uint64_t){1}, sizeof(uint64_t));
        fiber_yield(bench->loop);
    }
}

/* One fiber writes, the other one waits for it: write, wake, read. */
static void run_wait_fd(struct bench *bench)
{
    _close_ int fd = sys_eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    uint64_t start = sys_monotonic_ns();

    bench->fd = fd;
    check(fiber_start(bench->loop, "answers", answer, bench, NULL), "start a fiber");
    check(fiber_start(bench->loop, "asks", ask, bench, NULL), "start a fiber");
    check(loop_run(bench->loop, NULL), "run");
    bench->elapsed_ns = sys_monotonic_ns() - start;
}

/* ---- timers ---- */

static void never(struct timer *timer)
{
    (void)timer;
}

static void run_timers(struct bench *bench)
{
    static struct timer timers[1000];
    uint64_t far = loop_deadline(bench->loop, 3600 * NSEC_PER_SEC);
    uint64_t start = sys_monotonic_ns();

    for (int i = 0; i < bench->count; i++) {
        struct timer *timer = &timers[i * 7 % 1000];
        timer->expired = never;
        timer_start(bench->loop, timer, far + (uint64_t)i);
    }
    for (int i = 0; i < 1000; i++)
        timer_stop(&timers[i]);
    bench->elapsed_ns = sys_monotonic_ns() - start;
}

/* ---- processes ---- */

static int no_work(void *arg, struct buf *out, struct error *err)
{
    (void)arg;
    (void)out;
    (void)err;
    return 0;
}

static void offload_often(void *arg)
{
    struct bench *bench = arg;
    uint64_t start = sys_monotonic_ns();

    for (int i = 0; i < bench->count; i++)
        check(offload(bench->reaper, no_work, NULL, NO_DEADLINE, NULL, NULL), "offload");
    bench->elapsed_ns = sys_monotonic_ns() - start;
    loop_stop(bench->loop);
}

static void run_offload(struct bench *bench)
{
    check(reaper_new(bench->loop, &bench->reaper, NULL), "reaper");
    check(fiber_start(bench->loop, "offloads", offload_often, bench, NULL), "start a fiber");
    check(loop_run(bench->loop, NULL), "run");
    reaper_free(bench->reaper);
}

static const struct {
    const char *name;
    void (*run)(struct bench *bench);
    int count;
    double unit_ns;
    const char *unit;
} rows[] = {
    {"loop-fiber-switch-pair", run_switches, 200000, 1, "ns"},
    {"loop-fiber-start-end", run_starts, 128000, 1, "ns"},
    {"loop-wake-watch", run_watch, 50000, 1, "ns"},
    {"loop-wake-fiber", run_wait_fd, 50000, 1, "ns"},
    {"loop-timer-restart", run_timers, 200000, 1, "ns"},
    {"loop-offload", run_offload, 200, 1000, "us"},
};

int main(void)
{
    FOR_ROWS (row, rows) {
        double best = 0;
        for (int round = 0; round < ROUNDS; round++) {
            struct bench bench = {.count = row->count};
            check(loop_new(&bench.loop, NULL), "loop");
            row->run(&bench);
            loop_free(bench.loop);
            double each = (double)bench.elapsed_ns / row->count / row->unit_ns;
            if (round == 0 || each < best)
                best = each;
        }
        printf("%s\t%.1f\t%s\n", row->name, best, row->unit);
    }
    return 0;
}
