/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, tables and arrays of a TOML document. */
#include "toml/toml_impl.h"

#include <errno.h>
#include <string.h>

struct toml_key {
    struct toml_text parts[TOML_KEY_PARTS_MAX];
    size_t n;
};

static int parse_value(struct toml_parser *t, struct toml_value *value);

/* ---- tree ---- */

static struct toml_value *value_new(struct toml_parser *t, enum toml_type type, enum toml_origin origin)
{
    struct toml_value *value = arena_alloc(t->arena, sizeof(*value));
    if (!value)
        return NULL;
    value->type = type;
    value->origin = origin;
    value->line = t->line;
    return value;
}

static void items_append(struct toml_value *parent, struct toml_value *item)
{
    if (parent->items.last)
        parent->items.last->next = item;
    else
        parent->items.first = item;
    parent->items.last = item;
    parent->items.n++;
}

static struct toml_value *member(const struct toml_value *table, const struct toml_text *name)
{
    return (struct toml_value *)toml_member(table, name->text, name->len);
}

static int fail_duplicate(const struct toml_parser *t, const struct toml_text *name, const struct toml_value *first)
{
    return toml_fail(t, "'%s' is already defined in line %u", name->text, first->line);
}

static int table_add(struct toml_parser *t, struct toml_value *table, const struct toml_text *name, struct toml_value *value)
{
    if (!value)
        return toml_no_room(t);
    if (table->items.n >= TOML_MEMBERS_MAX)
        return toml_fail(t, "a table has more than %d keys", TOML_MEMBERS_MAX);
    value->key = name->text;
    value->key_len = name->len;
    items_append(table, value);
    return 0;
}

/* ---- keys ---- */

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int parse_key_part(struct toml_parser *t, struct toml_text *ret)
{
    const char *start = t->p;

    if (toml_at(t, '"') || toml_at(t, '\''))
        return toml_scan_string(t, false, ret);
    while (t->p < t->end && is_bare(*t->p))
        t->p++;
    if (t->p == start)
        return toml_fail(t, "a key is expected");
    ret->len = (size_t)(t->p - start);
    ret->text = arena_strndup(t->arena, start, ret->len);
    return ret->text ? 0 : toml_no_room(t);
}

static int parse_key(struct toml_parser *t, struct toml_key *key)
{
    for (key->n = 0;; t->p++) {
        if (key->n == TOML_KEY_PARTS_MAX)
            return toml_fail(t, "a key has more than %d parts", TOML_KEY_PARTS_MAX);
        toml_skip_blanks(t);
        int r = parse_key_part(t, &key->parts[key->n++]);
        if (r < 0)
            return r;
        toml_skip_blanks(t);
        if (!toml_at(t, '.'))
            return 0;
    }
}

/* The table in which the last part of a dotted key goes. Only tables that dotted keys or longer headers made can be entered:
 * others are complete. */
static int enter_dotted(struct toml_parser *t, const struct toml_key *key, struct toml_value **table)
{
    for (size_t i = 0; i + 1 < key->n; i++) {
        struct toml_value *next = member(*table, &key->parts[i]);
        if (next && (next->type != TOML_TABLE || next->origin == TOML_CLOSED || next->origin == TOML_HEADER))
            return fail_duplicate(t, &key->parts[i], next);
        if (!next) {
            next = value_new(t, TOML_TABLE, TOML_DOTTED);
            int r = table_add(t, *table, &key->parts[i], next);
            if (r < 0)
                return r;
        }
        next->origin = TOML_DOTTED;
        *table = next;
    }
    return 0;
}

static int parse_pair(struct toml_parser *t, struct toml_value *table)
{
    struct toml_key key;
    int r = parse_key(t, &key);
    if (r < 0)
        return r;
    const struct toml_text *last = &key.parts[key.n - 1];

    r = enter_dotted(t, &key, &table);
    if (r < 0)
        return r;
    const struct toml_value *first = member(table, last);
    if (first)
        return fail_duplicate(t, last, first);
    if (!toml_at(t, '='))
        return toml_fail(t, "'=' is expected behind the key '%s'", last->text);
    t->p++;
    toml_skip_blanks(t);

    struct toml_value *value = value_new(t, TOML_TABLE, TOML_CLOSED);
    r = table_add(t, table, last, value);
    return r < 0 ? r : parse_value(t, value);
}

/* ---- values ---- */

static int parse_array(struct toml_parser *t, struct toml_value *array)
{
    array->type = TOML_ARRAY;
    for (t->p++;; t->p++) {
        int r = toml_skip_lines(t);
        if (r < 0)
            return r;
        if (toml_at(t, ']'))
            break;
        struct toml_value *item = value_new(t, TOML_TABLE, TOML_CLOSED);
        if (!item)
            return toml_no_room(t);
        items_append(array, item);
        r = parse_value(t, item);
        if (r < 0)
            return r;
        r = toml_skip_lines(t);
        if (r < 0)
            return r;
        if (!toml_at(t, ','))
            break;
    }
    if (!toml_at(t, ']'))
        return toml_fail(t, "',' or ']' is expected in an array");
    t->p++;
    return 0;
}

