/* SPDX-License-Identifier: Apache-2.0 */
/* The walk along paths: components, links, "..", mounts, and the rules of openat2(2). */
#include "mocks/tests/files.h"

/* /tmp/t: a/{f,b/{c,g},links,m (a mount with x)}, o (outside of a). */
static void make_tree(void)
{
    static const struct {
        const char *target, *path;
    } links[] = {
        {"f", "a/l"},        {"b", "a/ld"},          {"/tmp/t/a/f", "a/abs"},
        {"/f", "a/absin"},   {"../o", "a/up"},       {"..", "a/dots"},
        {"self", "a/self"},  {"nothing", "a/lost"},  {"b/", "a/slash"},
        {"f/", "a/fslash"},  {"ld/g", "a/through"},  {"m/x", "a/into"},
        {"../f", "a/m/out"}, {"x", "a/m/in"},        {"../../../../../../o", "a/far"},
        {"/", "a/top"},      {"b/../f", "a/zigzag"}, {".", "a/here"},
        {"l", "a/l2"},       {"a/f", "la"},
    };
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("a");
    make_dir("a/b");
    make_dir("a/b/c");
    make_file("a/f", "f");
    make_file("a/b/g", "g");
    make_file("o", "o");
    make_mount("a/m");
    make_file("a/m/x", "x");
    FOR_ROWS (link, links)
        expect(make_link(link->target, link->path), 0);
    /* Chains: h1 leads over 1 link to f, h40 over 40, h41 over 41. */
    char name[16], target[16] = "f";
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof(name), "a/h%d", i);
        make_link(target, name);
        snprintf(target, sizeof(target), "h%d", i);
    }
}

struct row {
    const char *label, *path;
    int flags;
    uint64_t resolve;
    int result;
};

