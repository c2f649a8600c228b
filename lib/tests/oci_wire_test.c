/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of reading the wire: what is absent, what is refused, where the reference goes wrong. */
#include "oci/wire.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"
#include "proto/proto.h"

#define BUDGET (1024 * 1024)

static struct oci_spec *read_spec(struct arena *a, const Grpc__Spec *wire)
{
    struct error err = {0};
    struct oci_spec *spec;

    if (oci_spec_from_wire(a, wire, &spec, &err) < 0)
        fail_msg("%s", err.text);
    return spec;
}

static struct oci_resources *read_resources(struct arena *a, const Grpc__LinuxResources *wire)
{
    struct error err = {0};
    struct oci_resources *resources;

    if (oci_resources_from_wire(a, wire, &resources, &err) < 0)
        fail_msg("%s", err.text);
    return resources;
}

static void check_refused(const char *label, const Grpc__Spec *wire, const char *text)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct error err = {0};
    struct oci_spec *spec = NULL;

    check_int(label, oci_spec_from_wire(a, wire, &spec, &err), -EINVAL);
    check_int(label, err.status, STATUS_INVALID_ARGUMENT);
    check_string(label, err.text, text);
    check_int(label, spec == NULL, 1);
    check_int(label, oci_spec_from_wire(a, wire, &spec, NULL), -EINVAL);
}

static void an_empty_message_is_an_empty_spec(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Spec wire = GRPC__SPEC__INIT;
    static const struct oci_spec empty;

    (void)state;
    assert_memory_equal(read_spec(a, &wire), &empty, sizeof(empty));
}

static void empty_strings_and_lists_are_absent(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Spec wire = GRPC__SPEC__INIT;
    Grpc__Linux linux_ = GRPC__LINUX__INIT;
    Grpc__LinuxNamespace ns = GRPC__LINUX_NAMESPACE__INIT, *namespaces[] = {&ns};
    Grpc__Process process = GRPC__PROCESS__INIT;

    (void)state;
    ns.type = "net";
    ns.path = NULL; /* never on the wire, but in a message made by hand */
    linux_.namespaces = namespaces, linux_.n_namespaces = 1;
    wire.linux = &linux_, wire.process = &process;

    struct oci_spec *spec = read_spec(a, &wire);
    assert_null(spec->hostname);
    assert_null(spec->process->cwd);
    assert_null(spec->process->args.items);
    assert_null(spec->process->capabilities);
    assert_null(spec->process->rlimits);
    assert_null(spec->linux_->masked_paths.items);
    assert_null(spec->linux_->resources);
    assert_int_equal(spec->linux_->namespaces[0].type, OCI_NS_NETWORK);
    assert_null(spec->linux_->namespaces[0].path);
}

static void lists_end_with_null(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Process process = GRPC__PROCESS__INIT;
    Grpc__Spec wire = GRPC__SPEC__INIT;
    char *args[] = {"a", "", "c", "beyond"};

    (void)state;
    process.args = args, process.n_args = 3;
    wire.process = &process;
    struct strlist *list = &read_spec(a, &wire)->process->args;
    assert_int_equal(list->n, 3);
    assert_string_equal(list->items[1], "");
    assert_null(list->items[3]);
    assert_int_equal(strlist_add(a, list, "d"), 0);
    assert_string_equal(list->items[3], "d");
    assert_null(list->items[4]);
}

static void environment_is_not_trimmed(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Process process = GRPC__PROCESS__INIT;
    Grpc__Spec wire = GRPC__SPEC__INIT;
    char *env[] = {" A = b \t", "C=\n"};

    (void)state;
    process.env = env, process.n_env = ARRAY_SIZE(env);
    wire.process = &process;
    struct strlist *list = &read_spec(a, &wire)->process->env;
    assert_string_equal(list->items[0], " A = b \t");
    assert_string_equal(list->items[1], "C=\n");
}

