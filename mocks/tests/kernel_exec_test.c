/* SPDX-License-Identifier: Apache-2.0 */
/* execveat(2): what can be executed, what a program finds, what it loses. */
#include <sys/prctl.h>

#include "mocks/tests/conform.h"

#define AT(fd, path, flags) sys_execveat(fd, path, (char *[]){"x", NULL}, NULL, flags)

/* Exits with the number that its first argument says. */
CONFORM_PROGRAM(number)
{
    return argc > 1 ? atoi(argv[1]) : 100 + argc;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = sys_openat(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

    expect_true(fd >= 0);
    sys_write(fd, text, strlen(text));
    sys_fchmod(fd, mode);
    sys_close(fd);
}

/* ---- refusals ---- */

struct target {
    const char *path;
    int flags;
    uid_t uid;
};

static int try_exec(void *arg)
{
    const struct target *target = arg;

    sys_setresuid(target->uid, target->uid, target->uid);
    return -AT(AT_FDCWD, target->path, target->flags);
}

CONFORM_CASE(what_cannot_be_executed)
{
    static const struct {
        const char *label;
        struct target target;
        int result;
    } rows[] = {
        {"nothing there", {"/tmp/none", 0, 0}, ENOENT},
        {"no name", {"", 0, 0}, ENOENT},
        {"below a file", {CONFORM_BIN "number/x", 0, 0}, ENOTDIR},
        {"a directory", {"/tmp", 0, 0}, EACCES},
        {"a directory, by a user", {"/tmp", 0, 5}, EACCES},
        {"no execute bit, root", {"/tmp/plain", 0, 0}, EACCES},
        {"execute bit for others, not for the group", {"/tmp/others", 0, 5}, EACCES},
        {"execute bit for the owner only", {"/tmp/owner", 0, 5}, EACCES},
        {"empty", {"/tmp/empty", 0, 0}, ENOEXEC},
        {"text", {"/tmp/text", 0, 0}, ENOEXEC},
        {"script without interpreter and line end: the working directory", {"/tmp/hash", 0, 0}, EACCES},
        {"script of blanks without line end", {"/tmp/blanks", 0, 0}, EACCES},
        {"script without interpreter", {"/tmp/line", 0, 0}, ENOEXEC},
        {"script of one long name", {"/tmp/long", 0, 0}, ENOEXEC},
        {"script with blanks only", {"/tmp/blank", 0, 0}, ENOEXEC},
        {"script of a missing interpreter", {"/tmp/missing", 0, 0}, ENOENT},
        {"script of itself", {"/tmp/self", 0, 0}, ELOOP},
        {"script of a file that is not executable", {"/tmp/plainly", 0, 0}, EACCES},
        {"script of a directory", {"/tmp/dirly", 0, 0}, EACCES},
        {"dangling link", {"/tmp/dangling", 0, 0}, ENOENT},
        {"link, not followed", {"/tmp/link", AT_SYMLINK_NOFOLLOW, 0}, ELOOP},
        {"unknown flag", {CONFORM_BIN "number", 0x40000, 0}, EINVAL},
        {"fifo", {"/tmp/fifo", 0, 0}, EACCES},
    };

    char name[400] = "";

    write_file("/tmp/plain", "x", 0644);
    write_file("/tmp/others", "x", 0005);
    write_file("/tmp/owner", "x", 0700);
    write_file("/tmp/empty", "", 0755);
    write_file("/tmp/text", "hello\n", 0755);
    write_file("/tmp/hash", "#!", 0755);
    write_file("/tmp/blanks", "#!  ", 0755);
    write_file("/tmp/line", "#!\n", 0755);
    memset(name, 'x', sizeof(name) - 1);
    memcpy(name, "#!/", 3);
    write_file("/tmp/long", name, 0755);
    write_file("/tmp/blank", "#!   \n", 0755);
    write_file("/tmp/missing", "#!/tmp/none\n", 0755);
    write_file("/tmp/self", "#!/tmp/self\n", 0755);
    write_file("/tmp/plainly", "#!/tmp/plain\n", 0755);
    write_file("/tmp/dirly", "#!/tmp\n", 0755);
    sys_symlinkat("/tmp/none", AT_FDCWD, "/tmp/dangling");
    sys_symlinkat(CONFORM_BIN "number", AT_FDCWD, "/tmp/link");
    sys_mknodat(AT_FDCWD, "/tmp/fifo", S_IFIFO | 0755, 0);
    FOR_CASES(row, rows)
    expect(in_child(try_exec, (void *)&row->target), row->result);
}

static int exec_open_file(void *arg)
{
    int fd = sys_openat(AT_FDCWD, CONFORM_BIN "number", *(int *)arg | O_CLOEXEC, 0);

    if (fd < 0)
        return 99;
    return -AT(AT_FDCWD, CONFORM_BIN "number", 0);
}

CONFORM_CASE(a_program_that_is_open_for_writing_is_busy)
{
    static const struct {
        const char *label;
        int flags, status;
    } rows[] = {
        {"written", O_WRONLY, ETXTBSY},
        {"read and written", O_RDWR, ETXTBSY},
        {"read", O_RDONLY, 101},
        {"a place", O_PATH, 101},
    };

    FOR_CASES(row, rows)
    {
        int flags = row->flags;
        expect(in_child(exec_open_file, &flags), row->status);
    }
}

/* ---- success ---- */

struct call {
    const char *path;
    char *argv[4];
};

static int exec_call(void *arg)
{
    struct call *call = arg;

    return -sys_execveat(AT_FDCWD, call->path, call->argv, NULL, 0);
}

CONFORM_CASE(a_program_gets_its_arguments)
{
    static const struct {
        const char *label;
        struct call call;
        int status;
    } rows[] = {
        {"one", {CONFORM_BIN "number", {"a", NULL}}, 101},
        {"two", {CONFORM_BIN "number", {"a", "17", NULL}}, 17},
        {"three", {CONFORM_BIN "number", {"a", "18", "c", NULL}}, 18},
        {"none: an empty one is added", {CONFORM_BIN "number", {NULL}}, 101},
        {"through a link", {"/tmp/link", {"a", "19", NULL}}, 19},
        {"through a relative path", {"tmp/../tmp/link", {"a", "20", NULL}}, 20},
    };

    sys_symlinkat(CONFORM_BIN "number", AT_FDCWD, "/tmp/link");
    sys_chdir("/");
    FOR_CASES(row, rows)
    {
        struct call call = row->call;
        expect(in_child(exec_call, &call), row->status);
    }
}

CONFORM_PROGRAM(arguments)
{
    int fd = sys_openat(AT_FDCWD, "/tmp/out", O_CREAT | O_TRUNC | O_WRONLY, 0644);

    for (int i = 0; i < argc; i++) {
        sys_write(fd, argv[i], strlen(argv[i]));
        sys_write(fd, "|", 1);
    }
    for (int i = 0; envp && envp[i]; i++) {
        sys_write(fd, "+", 1);
        sys_write(fd, envp[i], strlen(envp[i]));
    }
    return 0;
}

static void expect_output(const char *text)
{
    char got[1024];
    int fd = sys_openat(AT_FDCWD, "/tmp/out", O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = sys_read(fd, got, sizeof(got) - 1);

    got[n < 0 ? 0 : n] = '\0';
    expect_text(got, text);
    sys_close(fd);
    sys_unlinkat(AT_FDCWD, "/tmp/out", 0);
}

struct full_call {
    const char *path;
    char *argv[4], *envp[3];
};

static int exec_full(void *arg)
{
    struct full_call *call = arg;

    return -sys_execveat(AT_FDCWD, call->path, call->argv, call->envp, 0);
}

CONFORM_CASE(environment_and_arguments_arrive)
{
    static const struct {
        const char *label;
        struct full_call call;
        const char *output;
    } rows[] = {
        {"both", {CONFORM_BIN "arguments", {"p", "a b", "", NULL}, {"X=1", "Y=", NULL}}, "p|a b||+X=1+Y="},
        {"no environment", {CONFORM_BIN "arguments", {"p", NULL}, {NULL}}, "p|"},
        {"environment only", {CONFORM_BIN "arguments", {NULL}, {"A=b", NULL}}, "|+A=b"},
    };

    FOR_CASES(row, rows)
    {
        expect(in_child(exec_full, (void *)&row->call), 0);
        expect_output(row->output);
    }
}

/* The interpreter of these scripts is a program of ours, so its own name is the path it is found by. */
CONFORM_CASE(a_script_runs_its_interpreter)
{
    static const struct {
        const char *label, *text, *output;
    } rows[] = {
        {"plain", "#!" CONFORM_BIN "arguments\n", CONFORM_BIN "arguments|/tmp/script|one|"},
        {"no end of line", "#!" CONFORM_BIN "arguments", CONFORM_BIN "arguments|/tmp/script|one|"},
        {"blanks", "#!  " CONFORM_BIN "arguments  \nrest\n", CONFORM_BIN "arguments|/tmp/script|one|"},
        {"argument", "#!" CONFORM_BIN "arguments -x\n", CONFORM_BIN "arguments|-x|/tmp/script|one|"},
        {"argument with blanks is one", "#!" CONFORM_BIN "arguments \t-x  y \n",
         CONFORM_BIN "arguments|-x  y|/tmp/script|one|"},
    };
    struct full_call call = {"/tmp/script", {"ignored", "one", NULL}, {NULL}};

    FOR_CASES(row, rows)
    {
        write_file("/tmp/script", row->text, 0755);
        expect(in_child(exec_full, &call), 0);
        expect_output(row->output);
    }
}

/* ---- through descriptors ---- */

static int exec_fd(void *arg)
{
    int *flags = arg;
    int fd = sys_openat(AT_FDCWD, "/tmp/bin", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

    (void)flags;
    return -sys_execveat(fd, "number", (char *[]){"a", "31", NULL}, NULL, 0);
}

CONFORM_CASE(a_program_is_found_from_a_directory)
{
    expect(in_child(exec_fd, NULL), 31);
}

static int exec_wrong_fd(void *arg)
{
    (void)arg;
    if (AT(-1, "number", 0) != -EBADF)
        return 1;
    if (AT(999, "", AT_EMPTY_PATH) != -EBADF)
        return 2;
    int file = sys_openat(AT_FDCWD, CONFORM_BIN "number", O_RDONLY | O_CLOEXEC, 0);
    if (AT(file, "x", 0) != -ENOTDIR)
        return 3;
    if (AT(file, "", 0) != -ENOENT)
        return 4;
    int dir = sys_openat(AT_FDCWD, "/tmp", O_RDONLY | O_CLOEXEC, 0);
    return AT(dir, "", AT_EMPTY_PATH) == -EACCES ? 0 : 5;
}

CONFORM_CASE(wrong_descriptors_are_refused)
{
    expect(in_child(exec_wrong_fd, NULL), 0);
}

/* ---- sizes ---- */

static int exec_large(void *arg)
{
    size_t len = *(size_t *)arg;
    char *large = malloc(len);

    memset(large, 'x', len - 1);
    large[len - 1] = '\0';
    int r = -sys_execveat(AT_FDCWD, CONFORM_BIN "number", (char *[]){"a", "0", large, NULL}, NULL, 0);
    free(large);
    return r;
}

CONFORM_CASE(an_argument_has_at_most_128_KiB)
{
    static const struct {
        const char *label;
        size_t len;
        int status;
    } rows[] = {
        {"small", 10, 0},
        {"131072", 131072, 0},
        {"131073", 131073, E2BIG},
    };

    FOR_CASES(row, rows)
    {
        size_t len = row->len;
        expect(in_child(exec_large, &len), row->status);
    }
}

static int exec_many(void *arg)
{
    static char text[100000];
    int n = *(int *)arg;
    char *argv[64] = {"a", "0"};

    memset(text, 'x', sizeof(text) - 1);
    for (int i = 2; i < n + 2; i++)
        argv[i] = text;
    return -sys_execveat(AT_FDCWD, CONFORM_BIN "number", argv, NULL, 0);
}

CONFORM_CASE(all_arguments_together_have_a_quarter_of_the_stack)
{
    static const struct {
        const char *label;
        int n;
        int status;
    } rows[] = {{"one", 1, 0}, {"twenty", 20, 0}, {"forty", 40, E2BIG}};

    sys_prlimit(0, RLIMIT_STACK, &(struct rlimit){8388608, RLIM_INFINITY}, NULL);
    FOR_CASES(row, rows)
    {
        int n = row->n;
        expect(in_child(exec_many, &n), row->status);
    }
}

/* ---- what is lost and kept ---- */

CONFORM_PROGRAM(descriptors)
{
    int status = 0;

    for (int fd = 20; fd < 24; fd++)
        status |= sys_fcntl(fd, F_GETFD, 0) >= 0 ? 1 << (fd - 20) : 0;
    return status;
}

static int exec_descriptors(void *arg)
{
    int pipe[2];

    (void)arg;
    sys_pipe2(pipe, 0);
    sys_dup3(pipe[0], 20, 0);
    sys_dup3(pipe[0], 21, O_CLOEXEC);
    sys_dup3(pipe[0], 22, O_CLOEXEC);
    sys_fcntl(22, F_SETFD, 0);
    sys_dup3(pipe[0], 23, 0);
    sys_close_range(23, 30, 4 /* CLOSE_RANGE_CLOEXEC */);
    AT(AT_FDCWD, CONFORM_BIN "descriptors", 0);
    return 99;
}

CONFORM_CASE(descriptors_that_close_on_exec_are_closed)
{
    expect(in_child(exec_descriptors, NULL), 1 | 4);
}

static int failed_exec_keeps(void *arg)
{
    int pipe[2];

    (void)arg;
    sys_pipe2(pipe, O_CLOEXEC);
    if (AT(AT_FDCWD, "/tmp/none", 0) != -ENOENT)
        return 1;
    return sys_fcntl(pipe[0], F_GETFD, 0) == FD_CLOEXEC ? 0 : 2;
}

CONFORM_CASE(a_failed_exec_changes_nothing)
{
    expect(in_child(failed_exec_keeps, NULL), 0);
}

CONFORM_PROGRAM(signals)
{
    sigset_t blocked;

    sys_sigprocmask(SIG_BLOCK, NULL, &blocked);
    sys_kill(sys_getpid(), SIGUSR1); /* ignored */
    return (sigismember(&blocked, SIGUSR2) ? 1 : 0) | (sigismember(&blocked, SIGHUP) ? 2 : 0) | 4;
}

static int exec_signals(void *arg)
{
    sigset_t set;

    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_signal(SIGUSR1, SIG_IGN);
    sys_kill(sys_getpid(), SIGUSR2);
    AT(AT_FDCWD, CONFORM_BIN "signals", 0);
    return 99;
}

CONFORM_CASE(the_mask_and_ignored_signals_stay)
{
    expect(in_child(exec_signals, NULL), 1 | 4);
}

CONFORM_PROGRAM(pending)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 99;
}

static int exec_pending(void *arg)
{
    sigset_t set;

    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    sys_kill(sys_getpid(), SIGUSR2);
    AT(AT_FDCWD, CONFORM_BIN "pending", 0);
    return 98;
}

CONFORM_CASE(a_pending_signal_stays)
{
    expect(in_child(exec_pending, NULL), -SIGUSR2);
}

/* ---- the mount has a say ---- */

static int exec_simple(void *arg)
{
    return -AT(AT_FDCWD, arg, 0);
}

CONFORM_CASE(nothing_is_executed_from_a_noexec_mount)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOEXEC};

    int r = sys_mount_setattr(AT_FDCWD, "/tmp", 0, &attr);
    expect(r, 0);
    expect(in_child(exec_simple, CONFORM_BIN "number"), EACCES);
    attr = (struct mount_attr){.attr_clr = MOUNT_ATTR_NOEXEC};
    expect(sys_mount_setattr(AT_FDCWD, "/tmp", 0, &attr), 0);
    expect(in_child(exec_simple, CONFORM_BIN "number"), 101);
}

CONFORM_CASE(names_of_processes_are_the_last_part_of_the_path)
{
    char name[16];

    expect(sys_prctl(PR_GET_NAME, (unsigned long)name, 0, 0, 0), 0);
    expect_true(name[0] != '\0');
}
