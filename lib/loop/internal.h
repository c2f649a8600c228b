/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the loop know of each other; nothing outside lib/loop includes this. */
#pragma once
#include "loop/context.h"
#include "loop/loop.h"
#include "loop/stack.h"
#include "sys/sys.h"

#define LOOP_BATCH 64

/* Binary heap by deadline, then by the order of the starts. Entries count from 1: slot 0 means "not running". */
struct timer_entry {
    uint64_t deadline;
    uint64_t order;
    struct timer *timer;
};

struct timer_heap {
    struct timer_entry *entries;
    size_t n;
    size_t cap;
    uint64_t order; /* of the next start */
};

/* A turn runs the ready fibers, waits for events, calls the watches of this batch of events, then the expired timers. */
struct loop {
    int epfd;
    bool running;
    bool stopping;
    uint64_t now;
    size_t n_watches;
    struct epoll_event batch[LOOP_BATCH]; /* collected events; data.ptr is the watch, NULL once it was stopped */
    int n_batch;
    int next_batch;
    struct timer_heap timers;
    struct list ready; /* fibers that run in the next turn */
    struct list turn;  /* fibers that still run in this turn */
    size_t n_fibers;
    struct fiber *current;
    struct context context; /* of loop_run()'s caller */
    struct stack_pool stacks;
};

/* Calls every timer that was started before this call and is due. */
void timers_expire(struct loop *loop);
/* Deadline of the next timer, or NO_DEADLINE. */
uint64_t timers_next(const struct loop *loop);
void timers_done(struct loop *loop);

/* Runs every fiber that is ready now; those that become ready meanwhile wait for the next turn. */
void fibers_run(struct loop *loop);
/* Suspends the running fiber, as the last one on queue unless that is NULL. Returns what fiber_wake() said, -ETIMEDOUT or
 * -ECANCELED. */
int fiber_suspend(struct loop *loop, struct list *queue, uint64_t deadline);
/* Ends the suspension with a result and takes the fiber off its queue; the first wake counts, later ones change nothing. */
void fiber_wake(struct fiber *fiber, int result);
/* The fiber whose place on a queue this is. */
struct fiber *fiber_of_link(struct list *link);
