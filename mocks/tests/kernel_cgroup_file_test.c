/* SPDX-License-Identifier: Apache-2.0 */
/* The files of control groups: which there are in a root and below, how numbers are read, with whose rights is written. */
#include "mocks/tests/cgroups.h"

/* ---- which ---- */

static mode_t mode_in(int dir, const char *file)
{
    struct stat st = {0};
    return sys_fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & 07777 : 0;
}

CONFORM_CASE(files_of_roots_and_of_groups)
{
    static const struct {
        const char *label; /* the name */
        const char *controllers;
        mode_t root, group; /* 0: not there */
    } rows[] = {
        {"cgroup.procs", NULL, 0644, 0644},
        {"cgroup.threads", NULL, 0644, 0644},
        {"cgroup.controllers", NULL, 0444, 0444},
        {"cgroup.subtree_control", NULL, 0644, 0644},
        {"cgroup.events", NULL, 0, 0444},
        {"cgroup.type", NULL, 0, 0644},
        {"cgroup.freeze", NULL, 0, 0644},
        {"cgroup.kill", NULL, 0, 0200},
        {"cgroup.stat", NULL, 0444, 0444},
        {"cgroup.max.depth", NULL, 0644, 0644},
        {"cgroup.max.descendants", NULL, 0644, 0644},
        {"cpu.stat", NULL, 0444, 0444},
        {"cpu.stat.local", NULL, 0444, 0444},
        {"tasks", NULL, 0, 0},
        {"notify_on_release", NULL, 0, 0},
        {"cgroup.clone_children", NULL, 0, 0},
        {"freezer.state", NULL, 0, 0},
        {"cgroup.procs", "freezer", 0644, 0644},
        {"tasks", "freezer", 0644, 0644},
        {"notify_on_release", "freezer", 0644, 0644},
        {"cgroup.clone_children", "freezer", 0644, 0644},
        {"cgroup.sane_behavior", "freezer", 0444, 0},
        {"release_agent", "freezer", 0644, 0},
        {"freezer.state", "freezer", 0, 0644},
        {"freezer.self_freezing", "freezer", 0, 0444},
        {"freezer.parent_freezing", "freezer", 0, 0444},
        {"cgroup.kill", "freezer", 0, 0},
        {"cgroup.events", "freezer", 0, 0},
        {"cgroup.type", "freezer", 0, 0},
        {"cgroup.freeze", "freezer", 0, 0},
        {"pids.max", "freezer", 0, 0},
        {"pids.max", "pids", 0, 0644},
        {"pids.current", "pids", 0, 0444},
        {"pids.peak", "pids", 0, 0444},
        {"pids.events", "pids", 0, 0444},
        {"pids.events.local", "pids", 0, 0},
        {"memory.limit_in_bytes", "memory", 0644, 0644},
        {"memory.usage_in_bytes", "memory", 0444, 0444},
        {"memory.max_usage_in_bytes", "memory", 0644, 0644},
        {"memory.failcnt", "memory", 0644, 0644},
        {"memory.memsw.limit_in_bytes", "memory", 0644, 0644},
        {"memory.memsw.usage_in_bytes", "memory", 0444, 0444},
        {"memory.soft_limit_in_bytes", "memory", 0644, 0644},
        {"memory.swappiness", "memory", 0644, 0644},
        {"memory.oom_control", "memory", 0644, 0644},
        {"memory.use_hierarchy", "memory", 0644, 0644},
        {"memory.stat", "memory", 0444, 0444},
        {"memory.max", "memory", 0, 0},
        {"cpu.shares", "cpu", 0644, 0644},
        {"cpu.cfs_quota_us", "cpu", 0644, 0644},
        {"cpu.cfs_period_us", "cpu", 0644, 0644},
        {"cpuset.cpus", "cpuset", 0644, 0644},
        {"cpuset.mems", "cpuset", 0644, 0644},
        {"cpuset.effective_cpus", "cpuset", 0444, 0444},
        {"devices.list", "devices", 0444, 0444},
        {"devices.allow", "devices", 0200, 0200},
        {"devices.deny", "devices", 0200, 0200},
    };

    FOR_CASES(row, rows)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root);
        expect(mode_in(root, row->label), row->root);
        expect(mode_in(group.dir, row->label), row->group);
        group_end(&group);
    }
}

/* ---- numbers ---- */

