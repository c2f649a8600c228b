/* SPDX-License-Identifier: Apache-2.0 */
/* create: a list of steps, each with its inverse (base/undo.h). */
#include <errno.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/undo.h"
#include "oci/json.h"
#include "oci/wire.h"
#include "runtime-min/container/bundle.h"
#include "runtime-min/container/console.h"
#include "runtime-min/container/container.h"
#include "runtime-min/container/container_group.h"
#include "runtime-min/container/guest_spec.h"
#include "runtime-min/container/pidfile.h"
#include "runtime-min/container/pod.h"
#include "runtime-min/container/program.h"
#include "runtime-min/container/rootfs.h"

struct creation {
    struct container *container;
    const struct create_args *args;
    struct bundle bundle;
    struct oci_spec *guest_spec; /* a second copy of the bundle's, changed for the guest */
    struct pod pod;
    struct hostgroup group;
    struct machine machine;
    struct console console;
    struct handle handle;
    struct handle_plan plan;
    int netns_fd;
    bool new_netns;
    struct guest_spec_mounts mounts;
    bool hooks_began;
    struct error *err;
    struct undo undo;
};

/* ---- inverses ---- */

static void undo_slot(void *arg)
{
    struct creation *creation = arg;

    (void)slot_remove(&creation->container->store, &creation->container->slot, NULL);
}

static void undo_group(void *arg)
{
    struct creation *creation = arg;

    (void)container_group_remove(&creation->container->record, false, NULL);
}

static void undo_machine(void *arg)
{
    struct creation *creation = arg;

    machine_close(&creation->machine);
    if (creation->pod.owns_sandbox)
        (void)machine_stop(&creation->container->store, creation->pod.sandbox_id, NULL);
}

static void undo_shares(void *arg)
{
    struct creation *creation = arg;

    (void)machine_unshare(&creation->machine, creation->container->record.guest_id, NULL);
}

static void undo_handle(void *arg)
{
    struct creation *creation = arg;

    handle_done(&creation->handle);
}

static int remove_work(struct guest *guest, void *arg, struct error *err)
{
    return guest_remove(guest, arg, GUEST_TIMEOUT_NS, err);
}

static void undo_guest(void *arg)
{
    struct creation *creation = arg;

    (void)machine_run(&creation->machine, remove_work, (void *)(uintptr_t)creation->container->record.guest_id, NULL);
}

static void undo_hooks(void *arg)
{
    struct creation *creation = arg;

    if (creation->hooks_began)
        (void)container_run_hooks(creation->container, creation->bundle.spec, "poststop", CONTAINER_STOPPED, NULL);
}

/* ---- steps ---- */

static void find_pod(struct creation *creation)
{
    struct container *container = creation->container;
    struct machine machine = MACHINE_NONE;

    bool runs = machine_find(container->arena, &container->store, creation->pod.sandbox_id, &machine, NULL) == 0;
    machine_close(&machine);
    if (!runs)
        creation->pod = (struct pod){.sandbox_id = creation->args->id, .owns_sandbox = true};
}

static int prepare(struct creation *creation)
{
    struct container *container = creation->container;
    struct record *record = &container->record;
    const struct create_args *args = creation->args;

    int r = store_check_id(args->id, creation->err);
    if (r == 0)
        r = bundle_read(container->arena, args->bundle, args->config, &creation->bundle, creation->err);
    if (r == 0)
        r = console_check(creation->bundle.spec->process->terminal, creation->args->console_socket,
                          creation->args->in_foreground, creation->err);
    if (r == 0)
        r = program_check(creation->bundle.rootfs, creation->bundle.spec, creation->bundle.spec->process->args.items[0],
                          creation->err);
    if (r == 0)
        r = pod_of(creation->bundle.spec, args->id, &creation->pod, creation->err);
    if (r == 0 && creation->pod.may_be_alone)
        find_pod(creation);
    *record = (struct record){
        .id = args->id,
        .bundle = creation->bundle.path,
        .rootfs = creation->bundle.rootfs,
        .sandbox_id = creation->pod.sandbox_id,
        .owns_sandbox = creation->pod.owns_sandbox,
        .terminal = r == 0 && creation->bundle.spec->process->terminal,
        .status = CONTAINER_CREATING,
        .created_ns = sys_realtime_ns(),
        .cgroup = "",
    };
    if (r == 0)
        r = guest_id_from(args->id, container->arena, &record->guest_id, creation->err);
    if (r == 0)
        r = proc_identify(sys_getpid(), &record->creator);
    return r;
}

/* A command that was killed while it created leaves its name taken. True when it is free again. */
static bool reclaim(struct creation *creation)
{
    const struct store *store = &creation->container->store;
    _slot_ struct slot slot = SLOT_INIT;
    struct record record;

    if (slot_open(store, creation->args->id, &slot, NULL) < 0 || slot_lock(store, &slot, 0, NULL) < 0 ||
        slot_read_record(creation->container->arena, &slot, &record, NULL) < 0)
        return false;
    if (record.status != CONTAINER_CREATING || proc_is_alive(&record.creator))
        return false;
    if (record.owns_sandbox && machine_stop(store, record.sandbox_id, NULL) < 0)
        return false;
    if (container_group_remove(&record, false, NULL) < 0)
        return false;
    return slot_remove(store, &slot, NULL) == 0;
}

