/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc_harness.h"

#include <sys/mman.h>

#include "ttrpc/client_private.h"

/* A client of the server under test. */
static struct ttrpc_client *new_client(struct harness *h)
{
    struct ttrpc_client *client;

    assert_int_equal(ttrpc_client_new(h->loop, harness_connect(h), &client, NULL), 0);
    return client;
}

struct call_args {
    struct harness *h;
    struct ttrpc_client *client;
    const char *method;
    uint64_t timeout_ns;
    int32_t status_value; /* of the reply */
    struct error err;
    int r;
    bool done;
};

static void call_fiber(void *arg)
{
    struct call_args *args = arg;
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply = NULL;

    args->err = (struct error){.status = STATUS_OK};
    args->r = ttrpc_client_call(args->client, "grpc.Health", args->method, &request.base,
                                &grpc__health_check_response__descriptor, a, args->timeout_ns, &reply, &args->err);
    args->status_value = args->r == 0 ? (int32_t)((Grpc__HealthCheckResponse *)reply)->status : -1;
    args->done = true;
    arena_free(a);
}

static struct call_args start_args(struct harness *h, struct ttrpc_client *client, const char *method)
{
    return (struct call_args){.h = h, .client = client, .method = method};
}

/* ---- results ---- */

static void calls_overlap_fiber(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct call_args slow[8], quick = start_args(h, client, "Check");

    for (int i = 0; i < 8; i++) {
        slow[i] = start_args(h, client, "Slow");
        assert_int_equal(fiber_start(h->loop, "slow", call_fiber, &slow[i], NULL), 0);
    }
    harness_settle(h);
    call_fiber(&quick);
    assert_int_equal(quick.status_value, 1);
    assert_false(slow[0].done);
    for (int i = 0; i < 8; i++) {
        while (!slow[i].done)
            fiber_sleep_until(h->loop, loop_deadline(h->loop, NSEC_PER_MSEC));
        assert_int_equal(slow[i].status_value, 2);
    }
    assert_int_equal(h->world.max_at_once, 8);
    ttrpc_client_free(client);
}

static void calls_overlap(void **state)
{
    (void)state;
    harness_run(calls_overlap_fiber, TTRPC_PROFILE_SHIM);
}

static void failures_fiber(struct harness *h)
{
    static const struct {
        const char *method;
        int r, status;
        const char *text;
    } rows[] = {
        {"Fail", -ENOENT, STATUS_NOT_FOUND, "no such thing ?"},
        {"Nope", -ENOSYS, STATUS_UNIMPLEMENTED, "Nope method"},
        {"OddStatus", -EPROTO, STATUS_UNKNOWN, "odd"},
    };
    struct ttrpc_client *client = new_client(h);

    FOR_ROWS (row, rows) {
        struct call_args args = start_args(h, client, row->method);
        call_fiber(&args);
        assert_int_equal(args.r, row->r);
        assert_int_equal(args.err.status, row->status);
        assert_string_equal(args.err.text, row->text);
    }
    ttrpc_client_free(client);
}

static void failures_come_with_status_and_text(void **state)
{
    (void)state;
    harness_run(failures_fiber, TTRPC_PROFILE_AGENT);
}

