/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/oom_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void oom_queue_init(struct oom_queue *queue)
{
    *queue = (struct oom_queue){.n = 0};
    waitq_init(&queue->readers);
}

static char *queue_take(struct oom_queue *queue)
{
    char *id = queue->ids[queue->first];

    queue->first = (queue->first + 1) % OOM_QUEUE_MAX;
    queue->n--;
    return id;
}

void oom_queue_done(struct oom_queue *queue)
{
    while (queue->n > 0)
        free(queue_take(queue));
}

bool oom_queue_push(struct oom_queue *queue, const char *id)
{
    if (queue->closed || queue->n == OOM_QUEUE_MAX)
        return false;

    char *copy = strdup(id);
    if (!copy)
        abort();
    queue->ids[(queue->first + queue->n) % OOM_QUEUE_MAX] = copy;
    queue->n++;
    waitq_wake_one(&queue->readers);
    return true;
}

int oom_queue_pop(struct loop *loop, struct oom_queue *queue, uint64_t deadline, char **ret_id)
{
    while (queue->n == 0) {
        if (queue->closed)
            return -ESHUTDOWN;
        int r = waitq_wait(loop, &queue->readers, deadline);
        if (r < 0)
            return r;
    }
    *ret_id = queue_take(queue);
    return 0;
}

void oom_queue_close(struct oom_queue *queue)
{
    queue->closed = true;
    waitq_wake_all(&queue->readers);
}
