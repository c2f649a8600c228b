/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/rewind.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/macros.h"
#include "loop/sanitize.h"
#include "mocks/kernel/stacks.h"

#define HEAP_BYTES ((size_t)1 << 30)
#define STACKS_BYTES ((size_t)1 << 32)
#define PAGE ((size_t)4096)
#define ALIGN ((size_t)16)
#define RED_ZONE sizeof(struct header) /* in front of each block and behind it */
#define CLASSES 64                     /* of small blocks: sizes in steps of ALIGN */
#define SHADOW_SHIFT 3                 /* one byte of the sanitizer's shadow stands for eight */
#define STACK_ALIGN ((size_t)64 * 1024)

/* Part of the address range that grows: blocks in one, stacks in the other. */
struct zone {
    char *base, *end;
    char *scratch; /* what lies below belongs to a moment */
    char *next;    /* first free byte */
    char *touched; /* how far it was ever used */
};

/* Pages in a row as they were. */
struct saved {
    char *at;
    size_t len;
    char *bytes, *shadow;
    size_t unused; /* below, the stack had nothing */
};

struct moment {
    struct moment *next; /* none is ever freed */
    struct saved *pieces;
    size_t n;
};

/* What stands in front of a block, in its red zone. */
struct header {
    size_t size;
    struct header *next; /* while it is free */
};

/* malloc() has no argument to find it by. */
static struct {
    bool active;
    bool marked; /* from the first mark on, no block is used twice */
    struct zone heap, stacks;
    struct header *free[CLASSES]; /* by size */
    struct moment *moments;
} range;

/* ---- of the linker's --wrap ---- */

void *__real_malloc(size_t size) __attribute__((weak));
void *__real_calloc(size_t n, size_t size) __attribute__((weak));
void *__real_realloc(void *p, size_t size) __attribute__((weak));
void __real_free(void *p) __attribute__((weak));
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset) __attribute__((weak));
int __real_munmap(void *p, size_t len) __attribute__((weak));

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *p, size_t len);

/* ---- the sanitizer's view ---- */

#ifdef SANITIZE_ADDRESS
#define poison(p, len) ASAN_POISON_MEMORY_REGION(p, len)
#define unpoison(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)

static char *shadow_of(const char *p)
{
    size_t shift, offset;
    __asan_get_shadow_mapping(&shift, &offset);
    return (char *)(((uintptr_t)p >> shift) + offset);
}
#else
#define poison(p, len) (void)(p)
#define unpoison(p, len) (void)(p)
#endif

/* Past the sanitizer, which would check the addresses. */
static void copy(char *to, const char *from, size_t len)
{
#ifdef __x86_64__
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
#else
    for (volatile char *at = to; len > 0; len--)
        *at++ = *from++;
#endif
}

/* ---- blocks ---- */

static bool is_in(const struct zone *zone, const void *p)
{
    return (const char *)p >= zone->base && (const char *)p < zone->end;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

static struct header *header_of(void *p)
{
    return (struct header *)p - 1;
}

static char *zone_take(struct zone *zone, size_t len)
{
    char *p = zone->next;
    if (len > (size_t)(zone->end - p)) {
        fprintf(stderr, "rewind: a simulation takes more than %zu bytes\n", (size_t)(zone->end - zone->base));
        abort();
    }
    zone->next = p + len;
    if (zone->next > zone->touched)
        zone->touched = zone->next;
    return p;
}

static struct header **free_blocks(size_t size)
{
    size_t class = round_up(size, ALIGN) / ALIGN;
    return range.marked || class >= CLASSES ? NULL : &range.free[class];
}

/* An unpoisoned header for a block of that size. */
static struct header *header_new(size_t size)
{
    struct header **free = free_blocks(size), *header;

    if (!free || !*free) {
        header = (struct header *)(void *)zone_take(&range.heap, RED_ZONE + round_up(size, ALIGN) + RED_ZONE);
        unpoison(header, sizeof(*header));
        return header;
    }
    header = *free;
    unpoison(header, sizeof(*header));
    *free = header->next;
    return header;
}

static void *block_new(size_t size)
{
    if (size > HEAP_BYTES)
        return NULL;
    struct header *header = header_new(size);
    header->size = size;
    poison(header, RED_ZONE + round_up(size, ALIGN) + RED_ZONE);
    unpoison(header + 1, size);
    return header + 1;
}

static size_t block_size(void *p)
{
    struct header *header = header_of(p);
    unpoison(header, sizeof(*header));
    size_t size = header->size;
    poison(header, sizeof(*header));
    return size;
}

static void block_free(void *p)
{
    struct header *header = header_of(p);
    unpoison(header, sizeof(*header));
    size_t size = header->size;
    struct header **free = free_blocks(size);
    if (free) {
        header->next = *free;
        *free = header;
    }
    poison(header, sizeof(*header) + size);
}

static void *block_resize(void *p, size_t size)
{
    size_t old = block_size(p);
    void *copy = block_new(size);

    if (!copy)
        return NULL;
    memcpy(copy, p, old < size ? old : size);
    __wrap_free(p);
    return copy;
}

void *__wrap_malloc(size_t size)
{
    return range.active ? block_new(size) : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    size_t total;
    if (!range.active || __builtin_mul_overflow(n, size, &total))
        return __real_calloc(n, size);
    void *p = block_new(total);
    return p ? memset(p, 0, total) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
    if (p ? !is_in(&range.heap, p) : !range.active)
        return __real_realloc(p, size);
    return p ? block_resize(p, size) : block_new(size);
}

void __wrap_free(void *p)
{
    if (!is_in(&range.heap, p))
        __real_free(p);
    else
        block_free(p);
}

char *__wrap_strndup(const char *s, size_t len)
{
    len = strnlen(s, len);
    char *copy = __wrap_malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *__wrap_strdup(const char *s)
{
    return __wrap_strndup(s, strlen(s));
}

/* ---- stacks ---- */

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (!range.active || !(flags & MAP_STACK))
        return __real_mmap(at, len, prot, flags, fd, offset);
    bool was_used = range.stacks.next < range.stacks.touched;
    char *p = zone_take(&range.stacks, round_up(len, STACK_ALIGN));
    unpoison(p, len);
    if (was_used && mprotect(p, len, prot) < 0)
        return MAP_FAILED;
    return p;
}

int __wrap_munmap(void *p, size_t len)
{
    return is_in(&range.stacks, p) ? 0 : __real_munmap(p, len);
}

/* ---- moments ---- */

static void *map(size_t len)
{
    void *p = __real_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("rewind: memory");
        abort();
    }
    return p;
}

