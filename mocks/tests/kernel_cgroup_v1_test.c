/* SPDX-License-Identifier: Apache-2.0 */
/* Version 1 hierarchies: what each file takes and shows, moving processes, making and removing groups. */
#include "mocks/tests/cgroups.h"

#define UNLIMITED "9223372036854771712\n"

/* A fresh group per row: first, if any, is written before; then text, with a result and what the file shows afterwards. */
static const struct value_row {
    const char *label, *controller, *file, *first, *text;
    int result;
    const char *shown; /* NULL: not looked at */
} values[] = {
    {"shares below the least", "cpu", "cpu.shares", NULL, "0", 0, "2\n"},
    {"least shares", "cpu", "cpu.shares", NULL, "2", 0, "2\n"},
    {"shares", "cpu", "cpu.shares", NULL, "512", 0, "512\n"},
    {"most shares", "cpu", "cpu.shares", NULL, "300000", 0, "262144\n"},
    {"shares that are no number", "cpu", "cpu.shares", NULL, "abc", -EINVAL, "1024\n"},
    {"negative shares", "cpu", "cpu.shares", NULL, "-1", -EINVAL, "1024\n"},
    {"too small a quota", "cpu", "cpu.cfs_quota_us", NULL, "999", -EINVAL, "-1\n"},
    {"least quota", "cpu", "cpu.cfs_quota_us", NULL, "1000", 0, "1000\n"},
    {"quota 0", "cpu", "cpu.cfs_quota_us", NULL, "0", -EINVAL, "-1\n"},
    {"negative quota is none", "cpu", "cpu.cfs_quota_us", "5000", "-2", 0, "-1\n"},
    {"quota that is no number", "cpu", "cpu.cfs_quota_us", NULL, "abc", -EINVAL, "-1\n"},
    {"too small a period", "cpu", "cpu.cfs_period_us", NULL, "999", -EINVAL, "100000\n"},
    {"least period", "cpu", "cpu.cfs_period_us", NULL, "1000", 0, "1000\n"},
    {"too long a period", "cpu", "cpu.cfs_period_us", NULL, "1000001", -EINVAL, "100000\n"},
    {"longest period", "cpu", "cpu.cfs_period_us", NULL, "1000000", 0, "1000000\n"},
    {"idle", "cpu", "cpu.idle", NULL, "1", 0, "1\n"},
    {"more than idle", "cpu", "cpu.idle", NULL, "2", -EINVAL, "0\n"},
    {"statistics of cpu", "cpu", "cpu.stat", NULL, NULL, 0,
     "nr_periods 0\nnr_throttled 0\nthrottled_time 0\nnr_bursts 0\nburst_time 0\n"},
    {"realtime period 0", "cpu", "cpu.rt_period_us", NULL, "0", -EINVAL, "1000000\n"},
    {"realtime period", "cpu", "cpu.rt_period_us", NULL, "500000", 0, "500000\n"},
    {"used time", "cpuacct", "cpuacct.usage", NULL, NULL, 0, "0\n"},
    {"used time cannot be set", "cpuacct", "cpuacct.usage", NULL, "1", -EINVAL, "0\n"},
    {"used time is set back", "cpuacct", "cpuacct.usage", NULL, "0", 0, "0\n"},
    {"times", "cpuacct", "cpuacct.stat", NULL, NULL, 0, "user 0\nsystem 0\n"},
    {"no cpus at first", "cpuset", "cpuset.cpus", NULL, NULL, 0, "\n"},
    {"no memory nodes at first", "cpuset", "cpuset.mems", NULL, NULL, 0, "\n"},
    {"one cpu", "cpuset", "cpuset.cpus", NULL, "0", 0, "0\n"},
    {"cpus as a range", "cpuset", "cpuset.cpus", NULL, "0,1", 0, "0-1\n"},
    {"blanks around a list", "cpuset", "cpuset.cpus", NULL, " 0 \n", 0, "0\n"},
    {"cpus are taken away", "cpuset", "cpuset.cpus", "0", "\n", 0, "\n"},
    {"no such cpu", "cpuset", "cpuset.cpus", NULL, "9999", -ERANGE, "\n"},
    {"range backwards", "cpuset", "cpuset.cpus", NULL, "1-0", -EINVAL, "\n"},
    {"range without end", "cpuset", "cpuset.cpus", NULL, "0-", -EINVAL, "\n"},
    {"cpus that are no list", "cpuset", "cpuset.cpus", NULL, "a", -EINVAL, "\n"},
    {"a memory node", "cpuset", "cpuset.mems", NULL, "0", 0, "0\n"},
    {"no such memory node", "cpuset", "cpuset.mems", NULL, "1", -EINVAL, "\n"},
    {"memory limit", "memory", "memory.limit_in_bytes", NULL, "1048576", 0, "1048576\n"},
    {"memory limit with unit", "memory", "memory.limit_in_bytes", NULL, "1M", 0, "1048576\n"},
    {"memory limit in gigabytes", "memory", "memory.limit_in_bytes", NULL, "2g", 0, "2147483648\n"},
    {"limits are whole pages", "memory", "memory.limit_in_bytes", NULL, "4097", 0, "4096\n"},
    {"no memory limit at first", "memory", "memory.limit_in_bytes", NULL, NULL, 0, UNLIMITED},
    {"memory limit is taken away", "memory", "memory.limit_in_bytes", "1M", "-1", 0, UNLIMITED},
    {"memory limit -2", "memory", "memory.limit_in_bytes", NULL, "-2", -EINVAL, UNLIMITED},
    {"memory limit that is no number", "memory", "memory.limit_in_bytes", NULL, "abc", -EINVAL, UNLIMITED},
    {"memory limit with rest", "memory", "memory.limit_in_bytes", NULL, "1Mx", -EINVAL, UNLIMITED},
    {"largest memory limit", "memory", "memory.limit_in_bytes", NULL, "18446744073709551615", 0, UNLIMITED},
    {"memory and swap", "memory", "memory.memsw.limit_in_bytes", NULL, "20M", -EINVAL, UNLIMITED},
    {"soft limit", "memory", "memory.soft_limit_in_bytes", NULL, "1M", 0, "1048576\n"},
    {"swappiness", "memory", "memory.swappiness", NULL, "10", 0, "10\n"},
    {"most swappiness", "memory", "memory.swappiness", NULL, "200", 0, "200\n"},
    {"too much swappiness", "memory", "memory.swappiness", "10", "201", -EINVAL, "10\n"},
    {"kernel memory limit has no effect", "memory", "memory.kmem.limit_in_bytes", NULL, "1M", 0, UNLIMITED},
    {"kernel memory limit is parsed", "memory", "memory.kmem.limit_in_bytes", NULL, "abc", -EINVAL, UNLIMITED},
    {"tcp memory limit", "memory", "memory.kmem.tcp.limit_in_bytes", NULL, "1M", 0, "1048576\n"},
    {"hierarchy is always used", "memory", "memory.use_hierarchy", NULL, "0", -EINVAL, "1\n"},
    {"hierarchy", "memory", "memory.use_hierarchy", NULL, "1", 0, "1\n"},
    {"oom killer off", "memory", "memory.oom_control", NULL, "1", 0, "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n"},
    {"oom killer on", "memory", "memory.oom_control", "1", "0", 0, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"},
    {"oom killer neither", "memory", "memory.oom_control", NULL, "2", -EINVAL, NULL},
    {"failure count is set back", "memory", "memory.failcnt", NULL, "0", 0, "0\n"},
    {"usage is not written", "memory", "memory.usage_in_bytes", NULL, "0", -EINVAL, "0\n"},
    {"charges do not move", "memory", "memory.move_charge_at_immigrate", NULL, "1", -EINVAL, "0\n"},
    {"pressure level is not read", "memory", "memory.pressure_level", NULL, NULL, 0, "-EINVAL"},
    {"event control is not read", "memory", "cgroup.event_control", NULL, NULL, 0, "-EINVAL"},
    {"no process limit at first", "pids", "pids.max", NULL, NULL, 0, "max\n"},
    {"process limit 0", "pids", "pids.max", NULL, "0", 0, "0\n"},
    {"process limit", "pids", "pids.max", NULL, " 7 \n", 0, "7\n"},
    {"process limit is taken away", "pids", "pids.max", "7", "max", 0, "max\n"},
    {"negative process limit", "pids", "pids.max", NULL, "-1", -EINVAL, "max\n"},
    {"most processes", "pids", "pids.max", NULL, "4194304", 0, "4194304\n"},
    {"too many processes", "pids", "pids.max", NULL, "4194305", -EINVAL, "max\n"},
    {"far too many processes", "pids", "pids.max", NULL, "99999999999999999999", -ERANGE, "max\n"},
    {"no processes", "pids", "pids.current", NULL, NULL, 0, "0\n"},
    {"failed forks", "pids", "pids.events", NULL, NULL, 0, "max 0\n"},
    {"weight", "blkio", "blkio.bfq.weight", NULL, "200", 0, "200\n"},
    {"weight 0", "blkio", "blkio.bfq.weight", NULL, "0", -ERANGE, "100\n"},
    {"too much weight", "blkio", "blkio.bfq.weight", NULL, "1001", -ERANGE, "100\n"},
    {"no rates at first", "blkio", "blkio.throttle.read_bps_device", NULL, NULL, 0, ""},
    {"rate", "blkio", "blkio.throttle.read_bps_device", NULL, "7:0 100", 0, "7:0 100\n"},
    {"rate is replaced", "blkio", "blkio.throttle.read_bps_device", "7:0 100", "7:0 50", 0, "7:0 50\n"},
    {"rate is taken away", "blkio", "blkio.throttle.read_bps_device", "7:0 100", "7:0 0", 0, ""},
    {"rate of no device", "blkio", "blkio.throttle.read_bps_device", NULL, "1:1 100", -ENODEV, ""},
    {"rate without device", "blkio", "blkio.throttle.read_bps_device", NULL, "abc", -EINVAL, ""},
    {"device without rate", "blkio", "blkio.throttle.read_bps_device", NULL, "7:0", -EINVAL, ""},
    {"devices at first", "devices", "devices.list", NULL, NULL, 0, "a *:* rwm\n"},
    {"freezer thawed", "freezer", "freezer.state", NULL, NULL, 0, "THAWED\n"},
    {"empty group freezes at once", "freezer", "freezer.state", NULL, "FROZEN", 0, "FROZEN\n"},
    {"blanks around a state", "freezer", "freezer.state", NULL, " FROZEN\n", 0, "FROZEN\n"},
    {"thaws", "freezer", "freezer.state", "FROZEN", "THAWED", 0, "THAWED\n"},
    {"no such state", "freezer", "freezer.state", NULL, "frozen", -EINVAL, "THAWED\n"},
    {"freezing is no request", "freezer", "freezer.state", NULL, "FREEZING", -EINVAL, "THAWED\n"},
    {"frozen itself", "freezer", "freezer.self_freezing", NULL, NULL, 0, "0\n"},
    {"frozen by parent", "freezer", "freezer.parent_freezing", NULL, NULL, 0, "0\n"},
    {"no members", "freezer", "cgroup.procs", NULL, NULL, 0, ""},
    {"no tasks", "freezer", "tasks", NULL, NULL, 0, ""},
    {"children are not clones", "freezer", "cgroup.clone_children", NULL, NULL, 0, "0\n"},
    {"children are clones", "freezer", "cgroup.clone_children", NULL, "1", 0, "1\n"},
    {"release is told", "freezer", "notify_on_release", NULL, "1", 0, "1\n"},
    {"release agent only in the root", "freezer", "release_agent", NULL, "x", -ENOENT, NULL},
    {"no such file", "freezer", "cgroup.events", NULL, "1", -ENOENT, NULL},
    {"no such process", "freezer", "cgroup.procs", NULL, "99999", -ESRCH, ""},
    {"negative process", "freezer", "cgroup.procs", NULL, "-1", -EINVAL, ""},
    {"process that is no number", "freezer", "cgroup.procs", NULL, "abc", -EINVAL, ""},
};

static bool has_file(int dir, const char *file)
{
    return sys_faccessat(dir, file, F_OK, 0) == 0;
}

CONFORM_CASE(values_of_version_1)
{
    FOR_CASES(row, values)
    {
        int root = hierarchy(row->controller);
        struct test_group group = group_in(root);
        if (row->result != -ENOENT && !has_file(group.dir, row->file)) {
            conform_row_not_runnable("the kernel is built without this file");
            group_end(&group);
            sys_close(root);
            continue;
        }
        if (row->first)
            expect(put(group.dir, row->file, row->first), 0);
        if (row->text)
            expect(put(group.dir, row->file, row->text), row->result);
        if (row->shown)
            expect_text(text_of(group.dir, row->file), row->shown);
        group_end(&group);
        sys_close(root);
    }
}

static const struct value_row roots[] = {
    {"cpus of the root", "cpuset", "cpuset.cpus", NULL, "0", -EACCES, NULL},
    {"memory limit of the root", "memory", "memory.limit_in_bytes", NULL, "1M", -EINVAL, UNLIMITED},
    {"oom killer of the root", "memory", "memory.oom_control", NULL, "1", -EINVAL, NULL},
    {"shares of the root", "cpu", "cpu.shares", NULL, "5", -EINVAL, "1024\n"},
    {"quota of the root", "cpu", "cpu.cfs_quota_us", NULL, "5000", -EINVAL, "-1\n"},
    {"no process limit of the root", "pids", "pids.max", NULL, "5", -ENOENT, NULL},
    {"no state of the root", "freezer", "freezer.state", NULL, "FROZEN", -ENOENT, NULL},
    {"sane", "freezer", "cgroup.sane_behavior", NULL, NULL, 0, "0\n"},
};

CONFORM_CASE(files_of_the_root)
{
    FOR_CASES(row, roots)
    {
        int root = hierarchy(row->controller);
        if (row->text)
            expect(put(root, row->file, row->text), row->result);
        if (row->shown)
            expect_text(text_of(root, row->file), row->shown);
        sys_close(root);
    }
}

/* ---- groups ---- */

CONFORM_CASE(a_group_with_children_is_busy)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);

    expect(sys_mkdirat(group.dir, "child", 0755), 0);
    expect(sys_mkdirat(group.dir, "child", 0755), -EEXIST);
    expect(sys_unlinkat(root, group.name, AT_REMOVEDIR), -EBUSY);
    expect(sys_unlinkat(group.dir, "child", AT_REMOVEDIR), 0);
    expect(sys_unlinkat(group.dir, "child", AT_REMOVEDIR), -ENOENT);
    group_end(&group);
}

