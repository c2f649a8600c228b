/* SPDX-License-Identifier: Apache-2.0 */
/* The version 2 hierarchy: its tree and who may be where, its files, delegation. Where version 1 holds the big controllers,
 * hugetlb is the one that is left to try the rules on. */
#include <poll.h>
#include <sched.h>
#include <sys/inotify.h>

#include "mocks/tests/cgroups.h"

/* ---- files of a fresh group ---- */

static const struct value_row {
    const char *label, *controller, *file, *text;
    int result;
    const char *shown; /* NULL: not looked at */
} values[] = {
    {"type", NULL, "cgroup.type", NULL, 0, "domain\n"},
    {"no members", NULL, "cgroup.procs", NULL, 0, ""},
    {"no threads", NULL, "cgroup.threads", NULL, 0, ""},
    {"hands nothing down", NULL, "cgroup.subtree_control", NULL, 0, ""},
    {"events", NULL, "cgroup.events", NULL, 0, "populated 0\nfrozen 0\n"},
    {"not frozen", NULL, "cgroup.freeze", NULL, 0, "0\n"},
    {"frozen", NULL, "cgroup.freeze", "1", 0, "1\n"},
    {"freeze 2", NULL, "cgroup.freeze", "2", -ERANGE, "0\n"},
    {"freeze -1", NULL, "cgroup.freeze", "-1", -ERANGE, "0\n"},
    {"freeze that is no number", NULL, "cgroup.freeze", "yes", -EINVAL, "0\n"},
    {"kill", NULL, "cgroup.kill", "1", 0, "-EINVAL"},
    {"kill 0", NULL, "cgroup.kill", "0", -ERANGE, NULL},
    {"kill that is no number", NULL, "cgroup.kill", "x", -EINVAL, NULL},
    {"no such process", NULL, "cgroup.procs", "99999", -ESRCH, ""},
    {"negative process", NULL, "cgroup.procs", "-1", -EINVAL, ""},
    {"process that is no number", NULL, "cgroup.procs", "abc", -EINVAL, ""},
    {"any depth", NULL, "cgroup.max.depth", NULL, 0, "max\n"},
    {"depth", NULL, "cgroup.max.depth", "3", 0, "3\n"},
    {"negative depth", NULL, "cgroup.max.depth", "-1", -ERANGE, "max\n"},
    {"depth that is no number", NULL, "cgroup.max.depth", "x", -EINVAL, "max\n"},
    {"descendants", NULL, "cgroup.max.descendants", "0", 0, "0\n"},
    {"any descendants", NULL, "cgroup.max.descendants", "max", 0, "max\n"},
    {"too many descendants", NULL, "cgroup.max.descendants", "2147483648", -ERANGE, "max\n"},
    {"type domain cannot be written", NULL, "cgroup.type", "domain", -EINVAL, "domain\n"},
    {"type threaded", NULL, "cgroup.type", "threaded", 0, "threaded\n"},
    {"controllers are not written", NULL, "cgroup.controllers", "x", -EINVAL, NULL},
    {"events are not written", NULL, "cgroup.events", "x", -EINVAL, NULL},
    {"controller without a sign", NULL, "cgroup.subtree_control", "hugetlb", -EINVAL, ""},
    {"unknown controller", NULL, "cgroup.subtree_control", "+nonsense", -EINVAL, ""},
    {"controller that the parent keeps", NULL, "cgroup.subtree_control", "+pids", -ENOENT, ""},
    {"controller of version 1 alone", NULL, "cgroup.subtree_control", "+freezer", -EINVAL, ""},
    {"controller that is always there", NULL, "cgroup.subtree_control", "+perf_event", -ENOENT, ""},
    {"taking away what is not there", NULL, "cgroup.subtree_control", "-pids", 0, ""},
    {"nothing", NULL, "cgroup.subtree_control", "\n", 0, ""},
    {"no release agent", NULL, "release_agent", "x", -ENOENT, NULL},
    {"no tasks", NULL, "tasks", "0", -ENOENT, NULL},
    {"no limits without the controller", NULL, "pids.max", "1", -ENOENT, NULL},
    {"time", NULL, "cpu.stat", NULL, 0, NULL},
    {"huge pages", "hugetlb", "hugetlb.2MB.max", NULL, 0, NULL},
    {"huge pages in whole pages", "hugetlb", "hugetlb.2MB.max", "5M", 0, "4194304\n"},
    {"huge pages 0", "hugetlb", "hugetlb.2MB.max", "0", 0, "0\n"},
    {"all huge pages", "hugetlb", "hugetlb.2MB.max", "max", 0, "max\n"},
    {"negative huge pages", "hugetlb", "hugetlb.2MB.max", "-1", -EINVAL, NULL},
    {"huge pages that are no number", "hugetlb", "hugetlb.2MB.max", "abc", -EINVAL, NULL},
    {"huge pages in use", "hugetlb", "hugetlb.2MB.current", NULL, 0, "0\n"},
    {"huge page events", "hugetlb", "hugetlb.2MB.events", NULL, 0, "max 0\n"},
    {"reserved huge pages", "hugetlb", "hugetlb.2MB.rsvd.max", "2M", 0, "2097152\n"},
    {"memory in use", "memory", "memory.current", NULL, 0, "0\n"},
    {"no memory limit", "memory", "memory.max", NULL, 0, "max\n"},
    {"memory limit", "memory", "memory.max", "5000", 0, "4096\n"},
    {"memory limit with unit", "memory", "memory.max", "1M", 0, "1048576\n"},
    {"memory limit -1", "memory", "memory.max", "-1", -EINVAL, "max\n"},
    {"memory limit that is no number", "memory", "memory.max", "x", -EINVAL, "max\n"},
    {"memory that is kept", "memory", "memory.low", NULL, 0, "0\n"},
    {"memory that is kept, set", "memory", "memory.low", "1M", 0, "1048576\n"},
    {"memory guarantee", "memory", "memory.min", "1M", 0, "1048576\n"},
    {"memory high", "memory", "memory.high", "1M", 0, "1048576\n"},
    {"memory peak", "memory", "memory.peak", NULL, 0, "0\n"},
    {"memory events", "memory", "memory.events", NULL, 0, "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"},
    {"swap limit", "memory", "memory.swap.max", "0", 0, "0\n"},
    {"no swap limit", "memory", "memory.swap.max", NULL, 0, "max\n"},
    {"die together", "memory", "memory.oom.group", "1", 0, "1\n"},
    {"die together 2", "memory", "memory.oom.group", "2", -EINVAL, "0\n"},
    {"process limit", "pids", "pids.max", "5", 0, "5\n"},
    {"no process limit", "pids", "pids.max", NULL, 0, "max\n"},
    {"processes", "pids", "pids.current", NULL, 0, "0\n"},
    {"weight", "cpu", "cpu.weight", NULL, 0, "100\n"},
    {"weight 1", "cpu", "cpu.weight", "1", 0, "1\n"},
    {"weight 0", "cpu", "cpu.weight", "0", -ERANGE, "100\n"},
    {"weight 10001", "cpu", "cpu.weight", "10001", -ERANGE, "100\n"},
    {"cpu limit", "cpu", "cpu.max", NULL, 0, "max 100000\n"},
    {"quota", "cpu", "cpu.max", "50000", 0, "50000 100000\n"},
    {"quota and period", "cpu", "cpu.max", "50000 200000", 0, "50000 200000\n"},
    {"no quota", "cpu", "cpu.max", "max", 0, "max 100000\n"},
    {"too small a quota", "cpu", "cpu.max", "999", -EINVAL, "max 100000\n"},
    {"too long a period", "cpu", "cpu.max", "max 1000001", -EINVAL, "max 100000\n"},
    {"quota that is no number", "cpu", "cpu.max", "x", -EINVAL, "max 100000\n"},
    {"no cpus of its own", "cpuset", "cpuset.cpus", NULL, 0, "\n"},
    {"cpus", "cpuset", "cpuset.cpus", "0", 0, "0\n"},
    {"memory nodes", "cpuset", "cpuset.mems", "0", 0, "0\n"},
    {"no such cpus", "cpuset", "cpuset.cpus", "9999", -ERANGE, "\n"},
    {"io limit of no device", "io", "io.max", "1:1 rbps=5", -ENODEV, ""},
    {"io limit without device", "io", "io.max", "rbps=5", -EINVAL, ""},
};

