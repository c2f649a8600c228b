/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/capability.h"

#include <errno.h>
#include <linux/capability.h>

#include "check.h"

static void names_and_numbers_belong_together(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"CAP_CHOWN", 0},    {"CAP_DAC_OVERRIDE", 1},  {"CAP_SETPCAP", 8}, {"CAP_SYS_ADMIN", 21},
        {"CAP_SETFCAP", 31}, {"CAP_MAC_OVERRIDE", 32}, {"CAP_BPF", 39},    {"CAP_CHECKPOINT_RESTORE", 40},
    };
    FOR_ROWS (row, rows) {
        check_int(row->name, oci_capability_number(row->name), row->number);
        check_string(row->name, oci_capability_name(row->number), row->name);
    }
    for (int n = 0; n <= CAP_LAST_CAP; n++) {
        assert_non_null(oci_capability_name(n));
        check_int(oci_capability_name(n), oci_capability_number(oci_capability_name(n)), n);
    }
    assert_null(oci_capability_name(-1));
    assert_null(oci_capability_name(41));
    assert_null(oci_capability_name(1000));
}

static void names_are_accepted_as_clients_send_them(void **state)
{
    (void)state;
    static const struct {
        const char *label, *name;
        int number;
    } rows[] = {
        {"without prefix", "CHOWN", 0},
        {"quoted", "\"CAP_KILL\"", 5},
        {"quoted without prefix", "\"KILL\"", 5},
        {"last without prefix", "CHECKPOINT_RESTORE", 40},
        {"empty", "", -EINVAL},
        {"prefix alone", "CAP_", -EINVAL},
        {"one quote", "\"", -EINVAL},
        {"quote only in front", "\"CAP_KILL", -EINVAL},
        {"quote only behind", "CAP_KILL\"", -EINVAL},
        {"empty quotes", "\"\"", -EINVAL},
        {"lower case", "cap_chown", -EINVAL},
        {"beginning of a name", "CAP_CHOW", -EINVAL},
        {"name and more", "CAP_CHOWNS", -EINVAL},
        {"prefix twice", "CAP_CAP_CHOWN", -EINVAL},
        {"number", "0", -EINVAL},
        {"unknown", "CAP_FLY", -EINVAL},
    };
    FOR_ROWS (row, rows)
        check_int(row->label, oci_capability_number(row->name), row->number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_belong_together),
        cmocka_unit_test(names_are_accepted_as_clients_send_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
