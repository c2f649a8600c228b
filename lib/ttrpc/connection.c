/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ttrpc/call.h"
#include "ttrpc/envelope.h"
#include "ttrpc/server_private.h"

#define STATUS_TEXT_MAX (64 * 1024)
/* Names of the peer's choice are repeated in texts up to this length. */
#define NAME_TEXT_MAX 512
/* Requests above this size are charged; the number of calls bounds what the others hold. */
#define SMALL_REQUEST (4 * 1024)
/* Request bytes that calls without an answer may hold on one connection. */
#define CHARGE_MAX (16 * 1024 * 1024)

static struct connection *connection_of(struct channel *channel)
{
    return CONTAINER_OF(channel, struct connection, channel);
}

static const struct profile *profile_of(const struct connection *connection)
{
    return connection->server->profile;
}

/* ---- answers ---- */

void connection_send_status(struct connection *connection, uint32_t stream_id, enum status_code code, struct bytes text)
{
    uint8_t *copy = NULL;

    if (text.len > STATUS_TEXT_MAX || utf8_valid_prefix(text) != text.len) {
        copy = malloc(STATUS_TEXT_MAX);
        if (!copy)
            abort();
        text.len = utf8_copy(copy, STATUS_TEXT_MAX, text);
        text.p = copy;
    }
    struct frame frame = {
        .length = (uint32_t)envelope_status_size(code, text.len),
        .stream = stream_id,
        .type = FRAME_RESPONSE,
    };
    envelope_put_status(channel_send(&connection->channel, &frame), code, text);
    free(copy);
}

static void send_oversize(struct connection *connection, uint32_t stream_id, size_t length)
{
    char text[128];

    int len = snprintf(text, sizeof(text), "message length %zu exceed maximum message size of %u", length, FRAME_PAYLOAD_MAX);
    connection_send_status(connection, stream_id, profile_of(connection)->oversize,
                           (struct bytes){(const uint8_t *)text, (size_t)len});
}

/* What a message has in front of the bytes at tail. */
struct message_head {
    ProtobufCBuffer buffer;
    const uint8_t *tail;
    size_t tail_len;
    bool fits;
    size_t len;
    uint8_t bytes[OUTQ_HEAD_MAX];
};

static void head_append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
    struct message_head *head = CONTAINER_OF(buffer, struct message_head, buffer);

    if (data == head->tail && head->tail_len == 0) {
        head->tail_len = len;
    } else if (head->tail_len > 0 || len > sizeof(head->bytes) - head->len) {
        head->fits = false;
    } else {
        memcpy(head->bytes + head->len, data, len);
        head->len += len;
    }
}

/* Few bytes are copied: they would hold a large chunk as long as they wait. */
static bool send_in_place(struct connection *connection, const struct frame *frame, const ProtobufCMessage *reply,
                          struct outq_chunk *reserved)
{
    struct message_head head = {.buffer.append = head_append, .tail = outq_body(reserved), .fits = true};

    const size_t packed = protobuf_c_message_pack_to_buffer(reply, &head.buffer);
    if (!head.fits || head.tail_len < OUTQ_CHUNK_SIZE || FRAME_HEADER_SIZE + frame->length - head.tail_len > OUTQ_HEAD_MAX)
        return false;
    uint8_t *p = channel_send_reserved(&connection->channel, frame, reserved, head.tail_len);
    p = envelope_put_success(p, packed, profile_of(connection)->explicit_ok);
    memcpy(p, head.bytes, head.len);
    return true;
}

void connection_send_reply(struct connection *connection, uint32_t stream_id, const ProtobufCMessage *reply,
                           struct outq_chunk **reserved)
{
    const bool explicit_ok = profile_of(connection)->explicit_ok;
    const size_t packed = reply ? protobuf_c_message_get_packed_size(reply) : 0;
    const size_t length = envelope_success_size(packed, explicit_ok);

    if (length > FRAME_PAYLOAD_MAX) {
        send_oversize(connection, stream_id, length);
        return;
    }
    struct frame frame = {.length = (uint32_t)length, .stream = stream_id, .type = FRAME_RESPONSE};
    if (*reserved && send_in_place(connection, &frame, reply, *reserved)) {
        *reserved = NULL;
        return;
    }
    uint8_t *p = envelope_put_success(channel_send(&connection->channel, &frame), packed, explicit_ok);
    if (packed)
        protobuf_c_message_pack(reply, p);
}

