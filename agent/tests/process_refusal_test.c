/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: specs and requests that are refused, in which words, and that nothing is left of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"
#include "oci/wire.h"

#define STRING(s) ((char *)(uintptr_t)(s))

/* ---- what is changed in a good spec ---- */

static void add_word(struct rig *rig, struct strlist *list, const char *word)
{
    assert_int_equal(strlist_add(rig->arena, list, word), 0);
}

static void drop_namespace(struct oci_spec *spec, enum oci_namespace_type type)
{
    struct oci_linux *linux_ = spec->linux_;
    size_t n = 0;

    for (size_t i = 0; i < linux_->n_namespaces; i++) {
        if (linux_->namespaces[i].type != type)
            linux_->namespaces[n++] = linux_->namespaces[i];
    }
    linux_->n_namespaces = n;
}

static struct oci_mount *add_mount(struct oci_spec *spec, const char *destination, const char *type, const char *source)
{
    struct oci_mount *mount = &spec->mounts[spec->n_mounts++];

    *mount = (struct oci_mount){.destination = STRING(destination), .type = STRING(type), .source = STRING(source)};
    return mount;
}

static void set_sysctl(struct rig *rig, struct oci_spec *spec, const char *name)
{
    struct oci_pair *pair = arena_alloc(rig->arena, sizeof(*pair));

    *pair = (struct oci_pair){.key = STRING(name), .value = STRING("1")};
    spec->linux_->sysctl = (struct oci_map){.items = pair, .n = 1};
}

static void set_seccomp(struct rig *rig, struct oci_spec *spec, const char *action, const char *architecture, const char *flag)
{
    struct oci_seccomp *seccomp = arena_alloc(rig->arena, sizeof(*seccomp));

    seccomp->default_action = STRING(action);
    if (architecture)
        add_word(rig, &seccomp->architectures, architecture);
    if (flag)
        add_word(rig, &seccomp->flags, flag);
    spec->linux_->seccomp = seccomp;
}

static void set_seccomp_rule(struct rig *rig, struct oci_spec *spec, const char *action, const char *op)
{
    set_seccomp(rig, spec, "SCMP_ACT_ALLOW", NULL, NULL);
    struct oci_seccomp_rule *rule = arena_alloc(rig->arena, sizeof(*rule));
    add_word(rig, &rule->names, "mkdirat");
    rule->action = STRING(action);
    if (op) {
        rule->args = arena_alloc(rig->arena, sizeof(*rule->args));
        rule->args->op = STRING(op);
        rule->n_args = 1;
    }
    spec->linux_->seccomp->rules = rule;
    spec->linux_->seccomp->n_rules = 1;
}

static void set_rlimits(struct rig *rig, struct oci_spec *spec, const char *type, uint64_t soft, uint64_t hard, size_t n)
{
    spec->process->rlimits = arena_calloc(rig->arena, n, sizeof(*spec->process->rlimits));
    for (size_t i = 0; i < n; i++)
        spec->process->rlimits[i] = (struct oci_rlimit){.type = STRING(type), .soft = soft, .hard = hard};
    spec->process->n_rlimits = n;
}

static void set_user_mapping(struct rig *rig, struct oci_spec *spec, uint32_t container_id, uint32_t host_id, uint32_t size)
{
    struct oci_linux *linux_ = spec->linux_;
    struct oci_id_mapping *mapping = arena_alloc(rig->arena, sizeof(*mapping));

    *mapping = (struct oci_id_mapping){container_id, host_id, size};
    linux_->uid_mappings = linux_->gid_mappings = mapping;
    linux_->n_uid_mappings = linux_->n_gid_mappings = 1;
}

static void set_device(struct rig *rig, struct oci_spec *spec, const char *path, char type, int64_t major)
{
    spec->linux_->devices = arena_alloc(rig->arena, sizeof(*spec->linux_->devices));
    *spec->linux_->devices = (struct oci_device){.path = STRING(path), .type = type, .major = major, .minor = 1};
    spec->linux_->n_devices = 1;
}

static struct oci_hook_list *hooks(struct rig *rig, struct oci_spec *spec)
{
    spec->hooks = arena_alloc(rig->arena, sizeof(*spec->hooks));
    return (struct oci_hook_list *)spec->hooks;
}

static void set_hook(struct rig *rig, struct oci_hook_list *list, const char *path)
{
    list->items = arena_alloc(rig->arena, sizeof(*list->items));
    list->items->path = STRING(path);
    list->n = 1;
}

