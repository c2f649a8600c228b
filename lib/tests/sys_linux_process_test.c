/* SPDX-License-Identifier: Apache-2.0 */
/* The wrappers for mounts and processes, each in a child and in namespaces that end with it. */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "sys_fixture.h"

#define MS_RDONLY 1
#define MNT_DETACH 2
#define OPEN_TREE_CLONE 1
#define TMPFS_MAGIC 0x01021994

/* ---- mounts ---- */

static char dir[32];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/tatami-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static bool is_tmpfs(const char *path)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static void mount_and_unmount(void)
{
    struct stat before, mounted, after;

    must_equal(stat(dir, &before), 0);
    must_equal(sys_mount("tatami", dir, "tmpfs", MS_RDONLY, "mode=0711"), 0);
    must(is_tmpfs(dir));
    must_equal(stat(dir, &mounted), 0);
    must(mounted.st_dev != before.st_dev);
    must_equal(mounted.st_mode & 07777, 0711);
    must_equal(open(dir, O_TMPFILE | O_RDWR, 0600), -1);
    must_equal(errno, EROFS);
    must_equal(sys_umount2(dir, MNT_DETACH), 0);
    must_equal(stat(dir, &after), 0);
    must(after.st_dev == before.st_dev);
    must_equal(sys_umount2(dir, 0), -EINVAL);
    must_equal(sys_mount("x", dir, "no-such-fs", 0, NULL), -ENODEV);
}

static void mounts_come_and_go(void **state)
{
    (void)state;
    in_child(CLONE_NEWNS, mount_and_unmount);
}

static void mount_with_descriptors(void)
{
    const struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    char inner[64];

    int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    must(fs >= 0);
    must_equal(sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0710", 0), 0);
    must_equal(sys_fsconfig(fs, FSCONFIG_SET_STRING, "no-such-option", "x", 0), -EINVAL);
    must_equal(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
    int mount = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC);
    must(mount >= 0);
    must_equal(sys_move_mount(mount, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH), 0);
    must(is_tmpfs(dir));

    snprintf(inner, sizeof(inner), "%s/inner", dir);
    must_equal(mkdir(inner, 0700), 0);
    int tree = sys_open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | O_CLOEXEC);
    must(tree >= 0);
    must_equal(sys_mount_setattr(tree, "", AT_EMPTY_PATH, &readonly), 0);
    must_equal(sys_move_mount(tree, "", AT_FDCWD, inner, MOVE_MOUNT_F_EMPTY_PATH), 0);
    must_equal(open(inner, O_TMPFILE | O_RDWR, 0600), -1); /* the clone is read-only, */
    must_equal(errno, EROFS);
    int fd = open(dir, O_TMPFILE | O_RDWR, 0600); /* its origin is not */
    must(fd >= 0);
    close(fd);

    int again = sys_fspick(AT_FDCWD, dir, FSPICK_CLOEXEC);
    must(again >= 0);
    must_equal(sys_fsconfig(again, FSCONFIG_SET_FLAG, "ro", NULL, 0), 0);
    must_equal(sys_fsconfig(again, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), 0);
    must_equal(open(dir, O_TMPFILE | O_RDWR, 0600), -1); /* now the file system itself is */
    must_equal(errno, EROFS);

    must_equal(sys_fspick(AT_FDCWD, "/missing", 0), -ENOENT);
    must_equal(sys_fsopen("no-such-fs", 0), -ENODEV);
    must_equal(sys_fsmount(-1, 0, 0), -EBADF);
    must_equal(sys_open_tree(AT_FDCWD, "/missing", 0), -ENOENT);
    must_equal(sys_move_mount(-1, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH), -EBADF);
    must_equal(sys_mount_setattr(AT_FDCWD, "/missing", 0, &readonly), -ENOENT);
}

static void mounts_by_descriptor(void **state)
{
    (void)state;
    in_child(CLONE_NEWNS, mount_with_descriptors);
}

static void change_root(void)
{
    struct stat st;

    must_equal(sys_mount("tatami", dir, "tmpfs", 0, NULL), 0);
    must_equal(chdir(dir), 0);
    must_equal(mkdir("mark", 0700), 0);
    must_equal(sys_pivot_root(".", "missing"), -ENOENT);
    must_equal(sys_pivot_root(".", "."), 0);
    must_equal(sys_umount2(".", MNT_DETACH), 0);
    must_equal(chdir("/"), 0);
    must_equal(stat("/mark", &st), 0);
    must_equal(stat("/tmp", &st), -1);
}

static void the_root_can_be_changed(void **state)
{
    (void)state;
    in_child(CLONE_NEWNS, change_root);
}

/* ---- processes ---- */

