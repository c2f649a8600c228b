/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that run in the container: createContainer, before its root is entered, with paths of the guest, and startContainer,
 * just before its program, as its user and with paths of the container (runtime-spec config.md). One that fails fails the call,
 * unlike in Kata's agent: who asks for a hook relies on it. */
#pragma once
#include "agent/container/launch.h"
#include "base/error.h"

/* Whether the spec has hooks of that kind. */
bool hook_is_wanted(const struct oci_spec *spec, const char *kind);
/* In init's child: runs the list. directory: where, or NULL for the current one. What they print goes to the agent's log. */
int hook_run_all(const struct launch *launch, const char *kind, const char *directory, struct error *err);
