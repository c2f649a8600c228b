/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/iov.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t iov_bytes(const struct iovec *iov, unsigned int n)
{
    size_t bytes = 0;

    for (unsigned int i = 0; i < n; i++)
        bytes += iov[i].iov_len;
    return bytes;
}

void iov_read(const struct iovec *iov, void *p, size_t len)
{
    for (size_t done = 0, part; done < len; done += part, iov++) {
        part = smaller(iov->iov_len, len - done);
        memcpy((char *)p + done, iov->iov_base, part);
    }
}

void iov_write(const struct iovec *iov, const void *p, size_t len)
{
    for (size_t done = 0, part; done < len; done += part, iov++) {
        part = smaller(iov->iov_len, len - done);
        memcpy(iov->iov_base, (const char *)p + done, part);
    }
}

unsigned int iov_split(struct iovec *iov, unsigned int *n, size_t len, struct iovec *head)
{
    unsigned int whole = 0, parts = 0;

    for (; whole < *n && iov[whole].iov_len <= len; whole++) {
        len -= iov[whole].iov_len;
        if (head)
            head[parts] = iov[whole];
        parts++;
    }
    if (len > 0) {
        if (head)
            head[parts] = (struct iovec){iov[whole].iov_base, len};
        parts++;
        iov[whole].iov_base = (char *)iov[whole].iov_base + len;
        iov[whole].iov_len -= len;
    }
    *n -= whole;
    memmove(iov, iov + whole, *n * sizeof(*iov));
    return parts;
}

unsigned int iov_limit(struct iovec *iov, unsigned int n, size_t len)
{
    unsigned int kept = 0;

    for (; kept < n && len > 0; kept++) {
        iov[kept].iov_len = smaller(iov[kept].iov_len, len);
        len -= iov[kept].iov_len;
    }
    return kept;
}
