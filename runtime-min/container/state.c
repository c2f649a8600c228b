/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/state.h"

#include <json-c/json.h>
#include <stdio.h>

#include "json/json_text.h"
#include "oci/json.h"
#include "oci/state.h"
#include "runtime-min/container/text.h"
#include "runtime-min/container/version.h"

static void add_text(json_object *json, const char *key, const char *text)
{
    json_object_object_add(json, key, json_object_new_string(text));
}

static void add_extensions(json_object *json, const struct record *record)
{
    char time[TEXT_TIME_MAX], owner[16] = "root";
    uid_t uid = sys_geteuid();

    if (uid != 0)
        snprintf(owner, sizeof(owner), "%u", uid);
    text_time(record->created_ns, time);
    add_text(json, "rootfs", record->rootfs);
    add_text(json, "created", time);
    add_text(json, "owner", owner);
}

struct json_object *state_to_json(const struct record *record, enum status_kind status, const struct oci_map *annotations,
                                  bool extended)
{
    json_object *json = oci_state_to_json(&(struct oci_state){
        .version = OCI_VERSION_MAX,
        .id = record->id,
        .pid = status == CONTAINER_STOPPED ? 0 : record->handle.pid,
        .status = status_word(status),
        .bundle = record->bundle,
        .annotations = annotations,
    });

    if (extended)
        add_extensions(json, record);
    return json;
}

int state_read_spec(struct arena *a, const struct slot *slot, struct oci_spec **ret_spec, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(JSON_TEXT_MAX);

    int r = slot_read(slot, STORE_CONFIG, &text, err);
    if (r == 0) {
        r = oci_spec_from_json(a, text.data ?: "", text.len, ret_spec, NULL, err);
        if (r < 0)
            return error_wrap(err, "config.json of container %s", slot->id);
    }
    return r;
}
