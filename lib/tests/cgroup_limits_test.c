/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

#define V1 "cpuset cpu memory pids blkio hugetlb net_cls net_prio"
#define V2 "unified:cpuset+cpu+memory+pids+io+hugetlb"

#define RESOURCES(...) (&(const struct oci_resources){__VA_ARGS__})
#define CPU(...) RESOURCES(.cpu = &(struct oci_cpu){__VA_ARGS__})
#define MEMORY(...) RESOURCES(.memory = &(struct oci_memory){__VA_ARGS__})
#define BLOCK_IO(...) RESOURCES(.block_io = &(struct oci_block_io){__VA_ARGS__})
#define WEIGHT_DEVICE(...) BLOCK_IO(.weight_devices = (struct oci_weight_device[]){{__VA_ARGS__}}, .n_weight_devices = 1)
#define THROTTLE(...)                                                                                                          \
    {                                                                                                                          \
        .items = (struct oci_throttle_device[]){__VA_ARGS__}, .n = 1                                                           \
    }
#define HUGEPAGE(...) RESOURCES(.hugepage_limits = (struct oci_hugepage_limit[]){{__VA_ARGS__}}, .n_hugepage_limits = 1)
#define NETWORK(...) RESOURCES(.network = &(struct oci_network){__VA_ARGS__})
#define OPT(x)                                                                                                                 \
    {                                                                                                                          \
        true, (x)                                                                                                              \
    }
#define NO_FILES                                                                                                               \
    {                                                                                                                          \
        {                                                                                                                      \
            NULL, NULL, NULL                                                                                                   \
        }                                                                                                                      \
    }

struct limit_row {
    const char *label;
    const struct oci_resources *resources;
    struct {
        const char *file;
        const char *before; /* content; NULL: no such file */
        const char *after;
    } files[4];
    const char *error; /* NULL: accepted */
};

/* A group "/a" without any control file, not even those without which it could not be made. */
static void make_bare_group(struct fake_cgroup *fake, const char *layout)
{
    static const char *const inherited[] = {"cpuset/a/cpuset.cpus", "cpuset/a/cpuset.mems"};

    fake_cgroup_init(fake, layout);
    bool has_cpuset = fake_cgroup_exists(fake, "cpuset");
    for (size_t i = 0; has_cpuset && i < ARRAY_SIZE(inherited); i++)
        fake_cgroup_write(fake, inherited[i], "0");
    fake_cgroup_create(fake, "/a");
    for (size_t i = 0; has_cpuset && i < ARRAY_SIZE(inherited); i++)
        fake_cgroup_remove(fake, inherited[i]);
}

static void check_row(const char *layout, const struct limit_row *row)
{
    struct fake_cgroup fake;
    struct error err = {0};

    make_bare_group(&fake, layout);
    for (size_t i = 0; i < ARRAY_SIZE(row->files) && row->files[i].file; i++) {
        if (row->files[i].before)
            fake_cgroup_write(&fake, row->files[i].file, row->files[i].before);
    }
    int r = cgroup_apply(fake.cgroup, row->resources, &err);
    if (strcmp(err.text, row->error ?: "") != 0 || (r < 0) != (row->error != NULL))
        fail_msg("%s: %d '%s'", row->label, r, err.text);
    for (size_t i = 0; i < ARRAY_SIZE(row->files) && row->files[i].file; i++) {
        const char *text = fake_cgroup_read(&fake, row->files[i].file);
        if (strcmp(text, row->files[i].after) != 0)
            fail_msg("%s: %s holds '%s'", row->label, row->files[i].file, text);
    }
    fake_cgroup_done(&fake);
}