CONFORM_CASE(a_group_with_processes_is_busy)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);

    int pid = spawn(sleep_for_ever, NULL);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect_true(lists(group.dir, "cgroup.procs", pid));
    expect_true(lists(group.dir, "tasks", pid));
    expect_true(!lists(root, "cgroup.procs", pid));
    expect(sys_unlinkat(root, group.name, AT_REMOVEDIR), -EBUSY);
    expect(put_pid(root, "cgroup.procs", pid), 0);
    expect_text(text_of(group.dir, "cgroup.procs"), "");
    kill_and_collect(pid);
    group_end(&group);
}

CONFORM_CASE(a_zombie_keeps_no_group)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);
    siginfo_t info;

    int pid = spawn(sleep_for_ever, NULL);
    expect(put_pid(group.dir, "tasks", pid), 0);
    expect(sys_kill(pid, SIGKILL), 0);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    expect_text(text_of(group.dir, "cgroup.procs"), "");
    group_end(&group);
    expect(collect(pid), -SIGKILL);
}

CONFORM_CASE(a_zombie_moves_without_effect)
{
    static const struct {
        const char *label, *controllers;
    } rows[] = {{"freezer", "freezer"}, {"pids", "pids"}, {"version 2", NULL}};

    FOR_CASES(row, rows)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root);
        siginfo_t info;
        int pid = spawn(sleep_for_ever, NULL);
        expect(sys_kill(pid, SIGKILL), 0);
        expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
        expect(put_pid(group.dir, "cgroup.procs", pid), 0);
        expect_text(text_of(group.dir, "cgroup.procs"), "");
        expect(collect(pid), -SIGKILL);
        expect(put_pid(group.dir, "cgroup.procs", pid), -ESRCH);
        group_end(&group);
    }
}

