/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/check.h"

#include <errno.h>
#include <stdio.h>

#include "tests/check.h"

/* ---- container id ---- */

static void good_ids_are_accepted(void **state)
{
    (void)state;
    char longest[256];
    memset(longest, 'a', 255);
    longest[255] = '\0';
    const char *const rows[] = {"ab", "a1", "1a", "Zz", "A-", "0_", "9.", "a..", "a.b-c_d", "zA9", longest};
    FOR_ROWS (id, rows) {
        struct error err = {.text = ""};
        if (check_container_id(*id, &err) < 0)
            fail_msg("%s: %s", *id, err.text);
    }
}

static void bad_ids_are_refused(void **state)
{
    (void)state;
    char too_long[257];
    memset(too_long, 'a', 256);
    too_long[256] = '\0';
    const char *const rows[] = {"",
                                "a",
                                ".a",
                                "-a",
                                "_a",
                                "..",
                                "a/b",
                                "../x",
                                "a b",
                                "a\n",
                                "a:b",
                                "a@",
                                "a[",
                                "a`",
                                "a{",
                                "@a",
                                "[a",
                                "`a",
                                "{a",
                                "/a",
                                ":a",
                                "a/",
                                "\xc3\xa4\xc3\xa4",
                                "a\xc3\xa4",
                                "a+b",
                                "a,b",
                                too_long};
    FOR_ROWS (id, rows) {
        char want[300];
        struct error err;
        snprintf(want, sizeof(want), "invalid container ID %s", *id);
        check_int(*id, check_container_id(*id, &err), -EINVAL);
        check_string(*id, err.text, want);
        check_int(*id, err.status, STATUS_INTERNAL);
    }
}

/* ---- spec ---- */

/* A spec as Docker or containerd send it, after the agent put its own namespaces in. */
struct sample {
    struct oci_spec spec;
    struct oci_process process;
    struct oci_root root;
    struct oci_linux linux_;
    struct oci_namespace namespaces[OCI_NS_MAX + 1];
    struct oci_hooks hooks;
    struct oci_resources resources;
    struct oci_device_rule rules[3];
    struct oci_id_mapping maps[400];
    struct oci_pair pairs[2];
    char *words[3];
};

static void sample_init(struct sample *sample)
{
    static const enum oci_namespace_type types[] = {OCI_NS_PID, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_MOUNT};

    *sample = (struct sample){
        .process = {.args = {sample->words, 1, 0}, .cwd = "/"},
        .root = {.path = "/run/c/rootfs"},
        .words = {"sh"},
        .linux_ = {.namespaces = sample->namespaces, .n_namespaces = ARRAY_SIZE(types), .resources = &sample->resources},
        .resources = {.devices = sample->rules},
    };
    FOR_ROWS (type, types)
        sample->namespaces[type - types].type = *type;
    sample->spec = (struct oci_spec){.process = &sample->process, .root = &sample->root, .linux_ = &sample->linux_};
}

static void drop_namespace(struct sample *sample, enum oci_namespace_type type)
{
    struct oci_linux *linux_ = &sample->linux_;
    size_t kept = 0;

    for (size_t i = 0; i < linux_->n_namespaces; i++) {
        if (linux_->namespaces[i].type != type)
            linux_->namespaces[kept++] = linux_->namespaces[i];
    }
    linux_->n_namespaces = kept;
}

static void add_namespace(struct sample *sample, enum oci_namespace_type type, char *path)
{
    sample->namespaces[sample->linux_.n_namespaces++] = (struct oci_namespace){.type = type, .path = path};
}

static void map_ids(struct sample *sample, size_t n_uid, size_t n_gid)
{
    sample->linux_.uid_mappings = sample->linux_.gid_mappings = sample->maps;
    sample->linux_.n_uid_mappings = n_uid;
    sample->linux_.n_gid_mappings = n_gid;
}

static void user_namespace(struct sample *sample, struct oci_id_mapping map)
{
    add_namespace(sample, OCI_NS_USER, NULL);
    sample->maps[0] = map;
    map_ids(sample, 1, 1);
}

static void set_sysctl(struct sample *sample, char *key)
{
    sample->pairs[0] = (struct oci_pair){key, "1"};
    sample->linux_.sysctl = (struct oci_map){sample->pairs, 1};
}

#define CHANGE(name, ...)                                                                                                      \
    static void name(struct sample *s)                                                                                         \
    {                                                                                                                          \
        __VA_ARGS__;                                                                                                           \
    }

static struct oci_hook relative_hook = {.path = "x"};
#define RELATIVE_HOOK ((struct oci_hook_list){&relative_hook, 1})

