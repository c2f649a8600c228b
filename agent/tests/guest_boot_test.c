/* SPDX-License-Identifier: Apache-2.0 */
/* The duties of PID 1, as root on the real kernel: each test runs in a child that is PID 1 of fresh namespaces and whose root
 * is an empty tmpfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <netinet/in.h>

#include "agent/guest/boot.h"
#include "agent/guest/boot_mount.h"
#include "agent/tests/support/machine.h"
#include "agent/tests/support/refuse_call.h"
#include "base/buf.h"
#include "base/macros.h"

/* Boots up to the point where the steps start, and checks that nothing of the host is in reach. */
static void boot_to_steps(struct machine *machine)
{
    mkdir("/etc", 0755);
    machine_write_text("/etc/hostname", " \tguest-1 ignored\n");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(access(MACHINE_DEV_MARK, F_OK) == 0);
}

/* ---- early mounts ---- */

static void mounts_on_empty_root(struct machine *machine)
{
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(machine_has_mount("/proc", "proc", "rw,nosuid,nodev,noexec"));
    EXPECT(machine_has_mount("/sys", "sysfs", "rw,nosuid,nodev,noexec"));
    EXPECT(machine_has_mount("/dev", "devtmpfs", "rw,nosuid"));
    EXPECT(machine_has_mount("/dev/shm", "tmpfs", "rw,nosuid,nodev"));
    EXPECT(machine_has_mount("/dev/pts", "devpts", "rw,nosuid,noexec"));
    EXPECT(machine_has_mount("/run", "tmpfs", "rw,nosuid,nodev"));
    EXPECT(access("/dev/null", W_OK) == 0 && access("/proc/1/stat", R_OK) == 0);
    EXPECT(machine->log_text.len == 0);

    int n = machine_count_mounts();
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(machine_count_mounts() == n);
}

static void early_mounts_make_the_usual_file_systems_once(void **state)
{
    (void)state;
    assert_int_equal(machine_run(false, mounts_on_empty_root), 0);
}

static void mount_over_another_type(struct machine *machine)
{
    EXPECT(mkdir("/proc", 0755) == 0 && mkdir("/run", 0755) == 0);
    EXPECT(mount("proc", "/proc", "proc", 0, NULL) == 0);
    EXPECT(mount("x", "/run", "tmpfs", 0, NULL) == 0);
    EXPECT(mount("x", "/run", "ramfs", 0, NULL) == 0);
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(machine_has_mount("/proc", "proc", "rw,relatime"));     /* the one that was there */
    EXPECT(machine_has_mount("/run", "tmpfs", "rw,nosuid,nodev")); /* ramfs was on top */
    EXPECT(machine_has_mount("/dev/shm", "tmpfs", "rw,nosuid,nodev"));
}

static void only_the_same_type_on_top_counts_as_mounted(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, mount_over_another_type), 0);
}

static void proc_is_a_file(struct machine *machine)
{
    machine_write_text("/proc", "");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -ENOTDIR);
    EXPECT(machine_failed(machine, "mount proc on '/proc': ENOTDIR: Not a directory"));
}

static void root_is_read_only(struct machine *machine)
{
    EXPECT(mkdir("/proc", 0755) == 0);
    EXPECT(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -EROFS);
    EXPECT(machine_failed(machine, "create '/sys': EROFS: Read-only file system"));
    EXPECT(machine_has_mount("/proc", "proc", "rw"));
    EXPECT(boot_early_mounts(&machine->log, NULL) == -EROFS);
}

static void a_mount_that_fails_is_named(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, proc_is_a_file), 0);
    assert_int_equal(machine_run(true, root_is_read_only), 0);
}

static void dev_is_a_file(struct machine *machine)
{
    machine_write_text("/dev", "");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -ENOTDIR);
    EXPECT(machine_logged(machine, "mount devtmpfs on '/dev': ENOTDIR: Not a directory"));
    EXPECT(machine_failed(machine, "create '/dev/shm': ENOTDIR: Not a directory"));
}

static void a_failed_devtmpfs_only_warns(void **state)
{
    (void)state;
    assert_int_equal(machine_run(false, dev_is_a_file), 0);
}