static int reserve(struct creation *creation)
{
    struct container *container = creation->container;

    int r = slot_create(&container->store, creation->args->id, &container->record, &container->slot, creation->err);
    if (r == -EEXIST && reclaim(creation))
        r = slot_create(&container->store, creation->args->id, &container->record, &container->slot, creation->err);
    if (r < 0)
        return r;
    undo_push(&creation->undo, undo_slot, creation);
    undo_push(&creation->undo, undo_hooks, creation);
    r = slot_write(&container->slot, STORE_CONFIG, creation->bundle.text.data, creation->bundle.text.len, creation->err);
    if (r < 0)
        return r;
    r = sys_mknodat(container->slot.fd, STORE_EXECS, S_IFIFO | 0600, 0);
    return r < 0 ? error_set(creation->err, r, "make the FIFO %s of container %s", STORE_EXECS, container->record.id) : 0;
}

static int make_group(struct creation *creation)
{
    if (creation->args->without_group)
        return 0;
    undo_push(&creation->undo, undo_group, creation);
    return container_group_make(creation->container, creation->bundle.spec, &creation->group, creation->err);
}

static int enter_machine(struct creation *creation)
{
    struct container *container = creation->container;
    const struct pod *pod = &creation->pod;

    const struct machine_args args = {
        .store = &container->store,
        .sandbox_id = pod->sandbox_id,
        .spec = creation->bundle.spec,
        .config_path = creation->args->runtime_config,
        .cgroup = creation->group.group,
    };

    int r = pod->owns_sandbox
                ? machine_start(container->arena, &args, &creation->machine, creation->err)
                : machine_find(container->arena, &container->store, pod->sandbox_id, &creation->machine, creation->err);
    if (r == 0)
        undo_push(&creation->undo, undo_machine, creation);
    return r;
}

static void use_caller_size(struct oci_process *process)
{
    process->has_console_size = process->terminal && console_caller_size(&process->console_height, &process->console_width);
}

/* One line for all that the container does without. */
static void warn_of_omission(struct container *container, size_t n, const char *what)
{
    const struct error before = container->warning;

    if (n == 0)
        return;
    (void)error_text(&container->warning, -ENODEV, "left out: %zu %s", n, what);
    if (before.errnum)
        (void)error_wrap(&container->warning, "%s", before.text);
}

static int share_mounts(struct creation *creation)
{
    struct container *container = creation->container;
    const struct record *record = &container->record;

    int r = oci_spec_from_json(container->arena, creation->bundle.text.data, creation->bundle.text.len, &creation->guest_spec,
                               NULL, creation->err);
    if (r == 0 && creation->args->in_foreground && !creation->guest_spec->process->has_console_size)
        use_caller_size(creation->guest_spec->process);
    if (r == 0)
        r = rootfs_keep_modes(container->arena, record->rootfs, creation->guest_spec, creation->err);
    if (r == 0)
        r = guest_spec_prepare(container->arena, creation->guest_spec, record->guest_id, record->bundle, record->rootfs,
                               &creation->mounts, creation->err);
    if (r == 0) {
        warn_of_omission(container, creation->mounts.n_left_out, "block devices of the host (linux.devices)");
        warn_of_omission(container, creation->mounts.n_hierarchies_left_out, "control group hierarchies of the host (mounts)");
        warn_of_omission(container, creation->mounts.n_names_left_out, "unknown names (process.capabilities)");
        undo_push(&creation->undo, undo_shares, creation);
    }
    for (size_t i = 0; i < creation->mounts.n && r == 0; i++) {
        const struct guest_spec_mount *mount = &creation->mounts.items[i];
        r = machine_share(container->arena, &creation->machine, record->guest_id, mount->source, mount->readonly, mount->idmap,
                          mount->target, creation->err);
    }
    return r;
}

