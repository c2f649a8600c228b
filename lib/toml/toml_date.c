/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times of a TOML document: checked against RFC 3339, kept as text. */
#include "toml/toml_impl.h"

/* Reads two or four digits; -1 when they are not there or outside min..max. */
static int take_number(const char **p, const char *end, size_t n_digits, int min, int max)
{
    int sum = 0;

    if ((size_t)(end - *p) < n_digits)
        return -1;
    for (size_t i = 0; i < n_digits; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        sum = sum * 10 + (**p - '0');
    }
    return sum >= min && sum <= max ? sum : -1;
}

static bool take_char(const char **p, const char *end, char c)
{
    if (*p == end || **p != c)
        return false;
    (*p)++;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **p, const char *end)
{
    int year = take_number(p, end, 4, 0, 9999);
    if (year < 0 || !take_char(p, end, '-'))
        return false;
    int month = take_number(p, end, 2, 1, 12);
    if (month < 0 || !take_char(p, end, '-'))
        return false;
    return take_number(p, end, 2, 1, days_of_month(year, month)) > 0;
}

static bool take_time(const char **p, const char *end)
{
    if (take_number(p, end, 2, 0, 23) < 0 || !take_char(p, end, ':') || take_number(p, end, 2, 0, 59) < 0 ||
        !take_char(p, end, ':') || take_number(p, end, 2, 0, 60) < 0)
        return false;
    if (!take_char(p, end, '.'))
        return true;
    const char *fraction = *p;
    while (*p < end && **p >= '0' && **p <= '9')
        (*p)++;
    return *p > fraction;
}

/* Nothing, Z, or +HH:MM. */
static bool take_offset(const char **p, const char *end)
{
    if (*p == end || take_char(p, end, 'Z') || take_char(p, end, 'z'))
        return true;
    if (!take_char(p, end, '+') && !take_char(p, end, '-'))
        return false;
    return take_number(p, end, 2, 0, 23) >= 0 && take_char(p, end, ':') && take_number(p, end, 2, 0, 59) >= 0;
}

static bool is_datetime(const char *p, const char *end)
{
    if (p[2] == ':')
        return take_time(&p, end) && p == end;
    if (!take_date(&p, end))
        return false;
    if (p == end)
        return true;
    if (!take_char(&p, end, 'T') && !take_char(&p, end, 't') && !take_char(&p, end, ' '))
        return false;
    return take_time(&p, end) && take_offset(&p, end) && p == end;
}

int toml_scan_datetime(struct toml_parser *t, struct toml_text token, struct toml_value *value)
{
    if (!is_datetime(token.text, token.text + token.len))
        return toml_fail(t, "'%.*s' is not a date or time", token.len > 64 ? 64 : (int)token.len, token.text);

    char *text = arena_strndup(t->arena, token.text, token.len);
    if (!text)
        return toml_no_room(t);
    value->type = TOML_DATETIME;
    value->string.text = text;
    value->string.len = token.len;
    return 0;
}
