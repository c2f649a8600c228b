/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proto.h"
#include "ttrpc/server_private.h"

/* Ended calls that are kept, and the largest arena that is worth keeping. */
#define SPARE_CALLS_MAX 128
#define SPARE_ARENA_MAX (16 * 1024)

static struct call *call_of(struct ttrpc_call *public)
{
    return CONTAINER_OF(public, struct call, public);
}

/* ---- life ---- */

static void call_free(struct call *call)
{
    arena_free(call->public.arena);
    free(call);
}

static struct call *call_take_spare(struct ttrpc_server *server)
{
    struct list *node = list_pop(&server->spare_calls);
    if (node) {
        server->n_spare_calls--;
        return CONTAINER_OF(node, struct call, node);
    }
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        abort();
    call->public.arena = arena_new(server->options.call_arena_bytes);
    return call;
}

void calls_free_spare(struct ttrpc_server *server)
{
    struct list *node;

    while ((node = list_pop(&server->spare_calls)))
        call_free(CONTAINER_OF(node, struct call, node));
    server->n_spare_calls = 0;
}

static void call_timed_out(struct timer *timer)
{
    struct call *call = CONTAINER_OF(timer, struct call, timer);
    const char *text = call->server->profile->timeout;

    connection_send_status(call->connection, call->live.id, STATUS_DEADLINE_EXCEEDED,
                           (struct bytes){(const uint8_t *)text, strlen(text)});
    call_settle(call);
}

struct call *call_new(struct connection *connection, uint32_t stream_id, const struct route *route)
{
    struct ttrpc_server *server = connection->server;
    struct call *call = call_take_spare(server);
    struct arena *arena = call->public.arena;

    *call = (struct call){
        .public =
            {
                .context = server->options.context,
                .loop = server->loop,
                .arena = arena,
                .deadline = NO_DEADLINE,
                .method = route->method,
            },
        .server = server,
        .connection = connection,
        .timer.expired = call_timed_out,
        .stream_method = route->stream,
    };
    stream_init(&call->stream);
    idmap_add(&connection->live, &call->live, stream_id);
    list_append(&connection->calls, &call->node);
    connection->n_calls++;
    return call;
}

static void call_leave_connection(struct call *call)
{
    struct connection *connection = call->connection;

    idmap_remove(&call->live);
    list_remove(&call->node);
    connection->n_calls--;
    connection->charged -= call->charge;
    call->connection = NULL;
    if (call->charge > 0 || call->stream_method)
        channel_resume(&connection->channel);
}

void call_discard(struct call *call)
{
    struct ttrpc_server *server = call->server;

    timer_stop(&call->timer);
    if (call->connection) {
        channel_release(&call->connection->channel, call->reserved);
        call_leave_connection(call);
    } else {
        free(call->reserved);
    }
    stream_done(&call->stream);
    if (server->n_spare_calls == SPARE_CALLS_MAX || arena_used(call->public.arena) > SPARE_ARENA_MAX) {
        call_free(call);
        return;
    }
    arena_reset(call->public.arena);
    list_append(server->spare_calls.next, &call->node); /* in front: the memory is still warm */
    server->n_spare_calls++;
}

void call_settle(struct call *call)
{
    call->answered = true;
    idmap_remove(&call->live);
    timer_stop(&call->timer);
    if (call->fiber)
        fiber_cancel(call->fiber);
}

void call_cancel(struct call *call)
{
    call->cancelled = true;
    fiber_cancel(call->fiber);
}

void call_detach(struct call *call)
{
    call_settle(call);
    call_leave_connection(call);
}

int call_decode(struct call *call, struct bytes payload, ProtobufCMessage **ret_message, struct error *err)
{
    return proto_unpack(call->public.arena, call->public.method->request, payload.p, payload.len, ret_message, err);
}

/* ---- the fiber ---- */

/* Waits for a place in the write queue. False when the answer is not wanted any more. */
static bool call_wait_room(struct call *call)
{
    while (!call->answered && channel_is_full(&call->connection->channel))
        if (waitq_wait(call->server->loop, &call->connection->room, NO_DEADLINE) < 0)
            break;
    return !call->answered;
}

/* What goes to the client for a handler's failure: its own status if it gave one that exists. */
static void call_complete_error(struct call *call, int r, struct error *err)
{
    if (arena_exhausted(call->public.arena) && (r == 0 || err->status == STATUS_OK))
        error_status(err, STATUS_RESOURCE_EXHAUSTED, "the call needs more memory than one call may use");
    else if (err->status == STATUS_OK)
        error_set(err, r, "%s", call->public.method->name);
    else if ((unsigned int)err->status >= STATUS_MAX)
        err->status = STATUS_UNKNOWN;
}

