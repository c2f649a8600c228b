/* SPDX-License-Identifier: Apache-2.0 */
/* Results, deadlines, streams and the end of the ttrpc server, beyond the vectors. */
#include "ttrpc_harness.h"

#include <sys/mman.h>

#include "ttrpc/connection.h"
#include "ttrpc/server_private.h"

/* ---- results ---- */

static void results(struct harness *h)
{
    send_health(h, "Fail", 1);
    expect_status(h, 1, STATUS_NOT_FOUND, "no such thing ?");
    send_health(h, "Mute", 3);
    expect_status(h, 3, STATUS_INTERNAL, "Mute: ENOENT: No such file or directory");
    send_health(h, "OddStatus", 5);
    expect_status(h, 5, STATUS_UNKNOWN, "odd");
    send_health(h, "Missing", 7);
    expect_status(h, 7, STATUS_UNIMPLEMENTED, "Missing method");
    send_health(h, "Checj", 9);
    expect_status(h, 9, STATUS_UNIMPLEMENTED, "Checj method");
    assert_true(send_request(h, h->peer, "grpc.Healti", "Check", 11));
    expect_status(h, 11, STATUS_INVALID_ARGUMENT, "grpc.Healti service does not exist");
}

static void failures_carry_the_handlers_status(void **state)
{
    (void)state;
    harness_run(results, TTRPC_PROFILE_AGENT);
}

static void long_name(struct harness *h)
{
    char name[2000], text[600];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_true(send_request(h, h->peer, "grpc.Health", name, 1));
    snprintf(text, sizeof(text), "%.512s method", name);
    expect_status(h, 1, STATUS_UNIMPLEMENTED, text);
}

static void long_names_are_cut_in_texts(void **state)
{
    (void)state;
    harness_run(long_name, TTRPC_PROFILE_AGENT);
}

static void set_small_arena(struct ttrpc_server_options *options)
{
    options->call_arena_bytes = 256 * 1024;
}

static void small_arena(struct harness *h)
{
    send_large(h, "Echo", 1, 300 * 1024);
    expect_status(h, 1, STATUS_RESOURCE_EXHAUSTED, "message needs more memory than one request may use");
    send_health(h, "Big", 3);
    expect_status(h, 3, STATUS_RESOURCE_EXHAUSTED, "the call needs more memory than one call may use");
    h->world.big_reply = 1000;
    send_health(h, "Big", 5);
    assert_int_equal(read_status(h, h->peer, 5), STATUS_OK);
}

static void used_up_arena_is_resource_exhausted(void **state)
{
    (void)state;
    harness_run_options(small_arena, TTRPC_PROFILE_AGENT, set_small_arena, NULL);
}

/* ---- deadlines ---- */

static void late_result(struct harness *h)
{
    /* Health/Stubborn with a timeout of 1 ns, which ends with a result nevertheless. */
    static const uint8_t bytes[] = "\x00\x00\x00\x19\x00\x00\x00\x01\x01\x00\x0a\x0bgrpc.Health\x12\x08Stubborn\x20\x01";

    assert_true(peer_write(h, h->peer, bytes, sizeof(bytes) - 1));
    expect_status(h, 1, STATUS_DEADLINE_EXCEEDED, "timeout");
    /* The id is free again at once, while the first handler may still run. */
    serve_check(h, h->peer, 1);
    assert_true(peer_is_quiet(h, h->peer, SLOW_NS));
    assert_int_equal(h->world.started, h->world.cancelled);
}

static void late_results_are_dropped(void **state)
{
    (void)state;
    harness_run(late_result, TTRPC_PROFILE_AGENT);
}

