/* SPDX-License-Identifier: Apache-2.0 */
/* Decoder of protobuf messages over the descriptors of protobuf-c.
 *
 * protobuf_c_message_unpack() is not used for input of a peer: it takes invalid UTF-8 and NUL in strings, refuses groups and
 * fields of another wire type that every other proto3 decoder skips, keeps its scratch memory, and does not say what is wrong.
 */
#include "proto/proto.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define MESSAGE_DEPTH_MAX 32
#define GROUP_DEPTH_MAX 100
#define FIELD_NUMBER_MAX 0x1fffffff

enum wire_type {
    WIRE_VARINT,
    WIRE_I64,
    WIRE_LEN,
    WIRE_GROUP_START,
    WIRE_GROUP_END,
    WIRE_I32,
};

/* How a value of each type looks on the wire and how large its member is. */
static const struct {
    enum wire_type wire;
    size_t size;
} kinds[] = {
    [PROTOBUF_C_TYPE_INT32] = {WIRE_VARINT, sizeof(int32_t)},
    [PROTOBUF_C_TYPE_SINT32] = {WIRE_VARINT, sizeof(int32_t)},
    [PROTOBUF_C_TYPE_SFIXED32] = {WIRE_I32, sizeof(int32_t)},
    [PROTOBUF_C_TYPE_INT64] = {WIRE_VARINT, sizeof(int64_t)},
    [PROTOBUF_C_TYPE_SINT64] = {WIRE_VARINT, sizeof(int64_t)},
    [PROTOBUF_C_TYPE_SFIXED64] = {WIRE_I64, sizeof(int64_t)},
    [PROTOBUF_C_TYPE_UINT32] = {WIRE_VARINT, sizeof(uint32_t)},
    [PROTOBUF_C_TYPE_FIXED32] = {WIRE_I32, sizeof(uint32_t)},
    [PROTOBUF_C_TYPE_UINT64] = {WIRE_VARINT, sizeof(uint64_t)},
    [PROTOBUF_C_TYPE_FIXED64] = {WIRE_I64, sizeof(uint64_t)},
    [PROTOBUF_C_TYPE_FLOAT] = {WIRE_I32, sizeof(float)},
    [PROTOBUF_C_TYPE_DOUBLE] = {WIRE_I64, sizeof(double)},
    [PROTOBUF_C_TYPE_BOOL] = {WIRE_VARINT, sizeof(protobuf_c_boolean)},
    [PROTOBUF_C_TYPE_ENUM] = {WIRE_VARINT, sizeof(uint32_t)},
    [PROTOBUF_C_TYPE_STRING] = {WIRE_LEN, sizeof(char *)},
    [PROTOBUF_C_TYPE_BYTES] = {WIRE_LEN, sizeof(ProtobufCBinaryData)},
    [PROTOBUF_C_TYPE_MESSAGE] = {WIRE_LEN, sizeof(ProtobufCMessage *)},
};

struct decoder {
    const uint8_t *p;
    const uint8_t *end; /* of the innermost message or packed list */
    unsigned depth;
    struct arena *a;
    struct error *err;
};

static int malformed(const struct decoder *d, const char *reason)
{
    error_status(d->err, STATUS_INVALID_ARGUMENT, "%s", reason);
    if (d->err)
        d->err->errnum = EBADMSG;
    return -EBADMSG;
}

static int malformed_field(const struct decoder *d, const char *reason, const ProtobufCMessageDescriptor *type,
                           const ProtobufCFieldDescriptor *field)
{
    error_status(d->err, STATUS_INVALID_ARGUMENT, "%s in field %s.%s", reason, type->name, field->name);
    if (d->err)
        d->err->errnum = EBADMSG;
    return -EBADMSG;
}

static int no_memory(const struct decoder *d)
{
    return error_status(d->err, STATUS_RESOURCE_EXHAUSTED, "message needs more memory than one request may use");
}

/* ---- primitives ---- */

static int read_varint(struct decoder *d, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; d->p < d->end; shift += 7) {
        uint8_t byte = *d->p++;
        if (shift == 63 && byte > 1)
            return malformed(d, "Incorrect varint");
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return 0;
        }
    }
    return malformed(d, "Truncated message");
}

