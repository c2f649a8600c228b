/* SPDX-License-Identifier: Apache-2.0 */
/* The change of the root, by pivot_root and by moving, and what is left of the guest afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container/mount_fd.h"
#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"
#include "sys/fd.h"

static int count_lines(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static bool is_at_root(const char *path)
{
    struct stat root, other;

    return stat("/", &root) == 0 && stat(path, &other) == 0 && root.st_ino == other.st_ino && root.st_dev == other.st_dev;
}

static void look_at_the_new_root(struct world *w)
{
    char cwd[256] = "";

    child_enter(w);
    CHILD_TRUE(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0 && is_at_root(".") && is_at_root("..") && is_at_root("/.."));
    child_expect_text("file", child_read("/etc/here"), "image");
    CHILD_TRUE(access(w->dir, F_OK) < 0 && access("/proc/self", F_OK) < 0);
    int mounts = w->rootfs.new_user_namespace ? 2 + 6 : 2; /* there each default node is a mount */
    child_expect(count_lines(child_read("/p/self/mountinfo")) == mounts, "%s", child_read("/p/self/mountinfo"));
    CHILD_TRUE(fcntl(w->rootfs.proc_fd, F_GETFD) == FD_CLOEXEC);
}

static void after_the_pivot_only_the_container_is_left(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/here", "image");
    world_mount(w, "/p", "proc", "proc", "");
    world_run(w, 0, look_at_the_new_root);
    world_run(w, WORLD_USER_NAMESPACE | WORLD_PID_NAMESPACE, look_at_the_new_root);
}

static void look_at_a_refused_pivot(struct world *w)
{
    struct mount_attr shared = {.propagation = MS_SHARED};
    struct error err = {0};

    child_build(w);
    CHILD_TRUE(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &shared) == 0);
    CHILD_TRUE(rootfs_enter(&w->rootfs, &err) == -EINVAL);
    child_expect_text("text", err.text, "pivot_root: EINVAL: Invalid argument");
    fd_close(&w->rootfs.root_fd);
    CHILD_TRUE(rootfs_enter(&w->rootfs, &err) == -EBADF);
    child_expect_text("text", err.text, "change into the new root: EBADF: Bad file descriptor");
    w->rootfs.no_pivot = true;
    CHILD_TRUE(rootfs_enter(&w->rootfs, &err) == -EBADF);
    child_expect_text("text", err.text, "move the new root to /: EBADF: Bad file descriptor");
}

static void a_refused_pivot_is_an_error(void **state)
{
    struct world *w = *state;

    world_run(w, 0, look_at_a_refused_pivot);
}

/* ---- propagation to the guest ---- */

/* In a child: runs fn in a copy of the present mount namespace. */
static void in_a_copy(struct world *w, void (*fn)(struct world *w))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        CHILD_TRUE(unshare(CLONE_NEWNS) == 0);
        fn(w);
        sys_exit(0);
    }
    CHILD_TRUE(waitpid(pid, &status, 0) == pid && status == 0);
}

static void container_with_a_mount_in_its_volume(struct world *w)
{
    child_start(w);
    CHILD_TRUE(mkdir("/volume/made", 0755) == 0);
    CHILD_TRUE(sys_mount("made", "/volume/made", "tmpfs", 0, "") == 0);
    CHILD_TRUE(mkdir("/volume/made/below", 0755) == 0);
}

static void look_from_a_shared_guest(struct world *w)
{
    struct mount_attr shared = {.propagation = MS_SHARED};
    bool is_bidirectional = strcmp(w->spec->linux_->rootfs_propagation ?: "", "rshared") == 0;

    CHILD_TRUE(sys_mount("volume", world_path(w, "volume"), "tmpfs", 0, "") == 0);
    CHILD_TRUE(sys_mount(w->root, w->root, NULL, MS_BIND, NULL) == 0);
    CHILD_TRUE(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &shared) == 0);
    int before = count_lines(child_read("/proc/self/mountinfo"));
    in_a_copy(w, container_with_a_mount_in_its_volume);
    int after = count_lines(child_read("/proc/self/mountinfo"));
    child_expect(after == before + is_bidirectional, "%d mounts became %d:\n%s", before, after,
                 child_read("/proc/self/mountinfo"));
    CHILD_TRUE((access(world_path(w, "volume/made/below"), F_OK) == 0) == is_bidirectional);
    CHILD_TRUE(access("/proc/self/stat", F_OK) == 0);
}

static void a_shared_guest_sees_nothing_of_its_containers(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_mount(w, "/proc", "proc", "proc", "");
    world_mount(w, "/volume", "bind", "volume", "rbind");
    world_run(w, 0, look_from_a_shared_guest);
    w->spec->linux_->rootfs_propagation = "private";
    world_run(w, 0, look_from_a_shared_guest);
    w->spec->linux_->rootfs_propagation = "unbindable";
    world_run(w, 0, look_from_a_shared_guest);
}

