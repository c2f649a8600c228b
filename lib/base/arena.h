/* SPDX-License-Identifier: Apache-2.0 */
/* Arena: memory that lives and dies together, with a budget.
 *
 * A call, a spec, a plan allocates from its arena and is freed in one step. The budget bounds what a hostile request can make
 * the program hold: an allocation beyond it returns NULL, and the caller answers RESOURCE_EXHAUSTED. Real exhaustion of the
 * machine's memory aborts (see docs/architecture.md, "Errors and memory"). Not for objects that die one by one. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct arena;

/* budget_bytes: upper bound of all memory the arena takes from malloc. Never returns NULL. */
struct arena *arena_new(size_t budget_bytes);
/* Frees the arena and everything in it; accepts NULL. */
void arena_free(struct arena *a);
/* Gives everything back except the first block: the arena is empty and keeps its budget. */
void arena_reset(struct arena *a);

/* Zeroed memory, aligned for any type; NULL once the budget is used up (and from then on, see arena_exhausted()).
 * size 0 returns a unique pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* Zeroed array; NULL on multiplication overflow too. */
void *arena_calloc(struct arena *a, size_t n, size_t size);
/* Copies; NULL for a NULL source or when the budget is used up. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
void *arena_memdup(struct arena *a, const void *p, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* True once any allocation was refused: lets a long builder check once at its end. */
bool arena_exhausted(const struct arena *a);
/* Bytes handed out so far, without block overhead. */
size_t arena_used(const struct arena *a);

static inline void arena_cleanup(struct arena **a)
{
    arena_free(*a);
}
#define _arena_ CLEANUP(arena_cleanup)
