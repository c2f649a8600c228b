/* SPDX-License-Identifier: Apache-2.0 */
/* A look into a bundle's root file system, from the host, as the container will see it. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

/* What is at path, an O_PATH descriptor, or -errno; -EXDEV when one of the first n_mounts mounts covers it, -EINVAL for a
 * relative path. Links stay inside the root. */
int rootfs_look(const char *rootfs, const struct oci_spec *spec, size_t n_mounts, const char *path);
/* Gives each tmpfs that names no mode the one of the directory that it covers, as other runtimes do. */
int rootfs_keep_modes(struct arena *a, const char *rootfs, struct oci_spec *spec, struct error *err);
