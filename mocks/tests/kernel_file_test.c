/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: reading, writing, sizes, limits of tmpfs, seals. */
#include <linux/magic.h>
#include <linux/memfd.h>

#include "mocks/tests/files.h"

#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC 16
#endif
#define SEAL_EXEC 0x20

static int open_new(const char *path)
{
    return sys_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0644);
}

static void in_dir(void)
{
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
}

CONFORM_CASE(bytes_come_back)
{
    char p[16] = "";
    in_dir();
    int fd = open_new("f");
    expect(sys_write(fd, "hello", 5), 5);
    expect(sys_read(fd, p, sizeof(p)), 0);
    expect(sys_pread(fd, p, sizeof(p), 0), 5);
    expect_text(p, "hello");
    expect(sys_pread(fd, p, 2, 3), 2);
    expect(sys_pread(fd, p, 2, 5), 0);
    expect(sys_pread(fd, p, 2, 100), 0);
    expect(sys_pread(fd, p, 2, -1), -EINVAL);
    expect(sys_pwrite(fd, "x", 1, -1), -EINVAL);
    expect(sys_pwrite(fd, "J", 1, 0), 1);
    expect(sys_write(fd, "!", 1), 1);
    expect(sys_pread(fd, p, sizeof(p), 0), 6);
    expect(memcmp(p, "Jello!", 6), 0);
    expect(sys_write(fd, "", 0), 0);
    expect(sys_read(fd, p, 0), 0);
    expect(sys_read(4711, p, 1), -EBADF);
    expect(sys_write(-1, p, 1), -EBADF);
}

CONFORM_CASE(descriptors_have_positions_and_copies_share_them)
{
    char p[4] = "";
    in_dir();
    make_file("f", "abcdef");
    int one = sys_openat(AT_FDCWD, "f", O_RDONLY, 0), other = sys_openat(AT_FDCWD, "f", O_RDONLY, 0);
    int copy = sys_fcntl(one, F_DUPFD_CLOEXEC, 0);
    expect(sys_read(one, p, 2), 2);
    expect(sys_read(copy, p, 1), 1);
    expect(p[0], 'c');
    expect(sys_read(other, p, 1), 1);
    expect(p[0], 'a');
    sys_close(one);
    expect(sys_read(copy, p, 1), 1);
    expect(p[0], 'd');
}

CONFORM_CASE(appending_writes_go_to_the_end)
{
    char p[16] = "";
    in_dir();
    make_file("f", "12");
    int fd = sys_openat(AT_FDCWD, "f", O_RDWR | O_APPEND, 0), other = sys_openat(AT_FDCWD, "f", O_RDWR, 0);
    expect(sys_write(fd, "3", 1), 1);
    expect(sys_pwrite(other, "45", 2, 3), 2);
    expect(sys_write(fd, "6", 1), 1);
    expect(sys_pread(other, p, sizeof(p), 0), 6);
    expect_text(p, "123456");
    expect(sys_read(fd, p, 1), 0);
}

CONFORM_CASE(several_parts_are_one_transfer)
{
    char a[3] = "", b[8] = "";
    in_dir();
    int fd = open_new("f");
    struct iovec out[] = {{(void *)"ab", 2}, {NULL, 0}, {(void *)"cde", 3}};
    expect(sys_writev(fd, out, 3), 5);
    expect(sys_writev(fd, out, 0), 0);
    expect(sys_writev(fd, out, -1), -EINVAL);
    expect(sys_writev(fd, out, 1025), -EINVAL);
    expect(sys_writev(4711, out, -1), -EBADF);
    fd = sys_openat(AT_FDCWD, "f", O_RDONLY, 0);
    struct iovec in[] = {{a, 2}, {b, sizeof(b) - 1}};
    expect(sys_readv(fd, in, 2), 5);
    expect_text(a, "ab");
    expect_text(b, "cde");
    expect(sys_readv(fd, in, 2), 0);
    expect(sys_writev(fd, out, 1), -EBADF);
}

