/* SPDX-License-Identifier: Apache-2.0 */
/* What other processes are at, so that a case goes on when they are there and not after a while. */
#pragma once
#include <stdio.h>
#include <string.h>

#include "mocks/tests/conform.h"

/* The letter of proc(5); '-' when there is no such process. */
static inline UNUSED char state_of(int pid)
{
    char path[32], text[256];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? -1 : sys_read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        sys_close(fd);
    text[n < 0 ? 0 : n] = '\0';
    const char *found = strstr(text, "State:\t");
    return found ? found[7] : '-';
}

/* The state that it comes to: the expected one, unless that takes seconds. */
static inline UNUSED char settles(int pid, char expected)
{
    for (int i = 0; i < 5000 && state_of(pid) != expected; i++)
        sys_nanosleep(1000000);
    return state_of(pid);
}
