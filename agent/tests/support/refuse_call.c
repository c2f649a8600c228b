/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/refuse_call.h"

#include <endian.h>
#include <stddef.h>
#include <sys/prctl.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define LOW_WORD (__BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 4)

int refuse_call(int nr, int argument, unsigned int value, int errnum)
{
    const unsigned int place =
        argument < 0 ? 0 : (unsigned int)(offsetof(struct seccomp_data, args) + 8 * (unsigned int)argument + LOW_WORD);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument < 0 ? offsetof(struct seccomp_data, nr) : place),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument < 0 ? (unsigned int)nr : value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned int)errnum & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
