/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's container life cycle over its socket: create, start, wait, remove of a bundle, and what an idle container costs.
 *
 *     lifecycle AGENT BUNDLE DIR
 *
 * The agent runs in a mount namespace of its own with DIR as its base directory. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "ci/bench/measure.h"
#include "google/protobuf/empty.pb-c.h"
#include "loop/loop.h"
#include "oci/json.h"
#include "oci/wire.h"
#include "proto/agent.pb-c.h"
#include "ttrpc/address.h"
#include "ttrpc/client.h"

#define ARENA_BYTES (16u << 20)
#define CALL_TIMEOUT_NS (10 * NSEC_PER_SEC)
#define IDLE_CONTAINERS 50
#define CONNECT_TRIES 200

extern char **environ;

struct bench {
    struct loop *loop;
    struct ttrpc_client *client;
    pid_t agent;
    Grpc__Spec *spec; /* the bundle */
    char id[32];      /* of the container that once() makes */
};

__attribute__((noreturn)) static void die(const char *what, const struct error *err)
{
    fprintf(stderr, "lifecycle: %s: %s\n", what, err->text);
    exit(1);
}

static void call(struct bench *bench, const char *method, const void *request, const ProtobufCMessageDescriptor *reply_type)
{
    _arena_ struct arena *a = arena_new(ARENA_BYTES);
    struct error err = {0};
    ProtobufCMessage *reply;
    if (ttrpc_client_call(bench->client, "grpc.AgentService", method, request, reply_type, a, CALL_TIMEOUT_NS, &reply, &err) <
        0)
        die(method, &err);
}

static void create_and_start(struct bench *bench)
{
    Grpc__CreateContainerRequest create = GRPC__CREATE_CONTAINER_REQUEST__INIT;
    Grpc__StartContainerRequest start = GRPC__START_CONTAINER_REQUEST__INIT;
    create.container_id = create.exec_id = start.container_id = bench->id;
    create.oci = bench->spec;
    call(bench, "CreateContainer", &create, &google__protobuf__empty__descriptor);
    call(bench, "StartContainer", &start, &google__protobuf__empty__descriptor);
}

static void remove_container(struct bench *bench)
{
    Grpc__RemoveContainerRequest request = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
    request.container_id = bench->id;
    call(bench, "RemoveContainer", &request, &google__protobuf__empty__descriptor);
}

static int run_once(void *arg)
{
    struct bench *bench = arg;
    Grpc__WaitProcessRequest wait = GRPC__WAIT_PROCESS_REQUEST__INIT;
    wait.container_id = wait.exec_id = bench->id;
    create_and_start(bench);
    call(bench, "WaitProcess", &wait, &grpc__wait_process_response__descriptor);
    remove_container(bench);
    return 0;
}

static long rss_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "VmRSS: %ld", &kib);
    if (file)
        fclose(file);
    return kib;
}

static void measure_idle_containers(struct bench *bench)
{
    char *sleep_argv[] = {"/bin/sleep", "1000"};
    char **argv = bench->spec->process->args;
    size_t n_argv = bench->spec->process->n_args;
    long before = rss_kib(bench->agent);

    bench->spec->process->args = sleep_argv;
    bench->spec->process->n_args = 2;
    for (int i = 0; i < IDLE_CONTAINERS; i++) {
        snprintf(bench->id, sizeof(bench->id), "idle-%d", i);
        create_and_start(bench);
    }
    printf("agent-rss-per-idle-container\t%.1f\tKiB\n", (double)(rss_kib(bench->agent) - before) / IDLE_CONTAINERS);
    for (int i = 0; i < IDLE_CONTAINERS; i++) {
        snprintf(bench->id, sizeof(bench->id), "idle-%d", i);
        remove_container(bench);
    }
    bench->spec->process->args = argv;
    bench->spec->process->n_args = n_argv;
}

/* ---- stdout relay ---- */

#define RELAY_MIB 256
#define RELAY_CHUNK (64 * 1024)

static void print_rate(const char *name, double took_us)
{
    printf("%s\t%.1f\tMiB/s\n", name, RELAY_MIB / (took_us / 1e6));
}

/* What cannot be done faster: a process writes to a pipe, another copies the pipe to a socket, this one reads the socket. */
static void measure_relay_floor(void)
{
    static char chunk[RELAY_CHUNK];
    int from[2], to[2];
    ssize_t n;

    if (pipe(from) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, to) < 0)
        die("pipe and sockets", &(struct error){.text = "cannot be made"});
    double start = bench_now_us();
    if (fork() == 0) {
        for (int i = 0; i < RELAY_MIB * 16 && write(from[1], chunk, sizeof(chunk)) > 0; i++)
            ;
        _exit(0);
    }
    close(from[1]);
    if (fork() == 0) {
        while ((n = read(from[0], chunk, sizeof(chunk))) > 0 && write(to[1], chunk, (size_t)n) == n)
            ;
        _exit(0);
    }
    close(from[0]);
    close(to[1]);
    while (read(to[0], chunk, sizeof(chunk)) > 0)
        ;
    print_rate("relay.floor", bench_now_us() - start);
    close(to[0]);
    for (int i = 0; i < 2; i++)
        waitpid(-1, NULL, WNOHANG);
}

