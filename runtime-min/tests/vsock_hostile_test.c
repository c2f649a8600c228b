/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that wants to harm the host, or a host that is slow: nothing grows without bound, nobody else notices, and what the
 * guest is told stays true. */
#include "runtime-min/tests/vsock_mux.h"

#include <sys/resource.h>

#include "runtime-min/vsock/fifo.h"
#include "runtime-min/vsock/iov.h"

#define OP(name) VIRTIO_VSOCK_OP_##name

static char block[65536];

static uint64_t noted(enum anomaly kind)
{
    return bench.anomalies.counts[kind];
}

static void use_up_buffers(uint32_t port)
{
    while (received(NULL, NULL) == OP(CREDIT_UPDATE))
        ;
    while (bench.guest.queues[GUEST_RX].last_avail != bench.guest.rings[GUEST_RX].added) {
        send_op(OP(CREDIT_REQUEST), port);
        assert_int_equal(received(NULL, NULL), OP(CREDIT_UPDATE));
    }
}

/* A packet from nowhere, changed in one field: what comes back, and what is counted. */
static void packets_that_lie_are_dropped_or_reset(void **state)
{
    static const struct {
        const char *label;
        uint64_t src_cid, dst_cid;
        uint16_t type, op;
        uint32_t len;
        bool reset;
        enum anomaly kind;
    } rows[] = {
        {"under another address", 43, 2, 1, OP(RW), 0, false, ANOMALY_SOURCE_CID},
        {"upper half of the address", (UINT64_C(1) << 32) + 42, 2, 1, OP(REQUEST), 0, false, ANOMALY_SOURCE_CID},
        {"as the host", 2, 2, 1, OP(REQUEST), 0, false, ANOMALY_SOURCE_CID},
        {"to another machine", 42, 77, 1, OP(REQUEST), 0, true, ANOMALY_TARGET_CID},
        {"to the hypervisor", 42, 0, 1, OP(REQUEST), 0, true, ANOMALY_TARGET_CID},
        {"a reset to another machine", 42, 77, 1, OP(RST), 0, false, ANOMALY_TARGET_CID},
        {"seqpacket, which was not offered", 42, 2, 2, OP(REQUEST), 0, true, ANOMALY_TYPE},
        {"a type that is none", 42, 2, 0xffff, OP(RW), 0, true, ANOMALY_TYPE},
        {"longer than its buffer", 42, 2, 1, OP(RW), 11, true, ANOMALY_LENGTH},
        {"longer than everything", 42, 2, 1, OP(RW), UINT32_MAX, true, ANOMALY_LENGTH},
    };

    FOR_ROWS (row, rows) {
        struct packet packet = {row->src_cid, row->dst_cid, 9, 10, row->len, row->type, row->op, 0, 1000, 0}, answer;
        guest_give(&bench.guest, 2, RX_BYTES);
        send_packet(&packet, "0123456789", 10);
        bool got = guest_receive(&bench.guest, &answer, NULL);
        check_int(row->label, got, row->reset);
        if (got) {
            check_int(row->label, answer.op, OP(RST));
            check_int(row->label, answer.src_cid, row->dst_cid);
            check_int(row->label, answer.dst_cid, GUEST_CID);
            check_int(row->label, answer.src_port, 10);
            check_int(row->label, answer.dst_port, 9);
            check_int(row->label, answer.type, row->type);
        }
        check_int(row->label, noted(row->kind), 1);
        assert_int_equal(bench.guest.queues[GUEST_TX].last_avail, bench.guest.rings[GUEST_TX].added);
        bench_teardown(state);
        bench_setup(state);
    }
}

static void a_length_that_lies_ends_the_connection_it_names(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    struct packet packet = guest_packet(OP(RW), GUEST_PORT, port);
    packet.len = 100;
    send_packet(&packet, "short", 5);
    assert_true(is_closed(fd));
    assert_int_equal(received(NULL, NULL), OP(RST));
    close(fd);
}

