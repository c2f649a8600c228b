/* SPDX-License-Identifier: Apache-2.0 */
/* Short forms of calls for the cases about files and mounts. Paths are relative to the working directory unless they say
 * otherwise. */
#pragma once
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mocks/tests/conform.h"

/* <sys/mount.h> cannot be had together with <linux/mount.h>. */
#define DETACH 2
#define NO_LINKS 8
#define RECURSIVE 0x8000

/* Result without the descriptor: 0 or -errno. */
static inline int closed(int fd)
{
    if (fd < 0)
        return fd;
    sys_close(fd);
    return 0;
}

static inline UNUSED int make_dir(const char *path)
{
    return sys_mkdirat(AT_FDCWD, path, 0755);
}

/* A file that contains the text. */
static inline UNUSED int make_file(const char *path, const char *text)
{
    int fd = sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0)
        return fd;
    ssize_t n = sys_write(fd, text, strlen(text));
    sys_close(fd);
    return n < 0 ? (int)n : 0;
}

static inline UNUSED int make_link(const char *target, const char *path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

static inline UNUSED int mount_tmpfs(const char *path)
{
    return sys_mount("tmpfs", path, "tmpfs", 0, NULL);
}

static inline UNUSED int make_mount(const char *path)
{
    int r = make_dir(path);
    return r < 0 && r != -EEXIST ? r : mount_tmpfs(path);
}

static inline UNUSED int bind_dir(const char *from, const char *to)
{
    return sys_mount(from, to, NULL, MS_BIND, NULL);
}

static inline UNUSED int bind_tree(const char *from, const char *to)
{
    return sys_mount(from, to, NULL, MS_BIND | MS_REC, NULL);
}

static inline UNUSED int set_propagation(const char *path, unsigned long type)
{
    return sys_mount(NULL, path, NULL, type, NULL);
}

static inline UNUSED int unmount(const char *path, int flags)
{
    return sys_umount2(path, flags);
}

static inline UNUSED int open_path(const char *path)
{
    return sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
}

/* With a mode and an owner. */
static inline UNUSED int make_owned(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    int fd = sys_openat(AT_FDCWD, path, O_CREAT | O_RDWR | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    int r = sys_fchown(fd, uid, gid);
    if (r == 0)
        r = sys_fchmod(fd, mode);
    sys_close(fd);
    return r;
}

static inline UNUSED int make_owned_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    int r = sys_mkdirat(AT_FDCWD, path, 0700);
    if (r == 0)
        r = sys_fchownat(AT_FDCWD, path, uid, gid, 0);
    return r < 0 ? r : sys_fchmodat(AT_FDCWD, path, mode);
}

/* 1: there is such a name, 0: there is none. */
static inline UNUSED int there(const char *path)
{
    struct stat st;
    int r = sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
    return r == 0 ? 1 : r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static inline UNUSED int mode_of(const char *path)
{
    struct stat st;
    int r = sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? r : (int)(st.st_mode & 07777);
}

static inline UNUSED long size_of(const char *path)
{
    struct stat st;
    int r = sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? r : (long)st.st_size;
}

/* What a descriptor leads to: 'd' for a directory, the first letter of a file, 'l' for a link opened as such. */
static inline UNUSED int kind_of(int fd)
{
    struct stat st;
    char letter = '0';
    if (fd < 0)
        return fd;
    int r = sys_fstat(fd, &st);
    if (r == 0 && S_ISREG(st.st_mode))
        r = (int)sys_pread(fd, &letter, 1, 0);
    int kind = r < 0 ? r : S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : letter;
    sys_close(fd);
    return kind;
}

/* Mounts whose mount point ends like this, in the order of /proc/self/mountinfo, without the numbers: "root point options
 * [propagation] - type source super". Empty when there is none. A kernel may be built to say "inode64" of each tmpfs. */
static inline UNUSED const char *mount_lines(const char *point, char *p, size_t size)
{
    static const char file[] = "/proc/self/mountinfo";
    size_t used = 0, text_size = 1 << 18, len = 0;
    char *text = malloc(text_size), *rest = text, *line;
    int fd = sys_openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    for (ssize_t n; fd >= 0 && (n = sys_read(fd, text + len, text_size - 1 - len)) > 0;)
        len += (size_t)n;
    sys_close(fd);
    text[len] = '\0';
    *p = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        char root[256], place[256];
        int skip;
        if (sscanf(line, "%*d %*d %*d:%*d %n%255s %255s", &skip, root, place) != 2)
            continue;
        char *wide = strstr(line, ",inode64");
        if (wide)
            memmove(wide, wide + 8, strlen(wide + 8) + 1);
        size_t have = strlen(place), want = strlen(point);
        if (have >= want && strcmp(place + have - want, point) == 0)
            used += (size_t)snprintf(p + used, size - used, "%s\n", line + skip);
        if (used >= size)
            break;
    }
    free(text);
    return p;
}

/* /tmp/t is open to all; files and directories in it belong to whom the rows say. */
static inline UNUSED void make_open_tree(void)
{
    sys_umask(0);
    expect(sys_mkdirat(AT_FDCWD, "/tmp/t", 0777), 0);
    expect(sys_chdir("/tmp/t"), 0);
}

/* A row of a table is done by a child. */
static inline UNUSED int run_row(int (*fn)(void *arg), const void *row)
{
    return in_child(fn, (void *)row);
}
