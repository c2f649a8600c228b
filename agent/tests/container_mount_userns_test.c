/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of a container in a user namespace: what is locked, and what only the guest may mount. */
#include <errno.h>
#include <sched.h>

#include "agent/container/mount_fd.h"
#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

/* In a child: goes on in a user and mount namespace below the present ones, whose mounts are locked there. */
static void enter_nested_user_namespace(struct world *w)
{
    CHILD_TRUE(unshare(CLONE_NEWUSER) == 0);
    CHILD_TRUE(child_write("/proc/self/setgroups", "deny") == 0);
    CHILD_TRUE(child_write("/proc/self/uid_map", "0 0 1") == 0 && child_write("/proc/self/gid_map", "0 0 1") == 0);
    CHILD_TRUE(unshare(CLONE_NEWNS) == 0);
    w->rootfs.new_user_namespace = true;
}

static void look_at_locked_flags(struct world *w)
{
    child_mount_tmpfs(w, "volume", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_NOSYMFOLLOW);
    enter_nested_user_namespace(w);
    child_start(w);
    CHILD_TRUE(child_has_option("/a", "ro") && child_has_option("/a", "nosuid") && child_has_option("/a", "noexec"));
    CHILD_TRUE(child_has_option("/a", "nodev") && child_has_option("/a", "nodiratime") &&
               child_has_option("/a", "nosymfollow"));
    CHILD_TRUE(child_has_option("/b", "nosuid") && child_has_option("/b", "noatime"));
}

static void locked_flags_stay_and_the_rest_is_set(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "bind", "volume", "rbind ro suid dev exec diratime symfollow");
    world_mount(w, "/b", "bind", "volume", "bind suid relatime");
    world_run(w, 0, look_at_locked_flags);
}

static void look_at_locked_read_only(struct world *w)
{
    child_mount_tmpfs(w, "volume", MS_RDONLY);
    enter_nested_user_namespace(w);
    child_start(w);
    CHILD_TRUE(child_make_file("/a/x") == -EROFS);
}

static void cve_2020_28914_a_read_only_volume_stays_read_only(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "bind", "volume", "rbind rw");
    world_run(w, 0, look_at_locked_read_only);
}

static void look_at_guest_mounts(struct world *w)
{
    child_start(w);
    CHILD_TRUE(child_has("/sys/kernel") && child_has_option("/sys", "ro") && child_has_option("/sys", "noexec"));
    CHILD_TRUE(child_write("/sys/kernel/uevent_helper", "x") < 0);
    CHILD_TRUE(strstr(child_mount_info("/mq"), "|mqueue|") && child_has_option("/mq", "nosuid"));
}

static void mount_mqueue_then_look(struct world *w)
{
    struct error err;
    int fs_fd = mount_fs_open("mqueue", &err);
    w->rootfs.mqueue_fd = mount_fs_create(fs_fd, 0, &err);
    CHILD_TRUE(w->rootfs.mqueue_fd >= 0);
    enter_nested_user_namespace(w);
    look_at_guest_mounts(w);
}

static void file_systems_of_shared_namespaces_come_from_the_guest(void **state)
{
    struct world *w = *state;

    world_mount(w, "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro");
    world_mount(w, "/mq", "mqueue", "mqueue", "nosuid");
    world_run(w, 0, mount_mqueue_then_look);
}

static void look_at_second_mqueue(struct world *w)
{
    enter_nested_user_namespace(w);
    const char *text = child_build_error(w);
    child_expect(strstr(text, "to /mq, type 'mqueue': create the file system: EPERM"), "%s", text);
}

static void message_queues_that_nobody_may_mount_are_refused(void **state)
{
    struct world *w = *state;

    world_mount(w, "/mq", "mqueue", "mqueue", "nosuid");
    world_run(w, 0, look_at_second_mqueue);
}

static void look_at_refused_file_system(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "type 'ext4': create the file system"), "%s", text);
    child_expect(strstr(text, "EPERM: Operation not permitted"), "%s", text);
}

static void other_refusals_in_a_user_namespace_stay_refusals(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "ext4", "/dev/vda", "");
    world_run(w, WORLD_USER_NAMESPACE, look_at_refused_file_system);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(locked_flags_stay_and_the_rest_is_set),
        WITH_WORLD(cve_2020_28914_a_read_only_volume_stays_read_only),
        WITH_WORLD(file_systems_of_shared_namespaces_come_from_the_guest),
        WITH_WORLD(message_queues_that_nobody_may_mount_are_refused),
        WITH_WORLD(other_refusals_in_a_user_namespace_stay_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
