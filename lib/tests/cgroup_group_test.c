/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

#define V1 "cpu,cpuacct cpuset memory freezer name=systemd"
#define HYBRID V1 " unified:hugetlb"
#define V2 "unified:cpu+cpuset+io+memory+pids"

static int create(struct fake_cgroup *fake, const char *path, struct error *err)
{
    *err = (struct error){0};
    fake->cgroup = NULL;
    return cgroup_create(fake->host, path, &fake->cgroup, err);
}

/* The cpuset files that the kernel would make. */
static void cpuset_files(struct fake_cgroup *fake, const char *dir, const char *cpus, const char *mems)
{
    char path[256];
    snprintf(path, sizeof(path), "cpuset/%s/cpuset.cpus", dir);
    fake_cgroup_write(fake, path, cpus);
    snprintf(path, sizeof(path), "cpuset/%s/cpuset.mems", dir);
    fake_cgroup_write(fake, path, mems);
}

/* ---- host ---- */

static void host_knows_its_mode(void **state)
{
    static const struct {
        const char *layout;
        enum cgroup_mode mode;
        size_t n;
    } rows[] = {
        {V1, CGROUP_V1, 5},
        {HYBRID, CGROUP_V1, 6},
        {V2, CGROUP_V2, 1},
        {"unified:cpu second:cpu", CGROUP_V2, 1},    /* a second mount of version 2 */
        {"cpu memory,cpu cpu,memory", CGROUP_V1, 2}, /* nothing new in the third */
        {"cpu name=other misc", CGROUP_V1, 1},       /* nothing known in the others */
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct fake_cgroup fake;
        int descriptors = count_descriptors();
        fake_cgroup_init(&fake, row->layout);
        if (cgroup_host_mode(fake.host) != row->mode || fake.host->n_hierarchies != row->n)
            fail_msg("%s: %zu", row->layout, fake.host->n_hierarchies);
        fake_cgroup_done(&fake);
        assert_int_equal(count_descriptors(), descriptors);
    }
}

static void host_without_hierarchies_is_refused(void **state)
{
    struct cgroup_host *host = NULL;
    struct error err = {0};
    (void)state;

    assert_int_equal(cgroup_host_new(NULL, NULL, 0, &host, &err), -ENOENT);
    assert_string_equal(err.text, "no cgroup hierarchy is mounted");
    const struct hierarchy_spec gone = {1, "cpu", "/tmp/tatami-none"};
    assert_int_equal(cgroup_host_new(NULL, &gone, 1, &host, &err), -ENOENT);
    assert_string_equal(err.text, "open cgroup hierarchy '/tmp/tatami-none': ENOENT: No such file or directory");
    const struct hierarchy_spec plain = {2, NULL, "/tmp"};
    assert_int_equal(cgroup_host_new(NULL, &plain, 1, &host, &err), -ENOENT);
    assert_string_equal(err.text, "read /tmp/cgroup.controllers: ENOENT: No such file or directory");
    assert_null(host);
}

static void host_of_a_plain_directory_is_refused(void **state)
{
    struct cgroup_host *host = NULL;
    struct error err = {0};
    (void)state;

    assert_int_equal(cgroup_host_open(NULL, "/tmp/tatami-none", &host, &err), -ENOENT);
    assert_string_equal(err.text, "open cgroup root '/tmp/tatami-none': ENOENT: No such file or directory");
    assert_int_equal(cgroup_host_open(NULL, "/tmp", &host, &err), -ENOENT);
    assert_string_equal(err.text, "cgroup root '/tmp': no cgroup hierarchy is mounted");
    cgroup_host_free(NULL);
    cgroup_free(NULL);
}

/* ---- create ---- */

