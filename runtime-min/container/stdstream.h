/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams that a handle was born with: pipes, terminals, sockets or files that others hold too. O_NONBLOCK belongs to
 * the open file, not to the descriptor, so it is never set on them; what can block is opened anew. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"

struct stdstream {
    int fd;
    bool is_owned; /* opened here */
    bool is_socket;
    bool is_terminal;
    bool may_block; /* could not be opened anew: written in pieces that a ready pipe takes at once */
};

/* flags: O_RDONLY or O_WRONLY. Never fails: a descriptor that cannot be opened anew is used as it is. */
void stdstream_open(struct stdstream *stream, int fd, int flags);
void stdstream_close(struct stdstream *stream);
/* The process in the guest closed its side: besides stdstream_close(), fd, the descriptor that the handle was born with, lets
 * go of what it names, so that whoever holds the other side sees the end though the handle goes on. */
void stdstream_end(struct stdstream *stream, int fd);
/* From a fiber. Bytes, 0 at the end, or -errno. */
ssize_t stdstream_read(struct loop *loop, const struct stdstream *stream, void *p, size_t len);
/* Nobody holds the other side. */
bool stdstream_is_hung_up(const struct stdstream *stream);
/* Makes room for what a reader has not taken yet, so that the writer can go: a pipe gets the size that everybody may give it.
 * False when it has it already, or is no pipe. */
bool stdstream_grow(const struct stdstream *stream);
/* One attempt: bytes, -EAGAIN, or another -errno (-EPIPE: nobody reads). */
ssize_t stdstream_try_write(const struct stdstream *stream, const void *p, size_t len);
