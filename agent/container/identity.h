/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container's process is: limits, user, groups, capabilities, no_new_privs, seccomp.
 *
 * identity_prepare() turns the words of the spec into numbers and a seccomp program in the parent: every bad word is refused there, and
 * the child only makes calls. The child applies it in this order: identity_apply_limits() (still privileged, before a user
 * namespace matters), identity_apply(), and identity_seal() right before exec. */
#pragma once
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/spec.h"

struct identity_rlimit {
    int resource;
    uint64_t soft;
    uint64_t hard;
};

struct identity {
    uint32_t uid;
    uint32_t gid;
    const uint32_t *groups;
    size_t n_groups;
    struct opt_u64 umask;
    uint64_t caps_bounding, caps_effective, caps_inheritable, caps_permitted, caps_ambient;
    bool no_new_privileges;
    struct identity_rlimit *rlimits;
    size_t n_rlimits;
    struct opt_i64 oom_score_adj;
    struct sock_fprog seccomp; /* len 0: no filter */
    unsigned int seccomp_flags;
};

/* Number of a capability by name, with or without CAP_, or -EINVAL. Name of a number ("CAP_CHOWN"), or NULL. */
int capability_parse(const char *name);
const char *capability_name(int number);
/* RLIMIT_* number by name, or -EINVAL. */
int rlimit_parse(const char *name);

/* All in arena a. process->capabilities NULL: error "missing process capabilities". seccomp may be NULL. INVALID_ARGUMENT names the
 * unknown word. */
int identity_prepare(struct arena *a, const struct oci_process *process, const struct oci_seccomp *seccomp,
                     struct identity **ret_identity, struct error *err);

/* rlimits and oom_score_adj of a process in the agent's pid namespace: the agent has the privileges that a user namespace takes away. */
int identity_apply_limits(const struct identity *identity, int pid, struct error *err);
/* stdio ownership, groups, gid, uid, no_new_privs, bounding set, seccomp when not no_new_privs, remaining capability sets, umask. */
int identity_apply(const struct identity *identity, struct error *err);
/* seccomp when no_new_privs; nothing but execve may follow. */
int identity_seal(const struct identity *identity, struct error *err);
