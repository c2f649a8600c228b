/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: hierarchies of groups, each with files that show and limit what its tasks use (cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/).
 *
 * A world has one version 2 hierarchy and, made by mounting them, version 1 hierarchies. A controller is attached to one
 * hierarchy at a time: while version 1 has it, version 2 does not. Every task is a member of one group per hierarchy; struct
 * cgroup_set says which. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "mocks/kernel/task.h"
#include "mocks/kernel/vfs.h"

#define CGROUP_HIERARCHIES 20

struct cgroup_set;
struct world;

extern const struct filesystem cgroup_filesystem;  /* "cgroup" */
extern const struct filesystem cgroup2_filesystem; /* "cgroup2" */

/* ---- for the world ---- */

/* The version 2 hierarchy, empty but for its root; world->cgroups. All controllers are with it until version 1 takes them. */
void cgroups_new(struct world *world);
void cgroups_free(struct world *world);
/* Lines "cgroup HIERARCHY:PATH pids" of every group but the roots, with all that was set there. What a root hands down is left
 * out: who has enabled a controller for all may leave it so. */
void cgroups_snapshot(const struct world *world, struct buf *out);

/* ---- for tasks (besides task.h) ---- */

/* The groups of a task; a cgroup namespace (simple_namespace.data) keeps those of its creator as its roots. NULL stays NULL. */
struct cgroup_set *cgroup_set_ref(struct cgroup_set *set);
void cgroup_set_unref(struct cgroup_set *set);

/* The current task uses bytes more memory (negative: gives back). Beyond a limit of its groups somebody is killed: perhaps the
 * caller, and then it does not return. With memory.oom_control oom_kill_disable it waits. */
void task_charge(int64_t bytes);
/* Gives back all that a task uses: it ends, or executes another program. */
void memory_task_done(struct task *task);

/* ---- for files ---- */

/* Whether the groups of the current task let it open a device node (R_OK, W_OK), or make one: 0 or -EPERM. Anything else is
 * fine. */
int cgroup_may_use_device(const struct inode *inode, int mask);
int cgroup_may_make_device(mode_t mode, dev_t rdev);

/* ---- for procfs ---- */

/* /proc/PID/cgroup: paths are relative to the viewer's cgroup namespace. */
void cgroup_show_task(const struct task *viewer, const struct task *task, struct buf *out);
/* /proc/cgroups. */
void cgroup_show_controllers(const struct world *world, struct buf *out);
