/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/machine.h"

#include "runtime-min/container/machine_size.h"
#include "runtime-min/sandbox/sandbox.h"

#define NOTICE_NS (2 * NSEC_PER_SEC)
#define PAUSE_NS (10 * NSEC_PER_MSEC)

int machine_find(struct arena *a, const struct store *store, const char *sandbox_id, struct machine *ret_machine,
                 struct error *err)
{
    struct sandbox_status status;

    int r = sandbox_status(store->path, sandbox_id, &status, err);
    if (r < 0)
        return r;
    *ret_machine = (struct machine){
        .store_path = store->path,
        .sandbox_id = sandbox_id,
        .guest = {.socket_path = sandbox_socket_path(a, store->path, sandbox_id), .cid = status.guest_cid},
        .control_fd = -1,
    };
    return 0;
}

int machine_start(struct arena *a, const struct machine_args *args, struct machine *ret_machine, struct error *err)
{
    struct runtime_config runtime;
    struct machine machine = {
        .store_path = args->store->path,
        .sandbox_id = args->sandbox_id,
        .guest.socket_path = sandbox_socket_path(a, args->store->path, args->sandbox_id),
        .control_fd = -1,
    };

    int r = runtime_config_load(a, args->config_path, &runtime, err);
    if (r == 0)
        r = runtime_config_check(&runtime, err);
    if (r < 0)
        return r;
    struct sandbox_config config = {
        .root = args->store->path,
        .id = args->sandbox_id,
        .hostname = args->spec->hostname ?: "",
        .vcpus = machine_vcpus(args->spec, runtime.vcpus),
        .memory_mib = machine_memory_mib(args->spec, runtime.memory_mib),
        .runtime = &runtime,
        .cgroup = args->cgroup,
    };
    r = sandbox_start(&config, &machine.control_fd, &machine.guest.cid, err);
    if (r == 0)
        *ret_machine = machine;
    return r;
}

/* The connection ended: the machine does, too, and whoever saw it first may be earlier than its monitor. */
static bool is_lost(const struct error *failure)
{
    int errnum = failure->errnum;

    return failure->status == STATUS_UNAVAILABLE ||
           (failure->status == STATUS_INTERNAL &&
            (errnum == ECONNREFUSED || errnum == ECONNRESET || errnum == ENOENT || errnum == ENODEV || errnum == EPIPE));
}

/* NOT_FOUND with the reason once the monitor knows it; 0 when the machine lives on. */
static int await_death(const struct machine *machine, struct error *err)
{
    uint64_t deadline = sys_monotonic_ns() + NOTICE_NS;
    struct sandbox_status status;
    int r;

    while ((r = sandbox_status(machine->store_path, machine->sandbox_id, &status, err)) == 0 && sys_monotonic_ns() < deadline)
        sys_nanosleep(PAUSE_NS);
    return r;
}

int machine_run(const struct machine *machine, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
                struct error *err)
{
    struct error failure = {.errnum = 0}, death = {.errnum = 0};

    int r = guest_run(&machine->guest, fn, arg, &failure);
    if (r < 0 && is_lost(&failure) && await_death(machine, &death) == -ENOENT) {
        failure = death;
        r = -ENOENT;
    }
    if (r < 0 && err)
        *err = failure;
    return r;
}

int machine_share(struct arena *a, const struct machine *machine, const char *guest_id, const char *source, bool readonly,
                  const struct idmap *idmap, char **ret_guest_path, struct error *err)
{
    const char *path = NULL;

    int r = sandbox_share(a, machine->store_path, machine->sandbox_id, guest_id, source, readonly, idmap, &path, err);
    if (r < 0)
        return r;
    *ret_guest_path = arena_strdup(a, path);
    return 0;
}

int machine_unshare(const struct machine *machine, const char *guest_id, struct error *err)
{
    return sandbox_unshare(machine->store_path, machine->sandbox_id, guest_id, err);
}

int machine_enrol(const struct machine *machine, const char *guest_id, const char *exec_id, struct error *err)
{
    return sandbox_hold(machine->store_path, machine->sandbox_id, guest_id, exec_id, err);
}

int machine_listen_oom(const struct machine *machine, struct loop *loop, const char *guest_id, struct sandbox_oom **ret_oom,
                       struct error *err)
{
    return sandbox_oom_open(loop, machine->store_path, machine->sandbox_id, guest_id, ret_oom, err);
}

int machine_commit(struct machine *machine, struct error *err)
{
    return machine->control_fd < 0 ? 0 : sandbox_commit(&machine->control_fd, err);
}

int machine_stop(const struct store *store, const char *sandbox_id, struct error *err)
{
    return sandbox_stop(store->path, sandbox_id, err);
}

void machine_close(struct machine *machine)
{
    fd_close(&machine->control_fd);
}
