/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between two machines, and what plans do to them. */
#include <linux/vm_sockets.h>
#include <poll.h>

#include "base/macros.h"
#include "mocks/tests/bench.h"
#include "mocks/vsock/plan.h"

#define PORT 4000
#define CONNECT_TIMEOUT_NS 2000000000ULL

struct machines {
    struct sim *sim;
    struct world *host, *guest;
};

static struct machines machines_new(uint64_t seed)
{
    struct machines machines = {.sim = sim_new(&(struct sim_options){.seed = seed, .preempt = seed != 1})};

    machines.host = world_new(machines.sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2, .cid = VMADDR_CID_HOST});
    machines.guest = world_new(machines.sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2, .cid = 3});
    return machines;
}

/* What the programs of a test tell it. */
static struct {
    long results[16];
    size_t n;
    uint64_t ns;
} told;

static void tell(long result)
{
    told.results[told.n++ % 16] = result;
}

/* Runs a server in the guest and a client on the host. */
static void play(struct machines *machines, program_fn server, program_fn client)
{
    memset(&told, 0, sizeof(told));
    if (server)
        world_start(machines->guest, "server", server, (const char *[]){"server", NULL});
    world_start(machines->host, "client", client, (const char *[]){"client", NULL});
    bool ended = sim_run(machines->sim);
    if (!ended) {
        _buf_ struct buf blocked = BUF_INIT(4096);
        sim_blocked(machines->sim, &blocked);
        print_error("%s", blocked.data);
    }
    assert_true(ended);
    assert_int_equal(vsock_connections(machines->host) + vsock_connections(machines->guest), 0);
    sim_free(machines->sim);
}

static int listen_here(void)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT};

    int fd = sys_socket(AF_VSOCK, SOCK_STREAM, 0);
    assert_int_equal(sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm)), 0);
    assert_int_equal(sys_listen(fd, 2), 0);
    return fd;
}

static int connect_there(int *ret_fd, int flags)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = PORT};

    *ret_fd = sys_socket(AF_VSOCK, SOCK_STREAM | flags, 0);
    for (int i = 0;; i++) {
        int r = sys_connect(*ret_fd, (struct sockaddr *)&vm, sizeof(vm));
        if (r != -ECONNRESET || i == 100)
            return r;
        sys_nanosleep(1000000); /* the server is not there yet */
    }
}

static short poll_now(int fd, int timeout_ms)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLRDHUP};

    sys_poll(&pollfd, 1, timeout_ms);
    return pollfd.revents;
}

static ssize_t send_quietly(int fd, const void *p, size_t len)
{
    struct iovec iov = {(void *)p, len};

    return sys_sendmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, MSG_NOSIGNAL);
}

/* ---- programs ---- */

PROGRAM(echo_once)
{
    struct sockaddr_vm peer;
    socklen_t len = sizeof(peer);
    char bytes[64];

    int fd = sys_accept4(listen_here(), (struct sockaddr *)&peer, &len, 0);
    assert_true(fd >= 0);
    tell(peer.svm_cid);
    ssize_t n = sys_read(fd, bytes, sizeof(bytes));
    sys_write(fd, bytes, (size_t)n);
    tell(sys_read(fd, bytes, sizeof(bytes)));
    return 0;
}

PROGRAM(say_hello)
{
    struct sockaddr_vm peer;
    socklen_t len = sizeof(peer);
    char bytes[64] = "";
    int fd;

    assert_int_equal(connect_there(&fd, 0), 0);
    sys_getpeername(fd, (struct sockaddr *)&peer, &len);
    assert_int_equal(peer.svm_port, PORT);
    uint64_t before = sys_monotonic_ns();
    sys_write(fd, "hello", 5);
    assert_int_equal(sys_read(fd, bytes, sizeof(bytes)), 5);
    told.ns = sys_monotonic_ns() - before;
    assert_string_equal(bytes, "hello");
    return 0;
}

