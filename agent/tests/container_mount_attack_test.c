/* SPDX-License-Identifier: Apache-2.0 */
/* Images and volumes that want to lead a mount outside of the container, or around its limits. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/container/mount_fd.h"
#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

/* ---- procfs ---- */

static void look_at_proc(struct world *w)
{
    child_start(w);
    child_expect_text("meminfo", child_read("/proc/meminfo"), "small");
    CHILD_TRUE(strncmp(child_read("/proc/self/stat"), "1 (", 3) == 0);
}

static void the_files_that_tell_the_size_of_the_machine_may_be_covered(void **state)
{
    struct world *w = *state;

    world_write(w, "meminfo", "small");
    world_mount(w, "/proc", "proc", "proc", "nosuid");
    world_mount(w, "/proc/meminfo", "bind", "meminfo", "bind ro");
    world_run(w, WORLD_PID_NAMESPACE, look_at_proc);
}

static void look_at_guest_proc(struct world *w)
{
    child_start(w);
    CHILD_TRUE(strstr(child_read("/proc/self/status"), "Name:"));
}

static void the_guests_own_procfs_may_be_bound_on_proc(void **state)
{
    struct world *w = *state;

    world_mount(w, "/proc", "bind", "/proc", "rbind");
    world_run(w, 0, look_at_guest_proc);
}

static void look_at_planted_links(struct world *w)
{
    static const struct {
        const char *link, *target, *type, *words, *text;
    } rows[] = {
        {"data", "/proc/self/attr", "tmpfs", "", "/data cannot be mounted because it is inside /proc"},
        {"data", "/proc/sys", "bind", "bind", "/data cannot be mounted because it is inside /proc"},
        {"data", "../proc/../proc/sys/kernel", "tmpfs", "silent", "/data cannot be mounted because it is inside /proc"},
    };

    FOR_ROWS (row, rows) {
        unlink(world_path(w, "root/data"));
        child_expect(symlink(row->target, world_path(w, "root/data")) == 0, "symlink %s", row->target);
        w->spec->n_mounts = 0;
        world_mount(w, "/proc", "proc", "proc", "");
        world_mount(w, "/data", row->type, "volume", row->words);
        w->rootfs = ROOTFS_INIT(w->spec, NULL);
        const char *text = child_build_error(w);
        child_expect(strstr(text, row->text), "%s: got '%s'", row->target, text);
        rootfs_done(&w->rootfs);
    }
}

static void cve_2019_16884_no_link_of_the_image_covers_a_part_of_proc(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_run(w, WORLD_PID_NAMESPACE, look_at_planted_links);
}

static void look_at_linked_proc(struct world *w)
{
    static const char *const targets[] = {"/../../outside", "other", "/dev", "../outside", "/nowhere"};
    static const char *const types[] = {"proc", "sysfs"};

    FOR_ROWS (type, types) {
        FOR_ROWS (target, targets) {
            char point[16];
            snprintf(point, sizeof(point), "/%.3s%s", *type, strcmp(*type, "proc") == 0 ? "c" : "");
            const char *path = world_path(w, arena_printf(w->arena, "root%s", point));
            rmdir(path);
            unlink(path);
            child_expect(symlink(*target, path) == 0, "symlink %s", path);
            w->spec->n_mounts = 0;
            world_mount(w, point, *type, "none", "");
            w->rootfs = ROOTFS_INIT(w->spec, NULL);
            const char *text = child_build_error(w);
            child_expect(strstr(text, "must be mounted on ordinary directory"), "%s -> %s: got '%s'", point, *target, text);
            rootfs_done(&w->rootfs);
        }
    }
}

static void look_at_a_bind_on_linked_proc(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "/proc must be mounted on ordinary directory"), "%s", text);
}

static void the_guests_procfs_is_bound_on_a_real_directory_only(void **state)
{
    struct world *w = *state;

    assert_int_equal(rmdir(world_path(w, "root/proc")), 0);
    world_symlink(w, "etc", "root/proc");
    world_mount(w, "/proc", "bind", "/proc", "rbind");
    world_run(w, 0, look_at_a_bind_on_linked_proc);
}

