/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules of a spec as a program that the kernel asks on each open and mknod of a device node (bpf(2),
 * BPF_PROG_TYPE_CGROUP_DEVICE; kernel admin-guide/cgroup-v2, "Device controller"). Pure. */
#pragma once
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "oci/spec.h"

#define DEVICE_ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* One rule in numbers. */
struct device_rule {
    bool allow;
    int32_t type;         /* BPF_DEVCG_DEV_*, 0: any */
    int32_t major, minor; /* -1: any */
    int32_t access;       /* BPF_DEVCG_ACC_* */
};

/* What every container needs, whatever its rules say: to make nodes, and to use null, zero, full, random, urandom, tty,
 * console, pseudo-terminals and tun. */
const struct device_rule *device_rule_defaults(size_t *ret_n);
/* Rule number index of a spec. INVALID_ARGUMENT for an unknown type or access, or a number that no device has. */
int device_rule_parse(const struct oci_device_rule *rule, size_t index, struct device_rule *ret, struct error *err);

struct device_program {
    const struct bpf_insn *code;
    size_t n;
};

/* True if the rules let everything be used: there are none, or the last one allows all. */
bool device_rules_allow_all(const struct oci_device_rule *rules, size_t n);
/* What no rule allows is refused. Of the rules for a device the last one with the access in question decides, for each of r, w
 * and m by itself. What every container needs is allowed whatever the rules say: to make nodes, and to use null, zero, full,
 * random, urandom, tty, console, pseudo-terminals and tun. INVALID_ARGUMENT for an unknown type or access or a number below 0.
 */
int device_program_build(struct arena *a, const struct oci_device_rule *rules, size_t n, struct device_program *ret,
                         struct error *err);
