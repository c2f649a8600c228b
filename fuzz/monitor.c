/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a client to the monitor of a machine that does not run. */
#include "fuzz/feed.h"
#include "runtime-min/sandbox/monitor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Tatami__Monitor__V1__Start start = TATAMI__MONITOR__V1__START__INIT;
    struct monitor monitor = {.start = &start};
    const struct ttrpc_server_options options = service_options(&monitor);

    if (size == 0 || loop_new(&monitor.loop, NULL) < 0)
        return 0;
    waitq_init(&monitor.changed);
    list_init(&monitor.holds);
    ttrpc_server_new(monitor.loop, &options, &monitor.server, NULL);
    feed_run(monitor.loop, (struct feed){.server = monitor.server, .data = data, .size = size});
    MUST(list_is_empty(&monitor.holds));
    return 0;
}
