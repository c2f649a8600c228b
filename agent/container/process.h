/* SPDX-License-Identifier: Apache-2.0 */
/* A process that clients can address: a container's init, or one that was exec'ed into it. */
#pragma once
#include <stdbool.h>

#include "agent/container/identity.h"
#include "agent/container/stdio.h"
#include "base/arena.h"
#include "base/list.h"
#include "loop/reaper.h"
#include "oci/spec.h"

struct container;

struct process {
    struct list link;            /* in container->processes, oldest first */
    struct container *container; /* NULL once it was collected or its container removed */
    const char *exec_id;
    struct arena *arena;   /* spec and identity */
    struct arena *scratch; /* the child's own: the agent makes and frees it and does not look inside */
    const struct oci_process *spec;
    struct identity *identity;
    struct child *child; /* NULL until spawned */
    struct stdio stdio;
    int sync_fd;            /* init: to the child that waits for START; -1 otherwise */
    struct waitq collected; /* woken when the process exited or was detached */
    bool exited;
    bool lost;  /* taken out of its container before it exited: nobody gets its status */
    int status; /* valid when exited: exit code, or 128 + signal number */
    unsigned int refs;
};

/* A process with its own copy of exec_id and, from then on, its arena (taken over). One reference, the caller's. */
struct process *process_new(struct arena *a, const char *exec_id);
struct process *process_ref(struct process *process);
/* The last reference closes and frees; a child that still runs is killed. Accepts NULL. */
void process_unref(struct process *process);
static inline void process_unref_cleanup(struct process **process)
{
    process_unref(*process);
}
#define _process_ CLEANUP(process_unref_cleanup)

/* Adds to and takes out of the container's table; the table holds a reference. Detaching closes the streams and ends waits. */
void process_attach(struct process *process, struct container *container);
void process_detach(struct process *process);

/* From a fiber. 0 with the exit code; -ECANCELED, -ETIMEDOUT; INTERNAL "Invalid container id" when its container was removed.
 */
int process_wait(struct loop *loop, struct process *process, int *ret_status, struct error *err);
/* One signal to exactly this process; one that is gone counts as signalled, but the probe with signal 0 says NOT_FOUND. Init
 * gets KILL for a TERM it does not handle, unless OCI_SIGNAL_EXACT is added to sig and its program runs. */
int process_signal(struct process *process, int sig, struct error *err);
