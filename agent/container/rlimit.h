/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits of a container's process (process.rlimits): names to numbers, and setting them. setrlimit(2). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/error.h"
#include "oci/spec.h"

/* UINT64_MAX is "no limit", in the spec as for the kernel. */
struct rlimit_value {
    int resource; /* RLIMIT_* */
    uint64_t soft;
    uint64_t hard;
};

struct rlimit_list {
    struct rlimit_value items[RLIM_NLIMITS];
    size_t n;
};

/* RLIMIT_* number by name ("RLIMIT_NOFILE"), or -EINVAL. */
int rlimit_parse(const char *name);
/* INVALID_ARGUMENT: unknown name, soft above hard, the same name twice. */
int rlimit_list_parse(const struct oci_process *process, struct rlimit_list *ret_list, struct error *err);
/* Sets them for a process of the caller's pid namespace; raising a hard limit needs CAP_SYS_RESOURCE in the first user
 * namespace. */
int rlimit_apply(const struct rlimit_list *list, int pid, struct error *err);