static void with_shared_propagation_only_volumes_spread(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_mount(w, "/proc", "proc", "proc", "");
    world_mount(w, "/volume", "bind", "volume", "rbind rshared");
    w->spec->linux_->rootfs_propagation = "rshared";
    world_run(w, 0, look_from_a_shared_guest);
}

static void look_at_an_unmounted_shared_root(struct world *w)
{
    struct mount_attr shared = {.propagation = MS_SHARED};

    CHILD_TRUE(sys_mount("outer", w->dir, "tmpfs", 0, "") == 0);
    CHILD_TRUE(mkdir(w->root, 0755) == 0);
    CHILD_TRUE(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &shared) == 0);
    int before = count_lines(child_read("/proc/self/mountinfo"));
    in_a_copy(w, child_start);
    CHILD_TRUE(count_lines(child_read("/proc/self/mountinfo")) == before);
}

/* The root is no mount point of its own: its parent mount is found upwards. */
static void a_root_below_a_shared_mount_can_be_pivoted_into(void **state)
{
    struct world *w = *state;

    w->spec->linux_->rootfs_propagation = "shared";
    world_run(w, 0, look_at_an_unmounted_shared_root);
}

/* ---- move ---- */

static void look_at_the_moved_root(struct world *w)
{
    char cwd[256] = "";
    struct stat st;

    mkdir(world_path(w, "pro c"), 0755);
    mkdir(world_path(w, "root2"), 0755);
    CHILD_TRUE(sys_mount("/proc", world_path(w, "pro c"), NULL, MS_BIND, NULL) == 0);
    CHILD_TRUE(sys_mount("/proc", world_path(w, "root2"), NULL, MS_BIND, NULL) == 0);
    CHILD_TRUE(sys_mount("/proc", "/proc", NULL, MS_BIND, NULL) == 0);
    int guest = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int dir = open(w->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    w->rootfs.no_pivot = true;
    child_enter(w);
    CHILD_TRUE(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0 && is_at_root(".") && is_at_root(".."));
    child_expect_text("file", child_read("/etc/here"), "image");
    CHILD_TRUE(access(w->dir, F_OK) < 0 && access("/p/self/stat", F_OK) == 0 && access("/s/kernel", F_OK) == 0);
    CHILD_TRUE(fstatat(guest, "proc/self", &st, 0) < 0 && fstatat(guest, "sys/kernel", &st, 0) < 0);
    CHILD_TRUE(fstatat(dir, "pro c/self", &st, 0) < 0 && fstatat(dir, "root2/self", &st, 0) < 0);
    CHILD_TRUE(faccessat(w->rootfs.proc_fd, "self/mountinfo", F_OK, 0) == 0);

    struct error err = {0};
    child_expect(rootfs_finish(&w->rootfs, "/", &err) == 0, "%s", err.text);
}

static void moving_leaves_no_procfs_or_sysfs_outside(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/here", "image");
    world_mount(w, "/p", "proc", "proc", "");
    world_mount(w, "/s", "sysfs", "sysfs", "");
    world_run(w, 0, look_at_the_moved_root);
}

static void look_at_covered_mounts(struct world *w)
{
    struct stat st;
    int guest = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    w->rootfs.no_pivot = true;
    child_enter(w);
    child_expect_text("file", child_read("/etc/here"), "image");
    /* A descriptor from before sees what lies on top of it only by name. */
    CHILD_TRUE(fstatat(guest, "proc/self", &st, 0) < 0 && fstatat(guest, "sys/kernel", &st, 0) < 0);
}

/* There the guest's mounts are locked and cannot be unmounted. */
static void locked_mounts_are_covered(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/here", "image");
    world_run(w, WORLD_USER_NAMESPACE, look_at_covered_mounts);
}

static void look_at_a_hidden_mount(struct world *w)
{
    const char *point = world_path(w, "over/proc");

    mkdir(world_path(w, "over"), 0755);
    mkdir(point, 0755);
    CHILD_TRUE(sys_mount("/proc", point, NULL, MS_BIND, NULL) == 0);
    CHILD_TRUE(sys_mount("cover", world_path(w, "over"), "tmpfs", 0, "") == 0);
    w->rootfs.no_pivot = true;
    child_enter(w);
    child_expect_text("file", child_read("/etc/here"), "image");
}

static void a_mount_that_cannot_be_reached_is_no_hindrance(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/here", "image");
    world_run(w, 0, look_at_a_hidden_mount);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(after_the_pivot_only_the_container_is_left),
        WITH_WORLD(a_refused_pivot_is_an_error),
        WITH_WORLD(a_shared_guest_sees_nothing_of_its_containers),
        WITH_WORLD(with_shared_propagation_only_volumes_spread),
        WITH_WORLD(a_root_below_a_shared_mount_can_be_pivoted_into),
        WITH_WORLD(moving_leaves_no_procfs_or_sysfs_outside),
        WITH_WORLD(locked_mounts_are_covered),
        WITH_WORLD(a_mount_that_cannot_be_reached_is_no_hindrance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
