/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing groups in both versions. Reaching the state takes a moment, so the cases wait for it. */
#include "mocks/tests/cgroups.h"
#include "mocks/tests/tasks.h"

struct version {
    const char *label, *controllers;
    const char *file, *freeze, *thaw;        /* what is written */
    const char *state, *frozen, *not_frozen; /* where the state shows */
};

static const struct version versions[] = {
    {"version 1", "freezer", "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN\n", "THAWED\n"},
    {"version 2", NULL, "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1\n", "frozen 0\n"},
};

/* Counts in the pipe until it is killed. */
static int count(void *arg)
{
    const int *pipe = arg;
    for (;;) {
        if (sys_write(pipe[1], "x", 1) != 1)
            return 1;
        sys_nanosleep(1000000);
    }
}

static void drain(int fd)
{
    char text[4096];

    while (sys_read(fd, text, sizeof(text)) > 0)
        ;
}

CONFORM_CASE(a_frozen_process_does_not_run)
{
    FOR_CASES(row, versions)
    {
        int root = hierarchy(row->controllers), pipe[2];
        struct test_group group = group_in(root);
        char byte;
        expect(sys_pipe2(pipe, O_CLOEXEC | O_NONBLOCK), 0);
        int pid = spawn(count, pipe);
        expect(put_pid(group.dir, "cgroup.procs", pid), 0);
        expect(put(group.dir, row->file, row->freeze), 0);
        expect_true(comes(group.dir, row->state, row->frozen));
        drain(pipe[0]);
        sys_nanosleep(20000000);
        expect(sys_read(pipe[0], &byte, 1), -EAGAIN);
        expect(put(group.dir, row->file, row->thaw), 0);
        expect_true(comes(group.dir, row->state, row->not_frozen));
        expect(sys_poll(&(struct pollfd){.fd = pipe[0], .events = POLLIN}, 1, 5000), 1);
        expect(sys_read(pipe[0], &byte, 1), 1);
        kill_and_collect(pid);
        group_end(&group);
    }
}

CONFORM_CASE(killing_a_frozen_process)
{
    FOR_CASES(row, versions)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root);
        siginfo_t info = {0};
        int pid = spawn(sleep_for_ever, NULL);
        expect(put_pid(group.dir, "cgroup.procs", pid), 0);
        expect(put(group.dir, row->file, row->freeze), 0);
        expect_true(comes(group.dir, row->state, row->frozen));
        expect(sys_kill(pid, SIGKILL), 0);
        if (row->controllers) { /* version 1 holds it back */
            sys_nanosleep(20000000);
            expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
            expect(info.si_pid, 0);
        } else {
            expect(collect(pid), -SIGKILL);
        }
        expect(put(group.dir, row->file, row->thaw), 0);
        if (row->controllers)
            expect(collect(pid), -SIGKILL);
        group_end(&group);
    }
}

CONFORM_CASE(the_state_of_a_frozen_process)
{
    static const struct {
        const char *label;
        size_t version;
        bool stopped;
        char frozen, thawed;
    } rows[] = {
        {"version 1, asleep", 0, false, 'D', 'S'},
        {"version 1, stopped", 0, true, 'D', 'T'},
        {"version 2, asleep", 1, false, 'S', 'S'},
        {"version 2, stopped", 1, true, 'T', 'T'},
    };

    FOR_CASES(row, rows)
    {
        const struct version *version = &versions[row->version];
        struct test_group group = group_in(hierarchy(version->controllers));
        siginfo_t info;
        int pid = spawn(sleep_for_ever, NULL);
        expect(put_pid(group.dir, "cgroup.procs", pid), 0);
        expect(settles(pid, 'S'), 'S');
        if (row->stopped) {
            expect(sys_kill(pid, SIGSTOP), 0);
            expect(sys_waitid(P_PID, pid, &info, WSTOPPED), 0);
        }
        expect(put(group.dir, version->file, version->freeze), 0);
        expect_true(comes(group.dir, version->state, version->frozen));
        expect(state_of(pid), row->frozen);
        expect(put(group.dir, version->file, version->thaw), 0);
        expect_true(comes(group.dir, version->state, version->not_frozen));
        expect(settles(pid, row->thawed), row->thawed);
        kill_and_collect(pid);
        group_end(&group);
    }
}