static void zone_init(struct zone *zone, size_t len)
{
    zone->base = map(len);
    zone->scratch = zone->next = zone->touched = zone->base;
    zone->end = zone->base + len;
}

bool rewind_begin(void)
{
    if (!__real_malloc)
        return false;
    if (!range.heap.base) {
        zone_init(&range.heap, HEAP_BYTES);
        zone_init(&range.stacks, STACKS_BYTES);
    }
    range.active = true;
    return true;
}

void rewind_end(void)
{
    range.active = false;
}

static void save(struct moment *moment, char *at, size_t len, size_t unused)
{
    moment->pieces = __real_realloc(moment->pieces, (moment->n + 1) * sizeof(*moment->pieces));
    if (!moment->pieces)
        abort();
    struct saved *piece = &moment->pieces[moment->n++];
    *piece = (struct saved){.at = at, .len = len, .bytes = map(len), .unused = unused};
    copy(piece->bytes, at, len);
#ifdef SANITIZE_ADDRESS
    piece->shadow = map(len >> SHADOW_SHIFT);
    copy(piece->shadow, shadow_of(at), len >> SHADOW_SHIFT);
#endif
}

/* Of stacks only those pages that were ever written: at most as much as one stack lies below them. */
static void save_stacks(struct moment *moment, char *at, const char *end)
{
    size_t n = (size_t)(end - at) / PAGE, gap = 0;
    unsigned char *present = __real_malloc(n + 1);

    if (!present || mincore(at, (size_t)(end - at), present) < 0)
        abort();
    present[n] = 0;
    for (size_t i = 0, first = 0; i <= n; i++) {
        if (present[i] & 1)
            continue;
        if (first < i) {
            save(moment, at + first * PAGE, (i - first) * PAGE, gap < TASK_STACK_SIZE ? gap : TASK_STACK_SIZE);
            gap = 0;
        }
        first = i + 1;
        gap += PAGE;
    }
    __real_free(present);
}

const struct moment *rewind_mark(void)
{
    struct moment *moment = __real_calloc(1, sizeof(*moment));
    struct zone *heap = &range.heap, *stacks = &range.stacks;

    if (!moment)
        abort();
    moment->next = range.moments;
    range.moments = moment;
    heap->next = heap->base + round_up((size_t)(heap->next - heap->base), PAGE);
    save(moment, heap->scratch, (size_t)(heap->next - heap->scratch), 0);
    save_stacks(moment, stacks->scratch, stacks->next);
    range.marked = true;
    heap->scratch = heap->next;
    stacks->scratch = stacks->next;
    return moment;
}

#ifdef SANITIZE_ADDRESS
/* Frames that went deeper than at the mark and were never left. */
static void restore_unused(const struct saved *piece)
{
    unsigned char present[TASK_STACK_SIZE / PAGE];
    char *at = piece->at - piece->unused;

    if (mincore(at, piece->unused, present) < 0)
        abort();
    for (size_t i = 0; i < piece->unused / PAGE; i++) {
        if (present[i] & 1) {
            unpoison(at + i * PAGE, piece->unused - i * PAGE);
            return;
        }
    }
}
#endif

static void restore(const struct saved *piece)
{
    copy(piece->at, piece->bytes, piece->len);
#ifdef SANITIZE_ADDRESS
    copy(shadow_of(piece->at), piece->shadow, piece->len >> SHADOW_SHIFT);
    if (piece->unused)
        restore_unused(piece);
#endif
}

void rewind_to(const struct moment *moment)
{
    for (size_t i = 0; moment && i < moment->n; i++)
        restore(&moment->pieces[i]);
    range.heap.next = range.heap.scratch;
    range.stacks.next = range.stacks.scratch;
}
