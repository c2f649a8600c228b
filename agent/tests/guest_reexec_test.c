/* SPDX-License-Identifier: Apache-2.0 */
/* Re-execution from sealed memory, on the real kernel: this test program re-executes itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/guest/reexec.h"
#include "agent/tests/support/refuse_call.h"
#include "base/macros.h"

#define CHILD_WORD "--sealed-child"

/* ---- the child program: re-executes itself, then tells what it sees and waits for the end of its standard input ---- */

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = -3; /* ".", ".." and the directory itself */

    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static int child_main(int argc, char **argv, char **envp)
{
    struct error err = {0};
    char name[16] = "", byte;
    int before = reexec_is_sealed(&err);

    int r = reexec_sealed(argv, envp, &err);
    if (r < 0) {
        printf("error %d %s\n", r, err.text);
        fflush(stdout);
        _exit(1);
    }
    prctl(PR_GET_NAME, name);
    printf("sealed %d argc %d last %s env %s name %s fds %d\n", before, argc, argv[argc - 1], getenv("MARK") ?: "-", name,
           count_descriptors());
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}

struct child {
    pid_t pid;
    int in;
    char line[512]; /* what it told */
};

/* prepare runs in the child in front of exec. */
static void child_start(struct child *child, void (*prepare)(void))
{
    int in[2], out[2];
    size_t len = 0;

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    child->pid = fork();
    if (child->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        if (prepare)
            prepare();
        execle("/proc/self/exe", "tatami-test", CHILD_WORD, "last word", (char *)NULL, (char *[]){"MARK=kept", NULL});
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    child->in = in[1];
    while (len < sizeof(child->line) - 1 && read(out[0], child->line + len, 1) == 1 && child->line[len] != '\n')
        len++;
    child->line[len] = '\0';
    close(out[0]);
}

static int child_end(struct child *child)
{
    int status;

    close(child->in);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

static bool has(const struct child *child, const char *text)
{
    if (strstr(child->line, text))
        return true;
    print_error("child told '%s'\n", child->line);
    return false;
}

/* ---- tests ---- */

static void an_ordinary_program_is_not_sealed(void **state)
{
    (void)state;
    assert_int_equal(reexec_is_sealed(NULL), 0);
}

static void the_program_runs_on_from_sealed_memory(void **state)
{
    struct child child;
    char path[64], link[128] = "";
    (void)state;

    child_start(&child, NULL);
    snprintf(path, sizeof(path), "/proc/%d/exe", child.pid);
    assert_true(readlink(path, link, sizeof(link) - 1) > 0);
    assert_true(has(&child, "sealed 1 argc 3 last last word env kept name tatami-agent"));
    assert_non_null(strstr(link, "memfd:tatami-agent"));
    assert_int_equal(child_end(&child), 0);
}

static void inherit_nothing(void)
{
    close_range(3, ~0U, 0);
}

static void inherit_descriptor_9(void)
{
    inherit_nothing();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(fd, 9); /* survives */
    dup3(fd, 10, O_CLOEXEC);
}

/* Standard descriptors and 9, but neither the memory file nor anything else of the first program. */
static void only_descriptors_without_close_on_exec_survive(void **state)
{
    struct child plain, inheriting;
    (void)state;

    child_start(&plain, inherit_nothing);
    child_start(&inheriting, inherit_descriptor_9);
    int before = atoi(strstr(plain.line, "fds ") + 4), after = atoi(strstr(inheriting.line, "fds ") + 4);
    child_end(&plain);
    child_end(&inheriting);
    assert_int_equal(after, before + 1);
}

static void the_running_program_cannot_be_written(void **state)
{
    struct child child;
    char exe[64], held[64];
    (void)state;

    child_start(&child, NULL);
    assert_true(has(&child, "sealed 1"));
    snprintf(exe, sizeof(exe), "/proc/%d/exe", child.pid);
    assert_int_equal(open(exe, O_WRONLY | O_CLOEXEC), -1);
    assert_int_equal(errno, ETXTBSY);
    assert_int_equal(open(exe, O_RDWR | O_TRUNC | O_CLOEXEC), -1);
    assert_int_equal(truncate(exe, 0), -1);

    /* The attack holds the file open until the program has ended and writes then. */
    int fd = open(exe, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    child_end(&child);
    snprintf(held, sizeof(held), "/proc/self/fd/%d", fd);
    int writable = open(held, O_RDWR | O_CLOEXEC);
    if (writable >= 0) {
        assert_int_equal(write(writable, "x", 1), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(writable, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0), MAP_FAILED);
        close(writable);
    }
    assert_int_equal(fcntl(fd, F_GET_SEALS) & (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                     F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    close(fd);
}

static void the_copy_equals_the_program(void **state)
{
    struct child child;
    char exe[64], ours[4096], theirs[4096];
    ssize_t n, total = 0;
    (void)state;

    child_start(&child, NULL);
    snprintf(exe, sizeof(exe), "/proc/%d/exe", child.pid);
    int a = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), b = open(exe, O_RDONLY | O_CLOEXEC);
    while ((n = read(a, ours, sizeof(ours))) > 0) {
        assert_int_equal(read(b, theirs, sizeof(theirs)), n);
        assert_memory_equal(ours, theirs, (size_t)n);
        total += n;
    }
    assert_int_equal(read(b, theirs, 1), 0);
    assert_true(total > 1000);
    close(a);
    close(b);
    child_end(&child);
}

/* A memfd that is not fully sealed, as an attacker might prepare it, does not count. */
static void run_from_half_sealed_memory(void)
{
    char chunk[65536];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = memfd_create("half", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    for (ssize_t n; (n = read(from, chunk, sizeof(chunk))) > 0;) {
        if (write(to, chunk, (size_t)n) != n)
            _exit(126);
    }
    fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    execveat(to, "", (char *[]){"tatami-test", CHILD_WORD, NULL}, (char *[]){"MARK=half", NULL}, AT_EMPTY_PATH);
    _exit(125);
}

static void a_half_sealed_program_is_replaced(void **state)
{
    struct child child;
    char exe[64], link[128] = "";
    (void)state;

    child_start(&child, run_from_half_sealed_memory);
    assert_true(has(&child, "sealed 1 argc 2 last " CHILD_WORD " env half"));
    snprintf(exe, sizeof(exe), "/proc/%d/exe", child.pid);
    assert_true(readlink(exe, link, sizeof(link) - 1) > 0);
    assert_non_null(strstr(link, "memfd:tatami-agent"));
    child_end(&child);
}

static void refuse_exec_flag(void)
{
    refuse_call(SYS_memfd_create, 1, 0x10 | MFD_CLOEXEC | MFD_ALLOW_SEALING, EINVAL);
}

static void a_kernel_without_the_exec_flag_is_served(void **state)
{
    struct child child;
    (void)state;

    child_start(&child, refuse_exec_flag);
    assert_true(has(&child, "sealed 1"));
    child_end(&child);
}

/* ---- failures: each in a forked child, which tells the result by its exit status ---- */

static void hide_proc(void)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", "/proc", "tmpfs", 0, NULL))
        _exit(100);
}

static void allow_no_descriptor(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0});
}

static void allow_one_descriptor(void)
{
    int next = dup(0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + 1, (rlim_t)next + 1});
    close(next);
}

static void allow_small_files(void)
{
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
}

static void refuse_get_seals(void)
{
    refuse_call(SYS_fcntl, 1, F_GET_SEALS, EPERM);
}

static void refuse_add_seals(void)
{
    refuse_call(SYS_fcntl, 1, F_ADD_SEALS, EPERM);
}

static void refuse_read(void)
{
    refuse_call(SYS_read, REFUSE_ANY, 0, EIO);
}

static void do_nothing(void)
{
}

static void failures_are_reported_and_change_nothing(void **state)
{
    static const struct {
        const char *label;
        void (*prepare)(void);
        bool needs_root;
        int r;
        const char *text;
    } rows[] = {
        {"no proc", hide_proc, true, -ENOENT, "open '/proc/self/exe': ENOENT: No such file or directory"},
        {"no descriptor", allow_no_descriptor, false, -EMFILE, "open '/proc/self/exe': EMFILE: Too many open files"},
        {"no memory file", allow_one_descriptor, false, -EMFILE,
         "create a memory file for the agent: EMFILE: Too many open files"},
        {"no room", allow_small_files, false, -EFBIG, "copy '/proc/self/exe' into memory: EFBIG: File too large"},
        {"no seals to be read", refuse_get_seals, false, -EPERM,
         "get seals of '/proc/self/exe': EPERM: Operation not permitted"},
        {"no seals to be set", refuse_add_seals, false, -EPERM,
         "seal the memory file of the agent: EPERM: Operation not permitted"},
        {"unreadable", refuse_read, false, -EIO, "read '/proc/self/exe': EIO: Input/output error"},
        {"bad argv", do_nothing, false, -EFAULT, "execute the memory file of the agent: EFAULT: Bad address"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        int status;
        if (row->needs_root && geteuid() != 0) {
            print_message("'%s' needs root\n", row->label);
            continue;
        }
        pid_t pid = fork();
        if (pid == 0) {
            struct error err = {0};
            row->prepare();
            int r = reexec_sealed((char *[]){"tatami-test", (char *)8, NULL}, (char *[]){NULL}, &err);
            _exit(r != row->r ? 1 : strcmp(err.text, row->text) != 0 ? 2 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0)
            fail_msg("%s: child status %#x", row->label, (unsigned int)status);
    }
}

int main(int argc, char **argv, char **envp)
{
    if (argc > 1 && strcmp(argv[1], CHILD_WORD) == 0)
        return child_main(argc, argv, envp);

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_program_is_not_sealed),
        cmocka_unit_test(the_program_runs_on_from_sealed_memory),
        cmocka_unit_test(only_descriptors_without_close_on_exec_survive),
        cmocka_unit_test(the_running_program_cannot_be_written),
        cmocka_unit_test(the_copy_equals_the_program),
        cmocka_unit_test(a_half_sealed_program_is_replaced),
        cmocka_unit_test(a_kernel_without_the_exec_flag_is_served),
        cmocka_unit_test(failures_are_reported_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
