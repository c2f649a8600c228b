/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/relay.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

#define READ_CHUNK (1024 * 1024)
#define REPLY_BYTES (READ_CHUNK + 65536)
#define REST_MAX (4 * READ_CHUNK) /* more than pipes hold; a descendant could write on */
#define INPUT_CHUNK 16384         /* lies on a fiber's stack, which is small */
#define QUIET_NS NSEC_PER_SEC
#define END_OF_TRANSMISSION 4 /* Ctrl-D */
#define TEXT(s) ((char *)(uintptr_t)(s))

static void wake_watcher(struct relay *relay)
{
    waitq_wake_all(&relay->changed);
}

/* ---- the end of the process ---- */

/* Or the machine. */
static bool has_ended(struct relay *relay)
{
    struct error err = {.errnum = 0};
    struct guest_process process = relay->process;

    int r = guest_signal(relay->guest, &process, 0, false, &err);
    return r < 0 && (err.status == STATUS_NOT_FOUND || err.status == STATUS_UNAVAILABLE);
}

static void find_out(struct relay *relay)
{
    if (relay->gone || !has_ended(relay))
        return;
    relay->gone = true;
    relay->gone_at = loop_now(relay->guest->loop);
    wake_watcher(relay);
}

/* Since when nothing has moved of what a process that has ended left. */
static uint64_t quiet_since(const struct relay_output *output)
{
    return output->since > output->relay->gone_at ? output->since : output->relay->gone_at;
}

/* ---- output ---- */

static int call_read(struct relay_output *output, struct arena *a, uint64_t timeout_ns,
                     const Grpc__ReadStreamResponse **ret_reply)
{
    struct relay *relay = output->relay;
    Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    struct error err = {.errnum = 0};

    request.container_id = TEXT(relay->process.container_id);
    request.exec_id = TEXT(relay->process.exec_id);
    request.len = READ_CHUNK;
    int r = guest_call(relay->guest, output->method, &request.base, &grpc__read_stream_response__descriptor, a, timeout_ns,
                       &message, &err);
    *ret_reply = (const void *)message;
    return r;
}

/* Takes all that the guest has left, so that the process's status can be asked for: the agent forgets the rest with it. */
static void collect(struct relay_output *output)
{
    struct arena *a = arena_new(REPLY_BYTES);
    const Grpc__ReadStreamResponse *reply;

    while (call_read(output, a, QUIET_NS, &reply) == 0 && reply->data.len > 0 &&
           buf_append(&output->rest, reply->data.data, reply->data.len) == 0)
        arena_reset(a);
    arena_free(a);
    output->is_settled = true;
    waitq_wake_all(&output->relay->ended);
}

/* Our reader takes nothing now. 0: it may be tried again; -ETIMEDOUT: it had its time; -ECANCELED. */
static int await_reader(struct relay_output *output)
{
    struct relay *relay = output->relay;
    struct loop *loop = relay->guest->loop;

    if (relay->gone && stdstream_grow(&output->stream))
        return 0;
    if (relay->gone && !output->is_settled)
        collect(output);
    int r = fiber_wait_fd(loop, output->stream.fd, EPOLLOUT, loop_deadline(loop, QUIET_NS));
    if (r != -ETIMEDOUT)
        return r < 0 ? r : 0;
    find_out(relay);
    return relay->gone && loop_now(loop) >= quiet_since(output) + relay->patience_ns ? r : 0;
}

