/* SPDX-License-Identifier: Apache-2.0 */
/* One simulation with one world, and programs as functions in the test. */
#pragma once
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define HOUR_NS (3600 * 1000000000ULL)

struct bench {
    struct sim *sim;
    struct world *world;
};

static inline struct bench bench_new(uint64_t seed, bool preempt)
{
    struct bench bench = {.sim = sim_new(&(struct sim_options){.seed = seed, .preempt = preempt})};

    bench.world = world_new(bench.sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2});
    return bench;
}

static inline struct task *start(struct bench *bench, program_fn fn)
{
    return world_start(bench->world, "main", fn, (const char *[]){"main", NULL});
}

/* Runs one program to its end; its wait status. */
static inline int run(struct bench *bench, program_fn fn)
{
    struct task *task = task_ref(start(bench, fn));

    assert_true(sim_run(bench->sim));
    int status = task->exit_code;
    task_unref(task);
    return status;
}

#define PROGRAM(name)                                                                                                          \
    static int name(int argc __attribute__((unused)), char **argv __attribute__((unused)), char **envp __attribute__((unused)))
