/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int buf_reserve(struct buf *b, size_t extra)
{
    if (extra > b->max - b->len || extra >= SIZE_MAX - b->len)
        return -EMSGSIZE;
    if (b->data && b->len + extra < b->cap)
        return 0;

    size_t cap = b->cap ? b->cap * 2 : 64;
    if (cap < b->len + extra + 1)
        cap = b->len + extra + 1;
    if (cap - 1 > b->max)
        cap = b->max + 1;
    b->data = realloc(b->data, cap);
    if (!b->data)
        abort();
    b->cap = cap;
    b->data[b->len] = '\0';
    return 0;
}

int buf_append(struct buf *b, const void *p, size_t len)
{
    int r = buf_reserve(b, len);
    if (r < 0)
        return r;
    if (len)
        memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_append_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    size_t room = b->data ? b->cap - b->len : 0;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args);
    va_end(args);

    int r = len < 0 ? -EINVAL : buf_reserve(b, (size_t)len);
    if (r == 0 && (size_t)len >= room)
        vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
    if (r == 0)
        b->len += (size_t)len;
    else if (room)
        b->data[b->len] = '\0'; /* what did not fit */
    va_end(again);
    return r;
}

void buf_consume(struct buf *b, size_t len)
{
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len + 1);
    b->len -= len;
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT(b->max);
}
