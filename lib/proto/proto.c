/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/proto.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

ProtobufCMessage *proto_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = arena_alloc(a, type->sizeof_message);
    if (message)
        protobuf_c_message_init(type, message);
    return message;
}

/* Bytes at the start of s that are ASCII without NUL, counted in steps of eight. */
static size_t ascii_prefix(const unsigned char *s, size_t len)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    size_t n = 0;

    while (len - n >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s + n, sizeof(word));
        if ((word | (word - ones)) & highs)
            break;
        n += sizeof(word);
    }
    return n;
}

bool proto_string_is_valid(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t at = ascii_prefix(p, len);

    while (at < len) {
        size_t n = p[at] == '\0' ? 0 : utf8_length(p + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}
