/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: a program on the group of version 2, or a list in the files of version 1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"
#include "cgroup/device_program.h"
#include "sys/fd.h"

#define PROGRAM_MEMORY_MAX (4 * 1024 * 1024)
#define LICENSE "Apache-2.0" /* the program calls none of the kernel's helpers */
#define RULE_TEXT_MAX 48

/* ---- version 2 ---- */

/* Below what other managers have attached above, and leaves the same to those below. */
static int attach(struct cgroup *cgroup, const struct member *member, int program_fd, struct error *err)
{
    unsigned int flags = BPF_F_ALLOW_MULTI | (cgroup->device_fd >= 0 ? BPF_F_REPLACE : 0);

    int r = sys_bpf_attach(member->fd, program_fd, BPF_CGROUP_DEVICE, flags, cgroup->device_fd);
    return r < 0 ? error_set(err, r, "attach the device rules to %s", member->path) : 0;
}

static int apply_v2(struct cgroup *cgroup, const struct member *member, const struct oci_device_rule *rules, size_t n,
                    struct error *err)
{
    _arena_ struct arena *arena = arena_new(PROGRAM_MEMORY_MAX);
    struct device_program program;

    int r = device_program_build(arena, rules, n, &program, err);
    if (r < 0 || (cgroup->device_fd < 0 && device_rules_allow_all(rules, n)))
        return r;
    _close_ int fd = sys_bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, program.code, program.n, LICENSE);
    if (fd < 0)
        return error_set(err, fd, "load the device rules");
    r = attach(cgroup, member, fd, err);
    if (r == 0)
        fd_replace(&cgroup->device_fd, fd_take(&fd));
    return r;
}

/* ---- version 1 ---- */

/* "a", "c 1:3 rwm", "b *:* m". */
static void format_rule(const struct device_rule *rule, bool is_all, char text[RULE_TEXT_MAX])
{
    char major[16] = "*", minor[16] = "*";

    if (rule->major >= 0)
        snprintf(major, sizeof(major), "%d", rule->major);
    if (rule->minor >= 0)
        snprintf(minor, sizeof(minor), "%d", rule->minor);
    if (is_all)
        snprintf(text, RULE_TEXT_MAX, "a");
    else
        snprintf(text, RULE_TEXT_MAX, "%c %s:%s %s%s%s", rule->type == BPF_DEVCG_DEV_BLOCK ? 'b' : 'c', major, minor,
                 rule->access & BPF_DEVCG_ACC_READ ? "r" : "", rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                 rule->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

static int write_line(const struct member *member, const struct device_rule *rule, bool is_all, struct error *err)
{
    const char *file = rule->allow ? "devices.allow" : "devices.deny";
    char text[RULE_TEXT_MAX];

    format_rule(rule, is_all, text);
    int r = file_write_at(member->fd, file, text, strlen(text));
    return r < 0 ? error_set(err, r, "write '%s' to %s/%s", text, member->path, file) : 0;
}

/* To the kernel "a" is all access to all devices: anything less takes a line for each type. */
static int write_rule(const struct member *member, const struct device_rule *rule, struct error *err)
{
    static const int32_t types[] = {BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR};
    struct device_rule typed = *rule;
    int r = 0;

    if (rule->type != 0)
        return write_line(member, rule, false, err);
    if (rule->major < 0 && rule->minor < 0 && rule->access == DEVICE_ACCESS_ALL)
        return write_line(member, rule, true, err);
    for (size_t i = 0; i < ARRAY_SIZE(types) && r == 0; i++) {
        typed.type = types[i];
        r = write_line(member, &typed, false, err);
    }
    return r;
}

/* The kernel keeps a list of what is allowed, and a rule that takes back must name an entry of it. */
static int apply_v1(const struct member *member, const struct oci_device_rule *rules, size_t n, struct error *err)
{
    static const struct device_rule none = {.major = -1, .minor = -1, .access = DEVICE_ACCESS_ALL};
    struct device_rule rule;
    size_t n_defaults;
    const struct device_rule *defaults = device_rule_defaults(&n_defaults);
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) /* all of them before the first is written */
        r = device_rule_parse(&rules[i], i, &rule, err);
    if (r == 0)
        r = write_rule(member, &none, err);
    for (size_t i = 0; i < n && r == 0; i++) {
        (void)device_rule_parse(&rules[i], i, &rule, NULL);
        r = write_rule(member, &rule, err);
    }
    for (size_t i = 0; i < n_defaults && r == 0 && !device_rules_allow_all(rules, n); i++)
        r = write_rule(member, &defaults[i], err);
    return r;
}

/* ---- either ---- */

int cgroup_apply_devices(struct cgroup *cgroup, const struct oci_device_rule *rules, size_t n, struct error *err)
{
    const struct member *v2 = cgroup_member_v2(cgroup), *v1 = cgroup_member(cgroup, CONTROLLER_DEVICES);

    if (n == 0)
        return 0;
    if (v2)
        return apply_v2(cgroup, v2, rules, n, err);
    if (v1)
        return apply_v1(v1, rules, n, err);
    if (device_rules_allow_all(rules, n))
        return 0;
    return error_text(err, -EOPNOTSUPP, "linux.resources.devices: no control group here enforces it");
}
