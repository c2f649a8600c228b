/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/boot.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <linux/if.h>
#include <linux/reboot.h>

#include "agent/guest/boot_mount.h"
#include "agent/guest/modules.h"
#include "agent/guest/root.h"
#include "base/macros.h"
#include "sys/fd.h"
#include "sys/sys.h"

#define HOSTNAME_FILE "/etc/hostname"
#define HOSTNAME_FILE_MAX 4096
#define PTMX "/dev/ptmx"
#define PTMX_TARGET "/dev/pts/ptmx"
#define NOFILE_LIMIT (1024 * 1024)
#define SYNC_LIMIT_MS 5000

/* ---- early ---- */

static const struct boot_mount proc_mount = {"proc", "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false};

static const struct boot_mount early_mounts[] = {
    {"sysfs", "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false},
    {"devtmpfs", "dev", "/dev", MS_NOSUID, NULL, true},
    {"tmpfs", "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, NULL, false},
    {"devpts", "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, NULL, false},
    {"tmpfs", "tmpfs", "/run", MS_NOSUID | MS_NODEV, NULL, false},
};

/* A kernel without a console leaves PID 1 without standard descriptors; the next files opened would take their places. */
static int open_standard_descriptors(struct error *err)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (sys_fcntl(fd, F_GETFD, 0) != -EBADF || sys_openat(AT_FDCWD, "/dev/console", O_RDWR | O_NOCTTY, 0) >= 0)
            continue;
        int r = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
        if (r < 0)
            return error_set(err, r, "open '/dev/null' in the place of descriptor %d", fd);
    }
    return 0;
}

int boot_mount_proc(struct error *err)
{
    return boot_mount_apply(&proc_mount, NULL, err);
}

int boot_early_mounts(const struct logger *log, struct error *err)
{
    int r = boot_mount_proc(err); /* it tells what the root is */
    if (r == 0)
        r = root_lift(err);
    FOR_ROWS (mount, early_mounts) {
        if (r == 0)
            r = boot_mount_apply(mount, log, err);
    }
    return r < 0 ? r : open_standard_descriptors(err);
}

/* ---- steps ---- */

struct boot {
    const struct config *config;
    const struct logger *log;
};

static int step_modules(const struct boot *boot, struct error *err)
{
    _buf_ struct buf problems = BUF_INIT(MODULES_PROBLEMS_MAX);
    (void)err;
    modules_load_list(MODULES_FIRST, &problems);
    if (problems.data)
        modules_log_problems(problems.data, boot->log);
    return 0;
}

static int step_cgroups(const struct boot *boot, struct error *err)
{
    return boot_mount_cgroups(boot->config->unified_cgroup_hierarchy || boot->config->cgroup_no_v1, boot->log, err);
}

static int step_ptmx(const struct boot *boot, struct error *err)
{
    (void)boot;
    int r = sys_unlinkat(AT_FDCWD, PTMX, 0);
    if (r < 0 && r != -ENOENT)
        return error_set(err, r, "remove '%s'", PTMX);
    r = sys_symlinkat(PTMX_TARGET, AT_FDCWD, PTMX);
    return r < 0 ? error_set(err, r, "link '%s' to '%s'", PTMX, PTMX_TARGET) : 0;
}

static int step_session(const struct boot *boot, struct error *err)
{
    (void)boot;
    int r = sys_setsid();
    if (r < 0 && r != -EPERM) /* EPERM: it leads a group already */
        return error_set(err, r, "start a session");
    sys_ioctl(STDIN_FILENO, TIOCSCTTY, (void *)1); /* descriptor 0 need not be a terminal */
    return 0;
}

static int step_hostname(const struct boot *boot, struct error *err)
{
    static const char blanks[] = " \t\n\v\f\r";
    _buf_ struct buf text = BUF_INIT(HOSTNAME_FILE_MAX);
    const char *name = "";

    int r = file_read_at(AT_FDCWD, HOSTNAME_FILE, &text);
    if (r < 0 && r != -ENOENT)
        log_warning(boot->log, "root", "read '%s': %s", HOSTNAME_FILE, errno_name(-r));
    else if (text.data)
        name = text.data + strspn(text.data, blanks);
    size_t len = strcspn(name, blanks);
    if (len == 0) {
        name = "localhost";
        len = strlen(name);
    }
    r = sys_sethostname(name, len);
    return r < 0 ? error_set(err, r, "set host name '%.*s'", (int)len, name) : 0;
}

/* Ctrl-alt-del sends SIGINT to PID 1 from now on; the kernel no longer restarts on its own. */
static int step_ctrl_alt_del(const struct boot *boot, struct error *err)
{
    (void)boot;
    int r = sys_reboot(LINUX_REBOOT_CMD_CAD_OFF);
    return r < 0 ? error_set(err, r, "disable ctrl-alt-del") : 0;
}

static int step_umask(const struct boot *boot, struct error *err)
{
    (void)boot;
    (void)err;
    sys_umask(022);
    return 0;
}

static int step_open_files(const struct boot *boot, struct error *err)
{
    struct rlimit limit;

    int r = sys_prlimit(0, RLIMIT_NOFILE, NULL, &limit);
    if (r == 0 && limit.rlim_max < NOFILE_LIMIT) {
        struct rlimit raised = {NOFILE_LIMIT, NOFILE_LIMIT};
        int refused = sys_prlimit(0, RLIMIT_NOFILE, &raised, NULL);
        if (refused == 0)
            return 0;
        log_warning(boot->log, "root", "raise the limit of open files to %d: %s, so it is %llu", NOFILE_LIMIT,
                    errno_name(-refused), (unsigned long long)limit.rlim_max);
    }
    limit.rlim_cur = limit.rlim_max;
    if (r == 0)
        r = sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL);
    return r < 0 ? error_set(err, r, "raise the limit of open files") : 0;
}

static int step_loopback(const struct boot *boot, struct error *err)
{
    struct ifreq request = {.ifr_name = "lo"};
    (void)boot;

    _close_ int fd = sys_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "create a socket");
    int r = sys_ioctl(fd, SIOCGIFFLAGS, &request);
    if (r < 0)
        return error_set(err, r, "read the flags of 'lo'");
    request.ifr_flags |= IFF_UP;
    r = sys_ioctl(fd, SIOCSIFFLAGS, &request);
    return r < 0 ? error_set(err, r, "bring 'lo' up") : 0;
}

