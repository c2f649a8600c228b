/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/container/seccomp.h"
#include "agent/tests/support/forked.h"
#include "agent/tests/support/seccomp_names.h"
#include "tests/check.h"

/* Numbers that all architectures of Linux share. */
#define NR_CLONE3 435
#define NR_OPENAT2 437
#define NR_EPOLL_PWAIT2 441

struct trial {
    const char *label;
    char *default_action, *allowed[12], *refused[2], *architectures[3];
    uint64_t default_errno;
    int (*ask)(FILE *out);
    const char *want;
};

static int result(long r)
{
    return r < 0 ? errno : 0;
}

static int ask(FILE *out)
{
    fprintf(out, "%d %d ", result(syscall(SYS_getppid)), result(syscall(NR_CLONE3, 0, 0)));
    fprintf(out, "%d %d", result(syscall(NR_OPENAT2, 0, 0, 0, 0)), result(syscall(NR_EPOLL_PWAIT2, 0, 0, 0, 0)));
    return 0;
}

static int load_and_ask(void *arg, FILE *out)
{
    const struct trial *trial = arg;
    _arena_ struct arena *a = arena_new(4 * 1024 * 1024);
    struct oci_seccomp_rule rules[] = {
        {.names = words((char **)trial->allowed), .action = (char *)"SCMP_ACT_ALLOW"},
        {.names = words((char **)trial->refused), .action = (char *)"SCMP_ACT_ERRNO"},
    };
    struct oci_seccomp profile = {
        .default_action = trial->default_action ?: (char *)"SCMP_ACT_ERRNO",
        .default_errno = {trial->default_errno != 0, trial->default_errno},
        .architectures = words((char **)trial->architectures),
        .rules = rules,
        .n_rules = trial->refused[0] ? 2 : 1,
    };
    struct seccomp_program program;
    struct error err;

    if (seccomp_program_compile(a, &profile, &program, &err) < 0) {
        fputs(err.text, out);
        return 99;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (seccomp_program_load(&program, &err) < 0)
        return 98;
    return (trial->ask ?: ask)(out);
}

static void expect(const struct trial *trial)
{
    struct forked got = forked_run(load_and_ask, (void *)(uintptr_t)trial);

    check_string(trial->label, got.text, trial->want);
    check_int(trial->label, got.status, 0);
}

#define BASE "write", "exit_group", "close", "sigaltstack", "mmap", "munmap"

static void calls_above_the_newest_of_the_profile_do_not_exist(void **state)
{
    static const struct trial rows[] = {
        {.label = "the newest is allowed", .allowed = {BASE, "clone3"}, .want = "1 22 38 38"},
        {.label = "the newest is refused", .allowed = {BASE}, .refused = {"openat2"}, .want = "1 1 1 38"},
        {.label = "names that nobody knows do not count", .allowed = {BASE, "clone3", "launch_rocket"}, .want = "1 22 38 38"},
        {.label = "another errno", .default_errno = 13, .allowed = {BASE, "clone3"}, .want = "13 22 38 38"},
        {.label = "what is not listed is allowed",
         .default_action = (char *)"SCMP_ACT_ALLOW",
         .allowed = {BASE},
         .refused = {"clone3"},
         .want = "0 1 22 22"},
    };
    (void)state;

    FOR_ROWS (row, rows)
        expect(row);
}

/* Who wants a call that is not listed to be deadly gets that. */
static void a_default_that_kills_still_kills(void **state)
{
    static const char *const actions[] = {"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"};
    (void)state;

    FOR_ROWS (action, actions) {
        struct trial trial = {.default_action = (char *)(uintptr_t)*action, .allowed = {BASE, "getppid", "clone3"}};
        check_int(*action, forked_run(load_and_ask, &trial).status, 128 + SIGSYS);
    }
}

#ifdef __x86_64__

/* The 32-bit gate; the same numbers mean other calls there. */
static int call32(long nr)
{
    int r;

    __asm__ volatile("int $0x80"
                     : "=a"(r)
                     : "a"(nr), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    return r < 0 ? -r : 0;
}

#define NR32_GETPPID 64
#define NR32_SOCKET 359
#define NR32_MSGCTL 402

static int ask32(FILE *out)
{
    int numbers[] = {NR32_GETPPID, NR32_SOCKET, NR32_MSGCTL, NR_CLONE3, NR_EPOLL_PWAIT2};

    FOR_ROWS (nr, numbers)
        fprintf(out, "%d ", call32(*nr));
    return ask(out);
}

static void each_architecture_has_its_own_newest_call(void **state)
{
    static const struct trial rows[] = {
        {.label = "the same number in both",
         .ask = ask32,
         .architectures = {"SCMP_ARCH_X86"},
         .allowed = {BASE, "clone3"},
         .want = "1 1 1 22 38 1 22 38 38"},
        {.label = "one that has another number in each",
         .ask = ask32,
         .architectures = {"SCMP_ARCH_X86"},
         .allowed = {BASE},
         .want = "1 38 38 38 38 1 38 38 38"},
        {.label = "calls behind a gate have numbers, too",
         .ask = ask32,
         .architectures = {"SCMP_ARCH_X86"},
         .allowed = {BASE, "socket"},
         .want = "1 97 1 38 38 1 38 38 38"},
    };
    (void)state;

    FOR_ROWS (row, rows)
        expect(row);
}

static int ask_x32(FILE *out)
{
    long numbers[] = {SYS_getppid, NR_CLONE3, NR_EPOLL_PWAIT2};

    FOR_ROWS (nr, numbers)
        fprintf(out, "%d ", result(syscall(0x40000000L | *nr, 0, 0)));
    return ask(out);
}

static void calls_of_x32_are_judged_by_their_own(void **state)
{
    static const struct trial listed = {
        .label = "listed",
        .ask = ask_x32,
        .architectures = {"SCMP_ARCH_X32"},
        .allowed = {BASE},
        .refused = {"clone3"},
        .want = "1 1 38 1 1 38 38",
    };
    struct trial unlisted = {.ask = ask_x32, .allowed = {BASE}, .refused = {"clone3"}};
    (void)state;

    expect(&listed);
    check_int("unlisted", forked_run(load_and_ask, &unlisted).status, 128 + SIGSYS);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_above_the_newest_of_the_profile_do_not_exist),
        cmocka_unit_test(a_default_that_kills_still_kills),
#ifdef __x86_64__
        cmocka_unit_test(each_architecture_has_its_own_newest_call),
        cmocka_unit_test(calls_of_x32_are_judged_by_their_own),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
