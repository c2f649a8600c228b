/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/machine.h"

#include <stdlib.h>
#include <string.h>

#include "runtime-min/sandbox/sandbox.h"

#define MIB_SHIFT 20
#define MEMORY_MAX_MIB (64 * 1024)
#define VCPUS_MAX 32

/* A pod's limits are told to its sandbox container in annotations. 0: none. */
static int64_t annotated(const struct oci_spec *spec, const char *key)
{
    const char *text = oci_annotation(spec, key);
    size_t digits = text ? strspn(text, "0123456789") : 0;

    return digits > 0 && digits < 18 && text[digits] == '\0' ? strtoll(text, NULL, 10) : 0;
}

static unsigned int memory_for(const struct oci_spec *spec, unsigned int base_mib)
{
    const struct oci_resources *resources = spec->linux_ ? spec->linux_->resources : NULL;
    int64_t limit = annotated(spec, "io.kubernetes.cri.sandbox-memory");

    if (limit == 0 && resources && resources->memory && resources->memory->limit.set)
        limit = resources->memory->limit.value;
    if (limit <= 0)
        return base_mib;
    int64_t mib = base_mib + (limit >> MIB_SHIFT);
    return mib < MEMORY_MAX_MIB ? (unsigned int)mib : MEMORY_MAX_MIB;
}

static unsigned int vcpus_for(const struct oci_spec *spec, unsigned int base)
{
    const struct oci_resources *resources = spec->linux_ ? spec->linux_->resources : NULL;
    const struct oci_cpu *cpu = resources ? resources->cpu : NULL;
    int64_t quota = annotated(spec, "io.kubernetes.cri.sandbox-cpu-quota");
    int64_t period = annotated(spec, "io.kubernetes.cri.sandbox-cpu-period");

    if (quota == 0 && cpu && cpu->quota.set && cpu->period.set && cpu->period.value <= INT32_MAX) {
        quota = cpu->quota.value;
        period = (int64_t)cpu->period.value;
    }
    if (quota <= 0 || period <= 0)
        return base;
    int64_t n = quota / period + (quota % period != 0);
    return n < VCPUS_MAX ? (unsigned int)n : VCPUS_MAX;
}

int machine_find(struct arena *a, const struct store *store, const char *sandbox_id, struct machine *ret_machine,
                 struct error *err)
{
    struct sandbox_status status;

    int r = sandbox_status(store->path, sandbox_id, &status, err);
    if (r < 0)
        return r;
    *ret_machine = (struct machine){
        .store_path = store->path,
        .sandbox_id = sandbox_id,
        .socket_path = sandbox_socket_path(a, store->path, sandbox_id),
        .control_fd = -1,
    };
    return 0;
}

int machine_start(struct arena *a, const struct machine_args *args, struct machine *ret_machine, struct error *err)
{
    struct runtime_config runtime;
    struct machine machine = {
        .store_path = args->store->path,
        .sandbox_id = args->sandbox_id,
        .socket_path = sandbox_socket_path(a, args->store->path, args->sandbox_id),
        .control_fd = -1,
    };

    int r = runtime_config_load(a, args->config_path, &runtime, err);
    if (r == 0)
        r = runtime_config_check(&runtime, err);
    if (r < 0)
        return r;
    struct sandbox_config config = {
        .root = args->store->path,
        .id = args->sandbox_id,
        .hostname = args->spec->hostname ?: "",
        .vcpus = vcpus_for(args->spec, runtime.vcpus),
        .memory_mib = memory_for(args->spec, runtime.memory_mib),
        .runtime = &runtime,
    };
    r = sandbox_start(&config, &machine.control_fd, err);
    if (r == 0)
        *ret_machine = machine;
    return r;
}

int machine_share(struct arena *a, const struct machine *machine, const char *guest_id, const char *source, bool readonly,
                  char **ret_guest_path, struct error *err)
{
    const char *path = NULL;

    int r = sandbox_share(a, machine->store_path, machine->sandbox_id, guest_id, source, readonly, &path, err);
    if (r < 0)
        return r;
    *ret_guest_path = arena_strdup(a, path);
    return 0;
}

int machine_unshare(const struct machine *machine, const char *guest_id, struct error *err)
{
    return sandbox_unshare(machine->store_path, machine->sandbox_id, guest_id, err);
}

int machine_enrol(const struct machine *machine, const char *guest_id, const char *exec_id, struct error *err)
{
    return sandbox_hold(machine->store_path, machine->sandbox_id, guest_id, exec_id, err);
}

int machine_commit(struct machine *machine, struct error *err)
{
    return machine->control_fd < 0 ? 0 : sandbox_commit(&machine->control_fd, err);
}

int machine_stop(const struct store *store, const char *sandbox_id, struct error *err)
{
    return sandbox_stop(store->path, sandbox_id, err);
}

void machine_close(struct machine *machine)
{
    fd_close(&machine->control_fd);
}
