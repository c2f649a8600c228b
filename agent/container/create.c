/* SPDX-License-Identifier: Apache-2.0 */
/* Creating and removing a container: two directions of the same list of steps. */
#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/container/container.h"
#include "agent/container/hook.h"
#include "agent/container/launch.h"
#include "agent/container/rootfs.h"
#include "agent/guest/dirtree.h"
#include "oci/json.h"
#include "sys/fd.h"

#define CONFIG_JSON_MAX (4 * 1024 * 1024)
#define CGROUP_LEAVE_TIMEOUT (10 * NSEC_PER_SEC)
#define PROCESS_ARENA_BYTES (4 * 1024 * 1024)

/* ---- steps and their inverses ---- */

/* Last of all: a container of which something is left stays known, so that its removal can be repeated. */
static void undo_register(void *arg)
{
    struct container *container = arg;

    if (container->undo.n > 0)
        return;
    list_remove(&container->link);
    container_unref(container);
}

/* An inverse that failed: it is kept for the next attempt, and the first one of them is what the caller hears. */
static void undo_failed(struct container *container, void (*step)(void *arg), const struct error *err)
{
    log_warning(container->agent->log, "container", "remove container %s: %s", container->id, err->text);
    if (container->undo.n == 0)
        container->leftover = *err;
    undo_push(&container->undo, step, container);
}

static void undo_bundle(void *arg)
{
    struct container *container = arg;
    struct error err = {.errnum = 0};
    int r;

    if (container->state == CONTAINER_CREATING && !container->made_bundle) {
        /* It was there before, with what a client put into it: only what the failed creation added goes. */
        r = container->bundle_fd < 0 ? 0 : sys_unlinkat(container->bundle_fd, "config.json", 0);
        r = r == -ENOENT ? 0 : r;
    } else {
        r = dirtree_remove(container->agent->base_fd, container->id);
    }
    fd_close(&container->bundle_fd);
    if (r < 0) {
        error_set(&err, r, "remove the directory of container %s", container->id);
        undo_failed(container, undo_bundle, &err);
    }
}

/* A group that is gone had no processes left: then it does not matter how the killing went. */
static void undo_cgroup(void *arg)
{
    struct container *container = arg;
    uint64_t deadline = loop_deadline(container->agent->loop, CGROUP_LEAVE_TIMEOUT);
    struct error err = {.errnum = 0};

    (void)cgroup_kill(container->cgroup, NULL);
    if (cgroup_delete(container->cgroup, deadline, &err) < 0)
        undo_failed(container, undo_cgroup, &err);
}

/* Also after a creation that failed: hooks may have changed things before. */
static void undo_hooks(void *arg)
{
    struct container *container = arg;
    struct error err = {.errnum = 0};

    if (hook_run_in_guest(container, "poststop", "stopped", 0, &err) < 0)
        log_warning(container->agent->log, "container", "container %s: %s", container->id, err.text);
}

static void undo_shared_pid(void *arg)
{
    struct container *container = arg;
    struct sandbox *sandbox = &container->agent->sandbox;

    if (sandbox->pid_owner == container) {
        sandbox->pid_owner = NULL;
        fd_close(&sandbox->pid_fd);
    }
}

static void undo_processes(void *arg)
{
    struct container *container = arg;

    oom_watch_stop(container->oom_watch);
    container->oom_watch = NULL;
    container->init = NULL;
    while (!list_is_empty(&container->processes)) {
        struct process *process = CONTAINER_OF(container->processes.next, struct process, link);

        if (process->child)
            (void)child_signal(process->child, SIGKILL);
        process_detach(process);
    }
}

static int make_bundle(struct container *container, struct error *err)
{
    const char *id = container->id;
    int base = container->agent->base_fd;
    bool new_user = oci_namespace_find(container->spec->linux_, OCI_NS_USER) != NULL;

    container->bundle = arena_printf(container->arena, "%s/%s", container->agent->options->base_dir, id);
    if (!container->bundle)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "spec of container %s is too large", id);
    /* The root of a user namespace passes through on its way to the root file system; nobody lists it. */
    int r = sys_mkdirat(base, id, new_user ? 0711 : 0700);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "create the directory of container %s", id);
    container->made_bundle = r == 0;
    undo_push(&container->undo, undo_bundle, container);
    container->bundle_fd = sys_openat(base, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (container->bundle_fd < 0)
        return error_set(err, container->bundle_fd, "open the directory of container %s", id);
    return 0;
}

