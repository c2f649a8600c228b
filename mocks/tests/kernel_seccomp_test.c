/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on system calls: which programs are accepted, and what their answers do. */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "mocks/tests/conform.h"

#define RET(value) BPF_STMT(BPF_RET | BPF_K, value)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ALLOW RET(SECCOMP_RET_ALLOW)
#define PROGRAM_MAX 12

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

struct program {
    unsigned short len;
    struct sock_filter code[PROGRAM_MAX];
};

static int load(const struct program *program, unsigned int flags)
{
    struct sock_fprog fprog = {.len = program->len, .filter = (struct sock_filter *)program->code};

    return sys_seccomp_filter(flags, &fprog);
}

/* ---- acceptance ---- */

static int try_load(void *arg)
{
    sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return -load(arg, 0);
}

CONFORM_CASE(a_program_is_accepted_or_not)
{
    static const struct {
        const char *label;
        struct program program;
        int result;
    } rows[] = {
        {"empty", {0, {ALLOW}}, EINVAL},
        {"return", {1, {ALLOW}}, 0},
        {"return the accumulator, which is 0: kills", {1, {BPF_STMT(BPF_RET | BPF_A, 0)}}, -SIGSYS},
        {"no return", {1, {LOAD(nr)}}, EINVAL},
        {"return not last", {2, {ALLOW, LOAD(nr)}}, EINVAL},
        {"load first word", {2, {LOAD(nr), ALLOW}}, 0},
        {"load last word", {2, {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), ALLOW}}, 0},
        {"load beyond", {2, {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ALLOW}}, EINVAL},
        {"load unaligned", {2, {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ALLOW}}, EINVAL},
        {"load half a word", {2, {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), ALLOW}}, EINVAL},
        {"load a byte", {2, {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ALLOW}}, EINVAL},
        {"load indirect", {2, {BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ALLOW}}, EINVAL},
        {"load the length", {2, {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), ALLOW}}, 0},
        {"load x with the length", {2, {BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), ALLOW}}, 0},
        {"load x with a header length", {2, {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), ALLOW}}, EINVAL},
        {"load immediate", {2, {BPF_STMT(BPF_LD | BPF_IMM, 7), ALLOW}}, 0},
        {"load x immediate", {2, {BPF_STMT(BPF_LDX | BPF_IMM, 7), ALLOW}}, 0},
        {"memory never written", {2, {BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW}}, EINVAL},
        {"memory written", {3, {BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW}}, 0},
        {"other memory written", {3, {BPF_STMT(BPF_ST, 1), BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW}}, EINVAL},
        {"memory written from x", {3, {BPF_STMT(BPF_STX, 15), BPF_STMT(BPF_LDX | BPF_MEM, 15), ALLOW}}, 0},
        {"memory beyond", {2, {BPF_STMT(BPF_ST, 16), ALLOW}}, EINVAL},
        {"memory written on one way only",
         {4, {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW}},
         EINVAL},
        {"memory written before the ways part",
         {4, {BPF_STMT(BPF_ST, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW}},
         0},
        {"divide by 0", {2, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ALLOW}}, EINVAL},
        {"divide by 1", {2, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 1), ALLOW}}, 0},
        {"divide by x, which is 0: kills", {2, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), ALLOW}}, -SIGSYS},
        {"divide by x", {3, {BPF_STMT(BPF_LDX | BPF_IMM, 2), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), ALLOW}}, 0},
        {"modulo", {2, {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ALLOW}}, EINVAL},
        {"xor", {2, {BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 3), ALLOW}}, 0},
        {"xor with x", {2, {BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 3), ALLOW}}, 0},
        {"shift by 31", {2, {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 31), ALLOW}}, 0},
        {"shift by 32", {2, {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ALLOW}}, EINVAL},
        {"shift right by 32", {2, {BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 32), ALLOW}}, EINVAL},
        {"negate", {2, {BPF_STMT(BPF_ALU | BPF_NEG, 0), ALLOW}}, 0},
        {"multiply", {2, {BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0), ALLOW}}, 0},
        {"exchange", {3, {BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), ALLOW}}, 0},
        {"jump to the end", {2, {BPF_STMT(BPF_JMP | BPF_JA, 0), ALLOW}}, 0},
        {"jump beyond", {2, {BPF_STMT(BPF_JMP | BPF_JA, 1), ALLOW}}, EINVAL},
        {"jump back", {2, {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), ALLOW}}, EINVAL},
        {"branch beyond, true", {2, {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), ALLOW}}, EINVAL},
        {"branch beyond, false", {2, {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ALLOW}}, EINVAL},
        {"branches", {2, {BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 0), ALLOW}}, 0},
        {"unknown instruction", {2, {BPF_STMT(0xffff, 0), ALLOW}}, EINVAL},
    };

    sys_prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
    FOR_CASES(row, rows)
    expect(in_child(try_load, (void *)&row->program), row->result);
}

