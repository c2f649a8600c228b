/* SPDX-License-Identifier: Apache-2.0 */
/* What no well-behaved guest or frontend does: counted by kind, and told rarely enough that nobody can fill a log with it. */
#pragma once
#include <stdint.h>

enum anomaly {
    ANOMALY_RING_BROKEN,
    ANOMALY_CHAIN_SHORT,
    ANOMALY_LENGTH,
    ANOMALY_SOURCE_CID,
    ANOMALY_TARGET_CID,
    ANOMALY_TYPE,
    ANOMALY_OPERATION,
    ANOMALY_CREDIT,
    ANOMALY_AFTER_SHUTDOWN,
    ANOMALY_CONNECTIONS,
    ANOMALY_CONNECT_RATE,
    ANOMALY_MAX,
};

struct anomalies {
    uint64_t counts[ANOMALY_MAX];
    /* Told of the first, tenth, hundredth, ... of a kind. May be NULL. */
    void (*report)(void *context, enum anomaly kind, uint64_t count);
    void *context;
};

void anomaly_note(struct anomalies *anomalies, enum anomaly kind);
/* What happened, as a clause. Never NULL. */
const char *anomaly_text(enum anomaly kind);