static void send_stream_end(struct call *call)
{
    const struct frame end = {.stream = call->live.id, .type = FRAME_DATA, .flags = FRAME_REMOTE_CLOSED | FRAME_NO_DATA};

    channel_send(&call->connection->channel, &end);
}

static void call_answer(struct call *call, int r, const ProtobufCMessage *reply, struct error *err)
{
    if (call->answered || (call->cancelled && r == -ECANCELED))
        return;
    if (r < 0 || arena_exhausted(call->public.arena)) {
        call_complete_error(call, r, err);
        connection_send_status(call->connection, call->live.id, err->status,
                               (struct bytes){(const uint8_t *)err->text, strlen(err->text)});
    } else if (call_wait_room(call)) {
        if (reply)
            connection_send_reply(call->connection, call->live.id, reply, &call->reserved);
        else
            send_stream_end(call);
    }
}

/* r of the handler. reply is NULL exactly for a method whose server streams. */
static int call_run(struct call *call, ProtobufCMessage **ret_reply, struct error *err)
{
    const struct ttrpc_method *method = call->public.method;
    const bool streams = call->stream_method && call->stream_method->server_streams;
    ProtobufCMessage *reply = streams ? NULL : proto_new(call->public.arena, method->reply);

    if (!streams && !reply)
        return -ENOBUFS;
    *ret_reply = reply;
    return call->stream_method ? call->stream_method->handler(&call->public, reply, err)
                               : method->handler(&call->public, call->request, reply, err);
}

static void call_main(void *arg)
{
    struct call *call = arg;
    struct ttrpc_server *server = call->server;
    ProtobufCMessage *reply = NULL;
    struct error err;

    err.errnum = 0;
    err.status = STATUS_OK;
    err.text[0] = '\0';
    if (call->connection)
        call->connection->n_new--;
    if (!call->answered) {
        int r = call_run(call, &reply, &err);
        call_answer(call, r, reply, &err);
    }
    /* The last of those that arrived together takes the answers of all along; a single call need not wait for the next turn. */
    if (call->connection && call->connection->n_new == 0)
        channel_send_now(&call->connection->channel);
    call_discard(call);
    server_call_ended(server);
}

int call_start(struct call *call, uint64_t timeout_ns)
{
    struct loop *loop = call->server->loop;

    int r = fiber_start(loop, call->public.method->name, call_main, call, &call->fiber);
    if (r < 0)
        return r;
    call->server->n_running++;
    call->connection->n_new++;
    if (timeout_ns > 0)
        call->public.deadline = loop_deadline(loop, timeout_ns);
    timer_start(loop, &call->timer, call->public.deadline);
    return 0;
}

/* ---- from the handler ---- */

uint8_t *ttrpc_reply_bytes(struct ttrpc_call *public, size_t len)
{
    struct call *call = call_of(public);

    /* One is kept; whoever wants more, or too much, asks the arena. */
    if (call->reserved || !call->connection || len > call->server->options.call_arena_bytes)
        return arena_alloc(public->arena, len);
    call->reserved = channel_reserve(&call->connection->channel, len);
    return outq_body(call->reserved);
}

static int stream_cancelled(struct error *err)
{
    return error_status(err, STATUS_CANCELLED, "stream cancelled");
}

int ttrpc_stream_recv(struct ttrpc_call *public, struct arena *a, ProtobufCMessage **ret_message, struct error *err)
{
    struct call *call = call_of(public);
    const struct profile_text *malformed = &call->server->profile->payload;
    struct error reason;

    while (list_is_empty(&call->stream.messages)) {
        if (call->stream.remote_closed)
            return 0;
        if (waitq_wait(call->server->loop, &call->stream.arrived, NO_DEADLINE) < 0)
            return stream_cancelled(err);
    }
    struct stream_message *message = stream_pop(&call->stream);
    if (call->connection)
        channel_resume(&call->connection->channel);

    int r = proto_unpack(a, public->method->request, message->data, message->len, ret_message, &reason);
    free(message);
    if (r == -EBADMSG)
        return error_status(err, malformed->code, "%s%s%s", malformed->before, reason.text, malformed->after);
    return r < 0 ? error_status(err, reason.status, "%s", reason.text) : 1;
}

int ttrpc_stream_send(struct ttrpc_call *public, const ProtobufCMessage *message, struct error *err)
{
    struct call *call = call_of(public);
    const size_t length = protobuf_c_message_get_packed_size(message);

    if (length > FRAME_PAYLOAD_MAX)
        return error_status(err, call->server->profile->oversize, "message length %zu exceed maximum message size of %u",
                            length, FRAME_PAYLOAD_MAX);
    if (!call_wait_room(call) || fiber_is_cancelled(call->fiber))
        return stream_cancelled(err);
    const struct frame frame = {.length = (uint32_t)length, .stream = call->live.id, .type = FRAME_DATA};
    protobuf_c_message_pack(message, channel_send(&call->connection->channel, &frame));
    return 0;
}
