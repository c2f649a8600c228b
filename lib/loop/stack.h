/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks for fibers: guarded mappings, and a pool of those that are free.
 *
 * The pool hands out the stack that was used last, so that short fibers share one warm stack. It unmaps what it cannot keep and
 * gives the pages of the rest back to the kernel when the loop is idle. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "loop/sanitize.h"

#define STACK_SIZE (64 * 1024 * SANITIZE_STACK_FACTOR)
#define STACKS_KEPT 64 /* free ones that stay mapped */
#define STACKS_WARM 2  /* free ones that keep their pages over an idle time */

struct stack {
    void *base; /* lowest usable address, STACK_SIZE bytes; the guard lies below */
    unsigned int valgrind_id;
};

struct stack_pool {
    struct stack free[STACKS_KEPT];
    size_t n;
    size_t n_clean; /* the first n_clean of them hold no pages */
};

/* A new or a kept stack, its content undefined. Aborts when the machine has no memory left. */
struct stack stack_pool_take(struct stack_pool *pool);
void stack_pool_give(struct stack_pool *pool, struct stack stack);
/* True when stack_pool_trim() has something to do. */
bool stack_pool_has_waste(const struct stack_pool *pool);
/* Gives the pages of all free stacks but the warm ones back. */
void stack_pool_trim(struct stack_pool *pool);
void stack_pool_done(struct stack_pool *pool);
