/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups on the running kernel, whatever layout it has. Needs root and writable cgroup file systems. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"
#include "sys/fd.h"

#define MIB (INT64_C(1024) * 1024)
#define OPT(x)                                                                                                                 \
    {                                                                                                                          \
        true, (x)                                                                                                              \
    }

struct kernel {
    struct loop *loop;
    struct cgroup_host *host;
    struct cgroup *cgroup;
    char path[64];                      /* of the group */
    pid_t child;                        /* 0: none */
    int (*call)(struct kernel *kernel); /* what run() runs in a fiber */
    int result;
    struct error err;
    struct timer timer;
};

static int setup(void **state)
{
    struct kernel *kernel = calloc(1, sizeof(*kernel));
    struct error err = {0};

    *state = kernel;
    if (loop_new(&kernel->loop, &err) < 0)
        return -1;
    if (geteuid() != 0 || !is_cgroup_mounted()) {
        printf("skipped: needs root and writable control groups below /sys/fs/cgroup\n");
        return 0;
    }
    snprintf(kernel->path, sizeof(kernel->path), "/tatami-test-%d/group", getpid());
    int r = cgroup_host_open(kernel->loop, "/sys/fs/cgroup", &kernel->host, &err);
    if (r == 0)
        r = cgroup_create(kernel->host, kernel->path, &kernel->cgroup, &err);
    if (r < 0)
        printf("%s\n", err.text);
    return r;
}

static void run_main(void *arg)
{
    struct kernel *kernel = arg;
    kernel->result = kernel->call(kernel);
}

static int run(struct kernel *kernel, int (*call)(struct kernel *kernel))
{
    kernel->call = call;
    kernel->err = (struct error){0};
    fiber_run(kernel->loop, run_main, kernel);
    if (kernel->result < 0 && kernel->err.text[0])
        printf("%s\n", kernel->err.text);
    return kernel->result;
}

static uint64_t soon(struct kernel *kernel)
{
    return loop_deadline(kernel->loop, 20 * NSEC_PER_SEC);
}

static int call_freeze(struct kernel *kernel)
{
    return cgroup_freeze(kernel->cgroup, soon(kernel), &kernel->err);
}

static int call_thaw(struct kernel *kernel)
{
    return cgroup_thaw(kernel->cgroup, &kernel->err);
}

static int call_kill(struct kernel *kernel)
{
    return cgroup_kill(kernel->cgroup, &kernel->err);
}

static int call_delete(struct kernel *kernel)
{
    return cgroup_delete(kernel->cgroup, soon(kernel), &kernel->err);
}

static int teardown(void **state)
{
    struct kernel *kernel = *state;
    int r = 0;

    if (kernel->cgroup) {
        run(kernel, call_kill);
        if (kernel->child)
            waitpid(kernel->child, NULL, 0);
        r = run(kernel, call_delete);
        cgroup_free(kernel->cgroup);
    }
    cgroup_host_free(kernel->host);
    loop_free(kernel->loop);
    free(kernel);
    return r;
}

static struct kernel *get(void **state)
{
    struct kernel *kernel = *state;
    if (!kernel->cgroup)
        skip();
    return kernel;
}

