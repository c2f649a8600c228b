/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

#define STAT_MAX 4096
#define FIELDS_TO_START 19 /* from the state, field 3, to the start time, field 22 */

/* The command in parentheses may hold anything, so fields are counted from its last one. */
static int parse_stat(const char *text, uint64_t *ret_start)
{
    const char *p = strrchr(text, ')');

    if (!p || p[1] != ' ' || !p[2])
        return -ESRCH;
    p += 2;
    if (*p == 'Z' || *p == 'X')
        return -ESRCH;
    for (int i = 0; p && i < FIELDS_TO_START; i++) {
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    if (!p)
        return -ESRCH;
    *ret_start = strtoull(p, NULL, 10);
    return 0;
}

int proc_identify(int pid, struct proc *ret_proc)
{
    _buf_ struct buf text = BUF_INIT(STAT_MAX);
    char path[32];
    uint64_t start = 0;

    if (pid <= 0)
        return -ESRCH;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (file_read_at(AT_FDCWD, path, &text) < 0 || !text.data)
        return -ESRCH;
    int r = parse_stat(text.data, &start);
    if (r == 0)
        *ret_proc = (struct proc){.pid = pid, .start = start};
    return r;
}

bool proc_is_alive(const struct proc *proc)
{
    struct proc now;

    return proc_identify(proc->pid, &now) == 0 && now.start == proc->start;
}

int proc_open(const struct proc *proc)
{
    _close_ int pidfd = proc->pid > 0 ? sys_pidfd_open(proc->pid, 0) : -ESRCH;

    if (pidfd < 0)
        return pidfd == -EINVAL ? -ESRCH : pidfd;
    return proc_is_alive(proc) ? fd_take(&pidfd) : -ESRCH;
}

int proc_signal(const struct proc *proc, int sig)
{
    _close_ int pidfd = proc_open(proc);

    return pidfd < 0 ? pidfd : sys_pidfd_send_signal(pidfd, sig);
}
