/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/outq.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/sys.h"

#define SEND_IOV_MAX 64

struct outq_chunk {
    struct list node;
    size_t size;
    size_t sent;
    size_t filled;
    uint8_t data[];
};

void outq_init(struct outq *q)
{
    *q = (struct outq){.bytes = 0};
    list_init(&q->chunks);
}

void outq_done(struct outq *q)
{
    struct list *node;

    while ((node = list_pop(&q->chunks)))
        free(CONTAINER_OF(node, struct outq_chunk, node));
    free(q->spare);
    outq_trim(q);
    outq_init(q);
}

void outq_trim(struct outq *q)
{
    free(q->large_spare);
    q->large_spare = NULL;
}

/* The chunk that *spare keeps, or a new one. */
static struct outq_chunk *outq_take_chunk(struct outq_chunk **spare, size_t len)
{
    struct outq_chunk *chunk = *spare;

    if (chunk && len <= chunk->size) {
        *spare = NULL;
    } else {
        size_t size = len > OUTQ_CHUNK_SIZE ? len : OUTQ_CHUNK_SIZE;
        chunk = malloc(sizeof(*chunk) + size);
        if (!chunk)
            abort();
        chunk->size = size;
    }
    chunk->sent = chunk->filled = 0;
    return chunk;
}

uint8_t *outq_add(struct outq *q, size_t len)
{
    struct outq_chunk *last = list_is_empty(&q->chunks) ? NULL : CONTAINER_OF(q->chunks.prev, struct outq_chunk, node);

    if (!last || last->size - last->filled < len) {
        last = outq_take_chunk(&q->spare, len);
        list_append(&q->chunks, &last->node);
    }
    uint8_t *p = last->data + last->filled;
    last->filled += len;
    q->bytes += len;
    return p;
}

struct outq_chunk *outq_reserve(struct outq *q, size_t len)
{
    return outq_take_chunk(&q->large_spare, OUTQ_HEAD_MAX + len);
}

uint8_t *outq_body(struct outq_chunk *chunk)
{
    return chunk->data + OUTQ_HEAD_MAX;
}

uint8_t *outq_push(struct outq *q, struct outq_chunk *chunk, size_t head_len, size_t len)
{
    chunk->sent = OUTQ_HEAD_MAX - head_len;
    chunk->filled = OUTQ_HEAD_MAX + len;
    list_append(&q->chunks, &chunk->node);
    q->bytes += head_len + len;
    return chunk->data + chunk->sent;
}

void outq_release(struct outq *q, struct outq_chunk *chunk)
{
    struct outq_chunk **spare = chunk && chunk->size > OUTQ_CHUNK_SIZE ? &q->large_spare : &q->spare;

    if (*spare)
        free(chunk);
    else
        *spare = chunk;
}

static void outq_drop_chunk(struct outq *q, struct outq_chunk *chunk)
{
    list_remove(&chunk->node);
    outq_release(q, chunk);
}

static void outq_consume(struct outq *q, size_t len)
{
    q->bytes -= len;
    while (!list_is_empty(&q->chunks)) {
        struct outq_chunk *chunk = CONTAINER_OF(q->chunks.next, struct outq_chunk, node);
        size_t left = chunk->filled - chunk->sent;

        if (len < left) {
            chunk->sent += len;
            return;
        }
        len -= left;
        outq_drop_chunk(q, chunk);
    }
}

int outq_send(struct outq *q, int fd)
{
    while (q->bytes > 0) {
        struct iovec iov[SEND_IOV_MAX];
        struct msghdr msg = {.msg_iov = iov};
        struct outq_chunk *chunk;

        LIST_FOREACH (chunk, &q->chunks, node) {
            if (msg.msg_iovlen == SEND_IOV_MAX)
                break;
            iov[msg.msg_iovlen++] = (struct iovec){chunk->data + chunk->sent, chunk->filled - chunk->sent};
        }
        ssize_t n = sys_sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return (int)n;
        outq_consume(q, (size_t)n);
    }
    return 0;
}
