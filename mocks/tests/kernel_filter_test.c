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

#define ROW_OF(name, number, argument, value)                                                                                  \
    {                                                                                                                          \
#name ", argument " #argument, call_##name, SYS_##number, argument, value                                              \
    }
#define ROW(name, argument, value) ROW_OF(name, name, argument, value)

static const struct row rows[] = {
    ROW(accept4, 3, 22),
    ROW(accept4, 0, 11),
    ROW(bind, 2, 33),
    ROW(capget, NONE, 0),
    ROW(capset, NONE, 0),
    ROW(chdir, NONE, 0),
    ROW(chroot, NONE, 0),
    ROW(close, 0, 111),
    ROW(close_range, 1, 111),
    ROW(close_range, 2, 5),
    ROW(connect, 2, 33),
    ROW(dup3, 1, 22),
    ROW(dup3, 2, 33),
    ROW(epoll_create1, 0, 11),
    ROW(epoll_ctl, 1, 22),
    ROW(epoll_ctl, 2, 33),
    ROW_OF(epoll_wait, epoll_pwait2, 2, 22),
    ROW_OF(eventfd, eventfd2, 1, 22),
    ROW(execveat, 4, 22),
    ROW_OF(faccessat, faccessat2, 2, 22),
    ROW_OF(faccessat, faccessat2, 3, 33),
    ROW(fchdir, 0, 11),
    ROW(fchmod, 1, 22),
    ROW(fchmodat, 2, 22),
    ROW(fchown, 2, 33),
    ROW(fchownat, 4, 44),
    ROW(fchownat, 2, 22),
    ROW(fcntl, 1, F_GETFL),
    ROW(fcntl, 2, 33),
    ROW(fsconfig, 4, 33),
    ROW(fsconfig, 1, 22),
    ROW(fsmount, 2, 33),
    ROW(fsopen, 1, 22),
    ROW(fspick, 2, 22),
    ROW_OF(fstat, newfstatat, 0, 11),
    ROW_OF(fstatat, newfstatat, 3, 22),
    ROW(fstatfs, 0, 11),
    ROW(ftruncate, 1, 22),
    ROW(getcwd, 1, 22),
    ROW(getdents64, 2, 22),
    ROW(getrandom, 2, 33),
    ROW(getpeername, 0, 11),
    ROW(getsockname, 0, 11),
    ROW(getsockopt, 2, 33),
    ROW(getsockopt, 1, 22),
    ROW(inotify_add_watch, 2, 22),
    ROW(inotify_init1, 0, 11),
    ROW(ioctl, 1, 22),
    ROW(kill, 1, 22),
    ROW(kill, 0, 11),
    ROW(listen, 1, 22),
    ROW(memfd_create, 1, 22),
    ROW(mkdirat, 2, 22),
    ROW(mknodat, 3, 33),
    ROW(mknodat, 2, 22),
    ROW(mount, 3, 44),
    ROW(mount_setattr, 2, 22),
    ROW(move_mount, 4, 33),
    ROW(move_mount, 2, 22),
    ROW(open_tree, 2, 22),
    ROW(openat, 2, 22),
    ROW(openat, 3, 33),
    ROW(openat2, 0, 11),
    ROW(pidfd_open, 1, 22),
    ROW(pidfd_send_signal, 1, 22),
    ROW(pipe2, 1, 22),
    ROW(pivot_root, NONE, 0),
    ROW(prctl, 0, PR_GET_DUMPABLE),
    ROW(prctl, 4, 55),
    ROW_OF(pread, pread64, 3, 33),
    ROW_OF(pread, pread64, 2, 22),
    ROW_OF(prlimit, prlimit64, 1, 22),
    ROW_OF(pwrite, pwrite64, 3, 33),
    ROW(read, 2, 22),
    ROW(read, 0, 11),
    ROW(readlinkat, 3, 22),
    ROW(readv, 2, 22),
    ROW(reboot, NONE, 0),
    ROW(recvmsg, 2, 22),
    ROW(renameat2, 4, 3),
    ROW(renameat2, 2, 22),
    ROW(seccomp, 1, 22),
    ROW(sendmsg, 2, 22),
    ROW(setgroups, 0, 11),
    ROW(sethostname, 1, 22),
    ROW(setns, 1, 22),
    ROW(setresgid, 2, 33),
    ROW(setresuid, 1, 22),
    ROW(setsid, NONE, 0),
    ROW(setsockopt, 4, 44),
    ROW(shutdown, 1, 22),
    ROW_OF(signal, rt_sigaction, 0, 22),
    ROW_OF(signalfd, signalfd4, 3, 22),
    ROW_OF(sigprocmask, rt_sigprocmask, 0, 22),
    ROW(socket, 2, 33),
    ROW(socketpair, 1, 22),
    ROW_OF(spawn, clone3, NONE, 0),
    ROW(symlinkat, 1, 22),
    ROW(umount2, 1, 2),
    ROW(unlinkat, 2, 22),
    ROW(unshare, 0, 11),
    ROW(waitid, 3, 44),
    ROW(waitid, 0, 11),
    ROW(write, 2, 22),
    ROW(writev, 2, 22),
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
