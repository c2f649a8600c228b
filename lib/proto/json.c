/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "json/json_text.h"
#include "proto/base64.h"
#include "proto/proto.h"

/* Size of one element in memory, by the field's type (protobuf-c's generated structs). */
static size_t element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

/* A map is a repeated message of two fields, "key" and "value". */
static bool is_map(const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;

    return field->label == PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE && entry->n_fields == 2 &&
           strcmp(entry->fields[0].name, "key") == 0 && strcmp(entry->fields[1].name, "value") == 0;
}

/* ---- reading ---- */

struct reader {
    struct arena *a;
    struct error *err;
};

static int read_message(const struct reader *in, struct json_object *object, ProtobufCMessage *message, const char *path);

static int wrong_type(const struct reader *in, const char *path, const char *want, struct json_object *value)
{
    return error_status(in->err, STATUS_INVALID_ARGUMENT, "%s: want %s, got %s", path, want,
                        json_type_to_name(json_object_get_type(value)));
}

static int read_integer(const struct reader *in, struct json_object *value, int64_t min, uint64_t max, uint64_t *ret,
                        const char *path)
{
    if (!json_object_is_type(value, json_type_int))
        return wrong_type(in, path, "a whole number", value);

    int64_t number = json_object_get_int64(value);
    uint64_t positive = json_object_get_uint64(value);
    bool fits = number < 0 ? number >= min : positive <= max;
    if (!fits)
        return error_status(in->err, STATUS_INVALID_ARGUMENT, "%s: %s is out of range", path, json_object_get_string(value));
    *ret = number < 0 ? (uint64_t)number : positive;
    return 0;
}

static int read_enum(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *value, uint32_t *ret,
                     const char *path)
{
    uint64_t number = 0;

    if (!json_object_is_type(value, json_type_string)) {
        int r = read_integer(in, value, INT32_MIN, INT32_MAX, &number, path);
        *ret = (uint32_t)number;
        return r;
    }
    const ProtobufCEnumValue *named =
        protobuf_c_enum_descriptor_get_value_by_name(field->descriptor, json_object_get_string(value));
    if (!named)
        return error_status(in->err, STATUS_INVALID_ARGUMENT, "%s: unknown value '%s'", path, json_object_get_string(value));
    *ret = (uint32_t)named->value;
    return 0;
}

static int read_bytes(const struct reader *in, struct json_object *value, ProtobufCBinaryData *ret, const char *path)
{
    if (!json_object_is_type(value, json_type_string))
        return wrong_type(in, path, "base64 text", value);
    size_t len = (size_t)json_object_get_string_len(value);
    ret->data = arena_alloc(in->a, base64_decoded_max(len));
    if (!ret->data)
        return error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
    ssize_t n = base64_decode(json_object_get_string(value), len, ret->data);
    if (n < 0)
        return error_status(in->err, STATUS_INVALID_ARGUMENT, "%s: not base64", path);
    ret->len = (size_t)n;
    return 0;
}

static int read_string(const struct reader *in, struct json_object *value, char **ret, const char *path)
{
    if (!json_object_is_type(value, json_type_string))
        return wrong_type(in, path, "text", value);
    size_t len = (size_t)json_object_get_string_len(value);
    if (!proto_string_is_valid(json_object_get_string(value), len))
        return error_status(in->err, STATUS_INVALID_ARGUMENT, "%s: text with NUL", path);
    *ret = arena_strndup(in->a, json_object_get_string(value), len);
    return *ret ? 0 : error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
}

static int read_submessage(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *value,
                           ProtobufCMessage **ret, const char *path)
{
    *ret = proto_new(in->a, field->descriptor);
    if (!*ret)
        return error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
    return read_message(in, value, *ret, path);
}

