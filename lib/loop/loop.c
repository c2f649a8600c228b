/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "loop/internal.h"
#include "sys/fd.h"

/* After this much time without an event the loop gives memory back. */
#define IDLE_NS (100 * NSEC_PER_MSEC)

int loop_new(struct loop **ret_loop, struct error *err)
{
    int epfd = sys_epoll_create1(EPOLL_CLOEXEC);
    if (epfd < 0)
        return error_set(err, epfd, "create epoll instance");

    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        abort();
    loop->epfd = epfd;
    loop->now = sys_monotonic_ns();
    list_init(&loop->ready);
    list_init(&loop->turn);
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(loop->n_fibers == 0);
    stack_pool_done(&loop->stacks);
    timers_done(loop);
    fd_close(&loop->epfd);
    free(loop);
}

static bool loop_has_work(const struct loop *loop)
{
    return !list_is_empty(&loop->ready) || loop->timers.n > 0 || loop->n_watches > 0;
}

/* How long the turn may wait for events: not at all with a fiber ready, for ever (-1) without a timer. */
static int64_t loop_timeout(const struct loop *loop)
{
    if (!list_is_empty(&loop->ready))
        return 0;
    uint64_t next = timers_next(loop);
    if (next == NO_DEADLINE)
        return -1;
    uint64_t now = sys_monotonic_ns();
    if (next <= now)
        return 0;
    return next - now < INT64_MAX ? (int64_t)(next - now) : INT64_MAX;
}

static int loop_wait(struct loop *loop)
{
    int64_t timeout = loop_timeout(loop);
    bool may_idle = (timeout < 0 || timeout > (int64_t)IDLE_NS) && stack_pool_has_waste(&loop->stacks);

    int n = sys_epoll_wait(loop->epfd, loop->batch, LOOP_BATCH, may_idle ? (int64_t)IDLE_NS : timeout);
    loop->now = sys_monotonic_ns();
    if (n == 0 && may_idle)
        stack_pool_trim(&loop->stacks);
    return n;
}

static void loop_dispatch(struct loop *loop, int n)
{
    loop->n_batch = n;
    for (loop->next_batch = 0; loop->next_batch < loop->n_batch;) {
        const struct epoll_event *event = &loop->batch[loop->next_batch++];
        struct watch *watch = event->data.ptr;
        uint32_t events = watch ? event->events & (watch->events | EPOLLHUP | EPOLLERR) : 0;
        if (events)
            watch->ready(watch, events);
    }
}

static int loop_turn(struct loop *loop)
{
    fibers_run(loop);
    if (loop->stopping || !loop_has_work(loop))
        return 0;

    int n = loop_wait(loop);
    if (n < 0)
        return n;
    loop_dispatch(loop, n);
    timers_expire(loop);
    return 0;
}

int loop_run(struct loop *loop, struct error *err)
{
    int r = 0;

    assert(!loop->running);
    loop->running = true;
    while (r == 0 && !loop->stopping && loop_has_work(loop))
        r = loop_turn(loop);
    loop->running = false;
    loop->stopping = false;
    return r < 0 ? error_set(err, r, "wait for events") : 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

uint64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

/* From the clock, not from the turn's time: a turn that took long would otherwise make the wait too short. */
uint64_t loop_deadline(const struct loop *loop, uint64_t in_ns)
{
    uint64_t now = sys_monotonic_ns();

    (void)loop;
    return in_ns < NO_DEADLINE - now ? now + in_ns : NO_DEADLINE;
}

/* ---- watches ---- */

int watch_start(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    assert(watch->ready && !watch->loop);
    int r = sys_epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &event);
    if (r < 0)
        return r;
    watch->fd = fd;
    watch->events = events;
    watch->loop = loop;
    loop->n_watches++;
    return 0;
}

int watch_modify(struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    if (!watch->loop)
        return -ENOENT;
    if (watch->events == events)
        return 0;
    int r = sys_epoll_ctl(watch->loop->epfd, EPOLL_CTL_MOD, watch->fd, &event);
    if (r == 0)
        watch->events = events;
    return r;
}

void watch_stop(struct watch *watch)
{
    struct loop *loop = watch->loop;
    if (!loop)
        return;

    sys_epoll_ctl(loop->epfd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->loop = NULL;
    loop->n_watches--;
    for (int i = loop->next_batch; i < loop->n_batch; i++) {
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
    }
}