/* Takes connections with a buffer of 1 MiB and reads nothing until the client has sent what it can. */
PROGRAM(take_a_mib)
{
    const uint64_t bytes = 1024 * 1024;

    int listener = listen_here();
    sys_setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &bytes, sizeof(bytes));
    sys_setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, sizeof(bytes));
    int fd = sys_accept4(listener, NULL, NULL, 0);
    while (!(poll_now(fd, 1000) & POLLRDHUP))
        ;
    return 0;
}

PROGRAM(send_all_that_fits)
{
    static const char block[65536];
    long sent = 0;
    ssize_t n;
    int fd;

    assert_int_equal(connect_there(&fd, 0), 0);
    sys_fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    while ((n = send_quietly(fd, block, sizeof(block))) > 0)
        sent += n;
    assert_int_equal(n, -EAGAIN);
    tell(sent);
    return 0;
}

static void connections_have_the_buffer_of_their_listener(void **state)
{
    struct machines machines = machines_new(1);
    (void)state;

    play(&machines, take_a_mib, send_all_that_fits);
    assert_int_equal(told.results[0], 1024 * 1024);
}

static void bytes_go_there_and_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct machines machines = machines_new(seed);
        play(&machines, echo_once, say_hello);
        assert_int_equal(told.results[0], VMADDR_CID_HOST);
        assert_int_equal(told.results[1], 0); /* the end */
    }
}

static void packets_take_their_time(void **state)
{
    const struct vsock_plan slow = {.delay_ns = 5000000};
    struct machines machines = machines_new(1);

    (void)state;
    vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &slow);
    vsock_set_plan(machines.guest, VSOCK_FROM_WORLD, &slow);
    play(&machines, echo_once, say_hello);
    assert_true(told.ns >= 10000000 && told.ns < 11000000);
}

/* ---- bulk ---- */

#define BULK 1000000

PROGRAM(read_bulk)
{
    static char bytes[70000];
    size_t sum = 0;
    ssize_t n;
    bool right = true;

    int fd = sys_accept4(listen_here(), NULL, NULL, 0);
    while ((n = sys_read(fd, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            right = right && bytes[i] == (char)((sum + (size_t)i) % 251);
        sum += (size_t)n;
    }
    tell(n);
    tell((long)sum);
    tell(right);
    return 0;
}

PROGRAM(write_bulk)
{
    static char bytes[BULK];
    int fd;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i % 251);
    assert_int_equal(connect_there(&fd, 0), 0);
    uint64_t before = sys_monotonic_ns();
    ssize_t n = send_quietly(fd, bytes, sizeof(bytes));
    told.ns = sys_monotonic_ns() - before;
    tell(n);
    tell(send_quietly(fd, bytes + sizeof(bytes) % 251, 1));
    sys_shutdown(fd, SHUT_WR);
    tell(sys_read(fd, bytes, 1));
    return 0;
}

static bool was_told(long result)
{
    for (size_t i = 0; i < told.n; i++)
        if (told.results[i] == result)
            return true;
    return false;
}

static void a_stream_keeps_its_order_whatever_the_plan(void **state)
{
    static const struct {
        const char *label;
        struct vsock_plan plan;
    } rows[] = {
        {"nothing wrong", {0}},
        {"jitter", {.jitter_ns = 3000000}},
        {"small pieces", {.piece = 1000}},
        {"small window", {.window = 4096}},
        {"slow reader", {.ns_per_kib = 10000}},
        {"all of it", {.delay_ns = 1000, .jitter_ns = 50000, .piece = 777, .window = 8192, .ns_per_kib = 1000}},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        for (uint64_t seed = 1; seed < 4; seed++) {
            struct machines machines = machines_new(seed);
            vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &row->plan);
            play(&machines, read_bulk, write_bulk);
            if (!was_told(BULK + 1))
                fail_msg("%s, seed %d: not all bytes arrived", row->label, (int)seed);
            assert_false(was_told(-ECONNRESET));
            assert_true(was_told(1));
        }
    }
}

static void a_narrow_line_makes_the_sender_wait(void **state)
{
    const struct vsock_plan narrow = {.ns_per_kib = 100000};
    struct machines machines = machines_new(1);

    (void)state;
    vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &narrow);
    play(&machines, read_bulk, write_bulk);
    assert_true(told.ns > 50000000);
}

