/* SPDX-License-Identifier: Apache-2.0 */
#include "hooks/hooks.h"

#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "sys/fd.h"

#define SIGNALS 64
#define QUOTE_MAX 512
#define READ_CHUNK 4096
#define EXIT_NOT_RUN 127
#define TIMEOUT_MAX_S 1000000000 /* as good as none */
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* What the child gets to know, and keeps. */
struct hook_child {
    const struct oci_hook *hook;
    const struct hook_run *run;
    int state_fd, output_fd;
    int parent;
};

struct hook_process {
    const struct oci_hook *hook;
    const struct hook_run *run;
    int output_fd;
    int pid, pidfd;
    int64_t timeout_s;         /* 0: none */
    char quote[QUOTE_MAX + 1]; /* the end of what it said */
    size_t quoted;
};

static const struct {
    const char *kind;
    size_t offset;
} lists[] = {
    {"prestart", offsetof(struct oci_hooks, prestart)},
    {"createRuntime", offsetof(struct oci_hooks, create_runtime)},
    {"createContainer", offsetof(struct oci_hooks, create_container)},
    {"startContainer", offsetof(struct oci_hooks, start_container)},
    {"poststart", offsetof(struct oci_hooks, poststart)},
    {"poststop", offsetof(struct oci_hooks, poststop)},
};

const struct oci_hook_list *hooks_of(const struct oci_hooks *hooks, const char *kind)
{
    FOR_ROWS (row, lists) {
        if (hooks && strcmp(row->kind, kind) == 0)
            return (const void *)((const char *)hooks + row->offset);
    }
    return NULL;
}

static int check_hook(const struct oci_hook *hook, const char *kind, size_t index, struct error *err)
{
    if (!hook->path || *hook->path != '/')
        return error_status(err, STATUS_INVALID_ARGUMENT, "hooks.%s[%zu].path: '%s' is not an absolute path", kind, index,
                            hook->path ?: "");
    if (hook->timeout_s.set && hook->timeout_s.value <= 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "hooks.%s[%zu].timeout: %lld is not above 0", kind, index,
                            (long long)hook->timeout_s.value);
    return 0;
}

int hooks_check(const struct oci_hooks *hooks, struct error *err)
{
    int r = 0;

    FOR_ROWS (row, lists) {
        const struct oci_hook_list *list = hooks_of(hooks, row->kind);
        for (size_t i = 0; list && i < list->n && r == 0; i++)
            r = check_hook(&list->items[i], row->kind, i, err);
    }
    return r;
}

/* ---- the child ---- */

static void fresh_signals(void)
{
    sigset_t none;

    for (int sig = 1; sig <= SIGNALS; sig++)
        (void)sys_signal(sig, SIG_DFL);
    sigemptyset(&none);
    (void)sys_sigprocmask(SIG_SETMASK, &none, NULL);
}

static int hook_child(void *arg)
{
    const struct hook_child *child = arg;
    const struct oci_hook *hook = child->hook;
    char *path_only[] = {hook->path, NULL};
    char text[QUOTE_MAX];

    /* With nobody to supervise it, it must not run. Who asks too late has another parent already. */
    (void)sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sys_getppid() != child->parent)
        return EXIT_NOT_RUN;
    (void)sys_setsid(); /* a group of its own, that a timeout can kill */
    int r = sys_dup3(child->state_fd, 0, 0);
    for (int fd = 1; fd <= 2 && r >= 0; fd++)
        r = sys_dup3(child->output_fd, fd, 0);
    if (r >= 0)
        r = sys_close_range(3, ~0U, 0);
    if (r >= 0 && child->run->directory)
        r = sys_chdir(child->run->directory);
    fresh_signals();
    if (r >= 0)
        r = sys_execveat(AT_FDCWD, hook->path, hook->args.n ? hook->args.items : path_only,
                         hook->env.n ? hook->env.items : child->run->environment, 0);
    int len = snprintf(text, sizeof(text), "%s", strerrordesc_np(-r) ?: "Unknown error");
    (void)fd_write_all(2, text, (size_t)len);
    return EXIT_NOT_RUN;
}

/* ---- the parent ---- */

/* Keeps the last bytes. */
static void keep(struct hook_process *process, const char *p, size_t len)
{
    if (len > QUOTE_MAX) {
        p += len - QUOTE_MAX;
        len = QUOTE_MAX;
    }
    size_t room = QUOTE_MAX - process->quoted;
    size_t drop = len > room ? len - room : 0;
    memmove(process->quote, process->quote + drop, process->quoted - drop);
    process->quoted -= drop;
    memcpy(process->quote + process->quoted, p, len);
    process->quoted += len;
}

/* One read; false when there is nothing now or ever. */
static bool listen_once(struct hook_process *process)
{
    char chunk[READ_CHUNK];

    ssize_t n = process->output_fd >= 0 ? sys_read(process->output_fd, chunk, sizeof(chunk)) : 0;
    if (n > 0)
        keep(process, chunk, (size_t)n);
    else if (n != -EAGAIN)
        fd_close(&process->output_fd);
    return n > 0;
}

