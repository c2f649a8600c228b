/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what with files: modes, owners, sticky and set-id bits. */
#include "mocks/tests/files.h"

#define USER 1000
#define OTHER 2000

static void become(uid_t uid, gid_t gid)
{
    expect(sys_setgroups(0, NULL), 0);
    expect(sys_setresgid(gid, gid, gid), 0);
    expect(sys_setresuid(uid, uid, uid), 0);
}

/* ---- opening ---- */

struct open_row {
    const char *label;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    int flags, result;
};

static const struct open_row opens[] = {
    {"owner reads", 0400, USER, 0, O_RDONLY, 0},
    {"owner writes a file to read", 0400, USER, 0, O_WRONLY, -EACCES},
    {"owner writes", 0200, USER, 0, O_WRONLY, 0},
    {"owner reads a file to write", 0200, USER, 0, O_RDONLY, -EACCES},
    {"owner both", 0600, USER, 0, O_RDWR, 0},
    {"owner both, one missing", 0400, USER, 0, O_RDWR, -EACCES},
    {"owner truncates a file to read", 0400, USER, 0, O_RDONLY | O_TRUNC, -EACCES},
    {"owner without bits, others have them", 0077, USER, 0, O_RDONLY, -EACCES},
    {"group reads", 0040, 0, USER, O_RDONLY, 0},
    {"group without bits, others have them", 0707, 0, USER, O_RDONLY, -EACCES},
    {"other reads", 0004, 0, 0, O_RDONLY, 0},
    {"other without bits", 0770, 0, 0, O_RDONLY, -EACCES},
    {"place without bits", 0, 0, 0, O_PATH, 0},
    {"no access times of others", 0666, 0, 0, O_RDONLY | O_NOATIME, -EPERM},
    {"no access times of one's own", 0600, USER, 0, O_RDONLY | O_NOATIME, 0},
    {"mode 3 needs both", 0400, USER, 0, 3, -EACCES},
    {"created by another", 0666, 0, 0, O_RDWR | O_CREAT, 0},
    {"created by another, exclusively", 0666, 0, 0, O_RDWR | O_CREAT | O_EXCL, -EEXIST},
};

static int open_as_user(void *arg)
{
    const struct open_row *row = arg;
    become(USER, USER);
    return -closed(sys_openat(AT_FDCWD, "f", row->flags, 0600));
}

CONFORM_CASE(modes_decide_who_opens)
{
    make_open_tree();
    FOR_CASES(row, opens)
    {
        expect(make_owned("f", row->mode, row->uid, row->gid), 0);
        expect(run_row(open_as_user, row), -row->result);
        expect(closed(sys_openat(AT_FDCWD, "f", row->flags, 0600)), row->flags & O_EXCL ? -EEXIST : 0);
        sys_unlinkat(AT_FDCWD, "f", 0);
    }
}

static int use_groups(void *arg)
{
    gid_t groups[] = {10, 20, 30};
    (void)arg;
    if (sys_setgroups(3, groups) < 0 || sys_setresgid(USER, USER, USER) < 0 || sys_setresuid(USER, USER, USER) < 0)
        return 99;
    return -closed(sys_openat(AT_FDCWD, "f", O_RDONLY, 0));
}

CONFORM_CASE(supplementary_groups_count)
{
    make_open_tree();
    expect(make_owned("f", 0040, 0, 20), 0);
    expect(in_child(use_groups, NULL), 0);
    expect(sys_fchownat(AT_FDCWD, "f", 0, 40, 0), 0);
    expect(in_child(use_groups, NULL), EACCES);
}

/* ---- directories ---- */

struct dir_row {
    const char *label;
    mode_t mode;
    uid_t uid;
    int (*call)(void);
    int result;
};

