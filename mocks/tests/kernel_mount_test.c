/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2) and umount2(2): new mounts, bind mounts, remounts, flags, who is busy, who may. */
#include "mocks/tests/files.h"

/* /tmp/t: d/{f, sub}, e (empty), f, l -> dl, m (tmpfs, with x and sub). */
static void make_tree(void)
{
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("d");
    make_dir("d/sub");
    make_file("d/f", "f");
    make_dir("e");
    make_file("f", "g");
    make_dir("dl");
    make_link("dl", "l");
    make_mount("m");
    make_dir("m/sub");
    make_file("m/x", "x");
}

struct row {
    const char *label, *source, *target, *type;
    unsigned long flags;
    int result;
};

static const struct row mounts[] = {
    {"tmpfs", "x", "e", "tmpfs", 0, 0},
    {"tmpfs on it again", "x", "e", "tmpfs", 0, 0},
    {"without a source", NULL, "e", "tmpfs", 0, 0},
    {"through a link", "x", "l", "tmpfs", 0, 0},
    {"on a file", "x", "f", "tmpfs", 0, -ENOTDIR},
    {"on nothing", "x", "none", "tmpfs", 0, -ENOENT},
    {"on an empty name", "x", "", "tmpfs", 0, -ENOENT},
    {"below a file", "x", "f/x", "tmpfs", 0, -ENOTDIR},
    {"no type", "x", "e", NULL, 0, -EINVAL},
    {"an unknown type", "x", "e", "nofs", 0, -ENODEV},
    {"an empty type", "x", "e", "", 0, -ENODEV},
    {"an unknown type on nothing", "x", "none", "nofs", 0, -ENOENT},
    {"ramfs", "x", "e", "ramfs", 0, 0},
    {"rootfs cannot be mounted", "x", "e", "rootfs", 0, -ENODEV},
    {"magic number", "x", "e", "tmpfs", 0xc0ed0000, 0},
    {"proc", "proc", "e", "proc", MS_NOSUID, 0},
    {"sysfs", "sysfs", "e", "sysfs", 0, 0},
    {"mqueue", "mqueue", "e", "mqueue", 0, 0},
    {"devpts", "devpts", "e", "devpts", 0, 0},
    {"cgroup2", "cgroup2", "e", "cgroup2", 0, 0},
    {"bind", "d", "e", NULL, MS_BIND, 0},
    {"bind through a link", "l", "e", NULL, MS_BIND, 0},
    {"bind ignores the type", "d", "e", "nofs", MS_BIND, 0},
    {"bind a file on a file", "d/f", "f", NULL, MS_BIND, 0},
    {"bind a file on a directory", "f", "e", NULL, MS_BIND, -ENOTDIR},
    {"bind a directory on a file", "e", "f", NULL, MS_BIND, -ENOTDIR},
    {"bind nothing", "none", "e", NULL, MS_BIND, -ENOENT},
    {"bind without a source", NULL, "e", NULL, MS_BIND, -EINVAL},
    {"bind an empty source", "", "e", NULL, MS_BIND, -EINVAL},
    {"bind on itself", "e", "e", NULL, MS_BIND, 0},
    {"bind the whole tree", "/tmp", "e", NULL, MS_BIND | MS_REC, 0},
    {"move a mount", "m", "e", NULL, MS_MOVE, 0},
    {"move a directory", "d", "e", NULL, MS_MOVE, -EINVAL},
    {"move nothing", "none", "e", NULL, MS_MOVE, -ENOENT},
    {"move without a source", NULL, "e", NULL, MS_MOVE, -EINVAL},
    {"move below itself", "e", "e/sub", NULL, MS_MOVE, -ELOOP},
    {"move on itself", "e", "e", NULL, MS_MOVE, -ELOOP},
    {"move on a file", "e", "f", NULL, MS_MOVE, -EINVAL},
    {"remount what is no mount", NULL, "d/sub", NULL, MS_REMOUNT, -EINVAL},
    {"change propagation of no mount", NULL, "m", NULL, MS_PRIVATE, -EINVAL},
    {"remount", NULL, "e", NULL, MS_REMOUNT, 0},
    {"bind remount", NULL, "e", NULL, MS_REMOUNT | MS_BIND, 0},
    {"remount a directory", NULL, "/tmp/t", NULL, MS_REMOUNT, -EINVAL},
    {"bind remount a directory", NULL, "/tmp/t", NULL, MS_REMOUNT | MS_BIND, -EINVAL},
    {"private", NULL, "e", NULL, MS_PRIVATE, 0},
    {"shared, all", NULL, "e", NULL, MS_SHARED | MS_REC, 0},
    {"slave and private", NULL, "e", NULL, MS_SLAVE | MS_PRIVATE, -EINVAL},
    {"slave and read only", NULL, "e", NULL, MS_SLAVE | MS_RDONLY, -EINVAL},
    {"slave, silently", NULL, "e", NULL, MS_SLAVE | MS_SILENT, 0},
    {"unbindable", NULL, "e", NULL, MS_UNBINDABLE, 0},
    {"bind unbindable", "e", "d", NULL, MS_BIND, -EINVAL},
    {"no user", "x", "e", "tmpfs", 1ul << 31, -EINVAL},
    {"a directory's propagation", NULL, "/tmp/t", NULL, MS_SHARED, -EINVAL},
};

