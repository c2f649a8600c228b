/* SPDX-License-Identifier: Apache-2.0 */
/* Version 1: most values are written as the spec has them. */
#include <errno.h>
#include <inttypes.h>

#include "cgroup/limits.h"
#include "cgroup/values.h"

int limits_v1_cpu(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_cpu *cpu = resources->cpu;
    (void)err;

    if (!cpu)
        return 0;
    if (cpu->shares.value)
        limit_add(plan, "cpu.shares", CONTROLLER_CPU, "cpu.shares", "%" PRIu64, cpu->shares.value);
    if (cpu->quota.set) {
        int64_t quota = cpu->quota.value > 0 ? cpu->quota.value : -1;
        struct limit *limit = limit_add(plan, "cpu.quota", CONTROLLER_CPU, "cpu.cfs_quota_us", "%" PRId64, quota);
        /* The kernel compares the ratio of both with the parent's at each of the two writes. */
        limit->flags = cpu->period.value ? LIMIT_OR_AFTER_NEXT : 0;
    }
    if (cpu->period.value)
        limit_add(plan, "cpu.period", CONTROLLER_CPU, "cpu.cfs_period_us", "%" PRIu64, cpu->period.value);
    if (cpu->realtime_period.value)
        limit_add(plan, "cpu.realtimePeriod", CONTROLLER_CPU, "cpu.rt_period_us", "%" PRIu64, cpu->realtime_period.value);
    if (cpu->realtime_runtime.value)
        limit_add(plan, "cpu.realtimeRuntime", CONTROLLER_CPU, "cpu.rt_runtime_us", "%" PRId64, cpu->realtime_runtime.value);
    return 0;
}

static void add_limit_and_swap(struct limit_plan *plan, int64_t limit, int64_t swap)
{
    if (limit == -1)
        swap = -1;
    if (limit) {
        struct limit *added = limit_add(plan, "memory.limit", CONTROLLER_MEMORY, "memory.limit_in_bytes", "%" PRId64, limit);
        /* The kernel wants the limit below the sum at every moment. */
        added->flags = swap ? LIMIT_OR_AFTER_NEXT : 0;
    }
    if (swap)
        limit_add(plan, "memory.swap", CONTROLLER_MEMORY, "memory.memsw.limit_in_bytes", "%" PRId64, swap)->flags =
            LIMIT_MAY_BE_MISSING;
}

int limits_v1_memory(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_memory *memory = resources->memory;

    if (!memory)
        return 0;
    int r = memory_limits_check(memory->limit.value, memory->swap.value, err);
    if (r == 0)
        r = limit_check_swappiness(memory, err);
    if (r < 0)
        return r;

    add_limit_and_swap(plan, memory->limit.value, memory->swap.value);
    if (memory->reservation.value)
        limit_add(plan, "memory.reservation", CONTROLLER_MEMORY, "memory.soft_limit_in_bytes", "%" PRId64,
                  memory->reservation.value);
    if (memory->kernel.value)
        limit_add(plan, "memory.kernel", CONTROLLER_MEMORY, "memory.kmem.limit_in_bytes", "%" PRId64, memory->kernel.value);
    if (memory->kernel_tcp.value)
        limit_add(plan, "memory.kernelTCP", CONTROLLER_MEMORY, "memory.kmem.tcp.limit_in_bytes", "%" PRId64,
                  memory->kernel_tcp.value);
    if (memory->swappiness.set)
        limit_add(plan, "memory.swappiness", CONTROLLER_MEMORY, "memory.swappiness", "%" PRIu64, memory->swappiness.value);
    if (memory->disable_oom_killer)
        limit_add(plan, "memory.disableOOMKiller", CONTROLLER_MEMORY, "memory.oom_control", "1");
    return 0;
}

/* blkio.weight belongs to the CFQ scheduler, blkio.bfq.weight to its successor. */
static void add_weight(struct limit_plan *plan, const char *field, const char *suffix, const char *text)
{
    struct limit *limit = limit_add(plan, field, CONTROLLER_IO, arena_printf(plan->arena, "blkio.%s", suffix), "%s", text);
    limit->targets[1].file = arena_printf(plan->arena, "blkio.bfq.%s", suffix);
    limit->targets[1].text = limit->targets[0].text;
}

static int add_weight_devices(struct limit_plan *plan, const struct oci_block_io *io, struct error *err)
{
    for (size_t i = 0; i < io->n_weight_devices; i++) {
        const struct oci_weight_device *device = &io->weight_devices[i];
        int r = limit_check_weight("blockIO.weightDevice", device->weight, err);
        if (r == 0)
            r = limit_check_weight("blockIO.weightDevice", device->leaf_weight, err);
        if (r < 0)
            return r;
        if (device->weight)
            add_weight(
                plan, "blockIO.weightDevice", "weight_device",
                arena_printf(plan->arena, "%" PRId64 ":%" PRId64 " %" PRIu32, device->major, device->minor, device->weight)
                    ?: "");
        if (device->leaf_weight)
            limit_add(plan, "blockIO.weightDevice", CONTROLLER_IO, "blkio.leaf_weight_device",
                      "%" PRId64 ":%" PRId64 " %" PRIu32, device->major, device->minor, device->leaf_weight);
    }
    return 0;
}

static void add_throttle(struct limit_plan *plan, const char *field, const char *file, const struct oci_throttle_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        limit_add(plan, field, CONTROLLER_IO, file, "%" PRId64 ":%" PRId64 " %" PRIu64, list->items[i].major,
                  list->items[i].minor, list->items[i].rate);
}

int limits_v1_io(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_block_io *io = resources->block_io;

    if (!io)
        return 0;
    int r = limit_check_weight("blockIO.weight", io->weight, err);
    if (r == 0)
        r = limit_check_weight("blockIO.leafWeight", io->leaf_weight, err);
    if (r < 0)
        return r;
    if (io->weight)
        add_weight(plan, "blockIO.weight", "weight", arena_printf(plan->arena, "%" PRIu32, io->weight) ?: "");
    if (io->leaf_weight)
        limit_add(plan, "blockIO.leafWeight", CONTROLLER_IO, "blkio.leaf_weight", "%" PRIu32, io->leaf_weight);
    r = add_weight_devices(plan, io, err);
    add_throttle(plan, "blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device", &io->read_bps);
    add_throttle(plan, "blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device", &io->write_bps);
    add_throttle(plan, "blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", &io->read_iops);
    add_throttle(plan, "blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", &io->write_iops);
    return r;
}

int limits_v1_hugetlb(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    return limits_hugetlb(plan, resources, "limit_in_bytes", err);
}

int limits_v1_network(struct limit_plan *plan, const struct oci_resources *resources, struct error *err)
{
    const struct oci_network *network = resources->network;
    (void)err;

    if (!network)
        return 0;
    if (network->class_id)
        limit_add(plan, "network.classID", CONTROLLER_NET_CLS, "net_cls.classid", "0x%" PRIx32, network->class_id);
    for (size_t i = 0; i < network->n_priorities; i++)
        limit_add(plan, "network.priorities", CONTROLLER_NET_PRIO, "net_prio.ifpriomap", "%s %" PRIu32,
                  network->priorities[i].name ?: "", network->priorities[i].priority);
    return 0;
}
