/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte buffer with a hard cap: nothing that a peer feeds grows without bound.
 *
 * data is NUL-terminated behind len whenever it is not NULL, so a text buffer can be used as a string. */
#pragma once
#include <stddef.h>

#include "base/macros.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* len never exceeds it */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

/* Makes room for extra more bytes. Returns 0, or -EMSGSIZE if that would pass the cap. */
int buf_reserve(struct buf *b, size_t extra);
/* Append; 0 or -EMSGSIZE, and then nothing was appended. */
int buf_append(struct buf *b, const void *p, size_t len);
int buf_append_str(struct buf *b, const char *s);
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Removes the first len bytes (len <= b->len). */
void buf_consume(struct buf *b, size_t len);
/* Frees the content; the buffer is empty and usable again. */
void buf_done(struct buf *b);

#define _buf_ CLEANUP(buf_done)