static void unknown_words_are_refused_by_name(void **state)
{
    static const struct {
        char *word;
        const char *ns, *device, *rule; /* errors of the three places, NULL: accepted */
    } rows[] = {
        {"foo", "linux.namespaces[1].type: unknown namespace 'foo'", "linux.devices[0].type: unknown device type 'foo'",
         "linux.resources.devices[0].type: unknown device type 'foo'"},
        {"", "linux.namespaces[1].type: unknown namespace ''", "linux.devices[0].type: unknown device type ''", NULL},
        {"a", "linux.namespaces[1].type: unknown namespace 'a'", "linux.devices[0].type: unknown device type 'a'", NULL},
        {"b", "linux.namespaces[1].type: unknown namespace 'b'", NULL, NULL},
        {"u", "linux.namespaces[1].type: unknown namespace 'u'", NULL,
         "linux.resources.devices[0].type: unknown device type 'u'"},
        {"cb", "linux.namespaces[1].type: unknown namespace 'cb'", "linux.devices[0].type: unknown device type 'cb'",
         "linux.resources.devices[0].type: unknown device type 'cb'"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        Grpc__Spec wire = GRPC__SPEC__INIT;
        Grpc__Linux linux_ = GRPC__LINUX__INIT, empty = GRPC__LINUX__INIT;
        Grpc__LinuxNamespace good = GRPC__LINUX_NAMESPACE__INIT, ns = GRPC__LINUX_NAMESPACE__INIT;
        Grpc__LinuxNamespace *namespaces[] = {&good, &ns};
        Grpc__LinuxDevice device = GRPC__LINUX_DEVICE__INIT, *devices[] = {&device};
        Grpc__LinuxDeviceCgroup rule = GRPC__LINUX_DEVICE_CGROUP__INIT, *rules[] = {&rule};
        Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;

        wire.linux = &linux_;
        good.type = "mnt", ns.type = row->word, device.type = row->word, rule.type = row->word;
        linux_.namespaces = namespaces, linux_.n_namespaces = 2;
        check_refused(row->word, &wire, row->ns);
        linux_ = empty, linux_.devices = devices, linux_.n_devices = 1;
        if (row->device)
            check_refused(row->word, &wire, row->device);
        linux_ = empty, linux_.resources = &resources;
        resources.devices = rules, resources.n_devices = 1;
        if (row->rule)
            check_refused(row->word, &wire, row->rule);
    }
}

static void the_id_that_means_unchanged_is_refused(void **state)
{
    Grpc__Spec wire = GRPC__SPEC__INIT;
    Grpc__Process process = GRPC__PROCESS__INIT;
    Grpc__User user = GRPC__USER__INIT;
    uint32_t gids[] = {UINT32_MAX - 1, UINT32_MAX};

    (void)state;
    wire.process = &process, process.user = &user;
    user.uid = UINT32_MAX;
    check_refused("uid", &wire, "process.user.uid: 4294967295 is not in 0..4294967294");
    user.uid = 0, user.gid = UINT32_MAX;
    check_refused("gid", &wire, "process.user.gid: 4294967295 is not in 0..4294967294");
    user.gid = 0, user.additionalgids = gids, user.n_additionalgids = 2;
    check_refused("additional", &wire, "process.user.additionalGids[1]: 4294967295 is not in 0..4294967294");

    _arena_ struct arena *a = arena_new(BUDGET);
    user.n_additionalgids = 1;
    assert_int_equal(read_spec(a, &wire)->process->user.n_additional_gids, 1);
}

static void zero_is_absent_and_minus_one_is_kept(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__LinuxResources wire = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
    Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;

    (void)state;
    wire.memory = &memory, wire.cpu = &cpu;
    struct oci_resources *resources = read_resources(a, &wire);
    assert_false(resources->memory->limit.set);
    assert_false(resources->memory->swap.set);
    assert_false(resources->memory->swappiness.set);
    assert_false(resources->cpu->shares.set);
    assert_false(resources->cpu->quota.set);

    memory.limit = memory.swap = cpu.quota = -1;
    memory.swappiness = 60, cpu.shares = 1024;
    resources = read_resources(a, &wire);
    assert_true(resources->memory->limit.set && resources->memory->limit.value == -1);
    assert_true(resources->memory->swap.set && resources->memory->swap.value == -1);
    assert_true(resources->cpu->quota.set && resources->cpu->quota.value == -1);
    assert_true(resources->memory->swappiness.set && resources->memory->swappiness.value == 60);
    assert_true(resources->cpu->shares.set && resources->cpu->shares.value == 1024);
}

static void a_pids_limit_is_honoured(void **state)
{
    static const int64_t rows[] = {-1, 0, 1, 256};
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__LinuxResources wire = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

    (void)state;
    assert_false(read_resources(a, &wire)->pids_limit.set);
    wire.pids = &pids;
    FOR_ROWS (row, rows) {
        pids.limit = *row;
        struct opt_i64 limit = read_resources(a, &wire)->pids_limit;
        assert_true(limit.set);
        assert_true(limit.value == *row);
    }
}

static void device_rules_keep_zero_and_read_minus_one_as_any(void **state)
{
    static const struct {
        char *type;
        int64_t major, minor;
        char want_type;
        int64_t want_major, want_minor; /* -1: any */
    } rows[] = {
        {"c", 5, 0, 'c', 5, 0},   {"c", 0, 0, 'c', 0, 0},   {"b", -1, -1, 'b', -1, -1}, {"c", 136, -1, 'c', 136, -1},
        {"a", 0, 0, 'a', -1, -1}, {"", 0, 0, 'a', -1, -1},  {"a", -1, 0, 'a', -1, -1},  {"a", 1, 0, 'a', 1, 0},
        {"a", 0, 3, 'a', 0, 3},   {"a", -1, 3, 'a', -1, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        Grpc__LinuxResources wire = GRPC__LINUX_RESOURCES__INIT;
        Grpc__LinuxDeviceCgroup rule = GRPC__LINUX_DEVICE_CGROUP__INIT, *rules[] = {&rule};
        char label[16];

        snprintf(label, sizeof(label), "row %zu", i);
        wire.devices = rules, wire.n_devices = 1;
        rule.type = rows[i].type, rule.major = rows[i].major, rule.minor = rows[i].minor;
        struct oci_device_rule *read = read_resources(a, &wire)->devices;
        check_int(label, read->type, rows[i].want_type);
        check_int(label, read->major.set ? read->major.value : -1, rows[i].want_major);
        check_int(label, read->minor.set ? read->minor.value : -1, rows[i].want_minor);
    }
}

static void a_device_number_below_minus_one_is_refused(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__LinuxResources wire = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxDeviceCgroup rule = GRPC__LINUX_DEVICE_CGROUP__INIT, *rules[] = {&rule};
    struct oci_resources *resources;
    struct error err = {0};

    (void)state;
    wire.devices = rules, wire.n_devices = 1;
    rule.type = "c", rule.minor = -2;
    assert_int_equal(oci_resources_from_wire(a, &wire, &resources, &err), -EINVAL);
    assert_string_equal(err.text, "devices[0].minor: -2 is not a device number");
}

static void each_hook_list_is_its_own(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Spec wire = GRPC__SPEC__INIT;
    Grpc__Hooks hooks = GRPC__HOOKS__INIT;
    Grpc__Hook hook[6], *lists[6];
    static char *paths[] = {"/prestart", "/runtime", "/container", "/start", "/poststart", "/poststop"};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        grpc__hook__init(&hook[i]);
        hook[i].path = paths[i];
        lists[i] = &hook[i];
    }
    hook[5].timeout = 7;
    wire.hooks = &hooks;
    hooks.prestart = &lists[0], hooks.createruntime = &lists[1], hooks.createcontainer = &lists[2];
    hooks.startcontainer = &lists[3], hooks.poststart = &lists[4], hooks.poststop = &lists[5];
    hooks.n_prestart = hooks.n_createruntime = hooks.n_createcontainer = 1;
    hooks.n_startcontainer = hooks.n_poststart = hooks.n_poststop = 1;

    struct oci_hooks *read = read_spec(a, &wire)->hooks;
    assert_string_equal(read->prestart.items[0].path, "/prestart");
    assert_string_equal(read->create_runtime.items[0].path, "/runtime");
    assert_string_equal(read->create_container.items[0].path, "/container");
    assert_string_equal(read->start_container.items[0].path, "/start");
    assert_string_equal(read->poststart.items[0].path, "/poststart");
    assert_string_equal(read->poststop.items[0].path, "/poststop");
    assert_false(read->poststart.items[0].timeout_s.set);
    assert_true(read->poststop.items[0].timeout_s.set && read->poststop.items[0].timeout_s.value == 7);
}

static void errno_zero_is_no_errno(void **state)
{
    static const struct {
        const char *label;
        Grpc__LinuxSyscall__ErrnoretCase chosen;
        uint32_t value;
        int64_t want; /* -1: absent */
    } rows[] = {
        {"absent", GRPC__LINUX_SYSCALL___ERRNORET__NOT_SET, 0, -1},
        {"not chosen", GRPC__LINUX_SYSCALL___ERRNORET__NOT_SET, 9, -1},
        {"zero", GRPC__LINUX_SYSCALL___ERRNORET_ERRNORET, 0, -1},
        {"38", GRPC__LINUX_SYSCALL___ERRNORET_ERRNORET, 38, 38},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        Grpc__Spec wire = GRPC__SPEC__INIT;
        Grpc__Linux linux_ = GRPC__LINUX__INIT;
        Grpc__LinuxSeccomp seccomp = GRPC__LINUX_SECCOMP__INIT;
        Grpc__LinuxSyscall rule = GRPC__LINUX_SYSCALL__INIT, *rules[] = {&rule};

        wire.linux = &linux_, linux_.seccomp = &seccomp;
        seccomp.syscalls = rules, seccomp.n_syscalls = 1;
        rule._errnoret_case = row->chosen, rule.errnoret = row->value;
        struct opt_u64 read = read_spec(a, &wire)->linux_->seccomp->rules[0].errno_ret;
        check_int(row->label, read.set ? (int64_t)read.value : -1, row->want);
    }
}

static void of_equal_map_keys_the_last_wins(void **state)
{
    static char *const pairs[][2] = {{"b", "1"}, {"a", "2"}, {"b", "3"}, {"c", ""}, {"b", "4"}, {"a", "5"}};
    static const char *const want[][2] = {{"c", ""}, {"b", "4"}, {"a", "5"}};
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Spec wire = GRPC__SPEC__INIT;
    Grpc__Spec__AnnotationsEntry entries[ARRAY_SIZE(pairs)], *list[ARRAY_SIZE(pairs)];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        entries[i] = (Grpc__Spec__AnnotationsEntry)GRPC__SPEC__ANNOTATIONS_ENTRY__INIT;
        entries[i].key = pairs[i][0], entries[i].value = pairs[i][1];
        list[i] = &entries[i];
    }
    wire.annotations = list, wire.n_annotations = ARRAY_SIZE(list);
    struct oci_map *map = &read_spec(a, &wire)->annotations;
    assert_int_equal(map->n, ARRAY_SIZE(want));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        assert_string_equal(map->items[i].key, want[i][0]);
        assert_string_equal(map->items[i].value, want[i][1]);
    }
}

