/* SPDX-License-Identifier: Apache-2.0 */
/* Version 2: other files, other units, and some settings that do not exist any more. */
#include <errno.h>
#include <inttypes.h>

#include "cgroup/limits.h"
#include "cgroup/values.h"

static void add_cpu_max(struct limit_plan *plan, const struct oci_cpu *cpu)
{
    const char *quota = limit_max_text(plan, cpu->quota.value > 0 ? cpu->quota.value : -1);

    if (cpu->quota.set && cpu->period.value)
        limit_add(plan, "cpu.quota", CONTROLLER_CPU, "cpu.max", "%s %" PRIu64, quota, cpu->period.value);
    else if (cpu->quota.set)
        limit_add(plan, "cpu.quota", CONTROLLER_CPU, "cpu.max", "%s", quota); /* the kernel keeps the period */
    else if (cpu->period.value)
        limit_add(plan, "cpu.period", CONTROLLER_CPU, "cpu.max", "%" PRIu64, cpu->period.value)->flags = LIMIT_SECOND_FIELD;
}

int limits_v2_cpu(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_cpu *cpu = resources->cpu;

    if (!cpu)
        return 0;
    if (cpu->realtime_runtime.value)
        return error_text(err, -EOPNOTSUPP, "realtime runtime not supported on cgroupv2");
    if (cpu->realtime_period.value)
        return error_text(err, -EOPNOTSUPP, "realtime period not supported on cgroupv2");
    if (cpu->shares.value)
        limit_add(plan, "cpu.shares", CONTROLLER_CPU, "cpu.weight", "%" PRIu64, cpu_weight_from_shares(cpu->shares.value));
    add_cpu_max(plan, cpu);
    return 0;
}

static int refuse_memory(const struct oci_memory *memory, struct error *err)
{
    const char *field = NULL;

    if (memory->swappiness.set)
        field = "memory.swappiness";
    else if (memory->kernel.value)
        field = "memory.kernel";
    else if (memory->kernel_tcp.value)
        field = "memory.kernelTCP";
    else if (memory->disable_oom_killer)
        field = "memory.disableOOMKiller";
    return field ? error_text(err, -EOPNOTSUPP, "%s not supported on cgroupv2", field) : 0;
}

int limits_v2_memory(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_memory *memory = resources->memory;

    if (!memory)
        return 0;
    int r = limit_check_swappiness(memory, err);
    if (r == 0)
        r = refuse_memory(memory, err);
    if (r == 0)
        r = memory_limits_check(memory->limit.value, memory->swap.value, err);
    int64_t swap_max;
    if (r == 0)
        r = swap_max_from_sum(memory->limit.value, memory->swap.value, &swap_max, err);
    if (r < 0)
        return r;

    if (memory->limit.value)
        limit_add(plan, "memory.limit", CONTROLLER_MEMORY, "memory.max", "%s", limit_max_text(plan, memory->limit.value));
    if (r > 0)
        limit_add(plan, "memory.swap", CONTROLLER_MEMORY, "memory.swap.max", "%s", limit_max_text(plan, swap_max))->flags =
            LIMIT_MAY_BE_MISSING;
    if (memory->reservation.value)
        limit_add(plan, "memory.reservation", CONTROLLER_MEMORY, "memory.low", "%s",
                  limit_max_text(plan, memory->reservation.value));
    return 0;
}

/* device: "" or "MAJ:MIN ". */
static int add_weight(struct limit_plan *plan, const char *field, const char *device, uint32_t weight, struct error *err)
{
    if (weight == 0)
        return 0;
    int r = limit_check_weight(field, weight, err);
    if (r < 0)
        return r;
    struct limit *limit = limit_add(plan, field, CONTROLLER_IO, "io.bfq.weight", "%s%" PRIu32, device, weight);
    limit->targets[1].file = "io.weight";
    limit->targets[1].text = arena_printf(plan->arena, "%s%" PRIu64, device, io_weight_from_blkio(weight));
    return 0;
}

static int add_weights(struct limit_plan *plan, const struct oci_block_io *io, struct error *err)
{
    bool has_leaf = io->leaf_weight;

    for (size_t i = 0; i < io->n_weight_devices; i++)
        has_leaf = has_leaf || io->weight_devices[i].leaf_weight;
    if (has_leaf)
        return error_text(err, -EOPNOTSUPP, "cannot set leaf_weight with cgroupv2");

    int r = add_weight(plan, "blockIO.weight", "", io->weight, err);
    for (size_t i = 0; i < io->n_weight_devices && r == 0; i++) {
        const struct oci_weight_device *device = &io->weight_devices[i];
        const char *prefix = arena_printf(plan->arena, "%" PRId64 ":%" PRId64 " ", device->major, device->minor);
        r = add_weight(plan, "blockIO.weightDevice", prefix ?: "", device->weight, err);
    }
    return r;
}

/* A rate of 0 is no limit, in the spec's terms as on version 1. */
static void add_throttle(struct limit_plan *plan, const char *field, const char *key, const struct oci_throttle_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct oci_throttle_device *device = &list->items[i];
        const char *rate = device->rate ? arena_printf(plan->arena, "%" PRIu64, device->rate) : "max";
        limit_add(plan, field, CONTROLLER_IO, "io.max", "%" PRId64 ":%" PRId64 " %s=%s", device->major, device->minor, key,
                  rate ?: "");
    }
}

int limits_v2_io(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_block_io *io = resources->block_io;

    if (!io)
        return 0;
    int r = add_weights(plan, io, err);
    add_throttle(plan, "blockIO.throttleReadBpsDevice", "rbps", &io->read_bps);
    add_throttle(plan, "blockIO.throttleWriteBpsDevice", "wbps", &io->write_bps);
    add_throttle(plan, "blockIO.throttleReadIOPSDevice", "riops", &io->read_iops);
    add_throttle(plan, "blockIO.throttleWriteIOPSDevice", "wiops", &io->write_iops);
    return r;
}

int limits_v2_hugetlb(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    return limits_hugetlb(plan, resources, "max", err);
}

int limits_v2_network(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_network *network = resources->network;
    (void)plan;

    if (network && (network->class_id || network->n_priorities))
        return error_text(err, -EOPNOTSUPP, "network limits not supported on cgroupv2");
    return 0;
}
