/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel call on the way into a root file system fails once: each failure is reported, with its errno and a text, and
 * leaves no descriptor open. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container/rootfs.h"
#include "agent/tests/support/fault.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"
#include "sys/sys.h"

struct cgroup {
    struct cgroup_mount_entry entry;
};

const struct cgroup_mount_entry *cgroup_mount_entries(const struct cgroup *cgroup, size_t *ret_n)
{
    *ret_n = cgroup ? 1 : 0;
    return cgroup ? &cgroup->entry : NULL;
}

/* Kept low: nothing in the world of these tests has more descriptors. */
#define DESCRIPTORS_MAX 64
/* Beyond the calls of any scenario. */
#define CALLS_MAX 1000

static int fault_number;

static int count_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int whole_way(struct world *w, struct error *err)
{
    int r = rootfs_build(&w->rootfs, err);
    if (r >= 0)
        r = rootfs_enter(&w->rootfs, err);
    if (r >= 0)
        r = rootfs_finish(&w->rootfs, "/srv/dir", err);
    return r;
}

static void run_with_fault(struct world *w)
{
    struct error err = {0};
    long call;
    int before = count_descriptors();

    if (!fault_arm(fault_number, EIO)) {
        child_expect(false, "cannot arm");
        return;
    }
    int r = whole_way(w, &err);
    bool happened = fault_happened(&call);
    fault_disarm();
    rootfs_done(&w->rootfs);
    int after = count_descriptors();

    child_expect(after == before, "call %d (%ld): %d descriptors became %d (%s)", fault_number, call, before, after, err.text);
    if (!happened)
        child_expect(false, r < 0 ? "failed without a fault: %s" : "end%s", err.text);
    else
        child_expect(r < 0 && err.errnum == -r && err.text[0], "call %d (%ld) failed: got %d, '%s'", fault_number, call, r,
                     err.text);
}

/* Runs the scenario once for each of its calls. */
static void sweep(struct world *w, int flags, void (*prepare_and_run)(struct world *w))
{
    const char *text = "";

    world_needs_root();
    if (!fault_is_available()) {
        print_message("faults need x86-64\n");
        skip();
    }
    for (fault_number = 1; fault_number < CALLS_MAX && !text[0]; fault_number++)
        text = world_notes(w, flags, prepare_and_run);
    check_string("end of the sweep", text, "end\n");
    check_int("calls", fault_number > 30, true);
}

static void every_failure_of_the_usual_container_is_reported(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    world_mkdir(w, "volume");
    world_write(w, "file", "");
    world_mount(w, "/volume/deep", "bind", "volume", "rbind ro rprivate");
    world_mount(w, "/etc/name", "bind", "file", "bind");
    assert_int_equal(strlist_add(w->arena, &w->spec->mounts[1].options, "ro"), 0);
    w->spec->root->readonly = true;
    sweep(w, WORLD_IPC_NAMESPACE, run_with_fault);
}

static void run_odd(struct world *w)
{
    struct cgroup group = {.entry = {.name = "cpu,cpuacct", .path = world_path(w, "volume")}};

    w->rootfs.cgroup = &group;
    run_with_fault(w);
}

/* What the usual container does not do. */
static void every_failure_of_an_odd_container_is_reported(void **state)
{
    struct world *w = *state;

    world_needs_root();
    world_mkdir(w, "volume");
    world_mkdir(w, "root/copied");
    world_mkdir(w, "root/copied/sub");
    world_write(w, "root/copied/file", "content");
    world_symlink(w, "file", "root/copied/link");
    world_symlink(w, "/far/away", "root/dangling");
    assert_int_equal(mkfifo(world_path(w, "root/copied/sub/fifo"), 0644), 0);
    assert_int_equal(mknod(world_path(w, "root/dev/null"), S_IFCHR | 0600, makedev(1, 3)), 0);
    world_write(w, "root/dev/ptmx", "");
    world_symlink(w, "/proc/self/fd", "root/dev/fd");
    world_mount(w, "/proc", "bind", "/proc", "rbind");
    world_mount(w, "/copied", "tmpfs", "tmpfs", "tmpcopyup ro");
    world_mount(w, "/old", "tmpfs", "tmpfs", "silent nosuid");
    world_mount(w, "/old", "tmpfs", "tmpfs", "remount size=1m");
    world_mount(w, "/cgroup", "cgroup", "cgroup", "ro");
    world_mount(w, "/dangling/x", "tmpfs", "tmpfs", "sync size=1m,mode=700");
    world_device(w, "/dev/null", 'c', 1, 3, 0640);
    w->spec->linux_->devices[0].uid = 5;
    world_device(w, "/dev/net/tun", 'c', 10, 200, -1);
    w->spec->linux_->rootfs_propagation = "rshared";
    world_mask(w, "/etc");
    world_mask(w, "/tmp");
    world_read_only(w, "/old");
    sweep(w, 0, run_odd);
}

static void run_moved(struct world *w)
{
    w->rootfs.no_pivot = true;
    run_with_fault(w);
}

static void every_failure_of_a_moved_root_is_reported(void **state)
{
    struct world *w = *state;

    sweep(w, 0, run_moved);
}

/* There devices are bound, mounts covered and refused file systems replaced. */
static void every_failure_in_a_user_namespace_is_reported(void **state)
{
    struct world *w = *state;

    world_mount(w, "/sys", "sysfs", "sysfs", "ro");
    sweep(w, WORLD_USER_NAMESPACE, run_moved);
}

static void look_at_an_unreachable_cwd(struct world *w)
{
    struct error err = {0};

    child_start(w);
    CHILD_TRUE(fault_arm(3, ENOENT)); /* after openat2 and fchdir: getcwd */
    int r = rootfs_chdir("/etc", &err);
    fault_disarm();
    CHILD_TRUE(r == -EPERM);
    child_expect_text("text", err.text, "'/etc': current working directory is outside the container mount namespace root");
}

static void cve_2024_21626_a_directory_that_getcwd_cannot_name_is_refused(void **state)
{
    if (fault_is_available())
        world_run(*state, 0, look_at_an_unreachable_cwd);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(every_failure_of_the_usual_container_is_reported),
        WITH_WORLD(every_failure_of_an_odd_container_is_reported),
        WITH_WORLD(every_failure_of_a_moved_root_is_reported),
        WITH_WORLD(every_failure_in_a_user_namespace_is_reported),
        WITH_WORLD(cve_2024_21626_a_directory_that_getcwd_cannot_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
