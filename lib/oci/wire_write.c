/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/wire.h"

#include "oci/fields.h"
#include "proto/proto.h"

struct writer {
    struct arena *a;
    struct error *err;
};

/* Where one field comes from and goes to. */
struct place {
    const struct oci_field *field;
    const char *object;
    char *wire; /* the message */
};

static const void *member(const struct place *at)
{
    return at->object + at->field->offset;
}

static size_t count(const struct place *at)
{
    return *(const size_t *)(at->object + at->field->extra);
}

static void *wire_member(const struct place *at)
{
    return at->wire + at->field->wire;
}

static void set_wire_count(const struct place *at, size_t n)
{
    *(size_t *)(at->wire + at->field->wire_extra) = n;
}

static int write_object(const struct writer *out, const struct oci_type *type, const void *object, void **ret_wire);

/* ---- plain values ---- */

static int write_bool(const struct writer *out UNUSED, const struct place *at)
{
    *(protobuf_c_boolean *)wire_member(at) = *(const bool *)member(at);
    return 0;
}

static int write_string(const struct writer *out UNUSED, const struct place *at)
{
    char *from = *(char *const *)member(at);
    if (from)
        *(char **)wire_member(at) = from;
    return 0;
}

static int write_strings(const struct writer *out UNUSED, const struct place *at)
{
    const struct strlist *from = member(at);
    *(char ***)wire_member(at) = from->items;
    set_wire_count(at, from->n);
    return 0;
}

static int write_u32(const struct writer *out UNUSED, const struct place *at)
{
    *(uint32_t *)wire_member(at) = *(const uint32_t *)member(at);
    return 0;
}

static int write_64(const struct writer *out UNUSED, const struct place *at)
{
    *(uint64_t *)wire_member(at) = *(const uint64_t *)member(at);
    return 0;
}

static int write_ids(const struct writer *out UNUSED, const struct place *at)
{
    *(uint32_t **)wire_member(at) = *(uint32_t *const *)member(at);
    set_wire_count(at, count(at));
    return 0;
}

/* ---- numbers that may be absent ---- */

static int write_opt_u32(const struct writer *out UNUSED, const struct place *at)
{
    const struct opt_u64 *from = member(at);
    *(uint32_t *)wire_member(at) = from->set ? (uint32_t)from->value : 0;
    return 0;
}

static int write_opt_u64(const struct writer *out UNUSED, const struct place *at)
{
    const struct opt_u64 *from = member(at);
    *(uint64_t *)wire_member(at) = from->set ? from->value : 0;
    return 0;
}

static int write_opt_i64(const struct writer *out UNUSED, const struct place *at)
{
    const struct opt_i64 *from = member(at);
    *(int64_t *)wire_member(at) = from->set ? from->value : 0;
    return 0;
}

static int write_number(const struct writer *out UNUSED, const struct place *at)
{
    const struct opt_i64 *from = member(at);
    *(int64_t *)wire_member(at) = from->set ? from->value : -1;
    return 0;
}

static int write_errno(const struct writer *out, const struct place *at)
{
    const struct opt_u64 *from = member(at);
    if (!from->set)
        return 0;
    *(Grpc__LinuxSyscall__ErrnoretCase *)(at->wire + at->field->wire_extra) = GRPC__LINUX_SYSCALL___ERRNORET_ERRNORET;
    return write_opt_u32(out, at);
}

/* ---- words ---- */

static int write_namespace(const struct writer *out UNUSED, const struct place *at)
{
    *(const char **)wire_member(at) = oci_namespace_name(*(const enum oci_namespace_type *)member(at));
    return 0;
}

static int write_letter(const struct writer *out, const struct place *at)
{
    char *text = arena_strndup(out->a, member(at), 1);
    if (!text)
        return oci_no_memory(out->err);
    *(char **)wire_member(at) = text;
    return 0;
}

/* ---- objects ---- */

static int write_pointer(const struct writer *out, const struct place *at)
{
    const void *from = *(void *const *)member(at);
    return from ? write_object(out, at->field->type, from, wire_member(at)) : 0;
}

static int write_group(const struct writer *out, const struct place *at)
{
    if (at->field->rule != OCI_ALWAYS && oci_field_is_empty(at->field, at->object))
        return 0;
    return write_object(out, at->field->type, member(at), wire_member(at));
}

