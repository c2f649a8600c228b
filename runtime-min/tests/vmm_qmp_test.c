/* SPDX-License-Identifier: Apache-2.0 */
/* The QMP client against a peer that plays a script. */
#include <errno.h>
#include <json-c/json.h>
#include <sys/socket.h>

#include "lib/tests/loop_fixture.h"
#include "runtime-min/vmm/qmp.h"
#include "sys/fd.h"

#define GREETING(major)                                                                                                        \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": " major                                       \
    "}, \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"
/* In scripts: waits for a command. */
#define AWAIT "\1"
#define READY GREETING("7") AWAIT "{\"return\": {}, \"id\": 1}\r\n"
#define EVENT "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n"
#define SHORT_WAIT (50 * MSEC)

static struct qmp *qmp;
static int peer;
static int events;
static struct error err;
static int result;
static uint64_t limit;

static void on_event(void *context, const char *name, struct json_object *data)
{
    (void)context, (void)data;
    assert_string_equal(name, "STOP");
    events++;
}

static void connect_peer(void)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    peer = pair[1];
    events = 0;
    err = (struct error){0};
    limit = 5 * NSEC_PER_SEC;
    assert_int_equal(qmp_new(loop, pair[0], on_event, NULL, &qmp, &err), 0);
}

static void disconnect_peer(void)
{
    qmp_free(qmp);
    run_loop(); /* what was cancelled ends */
    fd_close(&peer);
}

static void handshake_fiber(void *arg)
{
    (void)arg;
    result = qmp_handshake(qmp, sys_monotonic_ns() + limit, &err);
    loop_stop(loop);
}

static void run_handshake(void)
{
    run_fiber(handshake_fiber, NULL);
}

static void say(const char *text)
{
    assert_int_equal(fd_write_all(peer, text, strlen(text)), 0);
}

struct performance {
    const char *script;
    bool closes, is_over;
};

/* A peer that plays its script and may hang up then. */
static void perform_fiber(void *arg)
{
    struct performance *performance = arg;
    const char *p = performance->script;

    for (int r = 0; *p && r >= 0;) {
        size_t len = strcspn(p, AWAIT);
        assert_int_equal(fd_write_all(peer, p, len), 0);
        p += len;
        if (*p != *AWAIT)
            continue;
        p++;
        r = fiber_wait_fd(loop, peer, EPOLLIN, NO_DEADLINE);
        if (r >= 0)
            assert_true(read(peer, (char[256]){0}, 256) > 0);
    }
    if (performance->closes)
        fd_close(&peer);
    performance->is_over = true;
}

static void play_ready(void)
{
    struct performance performance = {.script = READY};

    assert_int_equal(fiber_start(loop, "peer", perform_fiber, &performance, NULL), 0);
    run_handshake();
    assert_int_equal(result, 0);
}