static int read_number(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *value, void *to,
                       const char *path)
{
    bool wide = element_size(field) == 8;
    bool is_signed = field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_SINT32 ||
                     field->type == PROTOBUF_C_TYPE_SFIXED32 || field->type == PROTOBUF_C_TYPE_INT64 ||
                     field->type == PROTOBUF_C_TYPE_SINT64 || field->type == PROTOBUF_C_TYPE_SFIXED64;
    int64_t min = !is_signed ? 0 : wide ? INT64_MIN : INT32_MIN;
    uint64_t max = wide ? (is_signed ? INT64_MAX : UINT64_MAX) : (is_signed ? INT32_MAX : UINT32_MAX);
    uint64_t number = 0;

    int r = read_integer(in, value, min, max, &number, path);
    if (r < 0)
        return r;
    if (wide)
        memcpy(to, &number, 8);
    else
        memcpy(to, &(uint32_t){(uint32_t)number}, 4);
    return 0;
}

static int read_value(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *value, void *to,
                      const char *path)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_object_is_type(value, json_type_boolean))
            return wrong_type(in, path, "true or false", value);
        *(protobuf_c_boolean *)to = json_object_get_boolean(value);
        return 0;
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(in, field, value, to, path);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(in, value, to, path);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(in, value, to, path);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_submessage(in, field, value, to, path);
    default:
        return read_number(in, field, value, to, path);
    }
}

static int read_map(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *object, void **items,
                    const char *path)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    size_t i = 0;

    json_object_object_foreach(object, key, value)
    {
        ProtobufCMessage *entry = proto_new(in->a, type);
        char *name = arena_strdup(in->a, key);
        char *value_path = arena_printf(in->a, "%s.%s", path, key);
        if (!entry || !name || !value_path)
            return error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
        *(char **)((char *)entry + type->fields[0].offset) = name;
        int r = read_value(in, &type->fields[1], value, (char *)entry + type->fields[1].offset, value_path);
        if (r < 0)
            return r;
        items[i++] = entry;
    }
    return 0;
}

static int read_repeated(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *value,
                         ProtobufCMessage *message, const char *path)
{
    bool map = is_map(field) && json_object_is_type(value, json_type_object);
    if (!map && !json_object_is_type(value, json_type_array))
        return wrong_type(in, path, "an array", value);

    size_t n = map ? (size_t)json_object_object_length(value) : json_object_array_length(value);
    size_t size = element_size(field);
    char *items = arena_calloc(in->a, n, size);
    if (!items)
        return error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
    int r = map ? read_map(in, field, value, (void **)(void *)items, path) : 0;
    for (size_t i = 0; !map && r == 0 && i < n; i++) {
        char *item_path = arena_printf(in->a, "%s[%zu]", path, i);
        r = item_path ? read_value(in, field, json_object_array_get_idx(value, i), items + i * size, item_path)
                      : error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
    }
    if (r < 0)
        return r;
    *(size_t *)(void *)((char *)message + field->quantifier_offset) = n;
    *(void **)(void *)((char *)message + field->offset) = items;
    return 0;
}

static int read_field(const struct reader *in, const ProtobufCFieldDescriptor *field, struct json_object *value,
                      ProtobufCMessage *message, const char *path)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_repeated(in, field, value, message, path);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)(void *)((char *)message + field->quantifier_offset) = field->id;
    return read_value(in, field, value, (char *)message + field->offset, path);
}

static int read_message(const struct reader *in, struct json_object *object, ProtobufCMessage *message, const char *path)
{
    if (!json_object_is_type(object, json_type_object))
        return wrong_type(in, path, "an object", object);
    json_object_object_foreach(object, key, value)
    {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, key);
        if (!field)
            return error_status(in->err, STATUS_INVALID_ARGUMENT, "%s: %s has no field '%s'", path, message->descriptor->name,
                                key);
        char *field_path = arena_printf(in->a, "%s.%s", path, key);
        int r = field_path ? read_field(in, field, value, message, field_path)
                           : error_status(in->err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", path);
        if (r < 0)
            return r;
    }
    return 0;
}

