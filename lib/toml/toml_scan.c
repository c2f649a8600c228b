/* SPDX-License-Identifier: Apache-2.0 */
/* Characters, comments and strings of a TOML document. */
#include "toml/toml_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* ---- errors and position ---- */

int toml_fail(const struct toml_parser *t, const char *fmt, ...)
{
    char text[256];
    unsigned int column = 1;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (const char *p = t->line_start; p < t->p; p++)
        column += ((unsigned char)*p & 0xc0) != 0x80;
    return error_status(t->err, STATUS_INVALID_ARGUMENT, "line %u, column %u: %s", t->line, column, text);
}

int toml_no_room(const struct toml_parser *t)
{
    error_status(t->err, STATUS_RESOURCE_EXHAUSTED, "line %u: the document needs too much memory", t->line);
    return -ENOBUFS;
}

bool toml_at_text(const struct toml_parser *t, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(t->end - t->p) >= len && memcmp(t->p, text, len) == 0;
}

/* ---- blanks, comments, line ends ---- */

size_t toml_newline_len(const struct toml_parser *t)
{
    if (toml_at(t, '\n'))
        return 1;
    return toml_at_text(t, "\r\n") ? 2 : 0;
}

void toml_newline(struct toml_parser *t, size_t len)
{
    t->p += len;
    t->line++;
    t->line_start = t->p;
}

void toml_skip_blanks(struct toml_parser *t)
{
    while (toml_at(t, ' ') || toml_at(t, '\t'))
        t->p++;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static int fail_control(const struct toml_parser *t)
{
    return toml_fail(t, "control character 0x%02x is not allowed", (unsigned char)*t->p);
}

int toml_skip_comment(struct toml_parser *t)
{
    toml_skip_blanks(t);
    if (!toml_at(t, '#'))
        return 0;
    for (; t->p < t->end && !toml_newline_len(t); t->p++) {
        if (is_control(*t->p))
            return fail_control(t);
    }
    return 0;
}

int toml_skip_lines(struct toml_parser *t)
{
    for (;;) {
        int r = toml_skip_comment(t);
        if (r < 0)
            return r;
        size_t len = toml_newline_len(t);
        if (len == 0)
            return 0;
        toml_newline(t, len);
    }
}

/* ---- UTF-8 ---- */

int toml_check_utf8(struct toml_parser *t)
{
    struct toml_parser at = *t;

    while (at.p < at.end) {
        size_t len = utf8_length(at.p, (size_t)(at.end - at.p));
        if (len == 0)
            return toml_fail(&at, "byte 0x%02x is not part of UTF-8 text", (unsigned char)*at.p);
        if (*at.p == '\n')
            toml_newline(&at, 1);
        else
            at.p += len;
    }
    return 0;
}

static size_t utf8_encode(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00u >> len) | code);
    return len;
}

/* ---- strings ---- */

static int scratch_add(struct toml_parser *t, const void *p, size_t len)
{
    return buf_append(&t->scratch, p, len) < 0 ? toml_no_room(t) : 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The digits behind \u or \U. */
static int scan_code_point(struct toml_parser *t, size_t n_digits)
{
    uint32_t code = 0;
    char utf8[4];

    for (size_t i = 0; i < n_digits; i++, t->p++) {
        int digit = t->p < t->end ? hex_value(*t->p) : -1;
        if (digit < 0)
            return toml_fail(t, "%zu hexadecimal digits expected", n_digits);
        code = code << 4 | (uint32_t)digit;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return toml_fail(t, "U+%04X is not a character", code);
    return scratch_add(t, utf8, utf8_encode(code, utf8));
}

/* A backslash at the end of a line takes away the line end and all white space that follows. Returns 1 if it was one. */
static int scan_line_continuation(struct toml_parser *t)
{
    struct toml_parser ahead = *t;

    toml_skip_blanks(&ahead);
    if (!toml_newline_len(&ahead))
        return 0;
    for (size_t len; (len = toml_newline_len(&ahead)) > 0; toml_skip_blanks(&ahead))
        toml_newline(&ahead, len);
    t->p = ahead.p;
    t->line = ahead.line;
    t->line_start = ahead.line_start;
    return 1;
}

static int scan_escape(struct toml_parser *t, bool multi)
{
    static const char names[] = "btnfr\"\\";
    static const char values[] = "\b\t\n\f\r\"\\";

    t->p++;
    if (multi && scan_line_continuation(t))
        return 0;
    char c = t->p < t->end ? *t->p : '\0';
    const char *name = c ? strchr(names, c) : NULL;
    if (name) {
        t->p++;
        return scratch_add(t, &values[name - names], 1);
    }
    if (c != 'u' && c != 'U')
        return toml_fail(t, "unknown escape sequence");
    t->p++;
    return scan_code_point(t, c == 'u' ? 4 : 8);
}

static int scan_plain(struct toml_parser *t, bool multi)
{
    size_t len = toml_newline_len(t);
    if (len && !multi)
        return toml_fail(t, "line end in a one-line string");
    if (len) {
        toml_newline(t, len);
        return scratch_add(t, "\n", 1);
    }
    if (is_control(*t->p))
        return fail_control(t);
    return scratch_add(t, t->p++, 1);
}

/* At a quote. Returns 1 when it closes the string. Three quotes close a multi-line string; up to two more belong to it. */
static int scan_quotes(struct toml_parser *t, char quote, bool multi)
{
    size_t n = 0;

    if (!multi) {
        t->p++;
        return 1;
    }
    while (n < 5 && t->p < t->end && *t->p == quote) {
        t->p++;
        n++;
    }
    size_t n_content = n < 3 ? n : n - 3;
    for (size_t i = 0; i < n_content; i++) {
        int r = scratch_add(t, &quote, 1);
        if (r < 0)
            return r;
    }
    return n >= 3;
}

static int scan_body(struct toml_parser *t, char quote, bool multi)
{
    while (t->p < t->end) {
        int r;
        if (*t->p == quote) {
            r = scan_quotes(t, quote, multi);
            if (r != 0)
                return r < 0 ? r : 0;
        } else if (*t->p == '\\' && quote == '"') {
            r = scan_escape(t, multi);
        } else {
            r = scan_plain(t, multi);
        }
        if (r < 0)
            return r;
    }
    return toml_fail(t, "the string is not closed");
}

int toml_scan_string(struct toml_parser *t, bool multi, struct toml_text *ret)
{
    char quote = *t->p;
    bool three = toml_at_text(t, quote == '"' ? "\"\"\"" : "'''");

    if (three && !multi)
        return toml_fail(t, "a multi-line string is not allowed here");
    t->p += three ? 3 : 1;
    if (three && toml_newline_len(t))
        toml_newline(t, toml_newline_len(t));

    t->scratch.len = 0;
    int r = scan_body(t, quote, three);
    if (r < 0)
        return r;
    char *text = arena_alloc(t->arena, t->scratch.len + 1);
    if (!text)
        return toml_no_room(t);
    if (t->scratch.len)
        memcpy(text, t->scratch.data, t->scratch.len);
    *ret = (struct toml_text){text, t->scratch.len};
    return 0;
}
