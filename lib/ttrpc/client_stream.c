/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the client. */
#include <errno.h>
#include <stdlib.h>

#include "ttrpc/client_private.h"
#include "ttrpc/server.h"
#include "ttrpc/stream.h"

struct ttrpc_client_stream {
    struct exchange exchange;
    const struct ttrpc_stream_method *method;
    struct stream in;
    uint64_t deadline;
    bool sent_all;
    struct error error; /* why it ended; status OK: by the server, with success */
};

static struct ttrpc_client_stream *stream_of(struct exchange *exchange)
{
    return CONTAINER_OF(exchange, struct ttrpc_client_stream, exchange);
}

static void stream_failed(struct exchange *exchange, const struct error *err)
{
    stream_of(exchange)->error = *err;
}

static int stream_end(struct ttrpc_client_stream *stream)
{
    exchange_end(&stream->exchange);
    return 0;
}

/* The server's last word: a status, or the single reply. */
static int stream_response(struct ttrpc_client_stream *stream, const struct frame *frame)
{
    struct bytes payload;

    int r = response_payload(frame, &payload, &stream->error);
    if (r == 0 && !stream->method->server_streams)
        stream_push(&stream->in, payload);
    return stream_end(stream);
}

static int stream_data(struct ttrpc_client_stream *stream, const struct frame *frame)
{
    if (!stream->method->server_streams) {
        error_status(&stream->error, STATUS_INTERNAL, "received data from non-streaming server: protocol error");
        return stream_end(stream);
    }
    if (!(frame->flags & FRAME_NO_DATA)) {
        if (stream_is_full(&stream->in)) {
            if (channel_stall(&stream->exchange.client->channel) < 0)
                return -EAGAIN;
            error_status(&stream->error, STATUS_RESOURCE_EXHAUSTED, "stream buffer full");
            channel_resume(&stream->exchange.client->channel); /* It holds up nobody any more. */
            return stream_end(stream);
        }
        stream_push(&stream->in, (struct bytes){frame->payload, frame->length});
        waitq_wake_all(&stream->exchange.changed);
    }
    return frame->flags & FRAME_REMOTE_CLOSED ? stream_end(stream) : 0;
}

static int stream_frame(struct exchange *exchange, const struct frame *frame)
{
    struct ttrpc_client_stream *stream = stream_of(exchange);

    if (frame->type == FRAME_RESPONSE)
        return stream_response(stream, frame);
    if (frame->type == FRAME_DATA)
        return stream_data(stream, frame);
    error_unexpected(&stream->error, frame->type);
    return stream_end(stream);
}

int ttrpc_client_stream_open(struct ttrpc_client *client, const struct ttrpc_stream_method *method,
                             const ProtobufCMessage *request, uint64_t timeout_ns, struct ttrpc_client_stream **ret_stream,
                             struct error *err)
{
    const struct exchange_request head = {
        .service = method->method.service,
        .method = method->method.name,
        .message = request,
        .timeout_ns = timeout_ns,
        .flags = method->client_streams ? FRAME_REMOTE_OPEN : FRAME_REMOTE_CLOSED,
    };
    struct ttrpc_client_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        abort();

    stream->exchange.frame = stream_frame;
    stream->exchange.failed = stream_failed;
    stream->method = method;
    stream->deadline = timeout_ns ? loop_deadline(client->channel.loop, timeout_ns) : NO_DEADLINE;
    stream->sent_all = !method->client_streams;
    stream_init(&stream->in);
    int r = exchange_begin(&stream->exchange, client, &head, stream->deadline, err);
    if (r < 0) {
        free(stream);
        return r;
    }
    *ret_stream = stream;
    return 0;
}

/* What a stream that has ended answers to everything but its messages. */
static int stream_result(const struct ttrpc_client_stream *stream, struct error *err)
{
    return stream->error.status == STATUS_OK ? 0 : error_status(err, stream->error.status, "%s", stream->error.text);
}

int ttrpc_client_stream_send(struct ttrpc_client_stream *stream, const ProtobufCMessage *message, struct error *err)
{
    const size_t length = message ? protobuf_c_message_get_packed_size(message) : 0;

    if (length > FRAME_PAYLOAD_MAX)
        return error_oversize(err, length);
    if (stream->sent_all)
        return error_status(err, STATUS_FAILED_PRECONDITION, "ttrpc: stream closed");
    int r = exchange_wait_room(&stream->exchange, stream->deadline, err);
    if (r < 0)
        return r;
    if (stream->exchange.ended)
        return stream_result(stream, err) ?: error_status(err, STATUS_FAILED_PRECONDITION, "ttrpc: stream closed");

    const struct frame frame = {
        .length = (uint32_t)length,
        .stream = stream->exchange.pending.id,
        .type = FRAME_DATA,
        .flags = message ? 0 : FRAME_REMOTE_CLOSED | FRAME_NO_DATA,
    };
    uint8_t *p = channel_send(&stream->exchange.client->channel, &frame);
    if (message)
        protobuf_c_message_pack(message, p);
    stream->sent_all = !message;
    return 0;
}

int ttrpc_client_stream_recv(struct ttrpc_client_stream *stream, struct arena *a, ProtobufCMessage **ret_message,
                             struct error *err)
{
    while (list_is_empty(&stream->in.messages)) {
        if (stream->exchange.ended)
            return stream_result(stream, err);
        int r = exchange_wait(&stream->exchange, stream->deadline, err);
        if (r < 0)
            return r;
    }
    struct stream_message *message = stream_pop(&stream->in);
    if (!stream->exchange.ended)
        channel_resume(&stream->exchange.client->channel);

    int r = reply_unpack(a, stream->method->method.reply, (struct bytes){message->data, message->len}, ret_message, err);
    free(message);
    return r < 0 ? r : 1;
}

void ttrpc_client_stream_free(struct ttrpc_client_stream *stream)
{
    if (!stream)
        return;
    if (!stream->exchange.ended) {
        channel_resume(&stream->exchange.client->channel);
        exchange_end(&stream->exchange);
    }
    stream_done(&stream->in);
    free(stream);
}
