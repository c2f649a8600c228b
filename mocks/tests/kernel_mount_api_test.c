/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts by descriptor: open_tree, move_mount, mount_setattr, fsopen, fsconfig, fsmount, fspick. */
#include "mocks/tests/files.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif

/* /tmp/t: d/f, e, f, l -> dl, m (tmpfs with x, in (tmpfs with y)). */
static void make_tree(void)
{
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("d");
    make_file("d/f", "f");
    make_dir("e");
    make_dir("g");
    make_file("f", "f");
    make_dir("dl");
    make_link("dl", "l");
    make_mount("m");
    make_file("m/x", "x");
    make_mount("m/in");
    make_file("m/in/y", "y");
}

/* ---- open_tree ---- */

static const struct {
    const char *label, *path;
    unsigned int flags;
    int result;
} trees[] = {
    {"a place", "d", 0, 0},
    {"a file", "f", 0, 0},
    {"missing", "none", 0, -ENOENT},
    {"empty", "", 0, -ENOENT},
    {"empty, as the directory", "", AT_EMPTY_PATH, 0},
    {"unknown flags", "d", 2, -EINVAL},
    {"unknown flags and missing", "none", 2, -EINVAL},
    {"recursive without copy", "m", RECURSIVE, -EINVAL},
    {"a copy", "m", OPEN_TREE_CLONE, 0},
    {"a copy of a directory", "d", OPEN_TREE_CLONE, 0},
    {"a copy of a file", "f", OPEN_TREE_CLONE, 0},
    {"a copy with all", "m", OPEN_TREE_CLONE | RECURSIVE, 0},
    {"a copy through a link", "l", OPEN_TREE_CLONE, 0},
    {"a copy of a link", "l", OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW, 0},
    {"a copy of what is missing", "none", OPEN_TREE_CLONE, -ENOENT},
    {"kept from exec", "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0},
};

CONFORM_CASE(trees_are_opened)
{
    make_tree();
    FOR_CASES(row, trees)
    {
        int fd = sys_open_tree(AT_FDCWD, row->path, row->flags);
        expect(fd < 0 ? fd : 0, row->result);
        if (fd < 0)
            continue;
        expect(sys_fcntl(fd, F_GETFL, 0) & O_PATH, O_PATH);
        expect(sys_fcntl(fd, F_GETFD, 0), row->flags & OPEN_TREE_CLOEXEC ? FD_CLOEXEC : 0);
        sys_close(fd);
    }
    expect(sys_open_tree(-1, "", AT_EMPTY_PATH), -EBADF);
    expect(sys_open_tree(-1, "d", 0), -EBADF);
}

CONFORM_CASE(copies_are_detached)
{
    make_tree();
    int alone = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE),
        whole = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | RECURSIVE);
    int place = sys_open_tree(AT_FDCWD, "m", 0);
    expect(kind_of(sys_openat(alone, "x", O_RDONLY, 0)), 'x');
    expect(closed(sys_openat(alone, "in/y", O_RDONLY, 0)), -ENOENT);
    expect(kind_of(sys_openat(whole, "in/y", O_RDONLY, 0)), 'y');
    expect(kind_of(sys_openat(place, "in/y", O_RDONLY, 0)), 'y');
    expect(kind_of(sys_openat(place, "../f", O_RDONLY, 0)), 'f');
    expect(kind_of(sys_openat(whole, "../x", O_RDONLY, 0)), 'x');
    expect(unmount("m", 0), -EBUSY);
    sys_close(place);
    expect(unmount("m/in", 0), 0);
    expect(unmount("m", 0), 0);
    expect(kind_of(sys_openat(whole, "in/y", O_RDONLY, 0)), 'y');
    expect(sys_fchdir(whole), 0);
    char name[64];
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("(unreachable)/"));
    /* Closing the descriptor takes the tree apart, its users keep what they hold. */
    sys_close(whole);
    expect(kind_of(sys_openat(AT_FDCWD, "x", O_RDONLY, 0)), 'x');
    expect(kind_of(sys_openat(AT_FDCWD, "in/y", O_RDONLY, 0)), 'y');
    expect(sys_open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE), -EINVAL);
    expect(closed(sys_open_tree(alone, "", OPEN_TREE_CLONE | AT_EMPTY_PATH)), 0);
}

/* ---- move_mount ---- */

