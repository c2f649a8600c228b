/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_LINE_MAX 8192 /* with the newline */
#define TAIL_MAX 1024     /* what follows the message of a JSON record, without its pairs */
#define SECONDS_PER_DAY 86400
#define NS_PER_SECOND 1000000000
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static const struct {
    const char *json;
    const char *text;
} level_names[LOG_LEVEL_MAX] = {
    [LOG_CRITICAL] = {"CRIT", "CRIT "}, [LOG_ERROR] = {"ERRO", "ERROR"}, [LOG_WARNING] = {"WARN", "WARN "},
    [LOG_INFO] = {"INFO", "INFO "},     [LOG_DEBUG] = {"DEBG", "DEBUG"}, [LOG_TRACE] = {"TRCE", "TRACE"},
};

static const struct {
    const char *word;
    enum log_level level;
} level_words[] = {
    {"fatal", LOG_CRITICAL},  {"panic", LOG_CRITICAL}, {"critical", LOG_CRITICAL}, {"error", LOG_ERROR}, {"warn", LOG_WARNING},
    {"warning", LOG_WARNING}, {"info", LOG_INFO},      {"debug", LOG_DEBUG},       {"trace", LOG_TRACE},
};

/* Text that is cut at max bytes. */
struct line {
    char *data;
    size_t len;
    size_t max;
};

/* ---- characters ---- */

/* Appends all of it or, when that passes the limit, nothing. */
static bool put(struct line *line, const char *p, size_t len)
{
    if (len > line->max - line->len)
        return false;
    memcpy(line->data + line->len, p, len);
    line->len += len;
    return true;
}

static void put_string(struct line *line, const char *s)
{
    put(line, s, strlen(s));
}

/* Appends s with the escapes of JSON, which keep control characters off a terminal too. Bytes that are not UTF-8 become U+FFFD.
 * False when it was cut, in front of the first character that does not fit. */
