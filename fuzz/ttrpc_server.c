/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a client into the ttrpc server. The first byte chooses the profile (bit 0) and the size of the pieces (the rest). */
#include "fuzz/fuzz.h"
#include "lib/tests/ttrpc_services.h"
#include "ttrpc/connection.h"
#include "ttrpc/server_private.h"

struct input {
    struct ttrpc_server *server;
    const uint8_t *data;
    size_t size;
    size_t piece;
};

static void feed(void *arg)
{
    struct input *in = arg;
    struct connection *connection;

    connection_new(in->server, -1, &connection, NULL);
    while (in->size > 0 && !list_is_empty(&in->server->connections)) {
        size_t len = in->piece && in->piece < in->size ? in->piece : in->size;
        channel_feed(&connection->channel, in->data, len);
        in->data += len;
        in->size -= len;
        fiber_yield(in->server->loop);
    }
    ttrpc_server_free(in->server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.big_reply = 100};
    struct loop *loop;
    const struct ttrpc_server_options options =
        test_options(&world, size && data[0] & 1 ? TTRPC_PROFILE_SHIM : TTRPC_PROFILE_AGENT);

    if (size == 0 || loop_new(&loop, NULL) < 0)
        return 0;
    struct input in = {.data = data + 1, .size = size - 1, .piece = data[0] / 2};
    ttrpc_server_new(loop, &options, &in.server, NULL);
    fiber_start(loop, "feed", feed, &in, NULL);
    loop_run(loop, NULL);
    loop_free(loop);
    return 0;
}
