/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "oci/fields.h"
#include "json/json_text.h"
#include "proto/proto.h"

struct reader {
    struct arena *a;
    struct error *err;
    struct strlist *unapplied; /* may be NULL */
};

/* Where one field goes. */
struct place {
    const struct oci_field *field;
    const struct oci_path *path;
    char *object;
};

static void *member(const struct place *at)
{
    return at->object + at->field->offset;
}

static int read_object(const struct reader *in, const struct oci_path *path, const struct oci_type *type, json_object *json,
                       void *object);

/* ---- checked access to a JSON value ---- */

static int wrong_type(const struct reader *in, const struct oci_path *path, const char *expected, json_object *json)
{
    return oci_path_error(in->err, path, "expected %s, got %s", expected, json_type_to_name(json_object_get_type(json)));
}

static int get_text(const struct reader *in, const struct oci_path *path, json_object *json, const char **ret_text)
{
    if (!json_object_is_type(json, json_type_string))
        return wrong_type(in, path, "a string", json);

    const char *text = json_object_get_string(json);
    if (!proto_string_is_valid(text, (size_t)json_object_get_string_len(json)))
        return oci_path_error(in->err, path, "not valid UTF-8");
    *ret_text = text;
    return 0;
}

static int get_unsigned(const struct reader *in, const struct oci_path *path, json_object *json, uint64_t max,
                        uint64_t *ret_value)
{
    if (!json_object_is_type(json, json_type_int))
        return wrong_type(in, path, "an integer", json);

    uint64_t value = json_object_get_uint64(json);
    if (json_object_get_int64(json) < 0 || value > max)
        return oci_path_error(in->err, path, "%s is not in 0..%llu", json_object_get_string(json), (unsigned long long)max);
    *ret_value = value;
    return 0;
}

static int get_signed(const struct reader *in, const struct oci_path *path, json_object *json, int64_t *ret_value)
{
    if (!json_object_is_type(json, json_type_int))
        return wrong_type(in, path, "an integer", json);
    if (json_object_get_uint64(json) > INT64_MAX)
        return oci_path_error(in->err, path, "%s is not in the range of 64 bits", json_object_get_string(json));
    *ret_value = json_object_get_int64(json);
    return 0;
}

static int get_array(const struct reader *in, const struct oci_path *path, json_object *json, size_t *ret_n)
{
    if (!json_object_is_type(json, json_type_array))
        return wrong_type(in, path, "a list", json);
    *ret_n = json_object_array_length(json);
    return 0;
}

static char *copy(const struct reader *in, const char *text)
{
    return arena_strdup(in->a, text);
}

/* ---- plain values ---- */

static int read_bool(const struct reader *in, const struct place *at, json_object *json)
{
    if (!json_object_is_type(json, json_type_boolean))
        return wrong_type(in, at->path, "true or false", json);
    *(bool *)member(at) = json_object_get_boolean(json);
    return 0;
}

static int read_string(const struct reader *in, const struct place *at, json_object *json)
{
    const char *text;
    char **to = member(at);

    int r = get_text(in, at->path, json, &text);
    if (r < 0 || !text[0])
        return r;
    *to = copy(in, text);
    return *to ? 0 : oci_no_memory(in->err);
}

static int read_strings(const struct reader *in, const struct place *at, json_object *json)
{
    struct strlist *to = member(at);
    size_t n = 0;

    int r = get_array(in, at->path, json, &n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct oci_path path = {.up = at->path, .index = i};
        const char *text;
        r = get_text(in, &path, json_object_array_get_idx(json, i), &text);
        if (r == 0 && strlist_add(in->a, to, text) < 0)
            r = oci_no_memory(in->err);
    }
    return r;
}

static int read_u32(const struct reader *in, const struct place *at, json_object *json)
{
    uint64_t value;
    int r = get_unsigned(in, at->path, json, UINT32_MAX, &value);
    if (r == 0)
        *(uint32_t *)member(at) = (uint32_t)value;
    return r;
}

static int read_u64(const struct reader *in, const struct place *at, json_object *json)
{
    return get_unsigned(in, at->path, json, UINT64_MAX, member(at));
}

static int read_i64(const struct reader *in, const struct place *at, json_object *json)
{
    return get_signed(in, at->path, json, member(at));
}

static int get_id(const struct reader *in, const struct oci_path *path, json_object *json, uint32_t *ret_id)
{
    uint64_t value;
    int r = get_unsigned(in, path, json, OCI_ID_MAX, &value);
    if (r == 0)
        *ret_id = (uint32_t)value;
    return r;
}

static int read_id(const struct reader *in, const struct place *at, json_object *json)
{
    return get_id(in, at->path, json, member(at));
}

