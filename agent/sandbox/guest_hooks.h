/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that the guest's image has for all containers of a sandbox (CreateSandboxRequest.guest_hook_path). */
#pragma once
#include "base/error.h"
#include "base/log.h"
#include "oci/spec.h"

#define GUEST_HOOKS_MAX 64 /* of a kind */

/* The programs in the folders prestart, poststart and poststop of path, in the order of their names: regular files that
 * somebody may execute. Each gets its name and the kind as arguments and no environment. A folder that is not there has none;
 * one that cannot be read or has too many is left out, with a word in the log. */
void guest_hooks_find(struct arena *a, const char *path, const struct logger *log, struct oci_hooks *ret_hooks);
/* Appends copies to the hooks of the spec. RESOURCE_EXHAUSTED when the arena is full. */
int guest_hooks_add(struct arena *a, const struct oci_hooks *guest, struct oci_spec *spec, struct error *err);
