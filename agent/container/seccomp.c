/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/seccomp.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "agent/container/seccomp_newer.h"
#include "base/macros.h"
#include "sys/sys.h"

#define ARGUMENTS_MAX 6
#define ERRNO_MAX 4094   /* the kernel cuts what is above 4095, the library refuses that too */
#define TRACE_MAX 0xffff /* SECCOMP_RET_DATA */

/* Level 4 knows every action that is allowed here. Setting it keeps the library from probing the kernel. */
#define LIBRARY_API_LEVEL 4

struct action_word {
    const char *word;
    uint32_t action;
    uint32_t data_max; /* above 0: takes errnoRet up to this value */
};

static const struct action_word actions[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, 0},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, 0},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, 0},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP, 0},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), ERRNO_MAX},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), TRACE_MAX},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG, 0},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, 0},
};

static const struct {
    const char *word;
    enum scmp_compare op;
} operators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const struct {
    const char *word;
    unsigned int flag;
} flags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    /* Only says how a listener is waited for. There is none, and the kernel refuses the bit without one. */
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0},
};

/* One rule of the profile on its way into the library. */
struct rule {
    uint32_t action;
    struct scmp_arg_cmp args[ARGUMENTS_MAX];
    unsigned int n_args;
    bool any; /* each condition is a rule of its own */
};

static int action_parse(const char *field, const char *word, const struct opt_u64 *errno_ret, uint32_t *ret_action,
                        struct error *err)
{
    uint64_t data = errno_ret->set ? errno_ret->value : 0;

    if (strcmp(word, "SCMP_ACT_NOTIFY") == 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s: SCMP_ACT_NOTIFY needs a listener and there is none", field);

    FOR_ROWS (row, actions) {
        if (strcmp(row->word, word) != 0)
            continue;
        if (data > row->data_max)
            return error_status(err, STATUS_INVALID_ARGUMENT, "%s: errnoRet %" PRIu64 " does not fit %s (at most %" PRIu32 ")",
                                field, data, word, row->data_max);
        /* The wire cannot tell 0 from absent, and an errno of 0 would be a success without effect. */
        *ret_action = row->data_max ? row->action | (uint32_t)(data ?: EPERM) : row->action;
        return 0;
    }
    return error_status(err, STATUS_INVALID_ARGUMENT, "%s: '%s' is not a seccomp action", field, word);
}

static int arg_parse(const struct oci_seccomp_arg *arg, struct scmp_arg_cmp *ret_cmp, struct error *err)
{
    if (arg->index >= ARGUMENTS_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp.syscalls.args: index %" PRIu64 " is above %d",
                            arg->index, ARGUMENTS_MAX - 1);

    FOR_ROWS (row, operators) {
        if (strcmp(row->word, arg->op ?: "") != 0)
            continue;
        *ret_cmp = (struct scmp_arg_cmp){
            .arg = (unsigned int)arg->index, .op = row->op, .datum_a = arg->value, .datum_b = arg->value_two};
        return 0;
    }
    return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp.syscalls.args: '%s' is not an operator", arg->op ?: "");
}

static int flags_parse(const struct strlist *words, unsigned int *ret_flags, struct error *err)
{
    unsigned int result = 0;

    for (size_t i = 0; i < words->n; i++) {
        bool known = false;
        FOR_ROWS (row, flags) {
            if (strcmp(row->word, words->items[i]) == 0) {
                known = true;
                result |= row->flag;
            }
        }
        if (!known)
            return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp.flags: '%s' is not a seccomp flag",
                                words->items[i]);
    }
    *ret_flags = result;
    return 0;
}

/* The library's name is the lower-case part behind the prefix; 0 when it does not know it. */
static uint32_t architecture_parse(const char *word)
{
    static const char prefix[] = "SCMP_ARCH_";
    char name[32];
    size_t len = strlen(word);

    if (strncmp(word, prefix, strlen(prefix)) != 0 || len - strlen(prefix) >= sizeof(name))
        return 0;
    size_t i = 0;
    for (const char *p = word + strlen(prefix); *p; p++) {
        if (islower((unsigned char)*p))
            return 0;
        name[i++] = (char)tolower((unsigned char)*p);
    }
    name[i] = '\0';
    return seccomp_arch_resolve_name(name);
}

static int add_architectures(scmp_filter_ctx ctx, const struct strlist *words, struct error *err)
{
    for (size_t i = 0; i < words->n; i++) {
        uint32_t token = architecture_parse(words->items[i]);
        if (!token)
            return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp.architectures: '%s' is not an architecture",
                                words->items[i]);
        int r = seccomp_arch_add(ctx, token);
        if (r == -EDOM)
            return error_status(err, STATUS_INVALID_ARGUMENT,
                                "linux.seccomp.architectures: '%s' has another byte order than this machine", words->items[i]);
        if (r < 0 && r != -EEXIST)
            return error_set(err, r, "add seccomp architecture '%s'", words->items[i]);
    }
    return 0;
}

