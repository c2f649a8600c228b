/* SPDX-License-Identifier: Apache-2.0 */
/* The cpu and cpuacct controllers (cgroup-v2.rst, "CPU"; sched-bwc.rst): limits are kept and shown. Tasks of the mock take no
 * time, so nothing is ever throttled and all counters are zero. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

#define QUOTA_MIN_US 1000
#define PERIOD_MIN_US 1000
#define PERIOD_MAX_US 1000000
#define SHARES_MIN 2
#define SHARES_MAX 262144

/* ---- bandwidth: a quota (-1: none) in each period ---- */

struct bandwidth {
    int64_t quota;
    uint64_t period;
};

static struct bandwidth bandwidth_of(const struct group *group)
{
    struct bandwidth bandwidth = {-1, 100000};

    if (group->hierarchy->version == 1) {
        bandwidth.quota = strtoll(value_get(group, "cpu.cfs_quota_us"), NULL, 10);
        bandwidth.period = strtoull(value_get(group, "cpu.cfs_period_us"), NULL, 10);
        return bandwidth;
    }
    sscanf(value_get(group, "cpu.max"), "%" SCNd64, &bandwidth.quota);
    sscanf(value_get(group, "cpu.max"), "%*s %" SCNu64, &bandwidth.period);
    return bandwidth;
}

/* Fixed point, as the scheduler compares. */
static uint64_t ratio(struct bandwidth bandwidth)
{
    return bandwidth.quota < 0 ? UINT64_MAX : ((uint64_t)bandwidth.quota << 20) / bandwidth.period;
}

/* Version 1: no more than any ancestor, no less than any descendant. Version 2 takes the least of all instead. */
static int check_hierarchy(struct group *group, struct bandwidth bandwidth)
{
    if (group->hierarchy->version == 2 || bandwidth.quota < 0)
        return 0;
    for (const struct group *above = group->parent; above; above = above->parent) {
        if (ratio(bandwidth) > ratio(bandwidth_of(above)))
            return -EINVAL;
    }
    for (struct group *below = group_next(group, group); below; below = group_next(group, below)) {
        struct bandwidth other = bandwidth_of(below);
        if (other.quota >= 0 && ratio(other) > ratio(bandwidth))
            return -EINVAL;
    }
    return 0;
}

static int check_bandwidth(struct group *group, struct bandwidth bandwidth)
{
    if (!group->parent)
        return -EINVAL;
    if (bandwidth.quota >= 0 && bandwidth.quota < QUOTA_MIN_US)
        return -EINVAL;
    if (bandwidth.period < PERIOD_MIN_US || bandwidth.period > PERIOD_MAX_US)
        return -EINVAL;
    return check_hierarchy(group, bandwidth);
}

static int keep(struct control *control, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRId64, value);
    value_set(control, text);
    return 0;
}

static int store_quota(struct control *control, char *text)
{
    struct bandwidth bandwidth = bandwidth_of(control->group);

    int r = parse_s64(text, &bandwidth.quota);
    if (r == 0 && bandwidth.quota < 0)
        bandwidth.quota = -1;
    if (r == 0)
        r = check_bandwidth(control->group, bandwidth);
    return r < 0 ? r : keep(control, bandwidth.quota);
}

static int store_period(struct control *control, char *text)
{
    struct bandwidth bandwidth = bandwidth_of(control->group);

    int r = parse_u64(text, &bandwidth.period);
    if (r == 0)
        r = check_bandwidth(control->group, bandwidth);
    return r < 0 ? r : keep(control, (int64_t)bandwidth.period);
}

static int store_burst(struct control *control, char *text)
{
    struct bandwidth bandwidth = bandwidth_of(control->group);
    uint64_t burst;

    int r = parse_u64(text, &burst);
    if (r < 0)
        return r;
    if (bandwidth.quota >= 0 && burst > (uint64_t)bandwidth.quota)
        return -EINVAL;
    if (bandwidth.quota < 0 && burst > 0 && burst > PERIOD_MAX_US * 1000ULL)
        return -EINVAL;
    return keep(control, (int64_t)burst);
}

/* "QUOTA", "QUOTA PERIOD"; QUOTA may be "max". */
static int store_max(struct control *control, char *text)
{
    struct bandwidth bandwidth = bandwidth_of(control->group);
    char quota[24], shown[64];

    int n = sscanf(text, "%23s %" SCNu64, quota, &bandwidth.period);
    if (n < 1)
        return -EINVAL;
    bandwidth.quota = -1;
    if (strcmp(quota, "max") != 0 && sscanf(quota, "%" SCNd64, &bandwidth.quota) != 1)
        return -EINVAL;
    if (strcmp(quota, "max") != 0 && bandwidth.quota < 0)
        return -EINVAL;
    int r = check_bandwidth(control->group, bandwidth);
    if (r < 0)
        return r;
    if (bandwidth.quota < 0)
        snprintf(shown, sizeof(shown), "max %" PRIu64, bandwidth.period);
    else
        snprintf(shown, sizeof(shown), "%" PRId64 " %" PRIu64, bandwidth.quota, bandwidth.period);
    value_set(control, shown);
    return 0;
}

/* ---- shares ---- */

