/* SPDX-License-Identifier: Apache-2.0 */
/* procfs: what is there and who may look, links that lead to places, the texts about a process, parameters of the kernel. */
#include <sched.h>
#include <sys/prctl.h>

#include "mocks/tests/cgroups.h"
#include "mocks/tests/tasks.h"

static const char *link_text(const char *path)
{
    static _Thread_local char text[4096];
    ssize_t n = sys_readlinkat(AT_FDCWD, path, text, sizeof(text) - 1);

    if (n < 0)
        snprintf(text, sizeof(text), "-%s", strerrorname_np((int)-n));
    else
        text[n] = '\0';
    return text;
}

static const char *of(int pid, const char *file)
{
    static _Thread_local char path[128];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    return path;
}

/* Rest of the line of a key in a text. */
static const char *line_of(const char *path, const char *key)
{
    static _Thread_local char line[512];
    const char *at = strstr(text_of(AT_FDCWD, path), key);

    snprintf(line, sizeof(line), "%.*s", at ? (int)strcspn(at + strlen(key), "\n") : 4, at ? at + strlen(key) : "none");
    return line;
}

/* ---- what is there ---- */

CONFORM_CASE(types_and_modes)
{
    static const struct {
        const char *label;
        unsigned int mode;
    } rows[] = {
        {"/proc", S_IFDIR | 0555},
        {"/proc/1", S_IFDIR | 0555},
        {"/proc/self", S_IFLNK | 0777},
        {"/proc/thread-self", S_IFLNK | 0777},
        {"/proc/mounts", S_IFLNK | 0777},
        {"/proc/net", S_IFLNK | 0777},
        {"/proc/sys", S_IFDIR | 0555},
        {"/proc/sys/kernel", S_IFDIR | 0555},
        {"/proc/sys/kernel/hostname", S_IFREG | 0644},
        {"/proc/sys/kernel/cap_last_cap", S_IFREG | 0444},
        {"/proc/sys/kernel/ns_last_pid", S_IFREG | 0666},
        {"/proc/bus", S_IFDIR | 0555},
        {"/proc/fs", S_IFDIR | 0555},
        {"/proc/irq", S_IFDIR | 0555},
        {"/proc/acpi", S_IFDIR | 0555},
        {"/proc/cgroups", S_IFREG | 0444},
        {"/proc/cmdline", S_IFREG | 0444},
        {"/proc/cpuinfo", S_IFREG | 0444},
        {"/proc/devices", S_IFREG | 0444},
        {"/proc/filesystems", S_IFREG | 0444},
        {"/proc/interrupts", S_IFREG | 0444},
        {"/proc/keys", S_IFREG | 0444},
        {"/proc/loadavg", S_IFREG | 0444},
        {"/proc/meminfo", S_IFREG | 0444},
        {"/proc/partitions", S_IFREG | 0444},
        {"/proc/stat", S_IFREG | 0444},
        {"/proc/swaps", S_IFREG | 0444},
        {"/proc/timer_list", S_IFREG | 0400},
        {"/proc/uptime", S_IFREG | 0444},
        {"/proc/version", S_IFREG | 0444},
        {"/proc/1/attr", S_IFDIR | 0555},
        {"/proc/1/cgroup", S_IFREG | 0444},
        {"/proc/1/cmdline", S_IFREG | 0444},
        {"/proc/1/comm", S_IFREG | 0644},
        {"/proc/1/cwd", S_IFLNK | 0777},
        {"/proc/1/environ", S_IFREG | 0400},
        {"/proc/1/exe", S_IFLNK | 0777},
        {"/proc/1/fd", S_IFDIR | 0500},
        {"/proc/1/fdinfo", S_IFDIR | 0555},
        {"/proc/1/gid_map", S_IFREG | 0644},
        {"/proc/1/limits", S_IFREG | 0444},
        {"/proc/1/mountinfo", S_IFREG | 0444},
        {"/proc/1/mounts", S_IFREG | 0444},
        {"/proc/1/mountstats", S_IFREG | 0400},
        {"/proc/1/net", S_IFDIR | 0555},
        {"/proc/1/ns", S_IFDIR | 0511},
        {"/proc/1/ns/uts", S_IFLNK | 0777},
        {"/proc/1/oom_score_adj", S_IFREG | 0644},
        {"/proc/1/root", S_IFLNK | 0777},
        {"/proc/1/setgroups", S_IFREG | 0644},
        {"/proc/1/stat", S_IFREG | 0444},
        {"/proc/1/statm", S_IFREG | 0444},
        {"/proc/1/status", S_IFREG | 0444},
        {"/proc/1/task", S_IFDIR | 0555},
        {"/proc/1/task/1", S_IFDIR | 0555},
        {"/proc/1/task/1/children", S_IFREG | 0444},
        {"/proc/1/task/1/status", S_IFREG | 0444},
        {"/proc/1/uid_map", S_IFREG | 0644},
    };
    struct stat st;

    FOR_CASES(row, rows)
    {
        if (expect(sys_fstatat(AT_FDCWD, row->label, &st, AT_SYMLINK_NOFOLLOW), 0))
            expect(st.st_mode, row->mode);
    }
}