static int read_ids(const struct reader *in, const struct place *at, json_object *json)
{
    size_t n = 0;
    int r = get_array(in, at->path, json, &n);
    if (r < 0 || n == 0)
        return r;

    uint32_t *to = arena_calloc(in->a, n, sizeof(*to));
    if (!to)
        return oci_no_memory(in->err);
    for (size_t i = 0; i < n; i++) {
        struct oci_path path = {.up = at->path, .index = i};
        r = get_id(in, &path, json_object_array_get_idx(json, i), &to[i]);
        if (r < 0)
            return r;
    }
    *(void **)member(at) = to;
    *(size_t *)(at->object + at->field->extra) = n;
    return 0;
}

static int read_opt_unsigned(const struct reader *in, const struct place *at, json_object *json, uint64_t max)
{
    struct opt_u64 *to = member(at);
    int r = get_unsigned(in, at->path, json, max, &to->value);
    to->set = r == 0;
    return r;
}

static int read_opt_u32(const struct reader *in, const struct place *at, json_object *json)
{
    return read_opt_unsigned(in, at, json, UINT32_MAX);
}

static int read_opt_u64(const struct reader *in, const struct place *at, json_object *json)
{
    return read_opt_unsigned(in, at, json, UINT64_MAX);
}

static int read_opt_i64(const struct reader *in, const struct place *at, json_object *json)
{
    struct opt_i64 *to = member(at);
    int r = get_signed(in, at->path, json, &to->value);
    to->set = r == 0;
    return r;
}

static int read_number(const struct reader *in, const struct place *at, json_object *json)
{
    int64_t value;
    int r = get_signed(in, at->path, json, &value);
    return r < 0 ? r : oci_number_set(member(at), value, at->path, in->err);
}

/* ---- words ---- */

static int read_namespace(const struct reader *in, const struct place *at, json_object *json)
{
    const char *text;
    int r = get_text(in, at->path, json, &text);
    return r < 0 ? r : oci_namespace_set(member(at), text, at->path, in->err);
}

static int read_device_type(const struct reader *in, const struct place *at, json_object *json)
{
    const char *text;
    int r = get_text(in, at->path, json, &text);
    return r < 0 ? r : oci_device_type_set(member(at), text, at->path, in->err);
}

static int read_rule_type(const struct reader *in, const struct place *at, json_object *json)
{
    const char *text;
    int r = get_text(in, at->path, json, &text);
    return r < 0 ? r : oci_rule_type_set(member(at), text, at->path, in->err);
}

/* ---- objects ---- */

static int read_pointer(const struct reader *in, const struct place *at, json_object *json)
{
    void *object = arena_alloc(in->a, at->field->type->size);
    if (!object)
        return oci_no_memory(in->err);
    *(void **)member(at) = object;
    return read_object(in, at->path, at->field->type, json, object);
}

static int read_group(const struct reader *in, const struct place *at, json_object *json)
{
    if (at->field->extra)
        *(bool *)(at->object + at->field->extra) = true;
    return read_object(in, at->path, at->field->type, json, member(at));
}

static int read_list(const struct reader *in, const struct place *at, json_object *json)
{
    const struct oci_type *type = at->field->type;
    size_t n = 0;
    int r = get_array(in, at->path, json, &n);
    if (r < 0 || n == 0)
        return r;

    char *to = arena_calloc(in->a, n, type->size);
    if (!to)
        return oci_no_memory(in->err);
    for (size_t i = 0; i < n; i++) {
        struct oci_path path = {.up = at->path, .index = i};
        r = read_object(in, &path, type, json_object_array_get_idx(json, i), to + i * type->size);
        if (r < 0)
            return r;
    }
    *(void **)member(at) = to;
    *(size_t *)(at->object + at->field->extra) = n;
    return 0;
}

static int read_pair(const struct reader *in, const struct oci_path *map, const char *key, json_object *json,
                     struct oci_pair *pair)
{
    struct oci_path path = {.up = map, .name = key};
    const char *text;

    if (!proto_string_is_valid(key, strlen(key)))
        return oci_path_error(in->err, map, "a key is not valid UTF-8");
    int r = get_text(in, &path, json, &text);
    if (r < 0)
        return r;
    *pair = (struct oci_pair){.key = copy(in, key), .value = copy(in, text)};
    return pair->key && pair->value ? 0 : oci_no_memory(in->err);
}

static int read_map(const struct reader *in, const struct place *at, json_object *json)
{
    if (!json_object_is_type(json, json_type_object))
        return wrong_type(in, at->path, "an object", json);

    struct oci_pair *pairs = arena_calloc(in->a, (size_t)json_object_object_length(json), sizeof(*pairs));
    if (!pairs)
        return oci_no_memory(in->err);
    size_t n = 0;
    json_object_object_foreach(json, key, value)
    {
        int r = read_pair(in, at->path, key, value, &pairs[n++]);
        if (r < 0)
            return r;
    }
    *(void **)member(at) = pairs;
    *(size_t *)(at->object + at->field->extra) = n;
    return 0;
}

