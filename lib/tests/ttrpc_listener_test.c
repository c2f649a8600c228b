/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc_harness.h"

#include <sys/mman.h>

#include <sys/un.h>

#include "ttrpc/address.h"
#include "ttrpc/client.h"

static struct address listen_address(void)
{
    struct address address;
    char text[64];

    snprintf(text, sizeof(text), "unix://@tatami-listener-test-%d", getpid());
    assert_int_equal(address_parse(text, &address, NULL), 0);
    return address;
}

static struct address start_listening(struct harness *h, bool (*peer_allowed)(int fd))
{
    struct address address = listen_address();
    int fd = address_listen(&address, NULL);

    assert_true(fd >= 0);
    assert_int_equal(ttrpc_server_listen(h->server, fd, peer_allowed, NULL), 0);
    return address;
}

static int dial(const struct address *address)
{
    int fd = address_connect(address, NULL);

    assert_true(fd >= 0);
    return fd;
}

static bool is_closed(struct harness *h, int fd)
{
    uint8_t byte;

    return !peer_read(h, fd, &byte, 1, PATIENCE_NS);
}

/* ---- who may connect ---- */

static bool refuse_everybody(int fd)
{
    assert_true(sys_fcntl(fd, F_GETFD, 0) & FD_CLOEXEC);
    return false;
}

static void peers(struct harness *h)
{
    struct address address = start_listening(h, refuse_everybody);
    int fd = dial(&address);

    send_request(h, fd, "grpc.Health", "Check", 1);
    assert_true(is_closed(h, fd));
    sys_close(fd);
    serve_check(h, h->peer, 1);
}

static void refused_peers_are_closed_without_a_byte(void **state)
{
    (void)state;
    harness_run(peers, TTRPC_PROFILE_AGENT);
}

static void set_three_connections(struct ttrpc_server_options *options)
{
    options->max_connections = 3;
}

static void connections(struct harness *h)
{
    struct address address = start_listening(h, NULL);
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = dial(&address);
    serve_check(h, fds[0], 1);
    serve_check(h, fds[1], 1);
    assert_true(is_closed(h, fds[2]));
    sys_close(fds[0]);
    sys_close(fds[2]);
    harness_settle(h);
    fds[0] = dial(&address);
    serve_check(h, fds[0], 1);
    sys_close(fds[0]);
    sys_close(fds[1]);
}

static void connections_beyond_the_limit_are_closed(void **state)
{
    (void)state;
    harness_run_options(connections, TTRPC_PROFILE_AGENT, set_three_connections, NULL);
}

/* ---- trouble ---- */

static uint64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NSEC_PER_SEC +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static void no_descriptors(struct harness *h)
{
    struct address address = start_listening(h, NULL);
    int fd = dial(&address);
    struct rlimit old, none;

    getrlimit(RLIMIT_NOFILE, &old);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    uint64_t cpu = cpu_ns();
    fiber_sleep_until(h->loop, loop_deadline(h->loop, 500 * NSEC_PER_MSEC));
    cpu = cpu_ns() - cpu;
    serve_check(h, h->peer, 1);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_true(cpu < 50 * NSEC_PER_MSEC);
    serve_check(h, fd, 1);
    sys_close(fd);
}

static void immune_19_no_descriptors_left(void **state)
{
    (void)state;
    harness_run(no_descriptors, TTRPC_PROFILE_AGENT);
}

/* A socket that is shut down reports EPOLLHUP for ever and accepts nothing. */
static void dead_listener(struct harness *h)
{
    struct address address = listen_address();
    int fd = address_listen(&address, NULL);

    assert_int_equal(ttrpc_server_listen(h->server, fd, NULL, NULL), 0);
    sys_shutdown(fd, SHUT_RDWR);
    uint64_t cpu = cpu_ns();
    fiber_sleep_until(h->loop, loop_deadline(h->loop, 300 * NSEC_PER_MSEC));
    assert_true(cpu_ns() - cpu < 50 * NSEC_PER_MSEC);
    serve_check(h, h->peer, 1);
}

static void a_dead_listener_costs_nothing(void **state)
{
    (void)state;
    harness_run(dead_listener, TTRPC_PROFILE_AGENT);
}

static void storm(struct harness *h)
{
    struct address address = start_listening(h, NULL);
    int guard = sys_memfd_create("guard", 0);
    unsigned int descriptors = open_descriptors();

    for (unsigned int i = 0; i < 1000; i++) {
        int fds[3];
        for (int k = 0; k < 3; k++)
            fds[k] = dial(&address);
        if (i % 2)
            send_request(h, fds[0], "grpc.Health", "Park", 1);
        for (unsigned int turns = 0; turns < i % 4; turns++)
            fiber_yield(h->loop);
        for (int k = 0; k < 3; k++)
            sys_close(fds[k]);
        harness_settle(h);
    }
    assert_int_equal(open_descriptors(), descriptors);
    assert_true(sys_fcntl(guard, F_GETFD, 0) >= 0);
    sys_close(guard);
    serve_check(h, h->peer, 1);
}

static void immune_20_connection_storm(void **state)
{
    (void)state;
    harness_run(storm, TTRPC_PROFILE_AGENT);
}

static void stopped(struct harness *h)
{
    struct address address = start_listening(h, NULL);
    int waiting = dial(&address);

    ttrpc_server_shutdown(h->server, NO_DEADLINE, true);
    assert_true(is_closed(h, waiting));
    assert_int_equal(address_connect(&address, NULL), -ECONNREFUSED);
    sys_close(waiting);
}

static void nothing_is_accepted_after_a_shutdown(void **state)
{
    (void)state;
    harness_run(stopped, TTRPC_PROFILE_AGENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_peers_are_closed_without_a_byte),
        cmocka_unit_test(connections_beyond_the_limit_are_closed),
        cmocka_unit_test(immune_19_no_descriptors_left),
        cmocka_unit_test(a_dead_listener_costs_nothing),
        cmocka_unit_test(immune_20_connection_storm),
        cmocka_unit_test(nothing_is_accepted_after_a_shutdown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
