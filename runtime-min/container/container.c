/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/container.h"

#include <json-c/json.h>
#include <signal.h>
#include <string.h>

#include "hooks/hooks.h"
#include "runtime-min/container/state.h"

void container_close(struct container *container)
{
    slot_close(&container->slot);
    store_close(&container->store);
}

int container_with_guest(struct container *container, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
                         struct error *err)
{
    struct machine machine = MACHINE_NONE;

    int r = machine_find(container->arena, &container->store, container->record.sandbox_id, &machine, err);
    if (r == 0)
        r = machine_run(&machine, fn, arg, err);
    machine_close(&machine);
    return r;
}

/* ---- hooks ---- */

int container_run_hooks(const struct container *container, const struct oci_spec *spec, const char *kind,
                        enum status_kind status, struct error *err)
{
    const struct oci_hook_list *hooks = spec ? hooks_of(spec->hooks, kind) : NULL;

    if (!hooks || hooks->n == 0)
        return 0;
    json_object *json = state_to_json(&container->record, status, &spec->annotations, false);
    struct hook_run run = {
        .kind = kind,
        .directory = container->record.bundle,
        .state = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
        .environment = environ,
        .keeps_going = strcmp(kind, "poststop") == 0,
    };
    int r = hooks_run(hooks, &run, err);
    json_object_put(json);
    return r;
}

/* ---- start ---- */

static int start_work(struct guest *guest, void *arg, struct error *err)
{
    const struct container *container = arg;

    return guest_start(guest, container->record.guest_id, err);
}

static int check_startable(const struct record *record, struct error *err)
{
    static const char *const refusals[CONTAINER_STATUS_MAX] = {
        [CONTAINER_CREATING] = "cannot start a container that is being created",
        [CONTAINER_RUNNING] = "cannot start an already running container",
        [CONTAINER_PAUSED] = "cannot start a container in the paused state",
        [CONTAINER_STOPPED] = "cannot start a container that has stopped",
    };
    enum status_kind status = record_status(record);
    const char *refusal = status == CONTAINER_RUNNING && !record->is_started ? NULL : refusals[status];

    return refusal ? error_status(err, STATUS_FAILED_PRECONDITION, "%s", refusal) : 0;
}

/* The intent is written down first: after a start that was killed nobody knows whether it has happened, and "created" must not
 * be said of a program that runs. Such a start can be repeated. */
static int start_in_guest(struct container *container, struct error *err)
{
    struct record *record = &container->record;
    struct error failure = {.errnum = 0};

    bool is_repeated = record->status == CONTAINER_RUNNING;
    record->status = CONTAINER_RUNNING;
    int r = slot_write_record(&container->slot, record, err);
    if (r < 0)
        return r;
    r = container_with_guest(container, start_work, container, &failure);
    if (r < 0 && is_repeated && failure.status == STATUS_FAILED_PRECONDITION)
        r = 0; /* it had happened */
    if (r < 0) {
        record->status = CONTAINER_CREATED;
        (void)slot_write_record(&container->slot, record, NULL);
        if (err)
            *err = failure;
        return r;
    }
    record->is_started = true;
    return slot_write_record(&container->slot, record, err);
}

int container_start(struct container *container, struct error *err)
{
    struct record *record = &container->record;
    struct oci_spec *spec = NULL;

    int r = check_startable(record, err);
    if (r == 0)
        r = state_read_spec(container->arena, &container->slot, &spec, err);
    if (r == 0)
        r = start_in_guest(container, err);
    if (r < 0)
        return r;
    r = container_run_hooks(container, spec, "poststart", CONTAINER_RUNNING, err);
    if (r < 0)
        (void)container_delete(container, true, NULL);
    return r;
}

/* ---- kill ---- */

struct signal_work {
    const struct record *record;
    int sig;
    bool all;
};

static int signal_work(struct guest *guest, void *arg, struct error *err)
{
    const struct signal_work *work = arg;
    struct guest_process process = {.container_id = work->record->guest_id, .exec_id = ""};

    return guest_signal(guest, &process, work->sig, work->all, err);
}

static int not_running(struct error *err)
{
    (void)error_status(err, STATUS_NOT_FOUND, "container not running");
    return -ESRCH;
}

int container_kill(struct container *container, int sig, bool all, struct error *err)
{
    struct signal_work work = {.record = &container->record, .sig = sig, .all = all};
    enum status_kind status = record_status(&container->record);

    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
        return all ? 0 : not_running(err);
    struct error failure = {.errnum = 0};
    int r = container_with_guest(container, signal_work, &work, &failure);
    /* A guest that does not answer cannot be asked: its machine is ended, which does what was wanted. */
    if (r < 0 && sig == SIGKILL && failure.status != STATUS_NOT_FOUND && container->record.owns_sandbox)
        r = machine_stop(&container->store, container->record.sandbox_id, &failure);
    if (r == 0)
        return 0;
    /* It may have ended meanwhile, and the machine with it. */
    if (failure.status == STATUS_NOT_FOUND || record_status(&container->record) == CONTAINER_STOPPED)
        return all ? 0 : not_running(err);
    if (err)
        *err = failure;
    return r;
}

/* ---- pause, resume ---- */

static int pause_work(struct guest *guest, void *arg, struct error *err)
{
    return guest_pause(guest, arg, err);
}

static int resume_work(struct guest *guest, void *arg, struct error *err)
{
    return guest_resume(guest, arg, err);
}

int container_pause(struct container *container, struct error *err)
{
    struct record *record = &container->record;
    enum status_kind status = record_status(record);

    if (status != CONTAINER_RUNNING && status != CONTAINER_CREATED)
        return error_status(err, STATUS_FAILED_PRECONDITION, "container not running: it is %s", status_word(status));
    int r = container_with_guest(container, pause_work, (void *)(uintptr_t)record->guest_id, err);
    if (r < 0)
        return r;
    record->status = CONTAINER_PAUSED;
    return slot_write_record(&container->slot, record, err);
}

int container_resume(struct container *container, struct error *err)
{
    struct record *record = &container->record;
    enum status_kind status = record_status(record);

    if (status != CONTAINER_PAUSED)
        return error_status(err, STATUS_FAILED_PRECONDITION, "container not paused: it is %s", status_word(status));
    int r = container_with_guest(container, resume_work, (void *)(uintptr_t)record->guest_id, err);
    if (r < 0)
        return r;
    record->status = record->is_started ? CONTAINER_RUNNING : CONTAINER_CREATED;
    return slot_write_record(&container->slot, record, err);
}
