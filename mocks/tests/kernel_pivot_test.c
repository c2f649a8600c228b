/* SPDX-License-Identifier: Apache-2.0 */
/* pivot_root(2): when it refuses, and what it does. Each row runs in a child with a mount namespace of its own. */
#include "mocks/tests/files.h"

/* /tmp/t: new (tmpfs with old, dir, sub (tmpfs)), plain (directory), f (file). Everything private. */
static void make_tree(void)
{
    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("plain");
    make_dir("plain/old");
    make_file("f", "f");
    make_mount("new");
    make_dir("new/old");
    make_dir("new/dir");
    make_file("new/mark", "m");
    make_mount("new/sub");
    make_dir("new/sub/old");
}

struct row {
    const char *label;
    int (*before)(void);
    const char *dir, *new_root, *put_old;
    int result;
};

static int nothing(void)
{
    return 0;
}
static int share_root(void)
{
    return set_propagation("/", MS_SHARED);
}
static int share_parent(void)
{
    return set_propagation("/tmp", MS_SHARED);
}
static int share_new(void)
{
    return set_propagation("/tmp/t/new", MS_SHARED);
}
static int share_sub(void)
{
    return set_propagation("/tmp/t/new/sub", MS_SHARED);
}
static int slave_all(void)
{
    int r = sys_mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL);
    return r < 0 ? r : sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL);
}
static int chroot_plain(void)
{
    return sys_chroot("/tmp/t/plain");
}
static int chroot_new(void)
{
    return sys_chroot("/tmp/t/new");
}
static int chroot_tmp(void)
{
    return sys_chroot("/tmp");
}
static int cover_old(void)
{
    return mount_tmpfs("/tmp/t/new/old");
}
static int drop_root(void)
{
    return sys_setresuid(1000, 1000, 1000);
}
static int remove_old(void)
{
    return sys_unlinkat(AT_FDCWD, "/tmp/t/new/old", AT_REMOVEDIR);
}
static int cover_new(void)
{
    return mount_tmpfs("/tmp/t/new");
}

static const struct row rows[] = {
    {"to a mount", nothing, "/tmp/t", "new", "new/old", 0},
    {"by dots", nothing, "/tmp/t/new", ".", ".", 0},
    {"by absolute names", nothing, "/", "/tmp/t/new", "/tmp/t/new/old", 0},
    {"old below another mount", nothing, "/tmp/t", "new", "new/sub/old", 0},
    {"old is another mount", nothing, "/tmp/t", "new", "new/sub", 0},
    {"old under a cover", cover_old, "/tmp/t", "new", "new/old", 0},
    {"old covers the new root", nothing, "/tmp/t", "new", "new", 0},
    {"to a mount below", nothing, "/tmp/t", "new/sub", "new/sub/old", 0},
    {"new is a directory", nothing, "/tmp/t", "plain", "plain/old", -EINVAL},
    {"new is a directory in a mount", nothing, "/tmp/t", "new/dir", "new/dir", -EINVAL},
    {"new is a file", nothing, "/tmp/t", "f", "new/old", -ENOTDIR},
    {"old is a file", nothing, "/tmp/t", "new", "f", -ENOTDIR},
    {"new is missing", nothing, "/tmp/t", "none", "new/old", -ENOENT},
    {"old is missing", nothing, "/tmp/t", "new", "new/none", -ENOENT},
    {"new is empty", nothing, "/tmp/t", "", "new/old", -ENOENT},
    {"old is outside", nothing, "/tmp/t", "new", "plain", -EINVAL},
    {"old is on the root mount", nothing, "/tmp/t", "new", "/", -EBUSY},
    {"new is the root", nothing, "/tmp/t", "/", "new/old", -EBUSY},
    {"both are the root", nothing, "/", ".", ".", -EBUSY},
    {"old is not below new", nothing, "/tmp/t", "new/sub", "new/old", -EINVAL},
    {"the root is shared", share_root, "/tmp/t", "new", "new/old", 0},
    {"the parent of new is shared", share_parent, "/tmp/t", "new", "new/old", -EINVAL},
    {"new itself is shared", share_new, "/tmp/t", "new", "new/old", -EINVAL},
    {"new is shared, old elsewhere", share_new, "/tmp/t", "new", "new/sub/old", 0},
    {"the mount of old is shared", share_sub, "/tmp/t", "new", "new/sub/old", -EINVAL},
    {"everything follows", slave_all, "/tmp/t", "new", "new/old", 0},
    {"the root is a directory", chroot_plain, "/tmp/t", "/tmp/t/new", "/tmp/t/new/old", -ENOENT},
    {"the root is a directory, by dots", chroot_plain, "/tmp/t/new", ".", ".", -EINVAL},
    {"the root is new", chroot_new, "/tmp/t/new", ".", "old", -EBUSY},
    {"the root is new, to its child", chroot_new, "/tmp/t/new", "sub", "sub/old", 0},
    {"the root is a mount below the root", chroot_tmp, "/tmp/t", "new", "new/old", 0},
    {"nobody may", drop_root, "/tmp/t", "new", "new/old", -EPERM},
    {"nobody may, not even what is missing", drop_root, "/tmp/t", "none", "none", -EPERM},
    {"old was removed", remove_old, "/tmp/t", "new", "new/old", -ENOENT},
    {"new is covered", cover_new, "/tmp/t", "new", "new", 0},
};