static void what_is_longer_than_said_is_ignored(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    struct packet packet = guest_packet(OP(RW), GUEST_PORT, port);
    packet.len = 5;
    send_packet(&packet, "five and more", 13);
    expect_line(fd, "five ");
    packet.len = 0;
    send_packet(&packet, "nothing", 7);
    assert_false(is_closed(fd));
    assert_int_equal(read(fd, block, 10), -1);
    close(fd);
}

static void a_chain_without_room_for_a_header_is_given_back(void **state)
{
    struct guest_ring *tx = &bench.guest.rings[GUEST_TX];
    (void)state;

    guest_describe(tx, 0, guest_address(TX_AT), 43, 0, 0);
    guest_offer(tx, 0);
    settle();
    assert_int_equal(noted(ANOMALY_CHAIN_SHORT), 1);
    assert_int_equal(le16toh(tx->used->idx), 1);

    guest_give(&bench.guest, 3, 43);
    guest_give(&bench.guest, 1, 44);
    send_op(OP(RW), 1);
    assert_int_equal(noted(ANOMALY_CHAIN_SHORT), 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench.guest.rings[GUEST_RX].used->ring[i].len, 0);
    assert_int_equal(received(NULL, NULL), OP(RST));
}

static void a_buffer_for_a_header_alone_takes_no_data(void **state)
{
    struct packet packet;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    bench.guest.queues[GUEST_RX].last_avail = bench.guest.rings[GUEST_RX].added;
    bench.guest.queues[GUEST_RX].next_used = bench.guest.rings[GUEST_RX].added;
    bench.guest.rings[GUEST_RX].seen = bench.guest.rings[GUEST_RX].added;
    guest_give(&bench.guest, 2, 44);
    guest_give(&bench.guest, 3, 46);
    assert_int_equal(write(fd, "abcde", 5), 5);
    settle();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(received(&packet, NULL), OP(RW));
        assert_int_equal(packet.len, i < 2 ? 2 : 1);
    }
    assert_int_equal(received(NULL, NULL), -1);
    close(fd);
}

static void a_broken_ring_is_not_used_any_more(void **state)
{
    struct guest_ring *tx = &bench.guest.rings[GUEST_TX], *rx = &bench.guest.rings[GUEST_RX];
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    guest_describe(rx, rx->added % RING_SIZE, 0, 4096, VRING_DESC_F_WRITE, 0);
    for (unsigned int i = 0; i < RING_SIZE; i++)
        guest_describe(rx, i, 0, 4096, VRING_DESC_F_WRITE, 0);
    assert_int_equal(write(fd, block, 1000), 1000);
    settle();
    assert_int_equal(noted(ANOMALY_RING_BROKEN), 1);
    guest_describe(tx, 0, guest_address(TX_AT), 44, VRING_DESC_F_NEXT, 0);
    guest_offer(tx, 0);
    settle();
    assert_int_equal(noted(ANOMALY_RING_BROKEN), 2);
    send_op(OP(RW), 1);
    assert_int_equal(noted(ANOMALY_RING_BROKEN), 2);
    assert_loop_sleeps();
    close(fd);
}

static void headers_may_be_cut_anywhere(void **state)
{
    struct guest_ring *tx = &bench.guest.rings[GUEST_TX];
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    struct packet packet = guest_packet(OP(RW), GUEST_PORT, port);
    packet.len = 6;
    struct virtio_vsock_hdr header = packet_encode(&packet);
    char *p = bench.guest.mem + TX_AT;
    memcpy(p, &header, sizeof(header));
    memcpy(p + sizeof(header), "abcdef", 6);
    for (uint32_t cut = 0; cut <= 50; cut++) {
        guest_describe(tx, 0, guest_address(TX_AT), cut, VRING_DESC_F_NEXT, 1);
        guest_describe(tx, 1, guest_address(TX_AT + cut), 50 - cut, 0, 0);
        guest_offer(tx, 0);
        settle();
        expect_line(fd, "abcdef");
    }
    for (uint16_t i = 0; i < 50; i++) /* and in as many parts as there are bytes */
        guest_describe(tx, i, guest_address(TX_AT + i), 1, i < 49 ? VRING_DESC_F_NEXT : 0, i + 1);
    guest_offer(tx, 0);
    settle();
    expect_line(fd, "abcdef");

    struct guest_ring *rx = &bench.guest.rings[GUEST_RX];
    for (uint32_t cut = 0; cut <= 50; cut++) {
        use_up_buffers(port); /* what was offered in one piece */
        rx->seen = le16toh(rx->used->idx);
        size_t at = RX_AT + 126 * RX_BYTES;
        guest_describe(rx, 126, guest_address(at), cut, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 127);
        guest_describe(rx, 127, guest_address(at + cut), 60 - cut, VRING_DESC_F_WRITE, 0);
        guest_offer(rx, 126);
        const char *payload;
        assert_int_equal(write(fd, "uvwxyz", 6), 6);
        settle();
        assert_int_equal(received(&packet, &payload), OP(RW));
        assert_memory_equal(payload, "uvwxyz", 6);
    }
    close(fd);
}

