/* SPDX-License-Identifier: Apache-2.0 */
/* The ttrpc envelope messages Request and Response: decoded as views into the frame, encoded in place.
 *
 * Request: service 1, method 2, payload 3, timeout_nano 4, metadata 5 {key 1, value 2}.
 * Response: status 1 {code 1, message 2, details 3}, payload 2. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "ttrpc/wire.h"

struct envelope_request {
    struct bytes service; /* valid UTF-8, may contain NUL */
    struct bytes method;
    struct bytes payload;
    int64_t timeout_ns; /* 0: none; negative: already expired */
};

struct envelope_response {
    int32_t code;         /* 0: success */
    struct bytes message; /* as received: may be no UTF-8 */
    struct bytes payload;
};

/* 0, or -EBADMSG with a static text in ret_reason. Metadata is checked and dropped. */
int envelope_decode_request(struct bytes in, struct envelope_request *ret_request, const char **ret_reason);
int envelope_decode_response(struct bytes in, struct envelope_response *ret_response, const char **ret_reason);

/* Size of an encoded Request; the payload is written by the caller behind envelope_put_request(). */
size_t envelope_request_size(const struct envelope_request *request);
/* Writes everything but the payload's own bytes, payload last; returns where they go (request->payload.p is not read). */
uint8_t *envelope_put_request(uint8_t *p, const struct envelope_request *request);

/* Size of a successful Response; explicit_ok: with an empty status in front, as the Rust server sends it. */
size_t envelope_success_size(size_t payload_len, bool explicit_ok);
/* Returns where the payload goes. */
uint8_t *envelope_put_success(uint8_t *p, size_t payload_len, bool explicit_ok);

/* A Response that carries a status with code != 0 and nothing else. */
size_t envelope_status_size(enum status_code code, size_t message_len);
void envelope_put_status(uint8_t *p, enum status_code code, struct bytes message);
