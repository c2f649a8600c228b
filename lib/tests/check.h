/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of lib/ includes: cmocka, and comparisons that name the row of a table that failed. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"

#define check_int(label, got, want)                                                                                            \
    do {                                                                                                                       \
        long long check_got = (long long)(got), check_want = (long long)(want);                                                \
        if (check_got != check_want)                                                                                           \
            fail_msg("%s: got %lld, want %lld (%s)", (label), check_got, check_want, #got);                                    \
    } while (0)

#define check_string(label, got, want)                                                                                         \
    do {                                                                                                                       \
        const char *check_got = (got), *check_want = (want);                                                                   \
        if (!check_got || !check_want ? check_got != check_want : strcmp(check_got, check_want) != 0)                          \
            fail_msg("%s: got '%s', want '%s' (%s)", (label), check_got, check_want, #got);                                    \
    } while (0)