static void request_size(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
    struct arena *a = arena_new(16 << 20), *small = arena_new(1000);
    ProtobufCMessage *reply;
    struct error err;

    /* Health/Echo: 13 + 6 bytes for the names, 5 for the payload's head, 5 for the head of its field. */
    request.data.len = FRAME_PAYLOAD_MAX - 13 - 6 - 5 - 5;
    request.data.data = calloc(1, request.data.len + 1);
    assert_int_equal(ttrpc_client_call(client, "grpc.Health", "Echo", &request.base, &grpc__read_stream_response__descriptor, a,
                                       0, &reply, &err),
                     0);
    request.data.len++;
    assert_int_equal(ttrpc_client_call(client, "grpc.Health", "Echo", &request.base, &grpc__read_stream_response__descriptor, a,
                                       0, &reply, &err),
                     -ENOBUFS);
    assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(err.text, "message length 4194305 exceed maximum message size of 4194304");
    assert_int_equal(client->next_id, 3);

    /* The reply needs more than the caller's arena has. */
    request.data.len = 2000;
    assert_int_equal(ttrpc_client_call(client, "grpc.Health", "Echo", &request.base, &grpc__read_stream_response__descriptor,
                                       small, 0, &reply, &err),
                     -ENOBUFS);
    /* A reply that is no such message. */
    h->world.text[0] = '\0';
    assert_int_equal(ttrpc_client_call(client, "grpc.Health", "Echo", &request.base, &grpc__version_check_response__descriptor,
                                       a, 0, &reply, &err),
                     -EBADMSG);
    assert_int_equal(strncmp(err.text, "ttrpc: response does not decode: ", 33), 0);
    free(request.data.data);
    ttrpc_client_free(client);
    arena_free(a);
    arena_free(small);
}

static void oversized_requests_are_not_sent(void **state)
{
    (void)state;
    harness_run(request_size, TTRPC_PROFILE_AGENT);
}

/* ---- ends ---- */

static void timeouts(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct call_args args = start_args(h, client, "Stubborn"), check = start_args(h, client, "Check");

    args.timeout_ns = 20 * NSEC_PER_MSEC;
    call_fiber(&args);
    assert_int_equal(args.r, -ETIMEDOUT);
    assert_int_equal(args.err.status, STATUS_DEADLINE_EXCEEDED);
    harness_settle(h); /* The server's own answer comes too late and is ignored. */
    call_fiber(&check);
    assert_int_equal(check.r, 0);
    check.timeout_ns = UINT64_MAX;
    call_fiber(&check);
    assert_int_equal(check.r, 0);
    ttrpc_client_free(client);
}

static void deadlines_are_kept(void **state)
{
    (void)state;
    harness_run(timeouts, TTRPC_PROFILE_AGENT);
}

static void cancelled(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct call_args args = start_args(h, client, "Park");
    struct fiber *fiber;

    assert_int_equal(fiber_start(h->loop, "call", call_fiber, &args, &fiber), 0);
    harness_settle(h);
    fiber_cancel(fiber);
    harness_settle(h);
    assert_true(args.done);
    assert_int_equal(args.r, -ECANCELED);
    assert_int_equal(args.err.status, STATUS_CANCELLED);
    ttrpc_client_free(client);
}

static void cancelled_fibers_get_their_call_back(void **state)
{
    (void)state;
    harness_run(cancelled, TTRPC_PROFILE_AGENT);
}

/* The reply is there before the cancelled fiber runs again: it counts, and nothing is reported as an error. */
static void answered_and_cancelled(struct harness *h)
{
    static const uint8_t ok[] = "\x00\x00\x00\x04\x00\x00\x00\x01\x02\x00\x12\x02\x08\x01";
    struct ttrpc_client *client;
    struct fiber *fiber;
    int fds[2];

    harness_pair(fds);
    assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
    struct call_args args = start_args(h, client, "Check");
    assert_int_equal(fiber_start(h->loop, "call", call_fiber, &args, &fiber), 0);
    harness_settle(h);
    assert_true(peer_write(h, fds[1], ok, sizeof(ok) - 1));
    fiber_cancel(fiber);
    harness_settle(h);
    assert_true(args.done);
    assert_int_equal(args.r, 0);
    assert_int_equal(args.err.status, STATUS_OK);
    ttrpc_client_free(client);
    sys_close(fds[1]);
}

static void an_answer_wins_over_a_cancellation(void **state)
{
    (void)state;
    harness_run(answered_and_cancelled, TTRPC_PROFILE_AGENT);
}

