/* SPDX-License-Identifier: Apache-2.0 */
/* Cases on the real kernel: fresh namespaces for each, as root. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "mocks/tests/conform.h"

#define CASE_SECONDS 20

void conform_use_memory(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p != MAP_FAILED)
        memset(p, 1, bytes);
}

bool conform_owns_machine(void)
{
    return getenv("CONFORM_OWN_MACHINE") != NULL;
}

bool conform_is_mock(void)
{
    return false;
}

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    perror(what);
    _exit(1);
}

/* Without a process of its own: the case is to have number 2. */
static void copy_self(const char *path)
{
    struct stat st;
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

    must(from < 0 || to < 0 || fstat(from, &st) < 0, path);
    while (st.st_size > 0) {
        ssize_t n = sendfile(to, from, NULL, (size_t)st.st_size);
        must(n <= 0, path);
        st.st_size -= n;
    }
    close(from);
    close(to);
}

/* The programs are this very program, which looks at the name it was executed by. */
static void install_programs(void)
{
    char path[256], first[256] = "";

    must(mkdir("/tmp/bin", 0755), "mkdir /tmp/bin");
    for (const struct conform_program *program = __start_conform_programs; program < __stop_conform_programs; program++) {
        snprintf(path, sizeof(path), CONFORM_BIN "%s", program->name);
        if (first[0]) {
            must(link(first, path), path);
            continue;
        }
        copy_self(path);
        snprintf(first, sizeof(first), "%s", path);
    }
}

static void make_machine(void)
{
    must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private /");
    must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
    must(mount("tmpfs", "/tmp", "tmpfs", MS_NODEV, "mode=1777"), "mount /tmp");
    umask(022);
    if (__start_conform_programs)
        install_programs();
}

static int init_main(const struct conform_case *test)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Whoever started the tests may have ignored signals. */
    for (int sig = 1; sig <= 64; sig++)
        sys_signal(sig, SIG_DFL);
    make_machine();
    setsid();
    return conform_init(test) & 0xff;
}

bool conform_run(const struct conform_case *test)
{
    int status;

    fflush(stdout);
    pid_t outer = fork();
    if (outer == 0) {
        must(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET), "unshare (root?)");
        pid_t init = fork();
        if (init == 0)
            _exit(init_main(test));
        alarm(CASE_SECONDS);
        waitpid(init, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    waitpid(outer, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    printf("  %s: ended with wait status 0x%x\n", test->name, (unsigned int)status);
    return false;
}

/* Executed as one of the programs: never comes to main(). */
__attribute__((constructor)) static void run_program(int argc, char **argv, char **envp)
{
    static const size_t dir = sizeof(CONFORM_BIN) - 1;
    char path[4096] = "";

    if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 || strncmp(path, CONFORM_BIN, dir) != 0)
        return;
    for (const struct conform_program *program = __start_conform_programs; program < __stop_conform_programs; program++) {
        if (strcmp(path + dir, program->name) == 0)
            _exit(program->run(argc, argv, envp));
    }
}
