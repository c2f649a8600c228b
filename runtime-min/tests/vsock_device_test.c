/* SPDX-License-Identifier: Apache-2.0 */
/* The whole device between a frontend with its guest and clients of the hybrid socket. */
#include "runtime-min/tests/vsock_frontend.h"

#include <sys/resource.h>
#include <sys/un.h>

#include "loop/internal.h"
#include "runtime-min/vsock/device.h"
#include "runtime-min/vsock/hybrid.h"
#include "runtime-min/vsock/listen.h"

static struct frontend frontend;
static struct vsock_device *device;
static struct timer stop;
static char directory[32], path[64];
static unsigned int lost;
static int lost_r;

static void on_lost(void *context, int r, const char *text)
{
    (void)context, (void)text;
    lost++;
    lost_r = r;
}

static void on_stop(struct timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

static void settle(void)
{
    for (int i = 0; i < 20; i++) {
        timer_start(loop, &stop, loop_now(loop));
        run_loop();
    }
}

static int setup(void **state)
{
    struct vsock_device_options options = {.guest_cid = GUEST_CID, .path = path, .on_lost = on_lost};

    loop_setup(state);
    lost = 0;
    stop.expired = on_stop;
    strcpy(directory, "/tmp/tatami-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/v", directory);
    frontend_init(&frontend, &options.frontend_fd);
    options.hybrid_fd = listen_unix(path, NULL);
    return vsock_device_new(loop, &options, &device, NULL);
}

static int teardown(void **state)
{
    vsock_device_free(device);
    frontend_done(&frontend);
    unlink(path);
    return rmdir(directory) == 0 ? loop_teardown(state) : -1;
}

static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, name);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void start_guest(void)
{
    frontend_hello(&frontend);
    guest_give(&frontend.guest, 64, RX_BYTES);
    frontend_start(&frontend, 0, 0);
    settle();
}

static void send_kicked(const struct packet *packet, const void *payload, size_t len)
{
    guest_send(&frontend.guest, packet, payload, len);
    frontend_kick(&frontend, GUEST_TX);
    settle();
}

static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void a_request_line_is_a_word_a_space_and_a_port(void **state)
{
    static const struct {
        const char *line;
        int r;
        uint32_t port;
    } rows[] = {
        {"CONNECT 1024", 0, 1024},
        {"connect 1024", 0, 1024},
        {"Connect 0", 0, 0},
        {"CONNECT 4294967295", 0, UINT32_MAX},
        {"CONNECT 0000000001", 0, 1},
        {"CONNECT 4294967296", -EINVAL, 0},
        {"CONNECT 9999999999", -EINVAL, 0},
        {"CONNECT 18446744073709551617", -EINVAL, 0},
        {"CONNECT -1", -EINVAL, 0},
        {"CONNECT +1", -EINVAL, 0},
        {"CONNECT 0x10", -EINVAL, 0},
        {"CONNECT  1024", -EINVAL, 0},
        {"CONNECT 1024 ", -EINVAL, 0},
        {" CONNECT 1024", -EINVAL, 0},
        {"CONNECT 1024\r", -EINVAL, 0},
        {"CONNECT", -EINVAL, 0},
        {"CONNECT ", -EINVAL, 0},
        {"CONNECTED 1024", -EINVAL, 0},
        {"OK 1024", -EINVAL, 0},
        {"", -EINVAL, 0},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        uint32_t port = 0;
        check_int(row->line, hybrid_parse(row->line, strlen(row->line), &port), row->r);
        check_int(row->line, port, row->port);
    }
}

