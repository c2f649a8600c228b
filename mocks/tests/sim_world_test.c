/* SPDX-License-Identifier: Apache-2.0 */
/* Machines in the simulation: their end, their frozen tasks, handlers of their programs, their files as tests see them. */
#include <linux/reboot.h>

#include "mocks/tests/bench.h"

PROGRAM(sleep_two_days)
{
    uint64_t before = sys_monotonic_ns();

    sys_nanosleep(48 * HOUR_NS);
    return sys_monotonic_ns() - before >= 48 * HOUR_NS ? 0 : 1;
}

PROGRAM(read_own_pipe)
{
    int fds[2];
    char byte;

    sys_pipe2(fds, 0);
    sys_read(fds[0], &byte, 1);
    return 0;
}

/* ---- the end of machines ---- */

static int sleep_for_ever(void *arg)
{
    (void)arg;
    sys_nanosleep(HOUR_NS);
    return 0;
}

PROGRAM(leave_child)
{
    sys_spawn(&(struct sys_spawn){.cgroup_fd = -1}, sleep_for_ever, NULL);
    return 9;
}

static void the_end_of_init_ends_all(void **state)
{
    struct bench bench = bench_new(1, false);
    uint64_t before = sim_now_ns(bench.sim);

    (void)state;
    assert_int_equal(run(&bench, leave_child), 9 << 8);
    assert_true(sim_now_ns(bench.sim) - before < HOUR_NS);
    assert_null(task_next(bench.world, NULL));
    sim_free(bench.sim);
}

PROGRAM(power_off)
{
    sys_spawn(&(struct sys_spawn){.cgroup_fd = -1}, sleep_for_ever, NULL);
    if (sys_reboot(LINUX_REBOOT_CMD_CAD_OFF) != 0)
        return 1;
    sys_reboot(LINUX_REBOOT_CMD_POWER_OFF);
    return 2;
}

static void power_off_ends_all(void **state)
{
    struct bench bench = bench_new(1, false);

    (void)state;
    start(&bench, power_off);
    assert_true(sim_run(bench.sim));
    assert_int_equal((unsigned int)bench.world->power, LINUX_REBOOT_CMD_POWER_OFF);
    assert_false(bench.world->ctrl_alt_del);
    sim_free(bench.sim);
}

static void a_simulation_may_be_thrown_away_in_the_middle(void **state)
{
    struct bench bench = bench_new(1, false);

    (void)state;
    start(&bench, read_own_pipe);
    start(&bench, sleep_two_days);
    assert_false(sim_run(bench.sim));
    start(&bench, read_own_pipe);
    sim_free(bench.sim);
}

static void stop_at_second(void *arg, uint64_t n)
{
    if (n == 2)
        sim_stop(arg);
}

PROGRAM(yield_often)
{
    for (int i = 0; i < 5; i++)
        sys_nanosleep(1000);
    return 0;
}

static void a_stopped_simulation_can_go_on(void **state)
{
    struct bench bench = bench_new(1, false);

    (void)state;
    sim_set_hook(bench.sim, stop_at_second, bench.sim);
    sim_observe(start(&bench, yield_often));
    assert_false(sim_run(bench.sim));
    assert_int_equal(sim_call_count(bench.sim), 2);
    assert_true(sim_run(bench.sim));
    assert_int_equal(sim_call_count(bench.sim), 6);
    sim_free(bench.sim);
}

/* ---- freezing ---- */

static void frozen_tasks_do_not_run(void **state)
{
    struct bench bench = bench_new(1, false);
    struct task *task = task_ref(start(&bench, yield_often));

    (void)state;
    task->frozen = true;
    assert_false(sim_run(bench.sim));
    task->frozen = false;
    assert_true(sim_run(bench.sim));
    assert_int_equal(task->exit_code, 0);
    task_unref(task);
    sim_free(bench.sim);
}

static void only_the_hard_freezer_keeps_a_killed_task(void **state)
{
    struct bench bench = bench_new(1, false);
    struct task *task = task_ref(start(&bench, yield_often));

    (void)state;
    task->frozen = task->frozen_hard = true;
    task_signal(task, SIGKILL);
    assert_false(sim_run(bench.sim));
    task->frozen_hard = false;
    assert_true(sim_run(bench.sim));
    assert_int_equal(task->exit_code, SIGKILL);
    task_unref(task);
    sim_free(bench.sim);
}

/* ---- handlers of programs ---- */

static void count_up(int sig)
{
    (void)sig;
    sys_write(20, "h", 1);
}