static void set_resources(struct rig *rig, struct oci_spec *spec, int64_t limit, uint64_t swappiness)
{
    struct oci_memory *memory = arena_alloc(rig->arena, sizeof(*memory));

    memory->limit = (struct opt_i64){limit != 0, limit};
    memory->swappiness = (struct opt_u64){swappiness != 0, swappiness};
    spec->linux_->resources->memory = memory;
}

/* X(name, status, words of the answer, what is wrong) */
#define CHANGES(X)                                                                                                             \
    X(no_process, STATUS_INTERNAL, "process is missing: EINVAL: Invalid argument", spec->process = NULL)                       \
    X(no_root, STATUS_INTERNAL, "root.path is missing: EINVAL: Invalid argument", spec->root = NULL)                           \
    X(no_linux, STATUS_INTERNAL, "Spec didn't contain linux field", spec->linux_ = NULL)                                       \
    X(no_args, STATUS_INVALID_ARGUMENT, "process.args is empty", spec->process->args.n = 0)                                    \
    X(empty_program, STATUS_INTERNAL, "the file  was not found", spec->process->args.items[0] = STRING(""))                    \
    X(no_cwd, STATUS_INVALID_ARGUMENT, "process.cwd: '' is not an absolute path", spec->process->cwd = NULL)                   \
    X(relative_cwd, STATUS_INVALID_ARGUMENT, "process.cwd: 'tmp' is not an absolute path", spec->process->cwd = STRING("tmp")) \
    X(cwd_is_a_file, STATUS_INTERNAL, "make the working directory '/etc/passwd': ENOTDIR: Not a directory",                    \
      spec->process->cwd = STRING("/etc/passwd"))                                                                              \
    X(no_capabilities, STATUS_INTERNAL, "missing process capabilities", spec->process->capabilities = NULL)                    \
    X(unknown_capability, STATUS_INVALID_ARGUMENT, "process.capabilities.bounding: 'CAP_FLY' is not a capability",             \
      add_word(rig, &spec->process->capabilities->bounding, "CAP_FLY"))                                                        \
    X(unknown_rlimit, STATUS_INVALID_ARGUMENT, "process.rlimits: 'RLIMIT_FUN' is not a resource limit",                        \
      set_rlimits(rig, spec, "RLIMIT_FUN", 1, 1, 1))                                                                           \
    X(soft_above_hard, STATUS_INVALID_ARGUMENT, "process.rlimits: RLIMIT_NOFILE: soft limit 2 is above hard limit 1",          \
      set_rlimits(rig, spec, "RLIMIT_NOFILE", 2, 1, 1))                                                                        \
    X(rlimit_twice, STATUS_INVALID_ARGUMENT, "process.rlimits: RLIMIT_NOFILE is listed twice",                                 \
      set_rlimits(rig, spec, "RLIMIT_NOFILE", 9, 9, 2))                                                                        \
    X(oom_score_too_high, STATUS_INVALID_ARGUMENT, "process.oomScoreAdj: 1001 is not in -1000 to 1000",                        \
      (spec->process->oom_score_adj = (struct opt_i64){true, 1001}))                                                           \
    X(selinux_label, STATUS_INVALID_ARGUMENT, "process.selinuxLabel is not supported yet",                                     \
      spec->process->selinux_label = STRING("system_u:system_r:container_t:s0"))                                               \
    X(apparmor_profile, STATUS_INVALID_ARGUMENT, "process.apparmorProfile is not supported yet",                               \
      spec->process->apparmor_profile = STRING("cri-default"))                                                                 \
    X(mount_label, STATUS_INVALID_ARGUMENT, "linux.mountLabel is not supported yet",                                           \
      spec->linux_->mount_label = STRING("a_u:b_r:c_t:s0"))                                                                    \
    X(seccomp_action, STATUS_INVALID_ARGUMENT, "linux.seccomp.defaultAction: 'SCMP_ACT_DANCE' is not a seccomp action",        \
      set_seccomp(rig, spec, "SCMP_ACT_DANCE", NULL, NULL))                                                                    \
    X(seccomp_architecture, STATUS_INVALID_ARGUMENT, "linux.seccomp.architectures: 'SCMP_ARCH_PDP11' is not an architecture",  \
      set_seccomp(rig, spec, "SCMP_ACT_ALLOW", "SCMP_ARCH_PDP11", NULL))                                                       \
    X(seccomp_flag, STATUS_INVALID_ARGUMENT, "linux.seccomp.flags: 'SECCOMP_FILTER_FLAG_FUN' is not a seccomp flag",           \
      set_seccomp(rig, spec, "SCMP_ACT_ALLOW", NULL, "SECCOMP_FILTER_FLAG_FUN"))                                               \
    X(seccomp_rule_action, STATUS_INVALID_ARGUMENT, "linux.seccomp.syscalls: 'SCMP_ACT_' is not a seccomp action",             \
      set_seccomp_rule(rig, spec, "SCMP_ACT_", NULL))                                                                          \
    X(seccomp_operator, STATUS_INVALID_ARGUMENT, "linux.seccomp.syscalls.args: 'SCMP_CMP_ODD' is not an operator",             \
      set_seccomp_rule(rig, spec, "SCMP_ACT_ERRNO", "SCMP_CMP_ODD"))                                                           \
    X(root_missing, STATUS_INTERNAL, "rootfs '/no/such/root': ENOENT: No such file or directory",                              \
      spec->root->path = STRING("/no/such/root"))                                                                              \
    X(root_relative, STATUS_INTERNAL, "rootfs: the root path 'tmp' is not absolute", spec->root->path = STRING("tmp"))         \
    X(root_empty, STATUS_INTERNAL, "root.path is missing: EINVAL: Invalid argument", spec->root->path = STRING(""))            \
    X(root_is_guest_root, STATUS_INTERNAL, "is the guest's own root", spec->root->path = STRING("/"))                          \
    X(root_with_dots, STATUS_INTERNAL, "is not absolute or contains '..'",                                                     \
      spec->root->path = arena_printf(rig->arena, "%s/../rootfs", rig->rootfs))                                                \
    X(root_is_a_file, STATUS_INTERNAL, "rootfs/etc/passwd': ENOTDIR: Not a directory",                                         \
      spec->root->path = arena_printf(rig->arena, "%s/etc/passwd", rig->rootfs))                                               \
    X(no_namespaces, STATUS_INTERNAL, "cannot find the pid ns", spec->linux_->n_namespaces = 0)                                \
    X(mount_namespace_twice, STATUS_INVALID_ARGUMENT, "linux.namespaces: mount is listed twice",                               \
      rig_add_namespace(rig, spec, OCI_NS_MOUNT, NULL))                                                                        \
    X(hostname_without_uts, STATUS_INTERNAL, "hostname: Linux namespace does not contain uts",                                 \
      (spec->hostname = STRING("h"), drop_namespace(spec, OCI_NS_UTS)))                                                        \
    X(masks_without_mount, STATUS_INTERNAL, "security: Linux namespace does not contain mount",                                \
      drop_namespace(spec, OCI_NS_MOUNT))                                                                                      \
    X(namespace_path_missing, STATUS_INTERNAL, "open cgroup namespace '/no/such/ns': ENOENT: No such file or directory",       \
      rig_add_namespace(rig, spec, OCI_NS_CGROUP, "/no/such/ns"))                                                              \
    X(namespace_path_no_namespace, STATUS_INVALID_ARGUMENT, "linux.namespaces: '/proc/cmdline' is not a cgroup namespace",     \
      rig_add_namespace(rig, spec, OCI_NS_CGROUP, "/proc/cmdline"))                                                            \
    X(namespace_of_other_type, STATUS_INVALID_ARGUMENT, "linux.namespaces: '/proc/self/ns/uts' is not a cgroup namespace",     \
      rig_add_namespace(rig, spec, OCI_NS_CGROUP, "/proc/self/ns/uts"))                                                        \
    X(user_without_mappings, STATUS_INTERNAL, "usernamespace: No idmap has size > 0",                                          \
      rig_add_namespace(rig, spec, OCI_NS_USER, NULL))                                                                         \
    X(empty_mapping, STATUS_INTERNAL, "usernamespace: No idmap has size > 0",                                                  \
      (rig_add_namespace(rig, spec, OCI_NS_USER, NULL), set_user_mapping(rig, spec, 0, 100000, 0)))                            \
    X(mapping_over_the_end, STATUS_INVALID_ARGUMENT, "linux.uidMappings: 10 ids from 1 and 4294967290 on do not fit",          \
      (rig_add_namespace(rig, spec, OCI_NS_USER, NULL), set_user_mapping(rig, spec, 1, UINT32_MAX - 5, 10)))                   \
    X(mapping_without_user, STATUS_INTERNAL, "usernamespace: uid or gid mappings without a user namespace",                    \
      set_user_mapping(rig, spec, 0, 100000, 10))                                                                              \
    X(sysctl_not_namespaced, STATUS_INTERNAL, "sysctl: kernel.core_pattern: Sysctl config contains invalid settings",          \
      set_sysctl(rig, spec, "kernel.core_pattern"))                                                                            \
    X(sysctl_hostname, STATUS_INTERNAL, "sysctl: Kernel hostname specfied in Spec", set_sysctl(rig, spec, "kernel.hostname"))  \
    X(sysctl_with_dots, STATUS_INVALID_ARGUMENT, "sysctl: 'net/../kernel/core_pattern' is not the name of a kernel parameter", \
      set_sysctl(rig, spec, "net/../kernel/core_pattern"))                                                                     \
    X(sysctl_without_ipc, STATUS_INTERNAL, "sysctl: kernel.msgmax: Linux namespace does not contain ipc",                      \
      (set_sysctl(rig, spec, "kernel.msgmax"), drop_namespace(spec, OCI_NS_IPC)))                                              \
    X(sysctl_without_uts, STATUS_INTERNAL, "sysctl: kernel.domainname: Linux namespace does not contain uts",                  \
      (set_sysctl(rig, spec, "kernel.domainname"), drop_namespace(spec, OCI_NS_UTS)))                                          \
    X(mount_relative, STATUS_INTERNAL, "the mount destination tmp is invalid", add_mount(spec, "tmp", "tmpfs", "tmpfs"))       \
    X(mount_with_dots, STATUS_INTERNAL, "the mount destination /tmp/../etc is invalid",                                        \
      add_mount(spec, "/tmp/../etc", "tmpfs", "tmpfs"))                                                                        \
    X(mount_on_root, STATUS_INTERNAL, "the mount destination / is invalid", add_mount(spec, "/", "tmpfs", "tmpfs"))            \
    X(mount_without_type, STATUS_INTERNAL, "the mount /mnt has neither a type nor the option bind",                            \
      add_mount(spec, "/mnt", "", "x"))                                                                                        \
    X(mount_unknown_type, STATUS_INTERNAL,                                                                                     \
      "failed to mount x to /mnt, type 'nosuchfs': file system 'nosuchfs': ENODEV: No such device",                            \
      add_mount(spec, "/mnt", "nosuchfs", "x"))                                                                                \
    X(mount_bad_data, STATUS_INTERNAL,                                                                                         \
      "failed to mount x to /mnt, type 'tmpfs': option 'colour' (tmpfs: Unknown parameter 'colour'): EINVAL: Invalid "         \
      "argument",                                                                                                              \
      add_word(rig, &add_mount(spec, "/mnt", "tmpfs", "x")->options, "colour=red"))                                            \
    X(bind_missing_source, STATUS_INTERNAL,                                                                                    \
      "failed to mount /no/such/file to /mnt, type 'bind': bind source '/no/such/file': ENOENT: No such file or directory",    \
      add_word(rig, &add_mount(spec, "/mnt", "bind", "/no/such/file")->options, "rbind"))                                      \
    X(bind_below_proc, STATUS_INTERNAL, "/proc/sys cannot be mounted because it is inside /proc",                              \
      add_mount(spec, "/proc/sys", "bind", "/tmp"))                                                                            \
    X(bind_over_proc, STATUS_INTERNAL,                                                                                         \
      "failed to mount /tmp to /proc, type 'bind': /tmp cannot be mounted to /proc because it is not of type proc",            \
      add_mount(spec, "/proc", "bind", "/tmp"))                                                                                \
    X(mask_relative, STATUS_INTERNAL, "Cannot mount proc/keys (path does not start with '/' or contains '..').",               \
      add_word(rig, &spec->linux_->masked_paths, "proc/keys"))                                                                 \
    X(mask_with_dots, STATUS_INTERNAL, "Cannot mount /proc/../etc (path does not start",                                       \
      add_word(rig, &spec->linux_->masked_paths, "/proc/../etc"))                                                              \
    X(readonly_relative, STATUS_INTERNAL, "Cannot mount proc (path does not start",                                            \
      add_word(rig, &spec->linux_->readonly_paths, "proc"))                                                                    \
    X(device_outside_dev, STATUS_INTERNAL, "/etc/passwd2 is not a valid device path",                                          \
      set_device(rig, spec, "/etc/passwd2", 'c', 1))                                                                           \
    X(device_with_dots, STATUS_INTERNAL, "/dev/../etc/x is not a valid device path",                                           \
      set_device(rig, spec, "/dev/../etc/x", 'c', 1))                                                                          \
    X(device_number, STATUS_INTERNAL, "number 4096:1 of the device /dev/x", set_device(rig, spec, "/dev/x", 'b', 4096))        \
    X(unknown_propagation, STATUS_INTERNAL, "unknown rootfsPropagation 'sideways'",                                            \
      spec->linux_->rootfs_propagation = STRING("sideways"))                                                                   \
    X(cgroup_with_dots, STATUS_INVALID_ARGUMENT, "invalid cgroups path '/../../etc'",                                          \
      spec->linux_->cgroups_path = STRING("/../../etc"))                                                                       \
    X(memory_below_nothing, STATUS_INTERNAL, "invalid memory value: -2", set_resources(rig, spec, -2, 0))                      \
    X(swappiness, STATUS_INTERNAL, "invalid value:101. valid memory swappiness range is 0-100",                                \
      set_resources(rig, spec, 0, 101))                                                                                        \
    X(prestart, STATUS_INVALID_ARGUMENT, "hooks.prestart[0].path: 'true' is not an absolute path",                             \
      set_hook(rig, &hooks(rig, spec)[0], "true"))                                                                             \
    X(create_runtime, STATUS_INVALID_ARGUMENT, "hooks.createRuntime[0].path: 'true' is not an absolute path",                  \
      set_hook(rig, &hooks(rig, spec)[1], "true"))                                                                             \
    X(create_container, STATUS_INVALID_ARGUMENT, "hooks.createContainer[0].path: 'true' is not an absolute path",              \
      set_hook(rig, &hooks(rig, spec)[2], "true"))                                                                             \
    X(start_container, STATUS_INVALID_ARGUMENT, "hooks.startContainer[0].path: 'true' is not an absolute path",                \
      set_hook(rig, &hooks(rig, spec)[3], "true"))                                                                             \
    X(poststart, STATUS_INVALID_ARGUMENT, "hooks.poststart[0].path: 'true' is not an absolute path",                           \
      set_hook(rig, &hooks(rig, spec)[4], "true"))                                                                             \
    X(poststop, STATUS_INVALID_ARGUMENT, "hooks.poststop[0].path: 'true' is not an absolute path",                             \
      set_hook(rig, &hooks(rig, spec)[5], "true"))

