/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/sandbox.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/container/container.h"
#include "agent/sandbox/guest_hooks.h"
#include "sys/fd.h"

#define HOOKS_ARENA_BYTES (256 * 1024)

void sandbox_init(struct sandbox *sandbox)
{
    *sandbox = (struct sandbox){.ipc_fd = -1, .uts_fd = -1, .pid_fd = -1};
    list_init(&sandbox->containers);
    oom_queue_init(&sandbox->oom);
}

void sandbox_done(struct sandbox *sandbox)
{
    fd_close(&sandbox->ipc_fd);
    fd_close(&sandbox->uts_fd);
    fd_close(&sandbox->pid_fd);
    free(sandbox->id);
    free(sandbox->hostname);
    arena_free(sandbox->hooks_arena);
    oom_queue_done(&sandbox->oom);
}

/* ---- shared namespaces ---- */

/* A short-lived process that is born in the new namespaces and stays until it is killed: by then the agent has pinned them. */
struct namespace_keeper {
    int socket; /* the keeper's end */
    int other;  /* the agent's, of which the keeper has a copy: once it is closed, the agent's own close ends the keeper too */
    const char *hostname;
};

static int keeper_run(void *arg)
{
    const struct namespace_keeper *keeper = arg;
    int socket = keeper->socket;
    char byte = 0;

    (void)sys_close(keeper->other);
    if (*keeper->hostname && sys_sethostname(keeper->hostname, strlen(keeper->hostname)) < 0)
        return 1;
    if (sys_write(socket, &byte, 1) != 1)
        return 1;
    (void)sys_read(socket, &byte, 1);
    return 0;
}

static int open_namespace(int pid, const char *name, struct error *err)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open %s", path);
    return fd;
}

/* Waits until the keeper has set the host name, then opens its namespaces. */
static int keeper_pin(struct loop *loop, int socket, int pid, int *ret_ipc, int *ret_uts, struct error *err)
{
    char byte;

    int r = fiber_wait_fd(loop, socket, EPOLLIN, NO_DEADLINE);
    if (r < 0)
        return error_set(err, r, "wait for the namespace keeper");
    if (sys_read(socket, &byte, 1) != 1)
        return error_text(err, -EIO, "set the host name of the UTS namespace");

    _close_ int ipc = open_namespace(pid, "ipc", err);
    if (ipc < 0)
        return error_wrap(err, "setup persistent IPC namespace");
    int uts = open_namespace(pid, "uts", err);
    if (uts < 0)
        return error_wrap(err, "setup persistent UTS namespace");
    *ret_ipc = fd_take(&ipc);
    *ret_uts = uts;
    return 0;
}

static int make_shared_namespaces(struct reaper *reaper, const char *hostname, int *ret_ipc, int *ret_uts, struct error *err)
{
    int fds[2];

    int r = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    if (r < 0)
        return error_set(err, r, "setup persistent IPC namespace: socket pair");
    _close_ int own = fds[0];
    _close_ int theirs = fds[1];

    struct namespace_keeper keeper = {.socket = theirs, .other = own, .hostname = hostname};
    struct sys_spawn args = {.flags = CLONE_NEWIPC | CLONE_NEWUTS, .cgroup_fd = -1};
    struct child *child;
    r = reaper_spawn(reaper, &args, keeper_run, &keeper, &child, err);
    if (r < 0)
        return error_wrap(err, "setup persistent IPC namespace");
    fd_close(&theirs);
    r = keeper_pin(reaper_loop(reaper), own, child->pid, ret_ipc, ret_uts, err);
    child_free(child);
    return r;
}

static void replace_string(char **p, const char *value)
{
    char *copy = strdup(value);
    if (!copy)
        abort();
    free(*p);
    *p = copy;
}

int sandbox_create(struct sandbox *sandbox, struct reaper *reaper, const char *id, const char *hostname, struct error *err)
{
    int ipc = -1, uts = -1;

    int r = make_shared_namespaces(reaper, hostname, &ipc, &uts, err);
    if (r < 0)
        return r;
    fd_replace(&sandbox->ipc_fd, ipc);
    fd_replace(&sandbox->uts_fd, uts);
    if (*id || !sandbox->id)
        replace_string(&sandbox->id, id);
    replace_string(&sandbox->hostname, hostname);
    sandbox->running = true;
    return 0;
}

void sandbox_find_hooks(struct sandbox *sandbox, const char *path, const struct logger *log)
{
    arena_free(sandbox->hooks_arena);
    sandbox->hooks_arena = arena_new(HOOKS_ARENA_BYTES);
    guest_hooks_find(sandbox->hooks_arena, path, log, &sandbox->hooks);
}

/* ---- namespaces of a container ---- */

static char *fd_path(struct arena *a, int fd)
{
    return arena_printf(a, "/proc/self/fd/%d", fd);
}

static char *shared_path(const struct sandbox *sandbox, struct arena *a, const struct oci_namespace *ns)
{
    if (ns->type == OCI_NS_IPC)
        return sandbox->ipc_fd >= 0 ? fd_path(a, sandbox->ipc_fd) : NULL;
    if (ns->type == OCI_NS_UTS)
        return sandbox->uts_fd >= 0 ? fd_path(a, sandbox->uts_fd) : NULL;
    return ns->path;
}

int sandbox_share_namespaces(const struct sandbox *sandbox, struct arena *a, struct oci_linux *linux_, bool share_pid,
                             struct error *err)
{
    if (linux_->n_namespaces == 0)
        return error_text(err, -EINVAL, "cannot find the pid ns");
    if (share_pid && sandbox->pid_fd < 0 && !list_is_empty(&sandbox->containers))
        return error_text(err, -EINVAL, "Sandbox does not have sandbox_pidns");

    struct oci_namespace *namespaces = arena_calloc(a, linux_->n_namespaces + 1, sizeof(*namespaces));
    size_t n = 0;
    for (size_t i = 0; namespaces && i < linux_->n_namespaces; i++) {
        const struct oci_namespace *ns = &linux_->namespaces[i];
        if (ns->type != OCI_NS_PID)
            namespaces[n++] = (struct oci_namespace){.type = ns->type, .path = shared_path(sandbox, a, ns)};
    }
    if (namespaces) {
        bool shared = share_pid && sandbox->pid_fd >= 0;
        namespaces[n++] = (struct oci_namespace){.type = OCI_NS_PID, .path = shared ? fd_path(a, sandbox->pid_fd) : NULL};
    }
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "spec is too large");
    linux_->namespaces = namespaces;
    linux_->n_namespaces = n;
    return 0;
}

/* ---- table of containers ---- */

struct container *sandbox_find(const struct sandbox *sandbox, const char *id)
{
    struct container *container;

    LIST_FOREACH (container, &sandbox->containers, link) {
        if (strcmp(container->id, id) == 0 && container->state != CONTAINER_CREATING && !container->removing)
            return container;
    }
    return NULL;
}

bool sandbox_has(const struct sandbox *sandbox, const char *id)
{
    const struct container *container;

    LIST_FOREACH (container, &sandbox->containers, link) {
        if (strcmp(container->id, id) == 0)
            return true;
    }
    return false;
}
