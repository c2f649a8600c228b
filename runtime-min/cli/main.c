/* SPDX-License-Identifier: Apache-2.0 */
/* tatami. */
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/sandbox/sandbox.h"

int main(int argc, char **argv, char **envp)
{
    /* The monitor of a virtual machine is this program again (sandbox/start.c). */
    if (argc == 2 && strcmp(argv[1], "monitor") == 0)
        return sandbox_monitor_main();
    return cli_main(argc, argv, envp, TATAMI_COMMIT);
}