#define DEFINE_CHANGE(name, status, words, statement)                                                                          \
    static void name(struct rig *rig UNUSED, struct oci_spec *spec)                                                            \
    {                                                                                                                          \
        statement;                                                                                                             \
    }
CHANGES(DEFINE_CHANGE)

struct row {
    const char *label;
    void (*change)(struct rig *rig, struct oci_spec *spec);
    enum status_code status;
    const char *words;
};

static const struct row rows[] = {
#define ROW(name, status, words, statement) {#name, name, status, words},
    CHANGES(ROW)};

/* The same id and cgroup serve a good container at once. */
static void expect_unharmed(struct rig *rig, const struct traces *before, const char *label)
{
    EXPECT_OK(rig_create(rig, "victim", rig_spec(rig, "victim", NULL), &err));
    EXPECT_OK(rig_remove(rig, "victim", &err));
    traces_expect(rig, before, label);
}

static void refuse_rows(struct rig *rig, size_t first, size_t last)
{
    struct error got_err;

    assert_int_equal(rig_run_container(rig, "victim", rig_spec(rig, "victim", "exit 1"), NULL, NULL), 1);
    struct traces before = traces_now(rig);
    for (size_t i = first; i < last; i++) {
        const struct row *row = &rows[i];
        struct oci_spec *spec = rig_spec(rig, "victim", NULL);
        row->change(rig, spec);
        enum status_code status = rig_create(rig, "victim", spec, &got_err);
        if (status != row->status || !strstr(got_err.text, row->words))
            fail_msg("%s: want %s '%s', got %s '%s'", row->label, status_name(row->status), row->words, status_name(status),
                     got_err.text);
        expect_unharmed(rig, &before, row->label);
    }
}

