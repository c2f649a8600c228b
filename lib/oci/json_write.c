/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/json.h"

#include <inttypes.h>
#include <string.h>

#include "oci/fields.h"

/* The first failure sticks and silences what follows. */
struct writer {
    struct buf *out;
    int r;
};

static void write_object(struct writer *w, const struct oci_type *type, const char *object);

static void put(struct writer *w, const char *text, size_t len)
{
    if (w->r == 0)
        w->r = buf_append(w->out, text, len);
}

static void put_str(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_u64(struct writer *w, uint64_t value)
{
    if (w->r == 0)
        w->r = buf_printf(w->out, "%" PRIu64, value);
}

static void put_i64(struct writer *w, int64_t value)
{
    if (w->r == 0)
        w->r = buf_printf(w->out, "%" PRId64, value);
}

static void put_text(struct writer *w, const char *text)
{
    put_str(w, "\"");
    for (const char *p = text; *p;) {
        size_t plain = 0;
        while ((unsigned char)p[plain] >= ' ' && p[plain] != '"' && p[plain] != '\\')
            plain++;
        put(w, p, plain);
        p += plain;
        if (*p && w->r == 0)
            w->r = buf_printf(w->out, "\\u%04x", (unsigned char)*p);
        p += *p != '\0';
    }
    put_str(w, "\"");
}

/* ---- values ---- */

static void write_bool(struct writer *w, const struct oci_field *field, const char *object)
{
    put_str(w, *(const bool *)(object + field->offset) ? "true" : "false");
}

static void write_string(struct writer *w, const struct oci_field *field, const char *object)
{
    put_text(w, *(char *const *)(object + field->offset) ?: "");
}

static void write_strings(struct writer *w, const struct oci_field *field, const char *object)
{
    const struct strlist *list = (const void *)(object + field->offset);

    put_str(w, "[");
    for (size_t i = 0; i < list->n; i++) {
        put_str(w, i ? "," : "");
        put_text(w, list->items[i]);
    }
    put_str(w, "]");
}

static void write_u32(struct writer *w, const struct oci_field *field, const char *object)
{
    put_u64(w, *(const uint32_t *)(object + field->offset));
}

static void write_u64(struct writer *w, const struct oci_field *field, const char *object)
{
    put_u64(w, *(const uint64_t *)(object + field->offset));
}

static void write_i64(struct writer *w, const struct oci_field *field, const char *object)
{
    put_i64(w, *(const int64_t *)(object + field->offset));
}

static void write_ids(struct writer *w, const struct oci_field *field, const char *object)
{
    const uint32_t *ids = *(void *const *)(object + field->offset);
    size_t n = *(const size_t *)(object + field->extra);

    put_str(w, "[");
    for (size_t i = 0; i < n; i++) {
        put_str(w, i ? "," : "");
        put_u64(w, ids[i]);
    }
    put_str(w, "]");
}

static void write_opt_u64(struct writer *w, const struct oci_field *field, const char *object)
{
    put_u64(w, ((const struct opt_u64 *)(const void *)(object + field->offset))->value);
}

static void write_opt_i64(struct writer *w, const struct oci_field *field, const char *object)
{
    put_i64(w, ((const struct opt_i64 *)(const void *)(object + field->offset))->value);
}

static void write_namespace(struct writer *w, const struct oci_field *field, const char *object)
{
    put_text(w, oci_namespace_name(*(const enum oci_namespace_type *)(object + field->offset)));
}

static void write_letter(struct writer *w, const struct oci_field *field, const char *object)
{
    put_text(w, (const char[]){object[field->offset], '\0'});
}

/* ---- objects ---- */

static void write_pointer(struct writer *w, const struct oci_field *field, const char *object)
{
    write_object(w, field->type, *(void *const *)(object + field->offset));
}

static void write_group(struct writer *w, const struct oci_field *field, const char *object)
{
    write_object(w, field->type, object + field->offset);
}

static void write_list(struct writer *w, const struct oci_field *field, const char *object)
{
    const char *items = *(void *const *)(object + field->offset);
    size_t n = *(const size_t *)(object + field->extra);

    put_str(w, "[");
    for (size_t i = 0; i < n; i++) {
        put_str(w, i ? "," : "");
        write_object(w, field->type, items + i * field->type->size);
    }
    put_str(w, "]");
}

static void write_map(struct writer *w, const struct oci_field *field, const char *object)
{
    const struct oci_pair *pairs = *(void *const *)(object + field->offset);
    size_t n = *(const size_t *)(object + field->extra);

    put_str(w, "{");
    for (size_t i = 0; i < n; i++) {
        put_str(w, i ? "," : "");
        put_text(w, pairs[i].key);
        put_str(w, ":");
        put_text(w, pairs[i].value);
    }
    put_str(w, "}");
}

static void (*const writers[OCI_KIND_MAX])(struct writer *, const struct oci_field *, const char *) = {
    [OCI_BOOL] = write_bool,
    [OCI_STRING] = write_string,
    [OCI_STRINGS] = write_strings,
    [OCI_U32] = write_u32,
    [OCI_U64] = write_u64,
    [OCI_I64] = write_i64,
    [OCI_ID] = write_u32,
    [OCI_IDS] = write_ids,
    [OCI_OPT_U32] = write_opt_u64,
    [OCI_OPT_U64] = write_opt_u64,
    [OCI_OPT_I64] = write_opt_i64,
    [OCI_LIMIT] = write_opt_i64,
    [OCI_NUMBER] = write_opt_i64,
    [OCI_ERRNO] = write_opt_u64,
    [OCI_NAMESPACE] = write_namespace,
    [OCI_DEVICE_TYPE] = write_letter,
    [OCI_RULE_TYPE] = write_letter,
    [OCI_OBJECT] = write_pointer,
    [OCI_GROUP] = write_group,
    [OCI_LIST] = write_list,
    [OCI_MAP] = write_map,
};

static void write_object(struct writer *w, const struct oci_type *type, const char *object)
{
    bool first = true;

    put_str(w, "{");
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct oci_field *field = &type->fields[i];
        if (field->rule == OCI_MAY_MISS && oci_field_is_empty(field, object))
            continue;
        put_str(w, first ? "\"" : ",\"");
        put_str(w, field->json);
        put_str(w, "\":");
        writers[field->kind](w, field, object);
        first = false;
    }
    put_str(w, "}");
}

int oci_spec_to_json(const struct oci_spec *spec, struct buf *out, struct error *err)
{
    struct writer w = {.out = out};
    size_t before = out->len;

    write_object(&w, &oci_spec_type, (const char *)spec);
    if (w.r == 0)
        return 0;
    out->len = before;
    if (out->data)
        out->data[before] = '\0';
    return error_text(err, w.r, "the spec is longer than %zu bytes as JSON", out->max);
}
