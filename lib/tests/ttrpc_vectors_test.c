/* SPDX-License-Identifier: Apache-2.0 */
/* Plays every row of fixtures/ttrpc/ttrpc-vectors.tsv: c2s rows against a server in both profiles, s2c rows against the client.
 *
 * Vector: writes separated by |, N*BB repeats a byte, WAIT reads one reply, EOF shuts the write side. Expectations
 * (fixtures/ttrpc/expect.tsv), separated by "; " and in order:
 *   server: ok STREAM PAYLOAD | status STREAM CODE "TEXT" | data STREAM FLAGS PAYLOAD | quiet (no late frame) | closed
 *   client: reply PAYLOAD | error CODE "TEXT" | pending | server stream, client stream | message PAYLOAD | end | closed
 * PAYLOAD is hex or "-"; a TEXT may end in * for "anything". Unless closed, the connection must still serve a call. */
#include "ttrpc_harness.h"

#include "base/arena.h"
#include "ttrpc/client.h"
#include "ttrpc/envelope.h"

#define PROBE_STREAM 0x7ffffffd

struct vector {
    char *name, *direction, *hex, *expected;
};

struct expectation {
    char *name, *side, *tokens;
};

struct play {
    struct harness *h;
    const struct vector *vector;
    const struct expectation *expectation;
    enum ttrpc_profile profile;
    int fd;
};

/* ---- tables ---- */

static char *load(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s: run the test at the top of the tree", path);
    char *text = NULL;
    size_t size = 0;
    ssize_t len = getdelim(&text, &size, '\0', file);
    fclose(file);
    assert_true(len > 0);
    return text;
}

/* Splits off the next line and cuts it into n fields. */
static bool next_row(char **text, char *fields[], size_t n)
{
    char *line = strsep(text, "\n");

    if (!line || !*line)
        return false;
    for (size_t i = 0; i < n; i++) {
        fields[i] = strsep(&line, "\t");
        assert_non_null(fields[i]);
    }
    return true;
}

static size_t unhex(const char *hex, size_t len, uint8_t *to)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        char digits[3] = {hex[i], hex[i + 1], '\0'};
        to[i / 2] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len / 2;
}

static void hex_of(const uint8_t *p, size_t len, char *to, size_t size)
{
    size_t used = 0;

    snprintf(to, size, "-");
    for (size_t i = 0; i < len && used + 3 < size; i++)
        used += (size_t)snprintf(to + used, size - used, "%02x", p[i]);
}

/* ---- replies in words ---- */

static void put_text(char *to, size_t size, struct bytes text)
{
    size_t used = 0;

    for (size_t i = 0; i < text.len && used + 3 < size; i++) {
        if (text.p[i] == '"' || text.p[i] == '\0')
            to[used++] = '\\';
        to[used++] = text.p[i] ? (char)text.p[i] : '0';
    }
    to[used] = '\0';
}

static void describe(enum ttrpc_profile profile, const struct reply *reply, char *to, size_t size)
{
    struct envelope_response response;
    const char *reason;
    char text[1024];

    if (reply->frame.type == FRAME_DATA) {
        hex_of(reply->payload, reply->frame.length, text, sizeof(text));
        snprintf(to, size, "data %u %u %s", reply->frame.stream, reply->frame.flags, text);
        return;
    }
    assert_int_equal(reply->frame.type, FRAME_RESPONSE);
    assert_int_equal(reply->frame.flags, 0);
    assert_int_equal(envelope_decode_response((struct bytes){reply->payload, reply->frame.length}, &response, &reason), 0);
    if (response.code == 0) {
        const bool explicit_ok = reply->frame.length >= 2 && reply->payload[0] == 0x0a && reply->payload[1] == 0;
        assert_int_equal(explicit_ok, profile == TTRPC_PROFILE_AGENT);
        hex_of(response.payload.p, response.payload.len, text, sizeof(text));
        snprintf(to, size, "ok %u %s", reply->frame.stream, text);
        return;
    }
    assert_int_equal(response.payload.len, 0);
    put_text(text, sizeof(text), response.message);
    snprintf(to, size, "status %u %d \"%s\"", reply->frame.stream, response.code, text);
}

