/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/edit.h"

#include <string.h>

#include "proto/proto.h"

#define EDITS_MAX 16
#define LIST_MAX 64
#define RAW_TEXT_MAX 40
#define STRING(s) ((char *)(uintptr_t)(s))

struct edit {
    struct arena *a;
    const uint8_t *data, *end;
};

static unsigned int take(struct edit *edit)
{
    return edit->data < edit->end ? *edit->data++ : 0;
}

/* ---- values ---- */

static const char *const words[] = {
    "",
    "/",
    "/proc",
    "/dev",
    "/dev/pts",
    "/sys/fs/cgroup",
    "/etc/passwd",
    "/bin",
    "/home",
    "/tmp",
    "/mnt/new/deep",
    "/proc/1/ns/net",
    "/proc/self/exe",
    "..",
    "../../etc",
    "/proc/../dev",
    "/dev/null",
    "/dev/ptmx",
    "relative",
    "/test/rootfs",
    "/test/rootfs/bin",
    "c1",
    "c2",
    "e1",
    "bind",
    "rbind",
    "ro",
    "rw",
    "nosuid",
    "noexec",
    "remount",
    "rshared",
    "private",
    "slave",
    "unbindable",
    "tmpcopyup",
    "tmpfs",
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "mqueue",
    "devpts",
    "overlay",
    "size=64k",
    "mode=755",
    "gid=5",
    "newinstance",
    "relatime",
    "idmap",
    "sh",
    "-c",
    "cat",
    "true",
    "sleep",
    "1000",
    "exit 3",
    "forks 2 2 9",
    "eat",
    "cat /proc/self/status",
    "PATH=/bin",
    "HOME=/",
    "pid",
    "network",
    "mount",
    "ipc",
    "uts",
    "user",
    "cgroup",
    "time",
    "CAP_SYS_ADMIN",
    "CAP_KILL",
    "CAP_NONE",
    "RLIMIT_NOFILE",
    "RLIMIT_CORE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ARCH_X86_64",
    "SCMP_CMP_EQ",
    "SCMP_CMP_MASKED_EQ",
    "mkdirat",
    "write",
    "a",
    "b",
    "p",
    "rwm",
    "r",
    "0-1",
    "0",
    "2MB",
    "8:0",
    "kernel.shmmax",
    "net.ipv4.ip_forward",
    "kernel.domainname",
    "vm.swappiness",
    "root",
    "1000",
    "12345",
    "/tatami-test-sim/c1",
    "/tatami-test-sim/x/y/z",
    "system.slice:kata:c1",
    "a b",
    "a\nb",
    "%s%n",
    "\xc3\xa9",
};

static const uint64_t corners[] = {
    0,     1,     2,       5,         19,         64,         100,        1000,      4095,       4096,       65534,
    65535, 65536, 1048576, INT32_MAX, 1ull << 31, UINT32_MAX, 1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 1};

static uint64_t take_number(struct edit *edit)
{
    unsigned int choice = take(edit);
    uint64_t number = 0;

    if (choice < ARRAY_SIZE(corners))
        return corners[choice];
    for (unsigned int i = 0; i < 1 + choice % 8; i++)
        number = number << 8 | take(edit);
    return number;
}

static char *take_text(struct edit *edit)
{
    unsigned int choice = take(edit);
    char raw[RAW_TEXT_MAX + 1] = "";

    if (choice < ARRAY_SIZE(words))
        return STRING(words[choice]);
    for (unsigned int i = 0; i < choice % RAW_TEXT_MAX; i++)
        raw[i] = (char)take(edit);
    return arena_strdup(edit->a, raw);
}

static void edit_once(struct edit *edit, ProtobufCMessage *message);

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return sizeof(uint64_t);
    default:
        return sizeof(uint32_t); /* bool too: protobuf_c_boolean is an int */
    }
}

static void edit_element(struct edit *edit, const ProtobufCFieldDescriptor *field, void *value);

/* A message that is there is dropped now and then. */
static void edit_value(struct edit *edit, const ProtobufCFieldDescriptor *field, void *value)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && *(void **)value && take(edit) % 16 == 15)
        *(void **)value = NULL;
    else
        edit_element(edit, field, value);
}

/* A message is made first when there is none. */
static void edit_element(struct edit *edit, const ProtobufCFieldDescriptor *field, void *value)
{
    uint64_t number;

    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage **message = value;
        *message = *message ?: proto_new(edit->a, field->descriptor);
        edit_once(edit, *message);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        *(char **)value = take_text(edit);
    } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
        *(protobuf_c_boolean *)value = !*(protobuf_c_boolean *)value;
    } else if (field->type != PROTOBUF_C_TYPE_BYTES) {
        number = take_number(edit);
        memcpy(value, &number, size_of(field));
    }
}

/* ---- lists ---- */

enum { APPEND, REPEAT, DROP, CHANGE, LIST_EDITS };

static void edit_list(struct edit *edit, const ProtobufCFieldDescriptor *field, size_t *n, char **items)
{
    size_t size = size_of(field);
    unsigned int choice = take(edit), what = *n ? choice % LIST_EDITS : APPEND;
    size_t at = *n ? choice / LIST_EDITS % *n : 0;

    if (*n >= LIST_MAX)
        return;
    char *copy = arena_calloc(edit->a, *n + 1, size);
    if (*n)
        memcpy(copy, *items, *n * size);
    *items = copy;
    if (what == DROP)
        memmove(copy + at * size, copy + (at + 1) * size, (--*n - at) * size);
    else if (what == REPEAT)
        memcpy(copy + (*n)++ * size, copy + at * size, size);
    else
        edit_element(edit, field, copy + (what == APPEND ? (*n)++ : at) * size);
}

/* ---- messages ---- */

static void edit_once(struct edit *edit, ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;

    if (type->n_fields == 0)
        return;
    const ProtobufCFieldDescriptor *field = &type->fields[take(edit) % type->n_fields];
    char *base = (char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        edit_list(edit, field, (size_t *)(void *)(base + field->quantifier_offset), (char **)(void *)(base + field->offset));
        return;
    }
    edit_value(edit, field, base + field->offset);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)(void *)(base + field->quantifier_offset) = field->id;
}

void edit_message(struct arena *a, ProtobufCMessage *message, const uint8_t *data, size_t size)
{
    struct edit edit = {.a = a, .data = data, .end = data + size};

    for (int i = 0; i < EDITS_MAX && edit.data < edit.end; i++)
        edit_once(&edit, message);
}
