/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor: one process per machine, which starts its parts, watches them and ends them all when one is gone. */
#include "runtime-min/sandbox/monitor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "proto/proto.h"
#include "runtime-min/sandbox/agent_link.h"
#include "runtime-min/sandbox/rundir.h"
#include "runtime-min/sandbox/sandbox.h"
#include "runtime-min/sandbox/share.h"
#include "sys/fd.h"

#define ARENA_BYTES (256 * 1024)
#define SIBLINGS_NS (100 * NSEC_PER_MSEC) /* parts that end because another one did */
#define TRIAL_NS (10 * NSEC_PER_SEC)
#define DESTROY_NS (2 * NSEC_PER_SEC)
#define POWER_OFF_NS (2 * NSEC_PER_SEC)
#define FLUSH_NS NSEC_PER_SEC

void monitor_stop(struct monitor *monitor)
{
    if (monitor->stopping)
        return;
    monitor->stopping = true;
    if (monitor->boot)
        fiber_cancel(monitor->boot);
    waitq_wake_all(&monitor->changed);
}

/* ---- the starter ---- */

static int read_start(struct monitor *monitor, struct error *err)
{
    char *packet = arena_alloc(monitor->arena, MONITOR_MESSAGE_MAX);
    ProtobufCMessage *message;

    ssize_t n = sys_read(MONITOR_CONTROL_FD, packet, MONITOR_MESSAGE_MAX);
    if (n <= 0)
        return error_text(err, n < 0 ? (int)n : -EPIPE, "the monitor was not told what to start");
    int r = proto_unpack(monitor->arena, &tatami__monitor__v1__start__descriptor, (const uint8_t *)packet, (size_t)n, &message,
                         err);
    if (r == 0)
        monitor->start = (const void *)message;
    return r;
}

static void answer(const struct monitor *monitor, const struct error *err)
{
    Tatami__Monitor__V1__Started started = TATAMI__MONITOR__V1__STARTED__INIT;
    uint8_t packet[ERROR_TEXT_MAX + 64];

    started.ready = err->errnum == 0;
    started.try_emulation = !started.ready && monitor->is_on_trial;
    started.errnum = err->errnum;
    started.status = (int32_t)err->status;
    started.text = (char *)(uintptr_t)err->text;
    started.guest_cid = monitor->guest.cid;
    size_t len = protobuf_c_message_pack(&started.base, packet);
    (void)fd_write_all(MONITOR_CONTROL_FD, packet, len);
}

static void starter_ready(struct watch *watch, uint32_t events)
{
    struct monitor *monitor = CONTAINER_OF(watch, struct monitor, control);
    char commit;

    (void)events;
    ssize_t n = sys_read(MONITOR_CONTROL_FD, &commit, 1);
    if (n == -EAGAIN)
        return;
    watch_stop(watch);
    if (n != 1)
        monitor_stop(monitor);
}

/* ---- boot ---- */

struct boot {
    struct monitor *monitor;
    struct error err;
};

/* A guest that runs under KVM is there in a fraction of this. */
static uint64_t boot_deadline(const struct monitor *monitor)
{
    uint64_t limit = monitor->start->boot_timeout_ms * NSEC_PER_MSEC;

    return monitor->started_ns + (monitor->is_on_trial && limit > TRIAL_NS ? TRIAL_NS : limit);
}

static int boot(struct monitor *monitor, struct error *err)
{
    int r = share_open(err);
    if (r == 0)
        r = service_open(monitor, err);
    if (r == 0)
        r = parts_start(monitor, err);
    uint64_t deadline = boot_deadline(monitor);
    if (r == 0)
        r = vmm_wait_ready(monitor->vmm, deadline, err);
    if (r == 0)
        r = agent_link_open(monitor->loop, &monitor->guest, deadline, &monitor->agent, err);
    /* The guest was not heard yet. */
    if (r == 0)
        r = monitor_drop_rights(err);
    if (r < 0)
        return r;
    monitor->is_on_trial = false;
    r = agent_link_begin(monitor->agent, monitor->start->id, monitor->start->hostname, deadline, err);
    if (r == 0)
        r = service_start(monitor, err);
    if (r == 0)
        r = oom_start(monitor, err);
    return r < 0 ? r : health_start(monitor, err);
}

