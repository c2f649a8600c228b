/* SPDX-License-Identifier: Apache-2.0 */
/* exec: the process is given as a file, or it is the container's own with what the options change. */
#include <stdlib.h>
#include <string.h>

#include "json/json_text.h"
#include "oci/json.h"
#include "runtime-min/cli/cli.h"
#include "runtime-min/cli/foreground.h"
#include "runtime-min/container/console.h"
#include "runtime-min/container/exec.h"
#include "runtime-min/container/state.h"

#define EXIT_EXEC_FAILED 255
#define SCRATCH_BYTES (1024 * 1024)
#define RESUME_POLL_NS UINT64_C(50000000)
#define ID_MAX_VALUE (UINT32_MAX - 1) /* 4294967295 means "unchanged" to the kernel */

struct exec_options {
    const char *process;
    const char *console_socket;
    const char *pidfd_socket;
    const char *pid_file;
    const char *preserve_fds;
    const char *cwd;
    const char *user;
    const char *label;
    const char *apparmor;
    const char *cgroup;
    struct strlist env;
    struct strlist gids;
    struct strlist caps;
    bool detach;
    bool terminal;
    bool no_new_privs;
    bool ignore_paused;
};

#define AT(member) offsetof(struct exec_options, member)

static const struct option exec_options[] = {
    {"process", 'p', OPTION_TEXT, AT(process), "FILE", "process object as JSON; the command line is ignored"},
    {"detach", 'd', OPTION_FLAG, AT(detach), NULL, "return once the program runs"},
    {"pid-file", 0, OPTION_TEXT, AT(pid_file), "FILE", "gets the pid of the handle process"},
    {"console-socket", 0, OPTION_TEXT, AT(console_socket), "PATH", "unix socket that gets the terminal"},
    {"tty", 't', OPTION_FLAG, AT(terminal), NULL, "with a terminal"},
    {"cwd", 0, OPTION_TEXT, AT(cwd), "DIR", "working directory, absolute"},
    {"env", 'e', OPTION_LIST, AT(env), "NAME=VALUE", "add to the environment"},
    {"user", 'u', OPTION_TEXT, AT(user), "UID[:GID]", "numbers"},
    {"additional-gids", 'g', OPTION_LIST, AT(gids), "GID", "supplementary group"},
    {"cap", 'c', OPTION_LIST, AT(caps), "CAP_NAME",
     "add to the bounding, effective and permitted sets, and to the ambient one if it is inheritable"},
    {"no-new-privs", 0, OPTION_FLAG, AT(no_new_privs), NULL, "execve grants nothing"},
    {"ignore-paused", 0, OPTION_FLAG, AT(ignore_paused), NULL, "a paused container is waited for"},
    {"process-label", 0, OPTION_TEXT, AT(label), "LABEL", "not supported: the guest has no SELinux"},
    {"apparmor", 0, OPTION_TEXT, AT(apparmor), "PROFILE", "not supported: the guest has no AppArmor"},
    {"cgroup", 0, OPTION_TEXT, AT(cgroup), "PATH", "not supported: the program joins the group of the container"},
    {"preserve-fds", 0, OPTION_TEXT, AT(preserve_fds), "N", "only 0: descriptors cannot enter a machine"},
    {"pidfd-socket", 0, OPTION_TEXT, AT(pidfd_socket), "PATH", "unix socket that gets a pidfd of the handle process"},
};

/* ---- words to numbers ---- */

/* Digits alone, of len bytes: no sign, no blank, nothing that wraps around. */
static int parse_id(struct cli *cli, const char *option, const char *text, size_t len, uint32_t *ret_id)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len && value <= ID_MAX_VALUE; i++) {
        if (text[i] < '0' || text[i] > '9')
            value = UINT64_MAX;
        else
            value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (len == 0 || value > ID_MAX_VALUE)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "option --%s: '%.*s' is no id from 0 to %u", option, (int)len,
                            text, ID_MAX_VALUE);
    *ret_id = (uint32_t)value;
    return 0;
}

static int set_user(struct cli *cli, const char *text, struct oci_user *user)
{
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);

    int r = parse_id(cli, "user", text, len, &user->uid);
    if (r == 0 && colon)
        r = parse_id(cli, "user", colon + 1, strlen(colon + 1), &user->gid);
    user->username = NULL;
    return r;
}

static int set_groups(struct cli *cli, const struct strlist *gids, struct oci_user *user)
{
    uint32_t *ids = arena_calloc(cli->arena, gids->n, sizeof(*ids));
    int r = ids ? 0 : error_status(&cli->err, STATUS_RESOURCE_EXHAUSTED, "%zu groups are too many", gids->n);

    for (size_t i = 0; i < gids->n && r == 0; i++)
        r = parse_id(cli, "additional-gids", gids->items[i], strlen(gids->items[i]), &ids[i]);
    if (r == 0) {
        user->additional_gids = ids;
        user->n_additional_gids = gids->n;
    }
    return r;
}

static int add_caps(struct cli *cli, const struct strlist *caps, struct oci_process *process)
{
    if (!process->capabilities)
        process->capabilities = arena_alloc(cli->arena, sizeof(*process->capabilities));
    struct oci_capabilities *all = process->capabilities;
    struct strlist *sets[] = {&all->bounding, &all->effective, &all->permitted, &all->ambient};

    for (size_t i = 0; i < caps->n; i++) {
        FOR_ROWS (set, sets) {
            bool is_possible = *set != &all->ambient || strlist_contains(&all->inheritable, caps->items[i]);
            if (is_possible && !strlist_contains(*set, caps->items[i]) && strlist_add(cli->arena, *set, caps->items[i]) < 0)
                return error_status(&cli->err, STATUS_RESOURCE_EXHAUSTED, "too many capabilities");
        }
    }
    return 0;
}