CONFORM_CASE(mounts_are_made)
{
    make_tree();
    FOR_CASES(row, mounts)
    expect(sys_mount(row->source, row->target, row->type, row->flags, NULL), row->result);
}

static const struct {
    const char *label, *target;
    int flags, result;
} umounts[] = {
    {"no mount", "d", 0, -EINVAL},
    {"a file", "f", 0, -EINVAL},
    {"nothing", "none", 0, -ENOENT},
    {"empty", "", 0, -ENOENT},
    {"unknown flags", "m", 0x100, -EINVAL},
    {"unknown flags on nothing", "none", 0x100, -EINVAL},
    {"a directory in it", "m/s", 0, -EINVAL},
    {"a link", "lm", NO_LINKS, -EINVAL},
    {"by a link", "lm", 0, 0},
    {"again", "m", 0, -EINVAL},
};

CONFORM_CASE(mounts_are_taken_away)
{
    make_tree();
    make_dir("m/s");
    make_link("m", "lm");
    FOR_CASES(row, umounts)
    expect(unmount(row->target, row->flags), row->result);
    expect(there("m/x"), 0);
}

CONFORM_CASE(mounts_in_use_are_busy)
{
    struct stat st;
    make_tree();
    int fd = sys_openat(AT_FDCWD, "m/x", O_RDONLY, 0);
    expect(unmount("m", 0), -EBUSY);
    sys_close(fd);
    fd = open_path("m");
    expect(unmount("m", 0), -EBUSY);
    sys_close(fd);
    expect(sys_chdir("m"), 0);
    expect(unmount("/tmp/t/m", 0), -EBUSY);
    expect(unmount(".", 0), -EBUSY);
    expect(sys_chdir(".."), 0);
    expect(make_mount("m/below"), 0);
    expect(unmount("m", 0), -EBUSY);
    expect(unmount("m/below", 0), 0);
    expect(mount_tmpfs("m"), 0);
    expect(there("m/x"), 0);
    expect(unmount("m", 0), 0);
    expect(there("m/x"), 1);
    fd = sys_openat(AT_FDCWD, "m/x", O_RDONLY, 0);
    expect(unmount("m", DETACH), 0);
    expect(there("m/x"), 0);
    expect(sys_fstat(fd, &st), 0);
    expect(unmount("m", DETACH), -EINVAL);
}

