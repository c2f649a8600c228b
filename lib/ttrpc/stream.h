/* SPDX-License-Identifier: Apache-2.0 */
/* Incoming side of one streaming call: messages that its handler has not taken yet, within a bound. */
#pragma once
#include <stdbool.h>

#include "base/list.h"
#include "loop/loop.h"
#include "ttrpc/frame.h"
#include "ttrpc/wire.h"

/* A stream with this much unread is full; one message more is always taken while it holds less. */
#define STREAM_BUFFER_MAX (256 * 1024)

struct stream {
    struct list messages;
    size_t bytes; /* of the messages, with what they cost in memory */
    bool remote_closed;
    struct waitq arrived;
};

void stream_init(struct stream *stream);
void stream_done(struct stream *stream);
/* Takes a copy of one message. */
void stream_push(struct stream *stream, struct bytes message);
/* The sender is done; the handler sees it behind the last message. */
void stream_close(struct stream *stream);
static inline bool stream_is_full(const struct stream *stream)
{
    return stream->bytes >= STREAM_BUFFER_MAX;
}
/* The oldest message, or NULL; to be freed with free(). */
struct stream_message *stream_pop(struct stream *stream);

struct stream_message {
    struct list node;
    size_t len;
    uint8_t data[];
};
