/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces of a container: who creates or joins which, and when.
 *
 * Most are made by the clone of the container's process, or joined around it. Three are the child's own work, in this order:
 * the time namespace and the user namespace (what the child may do afterwards is limited to it), and the mount namespace last
 * (paths change). But new namespaces belong to the user namespace of their creator: to get any, the process is born in the one
 * that it joins. Files of namespaces are all opened before the first one is entered. namespaces(7). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/spec.h"
#include "sys/sys.h"

struct namespace_plan {
    uint64_t new_flags; /* CLONE_NEW* for sys_spawn(); the user namespace is among them */
    bool new_user;      /* in new_flags: the parent writes the maps */
    bool joins_user;    /* by user_fd or among joins */
    bool new_cgroup;    /* not in new_flags: the child unshares it once it is in its cgroup, which becomes the root it sees */
    struct sys_join joins[OCI_NS_MAX]; /* for sys_spawn(); descriptors belong to the plan */
    size_t n_joins;
    int time_fd; /* joined by the child; -1: not joined */
    int user_fd;
    int mount_fd;
};

#define NAMESPACE_PLAN_INIT ((struct namespace_plan){.time_fd = -1, .user_fd = -1, .mount_fd = -1})

/* Splits linux_->namespaces, and opens the ones that are joined. A type may be listed once (see check_spec()). An error names
 * type and path; a path that is no namespace of that type is INVALID_ARGUMENT. On failure nothing stays open. */
int namespaces_open(const struct oci_linux *linux_, struct namespace_plan *ret_plan, struct error *err);
/* Closes what is open; the plan is empty then. */
void namespaces_close(struct namespace_plan *plan);

/* What an id of the container is outside; -ENOENT when it is not mapped. */
int namespaces_map_id(const struct oci_id_mapping *mappings, size_t n, uint32_t id, uint32_t *ret_id);
/* Lines of a uid_map or gid_map file. Empty mappings are left out. Returns the length, or -EMSGSIZE. */
#define NAMESPACE_MAP_MAX 4096 /* the kernel takes less than a page */
int namespaces_format_map(const struct oci_id_mapping *mappings, size_t n, char ret_text[NAMESPACE_MAP_MAX]);
/* Writes PID/uid_map and PID/gid_map below proc_fd, a verified procfs that shows pid; each in one write, as the kernel demands.
 */
int namespaces_write_maps(int pid, const struct oci_linux *linux_, int proc_fd, struct error *err);
