/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with padding (RFC 4648, section 4), for bytes fields in JSON. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* Appends the text. 0 or -EMSGSIZE. */
int base64_encode(const uint8_t *bytes, size_t len, struct buf *out);
/* Upper bound of the bytes that len characters stand for. */
static inline size_t base64_decoded_max(size_t len)
{
    return len / 4 * 3 + 3;
}
/* Returns the number of bytes, or -EINVAL for anything but whole, padded groups. */
ssize_t base64_decode(const char *text, size_t len, uint8_t *ret_bytes);