static void version_1_limits_are_written(void **state)
{
    const struct limit_row rows[] = {
        {"nothing", NULL, NO_FILES, NULL},
        {"empty", RESOURCES(.n_devices = 0), NO_FILES, NULL},
        {"empty parts",
         RESOURCES(.cpu = &(struct oci_cpu){0}, .memory = &(struct oci_memory){0}, .block_io = &(struct oci_block_io){0},
                   .network = &(struct oci_network){0}),
         NO_FILES, NULL},
        {"device rules are left alone", RESOURCES(.n_devices = 1, .devices = &(struct oci_device_rule){.type = 'a'}), NO_FILES,
         NULL},
        {"shares", CPU(.shares = OPT(1024)), {{"cpu/a/cpu.shares", "", "1024"}}, NULL},
        {"shares 0 are unset", CPU(.shares = OPT(0)), {{"cpu/a/cpu.shares", "", ""}}, NULL},
        {"quota and period",
         CPU(.quota = OPT(50000), .period = OPT(100000)),
         {{"cpu/a/cpu.cfs_quota_us", "", "50000"}, {"cpu/a/cpu.cfs_period_us", "", "100000"}},
         NULL},
        {"quota alone",
         CPU(.quota = OPT(50000)),
         {{"cpu/a/cpu.cfs_quota_us", "", "50000"}, {"cpu/a/cpu.cfs_period_us", "", ""}},
         NULL},
        {"period alone",
         CPU(.period = OPT(100000)),
         {{"cpu/a/cpu.cfs_quota_us", "", ""}, {"cpu/a/cpu.cfs_period_us", "", "100000"}},
         NULL},
        {"quota -1 is unlimited", CPU(.quota = OPT(-1)), {{"cpu/a/cpu.cfs_quota_us", "", "-1"}}, NULL},
        {"quota 0 is unlimited", CPU(.quota = OPT(0)), {{"cpu/a/cpu.cfs_quota_us", "", "-1"}}, NULL},
        {"realtime",
         CPU(.realtime_runtime = OPT(950000), .realtime_period = OPT(1000000)),
         {{"cpu/a/cpu.rt_runtime_us", "", "950000"}, {"cpu/a/cpu.rt_period_us", "", "1000000"}},
         NULL},
        {"cpuset",
         CPU(.cpus = "0-3,7", .mems = "0"),
         {{"cpuset/a/cpuset.cpus", "", "0-3,7"}, {"cpuset/a/cpuset.mems", "", "0"}},
         NULL},
        {"empty cpuset", CPU(.cpus = "", .mems = ""), NO_FILES, NULL},
        {"cpus that cannot be set are left out", CPU(.cpus = "0-3", .mems = "0"), {{"cpuset/a/cpuset.mems", "", "0"}}, NULL},
        {"mems that cannot be set are an error",
         CPU(.cpus = "0-3", .mems = "0"),
         {{"cpuset/a/cpuset.cpus", "", "0-3"}},
         "failed to set cpuset resources: cpu.mems: write '0' to cpuset.mems: ENOENT: No such file or directory"},
        {"limit", MEMORY(.limit = OPT(1048576)), {{"memory/a/memory.limit_in_bytes", "", "1048576"}}, NULL},
        {"limit and swap",
         MEMORY(.limit = OPT(100), .swap = OPT(150)),
         {{"memory/a/memory.limit_in_bytes", "", "100"}, {"memory/a/memory.memsw.limit_in_bytes", "", "150"}},
         NULL},
        {"swap alone", MEMORY(.swap = OPT(150)), {{"memory/a/memory.memsw.limit_in_bytes", "", "150"}}, NULL},
        {"no limit forces no swap limit",
         MEMORY(.limit = OPT(-1), .swap = OPT(150)),
         {{"memory/a/memory.limit_in_bytes", "", "-1"}, {"memory/a/memory.memsw.limit_in_bytes", "", "-1"}},
         NULL},
        {"kernel without swap accounting",
         MEMORY(.limit = OPT(100), .swap = OPT(150)),
         {{"memory/a/memory.limit_in_bytes", "", "100"}},
         NULL},
        {"swap below limit",
         MEMORY(.limit = OPT(100), .swap = OPT(50)),
         {{"memory/a/memory.limit_in_bytes", "", ""}},
         "memory+swap limit should be >= memory limit"},
        {"reservation", MEMORY(.reservation = OPT(77)), {{"memory/a/memory.soft_limit_in_bytes", "", "77"}}, NULL},
        {"kernel", MEMORY(.kernel = OPT(78)), {{"memory/a/memory.kmem.limit_in_bytes", "", "78"}}, NULL},
        {"kernelTCP", MEMORY(.kernel_tcp = OPT(-1)), {{"memory/a/memory.kmem.tcp.limit_in_bytes", "", "-1"}}, NULL},
        {"swappiness 100", MEMORY(.swappiness = OPT(100)), {{"memory/a/memory.swappiness", "", "100"}}, NULL},
        {"swappiness 0", MEMORY(.swappiness = OPT(0)), {{"memory/a/memory.swappiness", "", "0"}}, NULL},
        {"swappiness 101",
         MEMORY(.limit = OPT(1), .swappiness = OPT(101)),
         {{"memory/a/memory.limit_in_bytes", "", ""}},
         "invalid value:101. valid memory swappiness range is 0-100"},
        {"OOM killer off", MEMORY(.disable_oom_killer = true), {{"memory/a/memory.oom_control", "", "1"}}, NULL},
        {"pids", RESOURCES(.pids_limit = OPT(64)), {{"pids/a/pids.max", "", "64"}}, NULL},
        {"pids -1", RESOURCES(.pids_limit = OPT(-1)), {{"pids/a/pids.max", "", "max"}}, NULL},
        {"pids 0", RESOURCES(.pids_limit = OPT(0)), {{"pids/a/pids.max", "", "max"}}, NULL},
        {"pids missing", RESOURCES(.pids_limit = OPT(64)), NO_FILES,
         "failed to set pids resources: pids.limit: write '64' to pids.max: ENOENT: No such file or directory"},
        {"weight", BLOCK_IO(.weight = 10), {{"blkio/a/blkio.weight", "", "10"}, {"blkio/a/blkio.bfq.weight", "", ""}}, NULL},
        {"weight of the other scheduler", BLOCK_IO(.weight = 1000), {{"blkio/a/blkio.bfq.weight", "", "1000"}}, NULL},
        {"weight without scheduler", BLOCK_IO(.weight = 500), NO_FILES,
         "failed to set blkio resources: blockIO.weight: write '500' to blkio.bfq.weight: ENOENT: No such file or directory"},
        {"weight 9", BLOCK_IO(.weight = 9), NO_FILES, "invalid blockIO.weight: 9. valid range is 10-1000"},
        {"leaf weight", BLOCK_IO(.leaf_weight = 20), {{"blkio/a/blkio.leaf_weight", "", "20"}}, NULL},
        {"leaf weight 1001", BLOCK_IO(.leaf_weight = 1001), NO_FILES,
         "invalid blockIO.leafWeight: 1001. valid range is 10-1000"},
        {"weight of a device",
         WEIGHT_DEVICE(8, 16, 300, 400),
         {{"blkio/a/blkio.weight_device", "", "8:16 300"}, {"blkio/a/blkio.leaf_weight_device", "", "8:16 400"}},
         NULL},
        {"weight of a device, other scheduler",
         WEIGHT_DEVICE(8, 16, 300, 0),
         {{"blkio/a/blkio.bfq.weight_device", "", "8:16 300"}},
         NULL},
        {"weight of a device 9", WEIGHT_DEVICE(8, 16, 9, 0), NO_FILES,
         "invalid blockIO.weightDevice: 9. valid range is 10-1000"},
        {"leaf weight of a device 9", WEIGHT_DEVICE(8, 16, 0, 9), NO_FILES,
         "invalid blockIO.weightDevice: 9. valid range is 10-1000"},
        {"throttle",
         BLOCK_IO(.read_bps = THROTTLE({8, 0, 1}), .write_bps = THROTTLE({8, 1, 2}), .read_iops = THROTTLE({8, 2, 3}),
                  .write_iops = THROTTLE({8, 3, 0})),
         {{"blkio/a/blkio.throttle.read_bps_device", "", "8:0 1"},
          {"blkio/a/blkio.throttle.write_bps_device", "", "8:1 2"},
          {"blkio/a/blkio.throttle.read_iops_device", "", "8:2 3"},
          {"blkio/a/blkio.throttle.write_iops_device", "", "8:3 0"}},
         NULL},
        {"huge pages",
         HUGEPAGE("2MB", 4194304),
         {{"hugetlb/a/hugetlb.2MB.limit_in_bytes", "", "4194304"},
          {"hugetlb/a/hugetlb.2MB.rsvd.limit_in_bytes", "", "4194304"}},
         NULL},
        {"huge pages of a size that the kernel lacks", HUGEPAGE("16GB", 1), NO_FILES, NULL},
        {"page size that is none", HUGEPAGE("../2MB", 1), NO_FILES, "invalid hugepageLimits.pageSize '../2MB'"},
        {"page size missing", HUGEPAGE(NULL, 1), NO_FILES, "invalid hugepageLimits.pageSize ''"},
        {"network class", NETWORK(.class_id = 0x100001), {{"net_cls/a/net_cls.classid", "", "0x100001"}}, NULL},
        {"network priority",
         NETWORK(.priorities = &(struct oci_interface_priority){"eth0", 5}, .n_priorities = 1),
         {{"net_prio/a/net_prio.ifpriomap", "", "eth0 5"}},
         NULL},
        {"network priority that cannot be set",
         NETWORK(.priorities = &(struct oci_interface_priority){NULL, 5}, .n_priorities = 1), NO_FILES,
         "failed to set network resources: network.priorities: write ' 5' to net_prio.ifpriomap: "
         "ENOENT: No such file or directory"},
    };
    (void)state;

    FOR_ROWS (row, rows)
        check_row(V1, row);
}

