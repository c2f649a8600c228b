/* SPDX-License-Identifier: Apache-2.0 */
/* Masked and read-only paths of a container. */
#pragma once
#include "agent/container/rootfs.h"

/* Pure: form of the paths. -EINVAL; text: container-jail sheet 6.7. */
int mask_check(const struct oci_linux *linux_, struct error *err);
/* Clones the guest's null device for masked files, if any path is to be masked; it cannot be reached any more after the pivot.
 */
int mask_prepare(struct rootfs *rootfs, struct error *err);
/* Files are covered by the null device, directories by one empty read-only tmpfs; then read-only paths become so with all that
 * is mounted below them. Paths that do not exist are skipped. */
int mask_apply(const struct rootfs *rootfs, struct error *err);
