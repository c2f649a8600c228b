/* SPDX-License-Identifier: Apache-2.0 */
/* events: statistics of a container, one JSON object a line, until it ends. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "runtime-min/cli/cli.h"

#define REPLY_BYTES (4 * 1024 * 1024)
#define LINE_MAX_BYTES (8 * 1024 * 1024)
#define DEFAULT_INTERVAL_MS 5000

struct events_options {
    const char *interval;
    bool stats;
};

static const struct option events_options[] = {
    {"interval", 0, OPTION_TEXT, offsetof(struct events_options, interval), "TIME",
     "between two objects, like 500ms or 5s (5s)"},
    {"stats", 0, OPTION_FLAG, offsetof(struct events_options, stats), NULL, "one object, then end"},
};

/* ---- a reply as JSON ---- */

static void add(json_object *json, const char *key, uint64_t value)
{
    json_object_object_add(json, key, json_object_new_uint64(value));
}

static json_object *cpu_json(const Grpc__CpuStats *stats)
{
    json_object *json = json_object_new_object(), *usage = json_object_new_object(), *throttling = json_object_new_object();
    const Grpc__CpuUsage *cpu = stats ? stats->cpu_usage : NULL;
    const Grpc__ThrottlingData *data = stats ? stats->throttling_data : NULL;

    json_object *percpu = json_object_new_array();
    for (size_t i = 0; cpu && i < cpu->n_percpu_usage; i++)
        json_object_array_add(percpu, json_object_new_uint64(cpu->percpu_usage[i]));
    add(usage, "total", cpu ? cpu->total_usage : 0);
    json_object_object_add(usage, "percpu", percpu);
    add(usage, "kernel", cpu ? cpu->usage_in_kernelmode : 0);
    add(usage, "user", cpu ? cpu->usage_in_usermode : 0);
    add(throttling, "periods", data ? data->periods : 0);
    add(throttling, "throttledPeriods", data ? data->throttled_periods : 0);
    add(throttling, "throttledTime", data ? data->throttled_time : 0);
    json_object_object_add(json, "usage", usage);
    json_object_object_add(json, "throttling", throttling);
    return json;
}

static json_object *memory_data_json(const Grpc__MemoryData *data)
{
    json_object *json = json_object_new_object();

    add(json, "limit", data ? data->limit : 0);
    add(json, "usage", data ? data->usage : 0);
    add(json, "max", data ? data->max_usage : 0);
    add(json, "failcnt", data ? data->failcnt : 0);
    return json;
}

static json_object *memory_json(const Grpc__MemoryStats *stats)
{
    json_object *json = json_object_new_object(), *raw = json_object_new_object();

    for (size_t i = 0; stats && i < stats->n_stats; i++)
        add(raw, stats->stats[i]->key, stats->stats[i]->value);
    add(json, "cache", stats ? stats->cache : 0);
    json_object_object_add(json, "usage", memory_data_json(stats ? stats->usage : NULL));
    json_object_object_add(json, "swap", memory_data_json(stats ? stats->swap_usage : NULL));
    json_object_object_add(json, "kernel", memory_data_json(stats ? stats->kernel_usage : NULL));
    json_object_object_add(json, "kernelTCP", memory_data_json(NULL));
    json_object_object_add(json, "raw", raw);
    return json;
}

static json_object *blkio_list_json(size_t n, Grpc__BlkioStatsEntry **entries)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < n; i++) {
        json_object *json = json_object_new_object();
        add(json, "major", entries[i]->major);
        add(json, "minor", entries[i]->minor);
        json_object_object_add(json, "op", json_object_new_string(entries[i]->op));
        add(json, "value", entries[i]->value);
        json_object_array_add(list, json);
    }
    return list;
}

static json_object *blkio_json(const Grpc__BlkioStats *stats)
{
    static const Grpc__BlkioStats none = GRPC__BLKIO_STATS__INIT;
    json_object *json = json_object_new_object();
    const Grpc__BlkioStats *s = stats ?: &none;
    const struct {
        const char *key;
        size_t n;
        Grpc__BlkioStatsEntry **entries;
    } lists[] = {
        {"ioServiceBytesRecursive", s->n_io_service_bytes_recursive, s->io_service_bytes_recursive},
        {"ioServicedRecursive", s->n_io_serviced_recursive, s->io_serviced_recursive},
        {"ioQueueRecursive", s->n_io_queued_recursive, s->io_queued_recursive},
        {"ioServiceTimeRecursive", s->n_io_service_time_recursive, s->io_service_time_recursive},
        {"ioWaitTimeRecursive", s->n_io_wait_time_recursive, s->io_wait_time_recursive},
        {"ioMergedRecursive", s->n_io_merged_recursive, s->io_merged_recursive},
        {"ioTimeRecursive", s->n_io_time_recursive, s->io_time_recursive},
        {"sectorsRecursive", s->n_sectors_recursive, s->sectors_recursive},
    };

    FOR_ROWS (row, lists)
        json_object_object_add(json, row->key, blkio_list_json(row->n, row->entries));
    return json;
}

