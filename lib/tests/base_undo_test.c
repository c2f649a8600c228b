/* SPDX-License-Identifier: Apache-2.0 */
#include "base/undo.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct step {
    char name;
    char *trace;
};

static void run(void *arg)
{
    struct step *step = arg;

    strncat(step->trace, &step->name, 1);
}

static void unwinding_runs_the_last_step_first_and_once(void **state)
{
    char trace[8] = "";
    struct step steps[] = {{'a', trace}, {'b', trace}, {'c', trace}};
    struct undo undo = UNDO_INIT;

    (void)state;
    FOR_ROWS (step, steps)
        undo_push(&undo, run, step);
    undo_unwind(&undo);
    assert_string_equal(trace, "cba");
    undo_unwind(&undo);
    assert_string_equal(trace, "cba");
}

static void committed_steps_are_forgotten(void **state)
{
    char trace[8] = "";
    struct step a = {'a', trace}, b = {'b', trace};
    struct undo undo = UNDO_INIT;

    (void)state;
    undo_push(&undo, run, &a);
    undo_commit(&undo);
    undo_push(&undo, run, &b);
    undo_unwind(&undo);
    assert_string_equal(trace, "b");
}

static void fails_halfway(struct step *step)
{
    _undo_ struct undo undo = UNDO_INIT;

    undo_push(&undo, run, step);
}

static void leaving_the_scope_unwinds(void **state)
{
    char trace[8] = "";
    struct step a = {'a', trace};

    (void)state;
    fails_halfway(&a);
    assert_string_equal(trace, "a");
}

/* A step that pushes another one while the stack is unwound. */
struct chain {
    struct undo *undo;
    struct step *next;
};

static void run_chain(void *arg)
{
    struct chain *chain = arg;

    undo_push(chain->undo, run, chain->next);
}

static void a_step_may_push_another_one(void **state)
{
    char trace[8] = "";
    struct step a = {'a', trace};
    struct undo undo = UNDO_INIT;
    struct chain chain = {&undo, &a};

    (void)state;
    undo_push(&undo, run_chain, &chain);
    undo_unwind(&undo);
    assert_string_equal(trace, "a");
}

static void a_full_stack_aborts(void **state)
{
    struct step a = {'a', NULL};
    struct undo undo = UNDO_INIT;
    int status;

    (void)state;
    for (int i = 0; i < UNDO_MAX; i++)
        undo_push(&undo, run, &a);
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL);
        undo_push(&undo, run, &a);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unwinding_runs_the_last_step_first_and_once),
        cmocka_unit_test(committed_steps_are_forgotten),
        cmocka_unit_test(leaving_the_scope_unwinds),
        cmocka_unit_test(a_step_may_push_another_one),
        cmocka_unit_test(a_full_stack_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