static void boot_fiber(void *arg)
{
    struct boot *self = arg;
    struct monitor *monitor = self->monitor;

    (void)boot(monitor, &self->err);
    monitor->boot = NULL;
    waitq_wake_all(&monitor->changed);
}

/* ---- life ---- */

/* In words: what the reason was, then what the parts have to say. */
static void explain_boot(struct monitor *monitor, struct error *err)
{
    (void)fiber_sleep_until(monitor->loop, sys_monotonic_ns() + SIBLINGS_NS);
    if (monitor->died)
        (void)error_text(err, -EIO, "a part of it ended while it booted");
    else if (monitor->stopping)
        (void)error_text(err, -EIO, "it was told to end while it booted");
    (void)error_wrap(err, "virtual machine of sandbox %s", monitor->start->id);
    parts_explain(monitor, err);
}

static void explain_death(struct monitor *monitor)
{
    (void)fiber_sleep_until(monitor->loop, sys_monotonic_ns() + SIBLINGS_NS);
    if (!monitor->death.errnum)
        (void)error_text(&monitor->death, -EIO, "a part of the virtual machine ended");
    parts_explain(monitor, &monitor->death);
}

/* Before the connection that it uses. */
static void end_fiber(struct monitor *monitor, struct fiber **fiber)
{
    if (*fiber)
        fiber_cancel(*fiber);
    while (*fiber)
        (void)waitq_wait(monitor->loop, &monitor->changed, NO_DEADLINE);
}

static void end(struct monitor *monitor)
{
    end_fiber(monitor, &monitor->health);
    end_fiber(monitor, &monitor->oom);
    /* A guest that can still be asked writes its data out first. */
    if (monitor->agent && !monitor->died && agent_link_destroy(monitor->agent, DESTROY_NS, NULL) == 0)
        vmm_wait_off(monitor->vmm, sys_monotonic_ns() + POWER_OFF_NS);
    ttrpc_client_free(monitor->agent);
    monitor->agent = NULL;
    parts_end(monitor);
    if (monitor->death.errnum)
        (void)fd_write_all(monitor->reason_fd, monitor->death.text, strlen(monitor->death.text));
    monitor->ended = true;
    waitq_wake_all(&monitor->changed);
    if (monitor->server)
        ttrpc_server_shutdown(monitor->server, sys_monotonic_ns() + FLUSH_NS, true);
}

static void life_fiber(void *arg)
{
    struct monitor *monitor = arg;
    struct boot self = {.monitor = monitor};

    if (fiber_start(monitor->loop, "boot", boot_fiber, &self, &monitor->boot) < 0)
        (void)error_text(&self.err, -EAGAIN, "start the boot");
    while (monitor->boot)
        (void)waitq_wait(monitor->loop, &monitor->changed, NO_DEADLINE);
    if (self.err.errnum) {
        explain_boot(monitor, &self.err);
        monitor->died = true;
        monitor->stopping = true;
    }
    if (!self.err.errnum)
        answer(monitor, &self.err);
    while (!monitor->stopping)
        (void)waitq_wait(monitor->loop, &monitor->changed, NO_DEADLINE);
    if (monitor->died && !self.err.errnum)
        explain_death(monitor);
    end(monitor);
    if (self.err.errnum)
        answer(monitor, &self.err);
    loop_stop(monitor->loop);
}

/* ---- process ---- */

