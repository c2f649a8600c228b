/* SPDX-License-Identifier: Apache-2.0 */
/* tatami: the command line of an OCI runtime whose containers run in virtual machines.
 *
 * A command is a row (struct command): its options as data and one function. It fails with one error, which the program prints
 * and logs once, and is silent on success: callers parse what it prints. */
#pragma once
#include <stdbool.h>

#include "runtime-min/cli/options.h"
#include "runtime-min/container/container.h"

/* Options in front of the command. */
struct globals {
    const char *root;
    const char *config;
    const char *log;
    const char *log_format;
    const char *cgroup_manager;
    bool debug;
    bool version;
};

struct cli {
    struct globals globals;
    int log_fd; /* -1: no --log */
    bool logs_json;
    const char *commit;            /* the source the program was built from */
    const struct command *command; /* NULL while its name is not known */
    const void *options;           /* the command's own struct */
    char **args;                   /* words behind the options; args[n_args] is NULL */
    int n_args;
    char **envp;
    struct arena *arena; /* lives as long as the command */
    int exit_code;       /* set by a command that succeeded */
    struct error err;
};

struct command {
    const char *name;
    const char *arguments;
    const char *help;
    int min_args, max_args;
    struct option_table options;
    size_t options_size;
    int failure_code;            /* exit code of a failure */
    bool is_raw;                 /* gets all words unread, --help too */
    int (*run)(struct cli *cli); /* 0, or a negative errno with cli->err filled */
};

/* ---- the table ---- */

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);
/* Help of one command, or of the program for NULL. */
void command_print_help(const struct command *command, struct buf *out);
extern const struct option_table cli_global_options;

extern const struct command command_check, command_create, command_delete, command_events, command_exec, command_features,
    command_kill, command_list, command_pause, command_ps, command_resume, command_run, command_spec, command_start,
    command_state, command_update;

/* ---- shared by commands ---- */

/* Opens --root, or the default directory: /run/tatami, for others than root $XDG_RUNTIME_DIR/tatami. */
int cli_open_store(struct cli *cli, bool create, struct store *ret_store);
/* Opens the container args[0]; its lock is taken when the command changes it. The caller closes it, also after a failure. */
int cli_open(struct cli *cli, bool lock, struct container *container);
/* Refuses --preserve-fds above 0. */
int cli_check_descriptors(struct cli *cli, const char *preserve_fds);
/* After a foreground command's process has ended: when that was because its machine died, says so; the exit code stays. */
void cli_explain_end(struct cli *cli, struct container *container);
/* Writes all of it to standard output. */
int cli_print(struct cli *cli, const struct buf *text);
/* Value of an environment variable of the program, or NULL. */
const char *cli_getenv(const struct cli *cli, const char *name);

/* ---- reports ---- */

/* Opens --log and checks --log-format. */
int report_open(struct cli *cli);
/* The one message of a failure: to standard error and, with --log, as a line of the log. */
void report_failure(const struct cli *cli);
/* The same for what does not end the command: only with --log, at level warning. */
void report_warning(const struct cli *cli, const struct error *err);

/* The whole program: returns its exit code. */
int cli_main(int argc, char **argv, char **envp, const char *commit);