static void handshakes_end_as_the_peer_deserves(void **state)
{
    static const struct {
        const char *label, *script, *error;
        int want, events;
        bool closes, hangs;
    } rows[] = {
        {"a greeting and an answer", READY, "", 0, .events = 0},
        {"lines that end in LF alone", "{\"QMP\":{\"version\":{\"qemu\":{\"major\":5}}}}\n" AWAIT "{\"id\":1,\"return\":{}}\n",
         "", 0, .events = 0},
        {"events come at any time", EVENT GREETING("7") EVENT AWAIT EVENT "{\"return\": {}, \"id\": 1}\r\n", "", 0,
         .events = 3},
        {"empty lines and answers to others are passed over",
         "\r\n\n" GREETING("7") AWAIT "{\"return\": {}, \"id\": 9}\r\n{\"return\": {}}\r\n{\"return\": {}, \"id\": \"1\"}\r\n"
                                      "{\"error\": {\"desc\": \"x\"}, \"id\": 2}\r\n{\"return\": {}, \"id\": 1}\r\n",
         "", 0, .events = 0},
        {"a second greeting is no answer", GREETING("7") AWAIT GREETING("7"), "QMP: qmp_capabilities: no answer in time",
         -ETIMEDOUT, .hangs = true},
        {"QEMU 4 is too old", GREETING("4"), "QMP: this is QEMU 4, version 5 or later is needed", -EPROTO, .events = 0},
        {"a greeting without a version", "{\"QMP\": {}}\r\n", "QMP: the greeting names no version", -EPROTO, .events = 0},
        {"an object that is no greeting", "{\"hello\": 1}\r\n", "QMP: greeting: no answer in time", -ETIMEDOUT, .hangs = true},
        {"no answer at all", "", "QMP: greeting: no answer in time", -ETIMEDOUT, .hangs = true},
        {"no answer to the first command", GREETING("7"), "QMP: qmp_capabilities: no answer in time", -ETIMEDOUT,
         .hangs = true},
        {"a refusal has QEMU's words",
         GREETING("7") AWAIT "{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n",
         "QMP: qmp_capabilities: no", -EPROTO, .events = 0},
        {"a refusal without words", GREETING("7") AWAIT "{\"id\": 1, \"error\": {}}\r\n",
         "QMP: qmp_capabilities: failed without a reason", -EPROTO, .events = 0},
        {"an answer without a result", GREETING("7") AWAIT "{\"id\": 1}\r\n",
         "QMP: qmp_capabilities: the answer holds no result", -EPROTO, .events = 0},
        {"no JSON", "QEMU?\r\n", "greeting: QMP: ", -EPROTO, .events = 0},
        {"no object", "[1]\r\n", "greeting: QMP: a line is no JSON object", -EPROTO, .events = 0},
        {"an event without a name", "{\"event\": null}\r\n", "greeting: QMP: an event has no name", -EPROTO, .events = 0},
        {"an event whose name is none", "{\"event\": {\"a\": 1}}\r\n", "greeting: QMP: an event has no name", -EPROTO,
         .events = 0},
        {"closed before the greeting", "", "greeting: QMP: the connection is closed", -EPIPE, .closes = true},
        {"closed within a line", "{\"QMP\": ", "greeting: QMP: the connection is closed", -EPIPE, .closes = true},
        {"closed within a command", GREETING("7") AWAIT "{\"ret", "qmp_capabilities: QMP: the connection is closed", -EPIPE,
         .closes = true},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        connect_peer();
        if (row->hangs)
            limit = SHORT_WAIT;
        struct performance performance = {.script = row->script, .closes = row->closes};
        struct fiber *fiber;
        assert_int_equal(fiber_start(loop, "peer", perform_fiber, &performance, &fiber), 0);
        run_handshake();
        if (!performance.is_over)
            fiber_cancel(fiber);
        check_int(row->label, result, row->want);
        if (strncmp(err.text, row->error, strlen(row->error)) != 0)
            fail_msg("%s: got '%s', want '%s'", row->label, err.text, row->error);
        check_int(row->label, events, row->events);
        disconnect_peer();
    }
}

static void byte_fiber(void *arg)
{
    (void)arg;
    for (const char *p = READY; *p; p++) {
        if (*p == *AWAIT)
            assert_true(fiber_wait_fd(loop, peer, EPOLLIN, NO_DEADLINE) > 0);
        else
            assert_int_equal(fd_write_all(peer, p, 1), 0);
        assert_int_equal(fiber_yield(loop), 0);
    }
}

static void a_greeting_may_come_byte_by_byte(void **state)
{
    (void)state;
    connect_peer();
    assert_int_equal(fiber_start(loop, "bytes", byte_fiber, NULL, NULL), 0);
    run_handshake();
    assert_int_equal(result, 0);
    disconnect_peer();
}

struct flood {
    const char *unit;
    size_t bytes;
};

