/* SPDX-License-Identifier: Apache-2.0 */
#include "base/undo.h"

#include <stdlib.h>

void undo_push(struct undo *undo, void (*fn)(void *arg), void *arg)
{
    if (undo->n == UNDO_MAX)
        abort();
    undo->steps[undo->n++] = (struct undo_step){fn, arg};
}

void undo_unwind(struct undo *undo)
{
    while (undo->n > 0) {
        struct undo_step step = undo->steps[--undo->n];

        step.fn(step.arg);
    }
}

void undo_commit(struct undo *undo)
{
    undo->n = 0;
}
