/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: who a process is inside its container. User, groups, capabilities, no_new_privs, seccomp, limits, environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "base/macros.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define WORDS_MAX 6

static struct strlist words(struct rig *rig, const char *const *items)
{
    struct strlist list = {.n = 0};

    for (size_t i = 0; i < WORDS_MAX && items[i]; i++)
        assert_int_equal(strlist_add(rig->arena, &list, items[i]), 0);
    return list;
}

static void set_user(struct rig *rig, struct oci_process *process, uint32_t uid, uint32_t gid, const uint32_t *groups, size_t n)
{
    process->user = (struct oci_user){.uid = uid, .gid = gid, .n_additional_gids = n};
    process->user.additional_gids = arena_memdup(rig->arena, groups, n * sizeof(*groups));
}

/* ---- user ---- */

RIG_TEST(user_and_groups_are_those_of_the_spec)
{
    static const struct {
        uint32_t uid, gid, groups[3];
        size_t n_groups;
        const char *want; /* uid, gid, all groups, umask, home */
    } rows[] = {
        {0, 0, {0}, 0, "0\n0\n0\n0022\n/root\n"},
        {1000, 1000, {0}, 0, "1000\n1000\n1000\n0022\n/home\n"},
        {1000, 1001, {5, 10, 4000000000}, 3, "1000\n1001\n1001 5 10 4000000000\n0022\n/home\n"},
        {4242, 0, {7}, 1, "4242\n0\n0 7\n0022\n/\n"},
        {4294967294, 4294967294, {0}, 0, "4294967294\n4294967294\n4294967294\n0022\n/\n"},
    };

    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", "id -u; id -g; id -G; umask; echo $HOME");
        set_user(rig, spec->process, row->uid, row->gid, row->groups, row->n_groups);
        expect_output(rig, "c1", spec, row->want);
    }
}

RIG_TEST(umask_is_that_of_the_annotation_also_for_execed_processes)
{
    struct oci_pair pairs[] = {{STRING("io.tatami.process.user.umask"), STRING("027")}};
    struct oci_spec *spec = rig_spec(rig, "c1", "umask; sleep 1000");

    spec->annotations = (struct oci_map){pairs, 1};
    expect_running(rig, "c1", spec);
    expect_exec_output(rig, "c1", rig_spec(rig, "c1", "umask")->process, "0027\n");
    EXPECT_OK(rig_remove(rig, "c1", &err));
    pairs[0].value = STRING("o=");
    EXPECT_REFUSED(STATUS_INVALID_ARGUMENT, "annotation io.tatami.process.user.umask: 'o=' is not 1 to 4 octal digits",
                   rig_create(rig, "c1", spec, &err));
    pairs[0].value = STRING("1000");
    EXPECT_REFUSED(STATUS_INVALID_ARGUMENT, "process.user.umask: 01000 is above 0777", rig_create(rig, "c1", spec, &err));
}

/* CVE-2016-3697: a name that is a number is not that number. */
RIG_TEST(user_whose_name_is_a_number_is_nobody)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/etc/passwd", rig->rootfs);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("1000:x:0:0:evil:/evil:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n", file);
    fclose(file);
    struct oci_spec *spec = rig_spec(rig, "c1", "id -u; echo $HOME");
    set_user(rig, spec->process, 1000, 1000, NULL, 0);
    spec->process->user.username = STRING("1000");
    expect_output(rig, "c1", spec, "1000\n/home\n");
}

RIG_TEST(standard_streams_belong_to_the_user)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1", "stat -L -c '%u %a' /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; echo again > /dev/stdout");

    set_user(rig, spec->process, 1000, 1000, NULL, 0);
    expect_output(rig, "c1", spec, "1000 600\n1000 600\n1000 600\nagain\n");
}

/* ---- capabilities ---- */

struct caps_row {
    uint32_t uid;
    const char *bounding[WORDS_MAX], *permitted[WORDS_MAX], *inheritable[WORDS_MAX], *ambient[WORDS_MAX];
    const char *want; /* after an exec, which follows capabilities(7): root gets what the bounding set leaves */
};

