/* SPDX-License-Identifier: Apache-2.0 */
/* Services for the tests of lib/ttrpc: grpc.Health with some methods more, the streaming test service, and one method each of
 * the task and event services. Message types that no .proto of the product has are described by hand. */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/loop.h"
#include "proto/agent.pb-c.h"
#include "ttrpc/server.h"

#define SLOW_NS (60 * NSEC_PER_MSEC)

/* context of the test servers: what the handlers have seen. */
struct world {
    unsigned int started;
    unsigned int finished;
    unsigned int cancelled;
    unsigned int max_at_once;
    uint64_t big_reply; /* bytes that Big returns */
    char text[64];      /* string of the last Check, Connect */
};

/* ---- messages by hand: two numbers, a number and a text ---- */

struct pair_message {
    ProtobufCMessage base;
    int32_t a;
    int32_t b;
};

struct echo_message {
    ProtobufCMessage base;
    uint32_t seq;
    char *text;
};

struct text_message {
    ProtobufCMessage base;
    char *text;
};

static const ProtobufCFieldDescriptor pair_fields[] = {
    {"a", 1, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_INT32, 0, offsetof(struct pair_message, a), NULL, NULL, 0, 0, NULL, NULL},
    {"b", 2, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_INT32, 0, offsetof(struct pair_message, b), NULL, NULL, 0, 0, NULL, NULL},
};
static const ProtobufCFieldDescriptor echo_fields[] = {
    {"seq", 1, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_UINT32, 0, offsetof(struct echo_message, seq), NULL, NULL, 0, 0, NULL,
     NULL},
    {"text", 2, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_STRING, 0, offsetof(struct echo_message, text), NULL,
     &protobuf_c_empty_string, 0, 0, NULL, NULL},
};
static const ProtobufCFieldDescriptor text_fields[] = {
    {"text", 1, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_STRING, 0, offsetof(struct text_message, text), NULL,
     &protobuf_c_empty_string, 0, 0, NULL, NULL},
};
static const unsigned int by_name_1[] = {0};
static const unsigned int by_name_2[] = {0, 1};
static const ProtobufCIntRange range_0[] = {{0, 0}};
static const ProtobufCIntRange range_1[] = {{1, 0}, {0, 1}};
static const ProtobufCIntRange range_2[] = {{1, 0}, {0, 2}};

static void empty_init(ProtobufCMessage *message);
static const ProtobufCMessageDescriptor empty_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Empty",
    .short_name = "Empty",
    .c_name = "Empty",
    .package_name = "test",
    .sizeof_message = sizeof(ProtobufCMessage),
    .n_fields = 0,
    .fields = NULL,
    .fields_sorted_by_name = NULL,
    .n_field_ranges = 0,
    .field_ranges = range_0,
    .message_init = empty_init,
};

static void empty_init(ProtobufCMessage *message)
{
    *message = (ProtobufCMessage)PROTOBUF_C_MESSAGE_INIT(&empty_type);
}

static void pair_init(ProtobufCMessage *message);
static const ProtobufCMessageDescriptor pair_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Pair",
    .short_name = "Pair",
    .c_name = "Pair",
    .package_name = "test",
    .sizeof_message = sizeof(struct pair_message),
    .n_fields = 2,
    .fields = pair_fields,
    .fields_sorted_by_name = by_name_2,
    .n_field_ranges = 1,
    .field_ranges = range_2,
    .message_init = pair_init,
};

static void pair_init(ProtobufCMessage *message)
{
    *(struct pair_message *)message = (struct pair_message){.base = PROTOBUF_C_MESSAGE_INIT(&pair_type)};
}

static void echo_init(ProtobufCMessage *message);
static const ProtobufCMessageDescriptor echo_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Echo",
    .short_name = "Echo",
    .c_name = "Echo",
    .package_name = "test",
    .sizeof_message = sizeof(struct echo_message),
    .n_fields = 2,
    .fields = echo_fields,
    .fields_sorted_by_name = by_name_2,
    .n_field_ranges = 1,
    .field_ranges = range_2,
    .message_init = echo_init,
};

static void echo_init(ProtobufCMessage *message)
{
    *(struct echo_message *)message =
        (struct echo_message){.base = PROTOBUF_C_MESSAGE_INIT(&echo_type), .text = (char *)protobuf_c_empty_string};
}

static void text_init(ProtobufCMessage *message);
static const ProtobufCMessageDescriptor text_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Text",
    .short_name = "Text",
    .c_name = "Text",
    .package_name = "test",
    .sizeof_message = sizeof(struct text_message),
    .n_fields = 1,
    .fields = text_fields,
    .fields_sorted_by_name = by_name_1,
    .n_field_ranges = 1,
    .field_ranges = range_1,
    .message_init = text_init,
};