static void no_standard_descriptors(struct machine *machine)
{
    struct stat st;
    const int saved = fcntl(2, F_DUPFD_CLOEXEC, 100);

    EXPECT(mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0); /* no console here */
    close(0);
    close(2);
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(fstat(0, &st) == 0 && st.st_rdev == makedev(1, 3));
    EXPECT(fstat(2, &st) == 0 && st.st_rdev == makedev(1, 3));
    EXPECT((fcntl(0, F_GETFL) & O_ACCMODE) == O_RDWR && (fcntl(0, F_GETFD) & FD_CLOEXEC) == 0);
    close(0);
    machine_write_text("/dev/console", "console");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    char text[8] = "";
    EXPECT(read(0, text, 7) == 7 && strcmp(text, "console") == 0);
    dup2(saved, 2);
}

static void missing_standard_descriptors_are_opened(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, no_standard_descriptors), 0);
}

static void nothing_to_open(struct machine *machine)
{
    close(0);
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -ENOENT);
    EXPECT(machine_failed(machine, "open '/dev/null' in the place of descriptor 0: ENOENT: No such file or directory"));
}

static void a_standard_descriptor_that_stays_closed_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, nothing_to_open), 0);
}

/* ---- steps ---- */

static bool loopback_works(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool works = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return works;
}

static void whole_boot(struct machine *machine)
{
    char link[64] = "";
    struct utsname uts;
    struct rlimit limit = {512, 1024};

    setrlimit(RLIMIT_NOFILE, &limit);
    umask(077);
    umask(077);
    EXPECT(!loopback_works());
    boot_to_steps(machine);
    machine_write_text("/dev/ptmx", "not the link");
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);

    EXPECT(machine_has_mount("/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime"));
    EXPECT(readlink("/dev/ptmx", link, sizeof(link)) > 0 && strcmp(link, "/dev/pts/ptmx") == 0);
    EXPECT(getsid(0) == 1);
    EXPECT(uname(&uts) == 0 && strcmp(uts.nodename, "guest-1") == 0);
    EXPECT(umask(0) == 022);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max && limit.rlim_max >= 1024);
    EXPECT(loopback_works());
    /* A child pid namespace has no ctrl-alt-del of its own; the attempt is seen by the warning. */
    EXPECT(machine_logged(machine, "boot: ctrl-alt-del: disable ctrl-alt-del: EINVAL"));
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
}

static void the_duties_of_init_are_done(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, whole_boot), 0);
}

static void terminal(struct machine *machine)
{
    boot_to_steps(machine);
    int pty = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlock = 0;
    EXPECT(pty >= 0 && ioctl(pty, TIOCSPTLCK, &unlock) == 0);
    int slave = ioctl(pty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT(slave >= 0 && dup2(slave, 0) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(tcgetsid(0) == 1);
}

static void the_terminal_on_descriptor_0_becomes_the_controlling_one(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, terminal), 0);
}

static void leader_already(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(setsid() == 1);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
}

static void a_session_leader_stays_one(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, leader_already), 0);
}

/* ---- host names ---- */

static void host_names(struct machine *machine)
{
    static const struct {
        const char *text; /* NULL: no file */
        const char *name;
    } rows[] = {
        {"plain", "plain"},
        {"two words\n", "two"},
        {"\n\n next-line\n", "next-line"},
        {"", "localhost"},
        {" \n", "localhost"},
        {NULL, "localhost"},
        /* One too long is refused by the kernel; the name before stays. */
        {"a2345678901234567890123456789012345678901234567890123456789012345", "before"},
    };

    boot_to_steps(machine);
    FOR_ROWS (row, rows) {
        struct utsname uts;
        EXPECT(sethostname("before", 6) == 0);
        unlink("/etc/hostname");
        if (row->text)
            machine_write_text("/etc/hostname", row->text);
        EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
        uname(&uts);
        if (strcmp(uts.nodename, row->name) != 0)
            machine_fail(__LINE__, row->name);
    }
    EXPECT(!strstr(machine->log_text.data, "/etc/hostname")); /* that there is none is no problem */
    EXPECT(machine_logged(machine, "boot: hostname: set host name 'a23456789012345678901234567890123456789012345678901234567890"
                                   "12345': EINVAL"));
}

static void the_host_name_is_the_first_word_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, host_names), 0);
}

/* ---- cgroups ---- */

