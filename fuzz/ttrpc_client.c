/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a hostile server into the ttrpc client: fibers wait for a reply and on a stream. */
#include "fuzz/feed.h"
#include "lib/tests/ttrpc_services.h"

static const Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
static struct ttrpc_client *client;
static void call(void *type)
{
    _arena_ struct arena *a = arena_new(256 * 1024);
    struct error err = {.errnum = 0};
    ProtobufCMessage *reply;
    int r = ttrpc_client_call(client, "S", "M", &request.base, type, a, 0, &reply, &err);
    MUST(r == 0 ? reply->descriptor == type : err.errnum && err.status);
}

static void stream(void *method)
{
    _arena_ struct arena *a = arena_new(256 * 1024);
    struct ttrpc_client_stream *stream = NULL;
    ProtobufCMessage *message;
    int r = ttrpc_client_stream_open(client, method, &request.base, 0, &stream, NULL);
    for (; r == 0 && ttrpc_client_stream_recv(stream, a, &message, NULL) > 0; arena_reset(a))
        ;
    ttrpc_client_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ttrpc_stream_method method = {
        {"S", "T", &grpc__check_request__descriptor, &grpc__read_stream_response__descriptor, NULL}, NULL, false, true};
    struct loop *loop;
    if (size == 0 || loop_new(&loop, NULL) < 0)
        return 0;
    ttrpc_client_new(loop, -1, &client, NULL);
    fiber_start(loop, "numbers", call, (void *)&grpc__stats_container_response__descriptor, NULL);
    fiber_start(loop, "stream", stream, (void *)&method, NULL);
    feed_run(loop, (struct feed){.client = client, .data = data, .size = size});
    return 0;
}
