/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "agent/tests/support/seccomp_names.h"
#include "oci/json.h"
#include "tests/check.h"

#define BIG (4 * 1024 * 1024)

/* ---- programs at work ---- */

/* Loads the profile and makes calls; each result is written as its errno, 0 for success. */
struct trial {
    const char *label;
    struct oci_seccomp_rule rules[3];
    const char *default_action;
    const char *want;
};

static int loaded_profile(const struct trial *trial)
{
    _arena_ struct arena *a = arena_new(BIG);
    struct oci_seccomp profile = {.default_action = (char *)(trial->default_action ?: "SCMP_ACT_ALLOW"),
                                  .rules = (struct oci_seccomp_rule *)trial->rules};
    struct seccomp_program program;
    struct error err;

    while (profile.n_rules < ARRAY_SIZE(trial->rules) && trial->rules[profile.n_rules].names.n)
        profile.n_rules++;
    if (seccomp_program_compile(a, &profile, &program, &err) < 0) {
        fprintf(stderr, "%s: %s\n", trial->label, err.text);
        return -1;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return seccomp_program_load(&program, &err);
}

/* lseek() of a descriptor that does not exist takes any offset and answers EBADF, which is 9. */
#define FD 1000000

static int call(long fd, long offset)
{
    return syscall(SYS_lseek, FD + fd, offset, 0) < 0 ? errno : 0;
}

static int try_calls(void *arg, FILE *out)
{
    if (loaded_profile(arg) < 0)
        return 99;
    fprintf(out, "%d %d %d %d %d", syscall(SYS_getppid) < 0 ? errno : 0, call(0, 0), call(0, 7), call(5, 0), call(5, 7));
    return 0;
}

#define ARG(i, o, v, w) ((struct oci_seccomp_arg){.index = (i), .op = (char *)(o), .value = (v), .value_two = (w)})
#define RULE(name, act, ...)                                                                                                   \
    {                                                                                                                          \
        .names = {.items = (char *[]){(char *)(name), NULL}, .n = 1}, .action = (char *)(act), __VA_ARGS__                     \
    }

static void programs_do_what_the_profile_says(void **state)
{
    (void)state;
    struct oci_seccomp_arg both[] = {ARG(0, "SCMP_CMP_EQ", FD + 5, 0), ARG(1, "SCMP_CMP_EQ", 7, 0)};
    struct oci_seccomp_arg either[] = {ARG(1, "SCMP_CMP_EQ", 7, 0), ARG(1, "SCMP_CMP_EQ", 0, 0)};
    struct oci_seccomp_arg mixed[] = {ARG(0, "SCMP_CMP_EQ", FD + 5, 0), ARG(1, "SCMP_CMP_EQ", 7, 0),
                                      ARG(1, "SCMP_CMP_EQ", 9, 0)};
    struct oci_seccomp_arg ne[] = {ARG(0, "SCMP_CMP_NE", FD + 0, 0)};
    struct oci_seccomp_arg lt[] = {ARG(0, "SCMP_CMP_LT", FD + 5, 0)};
    struct oci_seccomp_arg le[] = {ARG(1, "SCMP_CMP_LE", 7, 0)};
    struct oci_seccomp_arg ge[] = {ARG(0, "SCMP_CMP_GE", FD + 5, 0)};
    struct oci_seccomp_arg gt[] = {ARG(1, "SCMP_CMP_GT", 7, 0)};
    struct oci_seccomp_arg masked[] = {ARG(1, "SCMP_CMP_MASKED_EQ", 0x6, 0x6)};
    const struct trial rows[] = {
        {.label = "errno absent is EPERM", .rules = {RULE("getppid", "SCMP_ACT_ERRNO")}, .want = "1 9 9 9 9"},
        {.label = "errno 0 is EPERM",
         .rules = {RULE("getppid", "SCMP_ACT_ERRNO", .errno_ret = {true, 0})},
         .want = "1 9 9 9 9"},
        {.label = "errno as given",
         .rules = {RULE("getppid", "SCMP_ACT_ERRNO", .errno_ret = {true, 38})},
         .want = "38 9 9 9 9"},
        {.label = "largest errno",
         .rules = {RULE("getppid", "SCMP_ACT_ERRNO", .errno_ret = {true, 4094})},
         .want = "4094 9 9 9 9"},
        {.label = "all conditions (CVE-2017-18367)",
         .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = both, .n_args = 2)},
         .want = "0 9 9 9 1"},
        {.label = "same argument twice: any",
         .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = either, .n_args = 2)},
         .want = "0 1 1 1 1"},
        {.label = "an argument twice among others: any",
         .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = mixed, .n_args = 3)},
         .want = "0 9 1 1 1"},
        {.label = "NE", .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = ne, .n_args = 1)}, .want = "0 9 9 1 1"},
        {.label = "LT", .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = lt, .n_args = 1)}, .want = "0 1 1 9 9"},
        {.label = "LE", .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = le, .n_args = 1)}, .want = "0 1 1 1 1"},
        {.label = "GE", .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = ge, .n_args = 1)}, .want = "0 9 9 1 1"},
        {.label = "GT", .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = gt, .n_args = 1)}, .want = "0 9 9 9 9"},
        {.label = "MASKED_EQ: mask first",
         .rules = {RULE("lseek", "SCMP_ACT_ERRNO", .args = masked, .n_args = 1)},
         .want = "0 9 1 9 1"},
        {.label = "several rules",
         .rules = {RULE("getppid", "SCMP_ACT_ERRNO", .errno_ret = {true, 2}),
                   RULE("lseek", "SCMP_ACT_ERRNO", .errno_ret = {true, 3})},
         .want = "2 3 3 3 3"},
        {.label = "a rule with the default action is no rule",
         .rules = {RULE("getppid", "SCMP_ACT_ALLOW")},
         .want = "0 9 9 9 9"},
        {.label = "unknown system calls are skipped",
         .rules = {RULE("launch_rocket", "SCMP_ACT_ERRNO"), RULE("getppid", "SCMP_ACT_ERRNO")},
         .want = "1 9 9 9 9"},
        {.label = "log goes on", .rules = {RULE("getppid", "SCMP_ACT_LOG")}, .want = "0 9 9 9 9"},
        {.label = "trace without a tracer",
         .rules = {RULE("getppid", "SCMP_ACT_TRACE", .errno_ret = {true, 0xffff})},
         .want = "38 9 9 9 9"},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(try_calls, (void *)row);
        check_string(row->label, got.text, row->want);
        check_int(row->label, got.status, 0);
    }
}

