/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a container id and a spec that need no kernel: what CreateContainer refuses before it touches anything. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

/* ASCII [A-Za-z0-9][A-Za-z0-9_.-]+, 2 to 255 bytes; else status INTERNAL "invalid container ID X". */
int check_container_id(const char *id, struct error *err);
/* Everything of agent-rpc 9.1 "spec checks" with its texts and status INTERNAL: presence, hostname, security, namespaces and
 * mappings, sysctl. INVALID_ARGUMENT: empty args, a relative cwd, a namespace listed twice, mappings that do not fit, and by
 * name each field that Tatami does not apply yet (labels, profiles, intelRdt). Not here: mounts, devices and paths
 * (rootfs_check()) and the process's identity (identity_prepare()). */
int check_spec(const struct oci_spec *spec, struct error *err);
/* The part of it that holds for each process, an exec'ed one too: args, cwd, labels. */
int check_process(const struct oci_process *process, struct error *err);
