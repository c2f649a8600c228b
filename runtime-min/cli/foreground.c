/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/cli/foreground.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/console.h"
#include "sys/fd.h"

static void pass_on(int signal_fd, const struct handle *handle)
{
    struct signalfd_siginfo info;

    if (sys_read(signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGPIPE)
        (void)sys_pidfd_send_signal(handle->pidfd, (int)info.ssi_signo);
}

static void attend(int signal_fd, const struct handle *handle)
{
    struct pollfd fds[] = {{.fd = handle->pidfd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};

    while (sys_poll(fds, ARRAY_SIZE(fds), -1) >= 0 && !fds[0].revents) {
        if (fds[1].revents)
            pass_on(signal_fd, handle);
    }
}

static void fill_ends(sigset_t *set)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

    sigemptyset(set);
    FOR_ROWS (sig, ends)
        sigaddset(set, *sig);
}

int foreground_defer_end(void)
{
    sigset_t ends;

    fill_ends(&ends);
    (void)sys_sigprocmask(SIG_BLOCK, &ends, NULL);
    return sys_signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

int foreground_deferred_end(int signal_fd)
{
    struct signalfd_siginfo info;
    sigset_t ends;

    int sig = sys_read(signal_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
    fill_ends(&ends);
    (void)sys_sigprocmask(SIG_UNBLOCK, &ends, NULL);
    return sig;
}

int foreground_begin(void)
{
    sigset_t all;

    sigfillset(&all);
    (void)sys_sigprocmask(SIG_BLOCK, &all, NULL);
    return sys_signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whatever the agent says of the container, it answers. */
static int ping_work(struct guest *guest, void *arg, struct error *err)
{
    struct guest_process process = {.container_id = arg, .exec_id = ""};

    int r = guest_signal(guest, &process, 0, false, err);
    return r < 0 && err->status == STATUS_UNAVAILABLE ? r : 0;
}

void cli_explain_end(struct cli *cli, struct container *container)
{
    if (cli->exit_code == HANDLE_EXIT_LOST &&
        container_with_guest(container, ping_work, (void *)(uintptr_t)container->record.guest_id, &cli->err) < 0)
        report_failure(cli);
}

int foreground_wait(int signal_fd, struct handle *handle, bool terminal)
{
    struct termios saved;

    bool is_raw = terminal && console_make_raw(0, &saved) == 0;
    attend(signal_fd, handle);
    if (is_raw)
        console_restore(0, &saved);
    return handle_wait(handle);
}