static size_t read_chunk(struct bench *bench)
{
    _arena_ struct arena *a = arena_new(ARENA_BYTES);
    Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
    struct error err = {0};
    ProtobufCMessage *reply = NULL;

    request.container_id = bench->id;
    request.len = RELAY_CHUNK;
    if (ttrpc_client_call(bench->client, "grpc.AgentService", "ReadStdout", &request.base,
                          &grpc__read_stream_response__descriptor, a, CALL_TIMEOUT_NS, &reply, &err) < 0)
        die("ReadStdout", &err);
    return ((const Grpc__ReadStreamResponse *)(const void *)reply)->data.len;
}

static void measure_relay(struct bench *bench)
{
    char *dd_argv[] = {"/bin/dd", "if=/dev/zero", "bs=65536", "count=4096"};
    char **argv = bench->spec->process->args;
    size_t n_argv = bench->spec->process->n_args, total = 0, n;

    measure_relay_floor();
    bench->spec->process->args = dd_argv;
    bench->spec->process->n_args = 4;
    double start = bench_now_us();
    create_and_start(bench);
    while ((n = read_chunk(bench)) > 0)
        total += n;
    print_rate("relay.tatami", bench_now_us() - start);
    if (total != (size_t)RELAY_MIB << 20)
        die("relay", &(struct error){.text = "bytes were lost"});
    remove_container(bench);
    bench->spec->process->args = argv;
    bench->spec->process->n_args = n_argv;
}

static void run_all(void *arg)
{
    struct bench *bench = arg;
    Grpc__CreateSandboxRequest sandbox = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    sandbox.sandbox_id = "bench-sandbox";
    sandbox.hostname = "bench";

    printf("agent-rss-idle\t%ld\tKiB\n", rss_kib(bench->agent));
    call(bench, "CreateSandbox", &sandbox, &google__protobuf__empty__descriptor);
    snprintf(bench->id, sizeof(bench->id), "bench");
    bench_both_pacings("tatami", run_once, bench);
    measure_idle_containers(bench);
    measure_relay(bench);
    ttrpc_client_free(bench->client);
    loop_stop(bench->loop);
}

static Grpc__Spec *read_bundle(struct arena *a, const char *bundle)
{
    char path[512], text[65536];
    struct error err = {0};
    struct oci_spec *spec;
    Grpc__Spec *wire;

    snprintf(path, sizeof(path), "%s/config.json", bundle);
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
    if (file)
        fclose(file);
    if (oci_spec_from_json(a, text, len, &spec, NULL, &err) < 0 || oci_spec_to_wire(a, spec, &wire, &err) < 0)
        die(path, &err);
    return wire;
}

static void start_agent(struct bench *bench, char *program, const char *dir)
{
    char address_text[512], base[512];
    struct address address;
    struct error err = {0};
    int fd = -1;

    snprintf(address_text, sizeof(address_text), "unix://%s/agent.sock", dir);
    snprintf(base, sizeof(base), "%s/base", dir);
    char *argv[] = {program, "--server-addr", address_text, "--base-dir", base, NULL};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        posix_spawn(&bench->agent, program, &quiet, NULL, argv, environ) != 0 ||
        address_parse(address_text, &address, &err) < 0)
        die("start the agent", &err);
    posix_spawn_file_actions_destroy(&quiet);
    for (int i = 0; i < CONNECT_TRIES && fd < 0; i++) {
        fd = address_connect(&address, &err);
        if (fd < 0)
            nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    if (fd < 0 || ttrpc_client_new(bench->loop, fd, &bench->client, &err) < 0)
        die("connect", &err);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct error err = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: lifecycle AGENT BUNDLE DIR\n");
        return 2;
    }
    _arena_ struct arena *a = arena_new(ARENA_BYTES);
    bench.spec = read_bundle(a, argv[2]);
    if (loop_new(&bench.loop, &err) < 0)
        die("loop", &err);
    start_agent(&bench, argv[1], argv[3]);
    if (fiber_start(bench.loop, "bench", run_all, &bench, NULL) < 0 || loop_run(bench.loop, &err) < 0)
        die("run", &err);
    loop_free(bench.loop);
    kill(bench.agent, SIGTERM);
    waitpid(bench.agent, NULL, 0);
    return 0;
}
