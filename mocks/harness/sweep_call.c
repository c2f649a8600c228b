/* SPDX-License-Identifier: Apache-2.0 */
/* Fault sweep of an RPC, or of a few: the guest stands before and after it. */
#include "mocks/harness/sweep_run.h"

static void act(struct rig *rig)
{
    struct sweep_run *run = sim_client_of(rig)->guest->context;

    run->err = (struct error){.errnum = 0};
    run->status = run->sweep->act(rig, &run->err);
}

static void boot(struct sweep_run *run)
{
    run->guest = sim_agent_boot(&run->sweep->setup);
    sweep_watch(run);
    if (!run->sweep->alone)
        sim_agent_tell(run->guest, rig_create_sandbox);
    sim_agent_tell(run->guest, sweep_serve);
    run->before = sim_agent_snapshot(run->guest);
}

static void shut_down(struct sweep_run *run)
{
    (void)sim_agent_stop(run->guest);
    sim_agent_free(run->guest);
    buf_done(&run->before);
}

static void judge(struct sweep_run *run, bool struck)
{
    sweep_count(run, struck);
    if (run->status == STATUS_OK)
        sweep_tell_if(run, run->sweep->done);
    else
        sweep_tell_if(run, run->status == STATUS_UNAVAILABLE ? run->sweep->lost : run->sweep->undone);
}

static void expect_clean(struct sweep_run *run)
{
    sweep_tell_if(run, run->sweep->clean);
    if (sweep_same_world(run))
        return;
    sweep_tell_if(run, run->sweep->retry);
    sweep_expect_same_world(run);
}

static void rehearse(struct sweep_run *run, uint64_t *ret_first, uint64_t *ret_n)
{
    boot(run);
    sweep_tell_if(run, run->sweep->prepare);
    *ret_first = sim_call_count(run->guest->sim);
    sim_agent_tell(run->guest, act);
    *ret_n = sim_call_count(run->guest->sim) - *ret_first;
}

static void settle(struct sweep_run *run)
{
    sim_agent_tell(run->guest, sweep_serve);
    judge(run, false);
    expect_clean(run);
    shut_down(run);
}

static bool play(struct sweep_run *run, const struct sweep_fault *fault)
{
    sweep_tell_if(run, run->sweep->prepare);
    uint64_t first = sim_call_count(run->guest->sim);
    sweep_set_fault(run, first, fault);
    sim_agent_tell(run->guest, act);
    bool struck = sweep_clear_fault(run, first);
    sim_agent_tell(run->guest, sweep_serve);
    if (!struck && run->status != STATUS_OK)
        fail_msg("without a fault: %s: %s", status_name(run->status), run->err.text);
    judge(run, struck);
    expect_clean(run);
    return struck;
}

const struct sweep_kind sweep_of_call = {rehearse, settle, boot, play, shut_down};