/* Says the line in pieces and what else it wants; returns the host's port. */
static uint32_t reach_guest(int fd, const char *text, size_t piece)
{
    struct packet packet = {.src_port = 0};
    char want[32], line[32] = "";

    for (size_t at = 0; at < strlen(text); at += piece) {
        size_t len = strlen(text) - at < piece ? strlen(text) - at : piece;
        assert_int_equal(write(fd, text + at, len), len);
        settle();
    }
    assert_true(guest_receive(&frontend.guest, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
    assert_int_equal(packet.dst_port, 1024);
    struct packet answer = guest_packet(OP(RESPONSE), 1024, packet.src_port);
    send_kicked(&answer, NULL, 0);
    int len = snprintf(want, sizeof(want), "OK %u\n", packet.src_port);
    assert_int_equal(read(fd, line, (size_t)len), len);
    assert_string_equal(line, want);
    return packet.src_port;
}

static void clients_reach_the_guest_however_they_write(void **state)
{
    static const struct {
        const char *label, *text;
        size_t piece;
    } rows[] = {
        {"at once", "CONNECT 1024\n", 100},
        {"byte by byte", "CONNECT 1024\n", 1},
        {"with payload behind it", "CONNECT 1024\npayload", 100},
        {"all of it byte by byte", "connect 1024\npayload", 1},
    };
    (void)state;

    start_guest();
    FOR_ROWS (row, rows) {
        struct packet packet;
        const char *payload, *expected = strchr(row->text, '\n') + 1;
        char got[16] = "";
        int fd = connect_to(path);
        uint32_t port = reach_guest(fd, row->text, row->piece);
        settle();
        while (guest_receive(&frontend.guest, &packet, &payload))
            strncat(got, payload, packet.len);
        check_string(row->label, got, expected);
        packet = guest_packet(OP(RW), 1024, port);
        packet.len = 4;
        send_kicked(&packet, "pong", 4);
        char answer[8] = "";
        assert_int_equal(read(fd, answer, sizeof(answer)), 4);
        check_string(row->label, answer, "pong");
        close(fd);
        settle();
        while (guest_receive(&frontend.guest, &packet, NULL))
            ;
        packet = guest_packet(OP(RST), 1024, port);
        send_kicked(&packet, NULL, 0);
    }
}

static void clients_that_talk_nonsense_or_leave_are_closed_without_a_word(void **state)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n",
        "CONNECT -5\n",
        "\n",
        "CONNECT 1\r\n",
        "0123456789012345678901234567890123456789012345678901234567890123456789", /* never a newline */
    };
    struct packet packet;
    (void)state;

    start_guest();
    FOR_ROWS (text, texts) {
        int fd = connect_to(path);
        assert_int_equal(send(fd, *text, strlen(*text), MSG_NOSIGNAL), strlen(*text));
        settle();
        char byte;
        check_int(*text, recv(fd, &byte, 1, 0) <= 0, 1);
        close(fd);
    }
    static const size_t lengths[] = {0, 3, 10, 12};
    int before = count_fds();
    FOR_ROWS (len, lengths) {
        int fd = connect_to(path);
        assert_int_equal(send(fd, "CONNECT 1024\n", *len, MSG_NOSIGNAL), *len);
        settle();
        close(fd);
        settle();
        assert_int_equal(count_fds(), before);
    }
    assert_false(guest_receive(&frontend.guest, &packet, NULL));
}

static void silent_clients_neither_pile_up_nor_stay(void **state)
{
    static int fds[80];
    struct packet packet;
    (void)state;

    start_guest();
    int before = count_fds();
    FOR_ROWS (fd, fds)
        *fd = connect_to(path);
    settle();
    assert_int_equal(count_fds() - before - (int)ARRAY_SIZE(fds), 64);
    assert_int_equal(write(fds[79], "CONNECT 1024\n", 13), 13); /* waits its turn */
    uint64_t end = loop_deadline(loop, 10 * NSEC_PER_SEC);
    while (!is_closed(fds[0]) && loop_now(loop) < end) {
        timer_start(loop, &stop, loop_deadline(loop, 10 * NSEC_PER_MSEC));
        run_loop();
    }
    assert_true(is_closed(fds[0]));
    settle();
    settle();
    assert_true(guest_receive(&frontend.guest, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
    FOR_ROWS (fd, fds)
        close(*fd);
}

/* Makes every new descriptor fail; gives the limit back when called with it. */
static struct rlimit limit_descriptors(const struct rlimit *limit)
{
    struct rlimit old, none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, limit ?: &none), 0);
    return old;
}

static void without_descriptors_clients_wait_and_the_guest_is_refused(void **state)
{
    struct packet packet = guest_packet(OP(REQUEST), 1, 5000);
    (void)state;

    start_guest();
    int fd = connect_to(path);
    assert_int_equal(write(fd, "CONNECT 1024\n", 13), 13);
    const struct rlimit limit = limit_descriptors(NULL);
    settle();
    struct epoll_event event;
    int ready = sys_epoll_wait(loop->epfd, &event, 1, 0); /* nobody is told of the client again and again */
    guest_send(&frontend.guest, &packet, NULL, 0);
    frontend_kick(&frontend, GUEST_TX);
    settle();
    limit_descriptors(&limit);
    assert_int_equal(ready, 0);
    assert_true(guest_receive(&frontend.guest, &packet, NULL));
    assert_int_equal(packet.op, OP(RST));
    timer_start(loop, &stop, loop_deadline(loop, 150 * NSEC_PER_MSEC)); /* looks again after 100 ms */
    run_loop();
    settle();
    reach_guest(fd, "", 1);
    close(fd);
}

static void a_client_that_comes_before_the_guest_waits_for_it(void **state)
{
    (void)state;
    int fd = connect_to(path);
    assert_int_equal(write(fd, "CONNECT 1024\n", 13), 13);
    settle();
    start_guest();
    reach_guest(fd, "", 1);
    close(fd);
}

