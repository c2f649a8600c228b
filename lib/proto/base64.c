/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const uint8_t *bytes, size_t len, struct buf *out)
{
    int r = buf_reserve(out, (len + 2) / 3 * 4);
    if (r < 0)
        return r;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group =
            (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        char four[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], left > 1 ? alphabet[group >> 6 & 63] : '=',
                        left > 2 ? alphabet[group & 63] : '='};
        (void)buf_append(out, four, 4);
    }
    return 0;
}

static int digit(char c)
{
    const char *p = c ? strchr(alphabet, c) : NULL;
    return p ? (int)(p - alphabet) : -1;
}

ssize_t base64_decode(const char *text, size_t len, uint8_t *ret_bytes)
{
    uint8_t *to = ret_bytes;

    if (len % 4 != 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        int padding = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
        uint32_t group = 0;
        for (int k = 0; k < 4; k++) {
            int value = k >= 4 - padding ? 0 : digit(text[i + (size_t)k]);
            if (value < 0)
                return -EINVAL;
            group = group << 6 | (uint32_t)value;
        }
        if (group & ((1u << (8 * padding)) - 1)) /* bits that stand for nothing must be zero */
            return -EINVAL;
        *to++ = (uint8_t)(group >> 16);
        if (padding < 2)
            *to++ = (uint8_t)(group >> 8);
        if (padding < 1)
            *to++ = (uint8_t)group;
    }
    return to - ret_bytes;
}