CONFORM_CASE(a_new_group_has_the_flags_of_its_parent)
{
    static const struct {
        const char *label, *file;
    } rows[] = {{"notify_on_release", "notify_on_release"}, {"clone_children", "cgroup.clone_children"}};

    FOR_CASES(row, rows)
    {
        int root = hierarchy("freezer");
        struct test_group group = group_in(root), before = group_in(group.dir);
        expect(put(group.dir, row->file, "1"), 0);
        struct test_group after = group_in(group.dir);
        expect_text(text_of(before.dir, row->file), "0\n");
        expect_text(text_of(after.dir, row->file), "1\n");
        group_end(&after);
        group_end(&before);
        group_end(&group);
    }
}

CONFORM_CASE(groups_can_be_renamed_in_place)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root), below = group_in(group.dir);

    expect(sys_renameat2(group.dir, below.name, group.dir, "renamed", 0), 0);
    expect_true(sys_mkdirat(group.dir, below.name, 0755) == 0);
    expect(sys_renameat2(group.dir, below.name, group.dir, "renamed", 0), -EEXIST);
    expect(sys_renameat2(group.dir, below.name, group.dir, "re\nnamed", 0), -EINVAL);
    expect(sys_renameat2(group.dir, "renamed", root, "conform-moved", 0), -EIO);
    expect(sys_renameat2(group.dir, "renamed", group.dir, "cgroup.procs", 0), -ENOTDIR);
    expect(sys_unlinkat(group.dir, "renamed", AT_REMOVEDIR), 0);
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(files_cannot_be_made_or_removed)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);

    expect(sys_openat(group.dir, "file", O_CREAT | O_WRONLY, 0644), -EACCES);
    expect(sys_unlinkat(group.dir, "cgroup.procs", 0), -EPERM);
    expect(sys_unlinkat(group.dir, "cgroup.procs", AT_REMOVEDIR), -ENOTDIR);
    expect(sys_symlinkat("x", group.dir, "link"), -EPERM);
    expect(sys_mkdirat(group.dir, "a\nb", 0755), -EINVAL);
    expect(sys_mknodat(group.dir, "pipe", S_IFIFO | 0644, 0), -EPERM);
    group_end(&group);
}

