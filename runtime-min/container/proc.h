/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the host by pid and start time: a pid that was reused is another process. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct proc {
    int pid;        /* 0: none */
    uint64_t start; /* clock ticks since boot: field 22 of /proc/PID/stat, proc(5) */
};

/* The process that has the pid now. 0, or -ESRCH when there is none or only its zombie is left. */
int proc_identify(int pid, struct proc *ret_proc);

struct proc_usage {
    int parent;
    uint64_t cpu_s; /* user and system */
};

/* 0, or -ESRCH when it has ended. */
int proc_usage(const struct proc *proc, struct proc_usage *ret_usage);
bool proc_is_alive(const struct proc *proc);
/* A pidfd of exactly this process, close-on-exec, or -ESRCH when it has ended. */
int proc_open(const struct proc *proc);
/* Signals exactly this process. 0, -ESRCH or -EPERM. */
int proc_signal(const struct proc *proc, int sig);