static void expect_closed(struct call_args *args)
{
    assert_true(args->done);
    assert_int_equal(args->r, -ENOTCONN);
    assert_int_equal(args->err.status, STATUS_UNAVAILABLE);
    assert_string_equal(args->err.text, "ttrpc: closed");
}

static void lost(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct call_args first = start_args(h, client, "Park"), second = start_args(h, client, "Park");
    struct call_args late = start_args(h, client, "Check");

    assert_int_equal(fiber_start(h->loop, "first", call_fiber, &first, NULL), 0);
    assert_int_equal(fiber_start(h->loop, "second", call_fiber, &second, NULL), 0);
    harness_settle(h);
    ttrpc_server_free(h->server);
    h->server = NULL;
    harness_settle(h);
    expect_closed(&first);
    expect_closed(&second);
    call_fiber(&late);
    expect_closed(&late);
    ttrpc_client_free(client);
}

static void all_calls_fail_when_the_connection_is_lost(void **state)
{
    (void)state;
    harness_run(lost, TTRPC_PROFILE_AGENT);
}

/* One call waits for its answer and one for room when the client goes. */
static void freed(struct harness *h)
{
    struct ttrpc_client *client;
    struct call_args pending, waiting;
    int fds[2];

    harness_pair(fds);
    assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
    pending = start_args(h, client, "Park");
    waiting = start_args(h, client, "Park");
    assert_int_equal(fiber_start(h->loop, "pending", call_fiber, &pending, NULL), 0);
    harness_settle(h);
    outq_add(&client->channel.out, CHANNEL_OUT_MAX);
    assert_int_equal(fiber_start(h->loop, "waiting", call_fiber, &waiting, NULL), 0);
    harness_settle(h);
    ttrpc_client_free(client);
    harness_settle(h);
    expect_closed(&pending);
    expect_closed(&waiting);
    sys_close(fds[1]);
    ttrpc_client_free(NULL);
}

static void all_calls_fail_when_the_client_is_freed(void **state)
{
    (void)state;
    harness_run(freed, TTRPC_PROFILE_AGENT);
}

static void last_ids(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct call_args args = start_args(h, client, "Check");

    client->next_id = 0xfffffffd;
    call_fiber(&args);
    assert_int_equal(args.r, 0);
    call_fiber(&args);
    expect_closed(&args);
    ttrpc_client_free(client);
    args.client = client = new_client(h);
    call_fiber(&args);
    assert_int_equal(args.r, 0);
    ttrpc_client_free(client);
}

/* The client never wraps: its owner sees a closed connection and dials again. */
static void immune_27_stream_ids_do_not_wrap(void **state)
{
    (void)state;
    harness_run(last_ids, TTRPC_PROFILE_SHIM);
}

static void bad_descriptor(struct harness *h)
{
    struct ttrpc_client *client;
    int fd = sys_memfd_create("x", MFD_CLOEXEC);

    assert_int_equal(ttrpc_client_new(h->loop, fd, &client, NULL), -EPERM);
    assert_true(sys_fcntl(fd, F_GETFD, 0) < 0);
}

static void a_descriptor_that_cannot_be_watched_is_closed(void **state)
{
    (void)state;
    harness_run(bad_descriptor, TTRPC_PROFILE_AGENT);
}

/* ---- streams ---- */

static struct ttrpc_client_stream *open_stream(struct ttrpc_client *client, int which, const ProtobufCMessage *request,
                                               uint64_t timeout_ns)
{
    struct ttrpc_client_stream *stream;

    assert_int_equal(ttrpc_client_stream_open(client, &test_streams[which], request, timeout_ns, &stream, NULL), 0);
    return stream;
}

