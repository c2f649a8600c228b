/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that is none: the agent runs on this host, in namespaces of its own, behind the sockets ROOT.vsock and ROOT.monitor
 * of machine_host.py. It takes the place of container/machine.c in build/.../tatami-host, so that the life of containers is
 * tested without a virtual machine. Paths of the host are those of the guest. */
#include <string.h>

#include "runtime-min/container/machine.h"
#include "runtime-min/container/unix_path.h"

static const char *beside(struct arena *a, const struct store *store, const char *suffix)
{
    return arena_printf(a, "%s%s", store->path, suffix);
}

int machine_find(struct arena *a, const struct store *store, const char *sandbox_id, struct machine *ret_machine,
                 struct error *err)
{
    const char *path = beside(a, store, ".vsock");

    _close_ int probe = unix_path_connect(path, SOCK_STREAM);
    if (probe < 0)
        return error_status(err, STATUS_NOT_FOUND, "sandbox %s does not run", sandbox_id);
    *ret_machine =
        (struct machine){.store_path = store->path, .sandbox_id = sandbox_id, .guest = {.socket_path = path}, .control_fd = -1};
    return 0;
}

int machine_start(struct arena *a, const struct machine_args *args, struct machine *ret_machine, struct error *err)
{
    return machine_find(a, args->store, args->sandbox_id, ret_machine, err);
}

int machine_run(const struct machine *machine, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
                struct error *err)
{
    return guest_run(&machine->guest, fn, arg, err);
}

int machine_share(struct arena *a, const struct machine *machine, const char *guest_id, const char *source, bool readonly,
                  const struct idmap *idmap, char **ret_guest_path, struct error *err)
{
    (void)machine, (void)guest_id, (void)readonly;
    if (idmap)
        return error_status(err, STATUS_UNIMPLEMENTED, "%s: nothing is shared without a machine, so no ids are mapped", source);
    *ret_guest_path = arena_strdup(a, source);
    return 0;
}

int machine_unshare(const struct machine *machine, const char *guest_id, struct error *err)
{
    (void)machine, (void)guest_id, (void)err;
    return 0;
}

int machine_enrol(const struct machine *machine, const char *guest_id, const char *exec_id, struct error *err)
{
    _arena_ struct arena *a = arena_new(65536);
    const char *line = arena_printf(a, "%s %s\n", guest_id, *exec_id ? exec_id : guest_id);
    const char *path = arena_printf(a, "%s.monitor", machine->store_path);

    _close_ int fd = unix_path_connect(path, SOCK_STREAM);
    int r = fd < 0 ? fd : fd_write_all(fd, line, strlen(line));
    return r < 0 ? error_set(err, r, "enrol with %s", path) : fd_take(&fd);
}

int machine_listen_oom(const struct machine *machine, struct loop *loop, const char *guest_id, struct sandbox_oom **ret_oom,
                       struct error *err)
{
    (void)machine, (void)loop, (void)guest_id, (void)err;
    *ret_oom = NULL;
    return 0;
}

int machine_commit(struct machine *machine, struct error *err)
{
    (void)err;
    machine_close(machine);
    return 0;
}

int machine_stop(const struct store *store, const char *sandbox_id, struct error *err)
{
    (void)store, (void)sandbox_id, (void)err;
    return 0;
}

void machine_close(struct machine *machine)
{
    fd_close(&machine->control_fd);
}
