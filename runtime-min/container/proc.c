/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

#define STAT_MAX 4096
#define TICKS_PER_S 100 /* USER_HZ, the same on all kernels */

/* Fields of /proc/PID/stat, counted from the state, which is the third. */
enum {
    STAT_PARENT = 1,
    STAT_USER_TIME = 11,
    STAT_SYSTEM_TIME = 12,
    STAT_START = 19,
    STAT_FIELDS,
};

/* The command in parentheses may hold anything, so fields are counted from its last one. */
static int parse_stat(const char *text, uint64_t fields[STAT_FIELDS])
{
    const char *p = strrchr(text, ')');

    if (!p || p[1] != ' ' || !p[2])
        return -ESRCH;
    p += 2;
    if (*p == 'Z' || *p == 'X')
        return -ESRCH;
    for (int i = 0; i < STAT_FIELDS; i++) {
        fields[i] = strtoull(p, NULL, 10);
        p = strchr(p, ' ');
        if (!p)
            return -ESRCH;
        p++;
    }
    return 0;
}

static int read_stat(int pid, uint64_t fields[STAT_FIELDS])
{
    _buf_ struct buf text = BUF_INIT(STAT_MAX);
    char path[32];

    if (pid <= 0)
        return -ESRCH;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (file_read_at(AT_FDCWD, path, &text) < 0 || !text.data)
        return -ESRCH;
    return parse_stat(text.data, fields);
}

int proc_identify(int pid, struct proc *ret_proc)
{
    uint64_t fields[STAT_FIELDS];

    int r = read_stat(pid, fields);
    if (r == 0)
        *ret_proc = (struct proc){.pid = pid, .start = fields[STAT_START]};
    return r;
}

int proc_usage(const struct proc *proc, struct proc_usage *ret_usage)
{
    uint64_t fields[STAT_FIELDS];

    int r = read_stat(proc->pid, fields);
    if (r < 0 || fields[STAT_START] != proc->start)
        return -ESRCH;
    *ret_usage = (struct proc_usage){
        .parent = (int)fields[STAT_PARENT],
        .cpu_s = (fields[STAT_USER_TIME] + fields[STAT_SYSTEM_TIME]) / TICKS_PER_S,
    };
    return 0;
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
