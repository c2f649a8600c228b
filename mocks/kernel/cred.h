/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials, capabilities and user namespaces (credentials(7), capabilities(7), user_namespaces(7)). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct path;
struct task;
struct world;

#define ID_MAP_MAX 340
#define OVERFLOW_ID 65534 /* how an unmapped id is shown */

struct id_range {
    uint32_t inside, outside, n; /* outside: in the parent namespace */
};

struct user_namespace {
    struct user_namespace *parent;
    uid_t owner; /* world ids of the creator */
    gid_t group;
    struct id_range uids[ID_MAP_MAX], gids[ID_MAP_MAX];
    size_t n_uids, n_gids;
    bool setgroups_denied;
    unsigned int level;
    bool parent_could_setfcap; /* whether its creator had CAP_SETFCAP: mapping root needs it */
    uint64_t inum;
    struct world *world;
    unsigned int refs;
};

/* All ids are the world's (those of its first user namespace). */
struct cred {
    uid_t ruid, euid, suid, fsuid;
    gid_t rgid, egid, sgid, fsgid;
    gid_t *groups;
    size_t n_groups;
    uint64_t caps_effective, caps_permitted, caps_inheritable, caps_bounding, caps_ambient;
    bool keep_caps;
    struct user_namespace *user;
};

/* Has the task the capability towards a namespace (its own, a descendant's owner, ...)? */
bool capable_in(const struct task *task, const struct user_namespace *namespace, int capability);
/* Of the current task towards the world's first user namespace. */
bool capable(int capability);

/* World id of an id in a namespace and back; UINT32_MAX when unmapped. */
uint32_t id_to_world(const struct user_namespace *namespace, bool group, uint32_t id);
uint32_t id_from_world(const struct user_namespace *namespace, bool group, uint32_t id);

/* A child of the creator's namespace (unshare(2) has checked the rest); -ENOSPC below 32 levels. World's first: parent NULL. */
struct user_namespace *user_namespace_new(struct world *world, struct user_namespace *parent, const struct cred *creator);
struct user_namespace *user_namespace_ref(struct user_namespace *namespace);
void user_namespace_unref(struct user_namespace *namespace);

/* /proc/PID/uid_map, gid_map and setgroups of a namespace: the whole text arrives by one write of the current task, which
 * opened the file with the credentials opener. len, or -errno. */
ssize_t user_namespace_set_map(struct user_namespace *namespace, bool group, const struct cred *opener, const char *text,
                               size_t len);
ssize_t user_namespace_set_setgroups(struct user_namespace *namespace, const char *text, size_t len);
/* Lines "inside outside count" as the current task reads them. */
void user_namespace_show_map(const struct user_namespace *namespace, bool group, struct buf *out);

/* ptrace-like access, as /proc/PID/fd, ns, exe, ... demand it. */
bool may_inspect(const struct task *viewer, const struct task *target);

/* What execve of the file at path does to credentials. */
void cred_exec(struct task *task, const struct path *path);
void cred_copy(struct cred *to, const struct cred *from);
void cred_done(struct cred *cred);
