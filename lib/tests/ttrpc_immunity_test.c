/* SPDX-License-Identifier: Apache-2.0 */
/* Known defects of other implementations that this one must not have; the numbers are those of the defect list in the ttrpc
 * fact sheet. The sheet's counts are scaled down (10^6 to 10^4, 10^5 to 10^3) to keep the whole file to a few seconds. Defects
 * that a single vector shows are tested in ttrpc_vectors_test.c, those of listening sockets in ttrpc_listener_test.c. */
#include "ttrpc_harness.h"

#include "ttrpc/client.h"
#include "ttrpc/stream.h"

/* ---- 2 to 4: streams in the tables ---- */

static void data_on_unary(struct harness *h)
{
    for (unsigned int i = 0; i < 1000; i++) {
        uint32_t stream = 2 * i + 1;
        assert_true(send_request(h, h->peer, "grpc.Health", "Park", stream));
        assert_true(send_data(h, h->peer, stream, (uint8_t)i, "\x08\x01", 2));
        assert_int_equal(read_status(h, h->peer, stream), STATUS_INVALID_ARGUMENT);
    }
    harness_settle(h);
    assert_int_equal(h->world.started, h->world.cancelled);
    serve_check(h, h->peer, 1);
}

static void immune_02_data_on_a_unary_call(void **state)
{
    (void)state;
    harness_run(data_on_unary, TTRPC_PROFILE_SHIM);
}

static void many_calls(struct harness *h)
{
    size_t before = 0;

    for (unsigned int i = 0; i < 10000; i++) {
        if (i == 100)
            before = heap_in_use();
        serve_check(h, h->peer, 2 * i + 1);
    }
    assert_true(heap_in_use() <= before + 4096);
}

static void immune_03_entries_of_finished_calls(void **state)
{
    (void)state;
    harness_run(many_calls, TTRPC_PROFILE_AGENT);
}

static void many_streams(struct harness *h)
{
    unsigned int descriptors = open_descriptors();
    size_t before = 0;
    struct reply reply;

    for (unsigned int i = 0; i < 2000; i++) {
        uint32_t stream = 2 * i + 1;
        if (i == 100)
            before = heap_in_use();
        assert_true(send_request(h, h->peer, STREAMING, "SumStream", stream));
        assert_true(send_data(h, h->peer, stream, 0, "\x08\x05", 2));
        assert_true(send_data(h, h->peer, stream, FRAME_REMOTE_CLOSED | FRAME_NO_DATA, NULL, 0));
        assert_true(peer_read_frame(h, h->peer, &reply));
        assert_memory_equal(reply.payload + reply.frame.length - 4, "\x08\x05\x10\x01", 4);
        reply_free(&reply);
    }
    assert_true(heap_in_use() <= before + 4096);
    assert_int_equal(open_descriptors(), descriptors);
}

static void immune_04_and_08_entries_of_finished_streams(void **state)
{
    (void)state;
    harness_run(many_streams, TTRPC_PROFILE_AGENT);
}

/* ---- 5 and 6: full buffers ---- */

#define ECHO_CALLERS 200
#define ECHO_BYTES (64 * 1024)

struct caller {
    struct harness *h;
    struct ttrpc_client *client;
    unsigned int *n_left;
    uint8_t fill;
};

static void echo_caller(void *arg)
{
    struct caller *caller = arg;
    Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply;

    request.data.len = ECHO_BYTES;
    request.data.data = memset(malloc(ECHO_BYTES), caller->fill, ECHO_BYTES);
    assert_int_equal(ttrpc_client_call(caller->client, "grpc.Health", "Echo", &request.base,
                                       &grpc__read_stream_response__descriptor, a, 0, &reply, NULL),
                     0);
    assert_int_equal(((Grpc__ReadStreamResponse *)reply)->data.len, ECHO_BYTES);
    assert_memory_equal(((Grpc__ReadStreamResponse *)reply)->data.data, request.data.data, ECHO_BYTES);
    free(request.data.data);
    arena_free(a);
    --*caller->n_left;
}

