/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: standard streams over pipes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define MIB (1024 * 1024)
#define LARGE (64 * MIB)

static enum status_code write_stdin(struct rig *rig, const char *id, const void *data, size_t len, struct error *err)
{
    Grpc__WriteStreamRequest *request = (void *)request_for(rig, "WriteStdin", id, "");
    Grpc__WriteStreamResponse *reply;

    request->data = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)data, .len = len};
    enum status_code status = rig_call(rig, "WriteStdin", request, &reply, err);
    if (status == STATUS_OK)
        assert_int_equal(reply->len, len);
    return status;
}

static enum status_code read_stream(struct rig *rig, const char *method, const char *exec_id, uint32_t len,
                                    Grpc__ReadStreamResponse **ret_reply, struct error *err)
{
    Grpc__ReadStreamRequest *request = (void *)request_for(rig, method, "c1", exec_id);

    request->len = len;
    return rig_call(rig, method, request, ret_reply, err);
}

static void expect_read(struct rig *rig, const char *method, const char *exec_id, const char *want)
{
    Grpc__ReadStreamResponse *reply;

    EXPECT_OK(read_stream(rig, method, exec_id, 1000, &reply, &err));
    if (reply->data.len != strlen(want) || (*want && memcmp(reply->data.data, want, strlen(want)) != 0))
        fail_msg("%s: want '%s', got '%.*s'", method, want, (int)reply->data.len, (const char *)reply->data.data);
}

/* ---- amounts ---- */

struct side {
    struct rig *rig;
    struct waitq *done;
    uint64_t sum;
    size_t bytes;
    bool ended;
    uint8_t letter;
};

static void side_end(struct side *side)
{
    side->ended = true;
    waitq_wake_all(side->done);
}

/* Bytes that depend on their place, so that a lost, doubled or moved block is seen. */
static uint64_t add_to_sum(uint64_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ p[i]) * UINT64_C(1099511628211);
    return sum;
}

static void write_large(void *arg)
{
    struct side *side = arg;
    struct rig *rig = side->rig;
    static const size_t sizes[] = {1, 65537, 3 * MIB, 4096, MIB, 4 * MIB - 1000};
    uint8_t *block = malloc(4 * MIB);
    uint64_t state = 88172645463325252U;

    for (size_t i = 0; side->bytes < LARGE; i++) {
        size_t len = sizes[i % ARRAY_SIZE(sizes)];
        len = len < LARGE - side->bytes ? len : LARGE - side->bytes;
        for (size_t k = 0; k < len; k++) {
            if (k % 8 == 0)
                state = state * 6364136223846793005U + 1442695040888963407U;
            block[k] = (uint8_t)(state >> (8 * (k % 8)));
        }
        EXPECT_OK(write_stdin(rig, "c1", block, len, &err));
        side->sum = add_to_sum(side->sum, block, len);
        side->bytes += len;
    }
    EXPECT_OK(write_stdin(rig, "c1", "", 0, &err));
    free(block);
    side_end(side);
}

static void read_large(void *arg)
{
    struct side *side = arg;
    struct rig *rig = side->rig;
    Grpc__ReadStreamResponse *reply;

    do {
        EXPECT_OK(read_stream(rig, "ReadStdout", "", 100000, &reply, &err));
        side->sum = add_to_sum(side->sum, reply->data.data, reply->data.len);
        side->bytes += reply->data.len;
    } while (reply->data.len > 0);
    side_end(side);
}

RIG_TEST(large_amounts_pass_through_unchanged)
{
    struct waitq done;
    struct side in = {.rig = rig, .done = &done}, out = in;

    waitq_init(&done);
    expect_running(rig, "c1", rig_spec(rig, "c1", "exec cat"));
    fiber_start(rig->loop, "write", write_large, &in, NULL);
    fiber_start(rig->loop, "read", read_large, &out, NULL);
    while (!in.ended || !out.ended)
        waitq_wait(rig->loop, &done, NO_DEADLINE);
    assert_int_equal(in.bytes, LARGE);
    assert_int_equal(out.bytes, LARGE);
    assert_true(in.sum == out.sum);
    assert_int_equal(rig_wait(rig, "c1", ""), 0);
}

RIG_TEST(slow_reader_stops_the_writer_and_nothing_is_lost)
{
    struct waitq done;
    struct side out = {.rig = rig, .done = &done};

    waitq_init(&done);
    expect_running(rig, "c1", rig_spec(rig, "c1", "head -c 5000000 /dev/zero; echo end >&2"));
    sys_nanosleep(50 * NSEC_PER_MSEC);
    read_large(&out);
    assert_int_equal(out.bytes, 5000000);
    expect_read(rig, "ReadStderr", "", "end\n");
    assert_int_equal(rig_wait(rig, "c1", ""), 0);
}

/* ---- several callers ---- */

