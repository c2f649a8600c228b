/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups, capabilities, and what execve makes of them. */
#include <sys/prctl.h>

#include "mocks/tests/capabilities.h"

#define BIT(capability) (1ULL << (capability))
#define ALL (BIT(CAP_LAST_CAP + 1) - 1)
/* All that there are here: a machine may withhold some even from root. */
#define HERE(set) ((set)&caps_of(1).permitted)
#define KEEP ((uint32_t)-1)

static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    if (permitted == ALL)
        effective = permitted = HERE(ALL);
    return caps_set(&(struct caps){effective, permitted, inheritable});
}

static uint64_t bounding(void)
{
    uint64_t set = 0;

    for (unsigned long i = 0; i <= CAP_LAST_CAP; i++)
        set |= sys_prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 ? BIT(i) : 0;
    return set;
}

static uint64_t ambient(void)
{
    uint64_t set = 0;

    for (unsigned long i = 0; i <= CAP_LAST_CAP; i++)
        set |= sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1 ? BIT(i) : 0;
    return set;
}

/* ---- ids ---- */

CONFORM_CASE(root_begins_with_everything)
{
    struct caps caps = caps_of(0);

    expect(sys_geteuid(), 0);
    expect(sys_getegid(), 0);
    expect(caps.effective, HERE(ALL));
    expect(caps.permitted, HERE(ALL));
    expect(caps.inheritable, 0);
    expect(bounding(), HERE(ALL));
    expect(ambient(), 0);
}

struct change {
    uint32_t from[3], to[3];
};

static int change_users(void *arg)
{
    const struct change *change = arg;

    if (sys_setresuid(change->from[0], change->from[1], change->from[2]) != 0)
        return 99;
    return -sys_setresuid(change->to[0], change->to[1], change->to[2]);
}

static int change_groups(void *arg)
{
    const struct change *change = arg;

    if (sys_setresgid(change->from[0], change->from[1], change->from[2]) != 0)
        return 99;
    set_caps(0, 0, 0);
    return -sys_setresgid(change->to[0], change->to[1], change->to[2]);
}

static const struct {
    const char *label;
    struct change change;
    int result;
} changes[] = {
    {"to another one", {{5, 5, 5}, {6, 6, 6}}, EPERM},
    {"only the real one", {{5, 5, 5}, {6, KEEP, KEEP}}, EPERM},
    {"only the effective one", {{5, 5, 5}, {KEEP, 6, KEEP}}, EPERM},
    {"only the saved one", {{5, 5, 5}, {KEEP, KEEP, 6}}, EPERM},
    {"to itself", {{5, 5, 5}, {5, 5, 5}}, 0},
    {"nothing", {{5, 5, 5}, {KEEP, KEEP, KEEP}}, 0},
    {"exchange", {{5, 6, 7}, {7, 5, 6}}, 0},
    {"all to the saved one", {{5, 6, 7}, {7, 7, 7}}, 0},
    {"back to root is refused", {{5, 5, 5}, {0, 0, 0}}, EPERM},
};

CONFORM_CASE(without_the_capability_only_present_users)
{
    FOR_CASES(row, changes)
    expect(in_child(change_users, (void *)&row->change), row->result);
}

CONFORM_CASE(without_the_capability_only_present_groups)
{
    FOR_CASES(row, changes)
    expect(in_child(change_groups, (void *)&row->change), row->result);
}

static int returns_to_root(void *arg)
{
    (void)arg;
    if (sys_setresuid(5, 5, 0) != 0 || sys_geteuid() != 5)
        return 1;
    if (caps_of(0).effective != 0 || caps_of(0).permitted != HERE(ALL))
        return 2;
    if (sys_setresuid(KEEP, 0, KEEP) != 0 || sys_geteuid() != 0)
        return 3;
    return caps_of(0).effective == HERE(ALL) ? 0 : 4;
}

CONFORM_CASE(the_saved_root_gives_the_capabilities_back)
{
    expect(in_child(returns_to_root, NULL), 0);
}

/* ---- capabilities and users ---- */

struct leave {
    bool keep;
    uint64_t inheritable, ambient;
    uint32_t to[3];
    struct caps after;
    uint64_t ambient_after;
};

