/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's vsock device, on hosts of the simulation that have it, lack it, or do not give it away. */
#include <linux/vhost.h>
#include <linux/vm_sockets.h>
#include <sys/sysmacros.h>

#include "mocks/tests/bench.h"
#include "runtime-min/vmm/vhost_vsock.h"
#include "sys/fd.h"

#define HOST_CID 2
#define FIRST_IOCTL 5 /* after open, socket, close, getrandom */

/* What the program of a test tells it. */
static struct {
    int result[2];
    unsigned int cid[2];
    long again;
    struct error err;
} told;

/* Runs it on a machine with that context id; returns whether the fault struck. */
static bool play_fault(program_fn program, unsigned int cid, const struct sim_fault *fault)
{
    struct sim *sim = sim_new(&(struct sim_options){.seed = 1});
    struct world *world = world_new(sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2, .cid = cid});

    memset(&told, 0, sizeof(told));
    sim_observe(world_start(world, "opens", program, (const char *[]){"opens", NULL}));
    sim_set_fault(sim, fault);
    assert_true(sim_run(sim));
    bool struck = sim_fault_struck(sim);
    sim_free(sim);
    return struck;
}

/* errnum: of its first ioctl call, or of all; 0: none. */
static void play(program_fn program, unsigned int cid, int errnum, bool for_ever)
{
    const struct sim_fault fault = {.at = errnum ? FIRST_IOCTL : 0, .errnum = errnum, .for_ever = for_ever};

    assert_int_equal(play_fault(program, cid, &fault), errnum != 0);
}

PROGRAM(opens)
{
    told.result[0] = vhost_vsock_open(&told.cid[0], &told.err);
    return 0;
}

/* The next descriptor is the one that it would have been. */
PROGRAM(opens_and_looks)
{
    opens(0, NULL, NULL);
    told.again = sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    return 0;
}

PROGRAM(opens_twice)
{
    uint64_t taken;

    for (int i = 0; i < 2; i++)
        told.result[i] = vhost_vsock_open(&told.cid[i], &told.err);
    taken = told.cid[0];
    told.again = sys_ioctl(told.result[1], VHOST_VSOCK_SET_GUEST_CID, &taken);
    return 0;
}

PROGRAM(opens_as_a_user)
{
    assert_int_equal(sys_setresuid(1000, 1000, 1000), 0);
    return opens(0, NULL, NULL);
}

PROGRAM(opens_a_driverless_node)
{
    assert_int_equal(sys_mknodat(AT_FDCWD, "/dev/vhost-vsock", S_IFCHR | 0600, makedev(10, 241)), 0);
    return opens(0, NULL, NULL);
}

static void each_machine_has_a_context_id_of_its_own(void **state)
{
    (void)state;
    play(opens_twice, HOST_CID, 0, false);
    for (int i = 0; i < 2; i++) {
        assert_true(told.result[i] >= 0);
        assert_in_range(told.cid[i], VMADDR_CID_HOST + 1, VMADDR_CID_ANY - 1);
    }
    assert_true(told.cid[0] != told.cid[1]);
    assert_int_equal(told.again, -EADDRINUSE);
}

static void an_id_that_is_taken_is_given_up_for_another(void **state)
{
    (void)state;
    play(opens, HOST_CID, EADDRINUSE, false);
    assert_true(told.result[0] >= 0);
    assert_in_range(told.cid[0], VMADDR_CID_HOST + 1, VMADDR_CID_ANY - 1);
}

static void what_is_missing_is_told_with_the_remedy(void **state)
{
    static const struct {
        const char *text;
        program_fn program;
        unsigned int cid;
        int fault, result;
    } rows[] = {
        {"/dev/vhost-vsock (ENOENT): `modprobe vhost_vsock` on the host", opens, 0, 0, -ENOENT},
        {"/dev/vhost-vsock (ENODEV): `modprobe vhost_vsock` on the host", opens_a_driverless_node, 0, 0, -ENODEV},
        {"/dev/vhost-vsock may not be opened (EACCES): be root, and in a container allow the device", opens_as_a_user, HOST_CID,
         0, -EACCES},
        {"/dev/vhost-vsock: the context ids that 64 tries chose are all taken", opens, HOST_CID, EADDRINUSE, -EADDRINUSE},
        {"/dev/vhost-vsock: take context id ", opens, HOST_CID, ENOTTY, -ENOTTY},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        play(row->program, row->cid, row->fault, true);
        assert_int_equal(told.result[0], row->result);
        if (strncmp(told.err.text, row->text, strlen(row->text)) != 0)
            fail_msg("'%s' is not '%s'", told.err.text, row->text);
    }
}

static void a_failure_leaves_no_descriptor(void **state)
{
    unsigned int failures = 0;

    (void)state;
    for (unsigned int at = 1;; at++) {
        if (!play_fault(opens_and_looks, HOST_CID, &(struct sim_fault){.at = at, .errnum = ENOMEM}) || told.again < 0)
            break;
        failures += told.result[0] < 0;
        assert_int_equal(told.again, told.result[0] < 0 ? 3 : 4);
    }
    assert_int_equal(failures, 4); /* open, socket, getrandom, ioctl */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_machine_has_a_context_id_of_its_own),
        cmocka_unit_test(an_id_that_is_taken_is_given_up_for_another),
        cmocka_unit_test(what_is_missing_is_told_with_the_remedy),
        cmocka_unit_test(a_failure_leaves_no_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
