/* SPDX-License-Identifier: Apache-2.0 */
/* What the protocol has no field for travels as an annotation: OCI_EXTENSION and the path of the field in JSON words. An agent
 * that does not know it goes without. A process that is executed has no annotations: what holds for it is what the container
 * got. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

#define OCI_EXTENSION "io.tatami."
#define OCI_EXTENSION_UMASK OCI_EXTENSION "process.user.umask" /* octal digits */

/* Adds the annotations of what is set in spec, which has a process. RESOURCE_EXHAUSTED when a is full. */
int oci_extension_write(struct arena *a, struct oci_spec *spec, struct error *err);
/* Sets what the annotations of spec say, and takes them out: hooks see what the caller wrote. INVALID_ARGUMENT names the
 * annotation and its value. */
int oci_extension_read(struct oci_spec *spec, struct error *err);
