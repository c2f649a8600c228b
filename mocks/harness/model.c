/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/model.h"

static const char *const operation_names[] = {
    [MODEL_CREATE] = "create", [MODEL_START] = "start", [MODEL_EXEC] = "exec",     [MODEL_KILL] = "kill",
    [MODEL_PROBE] = "probe",   [MODEL_WAIT] = "wait",   [MODEL_PAUSE] = "pause",   [MODEL_RESUME] = "resume",
    [MODEL_UPDATE] = "update", [MODEL_STATS] = "stats", [MODEL_REMOVE] = "remove",
};

static const char *const state_names[] = {
    [MODEL_ABSENT] = "absent", [MODEL_CREATED] = "created", [MODEL_RUNNING] = "running",
    [MODEL_PAUSED] = "paused", [MODEL_UNKNOWN] = "unknown",
};

/* In which states an operation succeeds, by state: '+' yes, '-' no, 'a' if init is alive (a dead one may not have been noticed
 * yet), 'r' if its code was not collected. */
static const char *const rules[MODEL_OPERATION_MAX] = {
    /*                absent, created, running, paused */
    [MODEL_CREATE] = "+---", [MODEL_START] = "-a--", [MODEL_EXEC] = "-aa-",   [MODEL_KILL] = "-rrr",
    [MODEL_PROBE] = "-aaa",  [MODEL_WAIT] = "-rrr",  [MODEL_PAUSE] = "-++-",  [MODEL_RESUME] = "---+",
    [MODEL_UPDATE] = "-+++", [MODEL_STATS] = "-+++", [MODEL_REMOVE] = "-+++",
};

const char *model_operation_name(enum model_operation operation)
{
    return operation_names[operation];
}

const char *model_state_name(enum model_state state)
{
    return state_names[state];
}

bool model_would_wait(const struct model_container *container, enum model_operation operation)
{
    if (operation != MODEL_WAIT)
        return false;
    bool ends = container->dead && !container->reaped && container->state != MODEL_PAUSED;
    return container->state != MODEL_ABSENT && (!ends || container->busy > 0);
}

void model_begin(struct model_container *container)
{
    container->busy++;
    if (container->busy > 1)
        container->disturbed = container->busy;
}

/* Either answer is right. */
static bool is_open(const struct model_container *container, enum model_operation operation)
{
    return rules[operation][container->state] == 'a' && container->dead && !container->reaped;
}

static bool succeeds(const struct model_container *container, enum model_operation operation)
{
    switch (rules[operation][container->state]) {
    case '+':
        return true;
    case 'a':
        return !container->dead;
    case 'r':
        return !container->reaped;
    default:
        return false;
    }
}

static void follow(struct model_container *container, enum model_operation operation)
{
    switch (operation) {
    case MODEL_CREATE:
        container->state = MODEL_CREATED;
        container->dead = container->reaped = container->was_running = false;
        break;
    case MODEL_START:
        container->state = MODEL_RUNNING;
        break;
    case MODEL_KILL:
        container->dead = true;
        break;
    case MODEL_WAIT:
        container->dead = container->reaped = true;
        break;
    case MODEL_PAUSE:
        container->was_running = container->state == MODEL_RUNNING;
        container->state = MODEL_PAUSED;
        break;
    case MODEL_RESUME:
        container->state = container->was_running ? MODEL_RUNNING : MODEL_CREATED;
        break;
    case MODEL_REMOVE:
        container->state = MODEL_ABSENT;
        break;
    default:
        break;
    }
}

/* What an answer tells of a state that was not known. */
static void learn(struct model_container *container, enum model_operation operation, bool ok)
{
    container->state = MODEL_UNKNOWN;
    if (ok && (operation == MODEL_CREATE || operation == MODEL_REMOVE) && container->disturbed == 0)
        follow(container, operation);
}

bool model_end(struct model_container *container, enum model_operation operation, enum status_code status, bool unsure)
{
    bool ok = status == STATUS_OK, right = true;
    bool disturbed = container->disturbed > 0;

    container->busy--;
    if (disturbed)
        container->disturbed--;
    if (container->busy == 0)
        container->disturbed = 0;
    if (disturbed || container->state == MODEL_UNKNOWN) {
        if (disturbed)
            container->state = MODEL_UNKNOWN;
        learn(container, operation, ok && !disturbed);
        return true;
    }
    bool wanted = succeeds(container, operation);
    right = ok == wanted || (unsure && !ok) || is_open(container, operation);
    if (ok)
        follow(container, operation);
    else if (wanted)
        learn(container, operation, false);
    return right;
}
