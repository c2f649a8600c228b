/* SPDX-License-Identifier: Apache-2.0 */
/* Observed calls: numbered, made to fail, and raced against by a hook. */
#include <stdlib.h>

#include "mocks/kernel/run.h"

void sim_set_fault(struct sim *sim, const struct sim_fault *fault)
{
    sim->observation.fault = *fault;
    sim->observation.struck = false;
}

void sim_observe(struct task *task)
{
    task->observed = true;
}

uint64_t sim_call_count(const struct sim *sim)
{
    return sim->observation.n;
}

bool sim_call_at(const struct sim *sim, uint64_t n, struct sim_call *ret_call)
{
    if (n < 1 || n > sim->observation.n)
        return false;
    *ret_call = sim->observation.calls[n - 1];
    return true;
}

bool sim_fault_struck(const struct sim *sim)
{
    return sim->observation.struck;
}

void sim_set_hook(struct sim *sim, void (*hook)(void *arg, uint64_t n), void *arg)
{
    sim->observation.hook = hook;
    sim->observation.hook_arg = arg;
}

static void record(struct observation *seen, const struct sim_call *call)
{
    if (seen->n == seen->cap) {
        seen->cap = seen->cap ? seen->cap * 2 : 1024;
        seen->calls = realloc(seen->calls, seen->cap * sizeof(*seen->calls));
        if (!seen->calls)
            abort();
    }
    seen->calls[seen->n++] = *call;
}

static int strike(struct observation *seen, enum sys_call call)
{
    bool first = seen->n == seen->fault.at;
    bool again = seen->struck && seen->fault.for_ever && call == seen->struck_call;

    if (!first && !again)
        return 0;
    seen->struck = true;
    if (first)
        seen->struck_call = call;
    return -seen->fault.errnum;
}

void call_cannot_fail(bool sure)
{
    task_run(current())->sure = sure;
}

int observe_call(struct run *run, const void *site, enum sys_call call)
{
    struct observation *seen = &run->sim->observation;

    bool sure = run->sure;
    run->sure = false;
    record(seen, &(struct sim_call){.site = site, .call = call, .task_pid = run->task->pids[0], .sure = sure});
    if (seen->hook) {
        struct task *task = set_current(NULL);
        seen->hook(seen->hook_arg, seen->n);
        set_current(task);
    }
    int r = sure ? 0 : strike(seen, call);
    seen->calls[seen->n - 1].errnum = -r;
    return r;
}
