/* SPDX-License-Identifier: Apache-2.0 */
/* What calls say to arguments that cannot be, and which of two mistakes they name. */
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "mocks/tests/files.h"

#define CLOSED_FD 999
#define LONG_NAME                                                                                                              \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567" \
    "8"                                                                                                                        \
    "9abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"  \
    "0123456789abcdef"

struct row {
    const char *label;
    long (*call)(void);
    long result;
};

/* A function for each call, named in its row. */
#define CALL(name, expression)                                                                                                 \
    static long name(void)                                                                                                     \
    {                                                                                                                          \
        return (long)(expression);                                                                                             \
    }

static void run(const struct row *row)
{
    expect(row->call(), row->result);
}

static int dir_fd(void)
{
    return sys_openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

static int path_fd(void)
{
    return sys_openat(AT_FDCWD, "/tmp/file", O_PATH | O_CLOEXEC, 0);
}

static int file_fd(int flags)
{
    return sys_openat(AT_FDCWD, "/tmp/file", flags | O_CLOEXEC, 0);
}

/* ---- no address ---- */

CALL(null_openat, sys_openat(AT_FDCWD, NULL, O_RDONLY, 0))
CALL(null_mkdirat, sys_mkdirat(AT_FDCWD, NULL, 0755))
CALL(null_mknodat, sys_mknodat(AT_FDCWD, NULL, S_IFREG | 0644, 0))
CALL(null_symlink_target, sys_symlinkat(NULL, AT_FDCWD, "/tmp/l"))
CALL(null_symlink_path, sys_symlinkat("x", AT_FDCWD, NULL))
CALL(null_unlinkat, sys_unlinkat(AT_FDCWD, NULL, 0))
CALL(null_rmdir, sys_unlinkat(AT_FDCWD, NULL, AT_REMOVEDIR))
CALL(null_rename_from, sys_renameat2(AT_FDCWD, NULL, AT_FDCWD, "/tmp/x", 0))
CALL(null_rename_to, sys_renameat2(AT_FDCWD, "/tmp/file", AT_FDCWD, NULL, 0))
CALL(null_chmod, sys_fchmodat(AT_FDCWD, NULL, 0644))
CALL(null_chown, sys_fchownat(AT_FDCWD, NULL, 0, 0, 0))
CALL(null_access, sys_faccessat(AT_FDCWD, NULL, F_OK, 0))
CALL(null_readlink, sys_readlinkat(AT_FDCWD, NULL, (char[8]){""}, 8))
CALL(null_chdir, sys_chdir(NULL))
CALL(null_chroot, sys_chroot(NULL))
CALL(null_umount, sys_umount2(NULL, 0))
CALL(null_pivot_new, sys_pivot_root(NULL, "/tmp"))
CALL(null_pivot_old, sys_pivot_root("/tmp", NULL))
CALL(null_mount_target, sys_mount("tmpfs", NULL, "tmpfs", 0, NULL))
CALL(null_open_tree, sys_open_tree(AT_FDCWD, NULL, 0))
CALL(null_pipe, sys_pipe2(NULL, 0))
CALL(null_watch, sys_inotify_add_watch(sys_inotify_init1(IN_CLOEXEC), NULL, 2))
CALL(null_exec, sys_execveat(AT_FDCWD, NULL, NULL, NULL, 0))
CALL(null_memfd, sys_memfd_create(NULL, 0))
CALL(null_getcwd, sys_getcwd(NULL, 100))
CALL(null_hostname, sys_sethostname(NULL, 3))

static const struct row null_rows[] = {
    {"openat", null_openat, -EFAULT},
    {"mkdirat", null_mkdirat, -EFAULT},
    {"mknodat", null_mknodat, -EFAULT},
    {"symlinkat target", null_symlink_target, -EFAULT},
    {"symlinkat path", null_symlink_path, -EFAULT},
    {"unlinkat", null_unlinkat, -EFAULT},
    {"unlinkat directory", null_rmdir, -EFAULT},
    {"renameat2 from", null_rename_from, -EFAULT},
    {"renameat2 to", null_rename_to, -EFAULT},
    {"fchmodat", null_chmod, -EFAULT},
    {"fchownat", null_chown, -EFAULT},
    {"faccessat", null_access, -EFAULT},
    {"readlinkat", null_readlink, -EFAULT},
    {"chdir", null_chdir, -EFAULT},
    {"chroot", null_chroot, -EFAULT},
    {"umount2", null_umount, -EFAULT},
    {"pivot_root new", null_pivot_new, -EFAULT},
    {"pivot_root old", null_pivot_old, -EFAULT},
    {"mount target", null_mount_target, -EFAULT},
    {"open_tree", null_open_tree, -EFAULT},
    {"pipe2", null_pipe, -EFAULT},
    {"inotify_add_watch", null_watch, -EFAULT},
    {"execveat", null_exec, -EFAULT},
    {"memfd_create", null_memfd, -EFAULT},
    {"getcwd", null_getcwd, -EFAULT},
    {"sethostname", null_hostname, -EFAULT},
};

CONFORM_CASE(addresses_are_checked)
{
    expect(make_file("/tmp/file", "x"), 0);
    FOR_CASES(row, null_rows)
    run(row);
}

/* ---- descriptors of the wrong kind ---- */

CALL(read_closed, sys_read(CLOSED_FD, (char[1]){""}, 1))
CALL(read_dir, sys_read(dir_fd(), (char[1]){""}, 1))
CALL(read_path, sys_read(path_fd(), (char[1]){""}, 1))
CALL(read_write_only, sys_read(file_fd(O_WRONLY), (char[1]){""}, 1))
CALL(read_epoll, sys_read(sys_epoll_create1(0), (char[1]){""}, 1))
CALL(write_closed, sys_write(CLOSED_FD, "x", 1))
CALL(write_read_only, sys_write(file_fd(O_RDONLY), "x", 1))
CALL(write_dir, sys_write(dir_fd(), "x", 1))
CALL(write_path, sys_write(path_fd(), "x", 1))
CALL(write_nothing_read_only, sys_write(file_fd(O_RDONLY), "x", 0))
CALL(read_nothing_write_only, sys_read(file_fd(O_WRONLY), (char[1]){""}, 0))
CALL(pread_eventfd, sys_pread(sys_eventfd(1, 0), (char[8]){""}, 8, 0))
CALL(pwrite_eventfd, sys_pwrite(sys_eventfd(1, 0), "12345678", 8, 0))
CALL(pread_signalfd, sys_pread(sys_signalfd(-1, &(sigset_t){0}, SFD_NONBLOCK), (char[200]){""}, 200, 0))
CALL(pread_inotify, sys_pread(sys_inotify_init1(IN_NONBLOCK), (char[200]){""}, 200, 0))
CALL(pread_epoll, sys_pread(sys_epoll_create1(0), (char[200]){""}, 200, 0))
CALL(pread_pidfd, sys_pread(sys_pidfd_open(sys_getpid(), 0), (char[8]){""}, 8, 0))
CALL(pread_negative, sys_pread(file_fd(O_RDONLY), (char[1]){""}, 1, -1))
CALL(pwrite_negative, sys_pwrite(file_fd(O_RDWR), "x", 1, -1))
CALL(pwrite_closed_negative, sys_pwrite(CLOSED_FD, "x", 1, -1))
CALL(truncate_closed, sys_ftruncate(CLOSED_FD, 0))
CALL(truncate_read_only, sys_ftruncate(file_fd(O_RDONLY), 0))
CALL(truncate_dir, sys_ftruncate(dir_fd(), 0))
CALL(truncate_path, sys_ftruncate(path_fd(), 0))
CALL(truncate_negative, sys_ftruncate(file_fd(O_RDWR), -1))
CALL(truncate_closed_negative, sys_ftruncate(CLOSED_FD, -1))
CALL(getdents_file, sys_getdents64(file_fd(O_RDONLY), (char[512]){""}, 512))
CALL(getdents_closed, sys_getdents64(CLOSED_FD, (char[512]){""}, 512))
CALL(getdents_small, sys_getdents64(dir_fd(), (char[8]){""}, 8))
CALL(fchdir_file, sys_fchdir(file_fd(O_RDONLY)))
CALL(fchdir_closed, sys_fchdir(CLOSED_FD))
CALL(fchmod_closed, sys_fchmod(CLOSED_FD, 0644))
CALL(fchmod_path, sys_fchmod(path_fd(), 0644))
CALL(fchown_path, sys_fchown(path_fd(), 0, 0))
CALL(fchown_closed, sys_fchown(CLOSED_FD, 0, 0))
CALL(ioctl_closed, sys_ioctl(CLOSED_FD, 0x5401, NULL))
CALL(ioctl_path, sys_ioctl(path_fd(), 0x5401, NULL))
CALL(ioctl_file, sys_ioctl(file_fd(O_RDONLY), 0x5401, NULL))
CALL(dup_closed, sys_dup3(CLOSED_FD, 50, 0))
CALL(dup_same, sys_dup3(0, 0, 0))
CALL(dup_same_closed, sys_dup3(CLOSED_FD, CLOSED_FD, 0))
CALL(dup_flags, sys_dup3(0, 50, O_APPEND))
CALL(dup_negative, sys_dup3(dir_fd(), -1, 0))
CALL(dup_beyond, sys_dup3(dir_fd(), 1 << 30, 0))
CALL(close_closed, sys_close(CLOSED_FD))
CALL(close_negative, sys_close(-1))
CALL(range_backwards, sys_close_range(20, 10, 0))
CALL(range_flags, sys_close_range(500, 600, 1))
CALL(dupfd_closed, sys_fcntl(CLOSED_FD, F_DUPFD_CLOEXEC, 0))
CALL(dupfd_negative, sys_fcntl(dir_fd(), F_DUPFD_CLOEXEC, -1))
CALL(dupfd_beyond, sys_fcntl(dir_fd(), F_DUPFD_CLOEXEC, 1 << 30))
CALL(setfl_path, sys_fcntl(path_fd(), F_SETFL, O_NONBLOCK))
CALL(pipe_size_of_file, sys_fcntl(file_fd(O_RDWR), F_SETPIPE_SZ, 4096))
CALL(seals_of_file, sys_fcntl(file_fd(O_RDWR), F_ADD_SEALS, F_SEAL_WRITE))
CALL(setns_closed, sys_setns(CLOSED_FD, 0))
CALL(setns_file, sys_setns(file_fd(O_RDONLY), 0))
CALL(epoll_ctl_closed, sys_epoll_ctl(CLOSED_FD, EPOLL_CTL_ADD, 0, &(struct epoll_event){0}))
CALL(epoll_add_closed, sys_epoll_ctl(sys_epoll_create1(0), EPOLL_CTL_ADD, CLOSED_FD, &(struct epoll_event){0}))
CALL(epoll_add_file, sys_epoll_ctl(sys_epoll_create1(0), EPOLL_CTL_ADD, file_fd(O_RDONLY), &(struct epoll_event){0}))
CALL(epoll_on_file, sys_epoll_ctl(file_fd(O_RDONLY), EPOLL_CTL_ADD, sys_eventfd(0, 0), &(struct epoll_event){0}))
CALL(epoll_wait_file, sys_epoll_wait(file_fd(O_RDONLY), &(struct epoll_event){0}, 1, 0))
CALL(epoll_wait_none, sys_epoll_wait(sys_epoll_create1(0), &(struct epoll_event){0}, 0, 0))
CALL(epoll_wait_negative, sys_epoll_wait(sys_epoll_create1(0), &(struct epoll_event){0}, -1, 0))
CALL(epoll_unknown_op, sys_epoll_ctl(sys_epoll_create1(0), 9, sys_eventfd(0, 0), &(struct epoll_event){0}))
CALL(watch_on_file, sys_inotify_add_watch(file_fd(O_RDONLY), "/tmp", 2))
CALL(watch_on_closed, sys_inotify_add_watch(CLOSED_FD, "/tmp", 2))
CALL(watch_nothing, sys_inotify_add_watch(sys_inotify_init1(0), "/tmp", 0))
CALL(watch_missing, sys_inotify_add_watch(sys_inotify_init1(0), "/tmp/missing", 2))
CALL(signalfd_on_file, sys_signalfd(file_fd(O_RDONLY), &(sigset_t){0}, 0))
CALL(signalfd_on_closed, sys_signalfd(CLOSED_FD, &(sigset_t){0}, 0))
CALL(pidfd_signal_file, sys_pidfd_send_signal(file_fd(O_RDONLY), 0))
CALL(pidfd_signal_closed, sys_pidfd_send_signal(CLOSED_FD, 0))
CALL(wait_on_file, sys_waitid(P_PIDFD, file_fd(O_RDONLY), &(siginfo_t){0}, WEXITED))
CALL(wait_on_closed, sys_waitid(P_PIDFD, CLOSED_FD, &(siginfo_t){0}, WEXITED))

static const struct row descriptor_rows[] = {
    {"read from none", read_closed, -EBADF},
    {"read from a directory", read_dir, -EISDIR},
    {"read from a place", read_path, -EBADF},
    {"read from what is for writing", read_write_only, -EBADF},
    {"read from an epoll", read_epoll, -EINVAL},
    {"write to none", write_closed, -EBADF},
    {"write to what is for reading", write_read_only, -EBADF},
    {"write to a directory", write_dir, -EBADF},
    {"write to a place", write_path, -EBADF},
    {"write nothing to what is for reading", write_nothing_read_only, -EBADF},
    {"read nothing from what is for writing", read_nothing_write_only, -EBADF},
    {"pread from an eventfd", pread_eventfd, -ESPIPE},
    {"pwrite to an eventfd", pwrite_eventfd, -ESPIPE},
    {"pread from a signalfd", pread_signalfd, -ESPIPE},
    {"pread from an inotify", pread_inotify, -ESPIPE},
    {"pread from an epoll", pread_epoll, -ESPIPE},
    {"pread from a pidfd", pread_pidfd, -EINVAL},
    {"pread before the beginning", pread_negative, -EINVAL},
    {"pwrite before the beginning", pwrite_negative, -EINVAL},
    {"pwrite before the beginning of none", pwrite_closed_negative, -EINVAL},
    {"ftruncate none", truncate_closed, -EBADF},
    {"ftruncate what is for reading", truncate_read_only, -EINVAL},
    {"ftruncate a directory", truncate_dir, -EINVAL},
    {"ftruncate a place", truncate_path, -EBADF},
    {"ftruncate to less than nothing", truncate_negative, -EINVAL},
    {"ftruncate none to less than nothing", truncate_closed_negative, -EINVAL},
    {"getdents64 of a file", getdents_file, -ENOTDIR},
    {"getdents64 of none", getdents_closed, -EBADF},
    {"getdents64 without room", getdents_small, -EINVAL},
    {"fchdir to a file", fchdir_file, -ENOTDIR},
    {"fchdir to none", fchdir_closed, -EBADF},
    {"fchmod of none", fchmod_closed, -EBADF},
    {"fchmod of a place", fchmod_path, -EBADF},
    {"fchown of a place", fchown_path, -EBADF},
    {"fchown of none", fchown_closed, -EBADF},
    {"ioctl on none", ioctl_closed, -EBADF},
    {"ioctl on a place", ioctl_path, -EBADF},
    {"ioctl of terminals on a file", ioctl_file, -ENOTTY},
    {"dup3 of none", dup_closed, -EBADF},
    {"dup3 to the same", dup_same, -EINVAL},
    {"dup3 of none to the same", dup_same_closed, -EINVAL},
    {"dup3 with a flag", dup_flags, -EINVAL},
    {"dup3 to a negative number", dup_negative, -EBADF},
    {"dup3 beyond the limit", dup_beyond, -EBADF},
    {"close of none", close_closed, -EBADF},
    {"close of a negative number", close_negative, -EBADF},
    {"close_range backwards", range_backwards, -EINVAL},
    {"close_range with a flag", range_flags, -EINVAL},
    {"F_DUPFD_CLOEXEC of none", dupfd_closed, -EBADF},
    {"F_DUPFD_CLOEXEC from a negative number", dupfd_negative, -EINVAL},
    {"F_DUPFD_CLOEXEC beyond the limit", dupfd_beyond, -EINVAL},
    {"F_SETFL of a place", setfl_path, -EBADF},
    {"F_SETPIPE_SZ of a file", pipe_size_of_file, -EBADF},
    {"F_ADD_SEALS of a file of tmpfs", seals_of_file, -EPERM},
    {"setns to none", setns_closed, -EBADF},
    {"setns to a file", setns_file, -EINVAL},
    {"epoll_ctl on none", epoll_ctl_closed, -EBADF},
    {"epoll of none", epoll_add_closed, -EBADF},
    {"epoll of a file", epoll_add_file, -EPERM},
    {"epoll_ctl on a file", epoll_on_file, -EINVAL},
    {"epoll_wait on a file", epoll_wait_file, -EINVAL},
    {"epoll_wait for nothing", epoll_wait_none, -EINVAL},
    {"epoll_wait for less than nothing", epoll_wait_negative, -EINVAL},
    {"epoll_ctl with an unknown operation", epoll_unknown_op, -EINVAL},
    {"inotify_add_watch on a file", watch_on_file, -EINVAL},
    {"inotify_add_watch on none", watch_on_closed, -EBADF},
    {"inotify_add_watch for nothing", watch_nothing, -EINVAL},
    {"inotify_add_watch of what is not there", watch_missing, -ENOENT},
    {"signalfd on a file", signalfd_on_file, -EINVAL},
    {"signalfd on none", signalfd_on_closed, -EBADF},
    {"pidfd_send_signal to a file", pidfd_signal_file, -EBADF},
    {"pidfd_send_signal to none", pidfd_signal_closed, -EBADF},
    {"waitid for a file", wait_on_file, -EBADF},
    {"waitid for none", wait_on_closed, -EBADF},
};

CONFORM_CASE(descriptors_are_of_a_kind)
{
    expect(make_file("/tmp/file", "x"), 0);
    FOR_CASES(row, descriptor_rows)
    run(row);
}

/* ---- flags and numbers ---- */

CALL(unlink_flags, sys_unlinkat(AT_FDCWD, "/tmp/missing", 1))
CALL(rename_flags, sys_renameat2(AT_FDCWD, "/tmp/missing", AT_FDCWD, "/tmp/x", 0x100))
CALL(rename_both, sys_renameat2(AT_FDCWD, "/tmp/missing", AT_FDCWD, "/tmp/x", 3))
CALL(stat_flags, sys_fstatat(AT_FDCWD, "/tmp/missing", &(struct stat){0}, 1))
CALL(access_flags, sys_faccessat(AT_FDCWD, "/tmp/missing", F_OK, 1))
CALL(access_mode, sys_faccessat(AT_FDCWD, "/tmp/missing", 8, 0))
CALL(chown_flags, sys_fchownat(AT_FDCWD, "/tmp/missing", 0, 0, 1))
CALL(readlink_nothing, sys_readlinkat(AT_FDCWD, "/tmp/link", (char[1]){""}, 0))
CALL(readlink_negative, sys_readlinkat(AT_FDCWD, "/tmp/missing", (char[1]){""}, (size_t)-1))
CALL(readlink_short, sys_readlinkat(AT_FDCWD, "/tmp/link", (char[2]){""}, 2))
CALL(readlink_file, sys_readlinkat(AT_FDCWD, "/tmp/file", (char[8]){""}, 8))
CALL(umount_flags, sys_umount2("/tmp/missing", 0x100))
CALL(mknod_type, sys_mknodat(AT_FDCWD, "/tmp/x", S_IFLNK | 0644, 0))
CALL(mknod_dir, sys_mknodat(AT_FDCWD, "/tmp/x", S_IFDIR | 0755, 0))
CALL(mknod_unknown, sys_mknodat(AT_FDCWD, "/tmp/x", 0030000, 0))
CALL(symlink_empty, sys_symlinkat("", AT_FDCWD, "/tmp/x"))
CALL(long_mkdir, sys_mkdirat(AT_FDCWD, "/tmp/" LONG_NAME, 0755))
CALL(long_open, sys_openat(AT_FDCWD, "/tmp/" LONG_NAME, O_RDONLY, 0))
CALL(long_dir_missing, sys_openat(AT_FDCWD, "/tmp/missing/" LONG_NAME, O_RDONLY, 0))
CALL(long_stat, sys_fstatat(AT_FDCWD, LONG_NAME, &(struct stat){0}, 0))
CALL(long_symlink, sys_symlinkat("x", AT_FDCWD, "/tmp/" LONG_NAME))
CALL(long_rename, sys_renameat2(AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/" LONG_NAME, 0))
CALL(pipe_flags, sys_pipe2((int[2]){0}, 0x1000000))
CALL(eventfd_flags, sys_eventfd(0, 0x1000000))
CALL(epoll_flags, sys_epoll_create1(0x1000000))
CALL(inotify_flags, sys_inotify_init1(0x1000000))
CALL(signalfd_flags, sys_signalfd(-1, &(sigset_t){0}, 0x1000000))
CALL(memfd_flags, sys_memfd_create("m", 0x80000000))
CALL(pidfd_flags, sys_pidfd_open(sys_getpid(), 1))
CALL(pidfd_nobody, sys_pidfd_open(4711, 0))
CALL(pidfd_zero, sys_pidfd_open(0, 0))
CALL(pidfd_negative, sys_pidfd_open(-1, 0))
CALL(kill_signal, sys_kill(sys_getpid(), 65))
CALL(kill_negative_signal, sys_kill(sys_getpid(), -1))
CALL(kill_nobody_signal, sys_kill(4711, 65))
CALL(kill_no_group, sys_kill(-4711, 0))
CALL(wait_nothing, sys_waitid(P_ALL, 0, &(siginfo_t){0}, WNOHANG))
CALL(wait_unknown, sys_waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | 0x8000))
CALL(wait_nobody, sys_waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG))
CALL(wait_other, sys_waitid(P_PID, 1, &(siginfo_t){0}, WEXITED | WNOHANG))
CALL(wait_pid_zero, sys_waitid(P_PID, 0, &(siginfo_t){0}, WEXITED | WNOHANG))
CALL(wait_type, sys_waitid(9, 0, &(siginfo_t){0}, WEXITED | WNOHANG))
CALL(mask_how, sys_sigprocmask(9, &(sigset_t){0}, NULL))
CALL(mask_how_without_set, sys_sigprocmask(9, NULL, NULL))
CALL(signal_kill, sys_signal(SIGKILL, SIG_IGN))
CALL(signal_stop, sys_signal(SIGSTOP, SIG_IGN))
CALL(signal_zero, sys_signal(0, SIG_IGN))
CALL(signal_beyond, sys_signal(65, SIG_IGN))
CALL(signal_last, sys_signal(64, SIG_IGN))
CALL(random_flags, sys_getrandom((char[8]){""}, 8, 0x100))
CALL(random_both, sys_getrandom((char[8]){""}, 8, 6))
CALL(random_nothing, sys_getrandom((char[8]){""}, 0, 0))
CALL(host_long, sys_sethostname("0123456789012345678901234567890123456789012345678901234567890123456789", 65))
CALL(host_longest, sys_sethostname("0123456789012345678901234567890123456789012345678901234567890123456789", 64))
CALL(groups_many, sys_setgroups(65537, NULL))
CALL(getcwd_short, sys_getcwd((char[2]){""}, 1))
CALL(unshare_unknown, sys_unshare(1))
CALL(setsid_leader, (sys_setsid(), sys_setsid()))
CALL(prctl_death_signal, sys_prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0))
CALL(prctl_dumpable, sys_prctl(PR_SET_DUMPABLE, 2, 0, 0, 0))
CALL(prctl_new_privs, sys_prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0))
CALL(prctl_new_privs_zero, sys_prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0))
CALL(prctl_new_privs_more, sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0))
CALL(prctl_bounding, sys_prctl(PR_CAPBSET_DROP, 64, 0, 0, 0))
CALL(prctl_bounding_read, sys_prctl(PR_CAPBSET_READ, 64, 0, 0, 0))
CALL(prctl_keep, sys_prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0))

