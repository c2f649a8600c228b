/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of a group: which part comes from where, and what both versions share. */
#include "cgroup/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/values.h"
#include "sys/directory.h"
#include "sys/fd.h"

#define FIELD(message, field_offset) ((uint64_t *)(void *)((char *)(message) + (field_offset)))

/* ---- files ---- */

/* A kernel without the file, or one that does not support what it is for. */
static bool is_absent(int r)
{
    return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP;
}

static void note_failure(struct stats *stats, const char *file, int r)
{
    if (r >= 0 || is_absent(r) || stats->failure < 0)
        return;
    stats->failure = r;
    snprintf(stats->failed_file, sizeof(stats->failed_file), "%s", file);
}

char *stats_read(struct stats *stats, int fd, const char *file)
{
    int r = control_read(fd, file, &stats->text);
    if (r < 0)
        stats->text.data[0] = '\0';
    note_failure(stats, file, r);
    return stats->text.data;
}

void stats_read_files(struct stats *stats, int fd, const struct stats_file *rows, size_t n, void *message)
{
    for (size_t i = 0; i < n; i++)
        *FIELD(message, rows[i].offset) = text_number(stats_read(stats, fd, rows[i].file), rows[i].max);
}

void stats_read_keys(struct stats *stats, int fd, const char *file, const struct stats_key *rows, size_t n, void *message)
{
    const char *text = stats_read(stats, fd, file);

    for (size_t i = 0; i < n; i++) {
        uint64_t value;
        if (text_find_key(text, rows[i].key, &value))
            *FIELD(message, rows[i].offset) = value * rows[i].scale;
    }
}

void stats_read_memory_stat(struct stats *stats, int fd)
{
    char *cursor = stats_read(stats, fd, "memory.stat");
    size_t room = text_count(cursor, '\n') + 1;
    Grpc__MemoryStats__StatsEntry *entries = arena_calloc(stats->arena, room, sizeof(*entries));
    Grpc__MemoryStats__StatsEntry **list = arena_calloc(stats->arena, room, sizeof(*list));
    if (!entries || !list)
        return;

    size_t n = 0;
    char *value;
    while ((value = text_next_line(&cursor))) {
        char *key = strsep(&value, " ");
        if (!value)
            continue;
        grpc__memory_stats__stats_entry__init(&entries[n]);
        entries[n].key = arena_strdup(stats->arena, key);
        entries[n].value = text_number(value, UINT64_MAX);
        list[n] = &entries[n];
        n++;
    }
    stats->memory.stats = list;
    stats->memory.n_stats = n;
}

void stats_link_memory(struct stats *stats)
{
    stats->memory.usage = &stats->memory_usage;
    stats->memory.swap_usage = &stats->swap_usage;
    stats->memory.kernel_usage = &stats->kernel_usage;
    stats->top.memory_stats = &stats->memory;
}

/* ---- block devices ---- */

struct stats_blkio stats_blkio_new(struct stats *stats, size_t n)
{
    Grpc__BlkioStatsEntry **entries = arena_calloc(stats->arena, n, sizeof(*entries));
    return (struct stats_blkio){.entries = entries, .room = entries ? n : 0};
}

void stats_blkio_add(struct stats *stats, struct stats_blkio *list, const Grpc__BlkioStatsEntry *entry)
{
    if (list->n == list->room)
        return;
    Grpc__BlkioStatsEntry *copy = arena_memdup(stats->arena, entry, sizeof(*entry));
    if (copy)
        list->entries[list->n++] = copy;
}

bool stats_device_parse(char **cursor, Grpc__BlkioStatsEntry *entry)
{
    char *end;

    if (strspn(*cursor, "0123456789") == 0)
        return false;
    entry->major = strtoull(*cursor, &end, 10);
    if (*end != ':' || strspn(end + 1, "0123456789") == 0)
        return false;
    entry->minor = strtoull(end + 1, &end, 10);
    if (*end != ' ')
        return false;
    *cursor = end + strspn(end, " ");
    return true;
}

/* ---- huge pages ---- */

#define HUGETLB_PREFIX "hugetlb."
#define HUGETLB_SIZES_MAX 16
#define HUGETLB_SIZE_LEN 16

struct hugetlb_sizes {
    const struct stats_hugetlb_files *files;
    char sizes[HUGETLB_SIZES_MAX][HUGETLB_SIZE_LEN];
    size_t n;
};

/* Notes SIZE of a file "hugetlb.SIZE.USAGE". */
static int note_size(void *arg, const char *name, bool is_directory)
{
    struct hugetlb_sizes *found = arg;

    if (is_directory || strncmp(name, HUGETLB_PREFIX, strlen(HUGETLB_PREFIX)) != 0 || found->n == HUGETLB_SIZES_MAX)
        return 0;
    const char *size = name + strlen(HUGETLB_PREFIX);
    size_t len = strcspn(size, ".");
    if (len >= HUGETLB_SIZE_LEN || size[len] != '.' || strcmp(size + len + 1, found->files->usage) != 0)
        return 0;
    memcpy(found->sizes[found->n], size, len);
    found->sizes[found->n][len] = '\0';
    found->n += hugepage_size_is_valid(found->sizes[found->n]);
    return 0;
}