static void deadly_actions_kill_with_their_signal(void **state)
{
    (void)state;
    const struct trial rows[] = {
        {.label = "kill", .rules = {RULE("getppid", "SCMP_ACT_KILL")}},
        {.label = "kill thread", .rules = {RULE("getppid", "SCMP_ACT_KILL_THREAD")}},
        {.label = "kill process", .rules = {RULE("getppid", "SCMP_ACT_KILL_PROCESS")}},
        {.label = "trap", .rules = {RULE("getppid", "SCMP_ACT_TRAP")}},
    };
    FOR_ROWS (row, rows)
        check_int(row->label, forked_run(try_calls, (void *)row).status, 128 + SIGSYS);
}

/* A default of refusal needs the calls that the trial itself makes; those of memory are a sanitizer's. */
static void a_default_that_refuses_leaves_what_is_listed(void **state)
{
    (void)state;
    struct trial trial = {
        .label = "allow list",
        .default_action = "SCMP_ACT_ERRNO",
        .rules = {{.names = words((char *[]){"write", "exit_group", "lseek", "close", "sigaltstack", "mmap", "munmap", NULL}),
                   .action = "SCMP_ACT_ALLOW"}},
    };
    struct forked got = forked_run(try_calls, &trial);
    check_string(trial.label, got.text, "1 9 9 9 9");
    check_int(trial.label, got.status, 0);
}

