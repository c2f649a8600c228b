/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs next: among the tasks that may, the seed decides. Time passes only when nobody may. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/run.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

static _Thread_local struct task *running;

struct task *current(void)
{
    return running;
}

struct task *set_current(struct task *task)
{
    struct task *before = running;

    running = task;
    return before;
}

struct run *task_run(const struct task *task)
{
    return task->run;
}

/* Blocks that a forked process allocates belong to a copy of memory which execve or exit drops as a whole: no leak of the
 * agent. */
#ifdef SANITIZE_ADDRESS
#include <sanitizer/lsan_interface.h>
#define LEAKS_IGNORED(on) ((on) ? __lsan_disable() : __lsan_enable())
#else
#define LEAKS_IGNORED(on) (void)(on)
#endif

void run_new(struct task *task, const struct entry *entry)
{
    struct run *run = zalloc(sizeof(*run));

    run->sim = task->world->sim;
    run->task = task;
    run->entry = *entry;
    run->fresh = true;
    run->line = BUF_INIT(1 << 20);
    run->stack = task_stack_take(&run->sim->stacks);
    list_append(&run->sim->live, &run->link);
    task->run = run;
    task->state = TASK_RUNNABLE;
}

void run_free(struct task *task)
{
    struct run *run = task->run;

    if (!run)
        return;
    list_remove(&run->link);
    task_stack_give(&run->sim->stacks, run->stack);
    buf_done(&run->line);
    free(run);
    task->run = NULL;
}

/* ---- choice ---- */

static bool may_run(struct run *run)
{
    struct task *task = run->task;

    if (run->leaving)
        return exit_may_finish(task);
    if (task->frozen && (task->frozen_hard || !signals_kill(task)))
        return false;
    if (signals_wait(task))
        return true;
    if (run->interrupted)
        return task->state <= TASK_BLOCKED;
    if (task->state != TASK_BLOCKED)
        return task->state == TASK_RUNNABLE;
    if (run->deadline_ns <= run->sim->now_ns)
        return true;

    set_current(task);
    bool ready = run->ready && run->ready(run->arg);
    set_current(NULL);
    return ready;
}

static size_t mark_ready(struct sim *sim)
{
    struct run *run;
    size_t n = 0;

    LIST_FOREACH (run, &sim->live, link) {
        run->chosen = may_run(run);
        n += run->chosen;
    }
    return n;
}

/* Sleeps until the first deadline; false when nobody has one. */
static bool pass_time(struct sim *sim)
{
    uint64_t first = UINT64_MAX;
    struct run *run;

    LIST_FOREACH (run, &sim->live, link) {
        if (run->task->state == TASK_BLOCKED && !run->leaving && !run->task->frozen && run->deadline_ns < first)
            first = run->deadline_ns;
    }
    if (first == UINT64_MAX || first <= sim->now_ns)
        return false;
    sim->now_ns = first;
    return true;
}

static struct run *choose(struct sim *sim)
{
    size_t n = mark_ready(sim);
    struct run *run;

    while (n == 0) {
        if (!pass_time(sim))
            return NULL;
        n = mark_ready(sim);
    }
    size_t skip = n > 1 ? sim_random(sim) % n : 0;
    LIST_FOREACH (run, &sim->live, link) {
        if (run->chosen && skip-- == 0)
            return run;
    }
    return NULL;
}

/* ---- switching ---- */

static void start(void *arg)
{
    struct run *run = arg;
    struct task *task = run->task;
    int argc = 0;
    int status;

    if (run->entry.program) {
        while (task->argv[argc])
            argc++;
        status = run->entry.program(argc, task->argv, task->envp);
    } else {
        status = run->entry.fn(run->entry.arg);
    }
    sys_exit(status);
}

static void enter(struct run *run)
{
    bool forked = !run->task->executed;

    if (run->fresh) {
        run->fresh = false;
        context_init(&run->context, run->stack, TASK_STACK_SIZE, start, run);
    }
    if (forked)
        LEAKS_IGNORED(true);
    context_switch(&run->sim->context, &run->context);
    if (forked)
        LEAKS_IGNORED(false);
}

static void resume(struct run *run)
{
    struct task *task = task_ref(run->task);

    set_current(task);
    if (run->leaving)
        exit_finish(task);
    else if (signals_wait(task) && signals_act(task))
        run->interrupted = true;
    if (task->state <= TASK_BLOCKED && !run->leaving)
        enter(run);
    set_current(NULL);
    if (task->state >= TASK_ZOMBIE)
        run_free(task);
    task_unref(task);
}

bool sim_run(struct sim *sim)
{
    sim->stopping = false;
    while (!sim->stopping && !list_is_empty(&sim->live)) {
        struct run *run = choose(sim);
        if (!run)
            return false;
        resume(run);
    }
    return list_is_empty(&sim->live);
}

void schedule_away(struct run *run)
{
    context_switch(&run->context, &run->sim->context);
}

void schedule_never_back(struct run *run)
{
    context_exit(&run->context, &run->sim->context);
}

/* ---- blocking ---- */

int task_block(bool (*ready)(void *arg), void *arg, uint64_t deadline_ns)
{
    struct task *task = running;
    struct run *run = task->run;
    struct sim *sim = run->sim;

    for (;;) {
        bool interrupted = run->interrupted;
        run->interrupted = false;
        if (ready && ready(arg))
            return 0;
        if (interrupted) {
            signals_handle();
            return -EINTR;
        }
        if (deadline_ns <= sim->now_ns)
            return -ETIMEDOUT;

        run->ready = ready;
        run->arg = arg;
        run->deadline_ns = deadline_ns;
        task->state = TASK_BLOCKED;
        schedule_away(run);
        task->state = TASK_RUNNABLE;
    }
}
