/* SPDX-License-Identifier: Apache-2.0 */
/* The control group of a container on the host: its handles are in it, and the machine if the container started that.
 *
 * It is there for who looks from outside: accounting, limits that others set, killing by group. Limits of the container are not
 * written to it: they hold in the guest, and a machine needs more than its containers may have.
 *
 * What is going to be made is known before it is made (hostgroup_plan), so that it can be written down first and is removed
 * whoever dies in between. Directories that somebody else made are never removed. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strlist.h"
#include "cgroup/cgroup.h"

#define HOSTGROUP_PARENT "/tatami" /* of groups without an absolute path */

struct hostgroup {
    struct cgroup_host *host;
    struct cgroup *group; /* NULL until it is made or opened */
};

#define HOSTGROUP_NONE ((struct hostgroup){.host = NULL})

/* The path below the hierarchies for the cgroupsPath of a spec. An absolute path is taken as it is; a relative one is below
 * HOSTGROUP_PARENT, and so is ID, which stands for a path that the spec does not give (NULL or ""). "SLICE:PREFIX:NAME", with
 * which systemd is asked for a scope, is the path that systemd would choose (systemd.slice(5)). INVALID_ARGUMENT for what names
 * no group. */
int hostgroup_path(struct arena *a, const char *cgroups_path, const char *id, char **ret_path, struct error *err);

/* Finds the hierarchies. Fails where no control group file system is mounted. */
int hostgroup_open(struct hostgroup *hostgroup, struct error *err);
/* The directories of path that will be this container's to remove, parents first: those that do not exist, those among parents,
 * which were made for others, and HOSTGROUP_PARENT. FAILED_PRECONDITION where one of the path is frozen. */
int hostgroup_plan(const struct hostgroup *hostgroup, struct arena *a, const char *path, const struct strlist *parents,
                   struct strlist *ret_made, struct error *err);
/* Whether a directory of such a plan is the group itself, not above it. */
bool hostgroup_is_leaf(const char *directory, const char *path);
/* Makes the group. ALREADY_EXISTS when there are processes in it; -ENOENT when somebody removed an ancestor meanwhile: plan
 * anew. On failure nothing of it is left. */
int hostgroup_make(struct hostgroup *hostgroup, const char *path, struct error *err);
/* hostgroup_open(), and the group that was made before. */
int hostgroup_find(struct hostgroup *hostgroup, const char *path, struct error *err);
/* Removes the directories of hostgroup_plan() once nothing is in them; those above the group itself may stay in use. Waits up
 * to limit_ns for processes that are about to end; kill: then those that are still in the group are killed. -EBUSY names the
 * directory that is still in use; what is not there is no error. */
int hostgroup_remove(const char *path, const struct strlist *made, uint64_t limit_ns, bool kill, struct error *err);
void hostgroup_close(struct hostgroup *hostgroup);
#define _hostgroup_ CLEANUP(hostgroup_close)