CONFORM_CASE(seccomp_flags)
{
    static const struct program allow = {1, {ALLOW}};
    static const struct {
        const char *label;
        unsigned int flags;
        int result;
    } rows[] = {
        {"none", 0, 0},
        {"TSYNC", SECCOMP_FILTER_FLAG_TSYNC, 0},
        {"LOG", SECCOMP_FILTER_FLAG_LOG, 0},
        {"SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0},
        {"all three", 7, 0},
        {"unknown", 1u << 20, -EINVAL},
    };

    FOR_CASES(row, rows)
    expect(load(&allow, row->flags), row->result);
}

static int load_as_user(void *arg)
{
    sys_setresuid(5, 5, 5);
    if (arg)
        sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return -load(&(struct program){1, {ALLOW}}, 0);
}

static int load_wrong_as_user(void *arg)
{
    (void)arg;
    sys_setresuid(5, 5, 5);
    return -load(&(struct program){1, {LOAD(nr)}}, 0);
}

CONFORM_CASE(loading_takes_the_capability_or_the_promise)
{
    expect(in_child(load_as_user, NULL), EACCES);
    expect(in_child(load_as_user, ""), 0);
    expect(in_child(load_wrong_as_user, NULL), EACCES);
}

/* ---- answers ---- */

/* Answers one system call (getppid) with value, all others are allowed. */
static int answer(uint32_t value)
{
    struct program program = {4, {LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), RET(value), ALLOW}};

    return load(&program, 0);
}

static int ask(void *arg)
{
    if (answer(*(uint32_t *)arg) != 0)
        return 99;
    int r = sys_getppid();
    return r < 0 ? -r & 0xff : r > 0 ? 0 : 98;
}

CONFORM_CASE(answers_of_a_filter)
{
    static const struct {
        const char *label;
        uint32_t value;
        int status;
    } rows[] = {
        {"allow", SECCOMP_RET_ALLOW, 0},
        {"log", SECCOMP_RET_LOG, 0},
        {"EPERM", SECCOMP_RET_ERRNO | EPERM, EPERM},
        {"ENOSYS", SECCOMP_RET_ERRNO | ENOSYS, ENOSYS},
        {"largest errno", SECCOMP_RET_ERRNO | 4095, 4095 & 0xff},
        {"errno too large", SECCOMP_RET_ERRNO | 0xffff, 4095 & 0xff},
        {"trace without tracer", SECCOMP_RET_TRACE, ENOSYS},
        {"notification without listener", SECCOMP_RET_USER_NOTIF, ENOSYS},
        {"kill process", SECCOMP_RET_KILL_PROCESS, -SIGSYS},
        {"kill thread", SECCOMP_RET_KILL_THREAD, -SIGSYS},
        {"trap", SECCOMP_RET_TRAP, -SIGSYS},
        {"unknown answer kills", 0x10000000, -SIGSYS},
    };

    sys_prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
    FOR_CASES(row, rows)
    {
        uint32_t value = row->value;
        expect(in_child(ask, &value), row->status);
    }
}

struct refusal {
    int clone3, clone; /* errno, 0: allowed */
};

static int say_seven(void *arg)
{
    (void)arg;
    return 7;
}

static int have_child(void *arg)
{
    const struct refusal *refusal = arg;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, refusal->clone3 ? SECCOMP_RET_ERRNO | (uint32_t)refusal->clone3 : SECCOMP_RET_ALLOW),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, refusal->clone ? SECCOMP_RET_ERRNO | (uint32_t)refusal->clone : SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    int pidfd = -1;
    struct sys_spawn args = {.cgroup_fd = -1, .ret_pidfd = &pidfd};
    siginfo_t info = {.si_pid = 0};

    if (sys_seccomp_filter(0, &program) < 0)
        return 99;
    int pid = sys_spawn(&args, say_seven, NULL);
    if (pid < 0)
        return -pid;
    return sys_waitid(P_PIDFD, (unsigned int)pidfd, &info, WEXITED) == 0 && info.si_pid == pid ? info.si_status : 98;
}

