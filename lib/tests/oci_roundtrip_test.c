/* SPDX-License-Identifier: Apache-2.0 */
/* Properties over random specs. The generator walks the descriptors of the wire message, so it knows nothing of the converters'
 * own tables: a field they forget is a field that does not come back. */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "oci/json.h"
#include "oci/wire.h"
#include "proto/proto.h"

#define SPECS 2000
#define BUDGET (8 * 1024 * 1024)

/* ---- random messages ---- */

struct random {
    uint64_t state;
    struct arena *a;
};

static uint32_t random_below(struct random *random, uint32_t bound)
{
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random->state >> 33) % bound;
}

static uint64_t random_bits(struct random *random)
{
    static const uint64_t corners[] = {0,         1,          2,         100, INT32_MAX, UINT32_MAX, (uint64_t)UINT32_MAX + 1,
                                       INT64_MAX, 1ull << 63, UINT64_MAX};
    return corners[random_below(random, ARRAY_SIZE(corners))];
}

static char *random_string(struct random *random)
{
    static const char *const parts[] = {"", "a", "/", "Zz9", " ", "\"", "\\", "\n", "\x01", "\x7f", "é", "€", "😀", "=", "tail"};
    char text[64] = "";

    for (uint32_t n = random_below(random, 6); n > 0; n--)
        strcat(text, parts[random_below(random, ARRAY_SIZE(parts))]);
    return arena_strdup(random->a, text);
}

static ProtobufCMessage *random_message(struct random *random, const ProtobufCMessageDescriptor *type, size_t number);

static void random_value(struct random *random, const ProtobufCFieldDescriptor *field, void *to, size_t number)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)to = random_below(random, 2) != 0;
        break;
    case PROTOBUF_C_TYPE_UINT32:
        *(uint32_t *)to = (uint32_t)random_bits(random);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        *(uint64_t *)to = random_bits(random);
        break;
    case PROTOBUF_C_TYPE_STRING:
        *(char **)to = random_string(random);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        *(void **)to = random_message(random, field->descriptor, number);
        break;
    default:
        fail_msg("%s: type %d", field->name, field->type);
    }
}

static void random_list(struct random *random, const ProtobufCFieldDescriptor *field, char *message)
{
    static const size_t sizes[] = {
        [PROTOBUF_C_TYPE_UINT32] = sizeof(uint32_t),
        [PROTOBUF_C_TYPE_STRING] = sizeof(char *),
        [PROTOBUF_C_TYPE_MESSAGE] = sizeof(void *),
    };
    size_t n = random_below(random, 4), size = sizes[field->type];

    assert_true(size > 0);
    char *items = arena_calloc(random->a, n, size);
    for (size_t i = 0; i < n; i++)
        random_value(random, field, items + i * size, i);
    *(size_t *)(message + field->quantifier_offset) = n;
    *(void **)(message + field->offset) = n ? items : NULL;
}

static void restrict_to_what_specs_hold(struct random *random, const ProtobufCMessageDescriptor *type,
                                        ProtobufCMessage *message, size_t number);

static ProtobufCMessage *random_message(struct random *random, const ProtobufCMessageDescriptor *type, size_t number)
{
    ProtobufCMessage *message = proto_new(random->a, type);

    for (size_t i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        char *member = (char *)message + field->offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            random_list(random, field, (char *)message);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE && random_below(random, 4) == 0)
            *(void **)member = NULL;
        else
            random_value(random, field, member, 0);
    }
    restrict_to_what_specs_hold(random, type, message, number);
    return message;
}

/* ---- what a valid spec says, and the one way in which Tatami writes it ---- */

static void restrict_ids(uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = ids[i] == UINT32_MAX ? UINT32_MAX - 1 : ids[i];
}

static void restrict_rule(struct random *random, Grpc__LinuxDeviceCgroup *rule)
{
    static char *const types[] = {"a", "b", "c"};

    rule->type = types[random_below(random, 3)];
    rule->major = rule->major < -1 ? -1 : rule->major;
    rule->minor = rule->minor < -1 ? -1 : rule->minor;
    if (rule->type[0] == 'a' && (rule->major == 0 || rule->major == -1) && (rule->minor == 0 || rule->minor == -1))
        rule->major = rule->minor = -1;
}

static void restrict_words(struct random *random, ProtobufCMessage *message)
{
    static char *const namespaces[] = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
    static char *const devices[] = {"c", "b", "u", "p"};

    if (message->descriptor == &grpc__linux_namespace__descriptor)
        ((Grpc__LinuxNamespace *)message)->type = namespaces[random_below(random, 8)];
    if (message->descriptor == &grpc__linux_device__descriptor) {
        ((Grpc__LinuxDevice *)message)->type = devices[random_below(random, 4)];
        restrict_ids(&((Grpc__LinuxDevice *)message)->uid, 1);
        restrict_ids(&((Grpc__LinuxDevice *)message)->gid, 1);
    }
    if (message->descriptor == &grpc__linux_device_cgroup__descriptor)
        restrict_rule(random, (Grpc__LinuxDeviceCgroup *)message);
}

