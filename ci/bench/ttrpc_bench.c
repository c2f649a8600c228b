/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the ttrpc server over a unix socket, beside the same bytes echoed by two system calls. Prints NAME, VALUE, UNIT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/loop.h"
#include "proto/agent.pb-c.h"
#include "sys/sys.h"
#include "ttrpc/envelope.h"
#include "ttrpc/frame.h"
#include "ttrpc/server.h"

#define IN_FLIGHT 64
#define REPLY_SIZE 16 /* header, 0a00, 12020801 */

static int check(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply, struct error *err)
{
    (void)call, (void)request, (void)err;
    ((Grpc__HealthCheckResponse *)reply)->status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return 0;
}

static const struct ttrpc_method methods[] = {
    {"grpc.Health", "Check", &grpc__check_request__descriptor, &grpc__health_check_response__descriptor, check},
    {"grpc.Health", "Data", &grpc__write_stream_request__descriptor, &grpc__health_check_response__descriptor, check},
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- the two servers, each in a process of its own ---- */

static void serve(int fd)
{
    const struct ttrpc_server_options options = {.methods = methods, .n_methods = ARRAY_SIZE(methods)};
    struct ttrpc_server *server;
    struct loop *loop;

    if (loop_new(&loop, NULL) < 0 || ttrpc_server_new(loop, &options, &server, NULL) < 0 ||
        ttrpc_server_adopt(server, fd, NULL) < 0)
        exit(1);
    loop_run(loop, NULL); /* until the peer has gone */
    exit(0);
}

/* Answers each small request with as many bytes as a reply has. */
static void echo(int fd)
{
    char buffer[4096];

    while (read(fd, buffer, sizeof(buffer)) > 0)
        if (write(fd, buffer, REPLY_SIZE) != REPLY_SIZE)
            exit(1);
    exit(0);
}

static int start(void (*run)(int fd))
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        die("socketpair");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(fds[0]);
        run(fds[1]);
    }
    close(fds[1]);
    return fds[0];
}

/* Not only closed: a server that was started later holds the socket too. */
static void stop(int fd)
{
    shutdown(fd, SHUT_RDWR);
    close(fd);
    wait(NULL);
}

/* ---- the client ---- */

/* A whole request frame with len bytes of data, to be freed. */
static uint8_t *make_request(const char *method, size_t len, size_t *ret_size)
{
    Grpc__WriteStreamRequest message = GRPC__WRITE_STREAM_REQUEST__INIT;
    uint8_t *data = calloc(1, len + 1);

    message.data = (ProtobufCBinaryData){.len = len, .data = data};
    const struct envelope_request head = {
        .service = {(const uint8_t *)"grpc.Health", 11},
        .method = {(const uint8_t *)method, strlen(method)},
        .payload.len = protobuf_c_message_get_packed_size(&message.base),
    };
    const struct frame frame = {.length = (uint32_t)envelope_request_size(&head), .stream = 1, .type = FRAME_REQUEST};
    uint8_t *bytes = malloc(FRAME_HEADER_SIZE + frame.length);
    frame_write_header(bytes, &frame);
    protobuf_c_message_pack(&message.base, envelope_put_request(bytes + FRAME_HEADER_SIZE, &head));
    free(data);
    *ret_size = FRAME_HEADER_SIZE + frame.length;
    return bytes;
}

static void write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n <= 0)
            die("write");
        p += n;
        len -= (size_t)n;
    }
}

static void read_all(int fd, size_t len)
{
    char buffer[4096];

    while (len > 0) {
        ssize_t n = read(fd, buffer, len < sizeof(buffer) ? len : sizeof(buffer));
        if (n <= 0)
            die("read");
        len -= (size_t)n;
    }
}

static void report(const char *name, uint64_t ns, unsigned int n)
{
    printf("%s\t%.2f\tus\n", name, (double)ns / n / 1000);
    fflush(stdout);
}

static uint64_t run_sequential(int fd, const uint8_t *request, size_t size, unsigned int n)
{
    uint64_t begin = sys_monotonic_ns();

    for (unsigned int i = 0; i < n; i++) {
        write_all(fd, request, size);
        read_all(fd, REPLY_SIZE);
    }
    return sys_monotonic_ns() - begin;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One small call after the other, in turns with the floor; the best of many rounds, because the machine is shared. */
static void measure_small(void)
{
    const unsigned int n = 2000;
    int floor_fd = start(echo), fd = start(serve);
    size_t size;
    uint8_t *request = make_request("Check", 0, &size);
    uint64_t floor_best = UINT64_MAX, best = UINT64_MAX;

    for (int round = 0; round < 30; round++) {
        floor_best = smaller(floor_best, run_sequential(floor_fd, request, size, n));
        best = smaller(best, run_sequential(fd, request, size, n));
    }
    report("ttrpc.socket_floor", floor_best, n);
    report("ttrpc.check_sequential", best, n);
    free(request);
    stop(floor_fd);
    stop(fd);
}

static void measure_large(const char *name, size_t len, unsigned int n)
{
    int fd = start(serve);
    size_t size;
    uint8_t *request = make_request("Data", len, &size);
    uint64_t best = UINT64_MAX;

    for (int round = 0; round < 5; round++)
        best = smaller(best, run_sequential(fd, request, size, n));
    report(name, best, n);
    free(request);
    stop(fd);
}

/* Keeps IN_FLIGHT calls under way: as many new requests as there were replies. */
static uint64_t run_pipelined(int fd, uint8_t *requests, size_t size, unsigned int n)
{
    uint64_t begin = sys_monotonic_ns();
    unsigned int sent = IN_FLIGHT, got = 0;
    size_t partial = 0;

    write_all(fd, requests, size * IN_FLIGHT);
    while (got < n) {
        char buffer[IN_FLIGHT * REPLY_SIZE];
        ssize_t len = read(fd, buffer, sizeof(buffer));
        if (len <= 0)
            die("read");
        unsigned int whole = (unsigned int)((partial + (size_t)len) / REPLY_SIZE);
        partial = (partial + (size_t)len) % REPLY_SIZE;
        got += whole;
        unsigned int more = sent + whole <= n ? whole : n - sent;
        write_all(fd, requests, size * more);
        sent += more;
    }
    return sys_monotonic_ns() - begin;
}

static void measure_pipelined(const char *name, unsigned int n)
{
    int fd = start(serve);
    size_t size;
    uint8_t *request = make_request("Check", 0, &size);
    uint8_t *requests = malloc(size * IN_FLIGHT);
    uint64_t best = UINT64_MAX;

    for (unsigned int i = 0; i < IN_FLIGHT; i++) {
        request[7] = (uint8_t)(2 * i + 1);
        memcpy(requests + i * size, request, size);
    }
    for (int round = 0; round < 5; round++)
        best = smaller(best, run_pipelined(fd, requests, size, n));
    report(name, best, n);
    free(requests);
    free(request);
    stop(fd);
}

int main(void)
{
    measure_small();
    measure_pipelined("ttrpc.check_64_in_flight", 200000);
    measure_large("ttrpc.request_64KiB", 64 * 1024, 2000);
    measure_large("ttrpc.request_1MiB", 1024 * 1024, 200);
    measure_large("ttrpc.request_4MB", 4000000, 50);
    return 0;
}
