/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter is told of each call: its number, and where its arguments are. */
#include <linux/audit.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "mocks/tests/conform.h"

#define NONE (-1) /* no argument that could be compared: the call fails with 77 */

struct row {
    const char *label;
    long (*call)(void);
    int number;
    int argument; /* its value becomes the error */
    int value;
};

#define CALL(name, expression)                                                                                                 \
    static long call_##name(void)                                                                                              \
    {                                                                                                                          \
        return (long)(expression);                                                                                             \
    }

CALL(accept4, sys_accept4(11, NULL, NULL, 22))
CALL(bind, sys_bind(11, NULL, 33))
CALL(capget, sys_capget(&(struct __user_cap_header_struct){0}, (struct __user_cap_data_struct[2]){{0}}))
CALL(capset, sys_capset(&(struct __user_cap_header_struct){0}, (struct __user_cap_data_struct[2]){{0}}))
CALL(chdir, sys_chdir("x"))
CALL(chroot, sys_chroot("x"))
CALL(close, sys_close(111))
CALL(close_range, sys_close_range(110, 111, 5))
CALL(connect, sys_connect(11, NULL, 33))
CALL(dup3, sys_dup3(11, 22, 33))
CALL(epoll_create1, sys_epoll_create1(11))
CALL(epoll_ctl, sys_epoll_ctl(11, 22, 33, &(struct epoll_event){0}))
CALL(epoll_wait, sys_epoll_wait(11, NULL, 22, 0))
CALL(eventfd, sys_eventfd(11, 22))
CALL(execveat, sys_execveat(11, "x", NULL, NULL, 22))
CALL(faccessat, sys_faccessat(11, "x", 22, 33))
CALL(fchdir, sys_fchdir(11))
CALL(fchmod, sys_fchmod(11, 22))
CALL(fchmodat, sys_fchmodat(11, "x", 22))
CALL(fchown, sys_fchown(11, 22, 33))
CALL(fchownat, sys_fchownat(11, "x", 22, 33, 44))
CALL(fcntl, sys_fcntl(11, F_GETFL, 33))
CALL(fsconfig, sys_fsconfig(11, 22, "x", NULL, 33))
CALL(fsmount, sys_fsmount(11, 22, 33))
CALL(fsopen, sys_fsopen("x", 22))
CALL(fspick, sys_fspick(11, "x", 22))
CALL(fstat, sys_fstat(11, NULL))
CALL(fstatat, sys_fstatat(11, "x", NULL, 22))
CALL(fstatfs, sys_fstatfs(11, NULL))
CALL(ftruncate, sys_ftruncate(11, 22))
CALL(getcwd, sys_getcwd(NULL, 22))
CALL(getdents64, sys_getdents64(11, NULL, 22))
CALL(getrandom, sys_getrandom(NULL, 22, 33))
CALL(getpeername, sys_getpeername(11, NULL, NULL))
CALL(getsockname, sys_getsockname(11, NULL, NULL))
CALL(getsockopt, sys_getsockopt(11, 22, 33, NULL, NULL))
CALL(inotify_add_watch, sys_inotify_add_watch(11, "x", 22))
CALL(inotify_init1, sys_inotify_init1(11))
CALL(ioctl, sys_ioctl(11, 22, NULL))
CALL(kill, sys_kill(11, 22))
CALL(listen, sys_listen(11, 22))
CALL(memfd_create, sys_memfd_create("x", 22))
CALL(mkdirat, sys_mkdirat(11, "x", 22))
CALL(mknodat, sys_mknodat(11, "x", 22, 33))
CALL(mount, sys_mount("x", "x", "x", 44, NULL))
CALL(mount_setattr, sys_mount_setattr(11, "x", 22, &(struct mount_attr){0}))
CALL(move_mount, sys_move_mount(11, "x", 22, "x", 33))
CALL(open_tree, sys_open_tree(11, "x", 22))
CALL(openat, sys_openat(11, "x", 22, 33))
CALL(openat2, sys_openat2(11, "x", &(struct open_how){0}))
CALL(pidfd_open, sys_pidfd_open(11, 22))
CALL(pidfd_send_signal, sys_pidfd_send_signal(11, 22))
CALL(pipe2, sys_pipe2(NULL, 22))
CALL(pivot_root, sys_pivot_root("x", "x"))
CALL(prctl, sys_prctl(PR_GET_DUMPABLE, 22, 33, 44, 55))
CALL(pread, sys_pread(11, NULL, 22, 33))
CALL(prlimit, sys_prlimit(11, 22, NULL, NULL))
CALL(pwrite, sys_pwrite(11, NULL, 22, 33))
CALL(read, sys_read(11, NULL, 22))
CALL(readlinkat, sys_readlinkat(11, "x", NULL, 22))
CALL(readv, sys_readv(11, NULL, 22))
CALL(reboot, sys_reboot(LINUX_REBOOT_CMD_CAD_OFF))
CALL(recvmsg, sys_recvmsg(11, &(struct msghdr){0}, 22))
CALL(renameat2, sys_renameat2(11, "x", 22, "x", 3))
CALL(seccomp, sys_seccomp_filter(22, &(struct sock_fprog){0}))
CALL(sendmsg, sys_sendmsg(11, &(struct msghdr){0}, 22))
CALL(setgroups, sys_setgroups(11, NULL))
CALL(sethostname, sys_sethostname("x", 22))
CALL(setns, sys_setns(11, 22))
CALL(setresgid, sys_setresgid(11, 22, 33))
CALL(setresuid, sys_setresuid(11, 22, 33))
CALL(setsid, sys_setsid())
CALL(setsockopt, sys_setsockopt(11, 22, 33, NULL, 44))
CALL(shutdown, sys_shutdown(11, 22))
CALL(signal, sys_signal(22, SIG_IGN))
CALL(signalfd, sys_signalfd(11, &(sigset_t){0}, 22))
CALL(sigprocmask, sys_sigprocmask(22, &(sigset_t){0}, NULL))
CALL(socket, sys_socket(11, 22, 33))
CALL(socketpair, sys_socketpair(11, 22, 33, NULL))
CALL(spawn, sys_spawn(&(struct sys_spawn){.cgroup_fd = -1}, NULL, NULL))
CALL(symlinkat, sys_symlinkat("x", 22, "x"))
CALL(umount2, sys_umount2("x", 2))
CALL(unlinkat, sys_unlinkat(11, "x", 22))
CALL(unshare, sys_unshare(11))
CALL(waitid, sys_waitid(11, 22, &(siginfo_t){0}, 44))
CALL(write, sys_write(11, NULL, 22))
CALL(writev, sys_writev(11, NULL, 22))

