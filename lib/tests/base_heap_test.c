/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers, over and over: neither text that is good nor text that is not makes the heap grow. */
#include "agent/tests/support/heap.h"

#include <json-c/json.h>

#include "base/buf.h"
#include "check.h"
#include "json/json_text.h"
#include "oci/json.h"
#include "proto/agent.pb-c.h"
#include "proto/json.h"
#include "toml/toml.h"

#define TIMES 100
#define ARENA_BYTES (1024 * 1024)

static int read_toml(struct arena *a, const char *text, struct error *err)
{
    const struct toml_value *root;

    return toml_parse(a, text, strlen(text), &root, err);
}

static int read_json(struct arena *a, const char *text, struct error *err)
{
    struct json_object *json;
    (void)a;

    int r = json_text_parse(text, strlen(text), &json, err);
    if (r == 0)
        json_object_put(json);
    return r;
}

static int read_message(struct arena *a, const char *text, struct error *err)
{
    ProtobufCMessage *message;
    _buf_ struct buf out = BUF_INIT(65536);

    int r = proto_from_json(a, &grpc__create_sandbox_request__descriptor, text, strlen(text), &message, err);
    return r < 0 ? r : proto_to_json(message, &out);
}

static int read_spec(struct arena *a, const char *text, struct error *err)
{
    struct oci_spec *spec;
    struct strlist unapplied;
    _buf_ struct buf out = BUF_INIT(65536);

    int r = oci_spec_from_json(a, text, strlen(text), &spec, &unapplied, err);
    return r < 0 ? r : oci_spec_to_json(spec, &out, err);
}

static const struct {
    const char *label;
    int (*read)(struct arena *a, const char *text, struct error *err);
    const char *text;
    bool good;
} rows[] = {
    {"TOML", read_toml, "a = \"x\\ty\"\n[b]\nc = [1, {d = 2}]\ne = '''\nlong'''\n", true},
    {"TOML with a bad string", read_toml, "a = \"x\\ty\"\nb = \"\\q\"", false},
    {"TOML that ends early", read_toml, "a = [\"x\\ty\", ", false},
    {"JSON", read_json, "{\"a\": [1, \"two\", {\"b\": null}]}", true},
    {"JSON with a key twice", read_json, "{\"a\": [1, 2], \"a\": 1}", false},
    {"JSON that ends early", read_json, "{\"a\": [1, \"two\", {\"b\": ", false},
    {"JSON with a tail", read_json, "{\"a\": [1, \"two\"]} x", false},
    {"message", read_message, "{\"hostname\": \"h\", \"dns\": [\"a\", \"b\"], \"storages\": [{\"driver\": \"blk\"}]}", true},
    {"message of the wrong type", read_message, "{\"hostname\": \"h\", \"dns\": [\"a\", 7]}", false},
    {"message with an unknown field", read_message, "{\"hostname\": \"h\", \"nosuch\": [\"a\"]}", false},
    {"spec", read_spec,
     "{\"ociVersion\": \"1.1.0\", \"process\": {\"cwd\": \"/\", \"args\": [\"sh\"]}, \"root\": {\"path\": \"/r\"}}", true},
    {"spec of the wrong type", read_spec, "{\"ociVersion\": \"1.1.0\", \"process\": {\"cwd\": [\"/\"]}}", false},
};

static void read_often(int (*read)(struct arena *a, const char *text, struct error *err), const char *text, int times)
{
    for (int i = 0; i < times; i++) {
        _arena_ struct arena *a = arena_new(ARENA_BYTES);
        struct error err;
        (void)read(a, text, &err);
    }
}

static void reading_again_and_again_costs_nothing(void **state)
{
    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(ARENA_BYTES);
        struct error err = {.errnum = 0};
        if ((row->read(a, row->text, &err) == 0) != row->good)
            fail_msg("%s: %s", row->label, err.text);
        read_often(row->read, row->text, TIMES);
        size_t before = heap_in_use();
        read_often(row->read, row->text, TIMES);
        size_t after = heap_in_use();
        if (after > before + HEAP_NOISE(TIMES))
            fail_msg("%s: %zu bytes more after %d times", row->label, after - before, TIMES);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    heap_without_caches(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading_again_and_again_costs_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
