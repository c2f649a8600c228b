/* SPDX-License-Identifier: Apache-2.0 */
/* From the bundle to what the guest gets, and the words on the way. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "oci/extension.h"
#include "oci/json.h"
#include "runtime-min/container/blockdev.h"
#include "runtime-min/container/bundle.h"
#include "runtime-min/container/guest.h"
#include "runtime-min/container/guest_error.h"
#include "runtime-min/container/guest_spec.h"
#include "runtime-min/container/machine_size.h"
#include "runtime-min/container/pod.h"
#include "runtime-min/container/signals.h"
#include "runtime-min/container/text.h"

/* ---- bundles ---- */

static void write_config(const char *dir, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/config.json", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define PROCESS "\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"}"
#define ROOT "\"root\":{\"path\":\"rootfs\"}"

static void a_bad_bundle_is_refused_with_the_place(void **state)
{
    static const struct {
        const char *config, *error;
    } rows[] = {
        {"", "unexpected end of data"},
        {"{", "unexpected end of data"},
        {"{}", "process property must not be empty"},
        {"{\"process\":{\"cwd\":\"/\"}," ROOT "}", "args must not be empty"},
        {"{\"process\":{\"args\":[],\"cwd\":\"/\"}," ROOT "}", "args must not be empty"},
        {"{\"process\":{\"args\":[\"\"],\"cwd\":\"/\"}," ROOT "}", "args must not be empty"},
        {"{\"process\":{\"args\":[\"x\"]}," ROOT "}", "Cwd property must not be empty"},
        {"{\"process\":{\"args\":[\"x\"],\"cwd\":\"tmp\"}," ROOT "}", "Cwd must be an absolute path: 'tmp'"},
        {"{" PROCESS "}", "root.path must be specified"},
        {"{" PROCESS ",\"root\":{\"path\":\"absent\"}}", "invalid rootfs: stat "},
        {"{" PROCESS ",\"root\":{\"path\":\"config.json\"}}", "is not a directory"},
        {"{\"ociVersion\":\"2.0.0\"," PROCESS "," ROOT "}", "ociVersion: '2.0.0' is not 1.x"},
        {"{\"ociVersion\":\"abc\"," PROCESS "," ROOT "}", "ociVersion: 'abc' is not 1.x"},
        {"{" PROCESS "," ROOT ",\"mounts\":[{}]}", "mounts[0].destination must not be empty"},
        {"{" PROCESS "," ROOT ",\"hooks\":{\"poststart\":[{\"path\":\"x\"}]}}", "hooks.poststart[0].path"},
        {"{" PROCESS "," ROOT ",\"hostname\":7}", "hostname"},
        {"{" PROCESS "," ROOT "," ROOT "}", "same key twice"},
    };
    char dir[] = "/tmp/tatami-XXXXXX", path[64], command[64];
    (void)state;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/rootfs", dir);
    mkdir(path, 0755);
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(1 << 20);
        struct error err = {.errnum = 0};
        struct bundle bundle;
        write_config(dir, row->config);
        if (bundle_read(a, dir, NULL, &bundle, &err) >= 0 || !strstr(err.text, row->error))
            fail_msg("%s: %s", row->config, err.text);
    }
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void a_bundle_has_absolute_paths(void **state)
{
    char dir[] = "/tmp/tatami-XXXXXX", path[64], command[64];
    _arena_ struct arena *a = arena_new(1 << 20);
    struct error err = {.errnum = 0};
    struct bundle bundle;
    (void)state;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/rootfs", dir);
    mkdir(path, 0755);
    write_config(dir, "{" PROCESS "," ROOT ",\"unknown\":{\"key\":null}}");
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(bundle_read(a, ".", NULL, &bundle, &err), 0);
    assert_string_equal(bundle.path, dir);
    assert_string_equal(bundle.rootfs, path);
    buf_done(&bundle.text);
    assert_int_equal(bundle_read(a, ".", "other.json", &bundle, &err), -ENOENT);
    assert_string_equal(err.text, "JSON specification file other.json not found");
    assert_int_equal(bundle_read(a, "absent", NULL, &bundle, &err), -ENOENT);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* ---- the guest's spec ---- */

static struct oci_spec *parse(struct arena *a, const char *text)
{
    struct oci_spec *spec = NULL;
    struct error err = {.errnum = 0};

    if (oci_spec_from_json(a, text, strlen(text), &spec, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return spec;
}

static void what_names_the_host_does_not_reach_the_guest(void **state)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct guest_spec_mounts mounts;
    struct error err = {.errnum = 0};
    struct oci_spec *spec = parse(
        a, "{\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"apparmorProfile\":\"docker-default\",\"selinuxLabel\":\"l\"},"
           "\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
           "\"hooks\":{\"prestart\":[{\"path\":\"/h\"}],\"createRuntime\":[{\"path\":\"/"
           "h\"}],\"createContainer\":[{\"path\":\"/g\"}],"
           "\"poststart\":[{\"path\":\"/h\"}],\"poststop\":[{\"path\":\"/h\"}]},"
           "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
           "{\"destination\":\"/a\",\"source\":\"/host/a\",\"options\":[\"rbind\",\"ro\"]},"
           "{\"destination\":\"/b\",\"type\":\"bind\",\"source\":\"b\"},"
           "{\"destination\":\"/dev/null\",\"type\":\"bind\",\"source\":\"/dev/null\"},"
           "{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/devices\"}],"
           "\"linux\":{\"cgroupsPath\":\"/host/group\",\"mountLabel\":\"m\",\"intelRdt\":{\"l3CacheSchema\":\"s\"},"
           "\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"pid\",\"path\":\"/p\"},{\"type\":\"mount\"}],"
           "\"resources\":{\"cpu\":{\"shares\":512,\"cpus\":\"0-3\",\"mems\":\"0\"},\"blockIO\":{\"weight\":10},"
           "\"network\":{\"classID\":5},\"pids\":{\"limit\":7}}}}");
    (void)state;

    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/bundle", "/bundle/rootfs", &mounts, &err), 0);
    assert_null(spec->process->apparmor_profile);
    assert_null(spec->process->selinux_label);
    assert_int_equal(spec->hooks->prestart.n + spec->hooks->create_runtime.n, 0);
    assert_int_equal(spec->hooks->poststart.n + spec->hooks->poststop.n, 0);
    assert_int_equal(spec->hooks->create_container.n, 1);
    assert_string_equal(spec->linux_->cgroups_path, "/g1");
    assert_null(spec->linux_->mount_label);
    assert_null(spec->linux_->intel_rdt_l3_schema);
    assert_int_equal(spec->linux_->n_namespaces, 2);
    assert_int_equal(spec->linux_->namespaces[0].type, OCI_NS_PID);
    assert_null(spec->linux_->namespaces[0].path);
    assert_null(spec->linux_->resources->cpu->cpus);
    assert_int_equal(spec->linux_->resources->cpu->shares.value, 512);
    assert_int_equal(spec->linux_->resources->pids_limit.value, 7);
    assert_null(spec->linux_->resources->block_io);
    assert_null(spec->linux_->resources->network);

    assert_int_equal(mounts.n, 4);
    assert_string_equal(mounts.items[0].source, "/bundle/rootfs");
    assert_false(mounts.items[0].readonly);
    assert_ptr_equal(mounts.items[0].target, &spec->root->path);
    assert_string_equal(mounts.items[1].source, "/host/a");
    assert_true(mounts.items[1].readonly);
    assert_ptr_equal(mounts.items[1].target, &spec->mounts[1].source);
    assert_string_equal(mounts.items[2].source, "/bundle/b");
    assert_false(mounts.items[2].readonly);
    assert_string_equal(mounts.items[3].source, "/devices");
    assert_string_equal(spec->mounts[3].source, "/dev/null");
}

static void other_words_for_the_same_reach_the_guest_as_it_knows_them(void **state)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct guest_spec_mounts mounts;
    struct error err = {.errnum = 0};
    (void)state;

    struct oci_spec *spec = parse(
        a, "{\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"umask\":18}}," ROOT ",\"domainname\":\"example.org\","
           "\"mounts\":[{\"destination\":\"data\",\"type\":\"tmpfs\"}],"
           "\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"u\"}],\"sysctl\":{\"kernel.msgmax\":\"1\"},"
           "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
           "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}}}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
    assert_int_equal(spec->linux_->devices[0].type, 'c');
    assert_int_equal(spec->linux_->devices[0].file_mode.value, 0666);
    assert_string_equal(spec->mounts[0].destination, "/data");
    assert_string_equal(oci_annotation(spec, OCI_EXTENSION_UMASK), "022");
    assert_int_equal(spec->linux_->sysctl.n, 2);
    assert_string_equal(spec->linux_->sysctl.items[0].key, "kernel.domainname");
    assert_string_equal(spec->linux_->sysctl.items[0].value, "example.org");
    assert_string_equal(spec->linux_->sysctl.items[1].key, "kernel.msgmax");
    assert_int_equal(spec->linux_->seccomp->n_rules, 2);
    assert_string_equal(spec->linux_->seccomp->rules[0].names.items[0], "read");
    assert_string_equal(spec->linux_->seccomp->rules[1].names.items[0], OCI_SECCOMP_OTHERS);
    assert_string_equal(spec->linux_->seccomp->rules[1].action, "SCMP_ACT_ERRNO");
    assert_int_equal(spec->linux_->seccomp->rules[1].errno_ret.value, 38);
}

static void a_user_namespace_without_mappings_maps_all_ids_to_themselves(void **state)
{
#define MAPPING "[{\"containerID\":0,\"hostID\":1000,\"size\":10}]"
    static const struct {
        const char *linux_;
        size_t n_uid, n_gid;
        uint32_t uid_size, gid_size;
    } rows[] = {
        {"\"namespaces\":[{\"type\":\"user\"}]", 1, 1, UINT32_MAX, UINT32_MAX},
        {"\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":" MAPPING, 1, 1, 10, UINT32_MAX},
        {"\"namespaces\":[{\"type\":\"user\"}],\"gidMappings\":" MAPPING, 1, 1, UINT32_MAX, 10},
        {"\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]", 1, 1, UINT32_MAX, UINT32_MAX},
        {"\"namespaces\":[{\"type\":\"mount\"}]", 0, 0, 0, 0},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(1 << 20);
        struct guest_spec_mounts mounts;
        struct error err = {.errnum = 0};
        struct oci_spec *spec = parse(a, arena_printf(a, "{" PROCESS "," ROOT ",\"linux\":{%s}}", row->linux_));
        const struct oci_linux *linux_ = spec->linux_;
        check_int(row->linux_, guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
        check_int(row->linux_, (int)linux_->n_uid_mappings, (int)row->n_uid);
        check_int(row->linux_, (int)linux_->n_gid_mappings, (int)row->n_gid);
        if (row->n_uid == 0)
            continue;
        check_int(row->linux_, (int)linux_->uid_mappings[0].size, (int)row->uid_size);
        check_int(row->linux_, (int)linux_->gid_mappings[0].size, (int)row->gid_size);
        check_int(row->linux_, (int)linux_->uid_mappings[0].host_id, row->uid_size == 10 ? 1000 : 0);
    }
#undef MAPPING
}

static void ids_of_bind_mounts_are_mapped_on_the_host(void **state)
{
#define OWN "\"uidMappings\":[{\"containerID\":0,\"hostID\":2,\"size\":5}],\"gidMappings\":[]"
#define USER "\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":9}]"
    static const struct {
        const char *mount, *linux_;
        int result;
        uint32_t host_id; /* 0: not mapped */
        bool recursive;
    } rows[] = {
        {"\"options\":[\"bind\",\"ro\"]", USER, 0, 0, false},
        {"\"options\":[\"bind\",\"idmap\",\"ro\"]", USER, 0, 1, false},
        {"\"options\":[\"ridmap\",\"bind\",\"ro\"]", USER, 0, 1, true},
        {"\"options\":[\"bind\",\"ridmap\",\"ro\"]," OWN, USER, 0, 2, true},
        {"\"options\":[\"bind\",\"ro\"]," OWN, USER, 0, 2, false},
        {"\"options\":[\"bind\",\"idmap\",\"ro\"]," OWN, "", 0, 2, false},
        {"\"options\":[\"bind\",\"idmap\",\"ro\"]", "", -EINVAL, 0, false},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(1 << 20);
        struct guest_spec_mounts mounts = {.n = 0};
        struct error err = {.errnum = 0};
        struct oci_spec *spec = parse(a, arena_printf(a,
                                                      "{" PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/data\","
                                                      "\"source\":\"/data\",%s}],\"linux\":{%s}}",
                                                      row->mount, row->linux_));
        check_int(row->mount, guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), row->result);
        if (row->result < 0) {
            check_string(row->mount, err.text, "mounts[0]: option idmap without mappings of the mount or of a user namespace");
            continue;
        }
        const struct idmap *idmap = mounts.items[1].idmap;
        check_int(row->mount, (int)spec->mounts[0].options.n, 2);
        check_string(row->mount, spec->mounts[0].options.items[1], "ro");
        check_int(row->mount, idmap != NULL, row->host_id != 0);
        check_int(row->mount, idmap ? (int)idmap->uids[0].host_id : 0, (int)row->host_id);
        check_int(row->mount, idmap && idmap->recursive, row->recursive);
    }
#undef OWN
#undef USER
}

static void hierarchies_of_the_host_are_left_out(void **state)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct guest_spec_mounts mounts;
    struct error err = {.errnum = 0};
    (void)state;

    struct oci_spec *spec =
        parse(a, "{" PROCESS "," ROOT ",\"mounts\":["
                 "{\"destination\":\"/sys/fs/cgroup/systemd\",\"source\":\"/sys/fs/cgroup/systemd\",\"options\":[\"rbind\"]},"
                 "{\"destination\":\"/groups\",\"source\":\"/sys/fs/cgroup\",\"options\":[\"rbind\"]},"
                 "{\"destination\":\"/data\",\"source\":\"/data\",\"options\":[\"bind\"]}]}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
    assert_int_equal(mounts.n_hierarchies_left_out, 1);
    assert_int_equal(spec->n_mounts, 2);
    assert_string_equal(spec->mounts[0].destination, "/groups");
    assert_int_equal(mounts.n, 2);
    assert_ptr_equal(mounts.items[1].target, &spec->mounts[1].source);
}

static void unknown_capabilities_are_left_out(void **state)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct guest_spec_mounts mounts;
    struct error err = {.errnum = 0};
    (void)state;

    struct oci_spec *spec =
        parse(a, "{\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_FLY\",\"CAP_KILL\"],"
                 "\"effective\":[\"CAP_FLY\"],\"inheritable\":[\"\"],\"permitted\":[\"CAP_KILL\",\"CAP_FLY\",\"CAP_CHOWN\"],"
                 "\"ambient\":[\"CAP_FLY\"]}}," ROOT "}");
    const struct oci_capabilities *sets = spec->process->capabilities;
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
    assert_int_equal(mounts.n_names_left_out, 5);
    assert_int_equal(sets->bounding.n, 1);
    assert_string_equal(sets->bounding.items[0], "CAP_KILL");
    assert_int_equal(sets->permitted.n, 2);
    assert_string_equal(sets->permitted.items[1], "CAP_CHOWN");
    assert_int_equal(sets->effective.n + sets->inheritable.n + sets->ambient.n, 0);
}

static void what_the_guest_cannot_have_is_refused(void **state)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct guest_spec_mounts mounts;
    struct error err = {.errnum = 0};
    (void)state;

    struct oci_spec *spec = parse(a, "{" PROCESS "," ROOT ",\"linux\":{\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\"},"
                                     "{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":259}]}}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), -ENOSYS);
    assert_string_equal(err.text, "linux.devices[1]: block device /dev/sda cannot be handed to the machine");
    static const char *const names[] = {"net.ipv4.ip_forward", "net/ipv4/ip_forward"};
    FOR_ROWS (name, names) {
        spec = parse(a, arena_printf(a, "{" PROCESS "," ROOT ",\"linux\":{\"sysctl\":{\"%s\":\"1\"}}}", *name));
        check_int(*name, guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), -EINVAL);
        assert_non_null(strstr(err.text, *name));
        spec = parse(a, arena_printf(a,
                                     "{" PROCESS "," ROOT ",\"linux\":{\"namespaces\":[{\"type\":\"network\"}],"
                                     "\"sysctl\":{\"%s\":\"1\"}}}",
                                     *name));
        check_int(*name, guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
    }
    spec = parse(a, "{" PROCESS "," ROOT
                    ",\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/l\"}}}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), -ENOSYS);
    assert_string_equal(err.text, "linux.seccomp.listenerPath: /l cannot be reached from a virtual machine");
    spec = parse(a, "{" PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/x\",\"type\":\"bind\"}]}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), -EINVAL);
    assert_string_equal(err.text, "mounts[0].source: a bind mount needs one");
    spec = parse(a, "{" PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/x\",\"type\":\"tmpfs\"},{\"type\":\"tmpfs\"}]}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), -EINVAL);
    assert_string_equal(err.text, "mounts[1].destination: a mount needs one");
    spec = parse(a, "{" PROCESS "," ROOT "}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
    assert_non_null(spec->linux_);
    assert_int_equal(spec->process->capabilities->effective.n, 0);
}

/* 259 is the block layer's own: every kernel has it. 4000 is beyond what kernels give out. */
static void a_block_device_without_a_driver_on_the_host_is_a_node_in_the_guest(void **state)
{
    _arena_ struct arena *a = arena_new(1 << 20);
    struct guest_spec_mounts mounts;
    struct error err = {.errnum = 0};
    (void)state;

    struct oci_spec *spec =
        parse(a, "{" PROCESS "," ROOT ",\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":4000}]}}");
    assert_int_equal(guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), 0);
    assert_int_equal(mounts.n_left_out, 0);
    assert_int_equal(spec->linux_->n_devices, 1);
    assert_int_equal(spec->linux_->devices[0].type, 'b');
    assert_true(blockdev_has_driver(259));
    assert_false(blockdev_has_driver(25));
    assert_false(blockdev_has_driver(0));
}

