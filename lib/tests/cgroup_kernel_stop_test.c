/* SPDX-License-Identifier: Apache-2.0 */
/* Groups on the running kernel that are frozen and killed. */
#include "lib/tests/cgroup_kernel.h"

#include <sys/stat.h>
#include <sys/mman.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_TEST(frozen_process_stands_still),   KERNEL_TEST(empty_group_freezes),
        KERNEL_TEST(kill_ends_all_descendants),     KERNEL_TEST(kill_ends_frozen_processes),
        KERNEL_TEST(kill_works_with_signals_alone),
    };
    return cmocka_run_group_tests(tests, remember_root, restore_root);
}
