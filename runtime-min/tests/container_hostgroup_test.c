/* SPDX-License-Identifier: Apache-2.0 */
/* The group of a container on the host: its path, and its life on the running kernel. What the runtime does with it:
 * cli_cgroup.bats. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "loop/loop.h"
#include "runtime-min/container/hostgroup.h"
#include "sys/fd.h"

#define SHORT_NS (20 * NSEC_PER_MSEC)

/* ---- paths ---- */

static void a_cgroups_path_names_a_group_below_the_hierarchies(void **state)
{
    static const struct {
        const char *label, *given, *path;
    } rows[] = {
        {"none", NULL, "/tatami/c1"},
        {"empty", "", "/tatami/c1"},
        {"absolute", "/kubepods/podX/c1", "/kubepods/podX/c1"},
        {"slashes too many", "//a///b/", "/a/b"},
        {"colons in an absolute path", "/a:b:c/d", "/a:b:c/d"},
        {"relative", "a/b", "/tatami/a/b"},
        {"relative with colons", "a:b:c/d", "/tatami/a:b:c/d"},
        {"one colon is no scope", "a.slice:b", "/tatami/a.slice:b"},
        {"three colons neither", "a.slice:b:c:d", "/tatami/a.slice:b:c:d"},
        {"scope", "machine.slice:libpod:c1", "/machine.slice/libpod-c1.scope"},
        {"scope in a slice of a slice", "a-b-c.slice:cri:c1", "/a.slice/a-b.slice/a-b-c.slice/cri-c1.scope"},
        {"scope without a slice", ":runc:c1", "/system.slice/runc-c1.scope"},
        {"scope in the root slice", "-.slice:runc:c1", "/runc-c1.scope"},
        {"scope without a prefix", "user.slice::c1", "/user.slice/c1.scope"},
    };
    _arena_ struct arena *a = arena_new(65536);

    (void)state;
    FOR_ROWS (row, rows) {
        struct error err = {.errnum = 0};
        char *path = NULL;
        if (hostgroup_path(a, row->given, "c1", &path, &err) < 0 || strcmp(path, row->path) != 0)
            fail_msg("%s: %s instead of %s", row->label, path ?: err.text, row->path);
    }
}

static void a_path_that_names_no_group_is_refused_with_its_text(void **state)
{
    static const struct {
        const char *label, *given;
    } rows[] = {
        {"the root", "/"},
        {"above the root", "/a/../.."},
        {"itself", "/a/./b"},
        {"relative and above", "../b"},
        {"slice without the word", "machine:libpod:c1"},
        {"slice that is only the word", ".slice:libpod:c1"},
        {"slice with an empty level", "a--b.slice:libpod:c1"},
        {"slice that begins with a level", "-a.slice:libpod:c1"},
        {"slice that ends with a level", "a-.slice:libpod:c1"},
        {"scope without a name", "machine.slice:libpod:"},
    };
    _arena_ struct arena *a = arena_new(65536);

    (void)state;
    FOR_ROWS (row, rows) {
        struct error err = {.errnum = 0};
        char *path;
        if (hostgroup_path(a, row->given, "c1", &path, &err) != -EINVAL)
            fail_msg("%s: accepted", row->label);
        if (err.status != STATUS_INVALID_ARGUMENT || !strstr(err.text, "linux.cgroupsPath") || !strstr(err.text, row->given))
            fail_msg("%s: %s", row->label, err.text);
    }
}

static void a_path_without_end_is_refused(void **state)
{
    static char given[100000];
    _arena_ struct arena *a = arena_new(1 << 20);
    struct error err = {.errnum = 0};
    char *path;

    (void)state;
    memset(given, 'x', sizeof(given) - 1);
    assert_int_equal(hostgroup_path(a, given, "c1", &path, &err), -EINVAL);
    memset(given, '/', sizeof(given) - 1);
    assert_int_equal(hostgroup_path(a, given, "c1", &path, &err), -EINVAL);
}

/* ---- on the kernel ---- */

struct world {
    struct arena *a;
    struct hostgroup group;
    char path[64]; /* "/tatami-test-PID/a/b" */
    struct strlist made;
    struct error err;
    pid_t child;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    world->a = arena_new(1 << 20);
    snprintf(world->path, sizeof(world->path), "/tatami-test-%d/a/b", getpid());
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    int r = 0;

