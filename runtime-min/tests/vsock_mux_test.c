/* SPDX-License-Identifier: Apache-2.0 */
/* Connections seen from both ends: what the guest is told, what the host reads. */
#include "runtime-min/tests/vsock_mux.h"

#define UNKNOWN_OP 8
#define BOTH 3

static void a_header_has_the_bytes_of_the_standard(void **state)
{
    static const unsigned char golden[] = {0x02, 0, 0, 0, 0, 0, 0, 0, 0x03, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0x40, 0, 4,
                                           0,    0, 5, 0, 0, 0, 1, 0, 5,    0, 3, 0, 0x04, 0x05, 0, 0, 4, 0, 9, 8,    7, 6};
    const struct packet packet = {2, 3, 0x40000000, 1024, 5, 1, 5, 0x05040003, 0x40000, 0x06070809};
    (void)state;

    struct virtio_vsock_hdr header = packet_encode(&packet);
    assert_int_equal(sizeof(header), 44);
    assert_memory_equal(&header, golden, sizeof(golden));
    struct packet back = packet_decode(&header);
    header = packet_encode(&back);
    assert_memory_equal(&header, golden, sizeof(golden));
}

static void a_host_program_reaches_the_guest(void **state)
{
    struct packet packet;
    const char *payload;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    assert_true(port >= 0x40000000 && port < 0x80000000);
    send_data(port, "from guest", 10);
    expect_line(fd, "from guest");
    assert_int_equal(write(fd, "from host", 9), 9);
    settle();
    assert_int_equal(received(&packet, &payload), OP(RW));
    assert_int_equal(packet.len, 9);
    assert_int_equal(packet.src_port, port);
    assert_int_equal(packet.dst_port, GUEST_PORT);
    assert_int_equal(packet.fwd_cnt, 10);
    assert_int_equal(packet.buf_alloc, CONN_WINDOW_MAX);
    assert_memory_equal(payload, "from host", 9);
    assert_int_equal(received(NULL, NULL), -1);
    close(fd);
}

static void the_guest_reaches_a_host_program(void **state)
{
    struct packet packet;
    (void)state;

    int listener = host_listen(5000, 1);
    guest_give(&bench.guest, 8, RX_BYTES);
    send_op(OP(REQUEST), 5000);
    assert_int_equal(received(&packet, NULL), OP(RESPONSE));
    assert_int_equal(packet.src_port, 5000);
    int fd = accept(listener, NULL, NULL);
    send_data(5000, "hello", 5);
    expect_line(fd, "hello");
    close(fd);
    close(listener);
}

static void a_guest_is_refused_what_does_not_listen(void **state)
{
    (void)state;
    guest_give(&bench.guest, 8, RX_BYTES);
    send_op(OP(REQUEST), 5000);
    assert_int_equal(received(NULL, NULL), OP(RST));

    /* A listener whose queue is full. */
    int listener = host_listen(5001, 0);
    struct packet packet = guest_packet(OP(REQUEST), 1, 5001);
    send_packet(&packet, NULL, 0);
    assert_int_equal(received(NULL, NULL), OP(RESPONSE));
    packet.src_port = 2;
    send_packet(&packet, NULL, 0);
    assert_int_equal(received(NULL, NULL), OP(RST));
    close(listener);
    packet.src_port = 3;
    send_packet(&packet, NULL, 0);
    assert_int_equal(received(NULL, NULL), OP(RST)); /* refuses: nobody listens behind the name */
}

enum state_row { NONE, CONNECTING, ESTABLISHED, GUEST_HALF, HOST_HALF, CLOSING, RESETTING };

/* Brings a connection into a state; returns the host's end, -1 without one. */
static int bring(enum state_row state, uint32_t *ret_port)
{
    struct packet packet;
    int fd = -1;

    *ret_port = 77;
    if (state == NONE) {
        guest_give(&bench.guest, 8, RX_BYTES);
        return -1;
    }
    if (state == CONNECTING) {
        fd = host_connect();
        guest_give(&bench.guest, 8, RX_BYTES);
        settle();
        assert_int_equal(received(&packet, NULL), OP(REQUEST));
        *ret_port = packet.src_port;
        return fd;
    }
    fd = host_connection(ret_port);
    if (state == GUEST_HALF)
        send_shutdown(*ret_port, VIRTIO_VSOCK_SHUTDOWN_SEND);
    if (state == HOST_HALF)
        shutdown(fd, SHUT_WR);
    if (state == CLOSING)
        close(fd);
    settle();
    if (state == HOST_HALF || state == CLOSING) {
        assert_int_equal(received(&packet, NULL), OP(SHUTDOWN));
        assert_int_equal(packet.flags, state == CLOSING ? BOTH : VIRTIO_VSOCK_SHUTDOWN_SEND);
    }
    if (state == RESETTING) { /* the guest has no buffer for the RST that is due */
        send_op(OP(INVALID), *ret_port);
        assert_int_equal(received(NULL, NULL), OP(RST));
        close(fd);
        while (bench.guest.queues[GUEST_RX].last_avail != bench.guest.rings[GUEST_RX].added) {
            fd = host_connect();
            assert_int_equal(received(&packet, NULL), OP(REQUEST));
            *ret_port = packet.src_port;
            if (bench.guest.queues[GUEST_RX].last_avail != bench.guest.rings[GUEST_RX].added) {
                send_op(OP(RST), *ret_port);
                close(fd);
            }
        }
        send_op(OP(INVALID), *ret_port);
        send_op(OP(RW), *ret_port);
    }
    return state == CLOSING ? -1 : fd;
}