/* Engines' filters let clone(2) through, whose flags they can see, and say that there is no clone3(2). */
CONFORM_CASE(children_under_a_filter_of_clone3)
{
    static const struct {
        const char *label;
        struct refusal refusal;
        int status;
    } rows[] = {
        {"no clone3", {ENOSYS, 0}, 7},
        {"neither", {ENOSYS, EPERM}, EPERM},
        {"clone3 is refused", {EPERM, 0}, EPERM},
        {"no clone", {0, ENOSYS}, 7},
    };

    FOR_CASES(row, rows)
    {
        struct refusal refusal = row->refusal;
        expect(in_child(have_child, &refusal), row->status);
    }
}

struct two {
    uint32_t first, second;
};

static int ask_two(void *arg)
{
    const struct two *two = arg;

    if (answer(two->first) != 0 || answer(two->second) != 0)
        return 99;
    int r = sys_getppid();
    return r < 0 ? -r & 0xff : r > 0 ? 0 : 98;
}

CONFORM_CASE(of_two_filters_the_sterner_answer_counts)
{
    static const struct {
        const char *label;
        struct two two;
        int status;
    } rows[] = {
        {"both allow", {SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW}, 0},
        {"errno then allow", {SECCOMP_RET_ERRNO | 5, SECCOMP_RET_ALLOW}, 5},
        {"allow then errno", {SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 5}, 5},
        {"two errnos: the newer one", {SECCOMP_RET_ERRNO | 5, SECCOMP_RET_ERRNO | 6}, 6},
        {"log then errno", {SECCOMP_RET_LOG, SECCOMP_RET_ERRNO | 5}, 5},
        {"errno then trap", {SECCOMP_RET_ERRNO | 5, SECCOMP_RET_TRAP}, -SIGSYS},
        {"kill then errno", {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO | 5}, -SIGSYS},
        {"errno then trace", {SECCOMP_RET_ERRNO | 5, SECCOMP_RET_TRACE}, 5},
    };

    sys_prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
    FOR_CASES(row, rows)
    expect(in_child(ask_two, (void *)&row->two), row->status);
}

/* ---- what a filter sees ---- */

static int sees_arguments(void *arg)
{
    /* kill(1, 0) is refused, kill(1, anything else) is not. */
    struct program program = {8,
                              {LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 5), LOAD(args[0]),
                               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 3), LOAD(args[1]),
                               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET(SECCOMP_RET_ERRNO | EDOM), ALLOW}};

    (void)arg;
    load(&program, 0);
    if (sys_kill(1, 0) != -EDOM)
        return 1;
    if (sys_kill(1, SIGCHLD) != 0)
        return 2;
    return sys_kill(2, 0) == 0 ? 0 : 3;
}

CONFORM_CASE(a_filter_sees_arguments)
{
    expect(in_child(sees_arguments, NULL), 0);
}

static int sees_architecture(void *arg)
{
    struct program program = {7,
                              {LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
                               RET(SECCOMP_RET_KILL_PROCESS), LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsid, 0, 1),
                               RET(SECCOMP_RET_ERRNO | ERANGE), ALLOW}};

    (void)arg;
    load(&program, 0);
    return -sys_setsid();
}

CONFORM_CASE(a_filter_sees_the_architecture)
{
    expect(in_child(sees_architecture, NULL), ERANGE);
}

/* Computes on the number of the call and compares with what C computes. */
static int computes(void *arg)
{
    const struct program *program = arg;

    load(program, 0);
    int r = sys_getppid();
    return r < 0 ? -r & 0xff : 0;
}

CONFORM_CASE(instructions_compute)
{
#define COMPUTE(n, ...)                                                                                                        \
    {                                                                                                                          \
        5 + n,                                                                                                                 \
        {                                                                                                                      \
            BPF_STMT(BPF_LDX | BPF_IMM, 6), LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), ALLOW,           \
                __VA_ARGS__, BPF_STMT(BPF_RET | BPF_A, 0)                                                                      \
        }                                                                                                                      \
    }