static int write_list(const struct writer *out, const struct place *at)
{
    const char *from = *(void *const *)member(at);
    const struct oci_type *type = at->field->type;
    size_t n = count(at);

    if (n == 0)
        return 0;
    void **to = arena_calloc(out->a, n, sizeof(*to));
    if (!to)
        return oci_no_memory(out->err);
    for (size_t i = 0; i < n; i++) {
        int r = write_object(out, type, from + i * type->size, &to[i]);
        if (r < 0)
            return r;
    }
    *(void **)wire_member(at) = to;
    set_wire_count(at, n);
    return 0;
}

/* Both kinds of map entry have this layout; a test compares it. */
typedef Grpc__Spec__AnnotationsEntry map_entry;

static int write_map(const struct writer *out, const struct place *at)
{
    const struct oci_pair *from = *(void *const *)member(at);
    size_t n = count(at);

    if (n == 0)
        return 0;
    map_entry **to = arena_calloc(out->a, n, sizeof(*to));
    if (!to)
        return oci_no_memory(out->err);
    for (size_t i = 0; i < n; i++) {
        to[i] = (map_entry *)proto_new(out->a, at->field->type->wire);
        if (!to[i])
            return oci_no_memory(out->err);
        to[i]->key = from[i].key;
        to[i]->value = from[i].value;
    }
    *(void **)wire_member(at) = to;
    set_wire_count(at, n);
    return 0;
}

/* ---- all ---- */

static int (*const writers[OCI_KIND_MAX])(const struct writer *, const struct place *) = {
    [OCI_BOOL] = write_bool,
    [OCI_STRING] = write_string,
    [OCI_STRINGS] = write_strings,
    [OCI_U32] = write_u32,
    [OCI_U64] = write_64,
    [OCI_I64] = write_64,
    [OCI_ID] = write_u32,
    [OCI_IDS] = write_ids,
    [OCI_OPT_U32] = write_opt_u32,
    [OCI_OPT_U64] = write_opt_u64,
    [OCI_OPT_I64] = write_opt_i64,
    [OCI_LIMIT] = write_opt_i64,
    [OCI_NUMBER] = write_number,
    [OCI_ERRNO] = write_errno,
    [OCI_NAMESPACE] = write_namespace,
    [OCI_DEVICE_TYPE] = write_letter,
    [OCI_RULE_TYPE] = write_letter,
    [OCI_OBJECT] = write_pointer,
    [OCI_GROUP] = write_group,
    [OCI_LIST] = write_list,
    [OCI_MAP] = write_map,
};

static int write_object(const struct writer *out, const struct oci_type *type, const void *object, void **ret_wire)
{
    ProtobufCMessage *wire = proto_new(out->a, type->wire);
    if (!wire)
        return oci_no_memory(out->err);
    for (size_t i = 0; i < type->n_fields; i++) {
        struct place at = {.field = &type->fields[i], .object = object, .wire = (char *)wire};
        if (!at.field->wire)
            continue;
        int r = writers[at.field->kind](out, &at);
        if (r < 0)
            return r;
    }
    *ret_wire = wire;
    return 0;
}

int oci_spec_to_wire(struct arena *a, const struct oci_spec *spec, Grpc__Spec **ret_wire, struct error *err)
{
    const struct writer out = {.a = a, .err = err};
    void *wire;
    int r = write_object(&out, &oci_spec_type, spec, &wire);
    if (r == 0)
        *ret_wire = wire;
    return r;
}

int oci_process_to_wire(struct arena *a, const struct oci_process *process, Grpc__Process **ret_wire, struct error *err)
{
    const struct writer out = {.a = a, .err = err};
    void *wire;
    int r = write_object(&out, &oci_process_type, process, &wire);
    if (r == 0)
        *ret_wire = wire;
    return r;
}

int oci_resources_to_wire(struct arena *a, const struct oci_resources *resources, Grpc__LinuxResources **ret_wire,
                          struct error *err)
{
    const struct writer out = {.a = a, .err = err};
    void *wire;
    int r = write_object(&out, &oci_resources_type, resources, &wire);
    if (r == 0)
        *ret_wire = wire;
    return r;
}
