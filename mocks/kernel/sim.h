/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation: virtual time, seeded scheduling, faults, races and the call trace.
 *
 * One struct sim holds any number of worlds (machines) with their tasks. Everything runs on one real thread: a task runs until
 * it blocks in a call, is preempted at one, or ends; then the scheduler picks the next by the seed. Nothing depends on the real
 * clock, on addresses or on the host, so the same seed gives the same trace, byte for byte.
 *
 * A call that the mock does not model (unknown flag, ioctl, option) aborts the process with its name: it never pretends. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "mocks/kernel/calls.h"

struct sim;
struct world;
struct task;

struct sim_options {
    uint64_t seed;
    bool preempt; /* switch tasks at calls, not only where one blocks */
};

struct sim *sim_new(const struct sim_options *options);
/* Other ones from now on. */
void sim_choose(struct sim *sim, const struct sim_options *options);
/* Kills all tasks, frees all worlds. */
void sim_free(struct sim *sim);

/* Runs until every task has ended (true), or until the rest waits for ever (false: sim_blocked() tells who for what). */
bool sim_run(struct sim *sim);
/* Text "TASK (pid N) in CALL" per blocked task. */
void sim_blocked(const struct sim *sim, struct buf *out);
/* sim_run() returns before the next task runs. */
void sim_stop(struct sim *sim);

uint64_t sim_now_ns(const struct sim *sim);
/* Deterministic random numbers from the seed. */
uint64_t sim_random(struct sim *sim);

/* ---- faults ---- */

/* Makes calls fail. Calls are counted over the tasks that sim_observe() has marked, from 1. */
struct sim_fault {
    uint64_t at;   /* number of the first call that fails; 0: no fault */
    int errnum;    /* positive */
    bool for_ever; /* every later call of the same kind fails too */
};

void sim_set_fault(struct sim *sim, const struct sim_fault *fault);
/* Counting, faults, the race hook and the trace see this task and the ones it spawns. */
void sim_observe(struct task *task);
/* Calls counted so far, and what call number n (1..count) was; false beyond the end. */
uint64_t sim_call_count(const struct sim *sim);
struct sim_call {
    const void *site; /* in the program: where the call returns to */
    enum sys_call call;
    int task_pid;
    int errnum; /* of the fault that struck it; 0: none */
    bool sure;  /* no fault can strike it */
};
bool sim_call_at(const struct sim *sim, uint64_t n, struct sim_call *ret_call);
/* Whether the fault has struck. */
bool sim_fault_struck(const struct sim *sim);

/* ---- races ---- */

/* Called before each observed call (n: its number), outside every task: it may change the world with the world_*() functions.
 */
void sim_set_hook(struct sim *sim, void (*hook)(void *arg, uint64_t n), void *arg);

/* ---- trace ---- */

/* Lines "NAME call(arguments) = result"; NULL stops. The buffer must outlive the simulation or the next call. */
void sim_set_trace(struct sim *sim, struct buf *out);

/* ---- inside a call: for the modules of the mock ---- */

/* The task that runs (the only state that no object holds); NULL outside. */
struct task *current(void);
struct sim *task_sim(const struct task *task);

/* Every sys_*() opens with it and ends with call_leave(); a sys_*() never calls another one. The conversions in fmt must be the
 * system call's arguments in their order ("%d, \"%s\", 0x%x"; a pointer that the trace cannot show: "%p"): seccomp filters see
 * them. site: CALL_SITE. A place to be preempted, killed, raced and faulted. fmt and what follows describe the arguments in the
 * trace. Returns 0, or the -errno that the call must return at once. Does not return when the task was killed. */
int call_enter(const void *site, enum sys_call call, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Which call of its caller a sys_*() is. */
#define CALL_SITE __builtin_return_address(0)
/* Before CALL_ENTER: this form of the call cannot fail for a correct caller, so it is counted but no fault strikes. */
void call_cannot_fail(bool sure);
/* Completes the trace line. Returns result. */
long call_leave(long result);

#define CALL_ENTER(name, ...)                                                                                                  \
    do {                                                                                                                       \
        int call_fault = call_enter(CALL_SITE, CALL_##name, __VA_ARGS__);                                                      \
        if (call_fault < 0)                                                                                                    \
            return call_leave(call_fault);                                                                                     \
    } while (0)

/* Suspends the running task until ready(arg) is true or virtual time reaches deadline_ns (UINT64_MAX: never). Readiness is
 * asked again whenever another task has run: a condition needs no wake-up. current() is the waiting task there. ready NULL:
 * only the time counts. Returns 0, -ETIMEDOUT, or -EINTR after a signal was handled or the task was stopped and continued: the
 * caller restarts, as the seam does (sys_epoll_wait returns 0 instead). Does not return when the task is killed. */
int task_block(bool (*ready)(void *arg), void *arg, uint64_t deadline_ns);

/* Prints the message and aborts: the code under test did something the mock does not model. */
void unsupported(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
