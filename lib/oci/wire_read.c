/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/wire.h"

#include <stdlib.h>
#include <string.h>

#include "oci/fields.h"

struct reader {
    struct arena *a;
    struct error *err;
};

/* Where one field comes from and goes to. */
struct place {
    const struct oci_field *field;
    const struct oci_path *path;
    const char *wire; /* the message */
    char *object;
};

static const void *wire_member(const struct place *at)
{
    return at->wire + at->field->wire;
}

static size_t wire_count(const struct place *at)
{
    return *(const size_t *)(at->wire + at->field->wire_extra);
}

static void *member(const struct place *at)
{
    return at->object + at->field->offset;
}

static int read_object(const struct reader *in, const struct oci_path *path, const struct oci_type *type,
                       const ProtobufCMessage *wire, void *object);

/* ---- plain values ---- */

static int read_bool(const struct reader *in UNUSED, const struct place *at)
{
    *(bool *)member(at) = *(const protobuf_c_boolean *)wire_member(at);
    return 0;
}

static int read_string(const struct reader *in, const struct place *at)
{
    const char *from = *(char *const *)wire_member(at);
    char **to = member(at);

    if (!from || !from[0])
        return 0;
    *to = arena_strdup(in->a, from);
    return *to ? 0 : oci_no_memory(in->err);
}

static int read_strings(const struct reader *in, const struct place *at)
{
    char *const *from = *(char *const *const *)wire_member(at);
    struct strlist *to = member(at);
    size_t n = wire_count(at);

    if (n == 0)
        return 0;
    char **items = arena_calloc(in->a, n + 1, sizeof(*items));
    if (!items)
        return oci_no_memory(in->err);
    for (size_t i = 0; i < n; i++) {
        items[i] = arena_strdup(in->a, from[i]);
        if (!items[i])
            return oci_no_memory(in->err);
    }
    *to = (struct strlist){.items = items, .n = n, .cap = n + 1};
    return 0;
}

static int read_u32(const struct reader *in UNUSED, const struct place *at)
{
    *(uint32_t *)member(at) = *(const uint32_t *)wire_member(at);
    return 0;
}

static int read_64(const struct reader *in UNUSED, const struct place *at)
{
    *(uint64_t *)member(at) = *(const uint64_t *)wire_member(at);
    return 0;
}

static int read_id(const struct reader *in, const struct place *at)
{
    return oci_id_set(member(at), *(const uint32_t *)wire_member(at), at->path, in->err);
}

static int read_ids(const struct reader *in, const struct place *at)
{
    const uint32_t *from = *(const uint32_t *const *)wire_member(at);
    size_t n = wire_count(at);

    if (n == 0)
        return 0;
    uint32_t *to = arena_calloc(in->a, n, sizeof(*to));
    if (!to)
        return oci_no_memory(in->err);
    for (size_t i = 0; i < n; i++) {
        struct oci_path path = {.up = at->path, .index = i};
        int r = oci_id_set(&to[i], from[i], &path, in->err);
        if (r < 0)
            return r;
    }
    *(uint32_t **)member(at) = to;
    *(size_t *)(at->object + at->field->extra) = n;
    return 0;
}

/* ---- numbers that may be absent ---- */

static int read_opt_u32(const struct reader *in UNUSED, const struct place *at)
{
    uint32_t value = *(const uint32_t *)wire_member(at);
    *(struct opt_u64 *)member(at) = (struct opt_u64){.set = value != 0, .value = value};
    return 0;
}

static int read_opt_u64(const struct reader *in UNUSED, const struct place *at)
{
    uint64_t value = *(const uint64_t *)wire_member(at);
    *(struct opt_u64 *)member(at) = (struct opt_u64){.set = value != 0, .value = value};
    return 0;
}

static int read_opt_i64(const struct reader *in UNUSED, const struct place *at)
{
    int64_t value = *(const int64_t *)wire_member(at);
    *(struct opt_i64 *)member(at) = (struct opt_i64){.set = value != 0, .value = value};
    return 0;
}