static void create_makes_the_group_in_every_hierarchy(void **state)
{
    static const char *const dirs[] = {"cpu,cpuacct/a/b", "memory/a/b", "freezer/a/b", "systemd/a/b", "unified/a/b"};
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, HYBRID);
    cpuset_files(&fake, "a/b", "", "");
    cpuset_files(&fake, "a", "", "");
    cpuset_files(&fake, "", "0-3\n", "0\n");
    fake_cgroup_create(&fake, "/a/b");
    FOR_ROWS (dir, dirs)
        assert_true(fake_cgroup_exists(&fake, *dir));
    fake_cgroup_done(&fake);
}

static void cpus_and_memory_nodes_are_inherited(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "cpuset");
    cpuset_files(&fake, "", "0-3\n", "0-1\n");
    cpuset_files(&fake, "a", "1\n", "");
    cpuset_files(&fake, "a/b", "\n", "");
    fake_cgroup_create(&fake, "/a/b");
    assert_string_equal(fake_cgroup_read(&fake, "cpuset/a/cpuset.cpus"), "1\n");
    assert_string_equal(fake_cgroup_read(&fake, "cpuset/a/cpuset.mems"), "0-1\n");
    assert_string_equal(fake_cgroup_read(&fake, "cpuset/a/b/cpuset.cpus"), "1\n");
    assert_string_equal(fake_cgroup_read(&fake, "cpuset/a/b/cpuset.mems"), "0-1\n");
    fake_cgroup_done(&fake);
}

static void cpuset_that_has_nothing_to_inherit_is_an_error(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    fake_cgroup_init(&fake, "cpuset");
    cpuset_files(&fake, "a", "", "");
    assert_int_equal(create(&fake, "/a", &err), -ENOENT);
    fake_cgroup_write(&fake, "cpuset/cpuset.cpus", "0");
    assert_int_equal(create(&fake, "/a", &err), -ENOENT);
    assert_string_equal(fake_cgroup_read(&fake, "cpuset/a/cpuset.cpus"), "0");
    fake_cgroup_done(&fake);
}

static void only_version_1_cpusets_are_inherited(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "unified:cpuset");
    fake_cgroup_create(&fake, "/a");
    assert_false(fake_cgroup_exists(&fake, "unified/a/cpuset.cpus"));
    fake_cgroup_done(&fake);
}

static void controllers_are_enabled_on_the_way_down(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, V2);
    fake_cgroup_write(&fake, "unified/cgroup.subtree_control", "");
    fake_cgroup_write(&fake, "unified/a/cgroup.subtree_control", "cpu memory io");
    fake_cgroup_write(&fake, "unified/a/b/cgroup.subtree_control", "");
    fake_cgroup_create(&fake, "/a/b");
    assert_string_equal(fake_cgroup_read(&fake, "unified/cgroup.subtree_control"), "+cpuset +cpu +memory +pids +io");
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.subtree_control"), "+cpuset +pids");
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/b/cgroup.subtree_control"), "");
    fake_cgroup_done(&fake);
}