CONFORM_CASE(sizes_change)
{
    char p[8];
    in_dir();
    int fd = open_new("f");
    expect(sys_write(fd, "hello", 5), 5);
    expect(sys_ftruncate(fd, 2), 0);
    expect(size_of("f"), 2);
    expect(sys_ftruncate(fd, 6), 0);
    expect(sys_pread(fd, p, sizeof(p), 0), 6);
    expect(memcmp(p, "he\0\0\0\0", 6), 0);
    expect(sys_write(fd, "!", 1), 1);
    expect(size_of("f"), 6);
    expect(sys_ftruncate(fd, -1), -EINVAL);
    expect(sys_ftruncate(4711, 0), -EBADF);
    expect(sys_fsync(fd), 0);
    expect(sys_fsync(4711), -EBADF);
    expect(sys_ftruncate(4711, -1), -EINVAL);
    expect(sys_ftruncate(fd, 1ll << 40), 0);
    expect(size_of("f"), 1ll << 40);
    expect(sys_pread(fd, p, 8, (1ll << 40) - 4), 4);
    expect(sys_pwrite(fd, "x", 1, 10000), 1);
    expect(sys_pread(fd, p, 2, 9999), 2);
    expect(memcmp(p, "\0x", 2), 0);
    expect(closed(sys_openat(AT_FDCWD, "f", O_RDONLY | O_TRUNC, 0)), 0);
    expect(size_of("f"), 0);
}

CONFORM_CASE(an_unlinked_file_lives_while_it_is_open)
{
    struct stat st;
    char p[4] = "";
    in_dir();
    int fd = open_new("f");
    expect(sys_write(fd, "abc", 3), 3);
    expect(sys_unlinkat(AT_FDCWD, "f", 0), 0);
    expect(sys_fstat(fd, &st), 0);
    expect(st.st_nlink, 0);
    expect(st.st_size, 3);
    expect(sys_pread(fd, p, 3, 0), 3);
    expect_text(p, "abc");
    make_file("f", "new");
    expect(sys_pread(fd, p, 3, 0), 3);
    expect_text(p, "abc");
}

CONFORM_CASE(a_size_limit_kills_or_fails)
{
    in_dir();
    int fd = open_new("f");
    struct rlimit limit = {10, 10};
    expect(sys_signal(SIGXFSZ, SIG_IGN), 0);
    expect(sys_prlimit(0, RLIMIT_FSIZE, &limit, NULL), 0);
    expect(sys_write(fd, "123456", 6), 6);
    expect(sys_write(fd, "123456", 6), 4);
    expect(sys_write(fd, "1", 1), -EFBIG);
    expect(sys_pwrite(fd, "1", 1, 9), 1);
    expect(sys_ftruncate(fd, 11), -EFBIG);
    expect(sys_ftruncate(fd, 4), 0);
    expect(sys_ftruncate(fd, 10), 0);
}

/* ---- tmpfs ---- */

static struct option_row {
    const char *label, *options;
    int result;
} options[] = {
    {"none", NULL, 0},
    {"empty", "", 0},
    {"a size", "size=64k", 0},
    {"a size in bytes", "size=65536", 0},
    {"a size in M", "size=1M", 0},
    {"a share of memory", "size=10%", 0},
    {"no size", "size=", -EINVAL},
    {"a bad unit", "size=1x", -EINVAL},
    {"a word for a size", "size=big", -EINVAL},
    {"blocks", "nr_blocks=16", 0},
    {"inodes", "nr_inodes=10", 0},
    {"inodes in k", "nr_inodes=1k", 0},
    {"a mode", "mode=700", 0},
    {"a bad mode", "mode=9", -EINVAL},
    {"owners", "uid=1000,gid=1001", 0},
    {"a bad owner", "uid=me", -EINVAL},
    {"all", "size=1m,nr_inodes=100,mode=0755,uid=1,gid=2", 0},
    {"unknown", "colour=red", -EINVAL},
    {"unknown after known", "size=1m,colour", -EINVAL},
    {"empty ones are skipped", ",size=1m,,", 0},
};

CONFORM_CASE(tmpfs_has_options)
{
    in_dir();
    make_dir("m");
    FOR_CASES(row, options)
    {
        expect(sys_mount("x", "m", "tmpfs", 0, row->options), row->result);
        if (row->result == 0)
            expect(unmount("m", 0), 0);
    }
}

CONFORM_CASE(tmpfs_owners_and_modes)
{
    struct stat st;
    in_dir();
    make_dir("m");
    expect(mount_tmpfs("m"), 0);
    expect(mode_of("m"), 01777);
    expect(unmount("m", 0), 0);
    expect(sys_mount("x", "m", "tmpfs", 0, "mode=0710,uid=12,gid=34"), 0);
    expect(mode_of("m"), 0710);
    expect(sys_fstatat(AT_FDCWD, "m", &st, 0), 0);
    expect(st.st_uid, 12);
    expect(st.st_gid, 34);
    expect(st.st_ino, 1);
    expect(st.st_size, 40);
    expect(st.st_nlink, 2);
    make_dir("m/d");
    make_file("m/f", "");
    expect(sys_fstatat(AT_FDCWD, "m", &st, 0), 0);
    expect(st.st_size, 80);
    expect(st.st_nlink, 3);
}

