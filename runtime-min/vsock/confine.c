/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/confine.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "runtime-min/jail/lockdown.h"
#include "sys/sys.h"

/* What becomes of a call that has no rule. Builds that measure choose otherwise, and write files when they end. */
#ifdef LOCKDOWN_OTHER_CALLS
#define KEEPS_ROOT true
#else
#define KEEPS_ROOT false
#define LOCKDOWN_OTHER_CALLS SCMP_ACT_KILL_PROCESS
#endif

static const struct lockdown_rule rules[] = {
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

/* Sockets are all that the filter lets it reach: those of this directory stay, not the others of the host, named or abstract.
 * Who has no privileges cannot, and reaches no more than before. */
static int change_root(const char *directory)
{
    int r = sys_chdir(directory);
    if (r == 0)
        r = sys_unshare(CLONE_NEWNET | CLONE_NEWIPC);
    if (r == 0 && !KEEPS_ROOT)
        r = sys_chroot(".");
    return r == -EPERM ? 0 : r;
}

int confine_enter(const char *directory, struct error *err)
{
    int r = change_root(directory);
    if (r < 0)
        return error_set(err, r, "make '%s' the root directory", directory);
    r = sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (r < 0)
        return error_set(err, r, "keep memory out of core dumps");
    return lockdown_enter(rules, ARRAY_SIZE(rules), 0, LOCKDOWN_OTHER_CALLS, err);
}