static void text_init(ProtobufCMessage *message)
{
    *(struct text_message *)message =
        (struct text_message){.base = PROTOBUF_C_MESSAGE_INIT(&text_type), .text = (char *)protobuf_c_empty_string};
}

/* ---- unary handlers ---- */

static struct world *world_of(const struct ttrpc_call *call)
{
    return call->context;
}

static int health_check(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)err;
    snprintf(world_of(call)->text, sizeof(world_of(call)->text), "%s", ((const Grpc__CheckRequest *)request)->service);
    ((Grpc__HealthCheckResponse *)reply)->status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return 0;
}

static int health_version(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)call, (void)request, (void)err;
    ((Grpc__VersionCheckResponse *)reply)->grpc_version = (char *)"0.0.1";
    return 0;
}

/* Waits until the time has come or it is cancelled; then payload 0802. */
static int wait_and_reply(struct ttrpc_call *call, uint64_t deadline, ProtobufCMessage *reply, struct error *err)
{
    struct world *world = world_of(call);

    world->started++;
    if (world->started - world->finished - world->cancelled > world->max_at_once)
        world->max_at_once = world->started - world->finished - world->cancelled;
    if (fiber_sleep_until(call->loop, deadline) < 0) {
        world->cancelled++;
        return error_status(err, STATUS_CANCELLED, "given up");
    }
    world->finished++;
    ((Grpc__HealthCheckResponse *)reply)->status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    return 0;
}

static int health_slow(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)request;
    return wait_and_reply(call, loop_deadline(call->loop, SLOW_NS), reply, err);
}

/* Never ends by itself. */
static int health_park(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)request;
    return wait_and_reply(call, NO_DEADLINE, reply, err);
}

/* Does not care about being cancelled, and has a result all the same. */
static int health_stubborn(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)request;
    wait_and_reply(call, loop_deadline(call->loop, SLOW_NS), reply, err);
    err->status = STATUS_OK;
    return 0;
}

static int health_echo(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)call, (void)err;
    ((Grpc__ReadStreamResponse *)reply)->data = ((const Grpc__WriteStreamRequest *)request)->data;
    return 0;
}

/* The same from memory that needs no copy, of which it has asked for more than it needs. */
static int health_echo_reserved(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply,
                                struct error *err)
{
    const ProtobufCBinaryData *from = &((const Grpc__WriteStreamRequest *)request)->data;
    ProtobufCBinaryData *to = &((Grpc__ReadStreamResponse *)reply)->data;

    (void)err;
    to->len = from->len;
    to->data = ttrpc_reply_bytes(call, from->len + 50000);
    if (!to->data)
        return -ENOBUFS;
    if (from->len > 0)
        memcpy(to->data, from->data, from->len);
    return 0;
}

static int health_big(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    ProtobufCBinaryData *data = &((Grpc__ReadStreamResponse *)reply)->data;

    (void)request, (void)err;
    data->len = world_of(call)->big_reply;
    data->data = arena_alloc(call->arena, data->len);
    return data->data ? 0 : -ENOBUFS;
}

static int health_fail(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)call, (void)request, (void)reply;
    return error_status(err, STATUS_NOT_FOUND, "no such thing \xff");
}

/* Reports a failure without a word. */
static int health_mute(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)call, (void)request, (void)reply, (void)err;
    return -ENOENT;
}

static int health_odd_status(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *err)
{
    (void)call, (void)request, (void)reply;
    return error_status(err, (enum status_code)99, "odd");
}

static int task_connect(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)reply, (void)err;
    snprintf(world_of(call)->text, sizeof(world_of(call)->text), "%s", ((const struct text_message *)request)->text);
    return 0;
}

static int do_nothing(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)call, (void)request, (void)reply, (void)err;
    return 0;
}

/* ---- stream handlers ---- */

static int echo_stream(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    ProtobufCMessage *message;
    int r;

    (void)reply;
    while ((r = ttrpc_stream_recv(call, call->arena, &message, err)) > 0) {
        ((struct echo_message *)message)->seq++;
        r = ttrpc_stream_send(call, message, err);
        if (r < 0)
            return r;
        arena_reset(call->arena);
    }
    return r;
}

static int sum_stream(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    struct pair_message *sum = (struct pair_message *)reply;
    struct arena *scratch = arena_new(SIZE_MAX / 2);
    ProtobufCMessage *message;
    int r;

    while ((r = ttrpc_stream_recv(call, scratch, &message, err)) > 0) {
        sum->a += ((struct pair_message *)message)->a;
        sum->b++;
        arena_reset(scratch);
    }
    arena_free(scratch);
    return r;
}

/* Begins late. */
static int sleepy_stream(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    fiber_sleep_until(call->loop, loop_deadline(call->loop, SLOW_NS));
    return sum_stream(call, reply, err);
}

