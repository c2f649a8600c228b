/* SPDX-License-Identifier: Apache-2.0 */
/* The program around the agent, without its main(): the simulation runs it several times in one process. */
#pragma once

/* Hardens the process, boots the machine when it is PID 1, reads the configuration and serves until it is told to stop. Returns
 * the exit status: 0; 1 with the reason on standard error; 2 for a wrong command line. commit: id of the source, for --version.
 */
int agent_main(int argc, char **argv, char **envp, const char *commit);
