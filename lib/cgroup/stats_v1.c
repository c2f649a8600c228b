/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of version 1: a file per number. */
#include <stdlib.h>
#include <string.h>

#include "cgroup/stats.h"

#define USER_HZ 100 /* ticks per second in files, the same on all architectures that Tatami runs on */
#define NSEC_PER_TICK (1000000000 / USER_HZ)

void stats_v1_cpu(struct stats *stats, int fd)
{
    static const struct stats_key keys[] = {
        {"nr_periods", offsetof(Grpc__ThrottlingData, periods), 1},
        {"nr_throttled", offsetof(Grpc__ThrottlingData, throttled_periods), 1},
        {"throttled_time", offsetof(Grpc__ThrottlingData, throttled_time), 1},
    };

    stats_read_keys(stats, fd, "cpu.stat", keys, ARRAY_SIZE(keys), &stats->throttling);
    stats->cpu.throttling_data = &stats->throttling;
    stats->top.cpu_stats = &stats->cpu;
}

static void read_percpu(struct stats *stats, int fd)
{
    char *text = stats_read(stats, fd, "cpuacct.usage_percpu");
    uint64_t *usage = arena_calloc(stats->arena, strlen(text) / 2 + 1, sizeof(*usage)); /* a digit and a blank each */
    if (!usage)
        return;

    size_t n = 0;
    for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
        usage[n++] = text_number(text, 0);
        text += strcspn(text, " \n");
    }
    stats->cpu_usage.percpu_usage = usage;
    stats->cpu_usage.n_percpu_usage = n;
}

void stats_v1_cpuacct(struct stats *stats, int fd)
{
    static const struct stats_file files[] = {
        {"cpuacct.usage", offsetof(Grpc__CpuUsage, total_usage), 0},
    };
    static const struct stats_key keys[] = {
        {"user", offsetof(Grpc__CpuUsage, usage_in_usermode), NSEC_PER_TICK},
        {"system", offsetof(Grpc__CpuUsage, usage_in_kernelmode), NSEC_PER_TICK},
    };

    stats_read_files(stats, fd, files, ARRAY_SIZE(files), &stats->cpu_usage);
    stats_read_keys(stats, fd, "cpuacct.stat", keys, ARRAY_SIZE(keys), &stats->cpu_usage);
    read_percpu(stats, fd);
    stats->cpu.cpu_usage = &stats->cpu_usage;
    stats->top.cpu_stats = &stats->cpu;
}

void stats_v1_memory(struct stats *stats, int fd)
{
    static const struct stats_file usage[] = {
        {"memory.usage_in_bytes", offsetof(Grpc__MemoryData, usage), 0},
        {"memory.max_usage_in_bytes", offsetof(Grpc__MemoryData, max_usage), 0},
        {"memory.failcnt", offsetof(Grpc__MemoryData, failcnt), 0},
        {"memory.limit_in_bytes", offsetof(Grpc__MemoryData, limit), 0},
    };
    static const struct stats_file swap[] = {
        {"memory.memsw.usage_in_bytes", offsetof(Grpc__MemoryData, usage), 0},
        {"memory.memsw.max_usage_in_bytes", offsetof(Grpc__MemoryData, max_usage), 0},
        {"memory.memsw.failcnt", offsetof(Grpc__MemoryData, failcnt), 0},
        {"memory.memsw.limit_in_bytes", offsetof(Grpc__MemoryData, limit), 0},
    };
    static const struct stats_file kernel[] = {
        {"memory.kmem.usage_in_bytes", offsetof(Grpc__MemoryData, usage), 0},
        {"memory.kmem.max_usage_in_bytes", offsetof(Grpc__MemoryData, max_usage), 0},
        {"memory.kmem.failcnt", offsetof(Grpc__MemoryData, failcnt), 0},
        {"memory.kmem.limit_in_bytes", offsetof(Grpc__MemoryData, limit), 0},
    };

    stats_read_files(stats, fd, usage, ARRAY_SIZE(usage), &stats->memory_usage);
    stats_read_files(stats, fd, swap, ARRAY_SIZE(swap), &stats->swap_usage);
    stats_read_files(stats, fd, kernel, ARRAY_SIZE(kernel), &stats->kernel_usage);
    stats->memory.use_hierarchy = text_number(stats_read(stats, fd, "memory.use_hierarchy"), 0) == 1;
    text_find_key(stats_read(stats, fd, "memory.stat"), "cache", &stats->memory.cache);
    stats_read_memory_stat(stats, fd);
    stats_link_memory(stats);
}

