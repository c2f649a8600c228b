/* SPDX-License-Identifier: Apache-2.0 */
/* TOML: a reader for version 1.0 documents, made for configuration files.
 *
 * The whole text is parsed into a tree in an arena; keys, strings and values live as long as the arena. Everything the text can
 * grow is bounded by the limits below and by the arena's budget. Dates and times are checked and kept as text. Errors are
 * INVALID_ARGUMENT and begin with "line L, column C: " (column: characters, from 1). Grammar: toml.io, v1.0.0. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define TOML_TEXT_MAX (256 * 1024) /* bytes of a document */
#define TOML_DEPTH_MAX 32          /* arrays and inline tables inside one another */
#define TOML_KEY_PARTS_MAX 32      /* parts of one dotted key */
#define TOML_MEMBERS_MAX 1024      /* keys of one table */

enum toml_type {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOLEAN,
    TOML_DATETIME,
    TOML_ARRAY,
    TOML_TABLE,
    TOML_TYPE_MAX,
};

/* How a table or array came to be: decides what may still be added to it. */
enum toml_origin {
    TOML_CLOSED,   /* scalars, arrays and inline tables: complete where they stand */
    TOML_IMPLICIT, /* table that a longer header implied */
    TOML_HEADER,   /* [table], an element of [[array]], the root */
    TOML_DOTTED,   /* table that a dotted key made */
    TOML_ELEMENTS, /* array that [[array]] headers made */
};

struct toml_value {
    enum toml_type type;
    enum toml_origin origin;
    unsigned int line; /* where the value stands, from 1 */
    size_t key_len;
    const char *key;         /* name within its table, NUL-terminated; NULL for elements of arrays and the root */
    struct toml_value *next; /* next member or element, in the order of the document */
    union {
        struct {
            const char *text; /* NUL-terminated; a TOML string may hold NUL characters of its own */
            size_t len;
        } string; /* TOML_STRING and TOML_DATETIME */
        int64_t integer;
        double real;
        bool boolean;
        struct {
            struct toml_value *first;
            struct toml_value *last;
            size_t n;
        } items; /* TOML_ARRAY and TOML_TABLE */
    };
};

/* Parses a document of len bytes (UTF-8, no NUL needed behind it). *ret_root is a table, written only on success.
 * -EINVAL with the place in err; -ENOBUFS (RESOURCE_EXHAUSTED) when the arena's budget is used up. */
int toml_parse(struct arena *a, const char *text, size_t len, const struct toml_value **ret_root, struct error *err);

/* Member of a table by its plain name, or NULL. */
const struct toml_value *toml_member(const struct toml_value *table, const char *key, size_t key_len);
/* Value at a dotted path below table ("server.port"), or NULL. Keys that contain dots are reached with toml_member(). */
const struct toml_value *toml_find(const struct toml_value *table, const char *path);

/* Typed getters below table: 1 and *ret_value written when path is there, 0 when it is absent, -EINVAL on another type with
 * "PATH (line L): expected TYPE, found TYPE" in err. A string with a NUL character inside is refused too. */
int toml_get_string(const struct toml_value *table, const char *path, const char **ret_value, struct error *err);
int toml_get_integer(const struct toml_value *table, const char *path, int64_t *ret_value, struct error *err);
/* An integer is taken as well. */
int toml_get_float(const struct toml_value *table, const char *path, double *ret_value, struct error *err);
int toml_get_bool(const struct toml_value *table, const char *path, bool *ret_value, struct error *err);
int toml_get_array(const struct toml_value *table, const char *path, const struct toml_value **ret_value, struct error *err);
int toml_get_table(const struct toml_value *table, const char *path, const struct toml_value **ret_value, struct error *err);

/* Name of a type with its article ("a string"), for messages. */
const char *toml_type_name(enum toml_type type);
