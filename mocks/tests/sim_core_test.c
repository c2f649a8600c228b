/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation itself: schedules, time, faults, races, the trace. */
#include <unistd.h>

#include "mocks/tests/bench.h"

/* ---- schedules ---- */

static int three_calls(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        sys_getpid();
    return 0;
}

PROGRAM(family)
{
    siginfo_t info;

    for (int i = 0; i < 3; i++)
        sys_spawn(&(struct sys_spawn){.cgroup_fd = -1}, three_calls, NULL);
    while (sys_waitid(P_ALL, 0, &info, WEXITED) == 0)
        ;
    return 0;
}

static void trace_family(uint64_t seed, bool preempt, struct buf *out)
{
    struct bench bench = bench_new(seed, preempt);

    sim_set_trace(bench.sim, out);
    sim_observe(start(&bench, family));
    assert_true(sim_run(bench.sim));
    sim_free(bench.sim);
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        _buf_ struct buf a = BUF_INIT(65536), b = BUF_INIT(65536);
        trace_family(seed, true, &a);
        trace_family(seed, true, &b);
        assert_string_equal(a.data, b.data);
    }
}

static void other_seeds_give_other_schedules(void **state)
{
    _buf_ struct buf first = BUF_INIT(65536);
    int different = 0;

    (void)state;
    trace_family(1, true, &first);
    for (uint64_t seed = 2; seed < 22; seed++) {
        _buf_ struct buf other = BUF_INIT(65536);
        trace_family(seed, true, &other);
        different += strcmp(first.data, other.data) != 0;
    }
    assert_true(different > 10);
}

/* Without preemption the three calls of a child are never interleaved with others. */
static void without_preemption_a_task_runs_until_it_blocks(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        _buf_ struct buf trace = BUF_INIT(65536);
        trace_family(seed, false, &trace);
        const char *at = trace.data;
        for (int pid = 2; pid <= 4; pid++) {
            at = strstr(at, "main getpid() = ");
            assert_non_null(at);
            char triple[128];
            int number = atoi(at + strlen("main getpid() = "));
            snprintf(triple, sizeof(triple), "main getpid() = %d\nmain getpid() = %d\nmain getpid() = %d\n", number, number,
                     number);
            assert_memory_equal(at, triple, strlen(triple));
            at += strlen(triple);
        }
    }
}

/* ---- time ---- */

PROGRAM(sleep_two_days)
{
    uint64_t before = sys_monotonic_ns();

    sys_nanosleep(48 * HOUR_NS);
    return sys_monotonic_ns() - before >= 48 * HOUR_NS ? 0 : 1;
}

static void sleeping_takes_virtual_time_only(void **state)
{
    struct bench bench = bench_new(1, false);
    uint64_t before = sim_now_ns(bench.sim);

    (void)state;
    assert_int_equal(run(&bench, sleep_two_days), 0);
    assert_true(sim_now_ns(bench.sim) - before < 49 * HOUR_NS);
    sim_free(bench.sim);
}

PROGRAM(poll_clock)
{
    uint64_t end = sys_monotonic_ns() + 1000000;
    int n = 0;

    while (sys_monotonic_ns() < end)
        n++;
    return n > 100 ? 0 : 1;
}

static void a_loop_that_asks_the_clock_ends(void **state)
{
    struct bench bench = bench_new(1, false);

    (void)state;
    assert_int_equal(run(&bench, poll_clock), 0);
    sim_free(bench.sim);
}

/* ---- blocked for ever ---- */

PROGRAM(read_own_pipe)
{
    int fds[2];
    char byte;

    sys_pipe2(fds, 0);
    sys_read(fds[0], &byte, 1);
    return 0;
}

static void who_waits_for_ever_is_named(void **state)
{
    struct bench bench = bench_new(1, false);
    _buf_ struct buf text = BUF_INIT(4096);

    (void)state;
    start(&bench, read_own_pipe);
    assert_false(sim_run(bench.sim));
    sim_blocked(bench.sim, &text);
    assert_string_equal(text.data, "main (pid 1) in read\n");
    sim_free(bench.sim);
}

/* ---- faults ---- */

