/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

struct file {
    const char *path; /* below the root */
    const char *text;
};

/* A tree of control files, and what was read from it. */
struct reading {
    struct fake_cgroup fake;
    struct arena *a;
    Grpc__CgroupStats *stats;
};

static void reading_done(struct reading *reading)
{
    fake_cgroup_done(&reading->fake);
    arena_free(reading->a);
}
#define _reading_ CLEANUP(reading_done)

static struct reading read_stats(const char *layout, const struct file *files, size_t n)
{
    struct reading reading = {.a = arena_new(100000)};
    struct error err = {0};

    fake_cgroup_init(&reading.fake, layout);
    fake_cgroup_create(&reading.fake, "/a");
    for (size_t i = 0; i < n; i++)
        fake_cgroup_write(&reading.fake, files[i].path, files[i].text);
    int descriptors = count_descriptors();
    if (cgroup_stats(reading.fake.cgroup, reading.a, &reading.stats, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(count_descriptors(), descriptors);
    return reading;
}

static void check_memory(const Grpc__MemoryData *data, uint64_t usage, uint64_t max_usage, uint64_t failcnt, uint64_t limit)
{
    assert_non_null(data);
    assert_int_equal(data->usage, usage);
    assert_int_equal(data->max_usage, max_usage);
    assert_int_equal(data->failcnt, failcnt);
    assert_int_equal(data->limit, limit);
}

struct want_entry {
    uint64_t major, minor;
    const char *op;
    uint64_t value;
};

static void check_entries(const char *label, Grpc__BlkioStatsEntry **entries, size_t n, const struct want_entry *want)
{
    size_t i = 0;

    for (; i < n && want[i].op; i++) {
        const Grpc__BlkioStatsEntry *entry = entries[i];
        if (entry->major != want[i].major || entry->minor != want[i].minor || strcmp(entry->op, want[i].op) != 0 ||
            entry->value != want[i].value)
            fail_msg("%s, entry %zu: %" PRIu64 ":%" PRIu64 " '%s' %" PRIu64, label, i, entry->major, entry->minor, entry->op,
                     entry->value);
    }
    if (i != n || want[i].op)
        fail_msg("%s: %zu entries", label, n);
}

static void version_1_cpu_is_read(void **state)
{
    static const struct file files[] = {
        {"cpuacct/a/cpuacct.usage", "123456789\n"},
        {"cpuacct/a/cpuacct.usage_percpu", "100 0 23 \n"},
        {"cpuacct/a/cpuacct.stat", "user 7\nsystem 11\n"},
        {"cpu/a/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 5000\nnr_bursts 9\n"},
    };
    _reading_ struct reading reading = read_stats("cpu cpuacct", files, ARRAY_SIZE(files));
    Grpc__CgroupStats *stats = reading.stats;
    (void)state;

    const Grpc__CpuUsage *usage = stats->cpu_stats->cpu_usage;
    assert_int_equal(usage->total_usage, 123456789);
    assert_int_equal(usage->usage_in_usermode, 70000000);
    assert_int_equal(usage->usage_in_kernelmode, 110000000);
    assert_int_equal(usage->n_percpu_usage, 3);
    assert_int_equal(usage->percpu_usage[0], 100);
    assert_int_equal(usage->percpu_usage[1], 0);
    assert_int_equal(usage->percpu_usage[2], 23);
    assert_int_equal(stats->cpu_stats->throttling_data->periods, 3);
    assert_int_equal(stats->cpu_stats->throttling_data->throttled_periods, 2);
    assert_int_equal(stats->cpu_stats->throttling_data->throttled_time, 5000);
    assert_null(stats->memory_stats);
    assert_null(stats->pids_stats);
    assert_null(stats->blkio_stats);
    assert_int_equal(stats->n_hugetlb_stats, 0);
}

static void version_2_cpu_is_read(void **state)
{
    static const struct file files[] = {
        {"unified/a/cpu.stat",
         "usage_usec 100\nuser_usec 60\nsystem_usec 40\nnr_periods 3\nnr_throttled 2\nthrottled_usec 5\n"},
    };
    _reading_ struct reading reading = read_stats("unified:cpu", files, ARRAY_SIZE(files));
    Grpc__CgroupStats *stats = reading.stats;
    (void)state;

    const Grpc__CpuUsage *usage = stats->cpu_stats->cpu_usage;
    assert_int_equal(usage->total_usage, 100000);
    assert_int_equal(usage->usage_in_usermode, 60000);
    assert_int_equal(usage->usage_in_kernelmode, 40000);
    assert_int_equal(usage->n_percpu_usage, 0);
    assert_int_equal(stats->cpu_stats->throttling_data->periods, 3);
    assert_int_equal(stats->cpu_stats->throttling_data->throttled_periods, 2);
    assert_int_equal(stats->cpu_stats->throttling_data->throttled_time, 5000);
}

static void parts_of_cpu_depend_on_their_controllers(void **state)
{
    _reading_ struct reading cpu = read_stats("cpu", NULL, 0);
    _reading_ struct reading cpuacct = read_stats("cpuacct", NULL, 0);
    _reading_ struct reading neither = read_stats("memory", NULL, 0);
    (void)state;

    assert_null(cpu.stats->cpu_stats->cpu_usage);
    assert_non_null(cpu.stats->cpu_stats->throttling_data);
    assert_non_null(cpuacct.stats->cpu_stats->cpu_usage);
    assert_null(cpuacct.stats->cpu_stats->throttling_data);
    assert_null(neither.stats->cpu_stats);
}

static void version_1_memory_is_read(void **state)
{
    static const struct file files[] = {
        {"memory/a/memory.usage_in_bytes", "1\n"},
        {"memory/a/memory.max_usage_in_bytes", "2\n"},
        {"memory/a/memory.failcnt", "3\n"},
        {"memory/a/memory.limit_in_bytes", "9223372036854771712\n"},
        {"memory/a/memory.memsw.usage_in_bytes", "5\n"},
        {"memory/a/memory.memsw.max_usage_in_bytes", "6\n"},
        {"memory/a/memory.memsw.failcnt", "7\n"},
        {"memory/a/memory.memsw.limit_in_bytes", "8\n"},
        {"memory/a/memory.kmem.usage_in_bytes", "9\n"},
        {"memory/a/memory.kmem.max_usage_in_bytes", "10\n"},
        {"memory/a/memory.kmem.failcnt", "11\n"},
        {"memory/a/memory.kmem.limit_in_bytes", "12\n"},
        {"memory/a/memory.use_hierarchy", "1\n"},
        {"memory/a/memory.stat", "cache 4096\nrss 77\nno_value\ntotal_cache 8192\n"},
    };
    _reading_ struct reading reading = read_stats("memory", files, ARRAY_SIZE(files));
    const Grpc__MemoryStats *memory = reading.stats->memory_stats;
    (void)state;

    check_memory(memory->usage, 1, 2, 3, UINT64_C(9223372036854771712));
    check_memory(memory->swap_usage, 5, 6, 7, 8);
    check_memory(memory->kernel_usage, 9, 10, 11, 12);
    assert_int_equal(memory->cache, 4096);
    assert_true(memory->use_hierarchy);
    assert_int_equal(memory->n_stats, 3);
    assert_string_equal(memory->stats[0]->key, "cache");
    assert_int_equal(memory->stats[0]->value, 4096);
    assert_string_equal(memory->stats[1]->key, "rss");
    assert_int_equal(memory->stats[1]->value, 77);
    assert_string_equal(memory->stats[2]->key, "total_cache");
    assert_int_equal(memory->stats[2]->value, 8192);
}

static void version_2_memory_is_read(void **state)
{
    static const struct file files[] = {
        {"unified/a/memory.current", "1\n"},
        {"unified/a/memory.peak", "2\n"},
        {"unified/a/memory.max", "max\n"},
        {"unified/a/memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n"},
        {"unified/a/memory.swap.current", "6\n"},
        {"unified/a/memory.swap.peak", "7\n"},
        {"unified/a/memory.swap.events", "high 1\nmax 2\nfail 8\n"},
        {"unified/a/memory.swap.max", "max\n"},
        {"unified/a/memory.stat", "anon 100\nfile 200\nkernel 300\nkernel_stack 400\n"},
    };
    _reading_ struct reading reading = read_stats("unified:memory", files, ARRAY_SIZE(files));
    const Grpc__MemoryStats *memory = reading.stats->memory_stats;
    (void)state;

    check_memory(memory->usage, 1, 2, 3, UINT64_MAX);
    check_memory(memory->swap_usage, 6, 7, 8, UINT64_MAX);
    check_memory(memory->kernel_usage, 300, 0, 0, UINT64_MAX);
    assert_int_equal(memory->cache, 200);
    assert_false(memory->use_hierarchy);
    assert_int_equal(memory->n_stats, 4);
    assert_string_equal(memory->stats[3]->key, "kernel_stack");
}

static void version_2_memory_limits_are_read(void **state)
{
    static const struct file files[] = {{"unified/a/memory.max", "4096\n"}, {"unified/a/memory.swap.max", "0\n"}};
    _reading_ struct reading reading = read_stats("unified:memory", files, ARRAY_SIZE(files));
    const Grpc__MemoryStats *memory = reading.stats->memory_stats;
    (void)state;

    check_memory(memory->usage, 0, 0, 0, 4096);
    check_memory(memory->swap_usage, 0, 0, 0, 0);
    assert_int_equal(memory->n_stats, 0);
}

static void pids_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t limit;
    } rows[] = {{"64\n", 64}, {"max\n", 0}};
    (void)state;

