/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes arrive complete and in order, whatever their number, and however slow the one who takes them. */
#include "runtime-min/tests/vsock_mux.h"

static const size_t sizes[] = {0, 1, 3732, 3733, 4052, 4053, 65536, 65537, 262144, 262145, 1000003};

/* The byte at this place of the stream. */
static char pattern(size_t at)
{
    return (char)(at * 7 + at / 251);
}

static void fill(char *p, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = pattern(at + i);
}

static void compare(const char *p, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != pattern(at + i))
            fail_msg("byte %zu is wrong", at + i);
    }
}

/* What the guest takes goes on to be taken; it has told the device so after each piece bytes. */
static size_t guest_takes(uint32_t port, size_t at, size_t piece)
{
    struct packet packet;
    const char *payload;
    size_t untold = 0;
    int op;

    while ((op = received(&packet, &payload)) == OP(RW) || op == OP(CREDIT_REQUEST)) {
        compare(payload, at, packet.len);
        at += packet.len;
        untold += packet.len;
        guest_give(&bench.guest, 1, RX_BYTES);
        if (untold < piece && op == OP(RW))
            continue;
        struct packet update = guest_packet(OP(CREDIT_UPDATE), GUEST_PORT, port);
        update.fwd_cnt = (uint32_t)at;
        send_packet(&update, NULL, 0);
        untold = 0;
    }
    if (op == OP(SHUTDOWN))
        return at;
    settle();
    return at;
}

static void the_guest_gets_all_that_the_host_sent(void **state)
{
    static char block[100000];

    FOR_ROWS (size, sizes) {
        for (size_t piece = 1000; piece <= 200000; piece *= 200) {
            uint32_t port;
            size_t sent = 0, got = 0;
            int fd = host_connection(&port);
            while (sent < *size) {
                size_t len = *size - sent < sizeof(block) ? *size - sent : sizeof(block);
                fill(block, sent, len);
                ssize_t r = write(fd, block, len);
                sent += r > 0 ? (size_t)r : 0;
                settle();
                got = guest_takes(port, got, piece);
            }
            shutdown(fd, SHUT_WR);
            for (int i = 0; i < 1000 && got < *size; i++) {
                settle();
                got = guest_takes(port, got, piece);
            }
            check_int("bytes", got, *size);
            close(fd);
            bench_teardown(state);
            bench_setup(state);
        }
    }
}

/* Reads up to len bytes and compares them. */
static size_t host_takes(int fd, size_t at, size_t len)
{
    static char block[65536];

    while (len > 0) {
        ssize_t r = read(fd, block, len < sizeof(block) ? len : sizeof(block));
        if (r <= 0)
            break;
        compare(block, at, (size_t)r);
        at += (size_t)r;
        len -= (size_t)r;
    }
    settle();
    return at;
}

/* The guest keeps to its credit, the host reads in steps of its own. */
static void the_host_gets_all_that_the_guest_sent(void **state)
{
    static char block[65536];
    static const struct {
        const char *label;
        size_t packet, step;
    } rows[] = {{"large packets, quick host", 65536, 1 << 30},
                {"large packets, slow host", 65536, 5000},
                {"small packets, slow host", 700, 9000}};

    FOR_ROWS (row, rows) {
        FOR_ROWS (size, sizes) {
            uint32_t port, told = 0, window = CONN_WINDOW_MAX;
            size_t sent = 0, got = 0;
            struct packet packet;
            int fd = host_connection(&port);
            for (unsigned int turns = 0; got < *size && turns < 20000; turns++) {
                size_t room = window - ((uint32_t)sent - told), len = *size - sent;
                len = len < row->packet ? len : row->packet;
                if (len > 0 && len <= room) {
                    fill(block, sent, len);
                    send_data(port, block, len);
                    sent += len;
                } else {
                    got = host_takes(fd, got, row->step);
                }
                while (received(&packet, NULL) == OP(CREDIT_UPDATE)) {
                    told = packet.fwd_cnt;
                    window = packet.buf_alloc;
                    guest_give(&bench.guest, 1, RX_BYTES);
                }
            }
            check_int(row->label, got, *size);
            check_int(row->label, only_connection()->to_host.len, 0);
            assert_null(only_connection()->to_host.data); /* memory is held only while something waits */
            close(fd);
            bench_teardown(state);
            bench_setup(state);
        }
    }
}

static void a_packet_may_have_as_many_pieces_as_the_ring(void **state)
{
    struct guest_ring *tx = &bench.guest.rings[GUEST_TX];
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    char *p = bench.guest.mem + TX_AT, got[RING_SIZE * 10];
    for (uint16_t n = 1; n <= RING_SIZE; n++) {
        uint32_t len = (uint32_t)n * 10;
        struct packet packet = guest_packet(OP(RW), GUEST_PORT, port);
        packet.len = len;
        struct virtio_vsock_hdr header = packet_encode(&packet);
        memcpy(p, &header, sizeof(header));
        fill(p + sizeof(header), 0, len);
        for (uint16_t i = 0; i < n; i++) {
            size_t at = i ? sizeof(header) + i * 10u : 0;
            uint32_t piece = i ? 10 : (uint32_t)sizeof(header) + 10;
            guest_describe(tx, i, guest_address(TX_AT + at), piece, i + 1 < n ? VRING_DESC_F_NEXT : 0, i + 1);
        }
        guest_offer(tx, 0);
        settle();
        assert_int_equal(read(fd, got, sizeof(got)), len);
        compare(got, 0, len);
    }
    close(fd);
}

static void a_guest_that_sends_without_end_does_not_keep_the_device(void **state)
{
    struct virtqueue *tx = &bench.guest.queues[GUEST_TX];
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    for (int i = 0; i < 40; i++) {
        struct packet packet = guest_packet(OP(CREDIT_UPDATE), GUEST_PORT, port);
        guest_send(&bench.guest, &packet, NULL, 0);
    }
    uint16_t before = tx->last_avail;
    assert_true(mux_receive(bench.mux, tx, 30)); /* and then whoever else waits */
    assert_int_equal(tx->last_avail - before, 30);
    assert_false(mux_receive(bench.mux, tx, 30));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        mux_test(the_guest_gets_all_that_the_host_sent),
        mux_test(the_host_gets_all_that_the_guest_sent),
        mux_test(a_packet_may_have_as_many_pieces_as_the_ring),
        mux_test(a_guest_that_sends_without_end_does_not_keep_the_device),
    };
    return cmocka_run_group_tests_name("vsock_data", tests, NULL, NULL);
}
