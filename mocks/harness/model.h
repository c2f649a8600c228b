/* SPDX-License-Identifier: Apache-2.0 */
/* Reference model of containers: what the agent must answer, as far as it can be known.
 *
 * An operation that had its container for itself must be answered as its state demands. When operations on a container overlap,
 * a fault may have struck, or the connection was lost, the state becomes unknown until a later answer tells it; but even then
 * an operation that no order of events allows must not succeed. */
#pragma once
#include <stdbool.h>

#include "base/status.h"

enum model_state {
    MODEL_ABSENT,
    MODEL_CREATED,
    MODEL_RUNNING,
    MODEL_PAUSED, /* created or running before */
    MODEL_UNKNOWN,
    MODEL_STATE_MAX,
};

enum model_operation {
    MODEL_CREATE,
    MODEL_START,
    MODEL_EXEC,
    MODEL_KILL,  /* SIGKILL to init */
    MODEL_PROBE, /* signal 0 to init */
    MODEL_WAIT,  /* for init; only after its death, or it would last */
    MODEL_PAUSE,
    MODEL_RESUME,
    MODEL_UPDATE,
    MODEL_STATS,
    MODEL_REMOVE,
    MODEL_OPERATION_MAX,
};

struct model_container {
    enum model_state state;
    bool was_running; /* before the pause */
    bool dead;        /* init was killed */
    bool reaped;      /* and its exit code was collected */
    int busy;         /* operations in flight */
    int disturbed;    /* those in flight that overlapped with another */
};

const char *model_operation_name(enum model_operation operation);
const char *model_state_name(enum model_state state);
/* Would it wait for something that may never come? Then it must not be asked. */
bool model_would_wait(const struct model_container *container, enum model_operation operation);
/* Around an operation. model_end() returns false when the answer is wrong; unsure: a fault may have struck meanwhile. */
void model_begin(struct model_container *container);
bool model_end(struct model_container *container, enum model_operation operation, enum status_code status, bool unsure);
