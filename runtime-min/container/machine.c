/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/machine.h"

static int missing(struct error *err)
{
    return error_status(err, STATUS_UNIMPLEMENTED, "virtual machines are not built in yet");
}

int machine_start(struct arena *a, const struct machine_args *args, struct machine *ret_machine, struct error *err)
{
    (void)a, (void)args, (void)ret_machine;
    return missing(err);
}

int machine_find(struct arena *a, const struct store *store, const char *sandbox_id, struct machine *ret_machine,
                 struct error *err)
{
    (void)a, (void)store, (void)sandbox_id, (void)ret_machine;
    return error_status(err, STATUS_NOT_FOUND, "sandbox %s does not run", sandbox_id);
}

int machine_share(struct arena *a, const struct machine *machine, const char *guest_id, const char *source, bool readonly,
                  char **ret_guest_path, struct error *err)
{
    (void)a, (void)machine, (void)guest_id, (void)source, (void)readonly, (void)ret_guest_path;
    return missing(err);
}

int machine_unshare(const struct machine *machine, const char *guest_id, struct error *err)
{
    (void)machine, (void)guest_id, (void)err;
    return 0;
}

int machine_enrol(const struct machine *machine, const char *guest_id, const char *exec_id, struct error *err)
{
    (void)machine, (void)guest_id, (void)exec_id;
    return missing(err);
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