PROGRAM(with_handler)
{
    struct epoll_event event;
    sigset_t set;
    int fds[2];
    char bytes[8];

    sys_pipe2(fds, O_NONBLOCK);
    sys_dup3(fds[1], 20, 0);
    sys_signal(SIGUSR1, count_up);
    sys_kill(sys_getpid(), SIGUSR1);
    if (sys_read(fds[0], bytes, sizeof(bytes)) != 1)
        return 1;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), SIGUSR1);
    if (sys_read(fds[0], bytes, sizeof(bytes)) != -EAGAIN)
        return 2;
    sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
    if (sys_read(fds[0], bytes, sizeof(bytes)) != 1)
        return 3;

    int epoll = sys_epoll_create1(0);
    return sys_epoll_wait(epoll, &event, 1, -1) == 0 && sys_read(fds[0], bytes, sizeof(bytes)) == 1 ? 0 : 4;
}

static void a_handler_interrupts_a_wait(void **state)
{
    struct bench bench = bench_new(1, false);
    struct task *task = task_ref(start(&bench, with_handler));

    (void)state;
    assert_false(sim_run(bench.sim));
    task_signal(task, SIGUSR1);
    assert_true(sim_run(bench.sim));
    assert_int_equal(task->exit_code, 0);
    task_unref(task);
    sim_free(bench.sim);
}

/* ---- worlds from the outside ---- */

static void the_files_of_a_world(void **state)
{
    struct bench bench = bench_new(1, false);
    _buf_ struct buf text = BUF_INIT(65536);

    (void)state;
    world_mkdir(bench.world, "/a/b/c", 0755);
    world_write(bench.world, "/a/b/file", "hello");
    world_symlink(bench.world, "/a/b/file", "/a/link");
    assert_true(world_exists(bench.world, "/a/link"));
    assert_true(world_read(bench.world, "/a/b/file", &text));
    assert_string_equal(text.data, "hello");
    world_write(bench.world, "/a/b/file", "");
    text.len = 0;
    assert_true(world_read(bench.world, "/a/b/file", &text));
    assert_int_equal(text.len, 0);
    assert_false(world_read(bench.world, "/a/b", &text));
    assert_false(world_read(bench.world, "/a/none", &text));
    world_remove(bench.world, "/a");
    assert_false(world_exists(bench.world, "/a/b/file"));
    assert_false(world_exists(bench.world, "/a"));
    world_remove(bench.world, "/a");
    sim_free(bench.sim);
}

static void snapshot_of(struct bench *bench, struct buf *out)
{
    out->len = 0;
    world_snapshot(bench->world, out);
}

static void a_snapshot_shows_what_is_left_behind(void **state)
{
    struct bench bench = bench_new(1, false);
    _buf_ struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);

    (void)state;
    snapshot_of(&bench, &before);
    snapshot_of(&bench, &after);
    assert_string_equal(before.data, after.data);
    world_write(bench.world, "/tmp/left", "x");
    snapshot_of(&bench, &after);
    assert_string_not_equal(before.data, after.data);
    world_remove(bench.world, "/tmp/left");
    snapshot_of(&bench, &after);
    assert_string_equal(before.data, after.data);
    start(&bench, read_own_pipe);
    sim_run(bench.sim);
    snapshot_of(&bench, &after);
    assert_string_not_equal(before.data, after.data);
    sim_free(bench.sim);
}

static void every_kind_of_world_can_be_made(void **state)
{
    static const struct world_options rows[] = {
        {.cgroups = WORLD_CGROUP_V1},
        {.cgroups = WORLD_CGROUP_V2},
        {.cgroups = WORLD_CGROUP_HYBRID},
        {.cgroups = WORLD_CGROUP_V2, .initramfs_root = true},
        {.cgroups = WORLD_CGROUP_V2, .unbooted = true},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct sim *sim = sim_new(&(struct sim_options){.seed = 1});
        struct world *world = world_new(sim, row);
        assert_ptr_equal(world_sim(world), sim);
        assert_true(world_exists(world, "/proc"));
        assert_int_equal(world_exists(world, "/sys/fs/cgroup/memory"), row->cgroups != WORLD_CGROUP_V2);
        assert_int_equal(world_exists(world, "/proc/self"), !row->unbooted);
        assert_true(world_exists(world, "/dev/null"));
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_init_ends_all),
        cmocka_unit_test(power_off_ends_all),
        cmocka_unit_test(a_simulation_may_be_thrown_away_in_the_middle),
        cmocka_unit_test(a_stopped_simulation_can_go_on),
        cmocka_unit_test(frozen_tasks_do_not_run),
        cmocka_unit_test(only_the_hard_freezer_keeps_a_killed_task),
        cmocka_unit_test(a_handler_interrupts_a_wait),
        cmocka_unit_test(the_files_of_a_world),
        cmocka_unit_test(a_snapshot_shows_what_is_left_behind),
        cmocka_unit_test(every_kind_of_world_can_be_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
