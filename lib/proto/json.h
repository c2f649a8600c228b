/* SPDX-License-Identifier: Apache-2.0 */
/* Any protobuf message <-> JSON, by its descriptor: for people and tests, not for speed.
 *
 * Fields have their names of the .proto file and are left out when they have their default. 64-bit integers are numbers, enums
 * are names (numbers are accepted), bytes are base64, maps are objects. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* An unknown field, a wrong type or a number out of range is INVALID_ARGUMENT with its path. Empty text
 * is the empty message. */
int proto_from_json(struct arena *a, const ProtobufCMessageDescriptor *type, const char *text, size_t len,
                    ProtobufCMessage **ret_message, struct error *err);
/* Appends the message as one line without newline. 0 or -EMSGSIZE when out is full. */
int proto_to_json(const ProtobufCMessage *message, struct buf *out);