static int leave_root(void *arg)
{
    const struct leave *leave = arg;

    set_caps(ALL, ALL, leave->inheritable);
    for (unsigned long i = 0; i <= CAP_LAST_CAP; i++) {
        if (leave->ambient & BIT(i))
            sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
    }
    sys_prctl(PR_SET_KEEPCAPS, leave->keep, 0, 0, 0);
    sys_setresuid(leave->to[0], leave->to[1], leave->to[2]);
    struct caps caps = caps_of(0);
    if (caps.effective != HERE(leave->after.effective))
        return 1;
    if (caps.permitted != HERE(leave->after.permitted))
        return 2;
    if (caps.inheritable != leave->after.inheritable)
        return 3;
    return ambient() == leave->ambient_after ? 0 : 4;
}

CONFORM_CASE(leaving_root_takes_capabilities)
{
    static const struct {
        const char *label;
        struct leave leave;
    } rows[] = {
        {"all three", {false, 0, 0, {5, 5, 5}, {0, 0, 0}, 0}},
        {"all three, kept", {true, 0, 0, {5, 5, 5}, {0, ALL, 0}, 0}},
        {"only the effective one", {false, 0, 0, {KEEP, 5, KEEP}, {0, ALL, 0}, 0}},
        {"only the real one", {false, 0, 0, {5, KEEP, KEEP}, {ALL, ALL, 0}, 0}},
        {"only the saved one", {false, 0, 0, {KEEP, KEEP, 5}, {ALL, ALL, 0}, 0}},
        {"real and saved ones", {false, 0, 0, {5, KEEP, 5}, {ALL, ALL, 0}, 0}},
        {"inheritable stays", {false, 1u << CAP_KILL, 0, {5, 5, 5}, {0, 0, 1u << CAP_KILL}, 0}},
        {"ambient goes", {false, 1u << CAP_KILL, 1u << CAP_KILL, {5, 5, 5}, {0, 0, 1u << CAP_KILL}, 0}},
        {"ambient goes though kept", {true, 1u << CAP_KILL, 1u << CAP_KILL, {5, 5, 5}, {0, ALL, 1u << CAP_KILL}, 0}},
        {"ambient stays with the effective one",
         {false, 1u << CAP_KILL, 1u << CAP_KILL, {KEEP, 5, KEEP}, {0, ALL, 1u << CAP_KILL}, 1u << CAP_KILL}},
    };

    FOR_CASES(row, rows)
    expect(in_child(leave_root, (void *)&row->leave), 0);
}

/* ---- capset ---- */

struct capset {
    struct caps before, set;
    uint64_t bounding_drop;
};

static int try_capset(void *arg)
{
    const struct capset *capset = arg;

    for (unsigned long i = 0; i <= CAP_LAST_CAP; i++) {
        if (capset->bounding_drop & BIT(i))
            sys_prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    }
    if (set_caps(capset->before.effective, capset->before.permitted, capset->before.inheritable) != 0)
        return 99;
    return -set_caps(capset->set.effective, capset->set.permitted, capset->set.inheritable);
}

CONFORM_CASE(capset_keeps_to_the_rules)
{
    enum { A = 1 << CAP_CHOWN, B = 1 << CAP_KILL, SETPCAP = 1 << CAP_SETPCAP };
    static const struct {
        const char *label;
        struct capset capset;
        int result;
    } rows[] = {
        {"less", {{A | B, A | B, 0}, {A, A, 0}, 0}, 0},
        {"nothing", {{A, A, 0}, {0, 0, 0}, 0}, 0},
        {"more permitted", {{A, A, 0}, {A, A | B, 0}, 0}, EPERM},
        {"effective beyond permitted", {{A, A | B, 0}, {A | B, A, 0}, 0}, EPERM},
        {"effective back within permitted", {{0, A, 0}, {A, A, 0}, 0}, 0},
        {"inheritable within permitted", {{A, A, 0}, {A, A, A}, 0}, 0},
        {"inheritable beyond permitted", {{A, A, 0}, {A, A, B}, 0}, EPERM},
        {"inheritable beyond permitted with CAP_SETPCAP", {{SETPCAP, SETPCAP, 0}, {SETPCAP, SETPCAP, B}, 0}, 0},
        {"inheritable beyond bounding", {{SETPCAP, SETPCAP, 0}, {SETPCAP, SETPCAP, B}, B}, EPERM},
        {"inheritable that it had, beyond bounding", {{A, A, B}, {A, A, B}, 0}, 0},
        {"inheritable in permitted but not in bounding", {{A, A, 0}, {A, A, A}, A}, EPERM},
        {"same again", {{A, A, A}, {A, A, A}, 0}, 0},
    };

    FOR_CASES(row, rows)
    expect(in_child(try_capset, (void *)&row->capset), row->result);
}

