/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/deputy.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "agent/container/mount_fd.h"
#include "agent/container/sync.h"
#include "agent/container/sysctl.h"
#include "sys/fd.h"

struct order {
    const struct oci_linux *linux_;
    bool mounts_mqueue;
    int proc_fd;
    int socket; /* the deputy's end */
};

/* ---- in the deputy ---- */

static int send_mqueue(int socket, struct error *err)
{
    _close_ int fs_fd = mount_fs_open("mqueue", err);
    if (fs_fd < 0)
        return fs_fd;
    _close_ int fd = mount_fs_create(fs_fd, 0, err);
    return fd < 0 ? fd : sync_send_descriptor(socket, fd, err);
}

static int deputy_run(void *arg)
{
    const struct order *order = arg;
    struct error err = {.errnum = 0};

    int r = sysctl_apply(order->linux_, SYSCTL_OF_SHARED, order->proc_fd, &err);
    if (r == 0 && order->mounts_mqueue)
        r = send_mqueue(order->socket, &err);
    if (r < 0)
        sync_send_error(order->socket, &err);
    return r < 0 || sync_send(order->socket, SYNC_READY) < 0;
}

/* ---- in the agent ---- */

static bool has_mqueue(const struct oci_spec *spec)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (spec->mounts[i].type && strcmp(spec->mounts[i].type, "mqueue") == 0)
            return true;
    }
    return false;
}

/* Everything but the user namespace, in which it would lose its rights. Returns whether the ipc namespace is among it. */
static bool plan_joins(const struct namespace_plan *plan, struct sys_join joins[OCI_NS_MAX], size_t *ret_n)
{
    bool has_ipc = false;

    *ret_n = 0;
    for (size_t i = 0; i < plan->n_joins; i++) {
        if (plan->joins[i].type != CLONE_NEWUSER)
            joins[(*ret_n)++] = plan->joins[i];
        has_ipc |= plan->joins[i].type == CLONE_NEWIPC;
    }
    return has_ipc;
}

int deputy_act(struct reaper *reaper, const struct oci_spec *spec, const struct namespace_plan *plan, int proc_fd,
               int *ret_mqueue, struct error *err)
{
    struct sys_join joins[OCI_NS_MAX];
    struct order order = {.linux_ = spec->linux_, .proc_fd = proc_fd};
    struct sys_spawn args = {.joins = joins, .cgroup_fd = -1};
    _close_ int own = -1, theirs = -1;
    struct child *child;

    *ret_mqueue = -1;
    order.mounts_mqueue = plan_joins(plan, joins, &args.n_joins) && has_mqueue(spec);
    if (!(plan->new_user || plan->joins_user) || !(order.mounts_mqueue || sysctl_has_shared(spec->linux_)))
        return 0;
    int r = sync_pair(&own, &theirs, err);
    if (r < 0)
        return r;
    order.socket = theirs;
    r = reaper_spawn(reaper, &args, deputy_run, &order, &child, err);
    if (r < 0)
        return r;
    fd_close(&theirs);
    r = sync_wait_ready(reaper_loop(reaper), NULL, own, NO_DEADLINE, order.mounts_mqueue ? ret_mqueue : NULL, err);
    child_free(child);
    if (r == -EPIPE)
        r = error_set(err, r, "the process in the shared namespaces died");
    return r < 0 ? error_wrap(err, "in the namespaces of the sandbox") : 0;
}
