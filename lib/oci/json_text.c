/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/json_text.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

/* What a look at the bytes finds. In valid JSON each member of an object has one colon outside strings. */
struct shape {
    size_t members;
    size_t values;
    bool has_nul;
};

/* Steps over a string whose opening quote is at text[at]. Returns the index of the closing quote, or len. */
static size_t scan_string(const char *text, size_t len, size_t at, struct shape *shape)
{
    for (at++; at < len && text[at] != '"'; at++) {
        if (text[at] != '\\')
            continue;
        if (len - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0)
            shape->has_nul = true;
        at++;
    }
    return at;
}

static struct shape scan(const char *text, size_t len)
{
    struct shape shape = {.values = 1};

    for (size_t at = 0; at < len; at++) {
        if (text[at] == '"')
            at = scan_string(text, len, at, &shape);
        else if (text[at] == ':')
            shape.members++;
        else if (text[at] == ',' || text[at] == '[' || text[at] == '{')
            shape.values++;
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
    if (shape.has_nul)
        return error_status(err, STATUS_INVALID_ARGUMENT, "JSON: NUL character in a string");
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
