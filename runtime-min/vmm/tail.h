/* SPDX-License-Identifier: Apache-2.0 */
/* The last bytes of what a descriptor said: output of programs, the guest's console. It is always read, so that nobody blocks
 * on a full pipe, and never grows. */
#pragma once
#include "base/buf.h"
#include "loop/loop.h"

#define TAIL_KEPT 4096 /* bytes that are kept at least, once there were that many */
/* A guest says on its console what it likes, and the log may lie in memory: more of one descriptor is left out. */
#define TAIL_LOG_MAX (4 * 1024 * 1024)

struct tail {
    struct watch watch;
    int fd;     /* -1 after its end */
    int log_fd; /* gets what comes as well, up to the limit; -1: nobody */
    size_t len, logged;
    char data[2 * TAIL_KEPT];
};

/* Takes over fd, which must not block. log_fd stays the caller's. */
int tail_start(struct loop *loop, struct tail *tail, int fd, int log_fd);
/* Reads what is there now. */
void tail_drain(struct tail *tail);
/* Closes; the text stays. */
void tail_stop(struct tail *tail);
/* Appends at most max bytes as one line: printable ASCII, without a terminal's control sequences, lines divided by " | ". They
 * are the lines that have one of the words, a list that NULL ends; without such lines, or without words, the last ones. */
void tail_print(const struct tail *tail, const char *const *words, size_t max, struct buf *out);
