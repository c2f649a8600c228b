/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules of a spec in one line each. */
#pragma once
#include "oci/spec.h"

#define ANY                                                                                                                    \
    {                                                                                                                          \
        false, 0                                                                                                               \
    }
#define N(number)                                                                                                              \
    {                                                                                                                          \
        true, number                                                                                                           \
    }
#define RULE(allow_, type_, major_, minor_, access_)                                                                           \
    {                                                                                                                          \
        allow_, type_, major_, minor_, (char *)access_                                                                         \
    }
#define ALL(allow_) RULE(allow_, 'a', ANY, ANY, "rwm")