CONFORM_CASE(lazily_unmounted_trees_fall_apart)
{
    make_tree();
    make_mount("m/in");
    make_file("m/in/y", "y");
    int outer = open_path("m"), inner = open_path("m/in");
    expect(unmount("m", DETACH), 0);
    expect(kind_of(sys_openat(outer, "x", O_RDONLY, 0)), 'x');
    expect(kind_of(sys_openat(outer, "in", O_RDONLY, 0)), 'd');
    expect(closed(sys_openat(outer, "in/y", O_RDONLY, 0)), -ENOENT);
    expect(kind_of(sys_openat(inner, "y", O_RDONLY, 0)), 'y');
    expect(closed(sys_openat(inner, "../x", O_RDONLY, 0)), -ENOENT);
    expect(kind_of(sys_openat(outer, "..", O_RDONLY, 0)), 'd');
    expect(kind_of(sys_openat(outer, "../x", O_RDONLY, 0)), 'x');
    expect(sys_fchdir(outer), 0);
    expect(sys_mount("t", ".", "tmpfs", 0, NULL), -ENOENT);
    expect(sys_mount("/tmp/t/d", ".", NULL, MS_BIND, NULL), -ENOENT);
    expect(sys_mount("/tmp/t/none", ".", NULL, MS_BIND, NULL), -ENOENT);
    expect(sys_mount("/tmp/t/d", ".", NULL, MS_MOVE, NULL), -EINVAL);
    expect(mount_tmpfs("/tmp/t/e"), 0);
    expect(sys_mount("/tmp/t/e", ".", NULL, MS_MOVE, NULL), -ENOENT);
    expect(sys_mount(".", "/tmp/t/e", NULL, MS_BIND, NULL), -EINVAL);
    expect(sys_mount(".", "/tmp/t/e", NULL, MS_MOVE, NULL), -EINVAL);
    expect(sys_mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND, NULL), -EINVAL);
    expect(sys_mount(NULL, ".", NULL, MS_PRIVATE, NULL), -EINVAL);
    expect(unmount(".", DETACH), -EINVAL);
}

CONFORM_CASE(a_mount_covers_and_uncovers)
{
    make_tree();
    expect(bind_dir("d", "e"), 0);
    expect(there("e/f"), 1);
    expect(mount_tmpfs("e"), 0);
    expect(there("e/f"), 0);
    make_file("e/g", "g");
    expect(sys_mount("e", "e", NULL, MS_BIND, NULL), 0);
    expect(there("e/g"), 1);
    expect(unmount("e", 0), 0);
    expect(there("e/g"), 1);
    expect(unmount("e", 0), 0);
    expect(there("e/f"), 1);
    expect(unmount("e", 0), 0);
    expect(there("e/f"), 0);
    expect(unmount("e", 0), -EINVAL);
}

CONFORM_CASE(bind_mounts_show_the_same_files)
{
    make_tree();
    make_mount("d/sub");
    make_file("d/sub/deep", "d");
    expect(bind_dir("d", "e"), 0);
    expect(there("e/f"), 1);
    expect(there("e/sub/deep"), 0);
    make_file("e/new", "n");
    expect(there("d/new"), 1);
    expect(unmount("e", 0), 0);
    expect(bind_tree("d", "e"), 0);
    expect(there("e/sub/deep"), 1);
    expect(unmount("e", 0), -EBUSY);
    expect(unmount("e/sub", 0), 0);
    expect(there("d/sub/deep"), 1);
    expect(unmount("e", 0), 0);
    make_file("point", "");
    expect(bind_dir("d/f", "point"), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "point", O_RDONLY, 0)), 'f');
    expect(sys_unlinkat(AT_FDCWD, "point", 0), -EBUSY);
    expect(sys_unlinkat(AT_FDCWD, "d/f", 0), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "point", O_RDONLY, 0)), 'f');
    expect(unmount("point", 0), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "point", O_RDONLY, 0)), '0');
}

CONFORM_CASE(a_removed_name_takes_no_mount)
{
    make_tree();
    make_dir("gone");
    expect(sys_chdir("gone"), 0);
    expect(sys_unlinkat(AT_FDCWD, "../gone", AT_REMOVEDIR), 0);
    expect(sys_mount("x", ".", "tmpfs", 0, NULL), -ENOENT);
    expect(sys_mount("/tmp/t/d", ".", NULL, MS_BIND, NULL), -ENOENT);
    expect(sys_mount("/tmp/t/m", ".", NULL, MS_MOVE, NULL), -ENOENT);
    expect(sys_mount(".", "/tmp/t/e", NULL, MS_BIND, NULL), -ENOENT);
    expect(closed(sys_open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE)), 0);
}

