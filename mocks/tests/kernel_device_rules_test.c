/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: the programs that lib/cgroup makes of a spec's rules, judged by the kernel; and what the kernel wants of a
 * program. */
#include <linux/bpf.h>
#include <sys/sysmacros.h>

#include "cgroup/device_program.h"
#include "lib/tests/device_rules.h"
#include "mocks/tests/conform.h"

#define GROUP "/tmp/cgroup/rules"
#define NODE "/tmp/dev/node"
#define ALLOW true
#define DENY false
struct question {
    char type; /* of a node that no driver serves: an open that the rules allow fails with ENXIO */
    unsigned int major, minor;
    int flags;
    bool allowed;
};

struct row {
    const char *label;
    struct oci_device_rule rules[6];
    struct question questions[6];
};

/* clang-format off */
static const struct row rows[] = {
    {"nothing but the defaults", {ALL(DENY)},
     {{'c', 1, 98, O_RDONLY, false}, {'b', 259, 98, O_RDWR, false}, {'c', 1, 3, O_RDWR, true}, {'c', 5, 0, O_RDONLY, true}}},
    {"all", {ALL(DENY), ALL(ALLOW)}, {{'c', 1, 98, O_RDWR, true}, {'b', 259, 98, O_RDWR, true}}},
    {"none after all", {ALL(ALLOW), ALL(DENY)}, {{'c', 1, 98, O_RDONLY, false}, {'c', 1, 5, O_RDONLY, true}}},
    {"one device", {ALL(DENY), RULE(ALLOW, 'c', N(1), N(98), "rw")},
     {{'c', 1, 98, O_RDWR, true}, {'b', 1, 98, O_RDONLY, false}, {'c', 1, 97, O_RDONLY, false}, {'c', 11, 98, O_RDONLY, false}}},
    {"a type", {ALL(DENY), RULE(ALLOW, 'b', ANY, ANY, "r")},
     {{'b', 259, 98, O_RDONLY, true}, {'b', 259, 98, O_WRONLY, false}, {'b', 259, 98, O_RDWR, false}, {'c', 1, 98, O_RDONLY, false}}},
    {"a major number", {ALL(DENY), RULE(ALLOW, 'c', N(1), ANY, "rwm")},
     {{'c', 1, 98, O_RDWR, true}, {'c', 1, 200, O_RDWR, true}, {'c', 11, 98, O_RDONLY, false}}},
    {"a minor number", {ALL(DENY), RULE(ALLOW, 'c', ANY, N(98), "rwm")},
     {{'c', 1, 98, O_RDWR, true}, {'c', 11, 98, O_RDWR, true}, {'c', 1, 97, O_RDONLY, false}}},
    {"minus one is any number", {ALL(DENY), RULE(ALLOW, 'c', N(1), N(-1), "rwm")}, {{'c', 1, 98, O_RDWR, true}}},
    {"zero is a number", {ALL(DENY), RULE(ALLOW, 'c', N(11), N(0), "rwm")},
     {{'c', 11, 0, O_RDWR, true}, {'c', 11, 1, O_RDWR, false}}},
    {"no access named is all", {ALL(DENY), RULE(ALLOW, 'c', N(1), N(98), NULL)}, {{'c', 1, 98, O_RDWR, true}}},
    {"two rules make one access", {ALL(DENY), RULE(ALLOW, 'c', N(1), N(98), "r"), RULE(ALLOW, 'c', N(1), N(98), "w")},
     {{'c', 1, 98, O_RDONLY, true}, {'c', 1, 98, O_WRONLY, true}, {'c', 1, 98, O_RDWR, true}}},
    {"a part is taken back", {ALL(DENY), RULE(ALLOW, 'c', N(1), ANY, "rw"), RULE(DENY, 'c', N(1), N(98), "w")},
     {{'c', 1, 98, O_RDONLY, true}, {'c', 1, 98, O_WRONLY, false}, {'c', 1, 98, O_RDWR, false}, {'c', 1, 97, O_RDWR, true}}},
    {"the last rule counts", {ALL(DENY), RULE(DENY, 'c', N(1), N(98), "rw"), RULE(ALLOW, 'c', N(1), N(98), "rw")},
     {{'c', 1, 98, O_RDWR, true}}},
    {"defaults are not taken back", {ALL(ALLOW), RULE(DENY, 'c', N(1), ANY, "rw")},
     {{'c', 1, 3, O_RDWR, true}, {'c', 1, 98, O_RDONLY, false}, {'c', 11, 98, O_RDWR, true}}},
    {"without a rule for all nothing else is allowed", {RULE(ALLOW, 'c', N(11), ANY, "rw")},
     {{'c', 11, 98, O_RDWR, true}, {'c', 1, 98, O_RDONLY, false}}},
};
/* clang-format on */

