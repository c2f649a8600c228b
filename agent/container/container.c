/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/container.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container/hook.h"
#include "agent/container/launch.h"
#include "agent/container/sync.h"
#include "sys/fd.h"

#define FREEZE_TIMEOUT (10 * NSEC_PER_SEC)

struct container *container_ref(struct container *container)
{
    container->refs++;
    return container;
}

void container_unref(struct container *container)
{
    if (--container->refs > 0)
        return;
    fd_close(&container->bundle_fd);
    for (size_t i = 0; i < ARRAY_SIZE(container->namespace_fds); i++)
        fd_close(&container->namespace_fds[i]);
    cgroup_free(container->cgroup);
    arena_free(container->update_arena);
    arena_free(container->arena);
    free(container);
}

const char *container_state_name(enum container_state state)
{
    static const char *const names[] = {
        [CONTAINER_CREATING] = "Creating", [CONTAINER_CREATED] = "Created", [CONTAINER_RUNNING] = "Running",
        [CONTAINER_PAUSED] = "Paused",     [CONTAINER_STOPPED] = "Stopped",
    };

    return names[state];
}

/* ---- start ---- */

static void oom_noticed(void *arg)
{
    struct container *container = arg;

    if (!oom_queue_push(&container->agent->sandbox.oom, container->id))
        log_warning(container->agent->log, "cgroups", "OOM event of container %s dropped: nobody reads them", container->id);
}

/* The sandbox's own container (pause) is not watched: it has nothing that could be killed. */
static int watch_oom(struct container *container, struct error *err)
{
    struct agent *agent = container->agent;

    if (agent->sandbox.id && strcmp(container->id, agent->sandbox.id) == 0)
        return 0;
    return oom_watch_start(container->cgroup, agent->loop, oom_noticed, container, &container->oom_watch, err);
}

/* Waits for the hooks that init runs first. One that is left alone with them must not become a program later. */
static int await_hooks(struct container *container, struct process *init, struct error *err)
{
    if (!hook_is_wanted(container->spec, "startContainer"))
        return 0;
    container->starting = true;
    int r = sync_wait_ready(container->agent->loop, container->agent->log, init->sync_fd, NO_DEADLINE, NULL, err);
    container->starting = false;
    if (r == 0 && init->container)
        return 0;
    if (init->child)
        (void)child_signal(init->child, SIGKILL);
    if (r == 0 || r == -EPIPE)
        r = error_text(err, -ECHILD, "init of container %s died before its program ran", container->id);
    return r;
}

static void stop_watching(struct container *container)
{
    oom_watch_stop(container->oom_watch);
    container->oom_watch = NULL;
}

/* One that asks for hooks does not run without them. */
static int run_poststart_hooks(struct container *container, struct process *init, struct error *err)
{
    const char *status = init->exited ? "stopped" : "running";

    int r = hook_run_in_guest(container, "poststart", status, init->exited ? 0 : init->child->pid, err);
    if (r < 0 && init->container)
        (void)container_kill_all(container, NULL);
    return r;
}

int container_start(struct container *container, struct error *err)
{
    _process_ struct process *init = container->init ? process_ref(container->init) : NULL;

    if (container->state != CONTAINER_CREATED || container->starting || !init || init->sync_fd < 0)
        return error_status(err, STATUS_FAILED_PRECONDITION, "container %s was started before", container->id);
    if (init->exited)
        return error_text(err, -ESRCH, "init of container %s exited with %d before it was started", container->id,
                          init->status);

    int r = watch_oom(container, err);
    if (r < 0)
        return r;
    r = sync_send(init->sync_fd, SYNC_START);
    r = r < 0 ? error_set(err, r, "start init of container %s", container->id) : await_hooks(container, init, err);
    if (r < 0) {
        stop_watching(container);
        return r;
    }
    fd_close(&init->sync_fd);
    container->state = CONTAINER_RUNNING;
    return run_poststart_hooks(container, init, err);
}

/* ---- exec ---- */

static bool has_exec_id(const struct container *container, const char *exec_id)
{
    const struct process *process;

    if (strcmp(exec_id, container->id) == 0)
        return true;
    LIST_FOREACH (process, &container->processes, link) {
        if (strcmp(process->exec_id, exec_id) == 0)
            return true;
    }
    return false;
}

/* An exec request without capabilities gets those of the container. */
static int complete_exec_spec(const struct container *container, struct process *process, const struct oci_process *spec,
                              struct error *err)
{
    struct oci_process *copy = arena_memdup(process->arena, spec, sizeof(*spec));
    if (!copy || !process->exec_id)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "process of container %s is too large", container->id);
    if (!copy->capabilities)
        copy->capabilities = container->spec->process->capabilities;
    process->spec = copy;
    return 0;
}

