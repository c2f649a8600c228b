/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes of methods that the shared tests of the process tier do not see in the simulation. */
#include <errno.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "mocks/harness/sim_agent.h"

#define LIMIT (64 * 1024 * 1024)
#define EATEN (8 * 1024 * 1024)

/* ---- statistics ---- */

static struct oci_spec *limited(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "sleep 1000 & exec eat 8388608");

    spec->linux_->resources->memory = arena_alloc(rig->arena, sizeof(struct oci_memory));
    spec->linux_->resources->memory->limit = (struct opt_i64){true, LIMIT};
    spec->linux_->resources->pids_limit = (struct opt_i64){true, 20};
    return spec;
}

static void ask_for_statistics(struct rig *rig)
{
    Grpc__ReadStreamRequest *read = (void *)request_for(rig, "ReadStdout", "c1", "");
    ProtobufCMessage *reply;

    expect_running(rig, "c1", limited(rig));
    read->len = 10;
    rig_ok(rig, "ReadStdout", &read->base, NULL); /* it has eaten */
    rig_ok(rig, "StatsContainer", request_for(rig, "StatsContainer", "c1", NULL), &reply);
    const Grpc__CgroupStats *stats = ((Grpc__StatsContainerResponse *)(void *)reply)->cgroup_stats;
    assert_int_equal(stats->pids_stats->current, 2);
    assert_int_equal(stats->pids_stats->limit, 20);
    assert_in_range(stats->memory_stats->usage->usage, EATEN, LIMIT);
    assert_int_equal(stats->memory_stats->usage->limit, LIMIT);
    EXPECT_OK(rig_remove(rig, "c1", &err));
    rig_refused(rig, "StatsContainer", request_for(rig, "StatsContainer", "c1", NULL), STATUS_INVALID_ARGUMENT,
                "invalid container id");
}

static void statistics_are_those_of_the_cgroup(void **state UNUSED)
{
    static const struct sim_setup setups[] = {
        {.test = "statistics, cgroup v2", .seed = 1},
        {.test = "statistics, cgroup v1", .seed = 1, .cgroups = WORLD_CGROUP_V1},
        {.test = "statistics, hybrid", .seed = 1, .cgroups = WORLD_CGROUP_HYBRID},
    };

    FOR_ROWS (setup, setups) {
        struct sim_agent *guest = sim_agent_boot(setup);
        sim_agent_tell(guest, ask_for_statistics);
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
    }
}

/* ---- an end that fails ---- */

static void refuse_removal(void *arg, uint64_t n)
{
    struct sim *sim = arg;
    struct sim_call call;

    if (sim_call_at(sim, n, &call) && call.call == CALL_unlinkat)
        sim_set_fault(sim, &(struct sim_fault){.at = n, .errnum = EACCES});
}

static void destroy_twice(struct rig *rig)
{
    Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;
    struct sim *sim = sim_client_of(rig)->guest->sim;

    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    expect_running(rig, "c2", rig_spec(rig, "c2", NULL));
    sim_set_hook(sim, refuse_removal, sim);
    rig_refused(rig, "DestroySandbox", &request.base, STATUS_INTERNAL, "remove");
    sim_set_hook(sim, NULL, NULL);
    EXPECT_OK(rig_signal(rig, "c2", "c2", 0, &err)); /* it serves, and what was not reached yet still runs */
    rig_ok(rig, "DestroySandbox", &request.base, NULL);
    assert_int_equal(rig_agent_exit_code(rig), 0);
}

static void sandbox_that_cannot_end_says_so_and_ends_later(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.test = "end in two attempts", .seed = 1});

    sim_agent_tell(guest, destroy_twice);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_those_of_the_cgroup),
        cmocka_unit_test(sandbox_that_cannot_end_says_so_and_ends_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
