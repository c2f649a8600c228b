/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/guest.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "oci/signal.h"
#include "runtime-min/container/guest_error.h"
#include "sys/fd.h"

#define AGENT "grpc.AgentService"
#define KILL_NS (10 * NSEC_PER_SEC)
#define ANSWER_NS (10 * NSEC_PER_SEC) /* an emulated guest on a busy host is slow */
#define REPLY_BYTES (64 * 1024)
#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- one piece of work with the agent ---- */

int guest_dial_agent(const struct guest_address *address, struct error *err)
{
    return guest_dial(address, GUEST_RPC_PORT, NULL, sys_monotonic_ns() + ANSWER_NS, err);
}

struct work {
    struct guest guest;
    int (*fn)(struct guest *guest, void *arg, struct error *err);
    void *arg;
    int result;
    struct error *err;
};

static void work_fiber(void *arg)
{
    struct work *work = arg;

    work->result = work->fn(&work->guest, work->arg, work->err);
    loop_stop(work->guest.loop);
}

int guest_run(const struct guest_address *address, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
              struct error *err)
{
    struct error unwanted;
    struct work work = {.fn = fn, .arg = arg, .err = err ?: &unwanted};

    int fd = guest_dial_agent(address, err);
    if (fd < 0)
        return fd;
    int r = loop_new(&work.guest.loop, err);
    if (r < 0) {
        sys_close(fd);
        return r;
    }
    r = ttrpc_client_new(work.guest.loop, fd, &work.guest.client, err);
    if (r == 0)
        r = fiber_start(work.guest.loop, "work", work_fiber, &work, NULL);
    if (r == 0)
        r = loop_run(work.guest.loop, err);
    ttrpc_client_free(work.guest.client);
    loop_free(work.guest.loop);
    return r < 0 ? r : work.result;
}

/* ---- calls ---- */

int guest_call(struct guest *guest, const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *reply_type, struct arena *a, uint64_t timeout_ns, ProtobufCMessage **ret_reply,
               struct error *err)
{
    _arena_ struct arena *scratch = arena_new(REPLY_BYTES);
    ProtobufCMessage *reply = NULL;

    int r = ttrpc_client_call(guest->client, AGENT, method, request, reply_type ?: &google__protobuf__empty__descriptor,
                              a ?: scratch, timeout_ns, &reply, err);
    if (r < 0)
        return guest_error_reword(err);
    if (ret_reply)
        *ret_reply = reply;
    return 0;
}

static int call(struct guest *guest, const char *method, const ProtobufCMessage *request, struct error *err)
{
    return guest_call(guest, method, request, NULL, NULL, GUEST_TIMEOUT_NS, NULL, err);
}

int guest_create(struct guest *guest, const char *id, Grpc__Spec *spec, bool shares_pid, struct error *err)
{
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;

    request.container_id = request.exec_id = TEXT(id);
    request.oci = spec;
    request.sandbox_pidns = shares_pid;
    return call(guest, "CreateContainer", &request.base, err);
}

int guest_start(struct guest *guest, const char *id, struct error *err)
{
    Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;

    request.container_id = TEXT(id);
    return call(guest, "StartContainer", &request.base, err);
}

int guest_exec(struct guest *guest, const struct guest_process *process, Grpc__Process *spec, struct error *err)
{
    Grpc__ExecProcessRequest request = GRPC__EXEC_PROCESS_REQUEST__INIT;

    request.container_id = TEXT(process->container_id);
    request.exec_id = TEXT(process->exec_id);
    request.process = spec;
    return call(guest, "ExecProcess", &request.base, err);
}

int guest_signal(struct guest *guest, const struct guest_process *process, int sig, bool all, struct error *err)
{
    Grpc__SignalProcessRequest request = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

    /* The agent takes SIGKILL without an exec id for all processes; the first one is known by the container's id too. */
    request.container_id = TEXT(process->container_id);
    request.exec_id = TEXT(*process->exec_id ? process->exec_id : all ? "" : process->container_id);
    request.signal = (uint32_t)sig | (all ? 0 : OCI_SIGNAL_EXACT);
    return guest_call(guest, "SignalProcess", &request.base, NULL, NULL, sig == SIGKILL ? KILL_NS : GUEST_TIMEOUT_NS, NULL,
                      err);
}

int guest_remove(struct guest *guest, const char *id, uint64_t timeout_ns, struct error *err)
{
    Grpc__RemoveContainerRequest request = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

    request.container_id = TEXT(id);
    return guest_call(guest, "RemoveContainer", &request.base, NULL, NULL, timeout_ns, NULL, err);
}

int guest_pause(struct guest *guest, const char *id, struct error *err)
{
    Grpc__PauseContainerRequest request = GRPC__PAUSE_CONTAINER_REQUEST__INIT;

    request.container_id = TEXT(id);
    return call(guest, "PauseContainer", &request.base, err);
}

int guest_resume(struct guest *guest, const char *id, struct error *err)
{
    Grpc__ResumeContainerRequest request = GRPC__RESUME_CONTAINER_REQUEST__INIT;

    request.container_id = TEXT(id);
    return call(guest, "ResumeContainer", &request.base, err);
}

int guest_update(struct guest *guest, const char *id, Grpc__LinuxResources *resources, struct error *err)
{
    Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;

    request.container_id = TEXT(id);
    request.resources = resources;
    return call(guest, "UpdateContainer", &request.base, err);
}

int guest_resize(struct guest *guest, const struct guest_process *process, unsigned int rows, unsigned int columns,
                 struct error *err)
{
    Grpc__TtyWinResizeRequest request = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;

    request.container_id = TEXT(process->container_id);
    request.exec_id = TEXT(process->exec_id);
    request.row = rows;
    request.column = columns;
    return call(guest, "TtyWinResize", &request.base, err);
}

/* ---- names ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int guest_id_from(const char *id, struct arena *a, const char **ret_guest_id, struct error *err)
{
    bool as_it_is = strlen(id) >= 2 && is_alnum(id[0]) && !strchr(id, '+');
    char *name = as_it_is ? arena_strdup(a, id) : arena_printf(a, "c.%s", id);

    for (char *p = name; *p; p++) {
        if (*p == '+')
            *p = '_';
    }
    if (strlen(name) > 255)
        return error_status(err, STATUS_INVALID_ARGUMENT, "container id '%s' is too long for the guest: 253 bytes are possible",
                            id);
    *ret_guest_id = name;
    return 0;
}
