/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine of a container, as its life cycle sees it. */
#pragma once
#include "cgroup/cgroup.h"
#include "oci/spec.h"
#include "runtime-min/container/guest.h"
#include "runtime-min/container/guest_dial.h"
#include "runtime-min/container/store.h"
#include "runtime-min/sandbox/idmap.h"

struct machine {
    const char *store_path;
    const char *sandbox_id;
    struct guest_address guest; /* its path is in the arena it was found with */
    int control_fd;             /* from machine_start() until machine_commit(): the machine ends with it */
};

#define MACHINE_NONE ((struct machine){.control_fd = -1})

struct machine_args {
    const struct store *store;
    const char *sandbox_id;
    const struct oci_spec *spec; /* its hostname and limits */
    const char *config_path;     /* of the runtime's configuration, NULL for the usual one */
    struct cgroup *cgroup;       /* of the host, for the machine's processes; NULL: that of the caller */
};

/* Boots one, sized for the spec. It ends with this process unless it is committed. */
int machine_start(struct arena *a, const struct machine_args *args, struct machine *ret_machine, struct error *err);
/* One that runs; NOT_FOUND when there is none. */
int machine_find(struct arena *a, const struct store *store, const char *sandbox_id, struct machine *ret_machine,
                 struct error *err);
/* guest_run(). When it fails because the machine died, NOT_FOUND and why that was. */
int machine_run(const struct machine *machine, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
                struct error *err);
/* Makes a directory or file of the host visible in the guest for a container. */
int machine_share(struct arena *a, const struct machine *machine, const char *guest_id, const char *source, bool readonly,
                  const struct idmap *idmap, char **ret_guest_path, struct error *err);
/* Takes back all that was shared for a container. */
int machine_unshare(const struct machine *machine, const char *guest_id, struct error *err);
/* For the handle of a process: a descriptor to hold; when it closes without the process having ended, that one is killed. */
int machine_enrol(const struct machine *machine, const char *guest_id, const char *exec_id, struct error *err);
/* OOM kills in a container: sandbox_oom_open(); NULL where there are none to be told. */
struct sandbox_oom;
int machine_listen_oom(const struct machine *machine, struct loop *loop, const char *guest_id, struct sandbox_oom **ret_oom,
                       struct error *err);
int machine_commit(struct machine *machine, struct error *err);
/* Ends the machine and removes all that belongs to it; also when its monitor is gone. Nothing to do is success. */
int machine_stop(const struct store *store, const char *sandbox_id, struct error *err);
void machine_close(struct machine *machine);
