/* SPDX-License-Identifier: Apache-2.0 */
/* The mount option tmpcopyup on the real kernel. */
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

static void look_at_copy(struct world *w)
{
    struct stat st;

    child_start(w);
    child_expect_text("file", child_read("/data/file"), "content");
    CHILD_TRUE(stat("/data/file", &st) == 0 && (st.st_mode & 07777) == 04751 && st.st_uid == 12 && st.st_gid == 34);
    child_expect_text("nested", child_read("/data/sub/deep/file"), "deep");
    CHILD_TRUE(stat("/data/sub", &st) == 0 && (st.st_mode & 07777) == 01770 && st.st_gid == 56);
    char target[32] = "";
    CHILD_TRUE(readlink("/data/link", target, sizeof(target) - 1) == 12 && strcmp(target, "../../secret") == 0);
    CHILD_TRUE(lstat("/data/link", &st) == 0 && st.st_uid == 7);
    CHILD_TRUE(stat("/data/fifo", &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 07777) == 0622);
    CHILD_TRUE(stat("/data/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    CHILD_TRUE(stat("/data", &st) == 0 && (st.st_mode & 07777) == 0750 && st.st_uid == 8);
    CHILD_TRUE(child_make_file("/data/new") == 0);
    CHILD_TRUE(stat("/moded", &st) == 0 && (st.st_mode & 07777) == 0711 && child_has("/moded/file"));
    CHILD_TRUE(child_has("/ro/file") && child_make_file("/ro/new") == -EROFS);
    CHILD_TRUE(child_has("/old/file") && child_make_file("/old/new") == -EROFS);
    CHILD_TRUE(child_has("/dev/file") && child_has("/dev/null") && child_make_file("/dev/new") == -EROFS);
}

static void plant_tree(struct world *w)
{
    char path[128];

    world_mkdir(w, "root/data");
    world_write(w, "root/data/file", "content");
    world_mkdir(w, "root/data/sub");
    world_mkdir(w, "root/data/sub/deep");
    world_write(w, "root/data/sub/deep/file", "deep");
    world_symlink(w, "../../secret", "root/data/link");
    snprintf(path, sizeof(path), "%s/data", w->root);
    assert_int_equal(chown(path, 8, 0) | chmod(path, 0750), 0);
    assert_int_equal(chdir(path), 0);
    assert_int_equal(chown("file", 12, 34) | chmod("file", 04751) | chown("sub", 0, 56) | chmod("sub", 01770), 0);
    assert_int_equal(lchown("link", 7, 7) | mkfifo("fifo", 0600) | chmod("fifo", 0622), 0);
    assert_int_equal(mknod("null", S_IFCHR | 0666, makedev(1, 3)), 0);
    assert_int_equal(chdir("/"), 0);
}

static void tmpcopyup_starts_with_what_it_covers(void **state)
{
    static const char *const others[] = {"moded", "ro", "old"};
    struct world *w = *state;

    world_needs_root();
    plant_tree(w);
    FOR_ROWS (name, others) {
        world_mkdir(w, arena_printf(w->arena, "root/%s", *name));
        world_write(w, arena_printf(w->arena, "root/%s/file", *name), "");
    }
    world_write(w, "root/dev/file", "");
    world_mount(w, "/data", "tmpfs", "tmpfs", "tmpcopyup size=4m");
    world_mount(w, "/moded", "tmpfs", "tmpfs", "tmpcopyup mode=711");
    world_mount(w, "/ro", "tmpfs", "tmpfs", "tmpcopyup ro");
    world_mount(w, "/old", "tmpfs", "tmpfs", "tmpcopyup silent rro");
    world_mount(w, "/dev", "tmpfs", "tmpfs", "tmpcopyup ro");
    world_run(w, 0, look_at_copy);
    check_int("the image", world_has(w, "root/data/new"), false);
}

static void look_at_a_full_copy(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "type 'tmpfs': sub: copy 'big': ENOSPC"), "%s", text);
}

static void a_copy_that_does_not_fit_names_the_file(void **state)
{
    struct world *w = *state;
    char *text = arena_alloc(w->arena, 200000);

    memset(text, 'x', 199999);
    world_mkdir(w, "root/data");
    world_mkdir(w, "root/data/sub");
    world_write(w, "root/data/sub/big", text);
    world_mount(w, "/data", "tmpfs", "tmpfs", "tmpcopyup size=64k");
    world_run(w, 0, look_at_a_full_copy);
}

static void look_at_a_deep_copy(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "to /data, type 'tmpfs': d: d: "), "%s", text);
    child_expect(strstr(text, "d: directories are nested deeper than 64"), "%s", text);
}

static void plant_nested(struct world *w, const char *top, int depth)
{
    world_mkdir(w, top);
    assert_int_equal(chdir(world_path(w, top)), 0);
    for (int i = 0; i < depth; i++)
        assert_int_equal(mkdir("d", 0755) | chdir("d"), 0);
    assert_int_equal(chdir("/"), 0);
}

static void a_copy_ends_at_a_depth(void **state)
{
    struct world *w = *state;

    plant_nested(w, "root/enough", 64);
    plant_nested(w, "root/data", 65);
    world_mount(w, "/enough", "tmpfs", "tmpfs", "tmpcopyup");
    world_mount(w, "/data", "tmpfs", "tmpfs", "tmpcopyup");
    world_run(w, 0, look_at_a_deep_copy);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(tmpcopyup_starts_with_what_it_covers),
        WITH_WORLD(a_copy_that_does_not_fit_names_the_file),
        WITH_WORLD(a_copy_ends_at_a_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
