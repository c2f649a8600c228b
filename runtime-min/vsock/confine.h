/* SPDX-License-Identifier: Apache-2.0 */
/* What the device gives up once its sockets are open: the host's files and networks, core dumps, privileges and all system
 * calls but its own. */
#pragma once
#include "base/error.h"

/* Irreversible. directory becomes the working directory and, for who may do that, the root. 0 or -errno. */
int confine_enter(const char *directory, struct error *err);