CHANGE(nothing, (void)s)
CHANGE(no_linux, s->spec.linux_ = NULL)
CHANGE(no_root, s->spec.root = NULL)
CHANGE(no_root_path, s->root.path = NULL)
CHANGE(empty_root_path, s->root.path = "")
CHANGE(no_process, s->spec.process = NULL)
CHANGE(no_namespaces, s->linux_.n_namespaces = 0)
CHANGE(no_args, s->process.args.n = 0)
CHANGE(no_cwd, s->process.cwd = NULL)
CHANGE(relative_cwd, s->process.cwd = "tmp")
CHANGE(prestart, s->spec.hooks = &s->hooks; s->hooks.prestart = RELATIVE_HOOK)
CHANGE(create_runtime, s->spec.hooks = &s->hooks; s->hooks.create_runtime = RELATIVE_HOOK)
CHANGE(create_container, s->spec.hooks = &s->hooks; s->hooks.create_container = RELATIVE_HOOK)
CHANGE(start_container, s->spec.hooks = &s->hooks; s->hooks.start_container = RELATIVE_HOOK)
CHANGE(poststart, s->spec.hooks = &s->hooks; s->hooks.poststart = RELATIVE_HOOK)
CHANGE(poststop, s->spec.hooks = &s->hooks; s->hooks.poststop = RELATIVE_HOOK)
CHANGE(empty_hooks, s->spec.hooks = &s->hooks)
CHANGE(selinux, s->process.selinux_label = "system_u:system_r:container_t:s0")
CHANGE(empty_labels, s->process.selinux_label = ""; s->linux_.mount_label = ""; s->process.apparmor_profile = "";
       s->linux_.intel_rdt_l3_schema = "")
CHANGE(apparmor, s->process.apparmor_profile = "docker-default")
CHANGE(unconfined, s->process.apparmor_profile = "unconfined")
CHANGE(mount_label, s->linux_.mount_label = "x")
CHANGE(intel_rdt, s->linux_.intel_rdt_l3_schema = "L3:0=f")
CHANGE(twice, add_namespace(s, OCI_NS_PID, "/proc/1/ns/pid"))
CHANGE(time_new, add_namespace(s, OCI_NS_TIME, NULL))
CHANGE(hostname, s->spec.hostname = "box")
CHANGE(hostname_alone, s->spec.hostname = "box"; drop_namespace(s, OCI_NS_UTS))
CHANGE(empty_hostname_alone, s->spec.hostname = ""; drop_namespace(s, OCI_NS_UTS))
CHANGE(masked, s->linux_.masked_paths = (struct strlist){s->words, 1, 0})
CHANGE(masked_alone, s->linux_.masked_paths = (struct strlist){s->words, 1, 0}; drop_namespace(s, OCI_NS_MOUNT))
CHANGE(readonly_alone, s->linux_.readonly_paths = (struct strlist){s->words, 1, 0}; drop_namespace(s, OCI_NS_MOUNT))
CHANGE(user_mapped, user_namespace(s, (struct oci_id_mapping){0, 100000, 65536}))
CHANGE(user_joined, add_namespace(s, OCI_NS_USER, "/proc/7/ns/user"))
CHANGE(user_joined_mapped, add_namespace(s, OCI_NS_USER, "/proc/7/ns/user"); map_ids(s, 1, 1))
CHANGE(user_empty_path, user_namespace(s, (struct oci_id_mapping){0, 1, 1}); s->namespaces[4].path = "")
CHANGE(user_unmapped, add_namespace(s, OCI_NS_USER, NULL))
CHANGE(user_no_gids, user_namespace(s, (struct oci_id_mapping){0, 1, 1}); map_ids(s, 1, 0))
CHANGE(user_no_uids, user_namespace(s, (struct oci_id_mapping){0, 1, 1}); map_ids(s, 0, 1))
CHANGE(user_size_0, user_namespace(s, (struct oci_id_mapping){0, 1, 0}))
CHANGE(user_one_of_two, user_namespace(s, (struct oci_id_mapping){0, 1, 0}); s->maps[1].size = 1; map_ids(s, 2, 2))
CHANGE(mapped_alone, map_ids(s, 1, 0))
CHANGE(gid_mapped_alone, map_ids(s, 0, 1))
CHANGE(map_end, user_namespace(s, (struct oci_id_mapping){UINT32_MAX - 5, UINT32_MAX - 5, 5}))
CHANGE(map_over_inside, user_namespace(s, (struct oci_id_mapping){UINT32_MAX - 5, 0, 6}))
CHANGE(map_over_outside, user_namespace(s, (struct oci_id_mapping){0, UINT32_MAX, 1}))
CHANGE(many_maps, add_namespace(s, OCI_NS_USER, NULL); map_ids(s, 1, 400);
       for (size_t i = 0; i < 400; i++) s->maps[i] = (struct oci_id_mapping){1000000 + (uint32_t)i, 1000, 1})
CHANGE(sysctl_good, set_sysctl(s, "kernel.shmmax"))
CHANGE(sysctl_bad, set_sysctl(s, "kernel.core_pattern"))
CHANGE(deny_all, s->resources.n_devices = 2; s->rules[1].allow = true)