static void enabled_controllers_are_found(void **state)
{
    static const struct {
        const char *label, *text, *names;
    } rows[] = {
        {"empty", "", ""},
        {"comment alone", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n", ""},
        {"usual",
         "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\ncpu\t0\t1\t1\nmemory\t4\t15\t0\ndevices\t5\t1\t1\n",
         "cpu cpuset devices "},
        {"no devices, no cgroups", "cpu\t1\t1\t1\nmemory\t1\t1\t1\n", ""},
        {"disabled devices, no cgroups", "cpu\t1\t1\t1\ndevices\t1\t1\t0\n", ""},
        {"unknown ones are left out", "debug\t1\t1\t1\nmisc\t1\t1\t1\ndevices\t1\t1\t1\ncpux\t1\t1\t1", "devices "},
        {"short lines are left out", "cpu\nmemory\t1\ndevices\t1\t1\t1\n\npids\t1\t1\n", "devices "},
        {"all",
         "rdma\t0\t1\t1\npids\t0\t1\t1\nhugetlb\t0\t1\t1\nnet_prio\t0\t1\t1\nperf_event\t0\t1\t1\nnet_cls\t0\t1\t1\n"
         "freezer\t0\t1\t1\ndevices\t0\t1\t1\nmemory\t0\t1\t1\ncpuset\t0\t1\t1\nblkio\t0\t1\t1\ncpuacct\t0\t1\t1\ncpu\t0\t1\t1"
         "\n",
         "cpu cpuacct blkio cpuset memory devices freezer net_cls perf_event net_prio hugetlb pids rdma "},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        unsigned int enabled = boot_v1_controllers_enabled(row->text);
        char names[256] = "";
        for (unsigned int i = 0; i < BOOT_V1_CONTROLLERS; i++) {
            if (enabled & 1u << i) {
                strcat(names, boot_v1_controllers[i]);
                strcat(names, " ");
            }
        }
        if (strcmp(names, row->names) != 0)
            fail_msg("%s: got '%s'", row->label, names);
    }
}

/* Puts a text over /proc/cgroups. */
static void cgroups_file(const char *text)
{
    machine_write_text("/cgroups", text);
    EXPECT(mount("/cgroups", "/proc/cgroups", NULL, MS_BIND, NULL) == 0);
}

/* Lines of the host's controllers that have a hierarchy of version 1: others cannot be mounted in a namespace. */
static void v1_lines(struct buf *out)
{
    _buf_ struct buf text = BUF_INIT(65536);

    machine_read_text("/proc/cgroups", &text);
    buf_append_str(out, "");
    for (char *line = text.data, *next; (next = strchr(line, '\n')); line = next + 1) {
        char name[32];
        int hierarchy = 0;
        if (sscanf(line, "%31s %d", name, &hierarchy) == 2 && hierarchy > 0)
            buf_append(out, line, (size_t)(next + 1 - line));
    }
}

static void version_1(struct machine *machine)
{
    _buf_ struct buf lines = BUF_INIT(65536);

    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    v1_lines(&lines);
    if (!strstr(lines.data, "devices\t"))
        _exit(77);
    cgroups_file(lines.data);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(machine_has_mount("/sys/fs/cgroup", "tmpfs", "ro,nosuid,nodev,noexec,mode=755"));
    EXPECT(machine_has_mount("/sys/fs/cgroup/devices", "cgroup", "rw,nosuid,nodev,noexec,relatime,devices"));
    EXPECT(access("/sys/fs/cgroup/devices/devices.list", R_OK) == 0);
    if (strstr(lines.data, "memory\t")) {
        _buf_ struct buf text = BUF_INIT(64);
        machine_read_text("/sys/fs/cgroup/memory/memory.use_hierarchy", &text);
        EXPECT(strcmp(text.data, "1\n") == 0);
    }
    EXPECT(access("/sys/fs/cgroup/rdma", F_OK) != 0);

    int n = machine_count_mounts();
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(machine_count_mounts() == n);
}

static void version_1_gets_a_hierarchy_per_controller(void **state)
{
    (void)state;
    if (machine_run(true, version_1) == 77) {
        print_message("this kernel has no devices controller of version 1\n");
        skip();
    }
}

static void no_v1(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    machine->config.cgroup_no_v1 = true;
    boot_to_steps(machine);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(machine_has_mount("/sys/fs/cgroup", "cgroup2", "rw"));
}

static void cgroup_no_v1_means_the_unified_hierarchy(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, no_v1), 0);
}

