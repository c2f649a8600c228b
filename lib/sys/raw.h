/* SPDX-License-Identifier: Apache-2.0 */
/* Raw system calls for the Linux implementation of the seam; nothing else includes this. */
#pragma once
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Result or -errno. */
static inline long syscall_result(long r)
{
    return r == -1 ? -errno : r;
}

#define SYSCALL(...) syscall_result(syscall(__VA_ARGS__))

/* Repeats an expression while the kernel says it was interrupted. */
#define RESTART(call)                                                                                                          \
    __extension__({                                                                                                            \
        long restart_result;                                                                                                   \
        do                                                                                                                     \
            restart_result = (call);                                                                                           \
        while (restart_result == -EINTR);                                                                                      \
        restart_result;                                                                                                        \
    })

#define KERNEL_SIGSET_SIZE 8
