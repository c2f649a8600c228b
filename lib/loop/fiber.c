/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "loop/internal.h"

/* Two mappings each: half of what the kernel allows one process by default (vm.max_map_count). */
#define FIBERS_MAX 16384

struct fiber {
    struct list link; /* on the ready list or on a wait queue */
    struct loop *loop;
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    struct context context;
    struct stack stack; /* base is NULL before the first run: fibers that never wait share one warm stack */
    struct timer timer;
    int result; /* of the wait that ended last */
    bool suspended;
    bool cancelled;
    bool ended;
};

static void fiber_main(void *arg)
{
    struct fiber *fiber = arg;

    fiber->fn(fiber->arg);
    fiber->ended = true;
    context_exit(&fiber->context, &fiber->loop->context);
}

static void fiber_timed_out(struct timer *timer)
{
    fiber_wake(CONTAINER_OF(timer, struct fiber, timer), -ETIMEDOUT);
}

int fiber_start(struct loop *loop, const char *name, void (*fn)(void *arg), void *arg, struct fiber **ret_fiber)
{
    if (loop->n_fibers == FIBERS_MAX)
        return -EAGAIN;
    struct fiber *fiber = calloc(1, sizeof(*fiber));
    if (!fiber)
        abort();

    fiber->loop = loop;
    fiber->name = name;
    fiber->fn = fn;
    fiber->arg = arg;
    fiber->timer.expired = fiber_timed_out;
    loop->n_fibers++;
    list_append(&loop->ready, &fiber->link);
    if (ret_fiber)
        *ret_fiber = fiber;
    return 0;
}

static void fiber_resume(struct loop *loop, struct fiber *fiber)
{
    if (!fiber->stack.base) {
        fiber->stack = stack_pool_take(&loop->stacks);
        context_init(&fiber->context, fiber->stack.base, STACK_SIZE, fiber_main, fiber);
    }
    loop->current = fiber;
    context_switch(&loop->context, &fiber->context);
    loop->current = NULL;
    if (!fiber->ended)
        return;

    stack_pool_give(&loop->stacks, fiber->stack);
    loop->n_fibers--;
    free(fiber);
}

struct fiber *fiber_of_link(struct list *link)
{
    return CONTAINER_OF(link, struct fiber, link);
}

void fibers_run(struct loop *loop)
{
    struct list *link;

    while ((link = list_pop(&loop->ready)))
        list_append(&loop->turn, link);
    while ((link = list_pop(&loop->turn)))
        fiber_resume(loop, fiber_of_link(link));
}

int fiber_suspend(struct loop *loop, struct list *queue, uint64_t deadline)
{
    struct fiber *fiber = loop->current;

    assert(fiber);
    if (fiber->cancelled)
        return -ECANCELED;
    if (queue)
        list_append(queue, &fiber->link);
    timer_start(loop, &fiber->timer, deadline);
    fiber->suspended = true;
    context_switch(&fiber->context, &loop->context);
    timer_stop(&fiber->timer);
    return fiber->result;
}

void fiber_wake(struct fiber *fiber, int result)
{
    if (!fiber->suspended)
        return;
    fiber->suspended = false;
    fiber->result = result;
    list_remove(&fiber->link);
    list_append(&fiber->loop->ready, &fiber->link);
}

void fiber_cancel(struct fiber *fiber)
{
    fiber->cancelled = true;
    fiber_wake(fiber, -ECANCELED);
}

struct fiber *fiber_current(const struct loop *loop)
{
    return loop->current;
}

bool fiber_is_cancelled(const struct fiber *fiber)
{
    return fiber->cancelled;
}

/* ---- waits ---- */

struct fd_wait {
    struct watch watch;
    struct fiber *fiber;
};

static void fd_wait_ready(struct watch *watch, uint32_t events)
{
    fiber_wake(CONTAINER_OF(watch, struct fd_wait, watch)->fiber, (int)events);
}

int fiber_wait_fd(struct loop *loop, int fd, uint32_t events, uint64_t deadline)
{
    struct fd_wait wait = {.watch.ready = fd_wait_ready, .fiber = loop->current};

    if (wait.fiber->cancelled)
        return -ECANCELED;
    int r = watch_start(loop, &wait.watch, fd, events);
    if (r == -EPERM) /* regular files and directories: always ready, unknown to epoll */
        return (int)events;
    if (r < 0)
        return r;
    r = fiber_suspend(loop, NULL, deadline);
    watch_stop(&wait.watch);
    return r;
}

int fiber_sleep_until(struct loop *loop, uint64_t deadline)
{
    int r = fiber_suspend(loop, NULL, deadline);
    return r == -ETIMEDOUT ? 0 : r;
}

int fiber_yield(struct loop *loop)
{
    struct fiber *fiber = loop->current;

    if (fiber->cancelled)
        return -ECANCELED;
    fiber->suspended = true;
    fiber_wake(fiber, 0);
    context_switch(&fiber->context, &loop->context);
    return fiber->result;
}
