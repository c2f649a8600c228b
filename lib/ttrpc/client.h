/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc client: calls over one connection, many at once, from fibers or (ttrpc_client_call_blocking) from plain code. */
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
 * Returns 0, or a negative errno: err->status and err->text hold the server's status, or DEADLINE_EXCEEDED, CANCELLED (the fiber),
 * UNAVAILABLE "ttrpc: closed" (connection lost), RESOURCE_EXHAUSTED (request over 4 MiB, nothing was sent). */
int ttrpc_client_call(struct ttrpc_client *client, const char *service, const char *method, const ProtobufCMessage *request,
                      const ProtobufCMessageDescriptor *reply_type, struct arena *a, uint64_t timeout_ns,
                      ProtobufCMessage **ret_reply, struct error *err);