static void walk_rows(const struct row *row)
{
    int dir = sys_openat(AT_FDCWD, "a", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    struct open_how how = {.flags = (uint64_t)row->flags | O_CLOEXEC, .resolve = row->resolve};
    expect(kind_of(sys_openat2(dir, row->path, &how)), row->result);
    sys_close(dir);
}

static const struct row plain[] = {
    {"a name", "f", O_RDONLY, 0, 'f'},
    {"a directory", "b", O_RDONLY, 0, 'd'},
    {"a path", "b/g", O_RDONLY, 0, 'g'},
    {"many slashes", "b////g", O_RDONLY, 0, 'g'},
    {"a dot", "./f", O_RDONLY, 0, 'f'},
    {"dots in the middle", "b/./../b/g", O_RDONLY, 0, 'g'},
    {"up", "..", O_RDONLY, 0, 'd'},
    {"up and down", "../o", O_RDONLY, 0, 'o'},
    {"up beyond the root", "../../../../../../tmp/t/o", O_RDONLY, 0, 'o'},
    {"absolute", "/tmp/t/o", O_RDONLY, 0, 'o'},
    {"absolute with slashes", "//tmp//t/o", O_RDONLY, 0, 'o'},
    {"missing", "none", O_RDONLY, 0, -ENOENT},
    {"missing on the way", "none/f", O_RDONLY, 0, -ENOENT},
    {"empty", "", O_RDONLY, 0, -ENOENT},
    {"a file on the way", "f/x", O_RDONLY, 0, -ENOTDIR},
    {"a file with a slash", "f/", O_RDONLY, 0, -ENOTDIR},
    {"a file and a dot", "f/.", O_RDONLY, 0, -ENOTDIR},
    {"a file and up", "f/..", O_RDONLY, 0, -ENOTDIR},
    {"a directory with a slash", "b/", O_RDONLY, 0, 'd'},
    {"a link", "l", O_RDONLY, 0, 'f'},
    {"a link to a link", "l2", O_RDONLY, 0, 'f'},
    {"a link to a directory", "ld", O_RDONLY, 0, 'd'},
    {"a link on the way", "ld/g", O_RDONLY, 0, 'g'},
    {"a link through a link", "through", O_RDONLY, 0, 'g'},
    {"an absolute link", "abs", O_RDONLY, 0, 'f'},
    {"a link up", "up", O_RDONLY, 0, 'o'},
    {"a link far up ends at the root", "far", O_RDONLY, 0, -ENOENT},
    {"a link to the root", "top", O_RDONLY, 0, 'd'},
    {"a link to the root on the way", "top/tmp/t/o", O_RDONLY, 0, 'o'},
    {"a link to itself", "self", O_RDONLY, 0, -ELOOP},
    {"a link to itself on the way", "self/x", O_RDONLY, 0, -ELOOP},
    {"a link to nothing", "lost", O_RDONLY, 0, -ENOENT},
    {"a link whose text ends in a slash", "slash", O_RDONLY, 0, 'd'},
    {"a link to a file with a slash", "fslash", O_RDONLY, 0, -ENOTDIR},
    {"a link with a slash", "l/", O_RDONLY, 0, -ENOTDIR},
    {"a directory link with a slash", "ld/", O_RDONLY, 0, 'd'},
    {"a link to a dot", "here/f", O_RDONLY, 0, 'f'},
    {"a zigzag link", "zigzag", O_RDONLY, 0, 'f'},
    {"40 links", "h40", O_RDONLY, 0, 'f'},
    {"41 links", "h41", O_RDONLY, 0, -ELOOP},
    {"40 links and a component", "h39", O_RDONLY, 0, 'f'},
    {"links count over the whole path", "here/here/h38", O_RDONLY, 0, 'f'},
    {"41 links over the whole path", "here/here/h39", O_RDONLY, 0, -ELOOP},
    {"no following", "l", O_RDONLY | O_NOFOLLOW, 0, -ELOOP},
    {"no following of a lost link", "lost", O_RDONLY | O_NOFOLLOW, 0, -ELOOP},
    {"no following, as a place", "l", O_PATH | O_NOFOLLOW, 0, 'l'},
    {"no following, but a slash", "ld/", O_RDONLY | O_NOFOLLOW, 0, 'd'},
    {"no following, link on the way", "ld/g", O_RDONLY | O_NOFOLLOW, 0, 'g'},
    {"no following, a directory wanted", "ld", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0, -ENOTDIR},
    {"no following, place, a directory wanted", "ld", O_PATH | O_NOFOLLOW | O_DIRECTORY, 0, -ENOTDIR},
    {"a directory wanted", "f", O_RDONLY | O_DIRECTORY, 0, -ENOTDIR},
    {"a directory wanted through a link", "ld", O_RDONLY | O_DIRECTORY, 0, 'd'},
    {"into a mount", "m/x", O_RDONLY, 0, 'x'},
    {"a link into a mount", "into", O_RDONLY, 0, 'x'},
    {"out of a mount", "m/../f", O_RDONLY, 0, 'f'},
    {"a link out of a mount", "m/out", O_RDONLY, 0, 'f'},
};

CONFORM_CASE(paths_lead_to_places)
{
    make_tree();
    FOR_CASES(row, plain)
    walk_rows(row);
}

static const struct row no_links[] = {
    {"no links: a file", "f", O_RDONLY, RESOLVE_NO_SYMLINKS, 'f'},
    {"no links: a link", "l", O_RDONLY, RESOLVE_NO_SYMLINKS, -ELOOP},
    {"no links: on the way", "ld/g", O_RDONLY, RESOLVE_NO_SYMLINKS, -ELOOP},
    {"no links: the link itself", "l", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS, 'l'},
    {"no links: not followed", "l", O_RDONLY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS, -ELOOP},
    {"no links: up", "../o", O_RDONLY, RESOLVE_NO_SYMLINKS, 'o'},
    {"no magic links: a link", "l", O_RDONLY, RESOLVE_NO_MAGICLINKS, 'f'},
    {"no magic links: absolute", "abs", O_RDONLY, RESOLVE_NO_MAGICLINKS, 'f'},
};

CONFORM_CASE(links_can_be_refused)
{
    make_tree();
    FOR_CASES(row, no_links)
    walk_rows(row);
}

static const struct row beneath[] = {
    {"beneath: a file", "f", O_RDONLY, RESOLVE_BENEATH, 'f'},
    {"beneath: down and up", "b/../f", O_RDONLY, RESOLVE_BENEATH, 'f'},
    {"beneath: up", "..", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: up and down", "../a/f", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: down and far up", "b/../../o", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: absolute", "/tmp/t/a/f", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: the root", "/", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: a dot", ".", O_RDONLY, RESOLVE_BENEATH, 'd'},
    {"beneath: a link", "l", O_RDONLY, RESOLVE_BENEATH, 'f'},
    {"beneath: an absolute link", "abs", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: a link up", "up", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: a link to ..", "dots", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    {"beneath: a link to .. itself", "dots", O_PATH | O_NOFOLLOW, RESOLVE_BENEATH, 'l'},
    {"beneath: a zigzag", "zigzag", O_RDONLY, RESOLVE_BENEATH, 'f'},
    {"beneath: a mount", "m/x", O_RDONLY, RESOLVE_BENEATH, 'x'},
    {"beneath: out of a mount", "m/../f", O_RDONLY, RESOLVE_BENEATH, 'f'},
    {"beneath: a link out of a mount", "m/out", O_RDONLY, RESOLVE_BENEATH, 'f'},
    {"beneath: missing", "none", O_RDONLY, RESOLVE_BENEATH, -ENOENT},
    {"beneath: missing, then up", "none/../../o", O_RDONLY, RESOLVE_BENEATH, -ENOENT},
    {"beneath: without links", "l", O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, -ELOOP},
    {"beneath: up without links", "..", O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, -EXDEV},
};

CONFORM_CASE(beneath_never_leaves_the_directory)
{
    make_tree();
    FOR_CASES(row, beneath)
    walk_rows(row);
}

static const struct row in_root[] = {
    {"in root: a file", "f", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: absolute", "/f", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: the root", "/", O_RDONLY, RESOLVE_IN_ROOT, 'd'},
    {"in root: outside", "/tmp/t/a/f", O_RDONLY, RESOLVE_IN_ROOT, -ENOENT},
    {"in root: up stays", "..", O_RDONLY, RESOLVE_IN_ROOT, 'd'},
    {"in root: up and down", "../f", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: far up", "../../../../f", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: outside by dots", "../o", O_RDONLY, RESOLVE_IN_ROOT, -ENOENT},
    {"in root: an absolute link", "absin", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: an absolute link out", "abs", O_RDONLY, RESOLVE_IN_ROOT, -ENOENT},
    {"in root: a link up", "up", O_RDONLY, RESOLVE_IN_ROOT, -ENOENT},
    {"in root: a link to /", "top/f", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: out of a mount", "m/../f", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: a link out of a mount", "m/out", O_RDONLY, RESOLVE_IN_ROOT, 'f'},
    {"in root: no links", "/l", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, -ELOOP},
};

CONFORM_CASE(in_root_takes_the_directory_for_slash)
{
    make_tree();
    FOR_CASES(row, in_root)
    walk_rows(row);
}

static const struct row no_xdev[] = {
    {"one mount: a file", "f", O_RDONLY, RESOLVE_NO_XDEV, 'f'},
    {"one mount: into another", "m/x", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: the other's root", "m", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: the other's root as a place", "m", O_PATH | O_NOFOLLOW, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: by a link", "into", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: up in it", "../o", O_RDONLY, RESOLVE_NO_XDEV, 'o'},
    {"one mount: up out of it", "../../../bin", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: absolute begins at the root", "/tmp/t/a/f", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: the root is allowed", "/", O_RDONLY, RESOLVE_NO_XDEV, 'd'},
    {"one mount: an absolute link", "abs", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: a link to /", "top", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
    {"one mount: beneath", "m/x", O_RDONLY, RESOLVE_NO_XDEV | RESOLVE_BENEATH, -EXDEV},
    {"one mount: in root", "absin", O_RDONLY, RESOLVE_NO_XDEV | RESOLVE_IN_ROOT, 'f'},
    {"one mount: in root, /", "/", O_RDONLY, RESOLVE_NO_XDEV | RESOLVE_IN_ROOT, 'd'},
};

CONFORM_CASE(no_xdev_stays_on_one_mount)
{
    make_tree();
    FOR_CASES(row, no_xdev)
    walk_rows(row);
}

CONFORM_CASE(no_xdev_from_within_a_mount)
{
    static const struct row rows[] = {
        {"in the mount", "x", O_RDONLY, RESOLVE_NO_XDEV, 'x'},
        {"a link in the mount", "in", O_RDONLY, RESOLVE_NO_XDEV, 'x'},
        {"out of the mount", "..", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
        {"a link out of the mount", "out", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
        {"beneath: out of the mount", "out", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
        {"in root: out of the mount", "out", O_RDONLY, RESOLVE_IN_ROOT, -ENOENT},
        {"in root: up", "../../x", O_RDONLY, RESOLVE_IN_ROOT, 'x'},
        {"freely out of the mount", "out", O_RDONLY, 0, 'f'},
    };
    make_tree();
    int dir = open_path("a/m");
    FOR_CASES(row, rows)
    expect(kind_of(sys_openat2(dir, row->path, &(struct open_how){.flags = (uint64_t)row->flags, .resolve = row->resolve})),
           row->result);
    sys_close(dir);
}

CONFORM_CASE(no_xdev_and_links_to_the_root_of_the_same_mount)
{
    static const struct row rows[] = {
        {"by a link", "rootf", O_RDONLY, RESOLVE_NO_XDEV, -EXDEV},
        {"by a link, after going up", "b/../rootf", O_RDONLY, RESOLVE_NO_XDEV, 'f'},
        {"by a link, from the root", "/rootf", O_RDONLY, RESOLVE_NO_XDEV, 'f'},
        {"by a link, freely", "rootf", O_RDONLY, 0, 'f'},
    };
    expect(make_mount("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("b");
    make_file("f", "f");
    make_link("/f", "rootf");
    expect(sys_chroot("."), 0);
    int dir = open_path(".");
    FOR_CASES(row, rows)
    expect(kind_of(sys_openat2(dir, row->path, &(struct open_how){.flags = (uint64_t)row->flags, .resolve = row->resolve})),
           row->result);
}

CONFORM_CASE(names_and_paths_have_limits)
{
    char name[300], path[5000];
    make_tree();
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    expect(closed(sys_openat(AT_FDCWD, name, O_RDONLY, 0)), -ENOENT);
    expect(make_file(name, "n"), 0);
    expect(kind_of(sys_openat(AT_FDCWD, name, O_RDONLY, 0)), 'n');
    name[255] = 'n';
    name[256] = '\0';
    expect(closed(sys_openat(AT_FDCWD, name, O_RDONLY, 0)), -ENAMETOOLONG);
    expect(make_dir(name), -ENAMETOOLONG);
    expect(sys_unlinkat(AT_FDCWD, name, 0), -ENAMETOOLONG);

    memset(path, '/', sizeof(path));
    memcpy(path + 4090, "tmp", 4);
    expect(kind_of(sys_openat(AT_FDCWD, path, O_RDONLY, 0)), 'd');
    memset(path, '/', sizeof(path));
    memcpy(path + 4093, "tmp", 4);
    expect(closed(sys_openat(AT_FDCWD, path, O_RDONLY, 0)), -ENAMETOOLONG);
}

CONFORM_CASE(a_descriptor_is_where_a_path_begins)
{
    struct stat st;
    int fds[2];
    make_tree();
    int file = sys_openat(AT_FDCWD, "a/f", O_RDONLY, 0), dir = open_path("a"), link = -1;
    expect(closed(sys_openat(-1, "f", O_RDONLY, 0)), -EBADF);
    expect(closed(sys_openat(-1, "/tmp/t/o", O_RDONLY, 0)), 0);
    expect(closed(sys_openat(4711, "f", O_RDONLY, 0)), -EBADF);
    expect(closed(sys_openat(4711, "", O_RDONLY, 0)), -ENOENT);
    expect(closed(sys_openat(file, "f", O_RDONLY, 0)), -ENOTDIR);
    expect(closed(sys_openat(file, "..", O_RDONLY, 0)), -ENOTDIR);
    expect(closed(sys_openat(dir, "f", O_RDONLY, 0)), 0);
    expect(sys_fstatat(file, "", &st, AT_EMPTY_PATH), 0);
    expect(sys_fstatat(file, "", &st, 0), -ENOENT);
    expect(sys_fstatat(file, "x", &st, AT_EMPTY_PATH), -ENOTDIR);
    expect(sys_fstatat(-1, "", &st, AT_EMPTY_PATH), -EBADF);
    expect(sys_fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH), 0);
    expect_true(S_ISDIR(st.st_mode));
    link = sys_openat(AT_FDCWD, "a/l", O_PATH | O_NOFOLLOW, 0);
    expect(sys_fstatat(link, "", &st, AT_EMPTY_PATH), 0);
    expect_true(S_ISLNK(st.st_mode));
    expect(closed(sys_openat(link, "x", O_RDONLY, 0)), -ENOTDIR);
    expect(sys_pipe2(fds, 0), 0);
    expect(closed(sys_openat(fds[0], "x", O_RDONLY, 0)), -ENOTDIR);
}

CONFORM_CASE(a_removed_directory_still_has_a_parent)
{
    make_tree();
    expect(make_dir("gone"), 0);
    int dir = open_path("gone");
    expect(sys_unlinkat(AT_FDCWD, "gone", AT_REMOVEDIR), 0);
    expect(kind_of(sys_openat(dir, "../o", O_RDONLY, 0)), 'o');
    expect(kind_of(sys_openat(dir, ".", O_RDONLY, 0)), 'd');
    expect(closed(sys_openat(dir, "new", O_RDWR | O_CREAT, 0600)), -ENOENT);
    expect(sys_mkdirat(dir, "new", 0755), -ENOENT);
    expect(sys_mknodat(dir, "new", S_IFIFO | 0600, 0), -ENOENT);
    expect(sys_symlinkat("x", dir, "new"), -ENOENT);
    expect(sys_renameat2(AT_FDCWD, "o", dir, "o", 0), -ENOENT);
    expect(sys_fchdir(dir), 0);
    char name[64];
    expect(sys_getcwd(name, sizeof(name)), -ENOENT);
    expect(sys_chdir(".."), 0);
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("/tmp/t"));
}

CONFORM_CASE(a_directory_moved_out_of_its_bind_mount_has_no_way_up)
{
    make_tree();
    make_dir("view");
    expect(bind_dir("a/b", "view"), 0);
    int dir = open_path("view/c");
    expect(sys_renameat2(AT_FDCWD, "a/b/c", AT_FDCWD, "c", 0), 0);
    expect(closed(sys_openat(dir, "..", O_RDONLY, 0)), -ENOENT);
    expect(kind_of(sys_openat(dir, ".", O_RDONLY, 0)), 'd');
    expect(unmount("view", DETACH), 0);
}

CONFORM_CASE(working_directories_have_names)
{
    char name[128];
    make_tree();
    expect(sys_chdir("a/ld"), 0);
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("/tmp/t/a/b"));
    expect_text(name, "/tmp/t/a/b");
    expect(sys_getcwd(name, 11), 11);
    expect(sys_getcwd(name, 10), -ERANGE);
    expect(sys_getcwd(name, 0), -ERANGE);
    expect(sys_chdir("/"), 0);
    expect(sys_getcwd(name, sizeof(name)), 2);
    expect_text(name, "/");
    expect(sys_chdir("/tmp/t/a/m"), 0);
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("/tmp/t/a/m"));
    expect(unmount("/tmp/t/a/m", DETACH), 0);
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("(unreachable)/"));
    expect_text(name, "(unreachable)/");
    expect(sys_chdir("/tmp/t"), 0);
    expect(sys_chdir("a/f"), -ENOTDIR);
    expect(sys_chdir("none"), -ENOENT);
    expect(sys_chdir(""), -ENOENT);
    expect(sys_fchdir(-1), -EBADF);
    int file = sys_openat(AT_FDCWD, "a/f", O_RDONLY, 0), dir = open_path("a");
    expect(sys_fchdir(file), -ENOTDIR);
    expect(sys_fchdir(dir), 0);
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("/tmp/t/a"));
}

CONFORM_CASE(a_changed_root_is_the_top)
{
    char name[128];
    make_tree();
    int outside = open_path(".");
    expect(sys_chroot("none"), -ENOENT);
    expect(sys_chroot("o"), -ENOTDIR);
    expect(sys_chroot("a"), 0);
    expect(sys_getcwd(name, sizeof(name)), (long)sizeof("(unreachable)/tmp/t"));
    expect_text(name, "(unreachable)/tmp/t");
    expect(sys_chdir("/"), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "/f", O_RDONLY, 0)), 'f');
    expect(kind_of(sys_openat(AT_FDCWD, "../../f", O_RDONLY, 0)), 'f');
    expect(kind_of(sys_openat(AT_FDCWD, "absin", O_RDONLY, 0)), 'f');
    expect(closed(sys_openat(AT_FDCWD, "abs", O_RDONLY, 0)), -ENOENT);
    expect(kind_of(sys_openat(outside, "o", O_RDONLY, 0)), 'o');
    expect(kind_of(sys_openat(outside, "../t/o", O_RDONLY, 0)), 'o');
    expect(sys_fchdir(outside), 0);
    expect(sys_chroot("."), 0);
    expect(kind_of(sys_openat(AT_FDCWD, "/o", O_RDONLY, 0)), 'o');
}