static void wait_for_children(void)
{
    siginfo_t info = {.si_pid = 5};
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        sys_exit(0);
    }
    must_equal(sys_waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    must_equal(info.si_pid, 0);
    int pidfd = sys_pidfd_open(pid, 0);
    must(pidfd >= 0);
    must_equal(sys_pidfd_send_signal(pidfd, 0), 0);
    must_equal(sys_pidfd_send_signal(pidfd, SIGUSR1), 0);
    must_equal(sys_waitid(P_PIDFD, pidfd, &info, WEXITED | WNOWAIT), 0);
    must_equal(info.si_pid, pid);
    must_equal(info.si_status, SIGUSR1);
    must_equal(sys_waitid(P_ALL, 0, &info, WEXITED), 0);
    must_equal(info.si_pid, pid);
    must_equal(sys_waitid(P_ALL, 0, &info, WEXITED), -ECHILD);
    must_equal(sys_pidfd_send_signal(pidfd, SIGUSR1), -ESRCH);
    must_equal(sys_pidfd_open(pid, 0), -ESRCH);

    pid = fork();
    if (pid == 0) {
        pause();
        sys_exit(0);
    }
    must_equal(sys_kill(pid, SIGUSR2), 0);
    must_equal(sys_waitid(P_PID, pid, &info, WEXITED), 0);
    must_equal(info.si_status, SIGUSR2);
    must_equal(sys_kill(pid, SIGUSR2), -ESRCH);
}

static void children_are_waited_for_and_signalled(void **state)
{
    (void)state;
    in_child(0, wait_for_children);
}

static pid_t parent;

static void know_oneself(void)
{
    must_equal(sys_getpid(), getpid());
    must_equal(sys_getppid(), parent);
    must_equal(sys_geteuid(), geteuid());
    must_equal(sys_getegid(), getegid());
    must_equal(sys_setsid(), getpid());
    must_equal(getsid(0), getpid());
    must_equal(sys_setsid(), -EPERM);
}

static void a_process_knows_itself(void **state)
{
    (void)state;
    parent = getpid();
    in_child(0, know_oneself);
}

static void change_namespaces(void)
{
    char name[64] = {0};

    int old = open("/proc/self/ns/uts", O_RDONLY);
    must_equal(sys_unshare(CLONE_NEWUTS), 0);
    must_equal(sys_sethostname("tatami-test", 11), 0);
    must_equal(gethostname(name, sizeof(name)), 0);
    must(strcmp(name, "tatami-test") == 0);
    must_equal(sys_setns(old, CLONE_NEWUTS), 0);
    must_equal(gethostname(name, sizeof(name)), 0);
    must(strcmp(name, "tatami-test") != 0);
    must_equal(sys_setns(old, CLONE_NEWNET), -EINVAL);
    must_equal(sys_unshare(1), -EINVAL);
    must_equal(sys_sethostname(name, 65), -EINVAL);
}

static void namespaces_change(void **state)
{
    (void)state;
    in_child(CLONE_NEWUTS, change_namespaces);
}

static void change_attributes(void)
{
    struct rlimit limit = {7, 9}, old;
    sigset_t mask;

    must_equal(sys_prctl(PR_SET_NAME, (unsigned long)"tatami", 0, 0, 0), 0);
    char name[16];
    must_equal(prctl(PR_GET_NAME, name), 0);
    must(strcmp(name, "tatami") == 0);
    must_equal(sys_prctl(-1, 0, 0, 0, 0), -EINVAL);
    must_equal(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1), -EINVAL); /* the last argument arrives */

    must_equal(sys_prlimit(0, RLIMIT_CORE, &limit, &old), 0);
    must_equal(getrlimit(RLIMIT_CORE, &old), 0);
    must_equal(old.rlim_cur, 7);
    must_equal(old.rlim_max, 9);
    must_equal(sys_prlimit(getpid(), RLIMIT_CORE, NULL, &limit), 0);
    must_equal(limit.rlim_cur, 7);
    must_equal(sys_prlimit(0, 99, NULL, &limit), -EINVAL);

    must_equal(sys_signal(SIGUSR1, SIG_IGN), 0);
    raise(SIGUSR1);
    must_equal(sys_signal(SIGUSR1, SIG_DFL), 0);
    must_equal(sys_signal(SIGKILL, SIG_IGN), -EINVAL);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    must_equal(sys_sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    raise(SIGUSR1);
    must_equal(sys_sigprocmask(SIG_UNBLOCK, &mask, NULL), 0); /* now it kills */
}

static void attributes_of_a_process_change(void **state)
{
    (void)state;
    int status = status_in_child(0, change_attributes);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGUSR1);
}

