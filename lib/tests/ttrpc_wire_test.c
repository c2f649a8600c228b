/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts: wire format, UTF-8, frames, envelopes, the write queue. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "sys/sys.h"
#include "ttrpc/envelope.h"
#include "ttrpc/frame.h"
#include "ttrpc/outq.h"
#include "ttrpc/wire.h"

/* A string literal as bytes, NUL inside included. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* ---- wire ---- */

static void every_wire_type_is_read(void **state)
{
    struct wire_reader reader = wire_reader(
        BYTES("\x08\x96\x01\x11\x01\x02\x03\x04\x05\x06\x07\x08\x1a\x02hi\x25\x01\x02\x03\x04\x2b\x33\x34\x2c\x30\x00"));
    struct wire_field field;
    const char *reason;

    (void)state;
    assert_int_equal(wire_next(&reader, &field, &reason), 1);
    assert_int_equal(field.number, 1);
    assert_int_equal(field.value, 150);
    assert_int_equal(wire_next(&reader, &field, &reason), 1);
    assert_int_equal(field.type, WIRE_FIXED64);
    assert_true(field.value == UINT64_C(0x0807060504030201));
    assert_int_equal(wire_next(&reader, &field, &reason), 1);
    assert_int_equal(field.number, 3);
    assert_int_equal(field.bytes.len, 2);
    assert_memory_equal(field.bytes.p, "hi", 2);
    assert_int_equal(wire_next(&reader, &field, &reason), 1);
    assert_int_equal(field.type, WIRE_FIXED32);
    assert_int_equal(field.value, 0x04030201);
    assert_int_equal(wire_next(&reader, &field, &reason), 1); /* behind the group 5 with a group 6 in it */
    assert_int_equal(field.number, 6);
    assert_int_equal(wire_next(&reader, &field, &reason), 0);
}

