/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/debug_console.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "agent/guest/boot.h"
#include "agent/guest/peer.h"
#include "sys/fd.h"
#include "ttrpc/address.h"

#define SESSIONS_MAX 8
#define CHUNK 4096
#define SUBSYSTEM "debug-console"

static const char *const shells[] = {"/run/kata-extensions/devkit/bin/devkit-sh", "/bin/bash", "/bin/sh"};

/* The shell reads it after its birth: it stays as it is until the shell has ended. */
struct shell_start {
    const char *shell;
    const char *option; /* or NULL */
    int tty;
};

struct session {
    struct list link;
    struct debug_console *console;
    int socket, typed_from; /* the connection, and a copy of it for the other direction */
    int master, typed_to;   /* the terminal, likewise */
    struct shell_start start;
    struct child *shell;
    struct fiber *show; /* terminal to connection; NULL: ended */
    struct fiber *type; /* connection to terminal */
};

/* ---- the shell ---- */

static int shell_main(void *arg)
{
    const struct shell_start *start = arg;
    char *const argv[] = {(char *)(uintptr_t)start->shell, (char *)(uintptr_t)start->option, NULL};
    char *const envp[] = {(char *)(uintptr_t) "PATH=" BOOT_PATH, (char *)(uintptr_t) "TERM=linux", (char *)(uintptr_t) "HOME=/",
                          NULL};

    (void)sys_setsid();
    for (int fd = 0; fd <= 2; fd++) {
        if (sys_dup3(start->tty, fd, 0) < 0)
            return 126;
    }
    (void)sys_ioctl(STDIN_FILENO, TIOCSCTTY, (void *)1);
    (void)sys_close_range(3, UINT_MAX, 0);
    (void)sys_execveat(AT_FDCWD, start->shell, argv, envp, 0);
    return 127;
}

static int start_shell(struct reaper *reaper, struct shell_start *start, struct child **ret_shell, struct error *err)
{
    struct sys_spawn args = {.cgroup_fd = -1};

    int r = reaper_spawn(reaper, &args, shell_main, start, ret_shell, err);
    return r < 0 ? error_wrap(err, "start '%s'", start->shell) : 0;
}

/* ---- one connection ---- */

