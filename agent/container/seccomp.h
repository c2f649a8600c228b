/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles (linux.seccomp) turned into programs for the kernel, in the parent.
 *
 * libseccomp translates; the words of the profile are looked up here. Differences between runtimes: a rule that names one
 * argument twice means "any of its conditions", else "all of them"; names of system calls that the library does not know are
 * skipped. A rule for OCI_SECCOMP_OTHERS says which errno the default action returns. Where that is an errno, calls that are
 * newer than the profile do not exist (seccomp_newer.h). Compiling takes about a millisecond per hundred names and
 * architecture, hence the cache: containers of a pod, and every exec, bring the same profile again. */
#pragma once
#include <linux/filter.h>

#include "base/error.h"
#include "oci/spec.h"

struct seccomp_program {
    struct sock_fprog filter; /* len 0: no filter */
    unsigned int flags;       /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
};

/* The program lives in arena a. INVALID_ARGUMENT names the field and the word: unknown action, operator, architecture or flag;
 * a rule without a name; an errno that does not fit; an argument index above 5; a notification, for which there is no listener;
 * contradicting rules; more than SECCOMP_RULES_MAX rules or a program longer than the kernel takes. */
#define SECCOMP_RULES_MAX 1024
int seccomp_program_compile(struct arena *a, const struct oci_seccomp *profile, struct seccomp_program *ret_program,
                            struct error *err);

/* Loads a program for the calling process; nothing when its length is 0. Needs no_new_privs or CAP_SYS_ADMIN. */
int seccomp_program_load(const struct seccomp_program *program, struct error *err);

/* The last few programs by the content of their profile. Memory is bounded; belongs to its creator. */
struct seccomp_cache;
struct seccomp_cache *seccomp_cache_new(void);
/* Accepts NULL. */
void seccomp_cache_free(struct seccomp_cache *cache);
/* seccomp_program_compile() through the cache (NULL: without one). The program is a copy in arena a. */
int seccomp_cache_compile(struct seccomp_cache *cache, struct arena *a, const struct oci_seccomp *profile,
                          struct seccomp_program *ret_program, struct error *err);
