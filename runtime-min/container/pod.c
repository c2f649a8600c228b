/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/pod.h"

#include <string.h>

struct dialect {
    const char *type_key;
    const char *id_key;
    const char *sandbox_word;
};

static const struct dialect dialects[] = {
    {"io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id", "sandbox"},
    {"io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID", "sandbox"},
    {"io.kubernetes.docker.type", "io.kubernetes.sandbox.id", "podsandbox"},
};

bool pod_outlives_sandbox(const struct oci_spec *spec)
{
    const char *manager = oci_annotation(spec, "io.container.manager");

    return manager && strcmp(manager, "libpod") == 0;
}

static int member_of(const struct oci_spec *spec, const struct dialect *dialect, struct pod *pod, struct error *err)
{
    const char *sandbox_id = oci_annotation(spec, dialect->id_key);
    const struct oci_namespace *pid = spec->linux_ ? oci_namespace_find(spec->linux_, OCI_NS_PID) : NULL;

    if (!sandbox_id || !*sandbox_id)
        return error_status(err, STATUS_INVALID_ARGUMENT, "annotation %s: 'container' needs %s too", dialect->type_key,
                            dialect->id_key);
    pod->sandbox_id = sandbox_id;
    pod->owns_sandbox = false;
    pod->may_be_alone = pod_outlives_sandbox(spec);
    pod->shares_pid = pid && pid->path && *pid->path;
    return 0;
}

int pod_of(const struct oci_spec *spec, const char *id, struct pod *ret_pod, struct error *err)
{
    struct pod pod = {.sandbox_id = id, .owns_sandbox = true};

    FOR_ROWS (dialect, dialects) {
        const char *type = oci_annotation(spec, dialect->type_key);
        if (!type)
            continue;
        int r = 0;
        if (strcmp(type, "container") == 0)
            r = member_of(spec, dialect, &pod, err);
        else if (strcmp(type, dialect->sandbox_word) != 0)
            r = error_status(err, STATUS_INVALID_ARGUMENT, "annotation %s: unknown type '%s'", dialect->type_key, type);
        if (r == 0)
            *ret_pod = pod;
        return r;
    }
    *ret_pod = pod;
    return 0;
}