/* One letter per operation, INVALID to the unknown one: R: an RST, U: a credit update, -: no word. */
static void each_state_answers_each_operation(void **state)
{
    static const struct {
        const char *label;
        enum state_row state;
        char answers[10];
    } rows[] = {
        {"no connection", NONE, "RRR-RRRRR"},          {"connecting", CONNECTING, "-R--RRRRR"},
        {"established", ESTABLISHED, "RR--R--UR"},     {"guest has sent all", GUEST_HALF, "RR--RR-UR"},
        {"host has sent all", HOST_HALF, "RR--R--UR"}, {"host has closed", CLOSING, "-R-------"},
        {"reset is due", RESETTING, "RRR-RRRRR"},
    };

    FOR_ROWS (row, rows) {
        for (uint16_t op = 0; op <= UNKNOWN_OP; op++) {
            char label[64], got = '-';
            uint32_t port;
            snprintf(label, sizeof(label), "%s, operation %u", row->label, op);
            int fd = bring(row->state, &port);
            unsigned int before = bench.mux->n_connections;
            struct packet packet = guest_packet(op, GUEST_PORT, port);
            packet.flags = op == OP(SHUTDOWN) ? BOTH : 0;
            send_packet(&packet, NULL, 0);
            guest_give(&bench.guest, 2, RX_BYTES);
            settle();
            int answer = received(&packet, NULL);
            got = answer == -1 ? '-' : answer == OP(RST) ? 'R' : answer == OP(CREDIT_UPDATE) ? 'U' : '?';
            if (got != row->answers[op] || received(NULL, NULL) != -1)
                fail_msg("%s: answered %c, not %c alone", label, got, row->answers[op]);
            bool ends = row->state != NONE && (got == 'R' || op == OP(RST));
            check_int(label, bench.mux->n_connections, before - ends);
            if (fd >= 0) {
                if (row->state == CONNECTING && op == OP(RESPONSE))
                    assert_int_equal(read(fd, label, sizeof(label)), 14);
                check_int(label, is_closed(fd), ends || row->state == GUEST_HALF);
                close(fd);
            }
            bench_teardown(state);
            bench_setup(state);
        }
    }
}

static void a_client_that_is_gone_before_the_answer_is_forgotten(void **state)
{
    (void)state;
    close(host_connect()); /* the guest never saw the request */
    settle();
    assert_int_equal(bench.mux->n_connections, 0);

    int fd = host_connect();
    guest_give(&bench.guest, 4, RX_BYTES);
    settle();
    assert_int_equal(received(NULL, NULL), OP(REQUEST));
    close(fd);
    settle();
    assert_int_equal(received(NULL, NULL), OP(RST));
    assert_int_equal(bench.mux->n_connections, 0);
}

/* The time is over. */
static void expire(struct conn *conn)
{
    assert_true(conn->timer.slot != 0);
    timer_start(loop, &conn->timer, loop_now(loop));
    settle();
}

static void a_guest_that_does_not_answer_is_given_up(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connect();
    guest_give(&bench.guest, 4, RX_BYTES);
    settle();
    assert_int_equal(received(NULL, NULL), OP(REQUEST));
    assert_true(only_connection()->timer.deadline <= loop_deadline(loop, CONN_CONNECT_NS));
    expire(only_connection());
    assert_true(is_closed(fd));
    assert_int_equal(received(NULL, NULL), OP(RST));
    close(fd);

    close(host_connection(&port));
    settle();
    assert_int_equal(received(NULL, NULL), OP(SHUTDOWN));
    expire(only_connection());
    assert_int_equal(received(NULL, NULL), OP(RST));
    assert_int_equal(bench.mux->n_connections, 0);
}

