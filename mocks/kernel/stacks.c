/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/kernel/stacks.h"

#include <sys/mman.h>

#include "mocks/kernel/sim.h"

#define GUARD ((size_t)64 * 1024)
#define SLOT (GUARD + TASK_STACK_SIZE)
#define PER_MAP 16

static void map_more(struct task_stacks *stacks)
{
    if (stacks->n_maps == TASK_STACKS_KEPT)
        unsupported("more than %d tasks at once", TASK_STACKS_KEPT * PER_MAP);

    void *map =
        mmap(NULL, SLOT * PER_MAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED)
        unsupported("no memory for stacks");
    stacks->maps[stacks->n_maps++] = map;
    stacks->n_cut = 0;
}

void *task_stack_take(struct task_stacks *stacks)
{
    if (stacks->n_free > 0) {
        void *stack = stacks->free[--stacks->n_free];
        sanitize_stack_reused(stack, TASK_STACK_SIZE);
        return stack;
    }
    if (stacks->n_maps == 0 || stacks->n_cut == PER_MAP)
        map_more(stacks);

    char *slot = (char *)stacks->maps[stacks->n_maps - 1] + SLOT * stacks->n_cut++;
    if (mprotect(slot, GUARD, PROT_NONE) < 0)
        unsupported("no guard below a stack");
    sanitize_stack_reused(slot + GUARD, TASK_STACK_SIZE); /* before a rewind, it may have been */
    return slot + GUARD;
}

void task_stack_give(struct task_stacks *stacks, void *stack)
{
    /* Beyond that the stack stays unused until the end. */
    if (stacks->n_free < TASK_STACKS_KEPT)
        stacks->free[stacks->n_free++] = stack;
}

void task_stacks_done(struct task_stacks *stacks)
{
    while (stacks->n_maps > 0) {
        char *map = stacks->maps[--stacks->n_maps];
        for (size_t i = 0; i < PER_MAP; i++)
            sanitize_stack_reused(map + SLOT * i + GUARD, TASK_STACK_SIZE);
        munmap(map, SLOT * PER_MAP);
    }
}
