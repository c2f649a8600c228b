/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of version 2: mostly keyed files, other names, microseconds. */
#include <string.h>

#include "cgroup/stats.h"

#define NSEC_PER_USEC 1000

void stats_v2_cpu(struct stats *stats, int fd)
{
    static const struct stats_key usage[] = {
        {"usage_usec", offsetof(Grpc__CpuUsage, total_usage), NSEC_PER_USEC},
        {"user_usec", offsetof(Grpc__CpuUsage, usage_in_usermode), NSEC_PER_USEC},
        {"system_usec", offsetof(Grpc__CpuUsage, usage_in_kernelmode), NSEC_PER_USEC},
    };
    static const struct stats_key throttling[] = {
        {"nr_periods", offsetof(Grpc__ThrottlingData, periods), 1},
        {"nr_throttled", offsetof(Grpc__ThrottlingData, throttled_periods), 1},
        {"throttled_usec", offsetof(Grpc__ThrottlingData, throttled_time), NSEC_PER_USEC},
    };

    stats_read_keys(stats, fd, "cpu.stat", usage, ARRAY_SIZE(usage), &stats->cpu_usage);
    stats_read_keys(stats, fd, "cpu.stat", throttling, ARRAY_SIZE(throttling), &stats->throttling);
    stats->cpu.cpu_usage = &stats->cpu_usage;
    stats->cpu.throttling_data = &stats->throttling;
    stats->top.cpu_stats = &stats->cpu;
}

void stats_v2_memory(struct stats *stats, int fd)
{
    static const struct stats_file usage[] = {
        {"memory.current", offsetof(Grpc__MemoryData, usage), 0},
        {"memory.peak", offsetof(Grpc__MemoryData, max_usage), 0},
        {"memory.max", offsetof(Grpc__MemoryData, limit), UINT64_MAX},
    };
    static const struct stats_key events[] = {
        {"max", offsetof(Grpc__MemoryData, failcnt), 1},
    };
    static const struct stats_file swap[] = {
        {"memory.swap.current", offsetof(Grpc__MemoryData, usage), 0},
        {"memory.swap.peak", offsetof(Grpc__MemoryData, max_usage), 0},
        {"memory.swap.max", offsetof(Grpc__MemoryData, limit), UINT64_MAX},
    };
    static const struct stats_key swap_events[] = {
        {"fail", offsetof(Grpc__MemoryData, failcnt), 1},
    };

    stats_read_files(stats, fd, usage, ARRAY_SIZE(usage), &stats->memory_usage);
    stats_read_keys(stats, fd, "memory.events", events, ARRAY_SIZE(events), &stats->memory_usage);
    stats_read_files(stats, fd, swap, ARRAY_SIZE(swap), &stats->swap_usage);
    stats_read_keys(stats, fd, "memory.swap.events", swap_events, ARRAY_SIZE(swap_events), &stats->swap_usage);

    const char *text = stats_read(stats, fd, "memory.stat");
    text_find_key(text, "file", &stats->memory.cache);
    text_find_key(text, "kernel", &stats->kernel_usage.usage);
    stats->kernel_usage.limit = UINT64_MAX; /* kernel memory has no limit of its own any more */
    stats_read_memory_stat(stats, fd);
    stats_link_memory(stats);
}

/* "key=value" as an entry of the message; false for keys that the message does not list. */
static bool io_word_parse(const char *word, Grpc__BlkioStatsEntry *entry)
{
    static const char *const ops[][2] = {
        {"rbytes=", "read"}, {"wbytes=", "write"},  {"rios=", "rios"},
        {"wios=", "wios"},   {"dbytes=", "dbytes"}, {"dios=", "dios"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        if (strncmp(word, ops[i][0], strlen(ops[i][0])) != 0)
            continue;
        entry->op = (char *)ops[i][1];
        entry->value = text_number(word + strlen(ops[i][0]), 0);
        return true;
    }
    return false;
}

void stats_v2_io(struct stats *stats, int fd)
{
    char *cursor = stats_read(stats, fd, "io.stat");
    struct stats_blkio list = stats_blkio_new(stats, text_count(cursor, '='));
    char *line;

    while ((line = text_next_line(&cursor))) {
        Grpc__BlkioStatsEntry entry;
        grpc__blkio_stats_entry__init(&entry);
        if (!stats_device_parse(&line, &entry))
            continue;
        char *word;
        while ((word = strsep(&line, " "))) {
            if (io_word_parse(word, &entry))
                stats_blkio_add(stats, &list, &entry);
        }
    }
    stats->blkio.n_io_service_bytes_recursive = list.n;
    stats->blkio.io_service_bytes_recursive = list.entries;
    stats->top.blkio_stats = &stats->blkio;
}

void stats_v2_hugetlb(struct stats *stats, int fd)
{
    static const struct stats_hugetlb_files files = {"current", NULL, "events"};

    stats_read_hugetlb(stats, fd, &files);
}
