/* SPDX-License-Identifier: Apache-2.0 */
/* Packets, lengths and rings of a guest that wants to harm the host: what comes back, what is counted, and that nobody else
 * notices. */
#include "runtime-min/tests/vsock_mux.h"

static char block[65536];

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
    };
    return cmocka_run_group_tests_name("vsock_hostile", tests, NULL, NULL);
}