RIG_TEST(bad_specs_are_refused_and_leave_nothing)
{
    refuse_rows(rig, 0, ARRAY_SIZE(rows) / 2);
}

RIG_TEST(more_bad_specs_are_refused_and_leave_nothing)
{
    refuse_rows(rig, ARRAY_SIZE(rows) / 2, ARRAY_SIZE(rows));
}

/* ---- container ids ---- */

RIG_TEST(bad_container_ids_are_refused)
{
    static char long_id[301];
    static const char *const ids[] = {"",    "a",    "../x", ".hidden",     "-x",    "_x",   "a/b",
                                      "a b", "a\nb", "a:b",  "caf\xc3\xa9", "a\x7f", long_id};
    static char longest[256];

    memset(long_id, 'a', 300);
    memset(longest, 'b', 255);
    struct oci_spec *spec = rig_spec(rig, "victim", NULL);
    FOR_ROWS (id, ids)
        EXPECT_REFUSED(STATUS_INTERNAL, "invalid container ID ", rig_create(rig, *id, spec, &err));
    EXPECT_OK(rig_create(rig, longest, spec, &err));
    EXPECT_OK(rig_remove(rig, longest, &err));
    EXPECT_OK(rig_create(rig, "A.b-9_", spec, &err));
    EXPECT_OK(rig_remove(rig, "A.b-9_", &err));
}