static void a_rule_for_all_others_has_the_errno_of_the_default(void **state)
{
    (void)state;
    struct trial trial = {
        .label = "ENOSYS for all but EPERM",
        .default_action = "SCMP_ACT_ERRNO",
        .rules = {{.names = words((char *[]){"write", "exit_group", "sigaltstack", "mmap", "munmap", NULL}),
                   .action = "SCMP_ACT_ALLOW"},
                  RULE("getppid", "SCMP_ACT_ERRNO", .errno_ret = {true, EPERM}),
                  RULE(OCI_SECCOMP_OTHERS, "SCMP_ACT_ERRNO", .errno_ret = {true, ENOSYS})},
    };
    check_string(trial.label, forked_run(try_calls, &trial).text, "1 38 38 38 38");
}

/* Equal to the default only with the same errno. */
static void another_errno_than_the_default_is_a_rule(void **state)
{
    (void)state;
    struct trial trial = {
        .label = "ENOSYS beside EPERM",
        .default_action = "SCMP_ACT_ERRNO",
        .rules = {{.names = words((char *[]){"write", "exit_group", "lseek", "sigaltstack", "mmap", "munmap", NULL}),
                   .action = "SCMP_ACT_ALLOW"},
                  RULE("getppid", "SCMP_ACT_ERRNO", .errno_ret = {true, ENOSYS})},
    };
    check_string(trial.label, forked_run(try_calls, &trial).text, "38 9 9 9 9");
}

/* Without a tracer its number is not seen, so the program itself is looked at. */
static void the_number_for_a_tracer_is_in_the_program(void **state)
{
    (void)state;
    static const struct {
        struct opt_u64 errno_ret;
        uint32_t want;
    } rows[] = {{{true, 6}, 0x7ff00006}, {{true, 0xffff}, 0x7ff0ffff}, {{false, 0}, 0x7ff00001}};
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BIG);
        struct oci_seccomp_rule rule = {.names = words(one_name), .action = "SCMP_ACT_TRACE", .errno_ret = row->errno_ret};
        struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1};
        struct seccomp_program program;
        struct error err;
        bool found = false;
        assert_int_equal(seccomp_program_compile(a, &profile, &program, &err), 0);
        for (unsigned int i = 0; i < program.filter.len; i++)
            found |= program.filter.filter[i].code == (BPF_RET | BPF_K) && program.filter.filter[i].k == row->want;
        assert_true(found);
    }
}

static int compile_without_asking(void *arg, FILE *out)
{
    _arena_ struct arena *a = arena_new(BIG);
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_KILL_PROCESS"};
    struct seccomp_program program;
    struct error err = {.text = ""};

    (void)arg;
    forked_break(SYS_seccomp, ENOSYS);
    int r = seccomp_program_compile(a, &profile, &program, &err);
    fputs(err.text, out);
    return -r;
}

/* First of all tests: the library asks once in the life of a process. */
static void compiling_does_not_ask_the_kernel(void **state)
{
    (void)state;
    struct forked got = forked_run(compile_without_asking, NULL);
    check_string("text", got.text, "");
    check_int("result", got.status, 0);
}

/* ---- words ---- */

static int compile(const struct oci_seccomp *profile, struct seccomp_program *program, struct error *err)
{
    struct arena *a = arena_new(BIG);
    int r = seccomp_program_compile(a, profile, program, err);
    arena_free(a);
    program->filter.filter = NULL;
    return r;
}

static void flags_become_bits(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        char *flags[4];
        unsigned int want;
    } rows[] = {
        {"none", {NULL}, 0},
        {"TSYNC", {"SECCOMP_FILTER_FLAG_TSYNC"}, 1},
        {"LOG", {"SECCOMP_FILTER_FLAG_LOG"}, 2},
        {"SPEC_ALLOW", {"SECCOMP_FILTER_FLAG_SPEC_ALLOW"}, 4},
        {"several", {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"}, 6},
        {"WAIT_KILLABLE_RECV says nothing without a listener", {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}, 0},
    };
    FOR_ROWS (row, rows) {
        struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .flags = words((char **)row->flags)};
        struct seccomp_program program = {.flags = 99};
        struct error err;
        check_int(row->label, compile(&profile, &program, &err), 0);
        check_int(row->label, program.flags, row->want);
        assert_true(program.filter.len > 0);
    }
}

