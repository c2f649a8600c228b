/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of untrusted JSON text with limits. */
#pragma once
#include <stddef.h>

#include "base/error.h"

struct json_object;

#define JSON_TEXT_MAX (4 * 1024 * 1024)
#define JSON_DEPTH_MAX 32
#define JSON_VALUES_MAX 100000

/* Parses one JSON value that fills the text but for white space. Refused as INVALID_ARGUMENT: a longer text, deeper nesting,
 * more values, NUL in a string, a key that comes twice in an object, a number beyond 64 bits. The caller frees *ret_json with
 * json_object_put(). */
int json_text_parse(const char *text, size_t len, struct json_object **ret_json, struct error *err);