static int call_open(void)
{
    return closed(sys_openat(AT_FDCWD, "d/f", O_RDONLY, 0));
}
static int call_missing(void)
{
    return closed(sys_openat(AT_FDCWD, "d/none", O_RDONLY, 0));
}
static int call_stat(void)
{
    struct stat st;
    return sys_fstatat(AT_FDCWD, "d/f", &st, 0);
}
static int call_up(void)
{
    return closed(sys_openat(AT_FDCWD, "d/..", O_PATH, 0));
}
static int call_dot(void)
{
    return closed(sys_openat(AT_FDCWD, "d/.", O_PATH, 0));
}
static int call_list(void)
{
    return closed(sys_openat(AT_FDCWD, "d", O_RDONLY, 0));
}
static int call_create(void)
{
    return closed(sys_openat(AT_FDCWD, "d/new", O_RDWR | O_CREAT, 0600));
}
static int call_mkdir(void)
{
    return make_dir("d/new");
}
static int call_mkdir_there(void)
{
    return make_dir("d/f");
}
static int call_link(void)
{
    return make_link("x", "d/new");
}
static int call_node(void)
{
    return sys_mknodat(AT_FDCWD, "d/new", S_IFIFO | 0600, 0);
}
static int call_unlink(void)
{
    return sys_unlinkat(AT_FDCWD, "d/f", 0);
}
static int call_rmdir(void)
{
    return sys_unlinkat(AT_FDCWD, "d/sub", AT_REMOVEDIR);
}
static int call_rename(void)
{
    return sys_renameat2(AT_FDCWD, "d/f", AT_FDCWD, "d/g", 0);
}
static int call_rename_out(void)
{
    return sys_renameat2(AT_FDCWD, "d/f", AT_FDCWD, "g", 0);
}
static int call_rename_dir_out(void)
{
    return sys_renameat2(AT_FDCWD, "d/sub", AT_FDCWD, "sub", 0);
}
static int call_chdir(void)
{
    return sys_chdir("d");
}
static int call_readlink(void)
{
    char p;
    return (int)sys_readlinkat(AT_FDCWD, "d/l", &p, 1);
}
static int call_through(void)
{
    return closed(sys_openat(AT_FDCWD, "d/l", O_RDONLY, 0));
}
static int call_unlink_dir(void)
{
    return sys_unlinkat(AT_FDCWD, "d/sub", 0);
}
static int call_rmdir_file(void)
{
    return sys_unlinkat(AT_FDCWD, "d/f", AT_REMOVEDIR);
}
static int call_unlink_missing(void)
{
    return sys_unlinkat(AT_FDCWD, "d/none", 0);
}

static const struct dir_row dir_rows[] = {
    {"search: open", 0711, 0, call_open, 0},
    {"no search: open", 0766, 0, call_open, -EACCES},
    {"no search: open missing", 0766, 0, call_missing, -EACCES},
    {"search: open missing", 0711, 0, call_missing, -ENOENT},
    {"no search: stat", 0766, 0, call_stat, -EACCES},
    {"no search: up", 0766, 0, call_up, -EACCES},
    {"no search: dot", 0766, 0, call_dot, -EACCES},
    {"no search: list", 0744, 0, call_list, 0},
    {"only search: list", 0711, 0, call_list, -EACCES},
    {"write and search: create", 0733, 0, call_create, 0},
    {"search: create", 0755, 0, call_create, -EACCES},
    {"write: create", 0722, 0, call_create, -EACCES},
    {"write and search: mkdir", 0733, 0, call_mkdir, 0},
    {"search: mkdir", 0755, 0, call_mkdir, -EACCES},
    {"search: mkdir, there", 0755, 0, call_mkdir_there, -EEXIST},
    {"search: link", 0755, 0, call_link, -EACCES},
    {"write and search: node", 0733, 0, call_node, 0},
    {"search: node", 0755, 0, call_node, -EACCES},
    {"write and search: unlink", 0733, 0, call_unlink, 0},
    {"search: unlink", 0755, 0, call_unlink, -EACCES},
    {"search: unlink missing", 0755, 0, call_unlink_missing, -ENOENT},
    {"search: unlink a directory", 0755, 0, call_unlink_dir, -EACCES},
    {"search: rmdir a file", 0755, 0, call_rmdir_file, -EACCES},
    {"write and search: rmdir", 0733, 0, call_rmdir, 0},
    {"search: rename", 0755, 0, call_rename, -EACCES},
    {"write and search: rename", 0733, 0, call_rename, 0},
    {"write and search: rename out", 0733, 0, call_rename_out, 0},
    {"write and search: another's directory out", 0733, 0, call_rename_dir_out, -EACCES},
    {"search: chdir", 0711, 0, call_chdir, 0},
    {"no search: chdir", 0766, 0, call_chdir, -EACCES},
    {"search: readlink", 0711, 0, call_readlink, 1},
    {"a link to a file of others", 0711, 0, call_through, 0},
    {"sticky: another's file", 01777, 0, call_unlink, -EPERM},
    {"sticky: another's directory", 01777, 0, call_rmdir, -EPERM},
    {"sticky: rename another's file", 01777, 0, call_rename, -EPERM},
    {"sticky: create", 01777, 0, call_create, 0},
    {"sticky: one's own directory", 01777, USER, call_unlink, 0},
    {"sticky: rmdir of a file", 01777, 0, call_rmdir_file, -EPERM},
};

