/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/fifo.h"

#include <stdlib.h>
#include <string.h>

#include "runtime-min/vsock/iov.h"

#define CAP_MIN 4096
#define CAP_STEP 16 /* a power of two: pages come as they are used, bytes are copied each time it grows */

static void grow(struct fifo *fifo, size_t len)
{
    struct iovec iov[2];
    size_t cap = fifo->cap ?: CAP_MIN;

    while (cap < len)
        cap *= CAP_STEP;
    if (cap == fifo->cap)
        return;
    char *data = malloc(cap);
    if (!data)
        abort();
    if (fifo->len > 0) {
        fifo_segments(fifo, iov);
        iov_read(iov, data, fifo->len);
    }
    free(fifo->data);
    *fifo = (struct fifo){.data = data, .cap = cap, .len = fifo->len};
}

void fifo_append(struct fifo *fifo, const struct iovec *iov, unsigned int n)
{
    grow(fifo, fifo->len + iov_bytes(iov, n));
    for (unsigned int i = 0; i < n; i++) {
        size_t end = (fifo->at + fifo->len) % fifo->cap;
        size_t part = iov[i].iov_len < fifo->cap - end ? iov[i].iov_len : fifo->cap - end;
        memcpy(fifo->data + end, iov[i].iov_base, part);
        memcpy(fifo->data, (const char *)iov[i].iov_base + part, iov[i].iov_len - part);
        fifo->len += iov[i].iov_len;
    }
}

unsigned int fifo_segments(const struct fifo *fifo, struct iovec iov[2])
{
    size_t first = fifo->len < fifo->cap - fifo->at ? fifo->len : fifo->cap - fifo->at;

    iov[0] = (struct iovec){fifo->data + fifo->at, first};
    iov[1] = (struct iovec){fifo->data, fifo->len - first};
    return first == fifo->len ? 1 : 2;
}

void fifo_consume(struct fifo *fifo, size_t len)
{
    fifo->len -= len;
    if (fifo->len == 0)
        fifo_done(fifo);
    else
        fifo->at = (fifo->at + len) % fifo->cap;
}

void fifo_done(struct fifo *fifo)
{
    free(fifo->data);
    *fifo = (struct fifo){.data = NULL};
}
