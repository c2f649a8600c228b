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
#include <sched.h>
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
#include <netinet/in.h>

#include "agent/guest/boot.h"
#include "agent/guest/boot_mount.h"
#include "base/buf.h"
#include "base/macros.h"

/* ---- a machine to boot ---- */

#define REPORT_FD 200
#define DEV_MARK "/dev/tatami-test" /* shows that /dev is not the one of the host */

/* For use in the machine: tells the parent what does not hold. */
#define EXPECT(condition)                                                                                                      \
    do {                                                                                                                       \
        if (!(condition))                                                                                                      \
            machine_fail(__LINE__, #condition);                                                                                \
    } while (0)

static void machine_fail(int line, const char *text)
{
    dprintf(REPORT_FD, "line %d: %s (errno %d)\n", line, text, errno);
    exit(1);
}

static void machine_log(void *sink, const char *line, size_t len)
{
    buf_append(sink, line, len);
}

static uint64_t machine_time(void *sink)
{
    (void)sink;
    return 0;
}

struct machine {
    struct buf log_text;
    struct logger log;
    struct config config;
    struct error err;
};

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* A directory of the host's devtmpfs stands for the machine's: it has the type that keeps the agent from mounting another one,
 * which would show the host's own files. */
static void dev_mount(const char *dir, const char *devtmpfs)
{
    char inside[128], dev[64], mark[80];

    snprintf(inside, sizeof(inside), "%s/tatami-test-%d", devtmpfs, getpid());
    snprintf(dev, sizeof(dev), "%s/dev", dir);
    EXPECT(mkdir(dev, 0755) == 0 && mkdir(inside, 0755) == 0);
    EXPECT(mount(inside, dev, NULL, MS_BIND, NULL) == 0);
    snprintf(mark, sizeof(mark), "%s/tatami-test", dev);
    write_text(mark, "");
}

static void dev_remove(const char *dir)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'/tatami-test-*", dir);
    if (system(command) != 0)
        print_error("failed: %s\n", command);
}

