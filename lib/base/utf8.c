/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

#include "base/macros.h"

size_t utf8_length(const void *p, size_t len)
{
    /* The range of the second byte for each range of lead bytes (Unicode 15, table 3-7); all others are 80 to bf. */
    static const struct {
        uint8_t first, last, second_first, second_last, length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const uint8_t *s = p;

    if (s[0] < 0x80)
        return 1;
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