    FOR_ROWS (row, rows) {
        const struct file files[] = {{"pids/a/pids.current", "5\n"}, {"pids/a/pids.max", row->text}};
        _reading_ struct reading reading = read_stats("pids", files, ARRAY_SIZE(files));
        const Grpc__PidsStats *pids = reading.stats->pids_stats;

        assert_int_equal(pids->current, 5);
        assert_int_equal(pids->limit, row->limit);
    }
}

static void version_1_block_io_of_cfq_is_read(void **state)
{
    static const struct file files[] = {
        {"blkio/a/blkio.io_service_bytes_recursive",
         "8:0 Read 1\n8:0 Write 2\n8:0 Sync 3\n8:0 Async 4\n8:0 Discard 5\n8:0 Total 6\n253:256 Read 7\nTotal 8\n"},
        {"blkio/a/blkio.io_serviced_recursive", "8:0 Read 11\n"},
        {"blkio/a/blkio.io_queued_recursive", "8:0 Read 12\n"},
        {"blkio/a/blkio.io_service_time_recursive", "8:0 Read 13\n"},
        {"blkio/a/blkio.io_wait_time_recursive", "8:0 Read 14\n"},
        {"blkio/a/blkio.io_merged_recursive", "8:0 Read 15\n"},
        {"blkio/a/blkio.time_recursive", "8:0 16\n0:5 17\n"},
        {"blkio/a/blkio.sectors_recursive", "8:0 18\n8:x 1\n8 1\n8:1\n:1 1\n"},
        {"blkio/a/blkio.throttle.io_service_bytes", "8:0 Read 99\n"},
    };
    _reading_ struct reading reading = read_stats("blkio", files, ARRAY_SIZE(files));
    const Grpc__BlkioStats *io = reading.stats->blkio_stats;
    (void)state;

    check_entries("bytes", io->io_service_bytes_recursive, io->n_io_service_bytes_recursive,
                  (struct want_entry[]){{8, 0, "read", 1},
                                        {8, 0, "write", 2},
                                        {8, 0, "sync", 3},
                                        {8, 0, "async", 4},
                                        {8, 0, "total", 6},
                                        {253, 256, "read", 7},
                                        {0}});
    const struct {
        const char *label;
        Grpc__BlkioStatsEntry **entries;
        size_t n;
        uint64_t value;
    } rows[] = {
        {"serviced", io->io_serviced_recursive, io->n_io_serviced_recursive, 11},
        {"queued", io->io_queued_recursive, io->n_io_queued_recursive, 12},
        {"service time", io->io_service_time_recursive, io->n_io_service_time_recursive, 13},
        {"wait time", io->io_wait_time_recursive, io->n_io_wait_time_recursive, 14},
        {"merged", io->io_merged_recursive, io->n_io_merged_recursive, 15},
    };
    FOR_ROWS (row, rows)
        check_entries(row->label, row->entries, row->n, (struct want_entry[]){{8, 0, "read", row->value}, {0}});
    check_entries("time", io->io_time_recursive, io->n_io_time_recursive,
                  (struct want_entry[]){{8, 0, "", 16}, {0, 5, "", 17}, {0}});
    check_entries("sectors", io->sectors_recursive, io->n_sectors_recursive, (struct want_entry[]){{8, 0, "", 18}, {0}});
}