/* Starts fn(arg) in a child that enters the group first. */
static pid_t start(struct kernel *kernel, void (*fn)(void *arg), void *arg)
{
    struct error err = {0};
    int gate[2];
    char byte = 0;

    assert_int_equal(pipe(gate), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(gate[1]);
        if (read(gate[0], &byte, 1) != 1)
            _exit(1);
        fn(arg);
        _exit(0);
    }
    close(gate[0]);
    kernel->child = pid;
    if (cgroup_enter(kernel->cgroup, pid, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(write(gate[1], &byte, 1), 1);
    close(gate[1]);
    return pid;
}

static int wait_child(struct kernel *kernel)
{
    int status;

    assert_int_equal(waitpid(kernel->child, &status, 0), kernel->child);
    kernel->child = 0;
    return status;
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static bool group_exists(const struct kernel *kernel, const char *path)
{
    for (size_t i = 0; i < kernel->host->n_hierarchies; i++) {
        char full[256];
        snprintf(full, sizeof(full), "%s%s", kernel->host->hierarchies[i].path, path);
        if (access(full, F_OK) == 0)
            return true;
    }
    return false;
}

/* Content of a control file of the group, without its newline. */
static const char *control(const struct member *member, const char *file, char text[256])
{
    int fd = openat(member->fd, file, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, 255) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n - 1 : 0] = '\0';
    return text;
}

static bool has_v1(struct kernel *kernel, enum controller controller)
{
    const struct member *member = cgroup_member(kernel->cgroup, controller);
    return member && member->hierarchy->version == 1;
}

static void apply(struct kernel *kernel, const struct oci_resources *resources)
{
    struct error err = {0};
    if (cgroup_apply(kernel->cgroup, resources, &err) < 0)
        fail_msg("%s", err.text);
}

/* ---- tests ---- */

static void mode_is_that_of_the_machine(void **state)
{
    struct kernel *kernel = get(state);
    struct statfs fs;

    assert_int_equal(statfs("/sys/fs/cgroup", &fs), 0);
    assert_int_equal(cgroup_host_mode(kernel->host), fs.f_type == CGROUP2_SUPER_MAGIC ? CGROUP_V2 : CGROUP_V1);
}

/* The version 2 hierarchy of a hybrid layout serves as a machine that has nothing else. */
static void version_2_root_is_recognised(void **state)
{
    struct kernel *kernel = get(state);
    const struct member *v2 = cgroup_member_v2(kernel->cgroup);
    struct cgroup_host *host = kernel->host;
    struct cgroup *group = kernel->cgroup;
    struct error err = {0};

    if (!v2) {
        print_message("no version 2 hierarchy\n");
        skip();
    }
    assert_int_equal(cgroup_host_open(kernel->loop, v2->hierarchy->path, &kernel->host, &err), 0);
    assert_int_equal(cgroup_host_mode(kernel->host), CGROUP_V2);
    assert_int_equal(cgroup_create(kernel->host, "/tatami-test-v2/a", &kernel->cgroup, &err), 0);
    start(kernel, sleep_for_ever, NULL);
    char text[256];
    assert_int_equal(run(kernel, call_freeze), 0);
    assert_string_equal(control(cgroup_member_v2(kernel->cgroup), "cgroup.events", text), "populated 1\nfrozen 1");
    assert_int_equal(run(kernel, call_thaw), 0);
    assert_string_equal(control(cgroup_member_v2(kernel->cgroup), "cgroup.events", text), "populated 1\nfrozen 0");
    assert_int_equal(run(kernel, call_kill), 0);
    wait_child(kernel);
    assert_int_equal(run(kernel, call_delete), 0);
    assert_false(group_exists(kernel, "/tatami-test-v2"));
    cgroup_free(kernel->cgroup);
    cgroup_host_free(kernel->host);
    kernel->host = host;
    kernel->cgroup = group;
}

static void process_is_in_the_group_everywhere(void **state)
{
    struct kernel *kernel = get(state);
    char path[64];
    char line[512];
    char want[128];
    size_t n = 0;

    pid_t pid = start(kernel, sleep_for_ever, NULL);
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    snprintf(want, sizeof(want), ":%s\n", kernel->path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        n += strstr(line, want) != NULL;
    fclose(file);
    assert_int_equal(n, kernel->host->n_hierarchies);
}

static int born_child(void *arg)
{
    sleep_for_ever(arg);
    return 0;
}

static void process_can_be_born_in_the_group(void **state)
{
    struct kernel *kernel = get(state);
    int fd = cgroup_spawn_fd(kernel->cgroup);
    struct error err = {0};

    if (fd < 0) {
        print_message("no version 2 hierarchy\n");
        skip();
    }
    const struct sys_spawn args = {.cgroup_fd = fd};
    kernel->child = sys_spawn(&args, born_child, NULL);
    assert_true(kernel->child > 0);
    _buf_ struct buf procs = BUF_INIT(4096);
    assert_int_equal(file_read_at(fd, "cgroup.procs", &procs), 0);
    assert_int_equal(atoi(procs.data), kernel->child);
    assert_int_equal(cgroup_enter(kernel->cgroup, kernel->child, &err), 0);
    for (size_t i = 0; i < kernel->cgroup->n_members; i++)
        assert_int_equal(tree_signal(kernel->cgroup->members[i].fd, 0), 1);
}

static void group_in_use_is_refused(void **state)
{
    struct kernel *kernel = get(state);
    struct cgroup *second = NULL;
    struct error err = {0};

    assert_int_equal(cgroup_create(kernel->host, kernel->path, &second, &err), 0); /* empty: taken over */
    cgroup_free(second);
    start(kernel, sleep_for_ever, NULL);
    assert_int_equal(cgroup_create(kernel->host, kernel->path, &second, &err), -EEXIST);
    assert_int_equal(err.status, STATUS_ALREADY_EXISTS);
}

static void dead_process_cannot_enter(void **state)
{
    struct kernel *kernel = get(state);
    struct error err = {0};

    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    assert_int_equal(cgroup_enter(kernel->cgroup, pid, &err), -ESRCH);
}

static void count_up(void *arg)
{
    volatile uint64_t *counter = arg;
    for (;;) {
        ++*counter;
        usleep(100);
    }
}

static void frozen_process_stands_still(void **state)
{
    struct kernel *kernel = get(state);
    volatile uint64_t *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(counter != MAP_FAILED);
    start(kernel, count_up, (void *)counter);
    while (*counter < 3)
        usleep(100);
    assert_int_equal(run(kernel, call_freeze), 0);
    uint64_t before = *counter;
    usleep(20000);
    assert_int_equal(*counter, before);
    char text[256];
    if (has_v1(kernel, CONTROLLER_FREEZER))
        assert_string_equal(control(cgroup_member(kernel->cgroup, CONTROLLER_FREEZER), "freezer.state", text), "FROZEN");
    assert_int_equal(run(kernel, call_thaw), 0);
    for (int i = 0; *counter == before && i < 20000; i++)
        usleep(100);
    assert_true(*counter > before);
}

static void empty_group_freezes(void **state)
{
    struct kernel *kernel = get(state);
    assert_int_equal(run(kernel, call_freeze), 0);
    assert_int_equal(run(kernel, call_thaw), 0);
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

struct tree {
    struct kernel *kernel;
    int end;   /* write end of a pipe that every process holds */
    int ready; /* a byte when the tree has grown */
};

/* A tree of seven processes: children and grandchildren, one of them in a nested group. */
static void grow_tree(void *arg)
{
    struct tree *tree = arg;

    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            if (fork() == 0)
                setsid();
            write(tree->ready, "", 1);
            sleep_for_ever(NULL);
        }
    }
    for (size_t i = 0; i < tree->kernel->cgroup->n_members; i++) {
        int fd = tree->kernel->cgroup->members[i].fd;
        mkdirat(fd, "x", 0755);
        mkdirat(fd, "x/y", 0755);
        file_write_at(fd, "x/y/cgroup.procs", "0", 1);
    }
    write(tree->ready, "", 1);
    sleep_for_ever(NULL);
}

static void kill_tree(struct kernel *kernel, bool frozen)
{
    int end[2];
    int ready[2];
    char byte;

    assert_int_equal(pipe(end), 0);
    assert_int_equal(pipe(ready), 0);
    start(kernel, grow_tree, &(struct tree){kernel, end[1], ready[1]});
    close(end[1]);
    for (int i = 0; i < 7; i++)
        assert_int_equal(read(ready[0], &byte, 1), 1);
    if (frozen)
        assert_int_equal(run(kernel, call_freeze), 0);
    assert_int_equal(run(kernel, call_kill), 0);
    assert_int_equal(read(end[0], &byte, 1), 0); /* end of file: nobody is left */
    close(end[0]);
    close(ready[0]);
    close(ready[1]);
    int status = wait_child(kernel);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void kill_ends_all_descendants(void **state)
{
    kill_tree(get(state), false);
}

static void kill_ends_frozen_processes(void **state)
{
    kill_tree(get(state), true);
}

/* As on kernels without cgroup.kill. */
static void kill_works_with_signals_alone(void **state)
{
    struct kernel *kernel = get(state);
    struct hierarchy_spec specs[HIERARCHIES_MAX];
    struct cgroup_host *host = kernel->host;
    struct cgroup *group = kernel->cgroup;
    size_t n = 0;

    for (size_t i = 0; i < host->n_hierarchies; i++) {
        if (host->hierarchies[i].version == 1 && host->hierarchies[i].controllers == 1 << CONTROLLER_FREEZER)
            specs[n++] = (struct hierarchy_spec){1, "freezer", host->hierarchies[i].path};
    }
    if (n == 0) {
        print_message("no version 1 freezer\n");
        skip();
    }
    struct error err = {0};
    assert_int_equal(cgroup_host_new(kernel->loop, specs, n, &kernel->host, &err), 0);
    assert_int_equal(cgroup_create(kernel->host, kernel->path, &kernel->cgroup, &err), 0);
    kill_tree(kernel, false);
    cgroup_free(kernel->cgroup);
    cgroup_host_free(kernel->host);
    kernel->host = host;
    kernel->cgroup = group;
}

static void kill_child(struct timer *timer)
{
    struct kernel *kernel = CONTAINER_OF(timer, struct kernel, timer);
    kill(kernel->child, SIGKILL);
}

static void delete_waits_for_the_last_process(void **state)
{
    struct kernel *kernel = get(state);

    start(kernel, sleep_for_ever, NULL);
    kernel->timer.expired = kill_child;
    timer_start(kernel->loop, &kernel->timer, loop_deadline(kernel->loop, 20 * NSEC_PER_MSEC));
    assert_int_equal(run(kernel, call_delete), 0);
    assert_false(group_exists(kernel, kernel->path));
    wait_child(kernel);
    assert_int_equal(run(kernel, call_delete), 0);
    assert_int_equal(run(kernel, call_kill), 0);
}

static int call_delete_now(struct kernel *kernel)
{
    return cgroup_delete(kernel->cgroup, 0, NULL);
}

static void group_in_use_is_not_deleted(void **state)
{
    struct kernel *kernel = get(state);

    start(kernel, sleep_for_ever, NULL);
    assert_int_equal(run(kernel, call_delete_now), -EBUSY);
    assert_int_equal(kill(kernel->child, 0), 0);
}

static void delete_takes_leftover_groups_along(void **state)
{
    struct kernel *kernel = get(state);
    char parent[64];

    for (size_t i = 0; i < kernel->cgroup->n_members; i++) {
        int fd = kernel->cgroup->members[i].fd;
        assert_int_equal(mkdirat(fd, "x", 0755), 0);
        assert_int_equal(mkdirat(fd, "x/y", 0755), 0);
        assert_int_equal(mkdirat(fd, "z", 0755), 0);
    }
    assert_int_equal(run(kernel, call_delete), 0);
    assert_false(group_exists(kernel, kernel->path));
    snprintf(parent, sizeof(parent), "/tatami-test-%d", getpid());
    assert_false(group_exists(kernel, parent));
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

static void cycles_leave_nothing_behind(void **state)
{
    struct kernel *kernel = get(state);
    struct cgroup *group = kernel->cgroup;
    struct error err = {0};
    int descriptors = count_descriptors();

    for (int i = 0; i < 50; i++) {
        assert_int_equal(cgroup_create(kernel->host, "/tatami-test-cycle/a/b", &kernel->cgroup, &err), 0);
        assert_int_equal(run(kernel, call_delete), 0);
        cgroup_free(kernel->cgroup);
    }
    kernel->cgroup = group;
    assert_int_equal(count_descriptors(), descriptors);
    assert_false(group_exists(kernel, "/tatami-test-cycle"));
}

/* Creating a group hands controllers down from the root, which others may want back. */
static int remember_root(void **state)
{
    _buf_ struct buf enabled = BUF_INIT(4096);
    if (file_read_at(AT_FDCWD, "/sys/fs/cgroup/unified/cgroup.subtree_control", &enabled) == 0)
        *state = strdup(strstr(enabled.data, "hugetlb") ? "" : "-hugetlb");
    return 0;
}

static int restore_root(void **state)
{
    const char *change = *state ?: "";
    if (change[0])
        file_write_at(AT_FDCWD, "/sys/fs/cgroup/unified/cgroup.subtree_control", change, strlen(change));
    free(*state);
    return 0;
}

#define KERNEL_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_TEST(mode_is_that_of_the_machine),
        KERNEL_TEST(version_2_root_is_recognised),
        KERNEL_TEST(process_is_in_the_group_everywhere),
        KERNEL_TEST(process_can_be_born_in_the_group),
        KERNEL_TEST(group_in_use_is_refused),
        KERNEL_TEST(dead_process_cannot_enter),
        KERNEL_TEST(frozen_process_stands_still),
        KERNEL_TEST(empty_group_freezes),
        KERNEL_TEST(pids_limit_stops_forks),
        KERNEL_TEST(kill_for_lack_of_memory_is_reported_each_time),
        KERNEL_TEST(report_comes_for_a_nested_group),
        KERNEL_TEST(statistics_show_the_usage),
        KERNEL_TEST(kill_ends_all_descendants),
        KERNEL_TEST(kill_ends_frozen_processes),
        KERNEL_TEST(kill_works_with_signals_alone),
        KERNEL_TEST(delete_waits_for_the_last_process),
        KERNEL_TEST(group_in_use_is_not_deleted),
        KERNEL_TEST(delete_takes_leftover_groups_along),
        KERNEL_TEST(memory_limit_and_swap_move_up_and_down),
        KERNEL_TEST(quota_and_period_move_within_the_parent),
        KERNEL_TEST(usual_limits_are_accepted),
        KERNEL_TEST(cycles_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, remember_root, restore_root);
}
