/* SPDX-License-Identifier: Apache-2.0 */
/* The driver for QEMU. Everything it needs is opened here and passed as descriptors: nothing in the file system has to be
 * found, cleaned up or guarded, and its end is the end of a connection. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime-min/vmm/program.h"
#include "runtime-min/vmm/qemu_command.h"
#include "runtime-min/vmm/qmp.h"
#include "runtime-min/vmm/vmm.h"
#include "sys/fd.h"

#define COMMAND_BYTES (64 * 1024)
#define COPY_BYTES 16384   /* lies on a fiber's stack, which is small */
#define PRINTED_OUTPUT 300 /* bytes of each tail in a message */
#define PRINTED_CONSOLE 500
#define REASON_MAX 32

struct vmm {
    struct loop *loop;
    struct program program;
    struct qmp *qmp;
    struct tail console;
    char shutdown[REASON_MAX]; /* why the guest ended, as QEMU calls it */
};

/* What the guest's kernel says when it gives up. A fault of the agent is such an end: its address and place are in the first
 * line, and in RIP and RSP of those that have no such line (docs/runtime.md, "When a machine dies"). */
static const char *const telling[] = {"segfault at", "BUG: ", "Kernel panic", "RIP: ", "RSP: ", NULL};

static void on_event(void *context, const char *name, struct json_object *data)
{
    struct vmm *vmm = context;
    struct json_object *reason;

    if (strcmp(name, "SHUTDOWN") != 0 || !data || !json_object_object_get_ex(data, "reason", &reason))
        return;
    *vmm->shutdown = '\0';
    strncat(vmm->shutdown, json_object_get_string(reason) ?: "", sizeof(vmm->shutdown) - 1);
}

/* ---- start ---- */

struct ends {
    int ours;
    int theirs;
};

static void ends_done(struct ends *ends)
{
    fd_close(&ends->ours);
    fd_close(&ends->theirs);
}

static int ends_open(struct ends *ends, struct error *err)
{
    int pair[2];

    int r = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    if (r < 0)
        return error_set(err, r, "create a socket pair for QEMU");
    *ends = (struct ends){.ours = pair[0], .theirs = pair[1]};
    r = sys_fcntl(ends->ours, F_SETFL, O_NONBLOCK);
    return r < 0 ? error_set(err, r, "prepare a socket for QEMU") : 0;
}

/* What QEMU gets; the numbers there follow the order here. */
enum passed {
    PASSED_QMP,
    PASSED_CONSOLE,
    PASSED_KERNEL,
    PASSED_INITRAMFS,
    PASSED_VSOCK,
    PASSED_FS,
    PASSED_MAX,
};

static struct qemu_fds number(const int fds[PASSED_MAX], int ret_present[PASSED_MAX], size_t *ret_n)
{
    int numbers[PASSED_MAX];
    size_t n = 0;

    for (int i = 0; i < PASSED_MAX; i++) {
        numbers[i] = fds[i] < 0 ? -1 : PROGRAM_FIRST_FD + (int)n;
        if (fds[i] >= 0)
            ret_present[n++] = fds[i];
    }
    *ret_n = n;
    return (struct qemu_fds){
        .qmp = numbers[PASSED_QMP],
        .console = numbers[PASSED_CONSOLE],
        .kernel = numbers[PASSED_KERNEL],
        .initramfs = numbers[PASSED_INITRAMFS],
        .vsock = numbers[PASSED_VSOCK],
        .fs = numbers[PASSED_FS],
    };
}

static int launch(struct reaper *reaper, const struct vmm_options *options, struct vmm *vmm, const int fds[PASSED_MAX],
                  struct error *err)
{
    _arena_ struct arena *a = arena_new(COMMAND_BYTES);
    struct strlist argv;
    int present[PASSED_MAX];
    size_t n_fds;

    const struct qemu_fds numbers = number(fds, present, &n_fds);
    int r = qemu_command_build(a, options, &numbers, &argv, err);
    if (r < 0)
        return r;
    const struct program_options program = {
        .name = "QEMU",
        .path = options->program,
        .argv = argv.items,
        .fds = present,
        .n_fds = n_fds,
        .is_jailed = true,
        .device = options->uses_kvm ? "/dev/kvm" : NULL,
        .log_fd = options->log_fd,
        .on_exit = options->on_exit,
        .context = options->context,
    };
    return program_start(reaper, &program, &vmm->program, err);
}

