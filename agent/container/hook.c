/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/hook.h"

#include <json-c/json.h>

#include "agent/container/sync.h"
#include "hooks/hooks.h"
#include "oci/state.h"
#include "sys/sys.h"

bool hook_is_wanted(const struct oci_spec *spec, const char *kind)
{
    const struct oci_hook_list *list = hooks_of(spec->hooks, kind);

    return list && list->n > 0;
}

/* In the arena, so that nothing is lost when the child is killed. The status is that of the specification: creating ends before
 * the hooks begin. */
static const char *state_text(const struct launch *launch)
{
    json_object *json = oci_state_to_json(&(struct oci_state){
        .version = launch->spec->version ?: "",
        .id = launch->id,
        .status = "created",
        .pid = sys_getpid(),
        .bundle = launch->bundle,
        .annotations = &launch->spec->annotations,
    });
    const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    const char *copy = arena_strdup(launch->scratch, text);

    json_object_put(json);
    return copy;
}

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
    static char *const no_environment[] = {NULL};
    struct listener listener = {launch, kind};
    struct hook_run run = {
        .kind = kind, .directory = directory, .environment = no_environment, .said = pass_on, .arg = &listener};

    if (!hook_is_wanted(launch->spec, kind))
        return 0;
    run.state = state_text(launch);
    if (!run.state)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "annotations are too large for a hook");
    return hooks_run(hooks_of(launch->spec->hooks, kind), &run, err);
}
