/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/proto.h"

#include <stdint.h>
#include <string.h>

ProtobufCMessage *proto_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = arena_alloc(a, type->sizeof_message);
    if (message)
        protobuf_c_message_init(type, message);
    return message;
}

/* Length of the character beyond ASCII that starts at s, or 0 if no valid one does. Refuses overlong forms, surrogates, and
 * what lies beyond U+10FFFF: the table gives the range of the second byte for each range of lead bytes (Unicode 15, table 3-7).
 */
static size_t character_length(const unsigned char *s, size_t len)
{
    static const struct {
        unsigned char first, last, second_first, second_last, length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    FOR_ROWS (form, forms) {
        if (s[0] < form->first || s[0] > form->last)
            continue;
        if (len < form->length || s[1] < form->second_first || s[1] > form->second_last)
            return 0;
        for (size_t i = 2; i < form->length; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
        }
        return form->length;
    }
    return 0;
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
        size_t n = p[at] - 1u < 0x7f ? 1 : character_length(p + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}