#define ALL "{\"allow\":true,\"access\":\"rwm\"}"
#define NONE "{\"allow\":false,\"access\":\"rwm\"}"
#define ONE "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"rwm\"}"

/* Engines give a privileged container every device of the host. */
static void block_devices_are_left_out_where_all_devices_may_be_used(void **state)
{
    static const struct {
        const char *label, *rules;
        int result;
    } rows[] = {
        {"all", ALL, 0},
        {"all after none", NONE "," ALL, 0},
        {"none after all", ALL "," NONE, -ENOSYS},
        {"this one", NONE "," ONE, -ENOSYS},
        {"this one after all", ALL "," ONE, 0},
        {"no rules", "", -ENOSYS},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(1 << 20);
        struct guest_spec_mounts mounts = {.n = 0};
        struct error err = {.errnum = 0};
        struct oci_spec *spec =
            parse(a, arena_printf(a,
                                  "{" PROCESS "," ROOT ",\"linux\":{\"devices\":["
                                  "{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":259},"
                                  "{\"path\":\"/dev/fuse\",\"type\":\"c\"}],\"resources\":{\"devices\":[%s]}}}",
                                  row->rules));
        check_int(row->label, guest_spec_prepare(a, spec, "g1", "/b", "/b/rootfs", &mounts, &err), row->result);
        if (row->result < 0)
            continue;
        check_int(row->label, (int)mounts.n_left_out, 1);
        check_int(row->label, (int)spec->linux_->n_devices, 1);
        check_string(row->label, spec->linux_->devices[0].path, "/dev/fuse");
    }
}

