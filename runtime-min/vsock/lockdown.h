/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that serves a hostile guest gives up once its sockets are open: the host's files and networks, privileges,
 * core dumps and all system calls but those of the device. */
#pragma once
#include "base/error.h"

/* Irreversible. directory becomes the working directory and, for who may do that, the root. 0 or -errno. */
int lockdown_enter(const char *directory, struct error *err);