PROGRAM(five_getpids)
{
    int failed = 0;

    for (int i = 0; i < 5; i++)
        failed |= sys_getpid() == -ENOMEM ? 1 << i : 0;
    sys_getppid();
    return failed;
}

static int run_with_fault(const struct sim_fault *fault, bool *ret_struck)
{
    struct bench bench = bench_new(1, false);

    sim_set_fault(bench.sim, fault);
    struct task *task = task_ref(start(&bench, five_getpids));
    sim_observe(task);
    assert_true(sim_run(bench.sim));
    int status = task->exit_code >> 8;
    *ret_struck = sim_fault_struck(bench.sim);
    task_unref(task);
    sim_free(bench.sim);
    return status;
}

static void a_fault_strikes_the_call_it_is_for(void **state)
{
    static const struct {
        const char *label;
        struct sim_fault fault;
        int failed;
        bool struck;
    } rows[] = {
        {"none", {0, ENOMEM, false}, 0, false},       {"first", {1, ENOMEM, false}, 1, true},
        {"third", {3, ENOMEM, false}, 4, true},       {"third and on", {3, ENOMEM, true}, 4 | 8 | 16, true},
        {"another call", {6, ENOMEM, true}, 0, true}, {"beyond the end", {100, ENOMEM, false}, 0, false},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        bool struck;
        int failed = run_with_fault(&row->fault, &struck);
        if (failed != row->failed || struck != row->struck)
            fail_msg("%s: calls 0x%x failed", row->label, failed);
    }
}

static void only_observed_tasks_are_counted(void **state)
{
    struct bench bench = bench_new(1, false);
    struct sim_call call;

    (void)state;
    assert_int_equal(run(&bench, five_getpids), 0);
    assert_int_equal(sim_call_count(bench.sim), 0);
    assert_false(sim_call_at(bench.sim, 1, &call));
    sim_free(bench.sim);

    bench = bench_new(1, false);
    sim_observe(start(&bench, five_getpids));
    assert_true(sim_run(bench.sim));
    assert_int_equal(sim_call_count(bench.sim), 7);
    assert_true(sim_call_at(bench.sim, 6, &call));
    assert_int_equal(call.call, CALL_getppid);
    assert_int_equal(call.task_pid, 1);
    assert_true(sim_call_at(bench.sim, 7, &call));
    assert_int_equal(call.call, CALL_exit);
    assert_false(sim_call_at(bench.sim, 0, &call));
    assert_false(sim_call_at(bench.sim, 8, &call));
    sim_free(bench.sim);
}

/* ---- races ---- */

struct race {
    struct bench bench;
    uint64_t at;
    uint64_t last;
};

PROGRAM(make_directories)
{
    sys_mkdirat(AT_FDCWD, "/tmp/a", 0755);
    return sys_mkdirat(AT_FDCWD, "/tmp/a/b", 0755) == -ENOTDIR ? 7 : 0;
}

static void swap_directory(void *arg, uint64_t n)
{
    struct race *race = arg;

    race->last = n;
    assert_null(current());
    if (n != race->at)
        return;
    world_remove(race->bench.world, "/tmp/a");
    world_write(race->bench.world, "/tmp/a", "not a directory");
}

static void a_hook_changes_the_world_between_two_calls(void **state)
{
    struct race race = {.bench = bench_new(1, false), .at = 2};

    (void)state;
    sim_set_hook(race.bench.sim, swap_directory, &race);
    struct task *task = task_ref(start(&race.bench, make_directories));
    sim_observe(task);
    assert_true(sim_run(race.bench.sim));
    assert_int_equal(task->exit_code, 7 << 8);
    assert_int_equal(race.last, 3);
    task_unref(task);
    sim_free(race.bench.sim);
}

static void kill_second(void *arg, uint64_t n)
{
    struct race *race = arg;

    if (n == 2)
        task_signal(task_next(race->bench.world, NULL), SIGKILL);
}