/* "MAJ:MIN Op VALUE", or "MAJ:MIN VALUE" where has_op is false. False for the lines of totals and for operations that the
 * message does not list. */
static bool blkio_line_parse(char *line, bool has_op, Grpc__BlkioStatsEntry *entry)
{
    static const char *const ops[][2] = {
        {"Read ", "read"}, {"Write ", "write"}, {"Sync ", "sync"}, {"Async ", "async"}, {"Total ", "total"},
    };

    grpc__blkio_stats_entry__init(entry);
    if (!stats_device_parse(&line, entry))
        return false;
    if (!has_op) {
        entry->value = text_number(line, 0);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        if (strncmp(line, ops[i][0], strlen(ops[i][0])) != 0)
            continue;
        entry->op = (char *)ops[i][1];
        entry->value = text_number(line + strlen(ops[i][0]), 0);
        return true;
    }
    return false;
}

struct blkio_file {
    const char *file;
    size_t n_offset; /* of the number of entries in the message, and of the list */
    size_t list_offset;
    bool has_op;
};

static void read_blkio_file(struct stats *stats, int fd, const struct blkio_file *row)
{
    char *cursor = stats_read(stats, fd, row->file);
    struct stats_blkio list = stats_blkio_new(stats, text_count(cursor, '\n'));
    Grpc__BlkioStatsEntry entry;
    char *line;

    while ((line = text_next_line(&cursor))) {
        if (blkio_line_parse(line, row->has_op, &entry))
            stats_blkio_add(stats, &list, &entry);
    }
    memcpy((char *)&stats->blkio + row->n_offset, &list.n, sizeof(list.n));
    memcpy((char *)&stats->blkio + row->list_offset, &list.entries, sizeof(list.entries));
}

#define BLKIO_FILE(name, field, with_op)                                                                                       \
    {                                                                                                                          \
        (name), offsetof(Grpc__BlkioStats, n_##field), offsetof(Grpc__BlkioStats, field), (with_op)                            \
    }

void stats_v1_io(struct stats *stats, int fd)
{
    /* The recursive files belong to the CFQ scheduler; without it only the throttling layer counts. */
    static const struct blkio_file cfq[] = {
        BLKIO_FILE("blkio.io_serviced_recursive", io_serviced_recursive, true),
        BLKIO_FILE("blkio.io_service_bytes_recursive", io_service_bytes_recursive, true),
        BLKIO_FILE("blkio.io_queued_recursive", io_queued_recursive, true),
        BLKIO_FILE("blkio.io_service_time_recursive", io_service_time_recursive, true),
        BLKIO_FILE("blkio.io_wait_time_recursive", io_wait_time_recursive, true),
        BLKIO_FILE("blkio.io_merged_recursive", io_merged_recursive, true),
        BLKIO_FILE("blkio.time_recursive", io_time_recursive, false),
        BLKIO_FILE("blkio.sectors_recursive", sectors_recursive, false),
    };
    static const struct blkio_file throttle[] = {
        BLKIO_FILE("blkio.throttle.io_service_bytes", io_service_bytes_recursive, true),
        BLKIO_FILE("blkio.throttle.io_serviced", io_serviced_recursive, true),
    };

    read_blkio_file(stats, fd, &cfq[0]);
    bool has_cfq = stats->blkio.n_io_serviced_recursive > 0;
    const struct blkio_file *rows = has_cfq ? cfq : throttle;
    size_t n = has_cfq ? ARRAY_SIZE(cfq) : ARRAY_SIZE(throttle);
    for (size_t i = has_cfq; i < n; i++)
        read_blkio_file(stats, fd, &rows[i]);
    stats->top.blkio_stats = &stats->blkio;
}

void stats_v1_hugetlb(struct stats *stats, int fd)
{
    static const struct stats_hugetlb_files files = {"usage_in_bytes", "max_usage_in_bytes", "failcnt"};

    stats_read_hugetlb(stats, fd, &files);
}
