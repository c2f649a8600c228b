/* SPDX-License-Identifier: Apache-2.0 */
/* Relay: copies the streams of one process in the guest to and from those of its handle, and finds out when the process has
 * ended.
 *
 * Nothing is lost and nothing waits for a reader that stopped. An ending is noticed by the end of both outputs. Three cases
 * hide it: a reader of ours that stopped, a descendant that keeps an output open, and a read that began just after the exit. So
 * a read that waits for QUIET_NS and a write that is stalled ask the agent whether the process still lives; once it does not,
 * what is left goes into the pipe of the reader, which is made large enough, as it would be in that pipe without a machine.
 *
 * More than that is collected here, and the process's status can be asked for. A reader that takes some of it now and then gets
 * all; how long one that takes nothing is waited for is up to the caller. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "runtime-min/container/guest.h"
#include "runtime-min/container/stdstream.h"

struct relay;

/* One output. */
struct relay_output {
    struct relay *relay;
    const char *method; /* ReadStdout or ReadStderr */
    int fd;             /* 1 or 2 */
    struct stdstream stream;
    struct fiber *fiber; /* NULL once it ended */
    struct buf rest;
    bool is_reading; /* waits for the guest */
    bool was_asked;  /* whether the process lives, during this read */
    bool is_settled; /* the guest has nothing left: it is in rest */
    bool takes_cr;   /* before a line feed: the guest's terminal put it there, and ours is none */
    bool holds_cr;   /* the last byte so far, with takes_cr */
    uint64_t since;  /* of the read or of the last progress */
};

struct relay {
    struct guest *guest;
    struct guest_process process;
    bool terminal;
    struct relay_output outputs[2];
    size_t n_outputs;
    struct stdstream input;
    struct fiber *input_fiber;
    struct fiber *watcher;
    struct waitq ended;   /* woken when a fiber ends */
    struct waitq changed; /* for the watcher */
    bool gone;            /* the process is known to have ended */
    uint64_t gone_at;
    uint64_t patience_ns; /* then what a reader has not begun to take is dropped */
};

/* Starts copying with descriptors 0, 1 and 2; with a terminal 2 is not used. relay must stay in place until relay_stop(). */
int relay_start(struct relay *relay, struct guest *guest, const struct guest_process *process, bool terminal);
/* From a fiber: waits until the guest has no output any more. It may still be on its way to our readers. */
void relay_settle(struct relay *relay);
/* From a fiber: waits until all output was delivered, or a reader took nothing for so long. */
void relay_deliver(struct relay *relay, uint64_t patience_ns);
/* Ends all fibers. */
void relay_stop(struct relay *relay);