/* For people and tools that look into the guest; the agent never reads it back, so a failure is only logged. */
static void write_config(struct container *container)
{
    struct error err = {.errnum = 0};
    _buf_ struct buf text = BUF_INIT(CONFIG_JSON_MAX);

    int r = oci_spec_to_json(container->spec, &text, &err);
    _close_ int fd =
        r < 0 ? r
              : sys_openat(container->bundle_fd, "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (r == 0)
        r = fd < 0 ? fd : fd_write_all(fd, text.data, text.len);
    if (r < 0)
        log_warning(container->agent->log, "container", "write config.json of container %s: %s", container->id, errno_name(-r));
}

static int make_cgroup(struct container *container, struct error *err)
{
    const struct oci_linux *linux_ = container->spec->linux_;
    char *path;

    int r = cgroup_path_for(container->arena, linux_->cgroups_path, container->id, &path, err);
    if (r == 0)
        r = cgroup_create(container->agent->cgroup_host, path, &container->cgroup, err);
    if (r < 0)
        return r;
    undo_push(&container->undo, undo_cgroup, container);
    return linux_->resources ? container_apply_resources(container, linux_->resources, err) : 0;
}

static int make_init(struct container *container, struct error *err)
{
    _process_ struct process *init = process_new(arena_new(PROCESS_ARENA_BYTES), container->id);

    init->spec = container->spec->process;
    undo_push(&container->undo, undo_processes, container);
    int r = launch_process(container, init, true, err);
    if (r < 0)
        return r;
    container->init = init;
    return 0;
}

/* The first container's pid namespace is the one that later containers may share. */
static int share_pid(struct container *container, struct error *err)
{
    struct sandbox *sandbox = &container->agent->sandbox;

    if (sandbox->pid_fd >= 0)
        return 0;
    sandbox->pid_fd = sys_fcntl(container->namespace_fds[OCI_NS_PID], F_DUPFD_CLOEXEC, 3);
    if (sandbox->pid_fd < 0)
        return error_set(err, sandbox->pid_fd, "share the pid namespace of container %s", container->id);
    sandbox->pid_owner = container;
    undo_push(&container->undo, undo_shared_pid, container);
    return 0;
}

/* ---- create ---- */

static struct container *container_new(struct agent *agent, struct arena *a, const char *id, struct oci_spec *spec)
{
    struct container *container = calloc(1, sizeof(*container));
    if (!container)
        abort();
    container->agent = agent;
    container->arena = a;
    container->id = id;
    container->spec = spec;
    container->bundle_fd = -1;
    container->refs = 1;
    for (size_t i = 0; i < ARRAY_SIZE(container->namespace_fds); i++)
        container->namespace_fds[i] = -1;
    list_init(&container->processes);
    waitq_init(&container->removed);
    waitq_init(&container->launched);
    list_append(&agent->sandbox.containers, &container->link);
    undo_push(&container->undo, undo_register, container);
    return container;
}

static int build(struct container *container, struct error *err)
{
    int r = make_bundle(container, err);
    if (r < 0)
        return r;
    write_config(container);
    undo_push(&container->undo, undo_hooks, container);
    r = make_cgroup(container, err);
    if (r == 0)
        r = make_init(container, err);
    if (r == 0)
        r = share_pid(container, err);
    return r;
}

/* Steps that fail come back to container->undo; below them goes the one that ends the container. */
static void unwind_steps(struct container *container)
{
    struct undo steps = container->undo;

    container->undo = UNDO_INIT;
    undo_unwind(&steps);
    struct undo failed = container->undo;
    if (failed.n == 0)
        return;
    container->undo = UNDO_INIT;
    undo_push(&container->undo, undo_register, container);
    while (failed.n > 0) {
        failed.n--;
        undo_push(&container->undo, failed.steps[failed.n].fn, failed.steps[failed.n].arg);
    }
    container->state = CONTAINER_STOPPED;
    container->removing = false;
}

static void unwind(void *arg)
{
    struct container *container = arg;

    container->removing = true;
    unwind_steps(container);
    waitq_wake_all(&container->removed);
    container_unref(container);
}

/* Unwinds in a fiber of its own, which nobody cancels: an undo step may have to wait for processes to leave. */
static int start_unwinding(struct container *container, struct error *err)
{
    container->removing = true;
    int r = fiber_start(container->agent->loop, "remove container", unwind, container_ref(container), NULL);
    if (r < 0) {
        container->removing = false;
        container_unref(container);
        return error_set(err, r, "remove container %s", container->id);
    }
    return 0;
}

static int build_unless_removed(struct container *container, struct error *err)
{
    container->creator = fiber_current(container->agent->loop);
    int r = build(container, err);
    container->creator = NULL;
    if (container->removing)
        return error_text(err, -ECANCELED, "container %s was removed while it was created", container->id);
    return r;
}

int container_create(struct agent *agent, struct arena *a, const char *id, struct oci_spec *spec, struct error *err)
{
    if (sandbox_has(&agent->sandbox, id)) {
        int r = error_text(err, -EEXIST, "exec fifo exists: container %s exists already", id);
        arena_free(a);
        return r;
    }
    struct container *container = container_new(agent, a, id, spec);

    int r = build_unless_removed(container, err);
    if (r < 0) {
        _container_ struct container *held = container_ref(container);
        if (start_unwinding(container, NULL) < 0)
            unwind(container_ref(container));
        while (!list_is_empty(&held->link) && held->removing && waitq_wait(agent->loop, &held->removed, NO_DEADLINE) == 0)
            ;
        return r;
    }
    container->state = CONTAINER_CREATED;
    return 0;
}

/* ---- remove ---- */

/* The steps of a creation that is at work are its own: it is only made to fail, and then takes them back as ever. */
static int begin_removal(struct container *container, struct error *err)
{
    if (container->removing)
        return 0;
    if (!container->creator)
        return start_unwinding(container, err);
    container->removing = true;
    fiber_cancel(container->creator);
    return 0;
}

int container_remove(struct container *container, uint64_t deadline, struct error *err)
{
    struct loop *loop = container->agent->loop;
    _container_ struct container *held = container_ref(container);

    int r = begin_removal(container, err);
    if (r < 0)
        return r;
    while (!list_is_empty(&held->link)) {
        r = waitq_wait(loop, &held->removed, deadline);
        if (r == -ETIMEDOUT)
            return error_text(err, -ETIME, "ETIME: Timer expired");
        if (r < 0)
            return error_status(err, STATUS_CANCELLED, "removal of container %s goes on", held->id);
        if (!list_is_empty(&held->link) && !held->removing) {
            *err = held->leftover;
            return -err->errnum;
        }
    }
    return 0;
}

void container_abandon(struct container *container)
{
    undo_commit(&container->undo);
    list_remove(&container->link);
    container_unref(container);
}
