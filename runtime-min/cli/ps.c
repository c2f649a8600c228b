/* SPDX-License-Identifier: Apache-2.0 */
/* ps ID: processes of the host. A container has one, its handle: pids of the guest mean nothing here. */
#include <string.h>

#include "runtime-min/cli/cli.h"

struct ps_options {
    const char *format;
};

static const struct option ps_options[] = {
    {"format", 'f', OPTION_TEXT, offsetof(struct ps_options, format), "FORMAT", "table or json"},
};

static int print_processes(struct cli *cli, const struct record *record, bool as_json)
{
    _buf_ struct buf text = BUF_INIT(256);
    bool is_alive = record_status(record) != CONTAINER_STOPPED && record->handle.pid > 0;

    if (as_json)
        (void)(is_alive ? buf_printf(&text, "[%d]\n", record->handle.pid) : buf_append_str(&text, "[]\n"));
    else
        (void)(is_alive ? buf_printf(&text, "PID\n%d\n", record->handle.pid) : buf_append_str(&text, "PID\n"));
    return cli_print(cli, &text);
}

static int run_ps(struct cli *cli)
{
    const struct ps_options *options = cli->options;
    const char *format = options->format ?: "table";
    _container_ struct container container = CONTAINER_INIT(cli->arena);

    bool as_json = strcmp(format, "json") == 0;
    if (!as_json && strcmp(format, "table") != 0)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "invalid format option: '%s'; table and json are possible",
                            format);
    int r = cli_open(cli, false, &container);
    return r < 0 ? r : print_processes(cli, &container.record, as_json);
}

const struct command command_ps = {
    .name = "ps",
    .arguments = "ID [ignored options of ps]",
    .help = "print the processes of a container on this host",
    .min_args = 1,
    .max_args = -1,
    .options = OPTION_TABLE(ps_options),
    .options_size = sizeof(struct ps_options),
    .failure_code = 1,
    .run = run_ps,
};