static void version_2_limits_are_written(void **state)
{
    const struct limit_row rows[] = {
        {"empty", RESOURCES(.n_devices = 0), NO_FILES, NULL},
        {"empty parts",
         RESOURCES(.cpu = &(struct oci_cpu){0}, .memory = &(struct oci_memory){0}, .block_io = &(struct oci_block_io){0},
                   .network = &(struct oci_network){0}),
         NO_FILES, NULL},
        {"shares", CPU(.shares = OPT(1024)), {{"unified/a/cpu.weight", "", "39"}}, NULL},
        {"shares 1", CPU(.shares = OPT(1)), {{"unified/a/cpu.weight", "", "1"}}, NULL},
        {"shares 0 are unset", CPU(.shares = OPT(0)), {{"unified/a/cpu.weight", "", ""}}, NULL},
        {"quota and period", CPU(.quota = OPT(5), .period = OPT(100000)), {{"unified/a/cpu.max", "", "5 100000"}}, NULL},
        {"quota alone", CPU(.quota = OPT(50000)), {{"unified/a/cpu.max", "", "50000"}}, NULL},
        {"quota -1", CPU(.quota = OPT(-1)), {{"unified/a/cpu.max", "", "max"}}, NULL},
        {"quota 0 and period", CPU(.quota = OPT(0), .period = OPT(10000)), {{"unified/a/cpu.max", "", "max 10000"}}, NULL},
        {"period alone keeps the quota",
         CPU(.period = OPT(20000)),
         {{"unified/a/cpu.max", "777 10000\n", "777 20000\n"}},
         NULL},
        {"period alone, no file", CPU(.period = OPT(20000)), NO_FILES,
         "failed to set cpu resources: cpu.period: write '20000' to cpu.max: ENOENT: No such file or directory"},
        {"realtime runtime", CPU(.realtime_runtime = OPT(1)), NO_FILES, "realtime runtime not supported on cgroupv2"},
        {"realtime period", CPU(.realtime_period = OPT(1)), NO_FILES, "realtime period not supported on cgroupv2"},
        {"cpuset",
         CPU(.cpus = "0-3,7", .mems = "0"),
         {{"unified/a/cpuset.cpus", "", "0-3,7"}, {"unified/a/cpuset.mems", "", "0"}},
         NULL},
        {"limit",
         MEMORY(.limit = OPT(1048576)),
         {{"unified/a/memory.max", "", "1048576"}, {"unified/a/memory.swap.max", "", ""}},
         NULL},
        {"limit and swap",
         MEMORY(.limit = OPT(100), .swap = OPT(150)),
         {{"unified/a/memory.max", "", "100"}, {"unified/a/memory.swap.max", "", "50"}},
         NULL},
        {"limit and as much with swap",
         MEMORY(.limit = OPT(100), .swap = OPT(100)),
         {{"unified/a/memory.swap.max", "", "0"}, {"unified/a/memory.max", "", "100"}},
         NULL},
        {"no limit",
         MEMORY(.limit = OPT(-1)),
         {{"unified/a/memory.max", "", "max"}, {"unified/a/memory.swap.max", "", "max"}},
         NULL},
        {"no swap limit",
         MEMORY(.swap = OPT(-1)),
         {{"unified/a/memory.max", "", ""}, {"unified/a/memory.swap.max", "", "max"}},
         NULL},
        {"kernel without swap accounting", MEMORY(.limit = OPT(1), .swap = OPT(2)), {{"unified/a/memory.max", "", "1"}}, NULL},
        {"swap without limit", MEMORY(.swap = OPT(150)), NO_FILES, "unable to set swap limit without memory limit"},
        {"swap below limit", MEMORY(.limit = OPT(9), .swap = OPT(5)), NO_FILES, "memory+swap limit should be >= memory limit"},
        {"limit below -1", MEMORY(.limit = OPT(-9)), NO_FILES, "invalid memory value: -9"},
        {"reservation", MEMORY(.reservation = OPT(77)), {{"unified/a/memory.low", "", "77"}}, NULL},
        {"reservation -1", MEMORY(.reservation = OPT(-1)), {{"unified/a/memory.low", "", "max"}}, NULL},
        {"swappiness",
         MEMORY(.swappiness = OPT(60)),
         {{"unified/a/memory.swap.max", "", ""}},
         "memory.swappiness not supported on cgroupv2"},
        {"swappiness 101", MEMORY(.swappiness = OPT(101)), NO_FILES,
         "invalid value:101. valid memory swappiness range is 0-100"},
        {"kernel", MEMORY(.kernel = OPT(1)), NO_FILES, "memory.kernel not supported on cgroupv2"},
        {"kernelTCP", MEMORY(.kernel_tcp = OPT(1)), NO_FILES, "memory.kernelTCP not supported on cgroupv2"},
        {"OOM killer off", MEMORY(.disable_oom_killer = true), NO_FILES, "memory.disableOOMKiller not supported on cgroupv2"},
        {"pids", RESOURCES(.pids_limit = OPT(64)), {{"unified/a/pids.max", "", "64"}}, NULL},
        {"pids -1", RESOURCES(.pids_limit = OPT(-1)), {{"unified/a/pids.max", "", "max"}}, NULL},
        {"weight", BLOCK_IO(.weight = 500), {{"unified/a/io.bfq.weight", "", "500"}, {"unified/a/io.weight", "", ""}}, NULL},
        {"weight without that scheduler", BLOCK_IO(.weight = 500), {{"unified/a/io.weight", "", "4950"}}, NULL},
        {"weight 1001", BLOCK_IO(.weight = 1001), NO_FILES, "invalid blockIO.weight: 1001. valid range is 10-1000"},
        {"leaf weight", BLOCK_IO(.leaf_weight = 500), NO_FILES, "cannot set leaf_weight with cgroupv2"},
        {"weight of a device", WEIGHT_DEVICE(8, 16, 300, 0), {{"unified/a/io.bfq.weight", "", "8:16 300"}}, NULL},
        {"weight of a device without that scheduler",
         WEIGHT_DEVICE(8, 16, 10, 0),
         {{"unified/a/io.weight", "", "8:16 1"}},
         NULL},
        {"leaf weight of a device", WEIGHT_DEVICE(8, 16, 0, 300), NO_FILES, "cannot set leaf_weight with cgroupv2"},
        {"weight of a device 9", WEIGHT_DEVICE(8, 16, 9, 0), NO_FILES,
         "invalid blockIO.weightDevice: 9. valid range is 10-1000"},
        {"read bytes", BLOCK_IO(.read_bps = THROTTLE({8, 0, 10})), {{"unified/a/io.max", "", "8:0 rbps=10"}}, NULL},
        {"write bytes", BLOCK_IO(.write_bps = THROTTLE({8, 1, 20})), {{"unified/a/io.max", "", "8:1 wbps=20"}}, NULL},
        {"reads", BLOCK_IO(.read_iops = THROTTLE({8, 2, 30})), {{"unified/a/io.max", "", "8:2 riops=30"}}, NULL},
        {"writes", BLOCK_IO(.write_iops = THROTTLE({8, 3, 0})), {{"unified/a/io.max", "", "8:3 wiops=max"}}, NULL},
        {"huge pages",
         HUGEPAGE("1GB", 1073741824),
         {{"unified/a/hugetlb.1GB.max", "", "1073741824"}, {"unified/a/hugetlb.1GB.rsvd.max", "", "1073741824"}},
         NULL},
        {"network class", NETWORK(.class_id = 1), NO_FILES, "network limits not supported on cgroupv2"},
        {"network priority", NETWORK(.priorities = &(struct oci_interface_priority){"eth0", 5}, .n_priorities = 1), NO_FILES,
         "network limits not supported on cgroupv2"},
    };
    (void)state;

    FOR_ROWS (row, rows)
        check_row(V2, row);
}

