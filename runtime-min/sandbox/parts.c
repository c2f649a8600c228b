/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a machine: how they are started, connected, watched and ended. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "runtime-min/sandbox/monitor.h"
#include "runtime-min/sandbox/rundir.h"
#include "runtime-min/sandbox/share.h"
#include "runtime-min/vmm/accel.h"
#include "runtime-min/vmm/vhost_vsock.h"
#include "sys/fd.h"

#define GUEST_CID "3" /* of the guest alone: each device has its own guest */
#define CPUINFO_MAX (256 * 1024)
#define END_VMM_NS (2 * NSEC_PER_SEC)
#define END_HELPER_NS NSEC_PER_SEC
#define PRINTED_OUTPUT 300
#define EXPLANATION_MAX 4096

/* ---- sockets ---- */

/* Relative to the working directory, so that no path is too long. */
static int unix_socket(const char *name, int (*join)(int fd, const struct sockaddr *sa, socklen_t len), struct error *err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    strcpy(sa.sun_path, name);
    _close_ int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "make a unix socket");
    int r = join(fd, (const struct sockaddr *)&sa, sizeof(sa));
    return r < 0 ? error_set(err, r, "socket %s", name) : fd_take(&fd);
}

int parts_listen(const char *name, mode_t mode, struct error *err)
{
    mode_t mask = sys_umask(~mode & 0777);
    _close_ int fd = unix_socket(name, sys_bind, err);

    (void)sys_umask(mask);
    int r = fd < 0 ? fd : sys_listen(fd, SOMAXCONN);
    if (fd >= 0 && r < 0)
        return error_set(err, r, "listen on %s", name);
    return r < 0 ? r : fd_take(&fd);
}

static int set_nonblocking(int fd, struct error *err)
{
    int r = sys_fcntl(fd, F_SETFL, O_NONBLOCK);

    return r < 0 ? error_set(err, r, "prepare a socket") : 0;
}

/* ---- start ---- */

static void part_exited(void *context)
{
    struct monitor *monitor = context;
    struct program *const helpers[] = {&monitor->virtiofsd, &monitor->vsock};

    if (!monitor->stopping) {
        monitor->died = true;
        for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
            monitor->first = helpers[i]->child && program_has_exited(helpers[i]) ? helpers[i] : monitor->first;
    }
    monitor_stop(monitor);
}

static int start_program(struct monitor *monitor, struct program *program, const char *name, char *const *argv, const int *fds,
                         size_t n_fds, struct error *err)
{
    const struct program_options options = {
        .name = name,
        .path = argv[0],
        .argv = argv,
        .fds = fds,
        .n_fds = n_fds,
        .log_fd = monitor->log_fd,
        .on_exit = part_exited,
        .context = monitor,
    };
    return program_start(monitor->reaper, &options, program, err);
}

/* It makes no devices, which would be the host's. The options are one word, which virtiofsd divides at commas; what follows
 * a backslash it takes as it is. */
static int virtiofsd_options(struct buf *options, struct error *err)
{
    char directory[PATH_MAX];

    ssize_t n = sys_getcwd(directory, sizeof(directory));
    int r = n < 0 ? (int)n : buf_append_str(options, "source=");
    for (const char *p = directory; r == 0 && *p; p++)
        r = buf_printf(options, "%s%c", *p == ',' || *p == '\\' ? "\\" : "", *p);
    if (r == 0)
        r = buf_append_str(options, "/" SHARE_EXPORT ",cache=auto,sandbox=namespace,xattr,announce_submounts,modcaps=-MKNOD");
    return r < 0 ? error_set(err, r, "name the shared directory") : 0;
}

/* It accepts from a socket that we have connected to already: nobody has to wait until it is there. Returns our end. */
static int start_virtiofsd(struct monitor *monitor, struct error *err)
{
    _buf_ struct buf options = BUF_INIT(2 * PATH_MAX);
    int r = virtiofsd_options(&options, err);
    if (r < 0)
        return r;

    /* The limit of descriptors is set already; its own attempt would need a privilege. */
    char *const argv[] = {
        monitor->start->virtiofsd, (char[]){"--fd=3"}, (char[]){"--rlimit-nofile=0"}, (char[]){"-o"}, options.data, NULL,
    };

    _close_ int listening = parts_listen(RUNDIR_FS, 0600, err);
    if (listening < 0)
        return listening;
    _close_ int connected = unix_socket(RUNDIR_FS, sys_connect, err);
    (void)sys_unlinkat(AT_FDCWD, RUNDIR_FS, 0);
    if (connected < 0)
        return connected;
    r = start_program(monitor, &monitor->virtiofsd, "virtiofsd", argv, &listening, 1, err);
    return r < 0 ? r : fd_take(&connected);
}

