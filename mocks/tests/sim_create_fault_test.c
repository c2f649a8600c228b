/* SPDX-License-Identifier: Apache-2.0 */
/* CreateContainer, by kind of spec, with every kernel call failing in every way: see harness/fault_sweep.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/fault_sweep.h"

#define STRING(s) ((char *)(uintptr_t)(s))

/* After a failed creation. When its inverses failed too, the container can be removed. */
static void c1_is_gone(struct rig *rig)
{
    if (sweep_was_for_ever(rig) && rig_remove(rig, "c1", NULL) == STATUS_OK)
        return;
    EXPECT_REFUSED(STATUS_INTERNAL, "Invalid container id", rig_remove(rig, "c1", &err));
}

static void c1_can_be_started_and_removed(struct rig *rig)
{
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", SIGKILL, &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static enum status_code create_usual(struct rig *rig, struct error *err)
{
    return rig_create(rig, "c1", rig_spec(rig, "c1", NULL), err);
}

static enum status_code create_in_user_namespace(struct rig *rig, struct error *err)
{
    static const struct oci_id_mapping mapping = {.container_id = 0, .host_id = 100000, .size = 65536};
    static const struct oci_pair sysctl = {STRING("kernel.domainname"), STRING("shared")};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->linux_->sysctl = (struct oci_map){.n = 1, .items = arena_memdup(rig->arena, &sysctl, sizeof(sysctl))};
    static const struct oci_device again = {.path = STRING("/dev/null"), .type = 'c', .major = 1, .minor = 3};

    rig_add_namespace(rig, spec, OCI_NS_USER, NULL);
    spec->linux_->devices = arena_memdup(rig->arena, &again, sizeof(again));
    spec->linux_->n_devices = 1;
    spec->linux_->uid_mappings = spec->linux_->gid_mappings = arena_memdup(rig->arena, &mapping, sizeof(mapping));
    spec->linux_->n_uid_mappings = spec->linux_->n_gid_mappings = 1;
    return rig_create(rig, "c1", spec, err);
}

/* options: "a,b" */
static void add_mount(struct rig *rig, struct oci_spec *spec, const char *destination, const char *type, const char *source,
                      const char *options)
{
    struct oci_mount *mount = &spec->mounts[spec->n_mounts++];
    char *rest = arena_strdup(rig->arena, options), *word;

    *mount = (struct oci_mount){.destination = STRING(destination), .type = STRING(type), .source = STRING(source)};
    while ((word = strsep(&rest, ",")) != NULL)
        strlist_add(rig->arena, &mount->options, word);
}

static void limit(struct rig *rig, struct oci_spec *spec)
{
    static const struct oci_device_rule none = {false, 'a', {false, 0}, {false, 0}, STRING("rwm")};
    struct oci_resources *resources = spec->linux_->resources;

    resources->devices = arena_memdup(rig->arena, &none, sizeof(none));
    resources->n_devices = 1;
    resources->memory = arena_alloc(rig->arena, sizeof(*resources->memory));
    resources->memory->limit.set = true;
    resources->memory->limit.value = 64 << 20;
    resources->pids_limit.set = true;
    resources->pids_limit.value = 20;
    resources->cpu = arena_alloc(rig->arena, sizeof(*resources->cpu));
    resources->cpu->shares.set = true;
    resources->cpu->shares.value = 512;
}

static enum status_code create_rich(struct rig *rig, struct error *err)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    static const struct oci_pair sysctl = {STRING("net.ipv4.ip_forward"), STRING("1")};

    add_mount(rig, spec, "/proc", "bind", "/proc", "rbind");
    add_mount(rig, spec, "/data/sub", "bind", "/test", "rbind,ro");
    limit(rig, spec);
    spec->linux_->sysctl = (struct oci_map){.n = 1, .items = arena_memdup(rig->arena, &sysctl, sizeof(sysctl))};
    spec->process->terminal = true;
    spec->process->has_console_size = true;
    spec->process->console_height = 24;
    spec->process->console_width = 80;
    spec->hostname = STRING("rich");
    spec->root->readonly = true;
    rig_add_namespace(rig, spec, OCI_NS_CGROUP, NULL);
    return rig_create(rig, "c1", spec, err);
}

#define PIPE "/test/rootfs/etc/pipe"

/* In the directory that is copied. */
static void make_pipe(struct rig *rig UNUSED)
{
    assert_int_equal(sys_mknodat(AT_FDCWD, PIPE, S_IFIFO | 0600, 0), 0);
}

static void remove_pipe(struct rig *rig UNUSED)
{
    assert_int_equal(sys_unlinkat(AT_FDCWD, PIPE, 0), 0);
}

