/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: making, removing, renaming and listing names; what stat(2) and readlink(2) tell about them. */
#include <dirent.h>

#include "mocks/tests/files.h"

/* /tmp/t: d/{in, sub}, e (empty), f, l -> f, ld -> d, lost -> none, m (mount, with x), r (read only mount, with f, d). */
static void make_tree(void)
{
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("d");
    make_dir("d/sub");
    make_file("d/in", "i");
    make_dir("e");
    make_file("f", "f");
    make_link("f", "l");
    make_link("d", "ld");
    make_link("none", "lost");
    make_mount("m");
    make_file("m/x", "x");
    make_mount("r");
    make_dir("r/d");
    make_file("r/f", "f");
    expect(sys_mount(NULL, "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
}

struct row {
    const char *label, *path;
    int result;
};

/* ---- making ---- */

static const struct row dirs[] = {
    {"new", "n1", 0},
    {"new with slash", "n2/", 0},
    {"new with slashes", "n3///", 0},
    {"a directory", "d", -EEXIST},
    {"a file", "f", -EEXIST},
    {"a file with slash", "f/", -EEXIST},
    {"a link", "l", -EEXIST},
    {"a lost link", "lost", -EEXIST},
    {"a lost link with slash", "lost/", -EEXIST},
    {"dot", ".", -EEXIST},
    {"a name and a dot", "n4/.", -ENOENT},
    {"a directory and a dot", "d/.", -EEXIST},
    {"up", "..", -EEXIST},
    {"the root", "/", -EEXIST},
    {"empty", "", -ENOENT},
    {"no parent", "none/n", -ENOENT},
    {"below a file", "f/n", -ENOTDIR},
    {"below a link", "ld/n", 0},
    {"on a mount", "m", -EEXIST},
    {"read only", "r/n", -EROFS},
    {"read only, there", "r/d", -EEXIST},
};

CONFORM_CASE(directories_are_made)
{
    make_tree();
    FOR_CASES(row, dirs)
    expect(make_dir(row->path), row->result);
}

CONFORM_CASE(directories_have_modes)
{
    static const struct {
        const char *label;
        mode_t mode, umask, result;
    } rows[] = {
        {"all", 0777, 0, 0777},
        {"masked", 0777, 027, 0750},
        {"sticky", 01777, 022, 01755},
        {"set-id is dropped", 06755, 0, 0755},
        {"types are ignored", S_IFREG | 0700, 0, 0700},
    };
    make_tree();
    FOR_CASES(row, rows)
    {
        sys_umask(row->umask);
        expect(sys_mkdirat(AT_FDCWD, "new", row->mode), 0);
        expect(mode_of("new"), row->result);
        sys_unlinkat(AT_FDCWD, "new", AT_REMOVEDIR);
    }
}

static const struct row links[] = {
    {"new", "n1", 0},
    {"slash", "n2/", -ENOENT},
    {"a directory with slash", "d/", -EEXIST},
    {"a file", "f", -EEXIST},
    {"a link", "l", -EEXIST},
    {"dot", ".", -EEXIST},
    {"empty", "", -ENOENT},
    {"no parent", "none/n", -ENOENT},
    {"read only", "r/n", -EROFS},
    {"read only, there", "r/f", -EEXIST},
    {"read only with slash", "r/n/", -ENOENT},
};

CONFORM_CASE(links_are_made)
{
    make_tree();
    FOR_CASES(row, links)
    expect(make_link("target", row->path), row->result);
    expect(make_link("", "n3"), -ENOENT);
    expect(mode_of("n1"), 0777);
    expect(size_of("n1"), 6);
}

CONFORM_CASE(links_are_read)
{
    static const struct {
        const char *label, *path;
        size_t len;
        long result;
    } rows[] = {
        {"whole", "l", 16, 1},
        {"exact", "ld", 1, 1},
        {"cut", "long", 4, 4},
        {"no room", "l", 0, -EINVAL},
        {"a file", "f", 16, -EINVAL},
        {"a directory", "d", 16, -EINVAL},
        {"lost", "lost", 16, 4},
        {"missing", "none", 16, -ENOENT},
        {"with slash", "ld/", 16, -EINVAL},
        {"through", "ld/in", 16, -EINVAL},
        {"empty", "", 16, -ENOENT},
        {"lost with slash", "lost/", 16, -ENOENT},
    };
    char p[16];
    make_tree();
    make_link("/a/long/text", "long");
    FOR_CASES(row, rows)
    expect(sys_readlinkat(AT_FDCWD, row->path, p, row->len), row->result);
    int link = sys_openat(AT_FDCWD, "l", O_PATH | O_NOFOLLOW, 0), file = open_path("f");
    expect(sys_readlinkat(link, "", p, sizeof(p)), 1);
    expect(p[0], 'f');
    expect(sys_readlinkat(file, "", p, sizeof(p)), -ENOENT);
    expect(sys_readlinkat(-1, "l", p, sizeof(p)), -EBADF);
}

static const struct {
    const char *label, *path;
    mode_t mode;
    int result;
} nodes[] = {
    {"a file", "n1", S_IFREG | 0644, 0},
    {"no type is a file", "n2", 0644, 0},
    {"a fifo", "n3", S_IFIFO | 0644, 0},
    {"a socket", "n4", S_IFSOCK | 0644, 0},
    {"a character device", "n5", S_IFCHR | 0644, 0},
    {"a block device", "n6", S_IFBLK | 0644, 0},
    {"a directory", "n7", S_IFDIR | 0755, -EPERM},
    {"a directory that exists", "d", S_IFDIR | 0755, -EPERM},
    {"a link", "n7", S_IFLNK | 0777, -EINVAL},
    {"an unknown type", "n7", 0xf000 | 0644, -EINVAL},
    {"an unknown type where nothing is", "none/n", 0xf000, -EINVAL},
    {"there", "f", S_IFREG | 0644, -EEXIST},
    {"with slash", "n8/", S_IFREG | 0644, -ENOENT},
    {"read only", "r/n", S_IFREG | 0644, -EROFS},
};

CONFORM_CASE(nodes_are_made)
{
    struct stat st;
    make_tree();
    FOR_CASES(row, nodes)
    expect(sys_mknodat(AT_FDCWD, row->path, row->mode, makedev(259, 70000)), row->result);
    expect(sys_fstatat(AT_FDCWD, "n5", &st, 0), 0);
    expect(st.st_rdev, makedev(259, 70000));
    expect(st.st_mode, S_IFCHR | 0644);
    expect(sys_fstatat(AT_FDCWD, "n1", &st, 0), 0);
    expect(st.st_rdev, 0);
    expect(st.st_mode, S_IFREG | 0644);
}

/* ---- removing ---- */

static const struct row unlinks[] = {
    {"a file", "f", 0},
    {"again", "f", -ENOENT},
    {"a link, not its target", "ld", 0},
    {"a link with slash", "l/", -ENOTDIR},
    {"a lost link with slash", "lost/", -ENOTDIR},
    {"a lost link", "lost", 0},
    {"a directory", "d", -EISDIR},
    {"a directory with slash", "d/", -EISDIR},
    {"a file with slash", "d/in/", -ENOTDIR},
    {"missing with slash", "none/", -ENOENT},
    {"dot", ".", -EISDIR},
    {"up", "..", -EISDIR},
    {"the root", "/", -EISDIR},
    {"empty", "", -ENOENT},
    {"a mount", "m", -EISDIR},
    {"in a mount", "m/x", 0},
    {"read only", "r/f", -EROFS},
    {"read only, missing", "r/none", -EROFS},
};

CONFORM_CASE(names_are_removed)
{
    make_tree();
    FOR_CASES(row, unlinks)
    expect(sys_unlinkat(AT_FDCWD, row->path, 0), row->result);
    expect(there("d/in"), 1);
}

static const struct row rmdirs[] = {
    {"empty", "e", 0},
    {"again", "e", -ENOENT},
    {"with slash", "d/sub/", 0},
    {"not empty", "d", -ENOTEMPTY},
    {"a file", "f", -ENOTDIR},
    {"a file with slash", "f/", -ENOTDIR},
    {"a link", "ld", -ENOTDIR},
    {"a link with slash", "ld/", -ENOTDIR},
    {"dot", ".", -EINVAL},
    {"a dot in a directory", "d/.", -EINVAL},
    {"up", "..", -ENOTEMPTY},
    {"the root", "/", -EBUSY},
    {"no name", "", -ENOENT},
    {"a mount", "m", -EBUSY},
    {"read only", "r/d", -EROFS},
    {"read only, missing", "r/none", -EROFS},
};

CONFORM_CASE(directories_are_removed)
{
    make_tree();
    FOR_CASES(row, rmdirs)
    expect(sys_unlinkat(AT_FDCWD, row->path, AT_REMOVEDIR), row->result);
    expect(sys_unlinkat(AT_FDCWD, "f", AT_SYMLINK_NOFOLLOW), -EINVAL);
}

static int make_own_mount(void *arg)
{
    (void)arg;
    if (sys_unshare(CLONE_NEWNS) < 0)
        return 1;
    return mount_tmpfs("e") < 0 ? 2 : 0;
}

static int wait_with_mount(void *arg)
{
    const int *fds = arg;
    char p;
    if (make_own_mount(NULL) != 0)
        return 1;
    sys_close(fds[1]);
    sys_write(fds[3], "x", 1);
    /* Until the parent has removed the directory. */
    sys_read(fds[0], &p, 1);
    struct stat st;
    return sys_fstatat(AT_FDCWD, "e", &st, 0) == -ENOENT ? 0 : 2;
}

CONFORM_CASE(mounts_of_others_do_not_keep_a_name)
{
    int fds[4];
    char p;
    make_tree();
    expect(sys_pipe2(fds, O_CLOEXEC), 0);
    expect(sys_pipe2(fds + 2, O_CLOEXEC), 0);
    int pid = spawn(wait_with_mount, fds);
    expect(sys_read(fds[2], &p, 1), 1);
    expect(sys_unlinkat(AT_FDCWD, "e", AT_REMOVEDIR), 0);
    sys_close(fds[1]);
    expect(collect(pid), 0);
}

/* ---- renaming ---- */

struct rename_row {
    const char *label, *from, *to;
    unsigned int flags;
    int result;
};

static const struct rename_row renames[] = {
    {"a free name", "a1", "n1", 0, 0},
    {"over a file", "a2", "f", 0, 0},
    {"over itself", "f", "f", 0, 0},
    {"missing", "none", "n", 0, -ENOENT},
    {"empty", "", "n", 0, -ENOENT},
    {"to empty", "f", "", 0, -ENOENT},
    {"no parent", "f", "none/n", 0, -ENOENT},
    {"below a file", "f", "f/n", 0, -ENOTDIR},
    {"a file over a directory", "f", "e", 0, -EISDIR},
    {"a directory over a file", "e", "f", 0, -ENOTDIR},
    {"a directory over an empty one", "d2", "e", 0, 0},
    {"a directory over a full one", "e", "d", 0, -ENOTEMPTY},
    {"a directory below itself", "d", "d/n", 0, -EINVAL},
    {"a directory over its child", "d", "d/sub", 0, -EINVAL},
    {"a child over its parent", "d/sub", "d", 0, -ENOTEMPTY},
    {"a file over its parent", "d/in", "d", 0, -ENOTEMPTY},
    {"a directory to a name with slash", "e", "n2/", 0, 0},
    {"a file to a name with slash", "f", "n3/", 0, -ENOTDIR},
    {"a file with slash", "f/", "n3", 0, -ENOTDIR},
    {"a directory with slash", "n2/", "e", 0, 0},
    {"dot", ".", "n", 0, -EBUSY},
    {"to dot", "e", ".", 0, -EBUSY},
    {"up", "d/..", "n", 0, -EBUSY},
    {"to the root", "e", "/", 0, -EXDEV},
    {"a link", "l", "l2", 0, 0},
    {"over a link", "l2", "ld", 0, 0},
    {"into a mount", "f", "m/f", 0, -EXDEV},
    {"a mount", "m", "n", 0, -EBUSY},
    {"over a mount", "e", "m", 0, -EBUSY},
    {"read only", "r/f", "r/g", 0, -EROFS},
    {"not over: free", "f", "g", RENAME_NOREPLACE, 0},
    {"not over: a file", "g", "d/in", RENAME_NOREPLACE, -EEXIST},
    {"not over: itself", "g", "g", RENAME_NOREPLACE, -EEXIST},
    {"not over: to dot", "g", ".", RENAME_NOREPLACE, -EEXIST},
    {"not over: missing", "none", "g", RENAME_NOREPLACE, -ENOENT},
    {"exchange: files", "g", "d/in", RENAME_EXCHANGE, 0},
    {"exchange: file and directory", "g", "e", RENAME_EXCHANGE, 0},
    {"exchange: missing", "g", "none", RENAME_EXCHANGE, -ENOENT},
    {"exchange: with a child", "d", "d/sub", RENAME_EXCHANGE, -EINVAL},
    {"exchange: with a parent", "d/sub", "d", RENAME_EXCHANGE, -EINVAL},
    {"exchange: slash of a file", "g", "e/", RENAME_EXCHANGE, -ENOTDIR},
    {"exchange: a mount", "m", "e", RENAME_EXCHANGE, -EBUSY},
    {"exchange and not over", "g", "e", RENAME_EXCHANGE | RENAME_NOREPLACE, -EINVAL},
    {"unknown flags", "g", "e", 0x100, -EINVAL},
};

CONFORM_CASE(names_change)
{
    make_tree();
    make_file("a1", "1");
    make_file("a2", "2");
    make_dir("d2");
    FOR_CASES(row, renames)
    expect(sys_renameat2(AT_FDCWD, row->from, AT_FDCWD, row->to, row->flags), row->result);
    expect(sys_renameat2(-1, "a", AT_FDCWD, "b", 0), -EBADF);
}

CONFORM_CASE(the_old_name_is_walked_before_the_new_one_is_looked_at)
{
    make_tree();
    expect(sys_renameat2(-1, "f", AT_FDCWD, "", 0), -EBADF);
    expect(sys_renameat2(AT_FDCWD, "f/x", AT_FDCWD, "", 0), -ENOTDIR);
    expect(sys_renameat2(AT_FDCWD, "", -1, "x", 0), -ENOENT);
}

CONFORM_CASE(renames_move_what_is_there)
{
    struct stat st;
    make_tree();
    expect(sys_fstatat(AT_FDCWD, "d", &st, 0), 0);
    expect(st.st_nlink, 3);
    expect(sys_renameat2(AT_FDCWD, "d/sub", AT_FDCWD, "e/moved", 0), 0);
    expect(sys_fstatat(AT_FDCWD, "d", &st, 0), 0);
    expect(st.st_nlink, 2);
    expect(sys_fstatat(AT_FDCWD, "e", &st, 0), 0);
    expect(st.st_nlink, 3);
    expect(sys_renameat2(AT_FDCWD, "f", AT_FDCWD, "d", RENAME_EXCHANGE), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "d", O_RDONLY, 0)), 'f');
    expect(kind_of(sys_openat(AT_FDCWD, "f/in", O_RDONLY, 0)), 'i');
    int fd = sys_openat(AT_FDCWD, "f", O_RDONLY, 0);
    expect(sys_renameat2(AT_FDCWD, "f", AT_FDCWD, "e/f", 0), 0);
    expect(kind_of(sys_openat(fd, "in", O_RDONLY, 0)), 'i');
    expect(kind_of(sys_openat(fd, "../moved", O_RDONLY, 0)), 'd');
    int over = sys_openat(AT_FDCWD, "d", O_RDONLY, 0);
    make_file("new", "n");
    expect(sys_renameat2(AT_FDCWD, "new", AT_FDCWD, "d", 0), 0);
    expect(sys_fstat(over, &st), 0);
    expect(st.st_nlink, 0);
    expect(kind_of(over), 'f');
    expect(kind_of(sys_openat(AT_FDCWD, "d", O_RDONLY, 0)), 'n');
}

