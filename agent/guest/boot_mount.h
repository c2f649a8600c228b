/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that the agent makes as PID 1; used by the boot files only. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"

struct boot_mount {
    const char *fstype;
    const char *source;
    const char *target;
    unsigned long flags;
    const char *data;
    bool tolerated; /* a failure only warns */
};

/* Creates the directory if it is missing and mounts, unless the same type is mounted there on top. */
int boot_mount_apply(const struct boot_mount *mount, const struct logger *log, struct error *err);

/* Controllers that can be mounted according to the text of /proc/cgroups, as bits by their place in boot_v1_controllers.
 * Without the devices controller there are none at all: containers could not be kept from devices. */
unsigned int boot_v1_controllers_enabled(const char *proc_cgroups);
#define BOOT_V1_CONTROLLERS 13
extern const char *const boot_v1_controllers[BOOT_V1_CONTROLLERS];

/* The unified hierarchy, or one hierarchy per enabled controller. */
int boot_mount_cgroups(bool unified, const struct logger *log, struct error *err);
