/* SPDX-License-Identifier: Apache-2.0 */
/* A command that waits for a process it started: run, exec. */
#pragma once
#include "runtime-min/container/handle.h"

/* From now on signals wait in the returned descriptor instead of ending the command: before the process can be known to
 * anybody. */
int foreground_begin(void);
/* Passes them on to the handle, and makes the terminal on standard input raw for the time. Returns the exit code. */
int foreground_wait(int signal_fd, struct handle *handle, bool terminal);
