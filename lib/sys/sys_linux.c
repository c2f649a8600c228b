/* SPDX-License-Identifier: Apache-2.0 */
/* The seam on a real Linux kernel: raw system calls, without libc's errno and caches.
 * Process creation is in sys_spawn.c. */
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/raw.h"

/* ---- files ---- */

int sys_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    return (int)RESTART(SYSCALL(SYS_openat, dirfd, path, flags, mode));
}

int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
    return (int)RESTART(SYSCALL(SYS_openat2, dirfd, path, how, sizeof(*how)));
}

int sys_close(int fd)
{
    /* The descriptor is gone even when close(2) says EINTR. */
    int r = (int)SYSCALL(SYS_close, fd);
    return r == -EINTR ? 0 : r;
}

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    return (int)SYSCALL(SYS_close_range, first, last, flags);
}

int sys_dup3(int fd, int newfd, int flags)
{
    return (int)RESTART(SYSCALL(SYS_dup3, fd, newfd, flags));
}

int sys_fcntl(int fd, int cmd, long arg)
{
    return (int)RESTART(SYSCALL(SYS_fcntl, fd, cmd, arg));
}

ssize_t sys_read(int fd, void *p, size_t len)
{
    return RESTART(SYSCALL(SYS_read, fd, p, len));
}

ssize_t sys_readv(int fd, const struct iovec *iov, int n)
{
    return RESTART(SYSCALL(SYS_readv, fd, iov, n));
}

ssize_t sys_write(int fd, const void *p, size_t len)
{
    return RESTART(SYSCALL(SYS_write, fd, p, len));
}

ssize_t sys_writev(int fd, const struct iovec *iov, int n)
{
    return RESTART(SYSCALL(SYS_writev, fd, iov, n));
}

ssize_t sys_pread(int fd, void *p, size_t len, off_t offset)
{
    return RESTART(SYSCALL(SYS_pread64, fd, p, len, offset));
}

ssize_t sys_pwrite(int fd, const void *p, size_t len, off_t offset)
{
    return RESTART(SYSCALL(SYS_pwrite64, fd, p, len, offset));
}

int sys_ftruncate(int fd, off_t len)
{
    return (int)RESTART(SYSCALL(SYS_ftruncate, fd, len));
}

int sys_fstat(int fd, struct stat *st)
{
    return sys_fstatat(fd, "", st, AT_EMPTY_PATH);
}

int sys_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
    return (int)SYSCALL(SYS_newfstatat, dirfd, path, st, flags);
}

int sys_fstatfs(int fd, struct statfs *st)
{
    return (int)RESTART(SYSCALL(SYS_fstatfs, fd, st));
}

ssize_t sys_readlinkat(int dirfd, const char *path, char *p, size_t len)
{
    return SYSCALL(SYS_readlinkat, dirfd, path, p, len);
}

int sys_faccessat(int dirfd, const char *path, int mode, int flags)
{
    return (int)SYSCALL(SYS_faccessat2, dirfd, path, mode, flags);
}

int sys_mkdirat(int dirfd, const char *path, mode_t mode)
{
    return (int)SYSCALL(SYS_mkdirat, dirfd, path, mode);
}

int sys_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev)
{
    return (int)SYSCALL(SYS_mknodat, dirfd, path, mode, (unsigned int)dev);
}

int sys_symlinkat(const char *target, int dirfd, const char *path)
{
    return (int)SYSCALL(SYS_symlinkat, target, dirfd, path);
}

int sys_unlinkat(int dirfd, const char *path, int flags)
{
    return (int)SYSCALL(SYS_unlinkat, dirfd, path, flags);
}

int sys_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags)
{
    return (int)SYSCALL(SYS_renameat2, olddirfd, oldpath, newdirfd, newpath, flags);
}

int sys_fchmod(int fd, mode_t mode)
{
    return (int)SYSCALL(SYS_fchmod, fd, mode);
}

int sys_fchmodat(int dirfd, const char *path, mode_t mode)
{
    return (int)SYSCALL(SYS_fchmodat, dirfd, path, mode);
}

int sys_fchown(int fd, uid_t uid, gid_t gid)
{
    return (int)SYSCALL(SYS_fchown, fd, uid, gid);
}

int sys_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags)
{
    return (int)SYSCALL(SYS_fchownat, dirfd, path, uid, gid, flags);
}

ssize_t sys_getdents64(int fd, void *p, size_t len)
{
    return SYSCALL(SYS_getdents64, fd, p, len);
}

int sys_fchdir(int fd)
{
    return (int)SYSCALL(SYS_fchdir, fd);
}

int sys_chdir(const char *path)
{
    return (int)SYSCALL(SYS_chdir, path);
}

ssize_t sys_getcwd(char *p, size_t len)
{
    return SYSCALL(SYS_getcwd, p, len);
}

int sys_chroot(const char *path)
{
    return (int)SYSCALL(SYS_chroot, path);
}

