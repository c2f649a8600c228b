/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#define REPORT_FD 200

void machine_fail(int line, const char *text)
{
    dprintf(REPORT_FD, "line %d: %s (errno %d)\n", line, text, errno);
    _exit(1);
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

void machine_write_text(const char *path, const char *text)
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

    snprintf(inside, sizeof(inside), "%s/%s", devtmpfs, strrchr(dir, '/') + 1);
    snprintf(dev, sizeof(dev), "%s/dev", dir);
    EXPECT(mkdir(dev, 0755) == 0 && mkdir(inside, 0755) == 0);
    EXPECT(mount(inside, dev, NULL, MS_BIND, NULL) == 0);
    snprintf(mark, sizeof(mark), "%s/tatami-test", dev);
    machine_write_text(mark, "");
}

static void dev_remove(const char *dir, const char *devtmpfs)
{
    char command[160];

    assert_int_equal(mount("dev", devtmpfs, "devtmpfs", 0, NULL), 0);
    snprintf(command, sizeof(command), "rm -rf '%s/%s'", devtmpfs, strrchr(dir, '/') + 1);
    assert_int_equal(system(command), 0);
    assert_int_equal(umount(devtmpfs), 0);
}

static void machine_main(const char *dir, bool with_dev, void (*fn)(struct machine *machine))
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
        machine_main(dir, with_dev, fn);
        _exit(0);
    }
    EXPECT(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int machine_run(bool with_dev, void (*fn)(struct machine *machine))
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
        _exit(machine_parent(dir, with_dev, fn));
    }
    close(fds[1]);
    size_t len = 0;
    for (ssize_t n; len < sizeof(text) - 1 && (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)n;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (with_dev)
        dev_remove(dir, dev);
    rmdir(dev);
    rmdir(dir);
    if (len > 0)
        fail_msg("in the machine: %s", text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void machine_drop_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    EXPECT(syscall(SYS_capget, &header, data) == 0);
    data[capability / 32].effective &= ~(1u << (capability % 32));
    data[capability / 32].permitted &= ~(1u << (capability % 32));
    EXPECT(syscall(SYS_capset, &header, data) == 0);
}

void machine_read_text(const char *path, struct buf *out)
{
    char chunk[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    EXPECT(fd >= 0);
    buf_append_str(out, "");
    for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;)
        buf_append(out, chunk, (size_t)n);
    close(fd);
}

bool machine_has_mount(const char *target, const char *fstype, const char *options)
{
    _buf_ struct buf text = BUF_INIT(1 << 20);
    bool found = false;

    machine_read_text("/proc/self/mounts", &text);
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

int machine_count_mounts(void)
{
    _buf_ struct buf text = BUF_INIT(1 << 20);
    int n = 0;

    machine_read_text("/proc/self/mounts", &text);
    for (const char *p = text.data; *p; p++)
        n += *p == '\n';
    return n;
}

bool machine_logged(const struct machine *machine, const char *text)
{
    if (machine->log_text.data && strstr(machine->log_text.data, text))
        return true;
    dprintf(REPORT_FD, "log is '%s'\n", machine->log_text.data ?: "");
    return false;
}

bool machine_failed(const struct machine *machine, const char *text)
{
    if (strcmp(machine->err.text, text) == 0)
        return true;
    dprintf(REPORT_FD, "error is '%s'\n", machine->err.text);
    return false;
}