CONFORM_CASE(values_of_version_2)
{
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const struct value_row *row = &values[i];
        char word[64];
        int root = hierarchy(NULL);
        snprintf(word, sizeof(word), "+%s", row->controller);
        if (row->controller && put(root, "cgroup.subtree_control", word) < 0)
            continue; /* version 1 has it here */
        conform_row(row->label);
        struct test_group group = group_in(root);
        if (row->text)
            expect(put(group.dir, row->file, row->text), row->result);
        if (row->shown)
            expect_text(text_of(group.dir, row->file), row->shown);
        group_end(&group);
        sys_close(root);
    }
}

/* ---- where processes may be ---- */

CONFORM_CASE(populated_counts_below_too)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root), below = group_in(group.dir);

    int pid = spawn(sleep_for_ever, NULL);
    expect(put_pid(below.dir, "cgroup.procs", pid), 0);
    expect_text(text_of(below.dir, "cgroup.events"), "populated 1\nfrozen 0\n");
    expect_text(text_of(group.dir, "cgroup.events"), "populated 1\nfrozen 0\n");
    expect_text(text_of(group.dir, "cgroup.procs"), "");
    expect_true(lists(below.dir, "cgroup.procs", pid));
    expect_true(lists(below.dir, "cgroup.threads", pid));
    expect(sys_unlinkat(group.dir, below.name, AT_REMOVEDIR), -EBUSY);
    kill_and_collect(pid);
    expect_text(text_of(group.dir, "cgroup.events"), "populated 0\nfrozen 0\n");
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(no_processes_beside_controllers)
{
    int root = hierarchy_with("hugetlb");
    struct test_group group = group_in(root), below = group_in(group.dir);
    int pid = spawn(sleep_for_ever, NULL);

    expect_true(strstr(text_of(group.dir, "cgroup.controllers"), "hugetlb") != NULL);
    expect_text(text_of(below.dir, "cgroup.controllers"), "");
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect(put(group.dir, "cgroup.subtree_control", "+hugetlb"), -EBUSY);
    expect(put_pid(below.dir, "cgroup.procs", pid), 0);
    expect(put(group.dir, "cgroup.subtree_control", "+hugetlb"), 0);
    expect_text(text_of(group.dir, "cgroup.subtree_control"), "hugetlb\n");
    expect_text(text_of(below.dir, "cgroup.controllers"), "hugetlb\n");
    expect_text(text_of(below.dir, "hugetlb.2MB.current"), "0\n");
    expect(put_pid(group.dir, "cgroup.procs", pid), -EBUSY);
    expect(put_pid(group.dir, "cgroup.threads", pid), -EBUSY);
    expect(put(root, "cgroup.subtree_control", "-hugetlb"), -EBUSY);
    expect(put(group.dir, "cgroup.subtree_control", "-hugetlb +hugetlb"), 0);
    expect(put(group.dir, "cgroup.subtree_control", "-hugetlb"), 0);
    expect_text(text_of(below.dir, "hugetlb.2MB.current"), "-ENOENT");
    kill_and_collect(pid);
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(limits_begin_anew_with_the_controller)
{
    int root = hierarchy_with("hugetlb");
    struct test_group group = group_in(root), below = group_in(group.dir);

    expect(put(group.dir, "cgroup.subtree_control", "+hugetlb"), 0);
    expect(put(below.dir, "hugetlb.2MB.max", "2M"), 0);
    int fd = sys_openat(below.dir, "hugetlb.2MB.max", O_RDWR | O_CLOEXEC, 0);
    expect(put(group.dir, "cgroup.subtree_control", "-hugetlb"), 0);
    char text[32];
    expect(sys_read(fd, text, sizeof(text)), -ENODEV);
    expect(put(group.dir, "cgroup.subtree_control", "+hugetlb"), 0);
    expect_true(strcmp(text_of(below.dir, "hugetlb.2MB.max"), "2097152\n") != 0);
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(threaded_groups)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root), below = group_in(group.dir), beside = group_in(group.dir);
    int pid = spawn(sleep_for_ever, NULL);

    expect(put(below.dir, "cgroup.type", "threaded"), 0);
    expect(put(below.dir, "cgroup.type", "threaded"), 0);
    expect_text(text_of(group.dir, "cgroup.type"), "domain threaded\n");
    expect_text(text_of(below.dir, "cgroup.type"), "threaded\n");
    expect_text(text_of(beside.dir, "cgroup.type"), "domain invalid\n");
    expect_text(text_of(below.dir, "cgroup.procs"), "-EOPNOTSUPP");
    expect(put_pid(beside.dir, "cgroup.procs", pid), -EOPNOTSUPP);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect(put_pid(below.dir, "cgroup.threads", pid), 0);
    expect_true(lists(below.dir, "cgroup.threads", pid));
    expect(put(below.dir, "cgroup.kill", "1"), -EOPNOTSUPP);
    expect(put(group.dir, "cgroup.kill", "1"), 0);
    expect(collect(pid), -SIGKILL);
    group_end(&beside);
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(a_populated_group_stays_a_domain)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);
    int pid = spawn(sleep_for_ever, NULL);

    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect(put(group.dir, "cgroup.type", "threaded"), -EOPNOTSUPP);
    kill_and_collect(pid);
    group_end(&group);
}

