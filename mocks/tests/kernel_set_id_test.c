/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with set-user-ID and set-group-ID bits, who may execute at all, and ids of user namespaces whose maps of users and
 * of groups differ. */
#include <sys/prctl.h>

#include "mocks/tests/capabilities.h"
#include "mocks/tests/files.h"

#define USER 1000
#define OTHER 2000

static int become(uid_t uid, gid_t gid)
{
    int r = sys_setgroups(0, NULL);
    if (r == 0)
        r = sys_setresgid(gid, gid, gid);
    return r < 0 ? r : sys_setresuid(uid, uid, uid);
}

/* ---- set-id programs ---- */

/* 1: OTHER is the effective user, 2: the effective group, 4: undumpable. */
CONFORM_PROGRAM(tell_ids)
{
    return (sys_geteuid() == OTHER) | (sys_getegid() == OTHER) << 1 | (sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1) << 2;
}

struct program {
    const char *label;
    mode_t mode;
    unsigned long mount_flags;
    bool no_new_privs;
    int result;
};

static int run_tell_ids(void *arg)
{
    const struct program *program = arg;
    if (become(USER, USER) < 0)
        return 99;
    if (program->no_new_privs)
        sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return -sys_execveat(AT_FDCWD, CONFORM_BIN "tell_ids", (char *[]){"tell_ids", NULL}, (char *[]){NULL}, 0);
}

CONFORM_CASE(bits_of_programs_change_ids)
{
    static const struct program rows[] = {
        {"none", 0755, 0, false, 0},
        {"set-user-ID", 04755, 0, false, 1 | 4},
        {"set-group-ID", 02755, 0, false, 2 | 4},
        {"both", 06755, 0, false, 1 | 2 | 4},
        {"set-group-ID without execution by the group", 02745, 0, false, 0},
        {"set-user-ID without execution by the owner", 04655, 0, false, 1 | 4},
        {"both on a mount without set-id", 06755, MS_NOSUID, false, 0},
        {"both without new privileges", 06755, 0, true, 0},
        {"sticky", 01755, 0, false, 0},
    };

    expect(sys_fchownat(AT_FDCWD, CONFORM_BIN "tell_ids", OTHER, OTHER, 0), 0);
    expect(bind_dir("/tmp/bin", "/tmp/bin"), 0);
    FOR_CASES(row, rows)
    {
        expect(sys_fchmodat(AT_FDCWD, CONFORM_BIN "tell_ids", row->mode), 0);
        expect(sys_mount(NULL, "/tmp/bin", NULL, MS_REMOUNT | MS_BIND | row->mount_flags, NULL), 0);
        expect(in_child(run_tell_ids, (void *)row), row->result);
    }
}

/* ---- who executes ---- */

CONFORM_PROGRAM(run)
{
    return 0;
}

struct executor {
    const char *label;
    mode_t mode;
    unsigned long mount_flags;
    uid_t uid, gid;
    int result;
};

static int run_executor(void *arg)
{
    const struct executor *executor = arg;
    if (become(executor->uid, executor->gid) < 0)
        return 99;
    int asked = sys_faccessat(AT_FDCWD, CONFORM_BIN "run", X_OK, 0);
    int r = sys_execveat(AT_FDCWD, CONFORM_BIN "run", (char *[]){"run", NULL}, (char *[]){NULL}, 0);
    expect(asked, r);
    return -r;
}

CONFORM_CASE(bits_of_programs_say_who_executes)
{
    static const struct executor rows[] = {
        {"root and an x for the owner", 0100, 0, 0, 0, 0},
        {"root and an x for the group", 0010, 0, 0, 0, 0},
        {"root and an x for others", 0001, 0, 0, 0, 0},
        {"root and no x", 0666, 0, 0, 0, EACCES},
        {"a user and an x for others", 0001, 0, USER, USER, 0},
        {"a user and no x for others", 0770, 0, USER, USER, EACCES},
        {"the group without x", 0705, 0, USER, OTHER, EACCES},
        {"the group with x alone", 0010, 0, USER, OTHER, 0},
        {"the owner without x", 0055, 0, OTHER, USER, EACCES},
        {"root on a mount without execution", 0777, MS_NOEXEC, 0, 0, EACCES},
    };

    expect(sys_fchownat(AT_FDCWD, CONFORM_BIN "run", OTHER, OTHER, 0), 0);
    expect(bind_dir("/tmp/bin", "/tmp/bin"), 0);
    FOR_CASES(row, rows)
    {
        expect(sys_fchmodat(AT_FDCWD, CONFORM_BIN "run", row->mode), 0);
        expect(sys_mount(NULL, "/tmp/bin", NULL, MS_REMOUNT | MS_BIND | row->mount_flags, NULL), 0);
        expect(in_child(run_executor, (void *)row), row->result);
    }
}

/* ---- supplementary groups ---- */

