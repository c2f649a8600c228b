/* SPDX-License-Identifier: Apache-2.0 */
/* prlimit(2): whose limits may be seen and changed by whom, and what new ones are accepted. */
#include <sys/prctl.h>

#include "mocks/tests/capabilities.h"
#include "mocks/tests/cgroups.h"
#include "mocks/tests/tasks.h"

/* ---- limits of others ---- */

struct ids {
    uint32_t users[3], groups[3]; /* real, effective, saved */
};

struct pair {
    const char *label;
    struct ids target, asker;
    bool keeps; /* the asker keeps CAP_SYS_RESOURCE */
    int result;
};

struct asking {
    const struct pair *pair;
    int pid;
};

static int become(const struct ids *ids)
{
    int r = sys_setgroups(0, NULL);
    if (r == 0)
        r = sys_setresgid(ids->groups[0], ids->groups[1], ids->groups[2]);
    return r < 0 ? r : sys_setresuid(ids->users[0], ids->users[1], ids->users[2]);
}

static int is_target(void *arg)
{
    const struct pair *pair = arg;
    return become(&pair->target) < 0 ? 99 : sleep_for_ever(NULL);
}

static int asks(void *arg)
{
    const struct asking *asking = arg;

    sys_prctl(PR_SET_KEEPCAPS, asking->pair->keeps, 0, 0, 0);
    if (become(&asking->pair->asker) < 0 || (asking->pair->keeps && caps_drop_to(CAP(SYS_RESOURCE)) < 0))
        return 99;
    return -sys_prlimit(asking->pid, RLIMIT_CPU, NULL, &(struct rlimit){0, 0});
}

static void ask(const struct pair *pair)
{
    int pid = spawn(is_target, (void *)pair);
    struct asking asking = {pair, pid};
    expect(settles(pid, 'S'), 'S');
    expect(in_child(asks, &asking), pair->result);
    kill_and_collect(pid);
}

/* A machine may withhold the capability even from root. */
static void need_power(void)
{
    if (!(caps_of(0).effective & CAP(SYS_RESOURCE)))
        conform_not_runnable("root has no CAP_SYS_RESOURCE here");
}

