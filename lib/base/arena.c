/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_MIN 2048
#define ARENA_BLOCK_MAX (256 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

struct arena {
    struct arena_block *blocks; /* newest first; the oldest survives arena_reset() */
    size_t budget;
    size_t taken; /* from malloc, headers included */
    size_t used;
    bool exhausted;
};

static void *xmalloc(size_t size)
{
    void *p = malloc(size);
    if (!p)
        abort();
    return p;
}

struct arena *arena_new(size_t budget_bytes)
{
    struct arena *a = xmalloc(sizeof(*a));
    *a = (struct arena){.budget = budget_bytes};
    return a;
}

static void arena_free_blocks(struct arena *a, const struct arena_block *keep)
{
    while (a->blocks && a->blocks != keep) {
        struct arena_block *next = a->blocks->next;

        a->taken -= sizeof(*a->blocks) + a->blocks->size;
        free(a->blocks);
        a->blocks = next;
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    arena_free_blocks(a, NULL);
    free(a);
}

void arena_reset(struct arena *a)
{
    const struct arena_block *first = a->blocks;

    while (first && first->next)
        first = first->next;
    arena_free_blocks(a, first);
    if (a->blocks)
        a->blocks->used = 0;
    a->used = 0;
    a->exhausted = false;
}

/* Blocks double up to ARENA_BLOCK_MAX; a larger object gets a block of its own size. */
static struct arena_block *arena_grow(struct arena *a, size_t need)
{
    size_t size = a->blocks ? a->blocks->size * 2 : ARENA_BLOCK_MIN;
    if (size > ARENA_BLOCK_MAX)
        size = ARENA_BLOCK_MAX;
    size_t left = a->budget - a->taken;
    if (left < sizeof(struct arena_block) || need > left - sizeof(struct arena_block))
        return NULL;
    left -= sizeof(struct arena_block);
    if (size < need)
        size = need;
    if (size > left)
        size = left;

    struct arena_block *block = xmalloc(sizeof(*block) + size);
    block->next = a->blocks;
    block->size = size;
    block->used = 0;
    a->blocks = block;
    a->taken += sizeof(*block) + size;
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_block *block = a->blocks;

    if (size > SIZE_MAX - align) {
        a->exhausted = true;
        return NULL;
    }
    size_t need = size ? (size + align - 1) & ~(align - 1) : align;
    if (!block || block->size - block->used < need)
        block = arena_grow(a, need);
    if (!block) {
        a->exhausted = true;
        return NULL;
    }
    void *p = block->data + block->used;
    block->used += need;
    a->used += need;
    return memset(p, 0, need);
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        a->exhausted = true;
        return NULL;
    }
    return arena_alloc(a, total);
}

void *arena_memdup(struct arena *a, const void *p, size_t len)
{
    void *copy = arena_alloc(a, len);
    return copy && len ? memcpy(copy, p, len) : copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    if (!s)
        return NULL;
    len = strnlen(s, len);
    char *copy = arena_alloc(a, len + 1);
    return copy ? memcpy(copy, s, len) : NULL;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char first[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(first, sizeof(first), fmt, args);
    va_end(args);

    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text && (size_t)len < sizeof(first))
        memcpy(text, first, (size_t)len);
    else if (text)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

bool arena_exhausted(const struct arena *a)
{
    return a->exhausted;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
