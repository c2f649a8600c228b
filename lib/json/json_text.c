/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json_text.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What a look at the bytes finds. Even the strict mode of json-c keeps the last of equal keys, cuts keys at a NUL, saturates
 * numbers, and takes NaN, Infinity, 'key' and raw control characters: all that is found here, before it parses. In valid JSON
 * each member of an object has one colon outside strings. */
struct shape {
    size_t members;
    size_t values;
    const char *problem; /* first one, or NULL */
    size_t problem_at;
};

static void note_problem(struct shape *shape, size_t at, const char *problem)
{
    if (shape->problem)
        return;
    shape->problem = problem;
    shape->problem_at = at;
}

/* Steps over a string whose opening quote is at text[at]. Returns the index of the closing quote, or len. */
static size_t scan_string(const char *text, size_t len, size_t at, struct shape *shape)
{
    for (at++; at < len && text[at] != '"'; at++) {
        if ((unsigned char)text[at] < ' ')
            note_problem(shape, at, "control character in a string");
        if (text[at] != '\\')
            continue;
        if (len - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0)
            note_problem(shape, at, "NUL character in a string");
        at++;
    }
    return at;
}

/* Bytes at the start of text that are one of accepted. */
static size_t span_of(const char *text, size_t len, const char *accepted)
{
    size_t n = 0;

    while (n < len && text[n] && strchr(accepted, text[n]))
        n++;
    return n;
}

/* Steps over a number that starts at text[at]. Returns the index of its last character. */
static size_t scan_number(const char *text, size_t len, size_t at, struct shape *shape)
{
    size_t start = at;
    bool is_negative = text[at] == '-', is_beyond = false;
    uint64_t value = 0;

    for (at += is_negative; at < len && text[at] >= '0' && text[at] <= '9'; at++) {
        is_beyond |= __builtin_mul_overflow(value, 10, &value);
        is_beyond |= __builtin_add_overflow(value, (uint64_t)(text[at] - '0'), &value);
    }
    size_t rest = span_of(text + at, len - at, ".eE+-0123456789");
    if (rest == 0 && (is_beyond || (is_negative && value > (uint64_t)INT64_MAX + 1)))
        note_problem(shape, start, "number beyond 64 bits");
    return at + rest - 1;
}

static struct shape scan(const char *text, size_t len)
{
    struct shape shape = {.values = 1};

    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (c == '"')
            at = scan_string(text, len, at, &shape);
        else if (c == '-' || (c >= '0' && c <= '9'))
            at = scan_number(text, len, at, &shape);
        else if (c == ':')
            shape.members++;
        else if (c == ',' || c == '[' || c == '{')
            shape.values++;
        else if (c == '\'' || c == 'N' || c == 'I')
            note_problem(&shape, at, "unexpected character");
    }
    return shape;
}

static size_t count_members(json_object *json)
{
    size_t n = 0;

    if (json_object_is_type(json, json_type_object)) {
        json_object_object_foreach(json, key, value)
        {
            (void)key;
            n += 1 + count_members(value);
        }
    } else if (json_object_is_type(json, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(json); i++)
            n += count_members(json_object_array_get_idx(json, i));
    }
    return n;
}

static const char *problem_text(enum json_tokener_error problem)
{
    return problem == json_tokener_continue ? "unexpected end of data" : json_tokener_error_desc(problem);
}

int json_text_parse(const char *text, size_t len, struct json_object **ret_json, struct error *err)
{
    if (len > JSON_TEXT_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "JSON: longer than %d bytes", JSON_TEXT_MAX);
    struct shape shape = scan(text, len);
    if (shape.problem)
        return error_status(err, STATUS_INVALID_ARGUMENT, "JSON: byte %zu: %s", shape.problem_at, shape.problem);
    if (shape.values > JSON_VALUES_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "JSON: more than %d values", JSON_VALUES_MAX);

    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    json_object *json = json_tokener_parse_ex(tokener, text, (int)len);
    enum json_tokener_error problem = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);

    if (problem != json_tokener_success) {
        json_object_put(json);
        return error_status(err, STATUS_INVALID_ARGUMENT, "JSON: byte %zu: %s", end, problem_text(problem));
    }
    if (count_members(json) != shape.members) {
        json_object_put(json);
        return error_status(err, STATUS_INVALID_ARGUMENT, "JSON: an object has the same key twice");
    }
    *ret_json = json;
    return 0;
}
