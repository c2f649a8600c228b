/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/jail/lockdown.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "sys/sys.h"

/* Setting it keeps the library from probing the kernel. */
#define LIBRARY_API_LEVEL 4
#define INSTRUCTIONS_MAX 1024

static int add_rules(scmp_filter_ctx ctx, const struct lockdown_rule *rules, size_t n)
{
    int r = 0;

    for (const struct lockdown_rule *rule = rules; rule < rules + n && r == 0; rule++) {
        const struct scmp_arg_cmp cmp = {rule->arg, SCMP_CMP_MASKED_EQ, rule->mask, rule->value};
        r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->number, rule->mask != 0, &cmp);
    }
    return r;
}

static int export_to(int fd, void *ctx)
{
    return seccomp_export_bpf(ctx, fd);
}

static int load_filter(const struct lockdown_rule *rules, size_t n, uint32_t other_calls)
{
    struct sock_filter instructions[INSTRUCTIONS_MAX];

    if (seccomp_api_set(LIBRARY_API_LEVEL) < 0)
        return -ENOSYS;
    scmp_filter_ctx ctx = seccomp_init(other_calls);
    if (!ctx)
        abort();
    ssize_t r = add_rules(ctx, rules, n);
    if (r == 0)
        r = sys_capture(export_to, ctx, instructions, sizeof(instructions));
    seccomp_release(ctx);
    if (r < 0)
        return (int)r;
    const struct sock_fprog program = {(unsigned short)((size_t)r / sizeof(instructions[0])), instructions};
    return sys_seccomp_filter(0, &program);
}

static int drop_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const uint32_t low = (uint32_t)kept, high = (uint32_t)(kept >> 32);
    const struct __user_cap_data_struct data[2] = {{.effective = low, .permitted = low},
                                                   {.effective = high, .permitted = high}};

    /* The bounding set can only be dropped by the privileged, and only matters to them. */
    for (unsigned long cap = 0; sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    return sys_capset(&header, data);
}

/* 1 is less than any core has, and the one value at which the kernel does not call the host's handler of cores (fs/coredump.c).
 */
int lockdown_cores(void)
{
    static const struct rlimit limit = {1, 1}, none = {0, 0};

    int r = sys_prlimit(0, RLIMIT_CORE, &limit, NULL);
    /* Not every root may raise the limit of a caller that allows none. */
    return r == -EPERM ? sys_prlimit(0, RLIMIT_CORE, &none, NULL) : r;
}

int lockdown_enter(const struct lockdown_rule *rules, size_t n, uint64_t capabilities, uint32_t other_calls, struct error *err)
{
    int r = lockdown_cores();
    if (r == 0)
        r = drop_capabilities(capabilities);
    if (r < 0)
        return error_set(err, r, "drop privileges");
    r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (r == 0)
        r = load_filter(rules, n, other_calls);
    return r < 0 ? error_set(err, r, "load the seccomp filter") : 0;
}
