/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "tests/check.h"

#define BIG (4 * 1024 * 1024)
#define BIT(n) (UINT64_C(1) << (n))

static struct oci_capabilities no_capabilities;

static void skip_without_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
}

/* ---- words to numbers ---- */

static void a_process_becomes_numbers(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(BIG);
    char *names[] = {"CAP_CHOWN", NULL};
    struct oci_capabilities capabilities = {.permitted = {.items = names, .n = 1}};
    struct oci_rlimit limit = {.type = "RLIMIT_CORE", .soft = 1, .hard = 2};
    uint32_t groups[] = {5, 4294967294, 0};
    struct oci_process process = {
        .user = {.uid = 1000, .gid = 1001, .umask = {true, 027}, .additional_gids = groups, .n_additional_gids = 3},
        .capabilities = &capabilities,
        .rlimits = &limit,
        .n_rlimits = 1,
        .no_new_privileges = true,
        .oom_score_adj = {true, -998},
    };
    struct oci_seccomp seccomp = {.default_action = "SCMP_ACT_ALLOW"};
    struct identity *identity;
    struct error err;

    assert_int_equal(identity_prepare(a, &process, &seccomp, &identity, &err), 0);
    assert_int_equal(identity->uid, 1000);
    assert_int_equal(identity->gid, 1001);
    assert_int_equal(identity->umask, 027);
    assert_int_equal(identity->n_groups, 3);
    groups[0] = 77; /* a copy was made */
    assert_int_equal(identity->groups[0], 5);
    assert_int_equal(identity->groups[1], 4294967294);
    assert_int_equal(identity->groups[2], 0);
    assert_int_equal(identity->caps.permitted, 1);
    assert_int_equal(identity->rlimits.n, 1);
    assert_int_equal(identity->rlimits.items[0].hard, 2);
    assert_true(identity->no_new_privileges);
    assert_true(identity->oom_score_adj.set);
    assert_int_equal(identity->oom_score_adj.value, -998);
    assert_true(identity->seccomp.filter.len > 0);
}

static void defaults_are_root_without_anything(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(BIG);
    struct oci_process process = {.capabilities = &no_capabilities};
    struct identity *identity;
    struct error err;

    assert_int_equal(identity_prepare(a, &process, NULL, &identity, &err), 0);
    assert_int_equal(identity->uid, 0);
    assert_int_equal(identity->umask, 022);
    assert_int_equal(identity->n_groups, 0);
    assert_int_equal(identity->rlimits.n, 0);
    assert_false(identity->no_new_privileges);
    assert_false(identity->oom_score_adj.set);
    assert_int_equal(identity->seccomp.filter.len, 0);
    assert_memory_equal(&identity->caps, (&(struct capability_sets){0}), sizeof(identity->caps));
}