static void echo_storm(struct harness *h)
{
    struct caller callers[ECHO_CALLERS];
    unsigned int n_left = ECHO_CALLERS;
    struct ttrpc_client *client;
    int fds[2], small = 4096;

    harness_pair(fds);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sys_setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    assert_int_equal(ttrpc_server_adopt(h->server, fds[1], NULL), 0);
    assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
    for (unsigned int i = 0; i < ECHO_CALLERS; i++) {
        callers[i] = (struct caller){h, client, &n_left, (uint8_t)i};
        assert_int_equal(fiber_start(h->loop, "caller", echo_caller, &callers[i], NULL), 0);
    }
    while (n_left > 0)
        fiber_yield(h->loop);
    ttrpc_client_free(client);
}

static void immune_05_both_buffers_full(void **state)
{
    (void)state;
    harness_run(echo_storm, TTRPC_PROFILE_AGENT);
}

#define STUCK_CALLERS 40

static void stuck_caller(void *arg)
{
    struct caller *caller = arg;
    Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
    struct arena *a = arena_new(1 << 20);
    ProtobufCMessage *reply;
    struct error err;

    request.data.len = ECHO_BYTES;
    request.data.data = calloc(1, ECHO_BYTES);
    uint64_t begin = sys_monotonic_ns();
    assert_int_equal(ttrpc_client_call(caller->client, "grpc.Health", "Echo", &request.base,
                                       &grpc__read_stream_response__descriptor, a, 50 * NSEC_PER_MSEC, &reply, &err),
                     -ETIMEDOUT);
    assert_int_equal(err.status, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(err.text, "context deadline exceeded");
    assert_true(sys_monotonic_ns() - begin >= 50 * NSEC_PER_MSEC);
    assert_true(sys_monotonic_ns() - begin < 2 * NSEC_PER_SEC);
    free(request.data.data);
    arena_free(a);
    --*caller->n_left;
}

static void deaf_server(struct harness *h)
{
    struct caller callers[STUCK_CALLERS];
    unsigned int n_left = STUCK_CALLERS;
    struct ttrpc_client *client;
    int fds[2];

    harness_pair(fds);
    assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
    for (unsigned int i = 0; i < STUCK_CALLERS; i++) {
        callers[i] = (struct caller){h, client, &n_left, 0};
        assert_int_equal(fiber_start(h->loop, "caller", stuck_caller, &callers[i], NULL), 0);
    }
    while (n_left > 0)
        fiber_sleep_until(h->loop, loop_deadline(h->loop, NSEC_PER_MSEC));
    ttrpc_client_free(client);
    sys_close(fds[1]);
}

static void immune_06_deadline_while_the_server_does_not_read(void **state)
{
    (void)state;
    harness_run(deaf_server, TTRPC_PROFILE_AGENT);
}

/* ---- 7: a stream that nobody reads ---- */

static void unread_stream(struct harness *h)
{
    static uint8_t message[8 * 1024];
    unsigned int refused = 0;
    int status = -1;

    assert_true(send_request(h, h->peer, STREAMING, "DeafStream", 1));
    uint64_t begin = sys_monotonic_ns();
    for (unsigned int i = 0; i < 1000; i++)
        assert_true(send_data(h, h->peer, 1, 0, message, sizeof(message)));
    assert_true(send_request(h, h->peer, "grpc.Health", "Check", 3));
    while (status != STATUS_OK) {
        struct reply reply;
        assert_true(peer_read_frame(h, h->peer, &reply));
        status = reply.frame.stream == 3 ? STATUS_OK : status;
        refused += reply.frame.stream == 1;
        reply_free(&reply);
    }
    assert_true(sys_monotonic_ns() - begin < NSEC_PER_SEC);
    /* The first refusal ends the stream, the rest of its messages meets none. */
    assert_true(refused > 0 && refused <= 1000 - STREAM_BUFFER_MAX / sizeof(message));
    assert_int_equal(h->world.cancelled, 1);
}

static void immune_07_unread_stream_blocks_nobody(void **state)
{
    (void)state;
    harness_run(unread_stream, TTRPC_PROFILE_AGENT);
}

/* ---- 9, 10, 20: ends of connections ---- */

static void cut_everywhere(struct harness *h)
{
    size_t size;
    uint8_t *bytes = request_frame("grpc.Health", "Park", 1, 10, &size);
    unsigned int descriptors = open_descriptors();
    size_t before = 0;

    for (unsigned int i = 0; i < 1000; i++) {
        int fd = harness_connect(h);
        if (i == 2 * size)
            before = heap_in_use();
        assert_true(peer_write(h, fd, bytes, i % (size + 1)));
        if (i % 3 == 0)
            harness_settle(h);
        if (i % 2 == 0) /* The refusal stays unread: the server sees ECONNRESET. */
            send_request(h, fd, "grpc.Nope", "Check", 5);
        if (i % 4 == 1)
            sys_shutdown(fd, SHUT_WR);
        harness_settle(h);
        sys_close(fd);
        harness_settle(h);
    }
    assert_int_equal(open_descriptors(), descriptors);
    assert_true(heap_in_use() <= before + 16 * 1024);
    assert_int_equal(h->world.started, h->world.cancelled);
    serve_check(h, h->peer, 1);
    free(bytes);
}

static void immune_09_and_20_cut_frames_and_resets(void **state)
{
    (void)state;
    harness_run(cut_everywhere, TTRPC_PROFILE_AGENT);
}

/* The reading end of a pipe becomes readable like a socket, and recvmsg(2) fails on it with ENOTSOCK. */
static void failing_receive(struct harness *h)
{
    int fds[2];

    assert_int_equal(sys_pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(ttrpc_server_adopt(h->server, fds[0], NULL), 0);
    assert_int_equal(sys_write(fds[1], "x", 1), 1);
    harness_settle(h);
    assert_true(sys_fcntl(fds[0], F_GETFD, 0) < 0);
    sys_close(fds[1]);
    serve_check(h, h->peer, 1);
}

static void immune_10_any_receive_error_closes(void **state)
{
    (void)state;
    harness_run(failing_receive, TTRPC_PROFILE_AGENT);
}

/* ---- 12, 14: odd results of handlers ---- */

static void oversized_reply(struct harness *h)
{
    assert_true(send_request(h, h->peer, "grpc.Health", "Big", 1));
    assert_int_equal(read_status(h, h->peer, 1), STATUS_INVALID_ARGUMENT);
    serve_check(h, h->peer, 3);
    /* The largest one that fits: payload with its tag and length, and the empty status. */
    h->world.big_reply = FRAME_PAYLOAD_MAX - 2 - 5 - 5;
    assert_true(send_request(h, h->peer, "grpc.Health", "Big", 5));
    assert_int_equal(read_status(h, h->peer, 5), STATUS_OK);
    h->world.big_reply++;
    assert_true(send_request(h, h->peer, "grpc.Health", "Big", 7));
    assert_int_equal(read_status(h, h->peer, 7), STATUS_INVALID_ARGUMENT);
}

static void immune_12_oversized_reply(void **state)
{
    (void)state;
    harness_run(oversized_reply, TTRPC_PROFILE_AGENT);
}

static void mute_handler(struct harness *h)
{
    assert_true(send_request(h, h->peer, "grpc.Health", "Mute", 1));
    assert_int_equal(read_status(h, h->peer, 1), STATUS_INTERNAL);
    serve_check(h, h->peer, 3);
}

static void immune_14_handler_without_a_word(void **state)
{
    (void)state;
    harness_run(mute_handler, TTRPC_PROFILE_AGENT);
}

/* ---- 13, 21 to 23, 28: shutdown ---- */

static void start_and_stop(struct harness *h)
{
    unsigned int descriptors = open_descriptors();
    struct ttrpc_server *server = h->server;
    const struct ttrpc_server_options options = test_options(&h->world, TTRPC_PROFILE_AGENT);

    for (unsigned int i = 0; i < 1000; i++) {
        assert_int_equal(ttrpc_server_new(h->loop, &options, &h->server, NULL), 0);
        int fd = harness_connect(h);
        send_request(h, fd, "grpc.Health", i % 2 ? "Check" : "Park", 1);
        for (unsigned int turns = 0; turns < i % 4; turns++)
            fiber_yield(h->loop);
        if (i % 3)
            ttrpc_server_shutdown(h->server, NO_DEADLINE, true);
        ttrpc_server_free(h->server);
        sys_close(fd);
        harness_settle(h);
    }
    h->server = server;
    assert_int_equal(open_descriptors(), descriptors);
    assert_int_equal(h->world.started, h->world.cancelled);
}

static void immune_13_start_and_stop_races(void **state)
{
    (void)state;
    harness_run(start_and_stop, TTRPC_PROFILE_AGENT);
}

#define BUSY_CONNECTIONS 100

static void busy_shutdown(struct harness *h)
{
    int fds[BUSY_CONNECTIONS];

    for (int i = 0; i < BUSY_CONNECTIONS; i++) {
        fds[i] = harness_connect(h);
        assert_true(send_request(h, fds[i], "grpc.Health", i % 2 ? "Slow" : "Park", 1));
    }
    harness_settle(h);
    uint64_t begin = sys_monotonic_ns();
    ttrpc_server_shutdown(h->server, loop_deadline(h->loop, 2 * SLOW_NS), false);
    assert_true(sys_monotonic_ns() - begin < NSEC_PER_SEC);
    for (int i = 0; i < BUSY_CONNECTIONS; i++) {
        uint8_t byte;
        if (i % 2)
            assert_int_equal(read_status(h, fds[i], 1), STATUS_OK);
        assert_false(peer_read(h, fds[i], &byte, 1, PATIENCE_NS));
        sys_close(fds[i]);
    }
}

static void immune_21_shutdown_of_busy_connections(void **state)
{
    (void)state;
    harness_run(busy_shutdown, TTRPC_PROFILE_AGENT);
}

static void last_reply(struct harness *h)
{
    assert_true(send_request(h, h->peer, "grpc.Health", "Park", 1));
    assert_true(send_request(h, h->peer, "grpc.Health", "Stubborn", 3));
    harness_settle(h);
    uint64_t begin = sys_monotonic_ns();
    ttrpc_server_shutdown(h->server, NO_DEADLINE, true);
    assert_true(sys_monotonic_ns() - begin < NSEC_PER_SEC);
    ttrpc_server_free(h->server);
    h->server = NULL;
    /* The handler that finished in spite of it is answered, the endless one is not. */
    assert_int_equal(read_status(h, h->peer, 3), STATUS_OK);
    uint8_t byte;
    assert_false(peer_read(h, h->peer, &byte, 1, PATIENCE_NS));
}

static void immune_22_and_23_last_replies_and_endless_calls(void **state)
{
    (void)state;
    harness_run(last_reply, TTRPC_PROFILE_AGENT);
}

static void rejected_are_not_counted(struct harness *h)
{
    assert_true(send_request(h, h->peer, "grpc.Health", "Slow", 101));
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(send_request(h, h->peer, "grpc.Nope", "Check", 2 * i + 1));
        assert_int_equal(read_status(h, h->peer, 2 * i + 1), STATUS_INVALID_ARGUMENT);
    }
    ttrpc_server_shutdown(h->server, NO_DEADLINE, false);
    assert_int_equal(read_status(h, h->peer, 101), STATUS_OK);
}

static void immune_28_rejected_requests_and_a_graceful_stop(void **state)
{
    (void)state;
    harness_run(rejected_are_not_counted, TTRPC_PROFILE_AGENT);
}

/* ---- 17: order in streams ---- */

static void data_and_close(struct harness *h)
{
    struct reply reply;

    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t bytes[64];
        const uint32_t stream = 2 * i + 1;
        const struct frame data = {.length = 2, .stream = stream, .type = FRAME_DATA};
        const struct frame end = {.stream = stream, .type = FRAME_DATA, .flags = FRAME_REMOTE_CLOSED | FRAME_NO_DATA};

        frame_write_header(bytes, &data);
        memcpy(bytes + FRAME_HEADER_SIZE, (uint8_t[]){0x08, (uint8_t)(i % 100)}, 2);
        frame_write_header(bytes + 12, &data);
        memcpy(bytes + 12 + FRAME_HEADER_SIZE, (uint8_t[]){0x08, (uint8_t)(i % 100 + 1)}, 2);
        frame_write_header(bytes + 24, &end);
        assert_true(send_request(h, h->peer, STREAMING, "EchoStream", stream));
        assert_true(peer_write(h, h->peer, bytes, 24 + FRAME_HEADER_SIZE));
        for (uint8_t k = 1; k <= 2; k++) {
            assert_true(peer_read_frame(h, h->peer, &reply));
            assert_int_equal(reply.frame.stream, stream);
            assert_int_equal(reply.payload[1], i % 100 + k);
            reply_free(&reply);
        }
        assert_true(peer_read_frame(h, h->peer, &reply));
        assert_int_equal(reply.frame.flags, FRAME_REMOTE_CLOSED | FRAME_NO_DATA);
        reply_free(&reply);
    }
}