/* ---- credit ---- */

static void more_than_was_granted_ends_the_connection(void **state)
{
    uint32_t port;
    size_t sent = 0;
    (void)state;

    int fd = host_connection(&port);
    for (; noted(ANOMALY_CREDIT) == 0; sent += sizeof(block)) {
        assert_true(sent < 4 * 1024 * 1024);
        assert_true(only_connection()->to_host.len <= CONN_WINDOW_MAX);
        send_data(port, block, sizeof(block));
    }
    assert_int_equal(bench.mux->n_connections, 0);
    int op;
    while ((op = received(NULL, NULL)) == OP(CREDIT_UPDATE))
        ;
    assert_int_equal(op, OP(RST));
    close(fd);
}

static void the_guest_learns_what_the_host_has_read(void **state)
{
    struct packet packet;
    uint32_t port, told = 0, window = CONN_WINDOW_MAX;
    unsigned int updates = 0;
    (void)state;

    int fd = host_connection(&port);
    for (uint32_t sent = 0; sent < 4 * CONN_WINDOW_MAX; sent += sizeof(block)) {
        assert_true(window - (sent - told) >= sizeof(block)); /* the guest never has to wait for a host that reads */
        send_data(port, block, sizeof(block));
        assert_int_equal(read(fd, block, sizeof(block)), sizeof(block));
        settle();
        guest_give(&bench.guest, 1, RX_BYTES);
        while (received(&packet, NULL) == OP(CREDIT_UPDATE)) {
            told = packet.fwd_cnt;
            window = packet.buf_alloc;
            updates++;
        }
    }
    assert_true(told >= 3 * CONN_WINDOW_MAX);
    assert_true(updates <= 8); /* and is not told of each packet */
    close(fd);
}

/* The host reads nothing, and the guest sends all that it may. */
static void use_up_window(uint32_t port)
{
    const struct conn *conn = only_connection();

    for (uint32_t room; (room = conn->window - (conn->received - conn->taken)) > 0;) {
        send_data(port, block, room < 20000 ? room : 20000);
        guest_give(&bench.guest, 1, RX_BYTES);
    }
}

static void a_guest_without_room_has_been_told_all_that_the_host_took(void **state)
{
    struct packet packet = {.fwd_cnt = 0};
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    const struct conn *conn = only_connection();
    use_up_window(port);
    settle();
    while (received(&packet, NULL) == OP(CREDIT_UPDATE))
        ;
    assert_true(conn->taken > 0);
    assert_int_equal(packet.fwd_cnt, conn->taken);
    close(fd);
}

static void a_host_that_is_gone_frees_what_waits_for_it(void **state)
{
    struct packet packet;
    uint32_t port;
    size_t got = 0;
    int op;
    (void)state;

    int fd = host_connection(&port);
    use_up_window(port);
    use_up_buffers(port);
    assert_int_equal(write(fd, block, 100), 100);
    settle();
    close(fd);
    settle();
    assert_int_equal(only_connection()->to_host.len, 0);
    for (int i = 0; i < 20; i++) /* on its way before the guest knows */
        send_data(port, block, 32768);
    assert_int_equal(noted(ANOMALY_CREDIT), 0);
    guest_give(&bench.guest, 20, RX_BYTES);
    settle();
    while ((op = received(&packet, NULL)) != -1 && op != OP(RST))
        got += op == OP(RW) ? packet.len : 0;
    assert_int_equal(got, 100); /* what it had sent arrives */
}

