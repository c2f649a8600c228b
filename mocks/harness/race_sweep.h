/* SPDX-License-Identifier: Apache-2.0 */
/* Race sweep: somebody who owns the root file system swaps a directory in it for a link that leads out of it, between any two
 * kernel calls of CreateContainer.
 *
 * The places are all prefixes of all paths that the spec names: destinations of mounts, devices, masked and read-only paths,
 * the working directory. Whatever the answer is, nothing outside of the root file system changes, and no mount of the container
 * shows anything of it. */
#pragma once
#include "mocks/harness/sim_agent.h"

struct race {
    const char *name;
    struct sim_setup setup;
    struct oci_spec *(*spec)(
        struct rig *rig); /* of container "c1", which ends by itself; what it prints is searched for the outside */
};

/* step: every how many calls a swap is tried (1: at each). Prints places, swaps and how many of them ended in a container. */
void race_sweep(const struct race *race, unsigned int step);
