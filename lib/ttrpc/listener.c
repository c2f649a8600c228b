/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/listener.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/fd.h"
#include "sys/sys.h"
#include "ttrpc/connection.h"

/* Connections accepted in one turn: a storm of them does not starve the calls. */
#define ACCEPT_BATCH 16
#define BACKOFF_MIN_NS (10 * NSEC_PER_MSEC)
#define BACKOFF_MAX_NS NSEC_PER_SEC

struct listener {
    struct list node;
    struct ttrpc_server *server;
    struct watch watch; /* stopped while it backs off */
    struct timer retry;
    uint64_t backoff_ns;
    int fd;
    bool (*peer_allowed)(int fd);
};

/* The new connection goes to the server, or is closed without a word. */
static void listener_admit(struct listener *listener, int accepted)
{
    struct ttrpc_server *server = listener->server;
    _close_ int fd = accepted;
    struct connection *connection;

    if (listener->peer_allowed && !listener->peer_allowed(fd))
        return;
    if (server->n_connections >= server->options.max_connections)
        return;
    connection_new(server, fd_take(&fd), &connection, NULL);
}

static void listener_back_off(struct listener *listener)
{
    struct loop *loop = listener->server->loop;

    watch_stop(&listener->watch);
    timer_start(loop, &listener->retry, loop_deadline(loop, listener->backoff_ns));
    listener->backoff_ns = listener->backoff_ns < BACKOFF_MAX_NS / 2 ? listener->backoff_ns * 2 : BACKOFF_MAX_NS;
}

static void listener_ready(struct watch *watch, uint32_t events)
{
    struct listener *listener = CONTAINER_OF(watch, struct listener, watch);
    /* Reported for ever by a socket that was shut down, which has no other error. */
    const bool dead = events & (EPOLLHUP | EPOLLERR);

    for (unsigned int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = sys_accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd == -EAGAIN && !dead)
            return;
        if (fd < 0 && fd != -ECONNABORTED) {
            listener_back_off(listener);
            return;
        }
        if (fd < 0)
            continue;
        listener->backoff_ns = BACKOFF_MIN_NS;
        listener_admit(listener, fd);
    }
}

static void listener_retry(struct timer *timer)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, retry);

    if (watch_start(listener->server->loop, &listener->watch, listener->fd, EPOLLIN) < 0)
        listener_back_off(listener);
}

static void listener_free(struct listener *listener)
{
    watch_stop(&listener->watch);
    timer_stop(&listener->retry);
    fd_close(&listener->fd);
    list_remove(&listener->node);
    free(listener);
}

int listener_new(struct ttrpc_server *server, int fd, bool (*peer_allowed)(int fd), struct error *err)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        abort();

    listener->server = server;
    listener->watch.ready = listener_ready;
    listener->retry.expired = listener_retry;
    listener->backoff_ns = BACKOFF_MIN_NS;
    listener->fd = fd;
    listener->peer_allowed = peer_allowed;
    list_append(&server->listeners, &listener->node);

    int r = sys_fcntl(fd, F_SETFL, O_NONBLOCK);
    if (r == 0)
        r = watch_start(server->loop, &listener->watch, fd, EPOLLIN);
    if (r < 0) {
        listener_free(listener);
        return error_set(err, r, "watch listening socket");
    }
    return 0;
}

void listeners_free(struct ttrpc_server *server)
{
    while (!list_is_empty(&server->listeners))
        listener_free(CONTAINER_OF(server->listeners.next, struct listener, node));
}
