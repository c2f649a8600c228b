/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that talks to a hostile guest gives up once all it needs is open: its capabilities, its cores and all system
 * calls but those of its table. */
#pragma once
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#include "base/error.h"

/* A system call that stays; with mask, its argument arg must be value in these bits. Several rows of one call are alternatives.
 */
struct lockdown_rule {
    int number; /* SCMP_SYS() */
    unsigned int arg;
    uint64_t mask, value;
};

/* No core of this process or of what it becomes: it would have a guest's memory, or bytes of its containers. 0 or -errno. */
int lockdown_cores(void);
/* Irreversible. capabilities: those that stay, bits 1 << CAP_*. other_calls: what becomes of a call without a rule
 * (SCMP_ACT_*). 0 or -errno. */
int lockdown_enter(const struct lockdown_rule *rules, size_t n, uint64_t capabilities, uint32_t other_calls, struct error *err);
