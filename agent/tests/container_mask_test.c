/* SPDX-License-Identifier: Apache-2.0 */
/* Masked and read-only paths on the real kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"
#include "sys/sys.h"

static bool is_null_device(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static void look_at_masks(struct world *w)
{
    child_start(w);
    static const char *const paths_1[] = {"/etc/secret", "/etc/other", "/etc/key"};
    FOR_ROWS (path, paths_1) {
        child_expect(is_null_device(*path), "%s is not masked", *path);
        child_expect_text(*path, child_read(*path), "");
        child_expect(child_has_option(*path, "ro") && child_has_option(*path, "nosuid"), "%s", child_mount_info(*path));
    }
    static const char *const paths_2[] = {"/tmp/a", "/tmp/b", "/tmp/c"};
    FOR_ROWS (path, paths_2) {
        child_expect(child_has(*path) && access(arena_printf(w->arena, "%s/file", *path), F_OK) < 0, "%s is not masked", *path);
        child_expect(child_make_file(arena_printf(w->arena, "%s/new", *path)) == -EROFS, "%s can be written", *path);
        child_expect(strstr(child_mount_info(*path), "ro,nosuid,nodev,noexec,relatime|tmpfs|ro"), "%s",
                     child_mount_info(*path));
    }
    CHILD_TRUE(!child_has("/missing") && !child_has("/etc/secret/below"));
    child_expect_text("beside", child_read("/etc/beside"), "content");
}

/* Directories too (the reference leaves them visible); links lead to what they name; what is missing stays missing. */
static void files_and_directories_are_masked(void **state)
{
    struct world *w = *state;

    static const char *const paths_3[] = {"etc/secret", "etc/other", "etc/key", "etc/beside"};
    FOR_ROWS (path, paths_3)
        world_write(w, arena_printf(w->arena, "root/%s", *path), "content");
    static const char *const paths_4[] = {"a", "b", "c"};
    FOR_ROWS (path, paths_4) {
        world_mkdir(w, arena_printf(w->arena, "root/tmp/%s", *path));
        world_write(w, arena_printf(w->arena, "root/tmp/%s/file", *path), "content");
    }
    world_symlink(w, "/etc/key", "root/link");
    static const char *const paths_5[] = {"/etc/secret",       "/tmp/a",    "/missing", "/etc/other",  "/tmp/b/",
                                          "/etc/beside/below", "//tmp/./c", "/link",    "/missing/too"};
    FOR_ROWS (path, paths_5)
        world_mask(w, *path);
    world_run(w, 0, look_at_masks);
    check_int("mask made", world_has(w, "root/missing"), false);
}

static void look_at_read_only(struct world *w)
{
    child_start(w);
    CHILD_TRUE(child_make_file("/tmp/ro/new") == -EROFS && child_write("/tmp/ro/file", "x") == -EROFS);
    CHILD_TRUE(child_make_file("/tmp/ro/sub/new") == -EROFS);
    CHILD_TRUE(child_has_option("/tmp/ro/sub", "nosuid") && child_has_option("/tmp/ro/sub", "noexec"));
    CHILD_TRUE(child_write("/etc/file", "x") == -EROFS);
    CHILD_TRUE(child_make_file("/tmp/rw") == 0);
    CHILD_TRUE(child_make_file("/linked/new") == -EROFS);
    CHILD_TRUE(!child_has("/missing"));
    child_expect_text("masked below", child_read("/tmp/ro/masked"), "");
    CHILD_TRUE(is_null_device("/tmp/ro/masked"));
    CHILD_TRUE(child_write("/tmp/ro/masked", "x") == 0);
}

static void read_only_paths_keep_their_other_flags(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "root/tmp/ro");
    world_mkdir(w, "root/linked");
    world_symlink(w, "/linked", "root/link");
    world_write(w, "root/tmp/ro/file", "");
    world_write(w, "root/tmp/ro/masked", "secret");
    world_write(w, "root/etc/file", "");
    world_mount(w, "/tmp/ro/sub", "tmpfs", "tmpfs", "nosuid noexec");
    world_mask(w, "/tmp/ro/masked");
    static const char *const paths_6[] = {"/tmp/ro", "/missing", "/etc/file", "/etc/file/below", "/link"};
    FOR_ROWS (path, paths_6)
        world_read_only(w, *path);
    world_run(w, 0, look_at_read_only);
}

static void read_only_paths_work_in_a_user_namespace(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "root/tmp/ro");
    world_mkdir(w, "root/linked");
    world_write(w, "root/tmp/ro/file", "");
    world_write(w, "root/tmp/ro/masked", "secret");
    world_write(w, "root/etc/file", "");
    world_mount(w, "/tmp/ro/sub", "tmpfs", "tmpfs", "nosuid noexec");
    world_mask(w, "/tmp/ro/masked");
    static const char *const paths_7[] = {"/tmp/ro", "/etc/file", "/linked"};
    FOR_ROWS (path, paths_7)
        world_read_only(w, *path);
    world_run(w, WORLD_USER_NAMESPACE, look_at_read_only);
}

