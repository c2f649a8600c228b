/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's root and pivot_root(2), which refuses a root that hangs nowhere, as an initramfs is. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

/* Whether the caller's root is such a one, by /proc/self/mountinfo (proc(5)). 1 or 0, or -errno. */
int root_is_bare(struct error *err);

/* If the root is a bare one, puts another view of it on top and moves there with /proc: containers can then pivot away from it
 * like from any other. For PID 1 before it mounts anything but /proc. 0 or -errno. */
int root_lift(struct error *err);
