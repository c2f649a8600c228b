/* SPDX-License-Identifier: Apache-2.0 */
/* A config.json that the runtime reads: nothing that names the host reaches the guest. */
#include "fuzz/fuzz.h"
#include "oci/json.h"
#include "runtime-min/container/bundle.h"
#include "runtime-min/container/guest_spec.h"
#include "runtime-min/container/pod.h"

#define BUDGET (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct guest_spec_mounts mounts;
    struct oci_spec *spec;
    struct pod pod;

    if (size > BUDGET / 8 || oci_spec_from_json(a, (const char *)data, size, &spec, NULL, NULL) < 0 ||
        pod_of(spec, "id", &pod, NULL) < 0 || bundle_check_process(spec->process, NULL) < 0 || !spec->root ||
        arena_exhausted(a) || guest_spec_prepare(a, spec, "id", "/bundle", "/rootfs", &mounts, NULL) < 0)
        return 0;
    MUST(mounts.n >= 1 && mounts.n <= spec->n_mounts + 1);
    MUST(!oci_namespace_find(spec->linux_, OCI_NS_NETWORK));
    for (size_t i = 0; i < spec->linux_->n_namespaces; i++)
        MUST(!spec->linux_->namespaces[i].path);
    MUST(!spec->hooks || spec->hooks->prestart.n + spec->hooks->poststop.n == 0);
    return 0;
}