static void good_specs_are_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        void (*change)(struct sample *sample);
    } rows[] = {
        {"usual", nothing},
        {"empty hooks", empty_hooks},
        {"empty labels", empty_labels},
        {"unconfined", unconfined},
        {"new time namespace", time_new},
        {"hostname", hostname},
        {"no hostname without uts namespace", empty_hostname_alone},
        {"masked paths", masked},
        {"user namespace", user_mapped},
        {"joined user namespace", user_joined},
        {"joined user namespace with its maps", user_joined_mapped},
        {"empty path is a new namespace", user_empty_path},
        {"a mapping of size 0 beside a good one", user_one_of_two},
        {"mapping up to the last id", map_end},
        {"sysctl", sysctl_good},
        {"device rules", deny_all},
    };
    FOR_ROWS (row, rows) {
        struct sample sample;
        struct error err = {.text = ""};
        sample_init(&sample);
        row->change(&sample);
        if (check_spec(&sample.spec, &err) < 0)
            fail_msg("%s: %s", row->label, err.text);
    }
}

static void bad_specs_are_refused_with_the_text_of_the_sheet(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct sample *sample);
        enum status_code status;
        const char *text;
    } rows[] = {
        {no_linux, STATUS_INTERNAL, "Spec didn't contain linux field"},
        {no_root, STATUS_INTERNAL, "root.path is missing: EINVAL: Invalid argument"},
        {no_root_path, STATUS_INTERNAL, "root.path is missing: EINVAL: Invalid argument"},
        {empty_root_path, STATUS_INTERNAL, "root.path is missing: EINVAL: Invalid argument"},
        {no_process, STATUS_INTERNAL, "process is missing: EINVAL: Invalid argument"},
        {no_namespaces, STATUS_INTERNAL, "cannot find the pid ns"},
        {no_args, STATUS_INVALID_ARGUMENT, "process.args is empty"},
        {no_cwd, STATUS_INVALID_ARGUMENT, "process.cwd: '' is not an absolute path"},
        {relative_cwd, STATUS_INVALID_ARGUMENT, "process.cwd: 'tmp' is not an absolute path"},
        {prestart, STATUS_INVALID_ARGUMENT, "hooks.prestart[0].path: 'x' is not an absolute path"},
        {create_runtime, STATUS_INVALID_ARGUMENT, "hooks.createRuntime[0].path: 'x' is not an absolute path"},
        {create_container, STATUS_INVALID_ARGUMENT, "hooks.createContainer[0].path: 'x' is not an absolute path"},
        {start_container, STATUS_INVALID_ARGUMENT, "hooks.startContainer[0].path: 'x' is not an absolute path"},
        {poststart, STATUS_INVALID_ARGUMENT, "hooks.poststart[0].path: 'x' is not an absolute path"},
        {poststop, STATUS_INVALID_ARGUMENT, "hooks.poststop[0].path: 'x' is not an absolute path"},
        {selinux, STATUS_INVALID_ARGUMENT, "process.selinuxLabel is not supported yet"},
        {apparmor, STATUS_INVALID_ARGUMENT, "process.apparmorProfile is not supported yet"},
        {mount_label, STATUS_INVALID_ARGUMENT, "linux.mountLabel is not supported yet"},
        {intel_rdt, STATUS_INVALID_ARGUMENT, "linux.intelRdt is not supported yet"},
        {twice, STATUS_INVALID_ARGUMENT, "linux.namespaces: pid is listed twice"},
        {hostname_alone, STATUS_INTERNAL, "hostname: Linux namespace does not contain uts"},
        {masked_alone, STATUS_INTERNAL, "security: Linux namespace does not contain mount"},
        {readonly_alone, STATUS_INTERNAL, "security: Linux namespace does not contain mount"},
        {user_unmapped, STATUS_INTERNAL, "usernamespace: No idmap has size > 0"},
        {user_no_gids, STATUS_INTERNAL, "usernamespace: No idmap has size > 0"},
        {user_no_uids, STATUS_INTERNAL, "usernamespace: No idmap has size > 0"},
        {user_size_0, STATUS_INTERNAL, "usernamespace: No idmap has size > 0"},
        {mapped_alone, STATUS_INTERNAL, "usernamespace: uid or gid mappings without a user namespace"},
        {gid_mapped_alone, STATUS_INTERNAL, "usernamespace: uid or gid mappings without a user namespace"},
        {map_over_inside, STATUS_INVALID_ARGUMENT, "linux.uidMappings: 6 ids from 4294967290 and 0 on do not fit"},
        {map_over_outside, STATUS_INVALID_ARGUMENT, "linux.uidMappings: 1 ids from 0 and 4294967295 on do not fit"},
        {many_maps, STATUS_INVALID_ARGUMENT, "linux.gidMappings: 400 mappings are more than the kernel takes"},
        {sysctl_bad, STATUS_INTERNAL, "sysctl: kernel.core_pattern: Sysctl config contains invalid settings"},
    };
    FOR_ROWS (row, rows) {
        struct sample sample;
        struct error err;
        sample_init(&sample);
        row->change(&sample);
        check_int(row->text, check_spec(&sample.spec, &err), -EINVAL);
        check_string(row->text, err.text, row->text);
        check_int(row->text, err.status, row->status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ids_are_accepted),
        cmocka_unit_test(bad_ids_are_refused),
        cmocka_unit_test(good_specs_are_accepted),
        cmocka_unit_test(bad_specs_are_refused_with_the_text_of_the_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