/* Whatever a file system of its own in /dev makes possible, and mounts that make their targets. */
static enum status_code create_with_devices(struct rig *rig, struct error *err)
{
    static const struct oci_device devices[] = {
        {.path = STRING("/dev/null"), .type = 'c', .major = 1, .minor = 3, .uid = 7, .file_mode = {true, 0640}},
        {.path = STRING("/dev/zero"), .type = 'c', .major = 1, .minor = 5},
        {.path = STRING("/dev/ptmx"), .type = 'c', .major = 5, .minor = 2},
        {.path = STRING("/dev/console"), .type = 'c', .major = 5, .minor = 1},
        {.path = STRING("/dev/made/pipe"), .type = 'p', .gid = 7},
    };
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->process->terminal = true; /* its place is taken */
    spec->linux_->devices = arena_memdup(rig->arena, devices, sizeof(devices));
    spec->linux_->n_devices = ARRAY_SIZE(devices);
    add_mount(rig, spec, "/etc", "tmpfs", "tmpfs", "tmpcopyup");
    add_mount(rig, spec, "/tmp", "tmpfs", "tmpfs",
              arena_printf(rig->arena, "size=%0256o", 1 << 20)); /* too long for fsconfig */
    add_mount(rig, spec, "/run/file", "bind", "/usr/bin/tatami-agent", "bind");
    add_mount(rig, spec, "/dev/shm", "", "", "remount,size=1m");
    spec->linux_->rootfs_propagation = STRING("shared");
    return rig_create(rig, "c1", spec, err);
}

/* A user, limits, capabilities and a filter of its own. */
static enum status_code create_for_user(struct rig *rig, struct error *err)
{
    static const struct oci_rlimit limits[] = {{STRING("RLIMIT_NOFILE"), 512, 256}, {STRING("RLIMIT_CORE"), 0, 0}};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    struct oci_process *process = spec->process;

    process->user.uid = 1000;
    process->user.gid = 1000;
    process->rlimits = arena_memdup(rig->arena, limits, sizeof(limits));
    process->n_rlimits = ARRAY_SIZE(limits);
    process->oom_score_adj.set = true;
    process->oom_score_adj.value = 100;
    process->no_new_privileges = false;
    strlist_add(rig->arena, &process->capabilities->inheritable, "CAP_KILL");
    strlist_add(rig->arena, &process->capabilities->ambient, "CAP_KILL");
    spec->linux_->seccomp = arena_alloc(rig->arena, sizeof(*spec->linux_->seccomp));
    spec->linux_->seccomp->default_action = STRING("SCMP_ACT_ALLOW");
    return rig_create(rig, "c1", spec, err);
}

static enum status_code create_with_hooks(struct rig *rig, struct error *err)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    rig_add_hook(rig, spec, "prestart", "cat > /dev/null");
    rig_add_hook(rig, spec, "createContainer", "cat > /dev/null");
    rig_add_hook(rig, spec, "poststop", "cat > /dev/null");
    return rig_create(rig, "c1", spec, err);
}

/* Its own host name, as there is no sandbox whose it could share, and a terminal of the guest; on an initramfs, which cannot be
 * pivoted away from. */
static enum status_code create_alone(struct rig *rig, struct error *err)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (strcmp(spec->mounts[i].type, "devpts") == 0)
            spec->mounts[i] = spec->mounts[--spec->n_mounts];
    }
    spec->process->terminal = true;
    spec->hostname = STRING("alone");
    return rig_create(rig, "c1", spec, err);
}

/* A client may have put things into the directory of the container before. */
static void make_bundle(struct rig *rig UNUSED)
{
    int r = sys_mkdirat(AT_FDCWD, "/test/run/c1", 0700);

    assert_true(r == 0 || r == -EEXIST);
}

static void bundle_is_still_there(struct rig *rig)
{
    c1_is_gone(rig);
    if (!sweep_was_for_ever(rig))
        assert_int_equal(sys_unlinkat(AT_FDCWD, "/test/run/c1", AT_REMOVEDIR), 0);
}

static void remove_bundle(struct rig *rig UNUSED)
{
    (void)sys_unlinkat(AT_FDCWD, "/test/run/c1", AT_REMOVEDIR);
}

#define V1                                                                                                                     \
    {                                                                                                                          \
        .seed = 1, .cgroups = WORLD_CGROUP_V1                                                                                  \
    }
#define V2                                                                                                                     \
    {                                                                                                                          \
        .seed = 1                                                                                                              \
    }
#define INITRAMFS                                                                                                              \
    {                                                                                                                          \
        .seed = 1, .initramfs = true                                                                                           \
    }
#define PIPE_SIZE                                                                                                              \
    {                                                                                                                          \
        .seed = 1, .config = "container_pipe_size = 65536\n"                                                                   \
    }
#define CREATED .done = c1_can_be_started_and_removed, .undone = c1_is_gone, .lost = sweep_remove_c1, .retry = sweep_live

static const struct sweep sweeps[] = {
    {"create", V2, .act = create_usual, CREATED},
    {"create-v1", V1, .act = create_usual, CREATED},
    {"create-user", V2, .act = create_in_user_namespace, CREATED},
    {"create-rich", V2, .act = create_rich, CREATED},
    {"create-devices", V2, make_pipe, create_with_devices, CREATED, .clean = remove_pipe},
    {"create-for-user", PIPE_SIZE, .act = create_for_user, CREATED},
    {"create-hook", V2, .act = create_with_hooks, CREATED},
    {"create-alone", INITRAMFS, make_bundle, create_alone, .done = c1_can_be_started_and_removed,
     .undone = bundle_is_still_there, .lost = sweep_remove_c1, .clean = remove_bundle, .retry = sweep_live, .alone = true},
};

int main(int argc, char **argv)
{
    return fault_sweep_main(sweeps, ARRAY_SIZE(sweeps), argc, argv);
}
