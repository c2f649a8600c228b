/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/launch.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/container/container.h"
#include "agent/container/deputy.h"
#include "agent/container/hook.h"
#include "agent/container/sync.h"
#include "agent/container/terminal.h"
#include "sys/fd.h"

#define SCRATCH_BYTES (1024 * 1024)

/* Closes the agent's copies of what is the child's. The launch itself stays as it is: in the simulation the child reads that
 * very memory. */
static void close_child_ends(const struct launch *launch)
{
    struct launch ends = *launch;

    namespaces_close(&ends.namespaces);
    for (size_t i = 0; i < ARRAY_SIZE(ends.stdio); i++)
        fd_close(&ends.stdio[i]);
    fd_close(&ends.mqueue_fd);
    fd_close(&ends.sync_fd);
}

/* A process that is exec'ed joins what init has: the pinned descriptors replace the paths of the spec. */
static int namespaces_of_init(const struct container *container, struct arena *a, struct namespace_plan *plan,
                              struct error *err)
{
    struct oci_namespace entries[OCI_NS_MAX];
    struct oci_linux pinned = {.namespaces = entries};

    for (int type = 0; type < OCI_NS_MAX; type++) {
        int fd = container->namespace_fds[type];
        if (fd >= 0)
            entries[pinned.n_namespaces++] = (struct oci_namespace){
                .type = (enum oci_namespace_type)type,
                .path = arena_printf(a, "/proc/self/fd/%d", fd),
            };
    }
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "namespaces of container %s", container->id);
    return namespaces_open(&pinned, plan, err);
}

/* Nobody in a user namespace may change the owner of a stream that the agent's user has, or open it again (/dev/stdout). */
static int give_streams(const struct oci_linux *linux_, const struct launch *launch, struct error *err)
{
    uint32_t uid, gid;

    if (!oci_namespace_find(linux_, OCI_NS_USER) ||
        namespaces_map_id(linux_->uid_mappings, linux_->n_uid_mappings, launch->identity->uid, &uid) < 0 ||
        namespaces_map_id(linux_->gid_mappings, linux_->n_gid_mappings, launch->identity->gid, &gid) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(launch->stdio); i++) {
        int r = launch->stdio[i] < 0 ? 0 : sys_fchown(launch->stdio[i], uid, gid);
        if (r < 0)
            return error_set(err, r, "give stream %zu to user %u", i, uid);
    }
    return 0;
}

/* The streams as far as the agent makes them. */
static int open_streams(struct container *container, struct process *process, struct launch *launch, struct error *err)
{
    const struct oci_process *spec = process->spec;

    launch->makes_terminal = spec->terminal && terminal_is_of_container(container->spec);
    if (launch->makes_terminal) {
        launch->stdio[0] = sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
        return launch->stdio[0] < 0 ? error_set(err, launch->stdio[0], "open /dev/null") : 0;
    }
    int r = stdio_open(&process->stdio, spec->terminal, container->agent->config.container_pipe_size, launch->stdio, err);
    if (r == 0)
        r = give_streams(container->spec->linux_, launch, err);
    if (r == 0 && spec->terminal && spec->has_console_size)
        r = stdio_resize(&process->stdio, spec->console_height, spec->console_width, err);
    return r;
}

static int prepare(struct container *container, struct process *process, struct launch *launch, struct error *err)
{
    struct agent *agent = container->agent;
    const struct oci_linux *linux_ = container->spec->linux_;

    int r = identity_prepare(process->arena, process->spec, NULL, &process->identity, err);
    if (r == 0 && linux_->seccomp)
        r = seccomp_cache_compile(agent->seccomp_cache, process->arena, linux_->seccomp, &process->identity->seccomp, err);
    if (r < 0)
        return r;
    launch->identity = process->identity;

    r = launch->init ? namespaces_open(linux_, &launch->namespaces, err)
                     : namespaces_of_init(container, process->arena, &launch->namespaces, err);
    if (r == 0 && launch->init)
        r = deputy_act(agent->reaper, container->spec, &launch->namespaces, agent->proc_fd, &launch->mqueue_fd, err);
    if (r < 0)
        return r;
    /* Version 2 hides the host's tree only behind a cgroup namespace, so init always gets one. */
    launch->new_cgroup_namespace =
        launch->init && (launch->namespaces.new_cgroup ||
                         (cgroup_host_mode(agent->cgroup_host) == CGROUP_V2 && !oci_namespace_find(linux_, OCI_NS_CGROUP)));
    r = open_streams(container, process, launch, err);
    if (r < 0)
        return r;
    return sync_pair(&process->sync_fd, &launch->sync_fd, err);
}

static void process_exited(struct child *child)
{
    struct process *process = child->context;

    process->exited = true;
    process->status = child->status;
    stdio_exited(&process->stdio);
    waitq_wake_all(&process->collected);
}

static int spawn(struct container *container, struct process *process, struct launch *launch, struct error *err)
{
    struct sys_spawn args = {
        .flags = launch->init ? launch->namespaces.new_flags : 0,
        .joins = launch->namespaces.joins,
        .n_joins = launch->namespaces.n_joins,
        .cgroup_fd = cgroup_spawn_fd(container->cgroup),
    };

    struct reaper *reaper = container->agent->reaper;
    int r = reaper_spawn(reaper, &args, launch_child, launch, &process->child, err);
    if ((r == -EBUSY || r == -ENOENT) && args.cgroup_fd >= 0) {
        /* The container has delegated controllers, or its cgroup namespace is a border (nsdelegate) that must not be crossed
         * from within: nobody is born in its group then, cgroup_enter() finds the place. */
        args.cgroup_fd = -1;
        r = reaper_spawn(reaper, &args, launch_child, launch, &process->child, err);
    }
    if (r < 0)
        return r;
    process->child->context = process;
    process->child->on_exit = process_exited;
    return 0;
}

