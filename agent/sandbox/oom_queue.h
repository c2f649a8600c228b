/* SPDX-License-Identifier: Apache-2.0 */
/* Queue of containers that lost a process to the OOM killer, read by GetOOMEvent. Holds at most OOM_QUEUE_MAX events; the
 * newest ones are dropped when nobody reads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"

#define OOM_QUEUE_MAX 100

struct oom_queue {
    char *ids[OOM_QUEUE_MAX]; /* malloc'ed, ring */
    size_t first;
    size_t n;
    bool closed;
    struct waitq readers;
};

void oom_queue_init(struct oom_queue *queue);
void oom_queue_done(struct oom_queue *queue);
/* Copies id. False when the queue is full or closed. */
bool oom_queue_push(struct oom_queue *queue, const char *id);
/* Waits (from a fiber) for the next event; *ret_id is the caller's to free. -ESHUTDOWN once closed, -ETIMEDOUT, -ECANCELED:
 * then no event was taken. */
int oom_queue_pop(struct loop *loop, struct oom_queue *queue, uint64_t deadline, char **ret_id);
/* Readers, waiting ones included, get -ESHUTDOWN. */
void oom_queue_close(struct oom_queue *queue);
