/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of files that the guest sees as others (runtime-spec config.md, "Linux mount options": idmap). The host's kernel maps
 * them in the mount that is shared; the guest's could not for a file system of the host. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "oci/spec.h"

struct idmap {
    const struct oci_id_mapping *uids; /* container_id: on the file system; host_id: as it is seen */
    size_t n_uids;
    const struct oci_id_mapping *gids;
    size_t n_gids;
    bool recursive; /* for the mounts below, too */
};

/* Maps the ids of a detached mount. An error where a file system of it cannot, or where it is mapped already. Needs root. */
int idmap_apply(int tree, const struct idmap *idmap, struct error *err);