static int copy_to_memory(const char *path, int fd)
{
    const char *slash = strrchr(path, '/');
    char chunk[COPY_BYTES];
    ssize_t n;
    int r = 0;

    _close_ int copy = sys_memfd_create(slash ? slash + 1 : path, MFD_CLOEXEC);
    if (copy < 0)
        return copy;
    while (r == 0 && (n = sys_read(fd, chunk, sizeof(chunk))) != 0)
        r = n < 0 ? (int)n : fd_write_all(copy, chunk, (size_t)n);
    return r < 0 ? r : fd_take(&copy);
}

/* QEMU opens its descriptors anew, by their names in /proc, with the rights of its own user: one that only root may read is
 * copied. */
static int open_image(const char *what, const char *path, struct error *err)
{
    struct stat st;

    _close_ int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    int r = fd < 0 ? fd : sys_fstat(fd, &st);
    if (r == 0 && !(st.st_mode & S_IROTH))
        fd_replace(&fd, r = copy_to_memory(path, fd));
    return r < 0 ? error_set(err, r, "open the guest's %s %s", what, path) : fd_take(&fd);
}

/* Opens what QEMU gets from here and starts it. */
static int start(struct reaper *reaper, const struct vmm_options *options, struct vmm *vmm, struct error *err)
{
    CLEANUP(ends_done) struct ends qmp = {-1, -1}, console = {-1, -1};

    int r = ends_open(&qmp, err);
    if (r == 0)
        r = ends_open(&console, err);
    if (r < 0)
        return r;
    _close_ int kernel = open_image("kernel", options->kernel, err);
    if (kernel < 0)
        return kernel;
    _close_ int initramfs = open_image("initramfs", options->initramfs, err);
    if (initramfs < 0)
        return initramfs;
    const int fds[PASSED_MAX] = {
        [PASSED_QMP] = qmp.theirs,      [PASSED_CONSOLE] = console.theirs,  [PASSED_KERNEL] = kernel,
        [PASSED_INITRAMFS] = initramfs, [PASSED_VSOCK] = options->vsock_fd, [PASSED_FS] = options->fs_fd,
    };
    r = launch(reaper, options, vmm, fds, err);
    if (r == 0)
        r = qmp_new(vmm->loop, fd_take(&qmp.ours), on_event, vmm, &vmm->qmp, err);
    if (r < 0)
        return r;
    r = tail_start(vmm->loop, &vmm->console, fd_take(&console.ours), options->log_fd);
    return r < 0 ? error_set(err, r, "watch the guest's console") : 0;
}

int vmm_start(struct reaper *reaper, const struct vmm_options *options, struct vmm **ret_vmm, struct error *err)
{
    struct vmm *vmm = calloc(1, sizeof(*vmm));
    if (!vmm)
        abort();
    vmm->loop = reaper_loop(reaper);
    vmm->program = PROGRAM_NONE;
    vmm->console.fd = -1;
    int r = start(reaper, options, vmm, err);
    if (r < 0) {
        vmm_free(vmm);
        return r;
    }
    *ret_vmm = vmm;
    return 0;
}

int vmm_wait_ready(struct vmm *vmm, uint64_t deadline, struct error *err)
{
    return qmp_handshake(vmm->qmp, deadline, err);
}

/* ---- end ---- */

void vmm_wait_off(struct vmm *vmm, uint64_t deadline)
{
    (void)child_wait(vmm->program.child, deadline);
}

void vmm_end(struct vmm *vmm, uint64_t deadline)
{
    if (!program_has_exited(&vmm->program))
        (void)qmp_execute(vmm->qmp, "quit", NULL, deadline, NULL, NULL);
    program_end(&vmm->program, deadline);
}

void vmm_free(struct vmm *vmm)
{
    if (!vmm)
        return;
    program_done(&vmm->program);
    tail_stop(&vmm->console);
    qmp_free(vmm->qmp);
    free(vmm);
}

int vmm_pid(const struct vmm *vmm)
{
    return vmm->program.child->pid;
}

bool vmm_has_exited(const struct vmm *vmm)
{
    return program_has_exited(&vmm->program);
}

void vmm_print(struct vmm *vmm, struct buf *out)
{
    program_print(&vmm->program, PRINTED_OUTPUT, out);
    if (*vmm->shutdown)
        (void)buf_printf(out, "; end of the guest: %s", vmm->shutdown);
    tail_drain(&vmm->console);
    if (vmm->console.len > 0) {
        (void)buf_append_str(out, "; guest console: ");
        tail_print(&vmm->console, telling, PRINTED_CONSOLE, out);
    }
}
