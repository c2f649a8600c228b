/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for the parts of a virtual machine: the test's own program, started under other names.
 *
 * The name of the file that is the kernel says what QEMU does, the name of the program what a helper does; parts_main() looks
 * at them. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/agent.pb-c.h"
#include "sys/fd.h"
#include "ttrpc/server.h"

#define FLOOD_BYTES (20 << 20)

static inline const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- QEMU: descriptors 3 QMP, 4 console, then the images and the devices ---- */

#define QEMU_VSOCK_FD 7

static inline void qemu_say(int fd, const char *text)
{
    (void)fd_write_all(fd, text, strlen(text));
}

/* Returns what QMP says, like read(2); ends when the guest goes off, which the stand-in of the agent tells over vsock. */
static inline ssize_t qemu_hear(char *command, size_t size, bool goes_off)
{
    struct pollfd pollfds[] = {{.fd = 3, .events = POLLIN}, {.fd = goes_off ? QEMU_VSOCK_FD : -1, .events = POLLIN}};
    char byte;

    if (poll(pollfds, 2, -1) < 0)
        return -1;
    if ((pollfds[1].revents & POLLIN) && read(QEMU_VSOCK_FD, &byte, 1) == 1)
        _exit(0);
    return read(3, command, size);
}

static inline void qemu_serve(bool quits)
{
    char command[512];
    ssize_t n;

    qemu_say(4, "console of the guest\n");
    qemu_say(3, "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n");
    while ((n = qemu_hear(command, sizeof(command) - 1, quits)) > 0) {
        command[n] = '\0';
        if (strstr(command, "\"quit\"") && !quits)
            continue;
        char answer[64];
        snprintf(answer, sizeof(answer), "{\"return\": {}, %s\r\n", strstr(command, "\"id\""));
        qemu_say(3, answer);
        if (strstr(command, "\"quit\""))
            _exit(0);
    }
    _exit(1);
}

/* QEMU opens its kernel by the name that it was given. */
static inline bool can_read(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && read(fd, &byte, 1) == 1;
}

static inline int fake_qemu(const char *kernel, const char *accel)
{
    if (strcmp(kernel, "no-kvm") == 0 && strcmp(accel, "kvm") == 0)
        raise(SIGABRT);
    if (strcmp(kernel, "exits") == 0) {
        qemu_say(2, "qemu-system-x86_64: could not open kernel file\n");
        return 1;
    }
    if (strcmp(kernel, "aborts") == 0)
        raise(SIGABRT);
    if (strcmp(kernel, "floods") == 0) {
        static char chunk[65536];
        memset(chunk, 'x', sizeof(chunk));
        for (int i = 0; i < FLOOD_BYTES; i += (int)sizeof(chunk))
            (void)fd_write_all(2, chunk, sizeof(chunk));
        qemu_say(2, "\nthe last words\n");
        return 1;
    }
    if (strcmp(kernel, "silent") == 0)
        pause();
    if (strcmp(kernel, "panics") == 0) {
        qemu_say(4, "[    0.3] a line\r\n[    0.4] init[1]: segfault at 1 ip 2\r\n[    0.4] Code: 00\r\n");
        qemu_say(4, "[    0.5] Kernel panic - not syncing: \033[1mno init\r\n");
        for (int i = 0; i < 100; i++)
            qemu_say(4, "[    0.5]  a line of the trace\r\n");
        qemu_say(4, "[    0.6] RIP: 2\r\n[    0.6] the end\r\n");
        qemu_say(3, "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}\r\n");
        usleep(100000);
        return 0;
    }
    qemu_serve(strcmp(kernel, "stays") != 0);
    return 1;
}

/* ---- virtiofsd: descriptor 3 listens ---- */

static inline int fake_virtiofsd(const char *name)
{
    char byte;

    if (strcmp(name, "virtiofsd-fails") == 0) {
        qemu_say(2, "fuse: unknown option(s)\n");
        return 1;
    }
    if (strcmp(name, "virtiofsd-leaves") == 0)
        return 0;
    int fd = accept(3, NULL, NULL);
    while (read(fd, &byte, 1) > 0)
        continue;
    return 0;
}

/* ---- the vsock device with an agent behind it: descriptors 3 frontend, 4 hybrid ---- */

struct fake_agent {
    struct loop *loop;
    struct ttrpc_server *server;
    struct watch frontend, hybrid;
    const char *name;
    char signals[256]; /* file that SignalProcess is written down in */
    char answers[256]; /* file with the number of checks so far */
    int checks;
    char ooms[16][64]; /* containers of events that nobody has asked for yet: each process that is signalled is one */
    size_t n_ooms;
    struct waitq oom;
};

/* An answer that never comes. */
static inline int agent_hang(struct ttrpc_call *call, struct error *err)
{
    struct waitq never;

    waitq_init(&never);
    return error_text(err, waitq_wait(call->loop, &never, NO_DEADLINE), "cancelled");
}

/* The first check is that of the boot. */
static inline int agent_check(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply,
                              struct error *err)
{
    struct fake_agent *agent = call->context;

    (void)request, (void)reply;
    agent->checks++;
    FILE *file = fopen(agent->answers, "w");
    fprintf(file, "%d", agent->checks);
    fclose(file);
    if (strcmp(agent->name, "vsock-hangs") == 0 && agent->checks > 1)
        return agent_hang(call, err);
    if (strcmp(agent->name, "vsock-lags") == 0 && agent->checks % 3 != 1)
        return agent_hang(call, err);
    return 0;
}