static void a_reset_after_some_bytes_is_seen_on_both_sides(void **state)
{
    const struct vsock_plan plan = {.reset_after = 100000};
    struct machines machines = machines_new(1);

    (void)state;
    vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &plan);
    play(&machines, read_bulk, write_bulk);
    assert_true(was_told(-ECONNRESET));
    assert_false(was_told(BULK));
}

/* ---- nobody answers ---- */

PROGRAM(connect_only)
{
    int fd;

    uint64_t before = sys_monotonic_ns();
    tell(connect_there(&fd, 0));
    told.ns = sys_monotonic_ns() - before;
    return 0;
}

static void without_a_listener_a_connection_is_reset(void **state)
{
    struct machines machines = machines_new(1);

    (void)state;
    play(&machines, NULL, connect_only);
    assert_int_equal(told.results[0], -ECONNRESET);
}

static void a_lost_request_times_out(void **state)
{
    static const struct vsock_plan plans[] = {{.lost_requests = 1}, {.silent = true}};

    (void)state;
    FOR_ROWS (plan, plans) {
        struct machines machines = machines_new(1);
        vsock_set_plan(machines.guest, VSOCK_TO_WORLD, plan);
        play(&machines, NULL, connect_only);
        assert_int_equal(told.results[0], -ETIMEDOUT);
        assert_true(told.ns >= CONNECT_TIMEOUT_NS && told.ns < CONNECT_TIMEOUT_NS + 1000000);
    }
}

PROGRAM(connect_without_waiting)
{
    int error = -1, fd;
    socklen_t len = sizeof(error);
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = PORT};

    tell(connect_there(&fd, SOCK_NONBLOCK));
    tell(sys_connect(fd, (struct sockaddr *)&vm, sizeof(vm)));
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    sys_poll(&pollfd, 1, -1);
    tell(pollfd.revents & (POLLOUT | POLLERR));
    sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    tell(error);
    return 0;
}

static void a_connection_can_be_waited_for_by_poll(void **state)
{
    static const struct {
        struct vsock_plan plan;
        short events;
        int error;
    } rows[] = {{{.delay_ns = 1000000}, POLLOUT | POLLERR, ECONNRESET}, {{.silent = true}, POLLOUT | POLLERR, ETIMEDOUT}};

    (void)state;
    FOR_ROWS (row, rows) {
        struct machines machines = machines_new(1);
        vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &row->plan);
        play(&machines, NULL, connect_without_waiting);
        assert_int_equal(told.results[0], -EINPROGRESS);
        assert_int_equal(told.results[1], -EALREADY);
        assert_int_equal(told.results[2], row->events);
        assert_int_equal(told.results[3], row->error);
    }
}

PROGRAM(connect_to_nowhere)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = 99, .svm_port = PORT};

    tell(sys_connect(sys_socket(AF_VSOCK, SOCK_STREAM, 0), (struct sockaddr *)&vm, sizeof(vm)));
    vm.svm_cid = VMADDR_CID_ANY;
    tell(sys_connect(sys_socket(AF_VSOCK, SOCK_STREAM, 0), (struct sockaddr *)&vm, sizeof(vm)));
    return 0;
}

static void the_host_knows_its_guests(void **state)
{
    struct machines machines = machines_new(1);

    (void)state;
    play(&machines, NULL, connect_to_nowhere);
    assert_int_equal(told.results[0], -ENODEV);
    assert_int_equal(told.results[1], -ENODEV);
}

/* ---- ends ---- */

PROGRAM(accept_and_watch)
{
    char byte;

    int fd = sys_accept4(listen_here(), NULL, NULL, 0);
    tell(poll_now(fd, 1000));
    tell(sys_read(fd, &byte, 1));
    return 0;
}

PROGRAM(connect_and_close)
{
    int fd;

    assert_int_equal(connect_there(&fd, 0), 0);
    return 0;
}

