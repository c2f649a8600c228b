/* SPDX-License-Identifier: Apache-2.0 */
/* PauseContainer while another client's ExecProcess is on its way. */
#include <stdio.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "mocks/harness/sim_agent.h"

#define STEP_NS 10000
#define STEPS 60 /* an exec takes less than that */

struct meeting {
    uint64_t wait_ns; /* before the container is paused */
    char exec_id[16];
    enum status_code exec;
    size_t n_started, n_refused;
};

static struct meeting *meeting_of(struct rig *rig)
{
    return sim_client_of(rig)->guest->context;
}

static void run_c1(struct rig *rig)
{
    rig_create_sandbox(rig);
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
}

static void exec(struct rig *rig)
{
    struct meeting *meeting = meeting_of(rig);
    struct error err;

    meeting->exec = rig_exec(rig, "c1", meeting->exec_id, rig_spec(rig, "c1", "exit 5")->process, &err);
    if (meeting->exec != STATUS_OK && meeting->exec != STATUS_FAILED_PRECONDITION)
        fail_msg("%s: %s", status_name(meeting->exec), err.text);
}

static void pause_c1(struct rig *rig)
{
    sim_pause(rig, meeting_of(rig)->wait_ns);
    rig_ok(rig, "PauseContainer", request_for(rig, "PauseContainer", "c1", NULL), NULL);
}

/* What was started ends by itself; of what was refused nothing is there. */
static void resume_c1(struct rig *rig)
{
    struct meeting *meeting = meeting_of(rig);

    rig_ok(rig, "ResumeContainer", request_for(rig, "ResumeContainer", "c1", NULL), NULL);
    if (meeting->exec == STATUS_OK)
        assert_int_equal(rig_wait(rig, "c1", meeting->exec_id), 5);
    else
        EXPECT_REFUSED(STATUS_NOT_FOUND, "InvalidExecId", rig_signal(rig, "c1", meeting->exec_id, 0, &err));
    meeting->n_started += meeting->exec == STATUS_OK;
    meeting->n_refused += meeting->exec != STATUS_OK;
}

static void meet(enum world_cgroups cgroups)
{
    void (*const stories[])(struct rig * rig) = {exec, pause_c1};
    struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1, .cgroups = cgroups});
    struct meeting meeting = {.wait_ns = 0};

    guest->context = &meeting;
    sim_agent_tell(guest, run_c1);
    for (int i = 0; i < STEPS; i++) {
        meeting.wait_ns = (uint64_t)i * STEP_NS;
        snprintf(meeting.exec_id, sizeof(meeting.exec_id), "e%d", i);
        sim_agent_tell_all(guest, stories, ARRAY_SIZE(stories));
        sim_agent_tell(guest, resume_c1);
    }
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
    assert_int_not_equal(meeting.n_started, 0);
}

/* Never does an exec wait for ResumeContainer: it is done before the container stands still, or refused. */
static void exec_that_meets_a_pause_is_answered_at_once(void **state UNUSED)
{
    meet(WORLD_CGROUP_V2);
    meet(WORLD_CGROUP_V1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exec_that_meets_a_pause_is_answered_at_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
