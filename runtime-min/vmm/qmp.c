/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vmm/qmp.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/json_text.h"
#include "sys/fd.h"

#define READ_CHUNK 4096
#define COMMAND_MAX (64 * 1024)

struct qmp {
    struct loop *loop;
    int fd;
    struct watch watch;
    struct buf input;
    void (*on_event)(void *context, const char *name, struct json_object *data);
    void *context;
    struct json_object *greeting;
    struct json_object *reply; /* to the command with last_id; NULL: none yet */
    uint64_t last_id;
    bool is_busy;
    struct waitq changed;
    struct error failure; /* errnum != 0: the connection is of no use any more */
};

static void fail(struct qmp *qmp, int r, const char *text)
{
    if (qmp->failure.errnum == 0)
        (void)error_text(&qmp->failure, r, "QMP: %s", text);
    watch_stop(&qmp->watch);
    waitq_wake_all(&qmp->changed);
}

/* ---- what QEMU says ---- */

static void take_reply(struct qmp *qmp, struct json_object *line)
{
    struct json_object *id;

    /* One without our id, or that nobody waits for, answers nothing that we ask. */
    if (!qmp->is_busy || !json_object_object_get_ex(line, "id", &id) || !json_object_is_type(id, json_type_int) ||
        (uint64_t)json_object_get_int64(id) != qmp->last_id || qmp->reply)
        return;
    qmp->reply = json_object_get(line);
    waitq_wake_all(&qmp->changed);
}

static void take_line(struct qmp *qmp, const char *text, size_t len)
{
    struct json_object *line, *member;
    struct error err = {.errnum = 0};

    if (len == 0)
        return;
    if (json_text_parse(text, len, &line, &err) < 0) {
        fail(qmp, -EPROTO, err.text);
        return;
    }
    if (json_object_object_get_ex(line, "event", &member)) {
        struct json_object *data = NULL;
        (void)json_object_object_get_ex(line, "data", &data);
        if (!json_object_is_type(member, json_type_string))
            fail(qmp, -EPROTO, "an event has no name");
        else if (qmp->on_event)
            qmp->on_event(qmp->context, json_object_get_string(member), data);
    } else if (json_object_object_get_ex(line, "QMP", &member) && !qmp->greeting) {
        qmp->greeting = json_object_get(member);
        waitq_wake_all(&qmp->changed);
    } else if (json_object_is_type(line, json_type_object)) {
        take_reply(qmp, line);
    } else {
        fail(qmp, -EPROTO, "a line is no JSON object");
    }
    json_object_put(line);
}

static void take_lines(struct qmp *qmp)
{
    size_t from = 0;
    const char *end;

    while (qmp->failure.errnum == 0 && (end = memchr(qmp->input.data + from, '\n', qmp->input.len - from))) {
        size_t at = (size_t)(end - qmp->input.data);
        size_t len = at - from;
        if (len > 0 && qmp->input.data[at - 1] == '\r')
            len--;
        take_line(qmp, qmp->input.data + from, len);
        from = at + 1;
    }
    buf_consume(&qmp->input, from);
}

static void qmp_ready(struct watch *watch, uint32_t events)
{
    struct qmp *qmp = CONTAINER_OF(watch, struct qmp, watch);
    char chunk[READ_CHUNK];

    (void)events;
    ssize_t n = sys_read(qmp->fd, chunk, sizeof(chunk));
    if (n == -EAGAIN)
        return;
    if (n <= 0) {
        fail(qmp, -EPIPE, "the connection is closed");
        return;
    }
    if (buf_append(&qmp->input, chunk, (size_t)n) < 0) {
        fail(qmp, -EMSGSIZE, "a line is too long");
        return;
    }
    take_lines(qmp);
}

/* ---- life ---- */

int qmp_new(struct loop *loop, int fd, void (*on_event)(void *context, const char *name, struct json_object *data),
            void *context, struct qmp **ret_qmp, struct error *err)
{
    struct qmp *qmp = calloc(1, sizeof(*qmp));
    if (!qmp)
        abort();
    qmp->loop = loop;
    qmp->fd = fd;
    qmp->watch.ready = qmp_ready;
    qmp->input = BUF_INIT(QMP_LINE_MAX);
    qmp->on_event = on_event;
    qmp->context = context;
    waitq_init(&qmp->changed);
    int r = watch_start(loop, &qmp->watch, fd, EPOLLIN);
    if (r < 0) {
        qmp_free(qmp);
        return error_set(err, r, "watch the QMP connection");
    }
    *ret_qmp = qmp;
    return 0;
}

void qmp_free(struct qmp *qmp)
{
    if (!qmp)
        return;
    watch_stop(&qmp->watch);
    fd_close(&qmp->fd);
    buf_done(&qmp->input);
    json_object_put(qmp->greeting);
    json_object_put(qmp->reply);
    free(qmp);
}

