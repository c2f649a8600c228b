/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a parsed TOML document. */
#include <string.h>

#include "toml/toml.h"

const char *toml_type_name(enum toml_type type)
{
    static const char *const names[TOML_TYPE_MAX] = {
        [TOML_STRING] = "a string",   [TOML_INTEGER] = "an integer",      [TOML_FLOAT] = "a float",
        [TOML_BOOLEAN] = "a boolean", [TOML_DATETIME] = "a date or time", [TOML_ARRAY] = "an array",
        [TOML_TABLE] = "a table",
    };
    return names[type];
}

const struct toml_value *toml_member(const struct toml_value *table, const char *key, size_t key_len)
{
    if (table->type != TOML_TABLE)
        return NULL;
    for (const struct toml_value *value = table->items.first; value; value = value->next) {
        if (value->key_len == key_len && memcmp(value->key, key, key_len) == 0)
            return value;
    }
    return NULL;
}

const struct toml_value *toml_find(const struct toml_value *table, const char *path)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        table = toml_member(table, path, len);
        if (!table || path[len] == '\0')
            return table;
        path += len + 1;
    }
}

static int fail_type(const struct toml_value *value, const char *path, enum toml_type want, struct error *err)
{
    return error_status(err, STATUS_INVALID_ARGUMENT, "%s (line %u): expected %s, found %s", path, value->line,
                        toml_type_name(want), toml_type_name(value->type));
}

static int find_typed(const struct toml_value *table, const char *path, enum toml_type want,
                      const struct toml_value **ret_value, struct error *err)
{
    const struct toml_value *value = toml_find(table, path);
    if (!value)
        return 0;
    if (value->type != want)
        return fail_type(value, path, want, err);
    *ret_value = value;
    return 1;
}

int toml_get_string(const struct toml_value *table, const char *path, const char **ret_value, struct error *err)
{
    const struct toml_value *value;
    int r = find_typed(table, path, TOML_STRING, &value, err);
    if (r <= 0)
        return r;
    if (strlen(value->string.text) != value->string.len)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s (line %u): the string holds a NUL character", path, value->line);
    *ret_value = value->string.text;
    return 1;
}

int toml_get_integer(const struct toml_value *table, const char *path, int64_t *ret_value, struct error *err)
{
    const struct toml_value *value;
    int r = find_typed(table, path, TOML_INTEGER, &value, err);
    if (r > 0)
        *ret_value = value->integer;
    return r;
}

int toml_get_float(const struct toml_value *table, const char *path, double *ret_value, struct error *err)
{
    const struct toml_value *value = toml_find(table, path);
    if (!value)
        return 0;
    if (value->type != TOML_FLOAT && value->type != TOML_INTEGER)
        return fail_type(value, path, TOML_FLOAT, err);
    *ret_value = value->type == TOML_FLOAT ? value->real : (double)value->integer;
    return 1;
}

int toml_get_bool(const struct toml_value *table, const char *path, bool *ret_value, struct error *err)
{
    const struct toml_value *value;
    int r = find_typed(table, path, TOML_BOOLEAN, &value, err);
    if (r > 0)
        *ret_value = value->boolean;
    return r;
}

int toml_get_array(const struct toml_value *table, const char *path, const struct toml_value **ret_value, struct error *err)
{
    return find_typed(table, path, TOML_ARRAY, ret_value, err);
}

int toml_get_table(const struct toml_value *table, const char *path, const struct toml_value **ret_value, struct error *err)
{
    return find_typed(table, path, TOML_TABLE, ret_value, err);
}