CONFORM_CASE(capget_and_capset_answer)
{
    struct __user_cap_header_struct header = {.version = 0x4711};
    struct __user_cap_data_struct data[2] = {{0}};

    expect(sys_capget(&header, data), -EINVAL);
    expect(header.version, _LINUX_CAPABILITY_VERSION_3);
    header.version = 0;
    expect(sys_capget(&header, NULL), 0);
    expect(header.version, _LINUX_CAPABILITY_VERSION_3);
    header.pid = -1;
    expect(sys_capget(&header, data), -EINVAL);
    header.pid = 4711;
    expect(sys_capget(&header, data), -ESRCH);
    expect(sys_capset(&header, data), -EPERM);
    header.pid = 1;
    expect(sys_capget(&header, data), 0);
    expect(data[0].effective, (uint32_t)caps_of(0).effective);
    expect(sys_capset(&header, data), -EPERM);
    header.pid = sys_getpid();
    expect(sys_capset(&header, data), 0);
    header.version = 1;
    expect(sys_capset(&header, data), -EINVAL);
}

static int ambient_follows(void *arg)
{
    (void)arg;
    set_caps(ALL, ALL, BIT(CAP_KILL) | BIT(CAP_CHOWN));
    sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
    sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
    if (ambient() != (BIT(CAP_KILL) | BIT(CAP_CHOWN)))
        return 1;
    set_caps(ALL, ALL, BIT(CAP_CHOWN));
    if (ambient() != BIT(CAP_CHOWN))
        return 2;
    set_caps(0, 0, BIT(CAP_CHOWN));
    return ambient() == 0 ? 0 : 3;
}

CONFORM_CASE(ambient_follows_permitted_and_inheritable)
{
    expect(in_child(ambient_follows, NULL), 0);
}

/* ---- groups ---- */

static int groups_as_user(void *arg)
{
    gid_t groups[] = {1, 2};

    (void)arg;
    sys_setresuid(5, 5, 5);
    return -sys_setgroups(2, groups);
}

CONFORM_CASE(setgroups_answers)
{
    static gid_t many[65537];

    expect(sys_setgroups(0, NULL), 0);
    expect(sys_setgroups(3, many), 0);
    expect(sys_setgroups(65536, many), 0);
    expect(sys_setgroups(65537, many), -EINVAL);
    many[1] = (gid_t)-1;
    expect(sys_setgroups(2, many), -EINVAL);
    expect(in_child(groups_as_user, NULL), EPERM);
}

/* ---- execve ---- */

/* Prints its capabilities as the exit status: those asked for by a letter. */
CONFORM_PROGRAM(tell)
{
    struct caps caps = caps_of(0);
    uint64_t kill = BIT(CAP_KILL);
    int status = 0;

    status |= caps.effective & kill ? 1 : 0;
    status |= caps.permitted & kill ? 2 : 0;
    status |= caps.inheritable & kill ? 4 : 0;
    status |= ambient() & kill ? 8 : 0;
    status |= bounding() & kill ? 16 : 0;
    status |= sys_geteuid() == 0 ? 32 : 0;
    status |= sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? 64 : 0;
    status |= sys_prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1 ? 128 : 0;
    return status;
}

struct exec {
    bool drop_bounding, keep, no_new_privs, drop_caps;
    bool inheritable, ambient;
    uint32_t user[3];
};

static int execute(void *arg)
{
    const struct exec *exec = arg;
    uint64_t kill = BIT(CAP_KILL);

    if (exec->inheritable)
        set_caps(ALL, ALL, kill);
    if (exec->drop_bounding)
        sys_prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0);
    sys_prctl(PR_SET_KEEPCAPS, exec->keep, 0, 0, 0);
    sys_setresuid(exec->user[0], exec->user[1], exec->user[2]);
    if (exec->ambient) {
        set_caps(kill, kill, kill);
        sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
    }
    if (exec->drop_caps)
        set_caps(0, 0, exec->inheritable ? kill : 0);
    if (exec->no_new_privs)
        sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sys_execveat(AT_FDCWD, CONFORM_BIN "tell", (char *[]){"tell", NULL}, NULL, 0);
    return 255;
}

