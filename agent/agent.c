/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration to a serving agent, and back. */
#include "agent/agent.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>

#include "agent/container/container.h"
#include "agent/guest/peer.h"
#include "agent/guest/root.h"
#include "agent/rpc/rpc.h"
#include "sys/fd.h"
#include "ttrpc/address.h"

#define CONNECTIONS_MAX 512 /* a host may have one for each process */
#define SHUTDOWN_TIMEOUT (10 * NSEC_PER_SEC)

/* ---- where it runs ---- */

static int open_proc(int *ret_fd, struct error *err)
{
    _close_ int fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    struct statfs st;

    int r = fd < 0 ? fd : sys_fstatfs(fd, &st);
    if (r < 0)
        return error_set(err, r, "open /proc");
    if (st.f_type != PROC_SUPER_MAGIC)
        return error_text(err, -ENODEV, "/proc is not a proc file system");
    *ret_fd = fd_take(&fd);
    return 0;
}

/* The directory of the bundles. Only the agent lists it; the root of a container's user namespace passes through. */
static int open_base(const char *path, int *ret_fd, struct error *err)
{
    int r = sys_mkdirat(AT_FDCWD, path, 0711);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "create the base directory '%s'", path);
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open the base directory '%s'", path);
    *ret_fd = fd;
    return 0;
}

/* ---- life ---- */

static int serve(struct agent *agent, const char *address_text, struct error *err)
{
    struct ttrpc_server_options options = {
        .profile = TTRPC_PROFILE_AGENT,
        .context = agent,
        .max_connections = CONNECTIONS_MAX,
    };
    struct address address;

    options.methods = rpc_methods(&options.n_methods);
    int r = ttrpc_server_new(agent->loop, &options, &agent->server, err);
    if (r == 0)
        r = address_parse(address_text, &address, err);
    if (r < 0)
        return r;
    int fd = address_listen(&address, err);
    if (fd < 0)
        return fd;
    return ttrpc_server_listen(agent->server, fd, address.kind == ADDRESS_VSOCK ? peer_is_host : NULL, err);
}

int agent_init(struct agent *agent, const struct agent_setup *setup, struct error *err)
{
    *agent = (struct agent){
        .loop = setup->loop,
        .log = setup->log,
        .options = setup->options,
        .config = *setup->config,
        .seccomp_cache = seccomp_cache_new(),
        .proc_fd = -1,
        .base_fd = -1,
        .is_init = sys_getpid() == 1,
    };
    waitq_init(&agent->stop);
    sandbox_init(&agent->sandbox);
    storages_init(&agent->storages);

    int r = root_is_bare(err);
    agent->no_pivot = r > 0;
    if (r >= 0)
        r = open_proc(&agent->proc_fd, err);
    if (r == 0)
        r = open_base(setup->options->base_dir, &agent->base_fd, err);
    if (r == 0)
        r = reaper_new(agent->loop, &agent->reaper, err);
    if (r == 0)
        r = cgroup_host_open(agent->loop, setup->options->cgroup_root, &agent->cgroup_host, err);
    if (r == 0) {
        cgroup_host_set_log(agent->cgroup_host, agent->log);
        r = serve(agent, setup->options->server_addr ?: agent->config.server_addr, err);
    }
    if (r < 0)
        agent_done(agent);
    return r;
}

void agent_done(struct agent *agent)
{
    ttrpc_server_free(agent->server);
    agent->server = NULL;
    sandbox_done(&agent->sandbox);
    storages_done(&agent->storages);
    cgroup_host_free(agent->cgroup_host);
    reaper_free(agent->reaper);
    seccomp_cache_free(agent->seccomp_cache);
    fd_close(&agent->proc_fd);
    fd_close(&agent->base_fd);
}

void agent_stop(struct agent *agent)
{
    agent->stopping = true;
    waitq_wake_all(&agent->stop);
}

static void remove_containers(struct agent *agent)
{
    struct list *containers = &agent->sandbox.containers;

    while (!list_is_empty(containers)) {
        struct error err = {.errnum = 0};
        struct container *container = CONTAINER_OF(containers->next, struct container, link);
        if (container_remove(container, NO_DEADLINE, &err) < 0) {
            log_error(agent->log, "agent", "remove container at the end: %s", err.text);
            container_abandon(container);
        }
    }
}

static void start_debug_console(struct agent *agent)
{
    struct error err = {.errnum = 0};

    if (agent->config.debug_console && debug_console_start(&agent->debug_console, agent->reaper, agent->log,
                                                           (uint32_t)agent->config.debug_console_vport, &err) < 0)
        log_error(agent->log, "debug-console", "%s", err.text);
}

void agent_run(void *arg)
{
    struct agent *agent = arg;

    if (agent->is_init && modules_late_start(&agent->modules, agent->reaper, agent->log) < 0)
        log_warning(agent->log, "agent", "no fiber to load kernel modules");
    start_debug_console(agent);
    while (!agent->stopping)
        (void)waitq_wait(agent->loop, &agent->stop, NO_DEADLINE);
    modules_late_stop(&agent->modules);
    debug_console_stop(&agent->debug_console);
    ttrpc_server_shutdown(agent->server, loop_deadline(agent->loop, SHUTDOWN_TIMEOUT), true);
    remove_containers(agent);
    if (!agent->is_init) /* else the machine goes, and with it what is mounted */
        storages_detach(&agent->storages, agent->log);
    loop_stop(agent->loop);
}