static int start_vsock(struct monitor *monitor, struct error *err)
{
    char *const argv[] = {
        monitor->start->vsock, (char[]){"--socket-fd"}, (char[]){"3"},           (char[]){"--uds"},   (char[]){RUNDIR_VSOCK},
        (char[]){"--uds-fd"},  (char[]){"4"},           (char[]){"--guest-cid"}, (char[]){GUEST_CID}, NULL,
    };
    int pair[2];

    _close_ int listening = parts_listen(RUNDIR_VSOCK, 0600, err);
    if (listening < 0)
        return listening;
    int r = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    if (r < 0)
        return error_set(err, r, "make a socket pair for the vsock device");
    _close_ int ours = pair[0], theirs = pair[1];
    r = set_nonblocking(listening, err);
    if (r == 0)
        r = set_nonblocking(theirs, err);
    if (r == 0)
        r = start_program(monitor, &monitor->vsock, "tatami-vsock", argv, (const int[]){theirs, listening}, 2, err);
    return r < 0 ? r : fd_take(&ours);
}

/* The kernel's device or the runtime's own one: returns what QEMU gets of it. */
static int choose_vsock(struct monitor *monitor, struct error *err)
{
    const char *wanted = monitor->start->vsock_device;
    struct error why = {.errnum = 0};
    char line[ERROR_TEXT_MAX + 32];

    if (strcmp(wanted, "vhost-user") == 0)
        return start_vsock(monitor, err);
    int fd = vhost_vsock_open(&monitor->guest.cid, &why);
    if (fd >= 0)
        return fd;
    if (strcmp(wanted, "vhost") == 0)
        return error_text(err, fd, "the kernel's vsock device: %s", why.text);
    if (monitor->log_fd >= 0) {
        int len = snprintf(line, sizeof(line), "vsock: own device, since %s\n", why.text);
        (void)fd_write_all(monitor->log_fd, line, (size_t)len);
    }
    return start_vsock(monitor, err);
}

static uint64_t host_tsc_khz(void)
{
    _buf_ struct buf text = BUF_INIT(CPUINFO_MAX);

    /* The first processor is enough; a machine with very many of them has a longer file. */
    (void)file_read_at(AT_FDCWD, "/proc/cpuinfo", &text);
    return vmm_tsc_khz(text.data ?: "");
}

static int start_vmm(struct monitor *monitor, int vsock_fd, int fs_fd, struct error *err)
{
    const Tatami__Monitor__V1__Start *start = monitor->start;
    const struct vmm_options options = {
        .program = start->qemu,
        .id = start->id,
        .kernel = start->kernel,
        .initramfs = start->initramfs,
        .kernel_params = start->kernel_params,
        .machine = vmm_machine_from(start->machine),
        .uses_kvm = monitor->uses_kvm,
        .vcpus = start->vcpus,
        .memory_mib = start->memory_mib,
        .tsc_khz = host_tsc_khz(),
        .vsock_fd = vsock_fd,
        .guest_cid = monitor->guest.cid,
        .fs_fd = fs_fd,
        .log_fd = monitor->log_fd,
        .on_exit = part_exited,
        .context = monitor,
    };

    if (options.machine < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "there is no machine '%s'", start->machine);
    return vmm_start(monitor->reaper, &options, &monitor->vmm, err);
}

int parts_start(struct monitor *monitor, struct error *err)
{
    struct accel accel;

    int r = accel_choose(monitor->start->accel, "..", &accel, err);
    if (r < 0)
        return r;
    monitor->uses_kvm = accel.kvm;
    monitor->is_on_trial = accel.kvm && strcmp(monitor->start->accel, "auto") == 0;
    /* First what the configuration may ask for in vain: no part that ends because of it hides the reason. */
    _close_ int vsock = choose_vsock(monitor, err);
    if (vsock < 0)
        return vsock;
    _close_ int fs = start_virtiofsd(monitor, err);
    if (fs < 0)
        return fs;
    return start_vmm(monitor, vsock, fs, err);
}

/* ---- end ---- */

void parts_end(struct monitor *monitor)
{
    if (monitor->vmm)
        vmm_end(monitor->vmm, sys_monotonic_ns() + END_VMM_NS);
    /* Both go by themselves when QEMU closes their sockets. */
    uint64_t deadline = sys_monotonic_ns() + END_HELPER_NS;
    program_end(&monitor->vsock, deadline);
    program_end(&monitor->virtiofsd, deadline);
    vmm_free(monitor->vmm);
    monitor->vmm = NULL;
    program_done(&monitor->vsock);
    program_done(&monitor->virtiofsd);
}

void parts_explain(struct monitor *monitor, struct error *err)
{
    struct program *const helpers[] = {&monitor->virtiofsd, &monitor->vsock};
    _buf_ struct buf text = BUF_INIT(EXPLANATION_MAX);

    /* The helpers end with QEMU, in good order: one that was first or failed is to blame. */
    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        const struct child *child = helpers[i]->child;
        if (!child || !child->exited || (monitor->first != helpers[i] && child->status == 0))
            continue;
        (void)buf_append_str(&text, "; ");
        program_print(helpers[i], PRINTED_OUTPUT, &text);
    }
    if (monitor->vmm) {
        (void)buf_append_str(&text, "; ");
        vmm_print(monitor->vmm, &text);
    }
    if (!text.data)
        return;
    size_t len = strlen(err->text);
    strncat(err->text, text.data, sizeof(err->text) - len - 1);
}
