/* SPDX-License-Identifier: Apache-2.0 */
/* A look into a bundle's root file system, from the host, as the container will see it. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

/* The last of the first n_mounts mounts that covers path, or NULL. ret_rest: the path below it. */
const struct oci_mount *rootfs_cover(const struct oci_spec *spec, size_t n_mounts, const char *path, const char **ret_rest);
/* What is at path once the first n_mounts mounts are made: an O_PATH descriptor, or -errno; -EXDEV when only the guest knows,
 * -EINVAL for a relative path. Links of the root file system stay inside it. */
int rootfs_look(const char *rootfs, const struct oci_spec *spec, size_t n_mounts, const char *path);
/* Gives each tmpfs that names no mode the one of the directory that it covers, as other runtimes do. */
int rootfs_keep_modes(struct arena *a, const char *rootfs, struct oci_spec *spec, struct error *err);
