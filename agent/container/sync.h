/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation between the agent and a container child: one SOCK_SEQPACKET pair, one message a packet.
 *
 *     agent                      child
 *       GO        ->                       it is in its cgroup and its ids are mapped: build the container
 *                 <- READY                 init only, if there are hooks of the guest: the root file system is there (or ERROR)
 *       GO        ->                       they have run
 *                 <- DESCRIPTOR            only if it was told to make something for the agent, as its terminal
 *                 <- READY                 everything but exec is done (or ERROR with the reason, then the child exits)
 *       START     ->                       init only: exec
 *                 <- READY                 if it has hooks to run before (or ERROR)
 *
 * LOG may come before any other message of the child.
 * End of file means that the peer died. Lengths and types are checked: the child's end lives next to untrusted code. */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "loop/loop.h"

enum sync_type {
    SYNC_GO = 1,
    SYNC_READY = 2,
    SYNC_ERROR = 3,
    SYNC_START = 4,
    SYNC_DESCRIPTOR = 5,
    SYNC_LOG = 6,
};

/* Both ends close-on-exec; the agent's is non-blocking. */
int sync_pair(int *ret_agent_fd, int *ret_child_fd, struct error *err);
/* Sends a message without content; -EPIPE when the peer is gone. */
int sync_send(int fd, enum sync_type type);
/* Sends SYNC_ERROR with what err holds; best effort. */
void sync_send_error(int fd, const struct error *err);
/* Child: blocks for a message of that type. -EPIPE when the agent is gone, -EBADMSG for anything else. */
int sync_expect(int fd, enum sync_type type);
/* Child: hands a descriptor to the agent. 0, or -errno and err. */
int sync_send_descriptor(int fd, int sent, struct error *err);
/* Child: sends a line for the agent's log, cut if need be; best effort. */
void sync_send_log(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Agent: waits for READY (from a fiber); lines for the log go there, without one nowhere. A SYNC_ERROR becomes err; end of file
 * is -EPIPE with err untouched. ret_received NULL: no descriptor may come; else one must, close-on-exec and owned by the caller
 * on success. */
int sync_wait_ready(struct loop *loop, const struct logger *log, int fd, uint64_t deadline, int *ret_received,
                    struct error *err);
