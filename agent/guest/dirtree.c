/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/dirtree.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "sys/fd.h"

#define DIRTREE_DEPTH_MAX 64

struct directory_entry {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

static int remove_entry(int dirfd, const char *name, int depth);

static int remove_children(int fd, int depth)
{
    _Alignas(struct directory_entry) char block[2048];

    for (;;) {
        ssize_t n = sys_getdents64(fd, block, sizeof(block));
        if (n <= 0)
            return (int)n;
        for (ssize_t at = 0; at < n;) {
            const struct directory_entry *entry = (const void *)(block + at);
            at += entry->reclen;
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
                continue;
            int r = remove_entry(fd, entry->name, depth);
            if (r < 0)
                return r;
        }
    }
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
    r = remove_children(fd, depth + 1);
    if (r < 0)
        return r;
    r = sys_unlinkat(dirfd, name, AT_REMOVEDIR);
    return r == -ENOENT ? 0 : r;
}

int dirtree_remove(int dirfd, const char *name)
{
    return remove_entry(dirfd, name, 0);
}