struct move_row {
    const char *label, *from;
    unsigned int from_flags; /* of open_tree */
    const char *to;
    unsigned int flags;
    int result;
};

static const struct move_row moves[] = {
    {"a copy", "m", OPEN_TREE_CLONE, "e", MOVE_MOUNT_F_EMPTY_PATH, 0},
    {"a copy with all", "m", OPEN_TREE_CLONE | RECURSIVE, "e", MOVE_MOUNT_F_EMPTY_PATH, 0},
    {"a copy of a directory", "d", OPEN_TREE_CLONE, "e", MOVE_MOUNT_F_EMPTY_PATH, 0},
    {"a copy of a file", "f", OPEN_TREE_CLONE, "f", MOVE_MOUNT_F_EMPTY_PATH, 0},
    {"a copy of a file on a directory", "f", OPEN_TREE_CLONE, "e", MOVE_MOUNT_F_EMPTY_PATH, -EINVAL},
    {"a copy of a directory on a file", "d", OPEN_TREE_CLONE, "f", MOVE_MOUNT_F_EMPTY_PATH, -EINVAL},
    {"a copy on nothing", "m", OPEN_TREE_CLONE, "none", MOVE_MOUNT_F_EMPTY_PATH, -ENOENT},
    {"a copy on a link", "m", OPEN_TREE_CLONE, "l", MOVE_MOUNT_F_EMPTY_PATH, -EINVAL},
    {"a copy through a link", "m", OPEN_TREE_CLONE, "l", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS, 0},
    {"a place that is a mount", "m/in", 0, "e", MOVE_MOUNT_F_EMPTY_PATH, 0},
    {"a place that is none", "d", 0, "e", MOVE_MOUNT_F_EMPTY_PATH, -EINVAL},
    {"an empty name", "m", OPEN_TREE_CLONE, "e", 0, -ENOENT},
    {"on an empty name", "m", OPEN_TREE_CLONE, "", MOVE_MOUNT_F_EMPTY_PATH, -ENOENT},
    {"on the directory itself", "m", OPEN_TREE_CLONE, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH, 0},
    {"unknown flags", "m", OPEN_TREE_CLONE, "e", MOVE_MOUNT_F_EMPTY_PATH | 0x1000, -EINVAL},
};

CONFORM_CASE(trees_are_moved)
{
    make_tree();
    FOR_CASES(row, moves)
    {
        int fd = sys_open_tree(AT_FDCWD, row->from, row->from_flags);
        expect(sys_move_mount(fd, "", AT_FDCWD, row->to, row->flags), row->result);
        sys_close(fd);
    }
    expect(sys_move_mount(-1, "", AT_FDCWD, "e", MOVE_MOUNT_F_EMPTY_PATH), -EBADF);
    expect(sys_move_mount(AT_FDCWD, "none", AT_FDCWD, "e", 0), -ENOENT);
}