CONFORM_CASE(execve_computes_capabilities)
{
    enum { EFF = 1, PERM = 2, INH = 4, AMB = 8, BND = 16, ROOT = 32, DUMP = 64 };
    static const struct {
        const char *label;
        struct exec exec;
        int status;
    } rows[] = {
        {"root", {.user = {0, 0, 0}}, EFF | PERM | BND | ROOT | DUMP},
        {"root without it in bounding", {.drop_bounding = true, .user = {0, 0, 0}}, ROOT | DUMP},
        {"root without it in bounding but inheritable",
         {.drop_bounding = true, .inheritable = true, .user = {0, 0, 0}},
         EFF | PERM | INH | ROOT | DUMP},
        {"root that dropped all", {.drop_caps = true, .user = {0, 0, 0}}, EFF | PERM | BND | ROOT},
        {"root that dropped all, without new privileges",
         {.drop_caps = true, .no_new_privs = true, .user = {0, 0, 0}},
         BND | ROOT | DUMP},
        {"user", {.user = {5, 5, 5}}, BND | DUMP},
        {"user that kept them", {.keep = true, .user = {5, 5, 5}}, BND | DUMP},
        {"user with inheritable", {.inheritable = true, .user = {5, 5, 5}}, INH | BND | DUMP},
        {"user with ambient",
         {.inheritable = true, .keep = true, .ambient = true, .user = {5, 5, 5}},
         EFF | PERM | INH | AMB | BND | DUMP},
        {"user with ambient, without new privileges",
         {.inheritable = true, .keep = true, .ambient = true, .no_new_privs = true, .user = {5, 5, 5}},
         EFF | PERM | INH | AMB | BND | DUMP},
        {"root with ambient", {.inheritable = true, .ambient = true, .user = {0, 0, 0}}, EFF | PERM | INH | AMB | BND | ROOT},
        {"real root, effective user", {.user = {0, 5, 5}}, PERM | BND},
        {"real user, effective root", {.user = {5, 0, 0}}, EFF | PERM | BND | ROOT},
        {"saved root", {.user = {5, 5, 0}}, BND | DUMP},
    };

    FOR_CASES(row, rows)
    expect(in_child(execute, (void *)&row->exec), row->status);
}

/* ---- set-user-ID ---- */

static int execute_as_user(void *arg)
{
    if (arg)
        sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sys_setresuid(5, 5, 5);
    sys_execveat(AT_FDCWD, CONFORM_BIN "tell", (char *[]){"tell", NULL}, NULL, 0);
    return 255;
}

CONFORM_CASE(a_set_user_id_program_runs_as_its_owner)
{
    expect(sys_fchmodat(AT_FDCWD, CONFORM_BIN "tell", 04755), 0);
    expect(in_child(execute_as_user, NULL), 1 | 2 | 16 | 32);
}

CONFORM_CASE(without_new_privileges_set_user_id_means_nothing)
{
    expect(sys_fchmodat(AT_FDCWD, CONFORM_BIN "tell", 04755), 0);
    expect(in_child(execute_as_user, ""), 16 | 64);
}

/* ---- dumpable ---- */