/* ---- words ---- */

static void annotations_choose_the_machine(void **state)
{
    static const struct {
        const char *annotations, *sandbox;
        bool owns, shares, alone;
    } rows[] = {
        {"\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.cri-o.SandboxID\":\"s\","
         "\"io.container.manager\":\"libpod\"",
         "s", false, true, true},
        {"", "c1", true, false, false},
        {"\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri.sandbox-id\":\"c1\"", "c1", true, false, false},
        {"\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"s\"", "s", false, true, false},
        {"\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.cri-o.SandboxID\":\"s\"", "s", false, true,
         false},
        {"\"io.kubernetes.docker.type\":\"podsandbox\"", "c1", true, false, false},
        {"\"io.kubernetes.docker.type\":\"container\",\"io.kubernetes.sandbox.id\":\"s\"", "s", false, true, false},
    };
    static const char *const bad[] = {"\"io.kubernetes.cri.container-type\":\"bogus\"",
                                      "\"io.kubernetes.cri.container-type\":\"container\"",
                                      "\"io.kubernetes.docker.type\":\"sandbox\""};
    _arena_ struct arena *a = arena_new(1 << 20);
    struct error err = {.errnum = 0};
    char text[512];
    struct pod pod;
    (void)state;

    FOR_ROWS (row, rows) {
        snprintf(text, sizeof(text), "{\"annotations\":{%s},\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/p\"}]}}",
                 row->annotations);
        check_int(row->annotations, pod_of(parse(a, text), "c1", &pod, &err), 0);
        check_string(row->annotations, pod.sandbox_id, row->sandbox);
        check_int(row->annotations, pod.owns_sandbox, row->owns);
        check_int(row->annotations, pod.shares_pid, row->shares);
        check_int(row->annotations, pod.may_be_alone, row->alone);
    }
    FOR_ROWS (annotations, bad) {
        snprintf(text, sizeof(text), "{\"annotations\":{%s}}", *annotations);
        check_int(*annotations, pod_of(parse(a, text), "c1", &pod, &err), -EINVAL);
    }
}