/* ---- listing ---- */

struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

/* Names with the letters of their types, sorted: "d. d.. ffile". Returns the number of entries. */
static int list(int fd, size_t room, char *text)
{
    char names[64][40], buffer[1024];
    int n = 0;
    for (ssize_t r; (r = sys_getdents64(fd, buffer, room)) != 0;) {
        if (r < 0)
            return (int)r;
        for (ssize_t at = 0; at < r && n < 64;) {
            const struct entry *entry = (const void *)(buffer + at);
            char letter = entry->type == DT_DIR ? 'd' : entry->type == DT_REG ? 'f' : entry->type == DT_LNK ? 'l' : '?';
            snprintf(names[n++], sizeof(names[0]), "%c%s", letter, entry->name);
            at += entry->len;
        }
    }
    qsort(names, (size_t)n, sizeof(names[0]), (int (*)(const void *, const void *))strcmp);
    text[0] = '\0';
    for (int i = 0; i < n; i++)
        strcat(strcat(text, i ? " " : ""), names[i]);
    return n;
}

CONFORM_CASE(directories_are_listed)
{
    char text[1024], p[16];
    make_tree();
    int fd = sys_openat(AT_FDCWD, ".", O_RDONLY, 0);
    expect(list(fd, 1024, text), 10);
    expect_text(text, "d. d.. dd de dm dr ff ll lld llost");
    expect(list(fd, 1024, text), 0);
    fd = sys_openat(AT_FDCWD, ".", O_RDONLY, 0);
    expect(list(fd, 32, text), 10);
    expect_text(text, "d. d.. dd de dm dr ff ll lld llost");
    fd = sys_openat(AT_FDCWD, "e", O_RDONLY, 0);
    expect(list(fd, 1024, text), 2);
    expect_text(text, "d. d..");
    fd = sys_openat(AT_FDCWD, "e", O_RDONLY, 0);
    expect(sys_getdents64(fd, p, 8), -EINVAL);
    expect(sys_unlinkat(AT_FDCWD, "e", AT_REMOVEDIR), 0);
    expect(sys_getdents64(fd, text, sizeof(text)), -ENOENT);
    expect(sys_getdents64(4711, p, sizeof(p)), -EBADF);
    expect(sys_getdents64(open_path("d"), p, sizeof(p)), -EBADF);
    fd = sys_openat(AT_FDCWD, "m", O_RDONLY, 0);
    expect(list(fd, 1024, text), 3);
    expect_text(text, "d. d.. fx");
}

