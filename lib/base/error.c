/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#undef error_set
#undef error_text
#undef error_status
#undef error_wrap

/* Shortens text so that it ends on a whole UTF-8 character: clients refuse a status whose text is not UTF-8. */
static void text_end_on_character(char *text)
{
    size_t len = strlen(text);
    size_t start = len;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (len - start < want)
        text[start - 1] = '\0';
}

static void error_fill(struct error *err, int r, enum status_code status, const char *fmt, va_list args)
{
    err->errnum = -r;
    err->status = status;
    if (vsnprintf(err->text, sizeof(err->text), fmt, args) >= (int)sizeof(err->text))
        text_end_on_character(err->text);
}

int error_set(struct error *err, int r, const char *fmt, ...)
{
    if (!err)
        return r;

    va_list args;
    va_start(args, fmt);
    error_fill(err, r, STATUS_INTERNAL, fmt, args);
    va_end(args);

    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s: %s", errno_name(-r), strerrordesc_np(-r) ?: "Unknown error");
    return r;
}

int error_text(struct error *err, int r, const char *fmt, ...)
{
    if (!err)
        return r;

    va_list args;
    va_start(args, fmt);
    error_fill(err, r, STATUS_INTERNAL, fmt, args);
    va_end(args);
    return r;
}

int error_status(struct error *err, enum status_code status, const char *fmt, ...)
{
    int r = status_to_errno(status);
    if (!err)
        return r;

    va_list args;
    va_start(args, fmt);
    error_fill(err, r, status, fmt, args);
    va_end(args);
    return r;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
    if (!err)
        return -EIO;

    char inner[ERROR_TEXT_MAX];
    memcpy(inner, err->text, sizeof(inner));

    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    size_t used = len < 0 ? 0 : (size_t)len;
    if (used < sizeof(err->text))
        used += (size_t)snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
    if (used >= sizeof(err->text))
        text_end_on_character(err->text);
    return -err->errnum;
}

const char *errno_name(int errnum)
{
    return strerrorname_np(errnum) ?: "E?";
}