CONFORM_CASE(a_removed_group_is_gone_for_those_who_have_it_open)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);
    char text[64];

    int fd = sys_openat(group.dir, "freezer.state", O_RDWR | O_CLOEXEC, 0);
    expect(sys_unlinkat(root, group.name, AT_REMOVEDIR), 0);
    expect(sys_read(fd, text, sizeof(text)), -ENODEV);
    expect(sys_write(fd, "FROZEN", 6), -ENODEV);
    expect(sys_openat(group.dir, "freezer.state", O_RDONLY, 0), -ENOENT);
    expect(sys_mkdirat(group.dir, "child", 0755), -ENOENT);
    expect(sys_getdents64(group.dir, text, sizeof(text)), -ENOENT);
}

CONFORM_CASE(modes_of_files)
{
    static const struct {
        const char *label, *file;
        unsigned int mode;
    } rows[] = {
        {"directory", ".", S_IFDIR | 0755},
        {"members", "cgroup.procs", S_IFREG | 0644},
        {"tasks", "tasks", S_IFREG | 0644},
        {"limit", "memory.limit_in_bytes", S_IFREG | 0644},
        {"usage", "memory.usage_in_bytes", S_IFREG | 0444},
        {"events", "cgroup.event_control", S_IFREG | 0200},
        {"statistics", "memory.stat", S_IFREG | 0444},
        {"emptying", "memory.force_empty", S_IFREG | 0200},
    };
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct stat st;

    FOR_CASES(row, rows)
    {
        expect(sys_fstatat(group.dir, row->file, &st, 0), 0);
        expect(st.st_mode, row->mode);
        expect(st.st_size, 0);
    }
    group_end(&group);
}

