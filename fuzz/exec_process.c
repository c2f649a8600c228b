/* SPDX-License-Identifier: Apache-2.0 */
/* ExecProcess in a running container with a request that the bytes have edited; the process is killed and collected. */
#include "fuzz/fuzz.h"
#include "mocks/harness/edit.h"
#include "mocks/harness/fuzz_guest.h"

static void execute(struct rig *rig)
{
    Grpc__ExecProcessRequest request = GRPC__EXEC_PROCESS_REQUEST__INIT;

    request.container_id = "c1";
    request.exec_id = "e1";
    request.process = fuzz_spec(rig, true)->process;
    edit_message(rig->arena, &request.base, fuzz_bytes(rig)->data, fuzz_bytes(rig)->size);
    if (fuzz_call(rig, "ExecProcess", &request.base) == STATUS_OK)
        fuzz_end_process(rig, request.container_id, request.exec_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_target target = {
        .prepare = fuzz_run_container, .story = execute, .restore = fuzz_remove_container};

    fuzz_guest_run(&target, data, size);
    return 0;
}
