/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/rpc/rpc.h"
#include "agent/tests/support/bundle.h"
#include "base/buf.h"
#include "oci/wire.h"

/* A line "METHOD<TAB>OUTCOME<TAB>TEST" for coverage/rpc-matrix. */
void rig_note_outcome(const struct rig *rig, const char *method, enum status_code status)
{
    const char *path = getenv("TATAMI_RPC_LOG");
    if (!path)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    dprintf(fd, "%s\t%s\t%s\n", method, status_name(status), rig->test);
    close(fd);
}

static const struct ttrpc_method *find_method(const char *service, const char *name)
{
    size_t n;
    const struct ttrpc_method *methods = rpc_methods(&n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(methods[i].name, name) == 0 && strcmp(methods[i].service, service) == 0)
            return &methods[i];
    }
    fail_msg("no method %s of %s", name, service);
    return NULL;
}

enum status_code rig_call_service(struct rig *rig, const char *service, const char *method, const ProtobufCMessage *request,
                                  uint64_t timeout_ms, ProtobufCMessage **ret_reply, struct error *err)
{
    const struct ttrpc_method *entry = find_method(service, method);
    struct error local = {.errnum = 0};
    ProtobufCMessage *reply = NULL;

    int r = ttrpc_client_call(rig->client, service, method, request, entry->reply, rig->arena, timeout_ms * NSEC_PER_MSEC,
                              &reply, &local);
    enum status_code status = r == 0 ? STATUS_OK : local.status;
    rig_note_outcome(rig, method, status);
    if (ret_reply)
        *ret_reply = reply;
    if (err)
        *err = local;
    return status;
}

void rig_ok(struct rig *rig, const char *method, const ProtobufCMessage *request, ProtobufCMessage **ret_reply)
{
    struct error err;

    enum status_code status = rig_call_service(rig, "grpc.AgentService", method, request, 0, ret_reply, &err);
    if (status != STATUS_OK)
        fail_msg("%s: %s: %s", method, status_name(status), err.text);
}

void rig_refused(struct rig *rig, const char *method, const ProtobufCMessage *request, enum status_code want, const char *words)
{
    struct error err;

    enum status_code status = rig_call_service(rig, "grpc.AgentService", method, request, 0, NULL, &err);
    if (status != want || !strstr(err.text, words))
        fail_msg("%s: want %s with '%s', got %s '%s'", method, status_name(want), words, status_name(status), err.text);
}

/* ---- containers ---- */

#define STRING(s) ((char *)(uintptr_t)(s))

void rig_create_sandbox(struct rig *rig)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    request.sandbox_id = STRING("sandbox");
    request.hostname = STRING("tatami");
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
}

enum status_code rig_create(struct rig *rig, const char *id, const struct oci_spec *spec, struct error *err)
{
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
    struct error wire_err;

    request.container_id = STRING(id);
    if (spec)
        assert_int_equal(oci_spec_to_wire(rig->arena, spec, &request.oci, &wire_err), 0);
    return rig_call(rig, "CreateContainer", &request, NULL, err);
}

enum status_code rig_start(struct rig *rig, const char *id, struct error *err)
{
    Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;

    request.container_id = STRING(id);
    return rig_call(rig, "StartContainer", &request, NULL, err);
}

enum status_code rig_exec(struct rig *rig, const char *id, const char *exec_id, const struct oci_process *process,
                          struct error *err)
{
    Grpc__ExecProcessRequest request = GRPC__EXEC_PROCESS_REQUEST__INIT;
    struct error wire_err;

    request.container_id = STRING(id);
    request.exec_id = STRING(exec_id);
    if (process)
        assert_int_equal(oci_process_to_wire(rig->arena, process, &request.process, &wire_err), 0);
    return rig_call(rig, "ExecProcess", &request, NULL, err);
}

enum status_code rig_signal(struct rig *rig, const char *id, const char *exec_id, int sig, struct error *err)
{
    Grpc__SignalProcessRequest request = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

    request.container_id = STRING(id);
    request.exec_id = STRING(exec_id);
    request.signal = (uint32_t)sig;
    return rig_call(rig, "SignalProcess", &request, NULL, err);
}

enum status_code rig_remove(struct rig *rig, const char *id, struct error *err)
{
    Grpc__RemoveContainerRequest request = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

    request.container_id = STRING(id);
    return rig_call(rig, "RemoveContainer", &request, NULL, err);
}

int rig_wait(struct rig *rig, const char *id, const char *exec_id)
{
    Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
    ProtobufCMessage *reply;

    request.container_id = STRING(id);
    request.exec_id = STRING(exec_id);
    rig_ok(rig, "WaitProcess", &request.base, &reply);
    return ((Grpc__WaitProcessResponse *)(void *)reply)->status;
}

char *rig_read_all(struct rig *rig, const char *id, const char *exec_id, bool want_stderr)
{
    Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
    struct buf all = BUF_INIT(64 * 1024 * 1024);

    request.container_id = STRING(id);
    request.exec_id = STRING(exec_id);
    request.len = 65536;
    for (;;) {
        Grpc__ReadStreamResponse *reply;
        struct error err;
        enum status_code status = rig_call(rig, want_stderr ? "ReadStderr" : "ReadStdout", &request, &reply, &err);
        if (status != STATUS_OK && !strstr(err.text, "Input/output error"))
            fail_msg("read: %s: %s", status_name(status), err.text);
        if (status != STATUS_OK || reply->data.len == 0)
            break;
        assert_int_equal(buf_append(&all, reply->data.data, reply->data.len), 0);
    }
    char *text = arena_strndup(rig->arena, all.data ?: "", all.len);
    buf_done(&all);
    return text;
}

#define MUST(call)                                                                                                             \
    do {                                                                                                                       \
        struct error must_err = {.errnum = 0};                                                                                 \
        enum status_code must_status = call;                                                                                   \
        if (must_status != STATUS_OK)                                                                                          \
            fail_msg("%s: %s: %s", #call, status_name(must_status), must_err.text);                                            \
    } while (0)

int rig_run_container(struct rig *rig, const char *id, const struct oci_spec *spec, char **ret_stdout, char **ret_stderr)
{
    MUST(rig_create(rig, id, spec, &must_err));
    MUST(rig_start(rig, id, &must_err));
    char *out = rig_read_all(rig, id, "", false);
    char *errors = spec->process->terminal ? NULL : rig_read_all(rig, id, "", true);
    int code = rig_wait(rig, id, "");
    MUST(rig_remove(rig, id, &must_err));
    if (ret_stdout)
        *ret_stdout = out;
    if (ret_stderr)
        *ret_stderr = errors;
    return code;
}
