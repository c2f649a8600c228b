/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of a container (runtime-spec config.md).
 *
 * In the container, run by its init: createContainer, before the root is entered, with paths of the guest, and startContainer,
 * just before the program, as its user, under its filter and with paths of the container. In the guest, run for the agent:
 * prestart, poststart and poststop. Those of createRuntime are the host's. A hook that fails fails the call, unlike in Kata's
 * agent: who asks for one relies on it; only poststop goes on. */
#pragma once
#include "agent/container/launch.h"
#include "base/error.h"

/* Whether the spec has hooks of that kind. */
bool hook_is_wanted(const struct oci_spec *spec, const char *kind);
/* In init's child: runs the list. directory: where, or NULL for the current one. What they print goes to the agent's log. */
int hook_run_all(const struct launch *launch, const char *kind, const char *directory, struct error *err);
/* In the agent, from a fiber: runs the list in a process of its own, in the container's directory; each hook has 10 s unless it
 * says otherwise. status and pid: of the state that they get. A caller who is cancelled ends the hook. */
int hook_run_in_guest(const struct container *container, const char *kind, const char *status, int pid, struct error *err);
