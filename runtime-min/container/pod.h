/* SPDX-License-Identifier: Apache-2.0 */
/* Which machine a container runs in: its own, or that of the pod's sandbox, by the annotations of containerd, CRI-O and Docker.
 */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

struct pod {
    const char *sandbox_id;
    bool owns_sandbox; /* the machine is made for this container and ends with it */
    bool shares_pid;   /* sees the processes of the pod */
};

/* Texts are those of id and spec. INVALID_ARGUMENT for an unknown type and for a container without the id of its sandbox. */
int pod_of(const struct oci_spec *spec, const char *id, struct pod *ret_pod, struct error *err);
