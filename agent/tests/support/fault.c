/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/fault.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/macros.h"

/* In the sixth argument, which none of the calls has: the handler's own calls pass. */
#define PASS 0x7461746dU

static const int numbers[] = {
    SYS_openat,    SYS_openat2,    SYS_newfstatat, SYS_fstat,     SYS_fstatfs,    SYS_mkdirat,       SYS_mknodat,
    SYS_symlinkat, SYS_unlinkat,   SYS_fchownat,   SYS_fchown,    SYS_fchmod,     SYS_fchmodat,      SYS_mount,
    SYS_umount2,   SYS_pivot_root, SYS_chroot,     SYS_chdir,     SYS_fchdir,     SYS_getcwd,        SYS_fsopen,
    SYS_fsconfig,  SYS_fsmount,    SYS_fspick,     SYS_open_tree, SYS_move_mount, SYS_mount_setattr, SYS_getdents64,
};

static volatile int countdown;
static volatile int failure;
static volatile long reached;

static long pass_on(const greg_t *r)
{
    long result;
    register long r10 __asm__("r10") = r[REG_R10];
    register long r8 __asm__("r8") = r[REG_R8];
    register long r9 __asm__("r9") = PASS;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(r[REG_RAX]), "D"(r[REG_RDI]), "S"(r[REG_RSI]), "d"(r[REG_RDX]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void handle(int sig, siginfo_t *info, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)sig;
    if (countdown > 0 && --countdown == 0) {
        reached = info->si_syscall;
        r[REG_RAX] = -failure;
        return;
    }
    r[REG_RAX] = pass_on(r);
}

bool fault_is_available(void)
{
    return true;
}

bool fault_arm(int n, int errnum)
{
    struct sock_filter filter[2 * ARRAY_SIZE(numbers) + 4];
    size_t used = 0;

    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5]));
    filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PASS, (uint8_t)(ARRAY_SIZE(numbers) + 1), 0);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uint8_t to_trap = (uint8_t)(ARRAY_SIZE(numbers) - i);
        filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[i], to_trap, 0);
    }
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);

    struct sock_fprog program = {.len = (unsigned short)used, .filter = filter};
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    countdown = n;
    failure = errnum;
    reached = 0;
    return sigaction(SIGSYS, &action, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

bool fault_happened(long *ret_number)
{
    *ret_number = reached;
    return countdown == 0;
}

void fault_disarm(void)
{
    countdown = 0;
}
#else
bool fault_is_available(void)
{
    return false;
}

bool fault_arm(int n, int errnum)
{
    (void)n;
    (void)errnum;
    return false;
}

bool fault_happened(long *ret_number)
{
    *ret_number = 0;
    return false;
}

void fault_disarm(void)
{
}
#endif