static const struct row number_rows[] = {
    {"unlinkat", unlink_flags, -EINVAL},
    {"renameat2", rename_flags, -EINVAL},
    {"renameat2 with both", rename_both, -EINVAL},
    {"fstatat", stat_flags, -EINVAL},
    {"faccessat", access_flags, -EINVAL},
    {"faccessat mode", access_mode, -EINVAL},
    {"fchownat", chown_flags, -EINVAL},
    {"readlinkat without room", readlink_nothing, -EINVAL},
    {"readlinkat with a negative size", readlink_negative, -EINVAL},
    {"readlinkat with little room", readlink_short, 2},
    {"readlinkat of a file", readlink_file, -EINVAL},
    {"umount2", umount_flags, -EINVAL},
    {"mknodat of a link", mknod_type, -EINVAL},
    {"mknodat of a directory", mknod_dir, -EPERM},
    {"mknodat of nothing", mknod_unknown, -EINVAL},
    {"symlinkat to nothing", symlink_empty, -ENOENT},
    {"mkdirat with a long name", long_mkdir, -ENAMETOOLONG},
    {"openat with a long name", long_open, -ENAMETOOLONG},
    {"openat with a long name in what is not there", long_dir_missing, -ENOENT},
    {"fstatat with a long name", long_stat, -ENAMETOOLONG},
    {"symlinkat with a long name", long_symlink, -ENAMETOOLONG},
    {"renameat2 to a long name", long_rename, -ENAMETOOLONG},
    {"pipe2", pipe_flags, -EINVAL},
    {"eventfd", eventfd_flags, -EINVAL},
    {"epoll_create1", epoll_flags, -EINVAL},
    {"inotify_init1", inotify_flags, -EINVAL},
    {"signalfd", signalfd_flags, -EINVAL},
    {"memfd_create", memfd_flags, -EINVAL},
    {"pidfd_open", pidfd_flags, -EINVAL},
    {"pidfd_open of nobody", pidfd_nobody, -ESRCH},
    {"pidfd_open of 0", pidfd_zero, -EINVAL},
    {"pidfd_open of -1", pidfd_negative, -EINVAL},
    {"kill with 65", kill_signal, -EINVAL},
    {"kill with -1", kill_negative_signal, -EINVAL},
    {"kill of nobody with 65", kill_nobody_signal, -ESRCH},
    {"kill of no group", kill_no_group, -ESRCH},
    {"waitid for no event", wait_nothing, -EINVAL},
    {"waitid with an unknown option", wait_unknown, -EINVAL},
    {"waitid without children", wait_nobody, -ECHILD},
    {"waitid for no child", wait_other, -ECHILD},
    {"waitid for process 0", wait_pid_zero, -EINVAL},
    {"waitid for another type", wait_type, -EINVAL},
    {"sigprocmask", mask_how, -EINVAL},
    {"sigprocmask that only asks", mask_how_without_set, 0},
    {"SIGKILL ignored", signal_kill, -EINVAL},
    {"SIGSTOP ignored", signal_stop, -EINVAL},
    {"signal 0 ignored", signal_zero, -EINVAL},
    {"signal 65 ignored", signal_beyond, -EINVAL},
    {"signal 64 ignored", signal_last, 0},
    {"getrandom", random_flags, -EINVAL},
    {"getrandom with both sources", random_both, -EINVAL},
    {"getrandom of nothing", random_nothing, 0},
    {"sethostname with 65 bytes", host_long, -EINVAL},
    {"sethostname with 64 bytes", host_longest, 0},
    {"setgroups with too many", groups_many, -EINVAL},
    {"getcwd without room", getcwd_short, -ERANGE},
    {"unshare", unshare_unknown, -EINVAL},
    {"setsid twice", setsid_leader, -EPERM},
    {"PR_SET_PDEATHSIG", prctl_death_signal, -EINVAL},
    {"PR_SET_DUMPABLE", prctl_dumpable, -EINVAL},
    {"PR_SET_NO_NEW_PRIVS 2", prctl_new_privs, -EINVAL},
    {"PR_SET_NO_NEW_PRIVS 0", prctl_new_privs_zero, -EINVAL},
    {"PR_SET_NO_NEW_PRIVS with more", prctl_new_privs_more, -EINVAL},
    {"PR_CAPBSET_DROP", prctl_bounding, -EINVAL},
    {"PR_CAPBSET_READ", prctl_bounding_read, -EINVAL},
    {"PR_SET_KEEPCAPS", prctl_keep, -EINVAL},
};

CONFORM_CASE(flags_and_numbers_are_checked_first)
{
    expect(make_file("/tmp/file", "x"), 0);
    expect(make_link("target", "/tmp/link"), 0);
    FOR_CASES(row, number_rows)
    run(row);
}
