/* SPDX-License-Identifier: Apache-2.0 */
/* Names of capabilities, as in the spec and capabilities(7). */
#pragma once

/* Number of a capability by name, with or without CAP_ (and with or without surrounding quotes, as some clients send it), or
 * -EINVAL. */
int oci_capability_number(const char *name);
/* Name of a number ("CAP_CHOWN"), or NULL. */
const char *oci_capability_name(int number);
