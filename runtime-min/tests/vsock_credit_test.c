/* SPDX-License-Identifier: Apache-2.0 */
/* Credit: what a guest and a slow host may leave unread, and what one may believe of the other's counts. */
#include "runtime-min/tests/vsock_mux.h"

static char block[65536];

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
    assert_true(updates <= 4 * CONN_WINDOW_MAX / (GUEST_BUFFER / 2)); /* and is not told of each packet */
    close(fd);
}

/* It has no more under way than it could take itself, and does not ask. */
static void a_guest_with_a_small_buffer_learns_it_in_time(void **state)
{
    const uint32_t buffer = 16 * 1024, len = 4 * 1024;
    struct packet packet = {.op = 0};
    uint32_t port, told = 0;
    (void)state;

    int fd = host_connection(&port);
    for (uint32_t sent = 0; sent < 4 * CONN_WINDOW_MAX; sent += len) {
        struct packet data = guest_packet(OP(RW), GUEST_PORT, port);
        data.len = len;
        data.buf_alloc = buffer;
        assert_true(sent - told + len <= buffer);
        send_packet(&data, block, len);
        assert_int_equal(read(fd, block, len), len);
        settle();
        while (received(&packet, NULL) == OP(CREDIT_UPDATE)) {
            told = packet.fwd_cnt;
            guest_give(&bench.guest, 1, RX_BYTES);
        }
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        mux_test(more_than_was_granted_ends_the_connection),
        mux_test(the_guest_learns_what_the_host_has_read),
        mux_test(a_guest_with_a_small_buffer_learns_it_in_time),
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
    };
    return cmocka_run_group_tests_name("vsock_credit", tests, NULL, NULL);
}
