/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/stdio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "sys/fd.h"

#define DRAIN_MS 500
#define TERMINAL_READ_MAX 4096
#define PIPE_READ_MAX (2 * 1024 * 1024) /* what was read has to fit into a frame, whatever size pipes are asked to have */

/* ---- one stream ---- */

static void stream_ready(struct watch *watch, uint32_t events UNUSED)
{
    struct stream *stream = CONTAINER_OF(watch, struct stream, watch);

    watch_stop(watch);
    waitq_wake_all(&stream->event);
}

static void stream_init(struct stream *stream)
{
    *stream = (struct stream){.fd = -1, .watch = {.ready = stream_ready}};
    waitq_init(&stream->turn);
    waitq_init(&stream->event);
}

static void stream_close(struct stream *stream)
{
    watch_stop(&stream->watch);
    fd_close(&stream->fd);
    waitq_wake_all(&stream->event); /* who has the turn passes it on */
}

/* Waits for readiness, for the process's exit or for the stream's end, whichever comes first. */
static int stream_wait(struct loop *loop, struct stream *stream, uint32_t events, uint64_t deadline)
{
    int r = watch_start(loop, &stream->watch, stream->fd, events);
    if (r < 0)
        return r;
    r = waitq_wait(loop, &stream->event, deadline);
    watch_stop(&stream->watch);
    return r;
}

static int stream_acquire(struct loop *loop, struct stream *stream)
{
    while (stream->busy) {
        int r = waitq_wait(loop, &stream->turn, NO_DEADLINE);
        if (r < 0)
            return r;
    }
    stream->busy = true;
    return 0;
}

static void stream_release(struct stream *stream)
{
    stream->busy = false;
    waitq_wake_one(&stream->turn);
}

/* ---- open and close ---- */

void stdio_init(struct stdio *stdio)
{
    stdio->terminal = false;
    stdio->exited = false;
    stream_init(&stdio->in);
    stream_init(&stdio->out);
    stream_init(&stdio->err);
}

static int open_pipe(int *ret_read, int *ret_write, struct error *err)
{
    int fds[2];

    int r = sys_pipe2(fds, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "pipe for standard input or output");
    *ret_read = fds[0];
    *ret_write = fds[1];
    return 0;
}

static int set_nonblocking(int fd, int access, struct error *err)
{
    int r = sys_fcntl(fd, F_SETFL, access | O_NONBLOCK);
    return r < 0 ? error_set(err, r, "make a standard stream non-blocking") : 0;
}

static int open_output(struct stream *stream, int pipe_size, int *ret_child_fd, struct error *err)
{
    int r = open_pipe(&stream->fd, ret_child_fd, err);
    if (r < 0)
        return r;
    if (pipe_size > 0) {
        r = sys_fcntl(stream->fd, F_SETPIPE_SZ, pipe_size);
        if (r < 0)
            return error_set(err, r, "set the pipe size to %d", pipe_size);
    }
    return set_nonblocking(stream->fd, O_RDONLY, err);
}

static int open_pipes(struct stdio *stdio, int pipe_size, int child_fds[3], struct error *err)
{
    int r = open_pipe(&child_fds[0], &stdio->in.fd, err);
    if (r == 0)
        r = set_nonblocking(stdio->in.fd, O_WRONLY, err);
    if (r == 0)
        r = open_output(&stdio->out, pipe_size, &child_fds[1], err);
    if (r == 0)
        r = open_output(&stdio->err, pipe_size, &child_fds[2], err);
    return r;
}

static int duplicate_master(struct stdio *stdio, struct error *err)
{
    stdio->in.fd = sys_fcntl(stdio->out.fd, F_DUPFD_CLOEXEC, 3);
    return stdio->in.fd < 0 ? error_set(err, stdio->in.fd, "duplicate a pseudo-terminal") : 0;
}