CONFORM_CASE(removed_files_in_use_keep_a_file_system_writable)
{
    make_tree();
    int fd = sys_openat(AT_FDCWD, "m/x", O_RDONLY, 0);
    expect(sys_unlinkat(AT_FDCWD, "m/x", 0), 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), -EBUSY);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    sys_close(fd);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
}

CONFORM_CASE(a_tree_whose_root_was_removed_goes_nowhere)
{
    make_tree();
    make_dir("gone");
    expect(bind_dir("gone", "e"), 0);
    int fd = sys_open_tree(AT_FDCWD, "gone", OPEN_TREE_CLONE);
    expect(sys_unlinkat(AT_FDCWD, "gone", AT_REMOVEDIR), 0);
    expect(sys_mount("e", "d", NULL, MS_MOVE, NULL), -ENOENT);
    expect(sys_move_mount(fd, "", AT_FDCWD, "d", MOVE_MOUNT_F_EMPTY_PATH), -ENOENT);
    expect(bind_dir("e", "d"), -ENOENT);
    expect(unmount("e", 0), 0);
}

CONFORM_CASE(moves_take_the_tree_along)
{
    make_tree();
    make_mount("m/in");
    make_file("m/in/y", "y");
    make_dir("m/in/dir");
    expect(sys_mount("m", "m/in/dir", NULL, MS_MOVE, NULL), -ELOOP);
    expect(sys_mount("m", "m", NULL, MS_MOVE, NULL), -ELOOP);
    expect(sys_mount("m", "e", NULL, MS_MOVE, NULL), 0);
    expect(there("e/x"), 1);
    expect(there("e/in/y"), 1);
    expect(there("m/x"), 0);
    expect(sys_mount("e/in", "m", NULL, MS_MOVE, NULL), 0);
    expect(there("m/y"), 1);
    expect(unmount("e", 0), 0);
    expect(sys_mount("/", "e", NULL, MS_MOVE, NULL), -ELOOP);
}

/* ---- flags ---- */

struct flag_row {
    const char *label;
    unsigned long flags;
    int create, device, exec;
};

static const struct flag_row flag_rows[] = {
    {"none", 0, 0, 0, 0},
    {"read only", MS_RDONLY, -EROFS, 0, 0},
    {"nodev", MS_NODEV, 0, -EACCES, 0},
    {"noexec", MS_NOEXEC, 0, 0, -EACCES},
    {"nosuid", MS_NOSUID, 0, 0, 0},
    {"all", MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID, -EROFS, -EACCES, -EACCES},
};

static void check_flags(const char *dir, const struct flag_row *row)
{
    expect(sys_chdir(dir), 0);
    expect(closed(sys_openat(AT_FDCWD, "new", O_CREAT | O_WRONLY, 0600)), row->create);
    expect(closed(sys_openat(AT_FDCWD, "null", O_RDWR, 0)), row->device);
    expect(sys_faccessat(AT_FDCWD, "run", X_OK, 0), row->exec);
    expect(sys_chdir("/tmp/t"), 0);
}

