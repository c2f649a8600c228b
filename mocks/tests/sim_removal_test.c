/* SPDX-License-Identifier: Apache-2.0 */
/* Removals that do not come to their end. */
#include <errno.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "mocks/harness/sim_agent.h"

#define MOMENTS 200
#define MOMENT_NS 2000

/* From now on, or no longer, nothing can be removed in the guest. */
static void fail_removals(void *arg, uint64_t n)
{
    struct sim *sim = arg;
    struct sim_call call;

    if (sim_call_at(sim, n, &call) && call.call == CALL_unlinkat)
        sim_set_fault(sim, &(struct sim_fault){.at = n, .errnum = EACCES});
}

static void set_removals_fail(struct rig *rig, bool fail)
{
    struct sim *sim = sim_client_of(rig)->guest->sim;

    sim_set_hook(sim, fail ? fail_removals : NULL, sim);
}

static void remove_in_two_attempts(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    expect_running(rig, "c1", spec);
    set_removals_fail(rig, true);
    EXPECT_REFUSED(STATUS_INTERNAL, "remove cgroup", rig_remove(rig, "c1", &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "remove cgroup", rig_remove(rig, "c1", &err));
    set_removals_fail(rig, false);
    EXPECT_REFUSED(STATUS_INTERNAL, "container c1 exists already", rig_create(rig, "c1", spec, &err));
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "was not removed completely", rig_exec(rig, "c1", "e1", spec->process, &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "Invalid container id", rig_remove(rig, "c1", &err));
}

static void run_and_leave_removals_failing(struct rig *rig)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    expect_running(rig, "c2", rig_spec(rig, "c2", NULL));
    set_removals_fail(rig, true);
}

static void removal_that_fails_says_so_and_can_be_repeated(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1});

    sim_agent_tell(guest, rig_create_sandbox);
    struct buf before = sim_agent_snapshot(guest);
    sim_agent_tell(guest, remove_in_two_attempts);
    struct buf after = sim_agent_snapshot(guest);
    sim_expect_same(&before, &after, "after the second attempt");
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
    buf_done(&before);
    buf_done(&after);
}

static void agent_ends_although_its_containers_cannot_be_removed(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1});

    sim_agent_tell(guest, rig_create_sandbox);
    sim_agent_tell(guest, run_and_leave_removals_failing);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

/* The third directory that a creation makes is the group, after the bundle's and the parent of the group. */
static void fail_group_and_removals(void *arg, uint64_t n)
{
    struct sim_agent *guest = arg;
    struct sim_call call;
    size_t *n_made = guest->context;

    if (!sim_call_at(guest->sim, n, &call))
        return;
    *n_made += call.call == CALL_mkdirat;
    if (call.call == CALL_unlinkat || (call.call == CALL_mkdirat && *n_made == 3))
        sim_set_fault(guest->sim, &(struct sim_fault){.at = n, .errnum = EACCES});
}

static void fail_to_create_and_to_undo(struct rig *rig)
{
    struct sim_agent *guest = sim_client_of(rig)->guest;

    sim_set_hook(guest->sim, fail_group_and_removals, guest);
    EXPECT_REFUSED(STATUS_INTERNAL, "make cgroup", rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    sim_set_hook(guest->sim, NULL, NULL);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static void live(struct rig *rig)
{
    assert_int_equal(rig_run_container(rig, "c2", rig_spec(rig, "c2", "exit 3"), NULL, NULL), 3);
}

static void parent_group_that_could_not_be_taken_back_goes_with_the_next_removal(void **state UNUSED)
{
    static const enum world_cgroups versions[] = {WORLD_CGROUP_V2, WORLD_CGROUP_V1};

    FOR_ROWS (cgroups, versions) {
        struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1, .cgroups = *cgroups});
        size_t n_made = 0;
        guest->context = &n_made;
        sim_agent_tell(guest, rig_create_sandbox);
        struct buf before = sim_agent_snapshot(guest);
        sim_agent_tell(guest, fail_to_create_and_to_undo);
        assert_int_equal(n_made, 3);
        sim_agent_tell(guest, live);
        struct buf after = sim_agent_snapshot(guest);
        sim_expect_same(&before, &after, "after the next removal");
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
        buf_done(&before);
        buf_done(&after);
    }
}

static void create_c1(struct rig *rig)
{
    struct error err = {.errnum = 0};

    (void)rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err);
}

static void destroy_after_a_while(struct rig *rig)
{
    const uint64_t *wait_ns = sim_client_of(rig)->guest->context;

    sim_pause(rig, *wait_ns);
    rig_ok(rig, "DestroySandbox", request_for(rig, "DestroySandbox", NULL, NULL), NULL);
}

/* At whatever point of the creation the end comes, the container is gone, and nobody uses what it was made of any more. */
static void sandbox_can_end_while_a_container_is_created(void **state UNUSED)
{
    static void (*const stories[])(struct rig * rig) = {create_c1, destroy_after_a_while};

    for (uint64_t wait_ns = 0; wait_ns < MOMENTS * MOMENT_NS; wait_ns += MOMENT_NS) {
        struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = wait_ns / MOMENT_NS, .preempt = true});
        guest->context = &wait_ns;
        sim_agent_tell(guest, rig_create_sandbox);
        guest->stopped = true;
        sim_agent_tell_all(guest, stories, ARRAY_SIZE(stories));
        sim_agent_await_end(guest);
        sim_agent_free(guest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removal_that_fails_says_so_and_can_be_repeated),
        cmocka_unit_test(agent_ends_although_its_containers_cannot_be_removed),
        cmocka_unit_test(parent_group_that_could_not_be_taken_back_goes_with_the_next_removal),
        cmocka_unit_test(sandbox_can_end_while_a_container_is_created),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