/* Call, slip and the next call on the same id in one write: the id is free as soon as the refusal is queued. */
static void reused_at_once(struct harness *h)
{
    size_t park_size, check_size;
    uint8_t *park = request_frame("grpc.Health", "Park", 1, 0, &park_size);
    uint8_t *check = request_frame("grpc.Health", "Check", 1, 0, &check_size);
    const struct frame data = {.stream = 1, .type = FRAME_DATA};
    uint8_t *bytes = malloc(park_size + FRAME_HEADER_SIZE + check_size);

    memcpy(bytes, park, park_size);
    frame_write_header(bytes + park_size, &data);
    memcpy(bytes + park_size + FRAME_HEADER_SIZE, check, check_size);
    assert_true(peer_write(h, h->peer, bytes, park_size + FRAME_HEADER_SIZE + check_size));
    expect_status(h, 1, STATUS_INVALID_ARGUMENT, "Stream is no longer active");
    assert_int_equal(read_status(h, h->peer, 1), STATUS_OK);
    assert_int_equal(h->world.started, 0);
    free(bytes);
    free(park);
    free(check);
}

static void an_answered_id_is_free_at_once(void **state)
{
    (void)state;
    harness_run(reused_at_once, TTRPC_PROFILE_AGENT);
}

/* Health/Big with a timeout of 20 ms, whose reply has no room behind an unread one. */
static void no_room_before_the_deadline(struct harness *h)
{
    static const uint8_t bytes[] = "\x00\x00\x00\x17\x00\x00\x00\x03\x01\x00\x0a\x0bgrpc.Health\x12\x03"
                                   "Big\x20\x80\xda\xc4\x09";

    h->world.big_reply = 2000000;
    send_health(h, "Big", 1);
    assert_true(peer_write(h, h->peer, bytes, sizeof(bytes) - 1));
    fiber_sleep_until(h->loop, loop_deadline(h->loop, 60 * NSEC_PER_MSEC));
    assert_int_equal(h->server->n_running, 0);
    assert_int_equal(read_status(h, h->peer, 1), STATUS_OK);
    expect_status(h, 3, STATUS_DEADLINE_EXCEEDED, "timeout");
    serve_check(h, h->peer, 5);
}

static void replies_without_room_keep_their_deadline(void **state)
{
    (void)state;
    harness_run(no_room_before_the_deadline, TTRPC_PROFILE_AGENT);
}

/* ---- streams ---- */

static void full_stream(struct harness *h)
{
    uint8_t *message = calloc(1, 100000);

    assert_true(send_request(h, h->peer, STREAMING, "DeafStream", 1));
    for (int i = 0; i < 5; i++)
        assert_true(send_data(h, h->peer, 1, 0, message, 100000));
    expect_status(h, 1, STATUS_INVALID_ARGUMENT, "data handling error: ttrpc: stream buffer full");
    expect_status(h, 1, STATUS_INVALID_ARGUMENT, "StreamID is no longer active");
    serve_check(h, h->peer, 3);
    free(message);
}

static void unread_stream_ends_with_a_status(void **state)
{
    (void)state;
    harness_run(full_stream, TTRPC_PROFILE_SHIM);
}

/* Messages of 4 MiB go in, and one with seq 127 would come out one byte longer. */
static void largest_message(struct harness *h)
{
    const size_t text_len = FRAME_PAYLOAD_MAX - 2 - 5;
    uint8_t *message = malloc(FRAME_PAYLOAD_MAX);
    struct reply reply;

    memset(message, 'x', FRAME_PAYLOAD_MAX);
    memcpy(message, "\x08\x7e", 2);
    assert_ptr_equal(wire_put_length(message + 2, 2, text_len), message + 7);
    assert_true(send_request(h, h->peer, STREAMING, "EchoStream", 1));
    assert_true(send_data(h, h->peer, 1, 0, message, FRAME_PAYLOAD_MAX));
    assert_true(peer_read_frame(h, h->peer, &reply));
    assert_int_equal(reply.frame.length, FRAME_PAYLOAD_MAX);
    assert_int_equal(reply.payload[1], 0x7f);
    reply_free(&reply);

    message[1] = 0x7f;
    assert_true(send_data(h, h->peer, 1, 0, message, FRAME_PAYLOAD_MAX));
    expect_status(h, 1, STATUS_INVALID_ARGUMENT, "message length 4194305 exceed maximum message size of 4194304");
    free(message);
}