static void an_answer_to_what_was_not_asked_is_refused(void **state)
{
    (void)state;
    int fd = host_connect(); /* the guest has no buffer, so it cannot know */
    send_op(OP(RESPONSE), only_connection()->host_port);
    assert_true(is_closed(fd));
    assert_int_equal(noted(ANOMALY_OPERATION), 1);
    close(fd);
}

static void only_data_has_a_length(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    struct packet packet = guest_packet(OP(CREDIT_REQUEST), GUEST_PORT, port);
    packet.len = 99;
    send_packet(&packet, NULL, 0);
    assert_int_equal(received(NULL, NULL), OP(CREDIT_UPDATE));
    packet.op = OP(RST);
    send_packet(&packet, NULL, 0);
    assert_true(is_closed(fd));
    assert_int_equal(received(NULL, NULL), -1);
    close(fd);
}

static void no_packet_is_longer_than_64_kib(void **state)
{
    static char large[PACKET_PAYLOAD_MAX + 1];
    struct guest_ring *rx = &bench.guest.rings[GUEST_RX];
    struct packet packet;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    send_data(port, large, sizeof(large));
    assert_true(is_closed(fd));
    assert_int_equal(received(NULL, NULL), OP(RST));
    assert_int_equal(noted(ANOMALY_LENGTH), 1);
    close(fd);

    fd = host_connection(&port);
    use_up_buffers(port);
    guest_describe(rx, 0, guest_address(RX_AT), 1024 * 1024, VRING_DESC_F_WRITE, 0);
    guest_offer(rx, 0);
    assert_int_equal(write(fd, large, sizeof(large)), sizeof(large));
    settle();
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.len, PACKET_PAYLOAD_MAX);
    close(fd);
}

static void the_guest_kicks_only_when_the_device_waits_for_buffers(void **state)
{
    struct guest_ring *rx = &bench.guest.rings[GUEST_RX];
    (void)state;

    guest_start(&bench.guest, GUEST_RX, RING_SIZE, 0, false);
    settle();
    assert_int_equal(le16toh(rx->used->flags), VRING_USED_F_NO_NOTIFY);
    send_op(OP(RW), 1);
    assert_int_equal(le16toh(rx->used->flags), 0);
    guest_give(&bench.guest, 1, RX_BYTES);
    settle();
    assert_int_equal(received(NULL, NULL), OP(RST));
    assert_int_equal(le16toh(rx->used->flags), VRING_USED_F_NO_NOTIFY);
}

static void credit_request_is_answered_and_asked_once(void **state)
{
    struct packet packet;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    send_op(OP(CREDIT_REQUEST), port);
    assert_int_equal(received(&packet, NULL), OP(CREDIT_UPDATE));
    assert_int_equal(packet.buf_alloc, CONN_WINDOW_MAX);

    struct packet update = guest_packet(OP(CREDIT_UPDATE), GUEST_PORT, port);
    update.buf_alloc = 10;
    send_packet(&update, NULL, 0);
    assert_int_equal(write(fd, block, 15), 15);
    settle();
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.len, 10);
    assert_int_equal(received(&packet, NULL), OP(CREDIT_REQUEST));
    assert_int_equal(received(&packet, NULL), -1);
    assert_loop_sleeps();
    send_packet(&update, NULL, 0); /* still nothing */
    assert_int_equal(received(&packet, NULL), -1);

    update.buf_alloc = 3; /* less than is under way */
    send_packet(&update, NULL, 0);
    assert_int_equal(received(&packet, NULL), -1);
    update.fwd_cnt = 8;
    send_packet(&update, NULL, 0);
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.len, 1);
    update.fwd_cnt = 5; /* an older word that comes late takes nothing back */
    send_packet(&update, NULL, 0);
    assert_int_equal(received(&packet, NULL), OP(CREDIT_REQUEST));
    update.fwd_cnt = 11;
    update.buf_alloc = UINT32_MAX;
    send_packet(&update, NULL, 0);
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.len, 4);
    update.fwd_cnt = 15;
    update.buf_alloc = 10;
    send_packet(&update, NULL, 0);
    update.fwd_cnt = 12;
    send_packet(&update, NULL, 0);
    assert_int_equal(write(fd, block, 10), 10);
    settle();
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.len, 10);
    close(fd);
}

