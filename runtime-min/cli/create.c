/* SPDX-License-Identifier: Apache-2.0 */
/* create, run. */
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/cli/foreground.h"

struct create_options {
    const char *bundle;
    const char *config;
    const char *console_socket;
    const char *pidfd_socket;
    const char *pid_file;
    const char *preserve_fds;
    bool detach;
    bool keep;
};

#define AT(member) offsetof(struct create_options, member)
#define CREATE_OPTIONS                                                                                                         \
    {"bundle", 'b', OPTION_TEXT, AT(bundle), "DIR", "directory with config.json (.)"},                                         \
        {"config", 'f', OPTION_TEXT, AT(config), "FILE", "name of config.json"},                                               \
        {"console-socket", 0, OPTION_TEXT, AT(console_socket), "PATH", "unix socket that gets the terminal"},                  \
        {"pid-file", 0, OPTION_TEXT, AT(pid_file), "FILE", "gets the pid of the handle process"},                              \
        {"preserve-fds", 0, OPTION_TEXT, AT(preserve_fds), "N", "only 0: descriptors cannot enter a machine"},                 \
        {"pidfd-socket", 0, OPTION_TEXT, AT(pidfd_socket), "PATH", "unix socket that gets a pidfd of the handle process"},     \
        {"no-pivot", 0, OPTION_IGNORED_FLAG, 0, NULL, "accepted"},                                                             \
        {"no-new-keyring", 0, OPTION_IGNORED_FLAG, 0, NULL, "accepted"},

static const struct option create_options[] = {CREATE_OPTIONS};

static const struct option run_options[] = {
    CREATE_OPTIONS{"detach", 'd', OPTION_FLAG, AT(detach), NULL, "return once the program runs"},
    {"no-subreaper", 0, OPTION_IGNORED_FLAG, 0, NULL, "accepted"},
    {"keep", 0, OPTION_FLAG, AT(keep), NULL, "do not delete the container afterwards"},
};

int cli_check_descriptors(struct cli *cli, const char *preserve_fds)
{
    if (preserve_fds && preserve_fds[strspn(preserve_fds, "0")] != '\0')
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT,
                            "option --preserve-fds %s: open files of this host cannot enter a virtual machine", preserve_fds);
    return 0;
}

/* Who ends the command wants no container. */
static int interrupted(struct cli *cli, struct container *container, struct handle *handle, int sig)
{
    const struct create_options *options = cli->options;

    if (sig == 0)
        return 0;
    handle_done(handle);
    *handle = HANDLE_NONE;
    (void)container_delete(container, true, NULL);
    if (options->pid_file)
        (void)sys_unlinkat(AT_FDCWD, options->pid_file, 0);
    return error_text(&cli->err, -EINTR, "ended by signal %d; the container was not created", sig);
}

static int create(struct cli *cli, bool in_foreground, struct container *container, struct handle *ret_handle)
{
    const struct create_options *options = cli->options;
    struct create_args args = {
        .id = cli->args[0],
        .bundle = options->bundle ?: ".",
        .config = options->config,
        .runtime_config = cli->globals.config,
        .console_socket = options->console_socket,
        .pidfd_socket = options->pidfd_socket,
        .pid_file = options->pid_file,
        .in_foreground = in_foreground,
        .without_group = cli->globals.cgroup_manager && strcmp(cli->globals.cgroup_manager, "disabled") == 0,
    };

    int r = cli_check_descriptors(cli, options->preserve_fds);
    if (r == 0)
        r = store_check_id(args.id, &cli->err);
    if (r == 0)
        r = cli_open_store(cli, true, &container->store);
    if (r < 0)
        return r;
    _close_ int signal_fd = foreground_defer_end();
    r = container_create(container, &args, ret_handle, &cli->err);
    if (r == 0 && container->warning.errnum)
        report_warning(cli, &container->warning);
    return r < 0 ? r : interrupted(cli, container, ret_handle, foreground_deferred_end(signal_fd));
}

static int run_create(struct cli *cli)
{
    _container_ struct container container = CONTAINER_INIT(cli->arena);
    _handle_ struct handle handle = HANDLE_NONE;

    int r = create(cli, false, &container, &handle);
    if (r == 0)
        handle_release(&handle);
    return r;
}

const struct command command_create = {
    .name = "create",
    .arguments = "ID",
    .help = "create a container from a bundle",
    .min_args = 1,
    .max_args = 1,
    .options = OPTION_TABLE(create_options),
    .options_size = sizeof(struct create_options),
    .failure_code = 1,
    .run = run_create,
};

/* ---- run ---- */

/* The container goes with its program; what fails then is told, but the program's exit code counts. */
static int finish(struct cli *cli, struct container *container, bool keep)
{
    struct error err = {.errnum = 0};

    int r = keep ? 0 : slot_lock(&container->store, &container->slot, sys_monotonic_ns() + NSEC_PER_SEC, &err);
    if (r == 0 && !keep)
        r = container_delete(container, true, &err);
    if (r < 0 && err.status != STATUS_NOT_FOUND)
        report_warning(cli, &err);
    return 0;
}

static int run_run(struct cli *cli)
{
    const struct create_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);
    _handle_ struct handle handle = HANDLE_NONE;

    int r = create(cli, !options->detach, &container, &handle);
    if (r < 0)
        return r;
    _close_ int signal_fd = options->detach ? -1 : foreground_begin();
    r = container_start(&container, &cli->err);
    if (r < 0) {
        struct error first = cli->err;
        (void)container_delete(&container, true, NULL);
        cli->err = first;
        return r;
    }
    handle_release(&handle);
    if (options->detach)
        return 0;
    fd_close(&container.slot.lock_fd); /* others may work with it now */
    cli->exit_code = foreground_wait(signal_fd, &handle, container.record.terminal && !options->console_socket);
    cli_explain_end(cli, &container);
    return finish(cli, &container, options->keep);
}

const struct command command_run = {
    .name = "run",
    .arguments = "ID",
    .help = "create, start, wait, delete; exits with the program's code",
    .min_args = 1,
    .max_args = 1,
    .options = OPTION_TABLE(run_options),
    .options_size = sizeof(struct create_options),
    .failure_code = 1,
    .run = run_run,
};