static int call_as_user(void *arg)
{
    const struct dir_row *row = arg;
    become(USER, USER);
    int r = row->call();
    return r < 0 ? -r : r + 200;
}

CONFORM_CASE(directories_are_used_by_their_modes)
{
    make_open_tree();
    FOR_CASES(row, dir_rows)
    {
        expect(make_owned_dir("d", 0777, row->uid, 0), 0);
        make_owned("d/f", 0644, 0, 0);
        make_owned_dir("d/sub", 0755, 0, 0);
        make_link("f", "d/l");
        expect(sys_fchmodat(AT_FDCWD, "d", row->mode), 0);
        expect(run_row(call_as_user, row), row->result < 0 ? -row->result : row->result + 200);
        sys_unlinkat(AT_FDCWD, "d/f", 0);
        sys_unlinkat(AT_FDCWD, "d/g", 0);
        sys_unlinkat(AT_FDCWD, "d/l", 0);
        sys_unlinkat(AT_FDCWD, "d/new", 0);
        sys_unlinkat(AT_FDCWD, "d/new", AT_REMOVEDIR);
        sys_unlinkat(AT_FDCWD, "d/sub", AT_REMOVEDIR);
        sys_unlinkat(AT_FDCWD, "g", 0);
        expect(sys_unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
    }
}

/* ---- chmod, chown ---- */

struct owner_row {
    const char *label;
    uid_t owner;
    gid_t group;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    int result;
    mode_t then;
};

static const struct owner_row chowns[] = {
    {"to another", USER, USER, 0644, OTHER, (gid_t)-1, -EPERM, 0644},
    {"to oneself", USER, USER, 0644, USER, (gid_t)-1, 0, 0644},
    {"nothing", USER, USER, 0644, (uid_t)-1, (gid_t)-1, 0, 0644},
    {"nothing, of another", 0, 0, 0644, (uid_t)-1, (gid_t)-1, 0, 0644},
    {"nothing, of another with set-id", 0, 0, 06755, (uid_t)-1, (gid_t)-1, -EPERM, 06755},
    {"to one's group", USER, 0, 0644, (uid_t)-1, USER, 0, 0644},
    {"to another group", USER, USER, 0644, (uid_t)-1, OTHER, -EPERM, 0644},
    {"another's to one's group", 0, 0, 0644, (uid_t)-1, USER, -EPERM, 0644},
    {"set-id falls", USER, USER, 06755, USER, USER, 0, 0755},
    {"set-gid without x stays in the group", USER, USER, 02644, (uid_t)-1, USER, 0, 02644},
    {"sticky stays", USER, USER, 01644, USER, (gid_t)-1, 0, 01644},
};

static int chown_as_user(void *arg)
{
    const struct owner_row *row = arg;
    become(USER, USER);
    return -sys_fchownat(AT_FDCWD, "f", row->uid, row->gid, 0);
}

CONFORM_CASE(owners_are_changed_by_few)
{
    make_open_tree();
    FOR_CASES(row, chowns)
    {
        expect(make_owned("f", row->mode, row->owner, row->group), 0);
        expect(run_row(chown_as_user, row), -row->result);
        expect(mode_of("f"), row->then);
        sys_unlinkat(AT_FDCWD, "f", 0);
    }
}

CONFORM_CASE(owners_are_changed_by_root)
{
    static const struct {
        const char *label, *path;
        int flags, result;
        mode_t mode, then;
    } rows[] = {
        {"a file", "f", 0, 0, 0644, 0644},
        {"set-id falls for root too", "f", 0, 0, 06755, 0755},
        {"set-gid without x stays", "f", 0, 0, 02644, 02644},
        {"a directory keeps set-id", "d", 0, 0, 06755, 06755},
        {"missing", "none", 0, -ENOENT, 0, 0},
        {"unknown flags", "f", 0x10000, -EINVAL, 0644, 0644},
        {"empty", "", 0, -ENOENT, 0, 0},
    };
    struct stat st;
    make_open_tree();
    make_owned("f", 0644, 0, 0);
    make_owned_dir("d", 0755, 0, 0);
    FOR_CASES(row, rows)
    {
        if (row->mode)
            sys_fchmodat(AT_FDCWD, row->path, row->mode);
        expect(sys_fchownat(AT_FDCWD, row->path, 12, 34, row->flags), row->result);
        if (row->mode)
            expect(mode_of(row->path), row->then);
    }
    make_link("f", "l");
    expect(sys_fchownat(AT_FDCWD, "l", 56, 78, AT_SYMLINK_NOFOLLOW), 0);
    expect(sys_fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
    expect(st.st_uid, 56);
    expect(sys_fstatat(AT_FDCWD, "f", &st, 0), 0);
    expect(st.st_uid, 12);
    expect(st.st_gid, 34);
    int fd = sys_openat(AT_FDCWD, "l", O_PATH | O_NOFOLLOW, 0);
    expect(sys_fchownat(fd, "", 1, 2, AT_EMPTY_PATH), 0);
    expect(sys_fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
    expect(st.st_uid, 1);
    expect(sys_fchown(fd, 1, 2), -EBADF);
}

static const struct owner_row chmods[] = {
    {"one's own", USER, USER, 0644, 0, 0, 0, 0600}, {"another's", 0, 0, 0644, 0, 0, -EPERM, 0644},
    {"set-uid", USER, USER, 0644, 0, 0, 0, 04755},  {"set-gid of one's group", USER, USER, 0644, 0, 0, 0, 02755},
    {"sticky", USER, USER, 0644, 0, 0, 0, 01700},
};

static int chmod_as_user(void *arg)
{
    const struct owner_row *row = arg;
    become(USER, USER);
    return -sys_fchmodat(AT_FDCWD, "f", row->result < 0 ? 0777 : row->then);
}

CONFORM_CASE(modes_are_changed_by_owners)
{
    make_open_tree();
    FOR_CASES(row, chmods)
    {
        expect(make_owned("f", row->mode, row->owner, row->group), 0);
        expect(run_row(chmod_as_user, row), -row->result);
        expect(mode_of("f"), row->then);
        sys_unlinkat(AT_FDCWD, "f", 0);
    }
    expect(make_owned("f", 0644, USER, OTHER), 0);
    struct owner_row foreign = {"", USER, OTHER, 0644, 0, 0, 0, 02755};
    expect(run_row(chmod_as_user, &foreign), 0);
    expect(mode_of("f"), 0755);
    make_link("f", "l");
    expect(sys_fchmodat(AT_FDCWD, "l", 0600), 0);
    expect(mode_of("f"), 0600);
    expect(sys_fchmodat(AT_FDCWD, "none", 0600), -ENOENT);
    expect(sys_fchmodat(AT_FDCWD, "f", S_IFDIR | 0640), 0);
    expect(mode_of("f"), 0640);
}

static int write_as_user(void *arg)
{
    (void)arg;
    become(USER, USER);
    int fd = sys_openat(AT_FDCWD, "f", O_WRONLY, 0);
    return fd < 0 ? -fd : (int)-sys_write(fd, "x", 1) + 1;
}

static int truncate_as_user(void *arg)
{
    (void)arg;
    become(USER, USER);
    return -closed(sys_openat(AT_FDCWD, "f", O_WRONLY | O_TRUNC, 0));
}

CONFORM_CASE(changes_take_set_id_bits_away)
{
    make_open_tree();
    expect(make_owned("f", 06777, 0, 0), 0);
    expect(in_child(write_as_user, NULL), 0);
    expect(mode_of("f"), 0777);
    expect(sys_fchmodat(AT_FDCWD, "f", 06777), 0);
    expect(in_child(truncate_as_user, NULL), 0);
    expect(mode_of("f"), 0777);
    expect(sys_fchmodat(AT_FDCWD, "f", 06777), 0);
    int fd = sys_openat(AT_FDCWD, "f", O_WRONLY, 0);
    expect(sys_write(fd, "x", 1), 1);
    expect(mode_of("f"), 06777);
}

CONFORM_CASE(new_files_belong_to_their_makers)
{
    struct stat st;
    make_open_tree();
    expect(make_owned_dir("d", 0777, 5, 6), 0);
    expect(make_owned_dir("s", 02777, 5, 6), 0);
    become(USER, OTHER);
    make_file("d/f", "");
    expect(sys_fstatat(AT_FDCWD, "d/f", &st, 0), 0);
    expect(st.st_uid, USER);
    expect(st.st_gid, OTHER);
    make_file("s/f", "");
    make_dir("s/d");
    expect(sys_fstatat(AT_FDCWD, "s/f", &st, 0), 0);
    expect(st.st_uid, USER);
    expect(st.st_gid, 6);
    expect(sys_fstatat(AT_FDCWD, "s/d", &st, 0), 0);
    expect(st.st_gid, 6);
    expect(st.st_mode, S_IFDIR | 02755);
}

/* ---- access ---- */

struct access_row {
    const char *label, *path;
    int mode, flags, result;
};

static const struct access_row accesses[] = {
    {"there", "f", F_OK, 0, 0},
    {"missing", "none", F_OK, 0, -ENOENT},
    {"read", "f", R_OK, 0, 0},
    {"write", "f", W_OK, 0, -EACCES},
    {"execute", "x", X_OK, 0, 0},
    {"execute a plain file", "f", X_OK, 0, -EACCES},
    {"all", "x", R_OK | W_OK | X_OK, 0, -EACCES},
    {"search", "d", X_OK, 0, 0},
    {"unknown mode", "f", 8, 0, -EINVAL},
    {"unknown flags", "f", R_OK, 0x10000, -EINVAL},
    {"a lost link", "lost", F_OK, 0, -ENOENT},
    {"a lost link itself", "lost", F_OK, AT_SYMLINK_NOFOLLOW, 0},
    {"execute where nothing runs", "n/x", X_OK, 0, -EACCES},
    {"search where nothing runs", "n", X_OK, 0, 0},
    {"write read only", "r/f", W_OK, 0, -EROFS},
    {"write a read only device", "r/c", W_OK, 0, 0},
    {"read read only", "r/f", R_OK, 0, 0},
};

static void make_access_tree(void)
{
    make_open_tree();
    make_owned("f", 0644, 0, 0);
    make_owned("x", 0755, 0, 0);
    make_owned_dir("d", 0711, 0, 0);
    make_link("none", "lost");
    make_dir("n");
    sys_mount("x", "n", "tmpfs", MS_NOEXEC, "mode=755");
    make_owned("n/x", 0777, 0, 0);
    make_dir("r");
    sys_mount("x", "r", "tmpfs", 0, "mode=755");
    make_owned("r/f", 0666, 0, 0);
    sys_mknodat(AT_FDCWD, "r/c", S_IFCHR | 0666, makedev(1, 3));
    sys_mount(NULL, "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

static int access_as_user(void *arg)
{
    const struct access_row *row = arg;
    become(USER, USER);
    return -sys_faccessat(AT_FDCWD, row->path, row->mode, row->flags);
}

CONFORM_CASE(access_is_asked_before)
{
    make_access_tree();
    FOR_CASES(row, accesses)
    expect(run_row(access_as_user, row), -row->result);
    expect(sys_faccessat(AT_FDCWD, "f", R_OK | W_OK, 0), 0);
    expect(sys_faccessat(AT_FDCWD, "f", X_OK, 0), -EACCES);
    expect(sys_faccessat(AT_FDCWD, "d", R_OK | W_OK | X_OK, 0), 0);
}

static int access_half_root(void *arg)
{
    (void)arg;
    if (sys_setresuid(USER, 0, 0) < 0)
        return 99;
    int real = sys_faccessat(AT_FDCWD, "secret", R_OK, 0), effective = sys_faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS);
    return real == -EACCES && effective == 0 ? 0 : 1;
}

static int access_hidden_root(void *arg)
{
    (void)arg;
    if (sys_setresuid(0, USER, 0) < 0)
        return 99;
    int real = sys_faccessat(AT_FDCWD, "secret", R_OK, 0), effective = sys_faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS);
    return real == 0 && effective == -EACCES ? 0 : 1;
}

CONFORM_CASE(access_asks_for_the_real_user)
{
    make_open_tree();
    make_owned("secret", 0600, 0, 0);
    expect(in_child(access_half_root, NULL), 0);
    expect(in_child(access_hidden_root, NULL), 0);
}