/* A TEXT that ends in * matches any rest. */
static bool matches(const char *got, const char *expected)
{
    const char *star = strstr(expected, "*\"");

    return star ? strncmp(got, expected, (size_t)(star - expected)) == 0 : strcmp(got, expected) == 0;
}

static void check(const struct play *play, const char *got, const char *expected)
{
    if (!matches(got, expected))
        fail_msg("%s (%s): got '%s', expected '%s'", play->vector->name, play->expectation->side, got, expected);
}

/* ---- playing ---- */

static void expect_frame(const struct play *play, const char *expected)
{
    struct reply reply;
    char got[4096];

    if (!peer_read_frame(play->h, play->fd, &reply))
        fail_msg("%s (%s): closed, expected '%s'", play->vector->name, play->expectation->side, expected);
    describe(play->profile, &reply, got, sizeof(got));
    check(play, got, expected);
    reply_free(&reply);
}

static void write_part(const struct play *play, const char *part)
{
    const char *star = strchr(part, '*');
    size_t len = star ? strtoul(part, NULL, 10) : strlen(part) / 2;
    uint8_t *bytes = malloc(len + 1);

    assert_non_null(bytes);
    if (star)
        memset(bytes, (int)strtoul(star + 1, NULL, 16), len);
    else
        unhex(part, strlen(part), bytes);
    assert_true(peer_write(play->h, play->fd, bytes, len));
    free(bytes);
    harness_settle(play->h);
}

static char *next_token(char **tokens)
{
    char *token = strsep(tokens, ";");

    return token && *token == ' ' ? token + 1 : token;
}

/* WAIT takes the next expected frame. */
static void write_vector(const struct play *play, char **tokens)
{
    char *copy = strdup(play->vector->hex), *rest = copy, *part;

    while ((part = strsep(&rest, "|"))) {
        if (strcmp(part, "WAIT") == 0)
            expect_frame(play, next_token(tokens));
        else if (strcmp(part, "EOF") == 0)
            sys_shutdown(play->fd, SHUT_WR);
        else
            write_part(play, part);
    }
    free(copy);
}

static void expect_still_serving(const struct play *play)
{
    static const uint8_t probe[] = "\x00\x00\x00\x14\x7f\xff\xff\xfd\x01\x00\x0a\x0bgrpc.Health\x12\x05"
                                   "Check";
    char expected[32];

    snprintf(expected, sizeof(expected), "ok %u 0801", PROBE_STREAM);
    assert_true(peer_write(play->h, play->fd, probe, sizeof(probe) - 1));
    expect_frame(play, expected);
}

static void play_server(const struct play *play)
{
    char *copy = strdup(play->expectation->tokens), *rest = copy, *token;
    struct reply reply;

    write_vector(play, &rest);
    while ((token = next_token(&rest))) {
        if (strcmp(token, "closed") == 0) {
            if (peer_read_frame(play->h, play->fd, &reply))
                fail_msg("%s: still open", play->vector->name);
            free(copy);
            return;
        }
        if (strcmp(token, "quiet") == 0)
            assert_true(peer_is_quiet(play->h, play->fd, SLOW_NS + 20 * NSEC_PER_MSEC));
        else
            expect_frame(play, token);
    }
    expect_still_serving(play);
    free(copy);
}

static void server_fiber(struct harness *h)
{
    struct play play = *(const struct play *)h->arg;

    play.h = h;
    play.fd = h->peer;
    play_server(&play);
}

/* ---- the client under test, and a server that writes the vector after the first request ---- */

struct fake_server {
    struct play play;
    bool ended;
};

static void answer_next(const struct play *play)
{
    uint8_t ok[] = "\x00\x00\x00\x04\x00\x00\x00\x00\x02\x00\x12\x02\x08\x01";
    struct reply request;

    if (!peer_read_frame(play->h, play->fd, &request))
        return;
    ok[7] = (uint8_t)request.frame.stream;
    peer_write(play->h, play->fd, ok, sizeof(ok) - 1);
    reply_free(&request);
}

