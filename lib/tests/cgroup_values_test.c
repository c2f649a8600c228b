/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cgroup/cgroup_internal.h"
#include "cgroup/values.h"

static void shares_become_weight_on_a_line(void **state)
{
    static const struct {
        const char *label;
        uint64_t shares, weight;
    } rows[] = {
        {"unset stays unset", 0, 0},
        {"below the range", 1, 1},
        {"lower end", 2, 1},
        {"one step", 29, 2},
        {"before one step", 28, 1},
        {"default", 1024, 39},
        {"half", 131073, 5000},
        {"before the upper end", 262143, 9999},
        {"upper end", 262144, 10000},
        {"above the range", 262145, 10000},
        {"far above the range", UINT64_MAX, 10000},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        if (cpu_weight_from_shares(row->shares) != row->weight)
            fail_msg("%s: %lu", row->label, cpu_weight_from_shares(row->shares));
    }
}

static void blkio_weight_becomes_io_weight(void **state)
{
    static const struct {
        uint32_t weight;
        bool valid;
        uint64_t io;
    } rows[] = {
        {9, false, 0}, {10, true, 1}, {11, true, 11}, {500, true, 4950}, {1000, true, 10000}, {1001, false, 0},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        assert_int_equal(blkio_weight_is_valid(row->weight), row->valid);
        if (row->valid)
            assert_int_equal(io_weight_from_blkio(row->weight), row->io);
    }
}