static json_object *hugetlb_json(const Grpc__CgroupStats *stats)
{
    json_object *json = json_object_new_object();

    for (size_t i = 0; stats && i < stats->n_hugetlb_stats; i++) {
        const Grpc__HugetlbStats *value = stats->hugetlb_stats[i]->value;
        json_object *size = json_object_new_object();
        add(size, "usage", value ? value->usage : 0);
        add(size, "max", value ? value->max_usage : 0);
        add(size, "failcnt", value ? value->failcnt : 0);
        json_object_object_add(json, stats->hugetlb_stats[i]->key, size);
    }
    return json;
}

static json_object *stats_json(const char *id, const Grpc__CgroupStats *stats)
{
    json_object *event = json_object_new_object(), *data = json_object_new_object(), *pids = json_object_new_object();
    const Grpc__PidsStats *p = stats ? stats->pids_stats : NULL;

    add(pids, "current", p ? p->current : 0);
    add(pids, "limit", p ? p->limit : 0);
    json_object_object_add(data, "cpu", cpu_json(stats ? stats->cpu_stats : NULL));
    json_object_object_add(data, "cpuset", json_object_new_object());
    json_object_object_add(data, "memory", memory_json(stats ? stats->memory_stats : NULL));
    json_object_object_add(data, "pids", pids);
    json_object_object_add(data, "blkio", blkio_json(stats ? stats->blkio_stats : NULL));
    json_object_object_add(data, "hugetlb", hugetlb_json(stats));
    json_object_object_add(data, "intel_rdt", json_object_new_object());
    json_object_object_add(data, "network_interfaces", NULL);
    json_object_object_add(event, "type", json_object_new_string("stats"));
    json_object_object_add(event, "id", json_object_new_string(id));
    json_object_object_add(event, "data", data);
    return event;
}

/* ---- the command ---- */

struct stats_work {
    struct cli *cli;
    const struct record *record;
};

static int stats_work(struct guest *guest, void *arg, struct error *err)
{
    const struct stats_work *work = arg;
    Grpc__StatsContainerRequest request = GRPC__STATS_CONTAINER_REQUEST__INIT;
    _arena_ struct arena *a = arena_new(REPLY_BYTES);
    _buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    ProtobufCMessage *reply = NULL;

    request.container_id = (char *)(uintptr_t)work->record->guest_id;
    int r = guest_call(guest, "StatsContainer", &request.base, &grpc__stats_container_response__descriptor, a, GUEST_TIMEOUT_NS,
                       &reply, err);
    if (r < 0)
        return r;
    json_object *json = stats_json(work->record->id, ((const Grpc__StatsContainerResponse *)(const void *)reply)->cgroup_stats);
    r = buf_printf(&line, "%s\n",
                   json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(json);
    return r < 0 ? error_set(err, r, "format the statistics") : cli_print(work->cli, &line);
}

/* "500ms", "5s", "1m"; a bare number is refused as Go does. */
static int parse_interval(struct cli *cli, const char *text, int *ret_ms)
{
    static const struct {
        const char *unit;
        long ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    size_t digits = strspn(text, "0123456789");
    long value = digits > 0 && digits < 7 ? strtol(text, NULL, 10) : 0;

    FOR_ROWS (row, units) {
        if (value > 0 && strcmp(text + digits, row->unit) == 0 && value <= 86400000 / row->ms) {
            *ret_ms = (int)(value * row->ms);
            return 0;
        }
    }
    return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "option --interval: '%s' is no time above 0, like 500ms or 5s",
                        text);
}

static int not_running(struct cli *cli)
{
    return error_status(&cli->err, STATUS_FAILED_PRECONDITION, "container with id %s is not running", cli->args[0]);
}

/* The end of the container ends the stream, whatever was being asked at that moment. */
static int stream(struct cli *cli, struct container *container, int pidfd, int interval_ms)
{
    struct stats_work work = {.cli = cli, .record = &container->record};
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};

    for (;;) {
        int r = container_with_guest(container, stats_work, &work, &cli->err);
        if (r < 0)
            return sys_poll(&poll, 1, 0) > 0 ? 0 : r;
        r = sys_poll(&poll, 1, interval_ms);
        if (r != 0)
            return r < 0 ? error_set(&cli->err, r, "wait for the container") : 0;
    }
}

static int run_events(struct cli *cli)
{
    const struct events_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);
    struct stats_work work = {.cli = cli, .record = &container.record};
    int interval_ms = DEFAULT_INTERVAL_MS;

    int r = options->interval ? parse_interval(cli, options->interval, &interval_ms) : 0;
    if (r == 0)
        r = cli_open(cli, false, &container);
    if (r < 0)
        return r;
    _close_ int pidfd = proc_open(&container.record.handle);
    if (pidfd < 0)
        return not_running(cli);
    return options->stats ? container_with_guest(&container, stats_work, &work, &cli->err)
                          : stream(cli, &container, pidfd, interval_ms);
}

const struct command command_events = {
    .name = "events",
    .arguments = "ID",
    .help = "print statistics as JSON, again and again",
    .min_args = 1,
    .max_args = 1,
    .options = OPTION_TABLE(events_options),
    .options_size = sizeof(struct events_options),
    .failure_code = 1,
    .run = run_events,
};
