/* SPDX-License-Identifier: Apache-2.0 */
/* What the converters share beside the tables: paths for errors, emptiness, and values with rules of their own. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oci/fields.h"

/* ---- errors ---- */

void oci_path_format(const struct oci_path *path, char *text, size_t size)
{
    text[0] = '\0';
    if (path->up)
        oci_path_format(path->up, text, size);

    size_t len = strlen(text);
    if (path->name)
        snprintf(text + len, size - len, "%s%s", len ? "." : "", path->name);
    else if (path->up)
        snprintf(text + len, size - len, "[%zu]", path->index);
}

/* A text that was cut may end inside a UTF-8 character, and clients refuse such a status: drops the last one. */
static void end_on_character(char *text, size_t size)
{
    size_t len = strlen(text);

    if (len + 1 < size)
        return;
    while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && (unsigned char)text[len - 1] >= 0x80)
        text[len - 1] = '\0';
}

int oci_path_error(struct error *err, const struct oci_path *path, const char *fmt, ...)
{
    char place[256], text[512];

    oci_path_format(path, place, sizeof(place));
    end_on_character(place, sizeof(place));
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    end_on_character(text, sizeof(text));
    return error_status(err, STATUS_INVALID_ARGUMENT, "%s%s%s", place, place[0] ? ": " : "", text);
}

int oci_no_memory(struct error *err)
{
    return error_status(err, STATUS_RESOURCE_EXHAUSTED, "the spec needs more memory than one request may use");
}

/* ---- emptiness ---- */

static bool group_is_empty(const struct oci_field *group, const char *object)
{
    if (group->extra)
        return !*(const bool *)(object + group->extra);
    for (size_t i = 0; i < group->type->n_fields; i++) {
        if (!oci_field_is_empty(&group->type->fields[i], object + group->offset))
            return false;
    }
    return true;
}

bool oci_field_is_empty(const struct oci_field *field, const void *object)
{
    const char *member = (const char *)object + field->offset;

    switch (field->kind) {
    case OCI_BOOL:
        return !*(const bool *)member;
    case OCI_STRING:
    case OCI_OBJECT:
        return !*(void *const *)member;
    case OCI_STRINGS:
        return ((const struct strlist *)member)->n == 0;
    case OCI_U32:
    case OCI_ID:
        return *(const uint32_t *)member == 0;
    case OCI_U64:
    case OCI_I64:
        return *(const uint64_t *)member == 0;
    case OCI_OPT_U32:
    case OCI_OPT_U64:
    case OCI_ERRNO:
        return !((const struct opt_u64 *)member)->set;
    case OCI_OPT_I64:
    case OCI_LIMIT:
    case OCI_NUMBER:
        return !((const struct opt_i64 *)member)->set;
    case OCI_IDS:
    case OCI_LIST:
    case OCI_MAP:
        return *(const size_t *)((const char *)object + field->extra) == 0;
    case OCI_GROUP:
        return group_is_empty(field, object);
    default: /* words always say something */
        return false;
    }
}

/* ---- words and numbers ---- */

int oci_namespace_set(enum oci_namespace_type *ret_type, const char *text, const struct oci_path *path, struct error *err)
{
    int type = oci_namespace_parse(text ?: "");
    if (type < 0)
        return oci_path_error(err, path, "unknown namespace '%s'", text ?: "");
    *ret_type = (enum oci_namespace_type)type;
    return 0;
}

/* One letter of letters; *type stays as it is when text is absent. */
static int set_letter(char *type, const char *text, const char *letters)
{
    if (!text || !text[0] || text[1] || !strchr(letters, text[0]))
        return -1;
    *type = text[0];
    return 0;
}

int oci_device_type_set(char *type, const char *text, const struct oci_path *path, struct error *err)
{
    if (set_letter(type, text, "cbup") < 0)
        return oci_path_error(err, path, "unknown device type '%s'", text ?: "");
    return 0;
}

int oci_rule_type_set(char *type, const char *text, const struct oci_path *path, struct error *err)
{
    if (!text || !text[0])
        return 0;
    if (set_letter(type, text, "acb") < 0)
        return oci_path_error(err, path, "unknown device type '%s'", text);
    return 0;
}

int oci_number_set(struct opt_i64 *number, int64_t value, const struct oci_path *path, struct error *err)
{
    if (value < -1)
        return oci_path_error(err, path, "%lld is not a device number", (long long)value);
    if (value >= 0)
        *number = (struct opt_i64){.set = true, .value = value};
    return 0;
}

int oci_id_set(uint32_t *id, uint64_t value, const struct oci_path *path, struct error *err)
{
    if (value > OCI_ID_MAX)
        return oci_path_error(err, path, "%llu is not in 0..%u", (unsigned long long)value, OCI_ID_MAX);
    *id = (uint32_t)value;
    return 0;
}
