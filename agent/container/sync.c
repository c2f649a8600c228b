/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/sync.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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

/* Room for one descriptor beside a message (SCM_RIGHTS, unix(7)). */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
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

void sync_send_log(int fd, const char *fmt, ...)
{
    struct sync_message message = {.header = {.type = SYNC_LOG}};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(message.text, sizeof(message.text), fmt, args);
    va_end(args);
    (void)sync_write(fd, &message, sizeof(message.header) + strlen(message.text));
}

int sync_send_descriptor(int fd, int sent, struct error *err)
{
    struct sync_header header = {.type = SYNC_DESCRIPTOR};
    union control control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {.iov_base = &header, .iov_len = sizeof(header)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int))};

    memcpy(CMSG_DATA(&control.header), &sent, sizeof(sent));
    ssize_t n = sys_sendmsg(fd, &msg, MSG_NOSIGNAL);
    return n < 0 ? error_set(err, (int)n, "hand a descriptor to the agent") : 0;
}

/* The descriptor that came with a message, or -1. There is room for no more than one. */
static int take_descriptor(struct msghdr *msg)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(msg);
    int fd = -1;

    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

/* Length of the text behind the header, or -errno; 0 bytes from the socket are -EPIPE. A descriptor that came too is put into
 * *received, which owned another one until then. */
static int sync_read(int fd, struct sync_message *message, int *received)
{
    union control control;
    struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (received) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    ssize_t n = sys_recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    if (n > 0 && received)
        fd_replace(received, take_descriptor(&msg));
    if (n == -ECONNRESET)
        return -EPIPE;
    if (n < 0)
        return (int)n;
    if (n == 0)
        return -EPIPE;
    if ((size_t)n < sizeof(message->header) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return -EBADMSG;
    return (int)((size_t)n - sizeof(message->header));
}

int sync_expect(int fd, enum sync_type type)
{
    struct sync_message message;

    int r = sync_read(fd, &message, NULL);
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

/* The next message of the child as sync_read() has it. An error that it reports is one of this call. */
static int next_message(struct loop *loop, int fd, uint64_t deadline, struct sync_message *message, int *received,
                        struct error *err)
{
    int r;

    while ((r = sync_read(fd, message, received)) == -EAGAIN) {
        r = fiber_wait_fd(loop, fd, EPOLLIN, deadline);
        if (r < 0)
            return error_set(err, r, "wait for the container child");
    }
    if (r == -EPIPE)
        return r;
    if (r < 0)
        return error_set(err, r, "message from the container child");
    return message->header.type == SYNC_ERROR ? error_from_message(message, (size_t)r, err) : r;
}

static int expect_message(struct loop *loop, const struct logger *log, int fd, uint64_t deadline, enum sync_type type,
                          int *received, struct error *err)
{
    struct sync_message message;
    int r;

    while ((r = next_message(loop, fd, deadline, &message, received, err)) >= 0 && message.header.type == SYNC_LOG) {
        if (log)
            log_info(log, "container", "%.*s", r, message.text);
    }
    if (r < 0)
        return r;
    if (message.header.type != (uint32_t)type || r != 0)
        return error_text(err, -EBADMSG, "unexpected message of type %u from the container child", message.header.type);
    return 0;
}

int sync_wait_ready(struct loop *loop, const struct logger *log, int fd, uint64_t deadline, int *ret_received,
                    struct error *err)
{
    _close_ int received = -1;

    if (ret_received) {
        int r = expect_message(loop, log, fd, deadline, SYNC_DESCRIPTOR, &received, err);
        if (r < 0)
            return r;
        if (received < 0)
            return error_text(err, -EBADMSG, "the container child sent no descriptor");
    }
    int r = expect_message(loop, log, fd, deadline, SYNC_READY, NULL, err);
    if (r == 0 && ret_received)
        *ret_received = fd_take(&received);
    return r;
}