static void missing_controllers_are_named(void **state)
{
    const struct limit_row v1[] = {
        {"shares", CPU(.shares = OPT(2)), NO_FILES,
         "failed to set cpu resources: cpu.shares: the cpu controller is not available"},
        {"cpus", CPU(.cpus = "0"), NO_FILES,
         "failed to set cpuset resources: cpu.cpus: the cpuset controller is not available"},
        {"weight", BLOCK_IO(.weight = 10), NO_FILES,
         "failed to set blkio resources: blockIO.weight: the blkio controller is not available"},
        {"class", NETWORK(.class_id = 1), NO_FILES,
         "failed to set network resources: network.classID: the net_cls controller is not available"},
        {"priority", NETWORK(.priorities = &(struct oci_interface_priority){"eth0", 5}, .n_priorities = 1), NO_FILES,
         "failed to set network resources: network.priorities: the net_prio controller is not available"},
        {"nothing is written before",
         RESOURCES(.memory = &(struct oci_memory){.limit = OPT(5)}, .pids_limit = OPT(1)),
         {{"memory/a/memory.limit_in_bytes", "", ""}},
         "failed to set pids resources: pids.limit: the pids controller is not available"},
        {"on version 2 beside version 1", HUGEPAGE("2MB", 1), {{"unified/a/hugetlb.2MB.max", "", "1"}}, NULL},
    };
    const struct limit_row v2[] = {
        {"weight", BLOCK_IO(.weight = 10), NO_FILES,
         "failed to set blkio resources: blockIO.weight: the io controller is not available"},
    };
    (void)state;

    FOR_ROWS (row, v1)
        check_row("memory unified:hugetlb", row);
    FOR_ROWS (row, v2)
        check_row("unified:memory", row);
}

