/* SPDX-License-Identifier: Apache-2.0 */
/* exec: one more process in a container, with a handle of its own. */
#pragma once
#include "runtime-min/container/container.h"

struct exec_args {
    struct oci_process *process; /* complete; changed for the guest */
    const char *console_socket;  /* or NULL */
    const char *pidfd_socket;    /* or NULL */
    const char *pid_file;        /* or NULL */
    bool in_foreground;
};

/* On success the process runs and the caller releases the handle. Needs no lock. */
int container_exec(struct container *container, const struct exec_args *args, struct handle *ret_handle, struct error *err);
