/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's errors in the words of OCI runtimes. */
#pragma once
#include "base/error.h"

/* Rewords what callers match on (a program that is missing) and escapes what a terminal or a log could take for its own.
 * Returns -err->errnum. */
int guest_error_reword(struct error *err);