CONFORM_CASE(what_is_not_there)
{
    static const struct {
        const char *label;
        int result;
    } rows[] = {
        {"/proc/99999", -ENOENT},
        {"/proc/0", -ENOENT},
        {"/proc/01", -ENOENT},
        {"/proc/+1", -ENOENT},
        {"/proc/-1", -ENOENT},
        {"/proc/1x", -ENOENT},
        {"/proc/nonsense", -ENOENT},
        {"/proc/1/nonsense", -ENOENT},
        {"/proc/1/children", -ENOENT},
        {"/proc/1/task/2", -ENOENT},
        {"/proc/1/task/1/task", -ENOENT},
        {"/proc/self/fd/999", -ENOENT},
        {"/proc/self/fd/-1", -ENOENT},
        {"/proc/self/fd/00", -ENOENT},
        {"/proc/self/ns/nonsense", -ENOENT},
        {"/proc/sys/nonsense", -ENOENT},
        {"/proc/sys/kernel/nonsense", -ENOENT},
        {"/proc/cmdline/x", -ENOTDIR},
        {"/proc/99999999999", -ENOENT},
    };
    struct stat st;

    FOR_CASES(row, rows)
    expect(sys_fstatat(AT_FDCWD, row->label, &st, 0), row->result);
}

CONFORM_CASE(nothing_can_be_made)
{
    expect(sys_mkdirat(AT_FDCWD, "/proc/new", 0755), -ENOENT);
    expect(sys_openat(AT_FDCWD, "/proc/new", O_CREAT | O_WRONLY, 0644), -ENOENT);
    expect(sys_unlinkat(AT_FDCWD, "/proc/cmdline", 0), -EPERM);
    expect(sys_unlinkat(AT_FDCWD, "/proc/1", AT_REMOVEDIR), -EPERM);
    expect(sys_mkdirat(AT_FDCWD, "/proc/1", 0755), -EEXIST);
    expect(sys_symlinkat("x", AT_FDCWD, "/proc/link"), -ENOENT);
    struct statfs st;
    int fd = sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_CLOEXEC, 0);
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_type, 0x9fa0);
}

/* ---- links ---- */

CONFORM_CASE(self_is_the_reader)
{
    char text[64];

    snprintf(text, sizeof(text), "%d", sys_getpid());
    expect_text(link_text("/proc/self"), text);
    snprintf(text, sizeof(text), "%d/task/%d", sys_getpid(), sys_getpid());
    expect_text(link_text("/proc/thread-self"), text);
    expect_text(link_text("/proc/mounts"), "self/mounts");
    expect_text(link_text("/proc/net"), "self/net");
}

CONFORM_CASE(links_of_descriptors)
{
    char path[64], text[64];
    struct stat st;
    int pipe[2];

    expect(put(AT_FDCWD, "/tmp/file", "x"), -ENOENT);
    int fd = sys_openat(AT_FDCWD, "/tmp/file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    expect_text(link_text(path), "/tmp/file");
    expect(sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    expect(st.st_mode, S_IFLNK | 0700);
    expect(sys_unlinkat(AT_FDCWD, "/tmp/file", 0), 0);
    expect_text(link_text(path), "/tmp/file (deleted)");
    int again = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    expect_true(again >= 0);
    expect(sys_write(fd, "abc", 3), 3);
    expect(sys_read(again, text, sizeof(text)), 3);

    sys_pipe2(pipe, O_CLOEXEC);
    sys_fstat(pipe[0], &st);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe[0]);
    snprintf(text, sizeof(text), "pipe:[%lu]", (unsigned long)st.st_ino);
    expect_text(link_text(path), text);
    expect(sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    expect(st.st_mode, S_IFLNK | 0500);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe[1]);
    int writer = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0);
    expect_true(writer >= 0);
    expect(sys_write(writer, "x", 1), 1);
    expect(sys_read(pipe[0], text, 1), 1);
}

