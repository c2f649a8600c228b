/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a client into the ttrpc server. The first byte chooses the profile (bit 0), too. */
#include "fuzz/feed.h"
#include "lib/tests/ttrpc_services.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.big_reply = 100};
    const struct ttrpc_server_options options = test_options(&world, size ? data[0] & 1 : 0);
    struct ttrpc_server *server;
    struct loop *loop;

    if (size == 0 || loop_new(&loop, NULL) < 0)
        return 0;
    ttrpc_server_new(loop, &options, &server, NULL);
    feed_run(loop, (struct feed){.server = server, .data = data, .size = size});
    return 0;
}
