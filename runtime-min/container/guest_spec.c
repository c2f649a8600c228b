/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/guest_spec.h"

#include <string.h>

#include "oci/capability.h"
#include "oci/extension.h"
#include "runtime-min/container/blockdev.h"

#define HOSTNAME_MAX 64
#define HOME "HOME="
#define DOMAINNAME_SYSCTL "kernel.domainname"
#define DEVICE_MODE 0666 /* of a device that names none, as other runtimes have it */

/* Returns how many are unknown. */
static size_t keep_known_capabilities(struct strlist *words)
{
    size_t kept = 0, n = words->n;

    for (size_t i = 0; i < words->n; i++) {
        if (oci_capability_number(words->items[i]) >= 0)
            words->items[kept++] = words->items[i];
    }
    words->n = kept;
    return n - kept;
}

/* What cannot be granted does not make a container fail (runtime-spec config.md, "Linux Process"). */
static size_t prepare_capabilities(struct oci_capabilities *capabilities)
{
    if (!capabilities)
        return 0;
    return keep_known_capabilities(&capabilities->bounding) + keep_known_capabilities(&capabilities->effective) +
           keep_known_capabilities(&capabilities->inheritable) + keep_known_capabilities(&capabilities->permitted) +
           keep_known_capabilities(&capabilities->ambient);
}

/* An empty HOME means none, and none is looked up in the guest. */
static void drop_empty_home(struct strlist *env)
{
    const char *last = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < env->n; i++)
        last = strncmp(env->items[i], HOME, strlen(HOME)) == 0 ? env->items[i] : last;
    if (!last || strcmp(last, HOME) != 0)
        return;
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->items[i], HOME, strlen(HOME)) != 0)
            env->items[kept++] = env->items[i];
    }
    env->n = kept;
}

void guest_spec_prepare_process(struct oci_process *process)
{
    process->apparmor_profile = NULL;
    process->selinux_label = NULL;
    (void)prepare_capabilities(process->capabilities);
    drop_empty_home(&process->env);
}

void guest_spec_prepare_resources(struct oci_resources *resources)
{
    if (!resources)
        return;
    resources->block_io = NULL;
    resources->network = NULL;
    if (resources->cpu) {
        resources->cpu->cpus = NULL;
        resources->cpu->mems = NULL;
    }
}

/* Callers count on it: without a namespace of its own a container would change the host's network. Both ways to write a name.
 */
static int check_network_sysctls(const struct oci_linux *linux_, struct error *err)
{
    if (oci_namespace_find(linux_, OCI_NS_NETWORK))
        return 0;
    for (size_t i = 0; i < linux_->sysctl.n; i++) {
        const char *name = linux_->sysctl.items[i].key;
        if (strncmp(name, "net.", 4) == 0 || strncmp(name, "net/", 4) == 0)
            return error_status(err, STATUS_INVALID_ARGUMENT,
                                "sysctl \"%s\" is not allowed in the host's network namespace: linux.namespaces has no network",
                                name);
    }
    return 0;
}

static void prepare_namespaces(struct oci_linux *linux_)
{
    size_t kept = 0;

    for (size_t i = 0; i < linux_->n_namespaces; i++) {
        struct oci_namespace entry = linux_->namespaces[i];
        if (entry.type == OCI_NS_NETWORK)
            continue;
        entry.path = NULL;
        linux_->namespaces[kept++] = entry;
    }
    linux_->n_namespaces = kept;
}

/* Other runtimes accept a user namespace without mappings; the agent does not. */
static void map_all_ids(struct arena *a, struct oci_id_mapping **mappings, size_t *n)
{
    if (*n > 0)
        return;
    *mappings = arena_alloc(a, sizeof(**mappings));
    (*mappings)->size = UINT32_MAX;
    *n = 1;
}

static void prepare_mappings(struct arena *a, struct oci_linux *linux_)
{
    if (!oci_namespace_find(linux_, OCI_NS_USER))
        return;
    map_all_ids(a, &linux_->uid_mappings, &linux_->n_uid_mappings);
    map_all_ids(a, &linux_->gid_mappings, &linux_->n_gid_mappings);
}

static void prepare_hooks(struct oci_spec *spec)
{
    struct oci_hooks *hooks = spec->hooks;

    if (!hooks)
        return;
    hooks->prestart = hooks->create_runtime = hooks->poststart = hooks->poststop = (struct oci_hook_list){.n = 0};
    if (hooks->create_container.n == 0 && hooks->start_container.n == 0)
        spec->hooks = NULL;
}

/* Whether the last rule for all devices lets them be used: engines do so for containers to which they give whatever the host
 * has. */
static bool may_use_all_devices(const struct oci_resources *resources)
{
    bool may = false;

    for (size_t i = 0; resources && i < resources->n_devices; i++) {
        const struct oci_device_rule *rule = &resources->devices[i];
        if (rule->type != 'c' && rule->type != 'b' && !rule->major.set && !rule->minor.set)
            may = rule->allow;
    }
    return may;
}

