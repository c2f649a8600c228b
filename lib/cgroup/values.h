/* SPDX-License-Identifier: Apache-2.0 */
/* Values that version 2 spells differently from version 1, whose terms the spec uses. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* cpu.shares (2 to 262144) as cpu.weight (1 to 10000) on the straight line between the ends; values outside count as the
 * nearest end. 0 (unset) stays 0. */
uint64_t cpu_weight_from_shares(uint64_t shares);
/* blkio.weight (10 to 1000) as io.weight (1 to 10000), straight line. */
uint64_t io_weight_from_blkio(uint32_t weight);
/* True for the weights that blkio.weight knows. */
bool blkio_weight_is_valid(uint32_t weight);

/* The spec's swap is the sum of memory and swap; 0 is unset, -1 unlimited, as for the limit. Refuses a limit below -1 and a sum
 * below the limit. Texts: container-jail sheet 2.8. */
int memory_limits_check(int64_t limit, int64_t swap, struct error *err);
/* What version 2 has to write to memory.swap.max for a checked limit and sum: 1 and the value (-1: unlimited), or 0 when swap
 * is to be left as it is. A sum without a limit cannot be converted: -EINVAL. */
int swap_max_from_sum(int64_t limit, int64_t swap, int64_t *ret_max, struct error *err);

/* Name of a huge page size as the control files spell it: "2MB", "1GB", "64KB". */
bool hugepage_size_is_valid(const char *size);