/* ---- what only the wire can say ---- */

static void no_spec(struct rig *rig UNUSED, Grpc__CreateContainerRequest *request)
{
    request->oci = NULL;
}

static void unknown_namespace(struct rig *rig UNUSED, Grpc__CreateContainerRequest *request)
{
    request->oci->linux->namespaces[1]->type = STRING("astral");
}

static void unknown_device_type(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    Grpc__LinuxDevice **list = arena_alloc(rig->arena, sizeof(Grpc__LinuxDevice *)),
                      *device = arena_alloc(rig->arena, sizeof(*device));

    grpc__linux_device__init(device);
    device->path = STRING("/dev/x");
    device->type = STRING("z");
    list[0] = device;
    request->oci->linux->devices = list;
    request->oci->linux->n_devices = 1;
}

static void uid_of_nobody(struct rig *rig UNUSED, Grpc__CreateContainerRequest *request)
{
    request->oci->process->user->uid = UINT32_MAX;
}

static void gid_of_nobody(struct rig *rig UNUSED, Grpc__CreateContainerRequest *request)
{
    request->oci->process->user->gid = UINT32_MAX;
}

static void unknown_storage(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    Grpc__Storage **list = arena_alloc(rig->arena, sizeof(Grpc__Storage *));

    list[0] = arena_alloc(rig->arena, sizeof(Grpc__Storage));
    grpc__storage__init(list[0]);
    list[0]->driver = STRING("9p");
    request->storages = list;
    request->n_storages = 1;
}

