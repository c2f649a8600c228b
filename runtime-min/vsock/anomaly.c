/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/anomaly.h"

#include <stdbool.h>

static bool is_power_of_ten(uint64_t n)
{
    while (n >= 10 && n % 10 == 0)
        n /= 10;
    return n == 1;
}

void anomaly_note(struct anomalies *anomalies, enum anomaly kind)
{
    uint64_t count = ++anomalies->counts[kind];

    if (anomalies->report && is_power_of_ten(count))
        anomalies->report(anomalies->context, kind, count);
}

const char *anomaly_text(enum anomaly kind)
{
    static const char *const texts[ANOMALY_MAX] = {
        [ANOMALY_RING_BROKEN] = "the guest broke a ring; it is not used any more",
        [ANOMALY_CHAIN_SHORT] = "the guest gave a buffer that holds no packet header",
        [ANOMALY_LENGTH] = "the guest sent a packet that is shorter than it says, or too long",
        [ANOMALY_SOURCE_CID] = "the guest sent under the address of another machine",
        [ANOMALY_TARGET_CID] = "the guest sent to another machine than the host",
        [ANOMALY_TYPE] = "the guest sent a packet that is not of a stream",
        [ANOMALY_OPERATION] = "the guest sent an operation that does not fit the connection",
        [ANOMALY_CREDIT] = "the guest broke the rules of credit",
        [ANOMALY_AFTER_SHUTDOWN] = "the guest sent data after it said that it would not",
        [ANOMALY_CONNECTIONS] = "there are too many connections",
        [ANOMALY_CONNECT_RATE] = "the guest connects too often",
    };

    return texts[kind];
}
