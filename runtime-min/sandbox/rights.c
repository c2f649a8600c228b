/* SPDX-License-Identifier: Apache-2.0 */
/* What a monitor keeps once its parts run: it is root, and a guest that it must not trust answers its calls, as does QEMU. No
 * call is left that takes a path. */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>

#include "runtime-min/jail/lockdown.h"
#include "runtime-min/sandbox/monitor.h"

/* Refused rather than killed: a monitor that is killed ends its machine. Builds that measure choose otherwise. */
#ifndef LOCKDOWN_OTHER_CALLS
#define LOCKDOWN_OTHER_CALLS SCMP_ACT_ERRNO(EPERM)
#endif

/* QEMU is another user's; without names of others only the parts can be signalled, by the descriptors from their birth. */
#define KEPT (UINT64_C(1) << CAP_KILL)

static const struct lockdown_rule rules[] = {
    {SCMP_SYS(epoll_pwait2), 0, 0, 0},  {SCMP_SYS(epoll_ctl), 0, 0, 0},
    {SCMP_SYS(read), 0, 0, 0},          {SCMP_SYS(write), 0, 0, 0},
    {SCMP_SYS(sendmsg), 0, 0, 0},       {SCMP_SYS(recvmsg), 0, 0, 0},
    {SCMP_SYS(accept4), 0, 0, 0},       {SCMP_SYS(ppoll), 0, 0, 0},
    {SCMP_SYS(poll), 0, 0, 0},          {SCMP_SYS(close), 0, 0, 0},
    {SCMP_SYS(waitid), 0, 0, 0},        {SCMP_SYS(pidfd_send_signal), 1, UINT64_MAX, SIGKILL},
    {SCMP_SYS(getpid), 0, 0, 0},        {SCMP_SYS(fcntl), 1, UINT64_MAX, F_SETFL},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},  {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(munmap), 0, 0, 0},        {SCMP_SYS(mremap), 0, 0, 0},
    {SCMP_SYS(madvise), 0, 0, 0},       {SCMP_SYS(brk), 0, 0, 0},
    {SCMP_SYS(clock_gettime), 0, 0, 0}, {SCMP_SYS(restart_syscall), 0, 0, 0},
    {SCMP_SYS(exit_group), 0, 0, 0},
};

int monitor_drop_rights(struct error *err)
{
    return lockdown_enter(rules, ARRAY_SIZE(rules), KEPT, LOCKDOWN_OTHER_CALLS, err);
}
