/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal of a process that has one, on the process's side.
 *
 * Where the container has a devpts of its own, the child makes the terminal there, so that its name exists in the container,
 * and hands the master to the agent (sync.h). Else the terminal is one of the guest's and the agent has made it (stdio.h). */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "oci/spec.h"

/* Pure: whether the spec gives the container a mount namespace with a devpts on /dev/pts. */
bool terminal_is_of_container(const struct oci_spec *spec);
/* Makes a terminal in the devpts on /dev/pts below root_fd, with the console size of the process. ret_master: non-blocking;
 * ret_slave; both close-on-exec and owned by the caller. -ENODEV when something else is there, whoever put it there. */
int terminal_open(int root_fd, const struct oci_process *process, int *ret_master, int *ret_slave, struct error *err);
/* Binds the slave on /dev/console below root_fd, which is made when missing; what is there may be anything but a link or a
 * directory. The slave must be of a mount of the caller's namespace. */
int terminal_place_console(int root_fd, int slave_fd, struct error *err);
/* setsid(2), and descriptor 0 becomes the controlling terminal. */
int terminal_take(bool is_terminal, struct error *err);