static void fill(const char *dir)
{
    expect(sys_chdir(dir), 0);
    expect(sys_mknodat(AT_FDCWD, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
    expect(make_file("run", ""), 0);
    expect(sys_fchmodat(AT_FDCWD, "run", 0755), 0);
    expect(sys_chdir("/tmp/t"), 0);
}

CONFORM_CASE(flags_of_a_mount_hold)
{
    make_tree();
    make_mount("e");
    fill("e");
    make_dir("b");
    FOR_CASES(row, flag_rows)
    {
        expect(bind_dir("e", "b"), 0);
        expect(sys_mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | row->flags, NULL), 0);
        check_flags("b", row);
        check_flags("e", &flag_rows[0]);
        expect(unmount("b", 0), 0);
    }
}

CONFORM_CASE(flags_of_a_file_system_hold_everywhere)
{
    static const struct flag_row readonly = {"", 0, -EROFS, 0, 0};
    make_tree();
    make_mount("e");
    fill("e");
    make_dir("b");
    expect(bind_dir("e", "b"), 0);
    expect(sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    check_flags("b", &readonly);
    check_flags("e", &readonly);
    expect(sys_mount(NULL, "b", NULL, MS_REMOUNT, NULL), 0);
    check_flags("b", &flag_rows[0]);
    check_flags("e", &readonly);
    expect(sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_BIND, NULL), 0);
    check_flags("e", &flag_rows[0]);
}

CONFORM_CASE(writers_keep_a_mount_writable)
{
    make_tree();
    int fd = sys_openat(AT_FDCWD, "m/x", O_WRONLY, 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), -EBUSY);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), -EBUSY);
    int copy = sys_fcntl(fd, F_DUPFD, 0);
    sys_close(fd);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), -EBUSY);
    sys_close(copy);
    expect(bind_dir("m", "e"), 0);
    fd = sys_openat(AT_FDCWD, "e/x", O_WRONLY, 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    expect(sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_RDONLY, NULL), -EBUSY);
    expect(sys_write(fd, "y", 1), 1);
    sys_close(fd);
    expect(sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    expect(unmount("e", 0), 0);
    /* A link is not followed on such a mount, wherever it leads. */
    make_link("f", "d/link");
    expect(bind_dir("d", "e"), 0);
    expect(sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_BIND | MS_NOSYMFOLLOW, NULL), 0);
    expect(closed(sys_openat(AT_FDCWD, "e/link", O_RDONLY, 0)), -ELOOP);
    expect(closed(sys_openat(AT_FDCWD, "e/link", O_PATH | O_NOFOLLOW, 0)), 0);
    expect(closed(sys_openat(AT_FDCWD, "d/link", O_RDONLY, 0)), 0);
}

/* ---- mountinfo ---- */

struct text_row {
    const char *label;
    unsigned long flags, remount;
    const char *options, *line;
};

static const struct text_row texts[] = {
    {"plain", 0, 0, "size=64k", "/ /tmp/t/e rw,relatime - tmpfs src rw,size=64k"},
    {"read only", MS_RDONLY, 0, "size=64k", "/ /tmp/t/e ro,relatime - tmpfs src ro,size=64k"},
    {"safe", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, "size=64k,mode=755",
     "/ /tmp/t/e rw,nosuid,nodev,noexec,relatime - tmpfs src rw,size=64k,mode=755"},
    {"noatime", MS_NOATIME, 0, "size=64k", "/ /tmp/t/e rw,noatime - tmpfs src rw,size=64k"},
    {"nodiratime", MS_NODIRATIME, 0, "size=64k", "/ /tmp/t/e rw,nodiratime,relatime - tmpfs src rw,size=64k"},
    {"strictatime", MS_STRICTATIME, 0, "size=64k", "/ /tmp/t/e rw - tmpfs src rw,size=64k"},
    {"strictatime wins", MS_STRICTATIME | MS_NOATIME, 0, "size=64k", "/ /tmp/t/e rw - tmpfs src rw,size=64k"},
    {"nosymfollow", MS_NOSYMFOLLOW, 0, "size=64k", "/ /tmp/t/e rw,relatime,nosymfollow - tmpfs src rw,size=64k"},
    {"sync", MS_SYNCHRONOUS, 0, "size=64k", "/ /tmp/t/e rw,relatime - tmpfs src rw,sync,size=64k"},
    {"owners", 0, 0, "uid=5,gid=6,mode=0,nr_inodes=7,size=8192",
     "/ /tmp/t/e rw,relatime - tmpfs src rw,size=8k,nr_inodes=7,mode=000,uid=5,gid=6"},
    {"bind remount read only", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, "size=64k",
     "/ /tmp/t/e ro,relatime - tmpfs src rw,size=64k"},
    {"remount read only", 0, MS_REMOUNT | MS_RDONLY, "size=64k", "/ /tmp/t/e ro,relatime - tmpfs src ro,size=64k"},
    {"remount drops flags", MS_NOSUID | MS_NODEV, MS_REMOUNT, "size=64k", "/ /tmp/t/e rw,relatime - tmpfs src rw,size=64k"},
    {"remount keeps access times", MS_NOATIME, MS_REMOUNT, "size=64k", "/ /tmp/t/e rw,noatime - tmpfs src rw,size=64k"},
    {"remount changes access times", MS_NOATIME, MS_REMOUNT | MS_RELATIME, "size=64k",
     "/ /tmp/t/e rw,relatime - tmpfs src rw,size=64k"},
    {"bind remount nodiratime", MS_NOATIME, MS_REMOUNT | MS_BIND | MS_NODIRATIME, "size=64k",
     "/ /tmp/t/e rw,nodiratime,relatime - tmpfs src rw,size=64k"},
    {"remount keeps sync off", MS_SYNCHRONOUS, MS_REMOUNT, "size=64k", "/ /tmp/t/e rw,relatime - tmpfs src rw,size=64k"},
};

