/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a world, reached from outside of tasks. */
#pragma once
#include <stdbool.h>

#include "mocks/kernel/world.h"

/* Mounts everything that a booted guest has; sets world->root and world->namespaces.mount. */
void world_mount_all(struct world *world);
/* Place of an absolute path; symbolic links are not followed. Referenced. */
bool world_walk(struct world *world, const char *path, struct path *ret_path);
