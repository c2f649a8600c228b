/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/container/inroot.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"
#include "sys/fd.h"

/* ---- text ---- */

static void only_absolute_paths_without_dotdot_components_are_plain(void **state)
{
    static const struct {
        const char *path;
        bool plain;
    } rows[] = {
        {"/", true},       {"/a", true},   {"/a..b", true},  {"/..a/b..", true}, {"/a/...", true},
        {"/./a//", true},  {"/..", false}, {"/a/..", false}, {"/../a", false},   {"/a/../b", false},
        {"/a/../", false}, {"a", false},   {"", false},      {"..", false},      {NULL, false},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_int(row->path ? row->path : "NULL", inroot_path_is_plain(row->path), row->plain);
}

static void cleaning_removes_dots_and_spare_slashes(void **state)
{
    static const struct {
        const char *path, *clean;
    } rows[] = {
        {"/", "/"},
        {"//", "/"},
        {"/.", "/"},
        {"/a", "/a"},
        {"/a/", "/a"},
        {"//a///b//", "/a/b"},
        {"/./a/./b/.", "/a/b"},
        {"/.a/b.", "/.a/b."},
    };
    char clean[PATH_MAX];

    (void)state;
    FOR_ROWS (row, rows) {
        check_int(row->path, inroot_path_clean(row->path, clean, sizeof(clean)), 0);
        check_string(row->path, clean, row->clean);
    }
    check_int("fits exactly", inroot_path_clean("/abc", clean, 5), 0);
    check_int("too long by one", inroot_path_clean("/abc", clean, 4), -ENAMETOOLONG);
}

static void below_means_whole_components(void **state)
{
    static const struct {
        const char *path, *dir;
        bool below;
    } rows[] = {
        {"/proc", "/proc", true}, {"/proc/a", "/proc", true},  {"/process", "/proc", false},
        {"/pro", "/proc", false}, {"/a/proc", "/proc", false},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_int(row->path, inroot_path_is_below(row->path, row->dir), row->below);
}

/* ---- files ---- */

static int open_root(struct world *w)
{
    int fd = open(w->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static bool is_same(struct world *w, int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && lstat(world_path(w, path), &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* A tree with every way out that a link can try. */
static void plant(struct world *w)
{
    world_mkdir(w, "outside");
    world_write(w, "outside/secret", "secret");
    world_mkdir(w, "root/dir");
    world_mkdir(w, "root/outside");
    world_write(w, "root/dir/file", "content");
    world_symlink(w, "dir", "root/link");
    world_symlink(w, "/dir", "root/absolute");
    world_symlink(w, "../../outside", "root/dir/up");
    world_symlink(w, "self", "root/self");
    world_symlink(w, "/new/place", "root/dangling");
    world_symlink(w, "sibling", "root/dir/relative");
    world_symlink(w, world_path(w, "outside/made"), "root/escape");
    world_symlink(w, "nothing/../b", "root/dotted");
}

static void opening_never_leaves_the_root(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *path;
        const char *same; /* or NULL: fails with */
        int r;
        uint64_t resolve;
    } rows[] = {
        {"/", "root", 0, 0},
        {"/..", "root", 0, 0},
        {"../../../..", "root", 0, 0},
        {"/dir/file", "root/dir/file", 0, 0},
        {"dir/../dir/file", "root/dir/file", 0, 0},
        {"/link/file", "root/dir/file", 0, 0},
        {"/absolute/file", "root/dir/file", 0, 0},
        {"/dir/up", "root/outside", 0, 0},
        {"/dir/up/secret", NULL, -ENOENT, 0},
        {"/self", NULL, -ELOOP, 0},
        {"/dir/file/x", NULL, -ENOTDIR, 0},
        {"/link/file", NULL, -ELOOP, INROOT_NO_SYMLINKS},
        {"/dir/file", "root/dir/file", 0, INROOT_NO_SYMLINKS},
    };

    plant(w);
    _close_ int root = open_root(w);
    FOR_ROWS (row, rows) {
        _close_ int fd = inroot_open(root, row->path, O_PATH, row->resolve);
        check_int(row->path, fd < 0 ? fd : 0, row->r);
        if (row->same)
            check_int(row->path, is_same(w, fd, row->same), true);
    }
}

static void descriptors_do_not_survive_exec(void **state)
{
    struct world *w = *state;

    _close_ int root = open_root(w);
    _close_ int existing = inroot_open(root, "/etc", O_PATH, 0);
    _close_ int dir = inroot_make_dir(root, "/new", 0);
    _close_ int file = inroot_make_file(root, "/file");
    check_int("open", fcntl(existing, F_GETFD), FD_CLOEXEC);
    check_int("make dir", fcntl(dir, F_GETFD), FD_CLOEXEC);
    check_int("make file", fcntl(file, F_GETFD), FD_CLOEXEC);
}

static void cve_2024_21626_magic_links_are_refused(void **state)
{
    _close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    check_int("cwd", inroot_open(root, "/proc/self/cwd", O_PATH, 0), -ELOOP);
    check_int("descriptor", inroot_open(root, "/proc/self/fd/0", O_PATH, 0), -ELOOP);
    check_int("below", inroot_make_dir(root, "/proc/self/root/tmp", 0), -ELOOP);
}

struct made {
    const char *path;
    const char *same; /* what the guest has there then; NULL: nothing was made */
    int r;
};

static void missing_directories_are_made(void **state)
{
    struct world *w = *state;
    static const struct made rows[] = {
        {"/dir", "root/dir", 0},
        {"/a", "root/a", 0},
        {"/b/c/d", "root/b/c/d", 0},
        {"//e///f/", "root/e/f", 0},
        {"g/./h", "root/g/h", 0},
        {"/link/i", "root/dir/i", 0},
        {"/absolute/j/k", "root/dir/j/k", 0},
        {"/dir/up/l", "root/outside/l", 0},
        {"/dangling", "root/new/place", 0},
        {"/dangling/m", "root/new/place/m", 0},
        {"/dir/relative/n", "root/dir/sibling/n", 0},
        {"/etc/../../../o", "root/o", 0},
        {"/missing/../p", NULL, -ENOENT},
        {"/dotted", NULL, -ENOENT},
        {"/self/q", NULL, -ELOOP},
        {"/dir/file", NULL, -ENOTDIR},
        {"/dir/file/r", NULL, -ENOTDIR},
    };

    plant(w);
    mode_t old = umask(0);
    _close_ int root = open_root(w);
    FOR_ROWS (row, rows) {
        struct stat st;
        _close_ int fd = inroot_make_dir(root, row->path, 0);
        check_int(row->path, fd < 0 ? fd : 0, row->r);
        if (!row->same)
            continue;
        check_int(row->path, is_same(w, fd, row->same), true);
        check_int(row->path, stat(world_path(w, row->same), &st) == 0 && (st.st_mode & 07777) == 0755, true);
    }
    umask(old);
    check_int("nothing outside", world_count(w, "outside"), 1);
    check_int("nothing beside", world_count(w, w->dir), 2);
}

static void no_link_is_followed_when_none_is_wanted(void **state)
{
    struct world *w = *state;

    plant(w);
    _close_ int root = open_root(w);
    check_int("dangling", inroot_make_dir(root, "/dangling", INROOT_NO_SYMLINKS), -ELOOP);
    check_int("existing", inroot_make_dir(root, "/link/x", INROOT_NO_SYMLINKS), -ELOOP);
    _close_ int fd = inroot_make_dir(root, "/dir/x", INROOT_NO_SYMLINKS);
    check_int("plain", is_same(w, fd, "root/dir/x"), true);
    check_int("nothing made", world_has(w, "root/new"), false);
}

static void a_missing_file_is_made_and_an_existing_one_left_alone(void **state)
{
    struct world *w = *state;
    static const struct made rows[] = {
        {"/dir/file", "root/dir/file", 0}, {"/link/file", "root/dir/file", 0},  {"/a/b/file", "root/a/b/file", 0},
        {"/dir", "root/dir", 0},           {"/dangling", "root/new/place", 0},  {"/dir/relative", "root/dir/sibling", 0},
        {"/self", NULL, -ELOOP},           {"/missing/../file", NULL, -ENOENT}, {"/dir/file/x", NULL, -ENOTDIR},
    };

    plant(w);
    _close_ int root = open_root(w);
    FOR_ROWS (row, rows) {
        _close_ int fd = inroot_make_file(root, row->path);
        check_int(row->path, fd < 0 ? fd : 0, row->r);
        if (row->same)
            check_int(row->path, is_same(w, fd, row->same), true);
    }
    check_string("content", child_read(world_path(w, "root/dir/file")), "content");
    check_string("made empty", child_read(world_path(w, "root/a/b/file")), "");
}

static void a_link_out_of_the_root_makes_its_file_inside(void **state)
{
    struct world *w = *state;

    plant(w);
    _close_ int root = open_root(w);
    _close_ int fd = inroot_make_file(root, "/escape");
    assert_true(fd >= 0);
    check_int("outside", world_has(w, "outside/made"), false);
    check_int("inside", is_same(w, fd, world_path(w, arena_printf(w->arena, "root%s/outside/made", w->dir))), true);
}

static void overlong_names_are_refused(void **state)
{
    struct world *w = *state;
    char name[NAME_MAX + 3] = "/";
    char *path = calloc(1, PATH_MAX + 2);

    memset(name + 1, 'n', NAME_MAX + 1);
    memset(path, '/', PATH_MAX);
    path[PATH_MAX] = 'x';
    _close_ int root = open_root(w);
    check_int("component", inroot_make_dir(root, name, 0), -ENAMETOOLONG);
    check_int("path", inroot_make_dir(root, path, 0), -ENAMETOOLONG);
    path[PATH_MAX - 1] = '\0';
    path[PATH_MAX - 2] = 'x';
    _close_ int fd = inroot_make_dir(root, path, 0);
    check_int("longest path", fd >= 0, true);

    /* A link whose target makes the path too long. */
    memset(path, 'y', PATH_MAX);
    for (int i = 0; i < PATH_MAX; i += 100)
        path[i] = '/';
    path[PATH_MAX - 300] = '\0';
    world_symlink(w, path, "root/long");
    memset(name + 1, 'z', NAME_MAX);
    name[NAME_MAX + 1] = '\0';
    char *below = arena_printf(w->arena, "/long%s%s", name, name);
    check_int("expanded", inroot_make_dir(root, below, 0), -ENAMETOOLONG);
    free(path);
}

/* ---- races ---- */

static void cve_2024_45310_a_swapped_component_makes_nothing_outside(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "outside");
    world_mkdir(w, "root/a");
    world_symlink(w, world_path(w, "outside"), "root/l");
    _close_ int root = open_root(w);
    pid_t swapper = world_start_swapper(w, "root/a", "root/l");
    for (int i = 0; i < 100; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/a/d%d/e", i);
        _close_ int dir = inroot_make_dir(root, path, 0);
        snprintf(path, sizeof(path), "/a/f%d", i);
        _close_ int file = inroot_make_file(root, path);
        (void)dir;
        (void)file;
    }
    world_end_swapper(swapper);
    check_int("entries outside", world_count(w, "outside"), 0);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_absolute_paths_without_dotdot_components_are_plain),
        cmocka_unit_test(cleaning_removes_dots_and_spare_slashes),
        cmocka_unit_test(below_means_whole_components),
        WITH_WORLD(opening_never_leaves_the_root),
        WITH_WORLD(descriptors_do_not_survive_exec),
        cmocka_unit_test(cve_2024_21626_magic_links_are_refused),
        WITH_WORLD(missing_directories_are_made),
        WITH_WORLD(no_link_is_followed_when_none_is_wanted),
        WITH_WORLD(a_missing_file_is_made_and_an_existing_one_left_alone),
        WITH_WORLD(a_link_out_of_the_root_makes_its_file_inside),
        WITH_WORLD(overlong_names_are_refused),
        WITH_WORLD(cve_2024_45310_a_swapped_component_makes_nothing_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
