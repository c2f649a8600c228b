/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the seam's calls, for traces and faults. One line per function of sys/sys.h; a test compares the two. */
#pragma once

#define SYS_CALLS(X)                                                                                                           \
    X(accept4)                                                                                                                 \
    X(bind)                                                                                                                    \
    X(bpf_attach)                                                                                                              \
    X(bpf_load)                                                                                                                \
    X(capget)                                                                                                                  \
    X(capset)                                                                                                                  \
    X(capture)                                                                                                                 \
    X(chdir)                                                                                                                   \
    X(chroot)                                                                                                                  \
    X(close)                                                                                                                   \
    X(close_range)                                                                                                             \
    X(connect)                                                                                                                 \
    X(dup3)                                                                                                                    \
    X(epoll_create1)                                                                                                           \
    X(epoll_ctl)                                                                                                               \
    X(epoll_wait)                                                                                                              \
    X(eventfd)                                                                                                                 \
    X(execveat)                                                                                                                \
    X(exit)                                                                                                                    \
    X(faccessat)                                                                                                               \
    X(fchdir)                                                                                                                  \
    X(fchmod)                                                                                                                  \
    X(fchmodat)                                                                                                                \
    X(fchown)                                                                                                                  \
    X(fchownat)                                                                                                                \
    X(fcntl)                                                                                                                   \
    X(finit_module)                                                                                                            \
    X(flock)                                                                                                                   \
    X(fsconfig)                                                                                                                \
    X(fsmount)                                                                                                                 \
    X(fsopen)                                                                                                                  \
    X(fspick)                                                                                                                  \
    X(fstat)                                                                                                                   \
    X(fstatat)                                                                                                                 \
    X(fstatfs)                                                                                                                 \
    X(fsync)                                                                                                                   \
    X(ftruncate)                                                                                                               \
    X(getcwd)                                                                                                                  \
    X(getdents64)                                                                                                              \
    X(getegid)                                                                                                                 \
    X(geteuid)                                                                                                                 \
    X(getpeername)                                                                                                             \
    X(getpid)                                                                                                                  \
    X(getppid)                                                                                                                 \
    X(getrandom)                                                                                                               \
    X(getsockname)                                                                                                             \
    X(getsockopt)                                                                                                              \
    X(inotify_add_watch)                                                                                                       \
    X(inotify_init1)                                                                                                           \
    X(ioctl)                                                                                                                   \
    X(kill)                                                                                                                    \
    X(listen)                                                                                                                  \
    X(memfd_create)                                                                                                            \
    X(mkdirat)                                                                                                                 \
    X(mknodat)                                                                                                                 \
    X(mmap)                                                                                                                    \
    X(monotonic_ns)                                                                                                            \
    X(mount)                                                                                                                   \
    X(mount_setattr)                                                                                                           \
    X(move_mount)                                                                                                              \
    X(munmap)                                                                                                                  \
    X(nanosleep)                                                                                                               \
    X(open_tree)                                                                                                               \
    X(openat)                                                                                                                  \
    X(openat2)                                                                                                                 \
    X(pidfd_open)                                                                                                              \
    X(pidfd_send_signal)                                                                                                       \
    X(pipe2)                                                                                                                   \
    X(pivot_root)                                                                                                              \
    X(poll)                                                                                                                    \
    X(prctl)                                                                                                                   \
    X(pread)                                                                                                                   \
    X(prlimit)                                                                                                                 \
    X(pwrite)                                                                                                                  \
    X(read)                                                                                                                    \
    X(readlinkat)                                                                                                              \
    X(readv)                                                                                                                   \
    X(realtime_ns)                                                                                                             \
    X(reboot)                                                                                                                  \
    X(recvmsg)                                                                                                                 \
    X(renameat2)                                                                                                               \
    X(seccomp_filter)                                                                                                          \
    X(sendmsg)                                                                                                                 \
    X(setgroups)                                                                                                               \
    X(sethostname)                                                                                                             \
    X(setns)                                                                                                                   \
    X(setpriority)                                                                                                             \
    X(setresgid)                                                                                                               \
    X(setresuid)                                                                                                               \
    X(setsid)                                                                                                                  \
    X(setsockopt)                                                                                                              \
    X(shutdown)                                                                                                                \
    X(signal)                                                                                                                  \
    X(signalfd)                                                                                                                \
    X(sigprocmask)                                                                                                             \
    X(socket)                                                                                                                  \
    X(socketpair)                                                                                                              \
    X(spawn)                                                                                                                   \
    X(symlinkat)                                                                                                               \
    X(sync)                                                                                                                    \
    X(umask)                                                                                                                   \
    X(umount2)                                                                                                                 \
    X(unlinkat)                                                                                                                \
    X(unshare)                                                                                                                 \
    X(waitid)                                                                                                                  \
    X(write)                                                                                                                   \
    X(writev)

enum sys_call {
#define SYS_CALL_ENUM(name) CALL_##name,
    SYS_CALLS(SYS_CALL_ENUM)
#undef SYS_CALL_ENUM
        CALL_MAX,
};

/* "openat2" */
const char *sys_call_name(enum sys_call call);
