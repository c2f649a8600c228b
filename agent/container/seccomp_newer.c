/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/seccomp_newer.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define X32_FIRST 0x40000000U
#define X32_OWN (X32_FIRST + 512)  /* from here on: sigaltstack, ioctl, ... */
#define ARM_PRIVATE_FIRST 0xf0000U /* cacheflush, set_tls, ... */

/* The library's numbers for calls that have one of their own and can also be made through socketcall(2) or ipc(2). The last
 * such call, msgctl, is 402 on all architectures that have them. */
#define MULTIPLEXED_FIRST (-299)
#define MULTIPLEXED_LAST (-100)
#define MULTIPLEXED_NEWEST 402

static const struct numbers {
    uint32_t token; /* the library's */
    uint32_t arch;  /* struct seccomp_data */
    uint32_t last;  /* what is above belongs to another one, or is no call that is numbered on */
} architectures[] = {
    {SCMP_ARCH_X86_64, SCMP_ARCH_X86_64, X32_FIRST - 1},   {SCMP_ARCH_X86, SCMP_ARCH_X86, UINT32_MAX},
    {SCMP_ARCH_X32, SCMP_ARCH_X86_64, X32_OWN - 1},        {SCMP_ARCH_AARCH64, SCMP_ARCH_AARCH64, UINT32_MAX},
    {SCMP_ARCH_ARM, SCMP_ARCH_ARM, ARM_PRIVATE_FIRST - 1}, {SCMP_ARCH_PPC64LE, SCMP_ARCH_PPC64LE, UINT32_MAX},
    {SCMP_ARCH_S390X, SCMP_ARCH_S390X, UINT32_MAX},        {SCMP_ARCH_S390, SCMP_ARCH_S390, UINT32_MAX},
    {SCMP_ARCH_RISCV64, SCMP_ARCH_RISCV64, UINT32_MAX},
};

/* Its number, or 0 when the architecture has no such call, or nobody knows. */
static uint32_t number_of(const struct numbers *numbers, const char *name)
{
    int number = seccomp_syscall_resolve_name_arch(numbers->token, name);

    if (number >= MULTIPLEXED_FIRST && number <= MULTIPLEXED_LAST)
        return MULTIPLEXED_NEWEST;
    return number < 0 || (uint32_t)number > numbers->last ? 0 : (uint32_t)number;
}

static uint32_t newest_call(const struct numbers *numbers, const struct oci_seccomp *profile)
{
    uint32_t newest = 0;

    for (size_t i = 0; i < profile->n_rules; i++) {
        const struct strlist *names = &profile->rules[i].names;
        for (size_t k = 0; k < names->n; k++) {
            uint32_t number = number_of(numbers, names->items[k]);
            newest = number > newest ? number : newest;
        }
    }
    return newest;
}

size_t seccomp_newer(scmp_filter_ctx ctx, const struct oci_seccomp *profile, struct sock_filter out[SECCOMP_NEWER_MAX])
{
    size_t n = 0;

    FOR_ROWS (numbers, architectures) {
        uint32_t newest = seccomp_arch_exist(ctx, numbers->token) == 0 ? newest_call(numbers, profile) : 0;
        if (newest == 0)
            continue;
        const struct sock_filter check[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers->arch, 0, 4),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 2),
            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, numbers->last, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        };
        for (size_t i = 0; i < ARRAY_SIZE(check); i++)
            out[n++] = check[i];
    }
    return n;
}
