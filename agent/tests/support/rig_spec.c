/* SPDX-License-Identifier: Apache-2.0 */
/* The spec that tests start from: what containerd writes for `ctr run` without options, for the rig's root file system. */
#include <string.h>

#include "agent/tests/support/rig.h"
#include "base/macros.h"
#include "hooks/hooks.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define OPTIONS_MAX 8

static const struct {
    const char *destination, *type, *source;
    const char *options[OPTIONS_MAX];
} default_mounts[] = {
    {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
    {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
    {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
    {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
    {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
    {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
    {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
    {"/run", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
};

static const char *const default_capabilities[] = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FSETID",  "CAP_FOWNER",           "CAP_MKNOD",      "CAP_NET_RAW", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETFCAP",      "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",    "CAP_AUDIT_WRITE",
};

static const char *const masked_paths[] = {
    "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};

static const char *const readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static const enum oci_namespace_type default_namespaces[] = {OCI_NS_PID, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_MOUNT, OCI_NS_NETWORK};

static void add_all(struct arena *a, struct strlist *list, const char *const *items, size_t n)
{
    for (size_t i = 0; i < n && items[i]; i++)
        assert_int_equal(strlist_add(a, list, items[i]), 0);
}

static struct oci_process *make_process(struct rig *rig, const char *script)
{
    struct oci_process *process = arena_alloc(rig->arena, sizeof(*process));
    const char *const shell[] = {"/bin/sh", "-c", script, NULL};
    const char *const idle[] = {"/bin/sleep", "1000", NULL};

    process->cwd = STRING("/");
    strlist_add(rig->arena, &process->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    rig_args(rig, process, script ? shell : idle);
    process->no_new_privileges = true;
    process->capabilities = arena_alloc(rig->arena, sizeof(*process->capabilities));
    add_all(rig->arena, &process->capabilities->bounding, default_capabilities, ARRAY_SIZE(default_capabilities));
    process->capabilities->effective = process->capabilities->permitted = process->capabilities->bounding;
    return process;
}

static struct oci_linux *make_linux(struct rig *rig, const char *id)
{
    struct oci_linux *linux_ = arena_alloc(rig->arena, sizeof(*linux_));

    linux_->cgroups_path = arena_printf(rig->arena, "%s/%s", rig->cgroup, id);
    linux_->n_namespaces = ARRAY_SIZE(default_namespaces);
    linux_->namespaces = arena_calloc(rig->arena, linux_->n_namespaces, sizeof(*linux_->namespaces));
    for (size_t i = 0; i < linux_->n_namespaces; i++)
        linux_->namespaces[i].type = default_namespaces[i];
    linux_->resources = arena_alloc(rig->arena, sizeof(*linux_->resources));
    add_all(rig->arena, &linux_->masked_paths, masked_paths, ARRAY_SIZE(masked_paths));
    add_all(rig->arena, &linux_->readonly_paths, readonly_paths, ARRAY_SIZE(readonly_paths));
    return linux_;
}

void rig_args(struct rig *rig, struct oci_process *process, const char *const *argv)
{
    process->args = (struct strlist){.n = 0};
    for (size_t i = 0; argv[i]; i++)
        assert_int_equal(strlist_add(rig->arena, &process->args, argv[i]), 0);
}

struct oci_spec *rig_spec(struct rig *rig, const char *id, const char *script)
{
    struct arena *a = rig->arena;
    struct oci_spec *spec = arena_alloc(a, sizeof(*spec));

    spec->version = STRING("1.1.0");
    spec->process = make_process(rig, script);
    spec->root = arena_alloc(a, sizeof(*spec->root));
    spec->root->path = rig->rootfs;
    spec->n_mounts = ARRAY_SIZE(default_mounts);
    spec->mounts = arena_calloc(a, spec->n_mounts + 8, sizeof(*spec->mounts)); /* room for a test's own */
    for (size_t i = 0; i < spec->n_mounts; i++) {
        struct oci_mount *mount = &spec->mounts[i];
        mount->destination = STRING(default_mounts[i].destination);
        mount->type = STRING(default_mounts[i].type);
        mount->source = STRING(default_mounts[i].source);
        add_all(a, &mount->options, default_mounts[i].options, OPTIONS_MAX);
    }
    spec->linux_ = make_linux(rig, id);
    return spec;
}

void rig_add_namespace(struct rig *rig, struct oci_spec *spec, enum oci_namespace_type type, const char *path)
{
    struct oci_linux *linux_ = spec->linux_;
    struct oci_namespace *longer = arena_calloc(rig->arena, linux_->n_namespaces + 1, sizeof(*longer));

    memcpy(longer, linux_->namespaces, linux_->n_namespaces * sizeof(*longer));
    longer[linux_->n_namespaces++] = (struct oci_namespace){.type = type, .path = STRING(path)};
    linux_->namespaces = longer;
}

/* ---- hooks ---- */

static struct oci_hook shell_hook(struct rig *rig, const char *shell, const char *script)
{
    struct oci_hook hook = {.path = arena_strdup(rig->arena, shell)};
    const char *const args[] = {"sh", "-c", script};
    const char *const env[] = {"PATH=/bin", "HOOK=1"};

    add_all(rig->arena, &hook.args, args, ARRAY_SIZE(args));
    add_all(rig->arena, &hook.env, env, ARRAY_SIZE(env));
    return hook;
}

struct oci_hook *rig_add_hook(struct rig *rig, struct oci_spec *spec, const char *kind, const char *script)
{
    const char *shell = strcmp(kind, "startContainer") == 0 ? "/bin/sh" : arena_printf(rig->arena, "%s/bin/sh", rig->rootfs);

    spec->hooks = spec->hooks ?: arena_alloc(rig->arena, sizeof(*spec->hooks));
    struct oci_hook_list *list = (void *)(uintptr_t)hooks_of(spec->hooks, kind);
    struct oci_hook *longer = arena_calloc(rig->arena, list->n + 1, sizeof(*longer));
    for (size_t i = 0; i < list->n; i++)
        longer[i] = list->items[i];
    longer[list->n] = shell_hook(rig, shell, script);
    *list = (struct oci_hook_list){longer, list->n + 1};
    return &longer[list->n - 1];
}