static void no_devices(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    cgroups_file("cpu\t1\t1\t1\n");
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(!machine_has_mount("/sys/fs/cgroup", "tmpfs", "ro"));
    EXPECT(machine_logged(machine, "no devices controller in /proc/cgroups: no cgroups are mounted"));
}

static void without_devices_controller_no_cgroups_are_mounted(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, no_devices), 0);
}

/* ---- failures of steps ---- */

static void no_admin(struct machine *machine)
{
    boot_to_steps(machine);
    machine_drop_capability(CAP_SYS_ADMIN);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EPERM);
    EXPECT(machine_failed(machine, "boot: cgroups: mount cgroup2 on '/sys/fs/cgroup': EPERM: Operation not permitted"));
}

static void no_admin_v1(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    cgroups_file("devices\t1\t1\t1\n");
    machine_drop_capability(CAP_SYS_ADMIN);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EPERM);
    EXPECT(machine_failed(machine, "boot: cgroups: mount tmpfs on '/sys/fs/cgroup': EPERM: Operation not permitted"));
}

static void no_such_controller(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    if (access("/proc/cgroups", R_OK) == 0)
        cgroups_file("devices\t1\t1\t1\nrdma\t1\t1\t1\n");
    int r = boot_as_init(&machine->config, &machine->log, &machine->err);
    EXPECT(r < 0);
    EXPECT(strncmp(machine->err.text, "boot: cgroups: mount cgroup on '/sys/fs/cgroup/", 47) == 0);
}

static void no_proc_cgroups(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    EXPECT(mount("x", "/proc", "tmpfs", 0, NULL) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -ENOENT);
    EXPECT(machine_failed(machine, "boot: cgroups: read '/proc/cgroups': ENOENT: No such file or directory"));
}

static void dev_is_read_only(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(mount(NULL, "/dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EROFS);
    EXPECT(machine_failed(machine, "boot: ptmx: remove '/dev/ptmx': EROFS: Read-only file system"));
}

static void ptmx_is_a_directory(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(mkdir("/dev/ptmx", 0755) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EISDIR);
    EXPECT(machine_failed(machine, "boot: ptmx: remove '/dev/ptmx': EISDIR: Is a directory"));
}

static void no_net_admin(struct machine *machine)
{
    boot_to_steps(machine);
    machine_drop_capability(CAP_NET_ADMIN);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EPERM);
    EXPECT(machine_failed(machine, "boot: loopback: bring 'lo' up: EPERM: Operation not permitted"));
}

static void no_descriptor_left(struct machine *machine)
{
    boot_to_steps(machine);
    machine_drop_capability(CAP_SYS_RESOURCE);
    int next = open("/", O_PATH | O_CLOEXEC);
    close(next);
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, (rlim_t)next}) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EMFILE);
    EXPECT(machine_failed(machine, "boot: cgroups: read '/proc/self/mountinfo': EMFILE: Too many open files"));
}

static void refused_socket(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(refuse_call(SYS_socket, 0, AF_INET, EMFILE) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EMFILE);
    EXPECT(machine_failed(machine, "boot: loopback: create a socket: EMFILE: Too many open files"));
}

static void refused_link(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(refuse_call(SYS_symlinkat, REFUSE_ANY, 0, ENOSPC) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -ENOSPC);
    EXPECT(machine_failed(machine, "boot: ptmx: link '/dev/ptmx' to '/dev/pts/ptmx': ENOSPC: No space left on device"));
}

static void refused_session(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(refuse_call(SYS_setsid, REFUSE_ANY, 0, ENOSYS) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -ENOSYS);
    EXPECT(machine_failed(machine, "boot: session: start a session: ENOSYS: Function not implemented"));
}

static void refused_flags(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(refuse_call(SYS_ioctl, 1, SIOCGIFFLAGS, ENODEV) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -ENODEV);
    EXPECT(machine_failed(machine, "boot: loopback: read the flags of 'lo': ENODEV: No such device"));
}

static void refused_remount(struct machine *machine)
{
    _buf_ struct buf lines = BUF_INIT(65536);

    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    v1_lines(&lines);
    if (!strstr(lines.data, "devices\t"))
        return;
    cgroups_file(lines.data);
    EXPECT(refuse_call(SYS_mount, 3, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_REMOUNT | MS_RDONLY, EBUSY) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EBUSY);
    EXPECT(machine_failed(machine, "boot: cgroups: make '/sys/fs/cgroup' read-only: EBUSY: Device or resource busy"));
}