static void stream_messages_have_the_size_limit_too(void **state)
{
    (void)state;
    harness_run(largest_message, TTRPC_PROFILE_AGENT);
}

static void unread_output(struct harness *h)
{
    /* DivideStream {a 1, b 200000}: 200000 messages of one byte's number. */
    static const uint8_t payload[] = "\x08\xc0\x84\x3d\x10\xc0\x9a\x0c";
    size_t size, before = heap_in_use();
    uint8_t *bytes = request_frame(STREAMING, "DivideStream", 1, sizeof(payload) - 1, &size);
    unsigned int n = 0;
    struct reply reply;

    memcpy(bytes + size - sizeof(payload) + 1, payload, sizeof(payload) - 1);
    assert_true(peer_write(h, h->peer, bytes, size));
    fiber_sleep_until(h->loop, loop_deadline(h->loop, 20 * NSEC_PER_MSEC));
    assert_true(heap_in_use() < before + 2 * CHANNEL_OUT_MAX);
    int other = harness_connect(h);
    serve_check(h, other, 1);
    sys_close(other);
    for (;; n++) {
        assert_true(peer_read_frame(h, h->peer, &reply));
        reply_free(&reply);
        if (reply.frame.flags)
            break;
        assert_int_equal(reply.frame.length, 2);
    }
    assert_int_equal(n, 200000);
    free(bytes);
}

static void a_stream_waits_for_its_reader(void **state)
{
    (void)state;
    harness_run(unread_output, TTRPC_PROFILE_AGENT);
}

/* 1 MB for a handler that begins late: what does not fit waits in front of it, and goes on as soon as it reads. */
static void late_reader(struct harness *h)
{
    uint8_t message[10000] = {0x08, 0x01, 0x1a, 0x8a, 0x4e}; /* a 1, and an unknown field */
    uint64_t begin = sys_monotonic_ns();
    struct reply reply;

    assert_ptr_equal(wire_put_length(message + 2, 3, sizeof(message) - 5), message + 5);
    assert_true(send_request(h, h->peer, STREAMING, "SleepyStream", 1));
    for (int i = 0; i < 100; i++)
        assert_true(send_data(h, h->peer, 1, 0, message, sizeof(message)));
    assert_true(send_data(h, h->peer, 1, FRAME_REMOTE_CLOSED | FRAME_NO_DATA, NULL, 0));
    assert_true(peer_read_frame(h, h->peer, &reply));
    assert_int_equal(reply.frame.length, 8);
    assert_memory_equal(reply.payload + 4, "\x08\x64\x10\x64", 4);
    assert_true(sys_monotonic_ns() - begin < SLOW_NS + 120 * NSEC_PER_MSEC);
    reply_free(&reply);
}

static void a_stalled_stream_goes_on(void **state)
{
    (void)state;
    harness_run(late_reader, TTRPC_PROFILE_AGENT);
}

/* Cancelled while it waits for a message, and while it waits for room. */
static void lost_streams(struct harness *h)
{
    static const uint8_t payload[] = "\x08\xc0\x84\x3d\x10\xc0\x9a\x0c";
    size_t size;
    uint8_t *bytes = request_frame(STREAMING, "DivideStream", 3, sizeof(payload) - 1, &size);
    int fd = harness_connect(h);

    memcpy(bytes + size - sizeof(payload) + 1, payload, sizeof(payload) - 1);
    assert_true(send_request(h, fd, STREAMING, "EchoStream", 1));
    assert_true(peer_write(h, fd, bytes, size));
    harness_settle(h);
    assert_int_equal(h->server->n_running, 2);
    sys_close(fd);
    harness_settle(h);
    assert_int_equal(h->server->n_running, 0);
    free(bytes);
}