static int dumpable_after_change(void *arg)
{
    const uint32_t *to = arg;

    sys_setresuid(to[0], to[1], to[2]);
    return sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

CONFORM_CASE(a_change_of_the_effective_user_makes_undumpable)
{
    static const struct {
        const char *label;
        uint32_t to[3];
        int dumpable;
    } rows[] = {
        {"nothing", {KEEP, KEEP, KEEP}, 1}, {"all", {5, 5, 5}, 0},         {"effective", {KEEP, 5, KEEP}, 0},
        {"real", {5, KEEP, KEEP}, 1},       {"saved", {KEEP, KEEP, 5}, 1},
    };

    FOR_CASES(row, rows)
    expect(in_child(dumpable_after_change, (void *)row->to), row->dumpable);
}

/* ---- looking into others ---- */

struct target {
    uint32_t users[3], groups[3];
    bool undumpable, capable; /* capable: keeps a capability */
    int *ready;
};

static int be_looked_at(void *arg)
{
    const struct target *target = arg;

    if (target->capable)
        sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    sys_setresgid(target->groups[0], target->groups[1], target->groups[2]);
    sys_setresuid(target->users[0], target->users[1], target->users[2]);
    if (!target->capable)
        set_caps(0, 0, 0);
    sys_prctl(PR_SET_DUMPABLE, !target->undumpable, 0, 0, 0);
    sys_write(target->ready[1], "x", 1);
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

struct viewer {
    uint32_t user, group;
    bool keeps_caps;
    int pid;
};

static int look(void *arg)
{
    const struct viewer *viewer = arg;
    char path[64], text[64];

    sys_prctl(PR_SET_KEEPCAPS, viewer->keeps_caps, 0, 0, 0);
    sys_setresgid(viewer->group, viewer->group, viewer->group);
    sys_setresuid(viewer->user, viewer->user, viewer->user);
    if (viewer->keeps_caps)
        set_caps(BIT(CAP_SYS_PTRACE), BIT(CAP_SYS_PTRACE), 0);
    snprintf(path, sizeof(path), "/proc/%d/cwd", viewer->pid);
    ssize_t n = sys_readlinkat(AT_FDCWD, path, text, sizeof(text));
    return n < 0 ? (int)-n : 0;
}

CONFORM_CASE(who_may_look_into_a_process)
{
    static const struct {
        const char *label;
        struct target target;
        struct viewer viewer;
        int result;
    } rows[] = {
        {"same user", {{5, 5, 5}, {5, 5, 5}, .ready = NULL}, {5, 5, false, 0}, 0},
        {"other user", {{5, 5, 5}, {5, 5, 5}, .ready = NULL}, {6, 5, false, 0}, EACCES},
        {"other group", {{5, 5, 5}, {5, 5, 5}, .ready = NULL}, {5, 6, false, 0}, EACCES},
        {"other real user", {{6, 5, 5}, {5, 5, 5}, .ready = NULL}, {5, 5, false, 0}, EACCES},
        {"other saved user", {{5, 5, 6}, {5, 5, 5}, .ready = NULL}, {5, 5, false, 0}, EACCES},
        {"other saved group", {{5, 5, 5}, {5, 5, 6}, .ready = NULL}, {5, 5, false, 0}, EACCES},
        {"undumpable", {{5, 5, 5}, {5, 5, 5}, .undumpable = true}, {5, 5, false, 0}, EACCES},
        {"with capabilities", {{5, 5, 5}, {5, 5, 5}, .capable = true}, {5, 5, false, 0}, EACCES},
        {"root", {{5, 5, 5}, {5, 5, 5}, .undumpable = true}, {0, 0, false, 0}, 0},
        {"CAP_SYS_PTRACE", {{5, 5, 5}, {5, 5, 5}, .undumpable = true}, {6, 6, true, 0}, 0},
        {"CAP_SYS_PTRACE, with capabilities", {{5, 5, 5}, {5, 5, 5}, .capable = true}, {6, 6, true, 0}, 0},
    };
    int ready[2];
    char byte;

    sys_pipe2(ready, O_CLOEXEC);
    FOR_CASES(row, rows)
    {
        struct target target = row->target;
        target.ready = ready;
        struct viewer viewer = row->viewer;
        viewer.pid = spawn(be_looked_at, &target);
        sys_read(ready[0], &byte, 1);
        expect(in_child(look, &viewer), row->result);
        sys_kill(viewer.pid, SIGKILL);
        collect(viewer.pid);
    }
}

/* ---- processes of a user, at execve ---- */

static int be_user(void *arg)
{
    int *ready = arg;

    sys_setresuid(4343, 4343, 4343);
    sys_write(ready[1], "x", 1);
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static int exec_beyond_limit(void *arg)
{
    int ready[2];
    char byte;

    if (arg) {
        sys_pipe2(ready, O_CLOEXEC);
        spawn(be_user, ready);
        sys_read(ready[0], &byte, 1);
    }
    sys_prlimit(0, RLIMIT_NPROC, &(struct rlimit){0, 0}, NULL);
    sys_setresuid(4343, 4343, 4343);
    return -sys_execveat(AT_FDCWD, CONFORM_BIN "tell", (char *[]){"tell", NULL}, NULL, 0);
}

static int exec_within_limit(void *arg)
{
    (void)arg;
    sys_prlimit(0, RLIMIT_NPROC, &(struct rlimit){1, 1}, NULL);
    sys_setresuid(4343, 4343, 4343);
    sys_execveat(AT_FDCWD, CONFORM_BIN "tell", (char *[]){"tell", NULL}, NULL, 0);
    return 255;
}

static int exec_root_beyond_limit(void *arg)
{
    (void)arg;
    sys_prlimit(0, RLIMIT_NPROC, &(struct rlimit){0, 0}, NULL);
    sys_setresuid(0, 4343, 0);
    sys_execveat(AT_FDCWD, CONFORM_BIN "tell", (char *[]){"tell", NULL}, NULL, 0);
    return 255;
}

CONFORM_CASE(a_user_beyond_the_limit_executes_nothing)
{
    expect(in_child(exec_beyond_limit, NULL), 16 | 64); /* only the others count */
    expect(in_child(exec_beyond_limit, ""), EAGAIN);
    expect(in_child(exec_within_limit, NULL), 16 | 64);
    expect(in_child(exec_root_beyond_limit, NULL) != 255, 1);
}

/* ---- host names ---- */

static int hostname_as_user(void *arg)
{
    (void)arg;
    sys_setresuid(5, 5, 5);
    return -sys_sethostname("evil", 4);
}

CONFORM_CASE(sethostname_answers)
{
    static const char name[] = "0123456789012345678901234567890123456789012345678901234567890123456789";

    expect(sys_sethostname("a", 1), 0);
    expect(sys_sethostname("", 0), 0);
    expect(sys_sethostname(name, 64), 0);
    expect(sys_sethostname(name, 65), -EINVAL);
    expect(in_child(hostname_as_user, NULL), EPERM);
}

/* ---- limits ---- */

static int limit_as_user(void *arg)
{
    const struct rlimit *rows = arg;

    sys_prlimit(0, RLIMIT_NOFILE, &(struct rlimit){100, 200}, NULL);
    sys_setresuid(5, 5, 5);
    return -sys_prlimit(0, RLIMIT_NOFILE, rows, NULL);
}

CONFORM_CASE(prlimit_answers)
{
    static const struct {
        const char *label;
        int pid, resource;
        struct rlimit limit;
        int result;
    } rows[] = {
        {"same", 0, RLIMIT_NOFILE, {100, 200}, 0},
        {"nobody", 4711, RLIMIT_NOFILE, {100, 200}, -ESRCH},
        {"nobody, unknown resource", 4711, 99, {100, 200}, -ESRCH},
        {"unknown resource", 0, 16, {100, 200}, -EINVAL},
        {"negative resource", 0, -1, {100, 200}, -EINVAL},
        {"soft above hard", 0, RLIMIT_NOFILE, {201, 200}, -EINVAL},
        {"descriptors beyond nr_open", 0, RLIMIT_NOFILE, {100, 1048577 + 1000000000UL}, -EPERM},
        {"descriptors without limit", 0, RLIMIT_NOFILE, {100, RLIM_INFINITY}, -EPERM},
        {"infinity for both", 0, RLIMIT_AS, {RLIM_INFINITY, RLIM_INFINITY}, 0},
        {"soft infinity above hard", 0, RLIMIT_CPU, {RLIM_INFINITY, 5}, -EINVAL},
        {"another process", 1, RLIMIT_CPU, {1000, 2000}, 0},
    };
    struct rlimit old;

    FOR_CASES(row, rows)
    expect(sys_prlimit(row->pid, row->resource, &row->limit, NULL), row->result);
    expect(sys_prlimit(0, RLIMIT_NOFILE, &(struct rlimit){50, 60}, &old), 0);
    expect(old.rlim_cur, 100);
    expect(old.rlim_max, 200);
    expect(sys_prlimit(0, RLIMIT_NOFILE, NULL, &old), 0);
    expect(old.rlim_cur, 50);
    expect(old.rlim_max, 60);
}

CONFORM_CASE(users_only_lower_their_limits)
{
    static const struct {
        const char *label;
        struct rlimit limit;
        int result;
    } rows[] = {
        {"soft up to hard", {200, 200}, 0},      {"lower", {10, 20}, 0},
        {"hard up", {100, 201}, EPERM},          {"both up", {300, 300}, EPERM},
        {"soft above hard", {201, 200}, EINVAL},
    };

    FOR_CASES(row, rows)
    expect(in_child(limit_as_user, (void *)&row->limit), row->result);
}

static int limit_other(void *arg)
{
    sys_setresuid(5, 5, 5);
    (void)arg;
    return -sys_prlimit(1, RLIMIT_CPU, NULL, &(struct rlimit){0, 0});
}

CONFORM_CASE(users_cannot_see_the_limits_of_others)
{
    expect(in_child(limit_other, NULL), EPERM);
}

CONFORM_CASE(descriptors_end_at_the_limit)
{
    int pipe[2];

    sys_prlimit(0, RLIMIT_NOFILE, &(struct rlimit){0, 100}, NULL);
    expect(sys_pipe2(pipe, 0), -EMFILE);
    expect(sys_pidfd_open(1, 0), -EMFILE);
}