/* ---- cpuset ---- */

CONFORM_CASE(a_cpuset_without_cpus_takes_nobody)
{
    static const struct {
        const char *label, *cpus, *mems;
        int result;
    } rows[] = {
        {"neither", NULL, NULL, -ENOSPC},
        {"only cpus", "0", NULL, -ENOSPC},
        {"only memory", NULL, "0", -ENOSPC},
        {"both", "0", "0", 0},
    };
    int root = hierarchy("cpuset");

    FOR_CASES(row, rows)
    {
        struct test_group group = group_in(root);
        int pid = spawn(sleep_for_ever, NULL);
        if (row->cpus)
            expect(put(group.dir, "cpuset.cpus", row->cpus), 0);
        if (row->mems)
            expect(put(group.dir, "cpuset.mems", row->mems), 0);
        expect(put_pid(group.dir, "cgroup.procs", pid), row->result);
        expect(put(group.dir, "cpuset.cpus", "\n"), row->result == 0 ? -ENOSPC : 0);
        kill_and_collect(pid);
        group_end(&group);
    }
}

CONFORM_CASE(cpusets_are_nested)
{
    int root = hierarchy("cpuset");
    struct test_group group = group_in(root);

    expect(sys_mkdirat(group.dir, "child", 0755), 0);
    int child = open_dir(group.dir, "child");
    expect(put(child, "cpuset.cpus", "0"), -EACCES);
    expect(put(group.dir, "cpuset.cpus", "0"), 0);
    expect(put(child, "cpuset.cpus", "0-1"), -EACCES);
    expect(put(child, "cpuset.cpus", "0"), 0);
    expect(put(group.dir, "cpuset.cpus", "1"), -EBUSY);
    expect(put(group.dir, "cpuset.cpus", "0-1"), 0);
    sys_close(child);
    expect(sys_unlinkat(group.dir, "child", AT_REMOVEDIR), 0);
    group_end(&group);
}