CONFORM_CASE(the_newest_entry_is_listed_first)
{
    static const char *const wanted[] = {".", "..", "one", "three", "four", "two"};
    char buffer[1024];
    unsigned int n = 0;
    make_tree();
    expect(make_file("e/one", ""), 0);
    expect(make_dir("e/two"), 0);
    expect(make_file("e/three", ""), 0);
    expect(make_file("e/four", ""), 0);
    /* A new name is a new entry, and of two that change places the first one ends in front. */
    expect(sys_renameat2(AT_FDCWD, "e/one", AT_FDCWD, "e/1", 0), 0);
    expect(sys_renameat2(AT_FDCWD, "e/1", AT_FDCWD, "e/three", 2 /* RENAME_EXCHANGE */), 0);
    expect(sys_renameat2(AT_FDCWD, "e/1", AT_FDCWD, "e/one", 2 | 1), -EINVAL);
    expect(sys_renameat2(AT_FDCWD, "e/1", AT_FDCWD, "e/one", 0), 0);
    expect(sys_renameat2(AT_FDCWD, "e/three", AT_FDCWD, "e/one", 2), 0);
    ssize_t len = sys_getdents64(sys_openat(AT_FDCWD, "e", O_RDONLY, 0), buffer, sizeof(buffer));
    for (ssize_t at = 0; at < len && n < ARRAY_SIZE(wanted); n++) {
        const struct entry *entry = (const void *)(buffer + at);
        expect_text(entry->name, wanted[n]);
        at += entry->len;
    }
    expect(n, ARRAY_SIZE(wanted));
}