static int prepare_devices(struct oci_linux *linux_, size_t *ret_left_out, struct error *err)
{
    bool leaves_out = may_use_all_devices(linux_->resources);
    size_t kept = 0;

    for (size_t i = 0; i < linux_->n_devices; i++) {
        struct oci_device device = linux_->devices[i];
        if (device.type == 'u') /* unbuffered: the other word for a character device */
            device.type = 'c';
        if (!device.file_mode.set)
            device.file_mode = (struct opt_u64){.set = true, .value = DEVICE_MODE};
        /* Behind one that no driver of the host knows is nothing, as in the guest. */
        if (device.type != 'b' || !blockdev_has_driver(device.major))
            linux_->devices[kept++] = device;
        else if (!leaves_out)
            return error_status(err, STATUS_UNIMPLEMENTED,
                                "linux.devices[%zu]: block device %s cannot be handed to the machine", i, device.path);
    }
    *ret_left_out = linux_->n_devices - kept;
    linux_->n_devices = kept;
    return 0;
}

/* The protocol has no field for the errno of the default action: a rule carries it. */
static int prepare_seccomp(struct arena *a, struct oci_seccomp *seccomp, struct error *err)
{
    if (seccomp && seccomp->listener_path && *seccomp->listener_path)
        return error_status(err, STATUS_UNIMPLEMENTED,
                            "linux.seccomp.listenerPath: %s cannot be reached from a virtual machine", seccomp->listener_path);
    if (!seccomp || !seccomp->default_errno.set)
        return 0;
    struct oci_seccomp_rule *rules = arena_calloc(a, seccomp->n_rules + 1, sizeof(*rules));
    if (!rules || strlist_add(a, &rules[seccomp->n_rules].names, OCI_SECCOMP_OTHERS) < 0)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "linux.seccomp: %zu rules are too many", seccomp->n_rules);
    for (size_t i = 0; i < seccomp->n_rules; i++)
        rules[i] = seccomp->rules[i];
    rules[seccomp->n_rules].action = seccomp->default_action;
    rules[seccomp->n_rules].errno_ret = seccomp->default_errno;
    seccomp->rules = rules;
    seccomp->n_rules++;
    return 0;
}

/* The protocol has no field for it. */
static int prepare_domainname(struct arena *a, const struct oci_spec *spec, struct error *err)
{
    struct oci_map *sysctl = &spec->linux_->sysctl;

    if (!spec->domainname || !*spec->domainname)
        return 0;
    struct oci_pair *items = arena_calloc(a, sysctl->n + 1, sizeof(*items));
    if (!items)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "linux.sysctl: %zu are too many", sysctl->n);
    items[0] = (struct oci_pair){arena_strdup(a, DOMAINNAME_SYSCTL), spec->domainname};
    for (size_t i = 0; i < sysctl->n; i++)
        items[i + 1] = sysctl->items[i]; /* what the caller set itself is written later */
    *sysctl = (struct oci_map){items, sysctl->n + 1};
    return 0;
}

static int prepare_linux(struct arena *a, struct oci_spec *spec, const char *guest_id, size_t *ret_left_out, struct error *err)
{
    struct oci_linux *linux_ = spec->linux_;

    if (!linux_)
        linux_ = spec->linux_ = arena_alloc(a, sizeof(*linux_));
    int r = check_network_sysctls(linux_, err);
    if (r < 0)
        return r;
    prepare_namespaces(linux_);
    prepare_mappings(a, linux_);
    guest_spec_prepare_resources(linux_->resources);
    linux_->cgroups_path = arena_printf(a, "/%s", guest_id);
    linux_->mount_label = NULL;
    linux_->intel_rdt_l3_schema = NULL;
    r = prepare_devices(linux_, ret_left_out, err);
    if (r == 0)
        r = prepare_seccomp(a, linux_->seccomp, err);
    return r < 0 ? r : prepare_domainname(a, spec, err);
}

/* ---- mounts ---- */

static bool is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* File systems that every kernel has its own of. */
static bool is_of_guest(const char *source)
{
    static const char *const own[] = {"/proc", "/sys", "/dev"};

    FOR_ROWS (directory, own) {
        if (is_below(source, *directory))
            return true;
    }
    return false;
}

static bool is_readonly(const struct oci_mount *mount)
{
    bool readonly = false;

    for (size_t i = 0; i < mount->options.n; i++) {
        if (strcmp(mount->options.items[i], "ro") == 0)
            readonly = true;
        else if (strcmp(mount->options.items[i], "rw") == 0)
            readonly = false;
    }
    return readonly;
}

static int check_destination(struct arena *a, struct oci_mount *mount, size_t index, struct error *err)
{
    if (!mount->destination || !*mount->destination)
        return error_status(err, STATUS_INVALID_ARGUMENT, "mounts[%zu].destination: a mount needs one", index);
    if (*mount->destination != '/')
        mount->destination = arena_printf(a, "/%s", mount->destination);
    return 0;
}