CONFORM_CASE(moved_trees_are_mounts)
{
    make_tree();
    int fd = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | RECURSIVE);
    expect(sys_move_mount(fd, "", AT_FDCWD, "e", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect(there("e/in/y"), 1);
    expect(unmount("e/in", 0), 0);
    expect(unmount("e", 0), -EBUSY);
    /* The descriptor leads to the mount; a second move is one of a mount. */
    expect(sys_move_mount(fd, "", AT_FDCWD, "d", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect(there("d/x"), 1);
    expect(there("e/x"), 0);
    sys_close(fd);
    expect(there("d/x"), 1);
    expect(unmount("d", 0), 0);
    /* By names, and by the descriptor of the target. */
    int to = open_path("e");
    expect(sys_move_mount(AT_FDCWD, "m", to, "", MOVE_MOUNT_T_EMPTY_PATH), 0);
    expect(there("e/in/y"), 1);
    expect(there("m/x"), 0);
    expect(sys_move_mount(to, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), -EINVAL);
    sys_close(to);
    expect(sys_move_mount(AT_FDCWD, "e", AT_FDCWD, "e/in", 0), -ELOOP);
    fd = sys_open_tree(AT_FDCWD, "e", OPEN_TREE_CLONE);
    int inner = sys_openat(fd, "in", O_PATH, 0), other = sys_open_tree(AT_FDCWD, "e/in", OPEN_TREE_CLONE);
    /* Into a detached tree comes only another one. */
    expect(sys_move_mount(AT_FDCWD, "e/in", inner, "", MOVE_MOUNT_T_EMPTY_PATH), -EINVAL);
    expect(sys_move_mount(other, "", inner, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), 0);
    expect(kind_of(sys_openat(fd, "in/y", O_RDONLY, 0)), 'y');
    expect(sys_move_mount(other, "", AT_FDCWD, "g", MOVE_MOUNT_F_EMPTY_PATH), -EINVAL);
    sys_close(other);
    expect(kind_of(sys_openat(fd, "in/y", O_RDONLY, 0)), 'y');
    expect(sys_move_mount(fd, "", AT_FDCWD, "g", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect(there("g/in/y"), 1);
}

CONFORM_CASE(a_mount_that_lies_below_another_view_can_be_moved_to_the_top)
{
    make_tree();
    int inner = sys_open_tree(AT_FDCWD, "m/in", 0), view = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE);
    expect(sys_move_mount(view, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), 0);
    sys_close(view);
    expect(there("m/in/y"), 0);
    expect(sys_move_mount(inner, "", AT_FDCWD, "m/in", MOVE_MOUNT_F_EMPTY_PATH), 0);
    sys_close(inner);
    expect(there("m/in/y"), 1);
    expect(unmount("m/in", 0), 0);
    expect(unmount("m", 0), 0);
    expect(there("m/x"), 1);
    expect(there("m/in/y"), 0);
}

CONFORM_CASE(detached_trees_stay_where_they_are)
{
    make_tree();
    int fd = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | RECURSIVE);
    int inner = sys_openat(fd, "in", O_PATH, 0);
    expect(sys_move_mount(inner, "", AT_FDCWD, "e", MOVE_MOUNT_F_EMPTY_PATH), -EINVAL);
    expect(sys_fchdir(fd), 0);
    expect(unmount(".", DETACH), -EINVAL);
    expect(unmount("in", DETACH), -EINVAL);
    expect(sys_mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), -EINVAL);
    expect(sys_mount("x", ".", "tmpfs", 0, NULL), -EINVAL);
    expect(sys_mount("/tmp/t/d", ".", NULL, MS_BIND, NULL), -EINVAL);
    expect(sys_mount(".", "/tmp/t/e", NULL, MS_MOVE, NULL), 0);
    expect(there("/tmp/t/e/in/y"), 1);
}

CONFORM_CASE(shared_targets_share_what_arrives)
{
    make_tree();
    expect(mount_tmpfs("e"), 0);
    make_dir("e/p");
    expect(set_propagation("e", MS_SHARED), 0);
    expect(bind_dir("e", "g"), 0);
    int fd = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | RECURSIVE);
    expect(sys_move_mount(fd, "", AT_FDCWD, "e/p", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect(there("g/p/in/y"), 1);
    /* Moving away from a shared parent would have to be seen there. */
    expect(sys_move_mount(fd, "", AT_FDCWD, "d", MOVE_MOUNT_F_EMPTY_PATH), -EINVAL);
    sys_close(fd);
    expect(unmount("g/p", DETACH), 0);
    expect(there("e/p/x"), 0);
}

CONFORM_CASE(detached_trees_give_but_do_not_receive)
{
    make_tree();
    expect(mount_tmpfs("e"), 0);
    make_dir("e/p");
    make_dir("e/q");
    make_dir("e/r");
    expect(set_propagation("e", MS_SHARED), 0);
    expect(mount_tmpfs("e/r"), 0);
    make_file("e/r/f", "f");
    int fd = sys_open_tree(AT_FDCWD, "e", OPEN_TREE_CLONE | RECURSIVE), other = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE);
    expect(mount_tmpfs("e/p"), 0);
    make_file("e/p/f", "f");
    expect(closed(sys_openat(fd, "p/f", O_RDONLY, 0)), -ENOENT);
    expect(sys_move_mount(other, "", fd, "q", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect(there("e/q/x"), 1);
    expect(kind_of(sys_openat(fd, "q/x", O_RDONLY, 0)), 'x');
    expect(kind_of(sys_openat(fd, "r/f", O_RDONLY, 0)), 'f');
    expect(unmount("e/r", 0), 0);
    expect(closed(sys_openat(fd, "r/f", O_RDONLY, 0)), -ENOENT);
    expect(sys_fchdir(fd), 0);
    expect(set_propagation(".", MS_PRIVATE), 0);
    expect(set_propagation("p", MS_PRIVATE), -EINVAL);
}

/* ---- mount_setattr ---- */

static const struct {
    const char *label, *path;
    unsigned int flags;
    struct mount_attr attr;
    int result;
} attributes[] = {
    {"nothing", "m", 0, {0}, 0},
    {"nothing on nothing", "none", 0, {0}, 0},
    {"nothing, unknown flags", "m", 2, {0}, -EINVAL},
    {"read only on nothing", "none", 0, {.attr_set = MOUNT_ATTR_RDONLY}, -ENOENT},
    {"read only", "m", 0, {.attr_set = MOUNT_ATTR_RDONLY}, 0},
    {"read only on a directory", "d", 0, {.attr_set = MOUNT_ATTR_RDONLY}, -EINVAL},
    {"writable", "m", 0, {.attr_clr = MOUNT_ATTR_RDONLY}, 0},
    {"set and cleared", "m", 0, {.attr_set = MOUNT_ATTR_NODEV, .attr_clr = MOUNT_ATTR_NODEV}, 0},
    {"unknown attribute", "m", 0, {.attr_set = 0x400000}, -EINVAL},
    {"unknown attribute cleared", "m", 0, {.attr_clr = 0x400000}, -EINVAL},
    {"noatime alone", "m", 0, {.attr_set = MOUNT_ATTR_NOATIME}, -EINVAL},
    {"noatime", "m", 0, {.attr_set = MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME}, 0},
    {"strictatime", "m", 0, {.attr_set = MOUNT_ATTR_STRICTATIME, .attr_clr = MOUNT_ATTR__ATIME}, 0},
    {"relatime", "m", 0, {.attr_clr = MOUNT_ATTR__ATIME}, 0},
    {"two access time rules",
     "m",
     0,
     {.attr_set = MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME, .attr_clr = MOUNT_ATTR__ATIME},
     -EINVAL},
    {"one access time rule cleared", "m", 0, {.attr_clr = MOUNT_ATTR_NOATIME}, -EINVAL},
    {"nodiratime", "m", 0, {.attr_set = MOUNT_ATTR_NODIRATIME}, 0},
    {"shared", "m", 0, {.propagation = MS_SHARED}, 0},
    {"private, all", "m", RECURSIVE, {.propagation = MS_PRIVATE}, 0},
    {"two kinds of propagation", "m", 0, {.propagation = MS_PRIVATE | MS_SLAVE}, -EINVAL},
    {"unknown propagation", "m", 0, {.propagation = MS_RDONLY}, -EINVAL},
    {"through a link", "lm", 0, {.attr_set = MOUNT_ATTR_NODEV}, 0},
    {"a link", "lm", AT_SYMLINK_NOFOLLOW, {.attr_set = MOUNT_ATTR_NODEV}, -EINVAL},
    {"an empty name", "", 0, {.attr_set = MOUNT_ATTR_NODEV}, -ENOENT},
    {"the directory itself", "", AT_EMPTY_PATH, {.attr_set = MOUNT_ATTR_NODEV}, -EINVAL},
};

CONFORM_CASE(attributes_are_checked)
{
    make_tree();
    make_link("m", "lm");
    FOR_CASES(row, attributes)
    expect(sys_mount_setattr(AT_FDCWD, row->path, row->flags, &row->attr), row->result);
    expect(sys_mount_setattr(-1, "", AT_EMPTY_PATH, &(struct mount_attr){.attr_set = MOUNT_ATTR_NODEV}), -EBADF);
}

static const char *line_of(const char *point)
{
    static char text[1024];
    mount_lines(point, text, sizeof(text));
    char *dash = strstr(text, " - ");
    if (dash)
        *dash = '\0';
    return text;
}

CONFORM_CASE(attributes_are_set)
{
    make_tree();
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    expect(sys_mount_setattr(AT_FDCWD, "m", 0, &attr), 0);
    expect_text(line_of("/t/m"), "/ /tmp/t/m ro,nosuid,relatime");
    expect_text(line_of("/t/m/in"), "/ /tmp/t/m/in rw,relatime");
    attr = (struct mount_attr){.attr_set = MOUNT_ATTR_NODEV, .attr_clr = MOUNT_ATTR_RDONLY, .propagation = MS_UNBINDABLE};
    expect(sys_mount_setattr(AT_FDCWD, "m", RECURSIVE, &attr), 0);
    expect_text(line_of("/t/m"), "/ /tmp/t/m rw,nosuid,nodev,relatime unbindable");
    expect_text(line_of("/t/m/in"), "/ /tmp/t/m/in rw,nodev,relatime unbindable");
    attr = (struct mount_attr){.attr_set = MOUNT_ATTR_NOATIME | MOUNT_ATTR_NOEXEC,
                               .attr_clr = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODEV};
    expect(sys_mount_setattr(AT_FDCWD, "m", 0, &attr), 0);
    expect_text(line_of("/t/m"), "/ /tmp/t/m rw,nosuid,noexec,noatime unbindable");
    attr = (struct mount_attr){.attr_set = MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME, .attr_clr = MOUNT_ATTR__ATIME};
    expect(sys_mount_setattr(AT_FDCWD, "m", 0, &attr), 0);
    expect_text(line_of("/t/m"), "/ /tmp/t/m rw,nosuid,noexec,nodiratime,relatime,nosymfollow unbindable");
}

CONFORM_CASE(attributes_change_all_or_nothing)
{
    make_tree();
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    int fd = sys_openat(AT_FDCWD, "m/in/y", O_WRONLY, 0);
    expect(sys_mount_setattr(AT_FDCWD, "m", RECURSIVE, &attr), -EBUSY);
    expect_text(line_of("/t/m"), "/ /tmp/t/m rw,relatime");
    expect(sys_mount_setattr(AT_FDCWD, "m", 0, &attr), 0);
    sys_close(fd);
    expect(sys_mount_setattr(AT_FDCWD, "m", RECURSIVE, &attr), 0);
    expect_text(line_of("/t/m/in"), "/ /tmp/t/m/in ro,relatime");
    /* A detached tree too, but no part of it. */
    fd = sys_open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | RECURSIVE);
    attr = (struct mount_attr){.attr_clr = MOUNT_ATTR_RDONLY};
    int inner = sys_openat(fd, "in", O_PATH, 0);
    expect(sys_mount_setattr(inner, "", AT_EMPTY_PATH, &attr), -EINVAL);
    expect(sys_mount_setattr(fd, "", AT_EMPTY_PATH | RECURSIVE, &attr), 0);
    expect(closed(sys_openat(fd, "in/new", O_CREAT | O_WRONLY, 0600)), 0);
    expect(make_file("m/in/new2", ""), -EROFS);
    attr = (struct mount_attr){.propagation = MS_SHARED};
    expect(sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr), 0);
    expect(sys_move_mount(fd, "", AT_FDCWD, "e", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect(strncmp(line_of("/t/e"), "/ /tmp/t/e rw,relatime shared:", 30), 0);
}

/* ---- contexts ---- */

static int set(int fd, const char *key, const char *value)
{
    return sys_fsconfig(fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
}

static int create(int fd)
{
    return sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int reconfigure(int fd)
{
    return sys_fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static const struct {
    const char *label, *key, *value;
    int result;
} parameters[] = {
    {"a size", "size", "64k", 0},
    {"a mode", "mode", "0710", 0},
    {"a source", "source", "src", 0},
    {"a source as a flag", "source", NULL, -EINVAL},
    {"read only", "ro", NULL, 0},
    {"read only with a value", "ro", "1", 0},
    {"writable", "rw", NULL, 0},
    {"sync", "sync", NULL, 0},
    {"unknown", "no-such-option", "x", -EINVAL},
    {"an unknown flag", "no-such-flag", NULL, -EINVAL},
    {"a flag of mounts", "nosuid", NULL, -EINVAL},
    {"a size as a flag", "size", NULL, -EINVAL},
    {"a bad size", "size", "x", -EINVAL},
    {"a bad mode", "mode", "9", -EINVAL},
    {"an empty key", "", "x", -EINVAL},
};

CONFORM_CASE(parameters_are_checked)
{
    make_tree();
    FOR_CASES(row, parameters)
    {
        int fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
        expect(set(fd, row->key, row->value), row->result);
        sys_close(fd);
    }
}

CONFORM_CASE(contexts_have_an_order)
{
    make_tree();
    int fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    expect(sys_fsmount(fd, 0, 0), -EINVAL);
    expect(reconfigure(fd), -EBUSY);
    expect(set(fd, "source", "src"), 0);
    expect(set(fd, "source", "src2"), -EINVAL);
    expect(set(fd, "size", "64k"), 0);
    expect(create(fd), 0);
    expect(create(fd), -EBUSY);
    expect(set(fd, "size", "128k"), -EBUSY);
    expect(sys_fsmount(fd, 2, 0), -EINVAL);
    expect(sys_fsmount(fd, 0, 0x400000), -EINVAL);
    expect(sys_fsmount(fd, 0, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME), -EINVAL);
    int mount = sys_fsmount(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
    expect_true(mount >= 0);
    expect(sys_fcntl(mount, F_GETFD, 0), FD_CLOEXEC);
    expect(sys_fsmount(fd, 0, 0), -EBUSY);
    expect(create(fd), -EBUSY);
    expect(sys_move_mount(mount, "", AT_FDCWD, "e", MOVE_MOUNT_F_EMPTY_PATH), 0);
    expect_text(line_of("/t/e"), "/ /tmp/t/e ro,noexec,relatime");
    char text[512];
    mount_lines("/t/e", text, sizeof(text));
    expect_text(text, "/ /tmp/t/e ro,noexec,relatime - tmpfs src rw,size=64k\n");
    /* From now on it reconfigures. */
    expect(set(fd, "size", "128k"), 0);
    expect(reconfigure(fd), 0);
    mount_lines("/t/e", text, sizeof(text));
    expect_text(text, "/ /tmp/t/e ro,noexec,relatime - tmpfs src rw,size=128k\n");
}

CONFORM_CASE(contexts_are_picky)
{
    make_tree();
    int file = sys_openat(AT_FDCWD, "f", O_RDONLY, 0), fd = sys_fsopen("tmpfs", 0);
    expect(sys_fcntl(fd, F_GETFD, 0), 0);
    expect(sys_fsopen("nofs", 0), -ENODEV);
    expect(sys_fsopen("tmpfs", 2), -EINVAL);
    expect(sys_fsopen("nofs", 2), -EINVAL);
    expect(sys_fsconfig(-1, FSCONFIG_SET_FLAG, "ro", NULL, 0), -EINVAL);
    expect(sys_fsconfig(4711, FSCONFIG_SET_FLAG, "ro", NULL, 0), -EBADF);
    expect(sys_fsconfig(file, FSCONFIG_SET_FLAG, "ro", NULL, 0), -EINVAL);
    expect(sys_fsconfig(fd, FSCONFIG_SET_FLAG, "ro", "x", 0), -EINVAL);
    expect(sys_fsconfig(fd, FSCONFIG_SET_FLAG, NULL, NULL, 0), -EINVAL);
    expect(sys_fsconfig(fd, FSCONFIG_SET_FLAG, "ro", NULL, 1), -EINVAL);
    expect(sys_fsconfig(fd, FSCONFIG_SET_STRING, "size", NULL, 0), -EINVAL);
    expect(sys_fsconfig(fd, FSCONFIG_SET_STRING, "size", "1m", 1), -EINVAL);
    expect(sys_fsconfig(fd, FSCONFIG_CMD_CREATE, "x", NULL, 0), -EINVAL);
    expect(sys_fsconfig(fd, 4711, NULL, NULL, 0), -EOPNOTSUPP);
    expect(sys_fsmount(-1, 0, 0), -EBADF);
    expect(sys_fsmount(4711, 0, 0), -EBADF);
    expect(sys_fsmount(file, 0, 0), -EINVAL);
    expect(sys_fsmount(-1, 2, 0), -EINVAL);
}

CONFORM_CASE(contexts_say_why)
{
    char text[256] = "";
    make_tree();
    int fd = sys_fsopen("tmpfs", 0);
    expect(sys_read(fd, text, sizeof(text)), -ENODATA);
    expect(set(fd, "no-such-option", "x"), -EINVAL);
    expect(set(fd, "other", NULL), -EINVAL);
    expect(sys_read(fd, text, 8), -EMSGSIZE);
    static const char *const messages[] = {"e tmpfs: Unknown parameter 'no-such-option'\n",
                                           "e tmpfs: Unknown parameter 'other'\n"};
    FOR_ROWS (message, messages) {
        memset(text, 0, sizeof(text));
        expect(sys_read(fd, text, sizeof(text) - 1), (long)strlen(*message));
        expect_text(text, *message);
    }
    expect(sys_read(fd, text, sizeof(text)), -ENODATA);
}

CONFORM_CASE(existing_file_systems_are_picked)
{
    char text[512];
    make_tree();
    expect(sys_mount("src", "e", "tmpfs", 0, "size=64k"), 0);
    make_dir("e/dir");
    expect(sys_fspick(AT_FDCWD, "none", 0), -ENOENT);
    expect(sys_fspick(AT_FDCWD, "e/dir", 0), -EINVAL);
    expect(sys_fspick(AT_FDCWD, "e", 0x1000), -EINVAL);
    expect(sys_fspick(AT_FDCWD, "", 0), -ENOENT);
    expect(sys_fspick(-1, "", FSPICK_EMPTY_PATH), -EBADF);
    int place = open_path("e"), fd = sys_fspick(place, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    sys_close(place);
    expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    expect(create(fd), -EBUSY);
    expect(set(fd, "ro", NULL), 0);
    expect(set(fd, "size", "32k"), 0);
    expect(reconfigure(fd), 0);
    mount_lines("/t/e", text, sizeof(text));
    expect_text(text, "/ /tmp/t/e rw,relatime - tmpfs src ro,size=32k\n");
    expect(make_file("e/new", ""), -EROFS);
    expect(set(fd, "rw", NULL), 0);
    expect(reconfigure(fd), 0);
    int file = sys_openat(AT_FDCWD, "e/new", O_CREAT | O_WRONLY, 0600);
    expect_true(file >= 0);
    expect(set(fd, "ro", NULL), 0);
    expect(reconfigure(fd), -EBUSY);
    sys_close(file);
}

/* ---- who may ---- */

static int call_fsopen(void)
{
    return sys_fsopen("nofs", 4711);
}
static int call_fsmount(void)
{
    return sys_fsmount(-1, 4711, 0);
}
static int call_fspick(void)
{
    return sys_fspick(AT_FDCWD, "none", 4711);
}
static int call_open_tree(void)
{
    return sys_open_tree(AT_FDCWD, "none", OPEN_TREE_CLONE);
}
static int call_open_place(void)
{
    return closed(sys_open_tree(AT_FDCWD, "m", 0));
}
static int call_move(void)
{
    return sys_move_mount(AT_FDCWD, "none", AT_FDCWD, "none", 0);
}
static int call_setattr(void)
{
    return sys_mount_setattr(AT_FDCWD, "none", 0, &(struct mount_attr){.attr_set = 0x400000});
}
static int call_setattr_nothing(void)
{
    return sys_mount_setattr(AT_FDCWD, "none", 0, &(struct mount_attr){0});
}
static int call_mount(void)
{
    return sys_mount("x", "m", "nofs", 0, NULL);
}
static int call_mount_missing(void)
{
    return sys_mount("x", "none", "nofs", 0, NULL);
}
static int call_umount(void)
{
    return unmount("d", 0);
}
static int call_umount_missing(void)
{
    return unmount("none", 0);
}

static const struct power {
    const char *label;
    int (*call)(void);
    int result;
} powers[] = {
    {"fsopen", call_fsopen, -EPERM},         {"fsmount", call_fsmount, -EPERM},
    {"fspick", call_fspick, -EPERM},         {"open_tree with a copy", call_open_tree, -EPERM},
    {"open_tree", call_open_place, 0},       {"move_mount", call_move, -EPERM},
    {"mount_setattr", call_setattr, -EPERM}, {"mount_setattr of nothing", call_setattr_nothing, -EPERM},
    {"mount", call_mount, -EPERM},           {"mount on nothing", call_mount_missing, -ENOENT},
    {"umount", call_umount, -EPERM},         {"umount of nothing", call_umount_missing, -ENOENT},
};

static int without_power(void *arg)
{
    if (sys_setresuid(1000, 1000, 1000) < 0)
        return 200;
    return -((const struct power *)arg)->call();
}

CONFORM_CASE(mounts_need_power)
{
    make_tree();
    FOR_CASES(row, powers)
    expect(in_child(without_power, (void *)row), -row->result);
}
