/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that serves a hostile guest gives up once its sockets are open: privileges, core dumps and all system calls
 * but those of the device. */
#pragma once
#include "base/error.h"

/* Irreversible. 0 or -errno. */
int lockdown_enter(struct error *err);
