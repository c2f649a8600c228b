/* SPDX-License-Identifier: Apache-2.0 */
/* The specs that fuzz targets edit. */
#include <string.h>

#include "mocks/harness/fuzz_guest.h"
#include "oci/wire.h"

#define STRING(s) ((char *)(uintptr_t)(s))

static struct oci_seccomp *make_seccomp(struct arena *a)
{
    struct oci_seccomp *seccomp = arena_alloc(a, sizeof(*seccomp));

    seccomp->default_action = STRING("SCMP_ACT_ALLOW");
    strlist_add(a, &seccomp->architectures, "SCMP_ARCH_X86_64");
    seccomp->rules = arena_alloc(a, sizeof(*seccomp->rules));
    seccomp->n_rules = 1;
    seccomp->rules->action = STRING("SCMP_ACT_ERRNO");
    seccomp->rules->errno_ret = (struct opt_u64){true, 38};
    strlist_add(a, &seccomp->rules->names, "mknodat");
    seccomp->rules->args = arena_alloc(a, sizeof(*seccomp->rules->args));
    seccomp->rules->n_args = 1;
    *seccomp->rules->args = (struct oci_seccomp_arg){.index = 2, .value = 0600, .op = STRING("SCMP_CMP_EQ")};
    return seccomp;
}

static void fill_resources(struct arena *a, struct oci_resources *resources)
{
    resources->memory = arena_alloc(a, sizeof(*resources->memory));
    resources->memory->limit = (struct opt_i64){true, 64 << 20};
    resources->cpu = arena_alloc(a, sizeof(*resources->cpu));
    resources->cpu->shares = (struct opt_u64){true, 512};
    resources->cpu->quota = (struct opt_i64){true, 50000};
    resources->cpu->period = (struct opt_u64){true, 100000};
    resources->cpu->cpus = STRING("0-1");
    resources->pids_limit = (struct opt_i64){true, 32};
    resources->n_devices = 2;
    resources->devices = arena_calloc(a, 2, sizeof(*resources->devices));
    resources->devices[0] = (struct oci_device_rule){.type = 'a', .access = STRING("rwm")};
    resources->devices[1] = (struct oci_device_rule){true, 'c', {true, 1}, {true, 3}, STRING("rwm")};
}

static void fill_linux(struct arena *a, struct oci_linux *linux_)
{
    static const struct oci_pair sysctl = {STRING("net.ipv4.ip_forward"), STRING("1")};
    static const struct oci_device device = {.path = STRING("/dev/fuse"), .type = 'c', .major = 10, .minor = 229};

    fill_resources(a, linux_->resources);
    linux_->sysctl = (struct oci_map){arena_memdup(a, &sysctl, sizeof(sysctl)), 1};
    linux_->devices = arena_memdup(a, &device, sizeof(device));
    linux_->n_devices = 1;
    linux_->seccomp = make_seccomp(a);
    linux_->rootfs_propagation = STRING("slave");
}

static void fill_process(struct arena *a, struct oci_process *process)
{
    static const struct oci_rlimit limit = {STRING("RLIMIT_NOFILE"), 1024, 512};
    static const uint32_t gids[] = {10, 20};

    process->user = (struct oci_user){
        .uid = 1000, .gid = 1000, .additional_gids = arena_memdup(a, gids, sizeof(gids)), .n_additional_gids = 2};
    process->rlimits = arena_memdup(a, &limit, sizeof(limit));
    process->n_rlimits = 1;
    process->oom_score_adj = (struct opt_i64){true, 100};
}

Grpc__Spec *fuzz_spec(struct rig *rig, bool rich)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "exit 0");
    Grpc__Spec *wire;

    if (rich) {
        spec->hostname = STRING("guest");
        spec->root->readonly = true;
        fill_process(rig->arena, spec->process);
        fill_linux(rig->arena, spec->linux_);
    }
    assert_int_equal(oci_spec_to_wire(rig->arena, spec, &wire, NULL), 0);
    return wire;
}
