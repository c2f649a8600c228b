/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/sync.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

struct sync_header {
    uint32_t type;
    uint32_t status;
    uint32_t errnum;
};

struct sync_message {
    struct sync_header header;
    char text[ERROR_TEXT_MAX];
};

int sync_pair(int *ret_agent_fd, int *ret_child_fd, struct error *err)
{
    int fds[2];

    int r = sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
    if (r < 0)
        return error_set(err, r, "socket pair to the container child");
    r = sys_fcntl(fds[0], F_SETFL, O_RDWR | O_NONBLOCK);
    if (r < 0) {
        sys_close(fds[0]);
        sys_close(fds[1]);
        return error_set(err, r, "make the container child's socket non-blocking");
    }
    *ret_agent_fd = fds[0];
    *ret_child_fd = fds[1];
    return 0;
}

static int sync_write(int fd, const void *p, size_t len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = sys_sendmsg(fd, &msg, MSG_NOSIGNAL);
    return n < 0 ? (int)n : 0;
}

int sync_send(int fd, enum sync_type type)
{
    struct sync_header header = {.type = type};

    return sync_write(fd, &header, sizeof(header));
}

void sync_send_error(int fd, const struct error *err)
{
    struct sync_message message = {
        .header = {.type = SYNC_ERROR, .status = (uint32_t)err->status, .errnum = (uint32_t)err->errnum},
    };
    size_t len = strnlen(err->text, sizeof(message.text));

    memcpy(message.text, err->text, len);
    (void)sync_write(fd, &message, sizeof(message.header) + len);
}

/* Length of the text behind the header, or -errno; 0 bytes from the socket are -EPIPE. */
static int sync_read(int fd, struct sync_message *message)
{
    struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = sys_recvmsg(fd, &msg, 0);
    if (n == -ECONNRESET)
        return -EPIPE;
    if (n < 0)
        return (int)n;
    if (n == 0)
        return -EPIPE;
    if ((size_t)n < sizeof(message->header) || (msg.msg_flags & MSG_TRUNC))
        return -EBADMSG;
    return (int)((size_t)n - sizeof(message->header));
}

int sync_expect(int fd, enum sync_type type)
{
    struct sync_message message;

    int r = sync_read(fd, &message);
    if (r < 0)
        return r;
    return r == 0 && message.header.type == (uint32_t)type ? 0 : -EBADMSG;
}

static int error_from_message(const struct sync_message *message, size_t text_len, struct error *err)
{
    if (message->header.status == 0 || message->header.status >= STATUS_MAX || message->header.errnum == 0 ||
        message->header.errnum > 4095 || text_len >= sizeof(err->text) || memchr(message->text, '\0', text_len))
        return error_text(err, -EBADMSG, "malformed error message from the container child");

    err->status = (enum status_code)message->header.status;
    err->errnum = (int)message->header.errnum;
    memcpy(err->text, message->text, text_len);
    err->text[text_len] = '\0';
    return -err->errnum;
}

int sync_wait_ready(struct loop *loop, int fd, uint64_t deadline, struct error *err)
{
    struct sync_message message;
    int r;

    while ((r = sync_read(fd, &message)) == -EAGAIN) {
        r = fiber_wait_fd(loop, fd, EPOLLIN, deadline);
        if (r < 0)
            return error_set(err, r, "wait for the container child");
    }
    if (r == -EPIPE)
        return r;
    if (r < 0)
        return error_set(err, r, "message from the container child");
    if (message.header.type == SYNC_ERROR)
        return error_from_message(&message, (size_t)r, err);
    if (message.header.type != SYNC_READY || r != 0)
        return error_text(err, -EBADMSG, "unexpected message of type %u from the container child", message.header.type);
    return 0;
}