static void malformed_wire_data_is_named(void **state)
{
    static const struct {
        struct bytes in;
        const char *reason;
    } rows[] = {
        {BYTES("\x80"), "Unexpected EOF"},
        {BYTES("\x08"), "Unexpected EOF"},
        {BYTES("\x08\x80"), "Unexpected EOF"},
        {BYTES("\x09\x01\x02\x03\x04\x05\x06\x07"), "Unexpected EOF"},
        {BYTES("\x0d\x01\x02\x03"), "Unexpected EOF"},
        {BYTES("\x0a\x02x"), "Unexpected EOF"},
        {BYTES("\x0a\x80"), "Unexpected EOF"},
        {BYTES("\x0b\x08"), "Unexpected EOF"},
        {BYTES("\x00\x01"), "Incorrect tag"},
        {BYTES("\x07\x01"), "Incorrect tag"},
        {BYTES("\x0e\x01"), "Incorrect tag"},
        {BYTES("\x0c"), "Incorrect tag"},
        {BYTES("\x0b\x14"), "Incorrect tag"},
        {BYTES("\x0b\x13\x0c\x14"), "Incorrect tag"},
        {BYTES("\x80\x80\x80\x80\x10\x00"), "Incorrect tag"}, /* field 2^29 */
        {BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "Incorrect varint"},
        {BYTES("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), "Incorrect varint"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct wire_reader reader = wire_reader(row->in);
        struct wire_field field;
        const char *reason = "none";
        if (wire_next(&reader, &field, &reason) != -EBADMSG || strcmp(reason, row->reason) != 0)
            fail_msg("row %zu: %s", (size_t)(row - rows), reason);
    }
}

static void groups_nest_a_hundred_deep(void **state)
{
    uint8_t in[202];
    struct wire_field field;
    const char *reason;

    (void)state;
    for (size_t depth = 100; depth <= 101; depth++) {
        memset(in, 0x0b, depth);
        memset(in + depth, 0x0c, depth);
        struct wire_reader reader = wire_reader((struct bytes){in, 2 * depth});
        assert_int_equal(wire_next(&reader, &field, &reason), depth == 100 ? 0 : -EBADMSG);
    }
    assert_string_equal(reason, "Over recursion limit");
}

static void largest_field_number_and_varint_are_read(void **state)
{
    struct wire_reader reader = wire_reader(BYTES("\xf8\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    struct wire_field field;
    const char *reason;

    (void)state;
    assert_int_equal(wire_next(&reader, &field, &reason), 1);
    assert_int_equal(field.number, (1 << 29) - 1);
    assert_true(field.value == UINT64_MAX);
}

static void varints_are_written_as_long_as_announced(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};

    (void)state;
    FOR_ROWS (value, values) {
        uint8_t out[16] = {0x08};
        uint8_t *end = wire_put_varint(out + 1, *value);
        struct wire_reader reader = wire_reader((struct bytes){out, (size_t)(end - out)});
        struct wire_field field;
        const char *reason;

        assert_int_equal(end - out - 1, wire_varint_size(*value));
        assert_int_equal(wire_next(&reader, &field, &reason), 1);
        assert_true(field.value == *value);
    }
}

/* ---- UTF-8 ---- */

static void utf8_is_told_from_other_bytes(void **state)
{
    static const struct {
        const char *label;
        struct bytes text;
        size_t valid;
        const char *copy;
    } rows[] = {
        {"empty", BYTES(""), 0, ""},
        {"ascii with NUL", BYTES("a\0b"), 3, "a"},
        {"two bytes", BYTES("\xc2\x80\xdf\xbf"), 4, "\xc2\x80\xdf\xbf"},
        {"three bytes", BYTES("\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), 15,
         "\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
        {"four bytes", BYTES("\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf"), 12,
         "\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf"},
        {"continuation alone", BYTES("a\x80"), 1, "a?"},
        {"over-long two", BYTES("\xc1\xbf"), 0, "??"},
        {"over-long three", BYTES("\xe0\x9f\xbf"), 0, "???"},
        {"over-long four", BYTES("\xf0\x8f\xbf\xbf"), 0, "????"},
        {"surrogate", BYTES("\xed\xa0\x80"), 0, "???"},
        {"beyond the end", BYTES("\xf4\x90\x80\x80"), 0, "????"},
        {"never a lead", BYTES("\xf5\x80\x80\x80"), 0, "????"},
        {"cut two", BYTES("a\xc3"), 1, "a?"},
        {"cut three", BYTES("\xe2\x82"), 0, "??"},
        {"cut four", BYTES("\xf0\x9f\x98"), 0, "???"},
        {"bad third", BYTES("\xe2\x82\x41"), 0, "??A"},
        {"bad fourth", BYTES("\xf0\x9f\x98\x41"), 0, "???A"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        char copy[32] = "";
        size_t len = utf8_copy((uint8_t *)copy, sizeof(copy) - 1, row->text);
        if (utf8_valid_prefix(row->text) != row->valid || len != row->text.len || strcmp(copy, row->copy) != 0)
            fail_msg("%s: %zu valid, copy '%s'", row->label, utf8_valid_prefix(row->text), copy);
    }
}

static void copies_end_on_a_whole_character(void **state)
{
    uint8_t copy[8];

    (void)state;
    assert_int_equal(utf8_copy(copy, 4, BYTES("ab\xe2\x82\xac")), 2);
    assert_int_equal(utf8_copy(copy, 5, BYTES("ab\xe2\x82\xac")), 5);
    assert_int_equal(utf8_copy(copy, 0, BYTES("ab")), 0);
}

/* ---- frames and envelopes ---- */

static void frame_headers_are_big_endian(void **state)
{
    const struct frame frame = {.length = 0x01020304, .stream = 0xf5060708, .type = 9, .flags = 10};
    struct frame back = {.length = 0};
    uint8_t bytes[FRAME_HEADER_SIZE];

    (void)state;
    frame_write_header(bytes, &frame);
    assert_memory_equal(bytes, "\x01\x02\x03\x04\xf5\x06\x07\x08\x09\x0a", 10);
    frame_read_header(bytes, &back);
    assert_memory_equal(&back, &frame, sizeof(frame));
}

static void requests_are_decoded_as_written(void **state)
{
    static const struct {
        int64_t timeout_ns;
        size_t payload_len;
        size_t size;
    } rows[] = {
        {0, 0, 6}, {1, 0, 8}, {-1, 0, 17}, {INT64_MAX, 0, 16}, {INT64_MIN, 3, 22}, {0, 3, 11},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        const struct envelope_request request = {
            .service = BYTES("s"), .method = BYTES("m"), .timeout_ns = row->timeout_ns, .payload.len = row->payload_len};
        struct envelope_request back;
        const char *reason;
        uint8_t bytes[64];
        uint8_t *end = envelope_put_request(bytes, &request);

        memset(end, 'p', row->payload_len);
        assert_int_equal(envelope_request_size(&request), row->size);
        assert_int_equal(end + row->payload_len - bytes, row->size);
        assert_int_equal(envelope_decode_request((struct bytes){bytes, row->size}, &back, &reason), 0);
        assert_memory_equal(back.service.p, "s", 1);
        assert_memory_equal(back.method.p, "m", 1);
        assert_true(back.timeout_ns == row->timeout_ns);
        assert_int_equal(back.payload.len, row->payload_len);
    }
}

static void requests_that_do_not_decode_leave_the_result_alone(void **state)
{
    static const struct bytes rows[] = {
        BYTES("\x0a\x01\xff"),           /* service */
        BYTES("\x12\x01\xff"),           /* method */
        BYTES("\x2a\x03\x0a\x01\xff"),   /* key */
        BYTES("\x2a\x03\x12\x01\xff"),   /* value */
        BYTES("\x2a\x02\x0a\x05"),       /* cut inside the metadata */
        BYTES("\x0a\x01s\x12\x01m\x20"), /* cut timeout */
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct envelope_request request = {.timeout_ns = 77};
        const char *reason;
        assert_int_equal(envelope_decode_request(*row, &request, &reason), -EBADMSG);
        assert_int_equal(request.timeout_ns, 77);
    }
}

static void unknown_metadata_fields_are_skipped(void **state)
{
    struct envelope_request request;
    const char *reason;

    (void)state;
    /* A third string field that is no UTF-8, a key of another wire type, the envelope's field 9. */
    assert_int_equal(envelope_decode_request(BYTES("\x2a\x05\x1a\x01\xff\x08\x01\x4a\x01\xff"), &request, &reason), 0);
}

static void responses_are_decoded(void **state)
{
    static const struct {
        struct bytes in;
        int r;
        int32_t code;
        const char *message, *payload;
    } rows[] = {
        {BYTES(""), 0, 0, "", ""},
        {BYTES("\x0a\x00\x12\x01p"), 0, 0, "", "p"},
        {BYTES("\x0a\x05\x08\x05\x12\x01n"), 0, 5, "n", ""},
        {BYTES("\x0a\x02\x08\x05\x0a\x03\x12\x01n"), 0, 5, "n", ""}, /* a status in two parts is merged */
        {BYTES("\x12\x01p\x12\x01q"), 0, 0, "", "q"},
        {BYTES("\x08\x05\x10\x05\x1a\x01z"), 0, 0, "", ""},
        {BYTES("\x0a\x04\x0a\x00\x10\x00"), 0, 0, "", ""}, /* code and message of other wire types */
        {BYTES("\x0a\x03\x08\x05"), -EBADMSG, 0, "", ""},
        {BYTES("\x0a\x02\x12\x05"), -EBADMSG, 0, "", ""},
        {BYTES("\x12\x05p"), -EBADMSG, 0, "", ""},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct envelope_response response = {.code = 0};
        const char *reason;
        assert_int_equal(envelope_decode_response(row->in, &response, &reason), row->r);
        assert_int_equal(response.code, row->code);
        assert_int_equal(response.message.len, strlen(row->message));
        assert_int_equal(response.payload.len, strlen(row->payload));
        if (response.message.len)
            assert_memory_equal(response.message.p, row->message, response.message.len);
        if (response.payload.len)
            assert_memory_equal(response.payload.p, row->payload, response.payload.len);
    }
}

static void responses_are_written_as_long_as_announced(void **state)
{
    uint8_t bytes[64];

    (void)state;
    assert_int_equal(envelope_success_size(0, false), 0);
    assert_int_equal(envelope_success_size(0, true), 2);
    assert_int_equal(envelope_success_size(3, true), 7);
    assert_ptr_equal(envelope_put_success(bytes, 3, true), bytes + 4);
    assert_memory_equal(bytes, "\x0a\x00\x12\x03", 4);
    assert_ptr_equal(envelope_put_success(bytes, 0, false), bytes);

    assert_int_equal(envelope_status_size(12, 11), 17);
    envelope_put_status(bytes, 12, BYTES("method Nope"));
    assert_memory_equal(bytes, "\x0a\x0f\x08\x0c\x12\x0bmethod Nope", 17);
    assert_int_equal(envelope_status_size(3, 0), 4);
    envelope_put_status(bytes, 3, BYTES(""));
    assert_memory_equal(bytes, "\x0a\x02\x08\x03", 4);
}

/* ---- write queue ---- */

static void add_pattern(struct outq *q, size_t len, uint8_t *counter)
{
    uint8_t *p = outq_add(q, len);

    for (size_t i = 0; i < len; i++)
        p[i] = (*counter)++;
}

/* A chunk of its own, larger than what is used of it. */
static void push_pattern(struct outq *q, size_t head_len, size_t len, uint8_t *counter)
{
    struct outq_chunk *chunk = outq_reserve(q, len + 100);

    for (size_t i = 0; i < len; i++)
        outq_body(chunk)[i] = (uint8_t)(*counter + head_len + i);
    uint8_t *p = outq_push(q, chunk, head_len, len);
    for (size_t i = 0; i < head_len; i++)
        p[i] = (uint8_t)(*counter + i);
    *counter = (uint8_t)(*counter + head_len + len);
}

/* Chunks of all sizes through a socket that takes a little at a time: every byte arrives once and in order. */
static void queued_bytes_arrive_in_order(void **state)
{
    uint8_t written = 0, expected = 0, buffer[8192];
    size_t sent = 0, received = 0;
    int fds[2], small = 4096, r;
    struct outq q;

    (void)state;
    outq_init(&q);
    assert_int_equal(sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    sys_setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    assert_int_equal(outq_send(&q, fds[0]), 0);
    for (size_t len = 1; len < 100000; len = len * 3 + 1, sent = q.bytes)
        add_pattern(&q, len, &written);
    for (int i = 0; i < 200; i++) {
        add_pattern(&q, 10000, &written);
        push_pattern(&q, (size_t)i % (OUTQ_HEAD_MAX + 1), (size_t)i * 300, &written);
    }
    sent = q.bytes;
    do {
        r = outq_send(&q, fds[0]);
        assert_true(r == 0 || r == -EAGAIN);
        ssize_t n;
        while ((n = sys_read(fds[1], buffer, sizeof(buffer))) > 0) {
            for (ssize_t i = 0; i < n; i++)
                assert_int_equal(buffer[i], expected++);
            received += (size_t)n;
        }
    } while (r < 0);
    assert_int_equal(received, sent);
    assert_int_equal(q.bytes, 0);

    add_pattern(&q, 10, &written);
    sys_close(fds[1]);
    assert_int_equal(outq_send(&q, fds[0]), -EPIPE);
    sys_close(fds[0]);
    outq_done(&q);
    assert_int_equal(q.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wire_type_is_read),
        cmocka_unit_test(malformed_wire_data_is_named),
        cmocka_unit_test(groups_nest_a_hundred_deep),
        cmocka_unit_test(largest_field_number_and_varint_are_read),
        cmocka_unit_test(varints_are_written_as_long_as_announced),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(copies_end_on_a_whole_character),
        cmocka_unit_test(frame_headers_are_big_endian),
        cmocka_unit_test(requests_are_decoded_as_written),
        cmocka_unit_test(requests_that_do_not_decode_leave_the_result_alone),
        cmocka_unit_test(unknown_metadata_fields_are_skipped),
        cmocka_unit_test(responses_are_decoded),
        cmocka_unit_test(responses_are_written_as_long_as_announced),
        cmocka_unit_test(queued_bytes_arrive_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