mode_t sys_umask(mode_t mask)
{
    return (mode_t)SYSCALL(SYS_umask, mask);
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
    return (int)RESTART(SYSCALL(SYS_ioctl, fd, request, arg));
}

int sys_memfd_create(const char *name, unsigned int flags)
{
    return (int)SYSCALL(SYS_memfd_create, name, flags);
}

int sys_fsync(int fd)
{
    return (int)RESTART(SYSCALL(SYS_fsync, fd));
}

int sys_flock(int fd, int operation)
{
    return (int)RESTART(SYSCALL(SYS_flock, fd, operation));
}

int sys_mmap(void **ret_p, size_t len, int prot, int flags, int fd, off_t offset)
{
    long r = SYSCALL(SYS_mmap, NULL, len, prot, flags, fd, offset);
    if (r < 0)
        return (int)r;
    *ret_p = (void *)r;
    return 0;
}

int sys_munmap(void *p, size_t len)
{
    return (int)SYSCALL(SYS_munmap, p, len);
}

void sys_sync(void)
{
    SYSCALL(SYS_sync);
}

/* ---- mounts ---- */

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags, const char *data)
{
    return (int)RESTART(SYSCALL(SYS_mount, source, target, fstype, flags, data));
}

int sys_umount2(const char *target, int flags)
{
    return (int)SYSCALL(SYS_umount2, target, flags);
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
    return (int)SYSCALL(SYS_pivot_root, new_root, put_old);
}

int sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
    return (int)SYSCALL(SYS_open_tree, dirfd, path, flags);
}

int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags)
{
    return (int)SYSCALL(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags);
}

int sys_mount_setattr(int dirfd, const char *path, unsigned int flags, const struct mount_attr *attr)
{
    return (int)SYSCALL(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

int sys_fsopen(const char *fstype, unsigned int flags)
{
    return (int)SYSCALL(SYS_fsopen, fstype, flags);
}

int sys_fspick(int dirfd, const char *path, unsigned int flags)
{
    return (int)SYSCALL(SYS_fspick, dirfd, path, flags);
}

int sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
    return (int)RESTART(SYSCALL(SYS_fsconfig, fd, cmd, key, value, aux));
}

int sys_fsmount(int fd, unsigned int flags, unsigned int attr)
{
    return (int)SYSCALL(SYS_fsmount, fd, flags, attr);
}

/* ---- pipes, events, sockets ---- */

int sys_pipe2(int fds[2], int flags)
{
    return (int)SYSCALL(SYS_pipe2, fds, flags);
}

int sys_eventfd(unsigned int value, int flags)
{
    return (int)SYSCALL(SYS_eventfd2, value, flags);
}

int sys_signalfd(int fd, const sigset_t *mask, int flags)
{
    return (int)SYSCALL(SYS_signalfd4, fd, mask, KERNEL_SIGSET_SIZE, flags);
}

int sys_epoll_create1(int flags)
{
    return (int)SYSCALL(SYS_epoll_create1, flags);
}

int sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    return (int)SYSCALL(SYS_epoll_ctl, epfd, op, fd, event);
}

/* Only whole milliseconds, rounded up so that nobody wakes early. */
static int epoll_wait_coarse(int epfd, struct epoll_event *events, int max, int64_t timeout_ns)
{
    int64_t ms = timeout_ns < 0 ? -1 : timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);

    return (int)SYSCALL(SYS_epoll_pwait, epfd, events, max, ms > INT_MAX ? INT_MAX : (int)ms, NULL, KERNEL_SIGSET_SIZE);
}

int sys_epoll_wait(int epfd, struct epoll_event *events, int max, int64_t timeout_ns)
{
    struct timespec ts = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};

    int r = (int)SYSCALL(SYS_epoll_pwait2, epfd, events, max, timeout_ns < 0 ? NULL : &ts, NULL, 0);
    if (r == -ENOSYS) /* valgrind does not know the newer call */
        r = epoll_wait_coarse(epfd, events, max, timeout_ns);
    return r == -EINTR ? 0 : r;
}

int sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
    return (int)RESTART(SYSCALL(SYS_poll, fds, n, timeout_ms));
}

int sys_inotify_init1(int flags)
{
    return (int)SYSCALL(SYS_inotify_init1, flags);
}

int sys_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return (int)SYSCALL(SYS_inotify_add_watch, fd, path, mask);
}

int sys_socket(int domain, int type, int protocol)
{
    return (int)SYSCALL(SYS_socket, domain, type, protocol);
}

int sys_socketpair(int domain, int type, int protocol, int fds[2])
{
    return (int)SYSCALL(SYS_socketpair, domain, type, protocol, fds);
}

int sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)SYSCALL(SYS_bind, fd, addr, len);
}

int sys_listen(int fd, int backlog)
{
    return (int)SYSCALL(SYS_listen, fd, backlog);
}

int sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return (int)RESTART(SYSCALL(SYS_accept4, fd, addr, len, flags));
}