static const struct row rows[] = {
    {"accept4", call_accept4, SYS_accept4, 3, 22},
    {"accept4, descriptor", call_accept4, SYS_accept4, 0, 11},
    {"bind", call_bind, SYS_bind, 2, 33},
    {"capget", call_capget, SYS_capget, NONE, 0},
    {"capset", call_capset, SYS_capset, NONE, 0},
    {"chdir", call_chdir, SYS_chdir, NONE, 0},
    {"chroot", call_chroot, SYS_chroot, NONE, 0},
    {"close", call_close, SYS_close, 0, 111},
    {"close_range", call_close_range, SYS_close_range, 1, 111},
    {"close_range, flags", call_close_range, SYS_close_range, 2, 5},
    {"connect", call_connect, SYS_connect, 2, 33},
    {"dup3", call_dup3, SYS_dup3, 1, 22},
    {"dup3, flags", call_dup3, SYS_dup3, 2, 33},
    {"epoll_create1", call_epoll_create1, SYS_epoll_create1, 0, 11},
    {"epoll_ctl", call_epoll_ctl, SYS_epoll_ctl, 1, 22},
    {"epoll_ctl, descriptor", call_epoll_ctl, SYS_epoll_ctl, 2, 33},
    {"epoll_wait", call_epoll_wait, SYS_epoll_pwait2, 2, 22},
    {"eventfd", call_eventfd, SYS_eventfd2, 1, 22},
    {"execveat", call_execveat, SYS_execveat, 4, 22},
    {"faccessat", call_faccessat, SYS_faccessat2, 2, 22},
    {"faccessat, flags", call_faccessat, SYS_faccessat2, 3, 33},
    {"fchdir", call_fchdir, SYS_fchdir, 0, 11},
    {"fchmod", call_fchmod, SYS_fchmod, 1, 22},
    {"fchmodat", call_fchmodat, SYS_fchmodat, 2, 22},
    {"fchown", call_fchown, SYS_fchown, 2, 33},
    {"fchownat", call_fchownat, SYS_fchownat, 4, 44},
    {"fchownat, user", call_fchownat, SYS_fchownat, 2, 22},
    {"fcntl", call_fcntl, SYS_fcntl, 1, F_GETFL},
    {"fcntl, argument", call_fcntl, SYS_fcntl, 2, 33},
    {"fsconfig", call_fsconfig, SYS_fsconfig, 4, 33},
    {"fsconfig, command", call_fsconfig, SYS_fsconfig, 1, 22},
    {"fsmount", call_fsmount, SYS_fsmount, 2, 33},
    {"fsopen", call_fsopen, SYS_fsopen, 1, 22},
    {"fspick", call_fspick, SYS_fspick, 2, 22},
    {"fstat", call_fstat, SYS_newfstatat, 0, 11},
    {"fstatat", call_fstatat, SYS_newfstatat, 3, 22},
    {"fstatfs", call_fstatfs, SYS_fstatfs, 0, 11},
    {"ftruncate", call_ftruncate, SYS_ftruncate, 1, 22},
    {"getcwd", call_getcwd, SYS_getcwd, 1, 22},
    {"getdents64", call_getdents64, SYS_getdents64, 2, 22},
    {"getrandom", call_getrandom, SYS_getrandom, 2, 33},
    {"getpeername", call_getpeername, SYS_getpeername, 0, 11},
    {"getsockname", call_getsockname, SYS_getsockname, 0, 11},
    {"getsockopt", call_getsockopt, SYS_getsockopt, 2, 33},
    {"getsockopt, level", call_getsockopt, SYS_getsockopt, 1, 22},
    {"inotify_add_watch", call_inotify_add_watch, SYS_inotify_add_watch, 2, 22},
    {"inotify_init1", call_inotify_init1, SYS_inotify_init1, 0, 11},
    {"ioctl", call_ioctl, SYS_ioctl, 1, 22},
    {"kill", call_kill, SYS_kill, 1, 22},
    {"kill, process", call_kill, SYS_kill, 0, 11},
    {"listen", call_listen, SYS_listen, 1, 22},
    {"memfd_create", call_memfd_create, SYS_memfd_create, 1, 22},
    {"mkdirat", call_mkdirat, SYS_mkdirat, 2, 22},
    {"mknodat", call_mknodat, SYS_mknodat, 3, 33},
    {"mknodat, mode", call_mknodat, SYS_mknodat, 2, 22},
    {"mount", call_mount, SYS_mount, 3, 44},
    {"mount_setattr", call_mount_setattr, SYS_mount_setattr, 2, 22},
    {"move_mount", call_move_mount, SYS_move_mount, 4, 33},
    {"move_mount, descriptor", call_move_mount, SYS_move_mount, 2, 22},
    {"open_tree", call_open_tree, SYS_open_tree, 2, 22},
    {"openat", call_openat, SYS_openat, 2, 22},
    {"openat, mode", call_openat, SYS_openat, 3, 33},
    {"openat2", call_openat2, SYS_openat2, 0, 11},
    {"pidfd_open", call_pidfd_open, SYS_pidfd_open, 1, 22},
    {"pidfd_send_signal", call_pidfd_send_signal, SYS_pidfd_send_signal, 1, 22},
    {"pipe2", call_pipe2, SYS_pipe2, 1, 22},
    {"pivot_root", call_pivot_root, SYS_pivot_root, NONE, 0},
    {"prctl", call_prctl, SYS_prctl, 0, PR_GET_DUMPABLE},
    {"prctl, last", call_prctl, SYS_prctl, 4, 55},
    {"pread", call_pread, SYS_pread64, 3, 33},
    {"pread, size", call_pread, SYS_pread64, 2, 22},
    {"prlimit", call_prlimit, SYS_prlimit64, 1, 22},
    {"pwrite", call_pwrite, SYS_pwrite64, 3, 33},
    {"read", call_read, SYS_read, 2, 22},
    {"read, descriptor", call_read, SYS_read, 0, 11},
    {"readlinkat", call_readlinkat, SYS_readlinkat, 3, 22},
    {"readv", call_readv, SYS_readv, 2, 22},
    {"reboot", call_reboot, SYS_reboot, NONE, 0},
    {"recvmsg", call_recvmsg, SYS_recvmsg, 2, 22},
    {"renameat2", call_renameat2, SYS_renameat2, 4, 3},
    {"renameat2, directory", call_renameat2, SYS_renameat2, 2, 22},
    {"seccomp", call_seccomp, SYS_seccomp, 1, 22},
    {"sendmsg", call_sendmsg, SYS_sendmsg, 2, 22},
    {"setgroups", call_setgroups, SYS_setgroups, 0, 11},
    {"sethostname", call_sethostname, SYS_sethostname, 1, 22},
    {"setns", call_setns, SYS_setns, 1, 22},
    {"setresgid", call_setresgid, SYS_setresgid, 2, 33},
    {"setresuid", call_setresuid, SYS_setresuid, 1, 22},
    {"setsid", call_setsid, SYS_setsid, NONE, 0},
    {"setsockopt", call_setsockopt, SYS_setsockopt, 4, 44},
    {"shutdown", call_shutdown, SYS_shutdown, 1, 22},
    {"signal", call_signal, SYS_rt_sigaction, 0, 22},
    {"signalfd", call_signalfd, SYS_signalfd4, 3, 22},
    {"sigprocmask", call_sigprocmask, SYS_rt_sigprocmask, 0, 22},
    {"socket", call_socket, SYS_socket, 2, 33},
    {"socketpair", call_socketpair, SYS_socketpair, 1, 22},
    {"spawn", call_spawn, SYS_clone3, NONE, 0},
    {"symlinkat", call_symlinkat, SYS_symlinkat, 1, 22},
    {"umount2", call_umount2, SYS_umount2, 1, 2},
    {"unlinkat", call_unlinkat, SYS_unlinkat, 2, 22},
    {"unshare", call_unshare, SYS_unshare, 0, 11},
    {"waitid", call_waitid, SYS_waitid, 3, 44},
    {"waitid, type", call_waitid, SYS_waitid, 0, 11},
    {"write", call_write, SYS_write, 2, 22},
    {"writev", call_writev, SYS_writev, 2, 22},
};

/* The call fails with the value of the argument; all others are allowed. */
static int run_filtered(void *arg)
{
    const struct row *row = arg;
    unsigned int offset =
        (unsigned int)offsetof(struct seccomp_data, args) + (unsigned int)(row->argument < 0 ? 0 : row->argument) * 8;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)row->number, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        row->argument < 0 ? (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 77)
                          : (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    if (sys_seccomp_filter(0, &(struct sock_fprog){sizeof(code) / sizeof(code[0]), code}) < 0)
        return 255;
    return (int)-row->call();
}

CONFORM_CASE(a_filter_knows_each_call)
{
    FOR_CASES(row, rows)
    expect(in_child(run_filtered, (void *)row), row->argument < 0 ? 77 : row->value);
}
