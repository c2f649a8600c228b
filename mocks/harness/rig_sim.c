/* SPDX-License-Identifier: Apache-2.0 */
/* RIG_TEST() in the simulation: the same test text as in the process tier, linked with this instead of rig.c. */
#include "mocks/harness/sim_agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "sys/sys.h"

#define END_TRIES 1000
#define END_PAUSE (5 * NSEC_PER_MSEC)

/* Tests that stay with the real kernel, and why. */
static const struct {
    const char *test, *reason;
} real_only[] = {
    {"statistics_are_plausible", "a program of the mock kernel takes no time"},
};

static void skip_real_only(const char *name)
{
    FOR_ROWS (row, real_only) {
        if (strcmp(row->test, name) == 0) {
            print_message("[  SKIP    ] %s: %s\n", name, row->reason);
            skip();
        }
    }
}

static void run_once(const char *name, const char *config, enum world_cgroups cgroups, void (*body)(struct rig *rig))
{
    const struct sim_setup setup = {.test = name, .seed = 1, .config = config, .cgroups = cgroups};

    struct sim_agent *guest = sim_agent_boot(&setup);
    sim_agent_tell(guest, body);
    bool ended = guest->stopped;
    int status = sim_agent_stop(guest);
    sim_agent_free(guest);
    if (status != 0)
        fail_msg("the agent ended with status %#x instead of 0 %s", status, ended ? "by itself" : "after SIGTERM");
}

/* In a guest with either version of cgroups. */
void rig_run(void **state UNUSED, const char *name, const char *config, void (*body)(struct rig *rig))
{
    skip_real_only(name);
    run_once(name, config, WORLD_CGROUP_V2, body);
    run_once(name, config, WORLD_CGROUP_V1, body);
}

int rig_agent_exit_code(struct rig *rig)
{
    struct sim_agent *guest = sim_client_of(rig)->guest;

    guest->stopped = true;
    for (int i = 0; i < END_TRIES && !sim_agent_ended(guest); i++)
        sys_nanosleep(END_PAUSE);
    if (!sim_agent_ended(guest))
        fail_msg("the agent did not end");
    int status = guest->agent->exit_code;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
