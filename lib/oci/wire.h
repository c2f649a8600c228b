/* SPDX-License-Identifier: Apache-2.0 */
/* Wire message (grpc.Spec and its parts) <-> internal spec.
 *
 * Reading checks: an unknown namespace, capability, rlimit, device or seccomp word is INVALID_ARGUMENT and the text names it.
 * What proto3 cannot say: an empty string or list is absent; OOMScoreAdj 0 is absent; an absent number is 0 on the wire and only
 * fields whose 0 means nothing drop it. Writing a spec and reading it back gives an equal spec. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"
#include "proto/agent.pb-c.h"

/* Strings are copied into a, the message may be freed. 0 or a negative errno with err filled; RESOURCE_EXHAUSTED when a is full. */
int oci_spec_from_wire(struct arena *a, const Grpc__Spec *wire, struct oci_spec **ret_spec, struct error *err);
int oci_process_from_wire(struct arena *a, const Grpc__Process *wire, struct oci_process **ret_process, struct error *err);
int oci_resources_from_wire(struct arena *a, const Grpc__LinuxResources *wire, struct oci_resources **ret_resources,
                            struct error *err);

/* The message lives in a and shares strings with the spec. */
int oci_spec_to_wire(struct arena *a, const struct oci_spec *spec, Grpc__Spec **ret_wire, struct error *err);
int oci_process_to_wire(struct arena *a, const struct oci_process *process, Grpc__Process **ret_wire, struct error *err);
int oci_resources_to_wire(struct arena *a, const struct oci_resources *resources, Grpc__LinuxResources **ret_wire,
                          struct error *err);