static void restrict_presence(struct random *random, ProtobufCMessage *message)
{
    if (message->descriptor == &grpc__spec__descriptor) {
        ((Grpc__Spec *)message)->windows = NULL;
        ((Grpc__Spec *)message)->solaris = NULL;
    }
    if (message->descriptor == &grpc__process__descriptor && !((Grpc__Process *)message)->user)
        ((Grpc__Process *)message)->user = (void *)random_message(random, &grpc__user__descriptor, 0);
    if (message->descriptor == &grpc__linux_intel_rdt__descriptor)
        ((Grpc__LinuxIntelRdt *)message)->l3cacheschema = "L3:0=f";
    if (message->descriptor == &grpc__linux_syscall__descriptor) {
        Grpc__LinuxSyscall *rule = (Grpc__LinuxSyscall *)message;
        rule->_errnoret_case =
            rule->errnoret ? GRPC__LINUX_SYSCALL___ERRNORET_ERRNORET : GRPC__LINUX_SYSCALL___ERRNORET__NOT_SET;
    }
}

static void restrict_to_what_specs_hold(struct random *random, const ProtobufCMessageDescriptor *type,
                                        ProtobufCMessage *message, size_t number)
{
    restrict_words(random, message);
    restrict_presence(random, message);
    if (type == &grpc__user__descriptor) {
        Grpc__User *user = (Grpc__User *)message;
        restrict_ids(&user->uid, 1);
        restrict_ids(&user->gid, 1);
        restrict_ids(user->additionalgids, user->n_additionalgids);
    }
    if (type == &grpc__spec__annotations_entry__descriptor || type == &grpc__linux__sysctl_entry__descriptor) {
        Grpc__Spec__AnnotationsEntry *entry = (Grpc__Spec__AnnotationsEntry *)message;
        entry->key = arena_printf(random->a, "%s%zu", entry->key, number);
    }
}

/* ---- comparison ---- */

struct bytes {
    uint8_t *data;
    size_t len;
};

static struct bytes pack(struct arena *a, const Grpc__Spec *wire)
{
    size_t len = protobuf_c_message_get_packed_size(&wire->base);
    struct bytes bytes = {.data = arena_alloc(a, len), .len = len};
    assert_int_equal(protobuf_c_message_pack(&wire->base, bytes.data), len);
    return bytes;
}

static void check_same_bytes(uint64_t seed, const char *what, struct bytes got, struct bytes want)
{
    if (got.len != want.len || memcmp(got.data, want.data, want.len) != 0)
        fail_msg("seed %llu: %s changes the spec", (unsigned long long)seed, what);
}

static struct oci_spec *from_bytes(struct arena *a, uint64_t seed, struct bytes bytes)
{
    struct error err = {0};
    ProtobufCMessage *wire;
    struct oci_spec *spec = NULL;

    if (proto_unpack(a, &grpc__spec__descriptor, bytes.data, bytes.len, &wire, &err) < 0 ||
        oci_spec_from_wire(a, (Grpc__Spec *)wire, &spec, &err) < 0)
        fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
    return spec;
}

static struct bytes to_bytes(struct arena *a, const struct oci_spec *spec)
{
    Grpc__Spec *wire;
    assert_int_equal(oci_spec_to_wire(a, spec, &wire, NULL), 0);
    return pack(a, wire);
}

static struct oci_spec *through_json(struct arena *a, uint64_t seed, const struct oci_spec *spec, struct buf *text)
{
    struct error err = {0};
    struct strlist unapplied;
    struct oci_spec *copy;

    assert_int_equal(oci_spec_to_json(spec, text, &err), 0);
    if (oci_spec_from_json(a, text->data, text->len, &copy, &unapplied, &err) < 0)
        fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
    assert_int_equal(unapplied.n, 0);
    return copy;
}

/* ---- properties ---- */

static void no_spec_changes_on_its_way(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SPECS; seed++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        _buf_ struct buf text = BUF_INIT(BUDGET), again = BUF_INIT(BUDGET);
        struct random random = {.state = seed, .a = a};

        struct bytes sent = pack(a, (Grpc__Spec *)random_message(&random, &grpc__spec__descriptor, 0));
        struct oci_spec *spec = from_bytes(a, seed, sent);
        check_same_bytes(seed, "wire -> spec -> wire", to_bytes(a, spec), sent);

        struct oci_spec *copy = through_json(a, seed, spec, &text);
        check_same_bytes(seed, "spec -> JSON -> spec", to_bytes(a, copy), sent);
        assert_int_equal(oci_spec_to_json(copy, &again, NULL), 0);
        check_string("JSON", again.data, text.data);
    }
}

