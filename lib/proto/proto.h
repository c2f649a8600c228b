/* SPDX-License-Identifier: Apache-2.0 */
/* Safe decoding of protobuf messages into an arena. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/* Decodes and checks all strings, recursively: valid UTF-8 and no NUL (protobuf-c accepts both). Memory comes from a.
 * 0; -EBADMSG with the reason in err ("Truncated message", "Invalid UTF-8 sequence in field grpc.Spec.Hostname"), or -ENOBUFS
 * when a's budget is used up. Unknown fields are dropped. Constant stack for any input. */
int proto_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, const void *p, size_t len,
                 ProtobufCMessage **ret_message, struct error *err);
/* A zero message of that type in a, or NULL when the budget is used up. */
ProtobufCMessage *proto_new(struct arena *a, const ProtobufCMessageDescriptor *type);
/* Length of valid UTF-8 without NUL? */
bool proto_string_is_valid(const char *s, size_t len);
