/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: containers from creation to removal. */
#include "agent/tests/support/rig.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

RIG_TEST(container_runs_and_its_output_and_exit_code_arrive)
{
    char *out, *errors;

    rig_create_sandbox(rig);
    int code = rig_run_container(rig, "c1", rig_spec(rig, "c1", "echo hello; echo oops >&2; exit 42"), &out, &errors);
    assert_int_equal(code, 42);
    assert_string_equal(out, "hello\n");
    assert_string_equal(errors, "oops\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(container_runs_and_its_output_and_exit_code_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