CONFORM_CASE(clones_of_a_cpuset)
{
    int root = hierarchy("cpuset");
    struct test_group group = group_in(root);

    expect(put(group.dir, "cpuset.cpus", "0"), 0);
    expect(put(group.dir, "cpuset.mems", "0"), 0);
    expect(put(group.dir, "cgroup.clone_children", "1"), 0);
    expect(sys_mkdirat(group.dir, "child", 0755), 0);
    int child = open_dir(group.dir, "child");
    expect_text(text_of(child, "cpuset.cpus"), "0\n");
    expect_text(text_of(child, "cpuset.mems"), "0\n");
    expect_text(text_of(child, "cgroup.clone_children"), "1\n");
    sys_close(child);
    expect(sys_unlinkat(group.dir, "child", AT_REMOVEDIR), 0);
    group_end(&group);
}

/* ---- cpu ---- */

CONFORM_CASE(a_child_gets_no_more_time_than_its_parent)
{
    int root = hierarchy("cpu");
    struct test_group group = group_in(root);

    expect(sys_mkdirat(group.dir, "child", 0755), 0);
    int child = open_dir(group.dir, "child");
    expect(put(group.dir, "cpu.cfs_quota_us", "50000"), 0);
    expect(put(child, "cpu.cfs_quota_us", "60000"), -EINVAL);
    expect(put(child, "cpu.cfs_quota_us", "50000"), 0);
    expect(put(child, "cpu.cfs_period_us", "50000"), -EINVAL);
    expect(put(child, "cpu.cfs_period_us", "200000"), 0);
    expect(put(group.dir, "cpu.cfs_quota_us", "-1"), 0);
    sys_close(child);
    expect(sys_unlinkat(group.dir, "child", AT_REMOVEDIR), 0);
    group_end(&group);
}