static int rule_parse(const struct oci_seccomp_rule *source, struct rule *ret_rule, struct error *err)
{
    static const char field[] = "linux.seccomp.syscalls";
    struct rule rule = {.n_args = 0};
    unsigned int seen = 0;

    if (source->names.n == 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s: syscall name is required", field);
    int r = action_parse(field, source->action ?: "", &source->errno_ret, &rule.action, err);
    if (r < 0)
        return r;
    if (source->n_args > ARGUMENTS_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s: rule of '%s' has %zu conditions, at most %d fit", field,
                            source->names.items[0], source->n_args, ARGUMENTS_MAX);

    for (size_t i = 0; i < source->n_args; i++) {
        struct scmp_arg_cmp *cmp = &rule.args[rule.n_args++];
        r = arg_parse(&source->args[i], cmp, err);
        if (r < 0)
            return r;
        rule.any |= seen >> cmp->arg & 1;
        seen |= 1U << cmp->arg;
    }
    *ret_rule = rule;
    return 0;
}

static int add_name(scmp_filter_ctx ctx, const char *name, const struct rule *rule, struct error *err)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;

    unsigned int step = rule->any ? 1 : rule->n_args;
    unsigned int done = 0;
    int r;
    do {
        r = seccomp_rule_add_array(ctx, rule->action, number, step, rule->args + done);
        done += step;
    } while (r == 0 && done < rule->n_args);

    if (r == -EEXIST)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp.syscalls: rule of '%s' contradicts an earlier one",
                            name);
    if (r < 0)
        return error_set(err, r, "add seccomp rule of '%s'", name);
    return 0;
}

static int add_rules(scmp_filter_ctx ctx, uint32_t default_action, const struct oci_seccomp *profile, struct error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < profile->n_rules; i++) {
        const struct oci_seccomp_rule *source = &profile->rules[i];
        struct rule rule;
        int r = rule_parse(source, &rule, err);
        if (r < 0)
            return r;
        n += source->names.n * (rule.any ? rule.n_args : 1);
        if (n > SECCOMP_RULES_MAX)
            return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp.syscalls: more than %d rules", SECCOMP_RULES_MAX);
        if (rule.action == default_action)
            continue;
        for (size_t k = 0; k < source->names.n && r == 0; k++)
            r = add_name(ctx, source->names.items[k], &rule, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int export_to(int fd, void *ctx)
{
    return seccomp_export_bpf(ctx, fd);
}

/* The program behind the instructions that come before it. */
static int export_program(struct arena *a, scmp_filter_ctx ctx, const struct sock_filter *before, size_t n_before,
                          struct sock_fprog *ret_filter, struct error *err)
{
    /* As long as the kernel takes; the arena gets the part that is used. */
    struct sock_filter *instructions = malloc(BPF_MAXINSNS * sizeof(*instructions));
    if (!instructions)
        abort();
    memcpy(instructions, before, n_before * sizeof(*before));
    ssize_t len = sys_capture(export_to, ctx, instructions + n_before, (BPF_MAXINSNS - n_before) * sizeof(*instructions));
    size_t n = len > 0 ? n_before + (size_t)len / sizeof(*instructions) : 0;
    struct sock_filter *copy = n > 0 ? arena_memdup(a, instructions, n * sizeof(*instructions)) : NULL;
    free(instructions);

    if (len == -EMSGSIZE)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.seccomp: the program has more than %d instructions",
                            BPF_MAXINSNS);
    if (len < 0)
        return error_set(err, (int)len, "export seccomp program");
    if (!copy)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the seccomp program");
    *ret_filter = (struct sock_fprog){.len = (unsigned short)n, .filter = copy};
    return 0;
}

static const struct opt_u64 *default_errno(const struct oci_seccomp *profile)
{
    for (size_t i = 0; i < profile->n_rules; i++) {
        const struct oci_seccomp_rule *rule = &profile->rules[i];
        if (rule->names.n == 1 && strcmp(rule->names.items[0], OCI_SECCOMP_OTHERS) == 0)
            return &rule->errno_ret;
    }
    return &profile->default_errno;
}

static bool refuses_with_errno(uint32_t action)
{
    return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

int seccomp_program_compile(struct arena *a, const struct oci_seccomp *profile, struct seccomp_program *ret_program,
                            struct error *err)
{
    struct seccomp_program program = {.flags = 0};
    struct sock_filter newer[SECCOMP_NEWER_MAX];
    uint32_t default_action;

    int r = action_parse("linux.seccomp.defaultAction", profile->default_action ?: "", default_errno(profile), &default_action,
                         err);
    if (r < 0)
        return r;
    r = flags_parse(&profile->flags, &program.flags, err);
    if (r < 0)
        return r;

    seccomp_api_set(LIBRARY_API_LEVEL);
    scmp_filter_ctx ctx = seccomp_init(default_action);
    if (!ctx)
        return error_set(err, -EINVAL, "prepare a seccomp filter");
    r = add_architectures(ctx, &profile->architectures, err);
    if (r == 0)
        r = add_rules(ctx, default_action, profile, err);
    if (r == 0) {
        size_t n_newer = refuses_with_errno(default_action) ? seccomp_newer(ctx, profile, newer) : 0;
        r = export_program(a, ctx, newer, n_newer, &program.filter, err);
    }
    seccomp_release(ctx);
    if (r == 0)
        *ret_program = program;
    return r;
}

int seccomp_program_load(const struct seccomp_program *program, struct error *err)
{
    if (program->filter.len == 0)
        return 0;

    int r = sys_seccomp_filter(program->flags, &program->filter);
    /* With TSYNC a thread that has a filter of its own is reported by its id. */
    if (r > 0)
        r = -ESRCH;
    return r < 0 ? error_set(err, r, "load the seccomp filter") : 0;
}