static void version_1_block_io_of_the_throttle_layer_is_read(void **state)
{
    static const struct file files[] = {
        {"blkio/a/blkio.io_serviced_recursive", "Total 0\n"},
        {"blkio/a/blkio.io_queued_recursive", "8:0 Read 12\n"},
        {"blkio/a/blkio.throttle.io_service_bytes", "8:0 Read 21\nTotal 21\n"},
        {"blkio/a/blkio.throttle.io_serviced", "8:0 Write 22\nTotal 22\n"},
    };
    _reading_ struct reading reading = read_stats("blkio", files, ARRAY_SIZE(files));
    const Grpc__BlkioStats *io = reading.stats->blkio_stats;
    (void)state;

    check_entries("bytes", io->io_service_bytes_recursive, io->n_io_service_bytes_recursive,
                  (struct want_entry[]){{8, 0, "read", 21}, {0}});
    check_entries("serviced", io->io_serviced_recursive, io->n_io_serviced_recursive,
                  (struct want_entry[]){{8, 0, "write", 22}, {0}});
    assert_int_equal(io->n_io_queued_recursive, 0);
}

static void version_2_block_io_is_read(void **state)
{
    static const struct file files[] = {
        {"unified/a/io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
                              "8:0 \n"
                              "0:7 wios=8 cost.usage=9 rbytes=10\n"
                              "nonsense rbytes=11\n"},
    };
    _reading_ struct reading reading = read_stats("unified:io", files, ARRAY_SIZE(files));
    const Grpc__BlkioStats *io = reading.stats->blkio_stats;
    (void)state;

    check_entries("bytes", io->io_service_bytes_recursive, io->n_io_service_bytes_recursive,
                  (struct want_entry[]){{8, 16, "read", 1},
                                        {8, 16, "write", 2},
                                        {8, 16, "rios", 3},
                                        {8, 16, "wios", 4},
                                        {8, 16, "dbytes", 5},
                                        {8, 16, "dios", 6},
                                        {0, 7, "wios", 8},
                                        {0, 7, "read", 10},
                                        {0}});
    assert_int_equal(io->n_io_serviced_recursive, 0);
}

