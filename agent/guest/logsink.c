/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/logsink.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "sys/fd.h"

/* A pipe that polls as writable takes this much without blocking. */
#define WRITE_CHUNK 4096
#define LOG_NAME "kata-agent" /* hosts look for this value of "name" */

static void logsink_write(void *context, const char *line, size_t len);

static uint64_t logsink_now(void *context)
{
    (void)context;
    return sys_realtime_ns();
}

/* ---- the descriptor ---- */

static bool fd_is_socket(int fd)
{
    int type;
    socklen_t len = sizeof(type);
    return sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

/* A non-blocking description of our own for the pipe or terminal behind fd, whose flags are shared with other programs.
 * -errno where there is none; polling in front of small writes has to do then. */
static int reopen_nonblocking(int fd)
{
    char path[32];
    struct stat st;

    if (sys_fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
        return -EINVAL;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return sys_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

static void fd_use(struct logsink *sink, int fd, bool owned)
{
    sink->fd = fd;
    sink->owned = owned;
    sink->is_socket = fd_is_socket(fd);
    sink->mid_line = false;
}

static void fd_drop(struct logsink *sink)
{
    watch_stop(&sink->writable);
    if (sink->owned)
        fd_close(&sink->fd);
    sink->fd = -1;
    sink->owned = false;
}

/* Bytes taken (> 0), -EAGAIN, or another -errno. Never waits. */
static ssize_t fd_write_some(const struct logsink *sink, const char *p, size_t len)
{
    if (sink->is_socket) {
        struct iovec iov = {.iov_base = (void *)p, .iov_len = len};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        return sys_sendmsg(sink->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    struct pollfd poll = {.fd = sink->fd, .events = POLLOUT};
    int n = sys_poll(&poll, 1, 0);
    if (n < 0)
        return n;
    if (poll.revents & (POLLERR | POLLHUP | POLLNVAL))
        return -EPIPE; /* found without a SIGPIPE */
    if (n == 0)
        return -EAGAIN;
    return sys_write(sink->fd, p, len < WRITE_CHUNK ? len : WRITE_CHUNK);
}

/* ---- lines ---- */

static uint64_t count_lines(const struct buf *b)
{
    uint64_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->data[i] == '\n';
    return n;
}

static void pending_discard(struct logsink *sink)
{
    sink->dropped += count_lines(&sink->pending);
    buf_done(&sink->pending);
}

/* Other errors (a full disk, a terminal that hangs) may pass: they cost lines, not the log. */
static bool reader_is_gone(ssize_t r)
{
    return r == 0 || r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN;
}

/* Sends what the reader takes. Watches for more room when it does not take everything. */
static void flush(struct logsink *sink)
{
    while (sink->fd >= 0 && sink->pending.len > 0) {
        ssize_t n = fd_write_some(sink, sink->pending.data, sink->pending.len);
        if (n == -EAGAIN) {
            if (sink->loop && !sink->writable.loop)
                watch_start(sink->loop, &sink->writable, sink->fd, EPOLLOUT);
            return;
        }
        if (n <= 0) {
            if (reader_is_gone(n))
                fd_drop(sink);
            pending_discard(sink);
            break;
        }
        sink->mid_line = sink->pending.data[n - 1] != '\n';
        buf_consume(&sink->pending, (size_t)n);
    }
    watch_stop(&sink->writable);
}

/* Tells how many lines are missing, once there is room for that. */
static void report_dropped(struct logsink *sink)
{
    struct logger notice = sink->logger;
    uint64_t dropped = sink->dropped;

    if (dropped == 0 || sink->fd < 0 || sink->pending.len > 0)
        return;
    notice.level = LOG_WARNING;
    sink->dropped = 0;
    log_record(&notice, LOG_WARNING, "logger", NULL, "%" PRIu64 " log records dropped", dropped);
}

static void flush_and_report(struct logsink *sink)
{
    flush(sink);
    report_dropped(sink);
}

static void on_writable(struct watch *watch, uint32_t events)
{
    (void)events;
    flush_and_report(CONTAINER_OF(watch, struct logsink, writable));
}

/* ---- the log port ---- */

static bool peer_is_allowed(const struct sockaddr_storage *peer)
{
    if (peer->ss_family != AF_VSOCK)
        return true;
    return ((const struct sockaddr_vm *)peer)->svm_cid == VMADDR_CID_HOST;
}

/* Takes the first connection. Any failure leaves the listener to the next line, so that a lasting one does not spin the loop.
 */
static void accept_reader(struct logsink *sink)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof(peer);

    int fd = sys_accept4(sink->listen_fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && fd != -EAGAIN)
        watch_stop(&sink->acceptable);
    if (fd >= 0 && !peer_is_allowed(&peer))
        fd_close(&fd);
    if (fd < 0)
        return;
    watch_stop(&sink->acceptable);
    fd_close(&sink->listen_fd);
    fd_use(sink, fd, true);
    flush_and_report(sink);
}

static void on_acceptable(struct watch *watch, uint32_t events)
{
    (void)events;
    accept_reader(CONTAINER_OF(watch, struct logsink, acceptable));
}

/* Forgets the rest of a line whose start went to the reader before. */
static void finish_line(struct logsink *sink)
{
    const char *end = sink->mid_line ? memchr(sink->pending.data, '\n', sink->pending.len) : NULL;
    if (!end)
        return;
    buf_consume(&sink->pending, (size_t)(end + 1 - sink->pending.data));
    sink->dropped++;
}

int logsink_listen(struct logsink *sink, int listen_fd, struct error *err)
{
    finish_line(sink);
    fd_drop(sink);
    watch_stop(&sink->acceptable);
    fd_replace(&sink->listen_fd, listen_fd);
    if (!sink->loop)
        return 0;
    int r = watch_start(sink->loop, &sink->acceptable, listen_fd, EPOLLIN);
    if (r < 0) {
        fd_close(&sink->listen_fd);
        return error_set(err, r, "watch the log port");
    }
    return 0;
}

int logsink_listen_vsock(uint32_t port, struct error *err)
{
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};

    _close_ int fd = sys_socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, fd, "create a vsock socket for the log port");
    int r = sys_bind(fd, (const struct sockaddr *)&address, sizeof(address));
    if (r < 0)
        return error_set(err, r, "bind the log port %u", port);
    r = sys_listen(fd, 1);
    if (r < 0)
        return error_set(err, r, "listen on the log port %u", port);
    return fd_take(&fd);
}

/* ---- the sink ---- */

static void logsink_write(void *context, const char *line, size_t len)
{
    struct logsink *sink = context;

    if (sink->listen_fd >= 0 && !sink->acceptable.loop)
        accept_reader(sink);
    if (sink->fd < 0 && sink->listen_fd < 0) {
        sink->dropped++;
        return;
    }
    flush_and_report(sink);
    if (buf_append(&sink->pending, line, len) < 0)
        sink->dropped++;
    else
        flush(sink);
}

enum log_format logsink_format(int fd)
{
    struct termios termios;
    return sys_ioctl(fd, TCGETS, &termios) == 0 ? LOG_TEXT : LOG_JSON;
}

void logsink_init(struct logsink *sink, struct loop *loop, int fd, enum log_format format, const char *version)
{
    *sink = (struct logsink){
        .logger =
            {
                .level = LOG_INFO,
                .format = format,
                .name = LOG_NAME,
                .version = version,
                .pid = sys_getpid(),
                .write = logsink_write,
                .now_realtime_ns = logsink_now,
                .sink = sink,
            },
        .loop = loop,
        .fd = -1,
        .listen_fd = -1,
        .writable = {.ready = on_writable},
        .acceptable = {.ready = on_acceptable},
        .pending = BUF_INIT(LOGSINK_PENDING_MAX),
    };
    int own = reopen_nonblocking(fd);
    fd_use(sink, own >= 0 ? own : fd, own >= 0);
}

void logsink_done(struct logsink *sink)
{
    flush(sink);
    fd_drop(sink);
    watch_stop(&sink->acceptable);
    fd_close(&sink->listen_fd);
    buf_done(&sink->pending);
}
