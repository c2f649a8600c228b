/* SPDX-License-Identifier: Apache-2.0 */
/* Applying a spec's resources: build the list of writes, check it, write. */
#include "cgroup/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cgroup/values.h"
#include "sys/fd.h"

#define PLAN_MEMORY_MAX (4 * 1024 * 1024)
#define SWAPPINESS_MAX 100
#define TEXT_SHOWN 128 /* bytes of a value in an error text */

struct limit *limit_add(struct limit_plan *plan, const char *field, enum controller controller, const char *file,
                        const char *fmt, ...)
{
    struct limit *limit = arena_alloc(plan->arena, sizeof(*limit));
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0)
        text = arena_alloc(plan->arena, (size_t)len + 1);
    if (!limit || !text)
        return &plan->spare;
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);

    *limit = (struct limit){.field = field, .controller = controller, .targets[0] = {file, text}};
    *plan->last = limit;
    plan->last = &limit->next;
    return limit;
}

const char *limit_max_text(struct limit_plan *plan, int64_t value)
{
    return value == -1 ? "max" : arena_printf(plan->arena, "%" PRId64, value) ?: "";
}

int limit_check_weight(const char *field, uint32_t weight, struct error *err)
{
    if (weight == 0 || blkio_weight_is_valid(weight))
        return 0;
    return error_status(err, STATUS_INVALID_ARGUMENT, "invalid %s: %" PRIu32 ". valid range is 10-1000", field, weight);
}

int limit_check_swappiness(const struct oci_memory *memory, struct error *err)
{
    if (!memory->swappiness.set || memory->swappiness.value <= SWAPPINESS_MAX)
        return 0;
    return error_text(err, -EINVAL, "invalid value:%" PRIu64 ". valid memory swappiness range is 0-100",
                      memory->swappiness.value);
}

int limits_cpuset(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_cpu *cpu = resources->cpu;
    (void)err;

    /* The host numbers its CPUs without knowing which of them this guest has plugged in by now. */
    if (cpu && cpu->cpus && cpu->cpus[0])
        limit_add(plan, "cpu.cpus", CONTROLLER_CPUSET, "cpuset.cpus", "%s", cpu->cpus)->flags = LIMIT_MAY_FAIL;
    if (cpu && cpu->mems && cpu->mems[0])
        limit_add(plan, "cpu.mems", CONTROLLER_CPUSET, "cpuset.mems", "%s", cpu->mems);
    return 0;
}

int limits_pids(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    (void)err;

    if (!resources->pids_limit.set)
        return 0;
    int64_t limit = resources->pids_limit.value > 0 ? resources->pids_limit.value : -1;
    limit_add(plan, "pids.limit", CONTROLLER_PIDS, "pids.max", "%s", limit_max_text(plan, limit));
    return 0;
}

/* Pages in use and pages reserved by mmap(2) have limits of their own; older kernels lack the second. */
int limits_hugetlb(struct limit_plan *plan, const struct oci_resources *resources, const char *suffix, struct error *err)
{
    static const char *const kinds[] = {"", "rsvd."};

    for (size_t i = 0; i < resources->n_hugepage_limits; i++) {
        const struct oci_hugepage_limit *limit = &resources->hugepage_limits[i];
        const char *size = limit->page_size ?: "";
        if (!hugepage_size_is_valid(size))
            return error_status(err, STATUS_INVALID_ARGUMENT, "invalid hugepageLimits.pageSize '%s'", size);
        for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
            const char *file = arena_printf(plan->arena, "hugetlb.%s.%s%s", size, kinds[kind], suffix);
            limit_add(plan, "hugepageLimits", CONTROLLER_HUGETLB, file, "%" PRIu64, limit->limit)->flags = LIMIT_MAY_BE_MISSING;
        }
    }
    return 0;
}

