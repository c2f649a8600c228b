/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that run on the host: prestart, createRuntime, poststart, poststop (runtime-spec config.md, "POSIX-platform Hooks").
 *
 * The state is their standard input. The environment is exactly theirs, or the runtime's for those that name none, as with
 * other runtimes. They run one after the other in the bundle. What they print to standard error is quoted when they fail. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

struct hook_run {
    const char *kind;   /* name of the list, for errors */
    const char *bundle; /* working directory */
    const char *state;  /* JSON */
    bool keeps_going;   /* after a failure */
};

/* The list of that kind of the host's, or NULL. */
const struct oci_hook_list *hooks_of(const struct oci_hooks *hooks, const char *kind);
/* Runs the list: 0, or the first failure. A process that a hook leaves behind is not waited for. */
int hooks_run(const struct oci_hook_list *hooks, const struct hook_run *run, struct error *err);
/* Whether all of the host's hooks can be run: absolute paths, timeouts above 0. */
int hooks_check(const struct oci_hooks *hooks, struct error *err);
