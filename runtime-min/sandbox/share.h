/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest sees of the host's files: a tree in the monitor's own mount namespace, which is gone with its last process.
 *
 *     share/mounts/C/N   the host's side: things are mounted here, in directories that it made
 *     share/export/...   what virtiofsd serves: the same tree, a slave of mounts/ and read-only itself
 *     share/names/ID     a link with the text C, for the container ID
 *
 * C is a random number for one container's life: a guest remembers for a second what a name led to, so no name is used twice.
 * The guest writes only into what was shared for writing: it cannot plant a link where something will be mounted
 * (CVE-2020-2026), and a read-only share is read-only on the host (CVE-2020-28914).
 *
 * The monitor makes the tree and has no right to change it afterwards. Its clients do, who go there (visit.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SHARE_EXPORT "share/export"
#define SHARE_GUEST "/run/kata-containers/shared/containers"
#define SHARE_NAME_BYTES 32

/* Moves the calling process, whose working directory is that of the machine, to a mount namespace of its own: mounts of the
 * host still arrive there, nothing goes back. */
int share_open(struct error *err);
/* From there: attaches the detached mount tree as the next one of a container, whose commands take turns. ret_name: "C/N". */
int share_add(int tree, const char *container, char ret_name[static SHARE_NAME_BYTES], struct error *err);
/* From there: takes all of a container back. None is success; what a caller left that was killed is finished. */
int share_remove(const char *container, struct error *err);