static int milliseconds_until(uint64_t deadline_ns)
{
    uint64_t now = sys_monotonic_ns();

    if (deadline_ns == UINT64_MAX)
        return -1;
    return now >= deadline_ns ? 0 : (int)((deadline_ns - now) / NS_PER_MS % (1 << 30)) + 1;
}

/* Until the hook itself has ended: others may hold its streams. 0 or -ETIMEDOUT. */
static int attend(struct hook_process *process, uint64_t deadline_ns)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = process->pidfd, .events = POLLIN},
            {.fd = process->output_fd, .events = POLLIN},
        };
        int r = sys_poll(fds, ARRAY_SIZE(fds), milliseconds_until(deadline_ns));
        if (r < 0)
            return r;
        if (fds[1].revents)
            (void)listen_once(process);
        if (fds[0].revents)
            return 0;
        if (deadline_ns != UINT64_MAX && sys_monotonic_ns() >= deadline_ns)
            return -ETIMEDOUT;
    }
}

static int judge(struct hook_process *process, int r, const siginfo_t *info, struct error *err)
{
    const char *path = process->hook->path;

    if (r == -ETIMEDOUT)
        return error_text(err, r, "hook %s: %s did not finish within %lld s", process->run->kind, path,
                          (long long)process->timeout_s);
    if (r < 0)
        return error_set(err, r, "hook %s: %s", process->run->kind, path);
    if (info->si_code != CLD_EXITED)
        return error_text(err, -EIO, "hook %s: %s was killed by signal %d", process->run->kind, path, info->si_status);
    if (info->si_status != 0)
        return error_text(err, -EIO, "hook %s: %s: exit status %d: %s", process->run->kind, path, info->si_status,
                          process->quote);
    if (process->quote[0] && process->run->said)
        process->run->said(process->run->arg, path, process->quote);
    return 0;
}

static int supervise(struct hook_process *process, struct error *err)
{
    bool is_limited = process->timeout_s > 0 && process->timeout_s < TIMEOUT_MAX_S;
    uint64_t deadline = is_limited ? sys_monotonic_ns() + (uint64_t)process->timeout_s * NS_PER_S : UINT64_MAX;
    siginfo_t info = {.si_pid = 0};

    int r = attend(process, deadline);
    if (r < 0) {
        (void)sys_kill(-process->pid, SIGKILL);
        (void)sys_pidfd_send_signal(process->pidfd, SIGKILL);
    }
    (void)sys_waitid(P_PIDFD, process->pidfd, &info, WEXITED);
    for (size_t n = 0; n < 64 && listen_once(process); n++)
        ;
    while (process->quoted > 0 && strchr(" \n", process->quote[process->quoted - 1]))
        process->quoted--;
    process->quote[process->quoted] = '\0';
    return judge(process, r, &info, err);
}

/* The state as a file: nobody has to wait until the hook reads it. */
static int open_state(const char *state)
{
    _close_ int fd = sys_memfd_create("state.json", MFD_CLOEXEC);
    ssize_t n = fd < 0 ? fd : sys_pwrite(fd, state, strlen(state), 0);

    return n < 0 ? (int)n : fd_take(&fd);
}

static int run_one(const struct oci_hook *hook, const struct hook_run *run, struct error *err)
{
    struct hook_process process = {.hook = hook, .run = run, .output_fd = -1, .pidfd = -1};
    process.timeout_s = hook->timeout_s.set ? hook->timeout_s.value : run->timeout_s;
    const struct sys_spawn args = {.cgroup_fd = -1, .ret_pidfd = &process.pidfd};
    int out[2];

    _close_ int state = open_state(run->state);
    if (state < 0)
        return error_set(err, state, "write the state for the hook %s", hook->path);
    int r = sys_pipe2(out, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "create a pipe for the hook %s", hook->path);
    struct hook_child child = {hook, run, state, out[1], sys_getpid()};
    process.output_fd = out[0];
    r = sys_fcntl(out[0], F_SETFL, O_NONBLOCK);
    if (r == 0)
        r = process.pid = sys_spawn(&args, hook_child, &child);
    (void)sys_close(out[1]);
    r = r < 0 ? error_set(err, r, "start the hook %s", hook->path) : supervise(&process, err);
    fd_close(&process.output_fd);
    fd_close(&process.pidfd);
    return r;
}

int hooks_run(const struct oci_hook_list *hooks, const struct hook_run *run, struct error *err)
{
    int first = 0;

    for (size_t i = 0; i < hooks->n && (first == 0 || run->keeps_going); i++) {
        int r = run_one(&hooks->items[i], run, first == 0 ? err : NULL);
        first = first ?: r;
    }
    return first;
}