RIG_TEST(capability_sets_are_those_of_the_spec)
{
    static const struct caps_row rows[] = {
        {0,
         {NULL},
         {NULL},
         {NULL},
         {NULL},
         "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000\n"},
        {0,
         {"CAP_CHOWN", "CAP_KILL"},
         {"CAP_CHOWN", "CAP_KILL"},
         {NULL},
         {NULL},
         "0000000000000000 0000000000000021 0000000000000021 0000000000000021 0000000000000000\n"},
        {1000,
         {"CAP_CHOWN", "CAP_NET_RAW"},
         {"CAP_CHOWN", "CAP_NET_RAW"},
         {NULL},
         {NULL},
         "0000000000000000 0000000000000000 0000000000000000 0000000000002001 0000000000000000\n"},
        {1000,
         {"CAP_CHOWN", "CAP_NET_RAW"},
         {"CAP_CHOWN", "CAP_NET_RAW"},
         {"CAP_NET_RAW"},
         {"CAP_NET_RAW"},
         "0000000000002000 0000000000002000 0000000000002000 0000000000002001 0000000000002000\n"},
    };

    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", "exec sed -n 's/^Cap...:.//p' /proc/self/status");
        struct oci_capabilities *caps = spec->process->capabilities;
        spec->process->user.uid = row->uid;
        caps->bounding = words(rig, row->bounding);
        caps->effective = caps->permitted = words(rig, row->permitted);
        caps->inheritable = words(rig, row->inheritable);
        caps->ambient = words(rig, row->ambient);
        char *out;
        assert_int_equal(rig_run_container(rig, "c1", spec, &out, NULL), 0);
        for (char *p = out; *p; p++)
            *p = *p == '\n' && p[1] ? ' ' : *p;
        assert_string_equal(out, row->want);
    }
}

/* CVE-2022-29162, 2025-27612: a process that is exec'ed without a list gets the container's sets, and nothing inheritable. */
RIG_TEST(exec_without_capabilities_has_those_of_the_container)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    static const char *const chown[WORDS_MAX] = {"CAP_CHOWN"}, *const none[WORDS_MAX] = {NULL};
    const char *const script = "sed -n 's/^Cap\\(Inh\\|Bnd\\|Amb\\):.//p' /proc/self/status";

    spec->process->capabilities->bounding = words(rig, chown);
    spec->process->capabilities->effective = spec->process->capabilities->permitted = words(rig, chown);
    expect_running(rig, "c1", spec);
    struct oci_process *process = rig_spec(rig, "c1", script)->process;
    process->capabilities = NULL;
    expect_exec_output(rig, "c1", process, "0000000000000000\n0000000000000001\n0000000000000000\n");
    process = rig_spec(rig, "c1", script)->process;
    process->capabilities->bounding = process->capabilities->effective = process->capabilities->permitted = words(rig, none);
    expect_exec_output(rig, "c1", process, "0000000000000000\n0000000000000000\n0000000000000000\n");
}

RIG_TEST(dropped_capabilities_are_missed)
{
    struct oci_spec *spec = rig_spec(rig, "c1",
                                     "hostname x 2>/dev/null; echo $?; mount -t tmpfs none /tmp 2>/dev/null; echo $?; "
                                     "mknod /tmp/n c 1 3 && echo made; chown 5 /tmp/n && echo given");

    expect_output(rig, "c1", spec, "1\n1\nmade\ngiven\n");
}

/* ---- no_new_privs and seccomp ---- */

static struct oci_seccomp_rule *add_rule(struct rig *rig, struct oci_spec *spec, const char *name, const char *action)
{
    struct oci_seccomp *seccomp = spec->linux_->seccomp;
    struct oci_seccomp_rule *rule;

    if (!seccomp) {
        seccomp = spec->linux_->seccomp = arena_alloc(rig->arena, sizeof(*seccomp));
        seccomp->default_action = STRING("SCMP_ACT_ALLOW");
        seccomp->rules = arena_calloc(rig->arena, 4, sizeof(*seccomp->rules));
    }
    rule = &seccomp->rules[seccomp->n_rules++];
    assert_int_equal(strlist_add(rig->arena, &rule->names, name), 0);
    rule->action = STRING(action);
    return rule;
}