/* First number of the file "hugetlb.SIZE.SUFFIX", a plain one or that of a line "max N". */
static uint64_t read_hugetlb_number(struct stats *stats, int fd, const char *size, const char *suffix)
{
    char file[STATS_FILE_NAME];
    snprintf(file, sizeof(file), HUGETLB_PREFIX "%s.%s", size, suffix);

    const char *text = stats_read(stats, fd, file);
    return text_number(text + strcspn(text, "0123456789\n"), 0);
}

void stats_read_hugetlb(struct stats *stats, int fd, const struct stats_hugetlb_files *files)
{
    struct hugetlb_sizes found = {.files = files};
    _close_ int dir = sys_openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    note_failure(stats, ".", dir < 0 ? dir : directory_read(dir, note_size, &found));

    Grpc__CgroupStats__HugetlbStatsEntry *entries = arena_calloc(stats->arena, found.n + 1, sizeof(*entries));
    Grpc__HugetlbStats *values = arena_calloc(stats->arena, found.n + 1, sizeof(*values));
    Grpc__CgroupStats__HugetlbStatsEntry **list = arena_calloc(stats->arena, found.n + 1, sizeof(*list));
    if (!entries || !values || !list)
        return;

    for (size_t i = 0; i < found.n; i++) {
        grpc__cgroup_stats__hugetlb_stats_entry__init(&entries[i]);
        grpc__hugetlb_stats__init(&values[i]);
        values[i].usage = read_hugetlb_number(stats, fd, found.sizes[i], files->usage);
        if (files->max_usage)
            values[i].max_usage = read_hugetlb_number(stats, fd, found.sizes[i], files->max_usage);
        values[i].failcnt = read_hugetlb_number(stats, fd, found.sizes[i], files->failcnt);
        entries[i].key = arena_strdup(stats->arena, found.sizes[i]);
        entries[i].value = &values[i];
        list[i] = &entries[i];
    }
    stats->top.hugetlb_stats = list;
    stats->top.n_hugetlb_stats = found.n;
}

/* ---- processes ---- */

void stats_pids(struct stats *stats, int fd)
{
    static const struct stats_file files[] = {
        {"pids.current", offsetof(Grpc__PidsStats, current), 0},
        {"pids.max", offsetof(Grpc__PidsStats, limit), 0}, /* unlimited is 0 */
    };

    stats_read_files(stats, fd, files, ARRAY_SIZE(files), &stats->pids);
    stats->top.pids_stats = &stats->pids;
}

/* ---- all ---- */

static const struct {
    enum controller controller;
    void (*read[2])(struct stats *stats, int fd); /* per version */
} parts[] = {
    {CONTROLLER_CPUACCT, {stats_v1_cpuacct, NULL}}, /* version 2 counts in the cpu controller */
    {CONTROLLER_CPU, {stats_v1_cpu, stats_v2_cpu}},
    {CONTROLLER_MEMORY, {stats_v1_memory, stats_v2_memory}},
    {CONTROLLER_PIDS, {stats_pids, stats_pids}},
    {CONTROLLER_IO, {stats_v1_io, stats_v2_io}},
    {CONTROLLER_HUGETLB, {stats_v1_hugetlb, stats_v2_hugetlb}},
};

static struct stats *stats_new(struct arena *a)
{
    struct stats *stats = arena_alloc(a, sizeof(*stats));
    if (!stats)
        return NULL;

    stats->arena = a;
    stats->text = BUF_INIT(CONTROL_FILE_MAX);
    grpc__cgroup_stats__init(&stats->top);
    grpc__cpu_stats__init(&stats->cpu);
    grpc__cpu_usage__init(&stats->cpu_usage);
    grpc__throttling_data__init(&stats->throttling);
    grpc__memory_stats__init(&stats->memory);
    grpc__memory_data__init(&stats->memory_usage);
    grpc__memory_data__init(&stats->swap_usage);
    grpc__memory_data__init(&stats->kernel_usage);
    grpc__pids_stats__init(&stats->pids);
    grpc__blkio_stats__init(&stats->blkio);
    return stats;
}

static int read_parts(struct stats *stats, struct cgroup *cgroup, struct error *err)
{
    FOR_ROWS (part, parts) {
        const struct member *member = cgroup_member(cgroup, part->controller);
        if (!member || !part->read[member->hierarchy->version - 1])
            continue;
        part->read[member->hierarchy->version - 1](stats, member->fd);
        if (stats->failure < 0)
            return error_set(err, stats->failure, "read %s/%s", member->path, stats->failed_file);
    }
    return 0;
}

int cgroup_stats(struct cgroup *cgroup, struct arena *a, Grpc__CgroupStats **ret_stats, struct error *err)
{
    struct stats *stats = stats_new(a);

    int r = stats ? read_parts(stats, cgroup, err) : 0;
    if (stats)
        buf_done(&stats->text);
    if (r < 0)
        return r;
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "the statistics of cgroup %s are too long", cgroup->path);
    *ret_stats = &stats->top;
    return 0;
}