/* Long writes fail here, and not as for a controller that is unavailable. What was enabled alone is disabled again. */
static void controller_that_cannot_be_enabled_is_an_error(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    struct rlimit old, small;
    (void)state;

    fake_cgroup_init(&fake, "unified:cpu+memory cpuset");
    fake_cgroup_write(&fake, "unified/cgroup.subtree_control", "");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = strlen("+cpu");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int r = create(&fake, "/a", &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(r, -EIO);
    assert_string_equal(fake_cgroup_read(&fake, "unified/cgroup.subtree_control"), "-cpu");
    fake_cgroup_done(&fake);
}

static void failed_create_leaves_nothing(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    fake_cgroup_init(&fake, "unified:memory cpu memory cpuset");
    fake_cgroup_write(&fake, "unified/cgroup.subtree_control", "");
    fake_cgroup_mkdir(&fake, "memory/a");
    int descriptors = count_descriptors();
    /* The directory that is made has no cpuset files here. */
    assert_int_equal(create(&fake, "/a/b/c", &err), -ENOENT);
    char text[128];
    snprintf(text, sizeof(text), "make cgroup %s/cpuset/a: ENOENT: No such file or directory", fake.root);
    assert_string_equal(err.text, text);
    assert_null(fake.cgroup);
    assert_false(fake_cgroup_exists(&fake, "unified/a"));
    assert_false(fake_cgroup_exists(&fake, "cpu/a"));
    assert_false(fake_cgroup_exists(&fake, "memory/a/b"));
    assert_true(fake_cgroup_exists(&fake, "memory/a"));
    assert_false(fake_cgroup_exists(&fake, "cpuset/a"));
    assert_string_equal(fake_cgroup_read(&fake, "unified/cgroup.subtree_control"), "-memory");
    assert_int_equal(count_descriptors(), descriptors);
    fake_cgroup_done(&fake);
}

/* "memory/a" exists, "b" is made, and "b/c" cannot be made because of its name. */
static void create_that_fails_deep_down_leaves_nothing(void **state)
{
    char path[600] = "/a/b/";
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    memset(path + 5, 'x', 300);
    fake_cgroup_init(&fake, "memory");
    fake_cgroup_mkdir(&fake, "memory/a");
    assert_int_equal(create(&fake, path, &err), -ENAMETOOLONG);
    assert_false(fake_cgroup_exists(&fake, "memory/a/b"));
    assert_true(fake_cgroup_exists(&fake, "memory/a"));
    fake_cgroup_done(&fake);
}

static void group_with_processes_is_refused(void **state)
{
    static const char *const files[] = {"memory/a/b/cgroup.procs", "memory/a/b/init/cgroup.procs"};
    (void)state;

    FOR_ROWS (file, files) {
        struct fake_cgroup fake;
        struct error err;
        char text[128];
        fake_cgroup_init(&fake, "cpu memory");
        fake_cgroup_write(&fake, *file, "12\n0\n");
        fake_cgroup_write(&fake, "memory/a/b/init/last/cgroup.procs", "");
        assert_int_equal(create(&fake, "/a/b", &err), -EEXIST);
        assert_int_equal(err.status, STATUS_ALREADY_EXISTS);
        snprintf(text, sizeof(text), "cgroup %s/memory/a/b already has 2 processes", fake.root);
        assert_string_equal(err.text, text);
        assert_true(fake_cgroup_exists(&fake, *file));
        assert_false(fake_cgroup_exists(&fake, "cpu/a"));
        fake_cgroup_done(&fake);
    }
}

static void empty_group_is_taken_over(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_write(&fake, "memory/a/b/cgroup.procs", "");
    fake_cgroup_write(&fake, "memory/a/b/child/cgroup.procs", "\n");
    fake_cgroup_create(&fake, "/a/b");
    fake_cgroup_done(&fake);
}

static void processes_that_cannot_be_listed_refuse_the_group(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_mkdir(&fake, "memory/a/cgroup.procs");
    assert_int_equal(create(&fake, "/a", &err), -EISDIR);
    assert_non_null(strstr(err.text, "list the processes of cgroup "));
    fake_cgroup_done(&fake);
}

static void file_in_the_place_of_the_group_is_refused(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_write(&fake, "memory/cgroup.procs", "1\n");
    assert_int_equal(create(&fake, "/cgroup.procs", &err), -ENOTDIR);
    assert_string_equal(fake_cgroup_read(&fake, "memory/cgroup.procs"), "1\n");
    fake_cgroup_done(&fake);
}

static void symbolic_link_is_not_followed(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    char link[64];
    (void)state;

    fake_cgroup_init(&fake, "memory");
    snprintf(link, sizeof(link), "%s/memory/a", fake.root);
    assert_int_equal(symlink("/tmp", link), 0);
    assert_true(create(&fake, "/a", &err) < 0);
    fake_cgroup_done(&fake);
}

static void paths_out_of_bounds_are_refused(void **state)
{
    char *deep = calloc(1, 300000);
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    assert_int_equal(create(&fake, "", &err), -EINVAL);
    assert_string_equal(err.text, "invalid cgroups path ''");
    for (int i = 0; i < PATH_LEVELS_MAX; i++)
        strcat(deep, "/d");
    assert_int_equal(create(&fake, deep, &err), 0);
    cgroup_free(fake.cgroup);
    strcat(deep, "/d");
    assert_int_equal(create(&fake, deep, &err), -EINVAL);
    memset(deep + 1, 'a', 299990);
    assert_int_equal(create(&fake, deep, &err), -EINVAL);
    free(deep);
    fake_cgroup_done(&fake);
}

/* ---- entries, spawn, enter ---- */

static void mount_entries_are_those_of_version_1(void **state)
{
    static const char *const names[] = {"cpu,cpuacct", "memory", "systemd"};
    struct fake_cgroup fake;
    char path[64];
    size_t n;
    (void)state;

    fake_cgroup_init(&fake, "cpu,cpuacct memory name=systemd unified:");
    fake_cgroup_create(&fake, "/a/b");
    const struct cgroup_mount_entry *entries = cgroup_mount_entries(fake.cgroup, &n);
    assert_int_equal(n, ARRAY_SIZE(names));
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s/a/b", fake.root, names[i]);
        assert_string_equal(entries[i].name, names[i]);
        assert_string_equal(entries[i].path, path);
        assert_int_equal(entries[i].is_systemd, i == 2);
    }
    fake_cgroup_done(&fake);

    fake_cgroup_init(&fake, V2);
    fake_cgroup_create(&fake, "/a");
    cgroup_mount_entries(fake.cgroup, &n);
    assert_int_equal(n, 0);
    fake_cgroup_done(&fake);
}

