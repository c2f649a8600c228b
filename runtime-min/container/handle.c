/* SPDX-License-Identifier: Apache-2.0 */
/* The command's side of a handle. */
#include "runtime-min/container/handle.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime-min/container/handle_private.h"
#include "runtime-min/container/unix_path.h"
#include "sys/fd.h"

static int handle_child(void *arg)
{
    return handle_main(arg);
}

int handle_spawn(const struct handle_plan *plan, struct handle *ret_handle, struct error *err)
{
    struct handle handle = HANDLE_NONE;
    int pair[2];

    int r = sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
    if (r < 0)
        return error_set(err, r, "create a socket pair");
    struct handle_start start = {.plan = plan, .control = pair[1]};
    const struct sys_join netns = {plan->netns_fd, CLONE_NEWNET};
    const struct sys_spawn args = {
        .flags = plan->new_netns ? CLONE_NEWNET : 0,
        .joins = &netns,
        .n_joins = plan->netns_fd >= 0 ? 1 : 0,
        .cgroup_fd = plan->cgroup ? cgroup_spawn_fd(plan->cgroup) : -1,
        .ret_pidfd = &handle.pidfd,
    };
    int pid = sys_spawn(&args, handle_child, &start);
    sys_close(pair[1]);
    handle.control = pair[0];
    r = pid < 0 ? pid : proc_identify(pid, &handle.proc);
    if (r < 0) {
        handle_done(&handle);
        return error_set(err, r, "start the handle process");
    }
    *ret_handle = handle;
    return 0;
}

int handle_go(struct handle *handle, struct error *err)
{
    struct handle_reply reply = {.errnum = 0};

    int r = fd_write_all(handle->control, &(char){HANDLE_GO}, 1);
    ssize_t n = r < 0 ? r : sys_read(handle->control, &reply, sizeof(reply));
    if (n != sizeof(reply))
        return error_set(err, n < 0 ? (int)n : -ECONNRESET, "start the handle process");
    reply.text[sizeof(reply.text) - 1] = '\0';
    return reply.errnum ? error_text(err, -reply.errnum, "%s", reply.text) : 0;
}

int handle_send_pidfd(const struct handle *handle, const char *path, struct error *err)
{
    return unix_path_send_fd(path, "pidfd socket", handle->pidfd, "pidfd", err);
}

void handle_release(struct handle *handle)
{
    if (handle->control >= 0)
        (void)fd_write_all(handle->control, &(char){HANDLE_RELEASE}, 1);
    fd_close(&handle->control);
}

static int collect(int pidfd)
{
    siginfo_t info = {.si_pid = 0};

    int r = sys_waitid(P_PIDFD, pidfd, &info, WEXITED);
    if (r < 0 || info.si_pid == 0)
        return 255;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

int handle_wait(struct handle *handle)
{
    int code = collect(handle->pidfd);

    fd_close(&handle->pidfd);
    return code;
}

void handle_done(struct handle *handle)
{
    if (handle->control >= 0 && handle->pidfd >= 0) {
        (void)sys_pidfd_send_signal(handle->pidfd, SIGKILL);
        (void)collect(handle->pidfd);
    }
    fd_close(&handle->pidfd);
    fd_close(&handle->control);
}