static void fake_server_fiber(void *arg)
{
    struct fake_server *fake = arg;
    struct reply request;
    char *no_tokens = NULL;

    if (peer_read_frame(fake->play.h, fake->play.fd, &request)) {
        assert_int_equal(request.frame.stream, 1);
        reply_free(&request);
        write_vector(&fake->play, &no_tokens);
        answer_next(&fake->play);
    }
    fd_close(&fake->play.fd);
    fake->ended = true;
}

static int call_check(struct ttrpc_client *client, struct arena *a, ProtobufCMessage **ret_reply, struct error *err)
{
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;

    return ttrpc_client_call(client, "grpc.Health", "Check", &request.base, &grpc__health_check_response__descriptor, a,
                             100 * NSEC_PER_MSEC, ret_reply, err);
}

static void describe_message(const char *kind, const ProtobufCMessage *message, char *to, size_t size)
{
    uint8_t packed[256];
    char hex[600];

    hex_of(packed, protobuf_c_message_pack(message, packed), hex, sizeof(hex));
    snprintf(to, size, "%s %s", kind, hex);
}

static void describe_error(const struct error *err, char *to, size_t size)
{
    char text[1024];

    put_text(text, sizeof(text), (struct bytes){(const uint8_t *)err->text, strlen(err->text)});
    snprintf(to, size, "error %d \"%s\"", (int)err->status, text);
}

static void play_unary(const struct play *play, struct ttrpc_client *client, char *token)
{
    struct arena *a = arena_new(1 << 20);
    struct error err = {.status = STATUS_OK};
    ProtobufCMessage *reply;
    char got[2048];

    if (call_check(client, a, &reply, &err) == 0)
        describe_message("reply", reply, got, sizeof(got));
    else
        describe_error(&err, got, sizeof(got));
    if (strcmp(token, "pending") == 0)
        token = (char *)"error 4 \"context deadline exceeded\"";
    check(play, got, token);
    arena_free(a);
}

static void play_stream(const struct play *play, struct ttrpc_client *client, bool server, char **tokens)
{
    const struct ttrpc_stream_method *method = &test_streams[server ? STREAM_DIVIDE : STREAM_SUM];
    struct pair_message request = {.base = PROTOBUF_C_MESSAGE_INIT(&pair_type)};
    struct arena *a = arena_new(1 << 20);
    struct ttrpc_client_stream *stream;
    ProtobufCMessage *message;
    struct error err;
    char got[2048], *token;
    int r = 1;

    request.a = 10;
    assert_int_equal(ttrpc_client_stream_open(client, method, server ? &request.base : NULL, NSEC_PER_SEC, &stream, &err), 0);
    for (; r > 0 && (token = next_token(tokens)); check(play, got, token)) {
        r = ttrpc_client_stream_recv(stream, a, &message, &err);
        if (r > 0)
            describe_message("message", message, got, sizeof(got));
        else if (r == 0)
            snprintf(got, sizeof(got), "end");
        else
            describe_error(&err, got, sizeof(got));
    }
    assert_true(r <= 0);
    ttrpc_client_stream_free(stream);
    arena_free(a);
}

static void client_fiber(struct harness *h)
{
    struct fake_server fake = {.play = *(const struct play *)h->arg};
    char *copy = strdup(fake.play.expectation->tokens), *rest = copy, *token = next_token(&rest);
    struct ttrpc_client *client;
    int fds[2];

    harness_pair(fds);
    fake.play.h = h;
    fake.play.fd = fds[1];
    assert_int_equal(ttrpc_client_new(h->loop, fds[0], &client, NULL), 0);
    assert_int_equal(fiber_start(h->loop, "server", fake_server_fiber, &fake, NULL), 0);
    if (strcmp(token, "server stream") == 0 || strcmp(token, "client stream") == 0)
        play_stream(&fake.play, client, strcmp(token, "server stream") == 0, &rest);
    else
        play_unary(&fake.play, client, token);

    token = next_token(&rest);
    if (token)
        assert_string_equal(token, "closed");
    play_unary(&fake.play, client, (char *)(token ? "error 14 \"ttrpc: closed\"" : "reply 0801"));
    ttrpc_client_free(client);
    while (!fake.ended)
        fiber_yield(h->loop);
    free(copy);
}