static void memory_limits_are_checked(void **state)
{
    static const struct {
        int64_t limit, swap;
        const char *text; /* NULL: accepted */
    } rows[] = {
        {0, 0, NULL},
        {-1, -1, NULL},
        {-1, 0, NULL},
        {100, 0, NULL},
        {100, -1, NULL},
        {100, 100, NULL},
        {100, 99, "memory+swap limit should be >= memory limit"},
        {100, -2, "memory+swap limit should be >= memory limit"},
        {0, 99, NULL},
        {0, -2, NULL},
        {-2, 0, "invalid memory value: -2"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct error err = {0};
        int r = memory_limits_check(row->limit, row->swap, &err);
        assert_int_equal(r, row->text ? -EINVAL : 0);
        assert_string_equal(err.text, row->text ?: "");
        assert_int_equal(err.status, row->text ? STATUS_INTERNAL : STATUS_OK);
    }
}

static void swap_sum_becomes_swap_max(void **state)
{
    static const struct {
        int64_t limit, swap;
        int result;
        int64_t max;
    } rows[] = {
        {0, 0, 0, 7},   {100, 0, 0, 7},   {-1, 0, 1, -1},    {-1, -1, 1, -1},     {100, -1, 1, -1},
        {0, -1, 1, -1}, {100, 100, 1, 0}, {100, 150, 1, 50}, {0, 50, -EINVAL, 7}, {-1, 50, -EINVAL, 7},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct error err = {0};
        int64_t max = 7;
        assert_int_equal(swap_max_from_sum(row->limit, row->swap, &max, &err), row->result);
        assert_int_equal(max, row->max);
        assert_string_equal(err.text, row->result < 0 ? "unable to set swap limit without memory limit" : "");
    }
}

static void page_sizes_are_checked(void **state)
{
    static const struct {
        const char *size;
        bool valid;
    } rows[] = {
        {"2MB", true},
        {"1GB", true},
        {"64KB", true},
        {"1048576KB", true},
        {"", false},
        {"MB", false},
        {"02MB", false},
        {"0MB", false},
        {"2M", false},
        {"2mB", false},
        {"2MBs", false},
        {"2", false},
        {"2TB", false},
        {"2M/", false},
        {"../2MB", false},
        {"-2MB", false},
        {"12345678901KB", false},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        if (hugepage_size_is_valid(row->size) != row->valid)
            fail_msg("'%s'", row->size);
    }
}

/* ---- cgroupsPath ---- */

#define LONG_NAME                                                                                                              \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaa"                                                                                                                 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaa"
#define TEN_LEVELS "/1/2/3/4/5/6/7/8/9/0"

static void group_path_follows_the_spec(void **state)
{
    static const struct {
        const char *path, *id, *result; /* result NULL: refused */
    } rows[] = {
        {NULL, "ct1", "/ct1"},
        {"", "ct1", "/ct1"},
        {"/kubepods/pod1/ct1", "x", "/kubepods/pod1/ct1"},
        {"kubepods/ct1", "x", "/kubepods/ct1"},
        {"//a///b/", "x", "/a/b"},
        {"system.slice:kata_agent:ct1", "x", "/system.slice/kata_agent/ct1"},
        {"::ct1", "x", "/ct1"},
        {"a", "x", "/a"},
        {"a:b", "x", "/a/b"},
        {"/...", "x", "/..."},
        {"/..a/.b/a.", "x", "/..a/.b/a."},
        {"/a/../b", "x", NULL},
        {"/a/..", "x", NULL},
        {"..:a", "x", NULL},
        {"/./a", "x", NULL},
        {"/", "x", NULL},
        {"::", "x", NULL},
        {NULL, "..", NULL},
        {NULL, ".", NULL},
        {NULL, "a/b", NULL},
        {NULL, "a:b", "/a:b"},
        {NULL, "", NULL},
        {"/" LONG_NAME, "x", "/" LONG_NAME},
        {"/" LONG_NAME "a", "x", NULL},
        {TEN_LEVELS TEN_LEVELS TEN_LEVELS "/1/2", "x", TEN_LEVELS TEN_LEVELS TEN_LEVELS "/1/2"},
        {TEN_LEVELS TEN_LEVELS TEN_LEVELS "/1/2/3", "x", NULL},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(16384);
        struct error err = {0};
        char *path = NULL;
        int r = cgroup_path_for(a, row->path, row->id, &path, &err);
        const char *label = row->path ?: row->id;
        if (row->result && (r != 0 || strcmp(path, row->result) != 0))
            fail_msg("%s: %s", label, path ?: err.text);
        if (!row->result && (r != -EINVAL || err.status != STATUS_INVALID_ARGUMENT || path))
            fail_msg("%s: %d %s", label, r, path ?: err.text);
    }
}

static void group_path_is_bounded(void **state)
{
    char path[2050];
    (void)state;

    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 200 ? 'a' : '/';
    path[2049] = '\0';
    _arena_ struct arena *a = arena_new(16384);
    struct error err = {0};
    char *result;
    assert_int_equal(cgroup_path_for(a, path, "x", &result, &err), -EINVAL);
    assert_string_equal(err.text, "cgroups path of 2049 bytes is longer than 2048");
    path[2048] = '\0';
    assert_int_equal(cgroup_path_for(a, path, "x", &result, &err), 0);

    _arena_ struct arena *small = arena_new(256);
    assert_int_equal(cgroup_path_for(small, path, "x", &result, &err), -ENOBUFS);
    assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
}

static void refused_path_is_named(void **state)
{
    _arena_ struct arena *a = arena_new(1024);
    struct error err = {0};
    char *path;
    (void)state;

    cgroup_path_for(a, "/a/../b", "x", &path, &err);
    assert_string_equal(err.text, "invalid cgroups path '/a/../b'");
    cgroup_path_for(a, NULL, "a/b", &path, &err);
    assert_string_equal(err.text, "invalid cgroup name 'a/b'");
}

/* ---- text ---- */

static void numbers_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {
        {"12\n", 12}, {"12", 12}, {"12 34", 12}, {"max\n", 99}, {"max", 99},  {"maximum", 0},
        {"ma", 0},    {"", 0},    {"-1\n", 0},   {"12x\n", 0},  {"x12\n", 0}, {"18446744073709551615\n", UINT64_MAX},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        if (text_number(row->text, 99) != row->value)
            fail_msg("'%s'", row->text);
    }
}

static void keys_are_found(void **state)
{
    static const struct {
        const char *text, *key;
        bool found;
        uint64_t value;
    } rows[] = {
        {"oom 1\noom_kill 2\n", "oom", true, 1},
        {"oom 1\noom_kill 2\n", "oom_kill", true, 2},
        {"oom 1\noom_kill 2", "oom_kill", true, 2},
        {"oom_kill 2\noom 1\n", "oom", true, 1},
        {"oom 1\n", "kill", false, 0},
        {"xoom 1\n", "oom", false, 0},
        {"oom\n", "oom", false, 0},
        {"", "oom", false, 0},
        {"\noom 5\n", "oom", true, 5},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        uint64_t value = 0;
        if (text_find_key(row->text, row->key, &value) != row->found || value != row->value)
            fail_msg("'%s' %s", row->text, row->key);
    }
}

static void blank_text_is_seen(void **state)
{
    (void)state;
    assert_true(text_is_blank(""));
    assert_true(text_is_blank(" \t\n"));
    assert_false(text_is_blank("\n0"));
    assert_int_equal(text_count("a=b c=d", '='), 2);
    assert_int_equal(text_count("", '='), 0);
}

static void path_prefixes_are_measured(void **state)
{
    static const size_t lengths[] = {0, 1, 4, 8};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        assert_int_equal(path_prefix_len("a/bc/def", i), lengths[i]);
}

