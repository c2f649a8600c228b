/* SPDX-License-Identifier: Apache-2.0 */
/* The seam: every way in which Tatami enters the kernel.
 *
 * Each function is one system call, or one well-defined service of the kernel, with the call's own semantics: a result >= 0, or
 * -errno. There is no errno and no other way out: `make check` fails on an object of lib/, agent/ or runtime-min/ that reaches
 * the kernel through libc. The implementation is chosen at link time: lib/sys/sys_linux.c makes the real calls, mocks/kernel/
 * keeps a Linux in memory. A new call means: declaration here, both implementations, its conformance tests.
 *
 * Manual pages: section 2 of man-pages, same name without sys_, unless a comment says otherwise. Interrupted calls: the
 * implementation restarts read, write and waits on EINTR unless noted; callers never see EINTR. */
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>

/* ---- files ---- */
int sys_openat(int dirfd, const char *path, int flags, mode_t mode);
int sys_openat2(int dirfd, const char *path, const struct open_how *how);
int sys_close(int fd);
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);
int sys_dup3(int fd, int newfd, int flags);
/* F_DUPFD_CLOEXEC, F_GETFL, F_SETFL, F_SETPIPE_SZ, F_ADD_SEALS, ... */
int sys_fcntl(int fd, int cmd, long arg);
ssize_t sys_read(int fd, void *p, size_t len);
ssize_t sys_readv(int fd, const struct iovec *iov, int n);
ssize_t sys_write(int fd, const void *p, size_t len);
ssize_t sys_writev(int fd, const struct iovec *iov, int n);
ssize_t sys_pread(int fd, void *p, size_t len, off_t offset);
ssize_t sys_pwrite(int fd, const void *p, size_t len, off_t offset);
int sys_ftruncate(int fd, off_t len);
int sys_fstat(int fd, struct stat *st);
int sys_fstatat(int dirfd, const char *path, struct stat *st, int flags);
int sys_fstatfs(int fd, struct statfs *st);
ssize_t sys_readlinkat(int dirfd, const char *path, char *p, size_t len);
int sys_faccessat(int dirfd, const char *path, int mode, int flags);
int sys_mkdirat(int dirfd, const char *path, mode_t mode);
int sys_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev);
int sys_symlinkat(const char *target, int dirfd, const char *path);
int sys_unlinkat(int dirfd, const char *path, int flags);
int sys_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);
int sys_fchmod(int fd, mode_t mode);
int sys_fchmodat(int dirfd, const char *path, mode_t mode);
int sys_fchown(int fd, uid_t uid, gid_t gid);
int sys_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags);
/* Fills p with struct linux_dirent64 records (getdents64(2)); 0 at the end. */
ssize_t sys_getdents64(int fd, void *p, size_t len);
int sys_fchdir(int fd);
int sys_chdir(const char *path);
ssize_t sys_getcwd(char *p, size_t len);
int sys_chroot(const char *path);
mode_t sys_umask(mode_t mask);
int sys_ioctl(int fd, unsigned long request, void *arg);
int sys_memfd_create(const char *name, unsigned int flags);
/* Runs fill(fd, arg) on an empty descriptor of scratch memory and reads into p what it wrote: for a library that can only write
 * to a descriptor. The descriptor is a real one in every implementation, since libraries know no other. fill returns 0 or
 * -errno. Returns the number of bytes, or -EMSGSIZE if they exceed cap. */
ssize_t sys_capture(int (*fill)(int fd, void *arg), void *arg, void *p, size_t cap);
/* mmap(2) at an address of the kernel's choice: 0 and the mapping in *ret_p. */
int sys_mmap(void **ret_p, size_t len, int prot, int flags, int fd, off_t offset);
int sys_munmap(void *p, size_t len);
void sys_sync(void);
int sys_fsync(int fd);
/* LOCK_SH, LOCK_EX, LOCK_UN, LOCK_NB; interrupted waits go on. */
int sys_flock(int fd, int operation);

/* ---- mounts ---- */
int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags, const char *data);
int sys_umount2(const char *target, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_open_tree(int dirfd, const char *path, unsigned int flags);
int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags);
int sys_mount_setattr(int dirfd, const char *path, unsigned int flags, const struct mount_attr *attr);
int sys_fsopen(const char *fstype, unsigned int flags);
/* A context to reconfigure the superblock of an existing mount. */
int sys_fspick(int dirfd, const char *path, unsigned int flags);
int sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned int flags, unsigned int attr);

