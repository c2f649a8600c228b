/* SPDX-License-Identifier: Apache-2.0 */
/* Wire message (grpc.Spec and its parts) <-> internal spec.
 *
 * What proto3 cannot say. An empty string or list is absent. A number that may be absent is absent when it is 0 (memory and cpu
 * limits, fileMode, timeout, oomScoreAdj, errnoRet), and -1 is kept where the wire is signed; 0 is a limit in Pids, whose
 * message says that it is there. A device rule's number -1 is any and 0 is 0, so that no rule grows wider on its way, except in
 * a rule for all devices (type "a" or none): there 0:0 is no number. umask, domainname and the errno of seccomp's default
 * action are not on the wire. But for these, writing a spec and reading it back gives an equal spec. Of equal map keys the last
 * wins. Windows and Solaris are ignored.
 *
 * Reading refuses, as INVALID_ARGUMENT with the path in JSON words and the value ("linux.namespaces[1].type: unknown namespace
 * 'foo'"): unknown namespaces and device types, user and group ids of 4294967295, device numbers below -1. Names of
 * capabilities, rlimits and seccomp words stay text: who applies them knows them. Hooks keep empty args; running them uses the
 * path. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"
#include "proto/agent.pb-c.h"

/* Strings are copied into a, the message may be freed. 0, -EINVAL, or -ENOBUFS (RESOURCE_EXHAUSTED) when a is full. */
int oci_spec_from_wire(struct arena *a, const Grpc__Spec *wire, struct oci_spec **ret_spec, struct error *err);
int oci_process_from_wire(struct arena *a, const Grpc__Process *wire, struct oci_process **ret_process, struct error *err);
int oci_resources_from_wire(struct arena *a, const Grpc__LinuxResources *wire, struct oci_resources **ret_resources,
                            struct error *err);

/* The message lives in a and shares strings with the spec. 0, or -ENOBUFS when a is full. */
int oci_spec_to_wire(struct arena *a, const struct oci_spec *spec, Grpc__Spec **ret_wire, struct error *err);
int oci_process_to_wire(struct arena *a, const struct oci_process *process, Grpc__Process **ret_wire, struct error *err);
int oci_resources_to_wire(struct arena *a, const struct oci_resources *resources, Grpc__LinuxResources **ret_wire,
                          struct error *err);