RIG_TEST(no_new_privs_is_as_the_spec_says)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "grep NoNewPrivs /proc/self/status");

    expect_output(rig, "c1", spec, "NoNewPrivs:\t1\n");
    spec->process->no_new_privileges = false;
    expect_output(rig, "c1", spec, "NoNewPrivs:\t0\n");
}

RIG_TEST(system_calls_are_filtered_with_and_without_no_new_privs)
{
    static const char *const script =
        "grep '^Seccomp:' /proc/self/status; mkdir /tmp/d 2>&1; rm -f /tmp/no 2>&1 && echo rest works";

    for (int no_new_privs = 0; no_new_privs < 2; no_new_privs++) {
        struct oci_spec *spec = rig_spec(rig, "c1", script);
        spec->process->no_new_privileges = no_new_privs;
        add_rule(rig, spec, "mkdir", "SCMP_ACT_ERRNO")->errno_ret = (struct opt_u64){true, 95};
        add_rule(rig, spec, "mkdirat", "SCMP_ACT_ERRNO")->errno_ret = (struct opt_u64){true, 95};
        add_rule(rig, spec, "no_such_call", "SCMP_ACT_ERRNO"); /* of a newer kernel: no reason to fail */
        expect_output(rig, "c1", spec,
                      "Seccomp:\t2\nmkdir: can't create directory '/tmp/d': Operation not supported\nrest works\n");
    }
}

RIG_TEST(refused_calls_fail_with_eperm_by_default)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "mkdir /tmp/d 2>&1 || true");

    add_rule(rig, spec, "mkdir", "SCMP_ACT_ERRNO");
    add_rule(rig, spec, "mkdirat", "SCMP_ACT_ERRNO");
    expect_output(rig, "c1", spec, "mkdir: can't create directory '/tmp/d': Operation not permitted\n");
}

RIG_TEST(forbidden_call_can_kill)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "exec mkdir /tmp/d");

    add_rule(rig, spec, "mkdir", "SCMP_ACT_KILL_PROCESS");
    add_rule(rig, spec, "mkdirat", "SCMP_ACT_KILL_PROCESS");
    assert_int_equal(rig_run_container(rig, "c1", spec, NULL, NULL), 128 + 31);
}

/* CVE-2017-18367: the conditions of a rule must all hold. */
RIG_TEST(conditions_of_a_rule_must_all_hold)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1", "sleep 9 & kill -18 $!; echo $?; kill -0 1; echo $?; kill -18 1 2>/dev/null; echo $?; kill -9 $!");
    struct oci_seccomp_rule *rule = add_rule(rig, spec, "kill", "SCMP_ACT_ERRNO");

    rule->args = arena_calloc(rig->arena, 2, sizeof(*rule->args));
    rule->args[0] = (struct oci_seccomp_arg){.index = 0, .value = 1, .op = STRING("SCMP_CMP_EQ")};
    rule->args[1] = (struct oci_seccomp_arg){.index = 1, .value = 18, .op = STRING("SCMP_CMP_EQ")};
    rule->n_args = 2;
    expect_output(rig, "c1", spec, "0\n0\n1\n");
}

RIG_TEST(filter_holds_for_execed_processes)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    add_rule(rig, spec, "mkdir", "SCMP_ACT_ERRNO");
    add_rule(rig, spec, "mkdirat", "SCMP_ACT_ERRNO");
    expect_running(rig, "c1", spec);
    struct oci_process *process =
        rig_spec(rig, "c1", "mkdir /tmp/d 2>/dev/null; echo $?; grep '^Seccomp:' /proc/self/status")->process;
    expect_exec_output(rig, "c1", process, "1\nSeccomp:\t2\n");
    process->no_new_privileges = false;
    expect_exec_output(rig, "c1", process, "1\nSeccomp:\t2\n");
}

/* ---- limits ---- */