static void limits_are_written_in_order_until_one_fails(void **state)
{
    const struct limit_row rows[] = {
        {"memory fails",
         RESOURCES(.cpu = &(struct oci_cpu){.shares = OPT(5)}, .memory = &(struct oci_memory){.limit = OPT(6)},
                   .pids_limit = OPT(7)),
         {{"cpu/a/cpu.shares", "", "5"}, {"pids/a/pids.max", "", ""}},
         "failed to set memory resources: memory.limit: write '6' to memory.limit_in_bytes: ENOENT: No such file or directory"},
        {"pids fails",
         RESOURCES(.memory = &(struct oci_memory){.limit = OPT(6)}, .pids_limit = OPT(7),
                   .block_io = &(struct oci_block_io){.weight = 10}),
         {{"memory/a/memory.limit_in_bytes", "", "6"}, {"blkio/a/blkio.weight", "", ""}},
         "failed to set pids resources: pids.limit: write '7' to pids.max: ENOENT: No such file or directory"},
    };
    (void)state;

    FOR_ROWS (row, rows)
        check_row(V1, row);
}

static void long_values_are_cut_in_errors(void **state)
{
    struct fake_cgroup fake;
    struct error err = {0};
    char mems[2000];
    (void)state;

    memset(mems, '1', sizeof(mems) - 1);
    mems[sizeof(mems) - 1] = '\0';
    make_bare_group(&fake, V1);
    assert_int_equal(cgroup_apply(fake.cgroup, CPU(.mems = mems), &err), -ENOENT);
    assert_true(strlen(err.text) < 300);
    assert_non_null(strstr(err.text, "' to cpuset.mems: ENOENT"));
    fake_cgroup_done(&fake);
}

