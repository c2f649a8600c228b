/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

#define LINE_MAX_BYTES 8192

struct sink {
    char line[2 * LINE_MAX_BYTES];
    size_t len;
    int lines;
    uint64_t now;
};

static void sink_write(void *arg, const char *line, size_t len)
{
    struct sink *sink = arg;

    assert_true(len < sizeof(sink->line));
    memcpy(sink->line, line, len);
    sink->line[len] = '\0';
    sink->len = len;
    sink->lines++;
}

static uint64_t sink_now(void *arg)
{
    return ((struct sink *)arg)->now;
}

/* 2026-01-02T03:04:05.006007008Z */
#define NOW (UINT64_C(1767323045) * 1000000000 + 6007008)

static struct logger new_logger(struct sink *sink, enum log_format format)
{
    *sink = (struct sink){.now = NOW};
    return (struct logger){
        .level = LOG_TRACE,
        .format = format,
        .name = "kata-agent",
        .version = "1.2",
        .pid = 42,
        .write = sink_write,
        .now_realtime_ns = sink_now,
        .sink = sink,
    };
}

static void json_record_has_the_keys_in_order(void **state)
{
    const char *const pairs[] = {"container-id", "a1", "none", NULL, "exec-id", "e", NULL};
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    log_record(&log, LOG_INFO, "rpc", pairs, "hello %d", 5);
    assert_string_equal(sink.line,
                        "{\"msg\":\"hello 5\",\"level\":\"INFO\",\"ts\":\"2026-01-02T03:04:05.006007008Z\",\"version\":\"1.2\","
                        "\"pid\":\"42\",\"name\":\"kata-agent\",\"source\":\"agent\",\"subsystem\":\"rpc\","
                        "\"container-id\":\"a1\",\"exec-id\":\"e\"}\n");
    assert_int_equal(sink.len, strlen(sink.line));
    assert_int_equal(sink.lines, 1);
}

static void text_record_is_readable(void **state)
{
    const char *const pairs[] = {"container-id", "a1", "none", NULL, "exec-id", "e", NULL};
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_TEXT);

    (void)state;
    log_record(&log, LOG_INFO, "rpc", pairs, "hello %d", 5);
    assert_string_equal(sink.line, "03:04:05.006 INFO  rpc: hello 5 container-id=a1 exec-id=e\n");
    log_debug(&log, "mount", "b\n\x1b[1m");
    assert_string_equal(sink.line, "03:04:05.006 DEBUG mount: b\\n\\u001b[1m\n");
}

static void source_can_be_chosen(void **state)
{
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    log.source = "shim";
    log_info(&log, "x", "y");
    assert_non_null(strstr(sink.line, "\"source\":\"shim\""));
}

static void each_level_has_its_names(void **state)
{
    static const struct {
        const char *label;
        enum log_level level;
        const char *text;
    } rows[] = {
        {"\"CRIT\"", LOG_CRITICAL, " CRIT  s:"}, {"\"ERRO\"", LOG_ERROR, " ERROR s:"}, {"\"WARN\"", LOG_WARNING, " WARN  s:"},
        {"\"INFO\"", LOG_INFO, " INFO  s:"},     {"\"DEBG\"", LOG_DEBUG, " DEBUG s:"}, {"\"TRCE\"", LOG_TRACE, " TRACE s:"},
    };
    struct sink sink;

    (void)state;
    FOR_ROWS (row, rows) {
        struct logger log = new_logger(&sink, LOG_JSON);
        log_record(&log, row->level, "s", NULL, "m");
        check_int(row->label, strstr(sink.line, row->label) != NULL, true);
        log.format = LOG_TEXT;
        log_record(&log, row->level, "s", NULL, "m");
        check_int(row->label, strstr(sink.line, row->text) != NULL, true);
    }
}

static void records_above_the_level_are_dropped(void **state)
{
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_TEXT);

    (void)state;
    log.level = LOG_WARNING;
    log_info(&log, "s", "m");
    log_debug(&log, "s", "m");
    assert_int_equal(sink.lines, 0);
    log_warning(&log, "s", "m");
    log_error(&log, "s", "m");
    assert_int_equal(sink.lines, 2);
    log_error(NULL, "s", "m");
}

