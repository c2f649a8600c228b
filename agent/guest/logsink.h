/* SPDX-License-Identifier: Apache-2.0 */
/* Log sink: where the agent's log lines go, without ever making the agent wait.
 *
 * Lines go to a descriptor, or to the first connection of a listener (the log port). What the reader does not take at once is
 * kept up to a bound and sent when the loop finds the descriptor writable; beyond the bound whole lines are dropped, counted,
 * and reported by a record "N log records dropped" once there is room again. When the reader is gone, everything is dropped. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "loop/loop.h"

#define LOGSINK_PENDING_MAX (64 * 1024)

struct logsink {
    struct logger logger; /* ready to use after logsink_init(); level and format may be changed at any time */
    struct loop *loop;
    int fd; /* -1: nobody takes lines (yet) */
    int listen_fd;
    bool owned;     /* fd is closed by the sink */
    bool is_socket; /* fd is one */
    bool mid_line;  /* the last write ended inside a line */
    struct watch writable;
    struct watch acceptable;
    struct buf pending;
    uint64_t dropped;
};

/* Text on a terminal, JSON on anything else. */
enum log_format logsink_format(int fd);

/* The sink must stay in place until logsink_done(). fd stays the caller's; it is used without changing its flags. loop may be
 * NULL: kept lines then go out with the next one. Level is LOG_INFO. version: static text. */
void logsink_init(struct logsink *sink, struct loop *loop, int fd, enum log_format format, const char *version);

/* From now on lines wait for the first connection on listen_fd, which must not block and which the sink owns from here on, also
 * on failure. Kept lines go there too. The listener is closed after that connection: exactly one is served. On a vsock listener
 * only the host (CID 2) is served. 0 or -errno. */
int logsink_listen(struct logsink *sink, int listen_fd, struct error *err);
/* A vsock listener for it on any CID, backlog 1. Descriptor or -errno. */
int logsink_listen_vsock(uint32_t port, struct error *err);

/* Sends what goes without waiting, then lets everything go. Harmless when done already. */
void logsink_done(struct logsink *sink);