static void bad_values_are_refused_with_field_and_value(void **state)
{
    (void)state;
    static uint32_t groups[] = {3, UINT32_MAX};
    static uint32_t many[65537];
    static char *fly[] = {"CAP_FLY", NULL};
    static struct oci_capabilities flying = {.ambient = {.items = fly, .n = 1}};
    static struct oci_rlimit limit = {.type = "RLIMIT_X"};
    static struct oci_seccomp seccomp = {.default_action = "SCMP_ACT_X"};
    const struct {
        struct oci_process process;
        const struct oci_seccomp *seccomp;
        enum status_code status;
        const char *text;
    } rows[] = {
        {{.capabilities = NULL}, NULL, STATUS_INTERNAL, "missing process capabilities"},
        {{.user = {.uid = UINT32_MAX}}, NULL, STATUS_INVALID_ARGUMENT, "process.user.uid: 4294967295 is not an id"},
        {{.user = {.gid = UINT32_MAX}}, NULL, STATUS_INVALID_ARGUMENT, "process.user.gid: 4294967295 is not an id"},
        {{.user = {.additional_gids = groups, .n_additional_gids = 2}},
         NULL,
         STATUS_INVALID_ARGUMENT,
         "process.user.additionalGids: 4294967295 is not an id"},
        {{.user = {.additional_gids = many, .n_additional_gids = 65537}},
         NULL,
         STATUS_INVALID_ARGUMENT,
         "process.user.additionalGids: 65537 groups, at most 65536 are possible"},
        {{.user = {.umask = {true, 01000}}}, NULL, STATUS_INVALID_ARGUMENT, "process.user.umask: 01000 is above 0777"},
        {{.oom_score_adj = {true, 1001}}, NULL, STATUS_INVALID_ARGUMENT, "process.oomScoreAdj: 1001 is not in -1000 to 1000"},
        {{.oom_score_adj = {true, -1001}}, NULL, STATUS_INVALID_ARGUMENT, "process.oomScoreAdj: -1001 is not in -1000 to 1000"},
        {{.capabilities = &flying},
         NULL,
         STATUS_INVALID_ARGUMENT,
         "process.capabilities.ambient: 'CAP_FLY' is not a capability"},
        {{.rlimits = &limit, .n_rlimits = 1},
         NULL,
         STATUS_INVALID_ARGUMENT,
         "process.rlimits: 'RLIMIT_X' is not a resource limit"},
        {{.n_rlimits = 0},
         &seccomp,
         STATUS_INVALID_ARGUMENT,
         "linux.seccomp.defaultAction: 'SCMP_ACT_X' is not a seccomp action"},
    };
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BIG);
        struct oci_process process = row->process;
        struct identity *identity = NULL;
        struct error err;
        if (!process.capabilities && row != rows)
            process.capabilities = &no_capabilities;
        check_int(row->text, identity_prepare(a, &process, row->seccomp, &identity, &err), -EINVAL);
        check_string(row->text, err.text, row->text);
        check_int(row->text, err.status, row->status);
        assert_null(identity);
    }
}

static void limits_of_the_ranges_are_accepted(void **state)
{
    (void)state;
    static uint32_t many[65536];
    const struct oci_process rows[] = {
        {.oom_score_adj = {true, 1000}},
        {.oom_score_adj = {true, -1000}},
        {.user = {.umask = {true, 0777}}},
        {.user = {.umask = {true, 0}}},
        {.user = {.additional_gids = many, .n_additional_gids = 65536}},
        {.user = {.uid = UINT32_MAX - 1, .gid = UINT32_MAX - 1}},
    };
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BIG);
        struct oci_process process = *row;
        struct identity *identity;
        struct error err = {.text = ""};
        process.capabilities = &no_capabilities;
        if (identity_prepare(a, &process, NULL, &identity, &err) < 0)
            fail_msg("row %td: %s", row - rows, err.text);
        check_int("umask", identity->umask, row->user.umask.set ? row->user.umask.value : 022);
    }
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    static uint32_t many[10000];
    struct oci_process process = {.capabilities = &no_capabilities,
                                  .user = {.additional_gids = many, .n_additional_gids = ARRAY_SIZE(many)}};
    static const size_t budgets[] = {1, 8192};
    FOR_ROWS (budget, budgets) {
        _arena_ struct arena *a = arena_new(*budget);
        struct identity *identity = NULL;
        struct error err;
        assert_true(identity_prepare(a, &process, NULL, &identity, &err) < 0);
        check_int("status", err.status, STATUS_RESOURCE_EXHAUSTED);
        assert_null(identity);
    }
}

/* ---- limits from outside ---- */

static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

static int limits_of_a_child(void *arg, FILE *out)
{
    struct identity *identity = arg;
    struct error err = {.text = ""};
    char path[64];
    struct rlimit core;
    int score = -1;

    pid_t pid = fork();
    if (pid == 0)
        sleep_for_ever();
    int r = identity_apply_limits(identity, pid, &err);
    prlimit(pid, RLIMIT_CORE, NULL, &core);
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%d", &score) != 1)
        return 9;
    fprintf(out, "%d %llu %s", score, (unsigned long long)core.rlim_cur, err.text);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -r;
}

static int without_a_procfs(void *arg, FILE *out)
{
    struct error err;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) < 0)
        return 9;
    int r = identity_apply_limits(arg, 1, &err);
    fputs(err.text, out);
    return -r;
}

static int without_oom_file(void *arg, FILE *out)
{
    struct error err;

    int r = identity_apply_limits(arg, 0x7ffffff0, &err);
    fputs(err.text, out);
    return -r;
}

