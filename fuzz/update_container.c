/* SPDX-License-Identifier: Apache-2.0 */
/* UpdateContainer of a running container with a request that the bytes have edited; its statistics can still be read. */
#include "fuzz/fuzz.h"
#include "mocks/harness/edit.h"
#include "mocks/harness/fuzz_guest.h"

static void update(struct rig *rig)
{
    Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
    Grpc__StatsContainerRequest stats = GRPC__STATS_CONTAINER_REQUEST__INIT;

    request.container_id = stats.container_id = "c1";
    request.resources = fuzz_spec(rig, true)->linux->resources;
    edit_message(rig->arena, &request.base, fuzz_bytes(rig)->data, fuzz_bytes(rig)->size);
    (void)fuzz_call(rig, "UpdateContainer", &request.base);
    (void)fuzz_call(rig, "StatsContainer", &stats.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_target target = {.prepare = fuzz_run_container, .story = update, .restore = fuzz_remove_container};

    fuzz_guest_run(&target, data, size);
    return 0;
}