static void a_map_that_does_not_fit_is_no_memory(void **state)
{
    Grpc__Spec wire = GRPC__SPEC__INIT;
    Grpc__Spec__AnnotationsEntry entry = GRPC__SPEC__ANNOTATIONS_ENTRY__INIT, *list[] = {&entry, &entry, &entry};
    int last = 0;

    (void)state;
    entry.key = "key", entry.value = "value";
    wire.annotations = list, wire.n_annotations = ARRAY_SIZE(list);
    for (size_t budget = 0; budget < 1024; budget += 8) {
        _arena_ struct arena *a = arena_new(budget);
        struct oci_spec *spec;
        last = oci_spec_from_wire(a, &wire, &spec, NULL);
        assert_true(last == 0 || last == -ENOBUFS);
    }
    assert_int_equal(last, 0);
}

/* The converters treat both kinds of map entry alike. */
static void map_entries_have_one_layout(void **state)
{
    (void)state;
    assert_int_equal(sizeof(Grpc__Spec__AnnotationsEntry), sizeof(Grpc__Linux__SysctlEntry));
    assert_int_equal(offsetof(Grpc__Spec__AnnotationsEntry, key), offsetof(Grpc__Linux__SysctlEntry, key));
    assert_int_equal(offsetof(Grpc__Spec__AnnotationsEntry, value), offsetof(Grpc__Linux__SysctlEntry, value));
}

