/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/agent.pb-c.h"
#include "proto/base64.h"

#define ARENA_BYTES (1 << 20)

/* JSON -> message -> wire -> message -> JSON. */
static void texts_survive_the_way_through_the_wire(void **state)
{
    static const struct {
        const ProtobufCMessageDescriptor *type;
        const char *text;
        const char *want; /* NULL: text */
    } rows[] = {
        {&grpc__create_container_request__descriptor,
         "{\"container_id\":\"c1\",\"storages\":[{\"driver\":\"blk\",\"options\":[\"a\",\"b\"],\"shared\":true}],"
         "\"OCI\":{\"Annotations\":{\"k\":\"v\",\"empty\":\"\"},\"Linux\":{\"Resources\":{\"Memory\":{\"Limit\":-1}}}}}",
         NULL},
        {&grpc__write_stream_request__descriptor, "{\"data\":\"AAEC/w==\"}", NULL},
        {&grpc__mem_hotplug_by_probe_request__descriptor, "{\"memHotplugProbeAddr\":[0,1,18446744073709551615]}", NULL},
        {&grpc__set_guest_date_time_request__descriptor, "{\"Sec\":-9223372036854775808,\"Usec\":9223372036854775807}", NULL},
        {&grpc__copy_file_request__descriptor, "{\"file_mode\":4294967295,\"uid\":-2147483648}", NULL},
        {&grpc__health_check_response__descriptor, "{\"status\":\"SERVING\"}", NULL},
        {&grpc__health_check_response__descriptor, "{\"status\":1}", "{\"status\":\"SERVING\"}"},
        {&grpc__health_check_response__descriptor, "{\"status\":77}", NULL},
        {&grpc__mem_agent_memcg_config__descriptor, "{\"disabled\":false,\"swap\":true,\"swappiness_max\":0}", NULL},
        {&grpc__memory_stats__descriptor, "{\"stats\":{\"cache\":1,\"rss\":0}}", NULL},
        {&grpc__cgroup_stats__descriptor, "{\"hugetlb_stats\":{\"2MB\":{\"usage\":5}}}", NULL},
        {&grpc__list_routes_request__descriptor, "", "{}"},
        {&grpc__list_routes_request__descriptor, " {} \n", "{}"},
        {&grpc__start_container_request__descriptor, "{\"container_id\":\"\\u00e9\"}", "{\"container_id\":\"\xc3\xa9\"}"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct arena *a = arena_new(ARENA_BYTES);
        struct buf out = BUF_INIT(65536);
        struct error err = {.text = ""};
        ProtobufCMessage *message = NULL;
        uint8_t wire[1024];

        if (proto_from_json(a, row->type, row->text, strlen(row->text), &message, &err) < 0)
            fail_msg("%s: %s", row->text, err.text);
        size_t len = protobuf_c_message_pack(message, wire);
        ProtobufCMessage *back = protobuf_c_message_unpack(row->type, NULL, len, wire);
        assert_non_null(back);
        assert_int_equal(proto_to_json(back, &out), 0);
        assert_string_equal(out.data, row->want ?: row->text);
        protobuf_c_message_free_unpacked(back, NULL);
        buf_done(&out);
        arena_free(a);
    }
}

static void bad_texts_are_refused_with_their_place(void **state)
{
    static const struct {
        const ProtobufCMessageDescriptor *type;
        const char *text, *words;
    } rows[] = {
        {&grpc__signal_process_request__descriptor, "{\"signal\":4294967296}",
         "SignalProcessRequest.signal: 4294967296 is out"},
        {&grpc__signal_process_request__descriptor, "{\"signal\":-1}", "SignalProcessRequest.signal: -1 is out of range"},
        {&grpc__signal_process_request__descriptor, "{\"signal\":\"9\"}",
         "SignalProcessRequest.signal: want a whole number, got string"},
        {&grpc__signal_process_request__descriptor, "{\"signal\":1.5}", "want a whole number"},
        {&grpc__signal_process_request__descriptor, "{\"container_id\":7}",
         "SignalProcessRequest.container_id: want text, got int"},
        {&grpc__signal_process_request__descriptor, "{\"container\":\"x\"}",
         "grpc.SignalProcessRequest has no field 'container'"},
        {&grpc__signal_process_request__descriptor, "[]", "SignalProcessRequest: want an object, got array"},
        {&grpc__signal_process_request__descriptor, "{", "JSON"},
        {&grpc__copy_file_request__descriptor, "{\"uid\":2147483648}", "CopyFileRequest.uid: 2147483648 is out of range"},
        {&grpc__copy_file_request__descriptor, "{\"data\":\"AB\"}", "CopyFileRequest.data: not base64"},
        {&grpc__copy_file_request__descriptor, "{\"data\":[1]}", "CopyFileRequest.data: want base64 text, got array"},
        {&grpc__create_container_request__descriptor, "{\"sandbox_pidns\":1}", "want true or false, got int"},
        {&grpc__create_container_request__descriptor, "{\"storages\":{}}", "CreateContainerRequest.storages: want an array"},
        {&grpc__create_container_request__descriptor, "{\"storages\":[{},{\"options\":[\"a\",1]}]}",
         "CreateContainerRequest.storages[1].options[1]: want text"},
        {&grpc__create_container_request__descriptor, "{\"OCI\":{\"Annotations\":{\"k\":1}}}",
         "CreateContainerRequest.OCI.Annotations.k: want text"},
        {&grpc__health_check_response__descriptor, "{\"status\":\"SLEEPING\"}",
         "HealthCheckResponse.status: unknown value 'SLEEPING'"},
        {&grpc__health_check_response__descriptor, "{\"status\":true}", "want a whole number"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct arena *a = arena_new(ARENA_BYTES);
        struct error err = {.text = ""};
        ProtobufCMessage *message = NULL;

        int r = proto_from_json(a, row->type, row->text, strlen(row->text), &message, &err);
        if (r >= 0 || err.status != STATUS_INVALID_ARGUMENT || !strstr(err.text, row->words) || message)
            fail_msg("%s: want '%s', got '%s'", row->text, row->words, err.text);
        arena_free(a);
    }
}

static void no_budget_is_resource_exhausted_at_every_size(void **state)
{
    static const char text[] = "{\"container_id\":\"c1\",\"storages\":[{\"driver\":\"blk\",\"options\":[\"a\"]}],\"OCI\":{"
                               "\"Annotations\":{\"k\":\"v\"}}}";
    bool succeeded = false;
    (void)state;

    for (size_t budget = 0; !succeeded; budget += 16) {
        struct arena *a = arena_new(budget);
        struct error err = {.text = ""};
        ProtobufCMessage *message = NULL;

        if (budget >= ARENA_BYTES)
            fail_msg("budget %zu does not do", budget);
        succeeded = proto_from_json(a, &grpc__create_container_request__descriptor, text, strlen(text), &message, &err) == 0;
        if (!succeeded && (err.status != STATUS_RESOURCE_EXHAUSTED || message))
            fail_msg("budget %zu: %s '%s'", budget, status_name(err.status), err.text);
        arena_free(a);
    }
}

static void output_that_does_not_fit_is_an_error(void **state)
{
    Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;
    struct buf out = BUF_INIT(10);
    (void)state;

    request.container_id = (char *)"a-long-container-id";
    assert_int_equal(proto_to_json(&request.base, &out), -EMSGSIZE);
    buf_done(&out);
}

/* RFC 4648, section 10. */
static void base64_vectors_hold_both_ways(void **state)
{
    static const struct {
        const char *plain, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};
    (void)state;

    FOR_ROWS (row, rows) {
        struct buf out = BUF_INIT(64);
        uint8_t bytes[64];

        assert_int_equal(base64_encode((const uint8_t *)row->plain, strlen(row->plain), &out), 0);
        assert_string_equal(out.data ?: "", row->text);
        assert_int_equal(base64_decode(row->text, strlen(row->text), bytes), strlen(row->plain));
        assert_memory_equal(bytes, row->plain, strlen(row->plain));
        buf_done(&out);
    }
}

static void anything_but_whole_padded_groups_is_refused(void **state)
{
    static const char *const rows[] = {"A",        "AB",   "ABC",  "A===", "====", "AB=C",
                                       "AA==AAAA", "A A=", "AB==", "AAB=", "AA-_", "ABC\n"};
    struct buf out = BUF_INIT(3);
    uint8_t bytes[16];
    (void)state;

    FOR_ROWS (row, rows) {
        if (base64_decode(*row, strlen(*row), bytes) != -EINVAL)
            fail_msg("'%s' was accepted", *row);
    }
    assert_int_equal(base64_decode("AAA\0", 4, bytes), -EINVAL);
    assert_int_equal(base64_encode((const uint8_t *)"abc", 3, &out), -EMSGSIZE);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_survive_the_way_through_the_wire),
        cmocka_unit_test(bad_texts_are_refused_with_their_place),
        cmocka_unit_test(no_budget_is_resource_exhausted_at_every_size),
        cmocka_unit_test(output_that_does_not_fit_is_an_error),
        cmocka_unit_test(base64_vectors_hold_both_ways),
        cmocka_unit_test(anything_but_whole_padded_groups_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