static void the_other_side_sees_the_end(void **state)
{
    struct machines machines = machines_new(1);

    (void)state;
    play(&machines, accept_and_watch, connect_and_close);
    assert_int_equal(told.results[0], POLLIN | POLLRDHUP);
    assert_int_equal(told.results[1], 0);
}

PROGRAM(accept_and_wait)
{
    int fd = sys_accept4(listen_here(), NULL, NULL, 0);

    tell(poll_now(fd, 60000));
    return 0;
}

/* One byte still arrives; then the end does not. */
PROGRAM(say_one_byte)
{
    int fd;

    assert_int_equal(connect_there(&fd, 0), 0);
    sys_write(fd, "xy", 2);
    return 0;
}

PROGRAM(accept_and_read_twice)
{
    char bytes[16];

    int fd = sys_accept4(listen_here(), NULL, NULL, 0);
    tell(sys_read(fd, bytes, sizeof(bytes)));
    tell(poll_now(fd, 60000));
    return 0;
}

static void a_half_open_side_hears_nothing(void **state)
{
    const struct vsock_plan gone = {.silent_after = 1};
    struct machines machines = machines_new(1);

    (void)state;
    vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &gone);
    play(&machines, accept_and_read_twice, say_one_byte);
    assert_int_equal(told.results[0], 1);
    assert_int_equal(told.results[1], 0);
}

PROGRAM(shut_down_writing)
{
    char bytes[16];
    int fd;

    assert_int_equal(connect_there(&fd, 0), 0);
    sys_write(fd, "hello", 5);
    assert_int_equal(sys_shutdown(fd, SHUT_WR), 0);
    tell(sys_read(fd, bytes, sizeof(bytes)));
    tell(send_quietly(fd, "x", 1));
    tell(sys_read(fd, bytes, sizeof(bytes)));
    return 0;
}

PROGRAM(answer_after_the_end)
{
    char bytes[16];

    int fd = sys_accept4(listen_here(), NULL, NULL, 0);
    while (sys_read(fd, bytes, sizeof(bytes)) > 0)
        ;
    sys_write(fd, "bye", 3);
    return 0;
}

static void each_direction_ends_on_its_own(void **state)
{
    struct machines machines = machines_new(1);

    (void)state;
    play(&machines, answer_after_the_end, shut_down_writing);
    assert_int_equal(told.results[0], 3);
    assert_int_equal(told.results[1], -EPIPE);
    assert_int_equal(told.results[2], 0);
}

static void reset_guest(void *arg, uint64_t n)
{
    (void)n;
    vsock_reset_all(arg);
}

PROGRAM(connect_and_be_reset)
{
    char byte;
    int fd;

    assert_int_equal(connect_there(&fd, 0), 0);
    sim_observe(current());
    sys_getpid(); /* the hook resets the transport here */
    tell(sys_read(fd, &byte, 1));
    tell(send_quietly(fd, "x", 1));
    return 0;
}

static void a_device_that_is_taken_away_resets_everything(void **state)
{
    struct machines machines = machines_new(1);

    (void)state;
    sim_set_hook(machines.sim, reset_guest, machines.guest);
    play(&machines, accept_and_wait, connect_and_be_reset);
    assert_true(was_told(-ECONNRESET));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_have_the_buffer_of_their_listener),
        cmocka_unit_test(bytes_go_there_and_back),
        cmocka_unit_test(packets_take_their_time),
        cmocka_unit_test(a_stream_keeps_its_order_whatever_the_plan),
        cmocka_unit_test(a_narrow_line_makes_the_sender_wait),
        cmocka_unit_test(a_reset_after_some_bytes_is_seen_on_both_sides),
        cmocka_unit_test(without_a_listener_a_connection_is_reset),
        cmocka_unit_test(a_lost_request_times_out),
        cmocka_unit_test(a_connection_can_be_waited_for_by_poll),
        cmocka_unit_test(the_host_knows_its_guests),
        cmocka_unit_test(the_other_side_sees_the_end),
        cmocka_unit_test(a_half_open_side_hears_nothing),
        cmocka_unit_test(each_direction_ends_on_its_own),
        cmocka_unit_test(a_device_that_is_taken_away_resets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
