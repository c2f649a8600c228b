/* SPDX-License-Identifier: Apache-2.0 */
/* View: what a caller sees that enters the mount namespace of a handle, as `podman cp` does to reach a running container's
 * files. It is the container's root file system with its bind mounts, taken from the host's side; without it such a caller
 * would read and write the files of the host. The file systems that only the guest has are missing: /proc, /dev, tmpfs. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct view_mount {
    const char *source;      /* absolute, on the host */
    const char *destination; /* in the container; of the root "/" */
    bool readonly;
};

struct view {
    const struct view_mount *mounts; /* the root first */
    size_t n;
};

/* Gives the calling process a mount namespace whose root is the view. The process itself goes on seeing the host: its root
 * directory is what the view covers. A bind mount whose place in the root file system is missing
 * or of another kind is left out. Needs root. */
int view_enter(const struct view *view, struct error *err);
