/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine as its clients see it: start, find, share, hold, stop.
 *
 * Each machine has a monitor, a process of its own that outlives the command that started it. It lives in a directory:
 *
 *     ROOT/.sandboxes/ID/     0700
 *         lock                the monitor holds flock(2) as long as it lives
 *         monitor.sock        control socket, for those who may override its mode (CAP_DAC_OVERRIDE)
 *         vsock.sock          hybrid vsock: "CONNECT 1024" leads to the agent; not where the kernel's vsock device is used
 *         log                 of the monitor
 *         reason              why the machine died
 *         share/              mount point; what is mounted there is seen by the monitor and the guest only
 *
 * Paths of sockets may be longer than an address holds: connect with unix_path_connect(). But for OOM events nothing
 * here needs a loop; calls block as long as the monitor takes, which has time limits of its own. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "cgroup/cgroup.h"
#include "loop/loop.h"
#include "runtime-min/config/config.h"
#include "runtime-min/sandbox/idmap.h"

struct sandbox_config {
    const char *root; /* absolute; exists */
    const char *id;   /* a name of one path component */
    const char *hostname;
    unsigned int vcpus;      /* 0: as configured */
    unsigned int memory_mib; /* 0: as configured */
    const struct runtime_config *runtime;
    struct cgroup *cgroup; /* of the host, for all processes of the machine; NULL: that of the caller */
};

/* Boots a machine and returns when its agent has answered and made the sandbox, or with the full reason: guest console and
 * stderr of the programs included. ALREADY_EXISTS when it runs. *ret_control: the machine ends when it closes before
 * sandbox_commit(). *ret_guest_cid: as in struct sandbox_status.
 */
int sandbox_start(const struct sandbox_config *config, int *ret_control, unsigned int *ret_guest_cid, struct error *err);
/* From now on the machine lives until sandbox_stop(). Closes *control. */
int sandbox_commit(int *control, struct error *err);

/* ROOT/.sandboxes/ID/vsock.sock in a. NULL when the arena is used up. */
const char *sandbox_socket_path(struct arena *a, const char *root, const char *id);

struct sandbox_status {
    int vm_pid;
    int monitor_pid;
    uint64_t uptime_ns;
    char accel[8];
    unsigned int guest_cid; /* at the kernel's vsock device; 0: vsock.sock leads to the guest */
};

/* NOT_FOUND "sandbox ID does not run" when there is none, or its monitor is gone, with the reason if it died by itself. */
int sandbox_status(const char *root, const char *id, struct sandbox_status *ret_status, struct error *err);

/* Makes a directory or file, with all that is mounted below it, visible in the guest. source is looked up in the caller's view.
 * read_only holds for the whole tree and is enforced by the host; idmap may be NULL. *ret_guest_path is in a. */
int sandbox_share(struct arena *a, const char *root, const char *id, const char *container_id, const char *source,
                  bool read_only, const struct idmap *idmap, const char **ret_guest_path, struct error *err);
/* Takes back everything shared for a container. Its processes need no holders any more. */
int sandbox_unshare(const char *root, const char *id, const char *container_id, struct error *err);
/* A descriptor to hold for a process of the guest (exec_id "": the container's first): when it closes, also because the holder
 * died, the process is killed unless it has ended. */
int sandbox_hold(const char *root, const char *id, const char *container_id, const char *exec_id, struct error *err);

/* OOM kills in a container, from a fiber of the loop: open returns once none can be missed any more, next for each one. Fails
 * when the machine ends. */
struct sandbox_oom;
int sandbox_oom_open(struct loop *loop, const char *root, const char *id, const char *container_id,
                     struct sandbox_oom **ret_oom, struct error *err);
int sandbox_oom_next(struct sandbox_oom *oom, struct error *err);
/* Accepts NULL. */
void sandbox_oom_close(struct sandbox_oom *oom);

/* Ends the machine and removes its directory; kills the monitor if it does not answer, cleans up behind one that is gone.
 * Nothing to do is success. Removes only what a monitor made. */
int sandbox_stop(const char *root, const char *id, struct error *err);

/* The monitor: the program calls it for the hidden command `monitor` and exits with its result. */
int sandbox_monitor_main(void);
