/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "tests/check.h"

#define BIT(n) (UINT64_C(1) << (n))

static struct strlist words(char **items)
{
    struct strlist list = {.items = items};
    while (items[list.n])
        list.n++;
    return list;
}

static void each_list_becomes_its_set(void **state)
{
    (void)state;
    struct oci_capabilities lists = {
        .bounding = words((char *[]){"CAP_CHOWN", "CAP_KILL", "CAP_BPF", NULL}),
        .effective = words((char *[]){"CAP_CHOWN", NULL}),
        .inheritable = words((char *[]){"CAP_KILL", NULL}),
        .permitted = words((char *[]){"CAP_CHOWN", "CAP_KILL", "CAP_SETGID", NULL}),
        .ambient = words((char *[]){"CAP_KILL", "CAP_KILL", "CAP_SETUID", NULL}),
    };
    struct capability_sets sets;
    struct error err;

    assert_int_equal(capability_sets_parse(&lists, &sets, &err), 0);
    check_int("bounding", sets.bounding, BIT(0) | BIT(5) | BIT(39));
    check_int("effective", sets.effective, BIT(0));
    check_int("inheritable", sets.inheritable, BIT(5));
    check_int("permitted", sets.permitted, BIT(0) | BIT(5) | BIT(6));
    check_int("ambient", sets.ambient, BIT(5) | BIT(7));
}

/* CVE-2022-24769: what is not asked for is not there. */
static void absent_lists_are_empty_sets(void **state)
{
    (void)state;
    struct oci_capabilities lists = {0};
    struct capability_sets sets = {1, 1, 1, 1, 1};
    struct error err;

    assert_int_equal(capability_sets_parse(&lists, &sets, &err), 0);
    assert_memory_equal(&sets, (&(struct capability_sets){0}), sizeof(sets));
}

static void bad_lists_are_refused_with_field_and_word(void **state)
{
    (void)state;
    struct strlist fly = words((char *[]){"CAP_CHOWN", "CAP_FLY", NULL});
    struct strlist kill_and_mknod = words((char *[]){"CAP_KILL", "CAP_MKNOD", NULL});
    struct strlist only_kill = words((char *[]){"CAP_KILL", NULL});
    const struct {
        struct oci_capabilities lists;
        const char *text;
    } rows[] = {
        {{.bounding = fly}, "process.capabilities.bounding: 'CAP_FLY' is not a capability"},
        {{.effective = fly}, "process.capabilities.effective: 'CAP_FLY' is not a capability"},
        {{.inheritable = fly}, "process.capabilities.inheritable: 'CAP_FLY' is not a capability"},
        {{.permitted = fly}, "process.capabilities.permitted: 'CAP_FLY' is not a capability"},
        {{.ambient = fly}, "process.capabilities.ambient: 'CAP_FLY' is not a capability"},
        {{.effective = kill_and_mknod, .permitted = only_kill},
         "process.capabilities.effective: CAP_MKNOD is not in the permitted set"},
        {{.inheritable = kill_and_mknod, .bounding = only_kill},
         "process.capabilities.inheritable: CAP_MKNOD is not in the bounding set"},
    };
    FOR_ROWS (row, rows) {
        struct capability_sets sets = {.bounding = 42};
        struct error err;
        check_int(row->text, capability_sets_parse(&row->lists, &sets, &err), -EINVAL);
        check_string(row->text, err.text, row->text);
        check_int(row->text, err.status, STATUS_INVALID_ARGUMENT);
        check_int(row->text, sets.bounding, 42);
    }
}

/* ---- on the real kernel ---- */

static int put_in_force(void *arg, FILE *out)
{
    struct capability_sets sets = *(struct capability_sets *)arg;
    struct error err;

    if (capability_confine(&sets, &err) < 0 || capability_apply(&sets, &err) < 0) {
        fputs(err.text, out);
        return 1;
    }
    forked_status_line("CapBnd", out);
    forked_status_line("CapEff", out);
    forked_status_line("CapInh", out);
    forked_status_line("CapPrm", out);
    forked_status_line("CapAmb", out);
    return 0;
}

static uint64_t own_set(const char *key)
{
    char text[64] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    forked_status_line(key, out);
    fclose(out);
    return strtoull(text, NULL, 16);
}

static void skip_without_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
}

static void sets_are_in_force_exactly(void **state)
{
    (void)state;
    skip_without_root();
    const struct {
        const char *label;
        struct capability_sets sets;
        const char *want;
    } rows[] = {
        {"none", {0}, "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 "},
        {"all different",
         {.bounding = 0xf, .effective = 0x1, .inheritable = 0x6, .permitted = 0x23, .ambient = 0x2},
         "000000000000000f 0000000000000001 0000000000000006 0000000000000023 0000000000000002 "},
        {"upper word",
         {.bounding = BIT(39) | BIT(0),
          .effective = BIT(38),
          .inheritable = BIT(39),
          .permitted = BIT(39) | BIT(38),
          .ambient = BIT(39)},
         "0000008000000001 0000004000000000 0000008000000000 000000c000000000 0000008000000000 "},
        {"ambient without permitted or inheritable is left out",
         {.bounding = 0xf, .permitted = 0x3, .inheritable = 0x5, .ambient = 0xf},
         "000000000000000f 0000000000000000 0000000000000005 0000000000000003 0000000000000001 "},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(put_in_force, (void *)&row->sets);
        check_string(row->label, got.text, row->want);
        check_int(row->label, got.status, 0);
    }
}

