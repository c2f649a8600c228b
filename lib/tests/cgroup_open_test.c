/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that are there, over a tree of plain files: opened, listed, signalled. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

static void directories_are_those_of_every_hierarchy_and_level(void **state)
{
    static const char *const want[] = {
        "/cpu,cpuacct/a", "/cpu,cpuacct/a/bc", "/cpu,cpuacct/a/bc/d", "/unified/a", "/unified/a/bc", "/unified/a/bc/d",
    };
    struct fake_cgroup fake;
    struct strlist found = {.n = 0}, none = {.n = 0};
    _arena_ struct arena *a = arena_new(10000);
    _arena_ struct arena *small = arena_new(16);
    (void)state;

    fake_cgroup_init(&fake, "cpu,cpuacct unified:memory");
    assert_int_equal(cgroup_directories(fake.host, a, "/a/bc/d", &found), 0);
    assert_int_equal(found.n, ARRAY_SIZE(want));
    for (size_t i = 0; i < found.n; i++) {
        assert_memory_equal(found.items[i], fake.root, strlen(fake.root));
        assert_string_equal(found.items[i] + strlen(fake.root), want[i]);
    }
    assert_int_equal(cgroup_directories(fake.host, small, "/a/bc/d", &none), -ENOBUFS);
    assert_false(fake_cgroup_exists(&fake, "unified/a"));
    fake_cgroup_done(&fake);
}

static void a_group_that_is_there_is_opened_with_its_processes(void **state)
{
    struct fake_cgroup fake;
    struct error err = {.errnum = 0};
    (void)state;

    fake_cgroup_init(&fake, "memory unified:pids");
    fake_cgroup_write(&fake, "memory/a/b/cgroup.procs", "");
    fake_cgroup_write(&fake, "unified/a/b/cgroup.procs", "7\n8\n");
    fake_cgroup_write(&fake, "unified/a/b/inner/cgroup.procs", "9\n");
    assert_int_equal(cgroup_open(fake.host, "/a/b", &fake.cgroup, &err), 0);
    assert_int_equal(cgroup_signal(fake.cgroup, 0, &err), 3);
    assert_int_equal(cgroup_enter(fake.cgroup, 4711, &err), 0);
    assert_string_equal(fake_cgroup_read(&fake, "memory/a/b/cgroup.procs"), "4711");
    fake_cgroup_done(&fake);
}

static void a_group_that_a_hierarchy_lacks_is_named_and_nothing_stays_open(void **state)
{
    static const struct {
        const char *path;
        int r;
        const char *text;
    } rows[] = {
        {"/a", -ENOENT, "/memory/a: ENOENT"},
        {"/file", -ENOTDIR, "/memory/file: ENOTDIR"},
        {"/link", -ENOTDIR, "/memory/link: ENOTDIR"},
        {"", -EINVAL, "invalid cgroups path ''"},
    };
    struct fake_cgroup fake;
    struct cgroup *cgroup = NULL;
    char link[64];
    (void)state;

    fake_cgroup_init(&fake, "cpu memory");
    fake_cgroup_mkdir(&fake, "cpu/a");
    fake_cgroup_mkdir(&fake, "cpu/file");
    fake_cgroup_mkdir(&fake, "cpu/link");
    fake_cgroup_write(&fake, "memory/file", "");
    snprintf(link, sizeof(link), "%s/memory/link", fake.root);
    assert_int_equal(symlink("/tmp", link), 0);
    int descriptors = count_descriptors();
    FOR_ROWS (row, rows) {
        struct error err = {.errnum = 0};
        int r = cgroup_open(fake.host, row->path, &cgroup, &err);
        if (r != row->r || !strstr(err.text, row->text))
            fail_msg("%s: %d %s", row->path, r, err.text);
        assert_null(cgroup);
        assert_int_equal(count_descriptors(), descriptors);
    }
    fake_cgroup_done(&fake);
}

static void processes_that_cannot_be_listed_are_an_error_with_the_group(void **state)
{
    struct fake_cgroup fake;
    struct error err = {.errnum = 0};
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_mkdir(&fake, "memory/a/cgroup.procs");
    assert_int_equal(cgroup_signal(fake.cgroup, SIGKILL, &err), -EISDIR);
    assert_non_null(strstr(err.text, "/memory/a: EISDIR"));
    fake_cgroup_done(&fake);
}

static void components_are_joined_at_the_separators_alone(void **state)
{
    static const struct {
        const char *text, *separators, *path;
    } rows[] = {
        {"/a:b//c/", "/", "/a:b/c"},
        {"/a:b//c/", "/:", "/a/b/c"},
        {"a", "/", "/a"},
        {"a/../b", "/", NULL},
        {":", "/", "/:"},
        {":", ":", NULL},
        {"", "/", NULL},
    };
    _arena_ struct arena *a = arena_new(10000);
    (void)state;

    FOR_ROWS (row, rows) {
        struct error err = {.errnum = 0};
        char *path = NULL;
        int r = cgroup_path_join(a, row->text, row->separators, &path, &err);
        if (row->path ? r < 0 || strcmp(path, row->path) != 0 : r != -EINVAL)
            fail_msg("'%s' at '%s': %d %s", row->text, row->separators, r, path ?: err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_are_those_of_every_hierarchy_and_level),
        cmocka_unit_test(a_group_that_is_there_is_opened_with_its_processes),
        cmocka_unit_test(a_group_that_a_hierarchy_lacks_is_named_and_nothing_stays_open),
        cmocka_unit_test(processes_that_cannot_be_listed_are_an_error_with_the_group),
        cmocka_unit_test(components_are_joined_at_the_separators_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
