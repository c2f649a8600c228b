/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/rlimit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/macros.h"
#include "sys/sys.h"

static const char *const names[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = "RLIMIT_CPU",           [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
    [RLIMIT_DATA] = "RLIMIT_DATA",         [RLIMIT_STACK] = "RLIMIT_STACK",
    [RLIMIT_CORE] = "RLIMIT_CORE",         [RLIMIT_RSS] = "RLIMIT_RSS",
    [RLIMIT_NPROC] = "RLIMIT_NPROC",       [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
    [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
    [RLIMIT_LOCKS] = "RLIMIT_LOCKS",       [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
    [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
    [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",     [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};

int rlimit_parse(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -EINVAL;
}

static int check_entry(const struct oci_rlimit *entry, int resource, const struct rlimit_list *before, struct error *err)
{
    if (resource < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.rlimits: '%s' is not a resource limit", entry->type ?: "");
    if (entry->soft > entry->hard)
        return error_status(err, STATUS_INVALID_ARGUMENT,
                            "process.rlimits: %s: soft limit %" PRIu64 " is above hard limit %" PRIu64, entry->type,
                            entry->soft, entry->hard);
    for (size_t i = 0; i < before->n; i++) {
        if (before->items[i].resource == resource)
            return error_status(err, STATUS_INVALID_ARGUMENT, "process.rlimits: %s is listed twice", entry->type);
    }
    return 0;
}

int rlimit_list_parse(const struct oci_process *process, struct rlimit_list *ret_list, struct error *err)
{
    struct rlimit_list list = {.n = 0};

    for (size_t i = 0; i < process->n_rlimits; i++) {
        const struct oci_rlimit *entry = &process->rlimits[i];
        int resource = rlimit_parse(entry->type ?: "");
        int r = check_entry(entry, resource, &list, err);
        if (r < 0)
            return r;
        /* Names are distinct and there is one per number, so the array is long enough. */
        list.items[list.n++] = (struct rlimit_value){.resource = resource, .soft = entry->soft, .hard = entry->hard};
    }
    *ret_list = list;
    return 0;
}

int rlimit_apply(const struct rlimit_list *list, int pid, struct error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct rlimit_value *value = &list->items[i];
        struct rlimit limit = {.rlim_cur = value->soft, .rlim_max = value->hard};
        int r = sys_prlimit(pid, value->resource, &limit, NULL);
        if (r < 0)
            return error_set(err, r, "set %s to soft %" PRIu64 ", hard %" PRIu64, names[value->resource], value->soft,
                             value->hard);
    }
    return 0;
}
