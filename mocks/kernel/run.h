/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the simulation itself know of each other: sim.c, schedule.c, fault.c, trace.c, and those that start and end
 * tasks. */
#pragma once
#include <stdarg.h>

#include "loop/context.h"
#include "mocks/kernel/sim.h"
#include "mocks/kernel/stacks.h"
#include "mocks/kernel/task.h"

#define CALL_NS 1000 /* virtual time that every call takes: a loop that polls the clock comes to its end */
#define CALL_ARGUMENTS 6

struct observation {
    struct sim_call *calls; /* calls[n - 1] is call number n */
    size_t n, cap;
    struct sim_fault fault;
    bool struck;
    enum sys_call struck_call;
    void (*hook)(void *arg, uint64_t n);
    void *hook_arg;
    struct buf *trace;
};

struct sim {
    struct sim_options options;
    uint64_t random;
    uint64_t now_ns;
    bool stopping;
    struct list worlds;
    struct list live;       /* struct run of every task that has not ended */
    struct context context; /* of sim_run() */
    struct task_stacks stacks;
    struct observation observation;
    struct line *line; /* mocks/vsock: packets between worlds; NULL: none yet */
};

/* What a task runs next on its stack from the start. */
struct entry {
    int (*fn)(void *arg);
    void *arg;
    int (*program)(int argc, char **argv, char **envp); /* with task->argv, task->envp */
};

struct run {
    struct list link; /* in sim->live */
    struct sim *sim;
    struct task *task;
    struct context context;
    void *stack;
    struct entry entry;
    bool fresh; /* entry is to be started */

    bool (*ready)(void *arg); /* while blocked */
    void *arg;
    uint64_t deadline_ns;
    bool interrupted; /* wakes up to take a signal */
    bool chosen;      /* may run now */
    bool leaving;     /* init of a pid namespace that waits for its last member */

    bool in_call;
    bool refused; /* by a filter */
    bool sure;    /* call_cannot_fail() */
    enum sys_call call;
    struct buf line; /* trace of the call so far */
};

/* ---- schedule.c ---- */

struct run *task_run(const struct task *task);
/* Makes a task runnable at entry; its state is TASK_RUNNABLE. */
void run_new(struct task *task, const struct entry *entry);
void run_free(struct task *task);
/* The running task gives way; returns when it is chosen again. */
void schedule_away(struct run *run);
/* The running task will never return here: its stack is free, or starts afresh. */
void schedule_never_back(struct run *run) __attribute__((noreturn));
/* Sets current(), for code that acts on behalf of a task; returns the one before. */
struct task *set_current(struct task *task);

/* ---- fault.c, trace.c ---- */

/* Counts the call, runs the hook; 0 or the fault. */
int observe_call(struct run *run, const void *site, enum sys_call call);
void trace_begin(struct run *run, enum sys_call call, const char *fmt, va_list args);
void trace_end(struct run *run, const char *result);
/* The values of a call's arguments, by the conversions of fmt. */
void call_arguments(const char *fmt, va_list args, uint64_t values[CALL_ARGUMENTS]);

/* ---- signal.c ---- */

/* Signals that would do something if the task ran now. */
bool signals_wait(const struct task *task);
/* Takes the default action of those: ends or stops the task. Returns whether a handler is to run, on the task's own stack. */
bool signals_act(struct task *task);
/* Is a signal pending that ends even a frozen task? */
bool signals_kill(const struct task *task);
/* Runs the handlers of the current task. */
void signals_handle(void);

/* ---- exit.c ---- */

/* Second half of the end of a pid namespace's init. */
bool exit_may_finish(const struct task *task);
void exit_finish(struct task *task);

/* ---- seccomp.c ---- */

/* 0, or -errno that the filters return instead of running the call. */
int seccomp_check(struct task *task, enum sys_call call, const char *fmt, va_list args);
