/* SPDX-License-Identifier: Apache-2.0 */
/* /dev of a container on the real kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

static bool is_node(const char *path, mode_t mode, unsigned int major, unsigned int minor, uid_t uid, gid_t gid)
{
    struct stat st;

    return lstat(path, &st) == 0 && st.st_mode == mode && st.st_rdev == makedev(major, minor) && st.st_uid == uid &&
           st.st_gid == gid;
}

static bool is_link(const char *path, const char *target)
{
    char got[256] = "";

    return readlink(path, got, sizeof(got) - 1) > 0 && strcmp(got, target) == 0;
}

static const struct {
    const char *path;
    unsigned int major, minor;
} defaults[] = {
    {"/dev/null", 1, 3}, {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/tty", 5, 0},  {"/dev/urandom", 1, 9}, {"/dev/random", 1, 8},
};

static void look_at_dev(struct world *w)
{
    child_start(w);
    FOR_ROWS (row, defaults)
        child_expect(is_node(row->path, S_IFCHR | 0666, row->major, row->minor, 0, 0), "%s", row->path);
    CHILD_TRUE(is_link("/dev/fd", "/proc/self/fd"));
    CHILD_TRUE(is_link("/dev/stdin", "/proc/self/fd/0"));
    CHILD_TRUE(is_link("/dev/stdout", "/proc/self/fd/1"));
    CHILD_TRUE(is_link("/dev/stderr", "/proc/self/fd/2"));
    CHILD_TRUE(is_link("/dev/ptmx", "pts/ptmx"));
    CHILD_TRUE(is_link("/dev/kcore", "/proc/kcore") == (faccessat(w->rootfs.proc_fd, "kcore", F_OK, 0) == 0));
    CHILD_TRUE(access("/dev/console", F_OK) < 0);
}

static void the_default_nodes_and_links_are_there(void **state)
{
    struct world *w = *state;

    world_mount(w, "/dev", "tmpfs", "tmpfs", "mode=755");
    world_run(w, 0, look_at_dev);
    check_int("the image's /dev", world_count(w, "root/dev"), 0);
}

static void a_dev_directory_is_made_when_the_image_has_none(void **state)
{
    struct world *w = *state;

    assert_int_equal(rmdir(world_path(w, "root/dev")), 0);
    w->spec->linux_ = NULL;
    world_run(w, 0, look_at_dev);
}

static void look_at_spec_devices(struct world *w)
{
    child_start(w);
    CHILD_TRUE(is_node("/dev/fuse", S_IFCHR | 0600, 10, 229, 0, 0));
    CHILD_TRUE(is_node("/dev/net/tun", S_IFCHR | 0660, 10, 200, 0, 5));
    CHILD_TRUE(is_node("/dev/disk", S_IFBLK | 0640, 7, 300, 3, 6));
    CHILD_TRUE(is_node("/dev/pipe", S_IFIFO | 0622, 0, 0, 0, 0));
    CHILD_TRUE(is_node("/dev/unknown", S_IFCHR, 10, 1, 0, 0));
    CHILD_TRUE(is_node("/dev/null", S_IFCHR | 0604, 1, 3, 9, 9));
    struct stat st;
    CHILD_TRUE(stat("/dev/net", &st) == 0 && (st.st_mode & 07777) == 0755);
    /* No mode: that of the guest's node. */
    CHILD_TRUE(stat("/dev/full", &st) == 0 && is_node("/dev/zero", S_IFCHR | 0666, 1, 5, 4, 4));
}

static void devices_of_the_spec_get_type_number_mode_and_owner(void **state)
{
    struct world *w = *state;

    world_mount(w, "/dev", "tmpfs", "tmpfs", "mode=755");
    world_device(w, "/dev/fuse", 'c', 10, 229, 0600);
    world_device(w, "/dev//net/./tun", 'c', 10, 200, 0660);
    w->spec->linux_->devices[1].gid = 5;
    world_device(w, "/dev/disk", 'b', 7, 300, 0640);
    w->spec->linux_->devices[2].uid = 3;
    w->spec->linux_->devices[2].gid = 6;
    world_device(w, "/dev/pipe", 'p', -1, 0, 0622);
    world_device(w, "/dev/unknown", 'c', 10, 1, -1);
    world_device(w, "/dev/null", 'c', 1, 3, 0604);
    w->spec->linux_->devices[5].uid = 9;
    w->spec->linux_->devices[5].gid = 9;
    world_device(w, "/dev/zero", 'c', 1, 5, 0);
    w->spec->linux_->devices[6].uid = 4;
    w->spec->linux_->devices[6].gid = 4;
    world_run(w, 0, look_at_spec_devices);
}

