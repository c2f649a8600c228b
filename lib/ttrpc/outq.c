/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/outq.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/sys.h"

#define CHUNK_SIZE (16 * 1024)
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
    outq_init(q);
}

static struct outq_chunk *outq_new_chunk(struct outq *q, size_t len)
{
    struct outq_chunk *chunk = q->spare;

    if (chunk && len <= chunk->size) {
        q->spare = NULL;
    } else {
        size_t size = len > CHUNK_SIZE ? len : CHUNK_SIZE;
        chunk = malloc(sizeof(*chunk) + size);
        if (!chunk)
            abort();
        chunk->size = size;
    }
    chunk->sent = chunk->filled = 0;
    list_append(&q->chunks, &chunk->node);
    return chunk;
}

uint8_t *outq_add(struct outq *q, size_t len)
{
    struct outq_chunk *last = list_is_empty(&q->chunks) ? NULL : CONTAINER_OF(q->chunks.prev, struct outq_chunk, node);

    if (!last || last->size - last->filled < len)
        last = outq_new_chunk(q, len);
    uint8_t *p = last->data + last->filled;
    last->filled += len;
    q->bytes += len;
    return p;
}

static void outq_drop_chunk(struct outq *q, struct outq_chunk *chunk)
{
    list_remove(&chunk->node);
    if (!q->spare && chunk->size == CHUNK_SIZE)
        q->spare = chunk;
    else
        free(chunk);
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
