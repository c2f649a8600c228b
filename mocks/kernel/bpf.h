/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF programs over struct seccomp_data (Documentation/networking/filter.rst, seccomp(2)). */
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does the kernel accept the program: known instructions, forward jumps within it, scratch memory read only after it was
 * written on every way, aligned loads within the data, a return at the end? */
bool bpf_is_valid(const struct sock_filter *code, size_t n);
/* Runs a valid program; its return value. */
uint32_t bpf_run(const struct sock_filter *code, const struct seccomp_data *data);
