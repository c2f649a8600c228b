/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on the socket. What they ask for: vhost_request.c. */
#include "runtime-min/vsock/vhost_user.h"

#include <stdlib.h>
#include <string.h>

#include "runtime-min/vsock/vhost_request.h"
#include "sys/fd.h"

#define MESSAGES_PER_TURN 64

static void close_fds(struct vhost_user *session)
{
    while (session->n_fds > 0)
        fd_close(&session->fds[--session->n_fds]);
}

static void end(struct vhost_user *session, int r, const char *text)
{
    watch_stop(&session->watch);
    fd_close(&session->fd);
    close_fds(session);
    vhost_rings_stop(session);
    session->handler.lost(session->handler.context, r, text);
}

/* Keeps what was sent along. Returns false when there were more descriptors than any message has. */
static bool take_fds(struct vhost_user *session, struct msghdr *message)
{
    bool fits = !(message->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
            if (session->n_fds < VHOST_USER_FDS_MAX)
                session->fds[session->n_fds++] = fd;
            else
                fits = (fd_close(&fd), false);
        }
    }
    return fits;
}

/* Reads until the message has len bytes. Returns 1 then, 0 when the rest is not there yet, or -errno: -ECONNRESET at the end.
 */
static int fill(struct vhost_user *session, size_t len)
{
    while (session->have < len) {
        char control[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS_MAX)];
        struct iovec iov = {session->message + session->have, len - session->have};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

        ssize_t r = sys_recvmsg(session->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (r == -EAGAIN)
            return 0;
        if (r <= 0)
            return r < 0 ? (int)r : -ECONNRESET;
        if (!take_fds(session, &message))
            return -EPROTO;
        session->have += (size_t)r;
    }
    return 1;
}

static int reply(struct vhost_user *session, const struct vhost_message *request, const struct vhost_message *answer)
{
    const struct vhost_header header = {request->header.request, VHOST_VERSION | VHOST_FLAG_REPLY, answer->header.size};
    struct iovec iov[2] = {{(void *)&header, sizeof(header)}, {(void *)&answer->payload, answer->header.size}};
    const struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

    ssize_t r = sys_sendmsg(session->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (r == (ssize_t)(sizeof(header) + answer->header.size))
        return 0;
    return r < 0 ? (int)r : -EPROTO;
}

/* A whole message is there. Returns 0, or -errno with the reason in err: the session cannot go on. */
static int handle(struct vhost_user *session, const struct vhost_message *request, struct error *err)
{
    const bool wants_ack =
        (request->header.flags & VHOST_FLAG_NEED_REPLY) && (session->protocol_features & 1u << VHOST_USER_PROTOCOL_REPLY_ACK);
    struct vhost_message answer = {.header.size = 0};

    int r = vhost_request(session, request, &answer, err);
    close_fds(session);
    if (r < 0 && !wants_ack)
        return r;
    if (r <= 0 && wants_ack) {
        answer.header.size = sizeof(answer.payload.number);
        answer.payload.number = r < 0;
    } else if (r == 0) {
        return 0;
    }
    r = reply(session, request, &answer);
    return r < 0 ? error_set(err, r, "answer to vhost-user request %u", request->header.request) : 0;
}

/* Returns 1 after a message, 0 when there is none, or -errno. */
static int next_message(struct vhost_user *session, struct error *err)
{
    struct vhost_message request;

    int r = fill(session, sizeof(request.header));
    if (r <= 0)
        return r == 0 ? 0 : error_set(err, r, "read from the vhost-user frontend");
    memcpy(&request.header, session->message, sizeof(request.header));
    r = vhost_request_check(&request.header, err);
    if (r < 0)
        return r;
    r = fill(session, sizeof(request.header) + request.header.size);
    if (r <= 0)
        return r == 0 ? 0 : error_set(err, r, "read from the vhost-user frontend");
    memset(&request.payload, 0, sizeof(request.payload));
    memcpy(&request.payload, session->message + sizeof(request.header), request.header.size);
    session->have = 0;
    r = handle(session, &request, err);
    return r < 0 ? r : 1;
}

static void session_ready(struct watch *watch, uint32_t events)
{
    struct vhost_user *session = CONTAINER_OF(watch, struct vhost_user, watch);
    struct error err = {.errnum = 0};
    int r = 1;

    (void)events;
    for (unsigned int i = 0; i < MESSAGES_PER_TURN && r > 0; i++)
        r = next_message(session, &err);
    if (r == -ECONNRESET && session->have == 0)
        end(session, 0, "the frontend closed the session");
    else if (r < 0)
        end(session, r, err.text);
}

int vhost_user_new(struct loop *loop, uint64_t guest_cid, int fd, const struct vhost_user_handler *handler,
                   struct vhost_user **ret_session, struct error *err)
{
    struct vhost_user *session = calloc(1, sizeof(*session));
    if (!session)
        abort();

    session->loop = loop;
    session->guest_cid = guest_cid;
    session->handler = *handler;
    session->fd = fd;
    session->watch.ready = session_ready;
    vhost_rings_init(session);
    int r = watch_start(loop, &session->watch, fd, EPOLLIN);
    if (r < 0) {
        vhost_user_free(session);
        return error_set(err, r, "watch the vhost-user socket");
    }
    *ret_session = session;
    return 0;
}

void vhost_user_free(struct vhost_user *session)
{
    if (!session)
        return;
    watch_stop(&session->watch);
    close_fds(session);
    fd_close(&session->fd);
    vhost_rings_stop(session);
    guest_memory_done(&session->memory);
    free(session);
}
