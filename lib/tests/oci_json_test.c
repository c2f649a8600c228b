/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/json.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"
#include "oci/wire.h"

#define BUDGET (8 * 1024 * 1024)

static struct oci_spec *read_spec(struct arena *a, const char *text, struct strlist *unapplied)
{
    struct error err = {0};
    struct oci_spec *spec;

    if (oci_spec_from_json(a, text, strlen(text), &spec, unapplied, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return spec;
}

static void load(const char *path, struct buf *text)
{
    FILE *file = fopen(path, "r");

    if (!file)
        fail_msg("%s: cannot open; run from the top of the source tree", path);
    assert_int_equal(buf_reserve(text, 64 * 1024), 0);
    text->len = fread(text->data, 1, 64 * 1024, file);
    fclose(file);
}

/* ---- the usual specs ---- */

static void a_docker_spec_is_read(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf text = BUF_INIT(BUDGET);
    struct strlist unapplied;
    struct oci_spec *spec;

    (void)state;
    load("fixtures/bundles/docker.json", &text);
    assert_int_equal(oci_spec_from_json(a, text.data, text.len, &spec, &unapplied, NULL), 0);
    assert_int_equal(unapplied.n, 0);
    assert_string_equal(spec->version, "1.2.0");
    assert_string_equal(spec->process->args.items[2], "echo hello; exec sleep 60");
    assert_int_equal(spec->process->user.n_additional_gids, 2);
    assert_int_equal(spec->process->user.additional_gids[1], 10);
    assert_int_equal(spec->process->capabilities->bounding.n, 14);
    assert_int_equal(spec->process->capabilities->ambient.n, 0);
    assert_string_equal(spec->process->rlimits[0].type, "RLIMIT_NOFILE");
    assert_true(spec->process->oom_score_adj.set && spec->process->oom_score_adj.value == 0);
    assert_string_equal(spec->root->path, "rootfs");
    assert_false(spec->root->readonly);
    assert_int_equal(spec->n_mounts, 10);
    assert_string_equal(spec->mounts[1].options.items[2], "mode=755");
    assert_non_null(spec->hooks);
    assert_int_equal(spec->linux_->sysctl.n, 2);
    assert_string_equal(spec->linux_->sysctl.items[1].value, "0 2147483647");
    assert_int_equal(spec->linux_->n_namespaces, 6);
    assert_int_equal(spec->linux_->namespaces[1].type, OCI_NS_NETWORK);
    assert_int_equal(spec->linux_->masked_paths.n, 12);
    assert_string_equal(spec->linux_->seccomp->default_action, "SCMP_ACT_ERRNO");
    assert_true(spec->linux_->seccomp->rules[0].names.n > 300);

    const struct oci_resources *resources = spec->linux_->resources;
    assert_int_equal(resources->n_devices, 8);
    assert_true(!resources->devices[0].allow && resources->devices[0].type == 'a' && !resources->devices[0].major.set);
    assert_true(resources->devices[5].major.value == 5 && resources->devices[5].minor.set);
    assert_true(resources->memory->limit.value == 536870912);
    assert_true(resources->pids_limit.set && resources->pids_limit.value == 256);
}

static void a_kubernetes_spec_is_read(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf text = BUF_INIT(BUDGET);
    struct strlist unapplied;
    struct oci_spec *spec;

    (void)state;
    load("fixtures/bundles/kubernetes-pod.json", &text);
    assert_int_equal(oci_spec_from_json(a, text.data, text.len, &spec, &unapplied, NULL), 0);
    assert_int_equal(unapplied.n, 1);
    assert_string_equal(unapplied.items[0], "linux.resources.unified");
    assert_string_equal(oci_annotation(spec, "io.kubernetes.cri.container-name"), "web");
    assert_string_equal(oci_namespace_find(spec->linux_, OCI_NS_IPC)->path, "/proc/4242/ns/ipc");
    assert_true(spec->root->readonly && spec->process->no_new_privileges);
}

static void the_usual_specs_do_not_change_on_their_way(void **state)
{
    static const char *const files[] = {"docker", "containerd", "kubernetes-pod"};

    (void)state;
    FOR_ROWS (file, files) {
        _arena_ struct arena *a = arena_new(BUDGET);
        _buf_ struct buf text = BUF_INIT(BUDGET), first = BUF_INIT(BUDGET), second = BUF_INIT(BUDGET), third = BUF_INIT(BUDGET);
        struct oci_spec *spec;
        Grpc__Spec *wire;
        char path[64];

        snprintf(path, sizeof(path), "fixtures/bundles/%s.json", *file);
        load(path, &text);
        check_int(*file, oci_spec_from_json(a, text.data, text.len, &spec, NULL, NULL), 0);
        check_int(*file, oci_spec_to_json(spec, &first, NULL), 0);
        check_int(*file, oci_spec_from_json(a, first.data, first.len, &spec, NULL, NULL), 0);
        check_int(*file, oci_spec_to_json(spec, &second, NULL), 0);
        check_string(*file, second.data, first.data);
        spec->process->oom_score_adj.set &= spec->process->oom_score_adj.value != 0; /* the wire cannot say 0 */
        if (spec->linux_->resources->cpu)
            spec->linux_->resources->cpu->shares.set &= spec->linux_->resources->cpu->shares.value != 0;
        second.len = 0;
        check_int(*file, oci_spec_to_json(spec, &second, NULL), 0);
        check_int(*file, oci_spec_to_wire(a, spec, &wire, NULL), 0);
        check_int(*file, oci_spec_from_wire(a, wire, &spec, NULL), 0);
        check_int(*file, oci_spec_to_json(spec, &third, NULL), 0);
        check_string(*file, third.data, second.data);
    }
}

/* ---- single rules ---- */

static void numbers_that_say_zero_are_kept(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf out = BUF_INIT(BUDGET);
    const char *text =
        "{\"ociVersion\":\"\",\"process\":{\"user\":{\"uid\":0,\"gid\":0,\"umask\":0},\"cwd\":\"\",\"oomScoreAdj\":0},"
        "\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":0,\"minor\":0}],"
        "\"memory\":{\"limit\":-1,\"swappiness\":0},\"cpu\":{},\"pids\":{\"limit\":0}},"
        "\"devices\":[{\"path\":\"/x\",\"type\":\"p\",\"fileMode\":0}],"
        "\"seccomp\":{\"defaultAction\":\"\",\"syscalls\":[{\"action\":\"\",\"errnoRet\":0}]}}}";

    (void)state;
    assert_int_equal(oci_spec_to_json(read_spec(a, text, NULL), &out, NULL), 0);
    assert_string_equal(out.data, text);
}

static void what_the_specification_requires_is_always_written(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf out = BUF_INIT(BUDGET);
    const char *sparse =
        "{\"process\":{\"consoleSize\":{},\"rlimits\":[{}]},\"root\":{},\"mounts\":[{}],\"hooks\":{\"poststop\":[{}]},"
        "\"linux\":{\"uidMappings\":[{}],\"resources\":{\"devices\":[{}],\"blockIO\":{\"weightDevice\":[{}],"
        "\"throttleReadBpsDevice\":[{}]},\"hugepageLimits\":[{}],\"network\":{\"priorities\":[{}]}},"
        "\"seccomp\":{\"syscalls\":[{\"args\":[{}]}]},\"intelRdt\":{}}}";
    const char *full =
        "{\"ociVersion\":\"\",\"process\":{\"consoleSize\":{\"height\":0,\"width\":0},\"user\":{\"uid\":0,\"gid\":0},\"cwd\":"
        "\"\","
        "\"rlimits\":[{\"type\":\"\",\"hard\":0,\"soft\":0}]},\"root\":{\"path\":\"\"},\"mounts\":[{\"destination\":\"\"}],"
        "\"hooks\":{\"poststop\":[{\"path\":\"\"}]},"
        "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}],"
        "\"resources\":{\"devices\":[{\"allow\":false,\"type\":\"a\"}],"
        "\"blockIO\":{\"weightDevice\":[{\"major\":0,\"minor\":0}],\"throttleReadBpsDevice\":[{\"major\":0,\"minor\":0,"
        "\"rate\":0}]},"
        "\"hugepageLimits\":[{\"pageSize\":\"\",\"limit\":0}],\"network\":{\"priorities\":[{\"name\":\"\",\"priority\":0}]}},"
        "\"seccomp\":{\"defaultAction\":\"\",\"syscalls\":[{\"action\":\"\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"\"}]}]}"
        "}}";

    (void)state;
    assert_int_equal(oci_spec_to_json(read_spec(a, sparse, NULL), &out, NULL), 0);
    assert_string_equal(out.data, full);
}

static void absent_and_null_are_the_same(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf with = BUF_INIT(BUDGET), without = BUF_INIT(BUDGET);
    struct strlist unapplied;
    const char *text = "{\"ociVersion\":null,\"process\":{\"user\":null,\"args\":null,\"oomScoreAdj\":null,\"scheduler\":null},"
                       "\"root\":null,\"mounts\":null,\"annotations\":null,\"linux\":{\"resources\":{\"pids\":null}}}";

    (void)state;
    assert_int_equal(oci_spec_to_json(read_spec(a, text, &unapplied), &with, NULL), 0);
    assert_int_equal(oci_spec_to_json(read_spec(a, "{\"process\":{},\"linux\":{\"resources\":{}}}", NULL), &without, NULL), 0);
    assert_string_equal(with.data, without.data);
    assert_int_equal(unapplied.n, 0);
}

static void empty_pids_are_no_limit(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct oci_resources *resources;

    (void)state;
    assert_int_equal(oci_resources_from_json(a, "{\"pids\":{}}", 11, &resources, NULL), 0);
    assert_false(resources->pids_limit.set);
}

static void strings_keep_every_character(void **state)
{
    static const struct {
        const char *json, *text, *again; /* again: as written, NULL if like json */
    } rows[] = {
        {"\"a b\"", "a b", NULL},
        {"\"\\u0001\\u001f\"", "\x01\x1f", NULL},
        {"\"\\\"\\\\\\/\"", "\"\\/", "\"\\u0022\\u005c/\""},
        {"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t", "\"\\u0008\\u000c\\u000a\\u000d\\u0009\""},
        {"\"\\u00e9\\u20ac\\ud83d\\ude00\"", "é€😀", "\"é€😀\""},
        {"\"\x7f\"", "\x7f", NULL},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        _buf_ struct buf text = BUF_INIT(BUDGET), out = BUF_INIT(BUDGET), want = BUF_INIT(BUDGET);
        buf_printf(&text, "{\"hostname\":%s,\"annotations\":{%s:\"\"}}", row->json, row->json);
        buf_printf(&want, "{\"ociVersion\":\"\",\"hostname\":%s,\"annotations\":{%s:\"\"}}", row->again ?: row->json,
                   row->again ?: row->json);
        struct oci_spec *spec = read_spec(a, text.data, NULL);
        check_string(row->json, spec->hostname, row->text);
        check_string(row->json, spec->annotations.items[0].key, row->text);
        check_int(row->json, oci_spec_to_json(spec, &out, NULL), 0);
        check_string(row->json, out.data, want.data);
    }
}

static void fields_that_are_not_applied_are_reported(void **state)
{
    static const struct {
        const char *json, *name; /* NULL: unknown to the specification, ignored */
    } rows[] = {
        {"{\"vm\":{}}", "vm"},
        {"{\"windows\":{}}", "windows"},
        {"{\"process\":{\"scheduler\":{}}}", "process.scheduler"},
        {"{\"process\":{\"ioPriority\":{}}}", "process.ioPriority"},
        {"{\"linux\":{\"timeOffsets\":{}}}", "linux.timeOffsets"},
        {"{\"linux\":{\"resources\":{\"rdma\":{}}}}", "linux.resources.rdma"},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"burst\":1}}}}", "linux.resources.cpu.burst"},
        {"{\"linux\":{\"resources\":{\"memory\":{\"useHierarchy\":true}}}}", "linux.resources.memory.useHierarchy"},
        {"{\"linux\":{\"seccomp\":{\"listenerMetadata\":\"x\"}}}", "linux.seccomp.listenerMetadata"},
        {"{\"linux\":{\"intelRdt\":{\"closID\":\"x\"}}}", "linux.intelRdt.closID"},
        {"{\"org.example\":[0.12345678901234567890123,1e5],\"process\":{\"other\":[]}}", NULL},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct strlist unapplied;
        read_spec(a, row->json, &unapplied);
        check_int(row->json, unapplied.n, row->name != NULL);
        if (row->name)
            check_string(row->json, unapplied.items[0], row->name);
        read_spec(a, row->json, NULL);
    }
}

/* ---- bad input ---- */

static void bad_specs_are_refused_with_path_and_value(void **state)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        /* text that is not JSON */
        {"", "JSON: byte 0: unexpected end of data"},
        {"{", "JSON: byte 1: unexpected end of data"},
        {"{\"process\":{\"cwd\":\"/", "JSON: byte 20: unexpected end of data"},
        {"{}x", "JSON: byte 2: unexpected character"},
        {"{'hostname':\"a\"}", "JSON: byte 1: unexpected character"},
        {"{\"mounts\":[],}", NULL},
        {"{\"mounts\":[{},]}", NULL},
        {"{/* */}", NULL},
        {"{\"hostname\":nUll}", NULL},
        {"{\"hostname\":\"a\nb\"}", "JSON: byte 14: control character in a string"},
        {"{\"hostname\":NaN}", "JSON: byte 12: unexpected character"},
        {"{\"hostname\":-Infinity}", "JSON: byte 13: unexpected character"},
        {"{\"mounts\":[{}", "JSON: byte 13: unexpected end of data"},
        {"-", NULL},
        {"\"", NULL},
        /* what JSON leaves open */
        {"{\"hostname\":\"a\\u0000b\"}", "JSON: byte 14: NUL character in a string"},
        {"{\"annotations\":{\"a\\u0000b\":\"\"}}", "JSON: byte 18: NUL character in a string"},
        {"{\"unknown\":[{\"a\\u0000b\":\"\"}]}", "JSON: byte 15: NUL character in a string"},
        {"{\"hostname\":\"a\",\"hostname\":\"b\"}", "JSON: an object has the same key twice"},
        {"{\"mounts\":[{\"type\":\"a\",\"type\":\"b\"}]}", "JSON: an object has the same key twice"},
        {"{\"unknown\":{\"a\":{\"b\":1},\"a\":{\"b\":1}}}", "JSON: an object has the same key twice"},
        {"{\"hostname\":\"\xff\"}", "hostname: not valid UTF-8"},
        {"{\"annotations\":{\"\xc3\":\"\"}}", "annotations: a key is not valid UTF-8"},
        {"{\"annotations\":{\"k\":\"\xe0\x80\x80\"}}", "annotations.k: not valid UTF-8"},
        /* wrong types */
        {"[]", "expected an object, got array"},
        {"null ", "expected an object, got null"},
        {"{\"hostname\":1}", "hostname: expected a string, got int"},
        {"{\"process\":[]}", "process: expected an object, got array"},
        {"{\"process\":{\"terminal\":1}}", "process.terminal: expected true or false, got int"},
        {"{\"process\":{\"terminal\":\"true\"}}", "process.terminal: expected true or false, got string"},
        {"{\"process\":{\"user\":\"root\"}}", "process.user: expected an object, got string"},
        {"{\"process\":{\"args\":\"sh\"}}", "process.args: expected a list, got string"},
        {"{\"process\":{\"args\":[\"sh\",null]}}", "process.args[1]: expected a string, got null"},
        {"{\"process\":{\"env\":{}}}", "process.env: expected a list, got object"},
        {"{\"process\":{\"user\":{\"additionalGids\":[0,\"a\"]}}}",
         "process.user.additionalGids[1]: expected an integer, got string"},
        {"{\"process\":{\"user\":{\"additionalGids\":0}}}", "process.user.additionalGids: expected a list, got int"},
        {"{\"mounts\":{}}", "mounts: expected a list, got object"},
        {"{\"mounts\":[null]}", "mounts[0]: expected an object, got null"},
        {"{\"annotations\":[]}", "annotations: expected an object, got array"},
        {"{\"annotations\":{\"k\":1}}", "annotations.k: expected a string, got int"},
        {"{\"annotations\":{\"k\":null}}", "annotations.k: expected a string, got null"},
        {"{\"process\":{\"oomScoreAdj\":1.5}}", "process.oomScoreAdj: expected an integer, got double"},
        {"{\"process\":{\"oomScoreAdj\":\"1\"}}", "process.oomScoreAdj: expected an integer, got string"},
        {"{\"linux\":{\"namespaces\":[{\"type\":4}]}}", "linux.namespaces[0].type: expected a string, got int"},
        {"{\"linux\":{\"devices\":[{\"type\":4}]}}", "linux.devices[0].type: expected a string, got int"},
        {"{\"linux\":{\"resources\":{\"devices\":[{\"type\":4}]}}}",
         "linux.resources.devices[0].type: expected a string, got int"},
        {"{\"linux\":{\"resources\":{\"devices\":[{\"major\":\"4\"}]}}}",
         "linux.resources.devices[0].major: expected an integer, got string"},
        {"{\"linux\":{\"resources\":{\"memory\":{\"swappiness\":{}}}}}",
         "linux.resources.memory.swappiness: expected an integer, got object"},
        {"{\"linux\":{\"uidMappings\":[{\"size\":true}]}}", "linux.uidMappings[0].size: expected an integer, got boolean"},
        /* numbers out of range */
        {"{\"process\":{\"user\":{\"uid\":4294967296}}}", "process.user.uid: 4294967296 is not in 0..4294967294"},
        {"{\"process\":{\"user\":{\"uid\":4294967295}}}", "process.user.uid: 4294967295 is not in 0..4294967294"},
        {"{\"process\":{\"user\":{\"uid\":-1}}}", "process.user.uid: -1 is not in 0..4294967294"},
        {"{\"process\":{\"user\":{\"gid\":-2}}}", "process.user.gid: -2 is not in 0..4294967294"},
        {"{\"process\":{\"user\":{\"umask\":4294967296}}}", "process.user.umask: 4294967296 is not in 0..4294967295"},
        {"{\"process\":{\"user\":{\"additionalGids\":[4294967296]}}}",
         "process.user.additionalGids[0]: 4294967296 is not in 0..4294967294"},
        {"{\"process\":{\"rlimits\":[{\"hard\":-1}]}}", "process.rlimits[0].hard: -1 is not in 0..18446744073709551615"},
        {"{\"process\":{\"rlimits\":[{\"soft\":18446744073709551616}]}}", "JSON: byte 31: number beyond 64 bits"},
        {"{\"process\":{\"oomScoreAdj\":9223372036854775808}}",
         "process.oomScoreAdj: 9223372036854775808 is not in the range of 64 bits"},
        {"{\"process\":{\"oomScoreAdj\":-9223372036854775809}}", "JSON: byte 26: number beyond 64 bits"},
        {"{\"x\":99999999999999999999}", "JSON: byte 5: number beyond 64 bits"},
        {"{\"linux\":{\"uidMappings\":[{\"hostID\":4294967296}]}}",
         "linux.uidMappings[0].hostID: 4294967296 is not in 0..4294967295"},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"shares\":-1}}}}",
         "linux.resources.cpu.shares: -1 is not in 0..18446744073709551615"},
        {"{\"linux\":{\"resources\":{\"devices\":[{\"major\":-2}]}}}",
         "linux.resources.devices[0].major: -2 is not a device number"},
        {"{\"linux\":{\"resources\":{\"pids\":{\"limit\":1e3}}}}",
         "linux.resources.pids.limit: expected an integer, got double"},
        /* unknown and missing words */
        {"{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{},{}]}}", "linux.namespaces[1].type: missing"},
        {"{\"linux\":{\"namespaces\":[{\"type\":null}]}}", "linux.namespaces[0].type: missing"},
        {"{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"foo\"}]}}",
         "linux.namespaces[2].type: unknown namespace 'foo'"},
        {"{\"linux\":{\"devices\":[{\"path\":\"/x\"}]}}", "linux.devices[0].type: missing"},
        {"{\"linux\":{\"devices\":[{\"path\":\"/x\",\"type\":\"x\"}]}}", "linux.devices[0].type: unknown device type 'x'"},
        {"{\"linux\":{\"resources\":{\"devices\":[{\"type\":\"p\"}]}}}",
         "linux.resources.devices[0].type: unknown device type 'p'"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct error err = {0};
        struct strlist unapplied = {.cap = 77};
        struct oci_spec *spec = NULL;

        check_int(row->json, oci_spec_from_json(a, row->json, strlen(row->json), &spec, &unapplied, &err), -EINVAL);
        check_int(row->json, err.status, STATUS_INVALID_ARGUMENT);
        if (row->text)
            check_string(row->json, err.text, row->text);
        check_int(row->json, spec == NULL && unapplied.cap == 77, 1);
    }
}

