/* SPDX-License-Identifier: Apache-2.0 */
/* Forked children for tests that change the process or its namespaces. */
#pragma once
#include "check.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"

/* In a child cmocka's assertions would run the rest of the tests twice. */
#define must(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                    \
            sys_exit(1);                                                                                                       \
        }                                                                                                                      \
    } while (0)

#define must_equal(got, want)                                                                                                  \
    do {                                                                                                                       \
        long long must_got = (long long)(got), must_want = (long long)(want);                                                  \
        if (must_got != must_want) {                                                                                           \
            fprintf(stderr, "%s:%d: %s is %lld, not %s\n", __FILE__, __LINE__, #got, must_got, #want);                         \
            sys_exit(1);                                                                                                       \
        }                                                                                                                      \
    } while (0)

/* Runs fn in a child with new namespaces and returns its wait status. Skips the test without the privilege for them. */
static inline int status_in_child(int unshare_flags, void (*fn)(void))
{
    int status;

    if (unshare_flags && geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        must(unshare(unshare_flags) == 0);
        if (unshare_flags & CLONE_NEWNS)
            must_equal(sys_mount("none", "/", NULL, 0x40000 | 0x4000, NULL), 0); /* MS_PRIVATE | MS_REC */
        fn();
        sys_exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static inline void in_child(int unshare_flags, void (*fn)(void))
{
    assert_int_equal(status_in_child(unshare_flags, fn), 0);
}
