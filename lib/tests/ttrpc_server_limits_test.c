/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of the ttrpc server may use up: calls, bytes of requests, memory of replies. */
#include "ttrpc_harness.h"

#include "ttrpc/call.h"
#include "ttrpc/server_private.h"

/* The answer to a request whose payload is one bytes field (3) of len bytes of a pattern. */
static void echo_pattern(struct harness *h, const char *method, size_t len, struct reply *ret_reply)
{
    size_t size;
    uint8_t *bytes = request_frame("grpc.Health", method, 1, wire_bytes_size(len), &size);

    wire_put_length(bytes + size - wire_bytes_size(len), 3, len);
    for (size_t i = 0; i < len; i++)
        bytes[size - len + i] = (uint8_t)(i * 7 + i / 251);
    assert_true(peer_write(h, h->peer, bytes, size));
    free(bytes);
    assert_true(peer_read_frame(h, h->peer, ret_reply));
}

static void end_at_once(void *arg)
{
    (void)arg;
}

static void no_fiber(struct harness *h)
{
    send_health(h, "Check", 1);
    /* They only start to run after the server has seen the request. */
    while (fiber_start(h->loop, "filler", end_at_once, NULL, NULL) == 0)
        ;
    expect_status(h, 1, STATUS_RESOURCE_EXHAUSTED, "too many calls in progress");
    serve_check(h, h->peer, 1);
}

static void calls_that_get_no_fiber_are_refused(void **state)
{
    (void)state;
    harness_run(no_fiber, TTRPC_PROFILE_AGENT);
}

static void idle_connection(struct harness *h)
{
    struct connection *connection = CONTAINER_OF(h->server->connections.next, struct connection, node);

    send_large(h, "Check", 1, 2000000);
    assert_int_equal(read_status(h, h->peer, 1), STATUS_OK);
    assert_true(connection->channel.body_cap >= 2000000);
    fiber_sleep_until(h->loop, loop_deadline(h->loop, NSEC_PER_SEC + 50 * NSEC_PER_MSEC));
    assert_int_equal(connection->channel.body_cap, 0);
    send_large(h, "Check", 3, 100000);
    assert_int_equal(read_status(h, h->peer, 3), STATUS_OK);
    assert_true(connection->channel.body_cap < 1000000);

    /* Not while a frame is on its way that takes longer than that. */
    size_t size;
    uint8_t *bytes = request_frame("grpc.Health", "Check", 5, wire_bytes_size(200000), &size);
    wire_put_length(bytes + size - wire_bytes_size(200000), 3, 200000);
    assert_true(peer_write(h, h->peer, bytes, 150000));
    fiber_sleep_until(h->loop, loop_deadline(h->loop, NSEC_PER_SEC + 50 * NSEC_PER_MSEC));
    assert_true(peer_write(h, h->peer, bytes + 150000, size - 150000));
    assert_int_equal(read_status(h, h->peer, 5), STATUS_OK);
    free(bytes);
}

static void memory_of_large_requests_is_given_back(void **state)
{
    (void)state;
    harness_run(idle_connection, TTRPC_PROFILE_AGENT);
}

/* ---- reserved memory ---- */

static void same_bytes(struct harness *h)
{
    static const size_t sizes[] = {0, 1, 100, 16383, 16384, 16385, 100000, 1048576, 4000000};
    struct reply copied, reserved;

    FOR_ROWS (size, sizes) {
        echo_pattern(h, "Echo", *size, &copied);
        echo_pattern(h, "EchoReserved", *size, &reserved);
        assert_int_equal(reserved.frame.stream, copied.frame.stream);
        assert_int_equal(reserved.frame.type, copied.frame.type);
        assert_int_equal(reserved.frame.length, copied.frame.length);
        assert_memory_equal(reserved.payload, copied.payload, copied.frame.length);
        reply_free(&copied);
        reply_free(&reserved);
    }
    serve_check(h, h->peer, 3);
}

static void a_reply_from_reserved_memory_has_the_same_bytes(void **state)
{
    (void)state;
    harness_run(same_bytes, TTRPC_PROFILE_AGENT);
    harness_run(same_bytes, TTRPC_PROFILE_SHIM);
}

static void too_much_reserved(struct harness *h)
{
    struct reply reply;

    echo_pattern(h, "EchoReserved", 60000, &reply);
    reply_free(&reply);
    send_large(h, "EchoReserved", 1, 120000);
    expect_status(h, 1, STATUS_RESOURCE_EXHAUSTED, "the call needs more memory than one call may use");
    serve_check(h, h->peer, 3);
}

static void set_arena_of_150_kib(struct ttrpc_server_options *options)
{
    options->call_arena_bytes = 150 * 1024;
}

static void reserved_memory_counts_against_the_budget_of_a_call(void **state)
{
    (void)state;
    harness_run_options(too_much_reserved, TTRPC_PROFILE_AGENT, set_arena_of_150_kib, NULL);
}

static void reserved_and_idle(struct harness *h)
{
    struct connection *connection = CONTAINER_OF(h->server->connections.next, struct connection, node);
    struct reply reply;

    /* The last one is copied. */
    static const size_t sizes[] = {1000000, 100000, 1};

    FOR_ROWS (size, sizes) {
        send_large(h, "EchoReserved", 1, *size);
        assert_true(peer_read_frame(h, h->peer, &reply));
        reply_free(&reply);
        harness_settle(h);
        assert_non_null(connection->channel.out.large_spare);
        fiber_sleep_until(h->loop, loop_deadline(h->loop, NSEC_PER_SEC + 50 * NSEC_PER_MSEC));
        assert_null(connection->channel.out.large_spare);
    }
}

