/* SPDX-License-Identifier: Apache-2.0 */
/* The handle process itself. */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <asm/ioctls.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "runtime-min/container/console.h"
#include "runtime-min/container/handle_private.h"
#include "runtime-min/container/relay.h"
#include "sys/fd.h"

#define CONTROL_FD 3
#define REPLY_BYTES 65536
#define EXIT_BY_ITSELF 128 /* and less: behind it are those of signals, and of a machine that is gone */
/* How long a reader that takes nothing holds the exit, when more is left than its pipe holds. Without a machine a program would
 * itself wait for its reader; one that is killed does not any more. */
#define READER_NS (10 * NSEC_PER_SEC)
#define KILLED_NS NSEC_PER_SEC
#define EXIT_REMOVED 137 /* the container was removed while it ran: killed */
#define EXECS_NS (3 * NSEC_PER_SEC)

struct handle_process {
    const struct handle_plan *plan;
    struct guest guest;
    struct relay relay;
    int enrolment; /* held open */
    int signal_fd;
    int execs; /* -1: none */
    struct fiber *signals;
    struct fiber *orders;
    struct waitq ended;
    int exit_code;
};

/* ---- signals ---- */

static void resize(struct handle_process *handle)
{
    struct error err = {.errnum = 0};
    unsigned int rows, columns;
    int fd = 0;

    while (fd < 3 && !console_size(fd, &rows, &columns))
        fd++;
    if (handle->plan->terminal && fd < 3)
        (void)guest_resize(&handle->guest, &handle->plan->process, rows, columns, &err);
}

static void forward(struct handle_process *handle, int sig)
{
    struct error err = {.errnum = 0};

    if (sig == SIGWINCH)
        resize(handle);
    else if (sig != SIGCHLD && sig != SIGPIPE)
        (void)guest_signal(&handle->guest, &handle->plan->process, sig, false, &err);
}

/* Signals that came before the process existed in the guest are still in the descriptor. */
static void signals_fiber(void *arg)
{
    struct handle_process *handle = arg;
    struct signalfd_siginfo info;

    while (fiber_wait_fd(handle->guest.loop, handle->signal_fd, EPOLLIN, NO_DEADLINE) > 0) {
        if (sys_read(handle->signal_fd, &info, sizeof(info)) == sizeof(info))
            forward(handle, (int)info.ssi_signo);
    }
    handle->signals = NULL;
    waitq_wake_all(&handle->ended);
}

static int take_signals(struct handle_process *handle)
{
    sigset_t all;

    sigfillset(&all);
    int r = sys_sigprocmask(SIG_BLOCK, &all, NULL);
    if (r < 0)
        return r;
    handle->signal_fd = sys_signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return handle->signal_fd;
}

/* ---- the command ---- */

/* The command died before it released the handle: nobody would know the container. Whoever the handle is enrolled with kills
 * the process in the guest. */
static void orders_fiber(void *arg)
{
    struct handle_process *handle = arg;
    char order = 0;

    int r = fiber_wait_fd(handle->guest.loop, CONTROL_FD, EPOLLIN, NO_DEADLINE);
    if (r > 0 && (sys_read(CONTROL_FD, &order, 1) != 1 || order != HANDLE_RELEASE))
        sys_exit(EXIT_REMOVED);
    if (r > 0)
        (void)sys_close(CONTROL_FD);
    handle->orders = NULL;
    waitq_wake_all(&handle->ended);
}

static void answer(const struct error *err)
{
    struct handle_reply reply = {.errnum = err->errnum};

    memcpy(reply.text, err->text, sizeof(reply.text));
    (void)fd_write_all(CONTROL_FD, &reply, sizeof(reply));
}

static int connect_all(struct handle_process *handle, struct error *err)
{
    const struct handle_plan *plan = handle->plan;

    handle->enrolment = plan->enrol ? plan->enrol(plan->arg, err) : -1;
    if (plan->enrol && handle->enrolment < 0)
        return handle->enrolment;
    int fd = guest_dial_agent(plan->guest, err);
    return fd < 0 ? fd : ttrpc_client_new(handle->guest.loop, fd, &handle->guest.client, err);
}

/* ---- life ---- */

static int wait_for_status(struct handle_process *handle)
{
    Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
    _arena_ struct arena *a = arena_new(REPLY_BYTES);
    struct error err = {.errnum = 0};
    ProtobufCMessage *reply = NULL;

    request.container_id = (char *)(uintptr_t)handle->plan->process.container_id;
    request.exec_id = (char *)(uintptr_t)handle->plan->process.exec_id;
    int r =
        guest_call(&handle->guest, "WaitProcess", &request.base, &grpc__wait_process_response__descriptor, a, 0, &reply, &err);
    if (r < 0)
        return err.status == STATUS_UNAVAILABLE ? HANDLE_EXIT_LOST : EXIT_REMOVED;
    return ((const Grpc__WaitProcessResponse *)(const void *)reply)->status & 0xff;
}