CONFORM_CASE(mountinfo_tells_flags)
{
    char text[1024];
    make_tree();
    FOR_CASES(row, texts)
    {
        expect(sys_mount("src", "e", "tmpfs", row->flags, row->options), 0);
        if (row->remount)
            expect(sys_mount(NULL, "e", NULL, row->remount, NULL), 0);
        mount_lines("/t/e", text, sizeof(text));
        text[strcspn(text, "\n")] = '\0';
        expect_text(text, row->line);
        expect(unmount("e", 0), 0);
    }
}

CONFORM_CASE(mountinfo_tells_roots_and_names)
{
    char text[4096];
    make_tree();
    make_dir("m/sub/dir");
    expect(bind_dir("m/sub/dir", "e"), 0);
    expect(sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    mount_lines("/t/e", text, sizeof(text));
    expect(strncmp(text, "/sub/dir /tmp/t/e ro,relatime - tmpfs tmpfs rw", 46), 0);
    make_dir("a b\tc\\d");
    expect(sys_mount("s p", "a b\tc\\d", "tmpfs", 0, "size=64k"), 0);
    mount_lines("134d", text, sizeof(text));
    expect_text(text, "/ /tmp/t/a\\040b\\011c\\134d rw,relatime - tmpfs s\\040p rw,size=64k\n");
    expect(sys_mount(NULL, "m", "tmpfs", 0, "size=64k"), 0);
    mount_lines("/t/m", text, sizeof(text));
    expect_true(strstr(text, "/ /tmp/t/m rw,relatime - tmpfs none rw,size=64k\n") != NULL);
    expect(unmount("m", 0), 0);
    expect(sys_unlinkat(AT_FDCWD, "m/sub/dir", AT_REMOVEDIR), 0);
    mount_lines("/t/e", text, sizeof(text));
    expect(strncmp(text, "/sub/dir//deleted /tmp/t/e ro", 29), 0);
    expect(sys_chroot("e"), 0);
    expect(sys_chdir("/"), 0);
}

/* ---- who may ---- */

static int in_user_namespace(int (*call)(void))
{
    return sys_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -EDOM : call();
}

struct locked_row {
    const char *label;
    int (*call)(void);
    int result;
};

static int locked_remount_rw(void)
{
    return sys_mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL);
}
static int locked_remount_dev(void)
{
    return sys_mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}
