/* SPDX-License-Identifier: Apache-2.0 */
/* The program: options, command, report, exit code. */
#include <stdio.h>
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/version.h"

#define ARENA_BYTES (128 * 1024 * 1024)
#define HELP_MAX (64 * 1024)
#define STDIO 3
#define LOCK_NS UINT64_C(60000000000) /* as long as a machine may take to boot */
#define DEFAULT_ROOT "/run/tatami"

int cli_print(struct cli *cli, const struct buf *text)
{
    int r = fd_write_all(1, text->data, text->len);

    return r < 0 ? error_set(&cli->err, r, "write to standard output") : 0;
}

const char *cli_getenv(const struct cli *cli, const char *name)
{
    size_t len = strlen(name);

    for (char **entry = cli->envp; *entry; entry++) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
            return *entry + len + 1;
    }
    return NULL;
}

int cli_open_store(struct cli *cli, bool create, struct store *ret_store)
{
    const char *runtime_dir = sys_geteuid() == 0 ? NULL : cli_getenv(cli, "XDG_RUNTIME_DIR");
    const char *path = cli->globals.root;

    if (!path)
        path = runtime_dir && *runtime_dir == '/' ? arena_printf(cli->arena, "%s/tatami", runtime_dir) : DEFAULT_ROOT;
    return store_open(cli->arena, path, create, ret_store, &cli->err);
}

int cli_open(struct cli *cli, bool lock, struct container *container)
{
    int r = store_check_id(cli->args[0], &cli->err);
    if (r == 0)
        r = cli_open_store(cli, false, &container->store);
    if (r == 0)
        r = slot_open(&container->store, cli->args[0], &container->slot, &cli->err);
    if (r == 0 && lock)
        r = slot_lock(&container->store, &container->slot, sys_monotonic_ns() + LOCK_NS, &cli->err);
    return r < 0 ? r : slot_read_record(cli->arena, &container->slot, &container->record, &cli->err);
}

/* A closed standard stream would make the next file that is opened take its place. */
static void open_standard_streams(void)
{
    for (int fd = 0; fd < STDIO; fd++) {
        if (sys_fcntl(fd, F_GETFD, 0) < 0)
            (void)sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    }
    (void)sys_close_range(STDIO, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int print_help(struct cli *cli, const struct command *command)
{
    _buf_ struct buf text = BUF_INIT(HELP_MAX);

    command_print_help(command, &text);
    return cli_print(cli, &text);
}

static int print_version(struct cli *cli)
{
    _buf_ struct buf text = BUF_INIT(1024);

    (void)buf_printf(&text, "tatami version %s\ncommit: %s\nspec: %s\n", VERSION, cli->commit, OCI_VERSION_MAX);
    return cli_print(cli, &text);
}

/* Words that do not fit: the reason and where to read more. */
static int misused(struct cli *cli)
{
    char hint[64] = "";

    if (cli->command)
        snprintf(hint, sizeof(hint), " %s", cli->command->name);
    char *text = arena_strdup(cli->arena, cli->err.text);
    return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "%s%s%s; see `tatami%s --help`",
                        cli->command ? cli->command->name : "", cli->command ? ": " : "", text, hint);
}

static int check_count(struct cli *cli)
{
    const struct command *command = cli->command;

    if (cli->n_args >= command->min_args && (command->max_args < 0 || cli->n_args <= command->max_args))
        return 0;
    (void)error_status(&cli->err, STATUS_INVALID_ARGUMENT, "%d arguments given, the command takes: %s", cli->n_args,
                       *command->arguments ? command->arguments : "none");
    return misused(cli);
}

static int run_command(struct cli *cli)
{
    const struct command *command = cli->command;
    bool help = false;

    if (command->is_raw)
        return command->run(cli);
    void *options = arena_calloc(cli->arena, 1, command->options_size + 1);
    bool has_tail = command->max_args < 0; /* which is somebody else's */
    int n = has_tail ? options_parse(&command->options, cli->arena, options, cli->args, cli->n_args, &help, &cli->err)
                     : options_gather(&command->options, cli->arena, options, cli->args, cli->n_args, &help, &cli->err);
    if (n < 0)
        return misused(cli);
    if (help)
        return print_help(cli, command);
    cli->options = options;
    cli->args += has_tail ? n : 0;
    cli->n_args = has_tail ? cli->n_args - n : n;
    int r = check_count(cli);
    return r < 0 ? r : command->run(cli);
}

static int run_help(struct cli *cli)
{
    const struct command *command = cli->n_args > 0 ? command_find(cli->args[0]) : NULL;

    if (cli->n_args > 0 && !command)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "no command '%s'; see `tatami --help`", cli->args[0]);
    return print_help(cli, command);
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool help = false;

    int n = options_parse(&cli_global_options, cli->arena, &cli->globals, argv + 1, argc - 1, &help, &cli->err);
    if (n < 0)
        return misused(cli);
    int r = report_open(cli);
    if (r < 0)
        return r;
    if (help)
        return print_help(cli, NULL);
    if (cli->globals.version)
        return print_version(cli);
    cli->args = argv + 1 + n;
    cli->n_args = argc - 1 - n;
    if (cli->n_args == 0)
        return print_help(cli, NULL);
    const char *name = cli->args[0];
    cli->args++;
    cli->n_args--;
    if (strcmp(name, "help") == 0)
        return run_help(cli);
    if (strcmp(name, "version") == 0)
        return print_version(cli);
    cli->command = command_find(name);
    return cli->command ? run_command(cli)
                        : error_status(&cli->err, STATUS_INVALID_ARGUMENT, "no command '%s'; see `tatami --help`", name);
}

int cli_main(int argc, char **argv, char **envp, const char *commit)
{
    struct cli cli = {.log_fd = -1, .envp = envp, .commit = commit};

    open_standard_streams();
    (void)sys_signal(SIGPIPE, SIG_IGN);
    cli.arena = arena_new(ARENA_BYTES);
    int r = run(&cli, argc, argv);
    if (r < 0) {
        report_failure(&cli);
        cli.exit_code = cli.command ? cli.command->failure_code : 1;
    }
    fd_close(&cli.log_fd);
    arena_free(cli.arena);
    return cli.exit_code;
}
