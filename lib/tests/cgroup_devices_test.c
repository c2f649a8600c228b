/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: what is refused, and the list that version 1 keeps. What the programs of version 2 do:
 * kernel_device_rules_test. */
#include "lib/tests/cgroup_kernel.h"
#include "lib/tests/check.h"

#include "cgroup/device_program.h"
#include "lib/tests/device_rules.h"

static size_t count(const struct oci_device_rule *rules)
{
    size_t n = 0;

    while (rules[n].access)
        n++;
    return n;
}

/* clang-format off */
static void rules_that_are_none_are_refused_by_name(void **state)
{
    static const struct {
        const char *label;
        struct oci_device_rule rules[3];
        const char *error;
    } rows[] = {
        {"type", {ALL(false), RULE(true, 'x', ANY, ANY, "r")}, "linux.resources.devices[1].type: 'x' is not a, b or c"},
        {"access", {RULE(true, 'c', ANY, ANY, "rx")}, "linux.resources.devices[0].access: 'rx' is not of r, w and m"},
        {"major", {RULE(true, 'c', N(INT64_C(1) << 31), ANY, "r")}, "linux.resources.devices[0]: no device has number 2147483648:0"},
        {"minor", {RULE(true, 'c', N(1), N(INT64_MAX), "r")}, "linux.resources.devices[0]: no device has number 1:9223372036854775807"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(1 << 20);
        struct device_program program;
        struct error err = {.errnum = 0};
        check_int(row->label, device_program_build(a, row->rules, count(row->rules), &program, &err), -EINVAL);
        check_string(row->label, err.text, row->error);
    }
}

static void the_last_rule_tells_whether_all_is_allowed(void **state)
{
    static const struct {
        const char *label;
        struct oci_device_rule rules[3];
        bool want;
    } rows[] = {
        {"no rules", {{0}}, true},
        {"all", {ALL(true)}, true},
        {"all after none", {ALL(false), ALL(true)}, true},
        {"all with numbers that mean any", {RULE(true, 'a', N(-1), N(-1), "mrw")}, true},
        {"none", {ALL(false)}, false},
        {"none after all", {ALL(true), ALL(false)}, false},
        {"a part of the access", {RULE(true, 'a', ANY, ANY, "rw")}, false},
        {"a type", {RULE(true, 'c', ANY, ANY, "rwm")}, false},
        {"a number", {RULE(true, 'a', N(1), ANY, "rwm")}, false},
    };
    (void)state;

    FOR_ROWS (row, rows)
        check_int(row->label, device_rules_allow_all(row->rules, count(row->rules)), row->want);
}
/* clang-format on */

static void more_rules_than_a_program_has_room_for_are_refused(void **state)
{
    _arena_ struct arena *a = arena_new(64 << 20);
    struct oci_device_rule *rules = arena_calloc(a, 5000, sizeof(*rules));
    struct device_program program;
    struct error err = {.errnum = 0};
    (void)state;

    assert_true(device_program_build(a, rules, 5000, &program, &err) < 0);
    assert_string_equal(err.text, "linux.resources.devices: 5000 rules are too many");
    assert_int_equal(device_program_build(a, rules, 4096, &program, &err), 0);
}

/* ---- version 1 ---- */

#define DEFAULTS                                                                                                               \
    "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm\nc 5:1 rwm\nc 5:2 rwm\n"               \
    "c 136:* rwm\nc 10:200 rwm\n"

static void version_1_lists_what_is_allowed(void **state)
{
    static const struct {
        const char *label;
        struct oci_device_rule rules[4];
        const char *list;
    } rows[] = {
        {"none", {ALL(false)}, DEFAULTS},
        {"one", {ALL(false), RULE(true, 'b', N(7), N(3), "rw")}, "b 7:3 rw\n" DEFAULTS},
        {"a range", {ALL(false), RULE(true, 'c', N(7), ANY, "r")}, "c 7:* r\n" DEFAULTS},
        {"both types", {ALL(false), RULE(true, 'a', N(7), N(3), "r")}, "b 7:3 r\nc 7:3 r\n" DEFAULTS},
        {"taken back",
         {ALL(false), RULE(true, 'c', N(7), N(3), "rwm"), RULE(false, 'c', N(7), N(3), "w")},
         "c 7:3 rm\n" DEFAULTS},
        {"all", {ALL(false), ALL(true)}, "a *:* rwm\n"},
    };
    struct kernel *kernel = get(state);
    const struct member *member = cgroup_member(kernel->cgroup, CONTROLLER_DEVICES);

    if (!member || cgroup_member_v2(kernel->cgroup)) {
        print_message("needs the devices controller of cgroup version 1 and no version 2\n");
        skip();
    }
    FOR_ROWS (row, rows) {
        _buf_ struct buf text = BUF_INIT(4096);
        struct error err = {.errnum = 0};
        if (cgroup_apply_devices(kernel->cgroup, row->rules, count(row->rules), &err) < 0)
            fail_msg("%s: %s", row->label, err.text);
        assert_int_equal(control_read(member->fd, "devices.list", &text), 0);
        check_string(row->label, text.data, row->list);
    }
}

static void rules_without_a_controller_are_refused_unless_they_allow_all(void **state)
{
    static const struct oci_device_rule all[] = {ALL(true)}, none[] = {ALL(false)};
    struct fake_cgroup fake;
    struct error err = {.errnum = 0};
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    assert_int_equal(cgroup_apply_devices(fake.cgroup, NULL, 0, &err), 0);
    assert_int_equal(cgroup_apply_devices(fake.cgroup, all, 1, &err), 0);
    assert_int_equal(cgroup_apply_devices(fake.cgroup, none, 1, &err), -EOPNOTSUPP);
    assert_string_equal(err.text, "linux.resources.devices: no control group here enforces it");
    fake_cgroup_done(&fake);
}

static void a_bad_rule_writes_nothing(void **state)
{
    static const struct oci_device_rule rules[] = {ALL(false), RULE(true, 'x', ANY, ANY, "r")};
    struct fake_cgroup fake;
    struct error err = {.errnum = 0};
    (void)state;

    fake_cgroup_init(&fake, "devices");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "devices/a/devices.deny", "");
    assert_int_equal(cgroup_apply_devices(fake.cgroup, rules, 2, &err), -EINVAL);
    assert_string_equal(fake_cgroup_read(&fake, "devices/a/devices.deny"), "");
    fake_cgroup_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_are_none_are_refused_by_name),
        cmocka_unit_test(the_last_rule_tells_whether_all_is_allowed),
        cmocka_unit_test(more_rules_than_a_program_has_room_for_are_refused),
        cmocka_unit_test_setup_teardown(version_1_lists_what_is_allowed, setup, teardown),
        cmocka_unit_test(rules_without_a_controller_are_refused_unless_they_allow_all),
        cmocka_unit_test(a_bad_rule_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
