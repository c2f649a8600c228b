/* SPDX-License-Identifier: Apache-2.0 */
/* Undo stack: every step that changes the machine pushes its inverse; a failure runs them in reverse order.
 *
 *     _undo_ struct undo undo = UNDO_INIT;
 *     ... step ...; undo_push(&undo, undo_step, object);
 *     undo_commit(&undo);                   reached only on success: nothing is undone
 *
 * A long-lived object may keep its stack and unwind it when it is destroyed: its teardown then is the same code as the
 * rollback of a failed creation. Inverses cannot fail; they log or ignore. */
#pragma once
#include <stddef.h>

#include "base/macros.h"

#define UNDO_MAX 32

struct undo_step {
    void (*fn)(void *arg);
    void *arg;
};

struct undo {
    struct undo_step steps[UNDO_MAX];
    size_t n;
};

#define UNDO_INIT ((struct undo){.n = 0})

/* arg must live until the stack is unwound or committed. Aborts beyond UNDO_MAX steps: their number is fixed by the code. */
void undo_push(struct undo *undo, void (*fn)(void *arg), void *arg);
/* Runs and forgets all steps, last first. */
void undo_unwind(struct undo *undo);
/* Forgets all steps. */
void undo_commit(struct undo *undo);

#define _undo_ CLEANUP(undo_unwind)
