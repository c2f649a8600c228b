/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "runtime-min/sandbox/rundir.h"

static void a_full_disk_is_why_a_monitor_cannot_sign(void **state)
{
    struct error err = {.errnum = 0};
    char directory[] = "/tmp/tatami-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(symlink("/dev/full", RUNDIR_LOCK), 0);
    assert_int_equal(rundir_sign(&err), -ENOSPC);
    assert_string_equal(err.text, "write down who the monitor is: ENOSPC: No space left on device");
    assert_int_equal(unlink(RUNDIR_LOCK), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_why_a_monitor_cannot_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