static const struct {
    const char *name;
    int (*run)(const struct boot *boot, struct error *err);
    bool tolerated; /* a failure only warns */
} steps[] = {
    {"modules", step_modules, false}, {"cgroups", step_cgroups, false},      {"ptmx", step_ptmx, false},
    {"session", step_session, false}, {"hostname", step_hostname, true},     {"ctrl-alt-del", step_ctrl_alt_del, true},
    {"umask", step_umask, false},     {"open files", step_open_files, true}, {"loopback", step_loopback, false},
};

int boot_as_init(const struct config *config, const struct logger *log, struct error *err)
{
    const struct boot boot = {config, log};

    FOR_ROWS (step, steps) {
        struct error problem = {0};
        int r = step->run(&boot, &problem);
        if (r >= 0)
            continue;
        if (!step->tolerated)
            return error_text(err, r, "boot: %s: %s", step->name, problem.text);
        log_warning(log, "root", "boot: %s: %s", step->name, problem.text);
    }
    return 0;
}

int boot_subreaper(struct error *err)
{
    int r = sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    return r < 0 ? error_set(err, r, "become child subreaper") : 0;
}

int boot_undumpable(struct error *err)
{
    int r = sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return r < 0 ? error_set(err, r, "make the agent undumpable") : 0;
}

static int sync_disks(void *arg UNUSED)
{
    sys_sync();
    return 0;
}

/* A host that serves the guest's files no more lets sync(2) wait for ever, and nothing can end it. */
static void sync_for_a_while(void)
{
    _close_ int pidfd = -1;
    struct sys_spawn args = {.cgroup_fd = -1, .ret_pidfd = &pidfd};

    if (sys_spawn(&args, sync_disks, NULL) < 0)
        return;
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    (void)sys_poll(&end, 1, SYNC_LIMIT_MS);
}

int boot_power_off(void)
{
    sync_for_a_while();
    return sys_reboot(LINUX_REBOOT_CMD_POWER_OFF);
}
