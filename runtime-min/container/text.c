/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

#define CHARACTER_MAX 4

void text_time(uint64_t realtime_ns, char text[static TEXT_TIME_MAX])
{
    time_t seconds = (time_t)(realtime_ns / NSEC_IN_SEC);
    unsigned int fraction = (unsigned int)(realtime_ns % NSEC_IN_SEC);
    struct tm tm;
    char digits[16] = "";

    gmtime_r(&seconds, &tm);
    if (fraction)
        snprintf(digits, sizeof(digits), ".%09u", fraction);
    snprintf(text, TEXT_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec, digits);
}

/* Characters that a terminal obeys instead of showing: C1 controls, two of which begin sequences; and those that turn the
 * direction of what follows or end its line. */
static bool is_obeyed(const unsigned char *p, size_t len)
{
    if (len == 1)
        return *p < ' ' || *p == 0x7f;
    if (len == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    return len == 3 && p[0] == 0xe2 &&
           ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

void text_make_line(const char *text, char *out, size_t size)
{
    size_t at = 0;

    while (*text && at + CHARACTER_MAX < size) {
        size_t len = utf8_length(text, strnlen(text, CHARACTER_MAX));
        if (len && !is_obeyed((const unsigned char *)text, len))
            memcpy(out + at, text, len);
        else
            memset(out + at, *text == '\n' || *text == '\t' ? ' ' : '?', len ?: 1);
        at += len ?: 1;
        text += len ?: 1;
    }
    out[at] = '\0';
}
