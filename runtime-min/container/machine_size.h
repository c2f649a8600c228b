/* SPDX-License-Identifier: Apache-2.0 */
/* How large a machine has to be for what the bundle allows its container, or for the pod as the sandbox container's annotations
 * tell. */
#pragma once
#include "oci/spec.h"

/* base_mib is what the guest needs itself; a limit comes on top. */
unsigned int machine_memory_mib(const struct oci_spec *spec, unsigned int base_mib);
/* As many as the quota fills, base without one. */
unsigned int machine_vcpus(const struct oci_spec *spec, unsigned int base);
