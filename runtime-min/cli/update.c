/* SPDX-License-Identifier: Apache-2.0 */
/* update: new limits, as JSON or as options. */
#include <stdlib.h>
#include <string.h>

#include "json/json_text.h"
#include "oci/json.h"
#include "oci/wire.h"
#include "runtime-min/cli/cli.h"
#include "runtime-min/container/guest_spec.h"

struct update_options {
    const char *resources;
    const char *memory;
    const char *memory_reservation;
    const char *memory_swap;
    const char *cpu_period;
    const char *cpu_quota;
    const char *cpu_share;
    const char *pids_limit;
    const char *l3_schema;
    const char *mem_bw_schema;
};

#define AT(member) offsetof(struct update_options, member)

static const struct option update_options[] = {
    {"resources", 'r', OPTION_TEXT, AT(resources), "FILE", "linux.resources as JSON, - for standard input"},
    {"memory", 0, OPTION_TEXT, AT(memory), "BYTES", "limit, -1: none; units like 64M"},
    {"memory-reservation", 0, OPTION_TEXT, AT(memory_reservation), "BYTES", "soft limit"},
    {"memory-swap", 0, OPTION_TEXT, AT(memory_swap), "BYTES", "limit of memory and swap together"},
    {"cpu-period", 0, OPTION_TEXT, AT(cpu_period), "US", "period of the quota"},
    {"cpu-quota", 0, OPTION_TEXT, AT(cpu_quota), "US", "time in a period, -1: no limit"},
    {"cpu-share", 0, OPTION_TEXT, AT(cpu_share), "N", "relative weight"},
    {"pids-limit", 0, OPTION_TEXT, AT(pids_limit), "N", "number of processes, -1: no limit"},
    {"kernel-memory", 0, OPTION_IGNORED_TEXT, 0, "BYTES", "accepted"},
    {"kernel-memory-tcp", 0, OPTION_IGNORED_TEXT, 0, "BYTES", "accepted"},
    {"cpuset-cpus", 0, OPTION_IGNORED_TEXT, 0, "LIST", "accepted: the machine has CPUs of its own"},
    {"cpuset-mems", 0, OPTION_IGNORED_TEXT, 0, "LIST", "accepted"},
    {"blkio-weight", 0, OPTION_IGNORED_TEXT, 0, "N", "accepted"},
    {"cpu-burst", 0, OPTION_IGNORED_TEXT, 0, "US", "accepted"},
    {"cpu-idle", 0, OPTION_IGNORED_TEXT, 0, "N", "accepted"},
    {"cpu-rt-period", 0, OPTION_IGNORED_TEXT, 0, "US", "accepted"},
    {"cpu-rt-runtime", 0, OPTION_IGNORED_TEXT, 0, "US", "accepted"},
    {"l3-cache-schema", 0, OPTION_TEXT, AT(l3_schema), "TEXT", "not supported"},
    {"mem-bw-schema", 0, OPTION_TEXT, AT(mem_bw_schema), "TEXT", "not supported"},
};

/* A whole number of at most 2^53 with a unit of bytes, or -1. */
static int parse_number(struct cli *cli, const char *option, const char *text, bool takes_unit, int64_t *ret_value)
{
    static const char units[] = "bkmgt";
    size_t digits = strspn(text, "0123456789");
    const char *unit = takes_unit && digits > 0 && text[digits] ? strchr(units, text[digits] | 0x20) : NULL;
    unsigned int shift = unit ? (unsigned int)(unit - units) * 10 : 0;
    size_t end = digits + (unit != NULL);

    if (strcmp(text, "-1") == 0) {
        *ret_value = -1;
        return 0;
    }
    if (unit && shift > 0 && (text[end] == 'b' || text[end] == 'B'))
        end++;
    int64_t value = digits > 0 && digits < 17 ? strtoll(text, NULL, 10) : -1;
    if (value < 0 || text[end] != '\0' || value > INT64_MAX >> shift)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "option --%s: '%s' is no number%s", option, text,
                            takes_unit ? " of bytes, like 64M" : "");
    *ret_value = value << shift;
    return 0;
}

static int set_limit(struct cli *cli, const char *option, const char *text, bool takes_unit, struct opt_i64 *limit)
{
    if (!text)
        return 0;
    limit->set = true;
    return parse_number(cli, option, text, takes_unit, &limit->value);
}