CONFORM_CASE(tmpfs_has_only_so_many_bytes)
{
    static char zeros[8192];
    struct statfs st;
    in_dir();
    make_dir("m");
    expect(sys_mount("x", "m", "tmpfs", 0, "size=8k"), 0);
    int fd = open_new("m/f");
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_type, TMPFS_MAGIC);
    expect(st.f_bsize, 4096);
    expect(st.f_blocks, 2);
    expect(st.f_bfree, 2);
    expect(sys_write(fd, "x", 1), 1);
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_bfree, 1);
    expect(sys_write(fd, zeros, 8192), 8191);
    expect(sys_write(fd, "x", 1), -ENOSPC);
    expect(sys_pwrite(fd, "x", 1, 5), 1);
    expect(make_file("m/g", "y"), -ENOSPC);
    expect(there("m/g"), 1);
    expect(make_dir("m/d"), 0);
    expect(sys_ftruncate(fd, 4096), 0);
    expect(make_file("m/g", "y"), 0);
    expect(sys_unlinkat(AT_FDCWD, "m/g", 0), 0);
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_bfree, 1);
    expect(sys_ftruncate(fd, 1 << 20), 0);
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_bfree, 1);
    sys_close(fd);
    expect(sys_unlinkat(AT_FDCWD, "m/f", 0), 0);
    fd = open_path("m");
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_bfree, 2);
}

CONFORM_CASE(tmpfs_has_only_so_many_inodes)
{
    struct statfs st;
    in_dir();
    make_dir("m");
    expect(sys_mount("x", "m", "tmpfs", 0, "nr_inodes=3"), 0);
    int fd = open_path("m");
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_files, 3);
    expect(st.f_ffree, 2);
    expect(make_dir("m/a"), 0);
    expect(make_file("m/b", ""), 0);
    expect(make_file("m/c", ""), -ENOSPC);
    expect(make_dir("m/c"), -ENOSPC);
    expect(make_link("x", "m/c"), -ENOSPC);
    expect(sys_mknodat(AT_FDCWD, "m/c", S_IFIFO | 0644, 0), -ENOSPC);
    expect(there("m/c"), 0);
    expect(sys_unlinkat(AT_FDCWD, "m/b", 0), 0);
    expect(make_link("x", "m/c"), 0);
}

CONFORM_CASE(tmpfs_limits_can_change)
{
    static char zeros[8192];
    struct statfs st;
    in_dir();
    make_dir("m");
    expect(sys_mount("x", "m", "tmpfs", 0, "size=16k,nr_inodes=10,mode=700"), 0);
    int fd = open_new("m/f");
    expect(sys_write(fd, zeros, 8192), 8192);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, "size=4k"), -EINVAL);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, "size=8k"), 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, "nr_inodes=1"), -EINVAL);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, "nr_inodes=2"), 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, "mode=755"), 0);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, "colour"), -EINVAL);
    expect(mode_of("m"), 0700);
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_blocks, 2);
    expect(st.f_files, 2);
    expect(sys_mount(NULL, "m", NULL, MS_REMOUNT, NULL), 0);
    expect(sys_fstatfs(fd, &st), 0);
    expect(st.f_blocks, 2);
}

CONFORM_CASE(file_systems_tell_their_flags)
{
    static const struct {
        const char *label;
        unsigned long flags;
        long result;
    } rows[] = {
        {"none", 0, 0x1020},
        {"read only", MS_RDONLY, 0x1021},
        {"nosuid, nodev, noexec", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0x102e},
        {"noatime", MS_NOATIME, 0x420},
        {"nodiratime", MS_NODIRATIME, 0x1820},
        {"strictatime", MS_STRICTATIME, 0x20},
        {"nosymfollow", MS_NOSYMFOLLOW, 0x3020},
        {"sync", MS_SYNCHRONOUS, 0x1030},
    };
    struct statfs st;
    in_dir();
    make_dir("m");
    FOR_CASES(row, rows)
    {
        expect(sys_mount("x", "m", "tmpfs", row->flags, NULL), 0);
        int fd = open_path("m");
        expect(sys_fstatfs(fd, &st), 0);
        expect(st.f_flags, row->result);
        sys_close(fd);
        expect(unmount("m", 0), 0);
    }
}