static void a_task_that_is_killed_before_a_call_does_not_make_it(void **state)
{
    struct race race = {.bench = bench_new(1, false)};

    (void)state;
    sim_set_hook(race.bench.sim, kill_second, &race);
    struct task *task = task_ref(start(&race.bench, make_directories));
    sim_observe(task);
    assert_true(sim_run(race.bench.sim));
    assert_int_equal(task->exit_code, SIGKILL);
    assert_true(world_exists(race.bench.world, "/tmp/a"));
    assert_false(world_exists(race.bench.world, "/tmp/a/b"));
    task_unref(task);
    sim_free(race.bench.sim);
}

/* ---- trace ---- */

PROGRAM(traced)
{
    int fd = sys_openat(AT_FDCWD, "/tmp/none", O_RDONLY, 0);

    if (fd >= 0)
        return 1;
    sys_kill(4711, SIGTERM);
    sys_setresuid(1, (uid_t)-1, 2);
    return 3;
}

static void a_trace_shows_calls_with_arguments_and_results(void **state)
{
    struct bench bench = bench_new(1, false);
    _buf_ struct buf trace = BUF_INIT(65536);

    (void)state;
    sim_set_trace(bench.sim, &trace);
    sim_observe(start(&bench, traced));
    assert_true(sim_run(bench.sim));
    const char *second = strchr(trace.data, '\n') + 1;
    assert_memory_equal(trace.data, "main openat(", 12);
    assert_non_null(strstr(trace.data, "\"/tmp/none\""));
    assert_non_null(strstr(trace.data, ") = -ENOENT\n"));
    assert_string_equal(second, "main kill(4711, 15) = -ESRCH\n"
                                "main setresuid(1, -1, 2) = 0\n"
                                "main exit(3) = ?\n");
    sim_free(bench.sim);
}

/* ---- what is not modelled ---- */

PROGRAM(strange_prctl)
{
    return sys_prctl(4711, 0, 0, 0, 0);
}

static void what_is_not_modelled_aborts(void **state)
{
    int status;

    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct bench bench = bench_new(1, false);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        run(&bench, strange_prctl);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void every_call_has_a_name(void **state)
{
    (void)state;
    for (int call = 0; call < CALL_MAX; call++)
        assert_string_not_equal(sys_call_name((enum sys_call)call), "?");
    assert_string_equal(sys_call_name(CALL_openat2), "openat2");
    assert_string_equal(sys_call_name(CALL_MAX), "?");
}

static bool is_call(const char *name)
{
    for (int call = 0; call < CALL_MAX; call++) {
        if (strcmp(sys_call_name((enum sys_call)call), name) == 0)
            return true;
    }
    return false;
}

/* The tests run in the top directory. */
static void every_function_of_the_seam_is_a_call(void **state)
{
    FILE *header = fopen("lib/sys/sys.h", "r");
    char line[512], name[64];
    int n = 0;

    (void)state;
    assert_non_null(header);
    while (fgets(line, sizeof(line), header)) {
        const char *at = strstr(line, " sys_");
        if (line[0] == '/' || line[0] == ' ' || !at || sscanf(at, " sys_%63[a-z0-9_](", name) != 1)
            continue;
        if (strncmp(line, "struct", 6) == 0)
            continue;
        n++;
        if (!is_call(name))
            fail_msg("%s is not in mocks/kernel/calls.h", name);
    }
    fclose(header);
    assert_int_equal(n, CALL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(other_seeds_give_other_schedules),
        cmocka_unit_test(without_preemption_a_task_runs_until_it_blocks),
        cmocka_unit_test(sleeping_takes_virtual_time_only),
        cmocka_unit_test(a_loop_that_asks_the_clock_ends),
        cmocka_unit_test(who_waits_for_ever_is_named),
        cmocka_unit_test(a_fault_strikes_the_call_it_is_for),
        cmocka_unit_test(only_observed_tasks_are_counted),
        cmocka_unit_test(a_hook_changes_the_world_between_two_calls),
        cmocka_unit_test(a_task_that_is_killed_before_a_call_does_not_make_it),
        cmocka_unit_test(a_trace_shows_calls_with_arguments_and_results),
        cmocka_unit_test(what_is_not_modelled_aborts),
        cmocka_unit_test(every_call_has_a_name),
        cmocka_unit_test(every_function_of_the_seam_is_a_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