CONFORM_CASE(limits_of_the_tree)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);

    expect(put(group.dir, "cgroup.max.descendants", "1"), 0);
    struct test_group below = group_in(group.dir);
    expect(sys_mkdirat(group.dir, "second", 0755), -EAGAIN);
    expect(put(group.dir, "cgroup.max.descendants", "max"), 0);
    expect(put(group.dir, "cgroup.max.depth", "1"), 0);
    expect(sys_mkdirat(below.dir, "deep", 0755), -EAGAIN);
    expect(put(group.dir, "cgroup.max.depth", "0"), 0);
    expect(sys_mkdirat(group.dir, "second", 0755), -EAGAIN);
    expect_true(strstr(text_of(group.dir, "cgroup.stat"), "nr_descendants 1\n") != NULL);
    group_end(&below);
    group_end(&group);
}

/* ---- killing ---- */

CONFORM_CASE(kill_ends_all_below)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root), below = group_in(group.dir);
    int one = spawn(sleep_for_ever, NULL), other = spawn(sleep_for_ever, NULL);

    expect(put_pid(group.dir, "cgroup.procs", one), 0);
    expect(put_pid(below.dir, "cgroup.procs", other), 0);
    expect(put(group.dir, "cgroup.kill", "1"), 0);
    expect(collect(one), -SIGKILL);
    expect(collect(other), -SIGKILL);
    group_end(&below);
    group_end(&group);
}

