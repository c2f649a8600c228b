/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "proto/agent.pb-c.h"
#include "proto/proto.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})
#define BUDGET (1024 * 1024)

struct sample {
    const char *label;
    const uint8_t *bytes;
    size_t len;
};

static int unpack(struct arena *a, const ProtobufCMessageDescriptor *type, const void *p, size_t len, void *ret_message,
                  struct error *err)
{
    ProtobufCMessage *message = NULL;
    int r = proto_unpack(a, type, p, len, &message, err);
    *(ProtobufCMessage **)ret_message = message;
    return r;
}

/* ---- strings ---- */

static void strings_are_utf8_without_nul(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } rows[] = {
        {"", 0, true},
        {"a", 1, true},
        {"plain text of more than eight bytes", 35, true},
        {"12345678\x80", 9, false},
        {"1234567\xc3\xa9x", 10, true},
        {"\0", 1, false},
        {"12345678\0", 9, false},
        {"1234\0"
         "567",
         8, false},
        {"\x7f", 1, true},
        {"\x01", 1, true},
        {"\x80", 1, false},
        {"\xc1\xbf", 2, false}, /* overlong */
        {"\xc0\x80", 2, false}, /* overlong NUL */
        {"\xc2\x80", 2, true},
        {"\xc2", 1, false},
        {"\xc2\x7f", 2, false},
        {"\xdf\xbf", 2, true},
        {"\xe0\x9f\xbf", 3, false}, /* overlong */
        {"\xe0\xa0\x80", 3, true},
        {"\xe2\x82", 2, false},
        {"\xe2\x82\xac", 3, true},
        {"\xe2\x82\x2c", 3, false},
        {"\xec\x80\x80", 3, true},
        {"\xed\x9f\xbf", 3, true},
        {"\xed\xa0\x80", 3, false}, /* surrogate */
        {"\xee\x80\x80", 3, true},
        {"\xef\xbf\xbf", 3, true},
        {"\xf0\x8f\xbf\xbf", 4, false}, /* overlong */
        {"\xf0\x90\x80\x80", 4, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xf0\x9f\x98\x20", 4, false},
        {"\xf0\x9f\x20\x80", 4, false},
        {"\xf0\x9f\x98", 3, false},
        {"\xf3\xbf\xbf\xbf", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char label[32];
        snprintf(label, sizeof(label), "row %zu", i);
        check_int(label, proto_string_is_valid(rows[i].text, rows[i].len), rows[i].valid);
    }
}

/* A specification that cannot be read, with the reason where one is asked for. */
static void check_refused(const struct sample *sample, const char *text)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct error err = {0};
    Grpc__Spec *spec;

    check_int(sample->label, unpack(a, &grpc__spec__descriptor, sample->bytes, sample->len, &spec, &err), -EBADMSG);
    check_string(sample->label, err.text, text);
    check_int(sample->label, err.status, STATUS_INVALID_ARGUMENT);
    check_int(sample->label, err.errnum, EBADMSG);
    check_int(sample->label, spec == NULL, 1);
    check_int(sample->label, unpack(a, &grpc__spec__descriptor, sample->bytes, sample->len, &spec, NULL), -EBADMSG);
}

