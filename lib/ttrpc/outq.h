/* SPDX-License-Identifier: Apache-2.0 */
/* Write queue of one socket: bytes that wait to be sent, in chunks that are filled in place and gathered into one sendmsg. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct outq_chunk;

/* Smaller messages share chunks. */
#define OUTQ_CHUNK_SIZE (16 * 1024)
/* Room in front of the body of a chunk of its own. */
#define OUTQ_HEAD_MAX 64

struct outq {
    struct list chunks;
    struct outq_chunk *spare;       /* an empty chunk kept for the next small reply */
    struct outq_chunk *large_spare; /* and one for the next large body */
    size_t bytes;                   /* not yet sent */
};

void outq_init(struct outq *q);
/* Forgets everything. */
void outq_done(struct outq *q);
/* Room for len more bytes behind all others; the caller fills all of them before the next outq call. Never NULL. */
uint8_t *outq_add(struct outq *q, size_t len);
/* A chunk that is not queued yet, with a body of len bytes; outq_push() or outq_release() takes it back. Never NULL. */
struct outq_chunk *outq_reserve(struct outq *q, size_t len);
uint8_t *outq_body(struct outq_chunk *chunk);
/* Queues head_len (at most OUTQ_HEAD_MAX) bytes and the first len bytes of the body; returns the place of the former, to be
 * filled at once. */
uint8_t *outq_push(struct outq *q, struct outq_chunk *chunk, size_t head_len, size_t len);
/* Keeps a large chunk for the next outq_reserve(), until outq_trim(). Accepts NULL. */
void outq_release(struct outq *q, struct outq_chunk *chunk);
/* Frees the large chunk that is kept. */
void outq_trim(struct outq *q);
/* Sends what the socket takes without waiting. 0 when all of it went, -EAGAIN when something is left, or the socket's error. */
int outq_send(struct outq *q, int fd);
