/* SPDX-License-Identifier: Apache-2.0 */
/* Work that may block for long, done in a short-lived child process while the fiber waits and the loop goes on. */
#pragma once
#include "base/buf.h"
#include "loop/reaper.h"

/* Runs fn(arg, out, err) in a child. Its return value, what it put into out (capped by ret_out->max, and 64 MiB) and its error
 * travel back over a pipe; out is appended to ret_out even when the result is an error. ret_out may be NULL. At the deadline,
 * or when the fiber is cancelled, the child is killed. fn works on a copy of the memory: nothing it writes is seen here, and it
 * must not use the loop. It inherits all descriptors. Returns fn's result; -ETIMEDOUT or -ECANCELED; -EIO with the exit status
 * in err when the child died without a result. */
int offload(struct reaper *reaper, int (*fn)(void *arg, struct buf *out, struct error *err), void *arg, uint64_t deadline,
            struct buf *ret_out, struct error *err);