/* Writes until the client gives up or everything is written. */
static void flood_fiber(void *arg)
{
    const struct flood *flood = arg;
    size_t len = strlen(flood->unit);

    for (size_t sent = 0; sent < flood->bytes;) {
        ssize_t n = send(peer, flood->unit, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return;
        sent += n > 0 ? (size_t)n : 0;
        if (fiber_sleep_until(loop, loop_now(loop) + (n < 0 ? MSEC : 0)) < 0)
            return;
    }
}

static void a_line_without_an_end_is_given_up(void **state)
{
    static char unit[4096];
    static const struct flood flood = {unit, 1 << 20};
    struct fiber *fiber;

    (void)state;
    memset(unit, 'x', sizeof(unit) - 1);
    connect_peer();
    assert_int_equal(fiber_start(loop, "flood", flood_fiber, (void *)(uintptr_t)&flood, &fiber), 0);
    run_handshake();
    assert_int_equal(result, -EMSGSIZE);
    assert_string_equal(err.text, "greeting: QMP: a line is too long");
    fiber_cancel(fiber);
    disconnect_peer();
}

static void event_flood_fiber(void *arg)
{
    const struct flood flood = {EVENT, 10000 * strlen(EVENT)};

    (void)arg;
    say(GREETING("7"));
    assert_true(fiber_wait_fd(loop, peer, EPOLLIN, NO_DEADLINE) > 0);
    flood_fiber((void *)(uintptr_t)&flood);
    say("{\"return\": {}, \"id\": 1}\r\n");
}

static void ten_thousand_events_are_no_obstacle(void **state)
{
    (void)state;
    connect_peer();
    assert_int_equal(fiber_start(loop, "events", event_flood_fiber, NULL, NULL), 0);
    run_handshake();
    assert_int_equal(result, 0);
    assert_int_equal(events, 10000);
    disconnect_peer();
}

/* ---- commands ---- */

static int finished;

static void command_fiber(void *arg)
{
    const char *name = arg;
    struct json_object *value = NULL;

    int r = qmp_execute(qmp, name, "{\"a\":1}", sys_monotonic_ns() + limit, &value, &err);
    note(r == 0 ? json_object_get_string(value) : "failed");
    json_object_put(value);
    if (++finished == 2)
        loop_stop(loop);
}

static void expect_command(const char *want)
{
    char got[256] = "";

    for (size_t len = 0; len + 1 < sizeof(got) && !strchr(got, '\n');) {
        ssize_t n = read(peer, got + len, 1);
        if (n > 0)
            len++;
        else
            assert_int_equal(fiber_sleep_until(loop, loop_now(loop) + MSEC), 0);
    }
    assert_string_equal(got, want);
}

static void answer_fiber(void *arg)
{
    (void)arg;
    expect_command("{\"execute\":\"one\",\"arguments\":{\"a\":1},\"id\":2}\n");
    assert_int_equal(read(peer, (char[1]){0}, 1), -1); /* the second one waits for its turn */
    say("{\"return\": \"first\", \"id\": 2}\r\n");
    expect_command("{\"execute\":\"two\",\"arguments\":{\"a\":1},\"id\":3}\n");
    say("{\"return\": \"second\", \"id\": 3}\r\n");
}

static void commands_take_turns(void **state)
{
    (void)state;
    connect_peer();
    play_ready();
    finished = 0;
    assert_int_equal(fiber_start(loop, "answers", answer_fiber, NULL, NULL), 0);
    assert_int_equal(fiber_start(loop, "one", command_fiber, (void *)(uintptr_t) "one", NULL), 0);
    run_fiber(command_fiber, (void *)(uintptr_t) "two");
    assert_string_equal(trace, "first second ");
    disconnect_peer();
}

static void a_command_that_hangs_holds_up_others_until_their_limit_only(void **state)
{
    (void)state;
    connect_peer();
    play_ready();
    limit = SHORT_WAIT;
    finished = 0;
    assert_int_equal(fiber_start(loop, "one", command_fiber, (void *)(uintptr_t) "one", NULL), 0);
    run_fiber(command_fiber, (void *)(uintptr_t) "two");
    assert_string_equal(trace, "failed failed ");
    disconnect_peer();
}

static void a_late_answer_is_not_taken_for_the_next_one(void **state)
{
    (void)state;
    connect_peer();
    play_ready();
    limit = SHORT_WAIT;
    finished = 1;
    run_fiber(command_fiber, (void *)(uintptr_t) "one");
    say("{\"return\": \"late\", \"id\": 2}\r\n{\"return\": \"right\", \"id\": 3}\r\n");
    finished = 1;
    run_fiber(command_fiber, (void *)(uintptr_t) "two");
    assert_string_equal(trace, "failed right ");
    disconnect_peer();
}

static void hear_fiber(void *arg)
{
    (void)arg;
    assert_int_equal(fiber_sleep_until(loop, loop_now(loop) + MSEC), 0);
    loop_stop(loop);
}

/* Heard while nobody waits for one: of a command that was given up, or of none. */
static void an_answer_that_nobody_waits_for_is_not_kept_for_the_next_one(void **state)
{
    static const char *const stray[] = {"{\"return\": \"stray\", \"id\": 1}\r\n", "{\"return\": \"late\", \"id\": 2}\r\n"};

    (void)state;
    connect_peer();
    play_ready();
    for (size_t i = 0; i < ARRAY_SIZE(stray); i++) {
        say(stray[i]);
        run_fiber(hear_fiber, NULL);
        limit = SHORT_WAIT;
        finished = 1;
        run_fiber(command_fiber, (void *)(uintptr_t) "one");
    }
    assert_string_equal(trace, "failed failed ");
    disconnect_peer();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        loop_test(handshakes_end_as_the_peer_deserves),
        loop_test(a_greeting_may_come_byte_by_byte),
        loop_test(a_line_without_an_end_is_given_up),
        loop_test(ten_thousand_events_are_no_obstacle),
        loop_test(commands_take_turns),
        loop_test(a_command_that_hangs_holds_up_others_until_their_limit_only),
        loop_test(a_late_answer_is_not_taken_for_the_next_one),
        loop_test(an_answer_that_nobody_waits_for_is_not_kept_for_the_next_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
