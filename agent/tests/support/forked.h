/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of code that changes the process it runs in: each runs in a forked child, and the test looks at what the child wrote.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

struct forked {
    int status;      /* exit code, or 128 + signal */
    char text[4096]; /* all that fn wrote, cut to fit */
};

/* Runs fn(arg, out) in a child; its result is the exit code. The child's stdio stays the test's. */
struct forked forked_run(int (*fn)(void *arg, FILE *out), void *arg);

/* From now on, system call nr of this process fails with errnum. */
void forked_break(long nr, int errnum);
/* The same, only when the 32-bit argument number arg has that value. */
void forked_break_arg(long nr, int arg, uint32_t value, int errnum);

/* Copies the value of a "Key:\tvalue" line of /proc/self/status to out, with blanks for its tabs and one behind it. */
void forked_status_line(const char *key, FILE *out);
