/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/expect.h"

#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "sys/directory.h"
#include "sys/fd.h"

#define TRIES 200
#define PAUSE_NS (5 * NSEC_PER_MSEC)

struct count {
    bool directories_only;
    long n;
};

static int count_entry(void *arg, const char *name UNUSED, bool is_directory)
{
    struct count *count = arg;

    count->n += is_directory || !count->directories_only;
    return 0;
}

/* -1 when there is no such directory. */
static long count_entries(const char *path, bool directories_only)
{
    struct count count = {.directories_only = directories_only};

    _close_ int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return fd < 0 || directory_read(fd, count_entry, &count) < 0 ? -1 : count.n;
}

/* How often a character stands in a file of /proc. */
static long count_in_file(const char *path, char wanted)
{
    _buf_ struct buf text = BUF_INIT(1024 * 1024);
    long n = 0;

    if (file_read_at(AT_FDCWD, path, &text) < 0)
        return -1;
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == wanted;
    return n;
}

/* The containers' cgroups: in the root of version 2, and in each hierarchy of version 1 below it. */
static long count_cgroups(const struct rig *rig)
{
    static const char *const hierarchies[] = {"",      "cpu",     "cpuset",     "cpu,cpuacct", "cpuacct", "memory", "devices",
                                              "blkio", "freezer", "perf_event", "pids",        "hugetlb", "systemd"};
    char path[192];
    long n = 0;

    FOR_ROWS (hierarchy, hierarchies) {
        snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s", *hierarchy, rig->cgroup);
        long found = count_entries(path, true);
        n += found > 0 ? found : 0;
    }
    return n;
}

struct traces traces_now(const struct rig *rig)
{
    struct traces traces;
    char path[192];

    traces.cgroups = count_cgroups(rig);
    snprintf(path, sizeof(path), "%s/run", rig->dir);
    traces.bundles = count_entries(path, false);
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", rig->agent_pid);
    traces.mounts = count_in_file(path, '\n');
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", rig->agent_pid, rig->agent_pid);
    traces.children = count_in_file(path, ' ');
    snprintf(path, sizeof(path), "/proc/%d/fd", rig->agent_pid);
    traces.descriptors = count_entries(path, false);
    return traces;
}

/* Mounts also go when somebody else on this machine removes the directories that they are on. */
static bool is_as_before(const struct traces *now, const struct traces *before)
{
    struct traces same = *now;

    if (same.mounts < before->mounts)
        same.mounts = before->mounts;
    return memcmp(&same, before, sizeof(same)) == 0;
}

void traces_expect(const struct rig *rig, const struct traces *before, const char *label)
{
    struct traces now = traces_now(rig);

    for (int i = 0; i < TRIES && !is_as_before(&now, before); i++) {
        sys_nanosleep(PAUSE_NS);
        now = traces_now(rig);
    }
    if (!is_as_before(&now, before))
        fail_msg("%s left behind: cgroups %+ld, bundles %+ld, mounts %+ld, children %+ld, descriptors %+ld", label,
                 now.cgroups - before->cgroups, now.bundles - before->bundles, now.mounts - before->mounts,
                 now.children - before->children, now.descriptors - before->descriptors);
}

/* ---- containers ---- */

static void expect_text(const char *what, int code, const char *out, const char *errors, const char *want)
{
    if (code != 0 || strcmp(out, want) != 0)
        fail_msg("%s: exit code %d, stdout:\n%s\nwanted:\n%s\nstderr:\n%s", what, code, out, want, errors);
}

void expect_output(struct rig *rig, const char *id, const struct oci_spec *spec, const char *want)
{
    char *out, *errors;

    int code = rig_run_container(rig, id, spec, &out, &errors);
    expect_text(id, code, out, errors, want);
}

void expect_exec_output(struct rig *rig, const char *id, const struct oci_process *process, const char *want)
{
    EXPECT_OK(rig_exec(rig, id, "expected", process, &err));
    char *out = rig_read_all(rig, id, "expected", false);
    char *errors = rig_read_all(rig, id, "expected", true);
    expect_text("exec", rig_wait(rig, id, "expected"), out, errors, want);
}

void expect_running(struct rig *rig, const char *id, const struct oci_spec *spec)
{
    EXPECT_OK(rig_create(rig, id, spec, &err));
    EXPECT_OK(rig_start(rig, id, &err));
}

struct visit {
    int mounts; /* the agent's namespace */
    int (*fn)(const char *arg);
    const char *arg;
};

static int visit(void *arg)
{
    const struct visit *visit = arg;

    return sys_setns(visit->mounts, CLONE_NEWNS) < 0 ? 98 : visit->fn(visit->arg);
}

int in_mounts_of_agent(const struct rig *rig, int (*fn)(const char *arg), const char *arg)
{
    const struct sys_spawn child = {.cgroup_fd = -1};
    struct visit what = {.fn = fn, .arg = arg};
    siginfo_t info = {0};
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", rig->agent_pid);
    what.mounts = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    assert_true(what.mounts >= 0);
    int pid = sys_spawn(&child, visit, &what);
    assert_true(pid > 0);
    assert_int_equal(sys_waitid(P_PID, pid, &info, WEXITED), 0);
    fd_close(&what.mounts);
    return info.si_code == CLD_EXITED ? info.si_status : 97;
}