static void architectures_are_known_by_their_names(void **state)
{
    (void)state;
    static const struct {
        char *name;
        int want;
        const char *text;
    } rows[] = {
        {"SCMP_ARCH_X86", 0, ""},
        {"SCMP_ARCH_X86_64", 0, ""},
        {"SCMP_ARCH_X32", 0, ""},
        {"SCMP_ARCH_ARM", 0, ""},
        {"SCMP_ARCH_AARCH64", 0, ""},
        {"SCMP_ARCH_MIPSEL", 0, ""},
        {"SCMP_ARCH_MIPSEL64", 0, ""},
        {"SCMP_ARCH_MIPSEL64N32", 0, ""},
        {"SCMP_ARCH_PPC64LE", 0, ""},
        {"SCMP_ARCH_RISCV64", 0, ""},
        {"SCMP_ARCH_PPC", -EINVAL, "linux.seccomp.architectures: 'SCMP_ARCH_PPC' has another byte order than this machine"},
        {"SCMP_ARCH_S390X", -EINVAL, "linux.seccomp.architectures: 'SCMP_ARCH_S390X' has another byte order than this machine"},
        {"SCMP_ARCH_PARISC64", -EINVAL,
         "linux.seccomp.architectures: 'SCMP_ARCH_PARISC64' has another byte order than this machine"},
        {"SCMP_ARCH_PDP11", -EINVAL, "linux.seccomp.architectures: 'SCMP_ARCH_PDP11' is not an architecture"},
        {"SCMP_ARCH_x86", -EINVAL, "linux.seccomp.architectures: 'SCMP_ARCH_x86' is not an architecture"},
        {"SCMP_ARCH_", -EINVAL, "linux.seccomp.architectures: 'SCMP_ARCH_' is not an architecture"},
        {"X86_64", -EINVAL, "linux.seccomp.architectures: 'X86_64' is not an architecture"},
        {"SCMP_ARCH_A234567890123456789012345678901", -EINVAL,
         "linux.seccomp.architectures: 'SCMP_ARCH_A234567890123456789012345678901' is not an architecture"},
        {"SCMP_ARCH_A2345678901234567890123456789012", -EINVAL,
         "linux.seccomp.architectures: 'SCMP_ARCH_A2345678901234567890123456789012' is not an architecture"},
    };
    FOR_ROWS (row, rows) {
        struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .architectures = words((char *[]){row->name, NULL})};
        struct seccomp_program program;
        struct error err = {.text = ""};
        check_int(row->name, compile(&profile, &program, &err), row->want);
        check_string(row->name, err.text, row->text);
    }
}

/* Without a rule for x86, getppid of that architecture would end the process instead of failing. */
static void further_architectures_make_the_program_longer(void **state)
{
    (void)state;
    struct oci_seccomp_rule rule = {.names = words(one_name), .action = "SCMP_ACT_ERRNO"};
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1};
    struct seccomp_program one, two;
    struct error err;

    assert_int_equal(compile(&profile, &one, &err), 0);
    profile.architectures = words((char *[]){"SCMP_ARCH_AARCH64", "SCMP_ARCH_X86_64", NULL});
    assert_int_equal(compile(&profile, &two, &err), 0);
    assert_true(two.filter.len > one.filter.len);
}