static const Grpc__HugetlbStats *hugetlb(const Grpc__CgroupStats *stats, const char *size)
{
    for (size_t i = 0; i < stats->n_hugetlb_stats; i++) {
        if (strcmp(stats->hugetlb_stats[i]->key, size) == 0)
            return stats->hugetlb_stats[i]->value;
    }
    fail_msg("no %s", size);
    return NULL;
}

static void version_1_huge_pages_are_read(void **state)
{
    static const struct file files[] = {
        {"hugetlb/a/hugetlb.2MB.usage_in_bytes", "1\n"},
        {"hugetlb/a/hugetlb.2MB.max_usage_in_bytes", "2\n"},
        {"hugetlb/a/hugetlb.2MB.failcnt", "3\n"},
        {"hugetlb/a/hugetlb.2MB.rsvd.usage_in_bytes", "4\n"},
        {"hugetlb/a/hugetlb.1GB.usage_in_bytes", "5\n"},
        {"hugetlb/a/hugetlb.big.usage_in_bytes", "6\n"},
        {"hugetlb/a/hugetlb.16GB.usage_in_bytes/not-a-file", ""},
        {"hugetlb/a/hugetlb.12345678901234KB.usage_in_bytes", "7\n"},
        {"hugetlb/a/hugetlb.64KB", "8\n"},
    };
    _reading_ struct reading reading = read_stats("hugetlb", files, ARRAY_SIZE(files));
    const Grpc__CgroupStats *stats = reading.stats;
    (void)state;

    assert_int_equal(stats->n_hugetlb_stats, 2);
    assert_int_equal(hugetlb(stats, "2MB")->usage, 1);
    assert_int_equal(hugetlb(stats, "2MB")->max_usage, 2);
    assert_int_equal(hugetlb(stats, "2MB")->failcnt, 3);
    assert_int_equal(hugetlb(stats, "1GB")->usage, 5);
    assert_int_equal(hugetlb(stats, "1GB")->max_usage, 0);
    assert_int_equal(hugetlb(stats, "1GB")->failcnt, 0);
}

