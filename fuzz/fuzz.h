/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of every fuzz target: libFuzzer calls it in fuzz builds, fuzz/replay_main.c with the kept corpus in all others.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns 0. Deterministic: the same bytes do the same thing, whatever ran before. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What holds for every input. */
#define MUST(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                           \
        }                                                                                                                      \
    } while (0)