static void what_the_wire_cannot_say_is_left_out(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct oci_process process = {.user = {.umask = {.set = true, .value = 077}}, .oom_score_adj = {.set = true, .value = 0}};
    struct oci_process *copy;
    Grpc__Process *wire;

    (void)state;
    assert_int_equal(oci_process_to_wire(a, &process, &wire, NULL), 0);
    assert_non_null(wire->user);
    assert_null(wire->consolesize);
    assert_string_equal(wire->cwd, "");
    assert_int_equal(oci_process_from_wire(a, wire, &copy, NULL), 0);
    assert_false(copy->user.umask.set);
    assert_false(copy->oom_score_adj.set);
}

static void a_console_of_no_size_is_a_console(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    Grpc__Process wire = GRPC__PROCESS__INIT;
    Grpc__Box box = GRPC__BOX__INIT;
    struct oci_process *process;

    (void)state;
    assert_int_equal(oci_process_from_wire(a, &wire, &process, NULL), 0);
    assert_false(process->has_console_size);
    wire.consolesize = &box;
    assert_int_equal(oci_process_from_wire(a, &wire, &process, NULL), 0);
    assert_true(process->has_console_size);
}

static void an_error_text_stays_utf8_when_it_is_cut(void **state)
{
    char word[2048];

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        _arena_ struct arena *a = arena_new(BUDGET);
        Grpc__Spec wire = GRPC__SPEC__INIT;
        Grpc__Linux linux_ = GRPC__LINUX__INIT;
        Grpc__LinuxNamespace ns = GRPC__LINUX_NAMESPACE__INIT, *namespaces[] = {&ns};
        struct oci_spec *spec;
        struct error err = {0};

        memset(word, 'x', sizeof(word));
        for (size_t i = shift; i + 3 < sizeof(word); i += 3)
            memcpy(word + i, "\xe2\x82\xac", 3);
        word[sizeof(word) - 4] = '\0';
        ns.type = word;
        wire.linux = &linux_, linux_.namespaces = namespaces, linux_.n_namespaces = 1;
        assert_int_equal(oci_spec_from_wire(a, &wire, &spec, &err), -EINVAL);
        assert_true(strlen(err.text) > 400);
        assert_true(proto_string_is_valid(err.text, strlen(err.text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_message_is_an_empty_spec),
        cmocka_unit_test(empty_strings_and_lists_are_absent),
        cmocka_unit_test(lists_end_with_null),
        cmocka_unit_test(environment_is_not_trimmed),
        cmocka_unit_test(unknown_words_are_refused_by_name),
        cmocka_unit_test(the_id_that_means_unchanged_is_refused),
        cmocka_unit_test(zero_is_absent_and_minus_one_is_kept),
        cmocka_unit_test(a_pids_limit_is_honoured),
        cmocka_unit_test(device_rules_keep_zero_and_read_minus_one_as_any),
        cmocka_unit_test(a_device_number_below_minus_one_is_refused),
        cmocka_unit_test(each_hook_list_is_its_own),
        cmocka_unit_test(errno_zero_is_no_errno),
        cmocka_unit_test(of_equal_map_keys_the_last_wins),
        cmocka_unit_test(a_map_that_does_not_fit_is_no_memory),
        cmocka_unit_test(map_entries_have_one_layout),
        cmocka_unit_test(what_the_wire_cannot_say_is_left_out),
        cmocka_unit_test(a_console_of_no_size_is_a_console),
        cmocka_unit_test(an_error_text_stays_utf8_when_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
