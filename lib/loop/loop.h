/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop: one thread, epoll, timers and fibers.
 *
 * Watches and timers call back on the loop's own stack and must not block. Code that has to wait runs in a fiber: it is written
 * top to bottom, and the fiber_*() and waitq_*() calls suspend it. Only one thing runs at a time, so nothing needs a lock; the
 * world may change across any call that can suspend.
 *
 * Deadlines are absolute CLOCK_MONOTONIC nanoseconds; NO_DEADLINE waits for ever. Every waiting call returns 0 (or a positive
 * result), -ETIMEDOUT at its deadline, or -ECANCELED once the fiber was cancelled. What is ready wins over a deadline that has
 * passed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

#define NO_DEADLINE UINT64_MAX
#define NSEC_PER_SEC UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)

struct loop;
struct fiber;

/* ---- loop ---- */

/* Returns 0, or -errno (descriptor or memory limits). */
int loop_new(struct loop **ret_loop, struct error *err);
/* No fiber may be left (assert); accepts NULL. */
void loop_free(struct loop *loop);
/* Runs until loop_stop(), or until nothing is left that could ever run: no ready fiber, timer or watch. */
int loop_run(struct loop *loop, struct error *err);
/* loop_run() returns after the current turn. */
void loop_stop(struct loop *loop);
/* The time of the current turn: read once per turn, CLOCK_MONOTONIC in ns. */
uint64_t loop_now(const struct loop *loop);
/* The clock's time plus a relative time; saturates at NO_DEADLINE, never overflows. */
uint64_t loop_deadline(const struct loop *loop, uint64_t in_ns);

/* ---- watches: readiness of a descriptor, reported to a callback ---- */

struct watch {
    void (*ready)(struct watch *watch, uint32_t events); /* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
    int fd;
    uint32_t events;
    struct loop *loop; /* NULL while not watching */
};

/* Level-triggered. watch->ready must be set; watch must stay in place until watch_stop(). 0 or -errno of epoll_ctl(2). */
int watch_start(struct loop *loop, struct watch *watch, int fd, uint32_t events);
/* Changes the events; 0 keeps only EPOLLHUP and EPOLLERR. */
int watch_modify(struct watch *watch, uint32_t events);
/* No callback happens afterwards, not even for events already collected. Harmless when not started. Comes before the close of
 * the descriptor. */
void watch_stop(struct watch *watch);

/* ---- timers ---- */

struct timer {
    void (*expired)(struct timer *timer);
    uint64_t deadline;
    size_t slot; /* place in the loop's heap, 0 while not running */
    struct loop *loop;
};

/* (Re)starts; timer->expired must be set. Timers of equal deadline expire in the order they were started, never early. With
 * NO_DEADLINE the timer is only stopped. */
void timer_start(struct loop *loop, struct timer *timer, uint64_t deadline);
void timer_stop(struct timer *timer);

/* ---- fibers ---- */

/* Starts fn(arg) in a fiber of its own, to run from the next turn on (in start order). name: static text for diagnosis.
 * The fiber ends when fn returns; ret_fiber (may be NULL) is valid until then. 0, or -EAGAIN with 16384 fibers already there.
 */
int fiber_start(struct loop *loop, const char *name, void (*fn)(void *arg), void *arg, struct fiber **ret_fiber);
/* From now on every wait of the fiber returns -ECANCELED, a wait in progress included. A wait that was satisfied just before
 * still returns its result, so that no wake is lost. The fiber cleans up and returns. */
void fiber_cancel(struct fiber *fiber);
/* The running fiber, or NULL when the loop itself runs. */
struct fiber *fiber_current(const struct loop *loop);
bool fiber_is_cancelled(const struct fiber *fiber);

/* Waits until fd has one of events. Returns the events (> 0), or -errno: -EEXIST when a watch or another fiber has the
 * descriptor. A file that epoll cannot watch because it is always ready (EPERM) returns events at once. */
int fiber_wait_fd(struct loop *loop, int fd, uint32_t events, uint64_t deadline);
/* 0 when the time has come (never -ETIMEDOUT), or -ECANCELED. */
int fiber_sleep_until(struct loop *loop, uint64_t deadline);
/* Lets everything else that is ready run once. 0 or -ECANCELED. */
int fiber_yield(struct loop *loop);

/* ---- wait queues ---- */

struct waitq {
    struct list waiters;
};

void waitq_init(struct waitq *waitq);
/* Suspends until woken. Waiters are woken in the order they came. Re-check the condition afterwards. */
int waitq_wait(struct loop *loop, struct waitq *waitq, uint64_t deadline);
void waitq_wake_one(struct waitq *waitq);
void waitq_wake_all(struct waitq *waitq);