/* ---- telling ---- */

CONFORM_CASE(events_tell_watchers)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);
    char path[256], event[512];
    int pid = spawn(sleep_for_ever, NULL);

    snprintf(path, sizeof(path), "/tmp/cgroup-v2/%s/cgroup.events", group.name);
    int fd = sys_inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    expect_true(sys_inotify_add_watch(fd, path, IN_MODIFY) > 0);
    expect(sys_read(fd, event, sizeof(event)), -EAGAIN);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    expect(sys_poll(&wait, 1, 1000), 1);
    expect(sys_read(fd, event, sizeof(event)), sizeof(struct inotify_event));
    expect(((struct inotify_event *)(void *)event)->mask, IN_MODIFY);
    kill_and_collect(pid);
    expect(sys_poll(&wait, 1, 1000), 1);
    sys_close(fd);
    group_end(&group);
}

CONFORM_CASE(events_tell_pollers)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);
    char text[64];
    int pid = spawn(sleep_for_ever, NULL);

    int fd = sys_openat(group.dir, "cgroup.events", O_RDONLY | O_CLOEXEC, 0);
    expect_true(sys_read(fd, text, sizeof(text)) > 0);
    struct pollfd wait = {.fd = fd, .events = POLLPRI};
    expect(sys_poll(&wait, 1, 0), 0);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect(sys_poll(&wait, 1, 1000), 1);
    expect(wait.revents, POLLPRI | POLLERR);
    expect_true(sys_pread(fd, text, sizeof(text), 0) > 0);
    expect(memcmp(text, "populated 1", 11), 0);
    expect(sys_poll(&wait, 1, 0), 0);
    kill_and_collect(pid);
    expect(sys_poll(&wait, 1, 1000), 1);
    sys_close(fd);
    group_end(&group);
}