/* The pod's network namespace, for hooks that look for it by the handle's pid. */
static int open_netns(struct creation *creation)
{
    const struct oci_linux *linux_ = creation->bundle.spec->linux_;
    const struct oci_namespace *entry = linux_ ? oci_namespace_find(linux_, OCI_NS_NETWORK) : NULL;

    creation->new_netns = entry && (!entry->path || !*entry->path);
    if (!entry || creation->new_netns)
        return 0;
    _close_ int fd = sys_openat(AT_FDCWD, entry->path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(creation->err, fd, "open the network namespace %s", entry->path);
    if (sys_ioctl(fd, NS_GET_NSTYPE, NULL) != CLONE_NEWNET)
        return error_status(creation->err, STATUS_INVALID_ARGUMENT, "%s is no network namespace", entry->path);
    creation->netns_fd = fd_take(&fd);
    return 0;
}

static int enrol(void *arg, struct error *err)
{
    const struct creation *creation = arg;

    return machine_enrol(&creation->machine, creation->container->record.guest_id, "", err);
}

static int plan_view(struct creation *creation, struct view *ret_view)
{
    struct guest_spec_mounts mounts = creation->mounts;
    struct view_mount *items = arena_calloc(creation->container->arena, mounts.n, sizeof(*items));

    if (!items)
        return error_set(creation->err, -ENOMEM, "plan the view of %zu mounts", mounts.n);
    for (size_t i = 0; i < mounts.n; i++)
        items[i] = (struct view_mount){mounts.items[i].source, mounts.items[i].destination, mounts.items[i].readonly};
    items[0].readonly = creation->bundle.spec->root->readonly;
    *ret_view = (struct view){items, mounts.n};
    return 0;
}

/* Where the programs of execs end before the container's, because that is the first one of their PID namespace. */
static const char *execs_that_end_first(const struct creation *creation)
{
    const struct container *container = creation->container;
    const struct oci_linux *linux_ = creation->bundle.spec->linux_;
    bool owns_pids = linux_ && oci_namespace_find(linux_, OCI_NS_PID) && !creation->pod.shares_pid;

    return owns_pids ? slot_path(container->arena, &container->store, &container->slot, STORE_EXECS) : NULL;
}

static int start_handle(struct creation *creation)
{
    struct view view;
    struct record *record = &creation->container->record;
    const struct oci_process *process = creation->bundle.spec->process;
    int r = plan_view(creation, &view);

    if (r == 0 && record->terminal && creation->args->console_socket)
        r = console_open(&creation->console, process->console_height, process->console_width, creation->err);
    if (r < 0)
        return r;
    creation->plan = (struct handle_plan){
        .guest = &creation->machine.guest,
        .process = {.container_id = record->guest_id, .exec_id = ""},
        .terminal = record->terminal,
        .console = creation->console.slave,
        .netns_fd = creation->netns_fd,
        .new_netns = creation->new_netns,
        .cgroup = creation->group.group,
        .execs = execs_that_end_first(creation),
        .view = view,
        .enrol = enrol,
        .arg = creation,
    };
    r = handle_spawn(&creation->plan, &creation->handle, creation->err);
    if (r < 0)
        return r;
    undo_push(&creation->undo, undo_handle, creation);
    record->handle = creation->handle.proc;
    return slot_write_record(&creation->container->slot, record, creation->err);
}

static int run_hooks(struct creation *creation)
{
    const struct oci_spec *spec = creation->bundle.spec;

    creation->hooks_began = true;
    int r = container_run_hooks(creation->container, spec, "prestart", CONTAINER_CREATING, creation->err);
    if (r == 0)
        r = container_run_hooks(creation->container, spec, "createRuntime", CONTAINER_CREATING, creation->err);
    return r;
}

struct create_work {
    struct creation *creation;
    Grpc__Spec *wire;
};

static int create_work(struct guest *guest, void *arg, struct error *err)
{
    struct create_work *work = arg;

    return guest_create(guest, work->creation->container->record.guest_id, work->wire, work->creation->pod.shares_pid, err);
}

static int create_in_guest(struct creation *creation)
{
    struct create_work work = {.creation = creation};

    int r = oci_spec_to_wire(creation->container->arena, creation->guest_spec, &work.wire, creation->err);
    if (r == 0)
        r = machine_run(&creation->machine, create_work, &work, creation->err);
    if (r == 0)
        undo_push(&creation->undo, undo_guest, creation);
    return r;
}

static int publish(struct creation *creation)
{
    struct container *container = creation->container;
    const struct create_args *args = creation->args;

    int r = handle_go(&creation->handle, creation->err);
    if (r == 0 && args->console_socket)
        r = console_send(&creation->console, args->console_socket, creation->err);
    if (r == 0 && args->pidfd_socket)
        r = handle_send_pidfd(&creation->handle, args->pidfd_socket, creation->err);
    if (r == 0)
        r = machine_commit(&creation->machine, creation->err);
    if (r < 0)
        return r;
    container->record.status = CONTAINER_CREATED;
    r = slot_write_record(&container->slot, &container->record, creation->err);
    if (r == 0 && args->pid_file)
        r = pidfile_write(args->pid_file, creation->handle.proc.pid, creation->err);
    return r;
}

int container_create(struct container *container, const struct create_args *args, struct handle *ret_handle, struct error *err)
{
    static int (*const steps[])(struct creation * creation) = {
        prepare,    reserve,      make_group, enter_machine,   share_mounts,
        open_netns, start_handle, run_hooks,  create_in_guest, publish,
    };
    struct creation creation = {
        .container = container,
        .args = args,
        .group = HOSTGROUP_NONE,
        .machine = MACHINE_NONE,
        .console = CONSOLE_NONE,
        .handle = HANDLE_NONE,
        .netns_fd = -1,
        .err = err,
        .undo = UNDO_INIT,
    };
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
        r = steps[i](&creation);
    if (r == 0) {
        undo_commit(&creation.undo);
        *ret_handle = creation.handle;
    }
    undo_unwind(&creation.undo);
    machine_close(&creation.machine);
    hostgroup_close(&creation.group);
    console_close(&creation.console);
    fd_close(&creation.netns_fd);
    buf_done(&creation.bundle.text);
    return r;
}