static int divide_stream(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    struct pair_message *request, part;
    int r = ttrpc_stream_recv(call, call->arena, (ProtobufCMessage **)&request, err);

    (void)reply;
    if (r <= 0)
        return r < 0 ? r : error_status(err, STATUS_INVALID_ARGUMENT, "no request");
    for (int32_t i = 0; i < request->b; i++) {
        protobuf_c_message_init(&pair_type, &part);
        part.a = request->a / request->b;
        r = ttrpc_stream_send(call, &part.base, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int empty_payload_stream(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    struct pair_message message;
    ProtobufCMessage *request;
    int r = ttrpc_stream_recv(call, call->arena, &request, err);

    (void)reply;
    if (r <= 0)
        return r < 0 ? r : error_status(err, STATUS_INVALID_ARGUMENT, "no request");
    for (int32_t i = 1; i <= 2; i++) {
        protobuf_c_message_init(&pair_type, &message);
        message.a = i;
        r = ttrpc_stream_send(call, &message.base, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Reads nothing until it is cancelled. */
static int deaf_stream(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err)
{
    (void)reply;
    world_of(call)->started++;
    fiber_sleep_until(call->loop, NO_DEADLINE);
    world_of(call)->cancelled++;
    return error_status(err, STATUS_CANCELLED, "given up");
}

/* ---- tables ---- */

#define HEALTH_METHOD(name, request, reply, handler)                                                                           \
    {                                                                                                                          \
        "grpc.Health", name, request, reply, handler                                                                           \
    }

static const struct ttrpc_method test_methods[] = {
    HEALTH_METHOD("Check", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_check),
    HEALTH_METHOD("Version", &grpc__check_request__descriptor, &grpc__version_check_response__descriptor, health_version),
    HEALTH_METHOD("Slow", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_slow),
    HEALTH_METHOD("Park", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_park),
    HEALTH_METHOD("Stubborn", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_stubborn),
    HEALTH_METHOD("Echo", &grpc__write_stream_request__descriptor, &grpc__read_stream_response__descriptor, health_echo),
    HEALTH_METHOD("EchoReserved", &grpc__write_stream_request__descriptor, &grpc__read_stream_response__descriptor,
                  health_echo_reserved),
    HEALTH_METHOD("ParkData", &grpc__write_stream_request__descriptor, &grpc__health_check_response__descriptor, health_park),
    HEALTH_METHOD("Big", &grpc__check_request__descriptor, &grpc__read_stream_response__descriptor, health_big),
    HEALTH_METHOD("Fail", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_fail),
    HEALTH_METHOD("Mute", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_mute),
    HEALTH_METHOD("OddStatus", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, health_odd_status),
    HEALTH_METHOD("Missing", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, NULL),
    {"grpc.AgentService", "GetGuestDetails", &empty_type, &empty_type, do_nothing},
    {"containerd.task.v2.Task", "Connect", &text_type, &empty_type, task_connect},
    {"containerd.services.events.ttrpc.v1.Events", "Forward", &empty_type, &empty_type, do_nothing},
};

#define STREAMING "ttrpc.integration.streaming.Streaming"

enum {
    STREAM_DEAF,
    STREAM_DIVIDE,
    STREAM_ECHO,
    STREAM_EMPTY_PAYLOAD,
    STREAM_SLEEPY,
    STREAM_SUM,
};

static const struct ttrpc_stream_method test_streams[] = {
    [STREAM_DEAF] = {{STREAMING, "DeafStream", &echo_type, &pair_type, NULL}, deaf_stream, true, false},
    [STREAM_DIVIDE] = {{STREAMING, "DivideStream", &pair_type, &pair_type, NULL}, divide_stream, false, true},
    [STREAM_ECHO] = {{STREAMING, "EchoStream", &echo_type, &echo_type, NULL}, echo_stream, true, true},
    [STREAM_EMPTY_PAYLOAD] = {{STREAMING, "EmptyPayloadStream", &empty_type, &pair_type, NULL},
                              empty_payload_stream,
                              false,
                              true},
    [STREAM_SLEEPY] = {{STREAMING, "SleepyStream", &pair_type, &pair_type, NULL}, sleepy_stream, true, false},
    [STREAM_SUM] = {{STREAMING, "SumStream", &pair_type, &pair_type, NULL}, sum_stream, true, false},
};

static inline struct ttrpc_server_options test_options(struct world *world, enum ttrpc_profile profile)
{
    return (struct ttrpc_server_options){
        .profile = profile,
        .methods = test_methods,
        .n_methods = ARRAY_SIZE(test_methods),
        .stream_methods = test_streams,
        .n_stream_methods = ARRAY_SIZE(test_streams),
        .context = world,
    };
}
