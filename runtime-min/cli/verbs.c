/* SPDX-License-Identifier: Apache-2.0 */
/* start, kill, delete, pause, resume. */
#include <signal.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/proc.h"
#include "runtime-min/container/signals.h"

#define FORCE_LOCK_NS UINT64_C(2000000000)

static int with_lock(struct cli *cli, int (*verb)(struct container *container, struct error *err))
{
    _container_ struct container container = CONTAINER_INIT(cli->arena);

    int r = cli_open(cli, true, &container);
    return r < 0 ? r : verb(&container, &cli->err);
}

static int run_start(struct cli *cli)
{
    return with_lock(cli, container_start);
}

static int run_pause(struct cli *cli)
{
    return with_lock(cli, container_pause);
}

static int run_resume(struct cli *cli)
{
    return with_lock(cli, container_resume);
}

#define VERB(name_, help_, run_)                                                                                               \
    {                                                                                                                          \
        .name = name_, .arguments = "ID", .help = help_, .min_args = 1, .max_args = 1, .failure_code = 1, .run = run_,         \
    }

const struct command command_start = VERB("start", "run the program of a created container", run_start);
const struct command command_pause = VERB("pause", "freeze all processes of a container", run_pause);
const struct command command_resume = VERB("resume", "thaw a paused container", run_resume);

/* ---- kill ---- */

struct kill_options {
    bool all;
};

static const struct option kill_options[] = {
    {"all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL, "signal all processes; not running is no error"},
};

static int run_kill(struct cli *cli)
{
    const struct kill_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);

    int sig = signals_parse(cli->n_args > 1 ? cli->args[1] : "TERM", &cli->err);
    if (sig < 0)
        return sig;
    int r = cli_open(cli, false, &container);
    return r < 0 ? r : container_kill(&container, sig, options->all, &cli->err);
}

const struct command command_kill = {
    .name = "kill",
    .arguments = "ID [SIGNAL]",
    .help = "send a signal to the container's first process (TERM)",
    .min_args = 1,
    .max_args = 2,
    .options = OPTION_TABLE(kill_options),
    .options_size = sizeof(struct kill_options),
    .failure_code = 1,
    .run = run_kill,
};

/* ---- delete ---- */

struct delete_options {
    bool force;
};

static const struct option delete_options[] = {
    {"force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL, "kill it first; an unknown id is no error"},
};

/* The lock of a container that is to vanish. A command that is still busy with it, or stuck, is killed. */
static int lock_by_force(struct cli *cli, struct container *container)
{
    struct proc holder;

    int r = slot_lock(&container->store, &container->slot, sys_monotonic_ns() + FORCE_LOCK_NS, &cli->err);
    if (r != -ETIMEDOUT)
        return r;
    if (slot_holder(&container->slot, &holder) == 0)
        (void)proc_signal(&holder, SIGKILL);
    return slot_lock(&container->store, &container->slot, sys_monotonic_ns() + 5 * FORCE_LOCK_NS, &cli->err);
}

/* A record that cannot be read: what belongs to a container of that name is removed, as far as it is ours. */
static int delete_damaged(struct cli *cli, struct container *container)
{
    struct error err = {.errnum = 0};

    (void)machine_stop(&container->store, cli->args[0], &err);
    return slot_remove(&container->store, &container->slot, &cli->err);
}

static int delete_by_force(struct cli *cli)
{
    _container_ struct container container = CONTAINER_INIT(cli->arena);

    int r = store_check_id(cli->args[0], &cli->err);
    if (r == 0)
        r = cli_open_store(cli, false, &container.store);
    if (r == 0) {
        store_sweep(&container.store);
        r = slot_open(&container.store, cli->args[0], &container.slot, &cli->err);
        if (r == 0)
            r = lock_by_force(cli, &container);
        if (r == -ENOENT)
            return 0;
    }
    if (r < 0)
        return r;
    if (slot_read_record(cli->arena, &container.slot, &container.record, NULL) < 0)
        return delete_damaged(cli, &container);
    return container_delete(&container, true, &cli->err);
}

static int run_delete(struct cli *cli)
{
    const struct delete_options *options = cli->options;
    _container_ struct container container = CONTAINER_INIT(cli->arena);

    if (options->force)
        return delete_by_force(cli);
    int r = cli_open(cli, true, &container);
    return r < 0 ? r : container_delete(&container, false, &cli->err);
}

const struct command command_delete = {
    .name = "delete",
    .arguments = "ID",
    .help = "remove a container that has stopped or was not started",
    .min_args = 1,
    .max_args = 1,
    .options = OPTION_TABLE(delete_options),
    .options_size = sizeof(struct delete_options),
    .failure_code = 1,
    .run = run_delete,
};