/* The file of the score is replaced by another one (CVE-2025-52881): nothing is written there. */
static int with_a_mounted_oom_file(void *arg, FILE *out)
{
    char path[64];
    struct error err;

    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", getpid());
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("/proc/sys/kernel/hostname", path, NULL, MS_BIND, NULL) < 0)
        return 9;
    int r = identity_apply_limits(arg, getpid(), &err);
    fputs(err.text, out);
    return -r;
}

static int with_fault_before_limits(void *arg, FILE *out)
{
    struct error err;

    forked_break(*(long *)arg, EIO);
    int r = identity_apply_limits(&(struct identity){.oom_score_adj = {true, 7}}, getpid(), &err);
    fputs(err.text, out);
    return -r;
}

static void limits_reach_the_process_with_that_pid(void **state)
{
    (void)state;
    struct identity identity = {.oom_score_adj = {true, 555},
                                .rlimits = {.n = 1, .items = {{.resource = RLIMIT_CORE, .soft = 12, .hard = 13}}}};
    struct identity unset = {.rlimits = {.n = 1, .items = {{.resource = RLIMIT_CORE, .soft = 14, .hard = 15}}}};
    char want[64] = "";
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    int own;

    assert_int_equal(fscanf(file, "%d", &own), 1);
    fclose(file);
    check_string("both", forked_run(limits_of_a_child, &identity).text, "555 12 ");
    snprintf(want, sizeof(want), "%d 14 ", own);
    check_string("score not set", forked_run(limits_of_a_child, &unset).text, want);
}

static void refused_limits_are_reported(void **state)
{
    (void)state;
    skip_without_root();
    struct identity identity = {.oom_score_adj = {true, 556}};
    static const struct {
        const char *label;
        int (*fn)(void *arg, FILE *out);
        const char *text;
        int status;
    } rows[] = {
        {"not a procfs", without_a_procfs, "/proc is not a procfs", EINVAL},
        {"no such process", without_oom_file, "set oom_score_adj to 556: ENOENT: No such file or directory", ENOENT},
        {"mounted over", with_a_mounted_oom_file, "set oom_score_adj to 556: EXDEV: Invalid cross-device link", EXDEV},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(row->fn, &identity);
        check_string(row->label, got.text, row->text);
        check_int(row->label, got.status, row->status);
    }

    static const struct {
        long nr;
        const char *text;
    } faults[] = {
        {SYS_openat, "open /proc: EIO: Input/output error"},
        {SYS_fstatfs, "look at /proc: EIO: Input/output error"},
        {SYS_openat2, "set oom_score_adj to 7: EIO: Input/output error"},
    };
    FOR_ROWS (fault, faults)
        check_string(fault->text, forked_run(with_fault_before_limits, (void *)&fault->nr).text, fault->text);
}

/* ---- identity of a child ---- */

/* A child must not give away the descriptors of the test run. */
static void take_own_stdio(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        int own = memfd_create("stdio", MFD_CLOEXEC);
        if (own < 0 || dup2(own, fd) < 0)
            abort();
        close(own);
    }
}

static void describe(FILE *out)
{
    static const char *const keys[] = {"Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp"};
    FOR_ROWS (key, keys) {
        forked_status_line(*key, out);
        fputc('|', out);
    }
    fprintf(out, "%03o %ld", umask(0), (long)prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
}

static int become(void *arg, FILE *out)
{
    const struct identity *identity = arg;
    struct error err;

    take_own_stdio();
    if (setgroups(2, (gid_t[]){0, 99}) < 0)
        return 9;
    if (identity_apply(identity, &err) < 0) {
        fputs(err.text, out);
        return 1;
    }
    describe(out);
    return 0;
}

static int become_and_seal(void *arg, FILE *out)
{
    struct error err;
    int r = become(arg, out);

    if (r == 0)
        r = identity_seal(arg, &err);
    fputs(" ", out);
    forked_status_line("Seccomp", out);
    return r < 0 ? -r : r;
}

static struct sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, 0x7fff0000)};