static void bad_profiles_are_refused_with_field_and_word(void **state)
{
    (void)state;
    static struct oci_seccomp_arg index6[] = {{.index = 6, .op = "SCMP_CMP_EQ"}};
    static struct oci_seccomp_arg far[] = {{.index = UINT64_C(0x100000000), .op = "SCMP_CMP_EQ"}};
    static struct oci_seccomp_arg no_operator[] = {{.index = 0}};
    static struct oci_seccomp_arg bad_operator[] = {{.index = 5, .op = "SCMP_CMP_EQ"}, {.index = 4, .op = "=="}};
    static struct oci_seccomp_arg seven[7] = {{.op = "SCMP_CMP_EQ"}};
    static const struct {
        const char *default_action;
        char *flag;
        struct oci_seccomp_rule rule;
        const char *text;
    } rows[] = {
        {"SCMP_ACT_FOO", NULL, {.n_args = 0}, "linux.seccomp.defaultAction: 'SCMP_ACT_FOO' is not a seccomp action"},
        {NULL, NULL, {.n_args = 0}, "linux.seccomp.defaultAction: '' is not a seccomp action"},
        {"SCMP_ACT_NOTIFY",
         NULL,
         {.n_args = 0},
         "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY needs a listener and there is none"},
        {"SCMP_ACT_ALLOW",
         "SECCOMP_FILTER_FLAG_NEW_LISTENER",
         {.n_args = 0},
         "linux.seccomp.flags: 'SECCOMP_FILTER_FLAG_NEW_LISTENER' is not a seccomp flag"},
        {"SCMP_ACT_ALLOW", NULL, {.action = "SCMP_ACT_ERRNO"}, "linux.seccomp.syscalls: syscall name is required"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_errno"},
         "linux.seccomp.syscalls: 'SCMP_ACT_errno' is not a seccomp action"},
        {"SCMP_ACT_ALLOW", NULL, {.names = {two_names, 2, 0}}, "linux.seccomp.syscalls: '' is not a seccomp action"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_NOTIFY"},
         "linux.seccomp.syscalls: SCMP_ACT_NOTIFY needs a listener and there is none"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_ERRNO", .errno_ret = {true, 4095}},
         "linux.seccomp.syscalls: errnoRet 4095 does not fit SCMP_ACT_ERRNO (at most 4094)"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_TRACE", .errno_ret = {true, 65536}},
         "linux.seccomp.syscalls: errnoRet 65536 does not fit SCMP_ACT_TRACE (at most 65535)"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_KILL", .errno_ret = {true, 1}},
         "linux.seccomp.syscalls: errnoRet 1 does not fit SCMP_ACT_KILL (at most 0)"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_ERRNO", .args = index6, .n_args = 1},
         "linux.seccomp.syscalls.args: index 6 is above 5"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_ERRNO", .args = far, .n_args = 1},
         "linux.seccomp.syscalls.args: index 4294967296 is above 5"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_ERRNO", .args = no_operator, .n_args = 1},
         "linux.seccomp.syscalls.args: '' is not an operator"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_ERRNO", .args = bad_operator, .n_args = 2},
         "linux.seccomp.syscalls.args: '==' is not an operator"},
        {"SCMP_ACT_ALLOW",
         NULL,
         {.names = {two_names, 2, 0}, .action = "SCMP_ACT_ERRNO", .args = seven, .n_args = 7},
         "linux.seccomp.syscalls: rule of 'getppid' has 7 conditions, at most 6 fit"},
    };
    FOR_ROWS (row, rows) {
        struct oci_seccomp profile = {.default_action = (char *)row->default_action,
                                      .flags = words((char *[]){row->flag, NULL}),
                                      .rules = (struct oci_seccomp_rule *)&row->rule,
                                      .n_rules = row->flag || row->rule.n_args + row->rule.names.n || row->rule.action ? 1 : 0};
        struct seccomp_program program = {.flags = 77};
        struct error err;
        check_int(row->text, compile(&profile, &program, &err), -EINVAL);
        check_string(row->text, err.text, row->text);
        check_int(row->text, err.status, STATUS_INVALID_ARGUMENT);
        check_int(row->text, program.flags, 77);
    }
}

static void contradicting_rules_are_refused(void **state)
{
    (void)state;
    struct oci_seccomp_arg arg = {.index = 0, .op = "SCMP_CMP_EQ", .value = 3};
    struct oci_seccomp_rule rules[] = {
        {.names = words(one_name), .action = "SCMP_ACT_ERRNO", .args = &arg, .n_args = 1},
        {.names = words(one_name), .action = "SCMP_ACT_KILL", .args = &arg, .n_args = 1},
    };
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .rules = rules, .n_rules = 2};
    struct seccomp_program program;
    struct error err;

    assert_int_equal(compile(&profile, &program, &err), -EINVAL);
    check_string("text", err.text, "linux.seccomp.syscalls: rule of 'getppid' contradicts an earlier one");
    rules[1].action = "SCMP_ACT_ERRNO";
    assert_int_equal(compile(&profile, &program, &err), 0);
}