static void machine_run(const char *dir, bool with_dev, void (*fn)(struct machine *machine))
{
    struct machine machine = {.log_text = BUF_INIT(65536)};
    char devtmpfs[64];

    machine.log = (struct logger){.level = LOG_TRACE,
                                  .format = LOG_TEXT,
                                  .write = machine_log,
                                  .now_realtime_ns = machine_time,
                                  .sink = &machine.log_text};
    config_defaults(&machine.config);
    machine.config.unified_cgroup_hierarchy = true;
    EXPECT(getpid() == 1);
    EXPECT(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    snprintf(devtmpfs, sizeof(devtmpfs), "%s.dev", dir);
    EXPECT(mount("dev", devtmpfs, "devtmpfs", 0, NULL) == 0);
    EXPECT(mount("tmpfs", dir, "tmpfs", 0, NULL) == 0);
    if (with_dev)
        dev_mount(dir, devtmpfs);
    EXPECT(chroot(dir) == 0 && chdir("/") == 0);
    fn(&machine);
    buf_done(&machine.log_text);
}

static int machine_parent(const char *dir, bool with_dev, void (*fn)(struct machine *machine))
{
    int status;

    EXPECT(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        machine_run(dir, with_dev, fn);
        exit(0);
    }
    EXPECT(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs fn as PID 1 of a machine; with_dev: its /dev is mounted and holds DEV_MARK. Returns its exit status. */
static int machine(bool with_dev, void (*fn)(struct machine *machine))
{
    char dir[] = "/tmp/tatami-XXXXXX", dev[64], text[512] = "";
    int fds[2], status;

    if (geteuid() != 0) {
        print_message("needs root: it makes namespaces and mounts\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    snprintf(dev, sizeof(dev), "%s.dev", dir);
    assert_int_equal(mkdir(dev, 0755), 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], REPORT_FD);
        close(fds[0]);
        close(fds[1]);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 0); /* never the terminal of whoever runs the tests: the agent takes it over */
        exit(machine_parent(dir, with_dev, fn));
    }
    close(fds[1]);
    size_t len = 0;
    for (ssize_t n; len < sizeof(text) - 1 && (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)n;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (with_dev) {
        assert_int_equal(mount("dev", dev, "devtmpfs", 0, NULL), 0);
        dev_remove(dev);
        umount(dev);
    }
    rmdir(dev);
    rmdir(dir);
    if (len > 0)
        fail_msg("in the machine: %s", text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Makes a step fail that needs the capability. */
static void drop_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    EXPECT(syscall(SYS_capget, &header, data) == 0);
    data[capability / 32].effective &= ~(1u << (capability % 32));
    data[capability / 32].permitted &= ~(1u << (capability % 32));
    EXPECT(syscall(SYS_capset, &header, data) == 0);
}

/* ---- what can be seen ---- */

static void read_text(const char *path, struct buf *out)
{
    char chunk[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    EXPECT(fd >= 0);
    buf_append_str(out, "");
    for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;)
        buf_append(out, chunk, (size_t)n);
    close(fd);
}

/* Whether the machine has the mount, with all of the options. */
static bool has_mount(const char *target, const char *fstype, const char *options)
{
    _buf_ struct buf text = BUF_INIT(1 << 20);
    bool found = false;

    read_text("/proc/self/mounts", &text);
    for (char *line = text.data, *next; (next = strchr(line, '\n')); line = next + 1) {
        char source[128], at[128], type[32], has[512], want[128];
        *next = '\0';
        if (sscanf(line, "%127s %127s %31s %511s", source, at, type, has) != 4 || strcmp(at, target) != 0)
            continue;
        found = strcmp(type, fstype) == 0;
        snprintf(want, sizeof(want), "%s", options);
        for (char *option = strtok(want, ","); option; option = strtok(NULL, ",")) {
            char *p = strstr(has, option);
            found = found && p && (p[strlen(option)] == ',' || p[strlen(option)] == '\0');
        }
    }
    return found;
}

static int count_mounts(void)
{
    _buf_ struct buf text = BUF_INIT(1 << 20);
    int n = 0;

    read_text("/proc/self/mounts", &text);
    for (const char *p = text.data; *p; p++)
        n += *p == '\n';
    return n;
}

static bool logged(const struct machine *machine, const char *text)
{
    if (machine->log_text.data && strstr(machine->log_text.data, text))
        return true;
    dprintf(REPORT_FD, "log is '%s'\n", machine->log_text.data ?: "");
    return false;
}

static bool failed(const struct machine *machine, const char *text)
{
    if (strcmp(machine->err.text, text) == 0)
        return true;
    dprintf(REPORT_FD, "error is '%s'\n", machine->err.text);
    return false;
}

/* Boots up to the point where the steps start, and checks that nothing of the host is in reach. */
static void boot_to_steps(struct machine *machine)
{
    mkdir("/etc", 0755);
    write_text("/etc/hostname", " \tguest-1 ignored\n");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(access(DEV_MARK, F_OK) == 0);
}

/* ---- early mounts ---- */

static void mounts_on_empty_root(struct machine *machine)
{
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(has_mount("/proc", "proc", "rw,nosuid,nodev,noexec"));
    EXPECT(has_mount("/sys", "sysfs", "rw,nosuid,nodev,noexec"));
    EXPECT(has_mount("/dev", "devtmpfs", "rw,nosuid"));
    EXPECT(has_mount("/dev/shm", "tmpfs", "rw,nosuid,nodev"));
    EXPECT(has_mount("/dev/pts", "devpts", "rw,nosuid,noexec"));
    EXPECT(has_mount("/run", "tmpfs", "rw,nosuid,nodev"));
    EXPECT(access("/dev/null", W_OK) == 0 && access("/proc/1/stat", R_OK) == 0);
    EXPECT(machine->log_text.len == 0);

    int n = count_mounts();
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(count_mounts() == n);
}

static void early_mounts_make_the_usual_file_systems_once(void **state)
{
    (void)state;
    assert_int_equal(machine(false, mounts_on_empty_root), 0);
}

static void mount_over_another_type(struct machine *machine)
{
    EXPECT(mkdir("/proc", 0755) == 0 && mkdir("/run", 0755) == 0);
    EXPECT(mount("proc", "/proc", "proc", 0, NULL) == 0);
    EXPECT(mount("x", "/run", "tmpfs", 0, NULL) == 0);
    EXPECT(mount("x", "/run", "ramfs", 0, NULL) == 0);
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    EXPECT(has_mount("/proc", "proc", "rw,relatime"));     /* the one that was there */
    EXPECT(has_mount("/run", "tmpfs", "rw,nosuid,nodev")); /* ramfs was on top */
    EXPECT(has_mount("/dev/shm", "tmpfs", "rw,nosuid,nodev"));
}

static void only_the_same_type_on_top_counts_as_mounted(void **state)
{
    (void)state;
    assert_int_equal(machine(true, mount_over_another_type), 0);
}

static void proc_is_a_file(struct machine *machine)
{
    write_text("/proc", "");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -ENOTDIR);
    EXPECT(failed(machine, "mount proc on '/proc': ENOTDIR: Not a directory"));
}

static void root_is_read_only(struct machine *machine)
{
    EXPECT(mkdir("/proc", 0755) == 0);
    EXPECT(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -EROFS);
    EXPECT(failed(machine, "create '/sys': EROFS: Read-only file system"));
    EXPECT(has_mount("/proc", "proc", "rw"));
    EXPECT(boot_early_mounts(&machine->log, NULL) == -EROFS);
}

static void a_mount_that_fails_is_named(void **state)
{
    (void)state;
    assert_int_equal(machine(true, proc_is_a_file), 0);
    assert_int_equal(machine(true, root_is_read_only), 0);
}

static void dev_is_a_file(struct machine *machine)
{
    write_text("/dev", "");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == -ENOTDIR);
    EXPECT(logged(machine, "mount devtmpfs on '/dev': ENOTDIR: Not a directory"));
    EXPECT(failed(machine, "create '/dev/shm': ENOTDIR: Not a directory"));
}

static void a_failed_devtmpfs_only_warns(void **state)
{
    (void)state;
    assert_int_equal(machine(false, dev_is_a_file), 0);
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
    write_text("/dev/console", "console");
    EXPECT(boot_early_mounts(&machine->log, &machine->err) == 0);
    char text[8] = "";
    EXPECT(read(0, text, 7) == 7 && strcmp(text, "console") == 0);
    dup2(saved, 2);
}

static void missing_standard_descriptors_are_opened(void **state)
{
    (void)state;
    assert_int_equal(machine(true, no_standard_descriptors), 0);
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
    write_text("/dev/ptmx", "not the link");
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);

    EXPECT(has_mount("/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime"));
    EXPECT(readlink("/dev/ptmx", link, sizeof(link)) > 0 && strcmp(link, "/dev/pts/ptmx") == 0);
    EXPECT(getsid(0) == 1);
    EXPECT(uname(&uts) == 0 && strcmp(uts.nodename, "guest-1") == 0);
    EXPECT(umask(0) == 022);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max && limit.rlim_max >= 1024);
    EXPECT(loopback_works());
    /* A child pid namespace has no ctrl-alt-del of its own; the attempt is seen by the warning. */
    EXPECT(logged(machine, "boot: ctrl-alt-del: disable ctrl-alt-del: EINVAL"));
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
}

