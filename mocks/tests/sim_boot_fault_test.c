/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own start and end, with every kernel call failing in every way: see harness/fault_sweep.h. */
#include "agent/tests/support/expect.h"
#include "mocks/harness/fault_sweep.h"

/* What comes up runs containers. */
static void run_container(struct rig *rig)
{
    rig_create_sandbox(rig);
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 3"), NULL, NULL), 3);
}

static void run_c1_and_c2(struct rig *rig)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    expect_running(rig, "c2", rig_spec(rig, "c2", NULL));
}

static enum status_code destroy(struct rig *rig, struct error *err)
{
    Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

    return rig_call(rig, "DestroySandbox", &request, NULL, err);
}

#define PROCESS .seed = 1
#define PID_1 .seed = 1, .as_init = true, .unbooted = true

static const struct sweep sweeps[] = {
    {"boot-process", {PROCESS}, .done = run_container, .kind = SWEEP_START},
    {"boot-init", {PID_1}, .done = run_container, .kind = SWEEP_START},
    {"boot-init-v1", {PID_1, .cgroups = WORLD_CGROUP_V1}, .done = run_container, .kind = SWEEP_START},
    {"destroy-process", {PROCESS}, run_c1_and_c2, destroy, .kind = SWEEP_END},
    {"destroy-init", {PID_1}, run_c1_and_c2, destroy, .kind = SWEEP_END},
    {"stop-process", {PROCESS}, run_c1_and_c2, .kind = SWEEP_END},
    {"stop-init", {PID_1}, run_c1_and_c2, .kind = SWEEP_END},
};

int main(int argc, char **argv)
{
    return fault_sweep_main(sweeps, ARRAY_SIZE(sweeps), argc, argv);
}
