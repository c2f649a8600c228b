/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mountinfo.h"

#include <stdlib.h>
#include <string.h>

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Undoes the octal escapes ("\040") in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS */
static bool parse_line(char *line, struct mountinfo *ret)
{
    const char *id = strsep(&line, " "), *parent = strsep(&line, " ");
    strsep(&line, " ");
    strsep(&line, " ");
    char *point = strsep(&line, " ");
    const char *field = "";

    while (field && strcmp(field, "-") != 0)
        field = strsep(&line, " ");
    char *type = strsep(&line, " ");
    strsep(&line, " ");
    char *options = strsep(&line, " ");
    if (!options)
        return false;
    unescape(point);
    *ret = (struct mountinfo){strtoul(id, NULL, 10), strtoul(parent, NULL, 10), point, type, options};
    return true;
}

bool mountinfo_next(char **cursor, struct mountinfo *ret)
{
    char *line;

    while ((line = strsep(cursor, "\n"))) {
        if (parse_line(line, ret))
            return true;
    }
    return false;
}
