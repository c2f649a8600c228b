/* SPDX-License-Identifier: Apache-2.0 */
/* A whole life cycle: create, start, relay the streams, wait, remove. */
#include <errno.h>
#include <string.h>

#include "oci/json.h"
#include "oci/wire.h"
#include "proto/agent.pb-c.h"
#include "runtime-min/ctl/ctl.h"
#include "sys/fd.h"

#define CONFIG_MAX (4 * 1024 * 1024)
#define READ_CHUNK 65536
#define WRITE_CHUNK 16384 /* lies on a fiber's stack, which is small */
#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- streams ---- */

struct relay {
    struct ctl *ctl;
    const char *id;
    int fd; /* 0, 1 or 2 */
    struct waitq *done;
    bool ended;
    int result;
    struct error err;
};

/* The end of a terminal is an error to the agent and the end of the stream to us. */
static bool is_end_of_terminal(const struct error *err)
{
    return strstr(err->text, "Input/output error") != NULL;
}

static int relay_output(struct relay *relay)
{
    Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
    const char *method = relay->fd == 2 ? "ReadStderr" : "ReadStdout";

    request.container_id = TEXT(relay->id);
    request.len = READ_CHUNK;
    for (;;) {
        _arena_ struct arena *a = arena_new(4 * READ_CHUNK);
        ProtobufCMessage *message = NULL;
        int r = ttrpc_client_call(relay->ctl->client, "grpc.AgentService", method, &request.base,
                                  &grpc__read_stream_response__descriptor, a, 0, &message, &relay->err);
        if (r < 0)
            return is_end_of_terminal(&relay->err) ? 0 : r;
        const Grpc__ReadStreamResponse *reply = (const void *)message;
        if (reply->data.len == 0)
            return 0;
        r = fd_write_all(relay->fd, reply->data.data, reply->data.len);
        if (r < 0)
            return error_set(&relay->err, r, "write the container's output");
    }
}

/* Input that cannot be delivered is no failure of the container: it may have closed its end or exited. */
static int relay_input(struct relay *relay)
{
    Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
    uint8_t chunk[WRITE_CHUNK];
    ssize_t n = 1;
    int r = 0;

    request.container_id = TEXT(relay->id);
    while (r == 0 && n > 0) {
        _arena_ struct arena *a = arena_new(READ_CHUNK);
        ProtobufCMessage *reply = NULL;
        r = fiber_wait_fd(relay->ctl->loop, 0, EPOLLIN, NO_DEADLINE);
        n = r < 0 ? 0 : sys_read(0, chunk, sizeof(chunk));
        if (r < 0 || n < 0)
            break;
        request.data.data = chunk;
        request.data.len = (size_t)n;
        r = ttrpc_client_call(relay->ctl->client, "grpc.AgentService", "WriteStdin", &request.base,
                              &grpc__write_stream_response__descriptor, a, 0, &reply, &relay->err);
    }
    return 0;
}

static void relay_fiber(void *arg)
{
    struct relay *relay = arg;

    relay->result = relay->fd == 0 ? relay_input(relay) : relay_output(relay);
    relay->ended = true;
    waitq_wake_all(relay->done);
}

/* ---- life cycle ---- */

static int absolute_root(struct ctl *ctl, const char *bundle, struct oci_root *root)
{
    char cwd[4096];

    if (*root->path == '/')
        return 0;
    ssize_t n = sys_getcwd(cwd, sizeof(cwd));
    if (n < 0)
        return error_set(&ctl->err, (int)n, "working directory");
    root->path = *bundle == '/' ? arena_printf(ctl->arena, "%s/%s", bundle, root->path)
                                : arena_printf(ctl->arena, "%s/%s/%s", cwd, bundle, root->path);
    return 0;
}

static int read_bundle(struct ctl *ctl, const char *bundle, struct oci_spec **ret_spec)
{
    _buf_ struct buf text = BUF_INIT(CONFIG_MAX);
    struct oci_spec *spec = NULL;

    char *path = arena_printf(ctl->arena, "%s/config.json", bundle);
    int r = path ? file_read_at(AT_FDCWD, path, &text) : -ENOBUFS;
    if (r < 0)
        return error_set(&ctl->err, r, "read %s/config.json", bundle);
    r = oci_spec_from_json(ctl->arena, text.data ?: "", text.len, &spec, NULL, &ctl->err);
    if (r < 0)
        return error_wrap(&ctl->err, "%s/config.json", bundle);
    if (!spec->root || !spec->root->path)
        return error_status(&ctl->err, STATUS_INVALID_ARGUMENT, "%s/config.json: root.path is missing", bundle);
    *ret_spec = spec;
    return absolute_root(ctl, bundle, spec->root);
}

static int create(struct ctl *ctl, const char *id, const char *bundle)
{
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
    struct oci_spec *spec = NULL;

    int r = read_bundle(ctl, bundle, &spec);
    if (r == 0)
        r = oci_spec_to_wire(ctl->arena, spec, &request.oci, &ctl->err);
    if (r < 0)
        return r;
    request.container_id = TEXT(id);
    return ctl_request(ctl, "CreateContainer", &request.base, NULL);
}

static int start(struct ctl *ctl, const char *id)
{
    Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;

    request.container_id = TEXT(id);
    return ctl_request(ctl, "StartContainer", &request.base, NULL);
}

static int wait_for_exit(struct ctl *ctl, const char *id)
{
    Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;

    request.container_id = TEXT(id);
    int r = ctl_request(ctl, "WaitProcess", &request.base, &reply);
    if (r == 0)
        ctl->exit_code = ((const Grpc__WaitProcessResponse *)(const void *)reply)->status;
    return r;
}

/* In any case; what failed before it is what counts. */
static void remove_container(struct ctl *ctl, const char *id)
{
    Grpc__RemoveContainerRequest request = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
    struct error first = ctl->err;

    request.container_id = TEXT(id);
    if (ctl_request(ctl, "RemoveContainer", &request.base, NULL) == 0 || first.errnum != 0)
        ctl->err = first;
}

static int supervise(struct ctl *ctl, const char *id)
{
    struct waitq done;
    struct fiber *input = NULL;
    struct relay in = {.ctl = ctl, .id = id, .fd = 0, .done = &done}, out = in, errors = in;

    waitq_init(&done);
    out.fd = 1;
    errors.fd = 2;
    int r = fiber_start(ctl->loop, "stdout", relay_fiber, &out, NULL);
    if (r == 0)
        r = fiber_start(ctl->loop, "stderr", relay_fiber, &errors, NULL);
    if (r == 0)
        r = fiber_start(ctl->loop, "stdin", relay_fiber, &in, &input);
    if (r == 0)
        r = start(ctl, id);
    while (r == 0 && !(out.ended && errors.ended))
        r = waitq_wait(ctl->loop, &done, NO_DEADLINE);
    if (r == 0)
        r = wait_for_exit(ctl, id);
    if (!in.ended)
        fiber_cancel(input);
    remove_container(ctl, id);
    while (!(out.ended && errors.ended && in.ended))
        (void)waitq_wait(ctl->loop, &done, NO_DEADLINE);
    if (r == 0 && out.result < 0)
        ctl->err = out.err;
    else if (r == 0 && errors.result < 0)
        ctl->err = errors.err;
    return -ctl->err.errnum;
}

int ctl_run(struct ctl *ctl)
{
    const char *id = ctl->n_args > 1 ? ctl->args[1] : "tatami-ctl";

    int r = create(ctl, id, ctl->args[0]);
    return r < 0 ? r : supervise(ctl, id);
}
