/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/guest_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime-min/container/text.h"

#define MISSING_HEAD "the file "
#define MISSING_TAIL " was not found"

/* "the file X was not found" is the agent's word for a missing program. */
static bool find_missing_program(const char *text, char *name, size_t size)
{
    const char *start = strstr(text, MISSING_HEAD);
    const char *end = start ? strstr(start, MISSING_TAIL) : NULL;

    if (!end)
        return false;
    start += strlen(MISSING_HEAD);
    snprintf(name, size, "%.*s", (int)(end - start), start);
    return true;
}

int guest_error_reword(struct error *err)
{
    char name[ERROR_TEXT_MAX], clean[ERROR_TEXT_MAX];

    text_make_line(err->text, clean, sizeof(clean));
    memcpy(err->text, clean, sizeof(clean));
    if (!find_missing_program(clean, name, sizeof(name)))
        return error_negative(-err->errnum);
    if (strchr(name, '/'))
        return error_status(err, STATUS_NOT_FOUND, "exec: \"%s\": stat %s: no such file or directory", name, name);
    return error_status(err, STATUS_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name);
}