/* ---- what exists already ---- */

static void look_at_adopted(struct world *w)
{
    child_start(w);
    CHILD_TRUE(is_node("/dev/null", S_IFCHR | 0600, 1, 3, 0, 0));
    CHILD_TRUE(is_link("/dev/stdin", "/proc/self/fd/0") && is_link("/dev/ptmx", "pts/ptmx"));
    CHILD_TRUE(is_node("/dev/pipe", S_IFIFO | 0611, 0, 0, 0, 0));
}

static void an_equal_node_or_link_of_the_image_is_accepted(void **state)
{
    struct world *w = *state;

    world_needs_root();
    assert_int_equal(mknod(world_path(w, "root/dev/null"), S_IFCHR | 0600, makedev(1, 3)), 0);
    assert_int_equal(mkfifo(world_path(w, "root/dev/pipe"), 0644), 0);
    world_symlink(w, "/proc/self/fd/0", "root/dev/stdin");
    world_write(w, "root/dev/ptmx", "stale");
    world_device(w, "/dev/pipe", 'p', 0, 0, 0611);
    world_run(w, 0, look_at_adopted);
}

static void expect_refusal(struct world *w, const char *text)
{
    const char *got = child_build_error(w);
    child_expect(strcmp(got, text) == 0, "got '%s', want '%s'", got, text);
    rootfs_done(&w->rootfs);
}

static void look_at_different_files(struct world *w)
{
    const char *null = world_path(w, "root/dev/null"), *in = world_path(w, "root/dev/stdin"),
               *ptmx = world_path(w, "root/dev/ptmx");

    CHILD_TRUE(mknod(null, S_IFREG | 0600, 0) == 0);
    expect_refusal(w, "/dev/null exists and is another file");
    unlink(null);
    CHILD_TRUE(mknod(null, S_IFCHR | 0600, makedev(1, 5)) == 0);
    expect_refusal(w, "/dev/null exists and is another file");
    unlink(null);
    CHILD_TRUE(symlink("zero", null) == 0);
    expect_refusal(w, "/dev/null exists and is another file");
    unlink(null);

    CHILD_TRUE(symlink("/proc/self/fd/1", in) == 0);
    expect_refusal(w, "/dev/stdin exists and is no link to /proc/self/fd/0");
    unlink(in);
    CHILD_TRUE(mkdir(in, 0755) == 0);
    expect_refusal(w, "/dev/stdin exists and is no link to /proc/self/fd/0");
    rmdir(in);
    CHILD_TRUE(mkdir(ptmx, 0755) == 0);
    expect_refusal(w, "replace /dev/ptmx by a link to pts/ptmx: EISDIR: Is a directory");
    rmdir(ptmx);

    w->spec->linux_->n_devices = 0;
    world_device(w, "/dev/null/x", 'c', 1, 3, 0600);
    expect_refusal(w, "open the directory of /dev/null/x: ENOTDIR: Not a directory");
    w->spec->linux_->n_devices = 0;
    const char *path = arena_printf(w->arena, "/dev/%0256d", 1);
    world_device(w, path, 'c', 1, 3, 0600);
    expect_refusal(w, arena_printf(w->arena, "open the directory of %s: ENAMETOOLONG: File name too long", path));
    w->spec->linux_->n_devices = 0;
    world_device(w, "/dev/fd", 'c', 1, 3, 0600);
    expect_refusal(w, "/dev/fd exists and is another file"); /* a link left by the rounds before */
}

static void another_file_in_the_place_of_a_node_is_refused(void **state)
{
    struct world *w = *state;

    world_run(w, 0, look_at_different_files);
}