/* Whatever call runs on that stream has its answer now. */
static void settle_live(struct connection *connection, uint32_t stream_id)
{
    struct idmap_entry *entry = idmap_find(&connection->live, stream_id);

    if (entry)
        call_settle(CONTAINER_OF(entry, struct call, live));
}

static int refuse_bytes(struct connection *connection, uint32_t stream_id, enum status_code code, struct bytes text)
{
    settle_live(connection, stream_id);
    connection_send_status(connection, stream_id, code, text);
    return 0;
}

static struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static int refuse(struct connection *connection, uint32_t stream_id, enum status_code code, const char *text)
{
    return refuse_bytes(connection, stream_id, code, bytes_of_text(text));
}

/* part may hold NUL bytes. */
static int refuse_with(struct connection *connection, uint32_t stream_id, const struct profile_text *text, struct bytes part)
{
    uint8_t buffer[NAME_TEXT_MAX + 128];
    size_t len = strlen(text->before), after = strlen(text->after);

    memcpy(buffer, text->before, len);
    len += utf8_copy(buffer + len, NAME_TEXT_MAX, part);
    memcpy(buffer + len, text->after, after);
    return refuse_bytes(connection, stream_id, text->code, (struct bytes){buffer, len + after});
}

/* ---- requests ---- */

/* What a call holds of the connection's budget; small requests are bounded by their number. */
static size_t request_charge(const struct frame *frame)
{
    return frame->length > SMALL_REQUEST ? frame->length : 0;
}

/* Go clients open a client stream with an empty payload that is no message; a single request may well be empty. */
static void open_stream(struct call *call, const struct frame *frame, struct bytes payload)
{
    if (!call->stream_method->client_streams || payload.len > 0)
        stream_push(&call->stream, payload);
    if (frame->flags & FRAME_REMOTE_CLOSED)
        stream_close(&call->stream);
}

static int refuse_payload(struct connection *connection, uint32_t stream_id, int r, const struct error *err)
{
    if (r == -ENOBUFS)
        return refuse(connection, stream_id, STATUS_RESOURCE_EXHAUSTED, err->text);
    return refuse_with(connection, stream_id, &profile_of(connection)->payload, bytes_of_text(err->text));
}

static int start_call(struct connection *connection, const struct frame *frame, const struct route *route,
                      const struct envelope_request *request)
{
    struct call *call = call_new(connection, frame->stream, route);
    struct error err;
    int r = 0;

    call->charge = request_charge(frame);
    connection->charged += call->charge;
    if (call->stream_method)
        open_stream(call, frame, request->payload);
    else
        r = call_decode(call, request->payload, &call->request, &err);
    if (r < 0) {
        call_discard(call);
        return refuse_payload(connection, frame->stream, r, &err);
    }
    if (request->timeout_ns < 0) {
        call_discard(call);
        return refuse(connection, frame->stream, STATUS_DEADLINE_EXCEEDED, profile_of(connection)->timeout);
    }
    if (call_start(call, (uint64_t)request->timeout_ns) < 0) {
        call_discard(call);
        return refuse(connection, frame->stream, STATUS_RESOURCE_EXHAUSTED, "too many calls in progress");
    }
    return 0;
}

/* The server's limits, for a request that is otherwise in order. */
static int admit_call(struct connection *connection, const struct frame *frame, const struct route *route,
                      const struct envelope_request *request)
{
    const size_t charge = request_charge(frame);

    if (connection->n_calls >= connection->server->options.max_calls)
        return refuse(connection, frame->stream, STATUS_RESOURCE_EXHAUSTED, "too many calls in progress on this connection");
    if (charge == 0 || connection->charged + charge <= CHARGE_MAX)
        return start_call(connection, frame, route, request);
    if (channel_stall(&connection->channel) < 0)
        return -EAGAIN;
    return refuse(connection, frame->stream, STATUS_RESOURCE_EXHAUSTED,
                  "too many request bytes in progress on this connection");
}

