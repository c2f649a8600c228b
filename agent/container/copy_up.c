/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/copy_up.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

#define DEPTH_MAX 64
#define CHUNK_SIZE (64 * 1024)

static void buffer_free(char **p)
{
    free(*p);
}

static int copy_dir(int from_fd, int to_fd, int depth, struct error *err);

static int copy_content(int from_fd, int to_fd)
{
    CLEANUP(buffer_free) char *chunk = malloc(CHUNK_SIZE);
    if (!chunk)
        return -ENOMEM;

    for (;;) {
        ssize_t n = sys_read(from_fd, chunk, CHUNK_SIZE);
        if (n <= 0)
            return (int)n;
        int r = fd_write_all(to_fd, chunk, (size_t)n);
        if (r < 0)
            return r;
    }
}

/* The mode comes last: a change of owner takes the set-user-id bit away. */
static int copy_owner(int fd, const struct stat *st)
{
    int r = sys_fchown(fd, st->st_uid, st->st_gid);
    return r < 0 ? r : sys_fchmod(fd, st->st_mode & 07777);
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
    struct stat now;

    _close_ int from = sys_openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (from < 0)
        return from;
    int r = sys_fstat(from, &now);
    if (r < 0)
        return r;
    if (!S_ISREG(now.st_mode))
        return -ESTALE;
    _close_ int to = sys_openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return to;
    r = copy_content(from, to);
    return r < 0 ? r : copy_owner(to, st);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
    char target[PATH_MAX];

    ssize_t len = sys_readlinkat(from_dir, name, target, sizeof(target));
    if (len < 0)
        return (int)len;
    if ((size_t)len == sizeof(target))
        return -ENAMETOOLONG;
    target[len] = '\0';
    int r = sys_symlinkat(target, to_dir, name);
    return r < 0 ? r : sys_fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_special(int to_dir, const char *name, const struct stat *st)
{
    int r = sys_mknodat(to_dir, name, st->st_mode, st->st_rdev);
    return r < 0 ? r : sys_fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_self(int from_fd, int to_fd, struct error *err)
{
    struct stat st;

    int r = sys_fstat(from_fd, &st);
    if (r >= 0)
        r = copy_owner(to_fd, &st);
    return r < 0 ? error_set(err, r, "copy owner and mode") : 0;
}

static int copy_subdir(int from_dir, int to_dir, const char *name, int depth, struct error *err)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

    _close_ int from = sys_openat(from_dir, name, flags, 0);
    if (from < 0)
        return error_set(err, from, "copy '%s'", name);
    int r = sys_mkdirat(to_dir, name, 0700);
    if (r < 0)
        return error_set(err, r, "copy '%s'", name);
    _close_ int to = sys_openat(to_dir, name, flags, 0);
    if (to < 0)
        return error_set(err, to, "copy '%s'", name);
    r = copy_dir(from, to, depth + 1, err);
    if (r >= 0)
        r = copy_self(from, to, err);
    return r < 0 ? error_wrap(err, "%s", name) : 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth, struct error *err)
{
    struct stat st;

    int r = sys_fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW);
    if (r >= 0 && S_ISDIR(st.st_mode))
        return copy_subdir(from_dir, to_dir, name, depth, err);
    if (r >= 0 && S_ISREG(st.st_mode))
        r = copy_file(from_dir, to_dir, name, &st);
    else if (r >= 0 && S_ISLNK(st.st_mode))
        r = copy_link(from_dir, to_dir, name, &st);
    else if (r >= 0)
        r = copy_special(to_dir, name, &st);
    return r < 0 ? error_set(err, r, "copy '%s'", name) : 0;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int copy_dir(int from_fd, int to_fd, int depth, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_text(err, -ELOOP, "directories are nested deeper than %d", DEPTH_MAX);
    CLEANUP(buffer_free) char *entries = malloc(CHUNK_SIZE / 8);
    if (!entries)
        return error_set(err, -ENOMEM, "list directory");

    for (;;) {
        ssize_t n = sys_getdents64(from_fd, entries, CHUNK_SIZE / 8);
        if (n < 0)
            return error_set(err, (int)n, "list directory");
        if (n == 0)
            return 0;
        for (ssize_t i = 0; i < n;) {
            const struct dirent64 *entry = (const struct dirent64 *)(entries + i);
            i += entry->d_reclen;
            int r = is_dot(entry->d_name) ? 0 : copy_entry(from_fd, to_fd, entry->d_name, depth, err);
            if (r < 0)
                return r;
        }
    }
}

int copy_up(int from_fd, int to_fd, bool with_self, struct error *err)
{
    /* Both come as O_PATH descriptors. */
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    _close_ int from = sys_openat(from_fd, ".", flags, 0);
    if (from < 0)
        return error_set(err, from, "open what the tmpfs covers");
    _close_ int to = sys_openat(to_fd, ".", flags, 0);
    if (to < 0)
        return error_set(err, to, "open the new tmpfs");
    int r = copy_dir(from, to, 0, err);
    return r < 0 || !with_self ? r : copy_self(from, to, err);
}
