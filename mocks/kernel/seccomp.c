/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on system calls (seccomp(2)): loading, and judging every call of a task that has some. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "mocks/kernel/bpf.h"
#include "mocks/kernel/process.h"
#include "sys/sys.h"

#define FLAGS                                                                                                                  \
    (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER | \
     SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
#define INSTRUCTIONS_MAX 32768 /* of all filters of a task, 4 more for each of the earlier ones */
#define FILTER_COST 4
#define ERRNO_MAX 4095

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which audit architecture is this?"
#endif

struct seccomp_filter {
    struct seccomp_filter *older;
    unsigned int refs;
    unsigned short n;
    struct sock_filter code[];
};

/* The system call behind each function of the seam; 0: none (the vdso), or not one that a filter is asked about. */
static const int numbers[CALL_MAX] = {
    [CALL_accept4] = SYS_accept4,
    [CALL_bind] = SYS_bind,
    [CALL_bpf_attach] = SYS_bpf,
    [CALL_bpf_load] = SYS_bpf,
    [CALL_capget] = SYS_capget,
    [CALL_capset] = SYS_capset,
    [CALL_chdir] = SYS_chdir,
    [CALL_chroot] = SYS_chroot,
    [CALL_close] = SYS_close,
    [CALL_close_range] = SYS_close_range,
    [CALL_connect] = SYS_connect,
    [CALL_dup3] = SYS_dup3,
    [CALL_epoll_create1] = SYS_epoll_create1,
    [CALL_epoll_ctl] = SYS_epoll_ctl,
    [CALL_epoll_wait] = SYS_epoll_pwait2,
    [CALL_eventfd] = SYS_eventfd2,
    [CALL_execveat] = SYS_execveat,
    [CALL_exit] = SYS_exit_group,
    [CALL_faccessat] = SYS_faccessat2,
    [CALL_fchdir] = SYS_fchdir,
    [CALL_fchmod] = SYS_fchmod,
    [CALL_fchmodat] = SYS_fchmodat,
    [CALL_fchown] = SYS_fchown,
    [CALL_fchownat] = SYS_fchownat,
    [CALL_fcntl] = SYS_fcntl,
    [CALL_finit_module] = SYS_finit_module,
    [CALL_flock] = SYS_flock,
    [CALL_fsconfig] = SYS_fsconfig,
    [CALL_fsmount] = SYS_fsmount,
    [CALL_fsopen] = SYS_fsopen,
    [CALL_fspick] = SYS_fspick,
    [CALL_fstat] = SYS_newfstatat,
    [CALL_fstatat] = SYS_newfstatat,
    [CALL_fstatfs] = SYS_fstatfs,
    [CALL_fsync] = SYS_fsync,
    [CALL_ftruncate] = SYS_ftruncate,
    [CALL_getcwd] = SYS_getcwd,
    [CALL_getdents64] = SYS_getdents64,
    [CALL_getegid] = SYS_getegid,
    [CALL_geteuid] = SYS_geteuid,
    [CALL_getpeername] = SYS_getpeername,
    [CALL_getpid] = SYS_getpid,
    [CALL_getppid] = SYS_getppid,
    [CALL_getrandom] = SYS_getrandom,
    [CALL_getsockname] = SYS_getsockname,
    [CALL_getsockopt] = SYS_getsockopt,
    [CALL_inotify_add_watch] = SYS_inotify_add_watch,
    [CALL_inotify_init1] = SYS_inotify_init1,
    [CALL_ioctl] = SYS_ioctl,
    [CALL_kill] = SYS_kill,
    [CALL_listen] = SYS_listen,
    [CALL_memfd_create] = SYS_memfd_create,
    [CALL_mkdirat] = SYS_mkdirat,
    [CALL_mknodat] = SYS_mknodat,
    [CALL_mmap] = SYS_mmap,
    [CALL_mount] = SYS_mount,
    [CALL_mount_setattr] = SYS_mount_setattr,
    [CALL_move_mount] = SYS_move_mount,
    [CALL_munmap] = SYS_munmap,
    [CALL_nanosleep] = SYS_clock_nanosleep,
    [CALL_open_tree] = SYS_open_tree,
    [CALL_openat] = SYS_openat,
    [CALL_openat2] = SYS_openat2,
    [CALL_pidfd_open] = SYS_pidfd_open,
    [CALL_pidfd_send_signal] = SYS_pidfd_send_signal,
    [CALL_pipe2] = SYS_pipe2,
    [CALL_pivot_root] = SYS_pivot_root,
#ifdef SYS_poll
    [CALL_poll] = SYS_poll,
#endif
    [CALL_prctl] = SYS_prctl,
    [CALL_pread] = SYS_pread64,
    [CALL_prlimit] = SYS_prlimit64,
    [CALL_pwrite] = SYS_pwrite64,
    [CALL_readlinkat] = SYS_readlinkat,
    [CALL_readv] = SYS_readv,
    [CALL_reboot] = SYS_reboot,
    [CALL_recvmsg] = SYS_recvmsg,
    [CALL_renameat2] = SYS_renameat2,
    [CALL_seccomp_filter] = SYS_seccomp,
    [CALL_sendmsg] = SYS_sendmsg,
    [CALL_setgroups] = SYS_setgroups,
    [CALL_sethostname] = SYS_sethostname,
    [CALL_setns] = SYS_setns,
    [CALL_setpriority] = SYS_setpriority,
    [CALL_setresgid] = SYS_setresgid,
    [CALL_setresuid] = SYS_setresuid,
    [CALL_setsid] = SYS_setsid,
    [CALL_setsockopt] = SYS_setsockopt,
    [CALL_shutdown] = SYS_shutdown,
    [CALL_signal] = SYS_rt_sigaction,
    [CALL_signalfd] = SYS_signalfd4,
    [CALL_sigprocmask] = SYS_rt_sigprocmask,
    [CALL_socket] = SYS_socket,
    [CALL_socketpair] = SYS_socketpair,
    [CALL_spawn] = SYS_clone3,
    [CALL_symlinkat] = SYS_symlinkat,
    [CALL_sync] = SYS_sync,
    [CALL_umask] = SYS_umask,
    [CALL_umount2] = SYS_umount2,
    [CALL_unlinkat] = SYS_unlinkat,
    [CALL_unshare] = SYS_unshare,
    [CALL_waitid] = SYS_waitid,
    [CALL_write] = SYS_write,
    [CALL_writev] = SYS_writev,
};

/* read is number 0 on x86-64, which the table cannot tell from none. */
static int number_of(enum sys_call call)
{
    if (call == CALL_read)
        return SYS_read;
    return numbers[call] ? numbers[call] : -1;
}

/* ---- filters ---- */

struct seccomp_filter *seccomp_filter_ref(struct seccomp_filter *filter)
{
    if (filter)
        filter->refs++;
    return filter;
}

unsigned int seccomp_filter_count(const struct seccomp_filter *filter)
{
    unsigned int n = 0;

    for (; filter; filter = filter->older)
        n++;
    return n;
}

void seccomp_filter_unref(struct seccomp_filter *filter)
{
    while (filter && --filter->refs == 0) {
        struct seccomp_filter *older = filter->older;
        free(filter);
        filter = older;
    }
}

static bool too_many(const struct task *task, size_t n)
{
    for (const struct seccomp_filter *at = task->seccomp; at; at = at->older)
        n += at->n + FILTER_COST;
    return n > INSTRUCTIONS_MAX;
}

static int load(unsigned int flags, const struct sock_fprog *program)
{
    struct task *task = current();

    if (flags & ~(unsigned int)FLAGS)
        return -EINVAL;
    if (flags & (SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
        unsupported("seccomp: flags 0x%x", flags);
    if (program->len == 0 || program->len > BPF_MAXINSNS)
        return -EINVAL;
    if (!task->no_new_privs && !capable_in(task, task->cred.user, CAP_SYS_ADMIN))
        return -EACCES;
    if (!bpf_is_valid(program->filter, program->len))
        return -EINVAL;
    if (too_many(task, program->len))
        return -ENOMEM;

    size_t size = program->len * sizeof(program->filter[0]);
    struct seccomp_filter *filter = malloc(sizeof(*filter) + size);
    if (!filter)
        abort();
    *filter = (struct seccomp_filter){.older = task->seccomp, .refs = 1, .n = program->len};
    memcpy(filter->code, program->filter, size);
    task->seccomp = filter;
    return 0;
}

int sys_seccomp_filter(unsigned int flags, const struct sock_fprog *program)
{
    CALL_ENTER(seccomp_filter, "%d, 0x%x, %p", SECCOMP_SET_MODE_FILTER, flags, (const void *)program);
    return (int)call_leave(load(flags, program));
}

/* ---- judgement ---- */

/* All filters run; the sternest answer counts, of equal ones the newest filter's. */
static uint32_t judge(const struct task *task, const struct seccomp_data *data)
{
    uint32_t verdict = SECCOMP_RET_ALLOW;

    for (const struct seccomp_filter *at = task->seccomp; at; at = at->older) {
        uint32_t answer = bpf_run(at->code, data);
        if ((int32_t)(answer & SECCOMP_RET_ACTION_FULL) < (int32_t)(verdict & SECCOMP_RET_ACTION_FULL))
            verdict = answer;
    }
    return verdict;
}

static int execute(struct task *task, uint32_t verdict)
{
    uint32_t error = verdict & SECCOMP_RET_DATA;

    switch (verdict & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
        return 0;
    case SECCOMP_RET_ERRNO:
        if (error == 0)
            unsupported("seccomp: a call that is skipped but succeeds");
        return -(int)(error > ERRNO_MAX ? ERRNO_MAX : error);
    case SECCOMP_RET_TRACE: /* nobody traces or listens */
    case SECCOMP_RET_USER_NOTIF:
        return -ENOSYS;
    case SECCOMP_RET_TRAP:
        if (task->signals_caught & SIGNAL_BIT(SIGSYS))
            unsupported("seccomp: SIGSYS with a handler");
        task_exit(task, SIGSYS);
        return 0;
    default:
        task_exit(task, SIGSYS);
        return 0;
    }
}

int seccomp_check(struct task *task, enum sys_call call, const char *fmt, va_list args)
{
    struct seccomp_data data = {.nr = number_of(call), .arch = ARCHITECTURE};
    uint64_t values[CALL_ARGUMENTS] = {0};

    if (data.nr < 0)
        return 0;
    call_arguments(fmt, args, values);
    for (size_t i = 0; i < CALL_ARGUMENTS; i++)
        data.args[i] = values[i];
    int r = execute(task, judge(task, &data));
    if (r != -ENOSYS || call != CALL_spawn || (int)values[2] >= 0)
        return r;
    data.nr = SYS_clone; /* sys_spawn() then takes the older call, unless it needs a group */
    return execute(task, judge(task, &data));
}