static int pivot_row(void *arg)
{
    const struct row *row = arg;
    if (sys_unshare(CLONE_NEWNS) < 0 || sys_chdir(row->dir) < 0 || row->before() < 0)
        return 200;
    return -sys_pivot_root(row->new_root, row->put_old);
}

CONFORM_CASE(pivots_have_rules)
{
    make_tree();
    FOR_CASES(row, rows)
    {
        expect(in_child(pivot_row, (void *)row), -row->result);
        make_dir("new/old");
    }
}

static int by_old(void *arg)
{
    (void)arg;
    char text[4096];
    expect(sys_unshare(CLONE_NEWNS), 0);
    int before = open_path("/"), inside = open_path("new");
    expect(sys_pivot_root("new", "new/old"), 0);
    /* The root moved with the task; its directory was another. */
    expect(there("/mark"), 1);
    expect(there("/old/tmp/t/plain"), 1);
    expect(there("plain"), 1);
    expect(kind_of(sys_openat(before, "tmp/t/f", O_RDONLY, 0)), 'f');
    expect(kind_of(sys_openat(inside, "mark", O_RDONLY, 0)), 'm');
    expect(sys_getcwd(text, sizeof(text)), (long)sizeof("/old/tmp/t"));
    expect(there("/old/tmp/t/new/mark"), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "/..", O_PATH, 0)), 'd');
    expect(there("/../mark"), 1);
    expect(sys_chdir("/"), 0);
    sys_close(before);
    expect(unmount("/old", DETACH), 0);
    expect(there("/old/tmp"), 0);
    expect(unmount("/old", DETACH), -EINVAL);
    expect(unmount("/sub", 0), 0);
    return 0;
}

CONFORM_CASE(the_old_root_goes_below)
{
    make_tree();
    expect(in_child(by_old, NULL), 0);
    expect(there("/tmp/t/new/mark"), 1);
}

static int by_dots(void *arg)
{
    (void)arg;
    expect(sys_unshare(CLONE_NEWNS), 0);
    expect(sys_chdir("new"), 0);
    expect(sys_pivot_root(".", "."), 0);
    /* The old root lies on top of the new one now. */
    expect(there("/mark"), 1);
    expect(there("mark"), 1);
    expect(kind_of(sys_openat(AT_FDCWD, "..", O_PATH, 0)), 'd');
    expect(there("../mark"), 0);
    expect(there("../tmp"), 1);
    expect(unmount(".", DETACH), 0);
    expect(sys_chdir("/"), 0);
    expect(there("mark"), 1);
    expect(there("../mark"), 1);
    expect(there("/tmp"), 0);
    return 0;
}

CONFORM_CASE(the_old_root_needs_no_directory)
{
    make_tree();
    expect(in_child(by_dots, NULL), 0);
}

struct waiting {
    int ready[2], go[2];
    bool outside;
};

static int bystander(void *arg)
{
    const struct waiting *waiting = arg;
    char p;
    sys_close(waiting->go[1]);
    if (waiting->outside && sys_chroot("/tmp/t") < 0)
        return 1;
    sys_write(waiting->ready[1], "x", 1);
    sys_read(waiting->go[0], &p, 1);
    return there("/mark") == (waiting->outside ? 0 : 1) ? 0 : 2;
}

static int pivot_with_bystander(void *arg)
{
    struct waiting waiting = {.outside = *(bool *)arg};
    char p;
    expect(sys_unshare(CLONE_NEWNS), 0);
    expect(sys_pipe2(waiting.ready, 0), 0);
    expect(sys_pipe2(waiting.go, 0), 0);
    int pid = spawn(bystander, &waiting);
    expect(sys_read(waiting.ready[0], &p, 1), 1);
    expect(sys_pivot_root("new", "new/old"), 0);
    sys_close(waiting.go[1]);
    return collect(pid);
}

CONFORM_CASE(tasks_with_the_old_root_move_too)
{
    bool outside = false;
    make_tree();
    expect(in_child(pivot_with_bystander, &outside), 0);
    outside = true;
    expect(in_child(pivot_with_bystander, &outside), 0);
}