static void version_2_huge_pages_are_read(void **state)
{
    static const struct file files[] = {
        {"unified/a/hugetlb.2MB.current", "4096\n"},
        {"unified/a/hugetlb.2MB.events", "max 12\n"},
        {"unified/a/hugetlb.1GB.current", "0\n"},
        {"unified/a/hugetlb.2MB.rsvd.current", "5\n"},
    };
    _reading_ struct reading reading = read_stats("memory unified:hugetlb", files, ARRAY_SIZE(files));
    const Grpc__CgroupStats *stats = reading.stats;
    (void)state;

    assert_int_equal(stats->n_hugetlb_stats, 2);
    assert_int_equal(hugetlb(stats, "2MB")->usage, 4096);
    assert_int_equal(hugetlb(stats, "2MB")->max_usage, 0);
    assert_int_equal(hugetlb(stats, "2MB")->failcnt, 12);
    assert_int_equal(hugetlb(stats, "1GB")->failcnt, 0);
}

static void page_sizes_are_bounded(void **state)
{
    struct file files[20];
    char paths[ARRAY_SIZE(files)][64];
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(paths[i], sizeof(paths[i]), "hugetlb/a/hugetlb.%zuMB.usage_in_bytes", i + 1);
        files[i] = (struct file){paths[i], "1"};
    }
    _reading_ struct reading reading = read_stats("hugetlb", files, ARRAY_SIZE(files));
    assert_int_equal(reading.stats->n_hugetlb_stats, 16);
}

static void missing_files_count_as_nothing(void **state)
{
    static const char *const layouts[] = {"cpu cpuacct memory pids blkio hugetlb", "unified:cpu+memory+pids+io+hugetlb"};
    (void)state;

    FOR_ROWS (layout, layouts) {
        _reading_ struct reading reading = read_stats(*layout, NULL, 0);
        const Grpc__CgroupStats *stats = reading.stats;

        assert_int_equal(stats->cpu_stats->cpu_usage->total_usage, 0);
        assert_int_equal(stats->cpu_stats->cpu_usage->n_percpu_usage, 0);
        assert_int_equal(stats->cpu_stats->throttling_data->periods, 0);
        check_memory(stats->memory_stats->usage, 0, 0, 0, 0);
        assert_false(stats->memory_stats->use_hierarchy);
        assert_int_equal(stats->memory_stats->n_stats, 0);
        assert_int_equal(stats->pids_stats->current, 0);
        assert_int_equal(stats->blkio_stats->n_io_service_bytes_recursive, 0);
        assert_int_equal(stats->n_hugetlb_stats, 0);
    }
}

