/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: the message, filled from the control files of one version or the other.
 *
 * Everything lives in the caller's arena; when that is used up, arrays stay empty and the arena tells in the end. */
#pragma once
#include "cgroup/cgroup_internal.h"

#define STATS_FILE_NAME 64

/* The parts of the message in one piece; a part is linked into its parent once it is known to exist. */
struct stats {
    struct arena *arena;
    struct buf text; /* the control file being read */
    int failure;     /* the first -errno of a file that is there and cannot be read */
    char failed_file[STATS_FILE_NAME];
    Grpc__CgroupStats top;
    Grpc__CpuStats cpu;
    Grpc__CpuUsage cpu_usage;
    Grpc__ThrottlingData throttling;
    Grpc__MemoryStats memory;
    Grpc__MemoryData memory_usage;
    Grpc__MemoryData swap_usage;
    Grpc__MemoryData kernel_usage;
    Grpc__PidsStats pids;
    Grpc__BlkioStats blkio;
};

/* A file that holds one number, and the field that it fills. */
struct stats_file {
    const char *file;
    size_t offset; /* of the uint64_t in the message */
    uint64_t max;  /* what "max" means */
};

/* A line "KEY VALUE" of a file. */
struct stats_key {
    const char *key;
    size_t offset;
    uint64_t scale;
};

/* Content of a file; "" when it is not there. Another failure is noted, and the answer will be that. Valid until the next call.
 */
char *stats_read(struct stats *stats, int fd, const char *file);
/* Files that are not there and keys that are missing leave the field as it is. */
void stats_read_files(struct stats *stats, int fd, const struct stats_file *rows, size_t n, void *message);
void stats_read_keys(struct stats *stats, int fd, const char *file, const struct stats_key *rows, size_t n, void *message);
/* Every line of memory.stat. */
void stats_read_memory_stat(struct stats *stats, int fd);

/* Makes the memory part and its three groups of numbers part of the message. */
void stats_link_memory(struct stats *stats);

/* Block devices: entries are collected from the lines of one file. */
struct stats_blkio {
    Grpc__BlkioStatsEntry **entries;
    size_t n;
    size_t room;
};

/* An empty list with room for n entries; for none when the arena is used up. */
struct stats_blkio stats_blkio_new(struct stats *stats, size_t n);
/* Appends a copy of entry while there is room. entry->op is static text. */
void stats_blkio_add(struct stats *stats, struct stats_blkio *list, const Grpc__BlkioStatsEntry *entry);
/* Cuts "MAJ:MIN" and the blanks behind it off *cursor; false if the text begins with anything else. */
bool stats_device_parse(char **cursor, Grpc__BlkioStatsEntry *entry);

struct stats_hugetlb_files {
    const char *usage;     /* behind "hugetlb.SIZE." */
    const char *max_usage; /* NULL: there is none */
    const char *failcnt;   /* a number, or "max N" */
};
/* One entry per page size that the group has files for. */
void stats_read_hugetlb(struct stats *stats, int fd, const struct stats_hugetlb_files *files);

void stats_pids(struct stats *stats, int fd);

void stats_v1_cpu(struct stats *stats, int fd);
void stats_v1_cpuacct(struct stats *stats, int fd);
void stats_v1_memory(struct stats *stats, int fd);
void stats_v1_io(struct stats *stats, int fd);
void stats_v1_hugetlb(struct stats *stats, int fd);

void stats_v2_cpu(struct stats *stats, int fd);
void stats_v2_memory(struct stats *stats, int fd);
void stats_v2_io(struct stats *stats, int fd);
void stats_v2_hugetlb(struct stats *stats, int fd);