/* Returns 0, also when nobody reads any more: then the rest is dropped, so that the process does not block. */
static int deliver(struct relay_output *output, const uint8_t *p, size_t len)
{
    int r = 0;

    while (r == 0 && len > 0 && output->stream.fd >= 0) {
        ssize_t n = stdstream_try_write(&output->stream, p, len);
        if (n == -EAGAIN) {
            r = await_reader(output);
        } else if (n < 0) {
            stdstream_close(&output->stream);
        } else {
            output->since = loop_now(output->relay->guest->loop);
            p += n;
            len -= (size_t)n;
        }
    }
    return r;
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

static int pass_on(struct relay_output *output, uint8_t *p, size_t len)
{
    return output->takes_cr && len > 0 ? deliver_lines(output, p, len) : deliver(output, p, len);
}

static int read_chunk(struct relay_output *output, struct arena *a, const Grpc__ReadStreamResponse **ret_reply)
{
    output->since = loop_now(output->relay->guest->loop);
    output->was_asked = false;
    output->is_reading = true;
    wake_watcher(output->relay);
    int r = call_read(output, a, 0, ret_reply);
    output->is_reading = false;
    return r;
}

/* Any error is the end, as that of a terminal always is one. */
static void output_fiber(void *arg)
{
    struct relay_output *output = arg;
    struct relay *relay = output->relay;
    struct arena *a = arena_new(REPLY_BYTES);
    const Grpc__ReadStreamResponse *reply;
    int r = 0;

    while (r == 0 && !output->is_settled && read_chunk(output, a, &reply) == 0 && reply->data.len > 0) {
        r = pass_on(output, reply->data.data, reply->data.len);
        arena_reset(a);
    }
    if (r == 0)
        r = pass_on(output, (uint8_t *)output->rest.data, output->rest.len);
    if (r == 0 && output->holds_cr)
        (void)deliver(output, (const uint8_t *)"\r", 1);
    buf_done(&output->rest);
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

/* ---- the watcher: reads that bring nothing ---- */

/* When the output has to be looked at next. */
static uint64_t next_look(const struct relay *relay, const struct relay_output *output)
{
    if (!output->fiber || !output->is_reading)
        return NO_DEADLINE;
    if (relay->gone)
        return loop_now(relay->guest->loop) + QUIET_NS;
    return output->was_asked ? NO_DEADLINE : output->since + QUIET_NS;
}

static void ask(struct relay *relay)
{
    uint64_t now = loop_now(relay->guest->loop);
    bool wanted = false;

    for (size_t i = 0; i < relay->n_outputs; i++) {
        const struct relay_output *output = &relay->outputs[i];
        wanted |= output->fiber && output->is_reading && !output->was_asked && now >= output->since + QUIET_NS;
    }
    if (!wanted)
        return;
    for (size_t i = 0; i < relay->n_outputs; i++)
        relay->outputs[i].was_asked |= relay->outputs[i].is_reading;
    find_out(relay);
}

/* Of a process that has ended: a read has had its time to bring what was left. */
static void give_up(struct relay *relay)
{
    uint64_t now = loop_now(relay->guest->loop);

    for (size_t i = 0; i < relay->n_outputs && relay->gone; i++) {
        struct relay_output *output = &relay->outputs[i];
        if (output->fiber && output->is_reading && now >= quiet_since(output) + QUIET_NS)
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

    *relay = (struct relay){
        .guest = guest,
        .process = *process,
        .terminal = terminal,
        .n_outputs = terminal ? 1 : 2,
        .patience_ns = NO_DEADLINE / 2,
    };
    waitq_init(&relay->ended);
    waitq_init(&relay->changed);
    stdstream_open(&relay->input, 0, O_RDONLY);
    int r = 0;
    for (size_t i = 0; i < relay->n_outputs; i++) {
        struct relay_output *output = &relay->outputs[i];
        output->relay = relay;
        output->rest.max = REST_MAX;
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

static bool is_settled(const struct relay_output *output)
{
    return !output->fiber || output->is_settled;
}

void relay_settle(struct relay *relay)
{
    while (!is_settled(&relay->outputs[0]) || !is_settled(&relay->outputs[1]))
        (void)waitq_wait(relay->guest->loop, &relay->ended, NO_DEADLINE);
}

void relay_deliver(struct relay *relay, uint64_t patience_ns)
{
    relay->patience_ns = patience_ns;
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
