/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: processes with a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"

static struct oci_spec *tty_spec(struct rig *rig, const char *script)
{
    struct oci_spec *spec = rig_spec(rig, "c1", script);

    spec->process->terminal = true;
    return spec;
}

static enum status_code type_keys(struct rig *rig, const char *exec_id, const char *keys, struct error *err)
{
    Grpc__WriteStreamRequest *request = (void *)request_for(rig, "WriteStdin", "c1", exec_id);

    request->data = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)keys, .len = strlen(keys)};
    return rig_call(rig, "WriteStdin", request, NULL, err);
}

static enum status_code resize(struct rig *rig, uint32_t rows, uint32_t columns, struct error *err)
{
    Grpc__TtyWinResizeRequest *request = (void *)request_for(rig, "TtyWinResize", "c1", "");

    request->row = rows;
    request->column = columns;
    return rig_call(rig, "TtyWinResize", request, NULL, err);
}

/* Reads, from either stream, until the wanted text has come; it must be all there is. */
static void expect_screen(struct rig *rig, const char *method, const char *exec_id, const char *want)
{
    Grpc__ReadStreamRequest *request = (void *)request_for(rig, method, "c1", exec_id);
    Grpc__ReadStreamResponse *reply;
    char screen[1024] = "";

    request->len = 500;
    while (strlen(screen) < strlen(want)) {
        EXPECT_OK(rig_call(rig, method, request, &reply, &err));
        strncat(screen, (const char *)reply->data.data, reply->data.len);
    }
    if (strcmp(screen, want) != 0)
        fail_msg("want '%s', got '%s'", want, screen);
}

static void expect_hung_up(struct rig *rig)
{
    Grpc__ReadStreamRequest *request = (void *)request_for(rig, "ReadStdout", "c1", "");

    request->len = 500;
    rig_refused(rig, "ReadStdout", &request->base, STATUS_INTERNAL, "Input/output error (os error 5)");
    rig_refused(rig, "ReadStderr", &request->base, STATUS_INTERNAL, "Input/output error (os error 5)");
}

RIG_TEST(all_streams_are_the_terminal)
{
    expect_running(
        rig, "c1",
        tty_spec(rig, "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo err >&2; echo own > /dev/tty; exit 4"));
    expect_screen(rig, "ReadStdout", "", "terminal\r\nerr\r\nown\r\n");
    expect_hung_up(rig);
    assert_int_equal(rig_wait(rig, "c1", ""), 4);
}

RIG_TEST(terminal_has_a_name_in_the_container_and_is_its_console)
{
    expect_running(rig, "c1", tty_spec(rig, "tty; tty < /dev/console; echo said > /dev/console; sleep 1000"));
    expect_screen(rig, "ReadStdout", "", "/dev/pts/0\r\n/dev/console\r\nsaid\r\n");
    EXPECT_OK(rig_exec(rig, "c1", "e1", tty_spec(rig, "tty")->process, &err));
    expect_screen(rig, "ReadStdout", "e1", "/dev/pts/1\r\n");
    assert_int_equal(rig_wait(rig, "c1", "e1"), 0);
}

RIG_TEST(container_without_a_terminal_has_no_console)
{
    expect_output(rig, "c1", rig_spec(rig, "c1", "test -e /dev/console || echo none"), "none\n");
}

/* The guest's devpts serves then, in which the container finds no name. */
RIG_TEST(container_without_devpts_has_a_terminal_without_a_name)
{
    struct oci_spec *spec = tty_spec(rig, "test -t 0 && tty; test -e /dev/console || echo none; echo own > /dev/tty; exit 3");

    spec->mounts[2] = spec->mounts[--spec->n_mounts];
    expect_running(rig, "c1", spec);
    expect_screen(rig, "ReadStdout", "", "not a tty\r\nnone\r\nown\r\n");
    assert_int_equal(rig_wait(rig, "c1", ""), 3);
}

RIG_TEST(terminal_in_place_of_a_hidden_devpts_is_refused)
{
    struct oci_spec *spec = tty_spec(rig, NULL);

    spec->mounts[spec->n_mounts++] = (struct oci_mount){
        .destination = spec->mounts[2].destination, .type = spec->mounts[1].type, .source = spec->mounts[1].source};
    EXPECT_REFUSED(STATUS_INTERNAL, "/dev/pts of the container is no devpts", rig_create(rig, "c1", spec, &err));
}

RIG_TEST(stderr_of_a_terminal_is_the_same_stream)
{
    expect_running(rig, "c1", tty_spec(rig, "echo out; echo err >&2; sleep 1000"));
    expect_screen(rig, "ReadStderr", "", "out\r\nerr\r\n");
}

RIG_TEST(user_owns_the_terminal)
{
    struct oci_spec *spec = tty_spec(rig, "stat -L -c %u /proc/self/fd/0; echo again > /proc/self/fd/1");

    spec->process->user.uid = 1000;
    expect_running(rig, "c1", spec);
    expect_screen(rig, "ReadStdout", "", "1000\r\nagain\r\n");
}