static void spawn_directory_is_that_of_version_2(void **state)
{
    struct fake_cgroup fake;
    struct stat want, got;
    char path[64];
    (void)state;

    fake_cgroup_init(&fake, "memory unified:");
    fake_cgroup_create(&fake, "/a");
    snprintf(path, sizeof(path), "%s/unified/a", fake.root);
    assert_int_equal(stat(path, &want), 0);
    assert_int_equal(fstat(cgroup_spawn_fd(fake.cgroup), &got), 0);
    assert_int_equal(got.st_ino, want.st_ino);
    assert_int_equal(fcntl(cgroup_spawn_fd(fake.cgroup), F_GETFD), FD_CLOEXEC);
    fake_cgroup_done(&fake);

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    assert_int_equal(cgroup_spawn_fd(fake.cgroup), -1);
    fake_cgroup_done(&fake);
}

static void process_enters_every_hierarchy(void **state)
{
    static const char *const files[] = {"cpu/a/cgroup.procs", "memory/a/cgroup.procs", "unified/a/cgroup.procs"};
    struct fake_cgroup fake;
    struct error err = {0};
    (void)state;

    fake_cgroup_init(&fake, "cpu memory unified:");
    fake_cgroup_mkdir(&fake, "memory/a/init"); /* "init" means something on version 2 only */
    fake_cgroup_create(&fake, "/a");
    FOR_ROWS (file, files)
        fake_cgroup_write(&fake, *file, "");
    assert_int_equal(cgroup_enter(fake.cgroup, 1234567, &err), 0);
    FOR_ROWS (file, files)
        assert_string_equal(fake_cgroup_read(&fake, *file), "1234567");
    fake_cgroup_done(&fake);
}

static void process_enters_the_init_child(void **state)
{
    struct fake_cgroup fake;
    struct error err = {0};
    (void)state;

    fake_cgroup_init(&fake, "unified:");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "unified/a/cgroup.procs", "");
    fake_cgroup_write(&fake, "unified/a/init/cgroup.procs", "");
    assert_int_equal(cgroup_enter(fake.cgroup, 12, &err), 0);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.procs"), "");
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/init/cgroup.procs"), "12");
    fake_cgroup_done(&fake);
}

