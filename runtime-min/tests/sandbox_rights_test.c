/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody who took over a monitor could do with it. */
#include "lib/tests/check.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime-min/jail/lockdown.h"
#include "runtime-min/sandbox/monitor.h"

/* The errno of a call that a monitor makes, 0 when it succeeds. */
static int after(const long call[7])
{
    int status;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err = {0};
        if (monitor_drop_rights(&err) < 0)
            _exit(99);
        long r = syscall(call[0], call[1], call[2], call[3], call[4], call[5], call[6]);
        _exit(r == -1 ? errno : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void need_filter(void)
{
#ifdef LOCKDOWN_OTHER_CALLS
    print_message("this build only logs what a monitor does not do\n");
    skip();
#endif
    if (geteuid() != 0) {
        print_message("needs root: whose rights are dropped\n");
        skip();
    }
}

static void a_monitor_cannot_leave_its_connections(void **state)
{
    static char *const none[] = {NULL};
    static const struct {
        const char *label;
        long call[7];
        int outcome;
    } rows[] = {
        {"memory", {SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, 0},
        {"the flags of a descriptor", {SYS_fcntl, 2, F_SETFL, 0}, 0},
        {"a file of root's", {SYS_openat, AT_FDCWD, (long)"/etc/shadow", O_RDONLY}, EPERM},
        {"a new file", {SYS_openat, AT_FDCWD, (long)"/etc/cron.d/new", O_WRONLY | O_CREAT, 0600}, EPERM},
        {"a place", {SYS_openat, AT_FDCWD, (long)"/", O_PATH}, EPERM},
        {"the end of a file", {SYS_unlinkat, AT_FDCWD, (long)"/none", 0}, EPERM},
        {"another name", {SYS_renameat2, AT_FDCWD, (long)"/none", AT_FDCWD, (long)"/other", 0}, EPERM},
        {"a look at a file", {SYS_newfstatat, AT_FDCWD, (long)"/", 0, 0}, EPERM},
        {"a mount", {SYS_mount, (long)"none", (long)"/mnt", (long)"tmpfs", 0, 0}, EPERM},
        {"another mount namespace", {SYS_setns, -1, CLONE_NEWNS}, EPERM},
        {"another root directory", {SYS_chroot, (long)"/"}, EPERM},
        {"the network", {SYS_socket, AF_INET, SOCK_STREAM, 0}, EPERM},
        {"another guest", {SYS_socket, AF_VSOCK, SOCK_STREAM, 0}, EPERM},
        {"another monitor", {SYS_connect, -1, 0, 0}, EPERM},
        {"a listener", {SYS_bind, -1, 0, 0}, EPERM},
        {"a program", {SYS_execve, (long)"/bin/true", (long)none, (long)none}, EPERM},
        {"a process", {SYS_clone, SIGCHLD, 0}, EPERM},
        {"code", {SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, EPERM},
        {"memory that becomes code", {SYS_mprotect, 0, 0, PROT_EXEC}, EPERM},
        {"a signal by pid", {SYS_kill, 1, 0}, EPERM},
        {"a handle of a process", {SYS_pidfd_open, 1, 0}, EPERM},
        {"a descriptor of a process", {SYS_pidfd_getfd, -1, 0, 0}, EPERM},
        {"a look into others", {SYS_ptrace, 16 /* PTRACE_ATTACH */, 1, 0}, EPERM},
        {"memory of others", {SYS_process_vm_readv, 1, 0, 0, 0, 0}, EPERM},
        {"a program of the kernel's", {SYS_bpf, 0, 0, 0}, EPERM},
        {"more rights", {SYS_capset, 0, 0}, EPERM},
        {"a module", {SYS_init_module, 0, 0, (long)""}, EPERM},
    };
    (void)state;

    need_filter();
    FOR_ROWS (row, rows)
        check_int(row->label, after(row->call), row->outcome);
}

/* Another user's process is what QEMU is. */
static void a_monitor_can_kill_whom_it_has_started_and_do_nothing_else_to_it(void **state)
{
    int pidfd = -1, status;
    (void)state;

    need_filter();
    pid_t pid = fork();
    if (pid == 0) {
        assert_int_equal(setresuid(12345, 12345, 12345), 0);
        pause();
        _exit(0);
    }
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(pidfd >= 0);
    assert_int_equal(after((long[7]){SYS_pidfd_send_signal, pidfd, SIGSTOP, 0, 0}), EPERM);
    assert_int_equal(after((long[7]){SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0}), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(pidfd);
}

/* As where a service manager allows none, and its root is not allowed to allow more. */
static void who_may_have_no_cores_may_still_give_them_up(void **state)
{
    static const struct rlimit none = {0, 0};
    struct rlimit limit = {1, 1};
    int status;
    (void)state;

    pid_t pid = fork();
    if (pid == 0) {
        if (setrlimit(RLIMIT_CORE, &none) < 0 || (geteuid() == 0 && setresuid(12345, 12345, 12345) < 0))
            _exit(1);
        if (lockdown_cores() < 0)
            _exit(2);
        _exit(getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0 || limit.rlim_max != 0 ? 3 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_monitor_cannot_leave_its_connections),
        cmocka_unit_test(a_monitor_can_kill_whom_it_has_started_and_do_nothing_else_to_it),
        cmocka_unit_test(who_may_have_no_cores_may_still_give_them_up),
    };
    return cmocka_run_group_tests_name("sandbox_rights", tests, NULL, NULL);
}