/* ---- born inside ---- */

CONFORM_CASE(a_process_is_born_in_a_group)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);
    struct sys_spawn args = {.cgroup_fd = group.dir};

    int pid = sys_spawn(&args, sleep_for_ever, NULL);
    expect_true(pid > 0);
    expect_true(lists(group.dir, "cgroup.procs", pid));
    kill_and_collect(pid);
    int path = sys_openat(root, group.name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    args.cgroup_fd = path;
    pid = sys_spawn(&args, sleep_for_ever, NULL);
    expect_true(lists(group.dir, "cgroup.procs", pid));
    kill_and_collect(pid);
    sys_close(path);
    group_end(&group);
}

static int born_result(int fd)
{
    struct sys_spawn args = {.cgroup_fd = fd};
    int pid = sys_spawn(&args, sleep_for_ever, NULL);

    if (pid > 0)
        kill_and_collect(pid);
    return pid > 0 ? 0 : pid;
}

CONFORM_CASE(nobody_is_born_where_nobody_may_be)
{
    int root = hierarchy(NULL), old = hierarchy("freezer");
    struct test_group group = group_in(root);

    expect(born_result(999), -EBADF);
    int file = sys_openat(group.dir, "cgroup.procs", O_RDONLY | O_CLOEXEC, 0);
    expect(born_result(file), -EBADF);
    int tmp = open_dir(AT_FDCWD, "/tmp");
    expect(born_result(tmp), -EBADF);
    expect(born_result(old), -EBADF);
    expect(sys_unlinkat(root, group.name, AT_REMOVEDIR), 0);
    expect(born_result(group.dir), -ENOENT);
}

static int exits_7(void *arg)
{
    (void)arg;
    return 7;
}

static int born_exit(const struct test_group *group)
{
    return collect(sys_spawn(&(struct sys_spawn){.cgroup_fd = group->dir}, exits_7, NULL));
}

static int enter_killed_group(void *arg)
{
    const struct test_group *groups = arg;

    if (put(groups[0].dir, "cgroup.procs", "0") < 0)
        return 99;
    expect(born_exit(&groups[0]), 7);
    expect(in_child(exits_7, NULL), 7);
    expect(born_exit(&groups[1]), -SIGKILL);
    return 0;
}

/* The kernel tells a kill during the fork by a count, and compares that of the parent's group with that of the child's. */
CONFORM_CASE(who_is_born_into_a_group_that_was_killed_before_dies)
{
    int root = hierarchy(NULL), major = 0, minor = 0;
    sscanf(text_of(AT_FDCWD, "/proc/sys/kernel/osrelease"), "%d.%d", &major, &minor);
    if (major < 6 || (major == 6 && minor < 14))
        conform_not_runnable("kills are counted since 6.14");
    struct test_group groups[] = {group_in(root), group_in(root)}, below = group_in(groups[0].dir);

    expect(born_exit(&groups[0]), 7);
    expect(put(groups[0].dir, "cgroup.kill", "1"), 0);
    expect(born_exit(&groups[0]), -SIGKILL);
    expect(born_exit(&below), -SIGKILL);
    expect(born_exit(&groups[1]), 7);
    expect(in_child(enter_killed_group, groups), 0);
    struct test_group late = group_in(groups[0].dir);
    expect(born_exit(&late), 7);
    group_end(&late);
    group_end(&below);
    group_end(&groups[0]);
    group_end(&groups[1]);
}

/* ---- rights and views ---- */

