/* SPDX-License-Identifier: Apache-2.0 */
/* Whole lives of sandboxes and containers in the simulation: they end well, leave nothing, and are the same every time. */
#include "agent/tests/support/expect.h"
#include "mocks/harness/sim_agent.h"

#include <string.h>

#define TRACE_MAX (8 * 1024 * 1024)

static const struct sim_setup setups[] = {
    {.test = "process, cgroup v2", .seed = 1},
    {.test = "process, cgroup v1", .seed = 1, .cgroups = WORLD_CGROUP_V1},
    {.test = "process, hybrid", .seed = 1, .cgroups = WORLD_CGROUP_HYBRID},
    {.test = "process, preempted", .seed = 1, .preempt = true},
    {.test = "PID 1", .seed = 1, .as_init = true},
    {.test = "PID 1, initramfs", .seed = 1, .as_init = true, .initramfs = true},
    {.test = "PID 1, nothing mounted", .seed = 1, .as_init = true, .unbooted = true, .initramfs = true},
};

/* ---- stories ---- */

static void check(struct rig *rig)
{
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
    struct error err;

    enum status_code status = rig_call_service(rig, "grpc.Health", "Check", &request.base, 0, NULL, &err);
    if (status != STATUS_OK)
        fail_msg("Check: %s: %s", status_name(status), err.text);
}

static void live_and_die(struct rig *rig)
{
    char *out, *errors;

    int code = rig_run_container(rig, "c1", rig_spec(rig, "c1", "echo hello; echo oops >&2; exit 42"), &out, &errors);
    assert_string_equal(errors, "oops\n");
    assert_string_equal(out, "hello\n");
    assert_int_equal(code, 42);
}

static void live_and_exec(struct rig *rig)
{
    struct oci_process *process;
    struct oci_spec *spec = rig_spec(rig, "c2", NULL);

    EXPECT_OK(rig_create(rig, "c2", spec, &err));
    EXPECT_OK(rig_start(rig, "c2", &err));
    process = rig_spec(rig, "c2", "exit 9")->process;
    EXPECT_OK(rig_exec(rig, "c2", "e1", process, &err));
    assert_int_equal(rig_wait(rig, "c2", "e1"), 9);
    EXPECT_OK(rig_remove(rig, "c2", &err));
}

static void sandbox_and_container(struct rig *rig)
{
    rig_create_sandbox(rig);
    live_and_die(rig);
}

static void destroy(struct rig *rig)
{
    Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

    sim_client_of(rig)->guest->stopped = true;
    rig_ok(rig, "DestroySandbox", &request.base, NULL);
}

/* ---- tests ---- */

static void live_once(const struct sim_setup *setup)
{
    struct sim_agent *guest = sim_agent_boot(setup);

    sim_agent_tell(guest, check);
    sim_agent_tell(guest, sandbox_and_container);
    struct buf before = sim_agent_snapshot(guest);
    sim_agent_tell(guest, live_and_die);
    sim_agent_tell(guest, live_and_exec);
    struct buf after = sim_agent_snapshot(guest);
    sim_expect_same(&before, &after, setup->test);
    sim_agent_tell(guest, destroy);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
    buf_done(&before);
    buf_done(&after);
}

static void life_of_a_sandbox_leaves_nothing_behind(void **state UNUSED)
{
    FOR_ROWS (setup, setups) {
        live_once(setup);
    }
}

static struct buf trace_of(struct sim_setup setup)
{
    struct buf trace = BUF_INIT(TRACE_MAX);

    setup.trace = &trace;
    live_once(&setup);
    return trace;
}

static void same_seed_gives_the_same_trace_byte_for_byte(void **state UNUSED)
{
    FOR_ROWS (setup, setups) {
        struct buf first = trace_of(*setup), second = trace_of(*setup);
        assert_true(first.len > 1000);
        if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
            sim_expect_same(&first, &second, setup->test);
        buf_done(&first);
        buf_done(&second);
    }
}

static void containers_pivot_away_from_an_initramfs(void **state UNUSED)
{
    struct buf trace = trace_of((struct sim_setup){.test = "PID 1, initramfs", .seed = 1, .as_init = true, .initramfs = true});

    assert_non_null(strstr(trace.data, "pivot_root(\".\", \".\") = 0"));
    assert_null(strstr(trace.data, "pivot_root(\".\", \".\") = -"));
    buf_done(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_sandbox_leaves_nothing_behind),
        cmocka_unit_test(same_seed_gives_the_same_trace_byte_for_byte),
        cmocka_unit_test(containers_pivot_away_from_an_initramfs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