static void echo(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct ttrpc_client_stream *stream = open_stream(client, STREAM_ECHO, NULL, 0);
    struct echo_message message = {.base = PROTOBUF_C_MESSAGE_INIT(&echo_type), .text = (char *)"hi"};
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply;
    struct error err;

    for (message.seq = 0; message.seq < 10; message.seq++) {
        assert_int_equal(ttrpc_client_stream_send(stream, &message.base, &err), 0);
        assert_int_equal(ttrpc_client_stream_recv(stream, a, &reply, &err), 1);
        assert_int_equal(((struct echo_message *)reply)->seq, message.seq + 1);
        assert_string_equal(((struct echo_message *)reply)->text, "hi");
    }
    assert_int_equal(ttrpc_client_stream_send(stream, NULL, &err), 0);
    assert_int_equal(ttrpc_client_stream_recv(stream, a, &reply, &err), 0);
    assert_int_equal(ttrpc_client_stream_recv(stream, a, &reply, &err), 0);
    assert_int_equal(ttrpc_client_stream_send(stream, &message.base, &err), -EBUSY);
    assert_string_equal(err.text, "ttrpc: stream closed");
    ttrpc_client_stream_free(stream);
    ttrpc_client_free(client);
    arena_free(a);
}

static void streams_go_both_ways(void **state)
{
    (void)state;
    harness_run(echo, TTRPC_PROFILE_AGENT);
}

static void stream_ends(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct ttrpc_client_stream *late = open_stream(client, STREAM_DEAF, NULL, 10 * NSEC_PER_MSEC);
    struct ttrpc_client_stream *forgotten = open_stream(client, STREAM_ECHO, NULL, 0);
    struct ttrpc_client_stream *lost_stream = open_stream(client, STREAM_ECHO, NULL, 0);
    struct echo_message message = {.base = PROTOBUF_C_MESSAGE_INIT(&echo_type), .text = (char *)"hi"};
    struct ttrpc_client_stream *never;
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply;
    struct error err;

    assert_int_equal(ttrpc_client_stream_recv(late, a, &reply, &err), -ETIMEDOUT);
    fiber_sleep_until(h->loop, loop_deadline(h->loop, 20 * NSEC_PER_MSEC));
    ttrpc_client_stream_free(late);
    assert_int_equal(ttrpc_client_stream_send(forgotten, &message.base, &err), 0);
    ttrpc_client_stream_free(forgotten);
    message.text = malloc(FRAME_PAYLOAD_MAX + 1);
    memset(message.text, 'x', FRAME_PAYLOAD_MAX);
    message.text[FRAME_PAYLOAD_MAX] = '\0';
    assert_int_equal(ttrpc_client_stream_send(lost_stream, &message.base, &err), -ENOBUFS);
    free(message.text);
    message.text = (char *)"hi";
    ttrpc_client_free(client);
    assert_int_equal(ttrpc_client_stream_send(lost_stream, &message.base, &err), -ENOTCONN);
    assert_int_equal(ttrpc_client_stream_recv(lost_stream, a, &reply, &err), -ENOTCONN);
    assert_string_equal(err.text, "ttrpc: closed");
    ttrpc_client_stream_free(lost_stream);
    ttrpc_client_stream_free(NULL);

    client = new_client(h);
    client->next_id = UINT32_MAX;
    assert_int_equal(ttrpc_client_stream_open(client, &test_streams[STREAM_ECHO], NULL, 0, &never, &err), -ENOTCONN);
    ttrpc_client_free(client);
    arena_free(a);
}

static void streams_end_in_many_ways(void **state)
{
    (void)state;
    harness_run(stream_ends, TTRPC_PROFILE_AGENT);
}