static void a_process_and_resources_travel_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct random random = {.state = seed, .a = a};
        Grpc__Process *process = (void *)random_message(&random, &grpc__process__descriptor, 0), *process_again;
        Grpc__LinuxResources *resources = (void *)random_message(&random, &grpc__linux_resources__descriptor, 0),
                             *resources_again;
        struct oci_process *read_process;
        struct oci_resources *read_resources;

        assert_int_equal(oci_process_from_wire(a, process, &read_process, NULL), 0);
        assert_int_equal(oci_process_to_wire(a, read_process, &process_again, NULL), 0);
        assert_int_equal(oci_resources_from_wire(a, resources, &read_resources, NULL), 0);
        assert_int_equal(oci_resources_to_wire(a, read_resources, &resources_again, NULL), 0);

        Grpc__Linux linux_sent = GRPC__LINUX__INIT, linux_got = GRPC__LINUX__INIT;
        Grpc__Spec sent = GRPC__SPEC__INIT, got = GRPC__SPEC__INIT;
        linux_sent.resources = resources, linux_got.resources = resources_again;
        sent.process = process, sent.linux = &linux_sent;
        got.process = process_again, got.linux = &linux_got;
        check_same_bytes(seed, "a part", pack(a, &got), pack(a, &sent));
    }
}

/* The spec must not point into the message: a request dies before its container. */
static void a_spec_does_not_need_its_message(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct arena *request = arena_new(BUDGET);
        struct random random = {.state = seed, .a = request};
        Grpc__Spec *wire = (Grpc__Spec *)random_message(&random, &grpc__spec__descriptor, 0);
        struct bytes sent = pack(a, wire);
        struct oci_spec *spec;

        assert_int_equal(oci_spec_from_wire(a, wire, &spec, NULL), 0);
        arena_reset(request);
        memset(arena_alloc(request, 1024), 0xee, 1024);
        arena_free(request);
        check_same_bytes(seed, "freeing the message", to_bytes(a, spec), sent);
    }
}

static void every_budget_ends_in_success_or_in_no_memory(void **state)
{
    _arena_ struct arena *source = arena_new(BUDGET);
    struct random random = {.state = 7, .a = source};
    Grpc__Spec *wire = (Grpc__Spec *)random_message(&random, &grpc__spec__descriptor, 0), *wire_again;
    _buf_ struct buf text = BUF_INIT(BUDGET);
    struct oci_spec *spec, *read;
    struct error err;
    size_t refused[3] = {0};

    (void)state;
    assert_int_equal(oci_spec_from_wire(source, wire, &spec, NULL), 0);
    assert_int_equal(oci_spec_to_json(spec, &text, NULL), 0);
    for (size_t budget = 0; budget < 64 * 1024; budget += 16 + budget / 64) {
        struct arena *arenas[] = {arena_new(budget), arena_new(budget), arena_new(budget)};
        int results[] = {
            oci_spec_from_wire(arenas[0], wire, &read, &err),
            oci_spec_to_wire(arenas[1], spec, &wire_again, &err),
            oci_spec_from_json(arenas[2], text.data, text.len, &read, NULL, &err),
        };
        for (size_t i = 0; i < ARRAY_SIZE(arenas); i++) {
            assert_true(results[i] == 0 || results[i] == -ENOBUFS);
            refused[i] += results[i] < 0;
            arena_free(arenas[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_true(refused[i] > 20);
    assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
}

static void json_fits_its_buffer_or_leaves_it_alone(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct random random = {.state = 3, .a = a};
    Grpc__Spec *wire = (Grpc__Spec *)random_message(&random, &grpc__spec__descriptor, 0);
    _buf_ struct buf whole = BUF_INIT(BUDGET);
    struct oci_spec *spec = NULL;

    (void)state;
    assert_int_equal(oci_spec_from_wire(a, wire, &spec, NULL), 0);
    assert_int_equal(oci_spec_to_json(spec, &whole, NULL), 0);
    for (size_t max = 0; max <= whole.len + 3; max += max + 40 < whole.len ? 37 : 1) {
        _buf_ struct buf text = BUF_INIT(max);
        struct error err = {0};
        bool has_head = buf_append_str(&text, "[x]") == 0;
        int r = oci_spec_to_json(spec, &text, &err);
        assert_int_equal(r, has_head && max >= whole.len + 3 ? 0 : -EMSGSIZE);
        if (r < 0 && has_head)
            assert_string_equal(text.data, "[x]");
        if (r < 0)
            assert_int_equal(text.len, has_head ? 3 : 0);
        if (r == 0)
            assert_string_equal(text.data + 3, whole.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spec_changes_on_its_way),
        cmocka_unit_test(a_process_and_resources_travel_alone),
        cmocka_unit_test(a_spec_does_not_need_its_message),
        cmocka_unit_test(every_budget_ends_in_success_or_in_no_memory),
        cmocka_unit_test(json_fits_its_buffer_or_leaves_it_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
