/* SPDX-License-Identifier: Apache-2.0 */
/* tatami-agent. */
#include "agent/guest/service.h"

int main(int argc, char **argv, char **envp)
{
    return agent_main(argc, argv, envp, TATAMI_COMMIT);
}