static void a_bad_string_is_refused_with_its_field(void **state)
{
    const struct {
        struct sample sample;
        const char *text;
    } rows[] = {
        {{"not UTF-8", BYTES(0x22, 1, 0xff)}, "Invalid UTF-8 sequence in field grpc.Spec.Hostname"},
        {{"NUL", BYTES(0x22, 3, 'a', 0, 'b')}, "NUL character in field grpc.Spec.Hostname"},
        {{"in a list", BYTES(0x12, 3, 0x22, 1, 0xc0)}, "Invalid UTF-8 sequence in field grpc.Process.Args"},
        {{"in a map", BYTES(0x3a, 3, 0x0a, 1, 0)}, "NUL character in field grpc.Spec.AnnotationsEntry.key"},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_refused(&row->sample, row->text);
}

/* ---- wire format ---- */

static void malformed_messages_are_refused(void **state)
{
    const struct {
        struct sample sample;
        const char *text;
    } rows[] = {
        {{"tag cut", BYTES(0x80)}, "Truncated message"},
        {{"value missing", BYTES(0x08)}, "Truncated message"},
        {{"varint cut", BYTES(0x08, 0xff)}, "Truncated message"},
        {{"varint of 11 bytes", BYTES(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0)},
         "Incorrect varint"},
        {{"varint beyond 64 bits", BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2)}, "Incorrect varint"},
        {{"length past the end", BYTES(0x22, 2, 'a')}, "Truncated message"},
        {{"huge length", BYTES(0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)}, "Truncated message"},
        {{"length missing", BYTES(0x22)}, "Truncated message"},
        {{"submessage longer than its parent", BYTES(0x12, 2, 0x08)}, "Truncated message"},
        {{"value past its submessage", BYTES(0x12, 1, 0x08, 1)}, "Truncated message"},
        {{"field 0", BYTES(0x00, 0)}, "Incorrect tag"},
        {{"field beyond the range", BYTES(0x80, 0x80, 0x80, 0x80, 0x10, 0)}, "Incorrect tag"},
        {{"wire type 6", BYTES(0x0e, 0)}, "Incorrect tag"},
        {{"wire type 7", BYTES(0x0f, 0)}, "Incorrect tag"},
        {{"unknown fixed64 cut", BYTES(0x79, 1, 2, 3, 4, 5, 6, 7)}, "Truncated message"},
        {{"unknown fixed32 cut", BYTES(0x7d, 1, 2, 3)}, "Truncated message"},
        {{"unknown bytes cut", BYTES(0x7a, 3, 1, 2)}, "Truncated message"},
        {{"unknown varint cut", BYTES(0x78, 0x80)}, "Truncated message"},
        {{"group without end", BYTES(0x7b)}, "Truncated message"},
        {{"end without group", BYTES(0x7c)}, "Unbalanced group"},
        {{"group ends as another", BYTES(0x7b, 0x74)}, "Unbalanced group"},
        {{"bad tag in a group", BYTES(0x7b, 0x06)}, "Incorrect tag"},
        {{"bad value in a group", BYTES(0x7b, 0x78, 0x80)}, "Truncated message"},
        {{"packed list cut", BYTES(0x12, 5, 0x1a, 3, 0x1a, 1, 0x80)}, "Truncated message"},
        {{"packed list longer than its message", BYTES(0x12, 4, 0x1a, 2, 0x1a, 1, 1)}, "Truncated message"},
        {{"packed length missing", BYTES(0x12, 3, 0x1a, 1, 0x1a)}, "Truncated message"},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_refused(&row->sample, row->text);
}

static void what_is_not_known_is_skipped(void **state)
{
    const struct sample rows[] = {
        {"unknown varint", BYTES(0x78, 5, 0x22, 1, 'h')},
        {"unknown fixed64", BYTES(0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 1, 'h')},
        {"unknown bytes", BYTES(0x7a, 2, 0xff, 0, 0x22, 1, 'h')},
        {"unknown fixed32", BYTES(0x7d, 1, 2, 3, 4, 0x22, 1, 'h')},
        {"largest field number", BYTES(0xf8, 0xff, 0xff, 0xff, 0x0f, 1, 0x22, 1, 'h')},
        {"empty group", BYTES(0x7b, 0x7c, 0x22, 1, 'h')},
        {"group of everything",
         BYTES(0x7b, 0x08, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, 0, 0x2d, 1, 2, 3, 4, 0x7c, 0x22, 1, 'h')},
        {"groups in groups", BYTES(0x7b, 0x0b, 0x13, 0x14, 0x0c, 0x7c, 0x22, 1, 'h')},
        {"known field as a group", BYTES(0x23, 0x24, 0x22, 1, 'h')},
        {"known string as a varint", BYTES(0x22, 1, 'h', 0x20, 1)},
        {"known message as a fixed32", BYTES(0x15, 1, 2, 3, 4, 0x22, 1, 'h')},
        {"over-long varints", BYTES(0xa2, 0x80, 0x80, 0x80, 0, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 'h')},
        {"last value wins", BYTES(0x22, 3, 'o', 'l', 'd', 0x22, 1, 'h')},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct error err = {0};
        Grpc__Spec *spec;
        if (unpack(a, &grpc__spec__descriptor, row->bytes, row->len, &spec, &err) < 0)
            fail_msg("%s: %s", row->label, err.text);
        check_string(row->label, spec->hostname, "h");
        check_int(row->label, spec->process == NULL, 1);
        check_int(row->label, spec->base.n_unknown_fields, 0);
    }
}

static void deep_groups_are_refused_not_recursed_into(void **state)
{
    static const struct {
        size_t depth;
        int r;
    } rows[] = {{100, 0}, {101, -EBADMSG}, {1000000, -EBADMSG}};

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct error err = {0};
        Grpc__Spec *spec;
        uint8_t *bytes = test_malloc(row->depth * 2);
        memset(bytes, 0x7b, row->depth);
        memset(bytes + row->depth, 0x7c, row->depth);
        assert_int_equal(unpack(a, &grpc__spec__descriptor, bytes, row->depth * 2, &spec, &err), row->r);
        if (row->r < 0)
            assert_string_equal(err.text, "Groups nested too deeply");
        test_free(bytes);
    }
}

