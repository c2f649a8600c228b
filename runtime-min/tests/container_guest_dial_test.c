/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a guest over the kernel's vsock, between two machines of the simulation. The hybrid socket: ctl.bats, and the
 * tests of the monitor. */
#include <linux/vm_sockets.h>

#include "mocks/tests/bench.h"
#include "mocks/vsock/plan.h"
#include "runtime-min/container/guest_dial.h"
#include "sys/fd.h"

#define GUEST_CID 4000000000u
#define SECOND NSEC_PER_SEC

struct machines {
    struct sim *sim;
    struct world *host, *guest;
};

static struct machines machines_new(void)
{
    struct machines machines = {.sim = sim_new(&(struct sim_options){.seed = 1})};

    machines.host = world_new(machines.sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2, .cid = VMADDR_CID_HOST});
    machines.guest = world_new(machines.sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2, .cid = GUEST_CID});
    return machines;
}

/* What the programs of a test tell it. */
static struct {
    int result, flags;
    char said[16];
    struct error err;
    uint64_t ns;
    bool as_fiber;
    unsigned int cid;
} told;

PROGRAM(greet)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = GUEST_RPC_PORT};
    int fd = sys_socket(AF_VSOCK, SOCK_STREAM, 0);

    assert_int_equal(sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm)), 0);
    assert_int_equal(sys_listen(fd, 1), 0);
    int peer = sys_accept4(fd, NULL, NULL, 0);
    sys_write(peer, "hello", 5);
    return 0;
}

static void dial(struct loop *loop)
{
    const struct guest_address guest = {.cid = told.cid};
    uint64_t before = sys_monotonic_ns();

    int fd = guest_dial(&guest, GUEST_RPC_PORT, loop, before + 5 * SECOND, &told.err);
    told.result = fd < 0 ? fd : 0;
    told.ns = sys_monotonic_ns() - before;
    if (fd < 0)
        return;
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    told.flags = sys_fcntl(fd, F_GETFL, 0) | (sys_fcntl(fd, F_GETFD, 0) == FD_CLOEXEC ? O_CLOEXEC : 0);
    sys_poll(&poll, 1, -1);
    told.said[sys_read(fd, told.said, sizeof(told.said) - 1)] = '\0';
    sys_close(fd);
}

static void dial_fiber(void *arg)
{
    dial(arg);
    loop_stop(arg);
}

PROGRAM(caller)
{
    struct loop *loop = NULL;

    sys_nanosleep(NSEC_PER_MSEC); /* the guest listens */
    if (!told.as_fiber) {
        dial(NULL);
        return 0;
    }
    assert_int_equal(loop_new(&loop, NULL), 0);
    assert_int_equal(fiber_start(loop, "dial", dial_fiber, loop, NULL), 0);
    assert_int_equal(loop_run(loop, NULL), 0);
    loop_free(loop);
    return 0;
}

static void play(struct machines *machines, program_fn server, unsigned int cid, bool as_fiber)
{
    memset(&told, 0, sizeof(told));
    told.cid = cid;
    told.as_fiber = as_fiber;
    if (server)
        world_start(machines->guest, "server", server, (const char *[]){"server", NULL});
    world_start(machines->host, "caller", caller, (const char *[]){"caller", NULL});
    assert_true(sim_run(machines->sim));
    sim_free(machines->sim);
}

static void a_guest_is_reached_by_its_context_id(void **state)
{
    (void)state;
    for (int as_fiber = 0; as_fiber < 2; as_fiber++) {
        struct machines machines = machines_new();
        play(&machines, greet, GUEST_CID, as_fiber);
        assert_int_equal(told.result, 0);
        assert_string_equal(told.said, "hello");
        assert_int_equal(told.flags & (O_NONBLOCK | O_CLOEXEC), O_NONBLOCK | O_CLOEXEC);
    }
}

static void a_guest_that_is_slow_is_waited_for_until_the_deadline(void **state)
{
    static const struct {
        struct vsock_plan plan;
        int result;
        uint64_t ns;
    } rows[] = {
        {{.delay_ns = 2 * SECOND}, 0, 4 * SECOND}, /* longer than the kernel waits by itself */
        {{.silent = true}, -ETIMEDOUT, 5 * SECOND},
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        struct machines machines = machines_new();
        vsock_set_plan(machines.guest, VSOCK_TO_WORLD, &rows[i / 2].plan);
        vsock_set_plan(machines.guest, VSOCK_FROM_WORLD, &rows[i / 2].plan);
        play(&machines, rows[i / 2].result == 0 ? greet : NULL, GUEST_CID, i % 2 == 1);
        assert_int_equal(told.result, rows[i / 2].result);
        assert_in_range(told.ns, rows[i / 2].ns, rows[i / 2].ns + SECOND / 10);
    }
}

static void failures_name_the_address(void **state)
{
    static const struct {
        unsigned int cid;
        int result;
        const char *text;
    } rows[] = {
        {GUEST_CID, -ECONNRESET,
         "connect to the virtual machine at vsock://4000000000:1024: ECONNRESET: Connection reset by peer"},
        {77, -ENODEV, "connect to the virtual machine at vsock://77:1024: ENODEV: No such device"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        struct machines machines = machines_new();
        play(&machines, NULL, rows[i / 2].cid, i % 2 == 1);
        assert_int_equal(told.result, rows[i / 2].result);
        assert_string_equal(told.err.text, rows[i / 2].text);
        assert_true(told.ns < SECOND);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_reached_by_its_context_id),
        cmocka_unit_test(a_guest_that_is_slow_is_waited_for_until_the_deadline),
        cmocka_unit_test(failures_name_the_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
