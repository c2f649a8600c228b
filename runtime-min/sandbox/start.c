/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a monitor: the same program again, with nothing of its starter but two descriptors. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "proto/proto.h"
#include "runtime-min/sandbox/monitor.h"
#include "runtime-min/sandbox/rundir.h"
#include "runtime-min/sandbox/sandbox.h"
#include "sys/fd.h"

#define REPLY_BYTES (64 * 1024)
#define MARGIN_MS 15000  /* beyond the boot's own limit: to make the directory, to end what failed */
#define FAREWELL_MS 1000 /* to exit, behind the answer */
#define DEATH_MS 5000
#define PARKED_FD 64
#define SIGNALS 64
#define EXIT_NOT_RUN 127

struct birth {
    int control;
    const struct rundir *rundir;
};

/* ---- the child ---- */

static int place_descriptors(const struct birth *birth)
{
    int fds[] = {birth->control, birth->rundir->lock_fd};
    int null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);

    int r = null;
    for (int fd = 0; fd < MONITOR_CONTROL_FD && r >= 0; fd++)
        r = null == fd ? 0 : sys_dup3(null, fd, 0);
    for (size_t i = 0; i < ARRAY_SIZE(fds) && r >= 0; i++)
        r = fds[i] = sys_fcntl(fds[i], F_DUPFD_CLOEXEC, PARKED_FD);
    for (size_t i = 0; i < ARRAY_SIZE(fds) && r >= 0; i++)
        r = sys_dup3(fds[i], MONITOR_CONTROL_FD + (int)i, 0);
    return r < 0 ? r : sys_close_range(MONITOR_FDS_END, ~0U, 0);
}

static int birth_main(void *arg)
{
    const struct birth *birth = arg;
    char *const argv[] = {(char[]){"tatami"}, (char[]){"monitor"}, NULL};
    char *const envp[] = {NULL};
    sigset_t none;

    /* Blocked and ignored signals would survive the execution. */
    for (int sig = 1; sig <= SIGNALS; sig++)
        (void)sys_signal(sig, SIG_DFL);
    sigemptyset(&none);
    (void)sys_sigprocmask(SIG_SETMASK, &none, NULL);
    int r = sys_setsid();
    if (r >= 0)
        r = sys_fchdir(birth->rundir->fd);
    if (r >= 0)
        r = place_descriptors(birth);
    if (r >= 0)
        (void)sys_execveat(AT_FDCWD, "/proc/self/exe", argv, envp, 0);
    return EXIT_NOT_RUN;
}

/* ---- the parent ---- */

/* What else the monitor said. */
struct outcome {
    unsigned int guest_cid;
    bool try_emulation;
};

static int send_start(int control, const struct sandbox_config *config, const char *accel, struct error *err)
{
    const struct runtime_config *runtime = config->runtime;
    Tatami__Monitor__V1__Start start = TATAMI__MONITOR__V1__START__INIT;
    uint8_t packet[MONITOR_MESSAGE_MAX];
    const struct {
        char **member;
        const char *text;
    } texts[] = {
        {&start.id, config->id},
        {&start.hostname, config->hostname ?: config->id},
        {&start.kernel, runtime->kernel},
        {&start.initramfs, runtime->initramfs},
        {&start.qemu, runtime->qemu},
        {&start.virtiofsd, runtime->virtiofsd},
        {&start.vsock, runtime->vsock},
        {&start.machine, runtime->machine},
        {&start.accel, accel},
        {&start.kernel_params, runtime->kernel_params},
        {&start.vsock_device, runtime->vsock_device},
    };

    FOR_ROWS (text, texts)
        *text->member = (char *)(uintptr_t)text->text;
    start.vcpus = config->vcpus ?: runtime->vcpus;
    start.memory_mib = config->memory_mib ?: runtime->memory_mib;
    start.boot_timeout_ms = runtime->boot_timeout_ms;
    start.health_timeout_ms = runtime->health_timeout_ms;
    start.debug = runtime->debug;
    if (protobuf_c_message_get_packed_size(&start.base) > sizeof(packet))
        return error_status(err, STATUS_INVALID_ARGUMENT, "the configuration of sandbox %s is too long", config->id);
    size_t len = protobuf_c_message_pack(&start.base, packet);
    int r = fd_write_all(control, packet, len);
    return r < 0 ? error_set(err, r, "tell the monitor what to start") : 0;
}

