/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/inroot.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sys/fd.h"

/* The kernel says EAGAIN when a rename anywhere races with a ".."; someone who renames for ever must not keep us for ever. */
#define RETRY_MAX 1000
/* As the kernel's own limit for links in one path. */
#define LINKS_MAX 40

_Static_assert(INROOT_NO_SYMLINKS == RESOLVE_NO_SYMLINKS, "the header does not pull in openat2.h");

/* ---- text ---- */

/* Steps over slashes to the next component and tells its length; 0 at the end. */
static size_t next_component(const char **p)
{
    while (**p == '/')
        (*p)++;
    return strcspn(*p, "/");
}

bool inroot_path_is_plain(const char *path)
{
    if (!path || path[0] != '/')
        return false;
    for (size_t len; (len = next_component(&path)) > 0; path += len) {
        if (len == 2 && path[0] == '.' && path[1] == '.')
            return false;
    }
    return true;
}

int inroot_path_clean(const char *path, char *ret, size_t size)
{
    size_t used = 0;

    for (size_t len; (len = next_component(&path)) > 0; path += len) {
        if (len == 1 && path[0] == '.')
            continue;
        if (used + 1 + len + 1 > size)
            return -ENAMETOOLONG;
        ret[used] = '/';
        memcpy(ret + used + 1, path, len);
        used += 1 + len;
    }
    if (used == 0)
        ret[used++] = '/';
    ret[used] = '\0';
    return 0;
}

bool inroot_path_is_below(const char *clean, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(clean, dir, len) == 0 && (clean[len] == '\0' || clean[len] == '/');
}

/* ---- existing files ---- */

int inroot_open(int root_fd, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
    };
    int r = -EAGAIN;

    for (int i = 0; i < RETRY_MAX && r == -EAGAIN; i++)
        r = sys_openat2(root_fd, path, &how);
    return r;
}

/* ---- missing files ---- */

enum kind {
    KIND_DIR,
    KIND_FILE,
};

struct maker {
    int root_fd;
    enum kind kind;
    uint64_t resolve;
    char path[PATH_MAX]; /* what is still to be found, links replaced by their targets as they are met */
};

/* Opens the longest part of the path, without its last component, that exists. *ret_rest: the offset of what is behind it. */
static int open_existing_part(struct maker *m, size_t *ret_rest)
{
    size_t end = strlen(m->path);

    for (;;) {
        while (end > 0 && m->path[end - 1] == '/')
            end--;
        while (end > 0 && m->path[end - 1] != '/')
            end--;
        char behind = m->path[end];
        m->path[end] = '\0';
        int fd = inroot_open(m->root_fd, end > 0 ? m->path : "/", O_PATH | O_DIRECTORY, m->resolve);
        m->path[end] = behind;
        if (fd >= 0)
            *ret_rest = end;
        if (fd != -ENOENT || end == 0)
            return fd;
    }
}

/* Makes and opens one component below dir_fd. A link in its place is -ELOOP or -ENOTDIR for a directory, -EEXIST for a file. */
static int make_component(int dir_fd, const char *name, enum kind kind)
{
    if (kind == KIND_FILE)
        return sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    int r = sys_mkdirat(dir_fd, name, 0755);
    if (r < 0 && r != -EEXIST)
        return r;
    return sys_openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

/* The component of len bytes at offset could not be made because of r: if it is a link, its target takes its place. -EAGAIN
 * when it is worth looking again. */
static int expand_link(struct maker *m, int dir_fd, const char *name, size_t offset, int r)
{
    char target[PATH_MAX];
    const char *tail = m->path + offset + strlen(name);
    size_t tail_size = strlen(tail) + 1;

    ssize_t len = m->resolve & RESOLVE_NO_SYMLINKS ? -ELOOP : sys_readlinkat(dir_fd, name, target, sizeof(target));
    if (len < 0)
        return r == -EEXIST ? -EAGAIN : r; /* -EEXIST: somebody made the file a moment ago */

    size_t prefix = target[0] == '/' ? 0 : offset;
    if (prefix + (size_t)len + tail_size > sizeof(m->path))
        return -ENAMETOOLONG;
    memmove(m->path + prefix + len, tail, tail_size);
    memcpy(m->path + prefix, target, (size_t)len);
    return -EAGAIN;
}

/* Makes the components from offset on below fd, which it owns. -EAGAIN: m->path was rewritten, look again. */
static int make_rest(struct maker *m, int fd, size_t offset)
{
    _close_ int dir_fd = fd;

    for (;;) {
        char name[NAME_MAX + 1];
        const char *p = m->path + offset;
        size_t len = next_component(&p);
        if (len == 0)
            return fd_take(&dir_fd);
        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, p, len);
        name[len] = '\0';
        if (strcmp(name, "..") == 0)
            return -ENOENT; /* out of a directory that did not exist a moment ago, or out of the root */

        offset = (size_t)(p - m->path);
        bool is_last = p[len + strspn(p + len, "/")] == '\0';
        int r = make_component(dir_fd, name, is_last ? m->kind : KIND_DIR);
        if (r == -EEXIST || r == -ELOOP || r == -ENOTDIR)
            return expand_link(m, dir_fd, name, offset, r);
        if (r < 0)
            return r;
        fd_replace(&dir_fd, r);
        offset += len;
    }
}

static int make(int root_fd, const char *path, enum kind kind, uint64_t resolve)
{
    struct maker m = {.root_fd = root_fd, .kind = kind, .resolve = resolve};

    if (strlen(path) >= sizeof(m.path))
        return -ENAMETOOLONG;
    memcpy(m.path, path, strlen(path) + 1);

    for (int tries = 0; tries <= LINKS_MAX; tries++) {
        int r = inroot_open(root_fd, m.path, O_PATH | (kind == KIND_DIR ? O_DIRECTORY : 0), resolve);
        if (r != -ENOENT)
            return r;
        size_t rest = 0;
        r = open_existing_part(&m, &rest);
        if (r >= 0)
            r = make_rest(&m, r, rest);
        if (r != -EAGAIN)
            return r;
    }
    return -ELOOP;
}

int inroot_make_dir(int root_fd, const char *path, uint64_t resolve)
{
    return make(root_fd, path, KIND_DIR, resolve);
}

int inroot_make_file(int root_fd, const char *path)
{
    return make(root_fd, path, KIND_FILE, 0);
}