static void the_duties_of_init_are_done(void **state)
{
    (void)state;
    assert_int_equal(machine(true, whole_boot), 0);
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
    assert_int_equal(machine(true, terminal), 0);
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
    assert_int_equal(machine(true, leader_already), 0);
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
            write_text("/etc/hostname", row->text);
        EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
        uname(&uts);
        if (strcmp(uts.nodename, row->name) != 0)
            machine_fail(__LINE__, row->name);
    }
    EXPECT(logged(machine, "read '/etc/hostname': ENOENT"));
    EXPECT(logged(machine, "boot: hostname: set host name 'a23456789012345678901234567890123456789012345678901234567890"
                           "12345': EINVAL"));
}

static void the_host_name_is_the_first_word_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(machine(true, host_names), 0);
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
    write_text("/cgroups", text);
    EXPECT(mount("/cgroups", "/proc/cgroups", NULL, MS_BIND, NULL) == 0);
}

/* Lines of the host's controllers that have a hierarchy of version 1: others cannot be mounted in a namespace. */
static void v1_lines(struct buf *out)
{
    _buf_ struct buf text = BUF_INIT(65536);

    read_text("/proc/cgroups", &text);
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
        exit(77);
    cgroups_file(lines.data);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(has_mount("/sys/fs/cgroup", "tmpfs", "ro,nosuid,nodev,noexec,mode=755"));
    EXPECT(has_mount("/sys/fs/cgroup/devices", "cgroup", "rw,nosuid,nodev,noexec,relatime,devices"));
    EXPECT(access("/sys/fs/cgroup/devices/devices.list", R_OK) == 0);
    if (strstr(lines.data, "memory\t")) {
        _buf_ struct buf text = BUF_INIT(64);
        read_text("/sys/fs/cgroup/memory/memory.use_hierarchy", &text);
        EXPECT(strcmp(text.data, "1\n") == 0);
    }
    EXPECT(access("/sys/fs/cgroup/rdma", F_OK) != 0);

    int n = count_mounts();
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(count_mounts() == n);
}