static void the_child_is_exactly_who_the_spec_says(void **state)
{
    (void)state;
    skip_without_root();
    static const uint32_t groups[] = {5, 7, 4000000000};
    const struct seccomp_program filter = {.filter = {.len = 1, .filter = allow_all}};
    const struct {
        const char *label;
        struct identity identity;
        const char *want;
    } rows[] = {
        {"root keeps no group of the agent (CVE-2022-36109)", {.umask = 022}, "0 0 0 0 |0 0 0 0 | |0 |0 |022 0 0 "},
        {"a user with groups, exactly these",
         {.uid = 1000, .gid = 2000, .groups = groups, .n_groups = 3, .umask = 077},
         "1000 1000 1000 1000 |2000 2000 2000 2000 |5 7 4000000000  |0 |0 |077 0 0 "},
        {"largest ids",
         {.uid = 4294967294, .gid = 4294967294, .umask = 0},
         "4294967294 4294967294 4294967294 4294967294 |4294967294 4294967294 4294967294 4294967294 | |0 |0 |000 0 0 "},
        {"no_new_privs: the filter comes with the seal",
         {.uid = 1, .gid = 1, .no_new_privileges = true, .seccomp = filter, .umask = 022},
         "1 1 1 1 |1 1 1 1 | |1 |0 |022 0 2 "},
        {"without: before capabilities go",
         {.uid = 1, .gid = 1, .seccomp = filter, .umask = 022},
         "1 1 1 1 |1 1 1 1 | |0 |2 |022 0 2 "},
        {"no_new_privs without a filter", {.no_new_privileges = true, .umask = 022}, "0 0 0 0 |0 0 0 0 | |1 |0 |022 0 0 "},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(become_and_seal, (void *)&row->identity);
        check_string(row->label, got.text, row->want);
        check_int(row->label, got.status, 0);
    }
}

