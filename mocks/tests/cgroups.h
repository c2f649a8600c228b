/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups for cases: a fresh group in a hierarchy, its files as texts. */
#pragma once
#include <poll.h>
#include <dirent.h>

#include "mocks/tests/conform.h"

#define TEXT_MAX 65536

struct test_group {
    int root, dir; /* of the hierarchy, of the group */
    char name[64]; /* below root */
};

/* Text of a file below dir; "-ENOENT" and the like when it cannot be read. */
static inline UNUSED const char *text_of(int dir, const char *file)
{
    static _Thread_local char text[TEXT_MAX];
    int fd = sys_openat(dir, file, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? fd : 0;
    size_t len = 0;

    while (fd >= 0 && (n = sys_read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    if (fd >= 0)
        sys_close(fd);
    if (n < 0)
        snprintf(text, sizeof(text), "-%s", strerrorname_np((int)-n));
    else
        text[len] = '\0';
    return text;
}

/* 0 or -errno. */
static inline UNUSED int put(int dir, const char *file, const char *text)
{
    int fd = sys_openat(dir, file, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    ssize_t n = sys_write(fd, text, strlen(text));
    sys_close(fd);
    return n < 0 ? (int)n : 0;
}

static inline UNUSED int put_pid(int dir, const char *file, int pid)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", pid);
    return put(dir, file, text);
}

static inline int open_dir(int dir, const char *path)
{
    return sys_openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

/* Mounts a hierarchy on /tmp/cgroup-NAME and opens it. controllers NULL: version 2. Ends the case where there is none. */
static inline UNUSED int hierarchy(const char *controllers)
{
    char path[128];

    snprintf(path, sizeof(path), "/tmp/cgroup-%s", controllers ? controllers : "v2");
    if (sys_mkdirat(AT_FDCWD, path, 0755) == 0) {
        int r = sys_mount("cgroup", path, controllers ? "cgroup" : "cgroup2", 0, controllers);
        if (r < 0)
            conform_not_runnable("no such cgroup hierarchy on this kernel");
    }
    return open_dir(AT_FDCWD, path);
}

/* Version 2 with the controller for groups below the root, or the case ends. */
static inline UNUSED int hierarchy_with(const char *controller)
{
    int root = hierarchy(NULL);
    char word[64];

    snprintf(word, sizeof(word), "+%s", controller);
    if (put(root, "cgroup.subtree_control", word) < 0)
        conform_not_runnable("version 2 does not have the controller on this kernel");
    return root;
}

static inline UNUSED struct test_group group_in(int root)
{
    struct test_group group = {.root = root};

    snprintf(group.name, sizeof(group.name), "conform-%llx", (unsigned long long)sys_monotonic_ns());
    expect(sys_mkdirat(root, group.name, 0755), 0);
    group.dir = open_dir(root, group.name);
    return group;
}

static inline UNUSED void group_end(struct test_group *group)
{
    int r;

    sys_close(group->dir);
    for (int i = 0; (r = sys_unlinkat(group->root, group->name, AT_REMOVEDIR)) == -EBUSY && i < 100; i++)
        sys_nanosleep(10000000);
    expect(r, 0);
}

static inline UNUSED int sleep_for_ever(void *arg)
{
    (void)arg;
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static inline UNUSED void kill_and_collect(int pid)
{
    expect(sys_kill(pid, SIGKILL), 0);
    expect(collect(pid), -SIGKILL);
}

/* Is pid a line of the file? */
static inline UNUSED bool lists(int dir, const char *file, int pid)
{
    char line[16];
    const char *text = text_of(dir, file);

    snprintf(line, sizeof(line), "%d\n", pid);
    for (const char *at = text; (at = strstr(at, line)); at++) {
        if (at == text || at[-1] == '\n')
            return true;
    }
    return false;
}

/* Waits up to a second until the file has the line. */
static inline UNUSED bool comes(int dir, const char *file, const char *line)
{
    for (int i = 0; i < 200; i++) {
        if (strstr(text_of(dir, file), line))
            return true;
        sys_nanosleep(5000000);
    }
    return false;
}