/* ---- mounts ---- */

static void mounts_below_the_root_are_picked(void **state)
{
    char text[] = "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
                  "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
                  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct\n"
                  "33 31 0:30 / /sys/fs/cgroup/with\\040blank rw - cgroup cgroup rw,memory\n"
                  "34 31 0:31 / /sys/fs/cgroupx/pids rw - cgroup cgroup rw,pids\n"
                  "35 31 0:32 / /other/pids rw - cgroup cgroup rw,pids\n"
                  "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
                  "42 31 0:39 / /sys/fs/cgroup/tmp rw - tmpfs tmpfs rw\n"
                  "43 31 0:39 / /sys/fs/cgroup/cut rw - cgroup cgroup\n"
                  "44 31\n"
                  "\n";
    static const struct hierarchy_spec want[] = {
        {1, "rw,cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
        {1, "rw,memory", "/sys/fs/cgroup/with blank"},
        {2, "rw,nsdelegate", "/sys/fs/cgroup/unified"},
    };
    struct hierarchy_spec specs[HIERARCHIES_MAX];
    (void)state;

    size_t n = cgroup_mounts_parse(text, "/sys/fs/cgroup/", specs);
    assert_int_equal(n, ARRAY_SIZE(want));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(specs[i].version, want[i].version);
        assert_string_equal(specs[i].options, want[i].options);
        assert_string_equal(specs[i].path, want[i].path);
    }
}

static void mounts_are_bounded(void **state)
{
    char text[HIERARCHIES_MAX * 64 + 128] = "";
    struct hierarchy_spec specs[HIERARCHIES_MAX + 1] = {0};
    (void)state;

    for (int i = 0; i < HIERARCHIES_MAX + 1; i++)
        sprintf(text + strlen(text), "1 1 0:1 / /cg/%d rw - cgroup cgroup rw,cpu\n", i);
    assert_int_equal(cgroup_mounts_parse(text, "/cg", specs), HIERARCHIES_MAX);
    assert_null(specs[HIERARCHIES_MAX].path);
}

static void controllers_are_known_by_version(void **state)
{
    static const struct {
        const char *text;
        int version;
        uint32_t bits;
    } rows[] = {
        {"rw,cpu,cpuacct", 1, 1 << CONTROLLER_CPU | 1 << CONTROLLER_CPUACCT},
        {"rw,blkio", 1, 1 << CONTROLLER_IO},
        {"rw,io", 1, 0},
        {"rw,name=systemd", 1, 1 << CONTROLLER_SYSTEMD},
        {"rw,name=other", 1, 0},
        {"rw,cpusets,cp", 1, 0},
        {"freezer,net_cls,net_prio,perf_event,rdma,devices", 1,
         1 << CONTROLLER_FREEZER | 1 << CONTROLLER_NET_CLS | 1 << CONTROLLER_NET_PRIO | 1 << CONTROLLER_PERF_EVENT |
             1 << CONTROLLER_RDMA | 1 << CONTROLLER_DEVICES},
        {"cpuset,cpu,io,memory,hugetlb,pids,rdma,misc", 2,
         1 << CONTROLLER_CPUSET | 1 << CONTROLLER_CPU | 1 << CONTROLLER_IO | 1 << CONTROLLER_MEMORY | 1 << CONTROLLER_HUGETLB |
             1 << CONTROLLER_PIDS},
        {"freezer,devices,blkio", 2, 0},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        if (controllers_parse(row->text, ",", row->version) != row->bits)
            fail_msg("%s", row->text);
    }
    assert_string_equal(controller_name(CONTROLLER_IO, 1), "blkio");
    assert_string_equal(controller_name(CONTROLLER_IO, 2), "io");
    assert_string_equal(controller_name(CONTROLLER_NET_CLS, 2), "net_cls");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_become_weight_on_a_line),
        cmocka_unit_test(blkio_weight_becomes_io_weight),
        cmocka_unit_test(memory_limits_are_checked),
        cmocka_unit_test(swap_sum_becomes_swap_max),
        cmocka_unit_test(page_sizes_are_checked),
        cmocka_unit_test(group_path_follows_the_spec),
        cmocka_unit_test(group_path_is_bounded),
        cmocka_unit_test(refused_path_is_named),
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(keys_are_found),
        cmocka_unit_test(blank_text_is_seen),
        cmocka_unit_test(path_prefixes_are_measured),
        cmocka_unit_test(mounts_below_the_root_are_picked),
        cmocka_unit_test(mounts_are_bounded),
        cmocka_unit_test(controllers_are_known_by_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
