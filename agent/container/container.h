/* SPDX-License-Identifier: Apache-2.0 */
/* A container: its spec, cgroup, namespaces and processes, from CreateContainer to RemoveContainer.
 *
 * Creating is prepare, spawn, build, release (docs/architecture.md, "Container creation"): each step that changes the guest
 * pushes its inverse on the container's undo stack, and removing the container unwinds that same stack. All functions run in
 * fibers. */
#pragma once
#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "agent/container/process.h"
#include "base/undo.h"
#include "oci/spec.h"

struct agent;

enum container_state {
    CONTAINER_CREATING, /* not visible to clients */
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_PAUSED,
    CONTAINER_STOPPED,
};

struct container {
    struct list link; /* in sandbox.containers */
    struct agent *agent;
    const char *id;
    struct arena *arena; /* id and spec */
    struct oci_spec *spec;
    struct arena *update_arena; /* resources of the last UpdateContainer */
    enum container_state state;
    struct fiber *creator; /* NULL once it is made */
    bool removing;
    bool starting; /* hooks run before the program */
    struct cgroup *cgroup;
    const char *bundle; /* its directory in the guest */
    int bundle_fd;
    bool made_bundle;              /* its directory did not exist before */
    int namespace_fds[OCI_NS_MAX]; /* of init, pinned; -1: the agent's own */
    struct process *init;          /* owned by the table like the others; NULL once collected */
    struct list processes;
    struct oom_watch *oom_watch;
    struct undo undo;
    struct error leftover; /* why something is left after a removal */
    struct waitq removed;  /* woken at the end of a removal, complete or not */
    struct waitq launched; /* woken when no exec is on its way any more */
    unsigned int n_execs;  /* on their way */
    unsigned int n_pauses; /* attempts that go on: no new exec sets out */
    unsigned int refs;
};

struct container *container_ref(struct container *container);
void container_unref(struct container *container);
static inline void container_unref_cleanup(struct container **container)
{
    if (*container)
        container_unref(*container);
}
#define _container_ CLEANUP(container_unref_cleanup)

/* "Created", "Running", ... as error texts spell it. */
const char *container_state_name(enum container_state state);

/* Creates the container and its init process, which waits just before exec. Takes over a (also on failure), in which id and
 * spec live; the spec's namespaces already point at what the sandbox shares. On failure the guest is as before. */
int container_create(struct agent *agent, struct arena *a, const char *id, struct oci_spec *spec, struct error *err);
/* Lets init run its hooks and exec, then runs the hooks of the guest. FAILED_PRECONDITION when it was started before; INTERNAL
 * when init died, as it does when a hook fails or the caller is cancelled meanwhile. */
int container_start(struct container *container, struct error *err);
/* Starts a process inside. Takes over a, in which the strings of spec live. */
int container_exec(struct container *container, struct arena *a, const char *exec_id, const struct oci_process *spec,
                   struct error *err);
/* Kills everything and undoes what creating did. When something cannot be undone, the rest is, and the container stays known:
 * the call can be repeated. At the deadline, or when the caller is cancelled, the removal goes on without it. A creation that
 * is at work fails, and takes back itself what it did. */
int container_remove(struct container *container, uint64_t deadline, struct error *err);
/* Forgets a container that cannot be removed, at the end of the agent. */
void container_abandon(struct container *container);

/* Lets every exec that is on its way arrive before anything stands still: a frozen one could not be answered. */
int container_pause(struct container *container, struct error *err);
int container_resume(struct container *container, struct error *err);
/* SIGKILL to every process of the cgroup, frozen first so that none escapes. */
int container_kill_all(struct container *container, struct error *err);
/* Writes the limits of its group and sets its device rules. */
int container_apply_resources(struct container *container, const struct oci_resources *resources, struct error *err);
/* Applies and remembers. Takes over a, in which resources live. */
int container_update(struct container *container, struct arena *a, struct oci_resources *resources, struct error *err);

/* By exec id; "" is init. NOT_FOUND InitProcessNotFound or InvalidExecId. Borrowed. */
struct process *container_process(const struct container *container, const char *exec_id, struct error *err);