/* ---- memfd ---- */

static const struct {
    const char *label;
    unsigned int flags;
    int result, seals;
    mode_t mode;
} memfds[] = {
    {"plain", 0, 0, F_SEAL_SEAL, 0777},
    {"sealable", MFD_ALLOW_SEALING, 0, 0, 0777},
    {"executable", MFD_EXEC, 0, F_SEAL_SEAL, 0777},
    {"executable and sealable", MFD_EXEC | MFD_ALLOW_SEALING, 0, 0, 0777},
    {"not executable", MFD_NOEXEC_SEAL, 0, SEAL_EXEC, 0666},
    {"both", MFD_EXEC | MFD_NOEXEC_SEAL, -EINVAL, 0, 0},
    {"unknown", 0x80000000, -EINVAL, 0, 0},
};

CONFORM_CASE(memory_files_have_flags)
{
    struct stat st;
    FOR_CASES(row, memfds)
    {
        int fd = sys_memfd_create("name", row->flags | MFD_CLOEXEC);
        expect(fd < 0 ? fd : 0, row->result);
        if (fd < 0)
            continue;
        expect(sys_fcntl(fd, F_GET_SEALS, 0), row->seals);
        expect(sys_fcntl(fd, F_GETFL, 0), O_RDWR | 0100000);
        expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
        expect(sys_fstat(fd, &st), 0);
        expect(st.st_mode, S_IFREG | row->mode);
        expect(st.st_nlink, 0);
        sys_close(fd);
    }
    char name[252];
    memset(name, 'n', sizeof(name));
    name[249] = '\0';
    expect(closed(sys_memfd_create(name, 0)), 0);
    name[249] = 'n';
    name[250] = '\0';
    expect(closed(sys_memfd_create(name, 0)), -EINVAL);
}

static const struct {
    const char *label;
    int seals;
    int write, grow, shrink, more; /* results of such calls afterwards */
} seals[] = {
    {"none", 0, 1, 0, 0, 0},
    {"no writing", F_SEAL_WRITE, -EPERM, 0, 0, 0},
    {"no future writing", F_SEAL_FUTURE_WRITE, -EPERM, 0, 0, 0},
    {"no growing", F_SEAL_GROW, 1, -EPERM, 0, 0},
    {"no shrinking", F_SEAL_SHRINK, 1, 0, -EPERM, 0},
    {"no more seals", F_SEAL_SEAL, 1, 0, 0, -EPERM},
    {"all", F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, -EPERM, -EPERM, -EPERM, -EPERM},
};

CONFORM_CASE(seals_hold)
{
    char p;
    FOR_CASES(row, seals)
    {
        int fd = sys_memfd_create("sealed", MFD_ALLOW_SEALING);
        expect(sys_write(fd, "content", 7), 7);
        expect(sys_fcntl(fd, F_ADD_SEALS, row->seals), 0);
        expect(sys_fcntl(fd, F_GET_SEALS, 0), row->seals);
        expect(sys_pwrite(fd, "x", 1, 0), row->write);
        expect(sys_pwrite(fd, "x", 1, 7), row->write == -EPERM ? -EPERM : row->grow == -EPERM ? -EPERM : 1);
        expect(sys_ftruncate(fd, 100), row->grow);
        expect(sys_ftruncate(fd, 3), row->shrink);
        expect(sys_pread(fd, &p, 1, 0), 1);
        expect(sys_fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), row->more);
        sys_close(fd);
    }
}

CONFORM_CASE(not_everything_can_be_sealed)
{
    in_dir();
    int file = open_new("f"), plain = sys_memfd_create("plain", 0), fd = sys_memfd_create("x", MFD_ALLOW_SEALING);
    int fds[2];
    expect(sys_pipe2(fds, 0), 0);
    expect(sys_fcntl(file, F_GET_SEALS, 0), F_SEAL_SEAL);
    expect(sys_fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), -EPERM);
    expect(sys_fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE), -EPERM);
    expect(sys_fcntl(fd, F_ADD_SEALS, 0x8000), -EINVAL);
    expect(sys_fcntl(fds[1], F_GET_SEALS, 0), -EINVAL);
    expect(sys_fcntl(fds[1], F_ADD_SEALS, F_SEAL_WRITE), -EINVAL);
    expect(sys_fcntl(fd, F_ADD_SEALS, SEAL_EXEC), 0);
    expect(sys_fcntl(fd, F_GET_SEALS, 0), SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
    expect(sys_fchmod(fd, 0666), -EPERM);
    expect(sys_fchmod(fd, 0755), 0);
    fd = sys_memfd_create("x", MFD_NOEXEC_SEAL);
    expect(sys_fchmod(fd, 0777), -EPERM);
    expect(sys_fchmod(fd, 0600), 0);
}

