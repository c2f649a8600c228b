/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/envelope.h"

#include <errno.h>
#include <string.h>

/* Takes a string field: the last one wins. */
static int take_string(const struct wire_field *field, struct bytes *to, const char **ret_reason)
{
    if (utf8_valid_prefix(field->bytes) != field->bytes.len) {
        *ret_reason = "Invalid UTF-8 sequence";
        return -EBADMSG;
    }
    *to = field->bytes;
    return 0;
}

/* Nobody reads the pairs, but a broken one makes the request malformed. */
static int check_metadata(struct bytes in, const char **ret_reason)
{
    struct wire_reader reader = wire_reader(in);
    struct wire_field field;
    struct bytes ignored;
    int r;

    while ((r = wire_next(&reader, &field, ret_reason)) > 0) {
        if (field.type != WIRE_BYTES || field.number > 2)
            continue;
        r = take_string(&field, &ignored, ret_reason);
        if (r < 0)
            return r;
    }
    return r;
}

static int take_request_bytes(const struct wire_field *field, struct envelope_request *request, const char **ret_reason)
{
    switch (field->number) {
    case 1:
        return take_string(field, &request->service, ret_reason);
    case 2:
        return take_string(field, &request->method, ret_reason);
    case 3:
        request->payload = field->bytes;
        return 0;
    case 5:
        return check_metadata(field->bytes, ret_reason);
    default:
        return 0;
    }
}

int envelope_decode_request(struct bytes in, struct envelope_request *ret_request, const char **ret_reason)
{
    struct wire_reader reader = wire_reader(in);
    struct envelope_request request = {.timeout_ns = 0};
    struct wire_field field;
    int r;

    while ((r = wire_next(&reader, &field, ret_reason)) > 0) {
        if (field.type == WIRE_BYTES)
            r = take_request_bytes(&field, &request, ret_reason);
        else if (field.type == WIRE_VARINT && field.number == 4)
            request.timeout_ns = (int64_t)field.value;
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    *ret_request = request;
    return 0;
}

static int take_status(struct bytes in, struct envelope_response *response, const char **ret_reason)
{
    struct wire_reader reader = wire_reader(in);
    struct wire_field field;
    int r;

    while ((r = wire_next(&reader, &field, ret_reason)) > 0) {
        if (field.type == WIRE_VARINT && field.number == 1)
            response->code = (int32_t)(uint32_t)field.value;
        else if (field.type == WIRE_BYTES && field.number == 2)
            response->message = field.bytes;
    }
    return r;
}

int envelope_decode_response(struct bytes in, struct envelope_response *ret_response, const char **ret_reason)
{
    struct wire_reader reader = wire_reader(in);
    struct envelope_response response = {.code = 0};
    struct wire_field field;
    int r;

    while ((r = wire_next(&reader, &field, ret_reason)) > 0) {
        if (field.type != WIRE_BYTES)
            continue;
        if (field.number == 1)
            r = take_status(field.bytes, &response, ret_reason);
        else if (field.number == 2)
            response.payload = field.bytes;
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    *ret_response = response;
    return 0;
}

static size_t optional_size(size_t len)
{
    return len ? wire_bytes_size(len) : 0;
}

size_t envelope_request_size(const struct envelope_request *request)
{
    size_t size = wire_bytes_size(request->service.len) + wire_bytes_size(request->method.len);

    if (request->timeout_ns != 0)
        size += 1 + wire_varint_size((uint64_t)request->timeout_ns);
    return size + optional_size(request->payload.len);
}

static uint8_t *put_string(uint8_t *p, unsigned int field, struct bytes text)
{
    p = wire_put_length(p, field, text.len);
    memcpy(p, text.p, text.len);
    return p + text.len;
}

uint8_t *envelope_put_request(uint8_t *p, const struct envelope_request *request)
{
    p = put_string(p, 1, request->service);
    p = put_string(p, 2, request->method);
    if (request->timeout_ns != 0) {
        *p++ = 4 << 3 | WIRE_VARINT;
        p = wire_put_varint(p, (uint64_t)request->timeout_ns);
    }
    return request->payload.len ? wire_put_length(p, 3, request->payload.len) : p;
}

size_t envelope_success_size(size_t payload_len, bool explicit_ok)
{
    return (explicit_ok ? wire_bytes_size(0) : 0) + optional_size(payload_len);
}

uint8_t *envelope_put_success(uint8_t *p, size_t payload_len, bool explicit_ok)
{
    if (explicit_ok)
        p = wire_put_length(p, 1, 0);
    return payload_len ? wire_put_length(p, 2, payload_len) : p;
}

static size_t status_size(enum status_code code, size_t message_len)
{
    return 1 + wire_varint_size(code) + optional_size(message_len);
}

size_t envelope_status_size(enum status_code code, size_t message_len)
{
    return wire_bytes_size(status_size(code, message_len));
}

void envelope_put_status(uint8_t *p, enum status_code code, struct bytes message)
{
    p = wire_put_length(p, 1, status_size(code, message.len));
    *p++ = 1 << 3 | WIRE_VARINT;
    p = wire_put_varint(p, code);
    if (message.len)
        put_string(p, 2, message);
}
