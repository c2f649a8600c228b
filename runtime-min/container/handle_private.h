/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two sides of a handle: orders and the answer, on a SOCK_SEQPACKET pair. */
#pragma once
#include "runtime-min/container/handle.h"

#define HANDLE_GO 'g'
#define HANDLE_RELEASE 'r'

struct handle_reply {
    int errnum; /* positive, 0: it works */
    char text[ERROR_TEXT_MAX];
};

struct handle_start {
    const struct handle_plan *plan;
    int control;
};

/* Irreversible: from now on it relays streams and signals and can do nothing else. 0 or -errno. */
int handle_drop_rights(struct error *err);
/* The handle process: returns its exit code. */
int handle_main(const struct handle_start *start);