static void change_identity(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    const gid_t groups[] = {5, 6};
    gid_t got[8], r_gid, e_gid, s_gid;
    uid_t r_uid, e_uid, s_uid;

    must_equal(sys_setgroups(2, groups), 0);
    must_equal(getgroups(8, got), 2);
    must_equal(got[1], 6);
    must_equal(sys_setresgid(10, 11, 12), 0);
    must_equal(getresgid(&r_gid, &e_gid, &s_gid), 0);
    must(r_gid == 10 && e_gid == 11 && s_gid == 12);

    must_equal(sys_capget(&header, data), 0);
    must(data[0].effective & 1U << CAP_CHOWN);
    data[0].effective &= ~(1U << CAP_CHOWN);
    must_equal(sys_capset(&header, data), 0);
    must_equal(chown("/proc/self", 1, 1), -1);
    must_equal(errno, EPERM);
    data[0].permitted = 0;
    must_equal(sys_capset(&header, data), -EPERM); /* effective is no part of permitted any more */
    header.version = 1;
    must_equal(sys_capget(&header, data), -EINVAL);

    must_equal(sys_setresuid(20, 21, 22), 0);
    must_equal(getresuid(&r_uid, &e_uid, &s_uid), 0);
    must(r_uid == 20 && e_uid == 21 && s_uid == 22);
    must_equal(sys_setresuid(0, 0, 0), -EPERM);
    must_equal(sys_setresgid(0, 0, 0), -EPERM);
    must_equal(sys_setgroups(0, NULL), -EPERM);
}

static void the_identity_changes(void **state)
{
    (void)state;
    in_child(CLONE_NEWNS, change_identity);
}

static void filter_calls(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {ARRAY_SIZE(code), code};

    must_equal(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    must_equal(sys_seccomp_filter(0, &program), 0);
    must_equal(sys_getppid(), -77);
    must_equal(sys_getpid(), getpid());
    must_equal(sys_seccomp_filter(0x80000000, &program), -EINVAL);
}

static void a_filter_takes_calls_away(void **state)
{
    (void)state;
    in_child(0, filter_calls);
}

/* As under valgrind: no epoll_pwait2(2). */
static void wait_with_milliseconds(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {ARRAY_SIZE(code), code};
    struct epoll_event event = {.events = EPOLLIN};

    must_equal(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    must_equal(sys_seccomp_filter(0, &program), 0);
    int epfd = sys_epoll_create1(EPOLL_CLOEXEC);
    must_equal(sys_epoll_wait(epfd, &event, 1, 0), 0);
    uint64_t before = sys_monotonic_ns();
    must_equal(sys_epoll_wait(epfd, &event, 1, 1500000), 0);
    must(sys_monotonic_ns() - before >= 1500000);
    before = sys_monotonic_ns();
    must_equal(sys_epoll_wait(epfd, &event, 1, 2000000), 0);
    must(sys_monotonic_ns() - before >= 2000000);

    int fd = eventfd(1, EFD_CLOEXEC);
    must_equal(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event), 0);
    must_equal(sys_epoll_wait(epfd, &event, 1, -1), 1);
    must_equal(sys_epoll_wait(epfd, &event, 1, INT64_MAX), 1);
    must_equal(sys_epoll_wait(-1, &event, 1, -1), -EBADF);
}

static void an_older_epoll_is_good_enough(void **state)
{
    (void)state;
    in_child(0, wait_with_milliseconds);
}

/* ---- the machine: a pid namespace whose first process asks for a reboot loses that process ---- */

static int reboot_as_init(void *arg)
{
    return sys_reboot(*(unsigned int *)arg) < 0 ? 1 : 0;
}

static void reboot_namespaces(void)
{
    static const struct {
        unsigned int cmd;
        int signal;
    } rows[] = {{LINUX_REBOOT_CMD_RESTART, SIGHUP}, {LINUX_REBOOT_CMD_POWER_OFF, SIGINT}};
    struct sys_spawn args = {.flags = CLONE_NEWPID, .cgroup_fd = -1};
    siginfo_t info;

    FOR_ROWS (row, rows) {
        unsigned int cmd = row->cmd;
        int pid = sys_spawn(&args, reboot_as_init, &cmd);
        must(pid > 0);
        must_equal(sys_waitid(P_PID, pid, &info, WEXITED), 0);
        must_equal(info.si_code, CLD_KILLED);
        must_equal(info.si_status, row->signal);
    }
    unsigned int cmd = LINUX_REBOOT_CMD_CAD_ON; /* not for a namespace */
    int pid = sys_spawn(&args, reboot_as_init, &cmd);
    must_equal(sys_waitid(P_PID, pid, &info, WEXITED), 0);
    must_equal(info.si_status, 1);
}

static void reboot_ends_the_pid_namespace(void **state)
{
    (void)state;
    in_child(CLONE_NEWNS, reboot_namespaces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mounts_come_and_go, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(mounts_by_descriptor, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(the_root_can_be_changed, make_dir, remove_dir),
        cmocka_unit_test(children_are_waited_for_and_signalled),
        cmocka_unit_test(a_process_knows_itself),
        cmocka_unit_test(namespaces_change),
        cmocka_unit_test(attributes_of_a_process_change),
        cmocka_unit_test(the_identity_changes),
        cmocka_unit_test(a_filter_takes_calls_away),
        cmocka_unit_test(an_older_epoll_is_good_enough),
        cmocka_unit_test(reboot_ends_the_pid_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
