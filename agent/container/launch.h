/* SPDX-License-Identifier: Apache-2.0 */
/* Launching one process of a container: the agent's half of the conversation with the child (sync.h). */
#pragma once
#include <stdbool.h>

#include "agent/container/identity.h"
#include "agent/container/namespaces.h"
#include "agent/container/rootfs.h"
#include "base/arena.h"
#include "base/error.h"

struct container;
struct process;

/* What the child gets to know. It reads this and writes nothing that it shares with the agent: its scratch arena is its own. */
struct launch {
    bool init;               /* builds the root file system and waits for START */
    const char *id, *bundle; /* the container's, and its directory in the guest */
    const struct oci_spec *spec;
    const struct oci_process *process;
    const struct identity *identity;
    struct namespace_plan namespaces;
    const struct cgroup *cgroup;
    bool new_cgroup_namespace;
    bool no_pivot;
    bool makes_terminal; /* stdio is a place holder until the child has made its terminal */
    int stdio[3];
    int mqueue_fd; /* mount that init cannot make itself (deputy.h), or -1 */
    int sync_fd;
    struct arena *scratch;
};

/* Spawns the process, puts it into its cgroup, maps its ids and waits until it is ready. process->stdio is opened here. On
 * success the process is attached to the container; on failure nothing of it is left, and err holds what the child said or how
 * it ended. */
int launch_process(struct container *container, struct process *process, bool init, struct error *err);

/* The child's side; its result is the exit status. */
int launch_child(void *launch);
