/* SPDX-License-Identifier: Apache-2.0 */
/* One failing kernel call: the calling process's n-th call from now on fails, all others work. For children only, since it
 * cannot be taken back. A seccomp filter raises SIGSYS for calls that name or change files and mounts; the handler makes the
 * call or not. */
#pragma once
#include <stdbool.h>

/* False where it is not implemented (other architectures than x86-64). */
bool fault_is_available(void);
/* n counts from 1; errnum is the positive errno. False when the filter cannot be set up. */
bool fault_arm(int n, int errnum);
/* True once the n-th call was reached; *ret_number: its system call number. */
bool fault_happened(long *ret_number);
/* No fault any more. */
void fault_disarm(void);
