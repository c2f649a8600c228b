/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a peer into a ttrpc server or client without a socket. The first byte chooses the size of the pieces. */
#pragma once
#include "fuzz/fuzz.h"
#include "ttrpc/client_private.h"
#include "ttrpc/connection.h"
#include "ttrpc/server_private.h"

struct feed {
    struct ttrpc_server *server; /* or */
    struct ttrpc_client *client;
    const uint8_t *data;
    size_t size;
};

/* The other fibers have their turn after each piece. It ends when the list does, with which the channel goes. */
static inline void feed_channel(const struct feed *feed, struct channel *channel, const struct list *living)
{
    const uint8_t *p = feed->data + 1, *end = feed->data + feed->size;
    const size_t piece = feed->data[0] < 2 ? feed->size : feed->data[0] / 2;
    struct loop *loop = channel->loop;

    for (size_t len; p < end && !list_is_empty(living); p += len) {
        len = piece < (size_t)(end - p) ? piece : (size_t)(end - p);
        channel_feed(channel, p, len);
        fiber_yield(loop);
    }
}

static inline void feed_fiber(void *arg)
{
    const struct feed *feed = arg;
    struct connection *connection;

    if (feed->client) {
        feed_channel(feed, &feed->client->channel, &feed->client->exchanges);
    } else {
        connection_new(feed->server, -1, &connection, NULL);
        feed_channel(feed, &connection->channel, &feed->server->connections);
    }
    ttrpc_client_free(feed->client);
    ttrpc_server_free(feed->server);
}

/* Feeds what is there, ends what came of it, and frees all. */
static inline void feed_run(struct loop *loop, struct feed feed)
{
    fiber_start(loop, "feed", feed_fiber, &feed, NULL);
    loop_run(loop, NULL);
    loop_free(loop);
}