static void refused_limit(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(refuse_call(SYS_prlimit64, REFUSE_ANY, 0, EPERM) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(machine_logged(machine, "boot: open files: raise the limit of open files: EPERM: Operation not permitted"));
}

static void a_failed_step_is_named(void **state)
{
    static void (*const cases[])(struct machine * machine) = {
        no_admin,      no_admin_v1,        no_such_controller, no_proc_cgroups, dev_is_read_only, ptmx_is_a_directory,
        no_net_admin,  no_descriptor_left, refused_link,       refused_session, refused_flags,    refused_remount,
        refused_limit, refused_socket,
    };
    (void)state;

    FOR_ROWS (one, cases)
        assert_int_equal(machine_run(true, *one), 0);
}

static void one_descriptor_limit_below(struct machine *machine)
{
    struct rlimit limit;

    boot_to_steps(machine);
    machine_drop_capability(CAP_SYS_RESOURCE);
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){300, 700}) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 700 && limit.rlim_max == 700);
    EXPECT(machine_logged(machine, "raise the limit of open files to 1048576: EPERM, so it is 700"));
}

static void the_limit_of_open_files_is_raised_as_far_as_possible(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, one_descriptor_limit_below), 0);
}

/* ---- subreaper, power off ---- */

static void orphans_come_to_the_subreaper(void **state)
{
    int status;
    (void)state;

    pid_t pid = fork();
    if (pid == 0) {
        int is = 0;
        if (boot_subreaper(NULL) != 0 || prctl(PR_GET_CHILD_SUBREAPER, &is) || is != 1)
            _exit(1);
        pid_t middle = fork();
        if (middle == 0) {
            if (fork() == 0)
                _exit(42);
            _exit(7);
        }
        int sum = 0;
        while (wait(&status) > 0)
            sum += WEXITSTATUS(status);
        _exit(sum == 49 ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void agent_is_undumpable(void **state)
{
    int status;
    (void)state;

    pid_t pid = fork();
    if (pid == 0)
        _exit(prctl(PR_GET_DUMPABLE) == 1 && boot_undumpable(NULL) == 0 ? prctl(PR_GET_DUMPABLE) : 9);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* In a child pid namespace the kernel answers a power-off by ending the namespace: init dies of SIGINT. */
static void switch_off(struct machine *machine)
{
    (void)machine;
    EXPECT(getpid() == 1);
    boot_power_off();
    EXPECT(false);
}

static void power_off_ends_the_machine(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, switch_off), 128 + SIGINT);
}

static void not_allowed_to_switch_off(struct machine *machine)
{
    (void)machine;
    machine_drop_capability(CAP_SYS_BOOT);
    EXPECT(boot_power_off() == -EPERM);
}

static void a_failed_power_off_returns(void **state)
{
    (void)state;
    assert_int_equal(machine_run(true, not_allowed_to_switch_off), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_mounts_make_the_usual_file_systems_once),
        cmocka_unit_test(only_the_same_type_on_top_counts_as_mounted),
        cmocka_unit_test(a_mount_that_fails_is_named),
        cmocka_unit_test(a_failed_devtmpfs_only_warns),
        cmocka_unit_test(missing_standard_descriptors_are_opened),
        cmocka_unit_test(a_standard_descriptor_that_stays_closed_is_an_error),
        cmocka_unit_test(the_duties_of_init_are_done),
        cmocka_unit_test(the_terminal_on_descriptor_0_becomes_the_controlling_one),
        cmocka_unit_test(a_session_leader_stays_one),
        cmocka_unit_test(the_host_name_is_the_first_word_of_the_file),
        cmocka_unit_test(enabled_controllers_are_found),
        cmocka_unit_test(version_1_gets_a_hierarchy_per_controller),
        cmocka_unit_test(cgroup_no_v1_means_the_unified_hierarchy),
        cmocka_unit_test(without_devices_controller_no_cgroups_are_mounted),
        cmocka_unit_test(a_failed_step_is_named),
        cmocka_unit_test(the_limit_of_open_files_is_raised_as_far_as_possible),
        cmocka_unit_test(orphans_come_to_the_subreaper),
        cmocka_unit_test(agent_is_undumpable),
        cmocka_unit_test(power_off_ends_the_machine),
        cmocka_unit_test(a_failed_power_off_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
