/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/record.h"

#include <json-c/json.h>
#include <string.h>

#include "json/json_text.h"

static const char *const words[CONTAINER_STATUS_MAX] = {
    [CONTAINER_CREATING] = "creating", [CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
    [CONTAINER_PAUSED] = "paused",     [CONTAINER_STOPPED] = "stopped",
};

enum field_kind {
    FIELD_TEXT,
    FIELD_BOOL,
    FIELD_STATUS,
    FIELD_INT,
    FIELD_U64,
    FIELD_LIST,
};

static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
} fields[] = {
    {"id", FIELD_TEXT, offsetof(struct record, id)},
    {"guestId", FIELD_TEXT, offsetof(struct record, guest_id)},
    {"bundle", FIELD_TEXT, offsetof(struct record, bundle)},
    {"rootfs", FIELD_TEXT, offsetof(struct record, rootfs)},
    {"sandboxId", FIELD_TEXT, offsetof(struct record, sandbox_id)},
    {"ownsSandbox", FIELD_BOOL, offsetof(struct record, owns_sandbox)},
    {"terminal", FIELD_BOOL, offsetof(struct record, terminal)},
    {"started", FIELD_BOOL, offsetof(struct record, is_started)},
    {"status", FIELD_STATUS, offsetof(struct record, status)},
    {"createdNs", FIELD_U64, offsetof(struct record, created_ns)},
    {"creatorPid", FIELD_INT, offsetof(struct record, creator.pid)},
    {"creatorStart", FIELD_U64, offsetof(struct record, creator.start)},
    {"handlePid", FIELD_INT, offsetof(struct record, handle.pid)},
    {"handleStart", FIELD_U64, offsetof(struct record, handle.start)},
    {"cgroup", FIELD_TEXT, offsetof(struct record, cgroup)},
    {"cgroupMade", FIELD_LIST, offsetof(struct record, cgroup_made)},
};

const char *status_word(enum status_kind status)
{
    return words[status];
}

enum status_kind record_status(const struct record *record)
{
    if (record->status == CONTAINER_CREATING)
        return proc_is_alive(&record->creator) ? CONTAINER_CREATING : CONTAINER_STOPPED;
    return proc_is_alive(&record->handle) ? record->status : CONTAINER_STOPPED;
}

static json_object *list_to_json(const struct strlist *list)
{
    json_object *json = json_object_new_array();

    for (size_t i = 0; i < list->n; i++)
        json_object_array_add(json, json_object_new_string(list->items[i]));
    return json;
}

static json_object *field_to_json(const struct field *field, const void *value)
{
    switch (field->kind) {
    case FIELD_TEXT:
        return json_object_new_string(*(const char *const *)value);
    case FIELD_BOOL:
        return json_object_new_boolean(*(const bool *)value);
    case FIELD_STATUS:
        return json_object_new_string(words[*(const enum status_kind *)value]);
    case FIELD_INT:
        return json_object_new_int(*(const int *)value);
    case FIELD_U64:
        return json_object_new_uint64(*(const uint64_t *)value);
    case FIELD_LIST:
        return list_to_json(value);
    }
    return NULL;
}

int record_to_json(const struct record *record, struct buf *out)
{
    json_object *json = json_object_new_object();

    json_object_object_add(json, "version", json_object_new_int(RECORD_VERSION));
    FOR_ROWS (field, fields)
        json_object_object_add(json, field->name, field_to_json(field, (const char *)record + field->offset));
    int r =
        buf_printf(out, "%s\n", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(json);
    return r;
}

/* ---- reading ---- */

static int parse_status(const char *word, enum status_kind *ret_status)
{
    for (int i = 0; i < CONTAINER_STATUS_MAX; i++) {
        if (strcmp(words[i], word) == 0) {
            *ret_status = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int list_from_json(struct arena *a, json_object *json, struct strlist *list)
{
    int r = 0;

    for (size_t i = 0; i < json_object_array_length(json) && r == 0; i++) {
        json_object *item = json_object_array_get_idx(json, i);
        r = json_object_is_type(item, json_type_string) ? strlist_add(a, list, json_object_get_string(item)) : -EINVAL;
    }
    return r;
}

static int field_from_json(struct arena *a, const struct field *field, json_object *json, void *value)
{
    static const enum json_type types[] = {
        [FIELD_TEXT] = json_type_string, [FIELD_BOOL] = json_type_boolean, [FIELD_STATUS] = json_type_string,
        [FIELD_INT] = json_type_int,     [FIELD_U64] = json_type_int,      [FIELD_LIST] = json_type_array,
    };

    if (!json_object_is_type(json, types[field->kind]))
        return -EINVAL;
    switch (field->kind) {
    case FIELD_TEXT:
        *(const char **)value = arena_strdup(a, json_object_get_string(json));
        return *(const char **)value ? 0 : -EINVAL;
    case FIELD_BOOL:
        *(bool *)value = json_object_get_boolean(json);
        return 0;
    case FIELD_STATUS:
        return parse_status(json_object_get_string(json), value);
    case FIELD_INT:
        *(int *)value = json_object_get_int(json);
        return *(int *)value < 0 ? -EINVAL : 0;
    case FIELD_U64:
        *(uint64_t *)value = json_object_get_uint64(json);
        return 0;
    case FIELD_LIST:
        return list_from_json(a, json, value);
    }
    return -EINVAL;
}

static int read_fields(struct arena *a, json_object *json, struct record *record, struct error *err)
{
    json_object *version = NULL;

    if (!json_object_is_type(json, json_type_object) || !json_object_object_get_ex(json, "version", &version))
        return error_status(err, STATUS_INVALID_ARGUMENT, "not a record of tatami");
    if (!json_object_is_type(version, json_type_int) || json_object_get_int(version) != RECORD_VERSION)
        return error_status(err, STATUS_INVALID_ARGUMENT, "version %s instead of %d", json_object_get_string(version),
                            RECORD_VERSION);
    FOR_ROWS (field, fields) {
        json_object *member = NULL;
        if (!json_object_object_get_ex(json, field->name, &member) ||
            field_from_json(a, field, member, (char *)record + field->offset) < 0)
            return error_status(err, STATUS_INVALID_ARGUMENT, "field '%s' is missing or wrong", field->name);
    }
    return 0;
}

int record_from_json(struct arena *a, const char *text, size_t len, struct record *ret_record, struct error *err)
{
    struct record record = {.id = NULL};
    json_object *json = NULL;

    int r = json_text_parse(text, len, &json, err);
    if (r < 0)
        return r;
    r = read_fields(a, json, &record, err);
    json_object_put(json);
    if (r == 0)
        *ret_record = record;
    return r;
}