/* ---- descriptors by their names in /proc ---- */

static int again(int fd, int flags)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return sys_openat(AT_FDCWD, path, flags, 0);
}

CONFORM_CASE(descriptors_are_opened_again)
{
    int fds[2], sockets[2];
    char p = 0;
    in_dir();
    expect(sys_pipe2(fds, 0), 0);
    expect(sys_socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    int writer = again(fds[1], O_WRONLY), memory = sys_memfd_create("m", 0), event = sys_eventfd(0, 0);
    expect(sys_write(writer, "x", 1), 1);
    expect(sys_read(fds[0], &p, 1), 1);
    expect(p, 'x');
    expect(again(sockets[0], O_RDWR), -ENXIO);
    expect(again(event, O_RDWR), -ENXIO);
    make_file("f", "f");
    int file = sys_openat(AT_FDCWD, "f", O_RDONLY, 0);
    expect(sys_unlinkat(AT_FDCWD, "f", 0), 0);
    expect(kind_of(again(file, O_RDWR)), 'f');
    expect(closed(again(memory, O_RDWR | O_TRUNC)), 0);
    expect(kind_of(again(open_path("."), O_RDONLY)), 'd');
    struct statfs st;
    expect(sys_fstatfs(fds[0], &st), 0);
    expect(st.f_type, PIPEFS_MAGIC);
    expect(sys_fstatfs(sockets[0], &st), 0);
    expect(st.f_type, SOCKFS_MAGIC);
    expect(sys_fstatfs(event, &st), 0);
    expect(st.f_type, ANON_INODE_FS_MAGIC);
    expect(sys_fstatfs(memory, &st), 0);
    expect(st.f_type, TMPFS_MAGIC);
}

CONFORM_CASE(magic_links_obey_limits)
{
    static const struct {
        const char *label, *path;
        uint64_t resolve;
        int result;
    } rows[] = {
        {"free", "self/root", 0, 0},
        {"no magic: a descriptor", "self/fd/0", RESOLVE_NO_MAGICLINKS, -ELOOP},
        {"no magic: a root", "self/root", RESOLVE_NO_MAGICLINKS, -ELOOP},
        {"no magic: through a root", "self/root/tmp", RESOLVE_NO_MAGICLINKS, -ELOOP},
        {"no magic: a plain link", "self", RESOLVE_NO_MAGICLINKS, 0},
        {"no links: a root", "self/root", RESOLVE_NO_SYMLINKS, -ELOOP},
        {"beneath: a root", "self/root", RESOLVE_BENEATH, -EXDEV},
        {"in root: a working directory", "self/cwd", RESOLVE_IN_ROOT, -EXDEV},
        {"one mount: a root", "self/root", RESOLVE_NO_XDEV, -EXDEV},
    };
    int proc = open_path("/proc");
    FOR_CASES(row, rows)
    expect(closed(sys_openat2(proc, row->path, &(struct open_how){.flags = O_PATH, .resolve = row->resolve})), row->result);
}

CONFORM_CASE(computed_files_are_not_made_or_removed)
{
    expect(make_dir("/proc/x"), -ENOENT);
    expect(closed(sys_openat(AT_FDCWD, "/proc/x", O_CREAT | O_RDWR, 0600)), -ENOENT);
    expect(make_link("a", "/proc/self/x"), -ENOENT);
    expect(sys_unlinkat(AT_FDCWD, "/proc/version", 0), -EPERM);
    expect(sys_renameat2(AT_FDCWD, "/proc/version", AT_FDCWD, "/proc/v", 0), -ENOENT);
    /* A mount on one hides it as long as it lasts. */
    expect(bind_dir("/dev/null", "/proc/version"), 0);
    expect(closed(sys_openat(AT_FDCWD, "/proc/version", O_RDWR, 0)), 0);
    expect(unmount("/proc/version", 0), 0);
    expect(closed(sys_openat(AT_FDCWD, "/proc/version", O_RDONLY, 0)), 0);
}