CONFORM_CASE(numbers_in_files)
{
    static const struct {
        const char *label, *text;
        int result;
        const char *shown;
    } rows[] = {
        {"decimal", "12", 0, "12\n"},
        {"zero", "0", 0, "0\n"},
        {"octal", "010", 0, "8\n"},
        {"hexadecimal", "0x10", 0, "16\n"},
        {"hexadecimal in capitals", "0X1F", 0, "31\n"},
        {"sign", "+5", 0, "5\n"},
        {"negative zero", "-0", 0, "0\n"},
        {"negative", "-1", -ERANGE, "max\n"},
        {"both signs", "-+5", -EINVAL, "max\n"},
        {"two signs", "++5", -EINVAL, "max\n"},
        {"blanks around", "  7\t", 0, "7\n"},
        {"newline behind", "7\n", 0, "7\n"},
        {"two lines", "7\n8\n", -EINVAL, "max\n"},
        {"two numbers", "7 8", -EINVAL, "max\n"},
        {"letters behind", "7x", -EINVAL, "max\n"},
        {"no octal digit", "08", -EINVAL, "max\n"},
        {"no digits", "0x", -EINVAL, "max\n"},
        {"only blanks", " ", -EINVAL, "max\n"},
        {"only a sign", "-", -EINVAL, "max\n"},
        {"below the largest", "2147483646", 0, "2147483646\n"},
        {"the largest", "2147483647", 0, "max\n"},
        {"too large", "2147483648", -ERANGE, "max\n"},
        {"much too large", "99999999999999999999", -ERANGE, "max\n"},
        {"word", "max", 0, "max\n"},
        {"word with newline", "max\n", 0, "max\n"},
        {"other word", "min", -EINVAL, "max\n"},
        {"word in capitals", "MAX", -EINVAL, "max\n"},
    };

    FOR_CASES(row, rows)
    {
        struct test_group group = group_in(hierarchy(NULL));
        expect(put(group.dir, "cgroup.max.depth", row->text), row->result);
        expect_text(text_of(group.dir, "cgroup.max.depth"), row->shown);
        group_end(&group);
    }
}

/* ---- rights ---- */

static int writes_as_opener(void *arg)
{
    const struct test_group *group = arg;
    int fd = sys_openat(group->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0 || sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    expect(sys_write(fd, "0", 1), 1);
    expect(sys_geteuid(), 1000);
    expect(put(group->dir, "cgroup.procs", "0"), -EACCES);
    expect(sys_mkdirat(group->dir, "x", 0755), -EACCES);
    return 0;
}

CONFORM_CASE(the_opener_s_rights_last_for_one_write)
{
    struct test_group group = group_in(hierarchy(NULL));
    expect(in_child(writes_as_opener, &group), 0);
    group_end(&group);
}

CONFORM_CASE(writes_that_are_no_text_of_a_file)
{
    struct test_group group = group_in(hierarchy(NULL));
    static char large[5000];
    char byte;

    memset(large, ' ', sizeof(large));
    int fd = sys_openat(group.dir, "cgroup.max.depth", O_RDWR | O_CLOEXEC, 0);
    expect(sys_write(fd, "5", 0), 0);
    expect(sys_write(fd, large, sizeof(large)), -E2BIG);
    expect(sys_pwrite(fd, "5", 1, 100), 1);
    expect_text(text_of(group.dir, "cgroup.max.depth"), "5\n");
    expect(sys_pread(fd, &byte, 1, 1), 1);
    expect(byte, '\n');
    expect(sys_pread(fd, &byte, 1, 2), 0);
    expect(sys_ftruncate(fd, 0), 0);
    expect_text(text_of(group.dir, "cgroup.max.depth"), "5\n");
    sys_close(fd);
    expect(sys_openat(group.dir, "cgroup.stat", O_WRONLY | O_CLOEXEC, 0) >= 0, true);
    expect(put(group.dir, "cgroup.stat", "x"), -EINVAL);
    expect_text(text_of(group.dir, "cgroup.kill"), "-EINVAL");
    group_end(&group);
}

/* ---- what cannot be done in a hierarchy ---- */

CONFORM_CASE(only_groups_are_made)
{
    static const struct {
        const char *label, *controllers;
    } rows[] = {{"version 1", "freezer"}, {"version 2", NULL}};

    FOR_CASES(row, rows)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root);
        expect(sys_openat(group.dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), -EACCES);
        expect(sys_symlinkat("x", group.dir, "link"), -EPERM);
        expect(sys_mknodat(group.dir, "fifo", S_IFIFO | 0600, 0), -EPERM);
        expect(sys_mkdirat(group.dir, "cgroup.procs", 0755), -EEXIST);
        expect(sys_mkdirat(group.dir, "with\nline", 0755), -EINVAL);
        expect(sys_unlinkat(group.dir, "cgroup.procs", 0), -EPERM);
        expect(sys_unlinkat(group.dir, "cgroup.procs", AT_REMOVEDIR), -ENOTDIR);
        expect(sys_unlinkat(root, group.name, 0), -EISDIR);
        expect(sys_unlinkat(group.dir, "missing", AT_REMOVEDIR), -ENOENT);
        group_end(&group);
    }
}