static int become_with_capabilities(void *arg, FILE *out)
{
    static const char *const keys[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    struct error err;

    take_own_stdio();
    if (identity_apply(arg, &err) < 0) {
        fputs(err.text, out);
        return 1;
    }
    FOR_ROWS (key, keys)
        forked_status_line(*key, out);
    return 0;
}

static void capabilities_survive_the_change_of_user(void **state)
{
    (void)state;
    skip_without_root();
    const struct {
        const char *label;
        struct identity identity;
        const char *want;
    } rows[] = {
        {"a user keeps what is listed",
         {.uid = 1000,
          .gid = 1000,
          .caps = {.bounding = 0x21, .effective = 0x1, .permitted = 0x21, .inheritable = 0x20, .ambient = 0x20}},
         "0000000000000020 0000000000000021 0000000000000001 0000000000000021 0000000000000020 "},
        {"a user with empty lists has nothing",
         {.uid = 1000, .gid = 1000, .caps = {.bounding = 0x21}},
         "0000000000000000 0000000000000000 0000000000000000 0000000000000021 0000000000000000 "},
        {"root has what is listed and no more",
         {.caps = {.bounding = 0x3, .effective = 0x2, .permitted = 0x2}},
         "0000000000000000 0000000000000002 0000000000000002 0000000000000003 0000000000000000 "},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(become_with_capabilities, (void *)&row->identity);
        check_string(row->label, got.text, row->want);
        check_int(row->label, got.status, 0);
    }
}

/* ---- stdio ---- */

/* Descriptors 0 to 2 become the paths of arg; writes their owners after identity_apply(). */
static int owners_afterwards(void *arg, FILE *out)
{
    char **paths = arg;
    struct identity identity = {.uid = 1234, .gid = 1234};
    struct error err;
    struct stat st;

    for (int fd = 0; fd <= 2; fd++) {
        int opened = open(paths[fd], O_RDWR | O_CLOEXEC);
        if (opened < 0 || dup2(opened, fd) < 0)
            return 9;
    }
    int r = identity_apply(&identity, &err);
    for (int fd = 0; fd <= 2; fd++) {
        fstat(fd, &st);
        fprintf(out, "%u:%u ", st.st_uid, st.st_gid);
    }
    return -r;
}

static void stdio_belongs_to_the_user(void **state)
{
    (void)state;
    skip_without_root();
    char dir[] = "/tmp/tatami-XXXXXX";
    char file[64], zero[64], null[64];
    struct stat st;

    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/file", dir);
    snprintf(zero, sizeof(zero), "%s/zero", dir);
    snprintf(null, sizeof(null), "%s/null", dir);
    assert_int_equal(mknod(file, S_IFREG | 0600, 0), 0);
    assert_int_equal(mknod(null, S_IFCHR | 0666, 1 << 8 | 3), 0);
    assert_int_equal(mknod(zero, S_IFCHR | 0666, 1 << 8 | 5), 0);
    assert_int_equal(chown(file, 0, 42), 0);

    struct forked got = forked_run(owners_afterwards, (char *[]){file, null, zero});
    check_string("file, null device, other device", got.text, "1234:42 0:0 1234:0 ");
    check_int("result", got.status, 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_uid, 1234);

    unlink(file);
    unlink(zero);
    unlink(null);
    assert_int_equal(rmdir(dir), 0);
}

static void stdio_of_root_stays_as_it_is(void **state)
{
    (void)state;
    skip_without_root();
    struct identity identity = {.uid = 0};
    struct stat before;
    struct stat after;

    fstat(1, &before);
    assert_int_equal(forked_run(become, &identity).status, 0);
    fstat(1, &after);
    assert_int_equal(before.st_uid, after.st_uid);
}

/* ---- refusals ---- */

struct fault {
    const char *label;
    struct identity identity;
    long nr;
    int arg; /* -1: any call */
    uint32_t value;
    int errnum;
    const char *text; /* "": goes on */
};

static int become_with_fault(void *arg, FILE *out)
{
    struct fault *fault = arg;
    struct error err = {.text = ""};

    take_own_stdio();
    if (fault->arg < 0)
        forked_break(fault->nr, fault->errnum);
    else
        forked_break_arg(fault->nr, fault->arg, fault->value, fault->errnum);
    int r = identity_apply(&fault->identity, &err);
    fputs(err.text, out);
    return r < 0;
}

static void each_refusal_of_the_kernel_is_reported(void **state)
{
    (void)state;
    skip_without_root();
    static const uint32_t groups[] = {5, 6};
    const struct seccomp_program filter = {.filter = {.len = 1, .filter = allow_all}};
    const struct fault rows[] = {
        {"stdio cannot be seen", {.uid = 1}, SYS_newfstatat, 0, 2, EBADF, "look at descriptor 2: EBADF: Bad file descriptor"},
        {"stdio cannot be given", {.uid = 5}, SYS_fchown, -1, 0, EIO, "give descriptor 0 to user 5: EIO: Input/output error"},
        {"owner of stdio has no id here", {.uid = 1}, SYS_fchown, -1, 0, EPERM, ""},
        {"stdio is read-only", {.uid = 1}, SYS_fchown, -1, 0, EROFS, ""},
        {"groups",
         {.groups = groups, .n_groups = 2},
         SYS_setgroups,
         -1,
         0,
         EPERM,
         "set 2 supplementary groups: EPERM: Operation not permitted"},
        {"no groups to set and no way to", {.uid = 0}, SYS_setgroups, -1, 0, EPERM, ""},
        {"no groups, other error",
         {.uid = 0},
         SYS_setgroups,
         -1,
         0,
         ENOMEM,
         "set 0 supplementary groups: ENOMEM: Cannot allocate memory"},
        {"keepcaps", {.uid = 0}, SYS_prctl, 1, 1, EPERM, "keep capabilities: EPERM: Operation not permitted"},
        {"gid", {.gid = 8}, SYS_setresgid, -1, 0, EINVAL, "set group id 8: EINVAL: Invalid argument"},
        {"uid", {.uid = 9}, SYS_setresuid, -1, 0, EINVAL, "set user id 9: EINVAL: Invalid argument"},
        {"keepcaps off", {.uid = 0}, SYS_prctl, 0, PR_SET_KEEPCAPS, EPERM, "keep capabilities: EPERM: Operation not permitted"},
        {"no_new_privs",
         {.no_new_privileges = true},
         SYS_prctl,
         0,
         PR_SET_NO_NEW_PRIVS,
         EINVAL,
         "set no_new_privs: EINVAL: Invalid argument"},
        {"capabilities", {.uid = 0}, SYS_capget, -1, 0, EPERM, "read capability sets: EPERM: Operation not permitted"},
        {"filter", {.seccomp = filter}, SYS_seccomp, -1, 0, EINVAL, "load the seccomp filter: EINVAL: Invalid argument"},
    };
    FOR_ROWS (row, rows) {
        struct fault fault = *row;
        struct forked got = forked_run(become_with_fault, &fault);
        check_string(row->label, got.text, row->text);
        check_int(row->label, got.status, row->text[0] != '\0');
    }
}

static int keep_for_ever(void *arg, FILE *out)
{
    struct error err = {.text = ""};

    (void)arg;
    /* PR_SET_KEEPCAPS with 0 alone. */
    struct identity identity = {.uid = 0};
    forked_break_arg(SYS_prctl, 1, 0, EPERM);
    int r = identity_apply(&identity, &err);
    fputs(err.text, out);
    return -r;
}

static void keepcaps_that_stays_is_an_error(void **state)
{
    (void)state;
    skip_without_root();
    struct forked got = forked_run(keep_for_ever, NULL);
    check_string("text", got.text, "stop keeping capabilities: EPERM: Operation not permitted");
    check_int("result", got.status, EPERM);
}

static int seal_refused(void *arg, FILE *out)
{
    struct identity identity = {.no_new_privileges = true, .seccomp = {.filter = {.len = 1, .filter = allow_all}}};
    struct error err = {.text = ""};

    (void)arg;
    forked_break(SYS_seccomp, EACCES);
    int r = identity_seal(&identity, &err);
    fputs(err.text, out);
    identity.no_new_privileges = false;
    return r == -EACCES && identity_seal(&identity, &err) == 0 ? 0 : 1;
}

static void a_refused_seal_is_an_error(void **state)
{
    (void)state;
    struct forked got = forked_run(seal_refused, NULL);
    check_string("text", got.text, "load the seccomp filter: EACCES: Permission denied");
    check_int("only with no_new_privs", got.status, 0);
}

static int become_in_user_namespace(void *arg, FILE *out)
{
    static const char *const writes[][2] = {
        {"/proc/self/setgroups", "deny"}, {"/proc/self/uid_map", "0 0 1"}, {"/proc/self/gid_map", "0 0 1"}};

    if (unshare(CLONE_NEWUSER) < 0)
        return 9;
    FOR_ROWS (row, writes) {
        FILE *file = fopen((*row)[0], "we");
        if (!file || fputs((*row)[1], file) < 0 || fclose(file) != 0)
            return 8;
    }
    struct identity identity = {.caps = {.bounding = 1, .permitted = 1, .effective = 1}};
    struct error err = {.text = ""};
    int r = identity_apply(&identity, &err);
    fputs(err.text, out);
    forked_status_line("CapEff", out);
    (void)arg;
    return -r;
}

static void setgroups_may_be_denied_when_there_are_none(void **state)
{
    (void)state;
    skip_without_root();
    struct forked got = forked_run(become_in_user_namespace, NULL);
    check_string("text", got.text, "0000000000000001 ");
    check_int("result", got.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_becomes_numbers),
        cmocka_unit_test(defaults_are_root_without_anything),
        cmocka_unit_test(bad_values_are_refused_with_field_and_value),
        cmocka_unit_test(limits_of_the_ranges_are_accepted),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(limits_reach_the_process_with_that_pid),
        cmocka_unit_test(refused_limits_are_reported),
        cmocka_unit_test(the_child_is_exactly_who_the_spec_says),
        cmocka_unit_test(capabilities_survive_the_change_of_user),
        cmocka_unit_test(stdio_belongs_to_the_user),
        cmocka_unit_test(stdio_of_root_stays_as_it_is),
        cmocka_unit_test(each_refusal_of_the_kernel_is_reported),
        cmocka_unit_test(keepcaps_that_stays_is_an_error),
        cmocka_unit_test(a_refused_seal_is_an_error),
        cmocka_unit_test(setgroups_may_be_denied_when_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
