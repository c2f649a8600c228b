/* SPDX-License-Identifier: Apache-2.0 */
/* Error object: what went wrong, in words that a person and a client can act on.
 *
 * A function that can fail for reasons worth reading returns 0 or more on success and a negative errno on failure, and takes
 * a struct error as its last parameter. The place that notices the failure fills it once; callers put context in front with
 * error_wrap(). The object belongs to the outermost caller, never allocates, and cuts texts that do not fit.
 * Every function here accepts err == NULL and then only computes the return value. */
#pragma once
#include <errno.h>
#include <stdarg.h>

#include "base/macros.h"
#include "base/status.h"

#define ERROR_TEXT_MAX 1024

struct error {
    int errnum;              /* positive errno, 0 while nothing happened */
    enum status_code status; /* what a client is told; STATUS_OK while nothing happened */
    char text[ERROR_TEXT_MAX];
};

/* Records errno -r (r < 0) as status INTERNAL with "TEXT: NAME: strerror" (for example "open '/x': ENOENT: No such file or
 * directory"). Returns r. */
int error_set(struct error *err, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Records errno -r (r < 0) as status INTERNAL with the text alone: for failures that no system call reported. Returns r. */
int error_text(struct error *err, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Records a status of its own with the text alone. Returns the negative errno that stands for the status
 * (INVALID_ARGUMENT -EINVAL, NOT_FOUND -ENOENT, ...). */
int error_status(struct error *err, enum status_code status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "TEXT: " in front of what err holds. Returns -err->errnum, so that `return error_wrap(err, ...)` passes it on. */
int error_wrap(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Symbol of a positive errno ("ENOENT"), or "E?" for an unknown one. Never NULL. */
const char *errno_name(int errnum);

/* Lets the compiler see that these are failures: only then it knows that an output, written on success alone, is not read after
 * one. */
static inline int error_negative(int r)
{
    return r < 0 ? r : -EIO;
}
#define error_set(...) error_negative(error_set(__VA_ARGS__))
#define error_text(...) error_negative(error_text(__VA_ARGS__))
#define error_status(...) error_negative(error_status(__VA_ARGS__))
#define error_wrap(...) error_negative(error_wrap(__VA_ARGS__))
