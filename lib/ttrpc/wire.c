/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/wire.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"

#define WIRE_VARINT_MAX 10
#define WIRE_NUMBER_MAX ((UINT32_C(1) << 29) - 1)
/* Nesting of unknown groups; deeper messages are refused, as by other implementations. */
#define WIRE_GROUP_DEPTH 100

static int wire_fail(const char **ret_reason, const char *reason)
{
    *ret_reason = reason;
    return -EBADMSG;
}

static int wire_varint(struct wire_reader *reader, uint64_t *ret_value, const char **ret_reason)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < WIRE_VARINT_MAX; i++) {
        if (reader->p == reader->end)
            return wire_fail(ret_reason, "Unexpected EOF");
        uint8_t byte = *reader->p++;
        if (i == WIRE_VARINT_MAX - 1 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *ret_value = value;
            return 0;
        }
    }
    return wire_fail(ret_reason, "Incorrect varint");
}

static int wire_fixed(struct wire_reader *reader, size_t size, uint64_t *ret_value, const char **ret_reason)
{
    if ((size_t)(reader->end - reader->p) < size)
        return wire_fail(ret_reason, "Unexpected EOF");
    *ret_value = 0;
    for (size_t i = 0; i < size; i++)
        *ret_value |= (uint64_t)reader->p[i] << (8 * i);
    reader->p += size;
    return 0;
}

static int wire_bytes(struct wire_reader *reader, struct bytes *ret_bytes, const char **ret_reason)
{
    uint64_t len;

    int r = wire_varint(reader, &len, ret_reason);
    if (r < 0)
        return r;
    if (len > (uint64_t)(reader->end - reader->p))
        return wire_fail(ret_reason, "Unexpected EOF");
    *ret_bytes = (struct bytes){.p = reader->p, .len = (size_t)len};
    reader->p += len;
    return 0;
}

/* One tag with its value; the ends of groups are tokens of their own. */
static int wire_token(struct wire_reader *reader, struct wire_field *field, const char **ret_reason)
{
    uint64_t tag;

    int r = wire_varint(reader, &tag, ret_reason);
    if (r < 0)
        return r;
    if (tag >> 3 == 0 || tag >> 3 > WIRE_NUMBER_MAX)
        return wire_fail(ret_reason, "Incorrect tag");
    field->number = (uint32_t)(tag >> 3);
    field->type = (enum wire_type)(tag & 7);

    switch (field->type) {
    case WIRE_VARINT:
        return wire_varint(reader, &field->value, ret_reason);
    case WIRE_FIXED64:
        return wire_fixed(reader, 8, &field->value, ret_reason);
    case WIRE_FIXED32:
        return wire_fixed(reader, 4, &field->value, ret_reason);
    case WIRE_BYTES:
        return wire_bytes(reader, &field->bytes, ret_reason);
    case WIRE_GROUP_START:
    case WIRE_GROUP_END:
        return 0;
    default:
        return wire_fail(ret_reason, "Incorrect tag");
    }
}

/* Skips the rest of a group whose start was read: each end must close the innermost open group. */
static int wire_skip_group(struct wire_reader *reader, uint32_t number, const char **ret_reason)
{
    uint32_t open[WIRE_GROUP_DEPTH] = {number};
    unsigned int depth = 1;

    while (depth > 0) {
        struct wire_field field;
        int r = wire_token(reader, &field, ret_reason);
        if (r < 0)
            return r;
        if (field.type == WIRE_GROUP_END && field.number != open[--depth])
            return wire_fail(ret_reason, "Incorrect tag");
        if (field.type == WIRE_GROUP_START) {
            if (depth == WIRE_GROUP_DEPTH)
                return wire_fail(ret_reason, "Over recursion limit");
            open[depth++] = field.number;
        }
    }
    return 0;
}

int wire_next(struct wire_reader *reader, struct wire_field *ret_field, const char **ret_reason)
{
    while (reader->p < reader->end) {
        int r = wire_token(reader, ret_field, ret_reason);
        if (r < 0)
            return r;
        if (ret_field->type == WIRE_GROUP_END)
            return wire_fail(ret_reason, "Incorrect tag");
        if (ret_field->type != WIRE_GROUP_START)
            return 1;
        r = wire_skip_group(reader, ret_field->number, ret_reason);
        if (r < 0)
            return r;
    }
    return 0;
}

size_t wire_varint_size(uint64_t value)
{
    size_t size = 1;

    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

uint8_t *wire_put_varint(uint8_t *p, uint64_t value)
{
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

uint8_t *wire_put_length(uint8_t *p, unsigned int field, size_t len)
{
    *p++ = (uint8_t)(field << 3 | WIRE_BYTES);
    return wire_put_varint(p, len);
}

size_t wire_bytes_size(size_t len)
{
    return 1 + wire_varint_size(len) + len;
}

size_t utf8_valid_prefix(struct bytes text)
{
    size_t i = 0;

    while (i < text.len) {
        size_t step = utf8_length(text.p + i, text.len - i);
        if (step == 0)
            break;
        i += step;
    }
    return i;
}

size_t utf8_copy(uint8_t *to, size_t cap, struct bytes text)
{
    size_t out = 0;

    for (size_t i = 0; i < text.len;) {
        size_t step = utf8_length(text.p + i, text.len - i);
        size_t take = step ? step : 1;
        if (out + take > cap)
            break;
        memcpy(to + out, text.p + i, take);
        if (step == 0)
            to[out] = '?';
        out += take;
        i += take;
    }
    return out;
}