static void each_direction_ends_on_its_own(void **state)
{
    struct packet packet;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    shutdown(fd, SHUT_WR);
    settle();
    assert_int_equal(received(&packet, NULL), OP(SHUTDOWN));
    assert_int_equal(packet.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
    send_data(port, "late answer", 11);
    expect_line(fd, "late answer");
    send_shutdown(port, VIRTIO_VSOCK_SHUTDOWN_SEND);
    assert_true(is_closed(fd));
    close(fd);
    settle();
    assert_int_equal(received(&packet, NULL), OP(SHUTDOWN));
    assert_int_equal(packet.flags, BOTH);
    send_op(OP(RST), port);
    assert_int_equal(bench.mux->n_connections, 0);

    fd = host_connection(&port);
    send_shutdown(port, VIRTIO_VSOCK_SHUTDOWN_RCV);
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    send_data(port, "still", 5);
    expect_line(fd, "still");
    send_shutdown(port, VIRTIO_VSOCK_SHUTDOWN_SEND); /* flags add up */
    assert_int_equal(received(NULL, NULL), OP(RST));
    close(fd);
}

static void what_the_host_sent_before_it_closed_arrives(void **state)
{
    struct packet packet;
    const char *payload;
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    assert_int_equal(write(fd, "last words", 10), 10);
    close(fd);
    send_data(port, "nobody reads this", 17);
    int op = received(&packet, &payload);
    if (op == OP(SHUTDOWN)) { /* the write was noticed first */
        assert_int_equal(packet.flags, VIRTIO_VSOCK_SHUTDOWN_RCV);
        op = received(&packet, &payload);
    }
    assert_int_equal(op, OP(RW));
    assert_memory_equal(payload, "last words", 10);
    assert_int_equal(received(&packet, NULL), OP(SHUTDOWN));
    assert_int_equal(packet.flags, BOTH);
}

/* Fills the host's socket and some of the window: returns how many bytes the guest has sent. */
static size_t fill_host(uint32_t port)
{
    static char block[32768];
    size_t sent = 0;

    while (only_connection()->to_host.len == 0) {
        memset(block, (int)(sent / sizeof(block)), sizeof(block));
        send_data(port, block, sizeof(block));
        sent += sizeof(block);
    }
    return sent;
}

static size_t drain(int fd)
{
    static char block[65536];
    size_t n = 0;
    ssize_t r;

    do {
        for (; (r = read(fd, block, sizeof(block))) > 0; n += (size_t)r)
            assert_int_equal(block[0], n / 32768);
        settle();
    } while (poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0) == 1 && r != 0);
    return n;
}

static void bytes_wait_for_a_host_that_is_slow(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    size_t sent = fill_host(port);
    send_shutdown(port, BOTH); /* the guest closes; what it sent is still delivered */
    while (received(NULL, NULL) == OP(CREDIT_UPDATE))
        ;
    assert_int_equal(drain(fd), sent);
    assert_true(is_closed(fd));
    assert_int_equal(received(NULL, NULL), OP(RST));
    close(fd);
}

static void a_guest_that_forgets_after_an_orderly_end_loses_nothing(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    size_t sent = fill_host(port);
    send_shutdown(port, BOTH);
    send_op(OP(RST), port);
    while (received(NULL, NULL) == OP(CREDIT_UPDATE))
        ;
    send_op(OP(CREDIT_UPDATE), port);
    assert_int_equal(received(NULL, NULL), OP(RST)); /* the ports are free */
    assert_int_equal(bench.mux->n_connections, 1);
    assert_int_equal(drain(fd), sent);
    assert_true(is_closed(fd));
    assert_int_equal(bench.mux->n_connections, 0);
    close(fd);

    /* Without the end a reset throws away what was not written. */
    fd = host_connection(&port);
    sent = fill_host(port);
    send_op(OP(RST), port);
    assert_int_equal(bench.mux->n_connections, 0);
    assert_true(drain(fd) < sent);
    close(fd);
}

static void a_reader_that_never_comes_keeps_a_bounded_amount(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port);
    fill_host(port);
    send_shutdown(port, BOTH);
    send_op(OP(RST), port);
    close(fd); /* and goes away without having read */
    settle();
    assert_int_equal(bench.mux->n_connections, 0);
}

static void a_guest_that_starts_anew_loses_its_connections(void **state)
{
    uint32_t port;
    (void)state;

    int fd = host_connection(&port), other = host_connect();
    mux_drop_all(bench.mux);
    settle();
    assert_true(is_closed(fd));
    assert_true(is_closed(other));
    assert_int_equal(bench.mux->n_connections, 0);
    assert_int_equal(bench.mux->spare_credit, CONN_WINDOWS_TOTAL - MUX_CONNECTIONS_MAX * CONN_WINDOW_MIN);
    close(fd);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_has_the_bytes_of_the_standard),
        mux_test(a_host_program_reaches_the_guest),
        mux_test(the_guest_reaches_a_host_program),
        mux_test(a_guest_is_refused_what_does_not_listen),
        mux_test(each_state_answers_each_operation),
        mux_test(a_client_that_is_gone_before_the_answer_is_forgotten),
        mux_test(a_guest_that_does_not_answer_is_given_up),
        mux_test(each_direction_ends_on_its_own),
        mux_test(what_the_host_sent_before_it_closed_arrives),
        mux_test(bytes_wait_for_a_host_that_is_slow),
        mux_test(a_guest_that_forgets_after_an_orderly_end_loses_nothing),
        mux_test(a_reader_that_never_comes_keeps_a_bounded_amount),
        mux_test(a_guest_that_starts_anew_loses_its_connections),
    };
    return cmocka_run_group_tests_name("vsock_mux", tests, NULL, NULL);
}