static void signal_ready(struct watch *watch, uint32_t events)
{
    struct monitor *monitor = CONTAINER_OF(watch, struct monitor, signals);
    struct signalfd_siginfo signals[4];

    (void)events;
    (void)sys_read(watch->fd, signals, sizeof(signals));
    if (!monitor->stopping)
        (void)error_text(&monitor->death, -ECANCELED, "its monitor was told to end");
    monitor_stop(monitor);
}

/* Who asks the monitor to end gets an orderly end of the machine. */
static int watch_signals(struct monitor *monitor, struct error *err)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    int fd = sys_signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    int r = fd < 0 ? fd : sys_sigprocmask(SIG_BLOCK, &mask, NULL);
    monitor->signals.ready = signal_ready;
    if (r == 0)
        r = watch_start(monitor->loop, &monitor->signals, fd, EPOLLIN);
    return r < 0 ? error_set(err, r, "watch signals") : 0;
}

static int watch_starter(struct monitor *monitor, struct error *err)
{
    int r = sys_fcntl(MONITOR_CONTROL_FD, F_SETFL, O_NONBLOCK);
    monitor->control.ready = starter_ready;
    if (r >= 0)
        r = watch_start(monitor->loop, &monitor->control, MONITOR_CONTROL_FD, EPOLLIN);
    return r < 0 ? error_set(err, r, "watch the starter") : 0;
}

static int open_file(const struct monitor *monitor, const char *name, struct error *err)
{
    int fd = sys_openat(AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

    return fd < 0 ? error_set(err, fd, "open the %s of sandbox %s", name, monitor->start->id) : fd;
}

static int open_files(struct monitor *monitor, struct error *err)
{
    int r = monitor->reason_fd = open_file(monitor, RUNDIR_REASON, err);

    if (r >= 0 && monitor->start->debug)
        r = monitor->log_fd = open_file(monitor, RUNDIR_LOG, err);
    return r < 0 ? r : 0;
}

/* A connection for each process that is held; and the parts inherit it: more than the hard limit takes a privilege. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL);
}

static int run(struct monitor *monitor, struct error *err)
{
    int r = read_start(monitor, err);
    if (r == 0)
        r = open_files(monitor, err);
    if (r == 0)
        r = loop_new(&monitor->loop, err);
    if (r == 0)
        r = reaper_new(monitor->loop, &monitor->reaper, err);
    if (r == 0)
        r = rundir_sign(err);
    if (r == 0)
        r = watch_signals(monitor, err);
    if (r == 0)
        r = watch_starter(monitor, err);
    if (r < 0)
        return r;
    r = fiber_start(monitor->loop, "life", life_fiber, monitor, NULL);
    return r < 0 ? error_set(err, r, "start the monitor") : loop_run(monitor->loop, err);
}

int sandbox_monitor_main(void)
{
    struct monitor monitor = {.started_ns = sys_monotonic_ns(),
                              .log_fd = -1,
                              .reason_fd = -1,
                              .listen_fd = -1,
                              .virtiofsd = PROGRAM_NONE,
                              .vsock = PROGRAM_NONE,
                              .guest = {.socket_path = RUNDIR_VSOCK}};
    struct error err = {.errnum = 0};

    for (int fd = MONITOR_CONTROL_FD; fd < MONITOR_FDS_END; fd++) {
        if (sys_fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return 2; /* somebody typed the hidden command */
    }
    (void)sys_prctl(PR_SET_NAME, (unsigned long)(uintptr_t) "tatami-monitor", 0, 0, 0);
    (void)sys_signal(SIGPIPE, SIG_IGN);
    (void)sys_signal(SIGHUP, SIG_IGN);
    (void)sys_umask(0077);
    raise_descriptor_limit();
    waitq_init(&monitor.changed);
    list_init(&monitor.holds);
    list_init(&monitor.listeners);
    monitor.arena = arena_new(ARENA_BYTES);
    int r = run(&monitor, &err);
    if (r < 0)
        answer(&monitor, &err);
    ttrpc_server_free(monitor.server);
    return r < 0 ? 1 : 0;
}
