/* SPDX-License-Identifier: Apache-2.0 */
/* Limits on the running kernel, what they do, and what the statistics say. */
#include "lib/tests/cgroup_kernel.h"

#include <sys/mman.h>

#define MIB (INT64_C(1024) * 1024)
#define OPT(x)                                                                                                                 \
    {                                                                                                                          \
        true, (x)                                                                                                              \
    }

static void apply(struct kernel *kernel, const struct oci_resources *resources)
{
    struct error err = {0};
    if (cgroup_apply(kernel->cgroup, resources, &err) < 0)
        fail_msg("%s", err.text);
}

static void fork_until_refused(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0)
            sleep_for_ever(NULL);
        if (pid < 0)
            _exit(errno == EAGAIN ? 100 + i : 1);
    }
    _exit(2);
}

static void pids_limit_stops_forks(void **state)
{
    struct kernel *kernel = get(state);
    if (!cgroup_member(kernel->cgroup, CONTROLLER_PIDS))
        skip();

    apply(kernel, &(struct oci_resources){.pids_limit = OPT(4)});
    start(kernel, fork_until_refused, NULL);
    int status = wait_child(kernel);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 103);
}

static void use_memory(void *arg)
{
    size_t size = *(size_t *)arg;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t at = 0; at < size; at += 4096)
        p[at] = 1;
}

struct oom {
    struct kernel *kernel;
    int reports;
};

static void on_oom(void *arg)
{
    struct oom *oom = arg;
    oom->reports++;
    loop_stop(oom->kernel->loop);
}

static void stop_loop(struct timer *timer)
{
    loop_stop(CONTAINER_OF(timer, struct kernel, timer)->loop);
}

static void await_report(struct oom *oom)
{
    struct kernel *kernel = oom->kernel;
    int before = oom->reports;

    kernel->timer.expired = stop_loop;
    timer_start(kernel->loop, &kernel->timer, loop_deadline(kernel->loop, 10 * NSEC_PER_SEC));
    assert_int_equal(loop_run(kernel->loop, NULL), 0);
    timer_stop(&kernel->timer);
    assert_int_equal(oom->reports, before + 1);
}

static void kill_for_lack_of_memory_is_reported_each_time(void **state)
{
    struct kernel *kernel = get(state);
    struct oom oom = {.kernel = kernel};
    struct oom_watch *watch = NULL;
    struct error err = {0};
    size_t size = 64 * MIB;
    if (!cgroup_member(kernel->cgroup, CONTROLLER_MEMORY))
        skip();

    apply(kernel, &(struct oci_resources){.memory = &(struct oci_memory){.limit = OPT(8 * MIB), .swap = OPT(8 * MIB)}});
    assert_int_equal(oom_watch_start(kernel->cgroup, kernel->loop, on_oom, &oom, &watch, &err), 0);
    for (int i = 0; i < 2; i++) {
        start(kernel, use_memory, &size);
        int status = wait_child(kernel);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        await_report(&oom);
    }
    oom_watch_stop(watch);
}

static void report_comes_for_a_nested_group(void **state)
{
    struct kernel *kernel = get(state);
    struct oom oom = {.kernel = kernel};
    struct oom_watch *watch = NULL;
    struct error err = {0};
    struct cgroup *nested = NULL;
    char path[80];
    size_t size = 64 * MIB;
    if (!has_v1(kernel, CONTROLLER_MEMORY))
        skip(); /* on version 2 the nested group would need a controller that its parent cannot hand down */

    apply(kernel, &(struct oci_resources){.memory = &(struct oci_memory){.limit = OPT(8 * MIB), .swap = OPT(8 * MIB)}});
    assert_int_equal(oom_watch_start(kernel->cgroup, kernel->loop, on_oom, &oom, &watch, &err), 0);
    snprintf(path, sizeof(path), "%s/nested", kernel->path);
    assert_int_equal(cgroup_create(kernel->host, path, &nested, &err), 0);
    struct cgroup *group = kernel->cgroup;
    kernel->cgroup = nested;
    start(kernel, use_memory, &size);
    kernel->cgroup = group;
    wait_child(kernel);
    await_report(&oom);
    oom_watch_stop(watch);
    cgroup_free(nested);
}

static void burn(void *arg)
{
    volatile int *ready = arg;
    size_t size = 4 * MIB;

    use_memory(&size);
    for (volatile int i = 0; i < 20000000; i++)
        ;
    *ready = 1;
    sleep_for_ever(NULL);
}

static void statistics_show_the_usage(void **state)
{
    struct kernel *kernel = get(state);
    volatile int *ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    _arena_ struct arena *a = arena_new(MIB);
    Grpc__CgroupStats *stats;

    if (cgroup_member(kernel->cgroup, CONTROLLER_MEMORY))
        apply(kernel, &(struct oci_resources){.memory = &(struct oci_memory){.limit = OPT(64 * MIB)}});
    start(kernel, burn, (void *)ready);
    while (!*ready)
        usleep(1000);
    assert_int_equal(cgroup_stats(kernel->cgroup, a, &stats, NULL), 0);
    if (cgroup_member(kernel->cgroup, CONTROLLER_MEMORY)) {
        assert_true(stats->memory_stats->usage->usage >= (uint64_t)(4 * MIB));
        assert_true(stats->memory_stats->usage->usage <= (uint64_t)(64 * MIB));
        assert_int_equal(stats->memory_stats->usage->limit, 64 * MIB);
        assert_true(stats->memory_stats->n_stats > 10);
    }
    if (cgroup_member(kernel->cgroup, CONTROLLER_PIDS)) {
        assert_int_equal(stats->pids_stats->current, 1);
        assert_int_equal(stats->pids_stats->limit, 0);
    }
    if (cgroup_member(kernel->cgroup, CONTROLLER_CPUACCT)) {
        assert_true(stats->cpu_stats->cpu_usage->total_usage > NSEC_PER_MSEC);
        assert_true(stats->cpu_stats->cpu_usage->n_percpu_usage >= 1);
        uint64_t sum = 0;
        for (size_t i = 0; i < stats->cpu_stats->cpu_usage->n_percpu_usage; i++)
            sum += stats->cpu_stats->cpu_usage->percpu_usage[i];
        assert_true(sum >= stats->cpu_stats->cpu_usage->total_usage);
    }
}