/* Building a program costs more than linear time: a hostile profile must not keep the agent busy. */
static void the_number_of_rules_is_bounded(void **state)
{
    (void)state;
    struct oci_seccomp_arg args[6];
    char *names[SECCOMP_RULES_MAX + 2];
    struct oci_seccomp_rule rule = {.names = {.items = names, .n = SECCOMP_RULES_MAX}, .action = "SCMP_ACT_ERRNO"};
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1};
    struct seccomp_program program;
    struct error err;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        names[i] = (char *)"getppid";
    assert_int_equal(compile(&profile, &program, &err), 0);
    rule.names.n++;
    assert_int_equal(compile(&profile, &program, &err), -EINVAL);
    check_string("names", err.text, "linux.seccomp.syscalls: more than 1024 rules");

    for (size_t i = 0; i < ARRAY_SIZE(args); i++)
        args[i] = (struct oci_seccomp_arg){.op = "SCMP_CMP_EQ", .value = i};
    rule.args = args;
    rule.n_args = 6;
    rule.names.n = 1024 / 6 + 1;
    assert_int_equal(compile(&profile, &program, &err), -EINVAL);
    check_string("conditions", err.text, "linux.seccomp.syscalls: more than 1024 rules");
    rule.action = "SCMP_ACT_ALLOW"; /* the default: its names are looked up all the same */
    assert_int_equal(compile(&profile, &program, &err), -EINVAL);
    rule.names.n = 1024 / 6;
    assert_int_equal(compile(&profile, &program, &err), 0);
}

static void a_program_that_is_too_long_is_refused(void **state)
{
    (void)state;
    enum { N = 200 };
    static struct oci_seccomp_arg args[N][6];
    static struct oci_seccomp_rule rules[N];
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .rules = rules, .n_rules = N};
    struct seccomp_program program;
    struct error err;

    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < 6; k++)
            args[i][k] = (struct oci_seccomp_arg){.index = k, .op = "SCMP_CMP_EQ", .value = (uint64_t)i << 32 | i};
        rules[i] =
            (struct oci_seccomp_rule){.names = words(one_name), .action = "SCMP_ACT_ERRNO", .args = args[i], .n_args = 6};
    }
    assert_int_equal(compile(&profile, &program, &err), -EINVAL);
    check_string("text", err.text, "linux.seccomp: the program has more than 4096 instructions");
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(1);
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW"};
    struct seccomp_program program;
    struct error err;

    assert_true(seccomp_program_compile(a, &profile, &program, &err) < 0);
    check_int("status", err.status, STATUS_RESOURCE_EXHAUSTED);
}

static int compile_without_memfd(void *arg, FILE *out)
{
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW"};
    struct seccomp_program program;
    struct error err;

    (void)arg;
    forked_break(SYS_memfd_create, EMFILE);
    int r = compile(&profile, &program, &err);
    fputs(err.text, out);
    return -r;
}

static void a_failed_export_is_reported(void **state)
{
    (void)state;
    struct forked got = forked_run(compile_without_memfd, NULL);
    check_string("text", got.text, "export seccomp program: EMFILE: Too many open files");
    check_int("result", got.status, EMFILE);
}

/* ---- loading ---- */

static int load_refused(void *arg, FILE *out)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct seccomp_program program = {.filter = {.len = 1, .filter = &allow}};
    struct error err = {.text = ""};

    (void)arg;
    forked_break(SYS_seccomp, EACCES);
    int r = seccomp_program_load(&program, &err);
    fputs(err.text, out);
    program.filter.len = 0;
    return r == -EACCES && seccomp_program_load(&program, &err) == 0 ? 0 : 1;
}

static void *thread_with_a_filter(void *arg)
{
    int *fds = arg;
    char c;

    forked_break(SYS_acct, EPERM);
    if (write(fds[1], "x", 1) == 1 && read(fds[2], &c, 1) < 0)
        abort();
    return NULL;
}

