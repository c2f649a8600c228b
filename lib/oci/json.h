/* SPDX-License-Identifier: Apache-2.0 */
/* config.json <-> internal spec. */
#pragma once
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "oci/spec.h"

/* Parses a whole config.json. A wrong type or word is INVALID_ARGUMENT with the JSON path and the value
 * ("linux.namespaces[2].type: unknown namespace 'foo'"). Fields that Tatami does not know are ignored, as the specification demands;
 * ret_unapplied (may be NULL) collects the paths of known fields that are not applied ("process.scheduler"). */
int oci_spec_from_json(struct arena *a, const char *text, size_t len, struct oci_spec **ret_spec, struct strlist *ret_unapplied,
                       struct error *err);
int oci_process_from_json(struct arena *a, const char *text, size_t len, struct oci_process **ret_process, struct error *err);
int oci_resources_from_json(struct arena *a, const char *text, size_t len, struct oci_resources **ret_resources,
                            struct error *err);
/* Appends the spec as JSON text. 0, or -EMSGSIZE when out is full. */
int oci_spec_to_json(const struct oci_spec *spec, struct buf *out, struct error *err);