static void memory_limit_and_swap_move_up_and_down(void **state)
{
    static const int64_t rows[][2] = {{64, 64}, {128, 256}, {200, 300}, {32, 32}, {-1, 0}, {16, 32}, {16, -1}, {20, 40}};
    struct kernel *kernel = get(state);
    char text[256];
    char want[32];

    if (!has_v1(kernel, CONTROLLER_MEMORY) ||
        control(cgroup_member(kernel->cgroup, CONTROLLER_MEMORY), "memory.memsw.limit_in_bytes", text)[0] == '\0') {
        print_message("no version 1 swap accounting\n");
        skip();
    }
    FOR_ROWS (row, rows) {
        int64_t limit = (*row)[0] > 0 ? (*row)[0] * MIB : (*row)[0];
        int64_t swap = (*row)[1] > 0 ? (*row)[1] * MIB : (*row)[1];
        apply(kernel, &(struct oci_resources){.memory = &(struct oci_memory){.limit = OPT(limit), .swap = OPT(swap)}});
        snprintf(want, sizeof(want), "%ld", limit > 0 ? limit : INT64_C(9223372036854771712));
        assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_MEMORY), "memory.limit_in_bytes", text), want);
        snprintf(want, sizeof(want), "%ld", swap > 0 ? swap : INT64_C(9223372036854771712));
        assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_MEMORY), "memory.memsw.limit_in_bytes", text),
                            want);
    }
}

static void quota_and_period_move_within_the_parent(void **state)
{
    static const int64_t rows[][2] = {{50000, 100000}, {100000, 200000}, {5000, 10000}, {20000, 40000}, {10000, 100000}};
    struct kernel *kernel = get(state);
    struct error err = {0};
    struct cgroup *nested = NULL;
    struct cgroup *group = kernel->cgroup;
    char path[80];
    char text[256];
    char want[32];

    if (!has_v1(kernel, CONTROLLER_CPU)) {
        print_message("no version 1 cpu controller\n");
        skip();
    }
    apply(kernel, &(struct oci_resources){.cpu = &(struct oci_cpu){.quota = OPT(50000), .period = OPT(100000)}});
    snprintf(path, sizeof(path), "%s/nested", kernel->path);
    assert_int_equal(cgroup_create(kernel->host, path, &nested, &err), 0);
    kernel->cgroup = nested;
    FOR_ROWS (row, rows) {
        uint64_t period = (uint64_t)(*row)[1];
        apply(kernel, &(struct oci_resources){.cpu = &(struct oci_cpu){.quota = OPT((*row)[0]), .period = OPT(period)}});
        snprintf(want, sizeof(want), "%ld", (*row)[0]);
        assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_CPU), "cpu.cfs_quota_us", text), want);
        snprintf(want, sizeof(want), "%lu", period);
        assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_CPU), "cpu.cfs_period_us", text), want);
    }
    const struct oci_resources more = {.cpu = &(struct oci_cpu){.quota = OPT(60000), .period = OPT(100000)}};
    assert_int_equal(cgroup_apply(nested, &more, &err), -EINVAL);
    assert_non_null(strstr(err.text, "cpu.quota"));
    kernel->cgroup = group;
    cgroup_free(nested);
}

static void usual_limits_are_accepted(void **state)
{
    struct kernel *kernel = get(state);
    char cpus[256];
    char text[256];

    if (!has_v1(kernel, CONTROLLER_CPUSET))
        skip();
    control(cgroup_member(kernel->cgroup, CONTROLLER_CPUSET), "cpuset.cpus", cpus);
    assert_true(cpus[0] != '\0');
    apply(kernel, &(struct oci_resources){.cpu = &(struct oci_cpu){.shares = OPT(512), .cpus = "0", .mems = "0"}});
    assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_CPUSET), "cpuset.cpus", text), "0");
    assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_CPU), "cpu.shares", text), "512");
    apply(kernel, &(struct oci_resources){.cpu = &(struct oci_cpu){.cpus = "0,4000"}}); /* not plugged in: left out */
    assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_CPUSET), "cpuset.cpus", text), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_TEST(pids_limit_stops_forks),
        KERNEL_TEST(kill_for_lack_of_memory_is_reported_each_time),
        KERNEL_TEST(report_comes_for_a_nested_group),
        KERNEL_TEST(statistics_show_the_usage),
        KERNEL_TEST(memory_limit_and_swap_move_up_and_down),
        KERNEL_TEST(quota_and_period_move_within_the_parent),
        KERNEL_TEST(usual_limits_are_accepted),
    };
    return cmocka_run_group_tests(tests, remember_root, restore_root);
}