static int read_length(struct decoder *d, size_t *ret_len)
{
    uint64_t len;
    int r = read_varint(d, &len);
    if (r < 0)
        return r;
    if (len > (size_t)(d->end - d->p))
        return malformed(d, "Truncated message");
    *ret_len = len;
    return 0;
}

/* Fixed numbers are little-endian; size is 4 or 8. */
static int read_fixed(struct decoder *d, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (size > (size_t)(d->end - d->p))
        return malformed(d, "Truncated message");
    memcpy(&value, d->p, size);
    d->p += size;
    *ret_value = le64toh(value);
    return 0;
}

static int read_tag(struct decoder *d, uint32_t *ret_number, enum wire_type *ret_wire)
{
    uint64_t tag;
    int r = read_varint(d, &tag);
    if (r < 0)
        return r;
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX || (tag & 7) > WIRE_I32)
        return malformed(d, "Incorrect tag");
    *ret_number = (uint32_t)(tag >> 3);
    *ret_wire = (enum wire_type)(tag & 7);
    return 0;
}

/* ---- unknown fields ---- */

static int skip_value(struct decoder *d, enum wire_type wire)
{
    uint64_t value;
    size_t len;

    if (wire == WIRE_VARINT)
        return read_varint(d, &value);
    if (wire != WIRE_LEN)
        return read_fixed(d, wire == WIRE_I64 ? 8 : 4, &value);
    int r = read_length(d, &len);
    if (r == 0)
        d->p += len;
    return r;
}

