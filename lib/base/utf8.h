/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629). */
#pragma once
#include <stddef.h>

/* Length in bytes of the character that starts at p, 1 to 4; 0: none does. Overlong forms, surrogates and what lies beyond
 * U+10FFFF are no characters, NUL is one. len: bytes at p, not 0. */
size_t utf8_length(const void *p, size_t len);