static void time_stamps_are_utc(void **state)
{
    static const struct {
        const char *label; /* the time */
        uint64_t seconds;
    } rows[] = {
        {"1970-01-01T00:00:00", 0},           {"1970-12-31T23:59:59", 31535999},    {"1971-01-01T00:00:00", 31536000},
        {"1972-02-29T00:00:00", 68169600},    {"1972-03-01T00:00:00", 68256000},    {"1972-12-31T00:00:00", 94608000},
        {"2000-02-29T12:34:56", 951827696},   {"2000-12-31T23:59:59", 978307199},   {"2001-03-01T00:00:00", 983404800},
        {"2038-01-19T03:14:08", 2147483648},  {"2100-02-28T00:00:00", 4107456000},  {"2100-03-01T00:00:00", 4107542400},
        {"2400-02-29T00:00:00", 13574563200}, {"2554-07-21T23:34:33", 18446744073},
    };
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    FOR_ROWS (row, rows) {
        char want[64];
        sink.now = row->seconds * 1000000000;
        log_info(&log, "s", "m");
        snprintf(want, sizeof(want), "\"ts\":\"%s.000000000Z\"", row->label);
        check_int(row->label, strstr(sink.line, want) != NULL, true);
    }
}

static void every_day_of_two_centuries_has_the_date_of_the_c_library(void **state)
{
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    for (time_t day = 0; day < 200 * 366; day += 3) {
        time_t seconds = day * 86400;
        char want[64];
        struct tm tm;
        sink.now = (uint64_t)seconds * 1000000000;
        log_info(&log, "s", "m");
        strftime(want, sizeof(want), "\"ts\":\"%FT%T.", gmtime_r(&seconds, &tm));
        check_int(want, strstr(sink.line, want) != NULL, true);
    }
}