static void streams_end_with_their_connection(void **state)
{
    (void)state;
    harness_run(lost_streams, TTRPC_PROFILE_AGENT);
}

/* ---- shutdown ---- */

struct stopping {
    struct harness *h;
    bool cancel;
    bool done;
};

static void stop_fiber(void *arg)
{
    struct stopping *stopping = arg;

    ttrpc_server_shutdown(stopping->h->server, loop_deadline(stopping->h->loop, 20 * NSEC_PER_MSEC), stopping->cancel);
    stopping->done = true;
}

/* Three replies wait for room in the write queue when the shutdown comes; the peer reads them all. */
static void shutdown_with_waiting_replies(struct harness *h)
{
    struct stopping stopping = {.h = h, .cancel = true};
    uint8_t byte;

    h->world.big_reply = 2000000;
    for (uint32_t stream = 1; stream <= 5; stream += 2)
        send_health(h, "Big", stream);
    harness_settle(h);
    assert_int_equal(h->server->n_running, 2);
    uint64_t begin = sys_monotonic_ns();
    assert_int_equal(fiber_start(h->loop, "stop", stop_fiber, &stopping, NULL), 0);
    harness_settle(h);
    for (uint32_t stream = 1; stream <= 5; stream += 2)
        assert_int_equal(read_status(h, h->peer, stream), STATUS_OK);
    assert_false(peer_read(h, h->peer, &byte, 1, PATIENCE_NS));
    assert_true(stopping.done);
    assert_true(sys_monotonic_ns() - begin < 900 * NSEC_PER_MSEC);
}

static void shutdown_flushes_replies_that_wait_for_room(void **state)
{
    (void)state;
    harness_run(shutdown_with_waiting_replies, TTRPC_PROFILE_AGENT);
}

static void shutdown_without_a_reader(struct harness *h)
{
    struct stopping stopping = {.h = h};

    h->world.big_reply = 2000000;
    send_health(h, "Big", 1);
    send_health(h, "Park", 3);
    harness_settle(h);
    uint64_t begin = sys_monotonic_ns();
    stop_fiber(&stopping);
    assert_true(sys_monotonic_ns() - begin > 900 * NSEC_PER_MSEC);
    assert_true(sys_monotonic_ns() - begin < 3 * NSEC_PER_SEC);
    assert_int_equal(h->world.cancelled, 1);
}

static void shutdown_waits_a_second_for_a_peer_that_does_not_read(void **state)
{
    (void)state;
    harness_run(shutdown_without_a_reader, TTRPC_PROFILE_AGENT);
}

static void loss_while_stopping(struct harness *h)
{
    struct stopping stopping = {.h = h};

    h->world.big_reply = 2000000;
    send_health(h, "Big", 1);
    harness_settle(h);
    assert_int_equal(fiber_start(h->loop, "stop", stop_fiber, &stopping, NULL), 0);
    harness_settle(h);
    fd_close(&h->peer);
    harness_settle(h);
    assert_true(stopping.done);
}

static void shutdown_notices_a_lost_peer(void **state)
{
    (void)state;
    harness_run(loss_while_stopping, TTRPC_PROFILE_AGENT);
}

static void request_while_stopping(struct harness *h)
{
    struct stopping stopping = {.h = h};
    uint8_t byte;

    strcpy(h->world.text, "never");
    send_health(h, "Slow", 1);
    harness_settle(h);
    assert_int_equal(fiber_start(h->loop, "stop", stop_fiber, &stopping, NULL), 0);
    harness_settle(h);
    send_health(h, "Check", 3);
    assert_false(peer_read(h, h->peer, &byte, 1, PATIENCE_NS)); /* Slow takes longer than the shutdown waits. */
    assert_true(stopping.done);
    assert_int_equal(h->world.cancelled, 1);
    assert_string_equal(h->world.text, "never");
}

static void requests_after_a_shutdown_are_not_read(void **state)
{
    (void)state;
    harness_run(request_while_stopping, TTRPC_PROFILE_AGENT);
}