static int write_all(struct loop *loop, int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = sys_write(fd, p, len);
        if (n == -EAGAIN) {
            int r = fiber_wait_fd(loop, fd, EPOLLOUT, NO_DEADLINE);
            if (r < 0)
                return r;
            continue;
        }
        if (n < 0)
            return (int)n;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Until one of them ends, or the fiber is cancelled. */
static void copy(struct loop *loop, int from, int to)
{
    char chunk[CHUNK];

    for (;;) {
        if (fiber_wait_fd(loop, from, EPOLLIN, NO_DEADLINE) < 0)
            return;
        ssize_t n = sys_read(from, chunk, sizeof(chunk));
        if (n == -EAGAIN)
            continue;
        if (n <= 0 || write_all(loop, to, chunk, (size_t)n) < 0)
            return;
    }
}

static void session_free(struct session *session)
{
    struct debug_console *console = session->console;

    child_free(session->shell);
    fd_close(&session->socket);
    fd_close(&session->typed_from);
    fd_close(&session->master);
    fd_close(&session->typed_to);
    list_remove(&session->link);
    console->n_sessions--;
    free(session);
    waitq_wake_all(&console->ended);
}

/* One direction has ended: the other one has to, and the last one cleans up. */
static void direction_ended(struct session *session, struct fiber *other)
{
    if (other)
        fiber_cancel(other);
    else
        session_free(session);
}

static void type(void *arg)
{
    struct session *session = arg;

    copy(reaper_loop(session->console->reaper), session->typed_from, session->typed_to);
    session->type = NULL;
    direction_ended(session, session->show);
}

static void show(void *arg)
{
    struct session *session = arg;

    copy(reaper_loop(session->console->reaper), session->master, session->socket);
    session->show = NULL;
    direction_ended(session, session->type);
}

/* A new terminal: its master in the session, its slave in *ret_tty. */
static int open_terminal(struct session *session, int *ret_tty, struct error *err)
{
    int unlock = 0;

    session->master = sys_openat(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0);
    if (session->master < 0)
        return error_set(err, session->master, "open /dev/ptmx");
    int r = sys_ioctl(session->master, TIOCSPTLCK, &unlock);
    if (r == 0)
        r = sys_ioctl(session->master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (r < 0)
        return error_set(err, r, "open the terminal");
    *ret_tty = r;
    return 0;
}

static int copy_descriptor(int fd, int *ret_copy, struct error *err)
{
    *ret_copy = sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *ret_copy < 0 ? error_set(err, *ret_copy, "copy a descriptor") : 0;
}

static int session_start(struct session *session, struct error *err)
{
    struct loop *loop = reaper_loop(session->console->reaper);
    _close_ int tty = -1;

    int r = open_terminal(session, &tty, err);
    if (r == 0)
        r = copy_descriptor(session->socket, &session->typed_from, err);
    if (r == 0)
        r = copy_descriptor(session->master, &session->typed_to, err);
    session->start = (struct shell_start){.shell = session->console->shell, .tty = tty};
    if (r == 0)
        r = start_shell(session->console->reaper, &session->start, &session->shell, err);
    if (r < 0)
        return r;
    r = fiber_start(loop, "debug console: show", show, session, &session->show);
    if (r < 0)
        return error_set(err, r, "start a fiber");
    if (fiber_start(loop, "debug console: type", type, session, &session->type) < 0)
        fiber_cancel(session->show); /* which frees the session */
    return 0;
}

static void session_new(struct debug_console *console, int accepted)
{
    struct session *session = malloc(sizeof(*session));
    struct error err = {.errnum = 0};

    if (!session)
        abort();
    *session = (struct session){.console = console, .socket = accepted, .typed_from = -1, .master = -1, .typed_to = -1};
    list_append(&console->sessions, &session->link);
    console->n_sessions++;
    if (session_start(session, &err) == 0)
        return;
    log_warning(console->log, SUBSYSTEM, "%s", err.text);
    session_free(session);
}

static int accept_session(struct debug_console *console)
{
    _close_ int fd = sys_accept4(console->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return fd == -EAGAIN || fd == -ECONNABORTED ? 0 : fd;
    if (peer_is_host(fd) && console->n_sessions < SESSIONS_MAX)
        session_new(console, fd_take(&fd));
    return 0;
}

/* A machine that is short of something for a moment is asked again. */
static void accept_sessions(void *arg)
{
    struct debug_console *console = arg;
    struct loop *loop = reaper_loop(console->reaper);
    int r = 0;

    while (r != -ECANCELED) {
        r = fiber_wait_fd(loop, console->listen_fd, EPOLLIN, NO_DEADLINE);
        if (r > 0)
            r = accept_session(console);
        if (r < 0 && r != -ECANCELED)
            r = fiber_sleep_until(loop, loop_deadline(loop, NSEC_PER_SEC));
    }
    console->acceptor = NULL;
    waitq_wake_all(&console->ended);
}

static int listen_on_port(struct debug_console *console, uint32_t port, struct error *err)
{
    struct address address;
    char text[32];

    snprintf(text, sizeof(text), "vsock://-1:%u", port);
    int r = address_parse(text, &address, err);
    if (r == 0)
        r = console->listen_fd = address_listen(&address, err);
    return r < 0 ? r : 0;
}

/* ---- /dev/console ---- */

static void run_on_console(void *arg)
{
    struct debug_console *console = arg;
    struct error err = {.errnum = 0};
    struct child *shell = NULL;

    _close_ int tty = sys_openat(AT_FDCWD, "/dev/console", O_RDWR | O_CLOEXEC, 0);
    struct shell_start start = {.shell = console->shell, .option = "-i", .tty = tty};
    int r = tty < 0 ? error_set(&err, tty, "open /dev/console") : start_shell(console->reaper, &start, &shell, &err);
    if (r < 0)
        log_warning(console->log, SUBSYSTEM, "%s", err.text);
    else
        (void)child_wait(shell, NO_DEADLINE);
    child_free(shell);
    console->acceptor = NULL;
    waitq_wake_all(&console->ended);
}

/* ---- life ---- */

static const char *find_shell(void)
{
    FOR_ROWS (shell, shells) {
        if (sys_faccessat(AT_FDCWD, *shell, X_OK, 0) == 0)
            return *shell;
    }
    return NULL;
}

int debug_console_start(struct debug_console *console, struct reaper *reaper, const struct logger *log, uint32_t port,
                        struct error *err)
{
    *console = (struct debug_console){.reaper = reaper, .log = log, .shell = find_shell(), .listen_fd = -1};
    list_init(&console->sessions);
    waitq_init(&console->ended);
    if (!console->shell)
        return error_text(err, -ENOENT, "no shell found to launch debug console");
    int r = port ? listen_on_port(console, port, err) : 0;
    if (r == 0)
        r = fiber_start(reaper_loop(reaper), "debug console", port ? accept_sessions : run_on_console, console,
                        &console->acceptor);
    if (r < 0)
        fd_close(&console->listen_fd);
    return r;
}

void debug_console_stop(struct debug_console *console)
{
    struct session *session;

    if (!console->reaper)
        return;
    if (console->acceptor)
        fiber_cancel(console->acceptor);
    LIST_FOREACH (session, &console->sessions, link) {
        if (session->show)
            fiber_cancel(session->show);
        if (session->type)
            fiber_cancel(session->type);
    }
    while (console->acceptor || console->n_sessions > 0)
        (void)waitq_wait(reaper_loop(console->reaper), &console->ended, NO_DEADLINE);
    fd_close(&console->listen_fd);
}