static Grpc__Device *add_device(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    Grpc__Device **list = arena_alloc(rig->arena, sizeof(Grpc__Device *)), *device = arena_alloc(rig->arena, sizeof(*device));

    grpc__device__init(device);
    device->id = STRING("02");
    device->type = STRING("floppy");
    device->container_path = STRING("/dev/fd0");
    list[0] = device;
    request->devices = list;
    request->n_devices = 1;
    return device;
}

static void device_without_type(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    add_device(rig, request)->type = STRING("");
}

static void device_without_id(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    add_device(rig, request)->id = STRING("");
}

static void device_without_path(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    add_device(rig, request)->container_path = STRING("");
}

static void unknown_device(struct rig *rig, Grpc__CreateContainerRequest *request)
{
    add_device(rig, request);
}

RIG_TEST(bad_requests_are_refused_and_leave_nothing)
{
    static const struct {
        const char *label;
        void (*change)(struct rig *rig, Grpc__CreateContainerRequest *request);
        enum status_code status;
        const char *words;
    } requests[] = {
        {"no spec", no_spec, STATUS_INTERNAL, "EINVAL: Invalid argument"},
        {"namespace", unknown_namespace, STATUS_INVALID_ARGUMENT, "linux.namespaces[1].type: unknown namespace 'astral'"},
        {"device type", unknown_device_type, STATUS_INVALID_ARGUMENT, "linux.devices[0].type"},
        {"uid -1", uid_of_nobody, STATUS_INVALID_ARGUMENT, "process.user.uid"},
        {"gid -1", gid_of_nobody, STATUS_INVALID_ARGUMENT, "process.user.gid"},
        {"storage", unknown_storage, STATUS_INTERNAL, "Failed to find the storage handler 9p"},
        {"device without type", device_without_type, STATUS_INTERNAL, "invalid type for device /dev/fd0"},
        {"device without id", device_without_id, STATUS_INTERNAL, "invalid ID and VM path for device /dev/fd0"},
        {"device without path", device_without_path, STATUS_INTERNAL, "invalid container path for device 02"},
        {"device", unknown_device, STATUS_INTERNAL, "Failed to find the device handler floppy"},
    };
    struct error got_err;

    assert_int_equal(rig_run_container(rig, "victim", rig_spec(rig, "victim", "exit 1"), NULL, NULL), 1);
    struct traces before = traces_now(rig);
    FOR_ROWS (row, requests) {
        Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
        request.container_id = STRING("victim");
        assert_int_equal(oci_spec_to_wire(rig->arena, rig_spec(rig, "victim", NULL), &request.oci, NULL), 0);
        row->change(rig, &request);
        enum status_code status = rig_call(rig, "CreateContainer", &request, NULL, &got_err);
        if (status != row->status || !strstr(got_err.text, row->words))
            fail_msg("%s: want %s '%s', got %s '%s'", row->label, status_name(row->status), row->words, status_name(status),
                     got_err.text);
        expect_unharmed(rig, &before, row->label);
    }
}

