/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a spec's mounts[]: checked without the kernel, then applied below the root descriptor. */
#pragma once
#include <limits.h>

#include "agent/container/mount_options.h"
#include "agent/container/rootfs.h"

enum mount_kind {
    MOUNT_KIND_BIND,
    MOUNT_KIND_CGROUP,
    MOUNT_KIND_FILE_SYSTEM,
    MOUNT_KIND_REMOUNT,
};

struct mount_plan {
    const struct oci_mount *mount;
    struct mount_options options;
    enum mount_kind kind;
    char destination[PATH_MAX]; /* cleaned, relative to nothing but the container's root */
};

/* Pure. -EINVAL with the entry named; texts: container-jail sheet 2.3. */
int mount_plan_make(const struct oci_mount *mount, struct mount_plan *ret, struct error *err);
/* Errors name source, destination and type. */
int mount_plan_apply(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err);
