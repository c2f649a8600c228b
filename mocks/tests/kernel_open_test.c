/* SPDX-License-Identifier: Apache-2.0 */
/* open(2) and openat2(2): flags, creation, who may; and what other calls make of the descriptors. */
#include "mocks/tests/files.h"

#define LARGEFILE 0100000

/* /tmp/t: d, d/in, f, r (read only mount), l -> f, lost -> new, ld -> d, fifo, socket is left out. */
static void make_tree(void)
{
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    make_dir("d");
    make_file("d/in", "i");
    make_file("f", "f");
    make_link("f", "l");
    make_link("new", "lost");
    make_link("d", "ld");
    sys_mknodat(AT_FDCWD, "fifo", S_IFIFO | 0644, 0);
    sys_mknodat(AT_FDCWD, "sock", S_IFSOCK | 0644, 0);
    make_mount("r");
    make_file("r/f", "r");
    make_link("f", "r/l");
    sys_mknodat(AT_FDCWD, "r/null", S_IFCHR | 0666, makedev(1, 3));
    make_dir("r/d");
    expect(sys_mount(NULL, "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
}

struct row {
    const char *label, *path;
    int flags;
    mode_t mode;
    int result;
};

static const struct row opens[] = {
    {"a file to write", "f", O_WRONLY, 0, 0},
    {"both ways", "f", O_RDWR, 0, 0},
    {"access mode 3", "f", 3, 0, 0},
    {"unknown flags are ignored", "f", 0x40000000, 0, 0},
    {"a mode without creation is ignored", "f", O_RDONLY, 0777, 0},
    {"a directory to read", "d", O_RDONLY, 0, 0},
    {"a directory to write", "d", O_WRONLY, 0, -EISDIR},
    {"a directory both ways", "d", O_RDWR, 0, -EISDIR},
    {"a directory to truncate", "d", O_RDONLY | O_TRUNC, 0, -EISDIR},
    {"create: new", "n1", O_WRONLY | O_CREAT, 0644, 0},
    {"create: there", "f", O_WRONLY | O_CREAT, 0644, 0},
    {"create: exclusively there", "f", O_WRONLY | O_CREAT | O_EXCL, 0644, -EEXIST},
    {"create: exclusively new", "n2", O_WRONLY | O_CREAT | O_EXCL, 0644, 0},
    {"exclusively without creation", "f", O_WRONLY | O_EXCL, 0, 0},
    {"create: a directory", "d", O_RDONLY | O_CREAT, 0644, -EISDIR},
    {"create: a directory exclusively", "d", O_RDONLY | O_CREAT | O_EXCL, 0644, -EEXIST},
    {"create: a directory wanted", "n3", O_RDONLY | O_CREAT | O_DIRECTORY, 0644, -EINVAL},
    {"create: slash", "n4/", O_WRONLY | O_CREAT, 0644, -EISDIR},
    {"create: slash, there", "f/", O_WRONLY | O_CREAT, 0644, -EISDIR},
    {"create: slash, a directory", "d/", O_RDONLY | O_CREAT, 0644, -EISDIR},
    {"create: dot", ".", O_RDONLY | O_CREAT, 0644, -EISDIR},
    {"create: dot exclusively", ".", O_RDONLY | O_CREAT | O_EXCL, 0644, -EEXIST},
    {"create: up", "d/..", O_RDONLY | O_CREAT, 0644, -EISDIR},
    {"create: no directory", "none/n", O_WRONLY | O_CREAT, 0644, -ENOENT},
    {"create: below a file", "f/n", O_WRONLY | O_CREAT, 0644, -ENOTDIR},
    {"create: through a link", "l", O_WRONLY | O_CREAT, 0644, 0},
    {"create: exclusively through a link", "l", O_WRONLY | O_CREAT | O_EXCL, 0644, -EEXIST},
    {"create: exclusively through a lost link", "lost", O_WRONLY | O_CREAT | O_EXCL, 0644, -EEXIST},
    {"create: a lost link not followed", "lost", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, -ELOOP},
    {"create: a link not followed", "l", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, -ELOOP},
    {"create: through a lost link", "lost", O_WRONLY | O_CREAT, 0644, 0},
    {"create: through a directory link", "ld", O_RDONLY | O_CREAT, 0644, -EISDIR},
    {"create: below a directory link", "ld/n", O_WRONLY | O_CREAT, 0644, 0},
    {"truncate to read", "n1", O_RDONLY | O_TRUNC, 0, 0},
    {"place: a file", "f", O_PATH, 0, 0},
    {"place: other flags are ignored", "f", O_PATH | O_CREAT | O_EXCL | O_RDWR, 0, 0},
    {"place: missing is not created", "n5", O_PATH | O_CREAT, 0644, -ENOENT},
    {"place: a socket", "sock", O_PATH, 0, 0},
    {"a socket", "sock", O_RDONLY, 0, -ENXIO},
    {"a fifo without blocking", "fifo", O_RDONLY | O_NONBLOCK, 0, 0},
    {"a fifo to write without readers", "fifo", O_WRONLY | O_NONBLOCK, 0, -ENXIO},
    {"a fifo as a directory", "fifo", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, -ENOTDIR},
    {"read only: to read", "r/f", O_RDONLY, 0, 0},
    {"read only: to write", "r/f", O_WRONLY, 0, -EROFS},
    {"read only: both ways", "r/f", O_RDWR, 0, -EROFS},
    {"read only: to truncate", "r/f", O_RDONLY | O_TRUNC, 0, -EROFS},
    {"read only: create", "r/n", O_WRONLY | O_CREAT, 0644, -EROFS},
    {"read only: create, there, to read", "r/f", O_RDONLY | O_CREAT, 0644, 0},
    {"read only: create exclusively, there", "r/f", O_RDONLY | O_CREAT | O_EXCL, 0644, -EEXIST},
    {"read only: create, there, to write", "r/f", O_WRONLY | O_CREAT, 0644, -EROFS},
    {"read only: a directory to write", "r/d", O_WRONLY, 0, -EISDIR},
    {"read only: a device to write", "r/null", O_WRONLY, 0, 0},
    {"read only: a place", "r/f", O_PATH, 0, 0},
};

CONFORM_CASE(flags_decide_what_opens)
{
    make_tree();
    FOR_CASES(row, opens)
    expect(closed(sys_openat(AT_FDCWD, row->path, row->flags, row->mode)), row->result);
}

struct how_row {
    const char *label;
    struct open_how how;
    int result;
};

static const struct how_row hows[] = {
    {"nothing", {0}, 0},
    {"an unknown flag", {.flags = 0x40000000}, -EINVAL},
    {"a high flag", {.flags = 1ull << 40}, -EINVAL},
    {"a mode without creation", {.mode = 0644}, -EINVAL},
    {"a mode with creation", {.flags = O_CREAT, .mode = 0644}, 0},
    {"a type in the mode", {.flags = O_CREAT, .mode = S_IFREG | 0644}, -EINVAL},
    {"unknown resolve", {.resolve = 0x1000}, -EINVAL},
    {"beneath and in root", {.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT}, -EINVAL},
    {"create and directory", {.flags = O_CREAT | O_DIRECTORY, .mode = 0644}, -EINVAL},
    {"place to write", {.flags = O_PATH | O_WRONLY}, -EINVAL},
    {"place that does not block", {.flags = O_PATH | O_NONBLOCK}, -EINVAL},
    {"place not followed, kept from exec", {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC}, 0},
    {"cached", {.resolve = RESOLVE_CACHED}, 0},
    {"cached and truncated", {.flags = O_TRUNC, .resolve = RESOLVE_CACHED}, -EAGAIN},
    {"cached and created", {.flags = O_CREAT, .mode = 0644, .resolve = RESOLVE_CACHED}, -EAGAIN},
};

CONFORM_CASE(openat2_refuses_what_openat_ignores)
{
    make_tree();
    FOR_CASES(row, hows)
    expect(closed(sys_openat2(AT_FDCWD, "f", &row->how)), row->result);
}

CONFORM_CASE(creation_obeys_resolve_limits)
{
    static const struct {
        const char *label, *path;
        uint64_t resolve;
        int result;
    } rows[] = {
        {"in the directory", "n1", RESOLVE_BENEATH, 0},
        {"outside", "../n2", RESOLVE_BENEATH, -EXDEV},
        {"through a link outside", "out", RESOLVE_BENEATH, -EXDEV},
        {"through a link inside", "in", RESOLVE_BENEATH, 0},
        {"through a link in root", "root", RESOLVE_IN_ROOT, 0},
        {"through a link without links", "in", RESOLVE_NO_SYMLINKS, -ELOOP},
        {"over a mount", "m", RESOLVE_NO_XDEV, -EXDEV},
        {"in a mount", "m/n", RESOLVE_NO_XDEV, -EXDEV},
    };
    make_tree();
    make_link("../o", "d/out");
    make_link("n3", "d/in3");
    make_link("n4", "d/in");
    make_link("/n5", "d/root");
    sys_unlinkat(AT_FDCWD, "d/in", 0);
    make_link("n4", "d/in");
    make_mount("d/m");
    int dir = open_path("d");
    FOR_CASES(row, rows)
    expect(closed(sys_openat2(dir, row->path,
                              &(struct open_how){.flags = O_WRONLY | O_CREAT, .mode = 0644, .resolve = row->resolve})),
           row->result);
    expect(there("d/n4"), 1);
    expect(there("d/n5"), 1);
    expect(there("n2"), 0);
    expect(there("o"), 0);
}

CONFORM_CASE(creation_sets_modes)
{
    static const struct {
        const char *label;
        mode_t umask, mode, result;
    } rows[] = {
        {"nothing masked", 0, 0666, 0666},  {"masked", 022, 0666, 0644},   {"all masked", 0777, 0666, 0},
        {"set-id bits", 022, 06755, 06755}, {"sticky", 022, 01644, 01644}, {"umask keeps set-id", 07777, 06777, 06000},
    };
    make_tree();
    FOR_CASES(row, rows)
    {
        sys_umask(row->umask);
        expect(closed(sys_openat(AT_FDCWD, "new", O_CREAT | O_RDWR | O_EXCL, row->mode)), 0);
        expect(mode_of("new"), row->result);
        sys_unlinkat(AT_FDCWD, "new", 0);
    }
    expect(sys_umask(022), 0777);
    expect(sys_umask(01777), 022);
    expect(sys_umask(0), 0777);
    /* Rights of a file do not matter to who makes it. */
    int fd = sys_openat(AT_FDCWD, "none", O_CREAT | O_RDWR, 0);
    expect(sys_write(fd, "x", 1), 1);
}

CONFORM_CASE(flags_can_be_read_back)
{
    static const struct {
        const char *label, *path;
        int flags, result;
    } rows[] = {
        {"to read", "f", O_RDONLY, LARGEFILE},
        {"to write", "f", O_WRONLY, O_WRONLY | LARGEFILE},
        {"created", "n", O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC, O_RDWR | LARGEFILE},
        {"appending without blocking", "f", O_RDWR | O_APPEND | O_NONBLOCK, O_RDWR | O_APPEND | O_NONBLOCK | LARGEFILE},
        {"a directory", "d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, O_DIRECTORY | O_NOFOLLOW | LARGEFILE},
        {"a place", "f", O_PATH, O_PATH},
        {"a place that is a directory", "d", O_PATH | O_DIRECTORY | O_CLOEXEC, O_PATH | O_DIRECTORY},
        {"a place that is a link", "l", O_PATH | O_NOFOLLOW, O_PATH | O_NOFOLLOW},
    };
    make_tree();
    FOR_CASES(row, rows)
    {
        int fd = sys_openat(AT_FDCWD, row->path, row->flags, 0644);
        expect(sys_fcntl(fd, F_GETFL, 0), row->result);
        expect(sys_fcntl(fd, F_GETFD, 0), row->flags & O_CLOEXEC ? FD_CLOEXEC : 0);
        sys_close(fd);
    }
}

CONFORM_CASE(flags_can_be_changed)
{
    make_tree();
    int fd = sys_openat(AT_FDCWD, "f", O_RDWR, 0);
    expect(sys_fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_CREAT | O_WRONLY), 0);
    expect(sys_fcntl(fd, F_GETFL, 0), O_RDWR | O_APPEND | O_NONBLOCK | LARGEFILE);
    expect(sys_pwrite(fd, "end", 3, 0), 3);
    expect(size_of("f"), 4);
    expect(sys_fcntl(fd, F_SETFL, 0), 0);
    expect(sys_pwrite(fd, "x", 1, 0), 1);
    expect(size_of("f"), 4);
    expect(sys_fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    int copy = sys_fcntl(fd, F_DUPFD, 20);
    expect(copy, 20);
    expect(sys_fcntl(copy, F_GETFD, 0), 0);
    expect(sys_fcntl(copy, F_SETFL, O_APPEND), 0);
    expect(sys_fcntl(fd, F_GETFL, 0), O_RDWR | O_APPEND | LARGEFILE);
    expect(sys_fcntl(fd, F_DUPFD_CLOEXEC, 20), 21);
    expect(sys_fcntl(fd, F_DUPFD, 1 << 30), -EINVAL);
    expect(sys_fcntl(4711, F_GETFL, 0), -EBADF);
}

struct use {
    const char *label;
    int (*call)(int fd);
    int result;
};

static int use_read(int fd)
{
    char p;
    return (int)sys_read(fd, &p, 1);
}
static int use_write(int fd)
{
    return (int)sys_write(fd, "x", 1);
}
static int use_stat(int fd)
{
    struct stat st;
    return sys_fstat(fd, &st);
}
static int use_statfs(int fd)
{
    struct statfs st;
    return sys_fstatfs(fd, &st);
}
static int use_chmod(int fd)
{
    return sys_fchmod(fd, 0644);
}
static int use_chown(int fd)
{
    return sys_fchown(fd, 0, 0);
}
static int use_chown_at(int fd)
{
    return sys_fchownat(fd, "", 0, 0, AT_EMPTY_PATH);
}
static int use_truncate(int fd)
{
    return sys_ftruncate(fd, 0);
}
static int use_ioctl(int fd)
{
    return sys_ioctl(fd, 0x5401 /* TCGETS */, NULL);
}
static int use_list(int fd)
{
    char p[256];
    return sys_getdents64(fd, p, sizeof(p)) > 0;
}
static int use_setfl(int fd)
{
    return sys_fcntl(fd, F_SETFL, 0);
}
static int use_getfd(int fd)
{
    return sys_fcntl(fd, F_GETFD, 0);
}
static int use_seals(int fd)
{
    return sys_fcntl(fd, F_GET_SEALS, 0);
}
static int use_dup(int fd)
{
    return closed(sys_fcntl(fd, F_DUPFD, 0));
}
static int use_access(int fd)
{
    return sys_faccessat(fd, "", 0, AT_EMPTY_PATH);
}
static int use_pread(int fd)
{
    char p;
    return (int)sys_pread(fd, &p, 1, 0);
}
static int use_pipe_size(int fd)
{
    return sys_fcntl(fd, F_GETPIPE_SZ, 0);
}

CONFORM_CASE(a_place_is_not_open)
{
    static const struct use uses[] = {
        {"read", use_read, -EBADF},
        {"write", use_write, -EBADF},
        {"stat", use_stat, 0},
        {"statfs", use_statfs, 0},
        {"chmod", use_chmod, -EBADF},
        {"chown", use_chown, -EBADF},
        {"chown by place", use_chown_at, 0},
        {"truncate", use_truncate, -EBADF},
        {"ioctl", use_ioctl, -EBADF},
        {"list", use_list, 0},
        {"set flags", use_setfl, -EBADF},
        {"get descriptor flags", use_getfd, FD_CLOEXEC},
        {"seals", use_seals, -EBADF},
        {"dup", use_dup, 0},
        {"access", use_access, 0},
        {"pread", use_pread, -EBADF},
        {"pipe size", use_pipe_size, -EBADF},
    };
    make_tree();
    int fd = open_path("f");
    FOR_CASES(use, uses)
    expect(use->call(fd), use->result);
}

CONFORM_CASE(directories_are_not_files)
{
    static const struct use uses[] = {
        {"read", use_read, -EISDIR},
        {"write", use_write, -EBADF},
        {"stat", use_stat, 0},
        {"chmod", use_chmod, 0},
        {"chown", use_chown, 0},
        {"truncate", use_truncate, -EINVAL},
        {"ioctl", use_ioctl, -ENOTTY},
        {"list", use_list, 1},
        {"seals", use_seals, -EINVAL},
        {"pread", use_pread, -EISDIR},
        {"pipe size", use_pipe_size, -EBADF},
    };
    make_tree();
    int fd = sys_openat(AT_FDCWD, "d", O_RDONLY, 0);
    FOR_CASES(use, uses)
    expect(use->call(fd), use->result);
}

CONFORM_CASE(files_are_used_as_they_were_opened)
{
    static const struct use writing[] = {
        {"w: read", use_read, -EBADF},
        {"w: write", use_write, 1},
        {"w: pread", use_pread, -EBADF},
        {"w: truncate", use_truncate, 0},
        {"w: list", use_list, 0},
        {"w: ioctl", use_ioctl, -ENOTTY},
        {"w: seals", use_seals, F_SEAL_SEAL},
        {"w: pipe size", use_pipe_size, -EBADF},
    };
    static const struct use reading[] = {
        {"r: write", use_write, -EBADF},
        {"r: truncate", use_truncate, -EINVAL},
        {"r: chmod", use_chmod, 0},
    };
    make_tree();
    int fd = sys_openat(AT_FDCWD, "f", O_WRONLY, 0);
    FOR_CASES(use, writing)
    expect(use->call(fd), use->result);
    fd = sys_openat(AT_FDCWD, "f", O_RDONLY, 0);
    FOR_CASES(use, reading)
    expect(use->call(fd), use->result);
    expect(use_list(4711), 0);
    char p[16];
    expect(sys_getdents64(fd, p, sizeof(p)), -ENOTDIR);
}

CONFORM_CASE(descriptors_run_out)
{
    make_tree();
    struct rlimit limit = {8, 8};
    expect(sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
    int fd, last = -1;
    while ((fd = sys_openat(AT_FDCWD, "f", O_RDONLY, 0)) >= 0)
        last = fd;
    expect(last, 7);
    expect(fd, -EMFILE);
    expect(sys_openat(AT_FDCWD, "new", O_RDWR | O_CREAT, 0644), -EMFILE);
    expect(there("new"), 0);
    expect(sys_openat(AT_FDCWD, "none", O_RDONLY, 0), -EMFILE);
    expect(sys_openat(AT_FDCWD, "", O_RDONLY, 0), -ENOENT);
    expect(sys_memfd_create("x", 0), -EMFILE);
    expect(sys_fcntl(last, F_DUPFD, 0), -EMFILE);
    expect(sys_dup3(last, 8, 0), -EBADF);
    expect(sys_dup3(last, 6, 0), 6);
    expect(sys_dup3(last, last, 0), -EINVAL);
    expect(sys_dup3(last, 5, O_NONBLOCK), -EINVAL);
    expect(sys_dup3(4711, 5, 0), -EBADF);
}

static struct device_row {
    const char *label;
    unsigned int major, minor;
    int open, read, write;
} devices[] = {
    {"null", 1, 3, 0, 0, 1},
    {"zero", 1, 5, 0, 1, 1},
    {"full", 1, 7, 0, 1, -ENOSPC},
    {"random", 1, 8, 0, 1, 1},
    {"urandom", 1, 9, 0, 1, 1},
    {"no minor", 1, 200, -ENXIO, 0, 0},
    {"no major", 511, 0, -ENXIO, 0, 0},
};

CONFORM_CASE(numbers_make_devices)
{
    make_tree();
    make_mount("m");
    FOR_CASES(row, devices)
    {
        expect(sys_mknodat(AT_FDCWD, "m/dev", S_IFCHR | 0666, makedev(row->major, row->minor)), 0);
        int fd = sys_openat(AT_FDCWD, "m/dev", O_RDWR, 0);
        expect(fd < 0 ? fd : 0, row->open);
        if (fd >= 0) {
            expect(use_read(fd), row->read);
            expect(use_write(fd), row->write);
            expect(use_pread(fd), row->read);
            expect(use_truncate(fd), -EINVAL);
            sys_close(fd);
        }
        sys_unlinkat(AT_FDCWD, "m/dev", 0);
    }
    expect(sys_mknodat(AT_FDCWD, "m/dev", S_IFCHR | 0666, makedev(1, 3)), 0);
    expect(closed(sys_openat(AT_FDCWD, "m/dev", O_RDWR | O_TRUNC, 0)), 0);
    expect(closed(sys_openat(AT_FDCWD, "m/dev", O_RDWR | O_CREAT, 0644)), 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL), 0);
    expect(closed(sys_openat(AT_FDCWD, "m/dev", O_RDWR, 0)), -EACCES);
    expect(closed(sys_openat(AT_FDCWD, "m/dev", O_PATH, 0)), 0);
}