RIG_TEST(terminal_has_the_size_of_the_spec_and_follows_the_client)
{
    struct oci_spec *spec = tty_spec(rig, "trap 'stty size' WINCH; stty size; while :; do sleep 0.01; done");

    spec->process->has_console_size = true;
    spec->process->console_height = 24;
    spec->process->console_width = 80;
    expect_running(rig, "c1", spec);
    expect_screen(rig, "ReadStdout", "", "24 80\r\n");
    EXPECT_OK(resize(rig, 50, 132, &err));
    expect_screen(rig, "ReadStdout", "", "50 132\r\n");
    EXPECT_OK(resize(rig, 65536 + 7, 9, &err)); /* 16 bits count */
    expect_screen(rig, "ReadStdout", "", "7 9\r\n");
}

/* CVE-2022-23471: nothing grows. */
RIG_TEST(many_resizes_cost_nothing)
{
    expect_running(rig, "c1", tty_spec(rig, NULL));
    struct traces before = traces_now(rig);
    for (uint32_t i = 1; i <= 2000; i++)
        EXPECT_OK(resize(rig, i, i, &err));
    traces_expect(rig, &before, "many resizes");
}

RIG_TEST(terminal_echoes_and_edits_lines)
{
    expect_running(rig, "c1", tty_spec(rig, "cat; echo end"));
    EXPECT_OK(type_keys(rig, "",
                        "abX\x7f"
                        "c\n",
                        &err)); /* DEL takes the X back */
    expect_screen(rig, "ReadStdout", "", "abX\b \bc\r\nabc\r\n");
    EXPECT_OK(type_keys(rig, "", "\x04", &err)); /* end of input */
    expect_screen(rig, "ReadStdout", "", "end\r\n");
    expect_hung_up(rig);
    assert_int_equal(rig_wait(rig, "c1", ""), 0);
}

RIG_TEST(interrupt_key_signals_the_foreground_process)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    EXPECT_OK(rig_exec(rig, "c1", "e1", tty_spec(rig, "echo ready; exec sleep 50")->process, &err));
    expect_screen(rig, "ReadStdout", "e1", "ready\r\n");
    EXPECT_OK(type_keys(rig, "e1", "\x03", &err));
    assert_int_equal(rig_wait(rig, "c1", "e1"), 130);
}

RIG_TEST(closing_stdin_hangs_the_terminal_up)
{
    expect_running(rig, "c1", tty_spec(rig, "trap 'exit 9' HUP; echo ready; while :; do sleep 0.01; done"));
    expect_screen(rig, "ReadStdout", "", "ready\r\n");
    rig_ok(rig, "CloseStdin", request_for(rig, "CloseStdin", "c1", ""), NULL);
    rig_ok(rig, "CloseStdin", request_for(rig, "CloseStdin", "c1", ""), NULL);
    EXPECT_REFUSED(STATUS_INTERNAL, "Cannot get writer", type_keys(rig, "", "x", &err));
    EXPECT_REFUSED(STATUS_UNAVAILABLE, "\"no tty\"", resize(rig, 1, 1, &err));
    rig_refused(rig, "ReadStdout", request_for(rig, "ReadStdout", "c1", ""), STATUS_INTERNAL, "cannot get stream reader");
    rig_refused(rig, "ReadStderr", request_for(rig, "ReadStderr", "c1", ""), STATUS_INTERNAL, "cannot get stream reader");
    assert_int_equal(rig_wait(rig, "c1", ""), 9);
}

RIG_TEST(dead_terminal_takes_no_input)
{
    expect_running(rig, "c1", tty_spec(rig, "exit 0"));
    sys_nanosleep(30 * NSEC_PER_MSEC);
    expect_hung_up(rig);
    assert_int_equal(rig_wait(rig, "c1", ""), 0);
    EXPECT_REFUSED(STATUS_INTERNAL, "Process not found: init process missing", type_keys(rig, "", "x", &err));
}

RIG_TEST(large_output_passes_a_terminal_complete)
{
    char *out;
    struct oci_spec *spec = tty_spec(rig, "seq 1 100000");

    assert_int_equal(rig_run_container(rig, "c1", spec, &out, NULL), 0);
    const char *p = out;
    for (long i = 1; i <= 100000; i++) {
        assert_int_equal(strtol(p, (char **)&p, 10), i);
        assert_memory_equal(p, "\r\n", 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_streams_are_the_terminal),
        cmocka_unit_test(terminal_has_a_name_in_the_container_and_is_its_console),
        cmocka_unit_test(container_without_a_terminal_has_no_console),
        cmocka_unit_test(container_without_devpts_has_a_terminal_without_a_name),
        cmocka_unit_test(terminal_in_place_of_a_hidden_devpts_is_refused),
        cmocka_unit_test(stderr_of_a_terminal_is_the_same_stream),
        cmocka_unit_test(user_owns_the_terminal),
        cmocka_unit_test(terminal_has_the_size_of_the_spec_and_follows_the_client),
        cmocka_unit_test(many_resizes_cost_nothing),
        cmocka_unit_test(terminal_echoes_and_edits_lines),
        cmocka_unit_test(interrupt_key_signals_the_foreground_process),
        cmocka_unit_test(closing_stdin_hangs_the_terminal_up),
        cmocka_unit_test(dead_terminal_takes_no_input),
        cmocka_unit_test(large_output_passes_a_terminal_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
