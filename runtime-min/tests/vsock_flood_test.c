/* SPDX-License-Identifier: Apache-2.0 */
/* Floods, silence and turns: nothing grows without bound, and one stream does not keep the others waiting. */
#include "runtime-min/tests/vsock_mux.h"

#include "runtime-min/vsock/fifo.h"
#include "runtime-min/vsock/iov.h"

static char block[65536];

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
        mux_test(a_guest_that_connects_too_often_is_refused_for_a_while),
        mux_test(a_guest_cannot_take_the_connections_of_the_host),
        mux_test(answers_that_are_not_fetched_stop_the_guest),
        mux_test(a_guest_without_buffers_costs_nothing),
        mux_test(a_busy_stream_leaves_room_for_others),
        mux_test(fast_and_slow_streams_are_counted_apart),
        cmocka_unit_test(a_fifo_gives_back_what_it_took_in_order),
        cmocka_unit_test(a_log_is_not_filled_by_a_guest),
    };
    return cmocka_run_group_tests_name("vsock_flood", tests, NULL, NULL);
}