CONFORM_CASE(a_listing_survives_removals)
{
    char name[16], buffer[64];
    int seen = 0;
    make_tree();
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "e/%d", i);
        make_file(name, "");
    }
    int fd = sys_openat(AT_FDCWD, "e", O_RDONLY, 0);
    for (ssize_t r; (r = sys_getdents64(fd, buffer, sizeof(buffer))) > 0;) {
        for (ssize_t at = 0; at < r; at += ((const struct entry *)(const void *)(buffer + at))->len) {
            const struct entry *entry = (const void *)(buffer + at);
            if (entry->name[0] == '.')
                continue;
            seen++;
            expect(sys_unlinkat(fd, entry->name, 0), 0);
        }
    }
    expect(seen, 20);
    expect(sys_unlinkat(AT_FDCWD, "e", AT_REMOVEDIR), 0);
}

/* ---- stat ---- */

static const struct {
    const char *label, *path;
    int flags, result;
    mode_t type;
} stats[] = {
    {"a file", "f", 0, 0, S_IFREG},
    {"a link", "l", 0, 0, S_IFREG},
    {"a link itself", "l", AT_SYMLINK_NOFOLLOW, 0, S_IFLNK},
    {"a link itself with slash", "ld/", AT_SYMLINK_NOFOLLOW, 0, S_IFDIR},
    {"lost", "lost", 0, -ENOENT, 0},
    {"lost itself", "lost", AT_SYMLINK_NOFOLLOW, 0, S_IFLNK},
    {"file with slash", "f/", 0, -ENOTDIR, 0},
    {"empty", "", 0, -ENOENT, 0},
    {"empty, as the directory", "", AT_EMPTY_PATH, 0, S_IFDIR},
    {"no automount", "f", AT_NO_AUTOMOUNT, 0, S_IFREG},
    {"unknown flags", "f", 0x10000, -EINVAL, 0},
    {"remove flag", "f", AT_REMOVEDIR, -EINVAL, 0},
};

CONFORM_CASE(files_are_described)
{
    struct stat st;
    make_tree();
    FOR_CASES(row, stats)
    {
        st.st_mode = 0;
        expect(sys_fstatat(AT_FDCWD, row->path, &st, row->flags), row->result);
        expect(st.st_mode & S_IFMT, row->type);
    }
    expect(sys_fstat(4711, &st), -EBADF);
}

CONFORM_CASE(every_file_system_has_a_device_number)
{
    struct stat one, other;
    make_tree();
    expect(sys_fstatat(AT_FDCWD, "f", &one, 0), 0);
    expect(sys_fstatat(AT_FDCWD, "d/in", &other, 0), 0);
    expect(one.st_dev == other.st_dev, 1);
    expect(one.st_ino == other.st_ino, 0);
    expect(sys_fstatat(AT_FDCWD, "m/x", &other, 0), 0);
    expect(one.st_dev == other.st_dev, 0);
    expect(bind_dir("m", "e"), 0);
    expect(sys_fstatat(AT_FDCWD, "e/x", &one, 0), 0);
    expect(one.st_dev == other.st_dev && one.st_ino == other.st_ino, 1);
}