static int add_env(struct cli *cli, const struct strlist *env, struct oci_process *process)
{
    for (size_t i = 0; i < env->n; i++) {
        const char *equals = strchr(env->items[i], '=');
        if (!equals || equals == env->items[i])
            return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "option --env: '%s' is not NAME=VALUE", env->items[i]);
        if (strlist_add(cli->arena, &process->env, env->items[i]) < 0)
            return error_status(&cli->err, STATUS_RESOURCE_EXHAUSTED, "the environment is too large");
    }
    return 0;
}

/* ---- the process ---- */

static int read_process(struct cli *cli, const char *path, struct oci_process **ret_process)
{
    _buf_ struct buf text = BUF_INIT(JSON_TEXT_MAX);

    int r = file_read_at(AT_FDCWD, path, &text);
    if (r < 0)
        return error_set(&cli->err, r, "open %s", path);
    r = oci_process_from_json(cli->arena, text.data ?: "", text.len, ret_process, &cli->err);
    return r < 0 ? error_wrap(&cli->err, "%s", path) : 0;
}

static int change_process(struct cli *cli, struct oci_process *process)
{
    const struct exec_options *options = cli->options;
    int r = 0;

    process->args = (struct strlist){.n = 0};
    process->terminal = options->terminal;
    process->has_console_size = options->terminal && console_caller_size(&process->console_height, &process->console_width);
    if (options->cwd)
        process->cwd = arena_strdup(cli->arena, options->cwd);
    if (options->no_new_privs)
        process->no_new_privileges = true;
    if (cli->n_args < 2)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "args must not be empty: give a command, or --process");
    if (strlist_copy(cli->arena, &process->args, cli->args + 1, (size_t)cli->n_args - 1) < 0)
        return error_status(&cli->err, STATUS_RESOURCE_EXHAUSTED, "the command is too long");
    if (options->user)
        r = set_user(cli, options->user, &process->user);
    if (r == 0 && options->gids.n > 0)
        r = set_groups(cli, &options->gids, &process->user);
    if (r == 0)
        r = add_env(cli, &options->env, process);
    return r == 0 && options->caps.n > 0 ? add_caps(cli, &options->caps, process) : r;
}

static int make_process(struct cli *cli, const struct container *container, struct oci_process **ret_process)
{
    const struct exec_options *options = cli->options;
    struct oci_spec *spec = NULL;

    if (options->process)
        return read_process(cli, options->process, ret_process);
    int r = state_read_spec(cli->arena, &container->slot, &spec, &cli->err);
    if (r == 0 && !spec->process)
        r = error_status(&cli->err, STATUS_INVALID_ARGUMENT, "process property must not be empty");
    if (r == 0)
        r = change_process(cli, spec->process);
    if (r == 0)
        *ret_process = spec->process;
    return r;
}

static int check_options(struct cli *cli)
{
    const struct exec_options *options = cli->options;
    const struct {
        const char *name, *value;
    } refused[] = {{"process-label", options->label}, {"apparmor", options->apparmor}, {"cgroup", options->cgroup}};

    FOR_ROWS (row, refused) {
        if (row->value && *row->value)
            return error_status(&cli->err, STATUS_UNIMPLEMENTED, "option --%s '%s' is not supported in a virtual machine",
                                row->name, row->value);
    }
    return cli_check_descriptors(cli, options->preserve_fds);
}

/* Other runtimes start a program that is frozen until then. */
static int wait_until_resumed(struct cli *cli, struct container *container)
{
    _arena_ struct arena *scratch = arena_new(SCRATCH_BYTES);
    struct record record = container->record;
    int r = 0;

    while (r == 0 && record_status(&record) == CONTAINER_PAUSED) {
        sys_nanosleep(RESUME_POLL_NS);
        arena_reset(scratch);
        r = slot_read_record(scratch, &container->slot, &record, &cli->err);
    }
    return r < 0 ? r : slot_read_record(cli->arena, &container->slot, &container->record, &cli->err);
}

static int run_exec(struct cli *cli)
{
    const struct exec_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);
    _handle_ struct handle handle = HANDLE_NONE;
    struct exec_args args = {
        .console_socket = options->console_socket,
        .pidfd_socket = options->pidfd_socket,
        .pid_file = options->pid_file,
        .in_foreground = !options->detach,
    };

    int r = check_options(cli);
    if (r == 0)
        r = cli_open(cli, false, &container);
    if (r == 0)
        r = make_process(cli, &container, &args.process);
    if (r == 0 && options->ignore_paused)
        r = wait_until_resumed(cli, &container);
    _close_ int signal_fd = r == 0 && !options->detach ? foreground_begin() : -1;
    if (r == 0)
        r = container_exec(&container, &args, &handle, &cli->err);
    if (r < 0)
        return error_wrap(&cli->err, "exec failed");
    handle_release(&handle);
    if (!options->detach) {
        cli->exit_code = foreground_wait(signal_fd, &handle, args.process->terminal && !options->console_socket);
        cli_explain_end(cli, &container);
    }
    return 0;
}

const struct command command_exec = {
    .name = "exec",
    .arguments = "ID [COMMAND [ARGUMENTS]]",
    .help = "run one more program in a container",
    .min_args = 1,
    .max_args = -1,
    .options = OPTION_TABLE(exec_options),
    .options_size = sizeof(struct exec_options),
    .failure_code = EXIT_EXEC_FAILED,
    .run = run_exec,
};
