/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory in a group: who dies, what is counted, who is told. The version 2 cases run where it has the memory controller.
 */
#include <poll.h>

#include "mocks/tests/cgroups.h"

#define MIB (1024 * 1024)

/* Uses memory for ever. */
static int use_and_stay(void *arg)
{
    const size_t *mebibytes = arg;

    conform_use_memory(*mebibytes * MIB);
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

struct use {
    const struct test_group *group;
    size_t mebibytes;
};

static int enter_and_use(void *arg)
{
    const struct use *use = arg;

    if (put(use->group->dir, "cgroup.procs", "0") < 0)
        return 99;
    conform_use_memory(use->mebibytes * MIB);
    return 0;
}

static int enter_use_and_stay(void *arg)
{
    struct use *use = arg;

    if (put(use->group->dir, "cgroup.procs", "0") < 0)
        return 99;
    return use_and_stay(&use->mebibytes);
}

static unsigned long long value_of(int dir, const char *file, const char *key)
{
    const char *text = text_of(dir, file), *at = *key ? strstr(text, key) : text;
    return at ? strtoull(at + strlen(key), NULL, 10) : ~0ULL;
}

/* ---- version 1 ---- */

CONFORM_CASE(within_the_limit_nobody_dies)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 4};

    expect(put(group.dir, "memory.limit_in_bytes", "32M"), 0);
    expect(in_child(enter_and_use, &use), 0);
    expect(value_of(group.dir, "memory.oom_control", "oom_kill "), 0);
    expect(value_of(group.dir, "memory.failcnt", ""), 0);
    expect_true(value_of(group.dir, "memory.max_usage_in_bytes", "") >= 4 * MIB);
    expect_true(value_of(group.dir, "memory.usage_in_bytes", "") < 4 * MIB);
    group_end(&group);
}

CONFORM_CASE(beyond_the_limit_the_process_dies)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 64};

    expect(put(group.dir, "memory.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "16M"), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(value_of(group.dir, "memory.oom_control", "oom_kill "), 1);
    expect(value_of(group.dir, "memory.failcnt", ""), 0);
    expect(value_of(group.dir, "memory.memsw.failcnt", ""), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(value_of(group.dir, "memory.oom_control", "oom_kill "), 2);
    group_end(&group);
}

CONFORM_CASE(the_kill_counts_where_the_process_was)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root), below = group_in(group.dir);
    struct use use = {&below, 64};

    expect(put(group.dir, "memory.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "16M"), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(value_of(group.dir, "memory.oom_control", "oom_kill "), 0);
    expect(value_of(below.dir, "memory.oom_control", "oom_kill "), 1);
    group_end(&below);
    group_end(&group);
}

/* The group with a large process that is used by a small one beside it until somebody dies; gives what became of the small one.
 */
static int small_beside_large(int root)
{
    struct test_group group = group_in(root);
    struct use large = {&group, 24}, small = {&group, 14};

    expect(put(group.dir, "memory.limit_in_bytes", "32M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "32M"), 0);
    int pid = spawn(enter_use_and_stay, &large);
    for (int i = 0; i < 200 && value_of(group.dir, "memory.usage_in_bytes", "") < 24 * MIB; i++)
        sys_nanosleep(5000000);
    int result = in_child(enter_and_use, &small);
    expect(collect(pid), -SIGKILL);
    expect(value_of(group.dir, "memory.oom_control", "oom_kill "), result ? 2 : 1);
    group_end(&group);
    return result;
}

/* A busy Linux no longer sees its victim a moment before the victim's last pages are given back, and then kills the next, too:
 * so the small one may die sometimes, the large one must always.
 */
CONFORM_CASE(the_largest_dies)
{
    int root = hierarchy("memory"), result = -SIGKILL;

    for (int i = 0; i < 5 && result == -SIGKILL; i++)
        result = small_beside_large(root);
    expect(result, 0);
}

CONFORM_CASE(an_eventfd_is_told)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 64};
    char text[32];
    uint64_t n;

    int control = sys_openat(group.dir, "memory.oom_control", O_RDONLY | O_CLOEXEC, 0);
    int event = sys_eventfd(0, O_CLOEXEC | O_NONBLOCK);
    snprintf(text, sizeof(text), "%d %d", event, control);
    expect(put(group.dir, "cgroup.event_control", text), 0);
    expect(sys_read(event, &n, sizeof(n)), -EAGAIN);
    expect(put(group.dir, "memory.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "16M"), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(sys_read(event, &n, sizeof(n)), sizeof(n));
    sys_close(control);
    group_end(&group);
    struct pollfd wait = {.fd = event, .events = POLLIN};
    expect(sys_poll(&wait, 1, 1000), 1); /* removal tells too */
}

CONFORM_CASE(what_event_control_refuses)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root), other = group_in(root);
    char text[32];
    int control = sys_openat(group.dir, "memory.oom_control", O_RDONLY | O_CLOEXEC, 0);
    int usage = sys_openat(group.dir, "memory.usage_in_bytes", O_RDONLY | O_CLOEXEC, 0);
    int limit = sys_openat(group.dir, "memory.limit_in_bytes", O_RDONLY | O_CLOEXEC, 0);
    int foreign = sys_openat(other.dir, "memory.oom_control", O_RDONLY | O_CLOEXEC, 0);
    int null = sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    int event = sys_eventfd(0, O_CLOEXEC | O_NONBLOCK);
    const struct {
        const char *label;
        int event, control, result;
    } rows[] = {
        {"no eventfd", control, control, -EINVAL}, {"closed eventfd", 999, control, -EBADF},
        {"closed control", event, 999, -EBADF},    {"control of another group", event, foreign, -EINVAL},
        {"no control file", event, null, -EINVAL}, {"file without events", event, limit, -EINVAL},
        {"usage, threshold 0", event, usage, 0},   {"oom control", event, control, 0},
    };

    FOR_CASES(row, rows)
    {
        snprintf(text, sizeof(text), "%d %d", row->event, row->control);
        expect(put(group.dir, "cgroup.event_control", text), row->result);
    }
    expect(put(group.dir, "cgroup.event_control", "x"), -EINVAL);
    expect(put(group.dir, "cgroup.event_control", "5"), -EINVAL);
    sys_close(control);
    sys_close(usage);
    sys_close(limit);
    sys_close(foreign);
    group_end(&other);
    group_end(&group);
}

CONFORM_CASE(without_the_killer_the_process_waits)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 64};
    siginfo_t info = {0};

    expect(put(group.dir, "memory.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.oom_control", "1"), 0);
    int pid = spawn(enter_and_use, &use);
    expect_true(comes(group.dir, "memory.oom_control", "under_oom 1\n"));
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    expect(info.si_pid, 0);
    kill_and_collect(pid);
    expect(value_of(group.dir, "memory.oom_control", "oom_kill "), 0);
    group_end(&group);
}

