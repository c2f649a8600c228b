/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/rlimit.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "tests/check.h"

static void names_and_numbers_belong_together(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"RLIMIT_CPU", 0},       {"RLIMIT_FSIZE", 1}, {"RLIMIT_DATA", 2},      {"RLIMIT_STACK", 3},
        {"RLIMIT_CORE", 4},      {"RLIMIT_RSS", 5},   {"RLIMIT_NPROC", 6},     {"RLIMIT_NOFILE", 7},
        {"RLIMIT_MEMLOCK", 8},   {"RLIMIT_AS", 9},    {"RLIMIT_LOCKS", 10},    {"RLIMIT_SIGPENDING", 11},
        {"RLIMIT_MSGQUEUE", 12}, {"RLIMIT_NICE", 13}, {"RLIMIT_RTPRIO", 14},   {"RLIMIT_RTTIME", 15},
        {"", -EINVAL},           {"NOFILE", -EINVAL}, {"rlimit_cpu", -EINVAL}, {"RLIMIT_CPUS", -EINVAL},
        {"RLIMIT_", -EINVAL},
    };
    FOR_ROWS (row, rows)
        check_int(row->name, rlimit_parse(row->name), row->number);
}

static void a_list_keeps_order_and_values(void **state)
{
    (void)state;
    struct oci_rlimit entries[] = {
        {.type = "RLIMIT_NOFILE", .soft = 10, .hard = 20},
        {.type = "RLIMIT_CORE", .soft = 0, .hard = 0},
        {.type = "RLIMIT_AS", .soft = UINT64_MAX, .hard = UINT64_MAX},
    };
    struct oci_process process = {.rlimits = entries, .n_rlimits = ARRAY_SIZE(entries)};
    struct rlimit_list list;
    struct error err;

    assert_int_equal(rlimit_list_parse(&process, &list, &err), 0);
    assert_int_equal(list.n, 3);
    check_int("first", list.items[0].resource, RLIMIT_NOFILE);
    check_int("soft", list.items[0].soft, 10);
    check_int("hard", list.items[0].hard, 20);
    check_int("second", list.items[1].resource, RLIMIT_CORE);
    check_int("third", list.items[2].resource, RLIMIT_AS);
    assert_true(list.items[2].soft == UINT64_MAX && list.items[2].hard == UINT64_MAX);
}

static void all_sixteen_fit(void **state)
{
    (void)state;
    struct oci_rlimit entries[] = {
        {.type = "RLIMIT_CPU"},      {.type = "RLIMIT_FSIZE"}, {.type = "RLIMIT_DATA"},   {.type = "RLIMIT_STACK"},
        {.type = "RLIMIT_CORE"},     {.type = "RLIMIT_RSS"},   {.type = "RLIMIT_NPROC"},  {.type = "RLIMIT_NOFILE"},
        {.type = "RLIMIT_MEMLOCK"},  {.type = "RLIMIT_AS"},    {.type = "RLIMIT_LOCKS"},  {.type = "RLIMIT_SIGPENDING"},
        {.type = "RLIMIT_MSGQUEUE"}, {.type = "RLIMIT_NICE"},  {.type = "RLIMIT_RTPRIO"}, {.type = "RLIMIT_RTTIME"},
        {.type = "RLIMIT_CPU"},
    };
    struct oci_process process = {.rlimits = entries, .n_rlimits = 16};
    struct rlimit_list list = {.n = 99};
    struct error err;

    assert_int_equal(rlimit_list_parse(&process, &list, &err), 0);
    assert_int_equal(list.n, 16);
    process.n_rlimits = 17;
    assert_int_equal(rlimit_list_parse(&process, &list, &err), -EINVAL);
    check_string("a seventeenth", err.text, "process.rlimits: RLIMIT_CPU is listed twice");
}

static void bad_entries_are_refused_with_name_and_values(void **state)
{
    (void)state;
    static const struct {
        struct oci_rlimit entries[2];
        const char *text;
    } rows[] = {
        {{{.type = "RLIMIT_CPU"}, {.type = "RLIMIT_FUN"}}, "process.rlimits: 'RLIMIT_FUN' is not a resource limit"},
        {{{.type = "RLIMIT_CPU"}, {.type = NULL}}, "process.rlimits: '' is not a resource limit"},
        {{{.type = "RLIMIT_CPU"}, {.type = "RLIMIT_CORE", .soft = 18446744073709551615U, .hard = 7}},
         "process.rlimits: RLIMIT_CORE: soft limit 18446744073709551615 is above hard limit 7"},
        {{{.type = "RLIMIT_CPU"}, {.type = "RLIMIT_CPU", .soft = 1, .hard = 1}}, "process.rlimits: RLIMIT_CPU is listed twice"},
    };
    FOR_ROWS (row, rows) {
        struct oci_process process = {.rlimits = (struct oci_rlimit *)row->entries, .n_rlimits = 2};
        struct rlimit_list list = {.n = 77};
        struct error err;
        check_int(row->text, rlimit_list_parse(&process, &list, &err), -EINVAL);
        check_string(row->text, err.text, row->text);
        check_int(row->text, err.status, STATUS_INVALID_ARGUMENT);
        check_int(row->text, list.n, 77);
    }
}

static int apply_to(int pid, FILE *out)
{
    struct rlimit_list list = {.n = 2, .items = {{RLIMIT_NOFILE, 10, 20}, {RLIMIT_CORE, 0, 4096}}};
    struct rlimit core;
    struct rlimit file;
    struct error err;

    if (rlimit_apply(&list, pid, &err) < 0) {
        fputs(err.text, out);
        return 1;
    }
    getrlimit(RLIMIT_NOFILE, &file);
    getrlimit(RLIMIT_CORE, &core);
    fprintf(out, "%llu %llu %llu %llu", (unsigned long long)file.rlim_cur, (unsigned long long)file.rlim_max,
            (unsigned long long)core.rlim_cur, (unsigned long long)core.rlim_max);
    return 0;
}

static int apply_by_pid(void *arg, FILE *out)
{
    (void)arg;
    return apply_to(getpid(), out);
}

static int apply_to_nobody(void *arg, FILE *out)
{
    (void)arg;
    forked_break(SYS_prlimit64, EPERM);
    return apply_to(getpid(), out);
}

static void limits_are_set_for_the_given_process(void **state)
{
    (void)state;
    struct rlimit before;
    struct rlimit after;

    getrlimit(RLIMIT_NOFILE, &before);
    struct forked got = forked_run(apply_by_pid, NULL);
    check_string("limits", got.text, "10 20 0 4096");
    getrlimit(RLIMIT_NOFILE, &after);
    assert_memory_equal(&before, &after, sizeof(before));

    got = forked_run(apply_to_nobody, NULL);
    check_string("refused", got.text, "set RLIMIT_NOFILE to soft 10, hard 20: EPERM: Operation not permitted");
    check_int("refused", got.status, 1);
}

static void an_empty_list_changes_nothing(void **state)
{
    (void)state;
    struct oci_process process = {.n_rlimits = 0};
    struct rlimit_list list = {.n = 5};
    struct error err;

    assert_int_equal(rlimit_list_parse(&process, &list, &err), 0);
    assert_int_equal(list.n, 0);
    assert_int_equal(rlimit_apply(&list, -1, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_belong_together),
        cmocka_unit_test(a_list_keeps_order_and_values),
        cmocka_unit_test(all_sixteen_fit),
        cmocka_unit_test(bad_entries_are_refused_with_name_and_values),
        cmocka_unit_test(limits_are_set_for_the_given_process),
        cmocka_unit_test(an_empty_list_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