static int read_limit(const struct reader *in UNUSED, const struct place *at)
{
    *(struct opt_i64 *)member(at) = (struct opt_i64){.set = true, .value = *(const int64_t *)wire_member(at)};
    return 0;
}

static int read_number(const struct reader *in, const struct place *at)
{
    return oci_number_set(member(at), *(const int64_t *)wire_member(at), at->path, in->err);
}

static int read_errno(const struct reader *in, const struct place *at)
{
    const uint32_t *chosen = (const uint32_t *)(at->wire + at->field->wire_extra);
    return *chosen ? read_opt_u32(in, at) : 0;
}

/* ---- words ---- */

static int read_namespace(const struct reader *in, const struct place *at)
{
    return oci_namespace_set(member(at), *(char *const *)wire_member(at), at->path, in->err);
}

static int read_device_type(const struct reader *in, const struct place *at)
{
    return oci_device_type_set(member(at), *(char *const *)wire_member(at), at->path, in->err);
}

static int read_rule_type(const struct reader *in, const struct place *at)
{
    return oci_rule_type_set(member(at), *(char *const *)wire_member(at), at->path, in->err);
}

/* ---- objects ---- */

static int read_pointer(const struct reader *in, const struct place *at)
{
    const ProtobufCMessage *from = *(void *const *)wire_member(at);
    void **to = member(at);

    if (!from)
        return 0;
    *to = arena_alloc(in->a, at->field->type->size);
    if (!*to)
        return oci_no_memory(in->err);
    return read_object(in, at->path, at->field->type, from, *to);
}

static int read_group(const struct reader *in, const struct place *at)
{
    const ProtobufCMessage *from = *(void *const *)wire_member(at);

    if (!from)
        return 0;
    if (at->field->extra)
        *(bool *)(at->object + at->field->extra) = true;
    return read_object(in, at->path, at->field->type, from, member(at));
}

static int read_list(const struct reader *in, const struct place *at)
{
    void *const *from = *(void *const *)wire_member(at);
    const struct oci_type *type = at->field->type;
    size_t n = wire_count(at);

    if (n == 0)
        return 0;
    char *to = arena_calloc(in->a, n, type->size);
    if (!to)
        return oci_no_memory(in->err);
    for (size_t i = 0; i < n; i++) {
        struct oci_path path = {.up = at->path, .index = i};
        int r = read_object(in, &path, type, from[i], to + i * type->size);
        if (r < 0)
            return r;
    }
    *(void **)member(at) = to;
    *(size_t *)(at->object + at->field->extra) = n;
    return 0;
}

/* ---- maps ---- */

/* Both kinds of map entry have this layout; a test compares it. */
typedef Grpc__Spec__AnnotationsEntry map_entry;

/* By key; of equal keys the later one first, because it wins. */
static int compare_entries(const void *x, const void *y)
{
    const struct oci_pair *a = *(struct oci_pair *const *)x, *b = *(struct oci_pair *const *)y;
    int r = strcmp(a->key, b->key);
    return r ? r : (a < b) - (a > b);
}

/* Keeps one pair of each key, in the order of the message. Returns their number. */
static size_t drop_repeated_keys(struct oci_pair *pairs, size_t n, struct oci_pair **sorted)
{
    for (size_t i = 0; i < n; i++)
        sorted[i] = &pairs[i];
    qsort(sorted, n, sizeof(*sorted), compare_entries);
    for (size_t i = 0, last = 0; i < n; i++) {
        if (i > last && strcmp(sorted[i]->key, sorted[last]->key) == 0)
            sorted[i]->value = NULL;
        else
            last = i;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].value)
            pairs[kept++] = pairs[i];
    }
    return kept;
}

