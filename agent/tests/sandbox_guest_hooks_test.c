/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/guest_hooks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/tests/check.h"

struct image {
    char dir[32];
    struct arena *arena;
};

static void make_file(const struct image *image, const char *name, mode_t mode)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", image->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    close(fd);
}

static void make_dir(const struct image *image, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", image->dir, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
    struct image *image = calloc(1, sizeof(*image));

    strcpy(image->dir, "/tmp/tatami-XXXXXX");
    assert_non_null(mkdtemp(image->dir));
    image->arena = arena_new(1 << 20);
    *state = image;
    return 0;
}

static int tear_down(void **state)
{
    struct image *image = *state;
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", image->dir);
    int r = system(command);
    arena_free(image->arena);
    free(image);
    return r;
}

static void expect_hook(const struct image *image, const struct oci_hook *hook, const char *kind, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s/%s", image->dir, kind, name);
    check_string(name, hook->path, path);
    check_int(name, hook->args.n, 2);
    check_string(name, hook->args.items[0], name);
    check_string(name, hook->args.items[1], kind);
    check_int(name, hook->env.n, 0);
    check_int(name, hook->timeout_s.set, 0);
}

static void programs_are_found_in_the_order_of_their_names(void **state)
{
    const struct image *image = *state;
    struct oci_hooks hooks;
    char path[128];

    make_dir(image, "prestart");
    make_file(image, "prestart/20-second", 0755);
    make_file(image, "prestart/10-first", 0100);
    make_file(image, "prestart/30-third", 0601);
    make_file(image, "prestart/README", 0644);
    make_dir(image, "prestart/directory");
    snprintf(path, sizeof(path), "%s/prestart/link", image->dir);
    assert_int_equal(symlink("20-second", path), 0);
    make_dir(image, "poststop");
    make_file(image, "poststop/last", 0755);
    make_dir(image, "createContainer");
    make_file(image, "createContainer/other", 0755);

    guest_hooks_find(image->arena, image->dir, NULL, &hooks);
    assert_int_equal(hooks.prestart.n, 3);
    expect_hook(image, &hooks.prestart.items[0], "prestart", "10-first");
    expect_hook(image, &hooks.prestart.items[1], "prestart", "20-second");
    expect_hook(image, &hooks.prestart.items[2], "prestart", "30-third");
    assert_int_equal(hooks.poststart.n, 0);
    assert_int_equal(hooks.poststop.n, 1);
    expect_hook(image, &hooks.poststop.items[0], "poststop", "last");
    assert_int_equal(hooks.create_container.n + hooks.start_container.n + hooks.create_runtime.n, 0);
}

static void folder_that_cannot_be_used_is_left_out(void **state)
{
    const struct image *image = *state;
    struct oci_hooks hooks;
    char name[64];

    make_dir(image, "prestart");
    for (int i = 0; i < GUEST_HOOKS_MAX; i++) {
        snprintf(name, sizeof(name), "prestart/%d", i);
        make_file(image, name, 0755);
    }
    make_file(image, "poststart", 0755);
    make_dir(image, "poststop");
    make_file(image, "poststop/last", 0755);
    guest_hooks_find(image->arena, image->dir, NULL, &hooks);
    assert_int_equal(hooks.prestart.n, GUEST_HOOKS_MAX);
    make_file(image, "prestart/one-too-many", 0755);
    guest_hooks_find(image->arena, image->dir, NULL, &hooks);
    assert_int_equal(hooks.prestart.n, 0);
    assert_int_equal(hooks.poststart.n, 0);
    assert_int_equal(hooks.poststop.n, 1);

    _arena_ struct arena *small = arena_new(64);
    guest_hooks_find(small, image->dir, NULL, &hooks);
    assert_int_equal(hooks.poststop.n, 0);
}

static void path_must_be_an_absolute_directory(void **state)
{
    const struct image *image = *state;
    struct oci_hooks hooks;
    char path[128];

    make_dir(image, "prestart");
    make_file(image, "prestart/one", 0755);
    assert_int_equal(chdir(image->dir), 0);
    snprintf(path, sizeof(path), "%s/nowhere", image->dir);
    const char *const paths[] = {".", path, "/dev/null"};
    FOR_ROWS (row, paths) {
        guest_hooks_find(image->arena, *row, NULL, &hooks);
        check_int(*row, hooks.prestart.n, 0);
    }
    assert_int_equal(chdir("/"), 0);
}

static void copies_are_added_behind_the_hooks_of_a_spec(void **state)
{
    const struct image *image = *state;
    struct error err = {.errnum = 0};
    struct oci_hook own = {.path = (char *)"/own"};
    struct oci_hooks guest, of_spec = {.prestart = {.items = &own, .n = 1}};
    struct oci_spec with = {.hooks = &of_spec}, without = {.hooks = NULL};
    struct oci_hooks none = {0};

    assert_int_equal(guest_hooks_add(image->arena, &none, &without, &err), 0);
    assert_null(without.hooks);

    make_dir(image, "prestart");
    make_file(image, "prestart/one", 0755);
    make_dir(image, "poststart");
    make_file(image, "poststart/two", 0755);
    struct arena *a = arena_new(1 << 16);
    guest_hooks_find(a, image->dir, NULL, &guest);
    assert_int_equal(guest_hooks_add(image->arena, &guest, &with, &err), 0);
    assert_int_equal(guest_hooks_add(image->arena, &guest, &without, &err), 0);
    arena_free(a); /* a second CreateSandbox */
    assert_int_equal(with.hooks->prestart.n, 2);
    assert_string_equal(with.hooks->prestart.items[0].path, "/own");
    expect_hook(image, &with.hooks->prestart.items[1], "prestart", "one");
    expect_hook(image, &with.hooks->poststart.items[0], "poststart", "two");
    assert_int_equal(with.hooks->poststop.n, 0);
    expect_hook(image, &without.hooks->prestart.items[0], "prestart", "one");
}

static void spec_that_is_too_large_for_them_is_refused(void **state)
{
    const struct image *image = *state;
    struct error err = {.errnum = 0};
    struct oci_hooks guest;
    struct oci_spec spec = {.hooks = NULL};

    make_dir(image, "poststop");
    make_file(image, "poststop/one", 0755);
    guest_hooks_find(image->arena, image->dir, NULL, &guest);
    _arena_ struct arena *small = arena_new(64);
    assert_true(guest_hooks_add(small, &guest, &spec, &err) < 0);
    assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(programs_are_found_in_the_order_of_their_names),
        TEST(folder_that_cannot_be_used_is_left_out),
        TEST(path_must_be_an_absolute_directory),
        TEST(copies_are_added_behind_the_hooks_of_a_spec),
        TEST(spec_that_is_too_large_for_them_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