/* Files keep the last of several writes: here both go to different files, or the second proves that there was one. */
static void lists_are_written_to_their_end(void **state)
{
    struct oci_throttle_device rates[] = {{8, 0, 1}, {8, 1, 2}};
    struct oci_weight_device weights[] = {{8, 0, 100, 0}, {8, 1, 200, 0}};
    struct oci_hugepage_limit pages[] = {{"2MB", 1}, {"1GB", 2}};
    struct oci_interface_priority priorities[] = {{"eth0", 1}, {"eth1", 2}};
    const struct oci_resources v1 = {
        .block_io =
            &(struct oci_block_io){.weight_devices = weights, .n_weight_devices = 2, .read_bps = {.items = rates, .n = 2}},
        .hugepage_limits = pages,
        .n_hugepage_limits = 2,
        .network = &(struct oci_network){.priorities = priorities, .n_priorities = 2},
    };
    const struct oci_resources v2 = {.block_io = v1.block_io};
    const struct limit_row rows[] = {
        {"version 1",
         &v1,
         {{"blkio/a/blkio.weight_device", "", "8:1 200"},
          {"blkio/a/blkio.throttle.read_bps_device", "", "8:1 2"},
          {"hugetlb/a/hugetlb.1GB.limit_in_bytes", "", "2"},
          {"net_prio/a/net_prio.ifpriomap", "", "eth1 2"}},
         NULL},
        {"version 2", &v2, {{"unified/a/io.bfq.weight", "", "8:1 200"}, {"unified/a/io.max", "", "8:1 rbps=2"}}, NULL},
    };
    (void)state;

    check_row(V1, &rows[0]);
    check_row(V2, &rows[1]);
}