/* ---- memory ---- */

CONFORM_CASE(limits_of_memory_and_swap)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);

    expect(put(group.dir, "memory.limit_in_bytes", "10M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "5M"), -EINVAL);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "20M"), 0);
    expect_text(text_of(group.dir, "memory.memsw.limit_in_bytes"), "20971520\n");
    expect(put(group.dir, "memory.limit_in_bytes", "30M"), -EINVAL);
    expect(put(group.dir, "memory.limit_in_bytes", "20M"), 0);
    expect(put(group.dir, "memory.limit_in_bytes", "-1"), -EINVAL);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "-1"), 0);
    expect(put(group.dir, "memory.limit_in_bytes", "-1"), 0);
    group_end(&group);
}

/* ---- pids ---- */

static int fork_result(void *arg)
{
    int pid = spawn(sleep_for_ever, arg);
    if (pid < 0)
        return -pid;
    sys_kill(pid, SIGKILL);
    collect(pid);
    return 0;
}

static int enter_and_fork(void *arg)
{
    const struct test_group *group = arg;

    return put(group->dir, "cgroup.procs", "0") < 0 ? 99 : fork_result(NULL);
}

CONFORM_CASE(forks_stop_at_the_limit)
{
    int root = hierarchy("pids");
    struct test_group group = group_in(root);

    expect(put(group.dir, "pids.max", "2"), 0);
    expect(in_child(enter_and_fork, &group), 0);
    expect(put(group.dir, "pids.max", "1"), 0);
    expect(in_child(enter_and_fork, &group), EAGAIN);
    expect_text(text_of(group.dir, "pids.events"), "max 1\n");
    expect(put(group.dir, "pids.max", "0"), 0);
    expect(in_child(enter_and_fork, &group), EAGAIN); /* who moves in is not stopped */
    expect_text(text_of(group.dir, "pids.events"), "max 2\n");
    expect_text(text_of(group.dir, "pids.peak"), "2\n");
    group_end(&group);
}