/* The slave is opened through the master, so no path of a devpts is needed (TIOCGPTPEER, ioctl_tty(2)). */
static int open_terminal(struct stdio *stdio, int child_fds[3], struct error *err)
{
    int unlock = 0;

    stdio->out.fd = sys_openat(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0);
    if (stdio->out.fd < 0)
        return error_set(err, stdio->out.fd, "open /dev/ptmx");
    int r = sys_ioctl(stdio->out.fd, TIOCSPTLCK, &unlock);
    if (r < 0)
        return error_set(err, r, "unlock a pseudo-terminal");
    child_fds[0] = sys_ioctl(stdio->out.fd, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (child_fds[0] < 0)
        return error_set(err, child_fds[0], "open the slave of a pseudo-terminal");
    return duplicate_master(stdio, err);
}

int stdio_open(struct stdio *stdio, bool terminal, int pipe_size, int ret_child_fds[3], struct error *err)
{
    int child_fds[3] = {-1, -1, -1};

    stdio->terminal = terminal;
    int r = terminal ? open_terminal(stdio, child_fds, err) : open_pipes(stdio, pipe_size, child_fds, err);
    if (r < 0) {
        for (size_t i = 0; i < ARRAY_SIZE(child_fds); i++)
            fd_close(&child_fds[i]);
        stdio_close(stdio);
        return r;
    }
    memcpy(ret_child_fds, child_fds, sizeof(child_fds));
    return 0;
}

int stdio_adopt_terminal(struct stdio *stdio, int master_fd, struct error *err)
{
    stdio->terminal = true;
    stdio->out.fd = master_fd;
    return duplicate_master(stdio, err);
}

void stdio_close(struct stdio *stdio)
{
    stream_close(&stdio->in);
    stream_close(&stdio->out);
    stream_close(&stdio->err);
}

void stdio_close_stdin(struct stdio *stdio)
{
    stream_close(&stdio->in);
    if (stdio->terminal)
        stream_close(&stdio->out);
}

void stdio_exited(struct stdio *stdio)
{
    stdio->exited = true;
    waitq_wake_all(&stdio->out.event);
    waitq_wake_all(&stdio->err.event);
}

/* ---- read ---- */

/* How much one read of this stream can return at most: more room would only cost memory. */
static size_t stream_capacity(const struct stdio *stdio, const struct stream *stream)
{
    if (stdio->terminal)
        return TERMINAL_READ_MAX;
    int size = sys_fcntl(stream->fd, F_GETPIPE_SZ, 0);
    if (size <= 0)
        return TERMINAL_READ_MAX;
    return size < PIPE_READ_MAX ? (size_t)size : PIPE_READ_MAX;
}

static int read_error(int r, struct error *err)
{
    if (r == -ECANCELED)
        return error_status(err, STATUS_CANCELLED, "cancelled");
    return error_text(err, r, "%s (os error %d)", strerrordesc_np(-r) ?: "Unknown error", -r);
}

/* Bytes read (0 at the end), or -errno. A process that exits while this waits gives its output DRAIN_MS more. */
static ssize_t read_or_wait(struct loop *loop, const struct stdio *stdio, struct stream *stream, uint8_t *p, size_t len)
{
    bool exited_before = stdio->exited;
    uint64_t deadline = NO_DEADLINE;

    for (;;) {
        if (stream->fd < 0)
            return 0;
        ssize_t n = sys_read(stream->fd, p, len);
        if (n != -EAGAIN)
            return n;
        if (stdio->exited && !exited_before && deadline == NO_DEADLINE)
            deadline = loop_deadline(loop, DRAIN_MS * NSEC_PER_MSEC);
        int r = stream_wait(loop, stream, EPOLLIN, deadline);
        if (r == -ETIMEDOUT)
            return 0;
        if (r < 0)
            return r;
    }
}

int stdio_read(struct loop *loop, struct stdio *stdio, bool want_stderr, size_t len, const struct stdio_memory *memory,
               uint8_t **ret_data, size_t *ret_len, struct error *err)
{
    struct stream *stream = want_stderr && !stdio->terminal ? &stdio->err : &stdio->out;

    int r = stream_acquire(loop, stream);
    if (r < 0)
        return read_error(r, err);

    ssize_t n = 0;
    uint8_t *data = NULL;
    if (stream->fd < 0) {
        n = error_text(err, -EBADF, "cannot get stream reader");
    } else if (len > 0) {
        size_t capacity = stream_capacity(stdio, stream);
        len = len < capacity ? len : capacity;
        data = memory->get(memory->context, len);
        n = data ? read_or_wait(loop, stdio, stream, data, len)
                 : error_status(err, STATUS_RESOURCE_EXHAUSTED, "read of %zu bytes is too large", len);
        if (n < 0 && data)
            n = read_error((int)n, err);
    }
    stream_release(stream);
    if (n < 0)
        return (int)n;
    *ret_data = data;
    *ret_len = (size_t)n;
    return 0;
}

/* ---- write ---- */

static int write_all(struct loop *loop, struct stream *stream, const uint8_t *data, size_t len, struct error *err)
{
    while (len > 0) {
        if (stream->fd < 0)
            return error_text(err, -EBADF, "Cannot get writer");
        ssize_t n = sys_write(stream->fd, data, len);
        if (n == -EAGAIN) {
            int r = stream_wait(loop, stream, EPOLLOUT, NO_DEADLINE);
            if (r < 0)
                return read_error(r, err);
            continue;
        }
        if (n < 0)
            return read_error((int)n, err);
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int stdio_write(struct loop *loop, struct stdio *stdio, const uint8_t *data, size_t len, struct error *err)
{
    int r = stream_acquire(loop, &stdio->in);
    if (r < 0)
        return read_error(r, err);
    r = write_all(loop, &stdio->in, data, len, err);
    stream_release(&stdio->in);
    return r;
}

int stdio_resize(struct stdio *stdio, uint32_t rows, uint32_t columns, struct error *err)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

    if (!stdio->terminal || stdio->out.fd < 0)
        return error_status(err, STATUS_UNAVAILABLE, "\"no tty\"");
    int r = sys_ioctl(stdio->out.fd, TIOCSWINSZ, &size);
    return r < 0 ? error_text(err, r, "\"ioctl error: %s\"", errno_name(-r)) : 0;
}
