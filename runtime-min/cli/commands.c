/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and what is not worth a file. */
#include <string.h>

#include "runtime-min/cli/cli.h"

/* A virtual machine cannot be frozen into what CRIU writes. Callers probe these two with --help and with a missing argument, so
 * they answer before they look at a word. */
static int run_unsupported(struct cli *cli)
{
    return error_status(&cli->err, STATUS_UNIMPLEMENTED, "%s is not supported: the container runs in a virtual machine",
                        cli->command->name);
}

static const struct command command_checkpoint = {
    .name = "checkpoint",
    .arguments = "",
    .help = "not supported",
    .is_raw = true,
    .failure_code = 1,
    .run = run_unsupported,
};

static const struct command command_restore = {
    .name = "restore",
    .arguments = "",
    .help = "not supported",
    .is_raw = true,
    .failure_code = 1,
    .run = run_unsupported,
};

static const struct command *const commands[] = {
    &command_create, &command_start, &command_state,    &command_kill,  &command_delete,     &command_run,
    &command_exec,   &command_ps,    &command_list,     &command_pause, &command_resume,     &command_update,
    &command_events, &command_spec,  &command_features, &command_check, &command_checkpoint, &command_restore,
};

const struct command *command_find(const char *name)
{
    FOR_ROWS (command, commands) {
        if (strcmp((*command)->name, name) == 0)
            return *command;
    }
    return NULL;
}

/* ---- global options ---- */

#define GLOBAL(member) offsetof(struct globals, member)

static const struct option global_options[] = {
    {"root", 0, OPTION_TEXT, GLOBAL(root), "DIR", "where containers are kept (/run/tatami)"},
    {"config", 0, OPTION_TEXT, GLOBAL(config), "FILE", "configuration of machines (/etc/tatami/runtime.toml)"},
    {"log", 0, OPTION_TEXT, GLOBAL(log), "FILE", "append errors to FILE"},
    {"log-format", 0, OPTION_TEXT, GLOBAL(log_format), "FORMAT", "text or json"},
    {"log-level", 0, OPTION_IGNORED_TEXT, 0, "LEVEL", "accepted"},
    {"debug", 0, OPTION_FLAG, GLOBAL(debug), NULL, "log warnings, too"},
    {"systemd-cgroup", 0, OPTION_IGNORED_FLAG, 0, NULL, "accepted: the form of cgroupsPath tells"},
    {"cgroup-manager", 0, OPTION_TEXT, GLOBAL(cgroup_manager), "NAME",
     "disabled: no control group of the host; others: accepted"},
    {"rootless", 0, OPTION_IGNORED_TEXT, 0, "WORD", "accepted"},
    {"criu", 0, OPTION_IGNORED_TEXT, 0, "PATH", "accepted"},
    {"version", 'v', OPTION_FLAG, GLOBAL(version), NULL, "print the version"},
};

const struct option_table cli_global_options = OPTION_TABLE(global_options);

/* ---- help ---- */

static void print_program_help(struct buf *out)
{
    (void)buf_append_str(out, "usage: tatami [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
    FOR_ROWS (command, commands)
        (void)buf_printf(out, "  %-11s %-28s %s\n", (*command)->name, (*command)->arguments, (*command)->help);
    (void)buf_append_str(out, "\nOptions:\n");
    options_print(&cli_global_options, out);
}

void command_print_help(const struct command *command, struct buf *out)
{
    if (!command) {
        print_program_help(out);
        return;
    }
    (void)buf_printf(out, "usage: tatami %s%s%s%s\n\n%s\n", command->name, command->options.n ? " [OPTIONS]" : "",
                     *command->arguments ? " " : "", command->arguments, command->help);
    if (command->options.n > 0)
        (void)buf_append_str(out, "\nOptions:\n");
    options_print(&command->options, out);
}