static int set_amount(struct cli *cli, const char *option, const char *text, struct opt_u64 *amount)
{
    struct opt_i64 value = {.set = false};

    int r = set_limit(cli, option, text, false, &value);
    if (r == 0 && value.set && value.value < 0)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "option --%s: '%s' is below 0", option, text);
    if (r == 0 && value.set)
        *amount = (struct opt_u64){.set = true, .value = (uint64_t)value.value};
    return r;
}

static int resources_from_options(struct cli *cli, struct oci_resources **ret_resources)
{
    const struct update_options *options = cli->options;
    struct oci_resources *resources = arena_alloc(cli->arena, sizeof(*resources));
    struct oci_memory *memory = arena_alloc(cli->arena, sizeof(*memory));
    struct oci_cpu *cpu = arena_alloc(cli->arena, sizeof(*cpu));

    int r = set_limit(cli, "memory", options->memory, true, &memory->limit);
    if (r == 0)
        r = set_limit(cli, "memory-reservation", options->memory_reservation, true, &memory->reservation);
    if (r == 0)
        r = set_limit(cli, "memory-swap", options->memory_swap, true, &memory->swap);
    if (r == 0)
        r = set_limit(cli, "cpu-quota", options->cpu_quota, false, &cpu->quota);
    if (r == 0)
        r = set_amount(cli, "cpu-period", options->cpu_period, &cpu->period);
    if (r == 0)
        r = set_amount(cli, "cpu-share", options->cpu_share, &cpu->shares);
    if (r == 0)
        r = set_limit(cli, "pids-limit", options->pids_limit, false, &resources->pids_limit);
    if (r < 0)
        return r;
    if (memory->limit.set || memory->reservation.set || memory->swap.set)
        resources->memory = memory;
    if (cpu->quota.set || cpu->period.set || cpu->shares.set)
        resources->cpu = cpu;
    *ret_resources = resources;
    return 0;
}

static int read_resources(struct cli *cli, const char *path, struct oci_resources **ret_resources)
{
    _buf_ struct buf text = BUF_INIT(JSON_TEXT_MAX);
    bool is_stdin = strcmp(path, "-") == 0;

    int r = is_stdin ? fd_read_all(0, &text) : file_read_at(AT_FDCWD, path, &text);
    if (r == -EMSGSIZE)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "resources of more than %d bytes", JSON_TEXT_MAX);
    if (r < 0)
        return error_set(&cli->err, r, "read resources from %s", is_stdin ? "standard input" : path);
    r = oci_resources_from_json(cli->arena, text.data ?: "", text.len, ret_resources, &cli->err);
    return r < 0 ? error_wrap(&cli->err, "resources") : 0;
}

struct update_work {
    const char *guest_id;
    Grpc__LinuxResources *wire;
};

static int update_work(struct guest *guest, void *arg, struct error *err)
{
    const struct update_work *work = arg;

    return guest_update(guest, work->guest_id, work->wire, err);
}

static int update(struct cli *cli, struct container *container, struct oci_resources *resources)
{
    struct update_work work = {.guest_id = container->record.guest_id};
    enum status_kind status = record_status(&container->record);

    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
        return error_status(&cli->err, STATUS_FAILED_PRECONDITION, "container not running: it is %s", status_word(status));
    guest_spec_prepare_resources(resources);
    int r = oci_resources_to_wire(cli->arena, resources, &work.wire, &cli->err);
    return r < 0 ? r : container_with_guest(container, update_work, &work, &cli->err);
}

static int run_update(struct cli *cli)
{
    const struct update_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);
    struct oci_resources *resources = NULL;

    if (options->l3_schema || options->mem_bw_schema)
        return error_status(&cli->err, STATUS_UNIMPLEMENTED, "intelRdt is not supported in a virtual machine");
    int r = options->resources ? read_resources(cli, options->resources, &resources) : resources_from_options(cli, &resources);
    if (r == 0)
        r = cli_open(cli, true, &container);
    return r < 0 ? r : update(cli, &container, resources);
}

const struct command command_update = {
    .name = "update",
    .arguments = "ID",
    .help = "change the limits of a container",
    .min_args = 1,
    .max_args = 1,
    .options = OPTION_TABLE(update_options),
    .options_size = sizeof(struct update_options),
    .failure_code = 1,
    .run = run_update,
};
