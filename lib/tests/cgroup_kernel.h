/* SPDX-License-Identifier: Apache-2.0 */
/* A control group on the running kernel, whatever layout it has, for each test. Needs root and writable cgroup file systems. */
#pragma once
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"
#include "sys/fd.h"

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

static inline int setup(void **state)
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

static inline void run_main(void *arg)
{
    struct kernel *kernel = arg;
    kernel->result = kernel->call(kernel);
}

static inline int run(struct kernel *kernel, int (*call)(struct kernel *kernel))
{
    kernel->call = call;
    kernel->err = (struct error){0};
    fiber_run(kernel->loop, run_main, kernel);
    if (kernel->result < 0 && kernel->err.text[0])
        printf("%s\n", kernel->err.text);
    return kernel->result;
}

static inline uint64_t soon(struct kernel *kernel)
{
    return loop_deadline(kernel->loop, 20 * NSEC_PER_SEC);
}

static inline int call_freeze(struct kernel *kernel)
{
    return cgroup_freeze(kernel->cgroup, soon(kernel), &kernel->err);
}

static inline int call_thaw(struct kernel *kernel)
{
    return cgroup_thaw(kernel->cgroup, &kernel->err);
}

static inline int call_kill(struct kernel *kernel)
{
    return cgroup_kill(kernel->cgroup, &kernel->err);
}

static inline int call_delete(struct kernel *kernel)
{
    return cgroup_delete(kernel->cgroup, soon(kernel), &kernel->err);
}

static inline int teardown(void **state)
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

static inline struct kernel *get(void **state)
{
    struct kernel *kernel = *state;
    if (!kernel->cgroup)
        skip();
    return kernel;
}

/* Starts fn(arg) in a child that enters the group first. */
static inline pid_t start(struct kernel *kernel, void (*fn)(void *arg), void *arg)
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

static inline int wait_child(struct kernel *kernel)
{
    int status;

    assert_int_equal(waitpid(kernel->child, &status, 0), kernel->child);
    kernel->child = 0;
    return status;
}

static inline void sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

/* Content of a control file of the group, without its newline. */
static inline const char *control(const struct member *member, const char *file, char text[256])
{
    int fd = openat(member->fd, file, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, 255) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n - 1 : 0] = '\0';
    return text;
}

static inline bool has_v1(struct kernel *kernel, enum controller controller)
{
    const struct member *member = cgroup_member(kernel->cgroup, controller);
    return member && member->hierarchy->version == 1;
}

/* Creating a group hands controllers down from the root, which others may want back. */
static inline int remember_root(void **state)
{
    _buf_ struct buf enabled = BUF_INIT(4096);
    if (file_read_at(AT_FDCWD, "/sys/fs/cgroup/unified/cgroup.subtree_control", &enabled) == 0)
        *state = strdup(strstr(enabled.data, "hugetlb") ? "" : "-hugetlb");
    return 0;
}

static inline int restore_root(void **state)
{
    const char *change = *state ?: "";
    if (change[0])
        file_write_at(AT_FDCWD, "/sys/fs/cgroup/unified/cgroup.subtree_control", change, strlen(change));
    free(*state);
    return 0;
}

#define KERNEL_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