/* In the order of writing. Device rules are no files on version 2 and belong to the device filter on both. */
static const struct {
    enum controller controller;
    const char *name;         /* in error texts */
    limits_build_fn build[2]; /* per version */
} areas[] = {
    {CONTROLLER_CPUSET, "cpuset", {limits_cpuset, limits_cpuset}},
    {CONTROLLER_CPU, "cpu", {limits_v1_cpu, limits_v2_cpu}},
    {CONTROLLER_MEMORY, "memory", {limits_v1_memory, limits_v2_memory}},
    {CONTROLLER_PIDS, "pids", {limits_pids, limits_pids}},
    {CONTROLLER_IO, "blkio", {limits_v1_io, limits_v2_io}},
    {CONTROLLER_HUGETLB, "hugetlb", {limits_v1_hugetlb, limits_v2_hugetlb}},
    {CONTROLLER_NET_CLS, "network", {limits_v1_network, limits_v2_network}},
};

static const char *area_name(enum controller controller)
{
    for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
        if (areas[i].controller == controller)
            return areas[i].name;
    }
    return "network";
}

static int plan_build(struct cgroup *cgroup, const struct oci_resources *resources, struct limit_plan *plan, struct error *err)
{
    int mode_version = cgroup_host_mode(cgroup->host) == CGROUP_V2 ? 2 : 1;

    for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
        const struct member *member = cgroup_member(cgroup, areas[i].controller);
        int version = member ? member->hierarchy->version : mode_version;
        int r = areas[i].build[version - 1](plan, resources, err);
        if (r < 0)
            return r;
    }
    if (arena_exhausted(plan->arena))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "the resources of cgroup %s are too many", cgroup->path);

    for (const struct limit *limit = plan->first; limit; limit = limit->next) {
        if (!cgroup_member(cgroup, limit->controller))
            return error_text(err, -EOPNOTSUPP, "failed to set %s resources: %s: the %s controller is not available",
                              area_name(limit->controller), limit->field, controller_name(limit->controller, mode_version));
    }
    return 0;
}

/* One write; 0 or -errno. */
static int target_write(const struct member *member, const struct limit_target *target, unsigned int flags)
{
    if (!(flags & LIMIT_SECOND_FIELD))
        return file_write_at(member->fd, target->file, target->text, strlen(target->text));

    _buf_ struct buf text = BUF_INIT(CONTROL_FILE_MAX);
    int r = control_read(member->fd, target->file, &text);
    if (r < 0)
        return r;
    text.len = strcspn(text.data, " \n");
    r = buf_printf(&text, " %s", target->text);
    return r < 0 ? r : file_write_at(member->fd, target->file, text.data, text.len);
}

static int limit_write(struct cgroup *cgroup, const struct limit *limit, struct error *err)
{
    const struct member *member = cgroup_member(cgroup, limit->controller);
    const struct limit_target *target = &limit->targets[0];

    int r = target_write(member, target, limit->flags);
    if (r == -ENOENT && limit->targets[1].file) {
        target = &limit->targets[1];
        r = target_write(member, target, limit->flags);
    }
    if (r == 0)
        return 0;
    if ((limit->flags & LIMIT_MAY_FAIL) || (r == -ENOENT && (limit->flags & LIMIT_MAY_BE_MISSING))) {
        log_warning(cgroup->host->log, "cgroup", "%s is left out: write '%.*s' to %s/%s: %s", limit->field, TEXT_SHOWN,
                    target->text, member->path, target->file, errno_name(-r));
        return 0;
    }
    return error_set(err, r, "failed to set %s resources: %s: write '%.*s' to %s", area_name(limit->controller), limit->field,
                     TEXT_SHOWN, target->text, target->file);
}

int cgroup_apply(struct cgroup *cgroup, const struct oci_resources *resources, struct error *err)
{
    if (!resources)
        return 0;
    _arena_ struct arena *arena = arena_new(PLAN_MEMORY_MAX);
    struct limit_plan plan = {.arena = arena, .last = &plan.first};
    int r = plan_build(cgroup, resources, &plan, err);
    if (r < 0)
        return r;

    for (const struct limit *limit = plan.first; limit; limit = limit->next) {
        r = limit_write(cgroup, limit, err);
        if (r == -EINVAL && (limit->flags & LIMIT_OR_AFTER_NEXT)) {
            r = limit_write(cgroup, limit->next, err);
            if (r == 0)
                r = limit_write(cgroup, limit, err);
            limit = limit->next;
        }
        if (r < 0)
            return r;
    }
    return 0;
}