static void limits_size_the_machine(void **state)
{
    static const struct {
        const char *spec;
        unsigned int mib, vcpus;
    } rows[] = {
        {"{}", 100, 1},
        {"{\"linux\":{\"resources\":{\"memory\":{\"limit\":67108864}}}}", 164, 1},
        {"{\"linux\":{\"resources\":{\"memory\":{\"limit\":-1}}}}", 100, 1},
        {"{\"linux\":{\"resources\":{\"memory\":{\"limit\":9223372036854775807}}}}", 65536, 1},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"quota\":150000,\"period\":100000}}}}", 100, 2},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"quota\":200000,\"period\":100000}}}}", 100, 2},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"quota\":-1,\"period\":100000}}}}", 100, 1},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"quota\":9223372036854775807,\"period\":1}}}}", 100, 32},
        {"{\"linux\":{\"resources\":{\"cpu\":{\"quota\":5,\"period\":0}}}}", 100, 1},
        {"{\"annotations\":{\"io.kubernetes.cri.sandbox-memory\":\"1048576\"}}", 101, 1},
        {"{\"annotations\":{\"io.kubernetes.cri.sandbox-memory\":\"much\"}}", 100, 1},
        {"{\"annotations\":{\"io.kubernetes.cri.sandbox-cpu-quota\":\"250000\",\"io.kubernetes.cri.sandbox-cpu-period\":"
         "\"100000\"}}",
         100, 3},
    };
    _arena_ struct arena *a = arena_new(1 << 20);
    (void)state;

    FOR_ROWS (row, rows) {
        check_int(row->spec, machine_memory_mib(parse(a, row->spec), 100), row->mib);
        check_int(row->spec, machine_vcpus(parse(a, row->spec), 1), row->vcpus);
    }
}

