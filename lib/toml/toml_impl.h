/* SPDX-License-Identifier: Apache-2.0 */
/* The TOML parser's own state, shared by its files. */
#pragma once
#include "base/buf.h"
#include "toml/toml.h"

struct toml_parser {
    struct arena *arena;
    const char *p; /* next byte to read */
    const char *end;
    const char *line_start;
    unsigned int line;
    unsigned int depth;
    struct buf scratch; /* the string being read */
    struct error *err;
};

struct toml_text {
    const char *text;
    size_t len;
};

/* Records "line L, column C: TEXT" for the current position. Returns -EINVAL. */
int toml_fail(const struct toml_parser *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Records that the arena is used up. Returns -ENOBUFS. */
int toml_no_room(const struct toml_parser *t);

static inline bool toml_at(const struct toml_parser *t, char c)
{
    return t->p < t->end && *t->p == c;
}

/* Whether text stands at the current position. */
bool toml_at_text(const struct toml_parser *t, const char *text);
/* Length of the line end at the current position (LF or CR LF), 0 if there is none. */
size_t toml_newline_len(const struct toml_parser *t);
/* Steps over a line end of that length. */
void toml_newline(struct toml_parser *t, size_t len);
void toml_skip_blanks(struct toml_parser *t);
/* Skips blanks and a comment up to the line end. */
int toml_skip_comment(struct toml_parser *t);
/* Skips blanks, comments and line ends. */
int toml_skip_lines(struct toml_parser *t);
/* Refuses a text that is not UTF-8. */
int toml_check_utf8(struct toml_parser *t);

/* Reads a quoted string of any kind; multi: the three-quote kinds are allowed. */
int toml_scan_string(struct toml_parser *t, bool multi, struct toml_text *ret);
/* Reads a boolean, number, date or time into value. */
int toml_scan_scalar(struct toml_parser *t, struct toml_value *value);
/* Reads a date, a time or both; token is the text in question. */
int toml_scan_datetime(struct toml_parser *t, struct toml_text token, struct toml_value *value);
