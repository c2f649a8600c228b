/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a container as JSON (runtime-spec runtime.md, "State"): what hooks get and `state` prints. */
#pragma once
#include "oci/spec.h"

struct json_object;

struct oci_state {
    const char *version, *id, *status, *bundle;
    int pid;
    const struct oci_map *annotations; /* may be NULL */
};

/* The caller frees the result with json_object_put(). */
struct json_object *oci_state_to_json(const struct oci_state *state);
