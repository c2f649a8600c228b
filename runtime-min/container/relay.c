/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/relay.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

#define READ_CHUNK (1024 * 1024)
#define REPLY_BYTES (READ_CHUNK + 65536)
#define INPUT_CHUNK 16384 /* lies on a fiber's stack, which is small */
#define QUIET_NS NSEC_PER_SEC
#define END_OF_TRANSMISSION 4 /* Ctrl-D */
#define TEXT(s) ((char *)(uintptr_t)(s))

static void wake_watcher(struct relay *relay)
{
    waitq_wake_all(&relay->changed);
}

/* ---- output ---- */

/* Returns 0, also when nobody reads any more: then the rest is dropped, so that the process does not block. */
static int deliver(struct relay_output *output, const uint8_t *p, size_t len)
{
    struct loop *loop = output->relay->guest->loop;

    while (len > 0 && output->stream.fd >= 0) {
        ssize_t n = stdstream_try_write(&output->stream, p, len);
        if (n == -EAGAIN) {
            if (output->relay->gone && stdstream_grow(&output->stream))
                continue;
            output->is_stalled = true;
            wake_watcher(output->relay);
            int r = fiber_wait_fd(loop, output->stream.fd, EPOLLOUT, NO_DEADLINE);
            output->is_stalled = false;
            if (r == -ECANCELED)
                return r;
            continue;
        }
        if (n < 0) {
            stdstream_close(&output->stream);
            break;
        }
        output->since = loop_now(loop);
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Line ends as the program wrote them: a terminal's are two bytes (ONLCR), which only another terminal wants. Works in place.
 */
static int deliver_lines(struct relay_output *output, uint8_t *p, size_t len)
{
    size_t kept = 0;
    int r = 0;

    if (output->holds_cr && *p != '\n')
        r = deliver(output, (const uint8_t *)"\r", 1);
    output->holds_cr = p[len - 1] == '\r';
    for (size_t i = 0; i < len - output->holds_cr; i++) {
        if (p[i] != '\r' || p[i + 1] != '\n')
            p[kept++] = p[i];
    }
    return r < 0 ? r : deliver(output, p, kept);
}

static int read_chunk(struct relay_output *output, struct arena *a, const Grpc__ReadStreamResponse **ret_reply)
{
    struct relay *relay = output->relay;
    Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    struct error err = {.errnum = 0};

    request.container_id = TEXT(relay->process.container_id);
    request.exec_id = TEXT(relay->process.exec_id);
    request.len = READ_CHUNK;
    output->since = loop_now(relay->guest->loop);
    output->was_asked = false;
    output->is_reading = true;
    wake_watcher(relay);
    int r =
        guest_call(relay->guest, output->method, &request.base, &grpc__read_stream_response__descriptor, a, 0, &message, &err);
    output->is_reading = false;
    *ret_reply = (const void *)message;
    return r;
}

/* Any error is the end, as that of a terminal always is one. */
static void output_fiber(void *arg)
{
    struct relay_output *output = arg;
    struct relay *relay = output->relay;
    struct arena *a = arena_new(REPLY_BYTES);
    const Grpc__ReadStreamResponse *reply;

    while (read_chunk(output, a, &reply) == 0 && reply->data.len > 0) {
        int r = output->takes_cr ? deliver_lines(output, reply->data.data, reply->data.len)
                                 : deliver(output, reply->data.data, reply->data.len);
        if (r < 0)
            break;
        arena_reset(a);
    }
    if (output->holds_cr)
        (void)deliver(output, (const uint8_t *)"\r", 1);
    arena_free(a);
    if (!relay->terminal)
        stdstream_end(&output->stream, output->fd);
    output->fiber = NULL;
    waitq_wake_all(&relay->ended);
    wake_watcher(relay);
}

/* ---- input ---- */

static int write_input(struct relay *relay, uint8_t *p, size_t len)
{
    Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
    struct error err = {.errnum = 0};

    request.container_id = TEXT(relay->process.container_id);
    request.exec_id = TEXT(relay->process.exec_id);
    request.data.data = p;
    request.data.len = len;
    return guest_call(relay->guest, "WriteStdin", &request.base, &grpc__write_stream_response__descriptor, NULL, 0, NULL, &err);
}

static void close_input(struct relay *relay)
{
    Grpc__CloseStdinRequest request = GRPC__CLOSE_STDIN_REQUEST__INIT;
    struct error err = {.errnum = 0};

    request.container_id = TEXT(relay->process.container_id);
    request.exec_id = TEXT(relay->process.exec_id);
    (void)guest_call(relay->guest, "CloseStdin", &request.base, NULL, NULL, GUEST_TIMEOUT_NS, NULL, &err);
}

/* A terminal that is not raw yet tells an end of input where that byte was typed. */
static ssize_t read_input(struct relay *relay, uint8_t *chunk, size_t size)
{
    ssize_t n = stdstream_read(relay->guest->loop, &relay->input, chunk, size);

    if (n != 0 || !relay->terminal || !relay->input.is_terminal || stdstream_is_hung_up(&relay->input))
        return n;
    *chunk = END_OF_TRANSMISSION;
    return 1;
}

/* Input that cannot be delivered is no failure: the process may have closed its end. */
static void input_fiber(void *arg)
{
    struct relay *relay = arg;
    uint8_t chunk[INPUT_CHUNK];
    ssize_t n;
    int r = 0;

    while (r == 0 && (n = read_input(relay, chunk, sizeof(chunk))) > 0)
        r = write_input(relay, chunk, (size_t)n);
    /* A terminal has no end of input but its hang-up, which would take the output along. */
    if (r == 0 && n != -ECANCELED && (!relay->terminal || relay->input.is_terminal))
        close_input(relay);
    relay->input_fiber = NULL;
    waitq_wake_all(&relay->ended);
}

/* ---- the end of the process ---- */

static bool has_ended(struct relay *relay)
{
    struct error err = {.errnum = 0};
    struct guest_process process = relay->process;

    int r = guest_signal(relay->guest, &process, 0, false, &err);
    return r < 0 && err.status == STATUS_NOT_FOUND;
}

/* When the output has to be looked at next. */
static uint64_t next_look(const struct relay *relay, const struct relay_output *output)
{
    uint64_t now = loop_now(relay->guest->loop);

    if (!output->fiber)
        return NO_DEADLINE;
    if (output->is_stalled || relay->gone)
        return now + QUIET_NS;
    return output->is_reading && !output->was_asked ? output->since + QUIET_NS : NO_DEADLINE;
}

static bool wants_to_know(const struct relay *relay, const struct relay_output *output)
{
    uint64_t now = loop_now(relay->guest->loop);

    if (!output->fiber || relay->gone)
        return false;
    return output->is_stalled || (output->is_reading && !output->was_asked && now >= output->since + QUIET_NS);
}

static void ask(struct relay *relay)
{
    bool wanted = false;

    for (size_t i = 0; i < relay->n_outputs; i++) {
        struct relay_output *output = &relay->outputs[i];
        wanted |= wants_to_know(relay, output);
        output->was_asked |= output->is_reading && wanted;
    }
    if (!wanted || !has_ended(relay))
        return;
    relay->gone = true;
    relay->gone_at = loop_now(relay->guest->loop);
    for (size_t i = 0; i < relay->n_outputs; i++) {
        if (relay->outputs[i].is_stalled)
            (void)stdstream_grow(&relay->outputs[i].stream);
    }
}

/* Of a process that has ended: a read has had its time to bring what was left, a stalled write its time to move. */
static void give_up(struct relay *relay)
{
    uint64_t now = loop_now(relay->guest->loop);

    for (size_t i = 0; i < relay->n_outputs && relay->gone; i++) {
        struct relay_output *output = &relay->outputs[i];
        uint64_t since = output->since > relay->gone_at ? output->since : relay->gone_at;
        uint64_t limit = output->is_reading ? QUIET_NS : RELAY_DRAIN_NS;
        if (output->fiber && now >= since + limit)
            fiber_cancel(output->fiber);
    }
}

static void watcher_fiber(void *arg)
{
    struct relay *relay = arg;
    int r = 0;

    while (r != -ECANCELED) {
        uint64_t deadline = NO_DEADLINE;
        for (size_t i = 0; i < relay->n_outputs; i++) {
            uint64_t look = next_look(relay, &relay->outputs[i]);
            deadline = look < deadline ? look : deadline;
        }
        /* A change only matters while there is nothing to look at. */
        r = deadline == NO_DEADLINE ? waitq_wait(relay->guest->loop, &relay->changed, NO_DEADLINE)
                                    : fiber_sleep_until(relay->guest->loop, deadline);
        if (r == 0) {
            ask(relay);
            give_up(relay);
        }
    }
    relay->watcher = NULL;
    waitq_wake_all(&relay->ended);
}

/* ---- life ---- */

int relay_start(struct relay *relay, struct guest *guest, const struct guest_process *process, bool terminal)
{
    static const char *const methods[] = {"ReadStdout", "ReadStderr"};

    *relay = (struct relay){.guest = guest, .process = *process, .terminal = terminal, .n_outputs = terminal ? 1 : 2};
    waitq_init(&relay->ended);
    waitq_init(&relay->changed);
    stdstream_open(&relay->input, 0, O_RDONLY);
    int r = 0;
    for (size_t i = 0; i < relay->n_outputs; i++) {
        struct relay_output *output = &relay->outputs[i];
        output->relay = relay;
        output->method = methods[i];
        output->fd = (int)i + 1;
        stdstream_open(&output->stream, output->fd, O_WRONLY);
        output->takes_cr = terminal && !output->stream.is_terminal;
        if (r == 0)
            r = fiber_start(guest->loop, "output", output_fiber, output, &output->fiber);
    }
    if (r == 0)
        r = fiber_start(guest->loop, "input", input_fiber, relay, &relay->input_fiber);
    if (r == 0)
        r = fiber_start(guest->loop, "watcher", watcher_fiber, relay, &relay->watcher);
    return r;
}

static bool has_output(const struct relay *relay)
{
    return relay->outputs[0].fiber || relay->outputs[1].fiber;
}

void relay_wait(struct relay *relay)
{
    while (has_output(relay))
        (void)waitq_wait(relay->guest->loop, &relay->ended, NO_DEADLINE);
}

static void stop_fiber(struct fiber *fiber)
{
    if (fiber)
        fiber_cancel(fiber);
}

void relay_stop(struct relay *relay)
{
    stop_fiber(relay->outputs[0].fiber);
    stop_fiber(relay->outputs[1].fiber);
    stop_fiber(relay->input_fiber);
    stop_fiber(relay->watcher);
    while (has_output(relay) || relay->input_fiber || relay->watcher)
        (void)waitq_wait(relay->guest->loop, &relay->ended, NO_DEADLINE);
    stdstream_close(&relay->outputs[0].stream);
    stdstream_close(&relay->outputs[1].stream);
    stdstream_close(&relay->input);
}
