/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a container, as a damaged disk or another version may have it: what is read can be written and read again. */
#include "fuzz/fuzz.h"
#include "runtime-min/container/record.h"

#define BUDGET (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf again = BUF_INIT(BUDGET);
    struct record record;

    if (size > BUDGET / 8 || record_from_json(a, (const char *)data, size, &record, NULL) < 0)
        return 0;
    MUST(record_to_json(&record, &again) == 0);
    MUST(record_from_json(a, again.data, again.len, &record, NULL) == 0 || arena_exhausted(a));
    return 0;
}