/* ---- all ---- */

static int (*const readers[OCI_KIND_MAX])(const struct reader *, const struct place *, json_object *) = {
    [OCI_BOOL] = read_bool,
    [OCI_STRING] = read_string,
    [OCI_STRINGS] = read_strings,
    [OCI_U32] = read_u32,
    [OCI_U64] = read_u64,
    [OCI_I64] = read_i64,
    [OCI_ID] = read_id,
    [OCI_IDS] = read_ids,
    [OCI_OPT_U32] = read_opt_u32,
    [OCI_OPT_U64] = read_opt_u64,
    [OCI_OPT_I64] = read_opt_i64,
    [OCI_LIMIT] = read_opt_i64,
    [OCI_NUMBER] = read_number,
    [OCI_ERRNO] = read_opt_u32,
    [OCI_NAMESPACE] = read_namespace,
    [OCI_DEVICE_TYPE] = read_device_type,
    [OCI_RULE_TYPE] = read_rule_type,
    [OCI_OBJECT] = read_pointer,
    [OCI_GROUP] = read_group,
    [OCI_LIST] = read_list,
    [OCI_MAP] = read_map,
};

static int note_unapplied(const struct reader *in, const struct oci_path *path, const struct oci_type *type, json_object *json)
{
    if (!in->unapplied || !type->unapplied)
        return 0;
    for (const char *const *name = type->unapplied; *name; name++) {
        const struct oci_path below = {.up = path, .name = *name};
        char text[256];
        if (!json_object_object_get(json, *name))
            continue;
        oci_path_format(&below, text, sizeof(text));
        if (strlist_add(in->a, in->unapplied, text) < 0)
            return oci_no_memory(in->err);
    }
    return 0;
}

/* null stands for an absent value: Go programs write it for empty lists. */
static int read_object(const struct reader *in, const struct oci_path *path, const struct oci_type *type, json_object *json,
                       void *object)
{
    if (!json_object_is_type(json, json_type_object))
        return wrong_type(in, path, "an object", json);
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct oci_field *field = &type->fields[i];
        const struct oci_path below = {.up = path, .name = field->json};
        const struct place at = {.field = field, .path = &below, .object = object};
        json_object *value = json_object_object_get(json, field->json);
        if (!value && field->rule == OCI_MUST)
            return oci_path_error(in->err, &below, "missing");
        int r = value ? readers[field->kind](in, &at, value) : 0;
        if (r < 0)
            return r;
    }
    if (type->normalise)
        type->normalise(object);
    return note_unapplied(in, path, type, json);
}

static int read_root(const struct reader *in, const struct oci_type *type, json_object *json, void **ret_object)
{
    const struct oci_path root = {0};

    void *object = arena_alloc(in->a, type->size);
    if (!object)
        return oci_no_memory(in->err);
    int r = read_object(in, &root, type, json, object);
    if (r == 0)
        *ret_object = object;
    return r;
}

static int read_text(const struct reader *in, const struct oci_type *type, const char *text, size_t len, void **ret_object)
{
    json_object *json;
    int r = json_text_parse(text, len, &json, in->err);
    if (r < 0)
        return r;
    r = read_root(in, type, json, ret_object);
    json_object_put(json);
    return r;
}

int oci_spec_from_json(struct arena *a, const char *text, size_t len, struct oci_spec **ret_spec, struct strlist *ret_unapplied,
                       struct error *err)
{
    struct strlist unapplied = {0};
    const struct reader in = {.a = a, .err = err, .unapplied = ret_unapplied ? &unapplied : NULL};
    void *spec;

    int r = read_text(&in, &oci_spec_type, text, len, &spec);
    if (r < 0)
        return r;
    *ret_spec = spec;
    if (ret_unapplied)
        *ret_unapplied = unapplied;
    return 0;
}

int oci_process_from_json(struct arena *a, const char *text, size_t len, struct oci_process **ret_process, struct error *err)
{
    const struct reader in = {.a = a, .err = err};
    void *process;

    int r = read_text(&in, &oci_process_type, text, len, &process);
    if (r == 0)
        *ret_process = process;
    return r;
}

int oci_resources_from_json(struct arena *a, const char *text, size_t len, struct oci_resources **ret_resources,
                            struct error *err)
{
    const struct reader in = {.a = a, .err = err};
    void *resources;

    int r = read_text(&in, &oci_resources_type, text, len, &resources);
    if (r == 0)
        *ret_resources = resources;
    return r;
}