static void a_guest_that_took_what_it_was_not_sent_is_reset(void **state)
{
    struct packet packet;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    packet = guest_packet(OP(CREDIT_UPDATE), GUEST_PORT, port);
    packet.fwd_cnt = 1;
    send_packet(&packet, NULL, 0);
    assert_true(is_closed(fd));
    assert_int_equal(received(NULL, NULL), OP(RST));
    assert_int_equal(noted(ANOMALY_CREDIT), 1);
    close(fd);
}

static void counts_of_bytes_wrap(void **state)
{
    struct packet packet;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    struct conn *conn = only_connection();
    conn->sent = conn->guest_taken = conn->received = conn->taken = conn->told_taken = UINT32_MAX - 2;
    packet = guest_packet(OP(RW), GUEST_PORT, port);
    packet.fwd_cnt = UINT32_MAX - 2;
    packet.len = 6;
    send_packet(&packet, "across", 6);
    expect_line(fd, "across");
    assert_int_equal(write(fd, block, 10), 10);
    settle();
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.fwd_cnt, 3);
    assert_int_equal(packet.len, 10);
    packet = guest_packet(OP(CREDIT_UPDATE), GUEST_PORT, port);
    packet.fwd_cnt = 7;
    packet.buf_alloc = 5;
    send_packet(&packet, NULL, 0);
    assert_int_equal(write(fd, block, 10), 10);
    settle();
    assert_int_equal(received(&packet, NULL), OP(RW));
    assert_int_equal(packet.len, 5);
    close(fd);
}

static void need_descriptors(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 2 * MUX_CONNECTIONS_MAX + 64;
    if (limit.rlim_max < limit.rlim_cur || setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        print_message("needs %lu descriptors\n", (unsigned long)limit.rlim_cur);
        skip();
    }
}

static void all_windows_together_stay_below_the_total(void **state)
{
    static int fds[MUX_CONNECTIONS_MAX];
    uint64_t promised = 0;
    uint32_t least = UINT32_MAX;
    struct packet packet;

    (void)state;
    need_descriptors();
    for (int i = 0; i < MUX_CONNECTIONS_MAX; i++) {
        fds[i] = host_connect();
        guest_give(&bench.guest, 1, RX_BYTES);
        settle();
        assert_int_equal(received(&packet, NULL), OP(REQUEST));
        promised += packet.buf_alloc;
        least = packet.buf_alloc < least ? packet.buf_alloc : least;
    }
    assert_true(promised <= CONN_WINDOWS_TOTAL);
    assert_true(promised > CONN_WINDOWS_TOTAL * 9 / 10);
    assert_true(least >= CONN_WINDOW_MIN);

    /* One more is refused, from either side. */
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(mux_connect(bench.mux, GUEST_PORT, pair[1]), -EMFILE);
    assert_true(is_closed(pair[0]));
    close(pair[0]);
    int listener = host_listen(5000, 1);
    guest_give(&bench.guest, 1, RX_BYTES);
    send_op(OP(REQUEST), 5000);
    assert_int_equal(received(NULL, NULL), OP(RST));
    assert_int_equal(noted(ANOMALY_CONNECTIONS), 2);
    close(listener);
    for (int i = 0; i < MUX_CONNECTIONS_MAX; i++)
        close(fds[i]);
}

/* ---- floods and silence ---- */

static void a_guest_that_connects_too_often_is_refused_for_a_while(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        if (i % 16 == 0)
            guest_give(&bench.guest, 16, RX_BYTES);
        struct packet packet = guest_packet(OP(REQUEST), (uint32_t)i, 6000);
        guest_send(&bench.guest, &packet, NULL, 0);
        if (i % 16 == 15) {
            bench_work(NULL);
            for (int k = 0; k < 16; k++)
                assert_int_equal(received(NULL, NULL), OP(RST));
        }
    }
    assert_true(noted(ANOMALY_CONNECT_RATE) > 0);
    assert_int_equal(bench.mux->n_connections, 0);
    usleep(10000);
    int listener = host_listen(6000, 1);
    guest_give(&bench.guest, 1, RX_BYTES);
    settle();
    send_op(OP(REQUEST), 6000);
    assert_int_equal(received(NULL, NULL), OP(RESPONSE));
    close(listener);
}