static void make_group(void)
{
    sys_mkdirat(AT_FDCWD, "/tmp/cgroup", 0755);
    if (sys_mount("cgroup2", "/tmp/cgroup", "cgroup2", 0, NULL) < 0)
        conform_not_runnable("no cgroup version 2");
    expect(sys_mkdirat(AT_FDCWD, GROUP, 0755), 0);
    sys_mkdirat(AT_FDCWD, "/tmp/dev", 0755);
    expect(sys_mount("nodes", "/tmp/dev", "tmpfs", 0, NULL), 0); /* one whose nodes are devices */
}

static int open_group(void)
{
    return sys_openat(AT_FDCWD, GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

static void remove_group(void)
{
    expect(sys_unlinkat(AT_FDCWD, GROUP, AT_REMOVEDIR), 0);
}

static int build_and_load(const struct oci_device_rule *rules, size_t n)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct device_program program;
    struct error err;

    int r = device_program_build(a, rules, n, &program, &err);
    return r < 0 ? r : sys_bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, program.code, program.n, "Apache-2.0");
}

static int in_group(int (*fn)(void *arg), const void *arg)
{
    int group = open_group(), pidfd = -1;
    struct sys_spawn args = {.cgroup_fd = group, .ret_pidfd = &pidfd};

    int pid = sys_spawn(&args, fn, (void *)(uintptr_t)arg);
    sys_close(group);
    sys_close(pidfd);
    return pid < 0 ? pid : collect(pid);
}

/* The errno of an open. */
static int ask(void *arg)
{
    const struct question *question = arg;
    mode_t type = question->type == 'b' ? S_IFBLK : S_IFCHR;

    if (sys_mknodat(AT_FDCWD, NODE, type | 0666, makedev(question->major, question->minor)) < 0)
        return 99;
    int fd = sys_openat(AT_FDCWD, NODE, question->flags | O_NONBLOCK | O_NOCTTY, 0);
    sys_unlinkat(AT_FDCWD, NODE, 0);
    return fd < 0 ? -fd : 0;
}

static size_t count(const struct oci_device_rule *rules)
{
    size_t n = 0;

    while (n < 6 && rules[n].type)
        n++;
    return n;
}

CONFORM_CASE(rules_of_a_spec_decide)
{
    make_group();
    int old = -1;
    FOR_CASES(row, rows)
    {
        int group = open_group(), fd = build_and_load(row->rules, count(row->rules));
        unsigned int flags = BPF_F_ALLOW_MULTI | (old >= 0 ? BPF_F_REPLACE : 0);
        if (fd == -EPERM && !conform_is_mock())
            conform_not_runnable("no programs may be loaded");
        expect_true(fd >= 0);
        expect(sys_bpf_attach(group, fd, BPF_CGROUP_DEVICE, flags, old), 0);
        for (size_t i = 0; i < 6 && row->questions[i].type; i++) {
            int answer = in_group(ask, &row->questions[i]);
            if (!expect(answer != EPERM, row->questions[i].allowed) || answer == 99)
                printf("    question %zu: %d\n", i, answer);
        }
        if (old >= 0)
            sys_close(old);
        old = fd;
        sys_close(group);
    }
    remove_group();
}

/* ---- the kernel's side ---- */

#define INSN(code_, dst, src, off_, imm_)                                                                                      \
    {                                                                                                                          \
        .code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_)                                      \
    }
#define ANSWER(value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LOAD(offset) INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offset, 0)

static int load(const struct bpf_insn *code, size_t n)
{
    return sys_bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, code, n, "Apache-2.0");
}

static int load_answer(int value)
{
    const struct bpf_insn code[] = {ANSWER(value), EXIT};

    int fd = load(code, 2);
    if (fd == -EPERM && !conform_is_mock())
        conform_not_runnable("no programs may be loaded");
    return fd;
}

