/* SPDX-License-Identifier: Apache-2.0 */
/* Server side of one connection: sorts incoming frames into calls and refusals. */
#pragma once
#include "ttrpc/channel.h"
#include "ttrpc/idmap.h"
#include "ttrpc/profile.h"
#include "ttrpc/server.h"
#include "ttrpc/wire.h"

struct connection {
    struct channel channel;
    struct list node; /* in server->connections */
    struct ttrpc_server *server;
    struct idmap live; /* calls without an answer, by stream id */
    struct list calls; /* all calls whose fiber has not ended */
    unsigned int n_calls;
    unsigned int n_new; /* of them, those whose fiber has not run yet */
    size_t charged;     /* bytes of large requests whose call has not ended */
    struct waitq room;  /* fibers that wait for a place in the write queue */
};

/* Takes over fd (also when it fails); -1: a connection without a socket, fed by channel_feed(). */
int connection_new(struct ttrpc_server *server, int fd, struct connection **ret_connection, struct error *err);
/* Closes it; its calls are cancelled and left to their fibers. */
void connection_free(struct connection *connection);

/* Queues a RESPONSE that carries a status. text is cut to 64 KiB, and made UTF-8. */
void connection_send_status(struct connection *connection, uint32_t stream_id, enum status_code code, struct bytes text);
/* Queues a RESPONSE with a packed message, or the status for one that is too long; NULL: a success without content. A large
 * reply that ends with the body of *reserved (may be NULL) takes it along: then it is NULL. */
void connection_send_reply(struct connection *connection, uint32_t stream_id, const ProtobufCMessage *reply,
                           struct outq_chunk **reserved);