CONFORM_CASE(limits_of_another_process)
{
    static const struct pair rows[] = {
        {"the same user", {{5, 5, 5}, {5, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, 0},
        {"another user", {{6, 6, 6}, {5, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another group", {{5, 5, 5}, {6, 6, 6}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another real user", {{6, 5, 5}, {5, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another effective user", {{5, 6, 5}, {5, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another saved user", {{5, 5, 6}, {5, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another real group", {{5, 5, 5}, {6, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another effective group", {{5, 5, 5}, {5, 6, 5}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"another saved group", {{5, 5, 5}, {5, 5, 6}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"the asker's real user counts", {{5, 5, 5}, {5, 5, 5}}, {{5, 6, 6}, {5, 6, 6}}, false, 0},
        {"the asker's effective user does not", {{5, 5, 5}, {5, 5, 5}}, {{6, 5, 5}, {5, 5, 5}}, false, EPERM},
        {"the asker's effective group does not", {{5, 5, 5}, {5, 5, 5}}, {{5, 5, 5}, {6, 5, 5}}, false, EPERM},
        {"root asked by a user", {{0, 0, 0}, {0, 0, 0}}, {{5, 5, 5}, {5, 5, 5}}, false, EPERM},
    };

    FOR_CASES(row, rows)
    ask(row);
}

CONFORM_CASE(limits_of_another_process_by_the_powerful)
{
    static const struct pair rows[] = {
        {"another user with the capability", {{6, 6, 6}, {6, 6, 6}}, {{5, 5, 5}, {5, 5, 5}}, true, 0},
        {"a user asked by root", {{5, 5, 5}, {5, 5, 5}}, {{0, 0, 0}, {0, 0, 0}}, false, 0},
    };

    need_power();
    FOR_CASES(row, rows)
    ask(row);
}

CONFORM_CASE(limits_of_nobody)
{
    struct rlimit limit = {0, 0};

    expect(sys_prlimit(4711, RLIMIT_CPU, NULL, &limit), -ESRCH);
    expect(sys_prlimit(4711, 99, NULL, &limit), -ESRCH);
    expect(sys_prlimit(-1, RLIMIT_CPU, NULL, &limit), -ESRCH);
    expect(sys_prlimit(0, 99, NULL, &limit), -EINVAL);
    expect(sys_prlimit(0, -1, NULL, &limit), -EINVAL);
    expect(sys_prlimit(0, RLIMIT_CPU, NULL, NULL), 0);
    expect(sys_prlimit(sys_getpid(), RLIMIT_CPU, NULL, &limit), 0);
}

/* ---- new limits ---- */

struct change {
    const char *label;
    int resource;
    rlim_t soft, hard; /* from soft 100, hard 200 */
    bool as_user;
    int result;
};

static int changes(void *arg)
{
    const struct change *change = arg;
    struct rlimit before = {100, 200}, after = {change->soft, change->hard}, shown;

    if (sys_prlimit(0, change->resource, &before, NULL) < 0 || (change->as_user && sys_setresuid(5, 5, 5) < 0))
        return 99;
    struct rlimit old = {0, 0};
    int r = sys_prlimit(0, change->resource, &after, &old);
    expect(sys_prlimit(0, change->resource, NULL, &shown), 0);
    expect(shown.rlim_cur, r == 0 ? change->soft : 100);
    expect(shown.rlim_max, r == 0 ? change->hard : 200);
    expect(old.rlim_cur, r == 0 ? 100 : 0);
    return -r;
}

CONFORM_CASE(new_limits)
{
    static const struct change rows[] = {
        {"lower", RLIMIT_CORE, 50, 150, false, 0},
        {"lower by a user", RLIMIT_CORE, 50, 150, true, 0},
        {"soft one up by a user", RLIMIT_CORE, 200, 200, true, 0},
        {"soft above hard", RLIMIT_CORE, 201, 200, false, EINVAL},
        {"hard one up by a user", RLIMIT_CORE, 100, 201, true, EPERM},
        {"both up by a user, soft above hard", RLIMIT_CORE, 400, 300, true, EINVAL},
        {"endless soft alone", RLIMIT_CORE, RLIM_INFINITY, 200, false, EINVAL},
        {"nothing", RLIMIT_CORE, 0, 0, true, 0},
        {"descriptors", RLIMIT_NOFILE, 150, 150, false, 0},
        {"descriptors beyond what the kernel has", RLIMIT_NOFILE, 100, 1ull << 40, false, EPERM},
        {"endless descriptors", RLIMIT_NOFILE, 100, RLIM_INFINITY, false, EPERM},
        {"descriptors, soft above hard", RLIMIT_NOFILE, RLIM_INFINITY, 100, false, EINVAL},
    };

    FOR_CASES(row, rows)
    expect(in_child(changes, (void *)row), row->result);
}

CONFORM_CASE(new_limits_by_the_powerful)
{
    static const struct change rows[] = {
        {"hard one up", RLIMIT_CORE, 100, 201, false, 0},
        {"endless", RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY, false, 0},
        {"nice", RLIMIT_NICE, 40, 40, false, 0},
    };

    need_power();
    FOR_CASES(row, rows)
    expect(in_child(changes, (void *)row), row->result);
}

static int shows_limit(void *arg)
{
    struct rlimit limit = {0, 0};
    (void)arg;
    sys_prlimit(0, RLIMIT_CORE, NULL, &limit);
    return (int)limit.rlim_cur;
}

CONFORM_CASE(limits_are_inherited_and_changed_from_outside)
{
    struct rlimit limit = {42, 100}, seen = {0, 0};

    expect(sys_prlimit(0, RLIMIT_CORE, &limit, NULL), 0);
    expect(in_child(shows_limit, NULL), 42);
    int pid = spawn(sleep_for_ever, NULL);
    limit = (struct rlimit){7, 50};
    expect(sys_prlimit(pid, RLIMIT_CORE, &limit, &seen), 0);
    expect(seen.rlim_cur, 42);
    expect(sys_prlimit(pid, RLIMIT_CORE, NULL, &seen), 0);
    expect(seen.rlim_cur, 7);
    expect(sys_prlimit(0, RLIMIT_CORE, NULL, &seen), 0);
    expect(seen.rlim_cur, 42);
    kill_and_collect(pid);
    expect(sys_prlimit(pid, RLIMIT_CORE, NULL, &seen), -ESRCH);
}
