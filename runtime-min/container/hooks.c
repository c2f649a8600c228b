/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/hooks.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "sys/fd.h"

#define SIGNALS 64
#define QUOTE_MAX 512
#define READ_CHUNK 4096
#define EXIT_NOT_RUN 127
#define TIMEOUT_MAX_S 1000000000 /* as good as none */
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

struct hook_process {
    const struct oci_hook *hook;
    const struct hook_run *run;
    int stdin_read, stderr_write; /* the child's ends */
    int stdin_fd, stderr_fd;      /* ours */
    int pid, pidfd;
    size_t written;
    char quote[QUOTE_MAX]; /* the end of what it said */
    size_t quoted;
};

static const struct {
    const char *kind;
    size_t offset;
} lists[] = {
    {"prestart", offsetof(struct oci_hooks, prestart)},
    {"createRuntime", offsetof(struct oci_hooks, create_runtime)},
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
    const struct hook_process *process = arg;
    const struct oci_hook *hook = process->hook;
    char *path_only[] = {hook->path, NULL};
    char text[QUOTE_MAX];

    (void)sys_setsid(); /* a group of its own, that a timeout can kill */
    int null = sys_openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0);
    int r = sys_dup3(process->stdin_read, 0, 0);
    if (r >= 0)
        r = sys_dup3(null, 1, 0);
    if (r >= 0)
        r = sys_dup3(process->stderr_write, 2, 0);
    if (r >= 0)
        r = sys_close_range(3, ~0U, 0);
    if (r >= 0)
        r = sys_chdir(process->run->bundle);
    fresh_signals();
    if (r >= 0)
        r = sys_execveat(AT_FDCWD, hook->path, hook->args.n ? hook->args.items : path_only,
                         hook->env.n ? hook->env.items : environ, 0);
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

    ssize_t n = process->stderr_fd >= 0 ? sys_read(process->stderr_fd, chunk, sizeof(chunk)) : 0;
    if (n > 0)
        keep(process, chunk, (size_t)n);
    else if (n != -EAGAIN)
        fd_close(&process->stderr_fd);
    return n > 0;
}

/* A hook that does not read its input is none of our business. */
static void tell(struct hook_process *process)
{
    size_t len = strlen(process->run->state);

    ssize_t n = sys_write(process->stdin_fd, process->run->state + process->written, len - process->written);
    if (n > 0)
        process->written += (size_t)n;
    if ((n < 0 && n != -EAGAIN) || process->written == len)
        fd_close(&process->stdin_fd);
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
            {.fd = process->stdin_fd, .events = POLLOUT},
            {.fd = process->stderr_fd, .events = POLLIN},
        };
        int r = sys_poll(fds, ARRAY_SIZE(fds), milliseconds_until(deadline_ns));
        if (r < 0)
            return r;
        if (fds[1].revents)
            tell(process);
        if (fds[2].revents)
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
    int len = (int)process->quoted;

    while (len > 0 && (process->quote[len - 1] == '\n' || process->quote[len - 1] == ' '))
        len--;
    if (r == -ETIMEDOUT)
        return error_text(err, r, "hook %s: %s did not finish within %lld s", process->run->kind, path,
                          (long long)process->hook->timeout_s.value);
    if (r < 0)
        return error_set(err, r, "hook %s: %s", process->run->kind, path);
    if (info->si_code != CLD_EXITED)
        return error_text(err, -EIO, "hook %s: %s was killed by signal %d", process->run->kind, path, info->si_status);
    if (info->si_status != 0)
        return error_text(err, -EIO, "hook %s: %s: exit status %d: %.*s", process->run->kind, path, info->si_status, len,
                          process->quote);
    return 0;
}

static int supervise(struct hook_process *process, struct error *err)
{
    const struct opt_i64 *timeout = &process->hook->timeout_s;
    bool is_limited = timeout->set && timeout->value < TIMEOUT_MAX_S;
    uint64_t deadline = is_limited ? sys_monotonic_ns() + (uint64_t)timeout->value * NS_PER_S : UINT64_MAX;
    siginfo_t info = {.si_pid = 0};

    int r = attend(process, deadline);
    if (r < 0) {
        (void)sys_kill(-process->pid, SIGKILL);
        (void)sys_pidfd_send_signal(process->pidfd, SIGKILL);
    }
    (void)sys_waitid(P_PIDFD, process->pidfd, &info, WEXITED);
    for (size_t n = 0; n < 64 && listen_once(process); n++)
        ;
    return judge(process, r, &info, err);
}

static int start_hook(struct hook_process *process, struct error *err)
{
    const struct sys_spawn args = {.cgroup_fd = -1, .ret_pidfd = &process->pidfd};
    int in[2], out[2];

    int r = sys_pipe2(in, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "create a pipe");
    process->stdin_read = in[0];
    process->stdin_fd = in[1];
    r = sys_pipe2(out, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "create a pipe");
    process->stderr_fd = out[0];
    process->stderr_write = out[1];
    r = sys_fcntl(process->stdin_fd, F_SETFL, O_NONBLOCK);
    if (r == 0)
        r = sys_fcntl(process->stderr_fd, F_SETFL, O_NONBLOCK);
    if (r == 0)
        r = process->pid = sys_spawn(&args, hook_child, process);
    return r < 0 ? error_set(err, r, "start the hook %s", process->hook->path) : 0;
}

static int run_one(const struct oci_hook *hook, const struct hook_run *run, struct error *err)
{
    struct hook_process process = {
        .hook = hook, .run = run, .stdin_read = -1, .stderr_write = -1, .stdin_fd = -1, .stderr_fd = -1, .pidfd = -1};

    int r = start_hook(&process, err);
    fd_close(&process.stdin_read);
    fd_close(&process.stderr_write);
    if (r == 0)
        r = supervise(&process, err);
    fd_close(&process.stdin_fd);
    fd_close(&process.stderr_fd);
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
