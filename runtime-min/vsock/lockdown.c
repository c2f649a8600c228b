/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/lockdown.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "sys/sys.h"

/* Setting it keeps the library from probing the kernel. */
#define LIBRARY_API_LEVEL 4
#define INSTRUCTIONS_MAX 1024

/* What becomes of a call that has no rule; builds that measure choose otherwise. */
#ifndef LOCKDOWN_OTHER_CALLS
#define LOCKDOWN_OTHER_CALLS SCMP_ACT_KILL_PROCESS
#endif

/* A system call; with mask, its argument arg must be value in these bits. */
struct rule {
    int number;
    unsigned int arg;
    uint64_t mask, value;
};

static const struct rule rules[] = {
    {SCMP_SYS(epoll_pwait2), 0, 0, 0},
    {SCMP_SYS(epoll_ctl), 0, 0, 0},
    {SCMP_SYS(read), 0, 0, 0},
    {SCMP_SYS(readv), 0, 0, 0},
    {SCMP_SYS(write), 0, 0, 0},
    {SCMP_SYS(sendmsg), 0, 0, 0},
    {SCMP_SYS(recvmsg), 0, 0, 0},
    {SCMP_SYS(accept4), 0, 0, 0},
    {SCMP_SYS(connect), 0, 0, 0},
    {SCMP_SYS(shutdown), 0, 0, 0},
    {SCMP_SYS(close), 0, 0, 0},
    {SCMP_SYS(ppoll), 0, 0, 0},
    {SCMP_SYS(poll), 0, 0, 0},
    {SCMP_SYS(newfstatat), 0, 0, 0},
    {SCMP_SYS(munmap), 0, 0, 0},
    {SCMP_SYS(brk), 0, 0, 0},
    {SCMP_SYS(mremap), 0, 0, 0},
    {SCMP_SYS(madvise), 0, 0, 0},
    {SCMP_SYS(clock_gettime), 0, 0, 0},
    {SCMP_SYS(restart_syscall), 0, 0, 0},
    {SCMP_SYS(exit_group), 0, 0, 0},
    {SCMP_SYS(socket), 0, UINT64_MAX, AF_UNIX},
    {SCMP_SYS(fcntl), 1, UINT64_MAX, F_SETFL},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
};

static int add_rules(scmp_filter_ctx ctx)
{
    FOR_ROWS (rule, rules) {
        const struct scmp_arg_cmp cmp = {rule->arg, SCMP_CMP_MASKED_EQ, rule->mask, rule->value};
        int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->number, rule->mask != 0, &cmp);
        if (r < 0)
            return r;
    }
    return 0;
}

static int export_to(int fd, void *ctx)
{
    return seccomp_export_bpf(ctx, fd);
}

static int load_filter(void)
{
    struct sock_filter instructions[INSTRUCTIONS_MAX];

    if (seccomp_api_set(LIBRARY_API_LEVEL) < 0)
        return -ENOSYS;
    scmp_filter_ctx ctx = seccomp_init(LOCKDOWN_OTHER_CALLS);
    if (!ctx)
        abort();
    ssize_t r = add_rules(ctx);
    if (r == 0)
        r = sys_capture(export_to, ctx, instructions, sizeof(instructions));
    seccomp_release(ctx);
    if (r < 0)
        return (int)r;
    const struct sock_fprog program = {(unsigned short)((size_t)r / sizeof(instructions[0])), instructions};
    return sys_seccomp_filter(0, &program);
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};

    /* The bounding set can only be dropped by the privileged, and only matters to them. */
    for (unsigned long cap = 0; sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    return sys_capset(&header, none);
}

/* Sockets are all that the filter lets it reach: those of this directory stay, not the others of the host, named or abstract.
 * Who has no privileges cannot, and reaches no more than before. */
static int confine(const char *directory)
{
    int r = sys_chdir(directory);
    if (r == 0)
        r = sys_unshare(CLONE_NEWNET | CLONE_NEWIPC);
    if (r == 0)
        r = sys_chroot(".");
    return r == -EPERM ? 0 : r;
}

int lockdown_enter(const char *directory, struct error *err)
{
    int r = confine(directory);
    if (r < 0)
        return error_set(err, r, "make '%s' the root directory", directory);
    r = sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (r == 0)
        r = drop_capabilities();
    if (r < 0)
        return error_set(err, r, "drop privileges");
    r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (r == 0)
        r = load_filter();
    return r < 0 ? error_set(err, r, "load the seccomp filter") : 0;
}