static void a_guest_cannot_take_the_connections_of_the_host(void **state)
{
    static int accepted[MUX_CONNECTIONS_MAX];
    int listener = host_listen(6000, 4), n = 0, op;
    (void)state;

    need_descriptors();
    do {
        struct packet packet = guest_packet(OP(REQUEST), (uint32_t)n, 6000);
        guest_give(&bench.guest, 1, RX_BYTES);
        send_packet(&packet, NULL, 0);
        op = received(NULL, NULL);
        if (op == OP(RESPONSE))
            accepted[n++] = accept(listener, NULL, NULL);
    } while (op == OP(RESPONSE) && n < MUX_CONNECTIONS_MAX);
    assert_int_equal(op, OP(RST));
    assert_int_equal(n, MUX_CONNECTIONS_MAX - MUX_FOR_THE_HOST);
    uint32_t port;
    close(host_connection(&port));
    close(listener);
    while (n > 0)
        close(accepted[--n]);
}

static void answers_that_are_not_fetched_stop_the_guest(void **state)
{
    struct guest_ring *tx = &bench.guest.rings[GUEST_TX];
    unsigned int answers = 0;
    (void)state;

    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < RING_SIZE / 2 && (uint16_t)(tx->added - le16toh(tx->used->idx)) < RING_SIZE / 2; k++) {
            struct packet packet = guest_packet(OP(RW), (uint32_t)k, 1);
            guest_send(&bench.guest, &packet, NULL, 0);
        }
        settle();
    }
    assert_int_equal(bench.mux->n_replies, MUX_REPLIES_MAX);
    assert_int_equal(le16toh(tx->used->idx), MUX_REPLIES_MAX);
    assert_loop_sleeps();
    for (int i = 0; i < 10; i++) { /* each packet is answered once it takes the answers */
        guest_give(&bench.guest, RING_SIZE, RX_BYTES);
        settle();
        assert_int_equal(le16toh(tx->used->idx), tx->added); /* and it goes on at once */
        while (received(NULL, NULL) == OP(RST))
            answers++;
    }
    assert_int_equal(answers, tx->added);
}

static void a_guest_without_buffers_costs_nothing(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    use_up_buffers(port);
    assert_int_equal(write(fd, block, 30000), 30000);
    settle();
    assert_loop_sleeps();
    assert_int_equal(write(fd, block, 1000), 1000);
    assert_loop_sleeps();
    close(fd); /* nor when the host hangs up */
    settle();
    assert_loop_sleeps();

    size_t got = 0;
    struct packet packet;
    guest_give(&bench.guest, 20, RX_BYTES);
    settle();
    while (received(&packet, NULL) == OP(RW))
        got += packet.len;
    assert_int_equal(got, 31000);
    assert_int_equal(packet.op, OP(SHUTDOWN));
}

static void a_busy_stream_leaves_room_for_others(void **state)
{
    struct packet packet;
    uint32_t busy, quiet;
    (void)state;

    int fd = host_connection(&busy), other = host_connection(&quiet);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    assert_int_equal(write(other, "x", 1), 1);
    guest_give(&bench.guest, RING_SIZE / 4, RX_BYTES);
    settle();
    size_t before = 0;
    while (received(&packet, NULL) == OP(RW) && packet.src_port != quiet)
        before += packet.len;
    assert_int_equal(packet.src_port, quiet);
    assert_true(before <= 65536);
    close(fd);
    close(other);
}