static int tell_to_go(struct process *process, struct error *err)
{
    int r = sync_send(process->sync_fd, SYNC_GO);
    if (r != -EPIPE)
        return r < 0 ? error_set(err, r, "tell the container child to go on") : 0;
    /* It is gone; what it said before that is still to be read. */
    (void)child_signal(process->child, SIGKILL);
    return 0;
}

/* What the agent does for the child while it waits for GO: with the privileges of the guest, which the child may lack by now.
 */
static int admit(struct container *container, struct process *process, const struct launch *launch, struct error *err)
{
    int pid = process->child->pid;

    int r = cgroup_enter(container->cgroup, pid, err);
    if (r == 0)
        r = identity_apply_limits(launch->identity, pid, err);
    if (r == 0 && launch->namespaces.new_user)
        r = namespaces_write_maps(pid, container->spec->linux_, container->agent->proc_fd, err);
    return r < 0 ? r : tell_to_go(process, err);
}

/* The child closed its socket without a word: its exit status is all there is to report. One that is not at its end yet has
 * lost its way. */
static int report_death(struct process *process, struct error *err)
{
    (void)child_signal(process->child, SIGKILL);
    if (child_wait(process->child, NO_DEADLINE) < 0)
        return error_status(err, STATUS_CANCELLED, "wait for the container child");
    return error_text(err, -ECHILD, "the container child died with exit code %d before it was ready", process->child->status);
}

/* ret_received: as in sync_wait_ready(). */
static int await_ready(struct container *container, struct process *process, int *ret_received, struct error *err)
{
    struct agent *agent = container->agent;

    int r = sync_wait_ready(agent->loop, agent->log, process->sync_fd, NO_DEADLINE, ret_received, err);
    return r == -EPIPE ? report_death(process, err) : r;
}

/* The hooks of the guest come before those of the container, and find its root file system. */
static int run_prestart_hooks(struct container *container, struct process *process, struct error *err)
{
    int r = await_ready(container, process, NULL, err);
    if (r == 0)
        r = hook_run_in_guest(container, "prestart", "created", process->child->pid, err);
    return r < 0 ? r : tell_to_go(process, err);
}

static int pin_namespaces(struct container *container, int pid, const struct launch *launch, struct error *err)
{
    for (int type = 0; type < OCI_NS_MAX; type++) {
        bool listed = oci_namespace_find(container->spec->linux_, (enum oci_namespace_type)type) != NULL;
        if (!listed && !(type == OCI_NS_CGROUP && launch->new_cgroup_namespace))
            continue;
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, oci_namespace_proc_name((enum oci_namespace_type)type));
        int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0)
            return error_set(err, fd, "pin the %s namespace", oci_namespace_name((enum oci_namespace_type)type));
        fd_replace(&container->namespace_fds[type], fd);
    }
    return 0;
}

static int converse(struct container *container, struct process *process, const struct launch *launch, struct error *err)
{
    int master = -1;

    int r = admit(container, process, launch, err);
    if (r == 0 && launch->init && hook_is_wanted(container->spec, "prestart"))
        r = run_prestart_hooks(container, process, err);
    if (r == 0)
        r = await_ready(container, process, launch->makes_terminal ? &master : NULL, err);
    if (r == 0 && launch->makes_terminal)
        r = stdio_adopt_terminal(&process->stdio, master, err);
    if (r == 0 && launch->init)
        r = pin_namespaces(container, process->child->pid, launch, err);
    /* Ready in the very turn in which its caller gave up: nobody would know the process. */
    if (r == 0 && fiber_is_cancelled(fiber_current(container->agent->loop)))
        r = error_status(err, STATUS_CANCELLED, "nobody waits for the process of container %s any more", container->id);
    return r;
}

/* A child that failed still runs or is about to exit: it must be gone before its cgroup and mounts are taken away. Should the
 * signal fail, it ends when it finds nobody on the other side of its socket. */
static void discard(struct process *process)
{
    struct child *child = process->child;

    if (!child)
        return;
    fd_close(&process->sync_fd);
    (void)child_signal(child, SIGKILL);
    (void)child_wait(child, NO_DEADLINE);
    child_free(child);
    process->child = NULL;
}

int launch_process(struct container *container, struct process *process, bool init, struct error *err)
{
    /* The child reads these until it execs, which for init may be long after this function: both live as long as the process.
     */
    struct launch *launch = arena_alloc(process->arena, sizeof(*launch));
    if (!launch)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "process of container %s is too large", container->id);
    process->scratch = arena_new(SCRATCH_BYTES);
    *launch = (struct launch){
        .init = init,
        .id = container->id,
        .bundle = container->bundle,
        .spec = container->spec,
        .process = process->spec,
        .cgroup = container->cgroup,
        .no_pivot = container->agent->no_pivot,
        .namespaces = NAMESPACE_PLAN_INIT,
        .stdio = {-1, -1, -1},
        .mqueue_fd = -1,
        .sync_fd = -1,
        .scratch = process->scratch,
    };

    process_attach(process, container);
    int r = prepare(container, process, launch, err);
    if (r == 0)
        r = spawn(container, process, launch, err);
    close_child_ends(launch);
    if (r == 0)
        r = converse(container, process, launch, err);
    if (r < 0) {
        discard(process);
        process_detach(process);
        return r;
    }
    if (!init)
        fd_close(&process->sync_fd);
    return 0;
}
