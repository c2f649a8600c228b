/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/internal.h"

void waitq_init(struct waitq *waitq)
{
    list_init(&waitq->waiters);
}

int waitq_wait(struct loop *loop, struct waitq *waitq, uint64_t deadline)
{
    return fiber_suspend(loop, &waitq->waiters, deadline);
}

void waitq_wake_one(struct waitq *waitq)
{
    if (!list_is_empty(&waitq->waiters))
        fiber_wake(fiber_of_link(waitq->waiters.next), 0);
}

void waitq_wake_all(struct waitq *waitq)
{
    while (!list_is_empty(&waitq->waiters))
        waitq_wake_one(waitq);
}
