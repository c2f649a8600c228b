/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes of google.rpc.Code, as carried by ttrpc responses. */
#pragma once

enum status_code {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
    STATUS_MAX,
};

/* Name as in google/rpc/code.proto ("NOT_FOUND"), or "UNKNOWN_CODE" outside the enum. */
const char *status_name(int status);

/* The negative errno that stands for a status inside the program; 0 for STATUS_OK. */
int status_to_errno(enum status_code status);