/* The start tag was read. Does not recurse: nesting is the sender's choice. */
static int skip_group(struct decoder *d, uint32_t number)
{
    uint32_t open[GROUP_DEPTH_MAX] = {number};
    size_t n = 1;

    while (n > 0) {
        enum wire_type wire;
        int r = read_tag(d, &number, &wire);
        if (r < 0)
            return r;
        if (wire == WIRE_GROUP_START) {
            if (n == GROUP_DEPTH_MAX)
                return malformed(d, "Groups nested too deeply");
            open[n++] = number;
        } else if (wire == WIRE_GROUP_END) {
            if (open[--n] != number)
                return malformed(d, "Unbalanced group");
        } else {
            r = skip_value(d, wire);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int skip_field(struct decoder *d, uint32_t number, enum wire_type wire)
{
    if (wire == WIRE_GROUP_START)
        return skip_group(d, number);
    if (wire == WIRE_GROUP_END)
        return malformed(d, "Unbalanced group");
    return skip_value(d, wire);
}

/* ---- known fields ---- */

static int decode_message(struct decoder *d, const ProtobufCMessageDescriptor *type, ProtobufCMessage *message);

static void store_number(void *slot, ProtobufCType type, uint64_t value)
{
    if (type == PROTOBUF_C_TYPE_BOOL) {
        *(protobuf_c_boolean *)slot = value != 0;
        return;
    }
    if (type == PROTOBUF_C_TYPE_SINT32)
        value &= UINT32_MAX;
    if (type == PROTOBUF_C_TYPE_SINT32 || type == PROTOBUF_C_TYPE_SINT64)
        value = (value >> 1) ^ -(value & 1);
    if (kinds[type].size == sizeof(uint32_t))
        *(uint32_t *)slot = (uint32_t)value;
    else
        *(uint64_t *)slot = value;
}

static int decode_number(struct decoder *d, ProtobufCType type, void *slot)
{
    uint64_t value;
    int r = kinds[type].wire == WIRE_VARINT ? read_varint(d, &value) : read_fixed(d, kinds[type].size, &value);
    if (r == 0)
        store_number(slot, type, value);
    return r;
}

/* A singular message that comes twice is merged, as protobuf demands. */
static int decode_submessage(struct decoder *d, const ProtobufCMessageDescriptor *type, size_t len, ProtobufCMessage **slot)
{
    if (!*slot)
        *slot = proto_new(d->a, type);
    if (!*slot)
        return no_memory(d);
    if (d->depth == MESSAGE_DEPTH_MAX)
        return malformed(d, "Messages nested too deeply");

    const uint8_t *end = d->end;
    d->end = d->p + len;
    d->depth++;
    int r = decode_message(d, type, *slot);
    d->depth--;
    d->end = end;
    return r;
}

static int decode_text(struct decoder *d, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                       size_t len, char **slot)
{
    if (!proto_string_is_valid((const char *)d->p, len)) {
        bool has_nul = memchr(d->p, '\0', len);
        return malformed_field(d, has_nul ? "NUL character" : "Invalid UTF-8 sequence", type, field);
    }
    char *copy = arena_alloc(d->a, len + 1);
    if (!copy)
        return no_memory(d);
    memcpy(copy, d->p, len);
    *slot = copy;
    d->p += len;
    return 0;
}

static int decode_bytes(struct decoder *d, size_t len, ProtobufCBinaryData *slot)
{
    uint8_t *copy = arena_memdup(d->a, d->p, len);
    if (!copy)
        return no_memory(d);
    *slot = (ProtobufCBinaryData){.len = len, .data = copy};
    d->p += len;
    return 0;
}

static int decode_value(struct decoder *d, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                        void *slot)
{
    if (kinds[field->type].wire != WIRE_LEN)
        return decode_number(d, field->type, slot);

    size_t len;
    int r = read_length(d, &len);
    if (r < 0)
        return r;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return decode_submessage(d, field->descriptor, len, slot);
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return decode_text(d, type, field, len, slot);
    return decode_bytes(d, len, slot);
}

/* Room for one more element. The capacity follows from the count: 4, 8, 16, ... */
static void *append_slot(struct decoder *d, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    size_t *n = (size_t *)((char *)message + field->quantifier_offset);
    void **items = (void **)((char *)message + field->offset);
    size_t size = kinds[field->type].size;

    if (*n == 0 || (*n >= 4 && (*n & (*n - 1)) == 0)) {
        void *grown = arena_calloc(d->a, *n ? *n * 2 : 4, size);
        if (!grown)
            return NULL;
        if (*n)
            memcpy(grown, *items, *n * size);
        *items = grown;
    }
    return (char *)*items + (*n)++ * size;
}

/* Where the next value of a field goes; NULL when memory is used up. */
static void *field_slot(struct decoder *d, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    void *member = (char *)message + field->offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return append_slot(d, field, message);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *chosen = (uint32_t *)((char *)message + field->quantifier_offset);
        if (*chosen != field->id)
            memset(member, 0, kinds[field->type].size);
        *chosen = field->id;
    }
    return member;
}

static int decode_field(struct decoder *d, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                        ProtobufCMessage *message)
{
    void *slot = field_slot(d, field, message);
    return slot ? decode_value(d, type, field, slot) : no_memory(d);
}

static int decode_packed(struct decoder *d, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    size_t len;
    int r = read_length(d, &len);
    if (r < 0)
        return r;

    const uint8_t *end = d->end;
    d->end = d->p + len;
    while (r == 0 && d->p < d->end) {
        void *slot = append_slot(d, field, message);
        r = slot ? decode_number(d, field->type, slot) : no_memory(d);
    }
    d->end = end;
    return r;
}

static int decode_message(struct decoder *d, const ProtobufCMessageDescriptor *type, ProtobufCMessage *message)
{
    while (d->p < d->end) {
        uint32_t number;
        enum wire_type wire;
        int r = read_tag(d, &number, &wire);
        if (r < 0)
            return r;

        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, number);
        if (field && kinds[field->type].wire == wire)
            r = decode_field(d, type, field, message);
        else if (field && field->label == PROTOBUF_C_LABEL_REPEATED && wire == WIRE_LEN)
            r = decode_packed(d, field, message);
        else
            r = skip_field(d, number, wire);
        if (r < 0)
            return r;
    }
    return 0;
}

int proto_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, const void *p, size_t len,
                 ProtobufCMessage **ret_message, struct error *err)
{
    struct decoder d = {.p = p, .end = len ? (const uint8_t *)p + len : p, .a = a, .err = err};

    ProtobufCMessage *message = proto_new(a, type);
    if (!message)
        return no_memory(&d);
    int r = decode_message(&d, type, message);
    if (r < 0)
        return r;
    *ret_message = message;
    return 0;
}
