/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing and killing over a tree of plain files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

/* One call under test in a fiber, and a step that changes the tree while it waits. */
struct run {
    struct fake_cgroup *fake;
    int (*call)(struct run *run);
    uint64_t in_ns; /* deadline */
    struct timer step_timer;
    void (*step)(struct run *run);
    struct fiber *fiber;
    int result;
    struct error err;
};

static int call_freeze(struct run *run)
{
    return cgroup_freeze(run->fake->cgroup, loop_deadline(run->fake->loop, run->in_ns), &run->err);
}

static int call_thaw(struct run *run)
{
    return cgroup_thaw(run->fake->cgroup, &run->err);
}

static int call_kill(struct run *run)
{
    return cgroup_kill(run->fake->cgroup, &run->err);
}

static void run_main(void *arg)
{
    struct run *run = arg;
    run->result = run->call(run);
    timer_stop(&run->step_timer);
}

static void run_step(struct timer *timer)
{
    struct run *run = CONTAINER_OF(timer, struct run, step_timer);
    run->step(run);
}

static int run(struct run *run)
{
    struct loop *loop = run->fake->loop;

    run->result = 1;
    run->step_timer.expired = run_step;
    assert_int_equal(fiber_start(loop, "run", run_main, run, &run->fiber), 0);
    if (run->step)
        timer_start(loop, &run->step_timer, loop_deadline(loop, 10 * NSEC_PER_MSEC));
    assert_int_equal(loop_run(loop, NULL), 0);
    return run->result;
}

static void fake_v1(struct fake_cgroup *fake, const char *freezer_state)
{
    fake_cgroup_init(fake, "freezer memory");
    fake_cgroup_create(fake, "/a");
    fake_cgroup_write(fake, "freezer/a/freezer.state", freezer_state);
}

static void fake_v2(struct fake_cgroup *fake, const char *events)
{
    fake_cgroup_init(fake, "unified:memory");
    fake_cgroup_create(fake, "/a");
    fake_cgroup_write(fake, "unified/a/cgroup.freeze", "0\n");
    fake_cgroup_write(fake, "unified/a/cgroup.events", events);
}

/* ---- freeze, thaw ---- */

static void version_1_is_frozen_and_thawed(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v1(&fake, "THAWED\n");
    int descriptors = count_descriptors();
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_freeze}), 0);
    assert_string_equal(fake_cgroup_read(&fake, "freezer/a/freezer.state"), "FROZEN\n");
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_thaw}), 0);
    assert_string_equal(fake_cgroup_read(&fake, "freezer/a/freezer.state"), "THAWED\n");
    assert_int_equal(count_descriptors(), descriptors);
    fake_cgroup_done(&fake);
}

static void step_frozen_event(struct run *run)
{
    assert_string_equal(fake_cgroup_read(run->fake, "unified/a/cgroup.freeze"), "1\n");
    assert_int_equal(run->result, 1); /* still waiting */
    fake_cgroup_write(run->fake, "unified/a/cgroup.events", "populated 1\nfrozen 1\n");
}

static void version_2_freeze_waits_for_the_event(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v2(&fake, "populated 1\nfrozen 0\n");
    int descriptors = count_descriptors();
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 60 * NSEC_PER_SEC, .step = step_frozen_event};
    assert_int_equal(run(&freeze), 0);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "1\n");
    assert_int_equal(count_descriptors(), descriptors);
    fake_cgroup_done(&fake);
}

static void step_thawed_event(struct run *run)
{
    assert_int_equal(run->result, 1);
    fake_cgroup_write(run->fake, "unified/a/cgroup.events", "populated 1\nfrozen 0\n");
}

static void version_2_thaw_waits_for_the_event(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v2(&fake, "populated 1\nfrozen 1\n");
    fake_cgroup_write(&fake, "unified/a/cgroup.freeze", "1\n");
    struct run thaw = {.fake = &fake, .call = call_thaw, .step = step_thawed_event};
    assert_int_equal(run(&thaw), 0);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "0\n");
    fake_cgroup_done(&fake);
}

static void freeze_that_takes_too_long_is_withdrawn(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v2(&fake, "populated 1\nfrozen 0\n");
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 20 * NSEC_PER_MSEC};
    uint64_t start = loop_now(fake.loop);
    assert_int_equal(run(&freeze), -ETIMEDOUT);
    assert_true(loop_now(fake.loop) - start >= 20 * NSEC_PER_MSEC);
    assert_int_equal(freeze.err.status, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(freeze.err.text, "cgroup /a did not freeze in time");
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "0\n");
    fake_cgroup_done(&fake);
}

