/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/server.h"

#include <stdlib.h>

#include "ttrpc/call.h"
#include "ttrpc/connection.h"
#include "ttrpc/listener.h"
#include "ttrpc/server_private.h"

#define CALL_ARENA_BYTES (32 * 1024 * 1024)
#define CONNECTIONS_MAX 64
#define CALLS_MAX 4096
/* How long a peer that does not read may delay the end of a shutdown. */
#define FLUSH_NS NSEC_PER_SEC

int ttrpc_server_new(struct loop *loop, const struct ttrpc_server_options *options, struct ttrpc_server **ret_server,
                     struct error *err)
{
    struct ttrpc_server *server = calloc(1, sizeof(*server));
    if (!server)
        abort();

    int r = routes_init(&server->routes, options, err);
    if (r < 0) {
        free(server);
        return r;
    }
    server->loop = loop;
    server->options = *options;
    server->options.call_arena_bytes = options->call_arena_bytes ?: CALL_ARENA_BYTES;
    server->options.max_connections = options->max_connections ?: CONNECTIONS_MAX;
    server->options.max_calls = options->max_calls ?: CALLS_MAX;
    server->profile = profile_get(options->profile);
    list_init(&server->listeners);
    list_init(&server->connections);
    list_init(&server->spare_calls);
    waitq_init(&server->changed);
    *ret_server = server;
    return 0;
}

int ttrpc_server_listen(struct ttrpc_server *server, int fd, bool (*peer_allowed)(int fd), struct error *err)
{
    return listener_new(server, fd, peer_allowed, err);
}

int ttrpc_server_adopt(struct ttrpc_server *server, int fd, struct error *err)
{
    struct connection *connection;

    return connection_new(server, fd, &connection, err);
}

static void server_destroy(struct ttrpc_server *server)
{
    calls_free_spare(server);
    routes_done(&server->routes);
    free(server);
}

void server_call_ended(struct ttrpc_server *server)
{
    server->n_running--;
    waitq_wake_all(&server->changed);
    if (server->released && server->n_running == 0)
        server_destroy(server);
}

static void server_cancel_calls(struct ttrpc_server *server)
{
    struct connection *connection;
    struct call *call;

    LIST_FOREACH (connection, &server->connections, node)
        LIST_FOREACH (call, &connection->calls, node)
            call_cancel(call);
}

static void server_close_connections(struct ttrpc_server *server)
{
    while (!list_is_empty(&server->connections))
        connection_free(CONTAINER_OF(server->connections.next, struct connection, node));
}

static bool server_has_output(const struct ttrpc_server *server)
{
    const struct connection *connection;

    LIST_FOREACH (connection, &server->connections, node)
        if (connection->channel.out.bytes > 0)
            return true;
    return false;
}

void ttrpc_server_shutdown(struct ttrpc_server *server, uint64_t deadline, bool cancel)
{
    struct connection *connection;
    int r = 0;

    listeners_free(server);
    LIST_FOREACH (connection, &server->connections, node)
        channel_stop_reading(&connection->channel);
    if (cancel)
        server_cancel_calls(server);
    while (r == 0 && server->n_running > 0)
        r = waitq_wait(server->loop, &server->changed, deadline);

    server_cancel_calls(server);
    const uint64_t flush_deadline = loop_deadline(server->loop, FLUSH_NS);
    r = 0;
    while (r == 0 && server_has_output(server))
        r = waitq_wait(server->loop, &server->changed, flush_deadline);
    server_close_connections(server);
}

void ttrpc_server_free(struct ttrpc_server *server)
{
    if (!server)
        return;
    listeners_free(server);
    server_close_connections(server);
    server->released = true;
    if (server->n_running == 0)
        server_destroy(server);
}
