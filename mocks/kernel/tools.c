/* SPDX-License-Identifier: Apache-2.0 */
/* The tools among the programs: what scripts of tests are made of. */
#include "mocks/kernel/tools.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/macros.h"
#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/programs.h"
#include "sys/fd.h"

#define CHUNK 4096
#define MEMORY_CHUNK 65536

/* head -c N FILE */
int tool_head(int argc, char **argv, char **envp UNUSED)
{
    char chunk[CHUNK];

    if (argc < 4 || strcmp(argv[1], "-c") != 0)
        return program_fail(argv[0], "-c", EINVAL);
    int fd = sys_openat(AT_FDCWD, argv[3], O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return program_fail(argv[0], argv[3], fd);
    long left = atol(argv[2]);
    int status = 0;
    while (left > 0 && status == 0) {
        ssize_t n = sys_read(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (n <= 0)
            break;
        int r = fd_write_all(1, chunk, (size_t)n);
        status = r < 0 ? program_fail(argv[0], "write", r) : 0;
        left -= n;
    }
    (void)sys_close(fd);
    return status;
}

/* tail FILE: keeps what it has read, until the end comes or there is no more memory. */
int tool_tail(int argc, char **argv, char **envp UNUSED)
{
    static const char unread[1];
    char chunk[CHUNK];
    long charged = 0, used = 0;

    int fd = argc < 2 ? -EINVAL : sys_openat(AT_FDCWD, argv[1], O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return program_fail(argv[0], argc < 2 ? "file" : argv[1], fd);
    ssize_t last = 0;
    for (ssize_t n; (n = sys_read(fd, chunk, sizeof(chunk))) > 0; last = n) {
        used += n;
        for (; charged < used; charged += MEMORY_CHUNK)
            task_charge(MEMORY_CHUNK);
    }
    (void)sys_close(fd);
    task_charge(-charged);
    return fd_write_all(1, last ? chunk : unread, (size_t)last) < 0;
}

/* seq FIRST LAST */
int tool_seq(int argc, char **argv, char **envp UNUSED)
{
    char chunk[CHUNK];
    size_t n = 0;

    if (argc < 3)
        return program_fail(argv[0], "numbers", EINVAL);
    for (long i = atol(argv[1]), last = atol(argv[2]); i <= last; i++) {
        n += (size_t)snprintf(chunk + n, sizeof(chunk) - n, "%ld\n", i);
        if (n + 32 < sizeof(chunk) && i < last)
            continue;
        if (fd_write_all(1, chunk, n) < 0)
            return 1;
        n = 0;
    }
    return 0;
}

static bool compare(const char *left, const char *operator, const char * right)
{
    if (strcmp(operator, "=") == 0)
        return strcmp(left, right) == 0;
    if (strcmp(operator, "!=") == 0)
        return strcmp(left, right) != 0;
    long a = atol(left), b = atol(right);
    return strcmp(operator, "-lt") == 0 ? a < b : strcmp(operator, "-gt") == 0 ? a > b : a == b;
}

/* test -t FD, -e FILE, A = B, A != B, N -lt M, N -gt M, N -eq M; as "[", too */
int tool_test(int argc, char **argv, char **envp UNUSED)
{
    struct winsize size;
    bool holds = false;

    if (argc > 3 && strcmp(argv[2], "]") != 0)
        holds = compare(argv[1], argv[2], argv[3]);
    else if (argc > 2 && strcmp(argv[1], "-t") == 0)
        holds = sys_ioctl(atoi(argv[2]), TIOCGWINSZ, &size) == 0;
    else if (argc > 2 && strcmp(argv[1], "-e") == 0)
        holds = sys_faccessat(AT_FDCWD, argv[2], F_OK, 0) == 0;
    return !holds;
}

/* tty: the name by which standard input is found */
int tool_tty(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    char name[256];
    struct winsize size;
    struct stat input, named;

    ssize_t len = sys_readlinkat(AT_FDCWD, "/proc/self/fd/0", name, sizeof(name) - 1);
    name[len > 0 ? len : 0] = '\0';
    bool is_found = sys_ioctl(0, TIOCGWINSZ, &size) == 0 && sys_fstat(0, &input) == 0 &&
                    sys_fstatat(AT_FDCWD, name, &named, 0) == 0 && input.st_ino == named.st_ino && input.st_dev == named.st_dev;
    program_say(1, "%s\n", is_found ? name : "not a tty");
    return !is_found;
}

/* stty size */
int tool_stty(int argc, char **argv, char **envp UNUSED)
{
    struct winsize size = {0};

    int r = argc < 2 || strcmp(argv[1], "size") != 0 ? -EINVAL : sys_ioctl(0, TIOCGWINSZ, &size);
    if (r < 0)
        return program_fail(argv[0], "size", r);
    program_say(1, "%u %u\n", size.ws_row, size.ws_col);
    return 0;
}

/* grep -c PATTERN [FILE]: the number of lines, of which the first 4 KiB count. */
int tool_grep(int argc, char **argv, char **envp UNUSED)
{
    char text[CHUNK];
    size_t len = 0;
    regex_t pattern;
    int count = 0;

    if (argc < 3 || strcmp(argv[1], "-c") != 0)
        return program_fail(argv[0], "-c", EINVAL);
    int fd = argc > 3 ? sys_openat(AT_FDCWD, argv[3], O_RDONLY | O_CLOEXEC, 0) : 0;
    if (fd < 0)
        return program_fail(argv[0], argv[3], fd);
    for (ssize_t n = 1; n > 0 && len + 1 < sizeof(text); len += n > 0 ? (size_t)n : 0)
        n = sys_read(fd, text + len, sizeof(text) - 1 - len);
    text[len] = '\0';
    if (fd > 0)
        (void)sys_close(fd);
    if (regcomp(&pattern, argv[2], REG_NOSUB) != 0)
        return program_fail(argv[0], argv[2], EINVAL);
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        bool last = !*end;
        *end = '\0';
        count += regexec(&pattern, line, 0, NULL, 0) == 0;
        end += !last;
    }
    regfree(&pattern);
    program_say(1, "%d\n", count);
    return count == 0;
}

static void show_process(int dirfd, const char *name)
{
    char path[64], line[256];

    if (atoi(name) <= 0)
        return;
    snprintf(path, sizeof(path), "%s/cmdline", name);
    int fd = sys_openat(dirfd, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? fd : sys_read(fd, line, sizeof(line));
    for (ssize_t i = 0; i + 1 < n; i++)
        line[i] = line[i] ? line[i] : ' ';
    if (n > 0)
        program_say(1, "%s %.*s\n", name, (int)n, line);
    if (fd >= 0)
        (void)sys_close(fd);
}

int tool_ps(int argc UNUSED, char **argv, char **envp UNUSED)
{
    return program_each_entry(argv[0], "/proc", show_process);
}

static void show_member(char which, const char *path, const struct stat *st)
{
    switch (which) {
    case 'u':
        program_say(1, "%u", st->st_uid);
        break;
    case 'g':
        program_say(1, "%u", st->st_gid);
        break;
    case 'a':
        program_say(1, "%o", st->st_mode & 07777);
        break;
    case 'n':
        program_say(1, "%s", path);
        break;
    default:
        program_say(1, "%%%c", which);
    }
}

int tool_stat_format(const char *format, const char *path, bool follow)
{
    struct stat st;

    int r = sys_fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW);
    if (r < 0)
        return program_fail("stat", path, r);
    for (; *format; format++) {
        if (*format == '%' && format[1])
            show_member(*++format, path, &st);
        else
            program_say(1, "%c", *format);
    }
    program_say(1, "\n");
    return 0;
}