static void numbers_have_their_width_and_sign(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct error err = {0};
    Grpc__CopyFileRequest *copy;
    Grpc__AddSwapRequest *swap;
    Grpc__CreateSandboxRequest *sandbox;

    (void)state;
    /* size -1, mode of 33 bits, uid -2, offset 300 */
    assert_int_equal(unpack(a, &grpc__copy_file_request__descriptor,
                            BYTES(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x18, 0xff, 0xff, 0xff, 0xff,
                                  0x1f, 0x28, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x38, 0xac, 2),
                            &copy, &err),
                     0);
    assert_true(copy->file_size == -1);
    assert_int_equal(copy->file_mode, UINT32_MAX);
    assert_int_equal(copy->uid, -2);
    assert_int_equal(copy->offset, 300);
    assert_int_equal(copy->gid, 0);
    assert_int_equal(
        unpack(a, &grpc__create_sandbox_request__descriptor, BYTES(0x20, 0x80, 0x80, 0x80, 0x80, 0x10), &sandbox, &err), 0);
    assert_int_equal(sandbox->sandbox_pidns, 1);

    /* packed, single, packed again */
    assert_int_equal(unpack(a, &grpc__add_swap_request__descriptor, BYTES(0x0a, 3, 1, 0xac, 2, 0x08, 7, 0x0a, 0, 0x0a, 2, 8, 9),
                            &swap, &err),
                     0);
    assert_int_equal(swap->n_pcipath, 5);
    assert_memory_equal(swap->pcipath, ((uint32_t[]){1, 300, 7, 8, 9}), 5 * sizeof(uint32_t));
}

static void an_optional_zero_is_present(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__LinuxSyscall *rule;

    (void)state;
    assert_int_equal(unpack(a, &grpc__linux_syscall__descriptor, BYTES(0x18, 0), &rule, NULL), 0);
    assert_int_equal(rule->_errnoret_case, GRPC__LINUX_SYSCALL___ERRNORET_ERRNORET);
    assert_int_equal(rule->errnoret, 0);
    assert_int_equal(unpack(a, &grpc__linux_syscall__descriptor, BYTES(0x18, 1, 0x18, 38), &rule, NULL), 0);
    assert_int_equal(rule->errnoret, 38);
    assert_int_equal(unpack(a, &grpc__linux_syscall__descriptor, NULL, 0, &rule, NULL), 0);
    assert_int_equal(rule->_errnoret_case, GRPC__LINUX_SYSCALL___ERRNORET__NOT_SET);
    assert_string_equal(rule->action, "");
}

static void a_message_that_comes_twice_is_merged(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Spec *spec;

    (void)state;
    /* Process{Terminal, Args a}, Process{Args b, Cwd /} */
    assert_int_equal(unpack(a, &grpc__spec__descriptor,
                            BYTES(0x12, 5, 0x08, 1, 0x22, 1, 'a', 0x12, 6, 0x22, 1, 'b', 0x32, 1, '/'), &spec, NULL),
                     0);
    assert_int_equal(spec->process->terminal, 1);
    assert_int_equal(spec->process->n_args, 2);
    assert_string_equal(spec->process->args[0], "a");
    assert_string_equal(spec->process->args[1], "b");
    assert_string_equal(spec->process->cwd, "/");
}

static void bytes_are_taken_as_they_are(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__ReadStreamResponse *reply;

    (void)state;
    assert_int_equal(unpack(a, &grpc__read_stream_response__descriptor, BYTES(0x0a, 3, 0, 0xff, 0x80), &reply, NULL), 0);
    assert_int_equal(reply->data.len, 3);
    assert_memory_equal(reply->data.data, "\0\xff\x80", 3);
    assert_int_equal(unpack(a, &grpc__read_stream_response__descriptor, BYTES(0x0a, 0), &reply, NULL), 0);
    assert_int_equal(reply->data.len, 0);
}

