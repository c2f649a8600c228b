/* SPDX-License-Identifier: Apache-2.0 */
/* RIG_TEST() in the simulation: the same test text as in the process tier, linked with this instead of rig.c. */
#include "mocks/harness/sim_agent.h"

void rig_run(void **state UNUSED, const char *name, const char *config, void (*body)(struct rig *rig))
{
    struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.test = name, .seed = 1, .config = config});

    sim_agent_tell(guest, body);
    int status = sim_agent_stop(guest);
    sim_agent_free(guest);
    if (status != 0)
        fail_msg("the agent ended with status %#x instead of 0 after SIGTERM", status);
}
