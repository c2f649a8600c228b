/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of containers: version 1, version 2 and hybrid, through the cgroup file systems.
 *
 * A cgroup_host knows the hierarchies of a machine and is opened once. A cgroup is one container's group in all of them; its
 * files are reached through directory descriptors that stay open. Values that version 2 spells differently are converted
 * (docs: kernel admin-guide/cgroup-v1, cgroup-v2). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strlist.h"
#include "loop/loop.h"
#include "oci/spec.h"
#include "proto/agent.pb-c.h"

struct cgroup_host;
struct cgroup;

enum cgroup_mode {
    CGROUP_V1, /* includes hybrid: controllers in v1, v2 without them */
    CGROUP_V2,
};

/* root: where the cgroup file systems are mounted ("/sys/fs/cgroup"). Reads /proc/self/mountinfo once. loop: for what waits,
 * freezing and cgroup_delete(); NULL where nobody does that. */
int cgroup_host_open(struct loop *loop, const char *root, struct cgroup_host **ret_host, struct error *err);
void cgroup_host_free(struct cgroup_host *host);
enum cgroup_mode cgroup_host_mode(const struct cgroup_host *host);
/* Where settings that are left out on purpose are told: CPUs that do not exist, page sizes and swap files that the kernel
 * lacks. Borrowed; NULL (the default) tells nobody. */
void cgroup_host_set_log(struct cgroup_host *host, const struct logger *log);

/* The path below the hierarchies for a spec's cgroupsPath: empty or NULL gives "/ID", ':' becomes '/'. A path with a ".." or
 * "." component, or one that is the root itself, is INVALID_ARGUMENT. */
int cgroup_path_for(struct arena *a, const char *cgroups_path, const char *id, char **ret_path, struct error *err);

/* The components of text between any of the separators as a path: "/A/B". Refuses what cgroup_path_for() refuses. */
int cgroup_path_join(struct arena *a, const char *text, const char *separators, char **ret_path, struct error *err);
/* All directories of that path, mount points included: one for each hierarchy and component, parents before children. Whether
 * they exist is not asked. 0, or -ENOBUFS when the arena is used up. */
int cgroup_directories(const struct cgroup_host *host, struct arena *a, const char *path, struct strlist *ret_directories);

/* Makes the group with its parents in every hierarchy (v1 cpuset: copies cpus and mems down; v2: enables controllers). The leaf
 * must not exist with processes in it (ALREADY_EXISTS). On failure nothing that this call made is left. */
int cgroup_create(struct cgroup_host *host, const char *path, struct cgroup **ret_cgroup, struct error *err);
/* A group that is there. -ENOENT when a hierarchy lacks it. */
int cgroup_open(struct cgroup_host *host, const char *path, struct cgroup **ret_cgroup, struct error *err);
/* Frees memory and descriptors only; accepts NULL. */
void cgroup_free(struct cgroup *cgroup);

/* Version 2 directory for CLONE_INTO_CGROUP, or -1 where processes must be moved with cgroup_enter(). Borrowed. */
int cgroup_spawn_fd(const struct cgroup *cgroup);
/* Moves a process into the group in every hierarchy (a v2 group with an "init" child: into that). */
int cgroup_enter(struct cgroup *cgroup, int pid, struct error *err);
/* Writes limits; order and conversions: container-jail sheet 2.8, 2.9. A setting whose controller does not exist is an error
 * that names the field. Earlier writes stay. */
int cgroup_apply(struct cgroup *cgroup, const struct oci_resources *resources, struct error *err);
/* Lets the group and its descendants use devices as the rules say (device_program.h), in the place of earlier rules; without
 * rules nothing changes. Ends with the group. -EOPNOTSUPP where nothing can enforce them. */
int cgroup_apply_devices(struct cgroup *cgroup, const struct oci_device_rule *rules, size_t n, struct error *err);

/* Freeze or thaw, and wait (from a fiber) until it is done. -ETIMEDOUT: the request is withdrawn. */
int cgroup_freeze(struct cgroup *cgroup, uint64_t deadline, struct error *err);
int cgroup_thaw(struct cgroup *cgroup, struct error *err);
/* Sends a signal to every process of the group and its descendants, once and without stopping them first; 0 sends none. Returns
 * their number. */
int cgroup_signal(const struct cgroup *cgroup, int sig, struct error *err);
/* SIGKILLs every process of the group and its descendants (cgroup.kill, else freeze, signal, thaw). */
int cgroup_kill(struct cgroup *cgroup, struct error *err);
/* Removes the group and its descendants, retrying (from a fiber) while processes are still leaving. 0 when it is gone already.
 */
int cgroup_delete(struct cgroup *cgroup, uint64_t deadline, struct error *err);

/* Fills a stats message in a; missing controllers leave their part unset, missing files count as 0. A file that is there and
 * cannot be read is an error with its name. Reads only. */
int cgroup_stats(struct cgroup *cgroup, struct arena *a, Grpc__CgroupStats **ret_stats, struct error *err);

/* Watches for OOM kills of the group: report(arg) is called from the loop for each one noticed. */
struct oom_watch;
int oom_watch_start(struct cgroup *cgroup, struct loop *loop, void (*report)(void *arg), void *arg,
                    struct oom_watch **ret_watch, struct error *err);
void oom_watch_stop(struct oom_watch *watch);

/* The group's directory per v1 controller, as the container's own /sys/fs/cgroup shows it; n == 0 on v2. Valid while cgroup
 * lives. */
struct cgroup_mount_entry {
    const char *name; /* last part of the controller's mount point, "cpu,cpuacct" */
    const char *path; /* the group's directory mount point included */
    bool is_systemd;  /* the named hierarchy: never read-only */
};
const struct cgroup_mount_entry *cgroup_mount_entries(const struct cgroup *cgroup, size_t *ret_n);
