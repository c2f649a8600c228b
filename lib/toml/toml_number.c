/* SPDX-License-Identifier: Apache-2.0 */
/* Booleans, integers and floats of a TOML document. */
#include "toml/toml_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static bool text_is(struct toml_text token, const char *word)
{
    return token.len == strlen(word) && memcmp(token.text, word, token.len) == 0;
}

static int fail_value(const struct toml_parser *t, struct toml_text token, const char *why)
{
    return toml_fail(t, "'%.*s' %s", token.len > 64 ? 64 : (int)token.len, token.text, why);
}

/* Length of digits in base at the start of s, with single underscores between them; 0 when there are none or an underscore
 * stands at an edge. */
static size_t digits_len(struct toml_text s, int base)
{
    size_t i = 0;

    while (i < s.len && (s.text[i] == '_' || digit_value(s.text[i]) < base)) {
        if (s.text[i] == '_' && (i == 0 || s.text[i - 1] == '_'))
            return 0;
        i++;
    }
    return i > 0 && s.text[i - 1] == '_' ? 0 : i;
}

static struct toml_text text_skip(struct toml_text s, size_t n)
{
    return (struct toml_text){s.text + n, s.len - n};
}

static struct toml_text skip_sign(struct toml_text s)
{
    return s.len > 0 && (s.text[0] == '+' || s.text[0] == '-') ? text_skip(s, 1) : s;
}

static bool has_leading_zero(struct toml_text s)
{
    return s.len > 1 && s.text[0] == '0' && (is_digit(s.text[1]) || s.text[1] == '_');
}

/* ---- integers ---- */

static int integer_base(struct toml_text token)
{
    if (token.len < 2 || token.text[0] != '0')
        return 10;
    switch (token.text[1]) {
    case 'x':
        return 16;
    case 'o':
        return 8;
    case 'b':
        return 2;
    default:
        return 10;
    }
}

static int scan_integer(struct toml_parser *t, struct toml_text token, struct toml_value *value)
{
    int base = integer_base(token);
    bool negative = token.text[0] == '-';
    struct toml_text digits = base == 10 ? skip_sign(token) : text_skip(token, 2);
    uint64_t sum = 0;

    if (digits.len == 0 || digits_len(digits, base) != digits.len)
        return fail_value(t, token, "is not a value");
    if (base == 10 && has_leading_zero(digits))
        return fail_value(t, token, "has a leading zero");
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.text[i] == '_')
            continue;
        if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)digit_value(digits.text[i]), &sum))
            return fail_value(t, token, "does not fit into 64 bits");
    }
    if (sum > (uint64_t)INT64_MAX + negative)
        return fail_value(t, token, "does not fit into 64 bits");
    value->type = TOML_INTEGER;
    value->integer = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 0;
}

/* ---- floats ---- */

/* Digits, then a fraction, an exponent or both, and nothing behind them. */
static bool is_float(struct toml_text token)
{
    struct toml_text s = skip_sign(token);
    size_t n = digits_len(s, 10);

    if (n == 0 || has_leading_zero(s))
        return false;
    s = text_skip(s, n);
    if (s.len > 0 && s.text[0] == '.') {
        s = text_skip(s, 1);
        n = digits_len(s, 10);
        if (n == 0)
            return false;
        s = text_skip(s, n);
    }
    if (s.len == 0 || (s.text[0] | 0x20) != 'e')
        return s.len == 0;
    s = skip_sign(text_skip(s, 1));
    return s.len > 0 && digits_len(s, 10) == s.len;
}

static int scan_float(struct toml_parser *t, struct toml_text token, struct toml_value *value)
{
    if (!is_float(token))
        return fail_value(t, token, "is not a value");

    char *plain = arena_alloc(t->arena, token.len + 1);
    if (!plain)
        return toml_no_room(t);
    size_t n = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (token.text[i] != '_')
            plain[n++] = token.text[i];
    }
    value->type = TOML_FLOAT;
    value->real = strtod(plain, NULL);
    return 0;
}

static bool scan_special_float(struct toml_text token, struct toml_value *value)
{
    struct toml_text name = skip_sign(token);
    double real;

    if (text_is(name, "inf"))
        real = INFINITY;
    else if (text_is(name, "nan"))
        real = NAN;
    else
        return false;
    value->type = TOML_FLOAT;
    value->real = token.text[0] == '-' ? -real : real;
    return true;
}

/* ---- all of them ---- */

static bool is_token(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("+-_.:", c);
}

/* Four digits and '-', or two and ':'. */
static bool is_date(struct toml_text token)
{
    size_t n = 0;

    while (n < token.len && is_digit(token.text[n]))
        n++;
    return token.len >= 5 && ((n == 4 && token.text[4] == '-') || (n == 2 && token.text[2] == ':'));
}

/* The text up to the next character that no scalar contains; a date takes a time behind one space along. */
static struct toml_text take_token(struct toml_parser *t)
{
    const char *p = t->p;

    while (p < t->end && *p && is_token(*p))
        p++;
    if (p - t->p == 10 && is_date((struct toml_text){t->p, 10}) && t->end - p > 1 && *p == ' ' && is_digit(p[1])) {
        p++;
        while (p < t->end && *p && is_token(*p))
            p++;
    }
    return (struct toml_text){t->p, (size_t)(p - t->p)};
}

int toml_scan_scalar(struct toml_parser *t, struct toml_value *value)
{
    struct toml_text token = take_token(t);
    int r = 0;

    if (token.len == 0)
        return toml_fail(t, "a value is expected");
    if (text_is(token, "true") || text_is(token, "false")) {
        value->type = TOML_BOOLEAN;
        value->boolean = token.text[0] == 't';
    } else if (is_date(token)) {
        r = toml_scan_datetime(t, token, value);
    } else if (!scan_special_float(token, value)) {
        bool real = integer_base(token) == 10 && (memchr(token.text, '.', token.len) || memchr(token.text, 'e', token.len) ||
                                                  memchr(token.text, 'E', token.len));
        r = real ? scan_float(t, token, value) : scan_integer(t, token, value);
    }
    if (r == 0)
        t->p += token.len;
    return r;
}
