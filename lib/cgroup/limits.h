/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: the list of writes that a spec's resources come to.
 *
 * Building the list is pure and finds every mistake in the values before anything is written. One builder per area and version;
 * the version is that of the hierarchy which has the area's controller. */
#pragma once
#include "cgroup/cgroup_internal.h"
#include "oci/spec.h"

enum limit_flag {
    LIMIT_MAY_BE_MISSING = 1 << 0, /* a kernel without the file: a warning, not an error */
    LIMIT_MAY_FAIL = 1 << 1,       /* any failure: a warning, not an error */
    LIMIT_OR_AFTER_NEXT = 1 << 2,  /* EINVAL: the next limit goes first, then this one again */
    LIMIT_SECOND_FIELD = 1 << 3,   /* text is the second field; the first stays as the file has it */
};

struct limit_target {
    const char *file;
    const char *text;
};

struct limit {
    struct limit *next;
    const char *field; /* in linux.resources of the spec: "cpu.shares" */
    enum controller controller;
    struct limit_target targets[2]; /* the second, if any, is for kernels without the first file */
    unsigned int flags;
};

struct limit_plan {
    struct arena *arena;
    struct limit *first;
    struct limit **last;
    struct limit spare; /* what limit_add() returns once the arena is used up */
};

/* Appends a write; the caller may add flags and a second target. Never NULL: the arena tells in the end. */
struct limit *limit_add(struct limit_plan *plan, const char *field, enum controller controller, const char *file,
                        const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Text of a number in which -1 means unlimited, on version 2: "max". */
const char *limit_max_text(struct limit_plan *plan, int64_t value);
/* 0 (absent) or 10 to 1000, else INVALID_ARGUMENT. */
int limit_check_weight(const char *field, uint32_t weight, struct error *err);
/* At most 100, else the text of the sheet. */
int limit_check_swappiness(const struct oci_memory *memory, struct error *err);
/* suffix: what the version calls a limit, as in "hugetlb.2MB.SUFFIX". */
int limits_hugetlb(struct limit_plan *plan, const struct oci_resources *resources, const char *suffix, struct error *err);

typedef int (*limits_build_fn)(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);

/* limits.c: the same text on both versions */
int limits_cpuset(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_pids(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);

int limits_v1_cpu(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v1_memory(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v1_io(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v1_hugetlb(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v1_network(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);

int limits_v2_cpu(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v2_memory(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v2_io(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v2_hugetlb(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
int limits_v2_network(struct limit_plan *plan, const struct oci_resources *resources, struct error *err);
