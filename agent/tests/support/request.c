/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/request.h"

#include <string.h>

#include "agent/rpc/rpc.h"
#include "proto/proto.h"

static void set_string(ProtobufCMessage *message, const char *field, const char *value)
{
    const ProtobufCFieldDescriptor *descriptor = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, field);

    if (descriptor && value)
        *(char **)(void *)((char *)message + descriptor->offset) = (char *)(uintptr_t)value;
}

ProtobufCMessage *request_for(struct rig *rig, const char *method, const char *container_id, const char *exec_id)
{
    size_t n;
    const struct ttrpc_method *methods = rpc_methods(&n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(methods[i].name, method) != 0)
            continue;
        ProtobufCMessage *message = proto_new(rig->arena, methods[i].request);
        assert_non_null(message);
        set_string(message, "container_id", container_id);
        set_string(message, "exec_id", exec_id);
        return message;
    }
    fail_msg("no method %s", method);
    return NULL;
}
