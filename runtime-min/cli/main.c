/* SPDX-License-Identifier: Apache-2.0 */
/* tatami. */
#include "runtime-min/cli/cli.h"

int main(int argc, char **argv, char **envp)
{
    return cli_main(argc, argv, envp, TATAMI_COMMIT);
}
