/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on scattered bytes. */
#pragma once
#include <stddef.h>
#include <sys/uio.h>

size_t iov_bytes(const struct iovec *iov, unsigned int n);
/* Copies len bytes from the start of iov; they must be there. */
void iov_read(const struct iovec *iov, void *p, size_t len);
/* Copies len bytes to the start of iov; there must be room. */
void iov_write(const struct iovec *iov, const void *p, size_t len);
/* Cuts iov behind its first len bytes, which must be there: head (room for n) gets these and iov what follows. Returns the
 * number of segments of head and changes *n to that of the rest. head may be NULL. */
unsigned int iov_split(struct iovec *iov, unsigned int *n, size_t len, struct iovec *head);
/* Makes iov end after len bytes at most. Returns the number of segments left. */
unsigned int iov_limit(struct iovec *iov, unsigned int n, size_t len);