static int parse_inline_table(struct toml_parser *t, struct toml_value *table)
{
    t->p++;
    toml_skip_blanks(t);
    if (toml_at(t, '}')) {
        t->p++;
        return 0;
    }
    for (;; t->p++) {
        int r = parse_pair(t, table);
        if (r < 0)
            return r;
        toml_skip_blanks(t);
        if (!toml_at(t, ','))
            break;
    }
    if (!toml_at(t, '}'))
        return toml_fail(t, "',' or '}' is expected in an inline table");
    t->p++;
    return 0;
}

static int parse_string(struct toml_parser *t, struct toml_value *value)
{
    struct toml_text text;
    int r = toml_scan_string(t, true, &text);
    if (r < 0)
        return r;
    value->type = TOML_STRING;
    value->string.text = text.text;
    value->string.len = text.len;
    return 0;
}

static int parse_value(struct toml_parser *t, struct toml_value *value)
{
    int r;

    if (toml_at(t, '"') || toml_at(t, '\''))
        return parse_string(t, value);
    if (!toml_at(t, '[') && !toml_at(t, '{'))
        return toml_scan_scalar(t, value);

    if (t->depth == TOML_DEPTH_MAX)
        return toml_fail(t, "more than %d arrays and tables inside one another", TOML_DEPTH_MAX);
    t->depth++;
    r = toml_at(t, '[') ? parse_array(t, value) : parse_inline_table(t, value);
    t->depth--;
    return r;
}

/* ---- headers ---- */

/* The table that contains the last part of a header's key; missing ones are implied, arrays of tables stand for their last
 * element. */
static int enter_header(struct toml_parser *t, const struct toml_key *key, struct toml_value **table)
{
    for (size_t i = 0; i + 1 < key->n; i++) {
        struct toml_value *next = member(*table, &key->parts[i]);
        if (next && next->origin == TOML_CLOSED)
            return fail_duplicate(t, &key->parts[i], next);
        if (!next) {
            next = value_new(t, TOML_TABLE, TOML_IMPLICIT);
            int r = table_add(t, *table, &key->parts[i], next);
            if (r < 0)
                return r;
        }
        *table = next->origin == TOML_ELEMENTS ? next->items.last : next;
    }
    return 0;
}

static int open_table(struct toml_parser *t, struct toml_value *parent, const struct toml_text *name,
                      struct toml_value **ret_table)
{
    struct toml_value *table = member(parent, name);

    if (table && table->origin != TOML_IMPLICIT)
        return fail_duplicate(t, name, table);
    if (!table) {
        table = value_new(t, TOML_TABLE, TOML_HEADER);
        int r = table_add(t, parent, name, table);
        if (r < 0)
            return r;
    }
    table->origin = TOML_HEADER;
    table->line = t->line;
    *ret_table = table;
    return 0;
}

static int open_element(struct toml_parser *t, struct toml_value *parent, const struct toml_text *name,
                        struct toml_value **ret_table)
{
    struct toml_value *array = member(parent, name);

    if (array && array->origin != TOML_ELEMENTS)
        return fail_duplicate(t, name, array);
    if (!array) {
        array = value_new(t, TOML_ARRAY, TOML_ELEMENTS);
        int r = table_add(t, parent, name, array);
        if (r < 0)
            return r;
    }
    struct toml_value *table = value_new(t, TOML_TABLE, TOML_HEADER);
    if (!table)
        return toml_no_room(t);
    items_append(array, table);
    *ret_table = table;
    return 0;
}

static int parse_header(struct toml_parser *t, struct toml_value *root, struct toml_value **current)
{
    bool element = toml_at_text(t, "[[");
    const char *close = element ? "]]" : "]";
    struct toml_value *parent = root;
    struct toml_key key;

    t->p += strlen(close);
    int r = parse_key(t, &key);
    if (r < 0)
        return r;
    if (!toml_at_text(t, close))
        return toml_fail(t, "'%s' is expected behind the table name", close);
    r = enter_header(t, &key, &parent);
    if (r < 0)
        return r;
    t->p += strlen(close);
    const struct toml_text *last = &key.parts[key.n - 1];
    return element ? open_element(t, parent, last, current) : open_table(t, parent, last, current);
}

/* ---- document ---- */

static int parse_document(struct toml_parser *t, struct toml_value *root)
{
    struct toml_value *current = root;

    for (;;) {
        int r = toml_skip_lines(t);
        if (r < 0 || t->p == t->end)
            return r;
        r = toml_at(t, '[') ? parse_header(t, root, &current) : parse_pair(t, current);
        if (r < 0)
            return r;
        r = toml_skip_comment(t);
        if (r < 0)
            return r;
        if (t->p < t->end && !toml_newline_len(t))
            return toml_fail(t, "the line should end here");
    }
}

int toml_parse(struct arena *a, const char *text, size_t len, const struct toml_value **ret_root, struct error *err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct toml_parser t = {
        .arena = a, .p = text, .end = text + len, .line = 1, .scratch = BUF_INIT(TOML_TEXT_MAX), .err = err};

    if (len > TOML_TEXT_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "the document has %zu bytes, more than %d", len, TOML_TEXT_MAX);
    if (toml_at_text(&t, byte_order_mark))
        t.p += strlen(byte_order_mark);
    t.line_start = t.p;

    int r = toml_check_utf8(&t);
    if (r < 0)
        return r;
    struct toml_value *root = value_new(&t, TOML_TABLE, TOML_HEADER);
    r = root ? parse_document(&t, root) : toml_no_room(&t);
    buf_done(&t.scratch);
    if (r < 0)
        return r;
    *ret_root = root;
    return 0;
}
