/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/kernel/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/tools.h"
#include "sys/sys.h"

#define NSEC_PER_SEC 1000000000ULL
#define CHUNK 4096
#define LONG_TIME (1000 * NSEC_PER_SEC)

void program_say(int fd, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n >= (int)sizeof(text))
        n = sizeof(text) - 1;
    (void)sys_write(fd, text, (size_t)n);
}

int program_fail(const char *name, const char *what, int errnum)
{
    program_say(2, "%s: %s: %s\n", name, what, strerrorname_np(errnum < 0 ? -errnum : errnum));
    return 1;
}

static long number(char **argv, int argc, int i, long fallback)
{
    return i < argc ? strtol(argv[i], NULL, 0) : fallback;
}

/* ---- the simplest ---- */

static int run_true(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    return 0;
}

static int run_false(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    return 1;
}

static int run_exit(int argc, char **argv, char **envp UNUSED)
{
    return (int)number(argv, argc, 1, 0);
}

static int run_echo(int argc, char **argv, char **envp UNUSED)
{
    int first = argc > 1 && strcmp(argv[1], "-n") == 0 ? 2 : 1;
    char text[CHUNK];
    size_t n = 0;

    for (int i = first; i < argc && n + strlen(argv[i]) + 2 < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i > first ? " " : "", argv[i]);
    if (first == 1)
        text[n++] = '\n';
    return sys_write(1, text, n) < 0;
}

static int run_sleep(int argc, char **argv, char **envp UNUSED)
{
    if (argc < 2)
        return 1;
    sys_nanosleep((uint64_t)(strtod(argv[1], NULL) * (double)NSEC_PER_SEC));
    return 0;
}

/* ---- who am I ---- */

static int run_pwd(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    char path[CHUNK];
    ssize_t n = sys_getcwd(path, sizeof(path));

    if (n < 0)
        return program_fail("pwd", "getcwd", (int)n);
    program_say(1, "%s\n", path);
    return 0;
}

/* Copies a descriptor to standard output. */
static int copy_out(int fd)
{
    char chunk[CHUNK];

    for (;;) {
        ssize_t n = sys_read(fd, chunk, sizeof(chunk));
        if (n <= 0)
            return (int)n;
        ssize_t written = sys_write(1, chunk, (size_t)n);
        if (written < 0)
            return (int)written;
    }
}

static int show_file(const char *name, const char *path)
{
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return program_fail(name, path, fd);
    int r = copy_out(fd);
    sys_close(fd);
    return r < 0 ? program_fail(name, path, r) : 0;
}

static int run_hostname(int argc UNUSED, char **argv, char **envp UNUSED)
{
    return show_file(argv[0], "/proc/sys/kernel/hostname");
}

static int run_id(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    program_say(1, "%u:%u\n", sys_geteuid(), sys_getegid());
    return 0;
}

static int run_env(int argc UNUSED, char **argv UNUSED, char **envp)
{
    for (; *envp; envp++)
        program_say(1, "%s\n", *envp);
    return 0;
}

/* ---- files ---- */

static int run_cat(int argc, char **argv, char **envp UNUSED)
{
    int failed = 0;

    if (argc < 2)
        return copy_out(0) < 0;
    for (int i = 1; i < argc; i++)
        failed |= show_file(argv[0], argv[i]);
    return failed;
}