CONFORM_CASE(signals_to_a_frozen_process)
{
    static const struct {
        const char *label;
        size_t version;
        int sig;
        bool at_once;
    } rows[] = {
        {"version 1, SIGTERM", 0, SIGTERM, false}, {"version 2, SIGTERM", 1, SIGTERM, true},
        {"version 1, SIGABRT", 0, SIGABRT, false}, {"version 2, SIGABRT dumps core", 1, SIGABRT, false},
        {"version 2, SIGUSR1", 1, SIGUSR1, true},  {"version 1, SIGHUP", 0, SIGHUP, false},
    };

    FOR_CASES(row, rows)
    {
        const struct version *version = &versions[row->version];
        int root = hierarchy(version->controllers);
        struct test_group group = group_in(root);
        siginfo_t info = {0};
        int pid = spawn(sleep_for_ever, NULL);
        expect(put_pid(group.dir, "cgroup.procs", pid), 0);
        expect(put(group.dir, version->file, version->freeze), 0);
        expect_true(comes(group.dir, version->state, version->frozen));
        expect(sys_kill(pid, row->sig), 0);
        if (!row->at_once)
            sys_nanosleep(20000000);
        expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT | (row->at_once ? 0 : WNOHANG)), 0);
        expect(info.si_pid, row->at_once ? pid : 0);
        expect(put(group.dir, version->file, version->thaw), 0);
        expect(collect(pid), -row->sig);
        group_end(&group);
    }
}

CONFORM_CASE(a_group_below_freezes_too)
{
    FOR_CASES(row, versions)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root), below = group_in(group.dir);
        int pid = spawn(sleep_for_ever, NULL);
        expect(put_pid(below.dir, "cgroup.procs", pid), 0);
        expect(put(group.dir, row->file, row->freeze), 0);
        expect_true(comes(group.dir, row->state, row->frozen));
        expect_true(comes(below.dir, row->state, row->frozen));
        expect(put(below.dir, row->file, row->thaw), 0); /* the request above stays */
        expect_true(comes(below.dir, row->state, row->frozen));
        expect(put(group.dir, row->file, row->thaw), 0);
        expect_true(comes(below.dir, row->state, row->not_frozen));
        kill_and_collect(pid);
        group_end(&below);
        group_end(&group);
    }
}

CONFORM_CASE(who_comes_in_is_frozen_who_leaves_runs)
{
    FOR_CASES(row, versions)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root);
        expect(put(group.dir, row->file, row->freeze), 0);
        expect_true(comes(group.dir, row->state, row->frozen));
        int pid = spawn(sleep_for_ever, NULL);
        expect(put_pid(group.dir, "cgroup.procs", pid), 0);
        expect_true(comes(group.dir, row->state, row->frozen));
        expect(put_pid(root, "cgroup.procs", pid), 0);
        expect(sys_kill(pid, SIGABRT), 0); /* would wait in there */
        expect(collect(pid), -SIGABRT);
        expect(put(group.dir, row->file, row->thaw), 0);
        group_end(&group);
    }
}

CONFORM_CASE(an_empty_group_freezes_at_once)
{
    FOR_CASES(row, versions)
    {
        int root = hierarchy(row->controllers);
        struct test_group group = group_in(root);
        expect(put(group.dir, row->file, row->freeze), 0);
        expect_true(strstr(text_of(group.dir, row->state), row->frozen) != NULL);
        expect(put(group.dir, row->file, row->thaw), 0);
        expect_true(strstr(text_of(group.dir, row->state), row->not_frozen) != NULL);
        group_end(&group);
    }
}

CONFORM_CASE(version_1_shows_who_asked)
{
    int root = hierarchy("freezer");
    struct test_group group = group_in(root), below = group_in(group.dir);

    expect(put(group.dir, "freezer.state", "FROZEN"), 0);
    expect_text(text_of(group.dir, "freezer.self_freezing"), "1\n");
    expect_text(text_of(group.dir, "freezer.parent_freezing"), "0\n");
    expect_text(text_of(below.dir, "freezer.self_freezing"), "0\n");
    expect_text(text_of(below.dir, "freezer.parent_freezing"), "1\n");
    expect_text(text_of(below.dir, "freezer.state"), "FROZEN\n");
    expect(put(group.dir, "freezer.state", "THAWED"), 0);
    expect_text(text_of(below.dir, "freezer.state"), "THAWED\n");
    group_end(&below);
    group_end(&group);
}

CONFORM_CASE(version_2_tells_when_it_is_frozen)
{
    int root = hierarchy(NULL);
    struct test_group group = group_in(root);
    int pid = spawn(sleep_for_ever, NULL);
    char text[64];

    expect(put_pid(group.dir, "cgroup.procs", pid), 0);
    int fd = sys_openat(group.dir, "cgroup.events", O_RDONLY | O_CLOEXEC, 0);
    expect_true(sys_read(fd, text, sizeof(text)) > 0);
    expect(put(group.dir, "cgroup.freeze", "1"), 0);
    ssize_t n = sys_pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (!strstr(text, "frozen 1")) {
        struct pollfd wait = {.fd = fd, .events = POLLPRI};
        expect(sys_poll(&wait, 1, 1000), 1);
    }
    expect_true(comes(group.dir, "cgroup.events", "populated 1\nfrozen 1\n"));
    expect(put(group.dir, "cgroup.kill", "1"), 0);
    expect(collect(pid), -SIGKILL);
    expect_text(text_of(group.dir, "cgroup.freeze"), "1\n");
    sys_close(fd);
    group_end(&group);
}
