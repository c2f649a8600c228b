/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest sees of the host's files: a tree in the monitor's own mount namespace, which is gone with its last process.
 *
 *     share/mounts/C/N   the monitor's side: things are mounted here, in directories that it made
 *     share/export/...   what virtiofsd serves: the same tree, a slave of mounts/ and read-only itself
 *
 * C is a number of one container's life: a guest remembers for a second what a name led to, so no name is used twice.
 * The guest writes only into what was shared for writing: it cannot plant a link where something will be mounted
 * (CVE-2020-2026), and a read-only share is read-only on the host (CVE-2020-28914). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

#define SHARE_EXPORT "share/export"
#define SHARE_GUEST "/run/kata-containers/shared/containers"

struct shares {
    struct list sharers; /* containers that share something; starts as an empty list */
    uint64_t next;       /* number of the next one */
};

/* Moves the calling process, whose working directory is that of the machine, to a mount namespace of its own: mounts of the
 * host still arrive there, nothing goes back. */
int share_open(struct error *err);
/* Attaches a detached mount as the next one of a container. tree: path of the mount, a magic link. ret_name: "C/N". */
int share_add(struct shares *shares, const char *container, const char *tree, char *ret_name, size_t cap, struct error *err);
/* Takes all of a container back. None is success. */
int share_remove(struct shares *shares, const char *container, struct error *err);
/* Takes everything down. */
void share_close(struct shares *shares);
