/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/dirtree.h"

#include <errno.h>

#include "sys/directory.h"
#include "sys/fd.h"

#define DIRTREE_DEPTH_MAX 64

struct level {
    int fd, depth;
};

static int remove_entry(int dirfd, const char *name, int depth);

static int remove_child(void *arg, const char *name, bool is_directory UNUSED)
{
    const struct level *level = arg;

    return remove_entry(level->fd, name, level->depth);
}

static int remove_entry(int dirfd, const char *name, int depth)
{
    int r = sys_unlinkat(dirfd, name, 0);
    if (r == 0 || r == -ENOENT)
        return 0;
    if (r != -EISDIR && r != -EPERM)
        return r;
    if (depth == DIRTREE_DEPTH_MAX)
        return -ELOOP;

    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    _close_ int fd = sys_openat2(dirfd, name, &how);
    if (fd < 0)
        return fd == -ENOTDIR ? r : fd;
    struct level level = {fd, depth + 1};
    r = directory_read(fd, remove_child, &level);
    if (r < 0)
        return r;
    r = sys_unlinkat(dirfd, name, AT_REMOVEDIR);
    return r == -ENOENT ? 0 : r;
}

int dirtree_remove(int dirfd, const char *name)
{
    return remove_entry(dirfd, name, 0);
}
