/* SPDX-License-Identifier: Apache-2.0 */
/* CreateContainer with a request that the bytes have edited; what was created is started, killed and removed. The first byte
 * chooses the spec that is edited: 0 a plain one, 1 one with a bit of everything. */
#include "fuzz/fuzz.h"
#include "mocks/harness/edit.h"
#include "mocks/harness/fuzz_guest.h"

static void create(struct rig *rig)
{
    struct fuzz_bytes *bytes = fuzz_bytes(rig);
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;

    request.container_id = "c1";
    request.oci = fuzz_spec(rig, bytes->data[0] % 2);
    edit_message(rig->arena, &request.base, bytes->data + 1, bytes->size - 1);
    fuzz_allow(rig, request.oci);
    if (fuzz_call(rig, "CreateContainer", &request.base) == STATUS_OK)
        fuzz_end_container(rig, request.container_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_target target = {.story = create};

    if (size > 0)
        fuzz_guest_run(&target, data, size);
    return 0;
}