/* Types that the wire of the agent does not use, but the shim's does. */
struct numbers {
    ProtobufCMessage base;
    int32_t sint32;
    int64_t sint64;
    double real;
    float small_real;
    uint32_t fixed32;
    size_t n_list;
    struct numbers **list;
};

static const ProtobufCMessageDescriptor numbers_type;

static void numbers_init(ProtobufCMessage *message)
{
    *(struct numbers *)message = (struct numbers){.base = PROTOBUF_C_MESSAGE_INIT(&numbers_type)};
}

#define NUMBER(name_, id_, type_, member_)                                                                                     \
    {                                                                                                                          \
        .name = (name_), .id = (id_), .type = (type_), .label = PROTOBUF_C_LABEL_NONE,                                         \
        .offset = offsetof(struct numbers, member_)                                                                            \
    }
static const ProtobufCFieldDescriptor numbers_fields[] = {
    NUMBER("sint32", 1, PROTOBUF_C_TYPE_SINT32, sint32),
    NUMBER("sint64", 2, PROTOBUF_C_TYPE_SINT64, sint64),
    NUMBER("real", 3, PROTOBUF_C_TYPE_DOUBLE, real),
    NUMBER("small_real", 4, PROTOBUF_C_TYPE_FLOAT, small_real),
    NUMBER("fixed32", 5, PROTOBUF_C_TYPE_FIXED32, fixed32),
    {.name = "list",
     .id = 6,
     .type = PROTOBUF_C_TYPE_MESSAGE,
     .label = PROTOBUF_C_LABEL_REPEATED,
     .quantifier_offset = offsetof(struct numbers, n_list),
     .offset = offsetof(struct numbers, list),
     .descriptor = &numbers_type},
};
static const ProtobufCIntRange numbers_ranges[] = {{1, 0}, {0, 6}};
static const ProtobufCMessageDescriptor numbers_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Numbers",
    .sizeof_message = sizeof(struct numbers),
    .n_fields = ARRAY_SIZE(numbers_fields),
    .fields = numbers_fields,
    .n_field_ranges = 1,
    .field_ranges = numbers_ranges,
    .message_init = numbers_init,
};

static void zigzag_and_fixed_numbers_are_read(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct numbers *numbers;

    (void)state;
    assert_int_equal(unpack(a, &numbers_type,
                            BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 3, 0x19, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x25, 0, 0,
                                  0x20, 0xc0, 0x2d, 1, 2, 3, 4),
                            &numbers, NULL),
                     0);
    assert_true(numbers->sint32 == INT32_MIN);
    assert_true(numbers->sint64 == -2);
    assert_true(numbers->real == 1.5);
    assert_true(numbers->small_real == -2.5f);
    assert_int_equal(numbers->fixed32, 0x04030201);
}

static void messages_nest_to_a_limit(void **state)
{
    static const struct {
        size_t depth;
        int r;
    } rows[] = {{32, 0}, {33, -EBADMSG}};

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct error err = {0};
        struct numbers *numbers;
        uint8_t bytes[66];
        for (size_t i = 0; i < row->depth; i++) {
            bytes[2 * i] = 0x32;
            bytes[2 * i + 1] = (uint8_t)(2 * (row->depth - i - 1));
        }
        assert_int_equal(unpack(a, &numbers_type, bytes, 2 * row->depth, &numbers, &err), row->r);
        if (row->r < 0)
            assert_string_equal(err.text, "Messages nested too deeply");
    }
}

/* ---- memory ---- */

static const Grpc__CreateContainerRequest *sample_request(struct arena *a)
{
    static char *args[] = {"sh", "-c", "true", "4", "5", "6", "7", "8", "9"};
    static uint32_t gids[] = {1, 2, 3, 4, 5};
    Grpc__CreateContainerRequest *request = (void *)proto_new(a, &grpc__create_container_request__descriptor);
    Grpc__Process *process = (void *)proto_new(a, &grpc__process__descriptor);
    Grpc__User *user = (void *)proto_new(a, &grpc__user__descriptor);
    Grpc__Spec *spec = (void *)proto_new(a, &grpc__spec__descriptor);

    request->container_id = "c1";
    request->oci = spec;
    spec->process = process;
    process->user = user;
    process->args = args;
    process->n_args = ARRAY_SIZE(args);
    process->oomscoreadj = -5;
    user->additionalgids = gids;
    user->n_additionalgids = ARRAY_SIZE(gids);
    return request;
}