static int receive_started(int control, unsigned int limit_ms, struct outcome *outcome, struct error *err)
{
    struct pollfd poll = {.fd = control, .events = POLLIN};
    _arena_ struct arena *a = arena_new(REPLY_BYTES);
    uint8_t packet[REPLY_BYTES / 4];
    ProtobufCMessage *message;

    int r = sys_poll(&poll, 1, (int)limit_ms);
    if (r <= 0)
        return error_text(err, r < 0 ? r : -ETIMEDOUT, "the monitor does not answer");
    ssize_t n = sys_read(control, packet, sizeof(packet));
    if (n <= 0)
        return error_text(err, n < 0 ? (int)n : -EPIPE, "the monitor ended without an answer");
    r = proto_unpack(a, &tatami__monitor__v1__started__descriptor, packet, (size_t)n, &message, err);
    if (r < 0)
        return error_wrap(err, "answer of the monitor");
    const Tatami__Monitor__V1__Started *started = (const void *)message;
    outcome->guest_cid = started->guest_cid;
    outcome->try_emulation = started->try_emulation;
    if (started->ready)
        return 0;
    r = error_text(err, -started->errnum, "%s", started->text);
    if (err)
        err->status = (enum status_code)started->status;
    return r;
}

/* The other end of *ret_control is the monitor's alone. It is in its control groups before it is told to start anything. */
static int spawn_monitor(const struct rundir *rundir, struct cgroup *cgroup, int *ret_control, int *ret_pidfd,
                         struct error *err)
{
    const struct sys_spawn spawn = {.cgroup_fd = cgroup ? cgroup_spawn_fd(cgroup) : -1, .ret_pidfd = ret_pidfd};
    int pair[2];

    int r = sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
    if (r < 0)
        return error_set(err, r, "create a socket pair for the monitor");
    _close_ int ours = pair[0], theirs = pair[1];
    struct birth birth = {.control = theirs, .rundir = rundir};
    int pid = sys_spawn(&spawn, birth_main, &birth);
    if (pid < 0)
        return error_set(err, pid, "start the monitor");
    r = cgroup ? cgroup_enter(cgroup, pid, err) : 0;
    if (r < 0)
        return error_wrap(err, "the monitor");
    *ret_control = fd_take(&ours);
    return 0;
}

/* A monitor that failed has ended by now. One that did not answer is killed, with all that it has started. */
static void clean_up(struct rundir *rundir, int pidfd, const char *id)
{
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};

    if (pidfd >= 0 && sys_poll(&poll, 1, FAREWELL_MS) == 0) {
        (void)sys_pidfd_send_signal(pidfd, SIGKILL);
        (void)sys_poll(&poll, 1, DEATH_MS);
    }
    if (rundir_lock(rundir) == 0)
        (void)rundir_remove(rundir->parent_fd, rundir->fd, id, NULL);
}

static int start(const struct sandbox_config *config, const char *accel, int *ret_control, struct outcome *outcome,
                 struct error *err)
{
    _rundir_ struct rundir rundir = RUNDIR_NONE;
    _close_ int control = -1, pidfd = -1;

    int r = rundir_create(config->root, config->id, &rundir, err);
    if (r < 0)
        return r;
    r = spawn_monitor(&rundir, config->cgroup, &control, &pidfd, err);
    /* From here on the lock is the monitor's. */
    fd_close(&rundir.lock_fd);
    if (r == 0)
        r = send_start(control, config, accel, err);
    if (r == 0)
        r = receive_started(control, config->runtime->boot_timeout_ms + MARGIN_MS, outcome, err);
    if (r == 0 && (r = rundir_publish(&rundir)) < 0)
        (void)error_set(err, r, "publish the monitor of sandbox %s", config->id);
    if (r < 0) {
        fd_close(&control);
        clean_up(&rundir, pidfd, config->id);
        return r;
    }
    *ret_control = fd_take(&control);
    return 0;
}

int sandbox_start(const struct sandbox_config *config, int *ret_control, unsigned int *ret_guest_cid, struct error *err)
{
    struct outcome outcome = {.guest_cid = 0};

    int r = runtime_config_check(config->runtime, err);
    if (r == 0)
        r = start(config, config->runtime->accel, ret_control, &outcome, err);
    if (outcome.try_emulation) {
        if (err)
            *err = (struct error){.errnum = 0};
        r = start(config, "tcg", ret_control, &outcome, err);
    }
    *ret_guest_cid = outcome.guest_cid;
    return r;
}

int sandbox_commit(int *control, struct error *err)
{
    int r = fd_write_all(*control, "c", 1);

    fd_close(control);
    return r < 0 ? error_set(err, r, "let the virtual machine live on") : 0;
}
