/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/hook.h"

#include <json-c/json.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container/container.h"
#include "agent/container/sync.h"
#include "hooks/hooks.h"
#include "loop/offload.h"
#include "oci/state.h"
#include "sys/sys.h"

#define GUEST_TIMEOUT_S 10 /* as in Kata's agent */
#define OUTPUT_MAX (64 * 1024)

static char *const no_environment[] = {NULL};

bool hook_is_wanted(const struct oci_spec *spec, const char *kind)
{
    const struct oci_hook_list *list = hooks_of(spec->hooks, kind);

    return list && list->n > 0;
}

static json_object *state_of(const struct oci_spec *spec, const char *id, const char *bundle, const char *status, int pid)
{
    return oci_state_to_json(&(struct oci_state){
        .version = spec->version ?: "",
        .id = id,
        .status = status,
        .pid = pid,
        .bundle = bundle,
        .annotations = &spec->annotations,
    });
}

static const char *text_of(json_object *state)
{
    return json_object_to_json_string_ext(state, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* ---- in the container ---- */

struct listener {
    const struct launch *launch;
    const char *kind;
};

static void pass_on(void *arg, const char *path, const char *text)
{
    const struct listener *listener = arg;

    sync_send_log(listener->launch->sync_fd, "hook %s: %s: %s", listener->kind, path, text);
}

int hook_run_all(const struct launch *launch, const char *kind, const char *directory, struct error *err)
{
    struct listener listener = {launch, kind};
    struct hook_run run = {
        .kind = kind, .directory = directory, .environment = no_environment, .said = pass_on, .arg = &listener};

    if (!hook_is_wanted(launch->spec, kind))
        return 0;
    /* The status is that of the specification: creating ends before the hooks begin. The text is in the arena, so that nothing
     * is lost when the child is killed. */
    json_object *state = state_of(launch->spec, launch->id, launch->bundle, "created", sys_getpid());
    run.state = arena_strdup(launch->scratch, text_of(state));
    json_object_put(state);
    if (!run.state)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "annotations are too large for a hook");
    return hooks_run(hooks_of(launch->spec->hooks, kind), &run, err);
}

/* ---- in the guest ---- */

struct guest_run {
    const struct oci_hook_list *list;
    struct hook_run run;
};

struct notes {
    struct buf *text;
    const char *kind;
};

/* What does not fit any more is not told. */
static void note(void *arg, const char *path, const char *text)
{
    const struct notes *notes = arg;

    (void)buf_printf(notes->text, "hook %s: %s: %s%c", notes->kind, path, text, '\0');
}

static int run_list(void *arg, struct buf *out, struct error *err)
{
    const struct guest_run *guest_run = arg;
    struct notes notes = {out, guest_run->run.kind};
    struct hook_run run = guest_run->run;

    run.said = note;
    run.arg = &notes;
    return hooks_run(guest_run->list, &run, err);
}

static void log_notes(const struct logger *log, const struct buf *notes)
{
    for (size_t at = 0; at < notes->len; at += strlen((const char *)notes->data + at) + 1)
        log_info(log, "container", "%s", (const char *)notes->data + at);
}

int hook_run_in_guest(const struct container *container, const char *kind, const char *status, int pid, struct error *err)
{
    const struct oci_spec *spec = container->spec;
    _buf_ struct buf notes = BUF_INIT(OUTPUT_MAX);

    if (!hook_is_wanted(spec, kind))
        return 0;
    json_object *state = state_of(spec, container->id, container->bundle, status, pid);
    struct guest_run guest_run = {
        .list = hooks_of(spec->hooks, kind),
        .run = {.kind = kind,
                .directory = container->bundle,
                .state = text_of(state),
                .environment = no_environment,
                .timeout_s = GUEST_TIMEOUT_S,
                .keeps_going = strcmp(kind, "poststop") == 0},
    };
    int r = offload(container->agent->reaper, run_list, &guest_run, NO_DEADLINE, &notes, err);
    json_object_put(state);
    log_notes(container->agent->log, &notes);
    return r;
}
