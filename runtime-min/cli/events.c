/* SPDX-License-Identifier: Apache-2.0 */
/* events: statistics and OOM kills of a container, one JSON object a line, until it ends. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/sandbox/sandbox.h"

#define REPLY_BYTES (4 * 1024 * 1024)
#define LINE_MAX_BYTES (8 * 1024 * 1024)
#define DEFAULT_INTERVAL_MS 5000
#define LATE_NS (500 * NSEC_PER_MSEC) /* between two who learn of the same end */

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

/* ---- statistics ---- */

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
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
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

/* ---- until the container ends ---- */

struct stream {
    struct cli *cli;
    struct container *container;
    struct machine machine;
    struct guest guest;
    struct sandbox_oom *oom;
    int pidfd;
    int interval_ms;
    struct fiber *stats_fiber, *oom_fiber, *end_fiber;
    struct waitq ended; /* woken when one of them ends */
    bool is_over;       /* with the container, or a failure: the result */
    int result;
};

/* The end of the container fails what is being asked at that moment: it is the end, and no error. */
static void stats_fiber(void *arg)
{
    struct stream *stream = arg;
    struct loop *loop = stream->guest.loop;
    struct stats_work work = {.cli = stream->cli, .record = &stream->container->record};
    int r, cancelled = 0;

    while ((r = stats_work(&stream->guest, &work, &stream->cli->err)) == 0 && cancelled == 0)
        cancelled = fiber_sleep_until(loop, loop_deadline(loop, (uint64_t)stream->interval_ms * NSEC_PER_MSEC));
    if (r < 0 && fiber_sleep_until(loop, loop_deadline(loop, LATE_NS)) == 0) {
        stream->result = r;
        stream->is_over = true;
    }
    stream->stats_fiber = NULL;
    waitq_wake_all(&stream->ended);
}

static void oom_fiber(void *arg)
{
    struct stream *stream = arg;
    struct error err = {.errnum = 0};

    while (sandbox_oom_next(stream->oom, &err) == 0) {
        _buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
        json_object *json = json_object_new_object();
        json_object_object_add(json, "type", json_object_new_string("oom"));
        json_object_object_add(json, "id", json_object_new_string(stream->container->record.id));
        int r = buf_printf(&line, "%s\n", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
        json_object_put(json);
        if (r < 0 || cli_print(stream->cli, &line) < 0)
            break; /* statistics have the same reader, and tell */
    }
    stream->oom_fiber = NULL;
    waitq_wake_all(&stream->ended);
}

/* A kill that ended the container is told at about the same time as its end. */
static void end_fiber(void *arg)
{
    struct stream *stream = arg;
    struct loop *loop = stream->guest.loop;

    if (fiber_wait_fd(loop, stream->pidfd, EPOLLIN, NO_DEADLINE) > 0 && stream->oom_fiber)
        (void)fiber_sleep_until(loop, loop_deadline(loop, LATE_NS));
    stream->is_over = true;
    stream->end_fiber = NULL;
    waitq_wake_all(&stream->ended);
}

static int begin(struct stream *stream)
{
    const char *guest_id = stream->container->record.guest_id;
    struct loop *loop = stream->guest.loop;
    struct error *err = &stream->cli->err;

    int fd = guest_dial_agent(&stream->machine.guest, err);
    int r = fd < 0 ? fd : ttrpc_client_new(loop, fd, &stream->guest.client, err);
    if (r == 0)
        r = machine_listen_oom(&stream->machine, loop, guest_id, &stream->oom, err);
    if (r == 0 && stream->oom)
        r = fiber_start(loop, "oom", oom_fiber, stream, &stream->oom_fiber);
    if (r == 0)
        r = fiber_start(loop, "stats", stats_fiber, stream, &stream->stats_fiber);
    if (r == 0)
        r = fiber_start(loop, "end", end_fiber, stream, &stream->end_fiber);
    return r;
}

static void end(struct stream *stream)
{
    struct fiber *const fibers[] = {stream->stats_fiber, stream->oom_fiber, stream->end_fiber};

    for (size_t i = 0; i < ARRAY_SIZE(fibers); i++) {
        if (fibers[i])
            fiber_cancel(fibers[i]);
    }
    while (stream->stats_fiber || stream->oom_fiber || stream->end_fiber)
        (void)waitq_wait(stream->guest.loop, &stream->ended, NO_DEADLINE);
    sandbox_oom_close(stream->oom);
    ttrpc_client_free(stream->guest.client);
}

static void life_fiber(void *arg)
{
    struct stream *stream = arg;

    int r = begin(stream);
    if (r < 0)
        stream->result = r;
    while (r == 0 && !stream->is_over)
        (void)waitq_wait(stream->guest.loop, &stream->ended, NO_DEADLINE);
    end(stream);
    loop_stop(stream->guest.loop);
}

static int run_stream(struct stream *stream, struct error *err)
{
    struct container *container = stream->container;

    waitq_init(&stream->ended);
    int r = machine_find(stream->cli->arena, &container->store, container->record.sandbox_id, &stream->machine, err);
    if (r == 0)
        r = loop_new(&stream->guest.loop, err);
    if (r == 0)
        r = fiber_start(stream->guest.loop, "events", life_fiber, stream, NULL);
    if (r == 0)
        r = loop_run(stream->guest.loop, err);
    loop_free(stream->guest.loop);
    machine_close(&stream->machine);
    return r < 0 ? r : stream->result;
}

/* ---- the command ---- */

static int run_events(struct cli *cli)
{
    const struct events_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);
    struct stats_work work = {.cli = cli, .record = &container.record};
    struct stream stream = {.cli = cli, .container = &container, .machine = MACHINE_NONE, .interval_ms = DEFAULT_INTERVAL_MS};

    int r = options->interval ? parse_interval(cli, options->interval, &stream.interval_ms) : 0;
    if (r == 0)
        r = cli_open(cli, false, &container);
    if (r < 0)
        return r;
    _close_ int pidfd = proc_open(&container.record.handle);
    if (pidfd < 0)
        return not_running(cli);
    stream.pidfd = pidfd;
    return options->stats ? container_with_guest(&container, stats_work, &work, &cli->err) : run_stream(&stream, &cli->err);
}

const struct command command_events = {
    .name = "events",
    .arguments = "ID",
    .help = "print statistics and OOM kills as JSON, until it ends",
    .min_args = 1,
    .max_args = 1,
    .options = OPTION_TABLE(events_options),
    .options_size = sizeof(struct events_options),
    .failure_code = 1,
    .run = run_events,
};