static void the_largest_numbers_fit(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct oci_spec *spec =
        read_spec(a,
                  "{\"process\":{\"rlimits\":[{\"hard\":18446744073709551615}],\"user\":{\"uid\":4294967294},"
                  "\"oomScoreAdj\":-9223372036854775808},"
                  "\"linux\":{\"resources\":{\"memory\":{\"limit\":9223372036854775807}}}}",
                  NULL);

    (void)state;
    assert_true(spec->process->rlimits[0].hard == UINT64_MAX);
    assert_true(spec->process->user.uid == UINT32_MAX - 1);
    assert_true(spec->process->oom_score_adj.value == INT64_MIN);
    assert_true(spec->linux_->resources->memory->limit.value == INT64_MAX);
}

static void fill(struct buf *text, const char *head, const char *item, size_t n, const char *tail)
{
    buf_append_str(text, head);
    for (size_t i = 0; i < n; i++)
        buf_append_str(text, item);
    buf_append_str(text, tail);
}

static void size_depth_and_number_of_values_are_limited(void **state)
{
    static const struct {
        const char *label, *head, *item, *tail;
        size_t n;
        const char *text; /* NULL: accepted */
    } rows[] = {
        {"4 MiB", "{\"hostname\":\"", "x", "\"}", 4 * 1024 * 1024 - 15, NULL},
        {"4 MiB and one", "{\"hostname\":\"", "x", "\"}", 4 * 1024 * 1024 - 14, "JSON: longer than 4194304 bytes"},
        {"many values", "{\"x\":[0", ",0", "]}", 99997, NULL},
        {"too many values", "{\"x\":[0", ",0", "]}", 99998, "JSON: more than 100000 values"},
        {"too many objects", "{\"x\":[0", ",{}", "]}", 50000, "JSON: more than 100000 values"},
        {"deep", "{\"x\":", "[", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 30, NULL},
        {"too deep", "{\"x\":", "[", "", 50000, "JSON: byte 36: nesting too deep"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(2 * BUDGET);
        _buf_ struct buf text = BUF_INIT(BUDGET);
        struct error err = {0};
        struct oci_spec *spec;

        fill(&text, row->head, row->item, row->n, row->tail);
        int r = oci_spec_from_json(a, text.data, text.len, &spec, NULL, &err);
        check_string(row->label, err.text, row->text ?: "");
        check_int(row->label, r, row->text ? -EINVAL : 0);
    }
}

static void parts_name_paths_from_their_own_top(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct error err = {0};
    struct oci_process *process = NULL;
    struct oci_resources *resources = NULL;
    const char *good = "{\"args\":[\"sh\"],\"user\":{\"uid\":3,\"gid\":0}}";

    (void)state;
    assert_int_equal(oci_process_from_json(a, good, strlen(good), &process, &err), 0);
    assert_int_equal(process->user.uid, 3);
    assert_int_equal(oci_process_from_json(a, "{\"user\":{\"uid\":-1}}", 19, &process, &err), -EINVAL);
    assert_string_equal(err.text, "user.uid: -1 is not in 0..4294967294");
    assert_int_equal(oci_resources_from_json(a, "{\"cpu\":1}", 9, &resources, &err), -EINVAL);
    assert_string_equal(err.text, "cpu: expected an object, got int");
    assert_int_equal(process->user.uid, 3);
    assert_null(resources);
}

/* Every prefix and every single-byte damage of a real spec ends in success or in a named error. */
static void damaged_specs_do_no_harm(void **state)
{
    _buf_ struct buf text = BUF_INIT(BUDGET);
    uint32_t seed = 1;

    (void)state;
    load("fixtures/bundles/containerd.json", &text);
    for (int round = 0; round < 2000; round++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct error err = {0};
        struct oci_spec *spec;

        seed = seed * 1664525 + 1013904223;
        size_t at = (seed >> 8) % text.len;
        char was = text.data[at];
        text.data[at] = (char)(seed >> 3);
        size_t len = round % 2 ? text.len : (seed >> 5) % text.len;
        int r = oci_spec_from_json(a, text.data, len, &spec, NULL, &err);
        text.data[at] = was;
        assert_true(r == 0 || (r == -EINVAL && err.text[0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_docker_spec_is_read),
        cmocka_unit_test(a_kubernetes_spec_is_read),
        cmocka_unit_test(the_usual_specs_do_not_change_on_their_way),
        cmocka_unit_test(numbers_that_say_zero_are_kept),
        cmocka_unit_test(what_the_specification_requires_is_always_written),
        cmocka_unit_test(absent_and_null_are_the_same),
        cmocka_unit_test(empty_pids_are_no_limit),
        cmocka_unit_test(strings_keep_every_character),
        cmocka_unit_test(fields_that_are_not_applied_are_reported),
        cmocka_unit_test(bad_specs_are_refused_with_path_and_value),
        cmocka_unit_test(the_largest_numbers_fit),
        cmocka_unit_test(size_depth_and_number_of_values_are_limited),
        cmocka_unit_test(parts_name_paths_from_their_own_top),
        cmocka_unit_test(damaged_specs_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
