/* SPDX-License-Identifier: Apache-2.0 */
/* What a handle keeps once its streams and its connection are open: it is root, and an agent that it must not trust talks to
 * it.
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "runtime-min/container/handle_private.h"
#include "runtime-min/jail/lockdown.h"

/* Refused rather than killed: a handle that is killed ends its container. Builds that measure choose otherwise. */
#ifndef LOCKDOWN_OTHER_CALLS
#define LOCKDOWN_OTHER_CALLS SCMP_ACT_ERRNO(EPERM)
#endif

static const struct lockdown_rule rules[] = {
    {SCMP_SYS(epoll_pwait2), 0, 0, 0},
    {SCMP_SYS(epoll_ctl), 0, 0, 0},
    {SCMP_SYS(read), 0, 0, 0},
    {SCMP_SYS(write), 0, 0, 0},
    {SCMP_SYS(sendmsg), 0, 0, 0},
    {SCMP_SYS(recvmsg), 0, 0, 0},
    {SCMP_SYS(ppoll), 0, 0, 0},
    {SCMP_SYS(poll), 0, 0, 0},
    {SCMP_SYS(close), 0, 0, 0},
    {SCMP_SYS(dup3), 0, 0, 0},
    {SCMP_SYS(openat), 2, O_PATH, O_PATH}, /* a place, not its content: what takes the number of a stream that has ended */
    {SCMP_SYS(fcntl), 1, UINT64_MAX, F_GETPIPE_SZ},
    {SCMP_SYS(fcntl), 1, UINT64_MAX, F_SETPIPE_SZ},
    {SCMP_SYS(ioctl), 1, UINT64_MAX, TIOCGWINSZ},
    {SCMP_SYS(ioctl), 1, UINT64_MAX, TIOCNOTTY},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(munmap), 0, 0, 0},
    {SCMP_SYS(mremap), 0, 0, 0},
    {SCMP_SYS(madvise), 0, 0, 0},
    {SCMP_SYS(brk), 0, 0, 0},
    {SCMP_SYS(clock_gettime), 0, 0, 0},
    {SCMP_SYS(restart_syscall), 0, 0, 0},
    {SCMP_SYS(exit_group), 0, 0, 0},
};

int handle_drop_rights(struct error *err)
{
    return lockdown_enter(rules, ARRAY_SIZE(rules), 0, LOCKDOWN_OTHER_CALLS, err);
}
