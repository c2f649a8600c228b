/* SPDX-License-Identifier: Apache-2.0 */
/* The control groups that a container sees. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

/* The container's group as these tests want it; takes the place of the cgroup module. */
struct cgroup {
    const struct cgroup_mount_entry *entries;
    size_t n;
};

const struct cgroup_mount_entry *cgroup_mount_entries(const struct cgroup *cgroup, size_t *ret_n)
{
    *ret_n = cgroup ? cgroup->n : 0;
    return cgroup ? cgroup->entries : NULL;
}

static void look_at_v1(struct world *w)
{
    char target[64] = "";

    child_start(w);
    child_expect_text("memory", child_read("/sys/fs/cgroup/memory/tasks"), "mine");
    child_expect_text("by link", child_read("/sys/fs/cgroup/cpuacct/tasks"), "mine");
    CHILD_TRUE(readlink("/sys/fs/cgroup/cpu", target, sizeof(target) - 1) > 0 && strcmp(target, "cpu,cpuacct") == 0);
    CHILD_TRUE(child_write("/sys/fs/cgroup/memory/tasks", "x") == -EROFS);
    CHILD_TRUE(child_has_option("/sys/fs/cgroup/memory", "nosuid"));
    CHILD_TRUE(child_write("/sys/fs/cgroup/systemd/tasks", "y") == 0);
    CHILD_TRUE(child_make_file("/sys/fs/cgroup/new") == -EROFS);
    CHILD_TRUE(child_has_option("/sys/fs/cgroup", "noexec") && child_has_option("/sys/fs/cgroup", "nodev"));
    CHILD_TRUE(strstr(child_mount_info("/sys/fs/cgroup"), "|tmpfs|rw"));
    CHILD_TRUE(!child_has("/sys/fs/cgroup/memory/parent"));
    CHILD_TRUE(child_make_file("/rw/new") == 0 && child_write("/rw/memory/tasks", "z") == 0);
}

static void cve_2022_0492_and_2023_25809_only_the_own_groups_are_seen_and_read_only(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"memory", "cpu,cpuacct", "systemd"};
    struct cgroup_mount_entry entries[ARRAY_SIZE(names)];
    struct cgroup cgroup = {.entries = entries, .n = ARRAY_SIZE(names)};

    world_mkdir(w, "root/sys/fs");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *path = arena_printf(w->arena, "%s/%s", w->dir, names[i]);
        world_mkdir(w, path);
        world_write(w, arena_printf(w->arena, "%s/parent", path), "");
        path = arena_printf(w->arena, "%s/own", path);
        world_mkdir(w, path);
        world_write(w, arena_printf(w->arena, "%s/tasks", path), "mine");
        entries[i] = (struct cgroup_mount_entry){.name = names[i], .path = path, .is_systemd = i == 2};
    }
    w->rootfs.cgroup = &cgroup;
    world_mount(w, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro");
    world_mount(w, "/rw", "cgroup", "cgroup", "nosuid");
    world_run(w, 0, look_at_v1);
}

static void look_at_missing_group(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "type 'cgroup': cgroup '/nowhere': ENOENT"), "%s", text);
}

static void a_missing_group_is_named(void **state)
{
    struct world *w = *state;
    struct cgroup_mount_entry entry = {.name = "memory", .path = "/nowhere"};
    struct cgroup cgroup = {.entries = &entry, .n = 1};

    w->rootfs.cgroup = &cgroup;
    world_mount(w, "/cg", "cgroup", "cgroup", "ro");
    world_run(w, 0, look_at_missing_group);
}

static void look_at_v2(struct world *w)
{
    child_start(w);
    CHILD_TRUE(strstr(child_mount_info("/sys/fs/cgroup"), "|cgroup2|rw"));
    CHILD_TRUE(child_has_option("/sys/fs/cgroup", "ro") && child_has_option("/sys/fs/cgroup", "nosuid"));
    CHILD_TRUE(child_has("/sys/fs/cgroup/cgroup.procs") && child_write("/sys/fs/cgroup/cgroup.procs", "0") == -EROFS);
    CHILD_TRUE(child_has_option("/cg2", "rw"));
}

static void version_2_is_mounted_as_it_is(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "root/sys/fs");
    world_mount(w, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid ro");
    world_mount(w, "/cg2", "cgroup2", "none", "");
    world_run(w, 0, look_at_v2);
}

static void look_at_refusals(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(
        strstr(text,
               "failed to mount cgroup to /a, type 'cgroup': option 'bogus' (cgroup2: Unknown parameter 'bogus'): EINVAL"),
        "%s", text);
    rootfs_done(&w->rootfs);
    w->spec->mounts[0].destination = "/etc/file";
    text = child_build_error(w);
    child_expect(strstr(text, "to /etc/file, type 'cgroup': make the mount point: ENOTDIR"), "%s", text);
}

static void refused_options_and_mount_points_are_named(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/file", "");
    world_mount(w, "/a", "cgroup", NULL, "bogus");
    w->spec->mounts[0].source = "cgroup";
    world_run(w, 0, look_at_refusals);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(cve_2022_0492_and_2023_25809_only_the_own_groups_are_seen_and_read_only),
        WITH_WORLD(a_missing_group_is_named),
        WITH_WORLD(version_2_is_mounted_as_it_is),
        WITH_WORLD(refused_options_and_mount_points_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
