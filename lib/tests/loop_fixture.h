/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh loop for each test, a trace of what ran, and a check that nothing is left open. */
#pragma once
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop/loop.h"

#define MSEC NSEC_PER_MSEC

static struct loop *loop;
static char trace[256];
static int fds_before;

static inline int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static inline int loop_setup(void **state)
{
    (void)state;
    trace[0] = '\0';
    fds_before = count_fds();
    return loop_new(&loop, NULL);
}

static inline int loop_teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return count_fds() == fds_before ? 0 : -1;
}

static inline void note(const char *word)
{
    size_t len = strlen(trace);

    assert_true(len + strlen(word) + 2 < sizeof(trace));
    strcpy(trace + len, word);
    strcat(trace, " ");
}

static inline void run_loop(void)
{
    struct error err = {0};

    if (loop_run(loop, &err) < 0)
        fail_msg("%s", err.text);
}

/* Runs fn in a fiber until nothing is left to do. */
static inline void run_fiber(void (*fn)(void *arg), void *arg)
{
    assert_int_equal(fiber_start(loop, "test", fn, arg, NULL), 0);
    run_loop();
}

static inline void scenario_main(void *arg)
{
    void (*const *fn)(void) = arg;

    (*fn)();
    loop_stop(loop);
}

/* Runs fn in a fiber, then ends the loop, which a reaper's own watch would keep running. */
static inline void run_scenario(void (*fn)(void))
{
    run_fiber(scenario_main, &fn);
}

/* Takes the loop's epoll instance away, to show what it does without; gives it back when called with the result. */
static inline int break_loop(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        char path[32], target[32] = {0};
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof(target) - 1) < 0 || strcmp(target, "anon_inode:[eventpoll]") != 0)
            continue;
        int saved = fcntl(fd, F_DUPFD_CLOEXEC, 512 + fd);
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup3(null, fd, O_CLOEXEC);
        close(null);
        return saved;
    }
    fail_msg("no epoll instance");
    return -1;
}

static inline void mend_loop(int saved)
{
    dup3(saved, saved - 512, O_CLOEXEC);
    close(saved);
}

#define loop_test(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
