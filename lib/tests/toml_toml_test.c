/* SPDX-License-Identifier: Apache-2.0 */
/* The TOML reader: what it reads, what it refuses and where, its limits and getters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "toml/toml.h"

#define BUDGET (8 * 1024 * 1024)

#define CHECK(label, condition)                                                                                                \
    do {                                                                                                                       \
        if (!(condition))                                                                                                      \
            fail_msg("%s: %s", (label), #condition);                                                                           \
    } while (0)

/* Parses a copy of exactly len bytes, so that a read past the end is seen by a memory checker. */
static int parse_bytes(struct arena *a, const char *text, size_t len, const struct toml_value **ret, struct error *err)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    int r = toml_parse(a, copy, len, ret, err);
    free(copy);
    return r;
}

static int parse(struct arena *a, const char *text, const struct toml_value **ret, struct error *err)
{
    return parse_bytes(a, text, strlen(text), ret, err);
}

static const struct toml_value *parse_ok(struct arena *a, const char *text)
{
    const struct toml_value *root = NULL;
    struct error err = {0};

    if (parse(a, text, &root, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return root;
}

/* Canonical text of a value, so that a row can state a whole tree. */
static void show(const struct toml_value *value, struct buf *out)
{
    switch (value->type) {
    case TOML_STRING:
        buf_printf(out, "'%s'", value->string.text);
        break;
    case TOML_DATETIME:
        buf_printf(out, "<%s>", value->string.text);
        break;
    case TOML_INTEGER:
        buf_printf(out, "%lld", (long long)value->integer);
        break;
    case TOML_FLOAT:
        buf_printf(out, "~%g", value->real);
        break;
    case TOML_BOOLEAN:
        buf_append_str(out, value->boolean ? "yes" : "no");
        break;
    default:
        buf_append_str(out, value->type == TOML_ARRAY ? "[" : "{");
        for (const struct toml_value *item = value->items.first; item; item = item->next) {
            if (item != value->items.first)
                buf_append_str(out, " ");
            if (value->type == TOML_TABLE)
                buf_printf(out, "%s=", item->key);
            show(item, out);
        }
        buf_append_str(out, value->type == TOML_ARRAY ? "]" : "}");
    }
}

static void documents_are_read(void **state)
{
    static const struct {
        const char *text, *tree;
    } rows[] = {
        {"", "{}"},
        {"\xef\xbb\xbf"
         "a = 1",
         "{a=1}"},
        {"# only a comment", "{}"},
        {"# tab\tand \xc3\xa9 in it\r\n\r\n \t a = 1 # end\r\nb=2", "{a=1 b=2}"},
        {"a = 1\na2 = 2\n-_Z9 = 3\n1 = 4", "{a=1 a2=2 -_Z9=3 1=4}"},
        {"\"q k\" = 1\n'l.k' = 2\n\"\" = 3\n\"\\u0041\" = 4", "{q k=1 l.k=2 =3 A=4}"},
        {"a.b.c = 1\na . \"b\" . d = 2", "{a={b={c=1 d=2}}}"},
        {"a = true\nb = false", "{a=yes b=no}"},
        /* integers */
        {"a = 0\nb = +0\nc = -0\nd = 42\ne = +17\nf = -17", "{a=0 b=0 c=0 d=42 e=17 f=-17}"},
        {"a = 1_000\nb = 1_2_3\nc = 9223372036854775807\nd = -9223372036854775808",
         "{a=1000 b=123 c=9223372036854775807 d=-9223372036854775808}"},
        {"a = 0xDEAD_beef\nb = 0o755\nc = 0b1010\nd = 0x00f\ne = 0xe1\nf = 0xAF", "{a=3735928559 b=493 c=10 d=15 e=225 f=175}"},
        /* floats */
        {"a = 1.5\nb = -0.25\nc = 5e+2\nd = 1E-1\ne = 6.5e1\nf = 1_0.2_5\ng = 1e01\nh = 1.5e-3",
         "{a=~1.5 b=~-0.25 c=~500 d=~0.1 e=~65 f=~10.25 g=~10 h=~0.0015}"},
        {"a = inf\nb = +inf\nc = -inf\nd = nan", "{a=~inf b=~inf c=~-inf d=~nan}"},
        /* dates and times */
        {"a = 1979-05-27T07:32:00Z\nb = 1979-05-27t00:32:00.999999-07:00\nc = 1979-05-27 07:32:00z",
         "{a=<1979-05-27T07:32:00Z> b=<1979-05-27t00:32:00.999999-07:00> c=<1979-05-27 07:32:00z>}"},
        {"a = 1979-05-27T07:32:00\nb = 1979-05-27 # date\nc = 07:32:00\nd = 23:59:60.509",
         "{a=<1979-05-27T07:32:00> b=<1979-05-27> c=<07:32:00> d=<23:59:60.509>}"},
        {"a = 2000-02-29\nb = 2024-02-29\nc = 2023-12-31T00:00:00+23:59\nd = 2023-12-31T00:00:00-00:59",
         "{a=<2000-02-29> b=<2024-02-29> c=<2023-12-31T00:00:00+23:59> d=<2023-12-31T00:00:00-00:59>}"},
        /* strings */
        {"a = \"\"\nb = ''\nc = \"x # y\"\nd = 'C:\\n'", "{a='' b='' c='x # y' d='C:\\n'}"},
        {"a = \"\\b\\t\\n\\f\\r\\\"\\\\\"", "{a='\b\t\n\f\r\"\\'}"},
        {"a = \"\\u00e9\\u20AC\\U0001F600\\u007f\\u0080\\u07ff\\u0800\\uffff\\U00010000\\U0010FFFF\"",
         "{a='\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf'"
         "}"},
        {"a = \"\xed\x9f\xbf\xee\x80\x80\xf1\x80\x80\x80\"", "{a='\xed\x9f\xbf\xee\x80\x80\xf1\x80\x80\x80'}"},
        {"a = \"\"\"\nx\ny\"\"\"", "{a='x\ny'}"},
        {"a = \"\"\"\r\nx\r\ny\"\"\"", "{a='x\ny'}"},
        {"a = \"\"\"x \\\n \t\n\r\n  y\"\"\"\nb = \"\"\"z\\  \nw\"\"\"", "{a='x y' b='zw'}"},
        {"a = \"\"\"\"q\"\"\"\nb = \"\"\"q\"\"\"\"\"\nc = \"\"\"a\"\"b\"\"\"\nd = \"\"\"\"\"\"",
         "{a='\"q' b='q\"\"' c='a\"\"b' d=''}"},
        {"a = '''\nx\\\n'y'''\nb = ''''''\nc = '''a'''''", "{a='x\\\n'y' b='' c='a'''}"},
        /* arrays and inline tables */
        {"a = []\nb = [1, 'x', [true]]\nc = [1, 2,]", "{a=[] b=[1 'x' [yes]] c=[1 2]}"},
        {"a = [ # c\n 1 # one\n , # comma\r\n\n 2\n]", "{a=[1 2]}"},
        {"a = {}\nb = { x = 1, y.z = 2, y.w = 3 }\nc = [{p=1}, {p=2}]", "{a={} b={x=1 y={z=2 w=3}} c=[{p=1} {p=2}]}"},
        /* tables */
        {"x = 0\n[a]\nb = 1\n[ c . \"d\" ] # end\ne = 2\n[a.f]\ng = 3", "{x=0 a={b=1 f={g=3}} c={d={e=2}}}"},
        {"[a.b]\nx = 1\n[a]\ny = 2", "{a={b={x=1} y=2}}"},
        {"[a.b.c]\nx=1\n[a]\nb.y = 2", "{a={b={c={x=1} y=2}}}"},
        {"[a]\nb.c = 1\nb.d.e = 2\n[a.b.f]\ng = 3", "{a={b={c=1 d={e=2} f={g=3}}}}"},
        {"[[a]]\nx = 1\n[[ a ]]\n[a.b]\ny = 2\n[[a.c]]\n[[a.c]]\nz = 3", "{a=[{x=1} {b={y=2} c=[{} {z=3}]}]}"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        _buf_ struct buf out = BUF_INIT(65536);
        show(parse_ok(a, row->text), &out);
        CHECK(row->text, strcmp(out.data, row->tree) == 0 || (fprintf(stderr, "got %s\n", out.data), false));
    }
}

static void bad_documents_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"a", "line 1, column 2: '=' is expected behind the key 'a'"},
        {"a = 1\n  = 2", "line 2, column 3: a key is expected"},
        {"a. = 1", "line 1, column 4: a key is expected"},
        {"a = ", "line 1, column 5: a value is expected"},
        {"a = 1 2", "line 1, column 7: the line should end here"},
        {"a = 1 b = 2", "line 1, column 7: the line should end here"},
        {"\xc3\xa9 = 1", "line 1, column 1: a key is expected"},
        {"'\xc3\xa9' = ?", "line 1, column 7: a value is expected"},
        {"a = 1\r", "line 1, column 6: the line should end here"},
        {"# \x01", "line 1, column 3: control character 0x01 is not allowed"},
        {"# \x7f", "line 1, column 3: control character 0x7f is not allowed"},
        {"# x\ry", "line 1, column 4: control character 0x0d is not allowed"},
        {"a = 1 # \x02", "line 1, column 9: control character 0x02 is not allowed"},
        {"a = [ # \x02\n]", "line 1, column 9: control character 0x02 is not allowed"},
        {"a = [1 # \x02\n]", "line 1, column 10: control character 0x02 is not allowed"},
        {"\"\"\"a\"\"\" = 1", "line 1, column 1: a multi-line string is not allowed here"},
        /* duplicates */
        {"a = 1\na = 2", "line 2, column 3: 'a' is already defined in line 1"},
        {"a = 1\n\"\\u0061\" = 2", "line 2, column 10: 'a' is already defined in line 1"},
        {"a = 1\na.b = 2", "line 2, column 5: 'a' is already defined in line 1"},
        {"a.b = 1\na = 2", "line 2, column 3: 'a' is already defined in line 1"},
        {"[a]\n[b]\n[a]", "line 3, column 4: 'a' is already defined in line 1"},
        {"a = 1\n[a]", "line 2, column 4: 'a' is already defined in line 1"},
        {"a = 1\n[a.b]", "line 2, column 5: 'a' is already defined in line 1"},
        {"a = {}\n[a.b]", "line 2, column 5: 'a' is already defined in line 1"},
        {"a = {}\na.b = 1", "line 2, column 5: 'a' is already defined in line 1"},
        {"a = [{}]\n[[a]]", "line 2, column 6: 'a' is already defined in line 1"},
        {"[a]\n[[a]]", "line 2, column 6: 'a' is already defined in line 1"},
        {"[[a]]\n[a]", "line 2, column 4: 'a' is already defined in line 1"},
        {"a.b = 1\n[a]", "line 2, column 4: 'a' is already defined in line 1"},
        {"[a.b]\n[a]\nb.c = 1", "line 3, column 5: 'b' is already defined in line 1"},
        {"[a.b]\n[a]\n[a]", "line 3, column 4: 'a' is already defined in line 2"},
        {"[[a.b]]\n[a]\nb.c = 1", "line 3, column 5: 'b' is already defined in line 1"},
        {"[a.b.c]\n[a]\nb.d = 1\n[a.b]", "line 4, column 6: 'b' is already defined in line 1"},
        {"a = { b = 1, b = 2 }", "line 1, column 16: 'b' is already defined in line 1"},
        {"a = { b = {}, b.c = 2 }", "line 1, column 19: 'b' is already defined in line 1"},
        /* headers */
        {"[a", "line 1, column 3: ']' is expected behind the table name"},
        {"[]", "line 1, column 2: a key is expected"},
        {"[[a]", "line 1, column 4: ']]' is expected behind the table name"},
        {"[a]]", "line 1, column 4: the line should end here"},
        {"[a] b = 1", "line 1, column 5: the line should end here"},
        /* arrays and inline tables */
        {"a = [1 2]", "line 1, column 8: ',' or ']' is expected in an array"},
        {"a = [,]", "line 1, column 6: a value is expected"},
        {"a = [1,", "line 1, column 8: a value is expected"},
        {"a = [1", "line 1, column 7: ',' or ']' is expected in an array"},
        {"a = {b = 1,}", "line 1, column 12: a key is expected"},
        {"a = {b = 1 c = 2}", "line 1, column 12: ',' or '}' is expected in an inline table"},
        {"a = {b = 1\n}", "line 1, column 11: ',' or '}' is expected in an inline table"},
        {"a = {", "line 1, column 6: a key is expected"},
        {"a = {b = ?}", "line 1, column 10: a value is expected"},
        /* strings */
        {"a = \"x", "line 1, column 7: the string is not closed"},
        {"a = 'x\n'", "line 1, column 7: line end in a one-line string"},
        {"a = \"x\r\n\"", "line 1, column 7: line end in a one-line string"},
        {"a = \"x\ry\"", "line 1, column 7: control character 0x0d is not allowed"},
        {"a = \"\x1f\"", "line 1, column 6: control character 0x1f is not allowed"},
        {"a = \"\"\"x\n\ny", "line 3, column 2: the string is not closed"},
        {"a = \"\"\"x\"\"\"\"\"\"", "line 1, column 14: the line should end here"},
        {"a = \"\\x41\"", "line 1, column 7: unknown escape sequence"},
        {"a = \"\\", "line 1, column 7: unknown escape sequence"},
        {"a = \"\\ \n\"", "line 1, column 7: unknown escape sequence"},
        {"a = \"\"\"\\ x\"\"\"", "line 1, column 9: unknown escape sequence"},
        {"a = \"\\u12g4\"", "line 1, column 10: 4 hexadecimal digits expected"},
        {"a = \"\\U0001F60", "line 1, column 15: 8 hexadecimal digits expected"},
        {"a = \"\\ud800\"", "line 1, column 12: U+D800 is not a character"},
        {"a = \"\\uDFFF\"", "line 1, column 12: U+DFFF is not a character"},
        {"a = \"\\U00110000\"", "line 1, column 16: U+110000 is not a character"},
        /* integers and floats */
        {"a = 01", "line 1, column 5: '01' has a leading zero"},
        {"a = -0_1", "line 1, column 5: '-0_1' has a leading zero"},
        {"a = 1__0", "line 1, column 5: '1__0' is not a value"},
        {"a = _1", "line 1, column 5: '_1' is not a value"},
        {"a = 1_", "line 1, column 5: '1_' is not a value"},
        {"a = +", "line 1, column 5: '+' is not a value"},
        {"a = 0x", "line 1, column 5: '0x' is not a value"},
        {"a = 0x_1", "line 1, column 5: '0x_1' is not a value"},
        {"a = +0x1", "line 1, column 5: '+0x1' is not a value"},
        {"a = 0o8", "line 1, column 5: '0o8' is not a value"},
        {"a = 0b2", "line 1, column 5: '0b2' is not a value"},
        {"a = 0xg", "line 1, column 5: '0xg' is not a value"},
        {"a = 0z1", "line 1, column 5: '0z1' is not a value"},
        {"a = 9223372036854775808", "line 1, column 5: '9223372036854775808' does not fit into 64 bits"},
        {"a = -9223372036854775809", "line 1, column 5: '-9223372036854775809' does not fit into 64 bits"},
        {"a = 18446744073709551616", "line 1, column 5: '18446744073709551616' does not fit into 64 bits"},
        {"a = 0x1_0000_0000_0000_0000", "line 1, column 5: '0x1_0000_0000_0000_0000' does not fit into 64 bits"},
        {"a = 1.", "line 1, column 5: '1.' is not a value"},
        {"a = .5", "line 1, column 5: '.5' is not a value"},
        {"a = 01.5", "line 1, column 5: '01.5' is not a value"},
        {"a = 1.5.2", "line 1, column 5: '1.5.2' is not a value"},
        {"a = 1e", "line 1, column 5: '1e' is not a value"},
        {"a = 1e_1", "line 1, column 5: '1e_1' is not a value"},
        {"a = 1.e5", "line 1, column 5: '1.e5' is not a value"},
        {"a = 1_.5", "line 1, column 5: '1_.5' is not a value"},
        {"a = truE", "line 1, column 5: 'truE' is not a value"},
        {"a = Inf", "line 1, column 5: 'Inf' is not a value"},
        {"a = treu", "line 1, column 5: 'treu' is not a value"},
        {"a = 123456789_123456789_123456789_123456789_123456789_123456789_123456789z",
         "line 1, column 5: '123456789_123456789_123456789_123456789_123456789_123456789_1234' is not a value"},
        /* dates and times */
        {"a = 1979-13-01", "line 1, column 5: '1979-13-01' is not a date or time"},
        {"a = 1979-00-01", "line 1, column 5: '1979-00-01' is not a date or time"},
        {"a = 1979-01-00", "line 1, column 5: '1979-01-00' is not a date or time"},
        {"a = 1979-04-31", "line 1, column 5: '1979-04-31' is not a date or time"},
        {"a = 1900-02-29", "line 1, column 5: '1900-02-29' is not a date or time"},
        {"a = 2023-02-29", "line 1, column 5: '2023-02-29' is not a date or time"},
        {"a = 1979-1-01", "line 1, column 5: '1979-1-01' is not a date or time"},
        {"a = 1979-01", "line 1, column 5: '1979-01' is not a date or time"},
        {"a = 1979-01-0", "line 1, column 5: '1979-01-0' is not a date or time"},
        {"a = 1979-01-01x07:32:00", "line 1, column 5: '1979-01-01x07:32:00' is not a date or time"},
        {"a = 1979-01-01T24:00:00", "line 1, column 5: '1979-01-01T24:00:00' is not a date or time"},
        {"a = 1979-01-01T07:60:00", "line 1, column 5: '1979-01-01T07:60:00' is not a date or time"},
        {"a = 1979-01-01 07:32", "line 1, column 5: '1979-01-01 07:32' is not a date or time"},
        {"a = 1979-01-01T07:32:00+24:00", "line 1, column 5: '1979-01-01T07:32:00+24:00' is not a date or time"},
        {"a = 1979-01-01T07:32:00+0100", "line 1, column 5: '1979-01-01T07:32:00+0100' is not a date or time"},
        {"a = 1979-01-01T07:32:00Zx", "line 1, column 5: '1979-01-01T07:32:00Zx' is not a date or time"},
        {"a = 1979-01-01T07:32:00x", "line 1, column 5: '1979-01-01T07:32:00x' is not a date or time"},
        {"a = 07:32", "line 1, column 5: '07:32' is not a date or time"},
        {"a = 07:32:61", "line 1, column 5: '07:32:61' is not a date or time"},
        {"a = 07:32:", "line 1, column 5: '07:32:' is not a date or time"},
        {"a = 07:0::00", "line 1, column 5: '07:0::00' is not a date or time"},
        {"a = 07:1-:00", "line 1, column 5: '07:1-:00' is not a date or time"},
        {"a = 07:32:00.5x", "line 1, column 5: '07:32:00.5x' is not a date or time"},
        {"a = 1979-01-", "line 1, column 5: '1979-01-' is not a date or time"},
        {"a = 1979-01-01T07:32:00+01:", "line 1, column 5: '1979-01-01T07:32:00+01:' is not a date or time"},
        {"a = 07:32:00.", "line 1, column 5: '07:32:00.' is not a date or time"},
        {"a = 07:32:00Z", "line 1, column 5: '07:32:00Z' is not a date or time"},
        {"a = 1979-01-01  07:32:00", "line 1, column 17: the line should end here"},
        /* UTF-8 */
        {"a = 1\nb = '\x80'", "line 2, column 6: byte 0x80 is not part of UTF-8 text"},
        {"# \xc0\xaf", "line 1, column 3: byte 0xc0 is not part of UTF-8 text"},
        {"# \xe0\x9f\xbf", "line 1, column 3: byte 0xe0 is not part of UTF-8 text"},
        {"# \xed\xa0\x80", "line 1, column 3: byte 0xed is not part of UTF-8 text"},
        {"# \xf0\x8f\xbf\xbf", "line 1, column 3: byte 0xf0 is not part of UTF-8 text"},
        {"# \xf4\x90\x80\x80", "line 1, column 3: byte 0xf4 is not part of UTF-8 text"},
        {"# \xf5\x80\x80\x80", "line 1, column 3: byte 0xf5 is not part of UTF-8 text"},
        {"# \xe2\x82", "line 1, column 3: byte 0xe2 is not part of UTF-8 text"},
        {"# \xe2\x82x", "line 1, column 3: byte 0xe2 is not part of UTF-8 text"},
        {"# \xf1\x80\x80x", "line 1, column 3: byte 0xf1 is not part of UTF-8 text"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        const struct toml_value *root = NULL;
        struct error err = {0};
        CHECK(row->text, parse(a, row->text, &root, &err) == -EINVAL);
        CHECK(row->text, root == NULL && err.status == STATUS_INVALID_ARGUMENT);
        CHECK(row->text, strcmp(err.text, row->error) == 0 || (fprintf(stderr, "got %s\n", err.text), false));
    }
}

static void every_prefix_of_a_document_is_read_or_refused(void **state)
{
    static const char text[] =
        "a = \"\"\"x\\\n y\\u00e9\"\"\"\n[b.'c']\nd = [1, {e = 1979-05-27 07:32:00.5Z}, 0x1F, -1.5e+3]\n[[f]]\ng=inf\r\n";
    (void)state;

    for (size_t len = 0; len < sizeof(text); len++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        const struct toml_value *root = NULL;
        struct error err = {0};
        int r = parse_bytes(a, text, len, &root, &err);
        assert_true(r == 0 ? root != NULL : err.errnum == EINVAL && root == NULL);
    }
}

/* ---- limits ---- */

static void repeat(struct buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_append_str(b, text);
}

static void nesting_is_limited(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf text = BUF_INIT(65536);
    const struct toml_value *root;
    struct error err = {0};
    (void)state;

    buf_append_str(&text, "a = ");
    repeat(&text, "[", TOML_DEPTH_MAX);
    repeat(&text, "]", TOML_DEPTH_MAX);
    assert_int_equal(parse(a, text.data, &root, NULL), 0);

    text.len = 0;
    buf_append_str(&text, "a = [");
    repeat(&text, "[],", TOML_DEPTH_MAX * 2); /* neighbours do not add up */
    buf_append_str(&text, "]");
    assert_int_equal(parse(a, text.data, &root, NULL), 0);

    text.len = 0;
    buf_append_str(&text, "a = ");
    repeat(&text, "[{b=", TOML_DEPTH_MAX);
    assert_int_equal(parse(a, text.data, &root, &err), -EINVAL);
    assert_string_equal(err.text, "line 1, column 69: more than 32 arrays and tables inside one another");
}

static void key_parts_are_limited(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf text = BUF_INIT(65536);
    const struct toml_value *root;
    struct error err = {0};
    (void)state;

    repeat(&text, "a.", TOML_KEY_PARTS_MAX - 1);
    buf_append_str(&text, "a = 1");
    assert_int_equal(parse(a, text.data, &root, NULL), 0);

    text.len = 0;
    repeat(&text, "a.", TOML_KEY_PARTS_MAX);
    buf_append_str(&text, "a = 1");
    assert_int_equal(parse(a, text.data, &root, &err), -EINVAL);
    assert_string_equal(err.text, "line 1, column 65: a key has more than 32 parts");
}

static void keys_of_one_table_are_limited(void **state)
{
    static const char *const forms[] = {"k%zu = 1\n", "k%zu.x = 1\n", "[k%zu]\n", "[k%zu.x]\n", "[[k%zu]]\n"};
    (void)state;

    FOR_ROWS (form, forms) {
        _arena_ struct arena *a = arena_new(BUDGET);
        _buf_ struct buf text = BUF_INIT(65536);
        const struct toml_value *root;
        struct error err = {0};
        char line[32];

        for (size_t i = 0; i < TOML_MEMBERS_MAX; i++) {
            snprintf(line, sizeof(line), *form, i);
            buf_append_str(&text, line);
        }
        CHECK(*form, parse(a, text.data, &root, NULL) == 0);
        snprintf(line, sizeof(line), *form, (size_t)TOML_MEMBERS_MAX);
        buf_append_str(&text, line);
        CHECK(*form, parse(a, text.data, &root, &err) == -EINVAL);
        CHECK(*form, strstr(err.text, "line 1025, ") && strstr(err.text, ": a table has more than 1024 keys"));
    }
}

static void size_is_limited(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf text = BUF_INIT(TOML_TEXT_MAX + 1);
    const struct toml_value *root;
    struct error err = {0};
    (void)state;

    repeat(&text, "\n", TOML_TEXT_MAX);
    assert_int_equal(parse(a, text.data, &root, NULL), 0);
    repeat(&text, "\n", 1);
    assert_int_equal(parse(a, text.data, &root, &err), -EINVAL);
    assert_string_equal(err.text, "the document has 262145 bytes, more than 262144");
}

/* Whatever allocation the budget refuses: no crash, no result, and the caller is told. */
static void a_used_up_budget_is_reported(void **state)
{
    static const char text[] =
        "a.b = 1.5\n'k' = \"s\"\nd = 1979-05-27\n[t.u]\nbare = [1]\n[[v.w]]\nx = {y = 1}\n[[v.w]]\n[z]\n";
    size_t refused = 0;
    (void)state;

    for (size_t waste = 0; waste <= 2048; waste += 16) {
        _arena_ struct arena *a = arena_new(2048);
        const struct toml_value *root = NULL;
        struct error err = {0};

        arena_alloc(a, waste);
        int r = parse(a, text, &root, &err);
        if (r == 0)
            continue;
        refused++;
        assert_int_equal(r, -ENOBUFS);
        assert_null(root);
        assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
        assert_non_null(strstr(err.text, ": the document needs too much memory"));
    }
    assert_true(refused > 10);
}

/* ---- look-ups ---- */

static const char sample[] = "s = 'text'\nn = \"a\\u0000b\"\ni = 7\nf = 1.5\nb = true\nd = 07:32:00\na = [1, 2]\n"
                             "[t]\n's.x' = 1\nu.v = 'deep'\n";

static void values_are_found_by_dotted_path(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    const struct toml_value *root = parse_ok(a, sample);
    (void)state;

    assert_string_equal(toml_find(root, "t.u.v")->string.text, "deep");
    assert_int_equal(toml_find(root, "t.u.v")->line, 10);
    assert_int_equal(toml_find(root, "t")->line, 8);
    assert_null(toml_find(root, "t.u.v.w"));
    assert_null(toml_find(root, "t.x"));
    assert_null(toml_find(root, ""));
    assert_null(toml_find(root, "t.s.x"));
    assert_int_equal(toml_member(toml_find(root, "t"), "s.x", 3)->integer, 1);
    assert_null(toml_member(toml_find(root, "a"), "1", 1));
}

static void getters_give_values_of_their_type(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    const struct toml_value *root = parse_ok(a, sample), *value = NULL;
    const char *text = NULL;
    int64_t integer = 0;
    double real = 0;
    bool boolean = false;
    (void)state;

    assert_int_equal(toml_get_string(root, "s", &text, NULL), 1);
    assert_string_equal(text, "text");
    assert_int_equal(toml_get_integer(root, "i", &integer, NULL), 1);
    assert_int_equal(integer, 7);
    assert_int_equal(toml_get_float(root, "f", &real, NULL), 1);
    assert_true(real == 1.5);
    assert_int_equal(toml_get_float(root, "i", &real, NULL), 1);
    assert_true(real == 7);
    assert_int_equal(toml_get_bool(root, "b", &boolean, NULL), 1);
    assert_true(boolean);
    assert_int_equal(toml_get_array(root, "a", &value, NULL), 1);
    assert_int_equal(value->items.n, 2);
    assert_int_equal(toml_get_table(root, "t.u", &value, NULL), 1);
    assert_int_equal(value->items.n, 1);
}

static void getters_leave_absent_values_alone(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    const struct toml_value *root = parse_ok(a, sample), *value = NULL;
    const char *text = "before";
    int64_t integer = 5;
    double real = 5;
    bool boolean = true;
    (void)state;

    assert_int_equal(toml_get_string(root, "none", &text, NULL), 0);
    assert_int_equal(toml_get_integer(root, "none", &integer, NULL), 0);
    assert_int_equal(toml_get_float(root, "none", &real, NULL), 0);
    assert_int_equal(toml_get_bool(root, "none", &boolean, NULL), 0);
    assert_int_equal(toml_get_array(root, "none", &value, NULL), 0);
    assert_int_equal(toml_get_table(root, "none", &value, NULL), 0);
    assert_string_equal(text, "before");
    assert_true(integer == 5 && real == 5 && boolean && !value);
}

static void getters_name_key_line_and_type_found(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    const struct toml_value *root = parse_ok(a, sample), *value = NULL;
    const char *text = NULL;
    int64_t integer = 5;
    double real = 5;
    bool boolean = false;
    struct error err = {0};
    (void)state;

    assert_int_equal(toml_get_string(root, "i", &text, &err), -EINVAL);
    assert_string_equal(err.text, "i (line 3): expected a string, found an integer");
    assert_int_equal(toml_get_string(root, "n", &text, &err), -EINVAL);
    assert_string_equal(err.text, "n (line 2): the string holds a NUL character");
    assert_int_equal(toml_get_integer(root, "f", &integer, &err), -EINVAL);
    assert_string_equal(err.text, "f (line 4): expected an integer, found a float");
    assert_int_equal(toml_get_float(root, "d", &real, &err), -EINVAL);
    assert_string_equal(err.text, "d (line 6): expected a float, found a date or time");
    assert_int_equal(toml_get_bool(root, "s", &boolean, &err), -EINVAL);
    assert_string_equal(err.text, "s (line 1): expected a boolean, found a string");
    assert_int_equal(toml_get_array(root, "t.u", &value, &err), -EINVAL);
    assert_string_equal(err.text, "t.u (line 10): expected an array, found a table");
    assert_int_equal(toml_get_table(root, "a", &value, &err), -EINVAL);
    assert_string_equal(err.text, "a (line 7): expected a table, found an array");
    assert_int_equal(toml_get_table(root, "b", &value, &err), -EINVAL);
    assert_string_equal(err.text, "b (line 5): expected a table, found a boolean");
    assert_true(!text && integer == 5 && real == 5 && !boolean && !value);
}

/* Years that tell leap years from others in each way. */
static void months_end_with_their_last_day(void **state)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const struct {
        int year, february;
    } rows[] = {{1900, 28}, {2000, 29}, {2001, 28}, {2019, 28}, {2024, 29}, {2100, 28}, {2400, 29}, {9996, 29}};
    (void)state;

    FOR_ROWS (row, rows) {
        for (int month = 1; month <= 12; month++) {
            int last = month == 2 ? row->february : days[month - 1];
            for (int day = 0; day <= 32; day++) {
                _arena_ struct arena *a = arena_new(65536);
                const struct toml_value *root;
                struct error err;
                char text[32];
                int len = snprintf(text, sizeof(text), "a = %04d-%02d-%02d", row->year, month, day);
                int r = toml_parse(a, text, (size_t)len, &root, &err);
                if ((r == 0) != (day >= 1 && day <= last))
                    fail_msg("%s: %d", text, r);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(months_end_with_their_last_day),
        cmocka_unit_test(bad_documents_are_refused_with_their_place),
        cmocka_unit_test(every_prefix_of_a_document_is_read_or_refused),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(key_parts_are_limited),
        cmocka_unit_test(keys_of_one_table_are_limited),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(a_used_up_budget_is_reported),
        cmocka_unit_test(values_are_found_by_dotted_path),
        cmocka_unit_test(getters_give_values_of_their_type),
        cmocka_unit_test(getters_leave_absent_values_alone),
        cmocka_unit_test(getters_name_key_line_and_type_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
