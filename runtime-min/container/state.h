/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a container as the runtime specification words it: for `state`, `list` and hooks. */
#pragma once
#include "oci/spec.h"
#include "runtime-min/container/record.h"
#include "runtime-min/container/store.h"

struct json_object;

/* annotations may be NULL. extended: with the keys that the specification does not know (rootfs, created, owner). The caller
 * frees the result with json_object_put(). */
struct json_object *state_to_json(const struct record *record, enum status_kind status, const struct oci_map *annotations,
                                  bool extended);
/* The spec that was saved at create. */
int state_read_spec(struct arena *a, const struct slot *slot, struct oci_spec **ret_spec, struct error *err);