static void signals_have_names_and_numbers(void **state)
{
    static const struct {
        const char *word;
        int sig;
    } rows[] = {
        {"0", 0},         {"9", 9},           {"64", 64},      {"KILL", 9},        {"SIGKILL", 9},        {"sigkill", 9},
        {"Term", 15},     {"RTMIN", 34},      {"RTMIN+3", 37}, {"SIGRTMAX-1", 63}, {"65", -EINVAL},       {"-1", -EINVAL},
        {"999", -EINVAL}, {"BOGUS", -EINVAL}, {"", -EINVAL},   {"9x", -EINVAL},    {"RTMIN+31", -EINVAL}, {"RTMIN-1", -EINVAL},
        {"SIG", -EINVAL}, {" 9", -EINVAL},
    };
    (void)state;

    FOR_ROWS (row, rows)
        check_int(row->word, signals_parse(row->word, NULL), row->sig);
}

static void errors_of_the_guest_get_the_words_that_callers_know(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"the file /bin/nope was not found", "exec: \"/bin/nope\": stat /bin/nope: no such file or directory"},
        {"the file nope was not found", "exec: \"nope\": executable file not found in $PATH"},
        {"something else", "something else"},
        {"two\nlines\x1b[31m and \xff", "two lines?[31m and ?"},
        {"umlaut \xc3\xa4", "umlaut \xc3\xa4"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct error err = {.errnum = EIO};
        strcpy(err.text, row->text);
        assert_true(guest_error_reword(&err) < 0);
        check_string(row->text, err.text, row->want);
    }
}

