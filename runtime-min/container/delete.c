/* SPDX-License-Identifier: Apache-2.0 */
/* delete: everything that create made, in reverse. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "runtime-min/container/container_group.h"
#include "runtime-min/container/pod.h"
#include "runtime-min/container/state.h"

#define STOP_NS (10 * NSEC_PER_SEC)

static int check_deletable(const struct record *record, struct error *err)
{
    enum status_kind status = record_status(record);

    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATED)
        return 0;
    return error_status(err, STATUS_FAILED_PRECONDITION, "cannot delete container %s that is not stopped: %s", record->id,
                        status_word(status));
}

/* The machine of a pod ends with its sandbox container, so that one goes last where others are to outlive it. */
static int check_members(struct container *container, const struct oci_spec *spec, struct error *err)
{
    struct strlist ids = {.n = 0}, strays = {.n = 0};

    if (!container->record.owns_sandbox || !spec || !pod_outlives_sandbox(spec))
        return 0;
    int r = store_list(container->arena, &container->store, &ids, &strays, err);
    for (size_t i = 0; i < ids.n && r == 0; i++) {
        _slot_ struct slot slot = SLOT_INIT;
        struct record other;
        if (strcmp(ids.items[i], container->record.id) == 0 || slot_open(&container->store, ids.items[i], &slot, NULL) < 0 ||
            slot_read_record(container->arena, &slot, &other, NULL) < 0)
            continue;
        if (strcmp(other.sandbox_id, container->record.sandbox_id) == 0 && record_status(&other) != CONTAINER_STOPPED)
            r = error_status(err, STATUS_FAILED_PRECONDITION,
                             "cannot delete container %s: container %s is in its machine and %s", container->record.id,
                             other.id, status_word(record_status(&other)));
    }
    return r;
}

struct removal {
    const char *guest_id;
    bool force;
};

static int remove_work(struct guest *guest, void *arg, struct error *err)
{
    const struct removal *removal = arg;

    return guest_remove(guest, removal->guest_id, removal->force ? STOP_NS : GUEST_TIMEOUT_NS, err);
}

/* What the machine holds of the container. A machine that is gone holds nothing; one that does not answer is ended anyway if it
 * is the container's own. */
static int leave_machine(struct container *container, bool force, struct error *err)
{
    const struct record *record = &container->record;
    struct removal removal = {.guest_id = record->guest_id, .force = force};
    struct machine machine = MACHINE_NONE;

    int r = machine_find(container->arena, &container->store, record->sandbox_id, &machine, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = machine_run(&machine, remove_work, &removal, err);
    /* Not known there: it never got that far, an earlier delete was interrupted, or the machine has just died. */
    if (r == -ENOENT || (r < 0 && err && strstr(err->text, "Invalid container id")))
        r = 0;
    if (r == 0 || force) {
        int unshared = machine_unshare(&machine, record->guest_id, err);
        r = r < 0 || unshared == -ENOENT ? r : unshared;
    }
    machine_close(&machine);
    return r;
}

/* The handle ends by itself once its process has; one that does not was stopped or is stuck. In a frozen group of version 1 it
 * would not even notice SIGKILL: it is taken back into its own. */
static void end_handle(const struct record *record)
{
    _hostgroup_ struct hostgroup group = HOSTGROUP_NONE;
    _close_ int pidfd = proc_open(&record->handle);
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};

    if (pidfd < 0 || sys_poll(&poll, 1, (int)(STOP_NS / NSEC_PER_MSEC)) != 0)
        return;
    if (*record->cgroup && hostgroup_find(&group, record->cgroup, NULL) == 0)
        (void)cgroup_enter(group.group, record->handle.pid, NULL);
    (void)sys_pidfd_send_signal(pidfd, SIGKILL);
}

int container_delete(struct container *container, bool force, struct error *err)
{
    struct record *record = &container->record;
    struct oci_spec *spec = NULL;
    struct error failure = {.errnum = 0};

    int r = force ? 0 : check_deletable(record, err);
    (void)state_read_spec(container->arena, &container->slot, &spec, NULL);
    if (r == 0 && !force)
        r = check_members(container, spec, err);
    if (r < 0)
        return r;
    r = leave_machine(container, force, &failure);
    if (record->owns_sandbox)
        r = machine_stop(&container->store, record->sandbox_id, &failure);
    else if (force)
        r = 0; /* what a guest that does not answer still has goes with its machine */
    if (r == 0 || force) {
        end_handle(record);
        int left = container_group_remove(record, force, r < 0 ? NULL : &failure);
        r = r < 0 ? r : left;
    }
    if (r < 0 && !force) {
        if (err)
            *err = failure;
        return r;
    }
    if (spec)
        (void)container_run_hooks(container, spec, "poststop", CONTAINER_STOPPED, NULL);
    int removed = slot_remove(&container->store, &container->slot, err);
    if (removed == 0 && r < 0 && err)
        *err = failure;
    return removed < 0 ? removed : r;
}
