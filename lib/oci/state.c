/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/state.h"

#include <json-c/json.h>

static void add_text(json_object *json, const char *key, const char *text)
{
    json_object_object_add(json, key, json_object_new_string(text));
}

struct json_object *oci_state_to_json(const struct oci_state *state)
{
    json_object *json = json_object_new_object();
    const struct oci_map *annotations = state->annotations;

    add_text(json, "ociVersion", state->version);
    add_text(json, "id", state->id);
    json_object_object_add(json, "pid", json_object_new_int(state->pid));
    add_text(json, "status", state->status);
    add_text(json, "bundle", state->bundle);
    if (!annotations || annotations->n == 0)
        return json;
    json_object *map = json_object_new_object();
    for (size_t i = 0; i < annotations->n; i++)
        add_text(map, annotations->items[i].key, annotations->items[i].value ?: "");
    json_object_object_add(json, "annotations", map);
    return json;
}