static void statistics_can_be_packed(void **state)
{
    static const struct file files[] = {
        {"memory/a/memory.stat", "cache 4096\n"},
        {"blkio/a/blkio.throttle.io_serviced", "8:0 Write 22\n"},
        {"hugetlb/a/hugetlb.2MB.usage_in_bytes", "1\n"},
    };
    _reading_ struct reading reading = read_stats("memory blkio hugetlb pids cpu cpuacct", files, ARRAY_SIZE(files));
    const Grpc__CgroupStats *stats = reading.stats;
    uint8_t packed[512];
    (void)state;

    assert_true(grpc__cgroup_stats__get_packed_size(stats) < sizeof(packed));
    size_t n = grpc__cgroup_stats__pack(stats, packed);
    Grpc__CgroupStats *copy = grpc__cgroup_stats__unpack(NULL, n, packed);
    assert_non_null(copy);
    assert_string_equal(copy->memory_stats->stats[0]->key, "cache");
    assert_string_equal(copy->blkio_stats->io_serviced_recursive[0]->op, "write");
    assert_string_equal(copy->hugetlb_stats[0]->key, "2MB");
    grpc__cgroup_stats__free_unpacked(copy, NULL);
}

/* Every budget, from none to enough, is either enough or a clear error. */
static void statistics_obey_the_budget(void **state)
{
    static const struct file files[] = {
        {"memory/a/memory.stat", "cache 4096\n"},
        {"cpuacct/a/cpuacct.usage_percpu", "1 2 3\n"},
        {"blkio/a/blkio.throttle.io_serviced", "8:0 Write 22\n"},
        {"hugetlb/a/hugetlb.2MB.usage_in_bytes", "1\n"},
    };
    struct fake_cgroup fake;
    struct error err = {0};
    int r;
    (void)state;

    fake_cgroup_init(&fake, "memory cpuacct blkio hugetlb");
    fake_cgroup_create(&fake, "/a");
    FOR_ROWS (file, files)
        fake_cgroup_write(&fake, file->path, file->text);
    for (size_t budget = 0;; budget += 40) {
        _arena_ struct arena *a = arena_new(budget);
        Grpc__CgroupStats *stats = NULL;
        r = cgroup_stats(fake.cgroup, a, &stats, &err);
        if (r == 0)
            break;
        assert_int_equal(r, -ENOBUFS);
        assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
        assert_null(stats);
        assert_true(budget < 20000);
    }
    fake_cgroup_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_cpu_is_read),
        cmocka_unit_test(version_2_cpu_is_read),
        cmocka_unit_test(parts_of_cpu_depend_on_their_controllers),
        cmocka_unit_test(version_1_memory_is_read),
        cmocka_unit_test(version_2_memory_is_read),
        cmocka_unit_test(version_2_memory_limits_are_read),
        cmocka_unit_test(pids_are_read),
        cmocka_unit_test(version_1_block_io_of_cfq_is_read),
        cmocka_unit_test(version_1_block_io_of_the_throttle_layer_is_read),
        cmocka_unit_test(version_2_block_io_is_read),
        cmocka_unit_test(version_1_huge_pages_are_read),
        cmocka_unit_test(version_2_huge_pages_are_read),
        cmocka_unit_test(page_sizes_are_bounded),
        cmocka_unit_test(missing_files_count_as_nothing),
        cmocka_unit_test(statistics_can_be_packed),
        cmocka_unit_test(statistics_obey_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
