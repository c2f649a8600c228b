/* SPDX-License-Identifier: Apache-2.0 */
/* One description of the spec for its four converters: per object a table of fields with the JSON name, the place in the
 * internal struct and the place in the wire message. Private to lib/oci. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/spec.h"

#define OCI_ID_MAX (UINT32_MAX - 1)

/* Kind of a field: member in the internal struct <-> member in the wire message. JSON follows from the kind. */
enum oci_kind {
    OCI_BOOL,
    OCI_STRING,  /* char *, NULL when absent <-> char *, "" when absent */
    OCI_STRINGS, /* struct strlist <-> repeated string */
    OCI_U32,
    OCI_U64,
    OCI_I64,
    OCI_ID,      /* uint32_t, a user or group: 4294967295 (-1) means "unchanged" to the kernel and is refused */
    OCI_IDS,     /* uint32_t * and count <-> repeated uint32 */
    OCI_OPT_U32, /* struct opt_u64 <-> uint32, 0 when absent */
    OCI_OPT_U64, /* struct opt_u64 <-> uint64, 0 when absent */
    OCI_OPT_I64, /* struct opt_i64 <-> int64, 0 when absent */
    OCI_LIMIT,   /* struct opt_i64 <-> int64, present with its message: 0 is a limit */
    OCI_NUMBER,  /* struct opt_i64, a device number <-> int64, -1 when absent */
    OCI_ERRNO,   /* struct opt_u64 <-> uint32 in a oneof; 0 is absent as well */
    OCI_NAMESPACE,
    OCI_DEVICE_TYPE,
    OCI_RULE_TYPE,
    OCI_OBJECT, /* pointer, NULL when absent <-> message */
    OCI_GROUP,  /* part of the same struct <-> message; present when its flag is true or, without a flag, when a member is */
    OCI_LIST,   /* array of structs and count <-> repeated message */
    OCI_MAP,    /* struct oci_map <-> repeated map entry */
    OCI_KIND_MAX,
};

enum oci_rule {
    OCI_MAY_MISS,
    OCI_ALWAYS, /* written even if it is zero: other readers demand it */
    OCI_MUST,   /* must be in JSON, because no default is safe */
};

struct oci_type;

struct oci_field {
    const char *json;
    enum oci_kind kind;
    enum oci_rule rule;
    uint16_t offset;
    uint16_t extra;      /* offset of a list's count or of a group's bool flag (0: no flag) */
    uint16_t wire;       /* offset in the message; 0: not on the wire */
    uint16_t wire_extra; /* offset of a repeated field's count or of a oneof's case */
    const struct oci_type *type;
};

struct oci_type {
    size_t size; /* of the internal struct */
    const ProtobufCMessageDescriptor *wire;
    const struct oci_field *fields;
    size_t n_fields;
    const char *const *unapplied;    /* JSON names that the specification knows and Tatami does not apply; NULL-terminated */
    void (*normalise)(void *object); /* after reading */
};

extern const struct oci_type oci_spec_type;
extern const struct oci_type oci_process_type;
extern const struct oci_type oci_resources_type;

/* Place of a value, for errors: "linux.namespaces[2].type". name NULL: element index of up. */
struct oci_path {
    const struct oci_path *up;
    const char *name;
    size_t index;
};

/* Writes the path into text, cut if it does not fit. */
void oci_path_format(const struct oci_path *path, char *text, size_t size);
/* Records INVALID_ARGUMENT "PATH: TEXT". Returns -EINVAL. */
int oci_path_error(struct error *err, const struct oci_path *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Records RESOURCE_EXHAUSTED. Returns -ENOBUFS. */
int oci_no_memory(struct error *err);

/* True when a writer may leave the field out. */
bool oci_field_is_empty(const struct oci_field *field, const void *object);

/* The values that are words or have a meaning of their own. text may be NULL (absent). 0 or -EINVAL with path in err. */
int oci_namespace_set(enum oci_namespace_type *ret_type, const char *text, const struct oci_path *path, struct error *err);
int oci_device_type_set(char *type, const char *text, const struct oci_path *path, struct error *err);
int oci_rule_type_set(char *type, const char *text, const struct oci_path *path, struct error *err);
int oci_number_set(struct opt_i64 *number, int64_t value, const struct oci_path *path, struct error *err);
int oci_id_set(uint32_t *id, uint64_t value, const struct oci_path *path, struct error *err);
