/* SPDX-License-Identifier: Apache-2.0 */
/* A multiplexer between a guest of tests and host programs of tests, in a loop that runs as far as it can. */
#pragma once
#include "runtime-min/tests/vsock_guest.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "loop/internal.h"
#include "runtime-min/vsock/conn.h"
#include "runtime-min/vsock/mux.h"

#define GUEST_PORT 1024
#define RING_SIZE 128

struct bench {
    struct guest guest;
    struct mux *mux;
    struct anomalies anomalies;
    struct timer work, stop;
    char directory[32], path[64];
};

static struct bench bench;

static inline void bench_wake(void *context)
{
    (void)context;
    if (bench.work.slot == 0)
        timer_start(loop, &bench.work, loop_now(loop));
}

static inline void bench_work(struct timer *timer)
{
    (void)timer;
    bool more = mux_receive(bench.mux, &bench.guest.queues[GUEST_TX], 256);
    more |= mux_send(bench.mux, &bench.guest.queues[GUEST_RX], 256);
    virtqueue_publish(&bench.guest.queues[GUEST_TX]);
    virtqueue_publish(&bench.guest.queues[GUEST_RX]);
    if (more)
        bench_wake(NULL);
}

static inline void bench_stop(struct timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

/* Lets happen what can happen now; the guest has kicked. */
static inline void settle(void)
{
    bench_wake(NULL);
    for (int i = 0; i < 20; i++) {
        timer_start(loop, &bench.stop, loop_now(loop));
        run_loop();
    }
}

/* A guest whose memory is all there is, bytes from address 0 on: two rings of size entries at its start. */
static inline void bench_lay(char *mem, size_t bytes, unsigned int size, bool event_idx[2])
{
    bench = (struct bench){.work.expired = bench_work, .stop.expired = bench_stop};
    bench.guest.memory = (struct guest_memory){.n = 1, .mappings = {{{0, bytes, 0, 0}, mem, bytes}}};
    bench.mux = mux_new(loop, &(struct mux_options){GUEST_CID, "/nowhere/v", bench_wake, NULL, &bench.anomalies});
    for (unsigned int i = 0; i < 2; i++)
        virtqueue_start(&bench.guest.queues[i], &bench.guest.memory,
                        &(struct virtqueue_addresses){i * 512, i * 512 + 128, i * 512 + 256}, size, 0, event_idx[i], NULL);
}

/* The guest makes more chains available, whatever they are. */
static inline void bench_offer(unsigned int which, unsigned int more)
{
    struct vring_avail *avail = bench.guest.queues[which].avail;
    avail->idx = htole16((uint16_t)(le16toh(avail->idx) + more));
}

static inline void bench_end(void)
{
    timer_stop(&bench.work);
    mux_free(bench.mux);
    loop_free(loop);
}

static inline int bench_setup(void **state)
{
    loop_setup(state);
    memset(&bench, 0, sizeof(bench));
    guest_init(&bench.guest);
    guest_start(&bench.guest, GUEST_RX, RING_SIZE, 0, true);
    guest_start(&bench.guest, GUEST_TX, RING_SIZE, 0, true);
    bench.work.expired = bench_work;
    bench.stop.expired = bench_stop;
    strcpy(bench.directory, "/tmp/tatami-XXXXXX");
    assert_non_null(mkdtemp(bench.directory));
    snprintf(bench.path, sizeof(bench.path), "%s/v", bench.directory);
    const struct mux_options options = {
        .guest_cid = GUEST_CID, .path = bench.path, .wake = bench_wake, .anomalies = &bench.anomalies};
    bench.mux = mux_new(loop, &options);
    return 0;
}

static inline int bench_teardown(void **state)
{
    timer_stop(&bench.work);
    mux_free(bench.mux);
    guest_done(&bench.guest);
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", bench.directory);
    return system(command) == 0 ? loop_teardown(state) : -1;
}

#define mux_test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

/* What the guest receives next: its operation, or -1. */
static inline int received(struct packet *ret_packet, const char **ret_payload)
{
    struct packet packet;

    if (!guest_receive(&bench.guest, ret_packet ?: &packet, ret_payload))
        return -1;
    if (!ret_packet)
        ret_packet = &packet;
    check_int("source", ret_packet->src_cid, CID_HOST);
    check_int("target", ret_packet->dst_cid, GUEST_CID);
    return ret_packet->op;
}

static inline void send_packet(const struct packet *packet, const void *payload, size_t len)
{
    guest_send(&bench.guest, packet, payload, len);
    settle();
}

static inline void send_op(uint16_t op, uint32_t host_port)
{
    const struct packet packet = guest_packet(op, GUEST_PORT, host_port);

    send_packet(&packet, NULL, 0);
}

static inline void send_data(uint32_t host_port, const void *data, size_t len)
{
    struct packet packet = guest_packet(VIRTIO_VSOCK_OP_RW, GUEST_PORT, host_port);

    packet.len = (uint32_t)len;
    send_packet(&packet, data, len);
}

static inline void send_shutdown(uint32_t host_port, uint32_t flags)
{
    struct packet packet = guest_packet(VIRTIO_VSOCK_OP_SHUTDOWN, GUEST_PORT, host_port);

    packet.flags = flags;
    send_packet(&packet, NULL, 0);
}

/* A host program that has asked for the guest's port. Returns its end. */
static inline int host_connect(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(mux_connect(bench.mux, GUEST_PORT, fds[1]), 0);
    settle();
    return fds[0];
}

static inline void expect_line(int fd, const char *want)
{
    char line[64] = "";

    ssize_t r = read(fd, line, sizeof(line) - 1);
    line[r > 0 ? r : 0] = '\0';
    check_string("line", line, want);
}

/* An established connection; *ret_port: the host's port. The guest has buffers. */
static inline int host_connection(uint32_t *ret_port)
{
    struct packet packet;
    char line[32];
    int fd = host_connect();

    guest_give(&bench.guest, RING_SIZE / 2, RX_BYTES);
    settle();
    assert_int_equal(received(&packet, NULL), VIRTIO_VSOCK_OP_REQUEST);
    *ret_port = packet.src_port;
    send_op(VIRTIO_VSOCK_OP_RESPONSE, *ret_port);
    snprintf(line, sizeof(line), "OK %u\n", *ret_port);
    expect_line(fd, line);
    return fd;
}

/* The host's end was closed. */
static inline bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A program that the guest can reach at this port of the host. */
static inline int host_listen(uint32_t port, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s_%u", bench.path, port);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static inline struct conn *only_connection(void)
{
    for (unsigned int i = 0; i < MUX_BUCKETS; i++) {
        if (!list_is_empty(&bench.mux->connections[i]))
            return CONTAINER_OF(bench.mux->connections[i].next, struct conn, node);
    }
    fail_msg("no connection");
    return NULL;
}

/* The loop has nothing to do: no descriptor that it watches is ready. */
static inline void assert_loop_sleeps(void)
{
    struct epoll_event event;

    assert_int_equal(sys_epoll_wait(loop->epfd, &event, 1, 0), 0);
    assert_int_equal(bench.work.slot, 0);
}

static inline uint64_t noted(enum anomaly kind)
{
    return bench.anomalies.counts[kind];
}

/* Until the device has no buffer of the guest left. */
static inline void use_up_buffers(uint32_t port)
{
    while (received(NULL, NULL) == OP(CREDIT_UPDATE))
        ;
    while (bench.guest.queues[GUEST_RX].last_avail != bench.guest.rings[GUEST_RX].added) {
        send_op(OP(CREDIT_REQUEST), port);
        assert_int_equal(received(NULL, NULL), OP(CREDIT_UPDATE));
    }
}

/* Skips the test where there are not enough for all connections. */
static inline void need_descriptors(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 2 * MUX_CONNECTIONS_MAX + 64;
    if (limit.rlim_max < limit.rlim_cur || setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        print_message("needs %lu descriptors\n", (unsigned long)limit.rlim_cur);
        skip();
    }
}