static int load_beside_another_filter(void *arg, FILE *out)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct seccomp_program program = {.filter = {.len = 1, .filter = &allow}, .flags = SECCOMP_FILTER_FLAG_TSYNC};
    struct error err = {.text = ""};
    int fds[4];
    pthread_t thread;
    char c;

    (void)arg;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (pipe(fds) < 0 || pipe(fds + 2) < 0 || pthread_create(&thread, NULL, thread_with_a_filter, fds) != 0)
        return 9;
    if (read(fds[0], &c, 1) != 1)
        return 8;
    int r = seccomp_program_load(&program, &err);
    fputs(err.text, out);
    close(fds[3]);
    pthread_join(thread, NULL);
    return r == -ESRCH ? 0 : 1;
}

static void a_filter_that_is_not_in_force_is_an_error(void **state)
{
    (void)state;
    struct forked got = forked_run(load_refused, NULL);
    check_string("refused", got.text, "load the seccomp filter: EACCES: Permission denied");
    check_int("refused", got.status, 0);
    got = forked_run(load_beside_another_filter, NULL);
    check_string("not synchronized", got.text, "load the seccomp filter: ESRCH: No such process");
    check_int("not synchronized", got.status, 0);
}

/* ---- the profile that Docker's containers get ---- */

static struct oci_seccomp *docker_default(struct arena *a)
{
    static const char head[] = "{\"ociVersion\":\"1.0.2\",\"linux\":{\"seccomp\":";
    static char text[64 * 1024];
    struct oci_spec *spec;
    struct error err;
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", head);
    FILE *file = fopen("fixtures/seccomp/docker-default.json", "re");

    assert_non_null(file);
    len += fread(text + len, 1, sizeof(text) - len - 3, file);
    fclose(file);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "}}");
    if (oci_spec_from_json(a, text, len, &spec, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return spec->linux_->seccomp;
}

static int under_docker_default(void *arg, FILE *out)
{
    struct seccomp_program *program = arg;
    struct error err;

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (seccomp_program_load(program, &err) < 0)
        return 9;
#define RESULT(...) (syscall(__VA_ARGS__) < 0 ? errno : 0)
    fprintf(out, "%d %d %d ", RESULT(SYS_getppid), RESULT(SYS_mount, 0, 0, 0, 0, 0), RESULT(SYS_clone3, 0, 0));
    fprintf(out, "%d %d ", RESULT(SYS_personality, 0xffffffff), RESULT(SYS_personality, 0x40000));
    fprintf(out, "%d %d", RESULT(SYS_socket, 40, 1, 0), RESULT(SYS_clone, 0x10000000, 0, 0, 0, 0));
    return 0;
}

static void dockers_profile_is_in_force(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(BIG);
    struct seccomp_program program;
    struct error err;
    struct oci_seccomp *profile = docker_default(a);

    if (seccomp_program_compile(a, profile, &program, &err) < 0)
        fail_msg("%s", err.text);
    struct forked got = forked_run(under_docker_default, &program);
    check_string("getppid mount clone3 personality socket clone", got.text, "0 1 38 0 1 1 1");
    check_int("exit", got.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiling_does_not_ask_the_kernel),
        cmocka_unit_test(programs_do_what_the_profile_says),
        cmocka_unit_test(the_number_for_a_tracer_is_in_the_program),
        cmocka_unit_test(deadly_actions_kill_with_their_signal),
        cmocka_unit_test(a_default_that_refuses_leaves_what_is_listed),
        cmocka_unit_test(a_rule_for_all_others_has_the_errno_of_the_default),
        cmocka_unit_test(another_errno_than_the_default_is_a_rule),
        cmocka_unit_test(flags_become_bits),
        cmocka_unit_test(architectures_are_known_by_their_names),
        cmocka_unit_test(further_architectures_make_the_program_longer),
        cmocka_unit_test(bad_profiles_are_refused_with_field_and_word),
        cmocka_unit_test(contradicting_rules_are_refused),
        cmocka_unit_test(the_number_of_rules_is_bounded),
        cmocka_unit_test(a_program_that_is_too_long_is_refused),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(a_failed_export_is_reported),
        cmocka_unit_test(a_filter_that_is_not_in_force_is_an_error),
        cmocka_unit_test(dockers_profile_is_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
