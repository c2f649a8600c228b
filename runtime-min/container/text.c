/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/proto.h"

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

/* Bytes of the character at text, 0 when there is none that may be printed. */
static size_t character_length(const char *text)
{
    size_t left = strnlen(text, CHARACTER_MAX);

    if ((unsigned char)*text < ' ' || *text == 0x7f)
        return *text == '\n' || *text == '\t';
    for (size_t len = 1; len <= left; len++) {
        if (proto_string_is_valid(text, len))
            return len;
    }
    return 0;
}

void text_make_utf8(const char *text, char *out, size_t size)
{
    size_t at = 0;

    while (*text) {
        size_t len = character_length(text);
        if (at + CHARACTER_MAX >= size)
            break;
        if (len)
            memcpy(out + at, text, len);
        else
            out[at] = '?';
        at += len ?: 1;
        text += len ?: 1;
    }
    out[at] = '\0';
}