CONFORM_CASE(the_killer_wakes_who_waited)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 64};

    expect(put(group.dir, "memory.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "16M"), 0);
    expect(put(group.dir, "memory.oom_control", "1"), 0);
    int pid = spawn(enter_and_use, &use);
    expect_true(comes(group.dir, "memory.oom_control", "under_oom 1\n"));
    expect(put(group.dir, "memory.oom_control", "0"), 0);
    expect(collect(pid), -SIGKILL);
    group_end(&group);
}

CONFORM_CASE(what_is_in_use_cannot_be_taken_away)
{
    int root = hierarchy("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 16};

    int pid = spawn(enter_use_and_stay, &use);
    for (int i = 0; i < 200 && value_of(group.dir, "memory.usage_in_bytes", "") < 16 * MIB; i++)
        sys_nanosleep(5000000);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "20M"), -EINVAL);
    expect(put(group.dir, "memory.limit_in_bytes", "20M"), 0);
    expect(put(group.dir, "memory.memsw.limit_in_bytes", "20M"), 0);
    expect(put(group.dir, "memory.limit_in_bytes", "4M"), -EBUSY);
    expect_text(text_of(group.dir, "memory.limit_in_bytes"), "20971520\n");
    kill_and_collect(pid);
    group_end(&group);
}

/* ---- version 2 ---- */

CONFORM_CASE(version_2_counts_in_events)
{
    int root = hierarchy_with("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 64};

    expect(put(group.dir, "memory.max", "16M"), 0);
    expect(put(group.dir, "memory.swap.max", "0"), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(value_of(group.dir, "memory.events", "oom_kill "), 1);
    expect_true(value_of(group.dir, "memory.events", "max ") > 0);
    expect(value_of(group.dir, "memory.events", "oom_group_kill "), 0);
    group_end(&group);
}

CONFORM_CASE(version_2_counts_above_too)
{
    int root = hierarchy_with("memory");
    struct test_group group = group_in(root);

    expect(put(group.dir, "cgroup.subtree_control", "+memory"), 0);
    struct test_group below = group_in(group.dir);
    struct use use = {&below, 64};
    expect(put(group.dir, "memory.max", "16M"), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(value_of(group.dir, "memory.events", "oom_kill "), 1);
    expect(value_of(below.dir, "memory.events", "oom_kill "), 1);
    expect(value_of(group.dir, "memory.events.local", "oom_kill "), 0);
    expect(value_of(group.dir, "memory.events.local", "oom "), 1);
    expect(value_of(below.dir, "memory.events.local", "oom_kill "), 1);
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(a_group_dies_as_a_whole)
{
    int root = hierarchy_with("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 64};

    expect(put(group.dir, "memory.max", "16M"), 0);
    expect(put(group.dir, "memory.oom.group", "1"), 0);
    int pid = spawn(sleep_for_ever, NULL);
    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    expect(in_child(enter_and_use, &use), -SIGKILL);
    expect(collect(pid), -SIGKILL);
    /* The chosen one counts again if it still has its memory when the group is killed. */
    expect_true(value_of(group.dir, "memory.events", "oom_kill ") >= 2);
    expect(value_of(group.dir, "memory.events", "oom_group_kill "), 1);
    group_end(&group);
}

CONFORM_CASE(a_lower_limit_kills)
{
    int root = hierarchy_with("memory");
    struct test_group group = group_in(root);
    struct use use = {&group, 16};

    int pid = spawn(enter_use_and_stay, &use);
    for (int i = 0; i < 200 && value_of(group.dir, "memory.current", "") < 16 * MIB; i++)
        sys_nanosleep(5000000);
    expect(put(group.dir, "memory.swap.max", "0"), 0);
    expect(put(group.dir, "memory.max", "4M"), 0);
    expect(collect(pid), -SIGKILL);
    expect(value_of(group.dir, "memory.events", "oom_kill "), 1);
    group_end(&group);
}