    if (world->child > 0) {
        kill(world->child, SIGKILL);
        waitpid(world->child, NULL, 0);
    }
    if (world->group.host)
        r = hostgroup_remove(world->path, &world->made, NSEC_PER_SEC, false, NULL);
    hostgroup_close(&world->group);
    arena_free(world->a);
    free(world);
    return r;
}

static void open_or_skip(struct world *world)
{
    if (geteuid() == 0 && hostgroup_open(&world->group, &world->err) == 0)
        return;
    print_message("needs root and control groups: %s\n", world->err.text);
    skip();
}

static void plan(struct world *world, const struct strlist *parents)
{
    world->made = (struct strlist){.n = 0};
    assert_int_equal(hostgroup_plan(&world->group, world->a, world->path, parents, &world->made, &world->err), 0);
}

static void make(struct world *world)
{
    static const struct strlist none;

    plan(world, &none);
    int r = hostgroup_make(&world->group, world->path, &world->err);
    if (r < 0)
        fail_msg("%s", world->err.text);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* One process. */
static void populate(struct world *world)
{
    world->child = fork();
    if (world->child == 0) {
        for (;;)
            pause();
    }
    assert_int_equal(cgroup_enter(world->group.group, world->child, &world->err), 0);
}

static void what_is_planned_is_what_is_made_and_removed(void **state)
{
    struct world *world = *state;
    static const struct strlist none;

    open_or_skip(world);
    plan(world, &none);
    assert_true(world->made.n > 0);
    assert_int_equal(world->made.n % 3, 0);
    for (size_t i = 0; i < world->made.n; i++)
        assert_false(exists(world->made.items[i]));
    assert_int_equal(hostgroup_make(&world->group, world->path, &world->err), 0);
    for (size_t i = 0; i < world->made.n; i++)
        assert_true(exists(world->made.items[i]));
    assert_int_equal(hostgroup_remove(world->path, &world->made, 0, false, &world->err), 0);
    for (size_t i = 0; i < world->made.n; i++)
        assert_false(exists(world->made.items[i]));
    assert_int_equal(hostgroup_remove(world->path, &world->made, 0, false, &world->err), 0);
}

static void what_is_there_is_planned_only_if_it_was_made_for_others(void **state)
{
    struct world *world = *state;
    struct strlist parents = {.n = 0}, first;

    open_or_skip(world);
    make(world);
    first = world->made;
    plan(world, &parents);
    assert_int_equal(world->made.n, 0);
    assert_int_equal(strlist_add(world->a, &parents, first.items[0]), 0);
    plan(world, &parents);
    assert_int_equal(world->made.n, 1);
    assert_string_equal(world->made.items[0], first.items[0]);
    assert_false(hostgroup_is_leaf(first.items[0], world->path));
    assert_true(hostgroup_is_leaf(first.items[2], world->path));
    world->made = first;
}

static void the_common_parent_is_always_planned(void **state)
{
    struct world *world = *state;
    static const struct strlist none;
    size_t n = 0;

    open_or_skip(world);
    strcpy(world->path, HOSTGROUP_PARENT HOSTGROUP_PARENT);
    make(world);
    plan(world, &none);
    for (size_t i = 0; i < world->made.n; i++)
        n += !hostgroup_is_leaf(world->made.items[i], world->path);
    assert_true(n > 0);
    assert_int_equal(world->made.n, n); /* the group is there, and somebody else's */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            strlist_add(world->a, &world->made, arena_printf(world->a, "%s" HOSTGROUP_PARENT, world->made.items[i])), 0);
}

static void a_group_in_use_is_named_and_left_and_its_processes_live(void **state)
{
    struct world *world = *state;

    open_or_skip(world);
    make(world);
    populate(world);
    assert_int_equal(hostgroup_remove(world->path, &world->made, SHORT_NS, false, &world->err), -EBUSY);
    assert_non_null(strstr(world->err.text, world->path));
    assert_int_equal(kill(world->child, 0), 0);
    assert_true(exists(world->made.items[2]));
}

static void a_parent_in_use_is_no_error(void **state)
{
    struct world *world = *state;
    _hostgroup_ struct hostgroup second = HOSTGROUP_NONE;
    struct strlist first;
    char other[sizeof(world->path) + 1];

    open_or_skip(world);
    make(world);
    first = world->made;
    snprintf(other, sizeof(other), "%s2", world->path);
    assert_int_equal(hostgroup_open(&second, &world->err), 0);
    assert_int_equal(hostgroup_make(&second, other, &world->err), 0);
    assert_int_equal(hostgroup_remove(world->path, &first, 0, false, &world->err), 0);
    assert_false(exists(first.items[2]));
    assert_true(exists(first.items[0]));
    for (size_t i = 2; i < first.n; i += 3)
        first.items[i] = arena_printf(world->a, "%s2", first.items[i]);
    assert_int_equal(hostgroup_remove(other, &first, 0, false, &world->err), 0);
    assert_false(exists(first.items[0]));
}

