/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/stack.h"

#include <stdlib.h>
#include <sys/mman.h>

/* As large as the largest page size, and large enough that no sane frame jumps over it. */
#define STACK_GUARD (64 * 1024)

static struct stack stack_map(void)
{
    char *map = mmap(NULL, STACK_GUARD + STACK_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED || mprotect(map, STACK_GUARD, PROT_NONE) < 0)
        abort();

    struct stack stack = {.base = map + STACK_GUARD};
    stack.valgrind_id = VALGRIND_STACK_REGISTER(stack.base, (char *)stack.base + STACK_SIZE);
    return stack;
}

static void stack_unmap(struct stack stack)
{
    VALGRIND_STACK_DEREGISTER(stack.valgrind_id);
    sanitize_stack_reused(stack.base, STACK_SIZE);
    munmap((char *)stack.base - STACK_GUARD, STACK_GUARD + STACK_SIZE);
}

struct stack stack_pool_take(struct stack_pool *pool)
{
    if (pool->n == 0)
        return stack_map();

    pool->n--;
    if (pool->n_clean > pool->n)
        pool->n_clean = pool->n;
    sanitize_stack_reused(pool->free[pool->n].base, STACK_SIZE);
    return pool->free[pool->n];
}

void stack_pool_give(struct stack_pool *pool, struct stack stack)
{
    if (pool->n == STACKS_KEPT)
        stack_unmap(stack);
    else
        pool->free[pool->n++] = stack;
}

bool stack_pool_has_waste(const struct stack_pool *pool)
{
    return pool->n > pool->n_clean + STACKS_WARM;
}

void stack_pool_trim(struct stack_pool *pool)
{
    while (stack_pool_has_waste(pool))
        madvise(pool->free[pool->n_clean++].base, STACK_SIZE, MADV_DONTNEED);
}

void stack_pool_done(struct stack_pool *pool)
{
    while (pool->n > 0)
        stack_unmap(pool->free[--pool->n]);
}
