/* SPDX-License-Identifier: Apache-2.0 */
/* ps ID: processes of the host. A container has one, its handle: pids of the guest mean nothing here. */
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/text.h"

struct ps_options {
    const char *format;
};

static const struct option ps_options[] = {
    {"format", 'f', OPTION_TEXT, offsetof(struct ps_options, format), "FORMAT", "table or json"},
};

/* Columns as `ps -ef` has them: that is what callers of runc read. */
static int print_table(struct cli *cli, const struct record *record)
{
    _buf_ struct buf text = BUF_INIT(1024);
    unsigned int minute = (unsigned int)(record->created_ns / NSEC_IN_SEC / 60 % (24 * 60));
    struct proc_usage usage;

    (void)buf_append_str(&text, "UID          PID    PPID  C STIME TTY          TIME CMD\n");
    if (proc_usage(&record->handle, &usage) == 0)
        (void)buf_printf(&text, "root     %7d %7d  0 %02u:%02u ?        %02u:%02u:%02u tatami-handle %s\n", record->handle.pid,
                         usage.parent, minute / 60, minute % 60, (unsigned int)(usage.cpu_s / 3600),
                         (unsigned int)(usage.cpu_s / 60 % 60), (unsigned int)(usage.cpu_s % 60), record->id);
    return cli_print(cli, &text);
}

static int print_json(struct cli *cli, const struct record *record)
{
    _buf_ struct buf text = BUF_INIT(64);

    if (proc_is_alive(&record->handle))
        (void)buf_printf(&text, "[%d]\n", record->handle.pid);
    else
        (void)buf_append_str(&text, "[]\n");
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
    return r < 0 ? r : as_json ? print_json(cli, &container.record) : print_table(cli, &container.record);
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
