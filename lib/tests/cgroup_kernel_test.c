/* SPDX-License-Identifier: Apache-2.0 */
/* Groups on the running kernel: made, entered, removed. */
#include "lib/tests/cgroup_kernel.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_TEST(mode_is_that_of_the_machine),
        KERNEL_TEST(version_2_root_is_recognised),
        KERNEL_TEST(process_is_in_the_group_everywhere),
        KERNEL_TEST(process_can_be_born_in_the_group),
        KERNEL_TEST(group_in_use_is_refused),
        KERNEL_TEST(dead_process_cannot_enter),
        KERNEL_TEST(delete_waits_for_the_last_process),
        KERNEL_TEST(group_in_use_is_not_deleted),
        KERNEL_TEST(delete_takes_leftover_groups_along),
        KERNEL_TEST(cycles_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, remember_root, restore_root);
}