struct member {
    const char *label;
    size_t n;
    gid_t groups[4];
    int result;
};

static int opens_as_member(void *arg)
{
    const struct member *member = arg;
    if (sys_setresgid(USER, USER, USER) < 0 || sys_setgroups(member->n, member->groups) < 0 ||
        sys_setresuid(USER, USER, USER) < 0)
        return 99;
    return -closed(sys_openat(AT_FDCWD, "/tmp/file", O_RDONLY | O_CLOEXEC, 0));
}

CONFORM_CASE(each_supplementary_group_counts)
{
    static const struct member rows[] = {
        {"none", 0, {0}, EACCES},
        {"one", 1, {OTHER}, 0},
        {"the first", 4, {OTHER, 1, 2, 3}, 0},
        {"the last", 4, {1, 2, 3, OTHER}, 0},
        {"in the middle", 4, {1, OTHER, 2, 3}, 0},
        {"others", 4, {1, 2, 3, 4}, EACCES},
        {"twice", 2, {OTHER, OTHER}, 0},
    };

    expect(make_owned("/tmp/file", 0040, 0, OTHER), 0);
    FOR_CASES(row, rows)
    expect(in_child(opens_as_member, (void *)row), row->result);
}

/* ---- capabilities of who is not root ---- */

static int changes_user_with_capabilities(void *arg)
{
    uid_t to = *(const uid_t *)arg;

    sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (sys_setresuid(USER, USER, USER) < 0 || caps_drop_to(CAP(SETUID)) < 0)
        return 99;
    sys_prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    if (sys_setresuid(to, to, to) < 0)
        return 98;
    return (caps_of(0).effective >> CAP_SETUID & 1) | (caps_of(0).permitted >> CAP_SETUID & 1) << 1;
}

CONFORM_CASE(who_was_not_root_keeps_capabilities)
{
    expect(in_child(changes_user_with_capabilities, &(uid_t){OTHER}), 1 | 2);
    expect(in_child(changes_user_with_capabilities, &(uid_t){USER}), 1 | 2);
    expect(in_child(changes_user_with_capabilities, &(uid_t){0}), 1 | 2);
}

/* ---- maps that differ ---- */

struct namespace
{
    int go[2], done[2];
    int (*fn)(void);
};

static int wait_and_run(void *arg)
{
    const struct namespace *namespace = arg;
    char byte;
    if (sys_read(namespace->go[0], &byte, 1) != 1)
        return 99;
    return namespace->fn();
}

static int write_map(int pid, const char *file, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? fd : sys_write(fd, text, strlen(text));
    if (fd >= 0)
        sys_close(fd);
    return n < 0 ? (int)n : 0;
}

/* In a user and a mount namespace where users 0 to 9 are 1000 to 1009 and groups 0 to 9 are 2000 to 2009. */
static int run_mapped(int (*fn)(void))
{
    struct namespace namespace = {.fn = fn};
    expect(sys_pipe2(namespace.go, O_CLOEXEC), 0);
    struct sys_spawn args = {.flags = CLONE_NEWUSER | CLONE_NEWNS, .cgroup_fd = -1};
    int pid = sys_spawn(&args, wait_and_run, &namespace);
    expect(write_map(pid, "uid_map", "0 1000 10\n"), 0);
    expect(write_map(pid, "gid_map", "0 2000 10\n"), 0);
    expect(sys_write(namespace.go[1], "x", 1), 1);
    int status = collect(pid);
    sys_close(namespace.go[0]);
    sys_close(namespace.go[1]);
    return status;
}

static int leaves_root_inside(void)
{
    expect(sys_setresgid(0, 0, 0), 0);
    expect(sys_setresuid(0, 0, 0), 0);
    expect_true(caps_of(0).effective != 0);
    expect(sys_setresuid(5, 5, 0), 0);
    expect_true(caps_of(0).effective == 0);
    expect_true(caps_of(0).permitted != 0);
    expect(sys_setresuid(0, 0, 0), 0);
    expect_true(caps_of(0).effective != 0);
    expect(sys_setresuid(5, 5, 5), 0);
    expect_true(caps_of(0).permitted == 0);
    expect(sys_setresuid(0, 0, 0), -EPERM);
    return 0;
}

CONFORM_CASE(root_of_a_namespace_gives_capabilities_up)
{
    expect(run_mapped(leaves_root_inside), 0);
}

static int uses_groups_inside(void)
{
    static const gid_t group = 3;
    expect(sys_setresgid(1, 1, 1), 0);
    expect(sys_setgroups(1, &group), 0);
    expect(sys_setresuid(5, 5, 5), 0);
    expect(closed(sys_openat(AT_FDCWD, "/tmp/of-group", O_RDONLY | O_CLOEXEC, 0)), 0);
    expect(closed(sys_openat(AT_FDCWD, "/tmp/of-user", O_RDONLY | O_CLOEXEC, 0)), -EACCES);
    return 0;
}