/* As if the kernel answered "FREEZING": what is written is not what is read. */
static void fake_freezing(struct fake_cgroup *fake)
{
    char path[64];

    fake_v1(fake, "");
    fake_cgroup_remove(fake, "freezer/a/freezer.state");
    snprintf(path, sizeof(path), "%s/freezer/a/freezer.state", fake->root);
    assert_int_equal(symlink("/dev/null", path), 0);
}

static void step_frozen(struct run *run)
{
    assert_int_equal(run->result, 1);
    fake_cgroup_remove(run->fake, "freezer/a/freezer.state");
    fake_cgroup_write(run->fake, "freezer/a/freezer.state", "");
}

static void version_1_freeze_asks_until_it_is_done(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_freezing(&fake);
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 60 * NSEC_PER_SEC, .step = step_frozen};
    assert_int_equal(run(&freeze), 0);
    assert_string_equal(fake_cgroup_read(&fake, "freezer/a/freezer.state"), "FROZEN");
    fake_cgroup_done(&fake);
}

static void version_1_freeze_times_out(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_freezing(&fake);
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 10 * NSEC_PER_MSEC};
    assert_int_equal(run(&freeze), -ETIMEDOUT);
    fake_cgroup_done(&fake);
}

static void freezer_that_vanishes_is_an_error(void **state)
{
    struct fake_cgroup fake;
    char text[128];
    (void)state;

    fake_v1(&fake, "THAWED\n");
    fake_cgroup_remove(&fake, "freezer/a/freezer.state");
    struct run freeze = {.fake = &fake, .call = call_freeze};
    assert_int_equal(run(&freeze), -ENOENT);
    snprintf(text, sizeof(text), "freeze cgroup %s/freezer/a: ENOENT: No such file or directory", fake.root);
    assert_string_equal(freeze.err.text, text);
    struct run thaw = {.fake = &fake, .call = call_thaw};
    assert_int_equal(run(&thaw), -ENOENT);
    snprintf(text, sizeof(text), "thaw cgroup %s/freezer/a: ENOENT: No such file or directory", fake.root);
    assert_string_equal(thaw.err.text, text);
    fake_cgroup_done(&fake);
}

static void events_without_a_frozen_line_are_an_error(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v2(&fake, "populated 1\n");
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 60 * NSEC_PER_SEC};
    assert_int_equal(run(&freeze), -ENODATA);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "0\n");
    fake_cgroup_done(&fake);
}

static void group_without_freezer_is_refused(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    struct run freeze = {.fake = &fake, .call = call_freeze};
    assert_int_equal(run(&freeze), -EOPNOTSUPP);
    assert_string_equal(freeze.err.text, "the freezer controller is not available for cgroup /a");
    struct run thaw = {.fake = &fake, .call = call_thaw};
    assert_int_equal(run(&thaw), -EOPNOTSUPP);
    fake_cgroup_done(&fake);
}

static void hybrid_uses_the_version_1_freezer(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "unified: freezer");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "freezer/a/freezer.state", "THAWED\n");
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_freeze}), 0);
    assert_string_equal(fake_cgroup_read(&fake, "freezer/a/freezer.state"), "FROZEN\n");
    fake_cgroup_done(&fake);
}

static void step_cancel(struct run *run)
{
    fiber_cancel(run->fiber);
}

static void cancelled_freeze_is_withdrawn(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v2(&fake, "populated 1\nfrozen 0\n");
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 60 * NSEC_PER_SEC, .step = step_cancel};
    assert_int_equal(run(&freeze), -ECANCELED);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "0\n");
    fake_cgroup_done(&fake);
}

/* The directory is not where it was when the host was opened, so only its descriptors lead there. */
static void events_that_cannot_be_watched_are_polled(void **state)
{
    struct fake_cgroup fake;
    char old[sizeof(fake.root)];
    (void)state;

    fake_v2(&fake, "populated 1\nfrozen 0\n");
    strcpy(old, fake.root);
    strcat(fake.root, "-moved");
    assert_int_equal(rename(old, fake.root), 0);
    struct run freeze = {.fake = &fake, .call = call_freeze, .in_ns = 60 * NSEC_PER_SEC, .step = step_frozen_event};
    assert_int_equal(run(&freeze), 0);
    fake_cgroup_done(&fake);
}

/* ---- kill ---- */

static pid_t start_sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

static void assert_killed(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void write_pids(struct fake_cgroup *fake, const char *path, pid_t a, pid_t b)
{
    char text[64];
    snprintf(text, sizeof(text), "%d\n0\n%d\n", a, b);
    fake_cgroup_write(fake, path, text);
}

static pid_t dead_pid(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return pid;
}

static void kill_reaches_the_descendants(void **state)
{
    pid_t a = start_sleeper();
    pid_t b = start_sleeper();
    struct fake_cgroup fake;
    (void)state;

    fake_v1(&fake, "THAWED\n");
    write_pids(&fake, "freezer/a/cgroup.procs", a, dead_pid());
    write_pids(&fake, "freezer/a/x/y/cgroup.procs", b, dead_pid());
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_kill}), 0);
    assert_killed(a);
    assert_killed(b);
    assert_string_equal(fake_cgroup_read(&fake, "freezer/a/freezer.state"), "THAWED\n");
    fake_cgroup_done(&fake);
}