#define WRITERS 4
#define BLOCK 100000

static void write_block(void *arg)
{
    struct side *side = arg;
    struct rig *rig = side->rig;
    char *block = arena_alloc(rig->arena, BLOCK);

    memset(block, side->letter, BLOCK);
    EXPECT_OK(write_stdin(rig, "c1", block, BLOCK, &err));
    side_end(side);
}

RIG_TEST(writes_of_several_callers_stay_in_one_piece)
{
    struct waitq done;
    struct side sides[WRITERS];

    waitq_init(&done);
    expect_running(rig, "c1", rig_spec(rig, "c1", "exec cat"));
    for (int i = 0; i < WRITERS; i++) {
        sides[i] = (struct side){.rig = rig, .done = &done, .letter = (uint8_t)('a' + i)};
        fiber_start(rig->loop, "write", write_block, &sides[i], NULL);
    }
    char *all = arena_alloc(rig->arena, WRITERS * BLOCK);
    for (size_t got = 0; got < WRITERS * BLOCK;) {
        Grpc__ReadStreamResponse *reply;
        EXPECT_OK(read_stream(rig, "ReadStdout", "", 65536, &reply, &err));
        assert_true(reply->data.len > 0 && got + reply->data.len <= WRITERS * BLOCK);
        memcpy(all + got, reply->data.data, reply->data.len);
        got += reply->data.len;
    }
    for (int i = 0; i < WRITERS; i++) {
        for (size_t k = 1; k < BLOCK; k++)
            assert_int_equal(all[i * BLOCK + k], all[i * BLOCK]);
    }
    while (!sides[WRITERS - 1].ended)
        waitq_wait(rig->loop, &done, NO_DEADLINE);
}

RIG_TEST(readers_of_one_stream_share_it)
{
    struct waitq done;
    struct side sides[3];
    size_t total = 0;

    waitq_init(&done);
    expect_running(rig, "c1", rig_spec(rig, "c1", "head -c 3000000 /dev/zero"));
    FOR_ROWS (side, sides) {
        *side = (struct side){.rig = rig, .done = &done};
        fiber_start(rig->loop, "read", read_large, side, NULL);
    }
    FOR_ROWS (side, sides) {
        while (!side->ended)
            waitq_wait(rig->loop, &done, NO_DEADLINE);
        total += side->bytes;
    }
    assert_int_equal(total, 3000000);
}

/* ---- ends ---- */

RIG_TEST(output_is_there_after_the_exit_until_it_is_collected)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", "echo one; echo two >&2; exit 5"));
    sys_nanosleep(30 * NSEC_PER_MSEC);
    expect_read(rig, "ReadStderr", "", "two\n");
    expect_read(rig, "ReadStdout", "c1", "one\n"); /* the init process by its name */
    expect_read(rig, "ReadStdout", "", "");
    expect_read(rig, "ReadStdout", "", ""); /* the end stays the end */
    expect_read(rig, "ReadStderr", "", "");
    assert_int_equal(rig_wait(rig, "c1", ""), 5);
    rig_refused(rig, "ReadStdout", request_for(rig, "ReadStdout", "c1", ""), STATUS_NOT_FOUND, "InitProcessNotFound");
}

RIG_TEST(small_and_huge_reads_are_served)
{
    Grpc__ReadStreamResponse *reply;

    expect_running(rig, "c1", rig_spec(rig, "c1", "echo abc"));
    EXPECT_OK(read_stream(rig, "ReadStdout", "", 0, &reply, &err));
    assert_int_equal(reply->data.len, 0);
    EXPECT_OK(read_stream(rig, "ReadStdout", "", 1, &reply, &err));
    assert_memory_equal(reply->data.data, "a", 1);
    EXPECT_OK(read_stream(rig, "ReadStdout", "", UINT32_MAX, &reply, &err));
    assert_int_equal(reply->data.len, 3);
    assert_memory_equal(reply->data.data, "bc\n", 3);
}

/* The process leaves a child behind that holds its streams open. */
RIG_TEST(waiting_read_ends_soon_after_the_process)
{
    static const char *const methods[] = {"ReadStdout", "ReadStderr"};

    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    EXPECT_OK(
        rig_exec(rig, "c1", "late", rig_spec(rig, "c1", "(sleep 0.1; echo late; exec sleep 50) & sleep 0.03")->process, &err));
    expect_read(rig, "ReadStdout", "late", "late\n"); /* in time */
    assert_int_equal(rig_wait(rig, "c1", "late"), 0);
    FOR_ROWS (method, methods) {
        EXPECT_OK(rig_exec(rig, "c1", "never", rig_spec(rig, "c1", "sleep 50 & sleep 0.03")->process, &err));
        uint64_t begin = loop_deadline(rig->loop, 0);
        expect_read(rig, *method, "never", "");
        uint64_t waited_ms = (loop_deadline(rig->loop, 0) - begin) / NSEC_PER_MSEC;
        if (waited_ms < 500 || waited_ms > 2000)
            fail_msg("%s ended after %lu ms", *method, (unsigned long)waited_ms);
        assert_int_equal(rig_wait(rig, "c1", "never"), 0);
    }
}