static void look_at_a_dev_that_is_a_file(struct world *w)
{
    expect_refusal(w, "open /dev of the container: ENOTDIR: Not a directory");
}

static void a_dev_that_is_a_file_is_refused(void **state)
{
    struct world *w = *state;

    assert_int_equal(rmdir(world_path(w, "root/dev")), 0);
    world_write(w, "root/dev", "");
    world_run(w, 0, look_at_a_dev_that_is_a_file);
}

static void look_at_a_full_dev(struct world *w)
{
    expect_refusal(w, "make /dev/null: ENOSPC: No space left on device");
    w->spec->mounts[0].options.items[0] = "nr_inodes=7";
    expect_refusal(w, "link /dev/fd to /proc/self/fd: ENOSPC: No space left on device");
}

static void a_dev_without_room_is_an_error(void **state)
{
    struct world *w = *state;

    world_mount(w, "/dev", "tmpfs", "tmpfs", "nr_inodes=1");
    world_run(w, 0, look_at_a_full_dev);
}

/* ---- attacks ---- */

static void look_at_linked_dev(struct world *w)
{
    child_start(w);
    CHILD_TRUE(is_node("/etc/null", S_IFCHR | 0666, 1, 3, 0, 0));
    CHILD_TRUE(is_link("/etc/ptmx", "pts/ptmx"));
}

static void linked_dev(struct world *w, const char *target)
{
    assert_int_equal(rmdir(world_path(w, "root/dev")), 0);
    world_mkdir(w, "etc");
    world_write(w, "etc/ptmx", "outside");
    world_symlink(w, target, "root/dev");
    world_run(w, 0, look_at_linked_dev);
    check_int("guest's directory", world_count(w, "etc"), 1);
    check_string("guest's file", child_read(world_path(w, "etc/ptmx")), "outside");
    check_int("in the image", world_has(w, "root/etc/null"), true);
}

static void cve_2026_41579_an_absolute_link_as_dev_stays_inside(void **state)
{
    struct stat before, after;

    stat("/etc", &before);
    linked_dev(*state, "/etc");
    stat("/etc", &after);
    check_int("the machine's /etc",
              before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_mtim.tv_sec == after.st_mtim.tv_sec, true);
}

static void cve_2026_41579_a_relative_link_as_dev_stays_inside(void **state)
{
    linked_dev(*state, "../etc");
}

static void look_at_console(struct world *w)
{
    child_start(w);
    CHILD_TRUE(is_link("/dev/console", "/proc/sys/kernel/core_pattern"));
    CHILD_TRUE(child_mount_info("/proc/sys/kernel/core_pattern")[0] == '\0');
}

static void cve_2025_52565_a_planted_console_is_left_alone(void **state)
{
    struct world *w = *state;

    world_symlink(w, "/proc/sys/kernel/core_pattern", "root/dev/console");
    world_mount(w, "/proc", "proc", "proc", "");
    world_run(w, WORLD_PID_NAMESPACE, look_at_console);
}

static void look_at_linked_null(struct world *w)
{
    expect_refusal(w, "/dev/null exists and is another file");
}

static void cve_2026_88265_a_linked_null_changes_no_owner(void **state)
{
    struct world *w = *state;
    struct stat st;

    world_write(w, "root/etc/victim", "");
    world_symlink(w, "/etc/victim", "root/dev/null");
    world_device(w, "/dev/null", 'c', 1, 3, 0600);
    w->spec->linux_->devices[0].uid = 77;
    world_run(w, 0, look_at_linked_null);
    assert_int_equal(stat(world_path(w, "root/etc/victim"), &st), 0);
    check_int("owner", st.st_uid, 0);
}

/* ---- user namespace ---- */

