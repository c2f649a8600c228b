/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proto.h"
#include "ttrpc/client_private.h"

/* ---- errors ---- */

int error_closed(struct error *err)
{
    return error_status(err, STATUS_UNAVAILABLE, "ttrpc: closed");
}

int error_oversize(struct error *err, size_t length)
{
    return error_status(err, STATUS_RESOURCE_EXHAUSTED, "message length %zu exceed maximum message size of %u", length,
                        FRAME_PAYLOAD_MAX);
}

int error_unexpected(struct error *err, uint8_t type)
{
    const char *name = type == FRAME_REQUEST ? "request" : type == FRAME_DATA ? "data" : "unknown";

    return error_status(err, STATUS_INTERNAL, "unexpected \"%s\" message received: protocol error", name);
}

static int error_malformed(struct error *err, const char *reason)
{
    error_status(err, STATUS_INTERNAL, "ttrpc: response does not decode: %s", reason);
    if (err)
        err->errnum = EBADMSG;
    return -EBADMSG;
}

int response_payload(const struct frame *frame, struct bytes *ret_payload, struct error *err)
{
    struct envelope_response response;
    const char *reason;

    if (envelope_decode_response((struct bytes){frame->payload, frame->length}, &response, &reason) < 0)
        return error_malformed(err, reason);
    if (response.code != 0) {
        uint8_t text[ERROR_TEXT_MAX];
        size_t len = utf8_copy(text, sizeof(text), response.message);
        return error_status(err, (enum status_code)response.code, "%.*s", (int)len, (const char *)text);
    }
    *ret_payload = response.payload;
    return 0;
}

int reply_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, struct bytes payload, ProtobufCMessage **ret_reply,
                 struct error *err)
{
    struct error reason;

    int r = proto_unpack(a, type, payload.p, payload.len, ret_reply, &reason);
    if (r == -EBADMSG)
        return error_malformed(err, reason.text);
    return r < 0 ? error_status(err, reason.status, "%s", reason.text) : 0;
}

/* ---- exchanges ---- */

void exchange_end(struct exchange *exchange)
{
    exchange->ended = true;
    idmap_remove(&exchange->pending);
    list_remove(&exchange->node);
    waitq_wake_all(&exchange->changed);
}

static void exchange_fail(struct exchange *exchange, const struct error *err)
{
    exchange_end(exchange);
    exchange->failed(exchange, err);
}

int exchange_wait(struct exchange *exchange, uint64_t deadline, struct error *err)
{
    int r = waitq_wait(exchange->client->channel.loop, &exchange->changed, deadline);

    if (exchange->ended) /* The answer came first. */
        return 0;
    if (r == -ETIMEDOUT)
        return error_status(err, STATUS_DEADLINE_EXCEEDED, "context deadline exceeded");
    return r < 0 ? error_status(err, STATUS_CANCELLED, "context canceled") : 0;
}

int exchange_wait_room(struct exchange *exchange, uint64_t deadline, struct error *err)
{
    int r = 0;

    while (r == 0 && !exchange->ended && channel_is_full(&exchange->client->channel))
        r = exchange_wait(exchange, deadline, err);
    return r;
}

static struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static int exchange_send(struct exchange *exchange, const struct exchange_request *request, struct error *err)
{
    struct ttrpc_client *client = exchange->client;
    const struct envelope_request head = {
        .service = bytes_of_text(request->service),
        .method = bytes_of_text(request->method),
        .payload.len = request->message ? protobuf_c_message_get_packed_size(request->message) : 0,
        .timeout_ns = request->timeout_ns < INT64_MAX ? (int64_t)request->timeout_ns : INT64_MAX,
    };
    const size_t length = envelope_request_size(&head);

    if (length > FRAME_PAYLOAD_MAX)
        return error_oversize(err, length);
    if (client->next_id == UINT32_MAX) /* The server would refuse ids that start again: it takes a new connection. */
        return error_closed(err);

    const struct frame frame = {
        .length = (uint32_t)length,
        .stream = client->next_id,
        .type = FRAME_REQUEST,
        .flags = request->flags,
    };
    uint8_t *p = envelope_put_request(channel_send(&client->channel, &frame), &head);
    if (head.payload.len)
        protobuf_c_message_pack(request->message, p);
    idmap_add(&client->pending, &exchange->pending, client->next_id);
    client->next_id += 2;
    return 0;
}

