/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/device_program.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"

#define RULES_MAX 4096
#define RULE_CODE_MAX 7 /* instructions of one rule */
#define FRAME_CODE_MAX 16

static const struct device_rule defaults[] = {
    {true, BPF_DEVCG_DEV_CHAR, -1, -1, BPF_DEVCG_ACC_MKNOD}, {true, BPF_DEVCG_DEV_BLOCK, -1, -1, BPF_DEVCG_ACC_MKNOD},
    {true, BPF_DEVCG_DEV_CHAR, 1, 3, DEVICE_ACCESS_ALL},     {true, BPF_DEVCG_DEV_CHAR, 1, 5, DEVICE_ACCESS_ALL},
    {true, BPF_DEVCG_DEV_CHAR, 1, 7, DEVICE_ACCESS_ALL},     {true, BPF_DEVCG_DEV_CHAR, 1, 8, DEVICE_ACCESS_ALL},
    {true, BPF_DEVCG_DEV_CHAR, 1, 9, DEVICE_ACCESS_ALL},     {true, BPF_DEVCG_DEV_CHAR, 5, 0, DEVICE_ACCESS_ALL},
    {true, BPF_DEVCG_DEV_CHAR, 5, 1, DEVICE_ACCESS_ALL},     {true, BPF_DEVCG_DEV_CHAR, 5, 2, DEVICE_ACCESS_ALL},
    {true, BPF_DEVCG_DEV_CHAR, 136, -1, DEVICE_ACCESS_ALL},  {true, BPF_DEVCG_DEV_CHAR, 10, 200, DEVICE_ACCESS_ALL},
};

const struct device_rule *device_rule_defaults(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(defaults);
    return defaults;
}

/* ---- words ---- */

/* No access named is all access. -1 for an unknown letter. */
static int32_t parse_access(const char *access)
{
    int32_t bits = 0;

    if (!access || !*access)
        return DEVICE_ACCESS_ALL;
    for (; *access; access++) {
        if (!strchr("rwm", *access))
            return -1;
        bits |= *access == 'r' ? BPF_DEVCG_ACC_READ : *access == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
    }
    return bits;
}

/* A negative number stands for any, as engines write it. */
static int32_t parse_number(const struct opt_i64 *number)
{
    return number->set && number->value >= 0 ? (int32_t)number->value : -1;
}

int device_rule_parse(const struct oci_device_rule *rule, size_t index, struct device_rule *ret, struct error *err)
{
    struct device_rule parsed = {.allow = rule->allow,
                                 .type = rule->type == 'c'   ? BPF_DEVCG_DEV_CHAR
                                         : rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK
                                                             : 0,
                                 .major = parse_number(&rule->major),
                                 .minor = parse_number(&rule->minor),
                                 .access = parse_access(rule->access)};

    if (rule->type != 'a' && rule->type != '\0' && parsed.type == 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.resources.devices[%zu].type: '%c' is not a, b or c", index,
                            rule->type);
    if (parsed.access < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.resources.devices[%zu].access: '%s' is not of r, w and m",
                            index, rule->access);
    if (rule->major.value > INT32_MAX || rule->minor.value > INT32_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.resources.devices[%zu]: no device has number %lld:%lld", index,
                            (long long)rule->major.value, (long long)rule->minor.value);
    *ret = parsed;
    return 0;
}

bool device_rules_allow_all(const struct oci_device_rule *rules, size_t n)
{
    const struct oci_device_rule *last = n > 0 ? &rules[n - 1] : NULL;

    return !last || (last->allow && (last->type == 'a' || last->type == '\0') && parse_number(&last->major) < 0 &&
                     parse_number(&last->minor) < 0 && parse_access(last->access) == DEVICE_ACCESS_ALL);
}

/* ---- code ---- */

/* Registers: R1 the context; R2 the type, R3 the access that is not allowed yet, R4 and R5 the numbers. */
struct writer {
    struct bpf_insn *code;
    size_t n;
};

static void put(struct writer *w, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    w->code[w->n++] = (struct bpf_insn){.code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm};
}

static void put_answer(struct writer *w, bool allow)
{
    put(w, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
    put(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void put_start(struct writer *w)
{
    put(w, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
    put(w, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
    put(w, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
    put(w, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
    put(w, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
    put(w, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
    put(w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
    put_answer(w, true);
}

/* Jumps that leave a rule are set once its end is known. */
static void put_rule(struct writer *w, const struct device_rule *rule)
{
    size_t start = w->n;

    if (rule->type)
        put(w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, rule->type);
    if (rule->major >= 0)
        put(w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, rule->major);
    if (rule->minor >= 0)
        put(w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, rule->minor);
    if (rule->allow) {
        put(w, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, ~rule->access);
        put(w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 0, 0);
    } else {
        put(w, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 1, rule->access);
        put(w, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    }
    put_answer(w, rule->allow);
    for (size_t i = start; i < w->n; i++) {
        uint8_t code = w->code[i].code;
        if (code == (BPF_JMP | BPF_JNE | BPF_K) || code == (BPF_JMP | BPF_JA))
            w->code[i].off = (int16_t)(w->n - i - 1);
    }
}

int device_program_build(struct arena *a, const struct oci_device_rule *rules, size_t n, struct device_program *ret,
                         struct error *err)
{
    struct writer w = {.n = 0};

    if (n <= RULES_MAX)
        w.code = arena_calloc(a, (ARRAY_SIZE(defaults) + n) * RULE_CODE_MAX + FRAME_CODE_MAX, sizeof(*w.code));
    if (!w.code)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "linux.resources.devices: %zu rules are too many", n);
    put_start(&w);
    FOR_ROWS (rule, defaults)
        put_rule(&w, rule);
    for (size_t i = n; i-- > 0;) {
        struct device_rule rule;
        int r = device_rule_parse(&rules[i], i, &rule, err);
        if (r < 0)
            return r;
        put_rule(&w, &rule);
    }
    put_answer(&w, false);
    *ret = (struct device_program){w.code, w.n};
    return 0;
}