/* ---- closing stdin ---- */

RIG_TEST(closed_stdin_is_the_end_of_input)
{
    static const char *const ways[] = {"CloseStdin", "WriteStdin"};

    FOR_ROWS (way, ways) {
        expect_running(rig, "c1", rig_spec(rig, "c1", "cat; echo done"));
        EXPECT_OK(write_stdin(rig, "c1", "input\n", 6, &err));
        expect_read(rig, "ReadStdout", "", "input\n");
        rig_ok(rig, *way, request_for(rig, *way, "c1", ""), NULL);
        rig_ok(rig, *way, request_for(rig, *way, "c1", ""), NULL); /* again */
        expect_read(rig, "ReadStdout", "", "done\n");
        EXPECT_REFUSED(STATUS_INTERNAL, "Cannot get writer", write_stdin(rig, "c1", "x", 1, &err));
        assert_int_equal(rig_wait(rig, "c1", ""), 0);
        EXPECT_OK(rig_remove(rig, "c1", &err));
    }
}

RIG_TEST(input_that_nobody_reads_breaks_the_pipe)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", "exec 0<&-; echo closed; sleep 1000"));
    expect_read(rig, "ReadStdout", "", "closed\n");
    EXPECT_REFUSED(STATUS_INTERNAL, "Broken pipe (os error 32)", write_stdin(rig, "c1", "x", 1, &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    expect_running(rig, "c1", rig_spec(rig, "c1", "exit 3"));
    expect_read(rig, "ReadStdout", "", "");
    sys_nanosleep(20 * NSEC_PER_MSEC);
    EXPECT_REFUSED(STATUS_INTERNAL, "Broken pipe (os error 32)",
                   write_stdin(rig, "c1", "x", 1, &err)); /* dead, not collected */
    assert_int_equal(rig_wait(rig, "c1", ""), 3);
}

static void write_until_refused(void *arg)
{
    struct side *side = arg;
    struct rig *rig = side->rig;
    static char data[MIB];

    EXPECT_REFUSED(STATUS_INTERNAL, "", write_stdin(rig, "c1", data, sizeof(data), &err));
    side_end(side);
}

RIG_TEST(waiting_write_ends_when_stdin_is_closed)
{
    struct waitq done;
    struct side side = {.rig = rig, .done = &done};

    waitq_init(&done);
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    fiber_start(rig->loop, "write", write_until_refused, &side, NULL);
    fiber_sleep_until(rig->loop, loop_deadline(rig->loop, 20 * NSEC_PER_MSEC));
    assert_false(side.ended);
    rig_ok(rig, "CloseStdin", request_for(rig, "CloseStdin", "c1", ""), NULL);
    while (!side.ended)
        waitq_wait(rig->loop, &done, NO_DEADLINE);
}

/* ---- configuration ---- */

static void write_without_reader(struct rig *rig, const char *amount)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", arena_printf(rig->arena, "head -c %s /dev/zero; echo written >&2", amount)));
}

RIG_TEST_WITH_CONFIG(pipes_have_the_configured_size, "container_pipe_size = 1048576\n")
{
    write_without_reader(rig, "1000000");
    expect_read(rig, "ReadStderr", "", "written\n");
}

RIG_TEST(pipes_have_the_kernels_size_by_default)
{
    Grpc__ReadStreamRequest *request = (void *)request_for(rig, "ReadStderr", "c1", "");

    write_without_reader(rig, "100000");
    request->len = 10;
    EXPECT_REFUSED(STATUS_DEADLINE_EXCEEDED, "",
                   rig_call_service(rig, "grpc.AgentService", "ReadStderr", &request->base, 50, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_amounts_pass_through_unchanged),
        cmocka_unit_test(slow_reader_stops_the_writer_and_nothing_is_lost),
        cmocka_unit_test(writes_of_several_callers_stay_in_one_piece),
        cmocka_unit_test(readers_of_one_stream_share_it),
        cmocka_unit_test(output_is_there_after_the_exit_until_it_is_collected),
        cmocka_unit_test(small_and_huge_reads_are_served),
        cmocka_unit_test(waiting_read_ends_soon_after_the_process),
        cmocka_unit_test(closed_stdin_is_the_end_of_input),
        cmocka_unit_test(input_that_nobody_reads_breaks_the_pipe),
        cmocka_unit_test(waiting_write_ends_when_stdin_is_closed),
        cmocka_unit_test(pipes_have_the_configured_size),
        cmocka_unit_test(pipes_have_the_kernels_size_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