/* Takes the options idmap and ridmap out. Returns whether ids are to be mapped. */
static bool take_idmap_options(struct oci_mount *mount, bool *ret_recursive)
{
    bool is_asked = mount->n_uid_mappings > 0 || mount->n_gid_mappings > 0;
    struct strlist *options = &mount->options;
    size_t kept = 0;

    *ret_recursive = false;
    for (size_t i = 0; i < options->n; i++) {
        bool is_recursive = strcmp(options->items[i], "ridmap") == 0;
        if (is_recursive || strcmp(options->items[i], "idmap") == 0) {
            *ret_recursive = is_recursive;
            is_asked = true;
        } else {
            options->items[kept++] = options->items[i];
        }
    }
    options->n = kept;
    return is_asked;
}

/* A mount's own mappings count, or those of the user namespace. */
static int take_idmap(struct arena *a, struct oci_mount *mount, size_t index, const struct oci_linux *linux_,
                      const struct idmap **ret_idmap, struct error *err)
{
    bool recursive;

    *ret_idmap = NULL;
    if (!take_idmap_options(mount, &recursive))
        return 0;
    struct idmap *idmap = arena_alloc(a, sizeof(*idmap));
    if (mount->n_uid_mappings > 0 || mount->n_gid_mappings > 0)
        *idmap =
            (struct idmap){mount->uid_mappings, mount->n_uid_mappings, mount->gid_mappings, mount->n_gid_mappings, recursive};
    else if (oci_namespace_find(linux_, OCI_NS_USER))
        *idmap = (struct idmap){linux_->uid_mappings, linux_->n_uid_mappings, linux_->gid_mappings, linux_->n_gid_mappings,
                                recursive};
    else
        return error_status(err, STATUS_INVALID_ARGUMENT,
                            "mounts[%zu]: option idmap without mappings of the mount or of a user namespace", index);
    *ret_idmap = idmap;
    return 0;
}

static int add_mount(struct arena *a, struct oci_mount *mount, size_t index, const char *bundle, const struct oci_linux *linux_,
                     struct guest_spec_mounts *mounts, struct error *err)
{
    const struct idmap *idmap;
    const char *source = mount->source;

    if (!source || !*source)
        return error_status(err, STATUS_INVALID_ARGUMENT, "mounts[%zu].source: a bind mount needs one", index);
    if (*source != '/')
        source = arena_printf(a, "%s/%s", bundle, source);
    if (is_of_guest(source))
        return 0;
    int r = take_idmap(a, mount, index, linux_, &idmap, err);
    if (r < 0)
        return r;
    mounts->items[mounts->n++] = (struct guest_spec_mount){
        .source = source,
        .destination = mount->destination,
        .readonly = is_readonly(mount),
        .idmap = idmap,
        .target = &mount->source,
    };
    return 0;
}

/* Hierarchies of version 1 are the host's alone; podman binds systemd's for a container that runs it. Returns how many. */
static size_t drop_hierarchies(struct oci_spec *spec)
{
    static const char groups[] = "/sys/fs/cgroup/";
    size_t kept = 0, n = spec->n_mounts;

    for (size_t i = 0; i < n; i++) {
        const struct oci_mount *mount = &spec->mounts[i];
        size_t len = strlen(groups);
        if (oci_mount_is_bind(mount) && mount->source && strncmp(mount->source, groups, len) == 0 && mount->source[len])
            continue;
        spec->mounts[kept++] = *mount;
    }
    spec->n_mounts = kept;
    return n - kept;
}

int guest_spec_prepare(struct arena *a, struct oci_spec *spec, const char *guest_id, const char *bundle, const char *rootfs,
                       struct guest_spec_mounts *ret_mounts, struct error *err)
{
    struct guest_spec_mounts mounts = {.items = arena_calloc(a, spec->n_mounts + 1, sizeof(*mounts.items))};

    if (!mounts.items)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "mounts: %zu are too many", spec->n_mounts);
    mounts.n_names_left_out = prepare_capabilities(spec->process->capabilities);
    guest_spec_prepare_process(spec->process);
    int r = oci_extension_write(a, spec, err);
    if (r < 0)
        return r;
    /* A spec that names none means none; the agent wants to be told. */
    if (!spec->process->capabilities)
        spec->process->capabilities = arena_alloc(a, sizeof(*spec->process->capabilities));
    prepare_hooks(spec);
    mounts.n_hierarchies_left_out = drop_hierarchies(spec);
    r = prepare_linux(a, spec, guest_id, &mounts.n_left_out, err);
    if (r < 0)
        return r;
    if (spec->hostname && strlen(spec->hostname) > HOSTNAME_MAX)
        spec->hostname[HOSTNAME_MAX] = '\0';
    /* Writable in any case: the agent may have to make the places of mounts before it makes the root read-only. */
    mounts.items[mounts.n++] =
        (struct guest_spec_mount){.source = rootfs, .destination = "/", .readonly = false, .target = &spec->root->path};
    for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
        struct oci_mount *mount = &spec->mounts[i];
        r = check_destination(a, mount, i, err);
        if (r == 0 && oci_mount_is_bind(mount))
            r = add_mount(a, mount, i, bundle, spec->linux_, &mounts, err);
    }
    if (r == 0)
        *ret_mounts = mounts;
    return r;
}