static bool is_of_container(const struct handle_plan *plan)
{
    return !*plan->process.exec_id;
}

static int open_execs(const struct handle_plan *plan)
{
    int end = is_of_container(plan) ? O_RDONLY : O_WRONLY;

    return plan->execs ? sys_openat(AT_FDCWD, plan->execs, end | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0) : -1;
}

/* One that is stuck or stands still does not hold the container's end back for long. */
static void await_execs(struct handle_process *handle)
{
    uint64_t deadline = loop_deadline(handle->guest.loop, EXECS_NS);
    char byte;

    if (handle->execs < 0 || !is_of_container(handle->plan))
        return;
    while (sys_read(handle->execs, &byte, 1) == -EAGAIN) {
        if (fiber_wait_fd(handle->guest.loop, handle->execs, EPOLLIN, deadline) <= 0)
            return;
    }
}

static void stop(struct handle_process *handle)
{
    relay_stop(&handle->relay);
    if (handle->signals)
        fiber_cancel(handle->signals);
    if (handle->orders)
        fiber_cancel(handle->orders);
    while (handle->signals || handle->orders)
        (void)waitq_wait(handle->guest.loop, &handle->ended, NO_DEADLINE);
}

static void handle_fiber(void *arg)
{
    struct handle_process *handle = arg;

    resize(handle);
    relay_settle(&handle->relay);
    handle->exit_code = wait_for_status(handle);
    relay_deliver(&handle->relay, handle->exit_code > EXIT_BY_ITSELF ? KILLED_NS : READER_NS);
    await_execs(handle);
    stop(handle);
    loop_stop(handle->guest.loop);
}

static int start_fibers(struct handle_process *handle, struct error *err)
{
    struct loop *loop = handle->guest.loop;

    int r = relay_start(&handle->relay, &handle->guest, &handle->plan->process, handle->plan->terminal);
    if (r == 0)
        r = fiber_start(loop, "signals", signals_fiber, handle, &handle->signals);
    if (r == 0)
        r = fiber_start(loop, "orders", orders_fiber, handle, &handle->orders);
    if (r == 0)
        r = fiber_start(loop, "handle", handle_fiber, handle, NULL);
    return r < 0 ? error_set(err, r, "start the relay") : 0;
}

/* Everything but the three streams and the control socket is closed: pipes of callers must reach their end. */
static int settle(const struct handle_start *start)
{
    const struct handle_plan *plan = start->plan;

    (void)sys_prctl(PR_SET_NAME, (unsigned long)(uintptr_t) "tatami-handle", 0, 0, 0);
    int r = sys_setsid();
    for (int fd = 0; fd < 3 && plan->console >= 0 && r >= 0; fd++)
        r = sys_dup3(plan->console, fd, 0);
    if (r >= 0 && plan->console >= 0)
        r = sys_ioctl(0, TIOCSCTTY, NULL);
    if (r >= 0 && start->control != CONTROL_FD)
        r = sys_dup3(start->control, CONTROL_FD, O_CLOEXEC);
    if (r >= 0)
        r = sys_close_range(CONTROL_FD + 1, ~0U, 0);
    return r < 0 ? r : sys_chdir("/");
}

static int run(struct handle_process *handle, struct error *err)
{
    int r = loop_new(&handle->guest.loop, err);
    if (r == 0)
        r = connect_all(handle, err);
    if (r == 0 && handle->plan->view.n > 0)
        r = view_enter(&handle->plan->view, err);
    if (r == 0)
        r = start_fibers(handle, err);
    /* The streams are open, and nothing of what the agent says was looked at. */
    return r < 0 ? r : handle_drop_rights(err);
}

int handle_main(const struct handle_start *start)
{
    struct handle_process handle = {.plan = start->plan, .enrolment = -1, .execs = -1, .exit_code = HANDLE_EXIT_LOST};
    struct error err = {.errnum = 0};
    char order = 0;

    waitq_init(&handle.ended);
    int joined = start->plan->cgroup ? cgroup_enter(start->plan->cgroup, sys_getpid(), &err) : 0;
    int r = settle(start);
    int signals = take_signals(&handle);
    handle.execs = open_execs(start->plan);
    if (joined == 0 && (r < 0 || signals < 0))
        (void)error_set(&err, r < 0 ? r : signals, "set up the handle process");
    if (sys_read(CONTROL_FD, &order, 1) != 1 || order != HANDLE_GO)
        return EXIT_REMOVED;
    r = err.errnum ? -err.errnum : run(&handle, &err);
    answer(&err);
    if (r < 0)
        return HANDLE_EXIT_LOST;
    (void)loop_run(handle.guest.loop, &err);
    /* Leaving the terminal keeps the kernel from hanging it up, which would drop what was not read yet. */
    if (start->plan->console >= 0)
        (void)sys_ioctl(0, TIOCNOTTY, NULL);
    return handle.exit_code;
}
