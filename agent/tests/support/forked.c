/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/forked.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"

static void run_child(int (*fn)(void *arg, FILE *out), void *arg, int fd)
{
    /* cmocka would take a deadly signal for the end of a test and go on in the child. */
    static const int caught[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};
    FOR_ROWS (sig, caught)
        signal(*sig, SIG_DFL);

    FILE *out = fdopen(fd, "w");
    setvbuf(out, NULL, _IONBF, 0);
    _exit(fn(arg, out));
}

struct forked forked_run(int (*fn)(void *arg, FILE *out), void *arg)
{
    struct forked result = {0};
    size_t len = 0;
    ssize_t n;
    int fds[2], status;

    fflush(NULL);
    if (pipe(fds) < 0)
        abort();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        close(fds[0]);
        run_child(fn, arg, fds[1]);
    }
    close(fds[1]);
    while ((n = read(fds[0], result.text + len, sizeof(result.text) - 1 - len)) > 0)
        len += (size_t)n;
    close(fds[0]);
    if (waitpid(pid, &status, 0) != pid)
        abort();
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return result;
}

static void load(struct sock_filter *instructions, size_t n)
{
    struct sock_fprog program = {.len = (unsigned short)n, .filter = instructions};

    /* With CAP_SYS_ADMIN a filter needs no no_new_privs, which some tests look at. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
        return;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        abort();
}

void forked_break(long nr, int errnum)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errnum),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    load(instructions, ARRAY_SIZE(instructions));
}

/* Little-endian machines: the low half of an argument comes first. */
void forked_break_arg(long nr, int arg, uint32_t value, int errnum)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)arg)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errnum),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    load(instructions, ARRAY_SIZE(instructions));
}

void forked_status_line(const char *key, FILE *out)
{
    char line[512];
    size_t len = strlen(key);
    FILE *status = fopen("/proc/self/status", "re");

    while (status && fgets(line, sizeof(line), status)) {
        if (strncmp(line, key, len) != 0 || line[len] != ':')
            continue;
        const char *value = line + len + 1;
        value += strspn(value, " \t");
        for (; *value && *value != '\n'; value++)
            fputc(*value == '\t' ? ' ' : *value, out);
        fputc(' ', out);
    }
    if (status)
        fclose(status);
}
