/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of a container's process: names, the five sets of the spec, and putting them in force.
 *
 * capabilities(7). Kernel rules that fix the order: a drop from the bounding set needs CAP_SETPCAP; inheritable must fit into
 * permitted and bounding; ambient into permitted and inheritable; a change away from uid 0 clears the effective set. */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "oci/spec.h"

/* Bit n stands for capability number n. */
struct capability_sets {
    uint64_t bounding;
    uint64_t effective;
    uint64_t inheritable;
    uint64_t permitted;
    uint64_t ambient;
};

/* INVALID_ARGUMENT names the field and the unknown word, or the capability that cannot be in a set because it is missing in the
 * set that must hold it (effective in permitted, inheritable in bounding). */
int capability_sets_parse(const struct oci_capabilities *capabilities, struct capability_sets *ret_sets, struct error *err);

/* In the child, after its ids changed: makes all that is permitted effective, takes everything that sets->bounding lacks out of
 * the bounding set (every capability the kernel knows, also ones without a name here), empties the ambient set, and removes
 * from *sets what the process itself does not hold, since it cannot be granted. */
int capability_confine(struct capability_sets *sets, struct error *err);
/* Sets effective, permitted and inheritable at once, then raises the ambient ones; one that cannot be raised is left out. */
int capability_apply(const struct capability_sets *sets, struct error *err);
