/* SPDX-License-Identifier: Apache-2.0 */
/* config.json <-> internal spec.
 *
 * Reading is strict about the text (limits and refusals: oci/json_text.h) and about types and ranges, and lenient about what is
 * missing: an absent or null field has its zero value, but a namespace and a device need their type. Rules of values are those
 * of oci/wire.h, with every explicit 0 kept. Writing leaves out what is absent, but for fields that the specification requires.
 */
#pragma once
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "oci/spec.h"

/* Parses a whole config.json. 0; -EINVAL (INVALID_ARGUMENT) with the JSON path and the value ("linux.namespaces[2].type:
 * unknown namespace 'foo'"); -ENOBUFS when a is full. Fields that Tatami does not know are ignored, as the specification
 * demands; ret_unapplied (may be NULL) gets the paths of known fields that are not applied ("process.scheduler"), in a. */
int oci_spec_from_json(struct arena *a, const char *text, size_t len, struct oci_spec **ret_spec, struct strlist *ret_unapplied,
                       struct error *err);
/* The same for a part alone; paths start at the part ("user.uid"). */
int oci_process_from_json(struct arena *a, const char *text, size_t len, struct oci_process **ret_process, struct error *err);
int oci_resources_from_json(struct arena *a, const char *text, size_t len, struct oci_resources **ret_resources,
                            struct error *err);
/* Appends the spec as JSON text. 0, or -EMSGSIZE when out is full. */
int oci_spec_to_json(const struct oci_spec *spec, struct buf *out, struct error *err);