CONFORM_CASE(descriptors_that_do_not_open_again)
{
    char path[64];
    int sockets[2];

    expect(sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", sockets[0]);
    expect(sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), -ENXIO);
    expect(strncmp(link_text(path), "socket:[", 8), 0);
    int event = sys_eventfd(0, O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", event);
    expect_text(link_text(path), "anon_inode:[eventfd]");
    expect(sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), -ENXIO);
    int epoll = sys_epoll_create1(O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", epoll);
    expect_text(link_text(path), "anon_inode:[eventpoll]");
    sys_close(event);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", event);
    expect_text(link_text(path), "-ENOENT");
    expect(sys_openat(AT_FDCWD, path, O_RDONLY, 0), -ENOENT);
}

CONFORM_CASE(links_of_places)
{
    expect(sys_mkdirat(AT_FDCWD, "/tmp/dir", 0755), 0);
    expect(sys_chdir("/tmp/dir"), 0);
    expect_text(link_text("/proc/self/cwd"), "/tmp/dir");
    expect_text(link_text("/proc/self/root"), "/");
    expect(put(AT_FDCWD, "/proc/self/root/proc/self/comm", "x"), 0);
    expect_text(text_of(AT_FDCWD, "/proc/self/comm"), "x\n");
    struct stat one, other;
    expect(sys_fstatat(AT_FDCWD, "/proc/self/cwd", &one, 0), 0);
    expect(sys_fstatat(AT_FDCWD, "/tmp/dir", &other, 0), 0);
    expect(one.st_ino, other.st_ino);
    expect(sys_unlinkat(AT_FDCWD, "/tmp/dir", AT_REMOVEDIR), 0);
    expect_text(link_text("/proc/self/cwd"), "/tmp/dir (deleted)");
}

static int look_at_exe(void *arg)
{
    (void)arg;
    char *argv[] = {"show_exe", NULL}, *envp[] = {NULL};
    return sys_execveat(AT_FDCWD, CONFORM_BIN "show_exe", argv, envp, 0) < 0;
}

CONFORM_PROGRAM(show_exe)
{
    struct stat one, other;

    if (strcmp(link_text("/proc/self/exe"), CONFORM_BIN "show_exe") != 0)
        return 1;
    if (sys_fstatat(AT_FDCWD, "/proc/self/exe", &one, 0) < 0 || sys_fstatat(AT_FDCWD, CONFORM_BIN "show_exe", &other, 0) < 0)
        return 2;
    if (one.st_ino != other.st_ino)
        return 3;
    if (strcmp(text_of(AT_FDCWD, "/proc/self/comm"), "show_exe\n") != 0)
        return 4;
    return strcmp(text_of(AT_FDCWD, "/proc/self/cmdline"), "show_exe") != 0 ? 5 : 0;
}

CONFORM_CASE(exe_is_the_program)
{
    expect(in_child(look_at_exe, NULL), 0);
}

/* ---- who may look ---- */

struct look {
    const char *file;
    int target;
    bool follow;
};

static int look_as_user(void *arg)
{
    const struct look *look = arg;

    if (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 200;
    if (!look->follow) {
        const char *text = link_text(of(look->target, look->file));
        return text[0] == '-' ? (strcmp(text, "-EACCES") == 0 ? EACCES : 201) : 0;
    }
    int fd = sys_openat(AT_FDCWD, of(look->target, look->file), O_RDONLY | O_CLOEXEC, 0);
    char byte;
    if (fd >= 0 && look->file[0] == 'e' && look->file[1] == 'n')
        return (int)-sys_read(fd, &byte, 0);
    return fd < 0 ? -fd : 0;
}

CONFORM_CASE(others_do_not_look_into_root)
{
    static const struct {
        const char *label, *file;
        bool follow;
        int result;
    } rows[] = {
        {"names its exe", "exe", false, EACCES},
        {"opens its exe", "exe", true, EACCES},
        {"names its root", "root", false, EACCES},
        {"opens its root", "root", true, EACCES},
        {"names its cwd", "cwd", false, EACCES},
        {"opens its cwd", "cwd", true, EACCES},
        {"lists its fd", "fd", true, EACCES},
        {"names its namespace", "ns/uts", false, EACCES},
        {"opens its namespace", "ns/uts", true, EACCES},
        {"lists its namespaces", "ns", true, EACCES},
        {"reads its environment", "environ", true, EACCES},
        {"reads its mountstats", "mountstats", true, EACCES},
        {"reads its status", "status", true, 0},
        {"reads its cmdline", "cmdline", true, 0},
        {"reads its cgroup", "cgroup", true, 0},
        {"reads its mountinfo", "mountinfo", true, 0},
        {"reads its limits", "limits", true, 0},
        {"reads its uid_map", "uid_map", true, 0},
        {"lists its tasks", "task", true, 0},
    };

    FOR_CASES(row, rows)
    expect(in_child(look_as_user, &(struct look){row->file, 1, row->follow}), row->result);
}

static int look_at_itself(void *arg)
{
    (void)arg;
    if (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 200;
    struct stat st;
    if (sys_fstatat(AT_FDCWD, "/proc/self/fd", &st, 0) < 0 || st.st_uid != 0) /* not dumpable any more */
        return 1;
    if (sys_fstatat(AT_FDCWD, "/proc/self", &st, 0) < 0 || st.st_uid != 1000)
        return 2;
    int fd = sys_openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 3;
    return sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0) < 0 ? 4 : 0;
}

CONFORM_CASE(everybody_looks_into_himself)
{
    expect(in_child(look_at_itself, NULL), 0);
}

/* ---- the end of a process ---- */

CONFORM_CASE(what_a_zombie_shows)
{
    siginfo_t info;
    int pid = spawn(sleep_for_ever, NULL);

    sys_kill(pid, SIGKILL);
    expect(sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    expect_text(line_of(of(pid, "status"), "State:\t"), "Z (zombie)");
    expect_text(text_of(AT_FDCWD, of(pid, "cmdline")), "");
    expect_text(text_of(AT_FDCWD, of(pid, "mountinfo")), "-EINVAL");
    expect_text(link_text(of(pid, "exe")), "-ENOENT");
    expect_text(link_text(of(pid, "cwd")), "-ENOENT");
    expect_text(link_text(of(pid, "root")), "-ENOENT");
    expect_text(link_text(of(pid, "ns/uts")), "-ENOENT");
    expect_text(link_text(of(pid, "ns/mnt")), "-ENOENT");
    expect_true(strncmp(link_text(of(pid, "ns/user")), "user:[", 6) == 0);
    expect_text(link_text(of(pid, "fd/0")), "-ENOENT");
    expect(strncmp(line_of(of(pid, "stat"), ") "), "Z ", 2), 0);
    collect(pid);
}

CONFORM_CASE(files_of_a_process_that_is_gone)
{
    int pid = spawn(sleep_for_ever, NULL);
    int dir = sys_openat(AT_FDCWD, of(pid, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int status = sys_openat(dir, "status", O_RDONLY | O_CLOEXEC, 0);
    int adj = sys_openat(dir, "oom_score_adj", O_RDWR | O_CLOEXEC, 0);
    char text[64];

    kill_and_collect(pid);
    expect(sys_read(status, text, sizeof(text)), -ESRCH);
    expect(sys_write(adj, "100", 3), -ESRCH);
    expect(sys_openat(dir, "status", O_RDONLY | O_CLOEXEC, 0), -ESRCH);
    expect(sys_openat(AT_FDCWD, of(pid, "status"), O_RDONLY | O_CLOEXEC, 0), -ENOENT);
    expect(sys_readlinkat(dir, "exe", text, sizeof(text)), -ESRCH);
}

/* ---- texts ---- */

CONFORM_CASE(status_of_a_process)
{
    char text[64];
    int pid = spawn(sleep_for_ever, NULL);

    expect(settles(pid, 'S'), 'S');
    snprintf(text, sizeof(text), "%d", pid);
    expect_text(line_of(of(pid, "status"), "\nPid:\t"), text);
    expect_text(line_of(of(pid, "status"), "\nTgid:\t"), text);
    snprintf(text, sizeof(text), "%d", sys_getpid());
    expect_text(line_of(of(pid, "status"), "\nPPid:\t"), text);
    expect_text(line_of(of(pid, "status"), "State:\t"), "S (sleeping)");
    expect_text(line_of("/proc/self/status", "State:\t"), "R (running)");
    expect_text(line_of(of(pid, "status"), "\nUid:\t"), "0\t0\t0\t0");
    expect_text(line_of(of(pid, "status"), "\nThreads:\t"), "1");
    expect_text(line_of(of(pid, "status"), "\nUmask:\t"), "0022");
    expect_text(line_of(of(pid, "status"), "\nNoNewPrivs:\t"), "0");
    expect_text(line_of(of(pid, "status"), "\nSeccomp:\t"), "0");
    expect(sys_kill(pid, SIGSTOP), 0);
    expect(settles(pid, 'T'), 'T');
    expect_text(line_of(of(pid, "status"), "State:\t"), "T (stopped)");
    kill_and_collect(pid);
}

CONFORM_CASE(signals_in_status)
{
    uint64_t mask = 1 << (SIGUSR1 - 1);

    expect(sys_signal(SIGUSR2, SIG_IGN), 0);
    expect(sys_sigprocmask(SIG_BLOCK, (sigset_t *)(void *)&mask, NULL), 0);
    sys_kill(sys_getpid(), SIGUSR1);
    expect_text(line_of("/proc/self/status", "\nSigBlk:\t"), "0000000000000200");
    expect_true(strtoull(line_of("/proc/self/status", "\nSigIgn:\t"), NULL, 16) & 1 << (SIGUSR2 - 1));
    expect_text(line_of("/proc/self/status", "\nShdPnd:\t"), "0000000000000200");
    expect(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    expect_text(line_of("/proc/self/status", "\nNoNewPrivs:\t"), "1");
}

static int numbers_inside(void *arg)
{
    (void)arg;
    if (sys_mkdirat(AT_FDCWD, "/tmp/inner", 0755) < 0 || sys_mount("proc", "/tmp/inner", "proc", 0, NULL) < 0)
        return 1;
    if (strcmp(link_text("/tmp/inner/self"), "1") != 0)
        return 2;
    if (strcmp(line_of("/tmp/inner/1/status", "\nPPid:\t"), "0") != 0)
        return 3;
    if (strcmp(line_of("/tmp/inner/1/status", "\nNSpid:\t"), "1") != 0)
        return 4;
    return strchr(line_of("/proc/self/status", "\nNSpid:\t"), '\t') ? 0 : 5; /* from outside: two numbers */
}

CONFORM_CASE(a_mount_shows_the_pid_namespace_of_its_maker)
{
    struct sys_spawn args = {.flags = CLONE_NEWPID, .cgroup_fd = -1};

    expect(collect(sys_spawn(&args, numbers_inside, NULL)), 0);
    expect_text(link_text("/tmp/inner/self"), "-ENOENT"); /* the reader is not in there */
}

CONFORM_CASE(children_of_a_process)
{
    char text[64];
    int one = spawn(sleep_for_ever, NULL), other = spawn(sleep_for_ever, NULL);

    snprintf(text, sizeof(text), "%d %d ", one, other);
    expect_text(text_of(AT_FDCWD, "/proc/thread-self/children"), text);
    kill_and_collect(one);
    snprintf(text, sizeof(text), "%d ", other);
    expect_text(text_of(AT_FDCWD, "/proc/thread-self/children"), text);
    kill_and_collect(other);
    expect_text(text_of(AT_FDCWD, "/proc/thread-self/children"), "");
}

CONFORM_CASE(limits_in_a_table)
{
    struct rlimit limit = {100, 200};

    expect(sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
    expect_text(line_of("/proc/self/limits", "Max open files "),
                "           100                  200                  files     ");
    expect_text(line_of("/proc/self/limits", "Max cpu time "),
                "             unlimited            unlimited            seconds   ");
    expect_text(line_of("/proc/self/limits", "Max nice priority "), "        0                    0                    ");
}

CONFORM_CASE(writes_to_oom_score_adj)
{
    static const struct {
        const char *label, *text;
        int result;
        const char *shown;
    } rows[] = {
        {"positive", "500", 0, "500\n"},
        {"with newline", "700\n", 0, "700\n"},
        {"highest", "1000", 0, "1000\n"},
        {"too high", "1001", -EINVAL, "1000\n"},
        {"too low", "-1001", -EINVAL, "1000\n"},
        {"no number", "abc", -EINVAL, "1000\n"},
        {"rest", "5x", -EINVAL, "1000\n"},
        {"hexadecimal", "0x10", 0, "16\n"},
        {"zero", "0", 0, "0\n"},
    };

    FOR_CASES(row, rows)
    {
        expect(put(AT_FDCWD, "/proc/self/oom_score_adj", row->text), row->result);
        expect_text(text_of(AT_FDCWD, "/proc/self/oom_score_adj"), row->shown);
    }
}

static int lower_as_user(void *arg)
{
    (void)arg;
    if (put(AT_FDCWD, "/proc/self/oom_score_adj", "100") < 0)
        return 1;
    int fd = sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (sys_setresuid(1000, 1000, 1000) < 0)
        return 2;
    if (sys_write(fd, "200", 3) != 3)
        return 3;
    sys_close(fd);
    return -put(AT_FDCWD, "/proc/self/oom_score_adj", "-500"); /* the file is root's: not dumpable */
}

CONFORM_CASE(lowering_oom_score_adj_takes_privilege)
{
    expect(in_child(lower_as_user, NULL), EACCES);
}

CONFORM_CASE(attributes_without_a_security_module)
{
    if (sys_faccessat(AT_FDCWD, "/sys/module/apparmor", F_OK, 0) == 0)
        conform_not_runnable("AppArmor is built in");
    expect_text(text_of(AT_FDCWD, "/proc/self/attr/current"), "-EINVAL");
    expect_text(text_of(AT_FDCWD, "/proc/self/attr/exec"), "-EINVAL");
}

/* ---- parameters ---- */

static const struct {
    const char *label, *text;
    int result;
    const char *shown;
} parameters[] = {
    {"kernel/cap_last_cap", NULL, 0, "40\n"},
    {"kernel/ostype", NULL, 0, "Linux\n"},
    {"kernel/shm_rmid_forced", NULL, 0, "0\n"},
    {"kernel/shm_rmid_forced", "1", 0, "1\n"},
    {"kernel/shm_rmid_forced", "2", -EINVAL, "0\n"},
    {"kernel/shm_rmid_forced", "x", -EINVAL, "0\n"},
    {"kernel/msgmax", NULL, 0, "8192\n"},
    {"kernel/msgmax", "65536", 0, "65536\n"},
    {"kernel/msgmax", "65536\n", 0, "65536\n"},
    {"kernel/msgmax", "-1", -EINVAL, "8192\n"},
    {"kernel/msgmnb", "1000", 0, "1000\n"},
    {"kernel/msgmni", "100", 0, "100\n"},
    {"kernel/msgmni", "40000", -EINVAL, "32000\n"},
    {"kernel/sem", NULL, 0, "32000\t1024000000\t500\t32000\n"},
    {"kernel/sem", "250 32000 32 128", 0, "250\t32000\t32\t128\n"},
    {"kernel/sem", "250", 0, "250\t1024000000\t500\t32000\n"},
    {"kernel/shmall", NULL, 0, "18446744073692774399\n"},
    {"kernel/shmall", "1000", 0, "1000\n"},
    {"kernel/shmmax", "1000000", 0, "1000000\n"},
    {"kernel/shmmni", "100", 0, "100\n"},
    {"kernel/shmmni", "32769", -EINVAL, "4096\n"},
    {"kernel/hostname", "conform", 0, "conform\n"},
    {"kernel/hostname", "conform\nrest", 0, "conform\n"},
    {"kernel/domainname", "conform.test", 0, "conform.test\n"},
    {"kernel/domainname", NULL, 0, "(none)\n"},
    {"fs/mqueue/msg_max", NULL, 0, "10\n"},
    {"fs/mqueue/msg_max", "20", 0, "20\n"},
    {"fs/mqueue/msg_max", "0", -EINVAL, "10\n"},
    {"fs/mqueue/msgsize_max", "100", -EINVAL, "8192\n"},
    {"fs/mqueue/queues_max", "5", 0, "5\n"},
    {"fs/mqueue/nonsense", "5", -ENOENT, "-ENOENT"},
    {"net/core/somaxconn", NULL, 0, "4096\n"},
    {"net/core/somaxconn", "128", 0, "128\n"},
    {"net/ipv4/ip_forward", NULL, 0, "0\n"},
    {"net/ipv4/ip_forward", "1", 0, "1\n"},
    {"net/ipv4/ip_forward", "abc", -EINVAL, "0\n"},
    {"net/ipv4/ip_unprivileged_port_start", NULL, 0, "1024\n"},
    {"net/ipv4/ip_unprivileged_port_start", "0", 0, "0\n"},
    {"net/ipv4/ip_unprivileged_port_start", "65536", -EINVAL, "1024\n"},
    {"net/ipv4/ping_group_range", NULL, 0, "1\t0\n"},
    {"net/ipv4/ping_group_range", "0 2147483647", 0, "0\t2147483647\n"},
    {"net/ipv4/ip_local_port_range", NULL, 0, "32768\t60999\n"},
    {"net/ipv4/ip_local_port_range", "1024 65535", 0, "1024\t65535\n"},
    {"net/unix/max_dgram_qlen", "10", 0, "10\n"},
    {"net/ipv6/conf/all/disable_ipv6", "1", 0, "1\n"},
    {"kernel/cap_last_cap", "1", -EACCES, "40\n"},
    {"kernel/osrelease", "x", -EACCES, NULL},
};

/* Each in namespaces of its own, since a value of the first ones would stay. */
static int in_fresh_namespaces(void *arg)
{
    size_t i = *(const size_t *)arg;
    char path[128];

    if (sys_unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
        return 1;
    /* New namespaces inherit these two from a machine that may have set them. */
    put(AT_FDCWD, "/proc/sys/kernel/domainname", "(none)");
    put(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0");
    snprintf(path, sizeof(path), "/proc/sys/%s", parameters[i].label);
    if (parameters[i].text)
        expect(put(AT_FDCWD, path, parameters[i].text), parameters[i].result);
    if (parameters[i].shown)
        expect_text(text_of(AT_FDCWD, path), parameters[i].shown);
    return 0;
}

CONFORM_CASE(parameters_of_the_kernel)
{
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
        conform_row(parameters[i].label);
        expect(in_child(in_fresh_namespaces, &i), 0);
    }
}

static int write_inside(void *arg)
{
    const char *path = arg;

    if (sys_unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
        return 1;
    return put(AT_FDCWD, path, "77") < 0 ? 2 : strcmp(text_of(AT_FDCWD, path), "77\n") != 0;
}

CONFORM_CASE(parameters_belong_to_namespaces)
{
    static const struct {
        const char *label;
    } rows[] = {
        {"/proc/sys/kernel/msgmax"},   {"/proc/sys/fs/mqueue/queues_max"},    {"/proc/sys/net/core/somaxconn"},
        {"/proc/sys/kernel/hostname"}, {"/proc/sys/net/ipv4/ip_default_ttl"},
    };

    FOR_CASES(row, rows)
    {
        expect(in_child(write_inside, (void *)row->label), 0);
        expect_true(strcmp(text_of(AT_FDCWD, row->label), "77\n") != 0);
    }
}

static int write_as_user(void *arg)
{
    if (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 200;
    return -put(AT_FDCWD, arg, "1");
}

CONFORM_CASE(only_root_sets_parameters)
{
    static const struct {
        const char *label;
        int result;
    } rows[] = {
        {"/proc/sys/kernel/msgmax", EACCES},       {"/proc/sys/net/ipv4/ip_forward", EACCES},
        {"/proc/sys/kernel/hostname", EACCES},     {"/proc/sys/fs/mqueue/msg_max", EACCES},
        {"/proc/sys/kernel/cap_last_cap", EACCES}, {"/proc/sys/kernel/ns_last_pid", EPERM},
    };

    FOR_CASES(row, rows)
    expect(in_child(write_as_user, (void *)row->label), row->result);
}
