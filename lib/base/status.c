/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <errno.h>

#include "base/macros.h"

static const struct {
    const char *name;
    int errnum;
} statuses[STATUS_MAX] = {
    [STATUS_OK] = {"OK", 0},
    [STATUS_CANCELLED] = {"CANCELLED", ECANCELED},
    [STATUS_UNKNOWN] = {"UNKNOWN", EPROTO},
    [STATUS_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", EINVAL},
    [STATUS_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", ETIMEDOUT},
    [STATUS_NOT_FOUND] = {"NOT_FOUND", ENOENT},
    [STATUS_ALREADY_EXISTS] = {"ALREADY_EXISTS", EEXIST},
    [STATUS_PERMISSION_DENIED] = {"PERMISSION_DENIED", EACCES},
    [STATUS_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", ENOBUFS},
    [STATUS_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", EBUSY},
    [STATUS_ABORTED] = {"ABORTED", EAGAIN},
    [STATUS_OUT_OF_RANGE] = {"OUT_OF_RANGE", ERANGE},
    [STATUS_UNIMPLEMENTED] = {"UNIMPLEMENTED", ENOSYS},
    [STATUS_INTERNAL] = {"INTERNAL", EIO},
    [STATUS_UNAVAILABLE] = {"UNAVAILABLE", ENOTCONN},
    [STATUS_DATA_LOSS] = {"DATA_LOSS", EBADMSG},
    [STATUS_UNAUTHENTICATED] = {"UNAUTHENTICATED", EPERM},
};

const char *status_name(int status)
{
    if (status < 0 || status >= STATUS_MAX)
        return "UNKNOWN_CODE";
    return statuses[status].name;
}

int status_to_errno(enum status_code status)
{
    if ((int)status < 0 || status >= STATUS_MAX)
        return -EPROTO;
    return -statuses[status].errnum;
}