static void version_1_gets_a_hierarchy_per_controller(void **state)
{
    (void)state;
    if (machine(true, version_1) == 77) {
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
    EXPECT(has_mount("/sys/fs/cgroup", "cgroup2", "rw"));
}

static void cgroup_no_v1_means_the_unified_hierarchy(void **state)
{
    (void)state;
    assert_int_equal(machine(true, no_v1), 0);
}

static void no_devices(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    cgroups_file("cpu\t1\t1\t1\n");
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(!has_mount("/sys/fs/cgroup", "tmpfs", "ro"));
    EXPECT(logged(machine, "no devices controller in /proc/cgroups: no cgroups are mounted"));
}

static void without_devices_controller_no_cgroups_are_mounted(void **state)
{
    (void)state;
    assert_int_equal(machine(true, no_devices), 0);
}

/* ---- failures of steps ---- */

static void no_admin(struct machine *machine)
{
    boot_to_steps(machine);
    drop_capability(CAP_SYS_ADMIN);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EPERM);
    EXPECT(failed(machine, "boot: cgroups: mount cgroup2 on '/sys/fs/cgroup': EPERM: Operation not permitted"));
}

static void no_admin_v1(struct machine *machine)
{
    machine->config.unified_cgroup_hierarchy = false;
    boot_to_steps(machine);
    cgroups_file("devices\t1\t1\t1\n");
    drop_capability(CAP_SYS_ADMIN);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EPERM);
    EXPECT(failed(machine, "boot: cgroups: mount tmpfs on '/sys/fs/cgroup': EPERM: Operation not permitted"));
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
    EXPECT(failed(machine, "boot: cgroups: read '/proc/cgroups': ENOENT: No such file or directory"));
}

static void dev_is_read_only(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(mount(NULL, "/dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EROFS);
    EXPECT(failed(machine, "boot: ptmx: remove '/dev/ptmx': EROFS: Read-only file system"));
}

static void ptmx_is_a_directory(struct machine *machine)
{
    boot_to_steps(machine);
    EXPECT(mkdir("/dev/ptmx", 0755) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EISDIR);
    EXPECT(failed(machine, "boot: ptmx: remove '/dev/ptmx': EISDIR: Is a directory"));
}

static void no_net_admin(struct machine *machine)
{
    boot_to_steps(machine);
    drop_capability(CAP_NET_ADMIN);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EPERM);
    EXPECT(failed(machine, "boot: loopback: bring 'lo' up: EPERM: Operation not permitted"));
}

static void no_descriptor_left(struct machine *machine)
{
    boot_to_steps(machine);
    drop_capability(CAP_SYS_RESOURCE);
    int next = open("/", O_PATH | O_CLOEXEC);
    close(next);
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, (rlim_t)next}) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == -EMFILE);
    EXPECT(failed(machine, "boot: loopback: create a socket: EMFILE: Too many open files"));
}

static void a_failed_step_is_named(void **state)
{
    static void (*const cases[])(struct machine * machine) = {
        no_admin,         no_admin_v1,         no_such_controller, no_proc_cgroups,
        dev_is_read_only, ptmx_is_a_directory, no_net_admin,       no_descriptor_left,
    };
    (void)state;

    FOR_ROWS (one, cases)
        assert_int_equal(machine(true, *one), 0);
}

static void one_descriptor_limit_below(struct machine *machine)
{
    struct rlimit limit;

    boot_to_steps(machine);
    drop_capability(CAP_SYS_RESOURCE);
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){300, 700}) == 0);
    EXPECT(boot_as_init(&machine->config, &machine->log, &machine->err) == 0);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 700 && limit.rlim_max == 700);
}

static void the_limit_of_open_files_is_raised_as_far_as_possible(void **state)
{
    (void)state;
    assert_int_equal(machine(true, one_descriptor_limit_below), 0);
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
    assert_int_equal(machine(true, switch_off), 128 + SIGINT);
}

static void not_allowed_to_switch_off(struct machine *machine)
{
    (void)machine;
    drop_capability(CAP_SYS_BOOT);
    EXPECT(boot_power_off() == -EPERM);
}

static void a_failed_power_off_returns(void **state)
{
    (void)state;
    assert_int_equal(machine(true, not_allowed_to_switch_off), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_mounts_make_the_usual_file_systems_once),
        cmocka_unit_test(only_the_same_type_on_top_counts_as_mounted),
        cmocka_unit_test(a_mount_that_fails_is_named),
        cmocka_unit_test(a_failed_devtmpfs_only_warns),
        cmocka_unit_test(missing_standard_descriptors_are_opened),
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
        cmocka_unit_test(power_off_ends_the_machine),
        cmocka_unit_test(a_failed_power_off_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
