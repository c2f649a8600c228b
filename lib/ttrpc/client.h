/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc client: calls and streams over one connection, many at once, from fibers. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "loop/loop.h"

struct ttrpc_client;

/* Takes over a connected socket (also when it fails). */
int ttrpc_client_new(struct loop *loop, int fd, struct ttrpc_client **ret_client, struct error *err);
/* Pending calls fail with "ttrpc: closed"; accepts NULL. */
void ttrpc_client_free(struct ttrpc_client *client);

/* One unary call, from a fiber; calls of several fibers overlap. timeout_ns 0 = none; it travels with the request and is
 * enforced here too. The reply is decoded into a.
 * Returns 0, or a negative errno: err->status and err->text hold the server's status, or DEADLINE_EXCEEDED, CANCELLED (the
 * fiber), UNAVAILABLE "ttrpc: closed" (connection lost, or its 2^31 stream ids used up), RESOURCE_EXHAUSTED (request over 4
 * MiB, nothing was sent). */
int ttrpc_client_call(struct ttrpc_client *client, const char *service, const char *method, const ProtobufCMessage *request,
                      const ProtobufCMessageDescriptor *reply_type, struct arena *a, uint64_t timeout_ns,
                      ProtobufCMessage **ret_reply, struct error *err);

/* ---- streaming methods ---- */

struct ttrpc_client_stream;
struct ttrpc_stream_method; /* ttrpc/server.h */

/* Opens a stream, from a fiber. method: names, message types and kind; its handler is not used and it must outlive the stream.
 * request: the single message of a client that does not stream, otherwise NULL. timeout_ns bounds the whole stream.
 * Errors as of ttrpc_client_call(). */
int ttrpc_client_stream_open(struct ttrpc_client *client, const struct ttrpc_stream_method *method,
                             const ProtobufCMessage *request, uint64_t timeout_ns, struct ttrpc_client_stream **ret_stream,
                             struct error *err);
/* Sends one message; NULL: no more will come. Waits while the server does not read. */
int ttrpc_client_stream_send(struct ttrpc_client_stream *stream, const ProtobufCMessage *message, struct error *err);
/* Next message of the server (the single reply of a server that does not stream), decoded into a. Returns 1, 0 after the last
 * one, or a negative errno with err filled as by ttrpc_client_call(). */
int ttrpc_client_stream_recv(struct ttrpc_client_stream *stream, struct arena *a, ProtobufCMessage **ret_message,
                             struct error *err);
/* Forgets the stream; the server notices nothing. Also after ttrpc_client_free(). Accepts NULL. */
void ttrpc_client_stream_free(struct ttrpc_client_stream *stream);