CONFORM_CASE(groups_of_a_namespace_go_by_the_map_of_groups)
{
    expect(make_owned("/tmp/of-group", 0040, 0, 2003), 0);
    expect(make_owned("/tmp/of-user", 0040, 0, 1003), 0);
    expect(run_mapped(uses_groups_inside), 0);
}

static int changes_files_inside(void)
{
    struct stat st;
    expect(sys_setresgid(0, 0, 0), 0);
    expect(sys_setresuid(0, 0, 0), 0);
    expect(sys_fstatat(AT_FDCWD, "/tmp/known", &st, 0), 0);
    expect(st.st_uid, 3);
    expect(st.st_gid, 4);
    expect(sys_fchmodat(AT_FDCWD, "/tmp/known", 0600), 0);
    expect(sys_fchownat(AT_FDCWD, "/tmp/known", 1, 2, 0), 0);
    expect(sys_fchownat(AT_FDCWD, "/tmp/known", 1, 10, 0), -EINVAL);
    expect(sys_fchownat(AT_FDCWD, "/tmp/known", 10, 2, 0), -EINVAL);
    /* Known is who is in the map of users; power over it needs both. */
    expect(sys_fchmodat(AT_FDCWD, "/tmp/user-known", 0600), 0);
    expect(sys_fchownat(AT_FDCWD, "/tmp/user-known", 1, 2, 0), -EPERM);
    expect(closed(sys_openat(AT_FDCWD, "/tmp/user-known-too", O_RDONLY | O_CLOEXEC, 0)), -EACCES);
    expect(sys_fchmodat(AT_FDCWD, "/tmp/group-known", 0600), -EPERM);
    expect(sys_fstatat(AT_FDCWD, "/tmp/group-known", &st, 0), 0);
    expect(st.st_uid, 65534);
    expect(st.st_gid, 4);
    return 0;
}

CONFORM_CASE(power_over_files_goes_by_both_maps)
{
    expect(make_owned("/tmp/known", 0, 1003, 2004), 0);
    expect(make_owned("/tmp/user-known", 0, 1003, 1004), 0);
    expect(make_owned("/tmp/user-known-too", 0, 1003, 1004), 0);
    expect(make_owned("/tmp/group-known", 0, 2003, 2004), 0);
    expect(run_mapped(changes_files_inside), 0);
}

/* ---- a file system that does not know who asks ---- */

static int mount_and_wait(void *arg)
{
    const struct namespace *namespace = arg;
    char byte;
    if (sys_read(namespace->go[0], &byte, 1) != 1 || sys_setresgid(0, 0, 0) < 0 || sys_setresuid(0, 0, 0) < 0 ||
        sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return 99;
    int r = sys_mount("tmpfs", "/tmp/m", "tmpfs", 0, "mode=777");
    if (r == 0)
        r = make_file("/tmp/m/file", "x");
    sys_write(namespace->done[1], &r, sizeof(r));
    return sys_read(namespace->go[0], &byte, 1) == 1 ? 0 : 98;
}

CONFORM_CASE(who_has_no_id_in_a_file_system_makes_nothing_there)
{
    struct namespace namespace = {0};
    char path[64];
    int r = -1;

    expect(make_dir("/tmp/m"), 0);
    expect(sys_pipe2(namespace.go, O_CLOEXEC), 0);
    expect(sys_pipe2(namespace.done, O_CLOEXEC), 0);
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER | CLONE_NEWNS, .cgroup_fd = -1}, mount_and_wait, &namespace);
    expect(write_map(pid, "uid_map", "0 1000 10\n"), 0);
    expect(write_map(pid, "gid_map", "0 2000 10\n"), 0);
    expect(sys_write(namespace.go[1], "x", 1), 1);
    expect(sys_read(namespace.done[0], &r, sizeof(r)), sizeof(r));
    expect(r, 0);
    snprintf(path, sizeof(path), "/proc/%d/root/tmp/m", pid);
    int dir = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    expect_true(dir >= 0);
    expect(sys_mkdirat(dir, "d", 0755), -EOVERFLOW);
    expect(closed(sys_openat(dir, "f", O_CREAT | O_WRONLY, 0644)), -EOVERFLOW);
    expect(sys_symlinkat("x", dir, "l"), -EOVERFLOW);
    expect(sys_mknodat(dir, "p", S_IFIFO | 0600, 0), -EOVERFLOW);
    expect(sys_renameat2(dir, "file", dir, "other", 0), -EOVERFLOW);
    expect(closed(sys_openat(dir, "file", O_RDWR | O_CLOEXEC, 0)), 0);
    expect(sys_unlinkat(dir, "file", 0), 0);
    sys_close(dir);
    expect(sys_write(namespace.go[1], "x", 1), 1);
    expect(collect(pid), 0);
}
