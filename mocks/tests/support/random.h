/* SPDX-License-Identifier: Apache-2.0 */
/* Random sequences of calls that are compared between the kernels (ci/compare-kernels): what to do follows from the seed alone,
 * never from a result. SEED=n; OPS=n: so many operations; SKIP=",i,j,": without these, which leaves the others as they are.
 * What is to be compared is said in lines that begin with "@ ". */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/tests/files.h"

struct random {
    uint64_t state;
};

static inline UNUSED unsigned long number_of(const char *variable, unsigned long otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

/* splitmix64; a number below n. */
static inline UNUSED unsigned int below(struct random *random, unsigned int n)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned int)((z ^ (z >> 31)) % n);
}

static inline UNUSED bool chance(struct random *random, unsigned int percent)
{
    return below(random, 100) < percent;
}

/* An empty root directory for the sequence: nothing of the machine can be reached from it. */
static inline UNUSED int random_root(void)
{
    int r = make_dir("/tmp/t");
    if (r == 0)
        r = sys_chroot("/tmp/t");
    return r == 0 ? sys_chdir("/") : r;
}

/* The randomness of one operation; false: it is to be left out. */
static inline UNUSED bool random_operation(struct random *random, unsigned int i)
{
    const char *skip = getenv("SKIP");
    char word[16];
    snprintf(word, sizeof(word), ",%u,", i);
    random->state = number_of("SEED", 1) * 1000003 + i;
    random->state = ((uint64_t)below(random, UINT32_MAX) << 32) + below(random, UINT32_MAX);
    return !skip || !strstr(skip, word);
}

#define pick(random, table) ((table)[below(random, ARRAY_SIZE(table))])

/* One line of the comparison, in one write: several processes speak. */
static inline UNUSED void say(const char *format, ...)
{
    char line[1024] = "@ ";
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + 2, sizeof(line) - 3, format, args);
    va_end(args);
    size_t len = 2 + ((size_t)n < sizeof(line) - 3 ? (size_t)n : sizeof(line) - 4);
    line[len++] = '\n';
    if (write(STDOUT_FILENO, line, len) < 0)
        abort();
}

/* The name of an error, the number of anything else. */
static inline UNUSED const char *result_name(long result, char p[32])
{
    const char *name = result < 0 && result > -4096 ? strerrorname_np((int)-result) : NULL;
    if (name)
        snprintf(p, 32, "-%s", name);
    else
        snprintf(p, 32, "%ld", result);
    return p;
}

#define SAY_RESULT(result, format, ...) say(format " = %s", __VA_ARGS__, result_name(result, (char[32]){""}))

/* A path of up to three names out of few, sometimes odd. */
static inline UNUSED const char *random_path(struct random *random, char p[64])
{
    static const char *const names[] = {"a", "b", "c", "a", "b", "d"}, *const odd[] = {".", "..", "", "..", "/", "../a"};
    unsigned int n = 1 + below(random, 3);
    size_t len = 0;
    for (unsigned int i = 0; i < n; i++)
        len += (size_t)snprintf(p + len, 64 - len, "%s%s", i ? "/" : "",
                                chance(random, 8) ? pick(random, odd) : pick(random, names));
    if (chance(random, 6))
        snprintf(p + len, 64 - len, "/");
    return p;
}

/* The names in a directory: as they come, or sorted. Returns how many (at most 64), or -errno. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static inline UNUSED int list_names(int fd, char names[64][32], bool sorted)
{
    struct entry {
        uint64_t ino;
        int64_t off;
        unsigned short len;
        unsigned char type;
        char name[];
    };
    _Alignas(8) char p[4096];
    int n = 0;
    for (ssize_t got; (got = sys_getdents64(fd, p, sizeof(p))) != 0;) {
        if (got < 0)
            return (int)got;
        for (ssize_t at = 0; at < got; at += ((struct entry *)(p + at))->len) {
            const char *name = ((struct entry *)(p + at))->name;
            if (n < 64 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
                snprintf(names[n++], 32, "%.31s", name);
        }
    }
    if (sorted)
        qsort(names, (size_t)n, 32, compare_names);
    return n;
}

/* Says what lies below a directory: names, types, modes, owners, links, sizes, texts of links. Mounts are entered too. */
static inline UNUSED void say_tree(int dirfd, const char *path, unsigned int depth)
{
    char names[64][32], child[128], text[128];
    int fd = sys_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    int n = fd < 0 ? fd : list_names(fd, names, true);
    if (n < 0)
        SAY_RESULT(n, "list %s", path);
    for (int i = 0; i < n; i++) {
        struct stat st = {0};
        int r = sys_fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW);
        ssize_t len = r == 0 && S_ISLNK(st.st_mode) ? sys_readlinkat(fd, names[i], text, sizeof(text) - 1) : 0;
        text[len < 0 ? 0 : len] = '\0';
        snprintf(child, sizeof(child), "%s/%s", path, names[i]);
        say("%s mode %o owner %u:%u links %u size %ld %s", child, r < 0 ? 0 : st.st_mode, st.st_uid, st.st_gid,
            (unsigned int)st.st_nlink, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, text);
        if (r == 0 && S_ISDIR(st.st_mode) && depth > 0)
            say_tree(dirfd, child, depth - 1);
    }
    if (fd >= 0)
        sys_close(fd);
}
