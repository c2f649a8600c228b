/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container's process is: limits, user, groups, capabilities, no_new_privs, seccomp.
 *
 * identity_prepare() turns the words of the spec into numbers and a seccomp program in the parent: every bad word is refused
 * there, and the child only makes calls. The parent sets limits from outside with identity_apply_limits(); the child applies
 * the rest with identity_apply(), and identity_seal() right before exec. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "agent/container/capability.h"
#include "agent/container/rlimit.h"
#include "agent/container/seccomp.h"
#include "base/error.h"
#include "oci/spec.h"

struct identity {
    uint32_t uid;
    uint32_t gid;
    const uint32_t *groups;
    size_t n_groups;
    uint32_t umask;
    struct capability_sets caps;
    bool no_new_privileges;
    struct rlimit_list rlimits;
    struct opt_i64 oom_score_adj;
    struct seccomp_program seccomp;
};

/* All in arena a. process->capabilities NULL: error "missing process capabilities". seccomp may be NULL; a creator with a cache
 * passes NULL and then fills identity->seccomp with seccomp_cache_compile(). INVALID_ARGUMENT names the field and the value: an
 * id of -1, more groups than the kernel takes, a umask or oom score out of range, and what the parsers of the parts refuse. */
int identity_prepare(struct arena *a, const struct oci_process *process, const struct oci_seccomp *seccomp,
                     struct identity **ret_identity, struct error *err);

/* rlimits and oom_score_adj of a process in the agent's pid namespace: the agent has the privileges that a user namespace takes
 * away. */
int identity_apply_limits(const struct identity *identity, int pid, struct error *err);
/* stdio ownership, umask, groups, gid, uid, no_new_privs, bounding set, seccomp when not no_new_privs, remaining capability
 * sets. After the filter only capset and prctl follow. */
int identity_apply(const struct identity *identity, struct error *err);
/* seccomp when no_new_privs; nothing but execve may follow. */
int identity_seal(const struct identity *identity, struct error *err);
