/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "loop/internal.h"

#define HEAP_MIN 16

static bool is_before(const struct timer_entry *a, const struct timer_entry *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static void place(struct timer_heap *heap, size_t slot, struct timer_entry entry)
{
    heap->entries[slot] = entry;
    entry.timer->slot = slot;
}

/* Puts entry at slot or above it. */
static void sift_up(struct timer_heap *heap, size_t slot, struct timer_entry entry)
{
    while (slot > 1 && is_before(&entry, &heap->entries[slot / 2])) {
        place(heap, slot, heap->entries[slot / 2]);
        slot /= 2;
    }
    place(heap, slot, entry);
}

/* Puts entry at slot or below it. */
static void sift_down(struct timer_heap *heap, size_t slot, struct timer_entry entry)
{
    for (;;) {
        size_t next = slot * 2;
        if (next < heap->n && is_before(&heap->entries[next + 1], &heap->entries[next]))
            next++;
        if (next > heap->n || !is_before(&heap->entries[next], &entry))
            break;
        place(heap, slot, heap->entries[next]);
        slot = next;
    }
    place(heap, slot, entry);
}

static void resize(struct timer_heap *heap, size_t cap)
{
    struct timer_entry *entries = realloc(heap->entries, (cap + 1) * sizeof(*entries));
    if (!entries)
        abort();
    heap->entries = entries;
    heap->cap = cap;
}

void timer_start(struct loop *loop, struct timer *timer, uint64_t deadline)
{
    struct timer_heap *heap = &loop->timers;

    timer_stop(timer);
    timer->deadline = deadline;
    if (deadline == NO_DEADLINE)
        return;
    if (heap->n == heap->cap)
        resize(heap, heap->cap ? heap->cap * 2 : HEAP_MIN);
    timer->loop = loop;
    sift_up(heap, ++heap->n, (struct timer_entry){deadline, heap->order++, timer});
}

void timer_stop(struct timer *timer)
{
    size_t slot = timer->slot;
    if (slot == 0)
        return;

    struct timer_heap *heap = &timer->loop->timers;
    struct timer_entry last = heap->entries[heap->n--];
    timer->slot = 0;
    if (last.timer != timer) {
        if (slot > 1 && is_before(&last, &heap->entries[slot / 2]))
            sift_up(heap, slot, last);
        else
            sift_down(heap, slot, last);
    }
    if (heap->cap > HEAP_MIN && heap->n < heap->cap / 4)
        resize(heap, heap->cap / 2);
}

void timers_expire(struct loop *loop)
{
    struct timer_heap *heap = &loop->timers;
    const uint64_t started_now = heap->order;

    while (heap->n > 0 && heap->entries[1].deadline <= loop->now && heap->entries[1].order < started_now) {
        struct timer *timer = heap->entries[1].timer;

        timer_stop(timer);
        timer->expired(timer);
    }
}

uint64_t timers_next(const struct loop *loop)
{
    return loop->timers.n ? loop->timers.entries[1].deadline : NO_DEADLINE;
}

void timers_done(struct loop *loop)
{
    free(loop->timers.entries);
}
