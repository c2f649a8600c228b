/* SPDX-License-Identifier: Apache-2.0 */
/* One RPC with JSON in and out. */
#include <errno.h>
#include <string.h>

#include "proto/agent.pb-c.h"
#include "proto/json.h"
#include "runtime-min/ctl/ctl.h"
#include "sys/fd.h"

#define REQUEST_MAX (4 * 1024 * 1024)
#define REPLY_MAX (64 * 1024 * 1024)

static const ProtobufCServiceDescriptor *const services[] = {&grpc__agent_service__descriptor, &grpc__health__descriptor};

static const ProtobufCMethodDescriptor *find_method(const char *name, const char **ret_service, struct error *err)
{
    const char *slash = strrchr(name, '/');
    size_t service_len = slash ? (size_t)(slash - name) : 0;

    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        const char *service = services[i]->name;
        if (slash && (strlen(service) != service_len || memcmp(service, name, service_len) != 0))
            continue;
        const ProtobufCMethodDescriptor *method =
            protobuf_c_service_descriptor_get_method_by_name(services[i], slash ? slash + 1 : name);
        if (method) {
            *ret_service = service;
            return method;
        }
    }
    error_status(err, STATUS_INVALID_ARGUMENT, "no method '%s'; `tatami-ctl methods` lists them", name);
    return NULL;
}

int ctl_request(struct ctl *ctl, const char *name, const ProtobufCMessage *request, ProtobufCMessage **ret_reply)
{
    const char *service = NULL;
    ProtobufCMessage *reply = NULL;

    const ProtobufCMethodDescriptor *method = find_method(name, &service, &ctl->err);
    if (!method)
        return -EINVAL;
    int r = ttrpc_client_call(ctl->client, service, method->name, request, method->output, ctl->arena, ctl->timeout_ns, &reply,
                              &ctl->err);
    if (r == 0 && ret_reply)
        *ret_reply = reply;
    return r;
}

static int read_request(struct ctl *ctl, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_request)
{
    _buf_ struct buf text = BUF_INIT(REQUEST_MAX);
    const char *given = ctl->n_args > 1 ? ctl->args[1] : "";

    if (strcmp(given, "-") != 0)
        return proto_from_json(ctl->arena, type, given, strlen(given), ret_request, &ctl->err);
    int r = fd_read_all(0, &text);
    if (r < 0)
        return error_set(&ctl->err, r, "read the request from standard input");
    return proto_from_json(ctl->arena, type, text.data ?: "", text.len, ret_request, &ctl->err);
}

int ctl_call(struct ctl *ctl)
{
    _buf_ struct buf text = BUF_INIT(REPLY_MAX);
    const char *service = NULL;
    ProtobufCMessage *request = NULL, *reply = NULL;

    const ProtobufCMethodDescriptor *method = find_method(ctl->args[0], &service, &ctl->err);
    if (!method)
        return -EINVAL;
    int r = read_request(ctl, method->input, &request);
    if (r == 0)
        r = ctl_request(ctl, ctl->args[0], request, &reply);
    if (r < 0)
        return r;
    r = proto_to_json(reply, &text);
    if (r == 0)
        r = buf_append_str(&text, "\n");
    if (r == 0)
        r = fd_write_all(1, text.data, text.len);
    return r < 0 ? error_set(&ctl->err, r, "print the reply") : 0;
}

int ctl_methods(struct ctl *ctl)
{
    _buf_ struct buf text = BUF_INIT(65536);

    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        for (unsigned int k = 0; k < services[i]->n_methods; k++) {
            const ProtobufCMethodDescriptor *method = &services[i]->methods[k];
            (void)buf_printf(&text, "%s/%s %s -> %s\n", services[i]->name, method->name, method->input->name,
                             method->output->name);
        }
    }
    int r = fd_write_all(1, text.data, text.len);
    return r < 0 ? error_set(&ctl->err, r, "print the methods") : 0;
}
