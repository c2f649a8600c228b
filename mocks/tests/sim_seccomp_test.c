/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of seccomp profiles for machines that this one is not, run by the mock kernel. */
#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/container/seccomp.h"
#include "mocks/kernel/bpf.h"

static void calls_newer_than_the_profile_do_not_exist_anywhere(void **state)
{
    static char *names[] = {(char *)"write", (char *)"clone3", (char *)"cacheflush"};
    static char *architectures[] = {(char *)"SCMP_ARCH_X86_64", (char *)"SCMP_ARCH_AARCH64", (char *)"SCMP_ARCH_ARM",
                                    (char *)"SCMP_ARCH_RISCV64", (char *)"SCMP_ARCH_PPC64LE"};
    static const struct {
        const char *label;
        uint32_t arch;
        int nr;
        uint32_t want;
    } rows[] = {
        {"listed", SCMP_ARCH_AARCH64, 435, SECCOMP_RET_ALLOW},
        {"not listed", SCMP_ARCH_AARCH64, 434, SECCOMP_RET_ERRNO | EPERM},
        {"newer", SCMP_ARCH_AARCH64, 436, SECCOMP_RET_ERRNO | ENOSYS},
        {"newer", SCMP_ARCH_X86_64, 436, SECCOMP_RET_ERRNO | ENOSYS},
        {"newer", SCMP_ARCH_RISCV64, 436, SECCOMP_RET_ERRNO | ENOSYS},
        {"newer", SCMP_ARCH_PPC64LE, 436, SECCOMP_RET_ERRNO | ENOSYS},
        {"newer", SCMP_ARCH_ARM, 436, SECCOMP_RET_ERRNO | ENOSYS},
        {"private, listed", SCMP_ARCH_ARM, 0xf0002, SECCOMP_RET_ALLOW},
        {"private, not listed", SCMP_ARCH_ARM, 0xf0005, SECCOMP_RET_ERRNO | EPERM},
        {"no architecture of the profile", SCMP_ARCH_MIPS, 4500, SECCOMP_RET_KILL_THREAD},
    };
    struct oci_seccomp_rule rule = {.names = {.items = names, .n = ARRAY_SIZE(names)}, .action = (char *)"SCMP_ACT_ALLOW"};
    struct oci_seccomp profile = {
        .default_action = (char *)"SCMP_ACT_ERRNO",
        .architectures = {.items = architectures, .n = ARRAY_SIZE(architectures)},
        .rules = &rule,
        .n_rules = 1,
    };
    _arena_ struct arena *a = arena_new(1 << 20);
    struct seccomp_program program;
    struct error err;
    (void)state;

    if (seccomp_program_compile(a, &profile, &program, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(bpf_is_valid(program.filter.filter, program.filter.len));
    FOR_ROWS (row, rows) {
        uint32_t got = bpf_run(program.filter.filter, &(struct seccomp_data){.arch = row->arch, .nr = row->nr});
        if (got != row->want)
            fail_msg("%s, arch %x, call %d: got %x, want %x", row->label, row->arch, row->nr, got, row->want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_newer_than_the_profile_do_not_exist_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