int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)SYSCALL(SYS_connect, fd, addr, len);
}

ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return RESTART(SYSCALL(SYS_sendmsg, fd, msg, flags));
}

ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return RESTART(SYSCALL(SYS_recvmsg, fd, msg, flags));
}

int sys_shutdown(int fd, int how)
{
    return (int)SYSCALL(SYS_shutdown, fd, how);
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return (int)SYSCALL(SYS_getsockopt, fd, level, name, value, len);
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return (int)SYSCALL(SYS_setsockopt, fd, level, name, value, len);
}

int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    return (int)SYSCALL(SYS_getsockname, fd, addr, len);
}

int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    return (int)SYSCALL(SYS_getpeername, fd, addr, len);
}

/* ---- processes ---- */

int sys_waitid(int idtype, int id, siginfo_t *info, int options)
{
    info->si_pid = 0;
    return (int)RESTART(SYSCALL(SYS_waitid, idtype, id, info, options, NULL));
}

int sys_pidfd_open(int pid, unsigned int flags)
{
    return (int)SYSCALL(SYS_pidfd_open, pid, flags);
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
    return (int)SYSCALL(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

int sys_kill(int pid, int sig)
{
    return (int)SYSCALL(SYS_kill, pid, sig);
}

int sys_getpid(void)
{
    return (int)SYSCALL(SYS_getpid);
}

int sys_getppid(void)
{
    return (int)SYSCALL(SYS_getppid);
}

uid_t sys_geteuid(void)
{
    return (uid_t)SYSCALL(SYS_geteuid);
}

gid_t sys_getegid(void)
{
    return (gid_t)SYSCALL(SYS_getegid);
}

int sys_setsid(void)
{
    return (int)SYSCALL(SYS_setsid);
}

int sys_setns(int fd, int type)
{
    return (int)SYSCALL(SYS_setns, fd, type);
}

int sys_unshare(int flags)
{
    return (int)SYSCALL(SYS_unshare, flags);
}

int sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return (int)SYSCALL(SYS_prctl, option, a, b, c, d);
}

int sys_capget(struct __user_cap_header_struct *header, struct __user_cap_data_struct data[2])
{
    return (int)SYSCALL(SYS_capget, header, data);
}

int sys_capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct data[2])
{
    return (int)SYSCALL(SYS_capset, header, data);
}

int sys_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    return (int)SYSCALL(SYS_setresuid, real, effective, saved);
}

int sys_setresgid(gid_t real, gid_t effective, gid_t saved)
{
    return (int)SYSCALL(SYS_setresgid, real, effective, saved);
}

int sys_setgroups(size_t n, const gid_t *groups)
{
    return (int)SYSCALL(SYS_setgroups, n, groups);
}

int sys_prlimit(int pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit)
{
    return (int)SYSCALL(SYS_prlimit64, pid, resource, new_limit, old_limit);
}

int sys_setpriority(int which, int who, int priority)
{
    return (int)SYSCALL(SYS_setpriority, which, who, priority);
}

int sys_sethostname(const char *name, size_t len)
{
    return (int)SYSCALL(SYS_sethostname, name, len);
}

int sys_bpf_load(unsigned int type, const struct bpf_insn *code, size_t n, const char *license)
{
    union bpf_attr attr = {
        .prog_type = type,
        .insns = (uint64_t)(uintptr_t)code,
        .insn_cnt = (uint32_t)n,
        .license = (uint64_t)(uintptr_t)license,
    };

    return (int)SYSCALL(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

int sys_bpf_attach(int target_fd, int program_fd, unsigned int type, unsigned int flags, int replaced_fd)
{
    union bpf_attr attr = {
        .target_fd = (uint32_t)target_fd,
        .attach_bpf_fd = (uint32_t)program_fd,
        .attach_type = type,
        .attach_flags = flags,
        .replace_bpf_fd = flags & BPF_F_REPLACE ? (uint32_t)replaced_fd : 0,
    };

    return (int)SYSCALL(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr));
}

int sys_seccomp_filter(unsigned int flags, const struct sock_fprog *program)
{
    return (int)SYSCALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

int sys_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return (int)SYSCALL(SYS_rt_sigprocmask, how, set, old, KERNEL_SIGSET_SIZE);
}

int sys_signal(int sig, void (*disposition)(int))
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {.handler = disposition};

    return (int)SYSCALL(SYS_rt_sigaction, sig, &action, NULL, KERNEL_SIGSET_SIZE);
}

/* ---- time, randomness, machine ---- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts); /* the vdso: 22 ns instead of 170; cannot fail for these clocks */
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t sys_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t sys_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

void sys_nanosleep(uint64_t ns)
{
    struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

    while (SYSCALL(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, &ts) == -EINTR)
        ;
}

ssize_t sys_getrandom(void *p, size_t len, unsigned int flags)
{
    return RESTART(SYSCALL(SYS_getrandom, p, len, flags));
}

int sys_finit_module(int fd, const char *params, int flags)
{
    return (int)SYSCALL(SYS_finit_module, fd, params, flags);
}