static void what_the_agent_does_not_hold_is_left_out(void **state)
{
    (void)state;
    skip_without_root();
    struct capability_sets all = {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), 0};
    uint64_t held = own_set("CapPrm");
    char want[128];

    snprintf(want, sizeof(want), "%016llx %016llx %016llx %016llx 0000000000000000 ", (unsigned long long)own_set("CapBnd"),
             (unsigned long long)held, (unsigned long long)held, (unsigned long long)held);
    struct forked got = forked_run(put_in_force, &all);
    check_string("all sets", got.text, want);
}

static int with_ambient(void *arg, FILE *out)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    syscall(SYS_capget, &header, data);
    data[0].inheritable |= 1;
    syscall(SYS_capset, &header, data);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0);
    forked_status_line("CapAmb", out);
    return put_in_force(arg, out);
}

static void ambient_of_the_caller_is_emptied(void **state)
{
    (void)state;
    skip_without_root();
    struct capability_sets sets = {.bounding = 3, .inheritable = 1, .permitted = 1};
    struct forked got = forked_run(with_ambient, &sets);

    check_string("before and after", got.text,
                 "0000000000000001 0000000000000003 0000000000000000 0000000000000001 0000000000000001 0000000000000000 ");
}

/* ---- a kernel that refuses ---- */

struct fault {
    const char *label;
    long nr;
    int arg;
    uint32_t value;
    int errnum;
    const char *text;
};

static int with_fault(void *arg, FILE *out)
{
    const struct fault *fault = arg;
    struct capability_sets none = {0};

    if (fault->arg < 0)
        forked_break(fault->nr, fault->errnum);
    else
        forked_break_arg(fault->nr, fault->arg, fault->value, fault->errnum);
    return put_in_force(&none, out);
}

/* The first capset raises, the second one sets. */
static int with_final_capset_refused(void *arg, FILE *out)
{
    struct capability_sets sets = {0};
    struct error err;

    (void)arg;
    if (capability_confine(&sets, &err) < 0)
        return 2;
    forked_break(SYS_capset, EPERM);
    int r = capability_apply(&sets, &err);
    fputs(err.text, out);
    return r == -EPERM;
}

static void refusals_of_the_kernel_are_reported(void **state)
{
    (void)state;
    skip_without_root();
    static const struct fault rows[] = {
        {"capget", SYS_capget, -1, 0, EFAULT, "read capability sets: EFAULT: Bad address"},
        {"raising capset", SYS_capset, -1, 0, EPERM, "raise effective capabilities: EPERM: Operation not permitted"},
        {"probe", SYS_prctl, 0, PR_CAPBSET_READ, EINVAL, "failed to enumerate supported capabilities with PR_CAPBSET_READ"},
        {"drop", SYS_prctl, 0, PR_CAPBSET_DROP, EPERM,
         "drop capability 0 from the bounding set: EPERM: Operation not permitted"},
        {"drop that does nothing", SYS_prctl, 0, PR_CAPBSET_DROP, 0,
         "failed to remove disallowed capabilities from the bounding set"},
        {"clear ambient", SYS_prctl, 0, PR_CAP_AMBIENT, EINVAL, "clear ambient capabilities: EINVAL: Invalid argument"},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(with_fault, (void *)row);
        check_string(row->label, got.text, row->text);
        check_int(row->label, got.status, 1);
    }
    struct forked got = forked_run(with_final_capset_refused, NULL);
    check_string("final capset", got.text, "set capability sets: EPERM: Operation not permitted");
    check_int("final capset", got.status, 1);
}

/* A newer kernel knows capabilities that have no name here: they leave the bounding set as well. Pretends 64 of them. */
static int with_every_number_known(void *arg, FILE *out)
{
    struct capability_sets none = {0};
    struct error err;

    (void)arg;
    forked_break_arg(SYS_prctl, 0, PR_CAPBSET_READ, 0);
    int r = capability_confine(&none, &err);
    fprintf(out, "%d", r);
    return 0;
}

static void probing_ends_at_64(void **state)
{
    (void)state;
    skip_without_root();
    struct forked got = forked_run(with_every_number_known, NULL);
    check_string("result", got.text, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_list_becomes_its_set),
        cmocka_unit_test(absent_lists_are_empty_sets),
        cmocka_unit_test(bad_lists_are_refused_with_field_and_word),
        cmocka_unit_test(sets_are_in_force_exactly),
        cmocka_unit_test(what_the_agent_does_not_hold_is_left_out),
        cmocka_unit_test(ambient_of_the_caller_is_emptied),
        cmocka_unit_test(refusals_of_the_kernel_are_reported),
        cmocka_unit_test(probing_ends_at_64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
