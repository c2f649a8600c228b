/* SPDX-License-Identifier: Apache-2.0 */
/* Every descriptor of the agent is close-on-exec from its first moment on, so none ever reaches a program. */
#include <string.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "mocks/harness/sim_agent.h"

static const struct sim_setup setups[] = {
    {.test = "descriptors, cgroup v2", .seed = 1},
    {.test = "descriptors, cgroup v1", .seed = 1, .cgroups = WORLD_CGROUP_V1},
    {.test = "descriptors, hybrid", .seed = 1, .cgroups = WORLD_CGROUP_HYBRID},
    {.test = "descriptors, PID 1", .seed = 1, .as_init = true, .initramfs = true},
};

static const char *const methods[] = {
    "PauseContainer", "StatsContainer", "ResumeContainer", "GetMetrics", "GetGuestDetails",
};

/* Before each call of the agent and of its children that are not a program yet. */
static void expect_close_on_exec(void *arg, uint64_t n)
{
    const struct sim_agent *guest = arg;
    struct sim_call before = {.call = 0};

    for (const struct task *task = task_next(guest->world, NULL); task; task = task_next(guest->world, task)) {
        for (size_t fd = 3; task->observed && fd < task->descriptors.n; fd++) {
            if (!task->descriptors.items[fd].file || task->descriptors.items[fd].cloexec)
                continue;
            (void)sim_call_at(guest->sim, n - 1, &before);
            fail_msg("%s: descriptor %zu of %s is not close-on-exec; the last call was %s", guest->setup.test, fd, task->name,
                     sys_call_name(before.call));
        }
    }
}

static void live(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->process->terminal = true;
    expect_running(rig, "c1", spec);
    expect_running(rig, "c2", rig_spec(rig, "c2", NULL));
    expect_exec_output(rig, "c2", rig_spec(rig, "c2", "echo hello")->process, "hello\n");
    FOR_ROWS (method, methods)
        (void)rig_call_service(rig, "grpc.AgentService", *method, request_for(rig, *method, "c2", NULL), 0, NULL, NULL);
    EXPECT_OK(rig_remove(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c2", &err));
}

static void descriptors_are_close_on_exec(void **state UNUSED)
{
    FOR_ROWS (setup, setups) {
        struct sim_agent *guest = sim_agent_boot(setup);
        sim_agent_tell(guest, rig_create_sandbox); /* first it re-executed itself from a descriptor */
        sim_set_hook(guest->sim, expect_close_on_exec, guest);
        sim_agent_tell(guest, live);
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(descriptors_are_close_on_exec)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