static void too_many_limits_are_refused(void **state)
{
    size_t n = 100000;
    struct oci_hugepage_limit *limits = calloc(n, sizeof(*limits));
    struct fake_cgroup fake;
    struct error err = {0};
    (void)state;

    for (size_t i = 0; i < n; i++)
        limits[i].page_size = "2MB";
    make_bare_group(&fake, V1);
    fake_cgroup_write(&fake, "hugetlb/a/hugetlb.2MB.limit_in_bytes", "");
    assert_int_equal(cgroup_apply(fake.cgroup, RESOURCES(.hugepage_limits = limits, .n_hugepage_limits = n), &err), -ENOBUFS);
    assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(fake_cgroup_read(&fake, "hugetlb/a/hugetlb.2MB.limit_in_bytes"), "");
    fake_cgroup_done(&fake);
    free(limits);
}

static void collect_line(void *sink, const char *line, size_t len)
{
    snprintf(sink, 1024, "%.*s", (int)len, line);
}

static uint64_t no_time(void *sink)
{
    (void)sink;
    return 0;
}

static void what_is_left_out_is_logged(void **state)
{
    char line[1024] = "";
    const struct logger log = {.level = LOG_WARNING,
                               .format = LOG_JSON,
                               .name = "n",
                               .version = "v",
                               .write = collect_line,
                               .now_realtime_ns = no_time,
                               .sink = line};
    const struct {
        const struct oci_resources *resources;
        const char *text;
    } rows[] = {
        {CPU(.cpus = "9"), "cpu.cpus is left out: write '9' to "},
        {MEMORY(.swap = OPT(5)), "memory.swap is left out: write '5' to "},
        {HUGEPAGE("16GB", 4), "hugepageLimits is left out: write '4' to "},
    };
    struct fake_cgroup fake;
    (void)state;

    make_bare_group(&fake, V1);
    cgroup_host_set_log(fake.host, &log);
    FOR_ROWS (row, rows) {
        assert_int_equal(cgroup_apply(fake.cgroup, row->resources, NULL), 0);
        if (!strstr(line, row->text) || !strstr(line, "ENOENT"))
            fail_msg("%s", line);
    }
    fake_cgroup_done(&fake);
}

static void swap_file_that_refuses_is_an_error(void **state)
{
    struct fake_cgroup fake;
    struct error err = {0};
    (void)state;

    make_bare_group(&fake, V1);
    fake_cgroup_mkdir(&fake, "memory/a/memory.memsw.limit_in_bytes");
    assert_int_equal(cgroup_apply(fake.cgroup, MEMORY(.swap = OPT(5)), &err), -EISDIR);
    fake_cgroup_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_limits_are_written),       cmocka_unit_test(version_2_limits_are_written),
        cmocka_unit_test(missing_controllers_are_named),      cmocka_unit_test(limits_are_written_in_order_until_one_fails),
        cmocka_unit_test(long_values_are_cut_in_errors),      cmocka_unit_test(lists_are_written_to_their_end),
        cmocka_unit_test(too_many_limits_are_refused),        cmocka_unit_test(what_is_left_out_is_logged),
        cmocka_unit_test(swap_file_that_refuses_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
