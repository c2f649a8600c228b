/* SPDX-License-Identifier: Apache-2.0 */
/* Which machine a container runs in: its own, or that of the pod's sandbox, by the annotations of containerd, CRI-O and Docker,
 * whose words podman uses, too. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

struct pod {
    const char *sandbox_id;
    bool owns_sandbox; /* the machine is made for this container and ends with it */
    bool shares_pid;   /* sees the processes of the pod */
    bool may_be_alone; /* gets a machine of its own when the sandbox does not run: podman's pods can be without one */
};

/* Texts are those of id and spec. INVALID_ARGUMENT for an unknown type and for a container without the id of its sandbox. */
int pod_of(const struct oci_spec *spec, const char *id, struct pod *ret_pod, struct error *err);
/* Whether the containers of the pod go on when its sandbox container has ended: podman's do. Kubernetes calls such a pod dead
 * and makes another. */
bool pod_outlives_sandbox(const struct oci_spec *spec);