static void look_at_bound_nodes(struct world *w)
{
    struct stat st;

    child_start(w);
    FOR_ROWS (row, defaults) {
        child_expect(lstat(row->path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(row->major, row->minor), "%s",
                     row->path);
        child_expect(child_has_option(row->path, "nosuid") && child_has_option(row->path, "noexec"), "%s", row->path);
    }
    CHILD_TRUE(child_write("/dev/null", "x") == 0);
    CHILD_TRUE(child_read("/dev/zero")[0] == '\0');
    CHILD_TRUE(lstat("/dev/nested/tty", &st) == 0 && S_ISREG(st.st_mode) == false);
    CHILD_TRUE(lstat("/dev/pipe", &st) == 0 && S_ISFIFO(st.st_mode));
    CHILD_TRUE(is_link("/dev/ptmx", "pts/ptmx"));
}

static void in_a_user_namespace_the_guests_nodes_are_bound(void **state)
{
    struct world *w = *state;

    world_mount(w, "/dev", "tmpfs", "tmpfs", "mode=755");
    world_device(w, "/dev/pipe", 'p', 0, 0, 0622);
    world_device(w, "/dev/zero", 'c', 1, 5, 0622);
    world_device(w, "/dev/nested/tty", 'c', 5, 0, 0622);
    world_needs_root();
    const char *text = world_notes(w, WORLD_USER_NAMESPACE, look_at_bound_nodes);
    /* The guest has no /dev/nested. */
    check_string("missing in the guest", text, "build: bind the guest's /dev/nested/tty: ENOENT: No such file or directory\n");
    w->spec->linux_->devices[2].path = "/dev/ptmx";
    text = world_notes(w, WORLD_USER_NAMESPACE, look_at_bound_nodes);
    check_string("another number", text, "build: the guest's /dev/ptmx is another file\n");
}

static void look_at_user_nodes(struct world *w)
{
    w->spec->linux_->n_devices = 2;
    child_start(w);
    struct stat st;
    FOR_ROWS (row, defaults) {
        child_expect(lstat(row->path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(row->major, row->minor), "%s",
                     row->path);
        child_expect(child_has_option(row->path, "nosuid") && child_has_option(row->path, "noexec"), "%s", row->path);
    }
    CHILD_TRUE(child_write("/dev/null", "x") == 0);
    CHILD_TRUE(lstat("/dev/pipe", &st) == 0 && S_ISFIFO(st.st_mode));
    CHILD_TRUE(is_link("/dev/ptmx", "pts/ptmx"));
}

static void in_a_user_namespace_all_nodes_work(void **state)
{
    struct world *w = *state;

    world_mount(w, "/dev", "tmpfs", "tmpfs", "mode=755");
    world_device(w, "/dev/pipe", 'p', 0, 0, 0622);
    world_device(w, "/dev/zero", 'c', 1, 5, 0622);
    world_run(w, WORLD_USER_NAMESPACE, look_at_user_nodes);
}

static void look_at_user_targets(struct world *w)
{
    expect_refusal(w, "/dev/null exists and is another file");
    unlink(world_path(w, "root/dev/null"));
    mkdir(world_path(w, "root/dev/null"), 0755);
    expect_refusal(w, "attach to /dev/null: EINVAL: Invalid argument");
}

static void in_a_user_namespace_links_are_not_followed(void **state)
{
    struct world *w = *state;

    world_symlink(w, "/etc/victim", "root/dev/null");
    world_run(w, WORLD_USER_NAMESPACE, look_at_user_targets);
    check_int("made through the link", world_has(w, "root/etc/victim"), false);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_default_nodes_and_links_are_there),
        WITH_WORLD(a_dev_directory_is_made_when_the_image_has_none),
        WITH_WORLD(devices_of_the_spec_get_type_number_mode_and_owner),
        WITH_WORLD(an_equal_node_or_link_of_the_image_is_accepted),
        WITH_WORLD(another_file_in_the_place_of_a_node_is_refused),
        WITH_WORLD(a_dev_that_is_a_file_is_refused),
        WITH_WORLD(a_dev_without_room_is_an_error),
        WITH_WORLD(cve_2026_41579_an_absolute_link_as_dev_stays_inside),
        WITH_WORLD(cve_2026_41579_a_relative_link_as_dev_stays_inside),
        WITH_WORLD(cve_2025_52565_a_planted_console_is_left_alone),
        WITH_WORLD(cve_2026_88265_a_linked_null_changes_no_owner),
        WITH_WORLD(in_a_user_namespace_the_guests_nodes_are_bound),
        WITH_WORLD(in_a_user_namespace_all_nodes_work),
        WITH_WORLD(in_a_user_namespace_links_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