static bool put_escaped(struct line *line, const char *s)
{
    static const char short_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, letter behind the backslash */
    bool fits = true;

    while (*s && fits) {
        const unsigned char c = (unsigned char)*s;
        const size_t len = utf8_length(s, strnlen(s, 4));
        char escape[8];
        size_t i = 0;

        while (short_escapes[i] && short_escapes[i] != *s)
            i += 2;
        if (short_escapes[i])
            fits = put(line, (char[]){'\\', short_escapes[i + 1]}, 2);
        else if (c < ' ' || c == 0x7f)
            fits = put(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        else
            fits = len ? put(line, s, len) : put(line, REPLACEMENT, strlen(REPLACEMENT));
        s += len ? len : 1;
    }
    return fits;
}

/* ---- time ---- */

static bool is_leap(unsigned int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Date of a day since 1970-01-01: year, month and day of the month from 1. */
static void civil_date(unsigned int days, unsigned int date[3])
{
    static const unsigned char month_days[2][12] = {
        {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
        {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
    };
    unsigned int year = 1970, month = 0;

    for (; days >= 365U + is_leap(year); year++)
        days -= 365U + is_leap(year);
    for (; days >= month_days[is_leap(year)][month]; month++)
        days -= month_days[is_leap(year)][month];
    date[0] = year;
    date[1] = month + 1;
    date[2] = days + 1;
}

struct clock {
    unsigned int hour, minute, second, nanosecond;
};

static struct clock time_of_day(uint64_t ns)
{
    unsigned int second = (unsigned int)(ns / NS_PER_SECOND % SECONDS_PER_DAY);

    return (struct clock){second / 3600, second / 60 % 60, second % 60, (unsigned int)(ns % NS_PER_SECOND)};
}

/* ---- formats ---- */

/* A pair that does not fit loses the end of its value; one whose key does not fit is left out. */
static void put_json_pair(struct line *line, const char *key, const char *value)
{
    const size_t start = line->len;

    if (!put(line, ",\"", 2) || !put_escaped(line, key) || !put(line, "\":\"\"", 4)) {
        line->len = start;
        return;
    }
    line->len--;
    line->max--;
    put_escaped(line, value);
    line->max++;
    put(line, "\"", 1);
}

/* Everything between the message and the pairs. */
static void put_json_tail(struct line *tail, const struct logger *log, enum log_level level, const char *subsystem)
{
    const uint64_t ns = log->now_realtime_ns(log->sink);
    const struct clock t = time_of_day(ns);
    unsigned int date[3];
    char text[48];

    civil_date((unsigned int)(ns / NS_PER_SECOND / SECONDS_PER_DAY), date);
    put_json_pair(tail, "level", level_names[level].json);
    snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", date[0], date[1], date[2], t.hour, t.minute, t.second,
             t.nanosecond);
    put_json_pair(tail, "ts", text);
    put_json_pair(tail, "version", log->version);
    snprintf(text, sizeof(text), "%d", log->pid);
    put_json_pair(tail, "pid", text);
    put_json_pair(tail, "name", log->name);
    put_json_pair(tail, "source", log->source ? log->source : "agent");
    put_json_pair(tail, "subsystem", subsystem);
}

static void format_json(struct line *line, const struct logger *log, enum log_level level, const char *subsystem,
                        const char *message, const char *const *pairs)
{
    char tail_text[TAIL_MAX];
    struct line tail = {.data = tail_text, .max = sizeof(tail_text)};

    put_json_tail(&tail, log, level, subsystem);
    line->max -= tail.len + 3; /* quote, brace and newline are always there */
    put_string(line, "{\"msg\":\"");
    put_escaped(line, message);
    line->max += tail.len + 1;
    put(line, "\"", 1);
    put(line, tail.data, tail.len);
    for (; pairs && pairs[0]; pairs += 2) {
        if (pairs[1])
            put_json_pair(line, pairs[0], pairs[1]);
    }
    line->max += 2;
    put(line, "}\n", 2);
}

static void format_text(struct line *line, const struct logger *log, enum log_level level, const char *subsystem,
                        const char *message, const char *const *pairs)
{
    const struct clock t = time_of_day(log->now_realtime_ns(log->sink));
    char time[32];

    line->max--;
    put(line, time,
        (size_t)snprintf(time, sizeof(time), "%02u:%02u:%02u.%03u ", t.hour, t.minute, t.second, t.nanosecond / 1000000));
    put_string(line, level_names[level].text);
    put_string(line, " ");
    put_escaped(line, subsystem);
    put_string(line, ": ");
    put_escaped(line, message);
    for (; pairs && pairs[0]; pairs += 2) {
        if (!pairs[1])
            continue;
        put_string(line, " ");
        put_escaped(line, pairs[0]);
        put_string(line, "=");
        put_escaped(line, pairs[1]);
    }
    line->max++;
    put(line, "\n", 1);
}

void log_record(const struct logger *log, enum log_level level, const char *subsystem, const char *const *pairs,
                const char *fmt, ...)
{
    if (!log || level > log->level)
        return;
    struct {
        char message[LOG_LINE_MAX];
        char text[LOG_LINE_MAX];
    } *record = malloc(sizeof(*record)); /* too much for the stack of a fiber */
    if (!record)
        abort();

    va_list args;
    va_start(args, fmt);
    vsnprintf(record->message, sizeof(record->message), fmt, args);
    va_end(args);

    struct line line = {.data = record->text, .max = sizeof(record->text)};
    if (log->format == LOG_JSON)
        format_json(&line, log, level, subsystem, record->message, pairs);
    else
        format_text(&line, log, level, subsystem, record->message, pairs);
    log->write(log->sink, line.data, line.len);
    free(record);
}

int log_level_parse(const char *word)
{
    FOR_ROWS (row, level_words) {
        if (strcmp(word, row->word) == 0)
            return (int)row->level;
    }
    return -EINVAL;
}