static void look_at_usual_masks(struct world *w)
{
    child_start(w);
    CHILD_TRUE(is_null_device("/proc/kcore") || !child_has("/proc/kcore"));
    CHILD_TRUE(is_null_device("/proc/keys") || !child_has("/proc/keys"));
    CHILD_TRUE(!child_has("/sys/firmware") || strstr(child_mount_info("/sys/firmware"), "|tmpfs|ro"));
    CHILD_TRUE(child_write("/proc/sysrq-trigger", "h") == (child_has("/proc/sysrq-trigger") ? -EROFS : -ENOENT));
    CHILD_TRUE(child_has_option("/proc/sys", "nosuid") && child_has_option("/proc/sys", "nodev"));
}

static void the_usual_paths_are_masked(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    world_run(w, WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, look_at_usual_masks);
}

/* ---- attacks ---- */

static void look_at_planted_null(struct world *w)
{
    child_start(w);
    CHILD_TRUE(is_null_device("/etc/secret"));
    child_expect_text("secret", child_read("/etc/secret"), "");
    CHILD_TRUE(!strstr(child_mount_info("/etc/secret"), "ext4"));
}

/* The image's /dev/null leads elsewhere: what covers must come from the guest. */
static void cve_2025_31133_masked_path_never_binds_a_container_file(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/secret", "content");
    world_write(w, "root/etc/victim", "victim");
    world_mkdir(w, "volume");
    world_symlink(w, "/etc/victim", "volume/null");
    world_mount(w, "/dev", "bind", "volume", "bind");
    world_mask(w, "/etc/secret");
    world_run(w, 0, look_at_planted_null);
}

static void look_at_false_null(struct world *w)
{
    const char *text;

    CHILD_TRUE(sys_mount("/dev/zero", "/dev/null", NULL, MS_BIND, NULL) == 0);
    text = child_build_error(w);
    child_expect_text("number", text, "the guest's /dev/null is no null device");
    w->rootfs = ROOTFS_INIT(w->spec, NULL);
    CHILD_TRUE(sys_mount(world_path(w, "file"), "/dev/null", NULL, MS_BIND, NULL) == 0);
    child_expect_text("type", child_build_error(w), "the guest's /dev/null is no null device");
    w->rootfs = ROOTFS_INIT(w->spec, NULL);
    CHILD_TRUE(sys_mount("empty", "/dev", "tmpfs", 0, "") == 0);
    child_expect_text("missing", child_build_error(w), "clone the guest's /dev/null: ENOENT: No such file or directory");
    w->rootfs = ROOTFS_INIT(w->spec, NULL);
    w->spec->linux_->masked_paths.n = 0;
    child_expect_text("not needed", child_build_error(w), "");
}

static void a_false_null_device_is_refused(void **state)
{
    struct world *w = *state;

    world_write(w, "file", "");
    world_mount(w, "/dev", "tmpfs", "tmpfs", "");
    world_mask(w, "/etc/secret");
    world_run(w, 0, look_at_false_null);
}

static void look_at_magic_links(struct world *w)
{
    struct error err = {0};

    child_enter(w);
    CHILD_TRUE(rootfs_finish(&w->rootfs, "/", &err) == -ELOOP);
    child_expect(strstr(err.text, "mask '/proc/self/root/etc': ELOOP"), "%s", err.text);
    w->spec->linux_->masked_paths.n = 0;
    world_read_only(w, "/proc/self/cwd");
    CHILD_TRUE(rootfs_finish(&w->rootfs, "/", &err) == -ELOOP);
    child_expect(strstr(err.text, "make '/proc/self/cwd' read-only: ELOOP"), "%s", err.text);
}

static void cve_2025_62161_magic_links_are_no_way_to_mask(void **state)
{
    struct world *w = *state;

    world_mount(w, "/proc", "proc", "proc", "");
    world_mask(w, "/proc/self/root/etc");
    world_run(w, WORLD_PID_NAMESPACE, look_at_magic_links);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(files_and_directories_are_masked),
        WITH_WORLD(read_only_paths_keep_their_other_flags),
        WITH_WORLD(read_only_paths_work_in_a_user_namespace),
        WITH_WORLD(the_usual_paths_are_masked),
        WITH_WORLD(cve_2025_31133_masked_path_never_binds_a_container_file),
        WITH_WORLD(a_false_null_device_is_refused),
        WITH_WORLD(cve_2025_62161_magic_links_are_no_way_to_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
