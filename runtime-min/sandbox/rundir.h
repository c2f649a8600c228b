/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of one machine: ROOT/.sandboxes/ID. Who holds its lock may change it; a monitor holds it as long as it lives.
 * It goes with sandbox_stop(): a monitor has no rights to remove it. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "runtime-min/container/proc.h"

#define RUNDIR_ROOT ".sandboxes"
#define RUNDIR_LOCK "lock"
#define RUNDIR_LOG "log"
#define RUNDIR_REASON "reason"
#define RUNDIR_CONTROL "monitor.sock"
#define RUNDIR_NEWBORN "monitor.new" /* the same, of a machine that is not ready yet */
#define RUNDIR_VSOCK "vsock.sock"
#define RUNDIR_FS "fs.sock"
#define RUNDIR_SHARE "share"

struct rundir {
    int parent_fd;
    int fd;
    int lock_fd;
};

#define RUNDIR_NONE ((struct rundir){.parent_fd = -1, .fd = -1, .lock_fd = -1})

/* A name of one component that does not start with a dot. */
int rundir_check_id(const char *id, struct error *err);
/* Makes the directory, locked and empty but for the lock; what a dead monitor left is removed first. ALREADY_EXISTS while a
 * monitor lives. */
int rundir_create(const char *root, const char *id, struct rundir *ret_rundir, struct error *err);
/* Without a lock. -ENOENT and no message when there is none. */
int rundir_open(const char *root, const char *id, struct rundir *ret_rundir, struct error *err);
/* Takes the lock: 0, or -EWOULDBLOCK while a monitor lives. */
int rundir_lock(struct rundir *rundir);
/* The monitor, in its directory, writes down who it is, for those who have to kill it. */
int rundir_sign(struct error *err);
/* Who that was. */
int rundir_owner(const struct rundir *rundir, struct proc *ret_owner);
/* Under the lock: clients find the monitor from now on. */
int rundir_publish(const struct rundir *rundir);
/* Appends why the machine died, when it did by itself. */
void rundir_reason(const char *root, const char *id, struct buf *out);
/* Removes the directory and what monitors make in it, under the lock. -ENOTEMPTY names what is left. */
int rundir_remove(int parent_fd, int fd, const char *id, struct error *err);
void rundir_close(struct rundir *rundir);
#define _rundir_ CLEANUP(rundir_close)