int container_exec(struct container *container, struct arena *a, const char *exec_id, const struct oci_process *spec,
                   struct error *err)
{
    _process_ struct process *process = process_new(a, exec_id);

    int r = complete_exec_spec(container, process, spec, err);
    if (r < 0)
        return r;
    if (has_exec_id(container, exec_id))
        return error_text(err, -EEXIST, "exec_id '%s' already exists", exec_id);
    if (container->state == CONTAINER_PAUSED || container->state == CONTAINER_STOPPED)
        return error_status(err, STATUS_FAILED_PRECONDITION, "cannot exec in container %s: current status is: %s",
                            container->id, container_state_name(container->state));
    if (container->n_pauses > 0)
        return error_status(err, STATUS_FAILED_PRECONDITION, "cannot exec in container %s: it is being paused", container->id);
    container->n_execs++;
    r = launch_process(container, process, false, err);
    if (--container->n_execs == 0)
        waitq_wake_all(&container->launched);
    return r;
}

/* ---- pause, resume, kill, update ---- */

static int await_execs(struct container *container, uint64_t deadline, struct error *err)
{
    while (container->n_execs > 0) {
        int r = waitq_wait(container->agent->loop, &container->launched, deadline);
        if (r == -ETIMEDOUT)
            return error_status(err, STATUS_DEADLINE_EXCEEDED, "an exec in container %s does not come to its end",
                                container->id);
        if (r < 0)
            return error_status(err, STATUS_CANCELLED, "pause container %s", container->id);
    }
    return 0;
}

static int refuse_pause(const struct container *container, struct error *err)
{
    if (container->starting)
        return error_text(err, -EBUSY, "failed to pause container: its hooks run");
    if (container->state == CONTAINER_CREATED || container->state == CONTAINER_RUNNING)
        return 0;
    return error_text(err, -EBUSY, "failed to pause container: current status is: %s", container_state_name(container->state));
}

int container_pause(struct container *container, struct error *err)
{
    uint64_t deadline = loop_deadline(container->agent->loop, FREEZE_TIMEOUT);

    int r = refuse_pause(container, err);
    if (r < 0)
        return r;
    container->n_pauses++;
    r = await_execs(container, deadline, err);
    if (r == 0)
        r = refuse_pause(container, err); /* it may have changed meanwhile */
    if (r == 0)
        r = cgroup_freeze(container->cgroup, deadline, err);
    container->n_pauses--;
    if (r < 0)
        return r;
    container->state = CONTAINER_PAUSED;
    return 0;
}

int container_resume(struct container *container, struct error *err)
{
    if (container->state != CONTAINER_PAUSED)
        return error_text(err, -EBUSY, "container status is: %s, not paused", container_state_name(container->state));

    int r = cgroup_thaw(container->cgroup, err);
    if (r < 0)
        return r;
    container->state = container->init && container->init->sync_fd >= 0 ? CONTAINER_CREATED : CONTAINER_RUNNING;
    return 0;
}

int container_kill_all(struct container *container, struct error *err)
{
    int r = cgroup_kill(container->cgroup, err);
    if (r == 0 && container->state == CONTAINER_PAUSED)
        r = container_resume(container, err);
    return r;
}

int container_apply_resources(struct container *container, const struct oci_resources *resources, struct error *err)
{
    int r = cgroup_apply(container->cgroup, resources, err);
    return r < 0 ? r : cgroup_apply_devices(container->cgroup, resources->devices, resources->n_devices, err);
}

int container_update(struct container *container, struct arena *a, struct oci_resources *resources, struct error *err)
{
    int r = container_apply_resources(container, resources, err);
    if (r < 0) {
        arena_free(a);
        return r;
    }
    container->spec->linux_->resources = resources;
    arena_free(container->update_arena);
    container->update_arena = a;
    return 0;
}

struct process *container_process(const struct container *container, const char *exec_id, struct error *err)
{
    struct process *process;

    if (*exec_id == '\0') {
        if (container->init)
            return container->init;
        error_status(err, STATUS_NOT_FOUND, "InitProcessNotFound");
        return NULL;
    }
    LIST_FOREACH (process, &container->processes, link) {
        if (strcmp(process->exec_id, exec_id) == 0)
            return process;
    }
    error_status(err, STATUS_NOT_FOUND, "InvalidExecId");
    return NULL;
}
