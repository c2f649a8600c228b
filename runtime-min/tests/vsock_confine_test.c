/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tests/check.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime-min/vsock/confine.h"
#include "sys/sys.h"

/* What becomes of a locked process that makes this call: its exit status, or minus the signal. */
static int after(const long call[7])
{
    int status;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err = {0};
        if (confine_enter("/", &err) < 0)
            _exit(99);
        long r = syscall(call[0], call[1], call[2], call[3], call[4], call[5], call[6]);
        _exit(r == -1 ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_locked_process_can_do_what_a_device_does_and_nothing_else(void **state)
{
    static const struct {
        const char *label;
        long call[7];
        int outcome;
    } rows[] = {
        {"a unix socket", {SYS_socket, AF_UNIX, SOCK_STREAM, 0}, 0},
        {"memory", {SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, 0},
        {"the flags of a descriptor", {SYS_fcntl, 2, F_SETFL, 0}, 0},
        {"a network socket", {SYS_socket, AF_INET, SOCK_STREAM, 0}, -SIGSYS},
        {"a vsock socket", {SYS_socket, AF_VSOCK, SOCK_STREAM, 0}, -SIGSYS},
        {"code", {SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, -SIGSYS},
        {"memory that becomes code", {SYS_mprotect, 0, 0, PROT_EXEC}, -SIGSYS},
        {"a file", {SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDONLY}, -SIGSYS},
        {"the end of a file", {SYS_unlinkat, AT_FDCWD, (long)"/none", 0}, -SIGSYS},
        {"a program", {SYS_execve, (long)"/bin/true", 0, 0}, -SIGSYS},
        {"a process", {SYS_clone, SIGCHLD, 0}, -SIGSYS},
        {"a signal to others", {SYS_kill, 1, 0}, -SIGSYS},
        {"a look into others", {SYS_ptrace, 0, 0, 0}, -SIGSYS},
        {"another descriptor", {SYS_fcntl, 2, F_DUPFD, 0}, -SIGSYS},
        {"a listener", {SYS_bind, -1, 0, 0}, -SIGSYS},
    };
    (void)state;

#ifdef LOCKDOWN_OTHER_CALLS
    print_message("this build only logs what a device does not do\n");
    skip();
#endif
    FOR_ROWS (row, rows)
        check_int(row->label, after(row->call), row->outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_locked_process_can_do_what_a_device_does_and_nothing_else),
    };
    return cmocka_run_group_tests_name("vsock_confine", tests, NULL, NULL);
}
