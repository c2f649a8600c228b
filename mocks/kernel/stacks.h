/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of tasks: larger than those of fibers, since a whole program runs on one. Cut from large mappings, given back all at
 * once. */
#pragma once
#include <stddef.h>

#include "loop/sanitize.h"

#define TASK_STACK_SIZE ((size_t)192 * 1024 * SANITIZE_STACK_FACTOR)
#define TASK_STACKS_KEPT 256

struct task_stacks {
    void *maps[TASK_STACKS_KEPT];
    size_t n_maps;
    size_t n_cut; /* stacks that the newest mapping has given */
    void *free[TASK_STACKS_KEPT];
    size_t n_free;
};

/* Lowest address of TASK_STACK_SIZE bytes below which a guard page lies. Aborts when there is no memory. */
void *task_stack_take(struct task_stacks *stacks);
void task_stack_give(struct task_stacks *stacks, void *stack);
void task_stacks_done(struct task_stacks *stacks);
