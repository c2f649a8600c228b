/* SPDX-License-Identifier: Apache-2.0 */
/* Reading control files: numbers, "key value" lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"
#include "sys/fd.h"

#define BLANKS " \t\n"

int control_read(int dirfd, const char *file, struct buf *b)
{
    b->len = 0;
    buf_append(b, "", 0); /* an empty file is a text too */
    return file_read_at(dirfd, file, b);
}

uint64_t text_number(const char *text, uint64_t max)
{
    size_t len = strcspn(text, BLANKS);
    if (len == strlen("max") && strncmp(text, "max", len) == 0)
        return max;
    if (len == 0 || strspn(text, "0123456789") < len)
        return 0;
    return strtoull(text, NULL, 10);
}

bool text_find_key(const char *text, const char *key, uint64_t *ret_value)
{
    size_t len = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) != 0 || line[len] != ' ')
            continue;
        *ret_value = text_number(line + len + 1, UINT64_MAX);
        return true;
    }
    return false;
}

char *text_next_line(char **cursor)
{
    return strsep(cursor, "\n");
}

bool text_is_blank(const char *text)
{
    return text[strspn(text, BLANKS)] == '\0';
}

size_t text_count(const char *text, char c)
{
    size_t n = 0;

    for (; (text = strchr(text, c)); text++)
        n++;
    return n;
}