static void characters_are_escaped(void **state)
{
    static const struct {
        const char *label;
        const char *in;
        const char *out;
    } rows[] = {
        {"plain", "a~ /'", "a~ /'"},
        {"quote and backslash", "\"\\", "\\\"\\\\"},
        {"short escapes", "\b\f\n\r\t", "\\b\\f\\n\\r\\t"},
        {"other controls", "\x01\x1f\x7f", "\\u0001\\u001f\\u007f"},
        {"two bytes", "\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf"},
        {"three bytes", "\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf", "\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf"},
        {"four bytes", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"lone continuation", "a\x80z", "a\xef\xbf\xbdz"},
        {"overlong two", "\xc1\xbfz", "\xef\xbf\xbd\xef\xbf\xbdz"},
        {"overlong three", "\xe0\x9f\xbfz", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
        {"surrogate", "\xed\xa0\x80z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
        {"overlong four", "\xf0\x8f\xbf\xbfz", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
        {"beyond the last", "\xf4\x90\x80\x80z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
        {"impossible lead", "\xf5z\xff", "\xef\xbf\xbdz\xef\xbf\xbd"},
        {"cut short by the end", "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut short by a letter", "\xf0\x9f\x98z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
    };
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    FOR_ROWS (row, rows) {
        const char *const pairs[] = {row->in, row->in, NULL};
        char want[128];
        log_record(&log, LOG_INFO, row->in, pairs, "%s", row->in);
        snprintf(want, sizeof(want), "{\"msg\":\"%s\",\"level\"", row->out);
        check_int(row->label, strncmp(sink.line, want, strlen(want)), 0);
        snprintf(want, sizeof(want), "\"subsystem\":\"%s\",\"%s\":\"%s\"}\n", row->out, row->out, row->out);
        check_int(row->label, strstr(sink.line, want) != NULL, true);
    }
}

/* The line is one JSON object; returns it. */
static struct json_object *parse(const struct sink *sink)
{
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, sink->line, (int)sink->len);

    assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
    json_tokener_free(tokener);
    assert_true(sink->len <= LINE_MAX_BYTES);
    assert_int_equal(sink->line[sink->len - 1], '\n');
    assert_null(memchr(sink->line, '\n', sink->len - 1));
    return object;
}

static const char *get(struct json_object *object, const char *key)
{
    return json_object_get_string(json_object_object_get(object, key));
}

static void a_line_that_is_too_long_is_still_json(void **state)
{
    static const char *const characters[] = {"a", "\"", "\x01", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff"};
    static char text[3 * LINE_MAX_BYTES];
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    FOR_ROWS (character, characters) {
        for (size_t offset = 0; offset < 8; offset++) {
            const char *const pairs[] = {"key", text, "other", text, "late", "value", NULL};
            memset(text, 'x', offset);
            text[offset] = '\0';
            while (strlen(text) < 2 * LINE_MAX_BYTES)
                strcat(text, *character);

            log_record(&log, LOG_INFO, "s", NULL, "%s", text);
            struct json_object *object = parse(&sink);
            assert_string_equal(get(object, "subsystem"), "s");
            assert_true(sink.len > LINE_MAX_BYTES - 7);
            json_object_put(object);

            log_record(&log, LOG_INFO, "s", pairs, "short");
            object = parse(&sink);
            assert_string_equal(get(object, "msg"), "short");
            assert_true(strlen(get(object, "key")) > 1000);
            assert_true(sink.len > LINE_MAX_BYTES - 20);
            json_object_put(object);

            log.format = LOG_TEXT;
            log_record(&log, LOG_INFO, "s", pairs, "short");
            assert_true(sink.len <= LINE_MAX_BYTES && sink.len > LINE_MAX_BYTES - 7);
            assert_int_equal(sink.line[sink.len - 1], '\n');
            log.format = LOG_JSON;
        }
    }
}

static void every_length_of_a_message_leaves_a_whole_line(void **state)
{
    static char text[LINE_MAX_BYTES];
    const char *const pairs[] = {"key", "value", "k", "", NULL};
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);

    (void)state;
    for (size_t len = LINE_MAX_BYTES - 400; len < LINE_MAX_BYTES; len++) {
        memset(text, 'm', len);
        text[len] = '\0';
        log_record(&log, LOG_INFO, "s", pairs, "%s", text);
        json_object_put(parse(&sink));
    }
    assert_int_equal(sink.len, LINE_MAX_BYTES);
}

static void names_that_are_too_long_do_not_break_the_line(void **state)
{
    static char text[LINE_MAX_BYTES];
    struct sink sink;
    struct logger log = new_logger(&sink, LOG_JSON);
    const char *const pairs[] = {text, "v", "k", "v", NULL};

    (void)state;
    memset(text, 'n', sizeof(text) - 1);
    log.version = text;
    log_record(&log, LOG_INFO, text, pairs, "m");
    struct json_object *object = parse(&sink);
    assert_string_equal(get(object, "level"), "INFO");
    assert_string_equal(get(object, "k"), "v");
    json_object_put(object);
}

static void level_words_are_those_of_the_configuration(void **state)
{
    static const struct {
        const char *label; /* the word */
        int want;
    } rows[] = {
        {"fatal", LOG_CRITICAL}, {"panic", LOG_CRITICAL}, {"critical", LOG_CRITICAL},
        {"error", LOG_ERROR},    {"warn", LOG_WARNING},   {"warning", LOG_WARNING},
        {"info", LOG_INFO},      {"debug", LOG_DEBUG},    {"trace", LOG_TRACE},
        {"", -EINVAL},           {"INFO", -EINVAL},       {"inform", -EINVAL},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_int(row->label, log_level_parse(row->label), row->want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_record_has_the_keys_in_order),
        cmocka_unit_test(text_record_is_readable),
        cmocka_unit_test(source_can_be_chosen),
        cmocka_unit_test(each_level_has_its_names),
        cmocka_unit_test(records_above_the_level_are_dropped),
        cmocka_unit_test(time_stamps_are_utc),
        cmocka_unit_test(every_day_of_two_centuries_has_the_date_of_the_c_library),
        cmocka_unit_test(characters_are_escaped),
        cmocka_unit_test(a_line_that_is_too_long_is_still_json),
        cmocka_unit_test(every_length_of_a_message_leaves_a_whole_line),
        cmocka_unit_test(names_that_are_too_long_do_not_break_the_line),
        cmocka_unit_test(level_words_are_those_of_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