static void ids_are_fitted_to_what_agents_accept(void **state)
{
    static const struct {
        const char *id, *guest_id;
    } rows[] = {{"c1", "c1"}, {"c", "c.c"}, {"_x", "c._x"}, {"a+b", "c.a_b"}, {"A-b_c.d", "A-b_c.d"}};
    _arena_ struct arena *a = arena_new(65536);
    const char *guest_id;
    (void)state;

    FOR_ROWS (row, rows) {
        check_int(row->id, guest_id_from(row->id, a, &guest_id, NULL), 0);
        check_string(row->id, guest_id, row->guest_id);
    }
}

static void times_are_rfc_3339(void **state)
{
    char text[TEXT_TIME_MAX];
    (void)state;

    text_time(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    text_time(UINT64_C(1700000000000000005), text);
    assert_string_equal(text, "2023-11-14T22:13:20.000000005Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_bundle_is_refused_with_the_place),
        cmocka_unit_test(a_bundle_has_absolute_paths),
        cmocka_unit_test(what_names_the_host_does_not_reach_the_guest),
        cmocka_unit_test(other_words_for_the_same_reach_the_guest_as_it_knows_them),
        cmocka_unit_test(a_user_namespace_without_mappings_maps_all_ids_to_themselves),
        cmocka_unit_test(ids_of_bind_mounts_are_mapped_on_the_host),
        cmocka_unit_test(hierarchies_of_the_host_are_left_out),
        cmocka_unit_test(unknown_capabilities_are_left_out),
        cmocka_unit_test(what_the_guest_cannot_have_is_refused),
        cmocka_unit_test(a_block_device_without_a_driver_on_the_host_is_a_node_in_the_guest),
        cmocka_unit_test(block_devices_are_left_out_where_all_devices_may_be_used),
        cmocka_unit_test(annotations_choose_the_machine),
        cmocka_unit_test(limits_size_the_machine),
        cmocka_unit_test(signals_have_names_and_numbers),
        cmocka_unit_test(errors_of_the_guest_get_the_words_that_callers_know),
        cmocka_unit_test(ids_are_fitted_to_what_agents_accept),
        cmocka_unit_test(times_are_rfc_3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