static void by_force_processes_that_stay_are_killed(void **state)
{
    struct world *world = *state;
    int status;

    open_or_skip(world);
    make(world);
    populate(world);
    assert_int_equal(hostgroup_remove(world->path, &world->made, SHORT_NS, true, &world->err), 0);
    assert_false(exists(world->made.items[0]));
    assert_int_equal(waitpid(world->child, &status, 0), world->child);
    world->child = 0;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_group_is_found_again_and_one_that_is_not_there_is_named(void **state)
{
    struct world *world = *state;
    _hostgroup_ struct hostgroup found = HOSTGROUP_NONE, missing = HOSTGROUP_NONE;

    open_or_skip(world);
    make(world);
    populate(world);
    assert_int_equal(hostgroup_find(&found, world->path, &world->err), 0);
    assert_int_equal(cgroup_signal(found.group, 0, &world->err), 1);
    assert_int_equal(hostgroup_find(&missing, "/tatami-test-missing", &world->err), -ENOENT);
    assert_non_null(strstr(world->err.text, "/tatami-test-missing"));
}

static void a_group_with_processes_is_not_made(void **state)
{
    struct world *world = *state;
    _hostgroup_ struct hostgroup again = HOSTGROUP_NONE;

    open_or_skip(world);
    make(world);
    populate(world);
    assert_int_equal(hostgroup_open(&again, &world->err), 0);
    assert_int_equal(hostgroup_make(&again, world->path, &world->err), -EEXIST);
    assert_int_equal(world->err.status, STATUS_ALREADY_EXISTS);
    assert_null(again.group);
}

/* A monitor in it would never say a word. */
static void a_group_that_is_frozen_is_refused_before_it_is_made(void **state)
{
    static const struct {
        const char *file, *freeze, *thaw;
    } rows[] = {{"cgroup.freeze", "1", "0"}, {"freezer.state", "FROZEN", "THAWED"}};
    struct world *world = *state;
    static const struct strlist none;
    struct strlist made, planned = {.n = 0};
    int frozen = 0;

    open_or_skip(world);
    make(world);
    made = world->made;
    FOR_ROWS (row, rows) {
        for (size_t i = 0; i < made.n; i += 3) { /* the uppermost one of each hierarchy */
            const char *file = arena_printf(world->a, "%s/%s", made.items[i], row->file);
            if (!exists(file))
                continue;
            frozen++;
            assert_int_equal(file_write_at(AT_FDCWD, file, row->freeze, strlen(row->freeze)), 0);
            int r = hostgroup_plan(&world->group, world->a, world->path, &none, &planned, &world->err);
            assert_int_equal(file_write_at(AT_FDCWD, file, row->thaw, strlen(row->thaw)), 0);
            assert_true(r < 0);
            assert_int_equal(world->err.status, STATUS_FAILED_PRECONDITION);
            const char *text =
                arena_printf(world->a, "the control group %s is frozen: write %s to %s", made.items[i], row->thaw, file);
            assert_string_equal(world->err.text, text);
            plan(world, &none);
        }
    }
    assert_true(frozen > 0);
    world->made = made;
}

int main(void)
{
#define ON_KERNEL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cgroups_path_names_a_group_below_the_hierarchies),
        cmocka_unit_test(a_path_that_names_no_group_is_refused_with_its_text),
        cmocka_unit_test(a_path_without_end_is_refused),
        ON_KERNEL(what_is_planned_is_what_is_made_and_removed),
        ON_KERNEL(what_is_there_is_planned_only_if_it_was_made_for_others),
        ON_KERNEL(the_common_parent_is_always_planned),
        ON_KERNEL(a_group_in_use_is_named_and_left_and_its_processes_live),
        ON_KERNEL(a_parent_in_use_is_no_error),
        ON_KERNEL(by_force_processes_that_stay_are_killed),
        ON_KERNEL(a_group_is_found_again_and_one_that_is_not_there_is_named),
        ON_KERNEL(a_group_with_processes_is_not_made),
        ON_KERNEL(a_group_that_is_frozen_is_refused_before_it_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
