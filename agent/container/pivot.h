/* SPDX-License-Identifier: Apache-2.0 */
/* Entering the new root: afterwards nothing of the guest's tree can be reached by name. */
#pragma once
#include "agent/container/rootfs.h"

/* pivot_root(2) onto the new root and detachment of the old one. */
int pivot_enter(const struct rootfs *rootfs, struct error *err);
/* For a guest whose root cannot be pivoted away (initramfs): proc and sysfs mounts outside the new root go, or are covered;
 * then the new root is moved onto "/" and becomes the root of the process. */
int pivot_move(const struct rootfs *rootfs, struct error *err);
