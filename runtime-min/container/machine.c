/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/machine.h"

#include "runtime-min/container/machine_size.h"
#include "runtime-min/sandbox/sandbox.h"

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

int machine_share(struct arena *a, const struct machine *machine, const char *guest_id, const char *source, bool readonly,
                  char **ret_guest_path, struct error *err)
{
    const char *path = NULL;

    int r = sandbox_share(a, machine->store_path, machine->sandbox_id, guest_id, source, readonly, &path, err);
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