int exchange_begin(struct exchange *exchange, struct ttrpc_client *client, const struct exchange_request *request,
                   uint64_t deadline, struct error *err)
{
    exchange->client = client;
    waitq_init(&exchange->changed);
    list_init(&exchange->pending.node);
    list_append(&client->exchanges, &exchange->node);

    if (client->channel.broken) {
        exchange_end(exchange);
        return error_closed(err);
    }
    int r = exchange_wait_room(exchange, deadline, err);
    if (exchange->ended)
        return error_closed(err);
    if (r == 0)
        r = exchange_send(exchange, request, err);
    if (r < 0)
        exchange_end(exchange);
    return r;
}

/* ---- the connection ---- */

static struct ttrpc_client *client_of(struct channel *channel)
{
    return CONTAINER_OF(channel, struct ttrpc_client, channel);
}

static struct exchange *client_find(struct channel *channel, uint32_t stream_id)
{
    struct idmap_entry *entry = idmap_find(&client_of(channel)->pending, stream_id);

    return entry ? CONTAINER_OF(entry, struct exchange, pending) : NULL;
}

static int client_frame(struct channel *channel, const struct frame *frame)
{
    struct exchange *exchange = client_find(channel, frame->stream);

    return exchange ? exchange->frame(exchange, frame) : 0;
}

static void client_oversize(struct channel *channel, const struct frame *frame)
{
    struct exchange *exchange = client_find(channel, frame->stream);
    struct error err;

    error_oversize(&err, frame->length);
    if (exchange)
        exchange_fail(exchange, &err);
}

static void client_room(struct channel *channel)
{
    struct exchange *exchange;

    LIST_FOREACH (exchange, &client_of(channel)->exchanges, node)
        waitq_wake_all(&exchange->changed);
}

static void client_lost(struct channel *channel)
{
    struct ttrpc_client *client = client_of(channel);
    struct error err;

    error_closed(&err);
    while (!list_is_empty(&client->exchanges))
        exchange_fail(CONTAINER_OF(client->exchanges.next, struct exchange, node), &err);
}

int ttrpc_client_new(struct loop *loop, int fd, struct ttrpc_client **ret_client, struct error *err)
{
    static const struct channel_events events = {
        .frame = client_frame,
        .oversize = client_oversize,
        .room = client_room,
        .lost = client_lost,
    };
    struct ttrpc_client *client = calloc(1, sizeof(*client));
    if (!client)
        abort();

    client->next_id = 1;
    idmap_init(&client->pending);
    list_init(&client->exchanges);
    int r = channel_init(&client->channel, loop, fd, &events, err);
    if (r < 0) {
        free(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

void ttrpc_client_free(struct ttrpc_client *client)
{
    if (!client)
        return;
    channel_done(&client->channel);
    client_lost(&client->channel);
    free(client);
}

/* ---- unary calls ---- */

struct unary {
    struct exchange exchange;
    const ProtobufCMessageDescriptor *reply_type;
    struct arena *arena;
    ProtobufCMessage *reply;
    int r;
    struct error *err;
};

static int unary_frame(struct exchange *exchange, const struct frame *frame)
{
    struct unary *unary = CONTAINER_OF(exchange, struct unary, exchange);
    struct bytes payload;

    exchange_end(exchange);
    if (frame->type != FRAME_RESPONSE)
        unary->r = error_unexpected(unary->err, frame->type);
    else
        unary->r = response_payload(frame, &payload, unary->err);
    if (unary->r == 0)
        unary->r = reply_unpack(unary->arena, unary->reply_type, payload, &unary->reply, unary->err);
    return 0;
}

static void unary_failed(struct exchange *exchange, const struct error *err)
{
    struct unary *unary = CONTAINER_OF(exchange, struct unary, exchange);

    unary->r = error_status(unary->err, err->status, "%s", err->text);
}

int ttrpc_client_call(struct ttrpc_client *client, const char *service, const char *method, const ProtobufCMessage *request,
                      const ProtobufCMessageDescriptor *reply_type, struct arena *a, uint64_t timeout_ns,
                      ProtobufCMessage **ret_reply, struct error *err)
{
    const uint64_t deadline = timeout_ns ? loop_deadline(client->channel.loop, timeout_ns) : NO_DEADLINE;
    const struct exchange_request head = {.service = service, .method = method, .message = request, .timeout_ns = timeout_ns};
    struct unary unary = {
        .exchange = {.frame = unary_frame, .failed = unary_failed},
        .reply_type = reply_type,
        .arena = a,
        .err = err,
    };

    int r = exchange_begin(&unary.exchange, client, &head, deadline, err);
    while (r == 0 && !unary.exchange.ended)
        r = exchange_wait(&unary.exchange, deadline, err);
    if (r < 0) {
        exchange_end(&unary.exchange);
        return r;
    }
    if (unary.r == 0)
        *ret_reply = unary.reply;
    return unary.r;
}
