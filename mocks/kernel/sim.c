/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation as a whole, and the frame around every call. */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/run.h"
#include "mocks/kernel/world.h"

#define PREEMPT_ONE_IN 4
#define START_NS 10000000000ULL /* the clock of a machine that has just booted */

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = zalloc(sizeof(*sim));

    sim_choose(sim, options);
    sim->now_ns = START_NS;
    list_init(&sim->worlds);
    list_init(&sim->live);
    return sim;
}

void sim_choose(struct sim *sim, const struct sim_options *options)
{
    sim->options = *options;
    sim->random = options->seed;
}

void sim_free(struct sim *sim)
{
    struct world *world;

    LIST_FOREACH (world, &sim->worlds, link)
        world_free(world);
    free(sim->observation.calls);
    free(sim->line);
    task_stacks_done(&sim->stacks);
    free(sim);
}

void sim_stop(struct sim *sim)
{
    sim->stopping = true;
}

uint64_t sim_now_ns(const struct sim *sim)
{
    return sim->now_ns;
}

/* splitmix64: each seed gives its own sequence, from the first number on. */
uint64_t sim_random(struct sim *sim)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void sim_blocked(const struct sim *sim, struct buf *out)
{
    struct run *run;

    LIST_FOREACH (run, &sim->live, link) {
        const char *how = run->task->frozen                  ? "frozen"
                          : run->task->state == TASK_STOPPED ? "stopped"
                          : run->leaving                     ? "waiting for its namespace"
                                                             : sys_call_name(run->call);
        buf_printf(out, "%s (pid %d) in %s\n", run->task->name, run->task->pids[0], how);
    }
}

struct sim *task_sim(const struct task *task)
{
    return task->world->sim;
}

void unsupported(const char *fmt, ...)
{
    const struct task *task = current();
    va_list args;

    fprintf(stderr, "mock kernel: not modelled: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, " (%s, pid %d)\n", task ? task->name : "no task", task ? task->pids[0] : 0);
    abort();
}

/* ---- calls ---- */

static void preempt(struct run *run)
{
    if (sim_random(run->sim) % PREEMPT_ONE_IN == 0)
        schedule_away(run);
}

/* Signals that came while the task ran or was preempted: the end, a stop, or handlers. */
static void take_signals(struct run *run)
{
    struct task *task = run->task;

    while ((task->signals_pending && signals_wait(task)) || run->interrupted) {
        bool handle = run->interrupted || signals_act(task);
        run->interrupted = false;
        if (task->state >= TASK_ZOMBIE || run->leaving)
            schedule_never_back(run);
        if (task->state == TASK_STOPPED)
            schedule_away(run);
        if (handle)
            signals_handle();
    }
}

int call_enter(const void *site, enum sys_call call, const char *fmt, ...)
{
    struct task *task = current();
    if (!task)
        unsupported("%s outside of every task", sys_call_name(call));
    struct run *run = task->run;
    struct sim *sim = run->sim;
    va_list args;
    int r = 0;

    if (run->in_call)
        unsupported("%s within %s", sys_call_name(call), sys_call_name(run->call));
    run->call = call;
    sim->now_ns += CALL_NS;
    if (sim->options.preempt)
        preempt(run);
    if (task->observed && sim->observation.trace) {
        va_start(args, fmt);
        trace_begin(run, call, fmt, args);
        va_end(args);
    }
    if (task->observed)
        r = observe_call(run, site, call);
    take_signals(run);
    run->in_call = true;
    run->refused = false;
    if (r == 0 && task->seccomp) {
        va_start(args, fmt);
        r = seccomp_check(task, call, fmt, args);
        run->refused = r < 0;
        va_end(args);
    }
    return r;
}

static void trace_result(struct run *run, long result)
{
    const char *name = result < 0 && result >= -4095 ? strerrorname_np((int)-result) : NULL;
    char text[32];

    if (name)
        snprintf(text, sizeof(text), "-%s", name);
    else
        snprintf(text, sizeof(text), "%ld", result);
    trace_end(run, text);
}

long call_leave(long result)
{
    struct run *run = current()->run;

    run->in_call = false;
    if (run->line.len > 0)
        trace_result(run, result);
    take_signals(run);
    return result;
}
