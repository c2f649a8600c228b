/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as edits of a message: whatever the bytes are, the message stays well-formed, and most of it stays what it was. So a
 * fuzzer that changes bytes changes one field of a valid request after another.
 *
 * An edit is a walk from the top: a byte per message chooses the field, a byte per list what happens (append, drop, repeat,
 * edit an element), a byte per value what it becomes: a word, a number from the corners, or what further bytes say. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/arena.h"

/* Reads edits until the bytes or EDITS_MAX are used up. What the message gets is in a; texts of it are never written to. */
void edit_message(struct arena *a, ProtobufCMessage *message, const uint8_t *data, size_t size);