/* The peer's half close is a loss even while nothing is read from it. */
static void half_close_unread(struct harness *h)
{
    h->world.big_reply = 2000000;
    send_health(h, "Big", 1);
    send_health(h, "Park", 3);
    harness_settle(h);
    assert_int_equal(h->world.started, 1);
    sys_shutdown(h->peer, SHUT_WR);
    harness_settle(h);
    assert_int_equal(h->world.cancelled, 1);
    assert_int_equal(h->server->n_connections, 0);
}

static void a_half_close_is_noticed_while_reading_is_stopped(void **state)
{
    (void)state;
    harness_run(half_close_unread, TTRPC_PROFILE_AGENT);
}

/* The server goes while handlers run that do not care; its memory goes with the last of them. */
static void free_while_running(struct harness *h)
{
    send_health(h, "Stubborn", 1);
    send_health(h, "Park", 3);
    harness_settle(h);
    ttrpc_server_free(h->server);
    h->server = NULL;
    assert_int_equal(h->world.cancelled, 0);
    harness_settle(h);
    assert_int_equal(h->world.cancelled, 2);
}

static void free_cancels_running_calls(void **state)
{
    (void)state;
    harness_run(free_while_running, TTRPC_PROFILE_AGENT);
}

/* ---- construction ---- */

static void methods_must_be_unique(void **state)
{
    const struct ttrpc_method twice[] = {test_methods[0], test_methods[1], test_methods[0]};
    const struct ttrpc_server_options options = {.methods = twice, .n_methods = ARRAY_SIZE(twice)};
    struct ttrpc_server *server;
    struct error err;

    (void)state;
    assert_int_equal(ttrpc_server_new(NULL, &options, &server, &err), -EINVAL);
    assert_string_equal(err.text, "method grpc.Health/Check is listed twice");
}

static void bad_descriptors(struct harness *h)
{
    struct error err;
    int fd = sys_memfd_create("x", MFD_CLOEXEC);

    assert_int_equal(ttrpc_server_adopt(h->server, fd, &err), -EPERM);
    assert_true(sys_fcntl(fd, F_GETFD, 0) < 0);
    fd = sys_memfd_create("x", MFD_CLOEXEC);
    assert_int_equal(ttrpc_server_listen(h->server, fd, NULL, &err), -EPERM);
    assert_true(sys_fcntl(fd, F_GETFD, 0) < 0);
}

static void descriptors_that_cannot_be_watched_are_closed(void **state)
{
    (void)state;
    harness_run(bad_descriptors, TTRPC_PROFILE_AGENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_carry_the_handlers_status),
        cmocka_unit_test(long_names_are_cut_in_texts),
        cmocka_unit_test(used_up_arena_is_resource_exhausted),
        cmocka_unit_test(late_results_are_dropped),
        cmocka_unit_test(an_answered_id_is_free_at_once),
        cmocka_unit_test(replies_without_room_keep_their_deadline),
        cmocka_unit_test(unread_stream_ends_with_a_status),
        cmocka_unit_test(stream_messages_have_the_size_limit_too),
        cmocka_unit_test(a_stream_waits_for_its_reader),
        cmocka_unit_test(a_stalled_stream_goes_on),
        cmocka_unit_test(streams_end_with_their_connection),
        cmocka_unit_test(shutdown_flushes_replies_that_wait_for_room),
        cmocka_unit_test(shutdown_waits_a_second_for_a_peer_that_does_not_read),
        cmocka_unit_test(shutdown_notices_a_lost_peer),
        cmocka_unit_test(requests_after_a_shutdown_are_not_read),
        cmocka_unit_test(a_half_close_is_noticed_while_reading_is_stopped),
        cmocka_unit_test(free_cancels_running_calls),
        cmocka_unit_test(methods_must_be_unique),
        cmocka_unit_test(descriptors_that_cannot_be_watched_are_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
