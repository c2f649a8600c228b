/* SPDX-License-Identifier: Apache-2.0 */
/* Where a program that runs a hostile guest lives: a root directory of its own with programs and libraries, read-only; a
 * network without interfaces; and a user that owns nothing and that nobody else is.
 *
 * All that belongs to its machine is handed to it as open descriptors, so it needs no name of the host's. */
#pragma once
#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* For sys_spawn(): what jail_enter() expects to be the child's own. */
#define JAIL_NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)

/* Users of jails: this number and the pid of the machine's monitor. systemd's list (UIDS-GIDS) leaves the range free:
 * containers and dynamic users end before it, and 2^31, from where on programs break, comes after it. */
#define JAIL_UID_FIRST UINT32_C(0x70000000)
/* Where a user namespace does not have that number: nobody. */
#define JAIL_UID_NOBODY 65534

/* From the child, as root. program: absolute; *ret_program (PATH_MAX bytes) is where it is in the jail, without links.
 * device: one of the host's that it may use, or NULL. Irreversible: on failure the child must end. */
int jail_enter(const char *program, const char *device, uid_t uid, char *ret_program, struct error *err);
