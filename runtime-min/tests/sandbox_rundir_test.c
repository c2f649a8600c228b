/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "lib/tests/check.h"
#include "runtime-min/sandbox/rundir.h"
#include "sys/fd.h"
#include "sys/sys.h"

static void a_full_disk_is_why_a_monitor_cannot_sign(void **state)
{
    struct error err = {.errnum = 0};
    _close_ int full = sys_openat(AT_FDCWD, "/dev/full", O_RDWR | O_CLOEXEC, 0);

    (void)state;
    assert_int_equal(rundir_sign(full, &err), -ENOSPC);
    assert_string_equal(err.text, "write down who the monitor is: ENOSPC: No space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_why_a_monitor_cannot_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
