/* SPDX-License-Identifier: Apache-2.0 */
/* Roots of tasks and of trees: unmounting them, pivoting while others stand there, reaching them through links. */
#include "mocks/tests/files.h"

static int in_new_namespace(int (*fn)(void *arg), void *arg)
{
    return collect(sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWNS, .cgroup_fd = -1}, fn, arg));
}

/* ---- unmounting one's own root ---- */

struct unmounting {
    const char *label;
    const char *root, *dir; /* dir below the new root */
    const char *target;
    int flags;
    bool as_user;
    int result;
    int after; /* mkdir("/x") */
};

static int unmounts(void *arg)
{
    const struct unmounting *row = arg;
    if (sys_chroot(row->root) < 0 || sys_chdir(row->dir) < 0)
        return 99;
    if (row->as_user)
        sys_setresuid(1000, 1000, 1000);
    expect(unmount(row->target, row->flags), row->result);
    expect(make_dir("/x"), row->after);
    return 0;
}

CONFORM_CASE(the_own_root_becomes_read_only)
{
    static const struct unmounting rows[] = {
        {"root", "/tmp/m", "/", "/", 0, false, 0, -EROFS},
        {"root without following links", "/tmp/m", "/", "/", NO_LINKS, false, 0, -EROFS},
        {"working directory that is the root", "/tmp/m", "/", ".", 0, false, 0, -EROFS},
        {"above the root", "/tmp/m", "/d", "..", 0, false, 0, -EROFS},
        {"root that is no mount", "/tmp/m/d", "/", "/", 0, false, -EINVAL, 0},
        {"another directory", "/tmp/m", "/", "/d", 0, false, -EINVAL, 0},
        {"by a user", "/tmp/m", "/", "/", 0, true, -EPERM, 0},
        {"root lazily", "/tmp/m", "/", "/", DETACH, false, 0, 0},
        {"unknown flag", "/tmp/m", "/", "/", 0x40, false, -EINVAL, 0},
    };

    FOR_CASES(row, rows)
    {
        expect(make_mount("/tmp/m"), 0);
        expect(make_dir("/tmp/m/d"), 0);
        expect(in_new_namespace(unmounts, (void *)row), 0);
        expect(unmount("/tmp/m", 0), 0);
    }
}

static int unmounts_twice(void *arg)
{
    (void)arg;
    if (sys_chroot("/tmp/m") < 0 || sys_chdir("/") < 0)
        return 99;
    int writer = sys_openat(AT_FDCWD, "/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    expect(unmount("/", 0), -EBUSY);
    sys_close(writer);
    expect(unmount("/", 0), 0);
    expect(unmount("/", 0), 0);
    return 0;
}

CONFORM_CASE(the_own_root_is_busy_with_writers)
{
    expect(make_mount("/tmp/m"), 0);
    expect(in_new_namespace(unmounts_twice, NULL), 0);
    expect(make_dir("/tmp/m/x"), -EROFS);
}

CONFORM_CASE(a_working_directory_is_unmounted_from_below)
{
    expect(make_dir("/tmp/a"), 0);
    expect(make_dir("/tmp/a/under"), 0);
    expect(sys_chdir("/tmp/a"), 0);
    expect(mount_tmpfs("/tmp/a"), 0);
    expect(there("under"), 1);
    expect(there("/tmp/a/under"), 0);
    expect(unmount(".", 0), 0);
    expect(there("/tmp/a/under"), 1);
    expect(unmount(".", 0), -EINVAL);
    expect(mount_tmpfs("/tmp/a"), 0);
    expect(mount_tmpfs("/tmp/a"), 0);
    expect(unmount("/tmp/a/.", 0), 0);
    expect(unmount("/tmp/a", NO_LINKS), 0);
    expect(unmount("/tmp/a", 0), -EINVAL);
}

/* ---- pivoting while others stand there ---- */

struct standing {
    const char *label;
    const char *root, *dir; /* where the bystander goes; NULL: stays */
    bool sees_new;          /* by a relative path */
};

struct bystander {
    const struct standing *row;
    int ready[2], go[2];
};

static int stands_by(void *arg)
{
    const struct bystander *self = arg;
    char byte;
    sys_close(self->go[1]);
    if ((self->row->dir && sys_chdir(self->row->dir) < 0) || (self->row->root && sys_chroot(self->row->root) < 0))
        return 1;
    sys_write(self->ready[1], "x", 1);
    sys_read(self->go[0], &byte, 1);
    return there("mark") == self->row->sees_new ? 0 : 2;
}

static int pivots(void *arg)
{
    struct bystander bystander = {.row = arg};
    char byte;
    expect(sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), 0);
    expect(make_mount("/tmp/new"), 0);
    expect(make_dir("/tmp/new/old"), 0);
    expect(make_file("/tmp/new/mark", "m"), 0);
    expect(sys_pipe2(bystander.ready, 0), 0);
    expect(sys_pipe2(bystander.go, 0), 0);
    int pid = spawn(stands_by, &bystander);
    expect(sys_read(bystander.ready[0], &byte, 1), 1);
    expect(sys_chdir("/"), 0);
    expect(sys_pivot_root("/tmp/new", "/tmp/new/old"), 0);
    expect(there("mark"), 1);
    sys_close(bystander.go[1]);
    return collect(pid);
}

