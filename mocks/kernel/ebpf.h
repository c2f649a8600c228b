/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the extended instruction set (Documentation/bpf/standardization/instruction-set.rst), as far as device rules need
 * them: no loops, no calls, no memory but the context. An instruction beyond that aborts with its code. */
#pragma once
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 if the kernel would load the program for a context of n_words 32 bit words, else -E2BIG, -EINVAL or -EACCES. */
int ebpf_check(const struct bpf_insn *code, size_t n, size_t n_words);
/* Runs a checked program; its return value. */
uint64_t ebpf_run(const struct bpf_insn *code, const uint32_t *context);