int proto_from_json(struct arena *a, const ProtobufCMessageDescriptor *type, const char *text, size_t len,
                    ProtobufCMessage **ret_message, struct error *err)
{
    const struct reader in = {.a = a, .err = err};

    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    ProtobufCMessage *message = proto_new(a, type);
    if (!message)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "%s: too large", type->name);
    if (len > 0) {
        struct json_object *object = NULL;
        int r = json_text_parse(text, len, &object, err);
        if (r < 0)
            return r;
        r = read_message(&in, object, message, type->short_name);
        json_object_put(object);
        if (r < 0)
            return r;
    }
    *ret_message = message;
    return 0;
}

/* ---- writing ---- */

static struct json_object *write_message(const ProtobufCMessage *message);

static struct json_object *write_bytes(const ProtobufCBinaryData *bytes)
{
    struct buf text = BUF_INIT(SIZE_MAX / 4);

    base64_encode(bytes->data, bytes->len, &text);
    struct json_object *object = json_object_new_string_len(text.data ?: "", (int)text.len);
    buf_done(&text);
    return object;
}

static struct json_object *write_enum(const ProtobufCFieldDescriptor *field, int value)
{
    const ProtobufCEnumValue *named = protobuf_c_enum_descriptor_get_value(field->descriptor, value);

    return named ? json_object_new_string(named->name) : json_object_new_int(value);
}

static struct json_object *write_value(const ProtobufCFieldDescriptor *field, const void *from)
{
    uint64_t wide;
    uint32_t narrow;

    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return json_object_new_boolean(*(const protobuf_c_boolean *)from);
    case PROTOBUF_C_TYPE_STRING:
        return json_object_new_string(*(char *const *)from ?: "");
    case PROTOBUF_C_TYPE_BYTES:
        return write_bytes(from);
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_message(*(ProtobufCMessage *const *)from);
    case PROTOBUF_C_TYPE_ENUM:
        return write_enum(field, *(const int *)from);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_object_new_int(*(const int32_t *)from);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        memcpy(&narrow, from, 4);
        return json_object_new_int64(narrow);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        memcpy(&wide, from, 8);
        return json_object_new_uint64(wide);
    default:
        return json_object_new_int64(*(const int64_t *)from);
    }
}

static struct json_object *write_map(const ProtobufCFieldDescriptor *field, ProtobufCMessage *const *entries, size_t n)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    struct json_object *object = json_object_new_object();

    for (size_t i = 0; i < n; i++) {
        const char *entry = (const char *)entries[i];
        json_object_object_add(object, *(char *const *)(const void *)(entry + type->fields[0].offset),
                               write_value(&type->fields[1], entry + type->fields[1].offset));
    }
    return object;
}

static struct json_object *write_repeated(const ProtobufCFieldDescriptor *field, const char *items, size_t n)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < n; i++)
        json_object_array_add(array, write_value(field, items + i * element_size(field)));
    return array;
}

/* proto3 has no presence for plain fields: their default is absence. */
static bool is_default(const ProtobufCFieldDescriptor *field, const void *from)
{
    static const uint64_t zero;

    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(void *const *)from == NULL;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return *(char *const *)from == NULL || **(char *const *)from == '\0';
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)from)->len == 0;
    return memcmp(from, &zero, element_size(field)) == 0;
}

static struct json_object *write_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    const void *from = base + field->offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = *(const size_t *)(const void *)(base + field->quantifier_offset);
        if (n == 0)
            return NULL;
        const void *items = *(void *const *)from;
        return is_map(field) ? write_map(field, items, n) : write_repeated(field, items, n);
    }
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        bool set = *(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id;
        return set ? write_value(field, from) : NULL;
    }
    return is_default(field, from) ? NULL : write_value(field, from);
}

static struct json_object *write_message(const ProtobufCMessage *message)
{
    struct json_object *object = json_object_new_object();

    for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        struct json_object *value = write_field(message, field);
        if (value)
            json_object_object_add(object, field->name, value);
    }
    return object;
}

int proto_to_json(const ProtobufCMessage *message, struct buf *out)
{
    struct json_object *object = write_message(message);

    int r =
        buf_append_str(out, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
    return r;
}