static void memory_of_large_replies_is_given_back(void **state)
{
    (void)state;
    harness_run(reserved_and_idle, TTRPC_PROFILE_AGENT);
}

static void set_three_calls(struct ttrpc_server_options *options)
{
    options->max_calls = 3;
}

static void three_calls(struct harness *h)
{
    for (uint32_t stream = 1; stream <= 5; stream += 2)
        send_health(h, "Slow", stream);
    send_health(h, "Check", 7);
    expect_status(h, 7, STATUS_RESOURCE_EXHAUSTED, "too many calls in progress on this connection");
    for (uint32_t stream = 1; stream <= 5; stream += 2)
        assert_int_equal(read_status(h, h->peer, stream), STATUS_OK);
    serve_check(h, h->peer, 9);
}

static void calls_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    harness_run_options(three_calls, TTRPC_PROFILE_AGENT, set_three_calls, NULL);
}

/* Requests of 4 MB that are never answered: the fifth passes the cap, waits and is refused; a small call is not held up by more
 * of them. */
static void large_requests(struct harness *h)
{
    struct connection *connection = CONTAINER_OF(h->server->connections.next, struct connection, node);

    for (uint32_t stream = 1; stream <= 7; stream += 2)
        send_large(h, "ParkData", stream, 4000000);
    harness_settle(h);
    assert_int_equal(h->world.started, 4);
    uint64_t begin = sys_monotonic_ns();
    for (uint32_t stream = 9; stream <= 27; stream += 2)
        send_large(h, "ParkData", stream, 1000000);
    send_health(h, "Check", 29);
    for (uint32_t stream = 9; stream <= 27; stream += 2)
        expect_status(h, stream, STATUS_RESOURCE_EXHAUSTED, "too many request bytes in progress on this connection");
    assert_int_equal(read_status(h, h->peer, 29), STATUS_OK);
    assert_true(sys_monotonic_ns() - begin < NSEC_PER_SEC);
    assert_int_equal(h->world.started, 4);
    /* Once there is room again, the next one too many may wait again. */
    assert_true(connection->channel.stall_over);
    fiber_cancel(CONTAINER_OF(connection->calls.next, struct call, node)->fiber);
    assert_int_equal(read_status(h, h->peer, 1), STATUS_CANCELLED);
    assert_false(connection->channel.stall_over);
}

static void request_bytes_beyond_the_cap_are_refused(void **state)
{
    (void)state;
    harness_run(large_requests, TTRPC_PROFILE_AGENT);
}

/* As above, but the calls end: the waiting request is taken as soon as there is room. */
static void large_requests_in_turn(struct harness *h)
{
    struct connection *connection = CONTAINER_OF(h->server->connections.next, struct connection, node);

    for (uint32_t stream = 1; stream <= 7; stream += 2)
        send_large(h, "ParkData", stream, 4000000);
    send_large(h, "Echo", 9, 3000000);
    harness_settle(h);
    assert_true(connection->channel.paused);
    assert_true(send_data(h, h->peer, 1, 0, NULL, 0)); /* not read before the request in front of it */
    assert_int_equal(h->world.started, 4);
    uint64_t begin = sys_monotonic_ns();
    fiber_cancel(CONTAINER_OF(connection->calls.next, struct call, node)->fiber);
    assert_int_equal(read_status(h, h->peer, 1), STATUS_CANCELLED);
    assert_int_equal(read_status(h, h->peer, 9), STATUS_OK);
    assert_true(sys_monotonic_ns() - begin < 150 * NSEC_PER_MSEC);
    assert_int_equal(connection->channel.stall.slot, 0);
    assert_int_equal(read_status(h, h->peer, 1), STATUS_INVALID_ARGUMENT);
}

static void a_waiting_request_is_taken_when_there_is_room(void **state)
{
    (void)state;
    harness_run(large_requests_in_turn, TTRPC_PROFILE_AGENT);
}

static void oversize_on_a_live_call(struct harness *h)
{
    const struct frame frame = {.length = FRAME_PAYLOAD_MAX + 1, .stream = 1, .type = FRAME_REQUEST};
    uint8_t *bytes = calloc(1, FRAME_HEADER_SIZE + frame.length);

    send_health(h, "Slow", 1);
    frame_write_header(bytes, &frame);
    assert_true(peer_write(h, h->peer, bytes, FRAME_HEADER_SIZE + frame.length));
    expect_status(h, 1, STATUS_RESOURCE_EXHAUSTED, "message length 4194305 exceed maximum message size of 4194304");
    assert_true(peer_is_quiet(h, h->peer, SLOW_NS + 20 * NSEC_PER_MSEC));
    free(bytes);
}

static void every_refusal_is_the_only_answer(void **state)
{
    (void)state;
    harness_run(oversize_on_a_live_call, TTRPC_PROFILE_SHIM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_get_no_fiber_are_refused),
        cmocka_unit_test(memory_of_large_requests_is_given_back),
        cmocka_unit_test(a_reply_from_reserved_memory_has_the_same_bytes),
        cmocka_unit_test(reserved_memory_counts_against_the_budget_of_a_call),
        cmocka_unit_test(memory_of_large_replies_is_given_back),
        cmocka_unit_test(calls_beyond_the_limit_are_refused),
        cmocka_unit_test(request_bytes_beyond_the_cap_are_refused),
        cmocka_unit_test(a_waiting_request_is_taken_when_there_is_room),
        cmocka_unit_test(every_refusal_is_the_only_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