static void process_born_in_the_group_is_not_moved(void **state)
{
    struct fake_cgroup fake;
    struct error err = {0};
    (void)state;

    fake_cgroup_init(&fake, "unified:");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "unified/a/cgroup.procs", "3\n12\n");
    assert_int_equal(cgroup_enter(fake.cgroup, 12, &err), 0);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.procs"), "3\n12\n");
    assert_int_equal(cgroup_enter(fake.cgroup, 4, &err), 0);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.procs"), "4\n12\n");
    fake_cgroup_done(&fake);
}

static void failed_move_names_process_and_group(void **state)
{
    struct fake_cgroup fake;
    struct error err = {0};
    char text[128];
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    assert_int_equal(cgroup_enter(fake.cgroup, 12, &err), -ENOENT);
    snprintf(text, sizeof(text), "move process 12 into cgroup %s/memory/a: ENOENT: No such file or directory", fake.root);
    assert_string_equal(err.text, text);
    fake_cgroup_done(&fake);

    fake_cgroup_init(&fake, "unified:");
    fake_cgroup_create(&fake, "/a");
    assert_int_equal(cgroup_enter(fake.cgroup, 12, &err), -ENOENT);
    fake_cgroup_done(&fake);
}

/* ---- running out of descriptors ---- */

static void create_survives_a_lack_of_descriptors(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    struct rlimit old, few;
    (void)state;

    fake_cgroup_init(&fake, "unified:memory memory cpuset");
    cpuset_files(&fake, "", "0\n", "0\n");
    cpuset_files(&fake, "a", "", "");
    fake_cgroup_write(&fake, "unified/cgroup.subtree_control", "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int n = 0;
    for (few = old, few.rlim_cur = 1;; few.rlim_cur++) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int r = create(&fake, "/a", &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        if (r == 0)
            break;
        assert_int_equal(r, -EMFILE);
        assert_non_null(strstr(err.text, "EMFILE"));
        assert_false(fake_cgroup_exists(&fake, "unified/a"));
        assert_false(fake_cgroup_exists(&fake, "memory/a"));
        n++;
    }
    assert_true(n >= 4);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    fake_cgroup_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_knows_its_mode),
        cmocka_unit_test(host_without_hierarchies_is_refused),
        cmocka_unit_test(host_of_a_plain_directory_is_refused),
        cmocka_unit_test(create_makes_the_group_in_every_hierarchy),
        cmocka_unit_test(cpus_and_memory_nodes_are_inherited),
        cmocka_unit_test(cpuset_that_has_nothing_to_inherit_is_an_error),
        cmocka_unit_test(only_version_1_cpusets_are_inherited),
        cmocka_unit_test(controllers_are_enabled_on_the_way_down),
        cmocka_unit_test(controller_that_cannot_be_enabled_is_an_error),
        cmocka_unit_test(failed_create_leaves_nothing),
        cmocka_unit_test(create_that_fails_deep_down_leaves_nothing),
        cmocka_unit_test(group_with_processes_is_refused),
        cmocka_unit_test(empty_group_is_taken_over),
        cmocka_unit_test(processes_that_cannot_be_listed_refuse_the_group),
        cmocka_unit_test(file_in_the_place_of_the_group_is_refused),
        cmocka_unit_test(symbolic_link_is_not_followed),
        cmocka_unit_test(paths_out_of_bounds_are_refused),
        cmocka_unit_test(mount_entries_are_those_of_version_1),
        cmocka_unit_test(spawn_directory_is_that_of_version_2),
        cmocka_unit_test(process_enters_every_hierarchy),
        cmocka_unit_test(process_enters_the_init_child),
        cmocka_unit_test(process_born_in_the_group_is_not_moved),
        cmocka_unit_test(failed_move_names_process_and_group),
        cmocka_unit_test(create_survives_a_lack_of_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