/* ---- exec ---- */

RIG_TEST(bad_exec_requests_are_refused_and_leave_nothing)
{
    static const struct {
        const char *label;
        void (*change)(struct rig *rig, struct oci_spec *spec);
        enum status_code status;
        const char *words;
    } requests[] = {
        {"no args", no_args, STATUS_INVALID_ARGUMENT, "process.args is empty"},
        {"no cwd", no_cwd, STATUS_INVALID_ARGUMENT, "process.cwd: '' is not an absolute path"},
        {"relative cwd", relative_cwd, STATUS_INVALID_ARGUMENT, "process.cwd: 'tmp' is not an absolute path"},
        {"cwd is a file", cwd_is_a_file, STATUS_INTERNAL, "'/etc/passwd': ENOTDIR"},
        {"capability", unknown_capability, STATUS_INVALID_ARGUMENT, "'CAP_FLY' is not a capability"},
        {"rlimit", unknown_rlimit, STATUS_INVALID_ARGUMENT, "'RLIMIT_FUN' is not a resource limit"},
        {"oom score", oom_score_too_high, STATUS_INVALID_ARGUMENT, "1001 is not in -1000 to 1000"},
        {"empty program", empty_program, STATUS_INTERNAL, "the file  was not found"},
        {"SELinux", selinux_label, STATUS_INVALID_ARGUMENT, "process.selinuxLabel is not supported yet"},
        {"AppArmor", apparmor_profile, STATUS_INVALID_ARGUMENT, "process.apparmorProfile is not supported yet"},
    };
    struct error got_err;

    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    struct traces before = traces_now(rig);
    FOR_ROWS (row, requests) {
        struct oci_spec *spec = rig_spec(rig, "c1", "exit 2");
        row->change(rig, spec);
        enum status_code status = rig_exec(rig, "c1", "e1", spec->process, &got_err);
        if (status != row->status || !strstr(got_err.text, row->words))
            fail_msg("%s: want %s '%s', got %s '%s'", row->label, status_name(row->status), row->words, status_name(status),
                     got_err.text);
        EXPECT_REFUSED(STATUS_NOT_FOUND, "InvalidExecId", rig_signal(rig, "c1", "e1", 0, &err));
        traces_expect(rig, &before, row->label);
    }
    EXPECT_REFUSED(STATUS_INVALID_ARGUMENT, "exec_id is empty",
                   rig_exec(rig, "c1", "", rig_spec(rig, "c1", "exit 2")->process, &err));
    EXPECT_OK(rig_exec(rig, "c1", "e1", rig_spec(rig, "c1", "exit 2")->process, &err));
    assert_int_equal(rig_wait(rig, "c1", "e1"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_specs_are_refused_and_leave_nothing),
        cmocka_unit_test(more_bad_specs_are_refused_and_leave_nothing),
        cmocka_unit_test(bad_container_ids_are_refused),
        cmocka_unit_test(bad_requests_are_refused_and_leave_nothing),
        cmocka_unit_test(bad_exec_requests_are_refused_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