static int enter_as_user(void *arg)
{
    const struct test_group *group = arg;

    if (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    return -put(group->dir, "cgroup.procs", "0");
}

CONFORM_CASE(delegation_ends_at_the_delegated_group)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);

    expect(in_child(enter_as_user, &group), EACCES);
    expect(sys_fchownat(group.dir, "cgroup.procs", 1000, 1000, 0), 0);
    expect(in_child(enter_as_user, &group), EACCES); /* the common ancestor is the root, which root owns */
    group_end(&group);
}

static int move_within(void *arg)
{
    const struct test_group *below = arg;

    if (put(below->root, "cgroup.procs", "0") < 0 || sys_fchown(below->root, 1000, 1000) < 0)
        return 98;
    if (sys_fchownat(below->root, "cgroup.procs", 1000, 1000, 0) < 0 ||
        sys_fchownat(below->dir, "cgroup.procs", 1000, 1000, 0) < 0)
        return 97;
    if (sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    return -put(below->dir, "cgroup.procs", "0");
}

CONFORM_CASE(the_owner_moves_within_the_delegated_group)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root), below = group_in(group.dir);

    expect(in_child(move_within, &below), 0);
    group_end(&below);
    group_end(&group);
}

static int look_from_namespace(void *arg)
{
    const struct test_group *group = arg;

    if (put(group->dir, "cgroup.procs", "0") < 0 || sys_unshare(CLONE_NEWCGROUP) < 0)
        return 99;
    if (!strstr(text_of(AT_FDCWD, "/proc/self/cgroup"), "0::/\n"))
        return 1;
    if (!strstr(text_of(AT_FDCWD, "/proc/1/cgroup"), "0::/..\n"))
        return 2;
    if (sys_mkdirat(AT_FDCWD, "/tmp/inside", 0755) < 0 || sys_mount("cgroup2", "/tmp/inside", "cgroup2", 0, NULL) < 0)
        return 3;
    if (!strstr(text_of(AT_FDCWD, "/tmp/inside/cgroup.events"), "populated 1"))
        return 4;
    if (!strstr(text_of(AT_FDCWD, "/proc/self/mountinfo"), " / /tmp/inside "))
        return 5;
    return strstr(text_of(AT_FDCWD, "/proc/self/mountinfo"), " /.. /tmp/cgroup-v2 ") ? 0 : 6;
}

CONFORM_CASE(a_cgroup_namespace_shows_its_root)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);

    expect(in_child(look_from_namespace, &group), 0);
    sys_umount2("/tmp/inside", 0);
    group_end(&group);
}

static int delegated(void *arg)
{
    const struct test_group *group = arg;
    struct test_group below = {.root = group->dir};

    if (put(group->dir, "cgroup.procs", "0") < 0 || sys_unshare(CLONE_NEWCGROUP) < 0)
        return 99;
    if (sys_mkdirat(group->dir, "below", 0755) < 0 || (below.dir = open_dir(group->dir, "below")) < 0)
        return 1;
    if (put(below.dir, "cgroup.procs", "0") < 0 || put(group->dir, "cgroup.procs", "0") < 0)
        return 2;
    if (put(group->dir, "cgroup.freeze", "0") != -EPERM || put(group->dir, "cgroup.max.depth", "max") != -EPERM)
        return 3;
    if (put(below.dir, "cgroup.max.depth", "5") < 0)
        return 4;
    if (put(group->root, "cgroup.procs", "0") != -ENOENT)
        return 5;
    return put_pid(below.dir, "cgroup.procs", 1) == -ENOENT ? 0 : 6;
}

static int sleep_in_namespace(void *arg UNUSED)
{
    if (sys_unshare(CLONE_NEWCGROUP) < 0)
        return 1;
    return sleep_for_ever(NULL);
}