/* A stream that its owner does not read holds the others up for a moment only, and loses. */
static void unread(struct harness *h)
{
    struct ttrpc_client *client = new_client(h);
    struct pair_message request = {.base = PROTOBUF_C_MESSAGE_INIT(&pair_type), .a = 1, .b = 100000};
    struct ttrpc_client_stream *stream = open_stream(client, STREAM_DIVIDE, &request.base, 0);
    struct call_args check = start_args(h, client, "Check");
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply;
    struct error err;
    int r;

    uint64_t begin = sys_monotonic_ns();
    call_fiber(&check);
    assert_int_equal(check.r, 0);
    assert_true(sys_monotonic_ns() - begin < NSEC_PER_SEC);
    while ((r = ttrpc_client_stream_recv(stream, a, &reply, &err)) > 0)
        arena_reset(a);
    assert_int_equal(r, -ENOBUFS);
    assert_string_equal(err.text, "stream buffer full");
    ttrpc_client_stream_free(stream);

    /* One that is read, however slowly, gets everything. */
    unsigned int n = 0;
    stream = open_stream(client, STREAM_DIVIDE, &request.base, 0);
    while (!client->channel.paused)
        fiber_yield(h->loop);
    for (; ttrpc_client_stream_recv(stream, a, &reply, &err) > 0; n++)
        arena_reset(a);
    assert_int_equal(n, 100000);
    ttrpc_client_stream_free(stream);
    ttrpc_client_free(client);
    arena_free(a);
}

static void unread_streams_block_nobody(void **state)
{
    (void)state;
    harness_run(unread, TTRPC_PROFILE_AGENT);
}

static void protocol_slips(struct harness *h)
{
    static const uint8_t slip[] = "\x00\x00\x00\x00\x00\x00\x00\x01\x09\x00";
    struct ttrpc_client *client;
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply;
    struct error err;
    int fds[2];

    harness_pair(fds);
    assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
    struct ttrpc_client_stream *stream = open_stream(client, STREAM_ECHO, NULL, 0);
    assert_true(peer_write(h, fds[1], slip, sizeof(slip) - 1));
    assert_int_equal(ttrpc_client_stream_recv(stream, a, &reply, &err), -EIO);
    assert_string_equal(err.text, "unexpected \"unknown\" message received: protocol error");
    ttrpc_client_stream_free(stream);
    ttrpc_client_free(client);
    sys_close(fds[1]);
    arena_free(a);
}

static void unknown_types_end_a_stream(void **state)
{
    (void)state;
    harness_run(protocol_slips, TTRPC_PROFILE_AGENT);
}

/* The whole life of a small program: a fiber calls, and stops the loop. */
static void program_fiber(void *arg)
{
    struct call_args *args = arg;

    call_fiber(args);
    loop_stop(args->h->loop);
}

static void the_loop_can_be_driven_from_main(void **state)
{
    struct harness h = {.peer = -1};
    const struct ttrpc_server_options options = test_options(&h.world, TTRPC_PROFILE_AGENT);

    (void)state;
    assert_int_equal(loop_new(&h.loop, NULL), 0);
    assert_int_equal(ttrpc_server_new(h.loop, &options, &h.server, NULL), 0);
    struct call_args args = start_args(&h, new_client(&h), "Check");
    assert_int_equal(fiber_start(h.loop, "program", program_fiber, &args, NULL), 0);
    assert_int_equal(loop_run(h.loop, NULL), 0);
    assert_int_equal(args.r, 0);
    ttrpc_client_free(args.client);
    ttrpc_server_free(h.server);
    loop_free(h.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_overlap),
        cmocka_unit_test(failures_come_with_status_and_text),
        cmocka_unit_test(oversized_requests_are_not_sent),
        cmocka_unit_test(deadlines_are_kept),
        cmocka_unit_test(cancelled_fibers_get_their_call_back),
        cmocka_unit_test(an_answer_wins_over_a_cancellation),
        cmocka_unit_test(all_calls_fail_when_the_connection_is_lost),
        cmocka_unit_test(all_calls_fail_when_the_client_is_freed),
        cmocka_unit_test(immune_27_stream_ids_do_not_wrap),
        cmocka_unit_test(a_descriptor_that_cannot_be_watched_is_closed),
        cmocka_unit_test(streams_go_both_ways),
        cmocka_unit_test(streams_end_in_many_ways),
        cmocka_unit_test(unread_streams_block_nobody),
        cmocka_unit_test(unknown_types_end_a_stream),
        cmocka_unit_test(the_loop_can_be_driven_from_main),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
