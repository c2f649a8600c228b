/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the real kernel refuse a system call, for tests of failures that nothing else brings about. */
#pragma once

/* Argument index that means any argument. */
#define REFUSE_ANY (-1)

/* From now on the calling process and its children get errnum from system call nr when the low 32 bits of its argument number
 * argument (0 to 5) are value. Cannot be taken back: for forked children. 0 or -1. */
int refuse_call(int nr, int argument, unsigned int value, int errnum);
