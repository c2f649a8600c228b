/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams of a container process: the agent's ends of three pipes, or of one pseudo-terminal.
 *
 * Reads and writes come from fibers; on each stream one at a time is served, the others queue. Closing a stream wakes them all.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"

struct stream {
    int fd; /* non-blocking, or -1 when closed */
    bool busy;
    struct waitq turn;  /* callers that wait for the stream */
    struct waitq event; /* the caller that waits for readiness, exit or close */
    struct watch watch;
};

struct stdio {
    bool terminal;
    bool exited;       /* the process is gone: waiting reads end soon */
    struct stream in;  /* terminal: a duplicate of the master */
    struct stream out; /* terminal: the master */
    struct stream err; /* terminal: unused, closed */
};

/* Closed streams, ready for stdio_open(). */
void stdio_init(struct stdio *stdio);
/* Makes pipes, or a pseudo-terminal with its size. ret_child_fds receives what the process gets as 0, 1, 2 (terminal: one
 * descriptor and -1, -1), close-on-exec, owned by the caller. pipe_size > 0: capacity of stdout and stderr in bytes. */
int stdio_open(struct stdio *stdio, bool terminal, int pipe_size, int ret_child_fds[3], struct error *err);
/* The streams become a terminal that somebody else has made; master_fd, non-blocking, is taken over. */
int stdio_adopt_terminal(struct stdio *stdio, int master_fd, struct error *err);
/* Closes all; pending calls end. */
void stdio_close(struct stdio *stdio);
/* The process has exited: readers that wait now get at most DRAIN_MS more. */
void stdio_exited(struct stdio *stdio);

/* Where a read gets the memory for its bytes from; NULL: there is not that much. */
struct stdio_memory {
    uint8_t *(*get)(void *context, size_t len);
    void *context;
};

/* One read of up to len bytes: what is there, else it waits. Memory for what the stream can hold is asked for when it is the
 * caller's turn. *ret_len 0 is the end of the stream. Texts: agent-rpc 9.15. */
int stdio_read(struct loop *loop, struct stdio *stdio, bool want_stderr, size_t len, const struct stdio_memory *memory,
               uint8_t **ret_data, size_t *ret_len, struct error *err);
/* Writes all of it, waiting as long as needed; writes of several callers do not mix. */
int stdio_write(struct loop *loop, struct stdio *stdio, const uint8_t *data, size_t len, struct error *err);
/* Pipe: end of file for the process. Terminal: hangs it up. Closing twice is fine. */
void stdio_close_stdin(struct stdio *stdio);
/* UNAVAILABLE "no tty" without a terminal. */
int stdio_resize(struct stdio *stdio, uint32_t rows, uint32_t columns, struct error *err);
