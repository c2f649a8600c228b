/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes are a history of calls by several clients, held against the model: mocks/harness/history.h. */
#include "fuzz/fuzz.h"
#include "mocks/harness/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    history_play_bytes(data, size);
    return 0;
}