CONFORM_CASE(programs_that_are_refused)
{
    static const struct {
        const char *label;
        struct bpf_insn code[5];
        size_t n;
        int result;
    } programs[] = {
        {"fine", {LOAD(8), ANSWER(1), EXIT}, 3, 0},
        {"empty", {EXIT}, 0, -E2BIG},
        {"no answer", {EXIT}, 1, -EACCES},
        {"no end", {ANSWER(1)}, 1, -EINVAL},
        {"an answer that is none", {ANSWER(2), EXIT}, 2, -EINVAL},
        {"a load behind the context", {LOAD(12), ANSWER(1), EXIT}, 3, -EACCES},
        {"a jump behind the end", {ANSWER(1), INSN(BPF_JMP | BPF_JA, 0, 0, 1, 0), EXIT}, 3, -EINVAL},
        {"an instruction that is not reached", {ANSWER(1), EXIT, ANSWER(0), EXIT}, 4, -EINVAL},
        {"a register that was not written", {INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 3, 0, 0), ANSWER(1), EXIT}, 3, -EACCES},
        {"an answer on one way only", {LOAD(0), INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 1, 5), ANSWER(1), EXIT}, 4, -EACCES},
    };

    FOR_CASES(row, programs)
    {
        int fd = load(row->code, row->n);
        if (fd == -EPERM && !conform_is_mock())
            conform_not_runnable("no programs may be loaded");
        expect(fd < 0 ? fd : 0, row->result);
        if (fd >= 0)
            expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
        sys_close(fd);
    }
}

CONFORM_CASE(what_may_be_attached_where)
{
    int yes = load_answer(1), no = load_answer(0), null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);

    make_group();
    int group = open_group(), file = sys_openat(AT_FDCWD, GROUP "/cgroup.procs", O_RDONLY, 0);
    expect(sys_bpf_attach(group, null, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), -EINVAL);
    expect(sys_bpf_attach(group, 99, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), -EBADF);
    expect(sys_bpf_attach(null, yes, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), -EBADF);
    expect(sys_bpf_attach(file, yes, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), -EBADF);
    expect(sys_bpf_attach(99, yes, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), -EBADF);
    expect(sys_bpf_attach(group, yes, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), 0);
    expect(sys_bpf_attach(group, yes, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), -EINVAL);
    expect(sys_bpf_attach(group, no, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, no), -ENOENT);
    expect(sys_bpf_attach(group, no, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, null), -EINVAL);
    expect(sys_bpf_attach(group, no, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, yes), 0);
    expect(in_group(ask, &(struct question){'c', 1, 3, O_RDONLY, false}), 99); /* not even mknod */
    sys_close(file);
    sys_close(group);
    remove_group();
}

static int open_null(void *arg)
{
    int fd = sys_openat(AT_FDCWD, "/dev/null", (int)(intptr_t)arg, 0);
    return fd < 0 ? -fd : 0;
}

CONFORM_CASE(all_programs_above_must_agree)
{
    int yes = load_answer(1), no = load_answer(0);

    make_group();
    int group = open_group();
    expect(sys_bpf_attach(group, no, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), 0);
    expect(sys_bpf_attach(group, yes, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, -1), 0);
    sys_close(no);
    sys_close(yes);
    expect(in_group(open_null, (void *)(intptr_t)O_RDONLY), EPERM);
    expect(in_group(open_null, (void *)(intptr_t)O_PATH), 0);
    sys_mkdirat(AT_FDCWD, GROUP "/below", 0755);
    int below = sys_openat(AT_FDCWD, GROUP "/below", O_RDONLY | O_DIRECTORY, 0);
    int pid = sys_spawn(&(struct sys_spawn){.cgroup_fd = below}, open_null, (void *)(intptr_t)O_RDONLY);
    expect(collect(pid), EPERM);
    expect(open_null((void *)(intptr_t)O_RDONLY), 0);
    sys_close(below);
    sys_close(group);
    sys_unlinkat(AT_FDCWD, GROUP "/below", AT_REMOVEDIR);
    remove_group();
}

static int load_as_user(void *arg)
{
    const struct bpf_insn code[] = {ANSWER(1), EXIT};
    (void)arg;

    sys_setresuid(5, 5, 5);
    return -load(code, 2);
}

CONFORM_CASE(loading_takes_a_privilege)
{
    expect(in_child(load_as_user, NULL), EPERM);
}
