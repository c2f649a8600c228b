/* SPDX-License-Identifier: Apache-2.0 */
/* Running hooks (runtime-spec config.md, "POSIX-platform Hooks"): the runtime's on the host and the agent's in the guest.
 *
 * The state is their standard input, as a file. They run one after the other; what they print is quoted when they fail. The
 * caller blocks, and needs neither a loop nor a reaper; a hook does not outlive it. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

struct hook_run {
    const char *kind;         /* name of the list, for errors */
    const char *directory;    /* where they run; NULL: where the caller is */
    const char *state;        /* JSON */
    char *const *environment; /* of hooks that name none */
    int timeout_s;            /* of hooks that name none; 0: they have none */
    bool keeps_going;         /* after a failure */
    /* What a hook that succeeded has printed, without the line end; may be NULL. */
    void (*said)(void *arg, const char *path, const char *text);
    void *arg;
};

/* The list of that kind ("prestart", ...), or NULL. */
const struct oci_hook_list *hooks_of(const struct oci_hooks *hooks, const char *kind);
/* Runs the list: 0, or the first failure. A process that a hook leaves behind is not waited for. */
int hooks_run(const struct oci_hook_list *hooks, const struct hook_run *run, struct error *err);
/* Whether all hooks can be run: absolute paths, timeouts above 0. */
int hooks_check(const struct oci_hooks *hooks, struct error *err);