static int run_write(int argc, char **argv, char **envp UNUSED)
{
    if (argc < 3)
        return 1;
    int fd = sys_openat(AT_FDCWD, argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return program_fail(argv[0], argv[1], fd);
    ssize_t n = sys_write(fd, argv[2], strlen(argv[2]));
    sys_close(fd);
    return n < 0 ? program_fail(argv[0], argv[1], (int)n) : 0;
}

static int run_mkdir(int argc, char **argv, char **envp UNUSED)
{
    int r = argc < 2 ? -EINVAL : sys_mkdirat(AT_FDCWD, argv[1], 0755);

    return r < 0 ? program_fail(argv[0], argv[1], r) : 0;
}

static int run_readlink(int argc, char **argv, char **envp UNUSED)
{
    char target[CHUNK];
    ssize_t n = argc < 2 ? -EINVAL : sys_readlinkat(AT_FDCWD, argv[1], target, sizeof(target));

    if (n < 0)
        return program_fail(argv[0], argv[1], (int)n);
    program_say(1, "%.*s\n", (int)n, target);
    return 0;
}

struct directory_entry {
    uint64_t ino;
    int64_t offset;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

int program_each_entry(const char *program, const char *path, void (*show)(int dirfd, const char *name))
{
    char chunk[CHUNK] __attribute__((aligned(8)));
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return program_fail(program, path, fd);
    for (ssize_t n; (n = sys_getdents64(fd, chunk, sizeof(chunk))) > 0;) {
        for (ssize_t at = 0; at < n;) {
            const struct directory_entry *entry = (const void *)(chunk + at);
            at += entry->reclen;
            if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
                show(fd, entry->name);
        }
    }
    return sys_close(fd);
}

static void show_name(int dirfd UNUSED, const char *name)
{
    program_say(1, "%s\n", name);
}

static int run_ls(int argc, char **argv, char **envp UNUSED)
{
    return program_each_entry(argv[0], argc > 1 ? argv[1] : ".", show_name);
}

static void show_descriptor(int dirfd, const char *name)
{
    char target[CHUNK];
    ssize_t n = atoi(name) == dirfd ? 0 : sys_readlinkat(dirfd, name, target, sizeof(target));

    if (n > 0)
        program_say(1, "%s %.*s\n", name, (int)n, target);
}

static int run_fds(int argc UNUSED, char **argv, char **envp UNUSED)
{
    return program_each_entry(argv[0], "/proc/self/fd", show_descriptor);
}

static const char *type_name(mode_t mode)
{
    static const struct {
        mode_t type;
        const char *name;
    } types[] = {{S_IFREG, "file"},  {S_IFDIR, "directory"}, {S_IFLNK, "link"},   {S_IFCHR, "char"},
                 {S_IFBLK, "block"}, {S_IFIFO, "fifo"},      {S_IFSOCK, "socket"}};

    FOR_ROWS (row, types) {
        if ((mode & S_IFMT) == row->type)
            return row->name;
    }
    return "unknown";
}

/* "/dev/null char 666 0:0 1:3" */
static int run_stat(int argc, char **argv, char **envp UNUSED)
{
    int failed = 0, follow = argc > 1 && strcmp(argv[1], "-L") == 0;

    if (argc > 2 + follow && strcmp(argv[1 + follow], "-c") == 0) {
        for (int i = 3 + follow; i < argc; i++)
            failed |= tool_stat_format(argv[2 + follow], argv[i], follow);
        return failed;
    }
    for (int i = 1; i < argc; i++) {
        struct stat st;
        int r = sys_fstatat(AT_FDCWD, argv[i], &st, AT_SYMLINK_NOFOLLOW);
        if (r < 0) {
            failed = program_fail(argv[0], argv[i], r);
            continue;
        }
        program_say(1, "%s %s %o %u:%u", argv[i], type_name(st.st_mode), st.st_mode & 07777, st.st_uid, st.st_gid);
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
            program_say(1, " %u:%u", (unsigned int)(st.st_rdev >> 8), (unsigned int)(st.st_rdev & 0xff));
        program_say(1, "\n");
    }
    return failed;
}

/* ---- processes ---- */

static const struct {
    const char *name;
    int number;
} signal_names[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},   {"KILL", SIGKILL},  {"USR1", SIGUSR1},
                    {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"WINCH", SIGWINCH}};

int program_signal(const char *name)
{
    FOR_ROWS (row, signal_names) {
        if (strcmp(row->name, name) == 0)
            return row->number;
    }
    return atoi(name);
}

static int run_kill(int argc, char **argv, char **envp UNUSED)
{
    bool named = argc > 1 && argv[1][0] == '-';
    int sig = named ? program_signal(argv[1] + 1) : SIGTERM;
    int at = named ? 2 : 1;

    if (at >= argc)
        return 1;
    int r = sys_kill(atoi(argv[at]), sig);
    return r < 0 ? program_fail(argv[0], argv[at], r) : 0;
}

/* A handler knows nothing but its signal: the rest is in the arguments of its process. */
static void caught(int sig UNUSED)
{
    char *const *argv = current()->argv;

    if (argv[3])
        program_say(1, "%s\n", argv[3]);
    sys_exit(atoi(argv[2]));
}

static int run_catch(int argc, char **argv, char **envp UNUSED)
{
    if (argc < 3)
        return 1;
    int r = sys_signal(program_signal(argv[1]), caught);
    if (r < 0)
        return program_fail(argv[0], argv[1], r);
    program_say(1, "ready\n");
    for (;;)
        sys_nanosleep(LONG_TIME);
}

#define FORK_ARGUMENTS(depth, width, seconds)                                                                                  \
    ((void *)((uintptr_t)(depth) << 48 | (uintptr_t)(width) << 32 | (uintptr_t)(seconds)))

static int grow(void *arg)
{
    uintptr_t word = (uintptr_t)arg;
    unsigned int depth = (unsigned int)(word >> 48), width = (unsigned int)(word >> 32 & 0xffff);
    unsigned int seconds = (unsigned int)word;
    const struct sys_spawn args = {.cgroup_fd = -1};

    for (unsigned int i = 0; depth > 0 && i < width; i++) {
        int pid = sys_spawn(&args, grow, FORK_ARGUMENTS(depth - 1, width, seconds));
        if (pid < 0)
            return program_fail("forks", "spawn", pid);
    }
    sys_nanosleep(seconds * NSEC_PER_SEC);
    return 0;
}

static int run_forks(int argc, char **argv, char **envp UNUSED)
{
    return grow(FORK_ARGUMENTS(number(argv, argc, 1, 1), number(argv, argc, 2, 1), number(argv, argc, 3, 1000)));
}

static int run_eat(int argc, char **argv, char **envp UNUSED)
{
    task_charge(number(argv, argc, 1, 0));
    program_say(1, "eaten\n");
    sys_nanosleep(LONG_TIME);
    return 0;
}

static int run_bytes(int argc, char **argv, char **envp UNUSED)
{
    char chunk[CHUNK];
    long left = number(argv, argc, 1, 0);

    for (size_t i = 0; i < sizeof(chunk); i++)
        chunk[i] = (char)('a' + i % 26);
    while (left > 0) {
        ssize_t n = sys_write((int)number(argv, argc, 2, 1), chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (n < 0)
            return program_fail(argv[0], "write", (int)n);
        left -= n;
    }
    return 0;
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    program_fn fn;
} programs[] = {
    {"true", run_true},         {"false", run_false},  {"exit", run_exit},   {"echo", run_echo},   {"cat", run_cat},
    {"sleep", run_sleep},       {"pwd", run_pwd},      {"id", run_id},       {"env", run_env},     {"hostname", run_hostname},
    {"readlink", run_readlink}, {"write", run_write},  {"mkdir", run_mkdir}, {"ls", run_ls},       {"stat", run_stat},
    {"fds", run_fds},           {"kill", run_kill},    {"catch", run_catch}, {"forks", run_forks}, {"eat", run_eat},
    {"bytes", run_bytes},       {"sh", program_shell}, {"head", tool_head},  {"tail", tool_tail},  {"seq", tool_seq},
    {"test", tool_test},        {"[", tool_test},      {"stty", tool_stty},  {"grep", tool_grep},  {"ps", tool_ps},
    {"tty", tool_tty},
};

program_fn program_by_name(const char *name)
{
    FOR_ROWS (row, programs) {
        if (strcmp(row->name, name) == 0)
            return row->fn;
    }
    return NULL;
}

void programs_install(struct world *world, const char *dir)
{
    char path[PATH_MAX];

    world_mkdir(world, dir, 0755);
    FOR_ROWS (row, programs) {
        snprintf(path, sizeof(path), "%s/%s", dir, row->name);
        world_program(world, path, row->fn);
    }
}