static void kill_needs_no_freezer(void **state)
{
    pid_t a = start_sleeper();
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    write_pids(&fake, "memory/a/cgroup.procs", a, dead_pid());
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_kill}), 0);
    assert_killed(a);
    fake_cgroup_done(&fake);
}

static void version_2_is_killed_by_its_file(void **state)
{
    pid_t a = start_sleeper();
    struct fake_cgroup fake;
    (void)state;

    fake_v2(&fake, "populated 1\nfrozen 0\n");
    fake_cgroup_write(&fake, "unified/a/cgroup.kill", "");
    write_pids(&fake, "unified/a/cgroup.procs", a, dead_pid());
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_kill}), 0);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.kill"), "1");
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "0\n");
    assert_int_equal(waitpid(a, NULL, WNOHANG), 0); /* that was the kernel's task */

    fake_cgroup_remove(&fake, "unified/a/cgroup.kill");
    fake_cgroup_write(&fake, "unified/a/cgroup.events", "populated 1\nfrozen 1\n");
    struct run kill = {.fake = &fake, .call = call_kill, .step = step_thawed_event};
    assert_int_equal(run(&kill), 0);
    assert_killed(a);
    assert_string_equal(fake_cgroup_read(&fake, "unified/a/cgroup.freeze"), "0\n");
    fake_cgroup_done(&fake);
}

static void killed_hybrid_group_is_thawed(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "freezer unified:");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "unified/a/cgroup.kill", "");
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_kill}), 0); /* the freezer is gone: nothing to thaw */
    fake_cgroup_write(&fake, "freezer/a/freezer.state", "FROZEN\n");
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_kill}), 0);
    assert_string_equal(fake_cgroup_read(&fake, "freezer/a/freezer.state"), "THAWED\n");
    fake_cgroup_remove(&fake, "freezer/a/freezer.state");
    fake_cgroup_mkdir(&fake, "freezer/a/freezer.state");
    struct run kill = {.fake = &fake, .call = call_kill};
    assert_int_equal(run(&kill), -EISDIR);
    assert_non_null(strstr(kill.err.text, "thaw cgroup "));
    fake_cgroup_done(&fake);
}

static void kill_of_a_removed_group_is_no_error(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_v1(&fake, "THAWED\n");
    fake_cgroup_remove(&fake, "freezer/a");
    assert_int_equal(run(&(struct run){.fake = &fake, .call = call_kill}), 0);
    fake_cgroup_done(&fake);
}

static void processes_that_cannot_be_listed_are_reported(void **state)
{
    struct fake_cgroup fake;
    char text[128];
    (void)state;

    fake_v1(&fake, "THAWED\n");
    fake_cgroup_mkdir(&fake, "freezer/a/cgroup.procs");
    struct run kill = {.fake = &fake, .call = call_kill};
    assert_int_equal(run(&kill), -EISDIR);
    snprintf(text, sizeof(text), "kill the processes of cgroup %s/freezer/a: EISDIR: Is a directory", fake.root);
    assert_string_equal(kill.err.text, text);
    fake_cgroup_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_frozen_and_thawed),
        cmocka_unit_test(version_2_freeze_waits_for_the_event),
        cmocka_unit_test(version_2_thaw_waits_for_the_event),
        cmocka_unit_test(freeze_that_takes_too_long_is_withdrawn),
        cmocka_unit_test(version_1_freeze_asks_until_it_is_done),
        cmocka_unit_test(version_1_freeze_times_out),
        cmocka_unit_test(freezer_that_vanishes_is_an_error),
        cmocka_unit_test(events_without_a_frozen_line_are_an_error),
        cmocka_unit_test(group_without_freezer_is_refused),
        cmocka_unit_test(hybrid_uses_the_version_1_freezer),
        cmocka_unit_test(cancelled_freeze_is_withdrawn),
        cmocka_unit_test(events_that_cannot_be_watched_are_polled),
        cmocka_unit_test(kill_reaches_the_descendants),
        cmocka_unit_test(kill_needs_no_freezer),
        cmocka_unit_test(version_2_is_killed_by_its_file),
        cmocka_unit_test(killed_hybrid_group_is_thawed),
        cmocka_unit_test(kill_of_a_removed_group_is_no_error),
        cmocka_unit_test(processes_that_cannot_be_listed_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