static int store_shares(struct control *control, char *text)
{
    uint64_t shares;

    int r = parse_u64(text, &shares);
    if (r < 0)
        return r;
    if (!control->group->parent)
        return -EINVAL;
    return keep(control, (int64_t)(shares < SHARES_MIN ? SHARES_MIN : shares > SHARES_MAX ? SHARES_MAX : shares));
}

static int store_idle(struct control *control, char *text)
{
    int64_t idle;

    int r = parse_s64(text, &idle);
    if (r < 0)
        return r;
    return idle < 0 || idle > 1 ? -EINVAL : keep(control, idle);
}

/* ---- realtime, version 1 ---- */

static int store_rt_runtime(struct control *control, char *text)
{
    struct group *group = control->group;
    uint64_t period = strtoull(value_get(group, "cpu.rt_period_us"), NULL, 10);
    int64_t runtime;

    int r = parse_s64(text, &runtime);
    if (r < 0)
        return r;
    int64_t parent = strtoll(group->parent ? value_get(group->parent, "cpu.rt_runtime_us") : "950000", NULL, 10);
    if (runtime < 0 || (uint64_t)runtime > period || runtime > parent)
        return -EINVAL;
    return keep(control, runtime);
}

static int store_rt_period(struct control *control, char *text)
{
    uint64_t runtime = strtoull(value_get(control->group, "cpu.rt_runtime_us"), NULL, 10);
    uint64_t period;

    int r = parse_u64(text, &period);
    if (r < 0)
        return r;
    return period == 0 || period < runtime ? -EINVAL : keep(control, (int64_t)period);
}

static int show_stat(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "nr_periods 0\nnr_throttled 0\nthrottled_time 0\nnr_bursts 0\nburst_time 0\n");
}

static int show_local_stat(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "throttled_time 0\n");
}

#define V1 CONTROL_V1
#define V2 (CONTROL_V2 | CONTROL_NO_ROOT)

static const struct control_file cpu_files[] = {
    {"cpu.shares", V1, show_value, store_shares, "1024", 0, 0, 0},
    {"cpu.cfs_quota_us", V1, show_value, store_quota, "-1", 0, 0, 0},
    {"cpu.cfs_period_us", V1, show_value, store_period, "100000", 0, 0, 0},
    {"cpu.cfs_burst_us", V1, show_value, store_burst, "0", 0, 0, 0},
    {"cpu.rt_runtime_us", V1 | CONTROL_NO_ROOT, show_value, store_rt_runtime, "0", 0, 0, 0},
    {"cpu.rt_runtime_us", V1 | CONTROL_ONLY_ROOT, show_value, store_rt_runtime, "950000", 0, 0, 0},
    {"cpu.rt_period_us", V1, show_value, store_rt_period, "1000000", 0, 0, 0},
    {"cpu.idle", CONTROL_V12, show_value, store_idle, "0", 0, 0, 0},
    {"cpu.stat", V1, show_stat, NULL, NULL, 0, 0, 0},
    {"cpu.stat.local", V1, show_local_stat, NULL, NULL, 0, 0, 0},
    {"cpu.weight", V2, show_value, store_number, "100", 1, 10000, 0},
    {"cpu.weight.nice", V2, show_value, store_number, "0", (uint64_t)-20, 19, 0},
    {"cpu.max", V2, show_value, store_max, "max 100000", 0, 0, 0},
    {"cpu.max.burst", V2, show_value, store_burst, "0", 0, 0, 0},
};
const struct control_table cgroup_cpu_table = {CG_CPU, "cpu.", cpu_files, ARRAY_SIZE(cpu_files)};

/* ---- cpuacct ---- */

static int show_per_cpu(struct control *control, struct buf *out)
{
    unsigned int n = control->group->hierarchy->world->options.cpus;

    for (unsigned int i = 0; i < (n ? n : 2); i++)
        buf_append_str(out, "0 ");
    return buf_append_str(out, "\n");
}

static int show_times(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "user 0\nsystem 0\n");
}

/* The counter can only be set back. */
static int store_usage(struct control *control, char *text)
{
    uint64_t value;
    (void)control;

    int r = parse_u64(text, &value);
    return r < 0 ? r : value ? -EINVAL : 0;
}

static const struct control_file acct_files[] = {
    {"cpuacct.usage", V1, show_zero, store_usage, NULL, 0, 0, 0},
    {"cpuacct.usage_user", V1, show_zero, NULL, NULL, 0, 0, 0},
    {"cpuacct.usage_sys", V1, show_zero, NULL, NULL, 0, 0, 0},
    {"cpuacct.usage_percpu", V1, show_per_cpu, NULL, NULL, 0, 0, 0},
    {"cpuacct.usage_percpu_user", V1, show_per_cpu, NULL, NULL, 0, 0, 0},
    {"cpuacct.usage_percpu_sys", V1, show_per_cpu, NULL, NULL, 0, 0, 0},
    {"cpuacct.stat", V1, show_times, NULL, NULL, 0, 0, 0},
};
const struct control_table cgroup_cpuacct_table = {CG_CPUACCT, "cpuacct.", acct_files, ARRAY_SIZE(acct_files)};
