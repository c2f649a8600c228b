/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

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

int mountinfo_is_mounted(const char *point, const char *type)
{
    _buf_ struct buf text = BUF_INIT(MOUNTINFO_MAX);
    size_t len = strlen(point);
    struct mountinfo mount;
    bool mounted = false;

    while (len > 1 && point[len - 1] == '/')
        len--;
    int r = file_read_at(AT_FDCWD, MOUNTINFO_PATH, &text);
    if (r < 0)
        return r == -ENOENT || r == -ENOTDIR ? 0 : r;
    for (char *cursor = text.data; mountinfo_next(&cursor, &mount);) {
        if (strncmp(mount.point, point, len) == 0 && !mount.point[len])
            mounted = !type || strcmp(mount.type, type) == 0;
    }
    return mounted;
}