static void fast_and_slow_streams_are_counted_apart(void **state)
{
    uint32_t slow, fast;
    struct packet packet;
    (void)state;

    int fd = host_connection(&slow), other = host_connection(&fast);
    send_data(slow, block, 1000);
    send_data(fast, "y", 1);
    send_op(OP(CREDIT_REQUEST), slow);
    send_op(OP(CREDIT_REQUEST), fast);
    assert_int_equal(received(&packet, NULL), OP(CREDIT_UPDATE));
    assert_int_equal(packet.fwd_cnt, 1000);
    assert_int_equal(received(&packet, NULL), OP(CREDIT_UPDATE));
    assert_int_equal(packet.fwd_cnt, 1);
    close(fd);
    close(other);
}

static void a_fifo_gives_back_what_it_took_in_order(void **state)
{
    struct fifo fifo = {0};
    unsigned char next_in = 0, next_out = 0;
    (void)state;

    for (unsigned int round = 1; round < 4000; round++) {
        unsigned char in[200];
        for (unsigned int i = 0; i < round % 199; i++)
            in[i] = next_in++;
        struct iovec parts[2] = {{in, round % 99 % (round % 199 + 1)}, {NULL, 0}};
        parts[1] = (struct iovec){in + parts[0].iov_len, round % 199 - parts[0].iov_len};
        fifo_append(&fifo, parts, 2);
        size_t take = fifo.len < round % 190 ? fifo.len : round % 190;
        struct iovec iov[2];
        unsigned int n = fifo.len ? fifo_segments(&fifo, iov) : 0;
        assert_int_equal(iov_bytes(iov, n), fifo.len);
        unsigned char out[200];
        iov_read(iov, out, take);
        for (size_t i = 0; i < take; i++)
            assert_int_equal(out[i], next_out++);
        if (take)
            fifo_consume(&fifo, take);
    }
    fifo_consume(&fifo, fifo.len);
    assert_null(fifo.data);
}

static unsigned int reports;
static void count_report(void *context, enum anomaly kind, uint64_t count)
{
    (void)context, (void)count;
    assert_non_null(anomaly_text(kind));
    reports++;
}

static void a_log_is_not_filled_by_a_guest(void **state)
{
    struct anomalies anomalies = {.report = count_report};
    (void)state;

    for (int i = 0; i < 100000; i++)
        anomaly_note(&anomalies, ANOMALY_TYPE);
    assert_int_equal(anomalies.counts[ANOMALY_TYPE], 100000);
    assert_int_equal(reports, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        mux_test(packets_that_lie_are_dropped_or_reset),
        mux_test(a_length_that_lies_ends_the_connection_it_names),
        mux_test(what_is_longer_than_said_is_ignored),
        mux_test(a_chain_without_room_for_a_header_is_given_back),
        mux_test(a_buffer_for_a_header_alone_takes_no_data),
        mux_test(a_broken_ring_is_not_used_any_more),
        mux_test(headers_may_be_cut_anywhere),
        mux_test(more_than_was_granted_ends_the_connection),
        mux_test(the_guest_learns_what_the_host_has_read),
        mux_test(a_guest_without_room_has_been_told_all_that_the_host_took),
        mux_test(a_host_that_is_gone_frees_what_waits_for_it),
        mux_test(an_answer_to_what_was_not_asked_is_refused),
        mux_test(only_data_has_a_length),
        mux_test(no_packet_is_longer_than_64_kib),
        mux_test(the_guest_kicks_only_when_the_device_waits_for_buffers),
        mux_test(credit_request_is_answered_and_asked_once),
        mux_test(a_guest_that_took_what_it_was_not_sent_is_reset),
        mux_test(counts_of_bytes_wrap),
        mux_test(all_windows_together_stay_below_the_total),
        mux_test(a_guest_that_connects_too_often_is_refused_for_a_while),
        mux_test(a_guest_cannot_take_the_connections_of_the_host),
        mux_test(answers_that_are_not_fetched_stop_the_guest),
        mux_test(a_guest_without_buffers_costs_nothing),
        mux_test(a_busy_stream_leaves_room_for_others),
        mux_test(fast_and_slow_streams_are_counted_apart),
        cmocka_unit_test(a_fifo_gives_back_what_it_took_in_order),
        cmocka_unit_test(a_log_is_not_filled_by_a_guest),
    };
    return cmocka_run_group_tests_name("vsock_hostile", tests, NULL, NULL);
}
