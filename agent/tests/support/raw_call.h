/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as a foreign client makes them: any bytes, over a connection of its own, so that what comes back is the agent's own
 * word. */
#pragma once
#include "agent/tests/support/rig.h"

struct raw_call {
    const char *service; /* NULL: grpc.AgentService */
    const char *method;
    const ProtobufCMessage *message; /* NULL: payload instead */
    const void *payload;
    size_t payload_len;
    int64_t timeout_ns; /* as sent; 0: none, negative: expired already */
};

/* Connects and sends; returns the socket. Fails the test when that does not work. */
int raw_send(const struct rig *rig, const struct raw_call *call);
/* Waits for the answer (10 s at most), closes the socket, notes the outcome. text gets the message of the status. */
enum status_code raw_finish(const struct rig *rig, const struct raw_call *call, int fd, char text[ERROR_TEXT_MAX]);
/* Both. */
enum status_code raw_call(const struct rig *rig, const struct raw_call *call, char text[ERROR_TEXT_MAX]);
/* Sends, lets the agent begin, closes the connection without waiting for the answer; noted as CANCELLED. */
void raw_abandon(const struct rig *rig, const struct raw_call *call);