static void immune_17_order_of_data_and_close(void **state)
{
    (void)state;
    harness_run(data_and_close, TTRPC_PROFILE_AGENT);
}

/* ---- 24, 27: the client ---- */

static void client_loop(struct harness *h)
{
    unsigned int descriptors = open_descriptors();

    for (unsigned int i = 0; i < 1000; i++) {
        struct ttrpc_client *client;
        int fds[2];

        harness_pair(fds);
        assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
        ttrpc_client_free(client);
        sys_close(fds[1]);
    }
    assert_int_equal(open_descriptors(), descriptors);
}

static void immune_24_client_descriptors(void **state)
{
    (void)state;
    harness_run(client_loop, TTRPC_PROFILE_AGENT);
}

/* ---- 29: a peer that never reads ---- */

static void flood_without_reading(struct harness *h)
{
    size_t size, sent = 0;
    uint8_t *bytes = request_frame("grpc.Health", "Check", 1, 0, &size);
    uint8_t *batch = malloc(size * 1000);
    int other = harness_connect(h);
    size_t before = heap_in_use();

    for (unsigned int i = 0; i < 1000; i++)
        memcpy(batch + i * size, bytes, size);
    for (unsigned int quiet = 0; quiet < 10;) {
        struct iovec iov = {batch, size * 1000};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n = sys_sendmsg(h->peer, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        harness_settle(h);
        assert_true(sent < 1000000 * size);
    }
    assert_true(heap_in_use() < before + 2 * 1024 * 1024);
    serve_check(h, other, 1);
    sys_close(other);
    free(batch);
    free(bytes);
}

static void immune_29_peer_that_never_reads(void **state)
{
    (void)state;
    harness_run(flood_without_reading, TTRPC_PROFILE_AGENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(immune_02_data_on_a_unary_call),
        cmocka_unit_test(immune_03_entries_of_finished_calls),
        cmocka_unit_test(immune_04_and_08_entries_of_finished_streams),
        cmocka_unit_test(immune_05_both_buffers_full),
        cmocka_unit_test(immune_06_deadline_while_the_server_does_not_read),
        cmocka_unit_test(immune_07_unread_stream_blocks_nobody),
        cmocka_unit_test(immune_09_and_20_cut_frames_and_resets),
        cmocka_unit_test(immune_10_any_receive_error_closes),
        cmocka_unit_test(immune_12_oversized_reply),
        cmocka_unit_test(immune_13_start_and_stop_races),
        cmocka_unit_test(immune_14_handler_without_a_word),
        cmocka_unit_test(immune_17_order_of_data_and_close),
        cmocka_unit_test(immune_21_shutdown_of_busy_connections),
        cmocka_unit_test(immune_22_and_23_last_replies_and_endless_calls),
        cmocka_unit_test(immune_24_client_descriptors),
        cmocka_unit_test(immune_28_rejected_requests_and_a_graceful_stop),
        cmocka_unit_test(immune_29_peer_that_never_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
