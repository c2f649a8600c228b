/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tests/support/bundle.h"
#include "ttrpc/address.h"

#define CONNECT_TRIES 500
#define CONNECT_PAUSE_US 10000
#define RIG_ARENA_BYTES (256 * 1024 * 1024)

/* ---- the agent's process ---- */

static const char *agent_binary(void)
{
    const char *path = getenv("TATAMI_AGENT");
    return path ?: "build/debug/tatami-agent";
}

static void die(const char *what)
{
    fprintf(stderr, "rig: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void exec_agent(const struct rig *rig)
{
    char address[128], base[128];

    snprintf(address, sizeof(address), "unix://%s", rig->socket);
    snprintf(base, sizeof(base), "%s/run", rig->dir);
    const char *argv[] = {agent_binary(), "--server-addr", address, "--base-dir", base, "--config", rig->config, NULL};
    if (!*rig->config)
        argv[5] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    die(argv[0]);
}

/* PID 1 of the rig: passes TERM on, collects orphans, ends with the agent's status. */
static int agent_in_init;

static void forward_signal(int sig)
{
    kill(agent_in_init, sig);
}

static void run_init(const struct rig *rig)
{
    int status = 0, agent_status = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing running */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
        die("mount /proc");
    agent_in_init = fork();
    if (agent_in_init < 0)
        die("fork");
    if (agent_in_init == 0)
        exec_agent(rig);
    signal(SIGTERM, forward_signal);
    for (int pid; (pid = wait(&status)) > 0 || errno == EINTR;) {
        if (pid != agent_in_init)
            continue;
        agent_status = status;
        break;
    }
    _exit(WIFEXITED(agent_status) ? WEXITSTATUS(agent_status) : 128 + WTERMSIG(agent_status));
}

static int spawn_init(const struct rig *rig)
{
    int pid = fork();
    if (pid < 0)
        return -errno;
    if (pid > 0)
        return pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
        die("unshare");
    int init = fork();
    if (init < 0)
        die("fork");
    if (init == 0)
        run_init(rig);
    /* Between the namespaces: the death of either side ends both. */
    int status;
    agent_in_init = init;
    signal(SIGTERM, forward_signal);
    while (waitpid(init, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* The agent is the only grandchild's child; found through /proc. */
static int only_child(int pid)
{
    char path[64], text[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        return -1;
    close(fd);
    return atoi(text);
}

static int connect_agent(const struct rig *rig, struct error *err)
{
    char text[128];
    struct address address;

    snprintf(text, sizeof(text), "unix://%s", rig->socket);
    if (address_parse(text, &address, err) < 0)
        return -EINVAL;
    for (int i = 0; i < CONNECT_TRIES; i++) {
        int fd = address_connect(&address, err);
        if (fd >= 0)
            return fd;
        if (waitpid(rig->init_pid, NULL, WNOHANG) != 0)
            return error_text(err, -ECHILD, "the agent died before it listened");
        usleep(CONNECT_PAUSE_US);
    }
    return -ETIMEDOUT;
}

/* ---- a test's life ---- */

static void write_config(struct rig *rig, const char *text)
{
    snprintf(rig->config, sizeof(rig->config), "%s/agent.toml", rig->dir);
    int fd = open(rig->config, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void rig_up(struct rig *rig, const char *name, const char *config)
{
    struct error err = {.errnum = 0};

    *rig = (struct rig){.test = name, .dir = "/tmp/tatami-XXXXXX"};
    assert_non_null(mkdtemp(rig->dir));
    chmod(rig->dir, 0755);
    rig->arena = arena_new(RIG_ARENA_BYTES);
    snprintf(rig->rootfs, sizeof(rig->rootfs), "%s/rootfs", rig->dir);
    snprintf(rig->socket, sizeof(rig->socket), "%s/agent.sock", rig->dir);
    snprintf(rig->cgroup, sizeof(rig->cgroup), "/tatami-test-%s", strrchr(rig->dir, '-') + 1);
    bundle_make_rootfs(rig->rootfs);
    if (config)
        write_config(rig, config);
    rig->init_pid = spawn_init(rig);
    assert_true(rig->init_pid > 0);
    int fd = connect_agent(rig, &err);
    if (fd < 0)
        fail_msg("connect to the agent: %s", err.text);
    rig->agent_pid = only_child(only_child(rig->init_pid));
    assert_int_equal(loop_new(&rig->loop, &err), 0);
    assert_int_equal(ttrpc_client_new(rig->loop, fd, &rig->client, &err), 0);
}

static int stop_agent(struct rig *rig)
{
    int status = 0;

    kill(rig->init_pid, SIGTERM);
    for (int i = 0; i < CONNECT_TRIES; i++) {
        if (waitpid(rig->init_pid, &status, WNOHANG) == rig->init_pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        usleep(CONNECT_PAUSE_US);
    }
    kill(rig->init_pid, SIGKILL);
    waitpid(rig->init_pid, &status, 0);
    return -ETIMEDOUT;
}

int rig_agent_exit_code(struct rig *rig)
{
    siginfo_t info = {.si_pid = 0};

    for (int i = 0; i < CONNECT_TRIES && info.si_pid == 0; i++) {
        usleep(CONNECT_PAUSE_US);
        assert_int_equal(waitid(P_PID, (id_t)rig->init_pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    }
    if (info.si_pid == 0)
        fail_msg("the agent did not end");
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

struct body {
    struct rig *rig;
    void (*fn)(struct rig *rig);
    bool done;
};

static void body_fiber(void *arg)
{
    struct body *body = arg;

    body->fn(body->rig);
    body->done = true;
    ttrpc_client_free(body->rig->client);
    body->rig->client = NULL;
    loop_stop(body->rig->loop);
}

void rig_run(void **state, const char *name, const char *config, void (*fn)(struct rig *rig))
{
    struct rig rig;
    struct body body = {.rig = &rig, .fn = fn};
    struct error err = {.errnum = 0};
    (void)state;

    if (geteuid() != 0) {
        print_message("[  SKIP    ] %s: needs root\n", name);
        skip();
    }
    rig_up(&rig, name, config);
    assert_int_equal(fiber_start(rig.loop, name, body_fiber, &body, NULL), 0);
    assert_int_equal(loop_run(rig.loop, &err), 0);
    assert_true(body.done);
    loop_free(rig.loop);
    int exit_code = stop_agent(&rig);
    bundle_check_cgroup_gone(rig.cgroup);
    bundle_remove(rig.dir);
    arena_free(rig.arena);
    if (exit_code != 0)
        fail_msg("the agent ended with %d instead of 0 after SIGTERM", exit_code);
}