static void what_is_packed_comes_back(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    const Grpc__CreateContainerRequest *request = sample_request(a);
    uint8_t bytes[256], again[256];
    size_t len = protobuf_c_message_pack(&request->base, bytes);
    Grpc__CreateContainerRequest *copy;

    (void)state;
    assert_true(len < sizeof(bytes));
    assert_int_equal(unpack(a, &grpc__create_container_request__descriptor, bytes, len, &copy, NULL), 0);
    assert_int_equal(protobuf_c_message_pack(&copy->base, again), len);
    assert_memory_equal(bytes, again, len);
    assert_int_equal(copy->oci->process->user->n_additionalgids, 5);
}

static void every_budget_ends_in_success_or_in_no_memory(void **state)
{
    _arena_ struct arena *source = arena_new(BUDGET);
    uint8_t bytes[300];
    size_t len = protobuf_c_message_pack(&sample_request(source)->base, bytes);
    size_t refused = 0;

    (void)state;
    memcpy(bytes + len, "\x12\x02id", 4); /* exec_id */
    len += 4;
    for (size_t budget = 0; budget < 4096; budget += 16) {
        _arena_ struct arena *a = arena_new(budget);
        struct error err = {0};
        Grpc__CreateContainerRequest *copy;
        int r = unpack(a, &grpc__create_container_request__descriptor, bytes, len, &copy, &err);
        assert_true(r == 0 || r == -ENOBUFS);
        refused += r < 0;
        if (r < 0)
            assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
        else
            assert_string_equal(copy->exec_id, "id");
    }
    assert_true(refused > 20 && refused < 256);
}

static void a_long_list_costs_memory_in_proportion(void **state)
{
    enum { N = 50000 };
    uint8_t *bytes = test_malloc(2 * N);
    _arena_ struct arena *a = arena_new(64 * N);
    Grpc__AddSwapRequest *swap;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        bytes[2 * i] = 0x08;
        bytes[2 * i + 1] = (uint8_t)(i & 0x7f);
    }
    assert_int_equal(unpack(a, &grpc__add_swap_request__descriptor, bytes, 2 * N, &swap, NULL), 0);
    assert_int_equal(swap->n_pcipath, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(swap->pcipath[i], i & 0x7f);
    assert_true(arena_used(a) < 16 * N + 1024);
    test_free(bytes);
}

/* Random bytes and damaged messages: any result, but no crash, and what is accepted is sound enough to be packed. */
static void damaged_messages_do_no_harm(void **state)
{
    _arena_ struct arena *source = arena_new(BUDGET);
    uint8_t bytes[256];
    size_t len = protobuf_c_message_pack(&sample_request(source)->base, bytes);
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t damaged[256];
        memcpy(damaged, bytes, len);
        for (int i = 0; i < 3; i++) {
            seed = seed * 1664525 + 1013904223;
            damaged[(seed >> 8) % len] = (uint8_t)(seed >> 24);
        }
        _arena_ struct arena *a = arena_new(BUDGET);
        Grpc__CreateContainerRequest *copy;
        if (unpack(a, &grpc__create_container_request__descriptor, damaged, (seed >> 4) % (len + 1), &copy, NULL) == 0)
            assert_true(protobuf_c_message_get_packed_size(&copy->base) < BUDGET);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_utf8_without_nul),
        cmocka_unit_test(a_bad_string_is_refused_with_its_field),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(what_is_not_known_is_skipped),
        cmocka_unit_test(deep_groups_are_refused_not_recursed_into),
        cmocka_unit_test(numbers_have_their_width_and_sign),
        cmocka_unit_test(an_optional_zero_is_present),
        cmocka_unit_test(a_message_that_comes_twice_is_merged),
        cmocka_unit_test(bytes_are_taken_as_they_are),
        cmocka_unit_test(zigzag_and_fixed_numbers_are_read),
        cmocka_unit_test(messages_nest_to_a_limit),
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(every_budget_ends_in_success_or_in_no_memory),
        cmocka_unit_test(a_long_list_costs_memory_in_proportion),
        cmocka_unit_test(damaged_messages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
