/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a container between two commands: the content of its state.json, and the status that follows from it.
 *
 * Nobody keeps the status up to date when a container ends: it lives exactly as long as its handle process, so the status is
 * what was recorded while that one lives, and "stopped" from then on. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/strlist.h"
#include "runtime-min/container/proc.h"

#define RECORD_VERSION 2

enum status_kind {
    CONTAINER_CREATING,
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_PAUSED,
    CONTAINER_STOPPED,
    CONTAINER_STATUS_MAX,
};

struct record {
    const char *id;
    const char *guest_id;   /* its name for the agent */
    const char *bundle;     /* absolute */
    const char *rootfs;     /* absolute, on the host */
    const char *sandbox_id; /* the virtual machine it runs in */
    bool owns_sandbox;      /* the machine ends with it */
    bool terminal;
    bool is_started;            /* its program runs or has run */
    enum status_kind status;    /* as recorded; see record_status() */
    uint64_t created_ns;        /* CLOCK_REALTIME */
    struct proc creator;        /* the command that creates it */
    struct proc handle;         /* pid 0 until there is one */
    const char *cgroup;         /* path of its control group on the host; "": it has none */
    struct strlist cgroup_made; /* directories that go with it, parents first (hostgroup_plan) */
};

/* Lower-case word as in the state of the runtime specification. */
const char *status_word(enum status_kind status);
/* The status now. */
enum status_kind record_status(const struct record *record);
/* Appends the record as JSON text. */
int record_to_json(const struct record *record, struct buf *out);
/* Strings are copied into a. 0; -EINVAL for text that is no record of this version, with the reason in err. */
int record_from_json(struct arena *a, const char *text, size_t len, struct record *ret_record, struct error *err);