static int read_map(const struct reader *in, const struct place *at)
{
    map_entry *const *from = *(void *const *)wire_member(at);
    size_t n = wire_count(at);

    if (n == 0)
        return 0;
    struct oci_pair *pairs = arena_calloc(in->a, n, sizeof(*pairs));
    struct oci_pair **sorted = arena_calloc(in->a, n, sizeof(*sorted));
    if (!pairs || !sorted)
        return oci_no_memory(in->err);
    for (size_t i = 0; i < n; i++) {
        pairs[i].key = arena_strdup(in->a, from[i]->key);
        pairs[i].value = arena_strdup(in->a, from[i]->value);
        if (!pairs[i].key || !pairs[i].value)
            return oci_no_memory(in->err);
    }
    *(void **)member(at) = pairs;
    *(size_t *)(at->object + at->field->extra) = drop_repeated_keys(pairs, n, sorted);
    return 0;
}

/* ---- all ---- */

static int (*const readers[OCI_KIND_MAX])(const struct reader *, const struct place *) = {
    [OCI_BOOL] = read_bool,
    [OCI_STRING] = read_string,
    [OCI_STRINGS] = read_strings,
    [OCI_U32] = read_u32,
    [OCI_U64] = read_64,
    [OCI_I64] = read_64,
    [OCI_ID] = read_id,
    [OCI_IDS] = read_ids,
    [OCI_OPT_U32] = read_opt_u32,
    [OCI_OPT_U64] = read_opt_u64,
    [OCI_OPT_I64] = read_opt_i64,
    [OCI_LIMIT] = read_limit,
    [OCI_NUMBER] = read_number,
    [OCI_ERRNO] = read_errno,
    [OCI_NAMESPACE] = read_namespace,
    [OCI_DEVICE_TYPE] = read_device_type,
    [OCI_RULE_TYPE] = read_rule_type,
    [OCI_OBJECT] = read_pointer,
    [OCI_GROUP] = read_group,
    [OCI_LIST] = read_list,
    [OCI_MAP] = read_map,
};

static int read_object(const struct reader *in, const struct oci_path *path, const struct oci_type *type,
                       const ProtobufCMessage *wire, void *object)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct oci_field *field = &type->fields[i];
        if (!field->wire)
            continue;
        struct oci_path below = {.up = path, .name = field->json};
        struct place at = {.field = field, .path = &below, .wire = (const char *)wire, .object = object};
        int r = readers[field->kind](in, &at);
        if (r < 0)
            return r;
    }
    if (type->normalise)
        type->normalise(object);
    return 0;
}

static int read_root(struct arena *a, const struct oci_type *type, const ProtobufCMessage *wire, void **ret_object,
                     struct error *err)
{
    const struct reader in = {.a = a, .err = err};
    const struct oci_path root = {0};

    void *object = arena_alloc(a, type->size);
    if (!object)
        return oci_no_memory(err);
    int r = read_object(&in, &root, type, wire, object);
    if (r < 0)
        return r;
    *ret_object = object;
    return 0;
}

int oci_spec_from_wire(struct arena *a, const Grpc__Spec *wire, struct oci_spec **ret_spec, struct error *err)
{
    void *spec = NULL;
    int r = read_root(a, &oci_spec_type, &wire->base, &spec, err);
    if (r == 0)
        *ret_spec = spec;
    return r;
}

int oci_process_from_wire(struct arena *a, const Grpc__Process *wire, struct oci_process **ret_process, struct error *err)
{
    void *process = NULL;
    int r = read_root(a, &oci_process_type, &wire->base, &process, err);
    if (r == 0)
        *ret_process = process;
    return r;
}

int oci_resources_from_wire(struct arena *a, const Grpc__LinuxResources *wire, struct oci_resources **ret_resources,
                            struct error *err)
{
    void *resources = NULL;
    int r = read_root(a, &oci_resources_type, &wire->base, &resources, err);
    if (r == 0)
        *ret_resources = resources;
    return r;
}
