/* SPDX-License-Identifier: Apache-2.0 */
/* A group with all its descendants. A container may have made those, so neither their number nor their depth is trusted: the
 * list has a cap, nothing recurses, and a path longer than PATH_MAX is the kernel's ENAMETOOLONG. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"
#include "sys/directory.h"
#include "sys/fd.h"

#define TREE_LIST_MAX (16 * 1024 * 1024)

struct listing {
    const char *parent;
    struct buf *paths;
};

static int append_child(void *arg, const char *name, bool is_directory)
{
    const struct listing *listing = arg;

    if (!is_directory)
        return 0;
    int r = buf_printf(listing->paths, "%s/%s", listing->parent, name);
    return r < 0 ? r : buf_append(listing->paths, "", 1);
}

/* A directory that has gone meanwhile has no children. */
static int append_children(int dirfd, const char *path, struct buf *paths)
{
    _close_ int fd = sys_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;

    struct listing listing = {path, paths};
    return directory_read(fd, append_child, &listing);
}

int tree_list(int dirfd, struct buf *paths)
{
    int r = buf_append(paths, ".", sizeof("."));

    for (size_t at = 0; r == 0 && at < paths->len;) {
        char path[PATH_MAX];
        size_t len = strlen(paths->data + at);
        if (len >= sizeof(path))
            return -ENAMETOOLONG;
        memcpy(path, paths->data + at, len + 1);
        r = append_children(dirfd, path, paths);
        at += len + 1;
    }
    return r;
}

/* Signals the processes of one directory and returns their number. */
static int signal_processes(int dirfd, const char *path, int sig)
{
    char file[PATH_MAX + sizeof("/cgroup.procs")];
    _buf_ struct buf procs = BUF_INIT(CONTROL_FILE_MAX);
    strcat(strcpy(file, path), "/cgroup.procs");
    int r = control_read(dirfd, file, &procs);
    if (r < 0)
        return r == -ENOENT || r == -ENODEV ? 0 : r;

    int n = 0;
    char *cursor = procs.data;
    char *line;
    while ((line = text_next_line(&cursor))) {
        if (text_is_blank(line))
            continue;
        n++;
        int pid = (int)text_number(line, 0);
        if (pid <= 0 || sig == 0) /* 0 is a process outside this pid namespace; kill(0) would hit our own group */
            continue;
        r = sys_kill(pid, sig);
        if (r < 0 && r != -ESRCH)
            return r;
    }
    return n;
}

int tree_signal(int dirfd, int sig)
{
    _buf_ struct buf paths = BUF_INIT(TREE_LIST_MAX);
    int n = 0;

    int r = tree_list(dirfd, &paths);
    for (size_t at = 0; r >= 0 && at < paths.len; at += strlen(paths.data + at) + 1) {
        r = signal_processes(dirfd, paths.data + at, sig);
        n += r;
    }
    return r < 0 ? r : n;
}

/* Children come behind their parents in paths, so they are removed from the end. What cannot be removed keeps its parent busy.
 */
static void remove_descendants(int fd, const struct buf *paths)
{
    for (size_t end = paths->len; end > sizeof(".");) {
        const char *path = paths->data + end - 1;
        while (path[-1] != '\0')
            path--;
        sys_unlinkat(fd, path, AT_REMOVEDIR);
        end = (size_t)(path - paths->data);
    }
}

int tree_remove(int dirfd, const char *below)
{
    int r = sys_unlinkat(dirfd, below, AT_REMOVEDIR);
    if (r == 0 || r == -ENOENT)
        return 0;
    if (r != -EBUSY && r != -ENOTEMPTY)
        return r;

    _close_ int fd = sys_openat(dirfd, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    _buf_ struct buf paths = BUF_INIT(TREE_LIST_MAX);
    r = tree_list(fd, &paths);
    if (r < 0)
        return r;
    remove_descendants(fd, &paths);
    r = sys_unlinkat(dirfd, below, AT_REMOVEDIR);
    return r == -ENOTEMPTY ? -EBUSY : r;
}