CONFORM_CASE(who_works_in_the_old_root_comes_along)
{
    static const struct standing rows[] = {
        {"works in the root", NULL, "/", true},
        {"works elsewhere", NULL, "/tmp", false},
        {"works in the root, with another root", "/tmp", "/", true},
        {"works in the new root already", NULL, "/tmp/new", true},
    };

    FOR_CASES(row, rows)
    expect(in_new_namespace(pivots, (void *)row), 0);
}

struct pivot {
    const char *label;
    const char *new_root, *put_old;
    int result;
};

static int pivots_by(void *arg)
{
    const struct pivot *row = arg;
    expect(sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), 0);
    expect(make_mount("/tmp/new"), 0);
    expect(make_dir("/tmp/new/old"), 0);
    expect(make_file("/tmp/new/file", "f"), 0);
    make_link("new", "/tmp/to-new");
    make_link("/tmp/new/old", "/tmp/to-old");
    make_link("missing", "/tmp/to-nothing");
    make_dir("/tmp/gone");
    make_dir("/tmp/of-gone");
    expect(bind_dir("/tmp/gone", "/tmp/of-gone"), 0);
    expect(sys_unlinkat(AT_FDCWD, "/tmp/gone", AT_REMOVEDIR), 0);
    expect(sys_pivot_root(row->new_root, row->put_old), row->result);
    return 0;
}

CONFORM_CASE(paths_of_a_pivot_are_followed)
{
    static const struct pivot rows[] = {
        {"plain", "/tmp/new", "/tmp/new/old", 0},
        {"link to the new root", "/tmp/to-new", "/tmp/new/old", 0},
        {"link to the place of the old", "/tmp/new", "/tmp/to-old", 0},
        {"both links", "/tmp/to-new", "/tmp/to-old", 0},
        {"link to nothing", "/tmp/to-nothing", "/tmp/new/old", -ENOENT},
        {"link to nothing for the old", "/tmp/new", "/tmp/to-nothing", -ENOENT},
        {"file for the old", "/tmp/new", "/tmp/new/file", -ENOTDIR},
        {"removed directory", "/tmp/of-gone", "/tmp/of-gone", -ENOENT},
        {"both are mistakes", "/tmp/to-nothing", "/tmp/new/file", -ENOENT},
    };

    FOR_CASES(row, rows)
    expect(in_new_namespace(pivots_by, (void *)row), 0);
}

/* ---- trees behind links ---- */

CONFORM_CASE(trees_are_opened_through_links_or_not)
{
    static const struct {
        const char *label, *path;
        unsigned int flags;
        int result; /* the letter of its kind */
    } rows[] = {
        {"place behind a link", "/tmp/link", 0, 'd'},
        {"link itself", "/tmp/link", AT_SYMLINK_NOFOLLOW, 'l'},
        {"copy of the place behind a link", "/tmp/link", OPEN_TREE_CLONE, 'd'},
        {"copy of the link itself", "/tmp/link", OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW, 'l'},
        {"without automounts", "/tmp/link", AT_NO_AUTOMOUNT, 'd'},
        {"broken link", "/tmp/broken", 0, -ENOENT},
        {"broken link itself", "/tmp/broken", AT_SYMLINK_NOFOLLOW, 'l'},
        {"link with a slash", "/tmp/link/", AT_SYMLINK_NOFOLLOW, 'd'},
        {"recursive without copy", "/tmp/link", RECURSIVE, -EINVAL},
        {"unknown flag", "/tmp/link", 2, -EINVAL},
    };

    expect(make_mount("/tmp/m"), 0);
    expect(make_link("m", "/tmp/link"), 0);
    expect(make_link("missing", "/tmp/broken"), 0);
    FOR_CASES(row, rows)
    expect(kind_of(sys_open_tree(AT_FDCWD, row->path, row->flags | OPEN_TREE_CLOEXEC)), row->result);
}
