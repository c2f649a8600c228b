/* SPDX-License-Identifier: Apache-2.0 */
/* Write queue of one socket: bytes that wait to be sent, in chunks that are filled in place and gathered into one sendmsg. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct outq_chunk;

struct outq {
    struct list chunks;
    struct outq_chunk *spare; /* an empty chunk kept for the next small reply */
    size_t bytes;             /* not yet sent */
};

void outq_init(struct outq *q);
/* Forgets everything. */
void outq_done(struct outq *q);
/* Room for len more bytes behind all others; the caller fills all of them before the next outq call. Never NULL. */
uint8_t *outq_add(struct outq *q, size_t len);
/* Sends what the socket takes without waiting. 0 when all of it went, -EAGAIN when something is left, or the socket's error. */
int outq_send(struct outq *q, int fd);
