/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime reads: '0' a container's record, which can be read again; otherwise a config.json, of which nothing that
 * names the host reaches the guest. */
#include "fuzz/fuzz.h"
#include "oci/json.h"
#include "runtime-min/container/bundle.h"
#include "runtime-min/container/guest_spec.h"
#include "runtime-min/container/pod.h"
#include "runtime-min/container/record.h"

#define BUDGET (4 * 1024 * 1024)

static void read_record(struct arena *a, const char *text, size_t len)
{
    _buf_ struct buf again = BUF_INIT(BUDGET);
    struct record record;
    if (record_from_json(a, text, len, &record, NULL) < 0)
        return;
    MUST(record_to_json(&record, &again) == 0);
    MUST(record_from_json(a, again.data, again.len, &record, NULL) == 0 || arena_exhausted(a));
}

static void read_spec(struct arena *a, const char *text, size_t len)
{
    struct guest_spec_mounts mounts;
    struct oci_spec *spec;
    struct pod pod;
    if (oci_spec_from_json(a, text, len, &spec, NULL, NULL) < 0 || pod_of(spec, "id", &pod, NULL) < 0 ||
        bundle_check_process(spec->process, NULL) < 0 || !spec->root || arena_exhausted(a) ||
        guest_spec_prepare(a, spec, "id", "/bundle", "/rootfs", &mounts, NULL) < 0)
        return;
    MUST(mounts.n >= 1 && mounts.n <= spec->n_mounts + 1);
    MUST(!oci_namespace_find(spec->linux_, OCI_NS_NETWORK));
    for (size_t i = 0; i < spec->linux_->n_namespaces; i++)
        MUST(!spec->linux_->namespaces[i].path);
    MUST(!spec->hooks || spec->hooks->prestart.n + spec->hooks->poststop.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    if (size == 0 || size > BUDGET / 8)
        return 0;
    (data[0] == '0' ? read_record : read_spec)(a, (const char *)data + 1, size - 1);
    return 0;
}