/* Who joins the namespace around the birth stands on the other side of the border; beside it nobody is born into the group. */
static void birth_across_the_border(const struct test_group *group)
{
    struct sys_spawn args = {.cgroup_fd = group->dir};
    char path[64], own[64] = "", theirs[64] = "";

    int pid = sys_spawn(&args, sleep_in_namespace, NULL);
    snprintf(path, sizeof(path), "/proc/%d/ns/cgroup", pid);
    sys_readlinkat(AT_FDCWD, "/proc/self/ns/cgroup", own, sizeof(own) - 1);
    for (int i = 0; i < 200 && (!theirs[0] || strcmp(own, theirs) == 0); i++) {
        sys_nanosleep(5000000);
        sys_readlinkat(AT_FDCWD, path, theirs, sizeof(theirs) - 1);
    }
    struct sys_join join = {.fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), .type = CLONE_NEWCGROUP};
    args.joins = &join;
    args.n_joins = 1;
    expect(sys_spawn(&args, sleep_for_ever, NULL), -ENOENT);
    args.cgroup_fd = -1;
    int other = sys_spawn(&args, sleep_for_ever, NULL);
    expect(put_pid(group->dir, "cgroup.procs", other), 0);
    kill_and_collect(other);
    kill_and_collect(pid);
    sys_close(join.fd);
}

CONFORM_CASE(nsdelegate_makes_namespaces_a_border)
{
    int root = hierarchy(NULL);

    if (!conform_owns_machine())
        conform_not_runnable("the option counts for the whole machine");
    struct test_group group = group_in(root);
    expect(sys_mount("cgroup2", "/tmp/cgroup-v2", "cgroup2", MS_REMOUNT, "nsdelegate"), 0);
    expect_true(strstr(text_of(AT_FDCWD, "/proc/self/mountinfo"), ",nsdelegate\n") != NULL);
    expect(in_child(delegated, &group), 0);
    birth_across_the_border(&group);
    expect(sys_mount("cgroup2", "/tmp/cgroup-v2", "cgroup2", MS_REMOUNT, NULL), 0);
    expect(sys_unlinkat(group.dir, "below", AT_REMOVEDIR), 0);
    group_end(&group);
}

CONFORM_CASE(a_removed_group_is_shown_as_deleted)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);
    struct sys_spawn args = {.cgroup_fd = group.dir};
    char path[64], line[128];
    siginfo_t info;

    int pid = sys_spawn(&args, sleep_for_ever, NULL);
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    expect(sys_kill(pid, SIGKILL), 0);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    snprintf(line, sizeof(line), "0::/%s\n", group.name);
    expect_true(strstr(text_of(AT_FDCWD, path), line) != NULL);
    group_end(&group);
    snprintf(line, sizeof(line), "0::/%s (deleted)\n", group.name);
    expect_true(strstr(text_of(AT_FDCWD, path), line) != NULL);
    collect(pid);
}

CONFORM_CASE(refusals_of_the_tree)
{
    static const struct {
        const char *label, *name;
        int result;
    } rows[] = {
        {"name with a newline", "a\nb", -EINVAL},
        {"name that exists", "cgroup.procs", -EEXIST},
        {"no name", "", -ENOENT},
    };
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);

    FOR_CASES(row, rows)
    expect(sys_mkdirat(group.dir, row->name, 0755), row->result);
    expect(sys_openat(group.dir, "x", O_CREAT | O_WRONLY, 0644), -EACCES);
    expect(sys_unlinkat(group.dir, "cgroup.procs", 0), -EPERM);
    expect(sys_renameat2(root, group.name, root, "renamed", 0), -EPERM);
    expect(sys_unlinkat(AT_FDCWD, "/tmp/cgroup-v2", AT_REMOVEDIR), -EBUSY);
    struct statfs st;
    expect(sys_fstatfs(group.dir, &st), 0);
    expect(st.f_type, 0x63677270);
    group_end(&group);
}

CONFORM_CASE(mount_options_of_version_2)
{
    static const struct {
        const char *label, *options;
        int result;
    } rows[] = {
        {"unknown", "nonsense", -EINVAL},
        {"controller", "memory", -EINVAL},
        {"value", "nsdelegate=1", -EINVAL},
        {"none", NULL, 0},
    };

    expect(sys_mkdirat(AT_FDCWD, "/tmp/m", 0755), 0);
    FOR_CASES(row, rows)
    expect(sys_mount("cgroup2", "/tmp/m", "cgroup2", 0, row->options), row->result);
}
