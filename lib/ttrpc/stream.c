/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/stream.h"

#include <stdlib.h>
#include <string.h>

void stream_init(struct stream *stream)
{
    *stream = (struct stream){.bytes = 0};
    list_init(&stream->messages);
    waitq_init(&stream->arrived);
}

void stream_done(struct stream *stream)
{
    struct stream_message *message;

    while ((message = stream_pop(stream)))
        free(message);
}

void stream_push(struct stream *stream, struct bytes bytes)
{
    struct stream_message *message = malloc(sizeof(*message) + bytes.len);
    if (!message)
        abort();

    message->len = bytes.len;
    if (bytes.len)
        memcpy(message->data, bytes.p, bytes.len);
    list_append(&stream->messages, &message->node);
    stream->bytes += sizeof(*message) + bytes.len;
    waitq_wake_one(&stream->arrived);
}

void stream_close(struct stream *stream)
{
    stream->remote_closed = true;
    waitq_wake_all(&stream->arrived);
}

struct stream_message *stream_pop(struct stream *stream)
{
    struct list *node = list_pop(&stream->messages);
    if (!node)
        return NULL;

    struct stream_message *message = CONTAINER_OF(node, struct stream_message, node);
    stream->bytes -= sizeof(*message) + message->len;
    return message;
}