static void the_guest_is_interrupted_once_for_a_batch(void **state)
{
    struct guest_ring *rx = &frontend.guest.rings[GUEST_RX];
    (void)state;

    start_guest();
    int fd = connect_to(path);
    reach_guest(fd, "CONNECT 1024\n", 100);
    while (frontend_called(&frontend, GUEST_RX))
        ;
    uint16_t before = le16toh(rx->used->idx);
    rx->avail->ring[rx->size] = htole16(before); /* wants to hear of the next one */
    static char block[30000];
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    settle();
    eventfd_t count = 0;
    assert_int_equal(eventfd_read(frontend.call[GUEST_RX], &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal((uint16_t)(le16toh(rx->used->idx) - before), (sizeof(block) + RX_BYTES - 45) / (RX_BYTES - 44));
    close(fd);
}

static void the_end_of_the_frontend_ends_all_connections(void **state)
{
    (void)state;
    start_guest();
    int fd = connect_to(path);
    reach_guest(fd, "CONNECT 1024\n", 100);
    shutdown(frontend.fd, SHUT_RDWR);
    settle();
    assert_int_equal(lost, 1);
    assert_int_equal(lost_r, 0);
    assert_true(is_closed(fd));
    close(fd);
}

static void a_guest_that_starts_anew_loses_its_connections(void **state)
{
    union vhost_payload answer;
    struct packet packet;
    (void)state;

    start_guest();
    int fd = connect_to(path), other = connect_to(path);
    reach_guest(fd, "CONNECT 1024\n", 100);
    for (int round = 0; round < 2; round++) {
        uint16_t base[2];
        for (uint32_t ring = 0; ring < 2; ring++) {
            frontend_state(&frontend, GET_VRING_BASE, ring, 0);
            settle();
            frontend_answer(&frontend, GET_VRING_BASE, &answer);
            base[ring] = (uint16_t)answer.state.num;
        }
        if (round == 1) {
            guest_lay_ring(&frontend.guest, GUEST_RX, 128);
            guest_lay_ring(&frontend.guest, GUEST_TX, 128);
            guest_give(&frontend.guest, 64, RX_BYTES);
        }
        frontend_start(&frontend, round == 0 ? base[0] : 0, round == 0 ? base[1] : 0);
        settle();
        check_int("closed", is_closed(fd), round == 1); /* lives through a pause, not through a reset */
    }
    while (guest_receive(&frontend.guest, &packet, NULL))
        fail_msg("a fresh guest is told of operation %u", packet.op);
    reach_guest(other, "CONNECT 1024\n", 100);
    close(fd);
    close(other);
}

static void only_one_frontend_is_accepted(void **state)
{
    struct vsock_device *second;
    struct vsock_device_options options = {.guest_cid = GUEST_CID, .on_lost = on_lost};
    char name[80], hybrid[80];
    (void)state;

    snprintf(name, sizeof(name), "%s/f", directory);
    snprintf(hybrid, sizeof(hybrid), "%s/h", directory);
    options.path = hybrid;
    options.frontend_fd = listen_unix(name, NULL);
    options.hybrid_fd = listen_unix(hybrid, NULL);
    assert_int_equal(vsock_device_new(loop, &options, &second, NULL), 0);
    int fd = connect_to(name);
    settle();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, name);
    int late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&address, sizeof(address)), -1);
    close(late);
    close(fd);
    settle();
    assert_int_equal(lost, 1);
    vsock_device_free(second);
    unlink(name);
    unlink(hybrid);
}

static void options_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *label;
        uint64_t cid;
        const char *path;
    } rows[] = {
        {"the host's address", 2, "/x"},
        {"every address", UINT32_MAX, "/x"},
        {"64 bits", UINT64_C(1) << 32, "/x"},
        {"no path", 3, ""},
        {"a path that leaves no room for a port", 3,
         "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct vsock_device *none;
        struct error err = {0};
        struct vsock_device_options options = {.guest_cid = row->cid, .path = row->path, .on_lost = on_lost};
        options.frontend_fd = eventfd(0, EFD_CLOEXEC);
        options.hybrid_fd = eventfd(0, EFD_CLOEXEC);
        check_int(row->label, vsock_device_new(loop, &options, &none, &err), -EINVAL);
        check_int(row->label, err.text[0] != '\0', 1);
    }
    struct vsock_device *none;
    struct vsock_device_options options = {.guest_cid = 3, .path = "/x", .on_lost = on_lost};
    options.frontend_fd = eventfd(0, EFD_CLOEXEC);
    options.hybrid_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(vsock_device_new(loop, &options, &none, NULL), -ENOTSOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_line_is_a_word_a_space_and_a_port),
        cmocka_unit_test_setup_teardown(clients_reach_the_guest_however_they_write, setup, teardown),
        cmocka_unit_test_setup_teardown(clients_that_talk_nonsense_or_leave_are_closed_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_clients_neither_pile_up_nor_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(without_descriptors_clients_wait_and_the_guest_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_comes_before_the_guest_waits_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_guest_is_interrupted_once_for_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_frontend_ends_all_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(a_guest_that_starts_anew_loses_its_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(only_one_frontend_is_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(options_that_cannot_be_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("vsock_device", tests, NULL, NULL);
}