static void cve_2023_27561_and_2025_54867_linked_proc_and_sys_are_refused(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "outside");
    world_mkdir(w, "root/other");
    world_run(w, WORLD_PID_NAMESPACE, look_at_linked_proc);
    check_int("outside", world_count(w, "outside"), 0);
}

static void look_at_escapes(struct world *w)
{
    child_start(w);
    child_expect_text("inside", child_read("/outside/volume-file"), "volume");
    CHILD_TRUE(child_has("/made/by/link"));
}

static void cve_2019_18837_links_as_mount_points_stay_inside(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_write(w, "volume/volume-file", "volume");
    world_mkdir(w, "outside");
    world_mkdir(w, "root/outside");
    world_symlink(w, "/../../outside", "root/link");
    world_symlink(w, "../../../made", "root/missing");
    world_mount(w, "/link", "bind", "volume", "bind");
    world_mount(w, "/missing/by/link", "bind", "volume", "bind");
    world_run(w, 0, look_at_escapes);
    check_int("outside", world_count(w, "outside"), 0);
    check_int("beside the root", world_has(w, "made"), false);
}

/* ---- races ---- */

/* Builds the root again and again while two names in a volume change places. */
static void race(struct world *w, const char *a, const char *b, void (*build)(struct world *w))
{
    pid_t swapper = world_start_swapper(w, a, b);
    char failures[512] = "";

    for (int i = 0; i < 30 && !failures[0]; i++)
        snprintf(failures, sizeof(failures), "%s", world_notes(w, 0, build));
    world_end_swapper(swapper);
    check_string("mounts", failures, "");
}

static void build_in_a_race(struct world *w)
{
    const char *text = child_build_error(w);
    const char *outside = world_path(w, "outside");
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2048], point[1024];

    (void)text; /* may succeed or not, but never elsewhere */
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1)
            child_expect(strncmp(point, outside, strlen(outside)) != 0, "mounted on %s", point);
    }
}

static void cve_2021_30465_a_swapped_mount_point_never_mounts_outside(void **state)
{
    struct world *w = *state;

    world_needs_root();
    world_mkdir(w, "volume");
    world_mkdir(w, "volume/a");
    world_mkdir(w, "outside");
    world_symlink(w, world_path(w, "outside"), "volume/l");
    world_mount(w, "/vol", "bind", "volume", "rbind");
    world_mount(w, "/vol/a", "tmpfs", "tmpfs", "");
    world_mount(w, "/vol/a/b", "tmpfs", "tmpfs", "");
    race(w, "volume/a", "volume/l", build_in_a_race);
    check_int("made outside", world_count(w, "outside"), 0);
}

static void look_for_proc(struct world *w)
{
    child_build_error(w);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2048];
    while (file && fgets(line, sizeof(line), file))
        child_expect(!strstr(line, "outside"), "%s", line);
}

static void cve_2019_19921_proc_never_lands_behind_a_swapped_link(void **state)
{
    struct world *w = *state;

    world_needs_root();
    world_mkdir(w, "volume");
    world_mkdir(w, "volume/proc");
    world_mkdir(w, "outside");
    world_symlink(w, world_path(w, "outside"), "volume/link");
    world_mount(w, "/vol", "bind", "volume", "rbind");
    world_mount(w, "/vol/proc", "proc", "proc", "");
    race(w, "volume/proc", "volume/link", look_for_proc);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_files_that_tell_the_size_of_the_machine_may_be_covered),
        WITH_WORLD(the_guests_own_procfs_may_be_bound_on_proc),
        WITH_WORLD(cve_2019_16884_no_link_of_the_image_covers_a_part_of_proc),
        WITH_WORLD(the_guests_procfs_is_bound_on_a_real_directory_only),
        WITH_WORLD(cve_2023_27561_and_2025_54867_linked_proc_and_sys_are_refused),
        WITH_WORLD(cve_2019_18837_links_as_mount_points_stay_inside),
        WITH_WORLD(cve_2021_30465_a_swapped_mount_point_never_mounts_outside),
        WITH_WORLD(cve_2019_19921_proc_never_lands_behind_a_swapped_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
