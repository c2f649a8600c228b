/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/agent_link.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/un.h>

#include "proto/agent.pb-c.h"
#include "runtime-min/sandbox/share.h"
#include "sys/fd.h"

#define RPC_PORT_LINE "CONNECT 1024\n"
#define ANSWER_MAX 64
#define ANSWER_NS NSEC_PER_SEC
#define PAUSE_NS (10 * NSEC_PER_MSEC)
#define CALL_BYTES (1024 * 1024)
#define CALL_NS (30 * NSEC_PER_SEC)
#define KILL_NS (10 * NSEC_PER_SEC)
#define HOSTNAME_LEN_MAX 64

/* ---- connection ---- */

/* "OK 1073741824\n", byte by byte: what follows belongs to the connection. */
static int read_answer(struct loop *loop, int fd, uint64_t deadline)
{
    char answer[ANSWER_MAX];
    size_t len = 0;

    while (len < sizeof(answer)) {
        ssize_t n = sys_read(fd, answer + len, 1);
        if (n == -EAGAIN) {
            int r = fiber_wait_fd(loop, fd, EPOLLIN, deadline);
            if (r < 0)
                return r;
            continue;
        }
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        if (answer[len++] == '\n')
            return len > 3 && memcmp(answer, "OK ", 3) == 0 ? 0 : -ECONNREFUSED;
    }
    return -ECONNREFUSED;
}

static int dial(struct loop *loop, const char *socket, uint64_t deadline)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    if (strlen(socket) >= sizeof(sa.sun_path))
        return -ENAMETOOLONG;
    strcpy(sa.sun_path, socket);
    _close_ int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    int r = sys_connect(fd, (const struct sockaddr *)&sa, sizeof(sa));
    if (r == 0)
        r = fd_write_all(fd, RPC_PORT_LINE, strlen(RPC_PORT_LINE));
    if (r == 0)
        r = read_answer(loop, fd, deadline);
    return r < 0 ? r : fd_take(&fd);
}

int agent_link_open(struct loop *loop, const char *socket, uint64_t deadline, struct ttrpc_client **ret_client,
                    struct error *err)
{
    for (;;) {
        uint64_t attempt = sys_monotonic_ns() + ANSWER_NS;
        int fd = dial(loop, socket, attempt < deadline ? attempt : deadline);
        if (fd >= 0)
            return ttrpc_client_new(loop, fd, ret_client, err);
        int r = fd == -ECANCELED ? fd : fiber_sleep_until(loop, sys_monotonic_ns() + PAUSE_NS);
        if (r < 0)
            return error_set(err, r, "connect to the agent");
        if (sys_monotonic_ns() >= deadline)
            return error_text(err, -ETIMEDOUT, "the agent did not answer in time");
    }
}

/* ---- calls ---- */

static int call(struct ttrpc_client *client, const char *service, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *reply_type, uint64_t timeout_ns, struct error *err)
{
    _arena_ struct arena *a = arena_new(CALL_BYTES);
    ProtobufCMessage *reply;

    int r = ttrpc_client_call(client, service, method, request, reply_type, a, timeout_ns, &reply, err);
    return r < 0 ? error_wrap(err, "%s", method) : 0;
}

#define agent_call(client, method, request, timeout_ns, err)                                                                   \
    call(client, "grpc.AgentService", method, request, &google__protobuf__empty__descriptor, timeout_ns, err)

static int create_sandbox(struct ttrpc_client *client, const char *id, const char *hostname, struct error *err)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    Grpc__Storage storage = GRPC__STORAGE__INIT;
    Grpc__Storage *storages[] = {&storage};
    char name[HOSTNAME_LEN_MAX + 1] = "";

    strncat(name, hostname, HOSTNAME_LEN_MAX);
    storage.driver = (char[]){"virtio-fs"};
    storage.source = (char[]){"kataShared"};
    storage.fstype = (char[]){"virtiofs"};
    storage.mount_point = (char[]){SHARE_GUEST "/"};
    request.hostname = name;
    request.sandbox_id = (char *)(uintptr_t)id;
    request.n_storages = 1;
    request.storages = storages;
    return agent_call(client, "CreateSandbox", &request.base, CALL_NS, err);
}

int agent_link_begin(struct ttrpc_client *client, const char *id, const char *hostname, uint64_t deadline, struct error *err)
{
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
    uint64_t now = sys_monotonic_ns();

    if (now >= deadline)
        return error_text(err, -ETIMEDOUT, "the agent did not answer in time");
    int r = call(client, "grpc.Health", "Check", &request.base, &grpc__health_check_response__descriptor, deadline - now, err);
    return r < 0 ? r : create_sandbox(client, id, hostname, err);
}

int agent_link_destroy(struct ttrpc_client *client, uint64_t timeout_ns, struct error *err)
{
    Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

    return agent_call(client, "DestroySandbox", &request.base, timeout_ns, err);
}

int agent_link_kill(struct ttrpc_client *client, const char *container, const char *exec, struct error *err)
{
    Grpc__SignalProcessRequest request = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

    request.container_id = (char *)(uintptr_t)container;
    request.exec_id = (char *)(uintptr_t)exec;
    request.signal = SIGKILL;
    int r = agent_call(client, "SignalProcess", &request.base, KILL_NS, err);
    return r == -ENOENT ? 0 : r;
}
