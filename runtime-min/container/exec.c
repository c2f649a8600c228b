/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/exec.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "oci/wire.h"
#include "runtime-min/container/bundle.h"
#include "runtime-min/container/console.h"
#include "runtime-min/container/guest_spec.h"
#include "runtime-min/container/hostgroup.h"
#include "runtime-min/container/pidfile.h"
#include "runtime-min/container/program.h"
#include "runtime-min/container/state.h"

#define EXEC_ID_MAX 40
#define DEFAULT_UMASK 022

struct execution {
    struct container *container;
    const struct exec_args *args;
    struct machine machine;
    struct console console;
    struct handle handle;
    struct handle_plan plan;
    struct hostgroup group;
    char exec_id[EXEC_ID_MAX];
    bool is_running; /* in the guest */
    struct error *err;
};

static int check_status(const struct record *record, struct error *err)
{
    enum status_kind status = record_status(record);

    if (status == CONTAINER_CREATED || status == CONTAINER_RUNNING)
        return 0;
    if (status == CONTAINER_PAUSED)
        return error_status(err, STATUS_FAILED_PRECONDITION,
                            "cannot exec in a paused container (use --ignore-paused to override)");
    return error_status(err, STATUS_FAILED_PRECONDITION, "cannot exec in a %s container", status_word(status));
}

/* A process of its own has nowhere to say it: it gets the one of the container. */
static int check_umask(const struct oci_spec *spec, const struct opt_u64 *umask, struct error *err)
{
    uint64_t given = spec->process && spec->process->user.umask.set ? spec->process->user.umask.value : DEFAULT_UMASK;

    if (!umask->set || umask->value == given)
        return 0;
    return error_status(err, STATUS_UNIMPLEMENTED,
                        "process.user.umask: %#" PRIo64 " is not supported, only the container's %#" PRIo64, umask->value,
                        given);
}

/* The saved spec says what is mounted over the root file system; without it nothing can be known. */
static int check_against_spec(struct container *container, const struct exec_args *args, struct error *err)
{
    struct oci_spec *spec = NULL;

    if (state_read_spec(container->arena, &container->slot, &spec, NULL) < 0)
        return 0;
    int r = check_umask(spec, &args->process->user.umask, err);
    return r < 0 ? r : program_check(container->record.rootfs, spec, args->process->args.items[0], err);
}

static int enrol(void *arg, struct error *err)
{
    const struct execution *execution = arg;

    return machine_enrol(&execution->machine, execution->container->record.guest_id, execution->exec_id, err);
}

static int start_handle(struct execution *execution)
{
    const struct exec_args *args = execution->args;
    const struct container *container = execution->container;
    const char *cgroup = container->record.cgroup;
    int r = *cgroup ? hostgroup_find(&execution->group, cgroup, execution->err) : 0;

    /* Unique among all that this host has run: a pid comes back, but not with the same time. */
    snprintf(execution->exec_id, sizeof(execution->exec_id), "exec-%d-%llx", sys_getpid(),
             (unsigned long long)sys_monotonic_ns());
    if (r == 0 && args->console_socket)
        r = console_open(&execution->console, args->process->console_height, args->process->console_width, execution->err);
    if (r < 0)
        return r;
    execution->plan = (struct handle_plan){
        .guest = &execution->machine.guest,
        .process = {.container_id = execution->container->record.guest_id, .exec_id = execution->exec_id},
        .terminal = args->process->terminal,
        .console = execution->console.slave,
        .cgroup = execution->group.group,
        .netns_fd = -1,
        .execs = slot_path(container->arena, &container->store, &container->slot, STORE_EXECS),
        .enrol = enrol,
        .arg = execution,
    };
    return handle_spawn(&execution->plan, &execution->handle, execution->err);
}

struct exec_work {
    struct execution *execution;
    Grpc__Process *wire;
};

static int exec_work(struct guest *guest, void *arg, struct error *err)
{
    struct exec_work *work = arg;

    return guest_exec(guest, &work->execution->plan.process, work->wire, err);
}

static int kill_work(struct guest *guest, void *arg, struct error *err)
{
    const struct execution *execution = arg;

    return guest_signal(guest, &execution->plan.process, SIGKILL, false, err);
}

static int exec_in_guest(struct execution *execution)
{
    struct exec_work work = {.execution = execution};

    guest_spec_prepare_process(execution->args->process);
    int r = oci_process_to_wire(execution->container->arena, execution->args->process, &work.wire, execution->err);
    if (r == 0)
        r = machine_run(&execution->machine, exec_work, &work, execution->err);
    execution->is_running = r == 0;
    return r;
}

static int publish(struct execution *execution)
{
    const struct exec_args *args = execution->args;

    int r = handle_go(&execution->handle, execution->err);
    if (r == 0 && args->console_socket)
        r = console_send(&execution->console, args->console_socket, execution->err);
    if (r == 0 && args->pidfd_socket)
        r = handle_send_pidfd(&execution->handle, args->pidfd_socket, execution->err);
    if (r == 0 && args->pid_file)
        r = pidfile_write(args->pid_file, execution->handle.proc.pid, execution->err);
    return r;
}

int container_exec(struct container *container, const struct exec_args *args, struct handle *ret_handle, struct error *err)
{
    struct execution execution = {
        .container = container,
        .args = args,
        .machine = MACHINE_NONE,
        .console = CONSOLE_NONE,
        .handle = HANDLE_NONE,
        .group = HOSTGROUP_NONE,
        .err = err,
    };

    int r = check_status(&container->record, err);
    if (r == 0)
        r = bundle_check_process(args->process, err);
    if (r == 0)
        r = console_check(args->process->terminal, args->console_socket, args->in_foreground, err);
    if (r == 0)
        r = check_against_spec(container, args, err);
    if (r == 0)
        r = machine_find(container->arena, &container->store, container->record.sandbox_id, &execution.machine, err);
    if (r == 0)
        r = start_handle(&execution);
    if (r == 0)
        r = exec_in_guest(&execution);
    if (r == 0)
        r = publish(&execution);
    if (r < 0 && execution.is_running)
        (void)machine_run(&execution.machine, kill_work, &execution, NULL);
    if (r < 0)
        handle_done(&execution.handle);
    else
        *ret_handle = execution.handle;
    machine_close(&execution.machine);
    hostgroup_close(&execution.group);
    console_close(&execution.console);
    return r;
}
