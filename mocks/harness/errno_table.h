/* SPDX-License-Identifier: Apache-2.0 */
/* mocks/kernel/errnos.tsv: what each call may fail with. */
#pragma once
#include <stddef.h>

#include "mocks/kernel/calls.h"

#define ERRNOS_PER_CALL 16
#define ERRNO_LAST 133

struct errno_table {
    struct {
        int errnums[ERRNOS_PER_CALL];
        size_t n;
    } calls[CALL_MAX];
};

/* Fails the test when the file is missing or has an unknown word. */
void errno_table_load(struct errno_table *table);
/* Number of a name ("ENOENT"), or 0. */
int errno_by_name(const char *name);
