/* SPDX-License-Identifier: Apache-2.0 */
/* Fault sweeps of the agent's own start and end. A start that meets a fault either serves, or ends with a message. What then is
 * not as it is without a fault, the log tells. */
#include <linux/reboot.h>
#include <string.h>
#include <sys/wait.h>

#include "mocks/harness/sweep_run.h"

#define CHECK_TIMEOUT_MS 5000

static struct sweep_run *run_of(struct rig *rig)
{
    return sim_client_of(rig)->guest->context;
}

/* ---- what it says ---- */

static size_t count_said(const struct sweep_run *run, const char *word)
{
    _buf_ struct buf said = sim_agent_said(run->guest);
    size_t n = 0;

    for (const char *at = said.data; at && (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

static size_t count_warnings(const struct sweep_run *run)
{
    return count_said(run, "\"level\":\"WARN\"") + count_said(run, "\"level\":\"ERRO\"");
}

/* A log that can never be written is excused. */
static bool is_mute(const struct sweep_run *run)
{
    return run->for_ever && (run->wanted_call == CALL_write || run->wanted_call == CALL_poll);
}

static void expect_told(const struct sweep_run *run)
{
    if (sweep_same_world(run) || is_mute(run))
        return;
    if (count_warnings(run) <= run->n_warnings)
        sweep_expect_same_world(run);
}

/* What is there without a fault. */
static void remember(struct sweep_run *run)
{
    run->before = sim_agent_snapshot(run->guest);
    run->n_warnings = count_warnings(run);
}

static bool is_switched_off(const struct sweep_run *run)
{
    return run->guest->world->power == (int)LINUX_REBOOT_CMD_POWER_OFF;
}

static void expect_complaint(const struct sweep_run *run)
{
    int status = run->guest->agent->exit_code;

    if (!WIFEXITED(status) || WEXITSTATUS(status) == 0 || is_switched_off(run))
        fail_msg("an agent that does not come up ends with status %#x", status);
    if (!is_mute(run) && count_said(run, "tatami-agent: ") == 0)
        fail_msg("the agent ends without a message");
}

static void shut_down(struct sweep_run *run)
{
    (void)sim_agent_stop(run->guest);
    sim_agent_free(run->guest);
}

static void nothing(struct sweep_run *run)
{
    (void)run;
}

static void new_guest(struct sweep_run *run)
{
    struct sim_setup setup = run->sweep->setup;

    setup.logged = true;
    run->guest = sim_agent_boot(&setup);
    sweep_watch(run);
}

/* ---- start ---- */

static void check(struct rig *rig)
{
    struct sweep_run *run = run_of(rig);
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;

    run->err = (struct error){.errnum = 0};
    run->status = rig_call_service(rig, "grpc.Health", "Check", &request.base, CHECK_TIMEOUT_MS, NULL, &run->err);
}

static void start(struct sweep_run *run)
{
    run->status = STATUS_INTERNAL;
    error_text(&run->err, -ECHILD, "the agent ended");
    if (sim_agent_start(run->guest))
        sim_agent_tell(run->guest, check);
}

/* The calls that the harness makes to open the log and to start the agent come before. */
static uint64_t calls_before(const struct sweep_run *run)
{
    return run->sweep->setup.unbooted ? 6 : 5;
}

static void rehearse_start(struct sweep_run *run, uint64_t *ret_first, uint64_t *ret_n)
{
    new_guest(run);
    start(run);
    *ret_first = calls_before(run);
    *ret_n = sim_call_count(run->guest->sim) - calls_before(run);
}

static void settle_start(struct sweep_run *run)
{
    sim_agent_tell(run->guest, sweep_serve);
    remember(run);
    sweep_tell_if(run, run->sweep->done);
    shut_down(run);
}

static bool play_start(struct sweep_run *run, const struct sweep_fault *fault)
{
    new_guest(run);
    sweep_set_fault(run, calls_before(run), fault);
    start(run);
    bool struck = sweep_clear_fault(run, calls_before(run));
    sweep_count(run, struck);
    if (sim_agent_ended(run->guest)) {
        expect_complaint(run);
    } else {
        sim_agent_tell(run->guest, sweep_serve);
        expect_told(run);
        if (sweep_same_world(run))
            sweep_tell_if(run, run->sweep->done);
    }
    shut_down(run);
    return struck;
}

const struct sweep_kind sweep_of_start = {rehearse_start, settle_start, nothing, play_start, nothing};

/* ---- end ---- */

static void act(struct rig *rig)
{
    struct sweep_run *run = run_of(rig);

    run->err = (struct error){.errnum = 0};
    run->status = run->sweep->act(rig, &run->err);
}

static void open_end(struct sweep_run *run, uint64_t *ret_first)
{
    new_guest(run);
    sim_agent_tell(run->guest, rig_create_sandbox);
    sweep_tell_if(run, run->sweep->prepare);
    *ret_first = sim_call_count(run->guest->sim);
    run->guest->stopped = true;
}

static void end(struct sweep_run *run)
{
    run->status = STATUS_OK;
    if (run->sweep->act)
        sim_agent_tell(run->guest, act);
    if (!run->sweep->act)
        (void)sim_agent_stop(run->guest);
    else if (run->status == STATUS_OK)
        sim_agent_await_end(run->guest);
}

/* The machine is off, or PID 1 says why not; a process has ended well. */
static void expect_end(struct sweep_run *run)
{
    if (!run->guest->setup.as_init && run->guest->agent->exit_code != 0)
        fail_msg("the agent ended with status %#x", run->guest->agent->exit_code);
    if (run->guest->setup.as_init && !is_switched_off(run))
        expect_complaint(run);
    expect_told(run);
}

static void rehearse_end(struct sweep_run *run, uint64_t *ret_first, uint64_t *ret_n)
{
    open_end(run, ret_first);
    end(run);
    *ret_n = sim_call_count(run->guest->sim) - *ret_first;
}

static void settle_end(struct sweep_run *run)
{
    sim_agent_dismiss(run->guest);
    remember(run);
    expect_end(run);
    shut_down(run);
}

static bool play_end(struct sweep_run *run, const struct sweep_fault *fault)
{
    uint64_t first;

    open_end(run, &first);
    sweep_set_fault(run, first, fault);
    end(run);
    bool struck = sweep_clear_fault(run, first);
    sweep_count(run, struck);
    if (run->status != STATUS_OK && !sim_agent_ended(run->guest)) {
        run->guest->stopped = false;
        sim_agent_tell(run->guest, sweep_serve);
        run->guest->stopped = true;
        end(run);
        if (run->status != STATUS_OK)
            fail_msg("the second attempt: %s: %s", status_name(run->status), run->err.text);
    }
    sim_agent_dismiss(run->guest); /* its connections are none of the agent's remains */
    expect_end(run);
    shut_down(run);
    return struck;
}

const struct sweep_kind sweep_of_end = {rehearse_end, settle_end, nothing, play_end, nothing};
