/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vmm/tail.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

#define LINE_DIVIDER " | "
#define READS_AT_ONCE 64 /* then others have their turn */

static void keep(struct tail *tail, const char *p, size_t len)
{
    if (tail->len + len > sizeof(tail->data)) {
        size_t kept = tail->len < TAIL_KEPT ? tail->len : TAIL_KEPT;
        memmove(tail->data, tail->data + tail->len - kept, kept);
        tail->len = kept;
    }
    memcpy(tail->data + tail->len, p, len);
    tail->len += len;
}

/* False when there is nothing more to read now. */
static bool read_once(struct tail *tail)
{
    char chunk[TAIL_KEPT];

    ssize_t n = sys_read(tail->fd, chunk, sizeof(chunk));
    if (n == -EAGAIN)
        return false;
    if (n <= 0) {
        tail_stop(tail);
        return false;
    }
    if (tail->log_fd >= 0 && tail->logged < TAIL_LOG_MAX) {
        (void)fd_write_all(tail->log_fd, chunk, (size_t)n);
        tail->logged += (size_t)n;
    }
    keep(tail, chunk, (size_t)n);
    return true;
}

void tail_drain(struct tail *tail)
{
    for (int i = 0; i < READS_AT_ONCE && tail->fd >= 0 && read_once(tail); i++)
        continue;
}

static void tail_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    tail_drain(CONTAINER_OF(watch, struct tail, watch));
}

int tail_start(struct loop *loop, struct tail *tail, int fd, int log_fd)
{
    tail->watch = (struct watch){.ready = tail_ready};
    tail->fd = fd;
    tail->log_fd = log_fd;
    tail->len = 0;
    tail->logged = 0;
    int r = watch_start(loop, &tail->watch, fd, EPOLLIN);
    if (r < 0)
        fd_close(&tail->fd);
    return r;
}

void tail_stop(struct tail *tail)
{
    if (tail->fd < 0)
        return;
    watch_stop(&tail->watch);
    fd_close(&tail->fd);
}

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

/* Length of the control sequence at p (ECMA-48: ESC [, parameters, one final byte; or ESC and one byte, like a reset), or 0. */
static size_t control_sequence(const char *p, size_t len)
{
    size_t i = 2;

    if (len < 2 || p[0] != '\033')
        return 0;
    if (p[1] != '[')
        return p[1] >= '0' && p[1] <= '~' ? 2 : 0;
    while (i < len && (p[i] < '@' || p[i] > '~'))
        i++;
    return i < len ? i + 1 : len;
}

static size_t line_length(const char *p, size_t len)
{
    const char *end = memchr(p, '\n', len);

    return end ? (size_t)(end - p) + 1 : len;
}

static bool has_word(const char *p, size_t len, const char *const *words)
{
    while (*words && !memmem(p, len, *words, strlen(*words)))
        words++;
    return *words;
}

struct printer {
    struct buf *out;
    size_t left; /* bytes of the text that may come */
    bool gap, started;
};

static void print(struct printer *printer, const char *p, size_t len)
{
    for (size_t i = 0; i < len && printer->left > 0; i++) {
        size_t skipped = control_sequence(p + i, len - i);
        if (skipped > 0) {
            i += skipped - 1;
            continue;
        }
        if (p[i] == '\n' || p[i] == '\r') {
            printer->gap = printer->started;
            continue;
        }
        if (printer->gap)
            (void)buf_append_str(printer->out, LINE_DIVIDER);
        char c = is_printable(p[i]) ? p[i] : '?';
        (void)buf_append(printer->out, &c, 1);
        printer->gap = false;
        printer->started = true;
        printer->left--;
    }
}

void tail_print(const struct tail *tail, const char *const *words, size_t max, struct buf *out)
{
    struct printer printer = {.out = out, .left = max};
    size_t end = tail->len, len;

    while (end > 0 && !is_printable(tail->data[end - 1]))
        end--;
    for (size_t from = 0; words && from < end; from += len) {
        len = line_length(tail->data + from, end - from);
        if (has_word(tail->data + from, len, words))
            print(&printer, tail->data + from, len);
    }
    if (!printer.started)
        print(&printer, tail->data + (end > max ? end - max : 0), end < max ? end : max);
}