static int locked_remount_same(void)
{
    return sys_mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL);
}
static int locked_remount_more(void)
{
    return sys_mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOEXEC, NULL);
}
static int locked_remount_atime(void)
{
    return sys_mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOATIME, NULL);
}
static int locked_super(void)
{
    return sys_mount(NULL, "ro", NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV, NULL);
}
static int locked_umount(void)
{
    return unmount("ro", 0);
}
static int locked_detach(void)
{
    return unmount("ro", DETACH);
}
static int locked_move(void)
{
    return sys_mount("ro", "e", NULL, MS_MOVE, NULL);
}
static int locked_bind(void)
{
    return bind_dir("ro", "e");
}
static int locked_bind_parent(void)
{
    return bind_dir("/tmp", "e");
}
static int locked_bind_empty(void)
{
    return bind_dir("d", "e");
}
static int locked_rbind(void)
{
    return bind_tree("/tmp", "e");
}
static int locked_rbind_umount(void)
{
    int r = bind_tree("ro", "e");
    return r < 0 ? r : unmount("e", 0);
}
static int locked_rbind_umount_child(void)
{
    int r = bind_tree("/tmp", "e");
    return r < 0 ? r : unmount("e/t/ro", 0);
}
static int locked_rbind_detach(void)
{
    int r = bind_tree("/tmp", "e");
    return r < 0 ? r : unmount("e", DETACH);
}
static int locked_own(void)
{
    int r = mount_tmpfs("e");
    return r < 0 ? r : unmount("e", 0);
}
static int locked_cover(void)
{
    int r = mount_tmpfs("ro");
    return r < 0 ? r : unmount("ro", 0);
}
static int locked_share(void)
{
    return set_propagation("ro", MS_SHARED);
}
static int locked_bind_remount(void)
{
    int r = bind_dir("ro", "e");
    return r < 0 ? r : sys_mount(NULL, "e", NULL, MS_REMOUNT | MS_BIND, NULL);
}
static int locked_setattr(void)
{
    struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
    return sys_mount_setattr(AT_FDCWD, "ro", 0, &attr);
}
static int locked_setattr_tree(void)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    return sys_mount_setattr(AT_FDCWD, "/tmp", RECURSIVE, &attr);
}
static int locked_open_tree(void)
{
    return closed(sys_open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE));
}
static int locked_open_whole_tree(void)
{
    return closed(sys_open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE | RECURSIVE));
}
static int locked_pivot(void)
{
    return sys_chdir("/tmp/t/ro") < 0 ? -EDOM : sys_pivot_root(".", ".");
}

static const struct locked_row locked_rows[] = {
    {"remount writable", locked_remount_rw, -EPERM},
    {"remount with devices", locked_remount_dev, -EPERM},
    {"remount the same", locked_remount_same, 0},
    {"remount stricter", locked_remount_more, 0},
    {"remount with other access times", locked_remount_atime, -EPERM},
    {"remount the file system", locked_super, -EPERM},
    {"unmount", locked_umount, -EINVAL},
    {"detach", locked_detach, -EINVAL},
    {"move", locked_move, -EINVAL},
    {"bind it", locked_bind, 0},
    {"bind what is below", locked_bind_parent, -EINVAL},
    {"bind where nothing is hidden", locked_bind_empty, 0},
    {"bind all", locked_rbind, 0},
    {"unmount the bind of it", locked_rbind_umount, 0},
    {"unmount a part of the bind of all", locked_rbind_umount_child, -EINVAL},
    {"detach the bind of all", locked_rbind_detach, 0},
    {"one's own mount", locked_own, 0},
    {"cover and uncover", locked_cover, 0},
    {"share", locked_share, 0},
    {"remount a bind of it", locked_bind_remount, -EPERM},
    {"clear an attribute", locked_setattr, -EPERM},
    {"set an attribute everywhere", locked_setattr_tree, 0},
    {"copy without children", locked_open_tree, -EINVAL},
    {"copy with children", locked_open_whole_tree, 0},
    {"pivot to it", locked_pivot, -EINVAL},
};

static int locked_main(void *arg)
{
    return -in_user_namespace(((const struct locked_row *)arg)->call);
}

CONFORM_CASE(mounts_of_the_powerful_are_locked)
{
    make_tree();
    make_dir("ro");
    expect(sys_mount("x", "ro", "tmpfs", MS_RDONLY | MS_NODEV, NULL), 0);
    FOR_CASES(row, locked_rows)
    expect(in_child(locked_main, (void *)row), -row->result);
}