static inline int agent_create(struct ttrpc_call *call, const ProtobufCMessage *message, ProtobufCMessage *reply,
                               struct error *err)
{
    const Grpc__CreateSandboxRequest *request = (const void *)message;
    const struct fake_agent *agent = call->context;

    (void)reply;
    if (strcmp(agent->name, "vsock-refuses") == 0)
        return error_status(err, STATUS_INTERNAL, "no room in %s", request->hostname);
    if (request->n_storages != 1 || strcmp(request->storages[0]->driver, "virtio-fs") != 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "storages");
    return 0;
}

static inline int agent_destroy(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply,
                                struct error *err)
{
    (void)call, (void)request, (void)reply, (void)err;
    qemu_say(3, "x");
    return 0;
}

static inline int agent_signal(struct ttrpc_call *call, const ProtobufCMessage *message, ProtobufCMessage *reply,
                               struct error *err)
{
    const Grpc__SignalProcessRequest *request = (const void *)message;
    struct fake_agent *agent = call->context;

    (void)reply, (void)err;
    FILE *file = fopen(agent->signals, "a");
    fprintf(file, "%s/%s/%u\n", request->container_id, request->exec_id, request->signal);
    fclose(file);
    if (agent->n_ooms < ARRAY_SIZE(agent->ooms))
        snprintf(agent->ooms[agent->n_ooms++], sizeof(agent->ooms[0]), "%s", request->container_id);
    waitq_wake_all(&agent->oom);
    return 0;
}

static inline void agent_write_down(const struct fake_agent *agent, const char *text)
{
    FILE *file = fopen(agent->signals, "a");

    fputs(text, file);
    fclose(file);
}

static inline int agent_oom(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *message,
                            struct error *err)
{
    Grpc__OOMEvent *event = (void *)message;
    struct fake_agent *agent = call->context;
    int r = 0;

    (void)request;
    if (strcmp(agent->name, "vsock-invents") == 0) {
        agent_write_down(agent, "x");
        event->container_id = arena_strdup(call->arena, "c1");
        return 0;
    }
    while (agent->n_ooms == 0 && r == 0)
        r = waitq_wait(call->loop, &agent->oom, NO_DEADLINE);
    if (r < 0)
        return error_text(err, r, "cancelled");
    event->container_id = arena_strdup(call->arena, agent->ooms[--agent->n_ooms]);
    return 0;
}

static inline void hybrid_ready(struct watch *watch, uint32_t events)
{
    struct fake_agent *agent = CONTAINER_OF(watch, struct fake_agent, hybrid);
    char line[32];
    struct error err;

    (void)events;
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
    if (strcmp(agent->name, "vsock-closes") == 0 || read(fd, line, sizeof(line)) <= 0) {
        close(fd);
        return;
    }
    qemu_say(fd, "OK 1073741824\n");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)ttrpc_server_adopt(agent->server, fd, &err);
}

static inline void frontend_ready(struct watch *watch, uint32_t events)
{
    (void)watch, (void)events;
    exit(0);
}

static inline int fake_vsock(const char *path)
{
    static struct fake_agent agent;
    static const struct ttrpc_method methods[] = {
        {"grpc.Health", "Check", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, agent_check},
        {"grpc.AgentService", "CreateSandbox", &grpc__create_sandbox_request__descriptor, &google__protobuf__empty__descriptor,
         agent_create},
        {"grpc.AgentService", "SignalProcess", &grpc__signal_process_request__descriptor, &google__protobuf__empty__descriptor,
         agent_signal},
        {"grpc.AgentService", "GetOOMEvent", &grpc__get_oomevent_request__descriptor, &grpc__oomevent__descriptor, agent_oom},
        {"grpc.AgentService", "DestroySandbox", &grpc__destroy_sandbox_request__descriptor,
         &google__protobuf__empty__descriptor, agent_destroy},
    };
    const struct ttrpc_server_options options = {.methods = methods, .n_methods = ARRAY_SIZE(methods), .context = &agent};
    struct error err;

    agent.name = base_name(path);
    snprintf(agent.signals, sizeof(agent.signals), "%.*s/signals", (int)(agent.name - path - 1), path);
    snprintf(agent.answers, sizeof(agent.answers), "%.*s/checks", (int)(agent.name - path - 1), path);
    waitq_init(&agent.oom);
    agent.frontend.ready = frontend_ready;
    agent.hybrid.ready = hybrid_ready;
    if (loop_new(&agent.loop, &err) < 0 || ttrpc_server_new(agent.loop, &options, &agent.server, &err) < 0 ||
        watch_start(agent.loop, &agent.frontend, 3, EPOLLIN) < 0 || watch_start(agent.loop, &agent.hybrid, 4, EPOLLIN) < 0)
        return 1;
    return loop_run(agent.loop, &err);
}

/* ---- which one ---- */

/* -1: the program was started as the test. */
static inline int parts_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--fd=3") == 0)
        return fake_virtiofsd(base_name(argv[0]));
    if (argc > 1 && strcmp(argv[1], "--socket-fd") == 0)
        return fake_vsock(argv[0]);
    const char *accel = "";
    for (int i = 1; i + 1 < argc; i++) {
        accel = strcmp(argv[i], "-accel") == 0 ? argv[i + 1] : accel;
        char kernel[256] = "";
        if (strcmp(argv[i], "-kernel") == 0 && readlink(argv[i + 1], kernel, sizeof(kernel) - 1) > 0)
            _exit(
                fake_qemu(can_read(argv[i + 1]) ? base_name(kernel) : "exits", accel)); /* sanitizers cannot look in its jail */
    }
    return -1;
}
