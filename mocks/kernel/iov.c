/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that lie in several parts (readv(2)). */
#include <string.h>

#include "mocks/kernel/socket.h"

size_t iov_total(const struct iovec *iov, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += iov[i].iov_len;
    return total;
}

/* Goes to the part that holds offset, and leaves the rest of offset within it. */
static const struct iovec *seek(const struct iovec *iov, size_t *offset)
{
    while (*offset >= iov->iov_len) {
        *offset -= iov->iov_len;
        iov++;
    }
    return iov;
}

static size_t part_of(const struct iovec *iov, size_t offset, size_t len)
{
    return iov->iov_len - offset < len ? iov->iov_len - offset : len;
}

void iov_read(const struct iovec *iov, size_t offset, void *p, size_t len)
{
    char *to = p;

    for (size_t part; len > 0; len -= part, to += part, offset += part) {
        iov = seek(iov, &offset);
        part = part_of(iov, offset, len);
        memcpy(to, (const char *)iov->iov_base + offset, part);
    }
}

void iov_write(const struct iovec *iov, size_t offset, const void *p, size_t len)
{
    const char *from = p;

    for (size_t part; len > 0; len -= part, from += part, offset += part) {
        iov = seek(iov, &offset);
        part = part_of(iov, offset, len);
        memcpy((char *)iov->iov_base + offset, from, part);
    }
}