static void set_limits(struct rig *rig, struct oci_process *process, uint64_t soft, uint64_t hard, int64_t oom_score)
{
    process->rlimits = arena_calloc(rig->arena, 2, sizeof(*process->rlimits));
    process->rlimits[0] = (struct oci_rlimit){.type = STRING("RLIMIT_NOFILE"), .soft = soft, .hard = hard};
    process->rlimits[1] = (struct oci_rlimit){.type = STRING("RLIMIT_CORE"), .soft = 0, .hard = UINT64_MAX};
    process->n_rlimits = 2;
    process->oom_score_adj = (struct opt_i64){true, oom_score};
}

RIG_TEST(limits_are_those_of_the_process)
{
    const char *const script = "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc; cat /proc/self/oom_score_adj";
    struct oci_spec *spec = rig_spec(rig, "c1", script);

    set_limits(rig, spec->process, 100, 200, 321);
    expect_output(rig, "c1", spec, "100\n200\n0\nunlimited\n321\n");
    spec = rig_spec(rig, "c1", NULL);
    set_limits(rig, spec->process, 100, 200, 321);
    expect_running(rig, "c1", spec);
    struct oci_process *process = rig_spec(rig, "c1", script)->process;
    set_limits(rig, process, 300, 400, 400); /* above the container's: each process has its own */
    expect_exec_output(rig, "c1", process, "300\n400\n0\nunlimited\n400\n");
}

/* ---- environment, working directory ---- */

RIG_TEST(environment_is_exactly_that_of_the_process)
{
    static const char *const variables[WORDS_MAX] = {"A=1", "B= kept  ", "C=x=y", "A=2", "novalue", "=nokey"};
    const char *const env[] = {"/bin/env", NULL};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->process->env = words(rig, variables);
    rig_args(rig, spec->process, env);
    expect_output(rig, "c1", spec, "B= kept  \nC=x=y\nA=2\nHOME=/root\n");
    static const char *const with_home[WORDS_MAX] = {"HOME=/nowhere"};
    spec->process->env = words(rig, with_home);
    expect_output(rig, "c1", spec, "HOME=/nowhere\n");
}

RIG_TEST(execed_process_has_user_environment_and_directory_of_its_own)
{
    static const uint32_t groups[] = {9};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->process->cwd = STRING("/root");
    expect_running(rig, "c1", spec);
    struct oci_process *process = rig_spec(rig, "c1", "id -u; id -G; pwd; echo $X $HOME; ls /proc/self/cwd -d")->process;
    assert_int_equal(strlist_add(rig->arena, &process->env, "X=own"), 0);
    set_user(rig, process, 1000, 1000, groups, 1);
    process->cwd = STRING("/tmp");
    expect_exec_output(rig, "c1", process, "1000\n1000 9\n/tmp\nown /home\n/proc/self/cwd\n");
    process->cwd = STRING("/missing");
    EXPECT_REFUSED(STATUS_INTERNAL, "change into the working directory '/missing': ENOENT",
                   rig_exec(rig, "c1", "e", process, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_and_groups_are_those_of_the_spec),
        cmocka_unit_test(umask_is_that_of_the_annotation_also_for_execed_processes),
        cmocka_unit_test(user_whose_name_is_a_number_is_nobody),
        cmocka_unit_test(standard_streams_belong_to_the_user),
        cmocka_unit_test(capability_sets_are_those_of_the_spec),
        cmocka_unit_test(exec_without_capabilities_has_those_of_the_container),
        cmocka_unit_test(dropped_capabilities_are_missed),
        cmocka_unit_test(no_new_privs_is_as_the_spec_says),
        cmocka_unit_test(system_calls_are_filtered_with_and_without_no_new_privs),
        cmocka_unit_test(refused_calls_fail_with_eperm_by_default),
        cmocka_unit_test(forbidden_call_can_kill),
        cmocka_unit_test(conditions_of_a_rule_must_all_hold),
        cmocka_unit_test(filter_holds_for_execed_processes),
        cmocka_unit_test(limits_are_those_of_the_process),
        cmocka_unit_test(environment_is_exactly_that_of_the_process),
        cmocka_unit_test(execed_process_has_user_environment_and_directory_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
