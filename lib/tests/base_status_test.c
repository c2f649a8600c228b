/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <errno.h>
#include <limits.h>

#include "check.h"

static const struct {
    const char *label; /* the name */
    int status;
    int errnum;
} rows[] = {
    {"OK", 0, 0},
    {"CANCELLED", 1, ECANCELED},
    {"UNKNOWN", 2, EPROTO},
    {"INVALID_ARGUMENT", 3, EINVAL},
    {"DEADLINE_EXCEEDED", 4, ETIMEDOUT},
    {"NOT_FOUND", 5, ENOENT},
    {"ALREADY_EXISTS", 6, EEXIST},
    {"PERMISSION_DENIED", 7, EACCES},
    {"RESOURCE_EXHAUSTED", 8, ENOBUFS},
    {"FAILED_PRECONDITION", 9, EBUSY},
    {"ABORTED", 10, EAGAIN},
    {"OUT_OF_RANGE", 11, ERANGE},
    {"UNIMPLEMENTED", 12, ENOSYS},
    {"INTERNAL", 13, EIO},
    {"UNAVAILABLE", 14, ENOTCONN},
    {"DATA_LOSS", 15, EBADMSG},
    {"UNAUTHENTICATED", 16, EPERM},
    {"UNKNOWN_CODE", 17, EPROTO},
    {"UNKNOWN_CODE", -1, EPROTO},
    {"UNKNOWN_CODE", INT_MAX, EPROTO},
    {"UNKNOWN_CODE", INT_MIN, EPROTO},
};

static void each_status_has_its_name(void **state)
{
    (void)state;
    FOR_ROWS (row, rows)
        check_string(row->label, status_name(row->status), row->label);
}

static void each_status_has_its_errno(void **state)
{
    (void)state;
    FOR_ROWS (row, rows)
        check_int(row->label, status_to_errno((enum status_code)row->status), -row->errnum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_its_name),
        cmocka_unit_test(each_status_has_its_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