#define SET(value) BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ERRNO + (value))
    static const struct {
        const char *label;
        struct program program;
        int status;
    } rows[] = {
        {"add", COMPUTE(2, SET(10), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5)), 15},
        {"add x", COMPUTE(2, SET(10), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0)), 16},
        {"subtract", COMPUTE(2, SET(10), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 3)), 7},
        {"subtract x", COMPUTE(2, SET(10), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0)), 4},
        {"and", COMPUTE(2, SET(15), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff0005)), 5},
        {"or", COMPUTE(2, SET(8), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 3)), 11},
        {"xor", COMPUTE(2, SET(9), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 3)), 10},
        {"multiply",
         COMPUTE(3, BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
                 BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO)),
         30},
        {"divide",
         COMPUTE(3, BPF_STMT(BPF_LD | BPF_IMM, 50), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
                 BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO)),
         8},
        {"shift left",
         COMPUTE(3, BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0),
                 BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO)),
         64},
        {"shift right",
         COMPUTE(3, BPF_STMT(BPF_LD | BPF_IMM, 256), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3),
                 BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO)),
         32},
        {"negate",
         COMPUTE(3, BPF_STMT(BPF_LD | BPF_IMM, 0u - (SECCOMP_RET_ERRNO + 9)), BPF_STMT(BPF_ALU | BPF_NEG, 0),
                 BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0)),
         9},
        {"length", COMPUTE(2, BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO)),
         64},
        {"memory", COMPUTE(4, SET(21), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_MEM, 3)), 21},
        {"memory and x",
         COMPUTE(3, BPF_STMT(BPF_STX, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO)),
         6},
        {"greater",
         COMPUTE(4, SET(1), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SECCOMP_RET_ERRNO, 1, 0), SET(2),
                 BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0)),
         1},
        {"not greater",
         COMPUTE(4, SET(1), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SECCOMP_RET_ERRNO + 1, 1, 0), SET(2),
                 BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0)),
         2},
        {"greater or equal",
         COMPUTE(4, SET(1), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SECCOMP_RET_ERRNO + 1, 1, 0), SET(2),
                 BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0)),
         1},
        {"a bit is set",
         COMPUTE(4, SET(1), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0), SET(2), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0)), 1},
        {"no bit is set",
         COMPUTE(4, SET(1), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 1, 0), SET(2), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0)), 2},
    };

    FOR_CASES(row, rows)
    expect(in_child(computes, (void *)&row->program), row->status);
}

/* ---- inheritance ---- */

static int ask_child(void *arg)
{
    (void)arg;
    int r = sys_getppid();
    return r < 0 ? -r : 0;
}

static int filtered_parent(void *arg)
{
    (void)arg;
    answer(SECCOMP_RET_ERRNO | EXDEV);
    return in_child(ask_child, NULL);
}

CONFORM_PROGRAM(asker)
{
    return ask_child(NULL);
}

static int filtered_program(void *arg)
{
    (void)arg;
    answer(SECCOMP_RET_ERRNO | EXDEV);
    sys_execveat(AT_FDCWD, CONFORM_BIN "asker", (char *[]){"asker", NULL}, NULL, 0);
    return 99;
}

static int forbid_exec(void *arg)
{
    struct program program = {
        4, {LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1), RET(SECCOMP_RET_ERRNO | ENOTTY), ALLOW}};

    (void)arg;
    load(&program, 0);
    return -sys_execveat(AT_FDCWD, CONFORM_BIN "asker", (char *[]){"asker", NULL}, NULL, 0);
}

CONFORM_CASE(filters_are_inherited)
{
    expect(in_child(filtered_parent, NULL), EXDEV);
    expect(in_child(filtered_program, NULL), EXDEV);
    expect(in_child(forbid_exec, NULL), ENOTTY);
}

static int forbid_exit(void *arg)
{
    struct program program = {
        4, {LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1), RET(SECCOMP_RET_KILL_PROCESS), ALLOW}};

    (void)arg;
    load(&program, 0);
    sys_exit(0);
}

CONFORM_CASE(even_the_exit_can_be_forbidden)
{
    sys_prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
    expect(in_child(forbid_exit, NULL), -SIGSYS);
}
