/* SPDX-License-Identifier: Apache-2.0 */
/* Child reaper: the one owner of waitid(2).
 *
 * Every child is spawned through here and so is registered before it can exit; it carries a pidfd, so a signal never reaches a
 * process that reused its pid. Orphans that the agent inherits (as PID 1 or subreaper) are collected on SIGCHLD and dropped. */
#pragma once
#include <stdbool.h>

#include "loop/loop.h"
#include "sys/sys.h"

struct reaper;

struct child {
    int pid;
    int pidfd;         /* open until child_free() */
    bool exited;       /* status is valid */
    int status;        /* exit status, or 128 + signal number */
    struct waitq exit; /* woken once, at the exit */
    void (*on_exit)(
        struct child *child); /* called at the exit from the loop, before waiters wake; may free the child; may be NULL */
    void *context;            /* for on_exit; the owner's */
    struct watch watch;
    struct reaper *reaper;
};

/* Takes over SIGCHLD (signalfd) of the calling process. 0 or -errno. */
int reaper_new(struct loop *loop, struct reaper **ret_reaper, struct error *err);
/* All children must have been freed; killed ones that did not end yet are left to whoever inherits them. Accepts NULL. */
void reaper_free(struct reaper *reaper);
struct loop *reaper_loop(const struct reaper *reaper);

/* sys_spawn() plus registration. The child starts with an empty signal mask and default dispositions.
 * Returns 0 and a child owned by the caller, or -errno. args->ret_pidfd must be NULL. */
int reaper_spawn(struct reaper *reaper, const struct sys_spawn *args, int (*fn)(void *arg), void *arg, struct child **ret_child,
                 struct error *err);
/* Waits for the exit (from a fiber). 0 with child->status set, -ETIMEDOUT or -ECANCELED. */
int child_wait(struct child *child, uint64_t deadline);
/* Signals exactly this child; -ESRCH once it was collected. sig 0 probes. */
int child_signal(struct child *child, int sig);
/* Forgets the child: one that still runs is killed (SIGKILL) and collected by the reaper later. Accepts NULL. */
void child_free(struct child *child);