static int connection_request(struct connection *connection, const struct frame *frame)
{
    const struct profile *profile = profile_of(connection);
    const struct routes *routes = &connection->server->routes;
    struct envelope_request request;
    const char *reason;

    if (idmap_find(&connection->live, frame->stream))
        return refuse(connection, frame->stream, STATUS_INVALID_ARGUMENT, "StreamID cannot be re-used and must increment");
    if (envelope_decode_request((struct bytes){frame->payload, frame->length}, &request, &reason) < 0)
        return refuse_with(connection, frame->stream, &profile->envelope, bytes_of_text(reason));

    const struct route *route = routes_find(routes, request.service, request.method);
    if (!route && !routes_has_service(routes, request.service))
        return refuse_with(connection, frame->stream, &profile->service, request.service);
    if (!route || (!route->stream && !route->method->handler))
        return refuse_with(connection, frame->stream, &profile->method, request.method);
    return admit_call(connection, frame, route, &request);
}

/* ---- streams ---- */

static int refuse_data(struct connection *connection, uint32_t stream_id, const char *reason)
{
    const struct profile_text *data = &profile_of(connection)->data;
    char text[128] = "";

    if (profile_of(connection)->data_names_stream)
        snprintf(text, sizeof(text), "Stream id %u: ", stream_id);
    size_t len = strlen(text);
    snprintf(text + len, sizeof(text) - len, "%s%s%s", data->before, reason, data->after);
    return refuse(connection, stream_id, data->code, text);
}

static int connection_data(struct connection *connection, const struct frame *frame)
{
    struct idmap_entry *entry = idmap_find(&connection->live, frame->stream);
    struct call *call = entry ? CONTAINER_OF(entry, struct call, live) : NULL;

    if (!call || !call->stream_method)
        return refuse(connection, frame->stream, STATUS_INVALID_ARGUMENT, profile_of(connection)->stream_inactive);
    if (call->stream.remote_closed)
        return refuse_data(connection, frame->stream, "stream closed");
    if (!(frame->flags & FRAME_NO_DATA)) {
        if (stream_is_full(&call->stream))
            return channel_stall(&connection->channel) ?: refuse_data(connection, frame->stream, "stream buffer full");
        stream_push(&call->stream, (struct bytes){frame->payload, frame->length});
    }
    if (frame->flags & FRAME_REMOTE_CLOSED)
        stream_close(&call->stream);
    return 0;
}

/* ---- events of the channel ---- */

static int connection_frame(struct channel *channel, const struct frame *frame)
{
    struct connection *connection = connection_of(channel);

    if (frame->stream % 2 == 0)
        return refuse(connection, frame->stream, STATUS_INVALID_ARGUMENT, profile_of(connection)->even_stream);
    if (frame->type == FRAME_REQUEST)
        return connection_request(connection, frame);
    if (frame->type == FRAME_DATA)
        return connection_data(connection, frame);
    return 0;
}

static void connection_oversize(struct channel *channel, const struct frame *frame)
{
    struct connection *connection = connection_of(channel);

    settle_live(connection, frame->stream);
    send_oversize(connection, frame->stream, frame->length);
}

static void connection_room(struct channel *channel)
{
    struct connection *connection = connection_of(channel);

    waitq_wake_all(&connection->room);
    if (channel->out.bytes == 0)
        waitq_wake_all(&connection->server->changed);
}

static void connection_lost(struct channel *channel)
{
    connection_free(connection_of(channel));
}

int connection_new(struct ttrpc_server *server, int fd, struct connection **ret_connection, struct error *err)
{
    static const struct channel_events events = {
        .input_makes_output = true,
        .frame = connection_frame,
        .oversize = connection_oversize,
        .room = connection_room,
        .lost = connection_lost,
    };
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        abort();

    connection->server = server;
    idmap_init(&connection->live);
    list_init(&connection->calls);
    waitq_init(&connection->room);
    int r = channel_init(&connection->channel, server->loop, fd, &events, err);
    if (r < 0) {
        free(connection);
        return r;
    }
    list_append(&server->connections, &connection->node);
    server->n_connections++;
    *ret_connection = connection;
    return 0;
}

void connection_free(struct connection *connection)
{
    struct ttrpc_server *server = connection->server;

    while (!list_is_empty(&connection->calls))
        call_detach(CONTAINER_OF(connection->calls.next, struct call, node));
    channel_done(&connection->channel);
    list_remove(&connection->node);
    server->n_connections--;
    waitq_wake_all(&server->changed);
    free(connection);
}
