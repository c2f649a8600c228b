/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials, capabilities and user namespaces (credentials(7), capabilities(7), user_namespaces(7)). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct task;

#define ID_MAP_MAX 340

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
    uint64_t inum;
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

struct user_namespace *user_namespace_ref(struct user_namespace *namespace);
void user_namespace_unref(struct user_namespace *namespace);

/* ptrace-like access, as /proc/PID/fd, ns, exe, ... demand it. */
bool may_inspect(const struct task *viewer, const struct task *target);

/* What execve does to credentials. */
void cred_exec(struct task *task);
void cred_copy(struct cred *to, const struct cred *from);
void cred_done(struct cred *cred);
