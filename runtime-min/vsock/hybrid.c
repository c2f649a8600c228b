/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/hybrid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

#define LINE_MAX_BYTES 64
#define CLIENTS_MAX 64 /* that have not sent their line; the others wait in the socket's queue */
#define LINE_NS (2 * NSEC_PER_SEC)
#define RETRY_NS (100 * NSEC_PER_MSEC)

struct hybrid {
    struct mux *mux;
    struct watch watch; /* stopped while there are too many clients, or no descriptors left */
    struct timer retry;
    int fd;
    struct list clients;
    unsigned int n_clients;
};

struct client {
    struct hybrid *hybrid;
    struct list node;
    struct watch watch;
    struct timer timer;
    int fd;
    char line[LINE_MAX_BYTES];
    size_t len;
};

static void listen_again(struct hybrid *hybrid);

int hybrid_parse(const char *line, size_t len, uint32_t *ret_port)
{
    static const char word[] = "CONNECT ";
    const size_t head = sizeof(word) - 1;
    uint64_t port = 0;

    if (len <= head || len > head + 10 || strncasecmp(line, word, head) != 0)
        return -EINVAL;
    for (size_t i = head; i < len; i++) {
        if (line[i] < '0' || line[i] > '9')
            return -EINVAL;
        port = port * 10 + (uint64_t)(line[i] - '0');
    }
    if (port > UINT32_MAX)
        return -EINVAL;
    *ret_port = (uint32_t)port;
    return 0;
}

/* ---- clients ---- */

static void client_free(struct client *client)
{
    struct hybrid *hybrid = client->hybrid;

    watch_stop(&client->watch);
    timer_stop(&client->timer);
    fd_close(&client->fd);
    list_remove(&client->node);
    hybrid->n_clients--;
    free(client);
}

static void client_expired(struct timer *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, timer);
    struct hybrid *hybrid = client->hybrid;

    client_free(client);
    listen_again(hybrid);
}

/* Takes the line out of the socket, and nothing behind it: that is for the guest. Returns 1 with the whole line, 0 when there
 * is more to come, or -errno. */
static int read_line(struct client *client)
{
    char *p = client->line + client->len;
    struct iovec iov = {p, sizeof(client->line) - client->len};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (iov.iov_len == 0)
        return -EMSGSIZE;
    ssize_t seen = sys_recvmsg(client->fd, &message, MSG_PEEK | MSG_DONTWAIT);
    if (seen <= 0)
        return seen == -EAGAIN ? 0 : seen == 0 ? -ECONNRESET : (int)seen;
    const char *newline = memchr(p, '\n', (size_t)seen);
    ssize_t taken = sys_read(client->fd, p, newline ? (size_t)(newline - p) + 1 : (size_t)seen);
    if (taken <= 0)
        return taken < 0 ? (int)taken : -ECONNRESET;
    client->len += (size_t)taken;
    return newline != NULL;
}

static void client_ready(struct watch *watch, uint32_t events)
{
    struct client *client = CONTAINER_OF(watch, struct client, watch);
    struct hybrid *hybrid = client->hybrid;
    uint32_t port;

    (void)events;
    int r = read_line(client);
    if (r == 0)
        return;
    if (r > 0 && hybrid_parse(client->line, client->len - 1, &port) == 0) {
        watch_stop(&client->watch);
        (void)mux_connect(hybrid->mux, port, fd_take(&client->fd));
    }
    client_free(client);
    listen_again(hybrid);
}

static void admit(struct hybrid *hybrid, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        abort();

    client->hybrid = hybrid;
    client->fd = fd;
    client->watch.ready = client_ready;
    client->timer.expired = client_expired;
    list_append(&hybrid->clients, &client->node);
    hybrid->n_clients++;
    timer_start(hybrid->mux->loop, &client->timer, loop_deadline(hybrid->mux->loop, LINE_NS));
    if (watch_start(hybrid->mux->loop, &client->watch, fd, EPOLLIN) < 0)
        client_free(client);
}

/* ---- the socket ---- */

static void pause_listening(struct hybrid *hybrid)
{
    watch_stop(&hybrid->watch);
    timer_start(hybrid->mux->loop, &hybrid->retry, loop_deadline(hybrid->mux->loop, RETRY_NS));
}

static void hybrid_ready(struct watch *watch, uint32_t events)
{
    struct hybrid *hybrid = CONTAINER_OF(watch, struct hybrid, watch);

    (void)events;
    while (hybrid->n_clients < CLIENTS_MAX) {
        int fd = sys_accept4(hybrid->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd == -EAGAIN)
            return;
        if (fd == -ECONNABORTED)
            continue;
        if (fd < 0)
            break;
        admit(hybrid, fd);
    }
    pause_listening(hybrid);
}

static void listen_again(struct hybrid *hybrid)
{
    if (hybrid->watch.loop)
        return;
    timer_stop(&hybrid->retry);
    if (watch_start(hybrid->mux->loop, &hybrid->watch, hybrid->fd, EPOLLIN) < 0)
        pause_listening(hybrid);
}

static void retry_expired(struct timer *timer)
{
    listen_again(CONTAINER_OF(timer, struct hybrid, retry));
}

int hybrid_new(struct mux *mux, int fd, struct hybrid **ret_hybrid, struct error *err)
{
    struct hybrid *hybrid = calloc(1, sizeof(*hybrid));
    if (!hybrid)
        abort();

    hybrid->mux = mux;
    hybrid->fd = fd;
    hybrid->watch.ready = hybrid_ready;
    hybrid->retry.expired = retry_expired;
    list_init(&hybrid->clients);
    int r = sys_fcntl(fd, F_SETFL, O_NONBLOCK);
    if (r == 0)
        r = watch_start(mux->loop, &hybrid->watch, fd, EPOLLIN);
    if (r < 0) {
        hybrid_free(hybrid);
        return error_set(err, r, "watch the hybrid vsock socket");
    }
    *ret_hybrid = hybrid;
    return 0;
}

void hybrid_free(struct hybrid *hybrid)
{
    if (!hybrid)
        return;
    while (!list_is_empty(&hybrid->clients))
        client_free(CONTAINER_OF(hybrid->clients.next, struct client, node));
    watch_stop(&hybrid->watch);
    timer_stop(&hybrid->retry);
    fd_close(&hybrid->fd);
    free(hybrid);
}