/* ---- the rows ---- */

static void play_expectation(const struct vector *vector, const struct expectation *expectation)
{
    struct play play = {.vector = vector, .expectation = expectation};
    const char *side = expectation->side;
    const bool both = strcmp(side, "both") == 0;

    if (both || strcmp(side, "agent") == 0) {
        assert_string_equal(vector->direction, "c2s");
        play.profile = TTRPC_PROFILE_AGENT;
        harness_run_options(server_fiber, play.profile, NULL, &play);
    }
    if (both || strcmp(side, "shim") == 0) {
        assert_string_equal(vector->direction, "c2s");
        play.profile = TTRPC_PROFILE_SHIM;
        harness_run_options(server_fiber, play.profile, NULL, &play);
    }
    if (strcmp(side, "client") == 0) {
        assert_string_equal(vector->direction, "s2c");
        harness_run_options(client_fiber, TTRPC_PROFILE_AGENT, NULL, &play);
    }
}

static unsigned int play_vector(const struct vector *vector)
{
    char *text = load("fixtures/ttrpc/expect.tsv"), *rest = text;
    struct expectation expectation;
    unsigned int sides = 0;

    while (next_row(&rest, (char **)&expectation, 3)) {
        if (strcmp(expectation.name, vector->name) != 0)
            continue;
        play_expectation(vector, &expectation);
        sides += strcmp(expectation.side, "both") == 0 || strcmp(expectation.side, "client") == 0 ? 2 : 1;
        sides += strcmp(expectation.side, "none") == 0;
    }
    free(text);
    return sides;
}

static void every_vector_is_answered_as_expected(void **state)
{
    char *text = load("fixtures/ttrpc/ttrpc-vectors.tsv"), *rest = text;
    struct vector vector;
    unsigned int rows = 0;

    (void)state;
    assert_true(next_row(&rest, (char **)&vector, 4));
    while (next_row(&rest, (char **)&vector, 4)) {
        if (play_vector(&vector) != 2)
            fail_msg("%s: no expectation for both profiles", vector.name);
        rows++;
    }
    assert_int_equal(rows, 132);
    free(text);
}

/* ---- known defects of other implementations that one vector shows (numbers of the defect list in the ttrpc fact sheet) ----
 */

static void play_named(const char *name)
{
    char *text = load("fixtures/ttrpc/ttrpc-vectors.tsv"), *rest = text;
    struct vector vector;
    bool found = false;

    while (!found && next_row(&rest, (char **)&vector, 4))
        found = strcmp(vector.name, name) == 0;
    assert_true(found);
    assert_int_equal(play_vector(&vector), 2);
    free(text);
}

static void immune_01_data_on_an_unknown_stream(void **state)
{
    (void)state;
    play_named("stream_data_unknown");
}

static void immune_11_oversized_reply_at_the_client(void **state)
{
    (void)state;
    play_named("resp_oversize");
}

static void immune_15_empty_request_of_a_server_stream(void **state)
{
    (void)state;
    play_named("stream_server_empty_request");
}

static void immune_16_reply_of_length_0(void **state)
{
    (void)state;
    play_named("resp_empty_go");
}

static void immune_18_no_message_before_the_first_of_a_client_stream(void **state)
{
    (void)state;
    play_named("stream_client_sum_empty");
}

static void immune_25_deep_groups(void **state)
{
    (void)state;
    play_named("req_pb_deep_groups");
}

static void immune_30_bad_method_payload_keeps_the_connection(void **state)
{
    (void)state;
    play_named("req_method_payload_bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_answered_as_expected),
        cmocka_unit_test(immune_01_data_on_an_unknown_stream),
        cmocka_unit_test(immune_11_oversized_reply_at_the_client),
        cmocka_unit_test(immune_15_empty_request_of_a_server_stream),
        cmocka_unit_test(immune_16_reply_of_length_0),
        cmocka_unit_test(immune_18_no_message_before_the_first_of_a_client_stream),
        cmocka_unit_test(immune_25_deep_groups),
        cmocka_unit_test(immune_30_bad_method_payload_keeps_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
