/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that wait for their reader: a ring that takes memory only while it holds something. */
#pragma once
#include <stddef.h>
#include <sys/uio.h>

struct fifo {
    char *data;
    size_t cap; /* of data, a power of two */
    size_t at;  /* first byte */
    size_t len;
};

/* Appends everything in iov. The caller keeps to a limit of its own. */
void fifo_append(struct fifo *fifo, const struct iovec *iov, unsigned int n);
/* The bytes, of which there must be some, as one or two segments. */
unsigned int fifo_segments(const struct fifo *fifo, struct iovec iov[2]);
/* Removes the first len bytes (len <= fifo->len). */
void fifo_consume(struct fifo *fifo, size_t len);
/* Removes everything. */
void fifo_done(struct fifo *fifo);
