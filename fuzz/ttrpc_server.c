/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a client into the ttrpc server. The first byte chooses the profile (bit 0) and the size of the pieces (the rest). */
#include "fuzz/fuzz.h"
#include "lib/tests/ttrpc_services.h"
#include "ttrpc/connection.h"
#include "ttrpc/server_private.h"

struct input {
    struct ttrpc_server *server;
    const uint8_t *data, *end;
    size_t piece;
};

static void feed(void *arg)
{
    struct input *in = arg;
    struct connection *connection;

    connection_new(in->server, -1, &connection, NULL);
    for (size_t len; in->data < in->end && !list_is_empty(&in->server->connections); in->data += len) {
        len = in->piece < (size_t)(in->end - in->data) ? in->piece : (size_t)(in->end - in->data);
        channel_feed(&connection->channel, in->data, len);
        fiber_yield(in->server->loop);
    }
    ttrpc_server_free(in->server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.big_reply = 100};
    const struct ttrpc_server_options options = test_options(&world, size ? data[0] & 1 : 0);
    struct loop *loop;

    if (size == 0 || loop_new(&loop, NULL) < 0)
        return 0;
    struct input in = {.data = data + 1, .end = data + size, .piece = data[0] < 2 ? size : data[0] / 2};
    ttrpc_server_new(loop, &options, &in.server, NULL);
    fiber_start(loop, "feed", feed, &in, NULL);
    loop_run(loop, NULL);
    loop_free(loop);
    return 0;
}