/* ---- pipes, events, sockets ---- */
int sys_pipe2(int fds[2], int flags);
int sys_eventfd(unsigned int value, int flags);
int sys_signalfd(int fd, const sigset_t *mask, int flags);
int sys_epoll_create1(int flags);
int sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
/* timeout_ns < 0 waits for ever (epoll_pwait2(2)). Returns 0 at once when interrupted by a signal. */
int sys_epoll_wait(int epfd, struct epoll_event *events, int max, int64_t timeout_ns);
int sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms);
int sys_inotify_init1(int flags);
int sys_inotify_add_watch(int fd, const char *path, uint32_t mask);
int sys_socket(int domain, int type, int protocol);
int sys_socketpair(int domain, int type, int protocol, int fds[2]);
int sys_bind(int fd, const struct sockaddr *addr, socklen_t len);
int sys_listen(int fd, int backlog);
int sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int sys_connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags);
int sys_shutdown(int fd, int how);
int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len);

/* ---- processes ---- */

/* A namespace that the new process is born into: an open nsfs descriptor and its CLONE_NEW* type. */
struct sys_join {
    int fd;
    int type;
};

struct sys_spawn {
    uint64_t flags;               /* CLONE_NEW*: namespaces that are created for the child */
    const struct sys_join *joins; /* namespaces that the child joins; no mount namespace here, a user namespace comes last */
    size_t n_joins;
    int cgroup_fd;  /* v2 directory the child is born in (CLONE_INTO_CGROUP), or -1 */
    int *ret_pidfd; /* close-on-exec; may be NULL */
};

/* Forks a single-threaded process: the child runs fn(arg) on a copy of the memory and exits with its result. clone3(2) with
 * SIGCHLD; joins are entered by the caller's own thread around the clone and left again, which nobody else can observe.
 * With a user namespace among them the child has all capabilities in it, and it owns the namespaces of flags.
 * Returns the child's pid as the caller's pid namespace sees it. */
int sys_spawn(const struct sys_spawn *args, int (*fn)(void *arg), void *arg);
/* Ends the calling process without running exit handlers (exit_group(2)). */
void sys_exit(int status) __attribute__((noreturn));
int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
/* idtype P_PID, P_PIDFD or P_ALL. With WNOHANG and no child ready: returns 0 and info->si_pid == 0. */
int sys_waitid(int idtype, int id, siginfo_t *info, int options);
int sys_pidfd_open(int pid, unsigned int flags);
int sys_pidfd_send_signal(int pidfd, int sig);
int sys_kill(int pid, int sig);
int sys_getpid(void);
int sys_getppid(void);
uid_t sys_geteuid(void);
gid_t sys_getegid(void);
int sys_setsid(void);
int sys_setns(int fd, int type);
int sys_unshare(int flags);
int sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int sys_capget(struct __user_cap_header_struct *header, struct __user_cap_data_struct data[2]);
int sys_capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct data[2]);
int sys_setresuid(uid_t real, uid_t effective, uid_t saved);
int sys_setresgid(gid_t real, gid_t effective, gid_t saved);
int sys_setgroups(size_t n, const gid_t *groups);
int sys_prlimit(int pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit);
/* which: PRIO_PROCESS, ...; a higher number yields to others. */
int sys_setpriority(int which, int who, int priority);
int sys_sethostname(const char *name, size_t len);
/* bpf(2), BPF_PROG_LOAD: a descriptor of a program of n instructions, close-on-exec. */
int sys_bpf_load(unsigned int type, const struct bpf_insn *code, size_t n, const char *license);
/* bpf(2), BPF_PROG_ATTACH: type BPF_CGROUP_*, flags BPF_F_*; replaced_fd counts with BPF_F_REPLACE. */
int sys_bpf_attach(int target_fd, int program_fd, unsigned int type, unsigned int flags, int replaced_fd);
/* Loads a filter (seccomp(2), SECCOMP_SET_MODE_FILTER). */
int sys_seccomp_filter(unsigned int flags, const struct sock_fprog *program);
int sys_sigprocmask(int how, const sigset_t *set, sigset_t *old);
/* Sets the disposition of one signal to SIG_DFL or SIG_IGN (sigaction(2)). */
int sys_signal(int sig, void (*disposition)(int));

/* ---- time, randomness, machine ---- */
/* CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. */
uint64_t sys_monotonic_ns(void);
uint64_t sys_realtime_ns(void);
/* Blocks the calling process. */
void sys_nanosleep(uint64_t ns);
ssize_t sys_getrandom(void *p, size_t len, unsigned int flags);
/* cmd: LINUX_REBOOT_CMD_*. */
int sys_reboot(unsigned int cmd);
/* Loads the kernel module in fd; params: "name=value" separated by blanks (finit_module(2)). */
int sys_finit_module(int fd, const char *params, int flags);