/* ---- what we say ---- */

/* Waits until *what is there. */
static int await(struct qmp *qmp, struct json_object *const *what, const char *name, uint64_t deadline, struct error *err)
{
    while (!*what) {
        if (qmp->failure.errnum) {
            if (err)
                *err = qmp->failure;
            return error_wrap(err, "%s", name);
        }
        int r = waitq_wait(qmp->loop, &qmp->changed, deadline);
        if (r < 0 && !*what && !qmp->failure.errnum)
            return error_text(err, r, "QMP: %s: %s", name, r == -ETIMEDOUT ? "no answer in time" : "cancelled");
    }
    return 0;
}

static int check_version(struct json_object *greeting, struct error *err)
{
    struct json_object *version, *qemu, *major;

    if (!json_object_object_get_ex(greeting, "version", &version) || !json_object_object_get_ex(version, "qemu", &qemu) ||
        !json_object_object_get_ex(qemu, "major", &major) || !json_object_is_type(major, json_type_int))
        return error_text(err, -EPROTO, "QMP: the greeting names no version");
    if (json_object_get_int64(major) < QMP_MAJOR_MIN)
        return error_text(err, -EPROTO, "QMP: this is QEMU %" PRId64 ", version %d or later is needed",
                          json_object_get_int64(major), QMP_MAJOR_MIN);
    return 0;
}

int qmp_handshake(struct qmp *qmp, uint64_t deadline, struct error *err)
{
    int r = await(qmp, &qmp->greeting, "greeting", deadline, err);
    if (r == 0)
        r = check_version(qmp->greeting, err);
    return r < 0 ? r : qmp_execute(qmp, "qmp_capabilities", NULL, deadline, NULL, err);
}

static int send_all(struct qmp *qmp, const struct buf *text, uint64_t deadline)
{
    size_t sent = 0;

    while (sent < text->len) {
        const struct iovec piece = {.iov_base = text->data + sent, .iov_len = text->len - sent};
        const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)&piece, .msg_iovlen = 1};
        ssize_t n = sys_sendmsg(qmp->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == -EAGAIN) {
            /* QEMU does not read now; the watch has the descriptor, so it is asked again in a while. */
            int r =
                sys_monotonic_ns() < deadline ? fiber_sleep_until(qmp->loop, loop_now(qmp->loop) + NSEC_PER_MSEC) : -ETIMEDOUT;
            if (r < 0)
                return r;
            continue;
        }
        if (n < 0)
            return (int)n;
        sent += (size_t)n;
    }
    return 0;
}

static int take_result(struct json_object *reply, const char *command, struct json_object **ret_value, struct error *err)
{
    struct json_object *value, *desc;

    if (json_object_object_get_ex(reply, "error", &value)) {
        const char *text = json_object_object_get_ex(value, "desc", &desc) ? json_object_get_string(desc) : NULL;
        return error_text(err, -EPROTO, "QMP: %s: %s", command, text ?: "failed without a reason");
    }
    if (!json_object_object_get_ex(reply, "return", &value))
        return error_text(err, -EPROTO, "QMP: %s: the answer holds no result", command);
    if (ret_value)
        *ret_value = json_object_get(value);
    return 0;
}

static int execute(struct qmp *qmp, const char *command, const char *arguments, uint64_t deadline,
                   struct json_object **ret_value, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(COMMAND_MAX);

    qmp->last_id++;
    int r = buf_printf(&text, "{\"execute\":\"%s\",%s%s%s\"id\":%" PRIu64 "}\n", command, arguments ? "\"arguments\":" : "",
                       arguments ?: "", arguments ? "," : "", qmp->last_id);
    if (r == 0 && qmp->failure.errnum == 0)
        r = send_all(qmp, &text, deadline);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        return error_set(err, r, "QMP: send %s", command);
    r = await(qmp, &qmp->reply, command, deadline, err);
    if (r == 0)
        r = take_result(qmp->reply, command, ret_value, err);
    json_object_put(qmp->reply);
    qmp->reply = NULL;
    return r;
}

int qmp_execute(struct qmp *qmp, const char *command, const char *arguments, uint64_t deadline, struct json_object **ret_value,
                struct error *err)
{
    while (qmp->is_busy) {
        int r = waitq_wait(qmp->loop, &qmp->changed, deadline);
        if (r < 0 && qmp->is_busy)
            return error_text(err, r, "QMP: %s: another command has not been answered", command);
    }
    qmp->is_busy = true;
    int r = execute(qmp, command, arguments, deadline, ret_value, err);
    qmp->is_busy = false;
    waitq_wake_all(&qmp->changed);
    return r;
}
