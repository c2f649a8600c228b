/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own start and end, with every kernel call failing in every way: see harness/fault_sweep.h. */
#include "agent/tests/support/expect.h"
#include "mocks/harness/fault_sweep.h"

#define STRING(s) ((char *)(uintptr_t)(s))

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

/* Two storages: when the second fails, the first is taken back. */
static enum status_code mount_and_destroy(struct rig *rig, struct error *err)
{
    Grpc__Storage first = GRPC__STORAGE__INIT, second;
    Grpc__Storage *storages[] = {&first, &second};
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    first.driver = STRING("virtio-fs");
    first.source = first.fstype = STRING("tmpfs");
    first.mount_point = STRING("/run/first");
    second = first;
    second.mount_point = STRING("/run/new/second");
    request.storages = storages;
    request.n_storages = ARRAY_SIZE(storages);
    enum status_code status = rig_call(rig, "CreateSandbox", &request, NULL, err);
    return status == STATUS_OK ? destroy(rig, err) : status;
}

#define PROCESS .seed = 1
#define PID_1 .seed = 1, .as_init = true, .unbooted = true

static const struct sweep sweeps[] = {
    {"boot-process", {PROCESS}, .done = run_container, .kind = SWEEP_START},
    {"boot-init", {PID_1}, .done = run_container, .kind = SWEEP_START},
    {"boot-init-v1", {PID_1, .cgroups = WORLD_CGROUP_V1}, .done = run_container, .kind = SWEEP_START},
    {"boot-initramfs", {PID_1, .initramfs = true}, .done = run_container, .kind = SWEEP_START},
    {"boot-console", {PID_1, .config = "debug_console = true\n"}, .done = run_container, .kind = SWEEP_START},
    {"boot-log-port", {PID_1, .config = "log_vport = 1025\n"}, .done = run_container, .kind = SWEEP_START},
    {"destroy-process", {PROCESS}, run_c1_and_c2, destroy, .kind = SWEEP_END},
    {"destroy-init", {PID_1}, run_c1_and_c2, destroy, .kind = SWEEP_END},
    {"destroy-storages", {PROCESS}, .act = mount_and_destroy, .kind = SWEEP_END},
    {"stop-process", {PROCESS}, run_c1_and_c2, .kind = SWEEP_END},
    {"stop-init", {PID_1}, run_c1_and_c2, .kind = SWEEP_END},
};

int main(int argc, char **argv)
{
    return fault_sweep_main(sweeps, ARRAY_SIZE(sweeps), argc, argv);
}
