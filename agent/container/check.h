/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a container id and a spec that need no kernel: what CreateContainer refuses before it touches anything. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "oci/spec.h"

/* ASCII [A-Za-z0-9][A-Za-z0-9_.-]+, 2 to 255 bytes; else status INTERNAL "invalid container ID X". */
int check_container_id(const char *id, struct error *err);
/* Everything of agent-rpc 9.1 "spec checks": root, hostname, security, namespaces and mappings, sysctl; and each field that Tatami
 * does not apply yet is refused with its name (hooks, device rules that deny, labels, intelRdt, ...). */
int check_spec(const struct oci_spec *spec, struct error *err);
/* Whether the spec restricts devices: nothing enforces that yet, and the creator says so in the log. */
bool check_has_unapplied_device_rules(const struct oci_spec *spec);
