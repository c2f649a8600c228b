/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: what holds for the methods as such. Look-ups, payloads that do not decode, deadlines, clients that go away. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rpc/rpc.h"
#include "agent/tests/support/expect.h"
#include "agent/tests/support/raw_call.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"
#include "oci/wire.h"

#define MS(n) (INT64_C(1000000) * (n))

static void run_idle(struct rig *rig, const char *id)
{
    EXPECT_OK(rig_create(rig, id, rig_spec(rig, id, NULL), &err));
    EXPECT_OK(rig_start(rig, id, &err));
}

/* Before traces are counted the agent must have accepted the connection. */
static void warm_up(struct rig *rig)
{
    rig_run_container(rig, "first", rig_spec(rig, "first", "exit 0"), NULL, NULL);
}

/* The agent answers, and an old container is still addressable. */
static void expect_serving(struct rig *rig, const char *id)
{
    Grpc__CheckRequest check = GRPC__CHECK_REQUEST__INIT;

    EXPECT_OK(rig_call_service(rig, "grpc.Health", "Check", &check.base, 0, NULL, &err));
    EXPECT_OK(rig_signal(rig, id, id, 0, &err));
}

/* ---- look-ups: section 5 ---- */

RIG_TEST(unknown_containers_are_refused_in_the_words_of_each_method)
{
    static const struct {
        const char *method;
        enum status_code status;
        const char *words;
    } rows[] = {
        {"SignalProcess", STATUS_INVALID_ARGUMENT, "InvalidContainerId"},
        {"WaitProcess", STATUS_INVALID_ARGUMENT, "InvalidContainerId"},
        {"ReadStdout", STATUS_INVALID_ARGUMENT, "InvalidContainerId"},
        {"ReadStderr", STATUS_INVALID_ARGUMENT, "InvalidContainerId"},
        {"CloseStdin", STATUS_INVALID_ARGUMENT, "InvalidContainerId"},
        {"TtyWinResize", STATUS_INVALID_ARGUMENT, "InvalidContainerId"},
        {"WriteStdin", STATUS_INTERNAL, "Invalid container id"},
        {"StartContainer", STATUS_INTERNAL, "Invalid container id"},
        {"RemoveContainer", STATUS_INTERNAL, "Invalid container id"},
        {"UpdateContainer", STATUS_INVALID_ARGUMENT, "\"invalid container id\""},
        {"StatsContainer", STATUS_INVALID_ARGUMENT, "\"invalid container id\""},
        {"PauseContainer", STATUS_INVALID_ARGUMENT, "\"invalid container id\""},
        {"ResumeContainer", STATUS_INVALID_ARGUMENT, "\"invalid container id\""},
    };
    static const char *const ids[] = {"", "nobody", "../c1", "c1/"};

    run_idle(rig, "c1");
    FOR_ROWS (row, rows) {
        FOR_ROWS (id, ids)
            rig_refused(rig, row->method, request_for(rig, row->method, *id, ""), row->status, row->words);
    }
    EXPECT_REFUSED(STATUS_INTERNAL, "Invalid container id",
                   rig_exec(rig, "nobody", "e", rig_spec(rig, "x", "true")->process, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "Invalid container id nobody", rig_signal(rig, "nobody", "", SIGKILL, &err));
    expect_serving(rig, "c1");
}

RIG_TEST(unknown_processes_are_refused_in_the_words_of_each_method)
{
    static const struct {
        const char *method;
        enum status_code status;
        const char *no_init, *no_exec;
    } rows[] = {
        {"SignalProcess", STATUS_NOT_FOUND, "InitProcessNotFound", "InvalidExecId"},
        {"WaitProcess", STATUS_NOT_FOUND, "InitProcessNotFound", "InvalidExecId"},
        {"ReadStdout", STATUS_NOT_FOUND, "InitProcessNotFound", "InvalidExecId"},
        {"ReadStderr", STATUS_NOT_FOUND, "InitProcessNotFound", "InvalidExecId"},
        {"CloseStdin", STATUS_NOT_FOUND, "InitProcessNotFound", "InvalidExecId"},
        {"TtyWinResize", STATUS_NOT_FOUND, "InitProcessNotFound", "InvalidExecId"},
        {"WriteStdin", STATUS_INTERNAL, "Process not found: init process missing", "Process not found: invalid exec id"},
    };

    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "exit 4"), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    assert_int_equal(rig_wait(rig, "c1", "c1"), 4); /* now init is collected */
    FOR_ROWS (row, rows) {
        rig_refused(rig, row->method, request_for(rig, row->method, "c1", ""), row->status, row->no_init);
        rig_refused(rig, row->method, request_for(rig, row->method, "c1", "e9"), row->status, row->no_exec);
        rig_refused(rig, row->method, request_for(rig, row->method, "c1", "c1"), row->status, row->no_exec);
    }
    EXPECT_OK(rig_signal(rig, "c1", "", SIGKILL, &err)); /* all processes, of which there are none */
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(requests_are_refused_for_what_the_process_is)
{
    Grpc__ExecProcessRequest exec = GRPC__EXEC_PROCESS_REQUEST__INIT;

    run_idle(rig, "c1");
    rig_refused(rig, "TtyWinResize", request_for(rig, "TtyWinResize", "c1", ""), STATUS_UNAVAILABLE, "\"no tty\"");
    rig_refused(rig, "StartContainer", request_for(rig, "StartContainer", "c1", ""), STATUS_FAILED_PRECONDITION,
                "started before");
    rig_refused(rig, "ResumeContainer", request_for(rig, "ResumeContainer", "c1", ""), STATUS_INTERNAL,
                "container status is: Running, not paused");
    rig_refused(rig, "ExecProcess", &exec.base, STATUS_INTERNAL, "Unable to parse process from ExecProcessRequest");
    EXPECT_REFUSED(STATUS_INTERNAL, "EINVAL", rig_signal(rig, "c1", "c1", 65, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "EINVAL", rig_signal(rig, "c1", "c1", -1, &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", 64, &err)); /* the largest one there is */
    EXPECT_OK(rig_signal(rig, "c1", "c1", 0, &err));
    rig_ok(rig, "UpdateContainer", request_for(rig, "UpdateContainer", "c1", NULL),
           NULL); /* without resources: nothing to do */
}

/* ---- methods and payloads ---- */

RIG_TEST(methods_that_are_not_built_answer_with_their_name)
{
    size_t n, unimplemented = 0;
    const struct ttrpc_method *methods = rpc_methods(&n);

    for (size_t i = 0; i < n; i++) {
        if (methods[i].handler)
            continue;
        rig_refused(rig, methods[i].name, request_for(rig, methods[i].name, "c1", ""), STATUS_UNIMPLEMENTED, methods[i].name);
        unimplemented++;
    }
    print_message("%zu of %zu methods are not implemented\n", unimplemented, n);
}

RIG_TEST(unknown_services_and_methods_are_refused)
{
    char text[ERROR_TEXT_MAX];

    struct raw_call call = {.method = "NoSuchMethod"};
    assert_int_equal(raw_call(rig, &call, text), STATUS_UNIMPLEMENTED);
    assert_non_null(strstr(text, "NoSuchMethod"));
    call = (struct raw_call){.service = "grpc.NoSuchService", .method = "Check"};
    assert_int_equal(raw_call(rig, &call, text), STATUS_INVALID_ARGUMENT);
    assert_string_equal(text, "grpc.NoSuchService service does not exist");
}

RIG_TEST(payloads_that_do_not_decode_are_refused_by_every_method)
{
    static const struct {
        const char *label;
        uint8_t bytes[8];
        size_t len;
    } rows[] = {
        {"length beyond the end", {0x0a, 0x7f, 'x'}, 3},
        {"endless varint", {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 8},
        {"cut off fixed64", {0x09, 1, 2, 3}, 4},
    };
    size_t n;
    const struct ttrpc_method *methods = rpc_methods(&n);
    char text[ERROR_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        if (!methods[i].handler)
            continue;
        FOR_ROWS (row, rows) {
            struct raw_call call = {
                .service = methods[i].service, .method = methods[i].name, .payload = row->bytes, .payload_len = row->len};
            enum status_code status = raw_call(rig, &call, text);
            if (status != STATUS_UNKNOWN || strncmp(text, "ttrpc err: ", 11) != 0)
                fail_msg("%s, %s: %s '%s'", methods[i].name, row->label, status_name(status), text);
        }
    }
}

/* ---- deadlines ---- */

RIG_TEST(calls_whose_deadline_has_passed_do_nothing)
{
    size_t n;
    const struct ttrpc_method *methods = rpc_methods(&n);
    char text[ERROR_TEXT_MAX];

    run_idle(rig, "c1");
    struct traces before = traces_now(rig);
    for (size_t i = 0; i < n; i++) {
        if (!methods[i].handler)
            continue;
        struct raw_call call = {.service = methods[i].service,
                                .method = methods[i].name,
                                .message = request_for(rig, methods[i].name, "c1", ""),
                                .timeout_ns = -1};
        enum status_code status = raw_call(rig, &call, text);
        if (status != STATUS_DEADLINE_EXCEEDED || strcmp(text, "timeout") != 0)
            fail_msg("%s: %s '%s'", methods[i].name, status_name(status), text);
    }
    traces_expect(rig, &before, "late calls");
    expect_serving(rig, "c1");
}

/* Calls that wait for something that does not happen: on container c1, which sleeps. */
struct waiting_call {
    const char *method;
    const ProtobufCMessage *message;
};

static size_t waiting_calls(struct rig *rig, struct waiting_call calls[5])
{
    static char data[1024 * 1024]; /* more than a pipe holds */
    Grpc__WriteStreamRequest *write = (void *)request_for(rig, "WriteStdin", "c1", "");
    Grpc__ReadStreamRequest *out = (void *)request_for(rig, "ReadStdout", "c1", "");
    Grpc__ReadStreamRequest *errors = (void *)request_for(rig, "ReadStderr", "c1", "");

    write->data = (ProtobufCBinaryData){.data = (uint8_t *)data, .len = sizeof(data)};
    out->len = errors->len = 10;
    calls[0] = (struct waiting_call){"WaitProcess", request_for(rig, "WaitProcess", "c1", "")};
    calls[1] = (struct waiting_call){"ReadStdout", &out->base};
    calls[2] = (struct waiting_call){"ReadStderr", &errors->base};
    calls[3] = (struct waiting_call){"GetOOMEvent", request_for(rig, "GetOOMEvent", NULL, NULL)};
    calls[4] = (struct waiting_call){"WriteStdin", &write->base};
    return 5;
}

RIG_TEST(calls_that_wait_end_at_their_deadline)
{
    struct waiting_call calls[5];
    char text[ERROR_TEXT_MAX];

    run_idle(rig, "c1");
    struct traces before = traces_now(rig);
    size_t n = waiting_calls(rig, calls);
    for (size_t i = 0; i < n; i++) {
        struct raw_call call = {.method = calls[i].method, .message = calls[i].message, .timeout_ns = MS(20)};
        enum status_code status = raw_call(rig, &call, text);
        if (status != STATUS_DEADLINE_EXCEEDED || strcmp(text, "timeout") != 0)
            fail_msg("%s: %s '%s'", calls[i].method, status_name(status), text);
    }
    traces_expect(rig, &before, "calls that timed out");
    expect_serving(rig, "c1");
    EXPECT_OK(rig_signal(rig, "c1", "", SIGKILL, &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137); /* the abandoned one took nothing away */
}

RIG_TEST(clients_that_go_away_leave_nothing_behind)
{
    struct waiting_call calls[5];

    run_idle(rig, "c1");
    struct traces before = traces_now(rig);
    size_t n = waiting_calls(rig, calls);
    for (size_t i = 0; i < n; i++) {
        struct raw_call call = {.method = calls[i].method, .message = calls[i].message};
        for (int k = 0; k < 3; k++)
            raw_abandon(rig, &call);
    }
    traces_expect(rig, &before, "clients that went away");
    expect_serving(rig, "c1");
    EXPECT_OK(rig_signal(rig, "c1", "", SIGKILL, &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
}

RIG_TEST(answers_that_nobody_waits_for_are_dropped)
{
    size_t n;
    const struct ttrpc_method *methods = rpc_methods(&n);

    run_idle(rig, "c1");
    for (size_t i = 0; i < n; i++) {
        if (!methods[i].handler || strcmp(methods[i].name, "DestroySandbox") == 0)
            continue;
        struct raw_call call = {.service = methods[i].service,
                                .method = methods[i].name,
                                .message = request_for(rig, methods[i].name, "nobody", "")};
        raw_abandon(rig, &call);
    }
    expect_serving(rig, "c1");
}

RIG_TEST(abandoned_creation_is_undone)
{
    static const int64_t timeouts[] = {1, MS(1), MS(3), MS(6), MS(10)};
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
    char text[ERROR_TEXT_MAX];
    int late = 0;

    warm_up(rig);
    request.container_id = (char *)"c1";
    assert_int_equal(oci_spec_to_wire(rig->arena, rig_spec(rig, "c1", NULL), &request.oci, NULL), 0);
    struct traces before = traces_now(rig);
    FOR_ROWS (timeout, timeouts) {
        struct raw_call call = {.method = "CreateContainer", .message = &request.base, .timeout_ns = *timeout};
        enum status_code status = raw_call(rig, &call, text);
        if (status == STATUS_OK)
            EXPECT_OK(rig_remove(rig, "c1", &err));
        else
            late++;
        traces_expect(rig, &before, "creation with a deadline");
        int fd = raw_send(rig, &call);
        sys_nanosleep((uint64_t)*timeout);
        sys_close(fd);
        sys_nanosleep(50 * NSEC_PER_MSEC);
        (void)rig_remove(rig, "c1", NULL); /* it may have come to its end before */
        traces_expect(rig, &before, "abandoned creation");
    }
    assert_true(late > 0);
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 3"), NULL, NULL), 3);
    traces_expect(rig, &before, "a whole life");
}

/* The agent stands still from within the creation to behind its deadline: it then finds the child ready and the time over. */
RIG_TEST(a_creation_that_ends_with_its_deadline_is_undone)
{
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
    struct raw_call call = {.method = "CreateContainer", .message = &request.base, .timeout_ns = MS(40)};
    char text[ERROR_TEXT_MAX];

    warm_up(rig);
    request.container_id = (char *)"c1";
    assert_int_equal(oci_spec_to_wire(rig->arena, rig_spec(rig, "c1", NULL), &request.oci, NULL), 0);
    struct traces before = traces_now(rig);
    for (int i = 0; i < 30; i++) {
        int fd = raw_send(rig, &call);
        sys_nanosleep((uint64_t)MS(1) * (unsigned int)i / 4);
        assert_int_equal(sys_kill(rig->agent_pid, SIGSTOP), 0);
        sys_nanosleep(MS(60));
        assert_int_equal(sys_kill(rig->agent_pid, SIGCONT), 0);
        if (raw_finish(rig, &call, fd, text) == STATUS_OK)
            EXPECT_OK(rig_remove(rig, "c1", &err));
        traces_expect(rig, &before, "creation that ends with its deadline");
    }
}

RIG_TEST(abandoned_exec_is_undone)
{
    Grpc__ExecProcessRequest request = GRPC__EXEC_PROCESS_REQUEST__INIT;
    char text[ERROR_TEXT_MAX];

    run_idle(rig, "c1");
    request.container_id = (char *)"c1";
    request.exec_id = (char *)"e1";
    assert_int_equal(oci_process_to_wire(rig->arena, rig_spec(rig, "c1", "exit 6")->process, &request.process, NULL), 0);
    struct traces before = traces_now(rig);
    struct raw_call call = {.method = "ExecProcess", .message = &request.base, .timeout_ns = 1};
    enum status_code status = STATUS_OK;
    for (int i = 0; i < 50 && status == STATUS_OK; i++) {
        status = raw_call(rig, &call, text);
        if (status == STATUS_OK) /* it was faster */
            assert_int_equal(rig_wait(rig, "c1", "e1"), 6);
    }
    assert_int_equal(status, STATUS_DEADLINE_EXCEEDED);
    traces_expect(rig, &before, "exec with a deadline");
    EXPECT_OK(rig_exec(rig, "c1", "e1", rig_spec(rig, "c1", "exit 6")->process, &err));
    assert_int_equal(rig_wait(rig, "c1", "e1"), 6);
    traces_expect(rig, &before, "exec");
}

RIG_TEST(removal_goes_on_without_its_caller)
{
    char text[ERROR_TEXT_MAX];

    warm_up(rig);
    struct traces before = traces_now(rig);
    run_idle(rig, "c1");
    struct raw_call call = {
        .method = "RemoveContainer", .message = request_for(rig, "RemoveContainer", "c1", NULL), .timeout_ns = 1};
    assert_int_equal(raw_call(rig, &call, text), STATUS_DEADLINE_EXCEEDED);
    traces_expect(rig, &before, "removal that timed out");
    rig_refused(rig, "RemoveContainer", call.message, STATUS_INTERNAL, "Invalid container id");

    run_idle(rig, "c1");
    raw_abandon(rig, &(struct raw_call){.method = "RemoveContainer", .message = call.message});
    traces_expect(rig, &before, "abandoned removal");
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 3"), NULL, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_containers_are_refused_in_the_words_of_each_method),
        cmocka_unit_test(unknown_processes_are_refused_in_the_words_of_each_method),
        cmocka_unit_test(requests_are_refused_for_what_the_process_is),
        cmocka_unit_test(methods_that_are_not_built_answer_with_their_name),
        cmocka_unit_test(unknown_services_and_methods_are_refused),
        cmocka_unit_test(payloads_that_do_not_decode_are_refused_by_every_method),
        cmocka_unit_test(calls_whose_deadline_has_passed_do_nothing),
        cmocka_unit_test(calls_that_wait_end_at_their_deadline),
        cmocka_unit_test(clients_that_go_away_leave_nothing_behind),
        cmocka_unit_test(answers_that_nobody_waits_for_are_dropped),
        cmocka_unit_test(abandoned_creation_is_undone),
        cmocka_unit_test(a_creation_that_ends_with_its_deadline_is_undone),
        cmocka_unit_test(abandoned_exec_is_undone),
        cmocka_unit_test(removal_goes_on_without_its_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
