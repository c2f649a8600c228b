/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf wire format without copies: fields as views into the received bytes.
 *
 * The ttrpc envelope is decoded with this reader and not with protobuf-c, so that the large payload inside it is never copied.
 * Rules of proto3: any field order, over-long varints are accepted, unknown groups are skipped with constant stack. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A view; does not own the bytes. */
struct bytes {
    const uint8_t *p;
    size_t len;
};

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_GROUP_START = 3,
    WIRE_GROUP_END = 4,
    WIRE_FIXED32 = 5,
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;     /* WIRE_VARINT, WIRE_FIXED32, WIRE_FIXED64 */
    struct bytes bytes; /* WIRE_BYTES */
};

struct wire_reader {
    const uint8_t *p;
    const uint8_t *end;
};

static inline struct wire_reader wire_reader(struct bytes bytes)
{
    return (struct wire_reader){.p = bytes.p, .end = bytes.len ? bytes.p + bytes.len : bytes.p};
}

/* The next field; groups are checked and skipped. Returns 1, 0 at the end, or -EBADMSG with a static text in ret_reason. */
int wire_next(struct wire_reader *reader, struct wire_field *ret_field, const char **ret_reason);

/* Writers for callers that know the size beforehand; both return the place behind what they wrote. */
size_t wire_varint_size(uint64_t value);
uint8_t *wire_put_varint(uint8_t *p, uint64_t value);
/* Tag and length of a WIRE_BYTES field; field < 16. */
uint8_t *wire_put_length(uint8_t *p, unsigned int field, size_t len);
/* Size of such a field with its content. */
size_t wire_bytes_size(size_t len);

/* Length of the longest prefix that is valid UTF-8 (NUL is valid). */
size_t utf8_valid_prefix(struct bytes text);
/* Copies at most cap bytes of text and ends on a whole character; each byte that is not UTF-8 becomes '?'. Returns the length.
 */
size_t utf8_copy(uint8_t *to, size_t cap, struct bytes text);
