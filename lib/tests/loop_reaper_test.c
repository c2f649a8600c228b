/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/reaper.h"

static struct reaper *reaper;
static const struct sys_spawn plain = {.cgroup_fd = -1};

static int reaper_setup(void **state)
{
    int r = loop_setup(state);

    return r < 0 ? r : reaper_new(loop, &reaper, NULL);
}

static int reaper_teardown(void **state)
{
    reaper_free(reaper);
    run_loop(); /* would not return with a watch left behind */
    return loop_teardown(state);
}

#define reaper_test(name) cmocka_unit_test_setup_teardown(name, reaper_setup, reaper_teardown)

/* ---- children ---- */

static int exit_with(void *arg)
{
    return *(int *)arg;
}

static int die_from(void *arg)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    raise(*(int *)arg);
    return 99;
}

static int sleep_long(void *arg)
{
    (void)arg;
    sleep(1000);
    return 0;
}

static struct child *spawn(int (*fn)(void *arg), void *arg)
{
    struct child *child = NULL;
    struct error err = {0};

    if (reaper_spawn(reaper, &plain, fn, arg, &child, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(child->pid > 0);
    assert_true(child->pidfd >= 0);
    assert_int_equal(fcntl(child->pidfd, F_GETFD), FD_CLOEXEC);
    return child;
}

static bool is_gone(int pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* Lets the loop run until the process was collected. */
static void await_gone(int pid)
{
    for (int i = 0; i < 2000 && !is_gone(pid); i++)
        fiber_sleep_until(loop, loop_deadline(loop, MSEC));
    assert_true(is_gone(pid));
}

static void await_zombie(int pid)
{
    siginfo_t info;

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* ---- tests ---- */

static void statuses(void)
{
    static const struct {
        const char *label;
        int (*fn)(void *arg);
        int value;
        int want;
    } rows[] = {
        {"success", exit_with, 0, 0},
        {"status", exit_with, 7, 7},
        {"highest status", exit_with, 255, 255},
        {"killed", die_from, SIGKILL, 137},
        {"terminated", die_from, SIGTERM, 143},
        {"core dumped", die_from, SIGABRT, 134},
    };

    FOR_ROWS (row, rows) {
        int value = row->value;
        struct child *child = spawn(row->fn, &value);
        check_int(row->label, child_wait(child, NO_DEADLINE), 0);
        check_int(row->label, child->exited, true);
        check_int(row->label, child->status, row->want);
        check_int(row->label, is_gone(child->pid), true);
        check_int(row->label, child_wait(child, 0), 0);
        child_free(child);
    }
}

static void exit_status_or_128_plus_signal(void **state)
{
    (void)state;
    run_scenario(statuses);
}

static void wait_past_deadline(void)
{
    struct child *child = spawn(sleep_long, NULL);

    assert_int_equal(child_wait(child, loop_deadline(loop, MSEC)), -ETIMEDOUT);
    assert_false(child->exited);
    assert_int_equal(child_signal(child, 0), 0);
    assert_int_equal(child_signal(child, SIGTERM), 0);
    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    assert_int_equal(child->status, 128 + SIGTERM);
    assert_int_equal(child_signal(child, SIGTERM), -ESRCH);
    assert_int_equal(child_signal(child, 0), -ESRCH);
    child_free(child);
}

static void a_wait_has_a_deadline_and_signals_reach_only_the_living(void **state)
{
    (void)state;
    run_scenario(wait_past_deadline);
}

/* Checked in the child: nothing blocked, nothing pending, everything at its default. */
static int check_signals(void *arg)
{
    sigset_t blocked;

    (void)arg;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int sig = 1; sig < 65; sig++) {
        struct sigaction action;
        if (sigismember(&blocked, sig) == 1)
            return sig;
        if (sigaction(sig, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            return sig;
    }
    return 0;
}

static void handler(int sig)
{
    (void)sig;
}

static void spawn_with_odd_signals(void)
{
    sigset_t mask, old;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, handler);
    signal(SIGRTMAX, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, &old);
    struct child *child = spawn(check_signals, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGRTMAX, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);

    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    assert_int_equal(child->status, 0);
    child_free(child);
}

static void a_child_starts_with_fresh_signals(void **state)
{
    (void)state;
    run_scenario(spawn_with_odd_signals);
}

static void exit_before_anybody_looks(void)
{
    int seven = 7;
    struct child *child = spawn(exit_with, &seven);

    await_zombie(child->pid);
    assert_int_equal(child_signal(child, 0), 0); /* not collected yet: its pid cannot belong to anybody else */
    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    assert_int_equal(child->status, 7);
    child_free(child);
}

static void a_child_that_exits_at_once_is_not_lost(void **state)
{
    (void)state;
    run_scenario(exit_before_anybody_looks);
}

static void many_at_once(void)
{
    struct child *children[50];
    int status[50];

    for (int i = 0; i < 50; i++) {
        status[i] = i;
        children[i] = spawn(exit_with, &status[i]);
    }
    for (int i = 0; i < 50; i++)
        await_zombie(children[i]->pid);
    for (int i = 49; i >= 0; i--) {
        assert_int_equal(child_wait(children[i], NO_DEADLINE), 0);
        assert_int_equal(children[i]->status, i);
        child_free(children[i]);
    }
}

static void coalesced_sigchld_loses_nobody(void **state)
{
    (void)state;
    run_scenario(many_at_once);
}

/* Without its pidfd being watched a child is found through SIGCHLD, and the other way round. */
static void one_eye_closed(void)
{
    int three = 3;
    struct child *child = spawn(exit_with, &three);

    watch_stop(&child->watch);
    assert_int_equal(child_wait(child, loop_deadline(loop, 10 * NSEC_PER_SEC)), 0);
    assert_int_equal(child->status, 3);
    child_free(child);

    child = spawn(exit_with, &three);
    await_zombie(child->pid);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    struct timespec now = {0};
    while (sigtimedwait(&mask, NULL, &now) > 0)
        ;
    assert_int_equal(child_wait(child, loop_deadline(loop, 10 * NSEC_PER_SEC)), 0);
    assert_int_equal(child->status, 3);
    child_free(child);
}

static void a_lost_sigchld_or_watch_does_not_matter(void **state)
{
    (void)state;
    run_scenario(one_eye_closed);
}

static void spurious(void)
{
    struct child *child = spawn(sleep_long, NULL);

    child->watch.ready(&child->watch, EPOLLIN);
    assert_false(child->exited);
    child_signal(child, SIGTERM);
    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    assert_int_equal(child->status, 143);
    child_free(child);
}

static void a_spurious_event_changes_nothing(void **state)
{
    (void)state;
    run_scenario(spurious);
}

static void several_wait(void *arg)
{
    struct child *child = arg;

    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    note(child->status == 143 ? "seen" : "?");
}

static void share_a_child(void)
{
    struct child *child = spawn(sleep_long, NULL);

    for (int i = 0; i < 3; i++)
        fiber_start(loop, "waits", several_wait, child, NULL);
    fiber_yield(loop);
    child_signal(child, SIGTERM);
    several_wait(child);
    fiber_yield(loop);
    assert_string_equal(trace, "seen seen seen seen ");
    child_free(child);
}

static void several_fibers_can_wait_for_one_child(void **state)
{
    (void)state;
    run_scenario(share_a_child);
}

static void wait_cancelled(void)
{
    struct child *child = spawn(sleep_long, NULL);

    fiber_cancel(fiber_current(loop));
    assert_int_equal(child_wait(child, NO_DEADLINE), -ECANCELED);
    child_free(child);
}

static void a_wait_can_be_cancelled(void **state)
{
    (void)state;
    run_scenario(wait_cancelled);
}

static void free_running(void)
{
    struct child *child = spawn(sleep_long, NULL);
    int pid = child->pid;

    child_free(child);
    assert_false(is_gone(pid));
    await_gone(pid);
    child_free(NULL);
}

static void a_freed_child_is_killed_and_collected_later(void **state)
{
    (void)state;
    run_scenario(free_running);
}

static void free_zombie(void)
{
    int zero = 0;
    struct child *child = spawn(exit_with, &zero);
    int pid = child->pid;

    await_zombie(pid);
    child_free(child);
    await_gone(pid);
}

static void a_freed_child_that_already_ended_is_collected_too(void **state)
{
    (void)state;
    run_scenario(free_zombie);
}

/* ---- on_exit ---- */

static void note_exit(struct child *child)
{
    assert_true(child->exited);
    assert_null(fiber_current(loop));
    note(child->context);
}

static void free_on_exit(struct child *child)
{
    note_exit(child);
    child_free(child);
}

static void callback_first(void)
{
    int zero = 0;
    struct child *child = spawn(exit_with, &zero);

    child->on_exit = note_exit;
    child->context = "callback";
    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    note("waiter");
    child_free(child);
    assert_string_equal(trace, "callback waiter ");

    child = spawn(exit_with, &zero);
    int pid = child->pid;
    child->on_exit = free_on_exit;
    child->context = "freed";
    await_gone(pid);
    assert_string_equal(trace, "callback waiter freed ");

    child = spawn(sleep_long, NULL);
    pid = child->pid;
    child->on_exit = note_exit;
    child_free(child);
    await_gone(pid);
    assert_string_equal(trace, "callback waiter freed ");
}

static void on_exit_is_called_once_before_the_waiters_and_may_free(void **state)
{
    (void)state;
    run_scenario(callback_first);
}

/* ---- orphans ---- */

static int leave_an_orphan(void *arg)
{
    pid_t pid = fork();

    if (pid == 0) {
        usleep(1000);
        _exit(5);
    }
    return write(*(int *)arg, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1;
}

static void adopt(void)
{
    int fds[2], pid;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct child *child = spawn(leave_an_orphan, &fds[1]);
    assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    assert_int_equal(child->status, 0);
    await_gone(pid);
    child_free(child);
    close(fds[0]);
    close(fds[1]);
}

struct brood {
    int pids[2];   /* written by the child */
    int orders[2]; /* the orphans end when it is closed */
};

static int leave_a_brood(void *arg)
{
    const struct brood *brood = arg;
    char c;

    close(brood->orders[1]);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit((int)read(brood->orders[0], &c, 1));
        if (write(brood->pids[1], &pid, sizeof(pid)) != sizeof(pid))
            return 1;
    }
    return 0;
}

/* All of them are dead before the loop looks, and the kernel keeps one SIGCHLD for all. */
static void adopt_many(void)
{
    struct brood brood;
    int pids[3];

    assert_int_equal(pipe2(brood.pids, O_CLOEXEC), 0);
    assert_int_equal(pipe2(brood.orders, O_CLOEXEC), 0);
    struct child *child = spawn(leave_a_brood, &brood);
    await_zombie(child->pid);
    assert_int_equal(read(brood.pids[0], pids, sizeof(pids)), sizeof(pids));
    close(brood.orders[1]);
    FOR_ROWS (pid, pids)
        await_zombie(*pid);
    assert_int_equal(child_wait(child, NO_DEADLINE), 0);
    child_free(child);
    FOR_ROWS (pid, pids)
        await_gone(*pid);
    close(brood.orders[0]);
    close(brood.pids[0]);
    close(brood.pids[1]);
}

static void orphans_are_collected_and_dropped(void **state)
{
    (void)state;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    run_scenario(adopt);
    run_scenario(adopt_many);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- the reaper itself ---- */

static void what_ended_before_the_reaper_is_collected(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    await_zombie(pid);
    assert_int_equal(reaper_new(loop, &reaper, NULL), 0);
    assert_true(is_gone(pid));
    assert_ptr_equal(reaper_loop(reaper), loop);
    reaper_free(reaper);
    reaper_free(NULL);
}

static void the_signal_mask_comes_back(void **state)
{
    sigset_t before, during, after, odd;

    (void)state;
    sigemptyset(&odd);
    sigaddset(&odd, SIGUSR2);
    sigprocmask(SIG_BLOCK, &odd, &before);
    assert_int_equal(reaper_new(loop, &reaper, NULL), 0);
    sigprocmask(SIG_SETMASK, NULL, &during);
    reaper_free(reaper);
    sigprocmask(SIG_SETMASK, NULL, &after);
    assert_false(sigismember(&before, SIGCHLD));
    assert_true(sigismember(&during, SIGCHLD));
    assert_false(sigismember(&after, SIGCHLD));
    assert_true(sigismember(&after, SIGUSR2));
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void one_exit(void)
{
    int nine = 9;
    struct child *child = spawn(exit_with, &nine);

    assert_int_equal(child_wait(child, loop_deadline(loop, 10 * NSEC_PER_SEC)), 0);
    assert_int_equal(child->status, 9);
    child_free(child);

    sigset_t pending;
    fiber_sleep_until(loop, loop_deadline(loop, MSEC)); /* a signal that is never read would keep the loop spinning */
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGCHLD));
}

static void an_inherited_ignored_sigchld_is_repaired(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(reaper_new(loop, &reaper, NULL), 0);
    run_scenario(one_exit);
    reaper_free(reaper);
}

static int left_pid;

static void free_with_killed_child_left(void)
{
    struct child *child = spawn(sleep_long, NULL);

    left_pid = child->pid;
    child_free(child);
}

static void a_killed_child_does_not_keep_the_reaper(void **state)
{
    (void)state;
    assert_int_equal(reaper_new(loop, &reaper, NULL), 0);
    run_scenario(free_with_killed_child_left);
    await_zombie(left_pid);
    reaper_free(reaper);
    assert_true(is_gone(left_pid));

    assert_int_equal(reaper_new(loop, &reaper, NULL), 0);
    run_scenario(free_with_killed_child_left);
    reaper_free(reaper); /* dead already or not: nothing waits, and the teardown sees a leaked descriptor */
    run_loop();
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void refused(void)
{
    const struct sys_spawn joins_nothing = {.cgroup_fd = -1, .n_joins = 1, .joins = &(struct sys_join){-1, CLONE_NEWNET}};
    struct error err = {0};
    struct child *child = NULL;

    assert_int_equal(reaper_spawn(reaper, &joins_nothing, exit_with, NULL, &child, &err), -EBADF);
    assert_string_equal(err.text, "start a process: EBADF: Bad file descriptor");
    assert_null(child);
}

static void a_failed_spawn_is_reported(void **state)
{
    (void)state;
    run_scenario(refused);
}

static void a_reaper_without_descriptors_is_refused(void **state)
{
    struct rlimit none, old;
    struct error err = {0};
    struct reaper *other = NULL;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &old);
    none = (struct rlimit){0, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    int r = reaper_new(loop, &other, &err);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(r, -EMFILE);
    assert_null(other);
    assert_string_equal(err.text, "open signalfd for SIGCHLD: EMFILE: Too many open files");
}

static void a_reaper_whose_loop_is_broken_is_refused(void **state)
{
    struct error err = {0};
    struct reaper *other = NULL;

    (void)state;
    int saved = break_loop();
    int r = reaper_new(loop, &other, &err);
    mend_loop(saved);
    assert_int_equal(r, -EINVAL);
    assert_null(other);
    assert_string_equal(err.text, "watch SIGCHLD: EINVAL: Invalid argument");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        reaper_test(exit_status_or_128_plus_signal),
        reaper_test(a_wait_has_a_deadline_and_signals_reach_only_the_living),
        reaper_test(a_child_starts_with_fresh_signals),
        reaper_test(a_child_that_exits_at_once_is_not_lost),
        reaper_test(coalesced_sigchld_loses_nobody),
        reaper_test(a_lost_sigchld_or_watch_does_not_matter),
        reaper_test(a_spurious_event_changes_nothing),
        reaper_test(several_fibers_can_wait_for_one_child),
        reaper_test(a_wait_can_be_cancelled),
        reaper_test(a_freed_child_is_killed_and_collected_later),
        reaper_test(a_freed_child_that_already_ended_is_collected_too),
        reaper_test(on_exit_is_called_once_before_the_waiters_and_may_free),
        reaper_test(orphans_are_collected_and_dropped),
        loop_test(what_ended_before_the_reaper_is_collected),
        loop_test(the_signal_mask_comes_back),
        loop_test(an_inherited_ignored_sigchld_is_repaired),
        loop_test(a_killed_child_does_not_keep_the_reaper),
        reaper_test(a_failed_spawn_is_reported),
        loop_test(a_reaper_without_descriptors_is_refused),
        loop_test(a_reaper_whose_loop_is_broken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