CONFORM_CASE(a_limit_above_counts_too)
{
    int root = hierarchy("pids");
    struct test_group group = group_in(root), below;

    below = group_in(group.dir);
    expect(put(group.dir, "pids.max", "1"), 0);
    expect(in_child(enter_and_fork, &below), EAGAIN);
    expect_text(text_of(below.dir, "pids.events"), "max 1\n");
    expect_text(text_of(group.dir, "pids.events"), "max 0\n");
    expect_text(text_of(below.dir, "pids.peak"), "2\n"); /* where it was no limit that refused it */
    expect_text(text_of(group.dir, "pids.peak"), "1\n");
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(a_zombie_counts)
{
    int root = hierarchy("pids");
    struct test_group group = group_in(root);
    siginfo_t info;

    int pid = spawn(sleep_for_ever, NULL);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect_text(text_of(group.dir, "pids.current"), "1\n");
    expect(sys_kill(pid, SIGKILL), 0);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    expect_text(text_of(group.dir, "pids.current"), "1\n");
    expect(collect(pid), -SIGKILL);
    expect_text(text_of(group.dir, "pids.current"), "0\n");
    group_end(&group);
}

CONFORM_CASE(a_move_counts_twice_for_those_above_both)
{
    int root = hierarchy("pids");
    struct test_group group = group_in(root), one = group_in(group.dir), other = group_in(group.dir);

    int pid = spawn(sleep_for_ever, NULL);
    expect(put_pid(one.dir, "cgroup.procs", pid), 0);
    expect_text(text_of(group.dir, "pids.peak"), "1\n");
    expect(put_pid(other.dir, "cgroup.procs", pid), 0);
    expect_text(text_of(group.dir, "pids.peak"), "2\n");
    expect_text(text_of(group.dir, "pids.current"), "1\n");
    expect_text(text_of(other.dir, "pids.peak"), "1\n");
    kill_and_collect(pid);
    group_end(&other);
    group_end(&one);
    group_end(&group);
}

/* ---- who may move whom ---- */

static int drop_and_move(void *arg)
{
    const struct test_group *group = arg;

    if (sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    return -put_pid(group->dir, "cgroup.procs", 1);
}

CONFORM_CASE(others_may_not_move_processes)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);

    expect(in_child(drop_and_move, &group), EACCES);
    expect(sys_fchownat(group.dir, "cgroup.procs", 1000, 1000, 0), 0);
    expect(in_child(drop_and_move, &group), EACCES); /* process 1 belongs to root */
    group_end(&group);
}

static int drop_and_enter(void *arg)
{
    const struct test_group *group = arg;

    if (sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    return -put(group->dir, "cgroup.procs", "0");
}

CONFORM_CASE(the_owner_of_the_file_moves_own_processes)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);

    expect(in_child(drop_and_enter, &group), EACCES);
    expect(sys_fchownat(group.dir, "cgroup.procs", 1000, 1000, 0), 0);
    expect(in_child(drop_and_enter, &group), 0);
    group_end(&group);
}

/* ---- mounting ---- */

CONFORM_CASE(mount_options_of_version_1)
{
    static const struct {
        const char *label, *options;
        int result;
    } rows[] = {
        {"unknown controller", "nonsense", -EINVAL},
        {"controller and none", "freezer,none", -EINVAL},
        {"none without a name", "none", -EINVAL},
        {"empty name", "none,name=", -EINVAL},
        {"name with bad characters", "none,name=a/b", -EINVAL},
        {"two names", "none,name=a,name=b", -EINVAL},
        {"name that does not exist", "name=conform-never", -EINVAL},
        {"all and one", "all,freezer", -EINVAL},
        {"controllers of two hierarchies", "freezer,pids", -EBUSY},
        {"one of a hierarchy", "freezer", 0},
    };

    sys_close(hierarchy("freezer"));
    sys_close(hierarchy("pids"));
    expect(sys_mkdirat(AT_FDCWD, "/tmp/m", 0755), 0);
    FOR_CASES(row, rows)
    expect(sys_mount("cgroup", "/tmp/m", "cgroup", 0, row->options), row->result);
}

CONFORM_CASE(proc_cgroup_names_the_groups)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root);
    char path[64], line[128];

    int pid = spawn(sleep_for_ever, NULL);
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    expect_true(strstr(text_of(AT_FDCWD, path), ":freezer:/\n") != NULL);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    snprintf(line, sizeof(line), ":freezer:/%s\n", group.name);
    expect_true(strstr(text_of(AT_FDCWD, path), line) != NULL);
    expect_true(strstr(text_of(AT_FDCWD, "/proc/cgroups"), "\nfreezer\t") != NULL);
    siginfo_t info;
    expect(sys_kill(pid, SIGKILL), 0);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    expect_true(strstr(text_of(AT_FDCWD, path), ":freezer:/\n") != NULL);
    collect(pid);
    group_end(&group);
}
